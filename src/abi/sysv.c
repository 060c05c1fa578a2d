/*
** sysv.c: classification of values for the System V ABI on x86-64. Called by
** signature.c; allocates nothing.
**
** The psABI's text (3.2.3) leaves corners open: bit-fields, arrays of length
** zero, members that lie unaligned. Here what GCC does is the rule, whose
** order of steps the functions follow; the generator in spec/abi/ compares.
** Clang differs in three of them; a moonpool that Clang has built follows it,
** as the system's libraries are then likely its own.
*/

#include "abi/sysv.h"

#if MP_ABI_SYSV_X64

#include "base/num.h"

#if defined(__clang__)
#define AS_CLANG 1
#else
#define AS_CLANG 0
#endif

#define WORD 64 /* bits of an eightbyte */
#define WORDS 2 /* what is larger is never taken apart */

/*
** Classes of the eightbytes that a part of a value touches, from the one where
** it begins.
*/
typedef struct Span {
  int n; /* 0: the whole value is passed in memory */
  uint8_t cls[WORDS];
} Span;

static Span sysv_span(const MpCtype *ct, size_t bit);

static Span span_of(int n, MpSysvClass first, MpSysvClass second) {
  Span s;
  s.n = n;
  s.cls[0] = (uint8_t)first;
  s.cls[1] = (uint8_t)second;
  return s;
}

/* psABI 3.2.3, "classification of aggregates", step 4: rules (a) to (f). */
static uint8_t sysv_merge(unsigned a, unsigned b) {
  if (a == b || b == MP_SYSV_NONE) return (uint8_t)a;
  if (a == MP_SYSV_NONE) return (uint8_t)b;
  if (a == MP_SYSV_MEMORY || b == MP_SYSV_MEMORY) return MP_SYSV_MEMORY;
  if (a == MP_SYSV_INTEGER || b == MP_SYSV_INTEGER) return MP_SYSV_INTEGER;
  if (a >= MP_SYSV_X87 || b >= MP_SYSV_X87) return MP_SYSV_MEMORY;
  return MP_SYSV_SSE;
}

/* Merges `part`, which begins in eightbyte `pos`, into the `words` of an aggregate. */
static void sysv_add(Span *whole, int words, Span part, size_t pos) {
  size_t i;
  for (i = 0; i < (size_t)part.n && pos + i < (size_t)words; i++) {
    whole->cls[pos + i] = sysv_merge(part.cls[i], whole->cls[pos + i]);
  }
}

/*
** A value of one register, or two (16 bytes); unaligned it makes the whole go
** to memory.
*/
static Span sysv_scalar(size_t bit, size_t bits, MpSysvClass first, MpSysvClass second) {
  if (bit % bits != 0) return span_of(0, MP_SYSV_NONE, MP_SYSV_NONE);
  return span_of(bits > WORD ? 2 : 1, first, second);
}

static Span sysv_prim(const MpCtype *ct, size_t bit) {
  size_t bits = ct->size * 8;
  switch (mp_ctype_prims[ct->prim].cls) {
    case MP_CLASS_FLOAT:
    case MP_CLASS_DECIMAL:
      if (ct->prim == MP_PRIM_LDOUBLE || ct->prim == MP_PRIM_FLOAT64X) {
        return sysv_scalar(bit, bits, MP_SYSV_X87, MP_SYSV_X87UP);
      }
      return sysv_scalar(bit, bits, MP_SYSV_SSE, MP_SYSV_SSEUP);
    default: return sysv_scalar(bit, bits, MP_SYSV_INTEGER, MP_SYSV_INTEGER);
  }
}

