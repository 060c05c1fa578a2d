-- Declarations of spec/support/fixtures/passing.c for the specs of this folder.

return [[
_Bool passing_bool(_Bool); char passing_char(char); signed char passing_schar(signed char);
unsigned char passing_uchar(unsigned char); short passing_short(short);
unsigned short passing_ushort(unsigned short); int passing_int(int); unsigned passing_uint(unsigned);
long passing_long(long); unsigned long passing_ulong(unsigned long); __int128 passing_int128(__int128);
float passing_float(float); double passing_double(double); long double passing_ldouble(long double);
float _Complex passing_cfloat(float _Complex); double _Complex passing_cdouble(double _Complex);
long double _Complex passing_cldouble(long double _Complex); void *passing_pointer(void *);
long passing_spilled(long, long, long, long, long, long, signed char, unsigned char, short,
                     unsigned short, _Bool);
long passing_longs6(long, long, long, long, long, long);
long passing_longs8(long, long, long, long, long, long, long, long);
double passing_doubles8(double, double, double, double, double, double, double, double);
double passing_doubles9(double, double, double, double, double, double, double, double, double);
double passing_mixed(int, double, int, float, long, double, char, float);
struct passing_both { long i; double d; };
double passing_both6(double, long, long, long, long, long, struct passing_both);
double passing_both7(double, long, long, long, long, long, long, struct passing_both, double);
struct passing_both passing_makeboth(long i, double d);
union passing_number { int i; float f; };
union passing_number passing_number(union passing_number u);
struct __attribute__((packed)) passing_packed { char c; double d; };
struct passing_packed passing_packed(struct passing_packed s);
struct passing_bits { float f; int : 8; int b : 24; };
struct passing_bits passing_bits(struct passing_bits s);
struct passing_hole { float f; int none[0]; };
struct passing_hole passing_hole(struct passing_hole s);
struct passing_empty {};
int passing_empty(struct passing_empty e, int a, struct passing_empty f, int b);
struct passing_empty passing_makeempty(int *seen);
struct passing_x87 { long double x; };
struct passing_x87 passing_x87(struct passing_x87 s);
struct passing_padded { char c; } __attribute__((aligned(16)));
struct passing_padded passing_padded(struct passing_padded s, long *second, long x);
struct passing_big { long a[20]; };
struct passing_big passing_big(struct passing_big s, int factor);
struct passing_strict { double d[4]; } __attribute__((aligned(64)));
struct passing_strict passing_makestrict(double x);
int passing_isaligned(const struct passing_strict *p);
double passing_sum(int n, ...);
int passing_call(union passing_number (*f)(union passing_number, struct passing_packed, signed char, _Bool));
signed char passing_callsmall(signed char (*f)(short), short x);
long passing_calllong(long (*f)(long), long x);
struct passing_both passing_callboth(struct passing_both (*f)(struct passing_both));
struct passing_big passing_callbig(struct passing_big (*f)(int));
int passing_null;
]]
