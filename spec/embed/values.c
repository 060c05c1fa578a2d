/* values.c: values of every type, both ways, and structs that host and script share. */

#include "host.h"

#include <limits.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <wchar.h>

struct point {
  int x, y;
};

#define POINT_CDEF "struct point { int x, y; };"

static void test_shared_struct(lua_State *L) {
  struct point p = {1, 2};
  PUSHES(L, 0, moonpool_cdef(L, POINT_CDEF));
  PUSHES(L, 1, moonpool_push(L, "struct point *", &p));
  lua_setglobal(L, "p");
  RUN(L, 1, "p.x = p.x + 41; p.y = -p.y; return tostring(p):match 'struct point %*' ~= nil");
  CHECK(lua_toboolean(L, -1));
  lua_pop(L, 1);
  CHECK(p.x == 42 && p.y == -2);
  p.x = 7;
  RUN(L, 1, "return p.x + p[0].y");
  CHECK(lua_tointeger(L, -1) == 5);
  lua_pop(L, 1);
}

static void test_push_of_null_is_nil(lua_State *L) {
  PUSHES(L, 1, moonpool_push(L, "int *", NULL));
  PUSHES(L, 1, moonpool_pushblock(L, "int *", NULL, 4, NULL, NULL));
  PUSHES(L, 1, moonpool_pushfunction(L, "int(int)", NULL));
  CHECK(lua_isnil(L, 1) && lua_isnil(L, 2) && lua_isnil(L, 3));
  lua_settop(L, 0);
}

static void test_aggregates_as_views(lua_State *L) {
  struct point p = {3, 4};
  int a[3] = {1, 2, 3};
  moonpool_cdef(L, POINT_CDEF);
  PUSHES(L, 1, moonpool_push(L, "struct point", &p));
  lua_setglobal(L, "p");
  PUSHES(L, 1, moonpool_push(L, "int[3]", a));
  lua_setglobal(L, "a");
  RUN(L, 0, "p.x = p.x + 10; a[2] = #a * 100; assert(ffi.sizeof(a) == 12)");
  CHECK(p.x == 13 && a[2] == 300);
  RAISES(L, "a[3] = 1", "index too large");
}

static void test_const_is_kept(lua_State *L) {
  struct point p = {3, 4};
  moonpool_cdef(L, POINT_CDEF);
  moonpool_push(L, "const struct point *", &p);
  lua_setglobal(L, "p");
  RUN(L, 0, "assert(p.x == 3)");
  RAISES(L, "p.x = 4", "const");
  CHECK(p.x == 3);
}

static void test_pushnew(lua_State *L) {
  struct point *p;
  int *a;
  moonpool_cdef(L, POINT_CDEF);
  PUSHES(L, 1, p = (struct point *)moonpool_pushnew(L, "struct point *"));
  CHECK(p->x == 0 && p->y == 0);
  p->x = 9;
  lua_setglobal(L, "p");
  PUSHES(L, 1, a = (int *)moonpool_pushnew(L, "int[1000]"));
  a[999] = 5;
  lua_setglobal(L, "a");
  collect(L);
  RUN(L, 0, "assert(p.x == 9 and a[999] == 5 and a[0] == 0 and #a == 1000); p.y = 8");
  CHECK(p->y == 8);
}

static void test_load_copies_aggregates(lua_State *L) {
  struct point p = {3, 4};
  moonpool_cdef(L, POINT_CDEF);
  PUSHES(L, 1, moonpool_load(L, "struct point", &p));
  lua_setglobal(L, "p");
  RUN(L, 0, "assert(p.x == 3 and p.y == 4); p.x = 5");
  CHECK(p.x == 3);
}