/*
** Each part of a complex number is aligned and classified for itself, but for
** that of long double. One that begins inside an eightbyte counts as reaching
** into the next (GCC: so for complex _Float16 too, which doesn't).
*/
static Span sysv_complex(const MpCtype *ct, size_t bit) {
  size_t half = ct->size * 4;
  MpSysvClass cls = mp_ctype_is_integer(ct->item) ? MP_SYSV_INTEGER : MP_SYSV_SSE;
  if (ct->size > 16) {
    bool x87 = ct->item->prim == MP_PRIM_LDOUBLE || ct->item->prim == MP_PRIM_FLOAT64X;
    return span_of(x87, MP_SYSV_COMPLEX_X87, MP_SYSV_NONE);
  }
  if (bit % half != 0) return span_of(0, MP_SYSV_NONE, MP_SYSV_NONE);
  return span_of(ct->size > 8 || bit % WORD != 0 ? 2 : 1, cls, cls);
}

/* Vectors of 8 and 16 bytes are SSE; GCC passes smaller ones of integers as integers. */
static Span sysv_vector(const MpCtype *ct, size_t bit) {
  bool integers = mp_ctype_is_integer(ct->item);
  if (ct->size > 16) return span_of(0, MP_SYSV_NONE, MP_SYSV_NONE);
  return sysv_scalar(bit, ct->size * 8, ct->size < 8 && integers ? MP_SYSV_INTEGER : MP_SYSV_SSE,
                     MP_SYSV_SSEUP);
}

/*
** The smallest integer mode that holds a bit-field: what GCC gives a union's
** bit-field.
*/
static Span sysv_unionbits(const MpField *f, size_t bit) {
  size_t bits = 8;
  while (bits < f->bit_width) bits *= 2;
  return sysv_scalar(bit, bits, MP_SYSV_INTEGER, MP_SYSV_INTEGER);
}

/* A bit-field makes each eightbyte that it touches INTEGER; it's never unaligned. */
static void sysv_structbits(Span *whole, int words, const MpField *f, size_t bit) {
  size_t from = f->offset * 8 + f->bit_start + bit % WORD;
  size_t word = from / WORD, end = (from + f->bit_width + WORD - 1) / WORD;
  for (; word < end; word++)
    sysv_add(whole, words, span_of(1, MP_SYSV_INTEGER, MP_SYSV_NONE), word);
}

/* One member into the classes of its record; false: the record goes to memory. */
static bool sysv_member(Span *whole, int words, const MpCtype *record, const MpField *f,
                        size_t bit) {
  Span part;
  size_t at = f->offset * 8;
  if (f->is_bits && (f->bit_width == 0 || (AS_CLANG && f->name == NULL))) return true;
  if (f->is_bits && record->kind == MP_KIND_STRUCT) {
    sysv_structbits(whole, words, f, bit);
    return true;
  }
  if (f->type->kind == MP_KIND_ARRAY && f->type->length == MP_LENGTH_OPEN) return !AS_CLANG;
  if (AS_CLANG && f->type->size == 0) return true;
  part = f->is_bits ? sysv_unionbits(f, bit) : sysv_span(f->type, at + bit);
  if (part.n == 0) return false;
  sysv_add(whole, words, part, (at + bit % WORD) / WORD);
  return true;
}

static bool sysv_members(Span *whole, int words, const MpCtype *ct, size_t bit) {
  const MpRecord *r = ct->u.record;
  uint32_t i;
  for (i = 0; i < r->nfields; i++) {
    if (!sysv_member(whole, words, ct, &r->fields[i], bit)) return false;
  }
  return true;
}

/*
** GCC looks at the first element alone and repeats its classes; so an array of
** length zero inside an eightbyte counts as one element.
*/
static bool sysv_elements(Span *whole, int words, const MpCtype *ct, size_t bit) {
  Span item = sysv_span(ct->item, bit);
  int i;
  if (AS_CLANG && ct->size == 0) return true;
  if (item.n == 0) return false;
  for (i = 0; i < words; i++) whole->cls[i] = item.cls[i % item.n];
  return true;
}

/* psABI 3.2.3, step 5: what became of the whole decides over its eightbytes. */
static bool sysv_cleanup(Span *whole, int words) {
  int i;
  for (i = 0; i < words; i++) {
    unsigned before = i > 0 ? whole->cls[i - 1] : MP_SYSV_NONE;
    if (whole->cls[i] == MP_SYSV_MEMORY) return false;
    if (whole->cls[i] == MP_SYSV_X87UP && before != MP_SYSV_X87) return false;
    if (whole->cls[i] == MP_SYSV_SSEUP && before != MP_SYSV_SSE) whole->cls[i] = MP_SYSV_SSE;
  }
  return true;
}