static void test_store_of_aggregates(lua_State *L) {
  struct point p = {3, 4}, q[2] = {{0, 0}, {0, 0}};
  moonpool_cdef(L, POINT_CDEF);
  RUN(L, 1, "return {y = 6}");
  PUSHES(L, 0, moonpool_store(L, -1, "struct point", &p));
  CHECK(p.x == 3 && p.y == 6); /* what the table doesn't name stays */
  lua_pop(L, 1);
  RUN(L, 1, "return ffi.new('struct point *', {7, 8})[0]");
  PUSHES(L, 0, moonpool_store(L, 1, "struct point", &p));
  CHECK(p.x == 7 && p.y == 8);
  lua_pop(L, 1);
  RUN(L, 1, "return {{1, 2}, {x = 3}}");
  PUSHES(L, 0, moonpool_store(L, -1, "struct point[2]", q));
  CHECK(q[0].x == 1 && q[0].y == 2 && q[1].x == 3);
  lua_pop(L, 1);
}

/* {===== every type ===== */

/*
** The value of each type, by its C text, to Lua and back: all bytes that count
** are as they were. `size` is how many do.
*/
static void turn(lua_State *L, const char *type, const void *value, size_t size, int line) {
  unsigned char back[64];
  memset(back, 0xA5, sizeof back);
  CHECK(size <= sizeof back);
  PUSHES(L, 1, moonpool_load(L, type, value));
  PUSHES(L, 0, moonpool_store(L, -1, type, back));
  if (memcmp(back, value, size) != 0) {
    fprintf(stderr, "line %d: %s came back as another value: %s\n", line, type,
            luaL_tolstring(L, -1, NULL));
    exit(1);
  }
  lua_pop(L, 1);
}

#define TURN(L, ctype, text, ...)                             \
  do {                                                        \
    const ctype values_[] = {__VA_ARGS__};                    \
    size_t i_;                                                \
    for (i_ = 0; i_ < sizeof values_ / sizeof *values_; i_++) \
      turn(L, text, &values_[i_], sizeof(ctype), __LINE__);   \
  } while (0)

static void test_integers_both_ways(lua_State *L) {
  TURN(L, char, "char", 0, 'a', CHAR_MIN, CHAR_MAX);
  TURN(L, signed char, "signed char", 0, SCHAR_MIN, SCHAR_MAX);
  TURN(L, unsigned char, "unsigned char", 0, UCHAR_MAX);
  TURN(L, short, "short", 0, SHRT_MIN, SHRT_MAX);
  TURN(L, unsigned short, "unsigned short", 0, USHRT_MAX);
  TURN(L, int, "int", 0, -1, INT_MIN, INT_MAX);
  TURN(L, unsigned, "unsigned", 0, UINT_MAX);
  TURN(L, long, "long", 0, LONG_MIN, LONG_MAX);
  TURN(L, unsigned long, "unsigned long", 0, LONG_MAX, ULONG_MAX);
  TURN(L, long long, "long long", 0, LLONG_MIN, LLONG_MAX);
  TURN(L, unsigned long long, "unsigned long long", 0, ULLONG_MAX);
  TURN(L, int8_t, "int8_t", INT8_MIN, INT8_MAX);
  TURN(L, uint8_t, "uint8_t", 0, UINT8_MAX);
  TURN(L, int16_t, "int16_t", INT16_MIN, INT16_MAX);
  TURN(L, uint16_t, "uint16_t", 0, UINT16_MAX);
  TURN(L, int32_t, "int32_t", INT32_MIN, INT32_MAX);
  TURN(L, uint32_t, "uint32_t", 0, UINT32_MAX);
  TURN(L, int64_t, "int64_t", INT64_MIN, INT64_MAX);
  TURN(L, uint64_t, "uint64_t", 0, INT64_MAX, UINT64_MAX);
  TURN(L, size_t, "size_t", 0, SIZE_MAX);
  TURN(L, ptrdiff_t, "ptrdiff_t", PTRDIFF_MIN, PTRDIFF_MAX);
  TURN(L, intptr_t, "intptr_t", INTPTR_MIN, INTPTR_MAX);
  TURN(L, uintptr_t, "uintptr_t", 0, UINTPTR_MAX);
  TURN(L, wchar_t, "wchar_t", 0, L'x', WCHAR_MAX);
  TURN(L, uint16_t, "char16_t", 0, UINT16_MAX);
  TURN(L, uint32_t, "char32_t", 0, 0x10FFFF);
  TURN(L, _Bool, "_Bool", 0, 1);
  TURN(L, _Bool, "bool", 0, 1);
  TURN(L, __int128, "__int128", 0, -1, (__int128)INT64_MIN - 1, (__int128)1 << 100,
       (__int128)((unsigned __int128)1 << 127));
  TURN(L, unsigned __int128, "unsigned __int128", 0, (unsigned __int128)UINT64_MAX + 1,
       ~(unsigned __int128)0);
}

static void test_floats_both_ways(lua_State *L) {
  static const long double exact[] = {0, 1.5L, LDBL_MAX, LDBL_MIN, 1.0L / 3, -INFINITY};
  size_t i;
  TURN(L, float, "float", 0, -0.0f, 0.1f, FLT_MAX, FLT_MIN, FLT_TRUE_MIN, INFINITY, -INFINITY, NAN);
  TURN(L, double, "double", 0, -0.0, 0.1, DBL_MAX, DBL_MIN, DBL_TRUE_MIN, INFINITY, NAN);
  TURN(L, _Float32, "_Float32", 0.25f32, FLT_MAX);
  TURN(L, _Float64, "_Float64", 0.1f64, DBL_MAX);
  TURN(L, __float128, "__float128", 0, 0.1Q, 1e4000Q);
  for (i = 0; i < sizeof exact / sizeof *exact; i++) /* x87's padding doesn't count */
    turn(L, "long double", &exact[i], LDBL_MANT_DIG == 64 ? 10 : sizeof(long double), __LINE__);
}

static void test_complex_both_ways(lua_State *L) {
  TURN(L, float _Complex, "float _Complex", 1.5f, 1.5f - 2i);
  TURN(L, double _Complex, "double _Complex", 0, 0.1 + 0.2i, DBL_MAX);
}

enum color { RED, GREEN = -5, BLUE = 70000 };

static void test_enums_both_ways(lua_State *L) {
  enum color c;
  moonpool_cdef(L, "enum color { RED, GREEN = -5, BLUE = 70000 };");
  TURN(L, enum color, "enum color", RED, GREEN, BLUE);
  moonpool_load(L, "enum color", &(enum color){BLUE});
  CHECK(lua_tointeger(L, -1) == 70000);
  lua_pushliteral(L, "GREEN");
  moonpool_store(L, -1, "enum color", &c);
  CHECK(c == GREEN);
  lua_pop(L, 2);
}

static void test_pointers_both_ways(lua_State *L) {
  static int x;
  TURN(L, void *, "void *", NULL, &x);
  TURN(L, int *, "int *", NULL, &x);
  TURN(L, const char *, "const char *", NULL, "text");
  TURN(L, int **, "int **", NULL);
  typedef int (*function)(const char *);
  TURN(L, function, "int (*)(const char *)", NULL, puts);
}

struct all {
  char c;
  unsigned bits : 5;
  signed more : 3;
  double d;
  union {
    int i;
    float f;
  } u;
  short a[3];
  const char *s;
  struct {
    int64_t deep;
  };
};

#define ALL_CDEF                                                       \
  "struct all { char c; unsigned bits : 5; signed more : 3; double d;" \
  " union { int i; float f; } u; short a[3]; const char *s; struct { int64_t deep; }; };"

static void test_structs_both_ways(lua_State *L) {
  struct all s, back;
  memset(&s, 0, sizeof s);
  s.c = 'c';
  s.bits = 31;
  s.more = -4;
  s.d = 0.1;
  s.u.i = -1;
  s.a[0] = SHRT_MIN;
  s.a[2] = SHRT_MAX;
  s.s = "text";
  s.deep = INT64_MIN;
  moonpool_cdef(L, ALL_CDEF);
  moonpool_load(L, "struct all", &s);
  moonpool_store(L, -1, "struct all", &back);
  CHECK(memcmp(&s, &back, sizeof s) == 0);
  lua_setglobal(L, "s");
  RUN(L, 0,
      "assert(s.c == 'c' and s.bits == 31 and s.more == -4 and s.u.i == -1 and s.deep == "
      "math.mininteger)"
      "assert(s.a[0] == -32768 and s.a[2] == 32767 and ffi.string(s.s) == 'text')");
}