static Span sysv_aggregate(const MpCtype *ct, size_t bit) {
  Span whole = span_of(0, MP_SYSV_NONE, MP_SYSV_NONE);
  size_t words = (ct->size + bit % WORD / 8 + 7) / 8;
  bool fits;
  if (words > WORDS) return whole;
  if (words == 0) return span_of(1, MP_SYSV_NONE, MP_SYSV_NONE);
  fits = ct->kind == MP_KIND_ARRAY ? sysv_elements(&whole, (int)words, ct, bit)
                                   : sysv_members(&whole, (int)words, ct, bit);
  if (fits && sysv_cleanup(&whole, (int)words)) whole.n = (int)words;
  return whole;
}

/* Classes of `ct` where it begins at bit `bit` of the value that is passed. */
static Span sysv_span(const MpCtype *ct, size_t bit) {
  switch (ct->kind) {
    case MP_KIND_PRIM:
    case MP_KIND_ENUM: return sysv_prim(ct, bit);
    case MP_KIND_POINTER: return sysv_scalar(bit, WORD, MP_SYSV_INTEGER, MP_SYSV_NONE);
    case MP_KIND_COMPLEX: return sysv_complex(ct, bit);
    case MP_KIND_VECTOR: return sysv_vector(ct, bit);
    case MP_KIND_BITINT: /* above 64 bits as an array of such (psABI 3.1.2) */
      if (ct->size > 16) return span_of(0, MP_SYSV_NONE, MP_SYSV_NONE);
      if (ct->size > 8) return span_of(2, MP_SYSV_INTEGER, MP_SYSV_INTEGER);
      return sysv_scalar(bit, ct->size * 8, MP_SYSV_INTEGER, MP_SYSV_NONE);
    default: return sysv_aggregate(ct, bit);
  }
}

/*
** Is there a vector wider than 16 bytes that could make the whole one a
** register's: a value of just that size?
*/
static bool sysv_is_wide(const MpCtype *ct, size_t whole) {
  uint32_t i;
  if (ct->size != whole) return false;
  if (ct->kind == MP_KIND_VECTOR) return true;
  if (ct->kind == MP_KIND_ARRAY) return ct->length == 1 && sysv_is_wide(ct->item, whole);
  if (!mp_ctype_is_record(ct)) return false;
  for (i = 0; i < ct->u.record->nfields; i++) {
    if (sysv_is_wide(ct->u.record->fields[i].type, whole)) return true;
  }
  return false;
}

MpSysvClasses mp_sysv_classify(const MpCtype *ct) {
  MpSysvClasses c = {0, {MP_SYSV_NONE, MP_SYSV_NONE}, false};
  Span s;
  if (ct->size == 0) return c;
  c.by_flags = ct->size > 16 && sysv_is_wide(ct, ct->size);
  s = sysv_span(ct, 0);
  c.n = (uint8_t)(s.n ? s.n : 1);
  c.cls[0] = s.n ? s.cls[0] : MP_SYSV_MEMORY;
  c.cls[1] = s.n > 1 ? s.cls[1] : MP_SYSV_NONE;
  return c;
}

bool mp_sysv_is_nothing(const MpCtype *ct) {
  uint32_t i;
  if (ct->kind == MP_KIND_ARRAY) return ct->size == 0 || mp_sysv_is_nothing(ct->item);
  if (!mp_ctype_is_record(ct)) return false;
  for (i = 0; i < ct->u.record->nfields; i++) {
    const MpField *f = &ct->u.record->fields[i];
    if (f->is_bits ? f->name != NULL : !mp_sysv_is_nothing(f->type)) return false;
  }
  return true;
}

size_t mp_sysv_stackalign(const MpCtype *ct) {
  size_t align = ct->plain != NULL ? ct->plain->align : ct->align;
  return align < 8 ? 8 : align;
}

#endif