static void test_vectors_and_arrays_both_ways(lua_State *L) {
  typedef int four __attribute__((vector_size(16)));
  static const int a[2][2] = {{1, INT_MIN}, {INT_MAX, 4}};
  moonpool_cdef(L, "typedef int four __attribute__((vector_size(16)));");
  TURN(L, four, "four", {1, -2, INT_MAX, INT_MIN});
  turn(L, "int[2][2]", a, sizeof a, __LINE__);
  turn(L, "char[5]", "abcd", 5, __LINE__);
}

static void test_typedefs_are_their_types(lua_State *L) {
  int x = 0;
  moonpool_cdef(L, "typedef int money; typedef struct { money m; } purse;");
  lua_pushinteger(L, 12);
  moonpool_store(L, -1, "money", &x);
  CHECK(x == 12);
  moonpool_push(L, "purse *", &x);
  lua_setglobal(L, "purse");
  RUN(L, 0, "purse.m = purse.m + 1");
  CHECK(x == 13);
  lua_pop(L, 1);
}

/* }===== */

static void test_types_are_looked_up_again_after_a_cdef(lua_State *L) {
  int x = 3;
  moonpool_cdef(L, "typedef int later;");
  moonpool_load(L, "later", &x);
  moonpool_cdef(L, "struct s { later l; };");
  moonpool_load(L, "later", &x);
  CHECK(lua_tointeger(L, 1) == 3 && lua_tointeger(L, 2) == 3);
  lua_settop(L, 0);
}

static void test_modules_without_files(lua_State *L) {
  RUN(L, 0,
      "package.path, package.cpath = '', ''\n"
      "assert(require 'moonpool' == ffi)\n"
      "package.loaded.moonpool = nil\n"
      "assert(require 'moonpool' == ffi and require 'moonpool.core' == ffi)\n"
      "assert(require 'moonpool.mem'.RAW == 0)");
  PUSHES(L, 1, luaL_requiref(L, "another", luaopen_moonpool_mem, 0));
  lua_setglobal(L, "mem");
  RUN(L, 0, "assert(mem.OBJ == 2)");
}

static void test_version(lua_State *L) {
  lua_pushstring(L, moonpool_version());
  lua_setglobal(L, "version");
  RUN(L, 0, "assert(version == ffi.version and version:match '^%d+%.%d+%.%d+')");
}

static const HostTest tests[] = {
    {"a struct is shared by host and script", test_shared_struct},
    {"NULL is pushed as nil", test_push_of_null_is_nil},
    {"structs and arrays are pushed as what they are", test_aggregates_as_views},
    {"const is kept", test_const_is_kept},
    {"pushnew gives zeroed memory that Lua owns", test_pushnew},
    {"load copies structs", test_load_copies_aggregates},
    {"store fills structs and arrays", test_store_of_aggregates},
    {"integers go both ways", test_integers_both_ways},
    {"floating types go both ways", test_floats_both_ways},
    {"complex numbers go both ways", test_complex_both_ways},
    {"enums go both ways", test_enums_both_ways},
    {"pointers go both ways", test_pointers_both_ways},
    {"structs go both ways", test_structs_both_ways},
    {"vectors and arrays go both ways", test_vectors_and_arrays_both_ways},
    {"typedefs are their types", test_typedefs_are_their_types},
    {"type texts are looked up again after a cdef", test_types_are_looked_up_again_after_a_cdef},
    {"modules need no files", test_modules_without_files},
    {"the version is the module's", test_version},
    {NULL, NULL}};

int main(int argc, char **argv) { return host_main(argc, argv, tests); }
