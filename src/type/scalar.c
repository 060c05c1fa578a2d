/*
** scalar.c: scalars in memory, at any alignment. Called by conversions,
** which hold the memory; nothing is owned here.
*/

#include "type/scalar.h"

#include <math.h>
#include <string.h>

/* {===== integers ===== */

/* `n` bytes (at most 16) as an unsigned number, in the machine's byte order. */
static MpUint128 bytes_load(const void *at, size_t n) {
  MpUint128 u = 0;
  memcpy((char *)&u + (MP_BIG_ENDIAN ? sizeof u - n : 0), at, n);
  return u;
}

static void bytes_store(void *at, size_t n, MpUint128 u) {
  memcpy(at, (const char *)&u + (MP_BIG_ENDIAN ? sizeof u - n : 0), n);
}

/* The low `bits` of u, as a two's complement number when `is_signed`. */
static MpInt128 bits_extend(MpUint128 u, unsigned bits, bool is_signed) {
  unsigned rest = 128 - bits;
  if (bits >= 128) return (MpInt128)u;
  u <<= rest;
  return is_signed ? (MpInt128)u >> rest : (MpInt128)(u >> rest);
}

static size_t scalar_bytes(const MpCtype *ct) { return ct->size > 16 ? 16 : ct->size; }

MpInt128 mp_scalar_loadint(const MpCtype *ct, const void *at) {
  MpUint128 u = bytes_load(at, scalar_bytes(ct));
  if (mp_ctype_is_prim(ct, MP_PRIM_BOOL)) return u != 0;
  return bits_extend(u, mp_ctype_bits(ct) > 128 ? 128 : mp_ctype_bits(ct),
                     !mp_ctype_is_unsigned(ct));
}

void mp_scalar_storeint(const MpCtype *ct, void *at, MpInt128 value) {
  if (mp_ctype_is_prim(ct, MP_PRIM_BOOL)) value = value != 0;
  if (ct->kind == MP_KIND_BITINT) {
    if (ct->size > 16) memset((char *)at + 16, value < 0 ? 0xff : 0, ct->size - 16);
    if (ct->length < 128)
      value = bits_extend((MpUint128)value, (unsigned)ct->length, !mp_ctype_is_unsigned(ct));
  }
  bytes_store(at, scalar_bytes(ct), (MpUint128)value);
}

static void range_of(unsigned bits, bool is_unsigned, MpInt128 *least, MpInt128 *greatest) {
  MpUint128 all = bits >= 128 ? ~(MpUint128)0 : ((MpUint128)1 << bits) - 1;
  *least = is_unsigned ? 0 : -(MpInt128)(all >> 1) - 1;
  *greatest = (MpInt128)(is_unsigned ? all : all >> 1);
}

bool mp_scalar_fits(const MpCtype *ct, MpInt128 value) {
  MpInt128 least, greatest;
  range_of(mp_ctype_bits(ct), mp_ctype_is_unsigned(ct), &least, &greatest);
  if (least == 0 && greatest < 0) return value >= 0; /* 128 bits, unsigned */
  return value >= least && value <= greatest;
}

/* }===== */

/* {===== floating point ===== */

/* An IEEE 754 interchange format (or one of its shape): widths of its parts. */
typedef struct FloatFormat {
  int exponent, fraction;
} FloatFormat;

static const FloatFormat format_half = {5, 10}, format_brain = {8, 7}, format_quad = {15, 112};

static long double format_decode(const FloatFormat *f, MpUint128 u) {
  int bias = (1 << (f->exponent - 1)) - 1;
  int e = (int)(u >> f->fraction) & ((1 << f->exponent) - 1);
  MpUint128 m = u & (((MpUint128)1 << f->fraction) - 1);
  bool negative = (u >> (f->exponent + f->fraction)) & 1;
  long double v;
  if (e == (1 << f->exponent) - 1)
    v = m ? (long double)NAN : (long double)INFINITY;
  else if (e == 0)
    v = ldexpl((long double)m, 1 - bias - f->fraction);
  else
    v = ldexpl((long double)(m | ((MpUint128)1 << f->fraction)), e - bias - f->fraction);
  return negative ? -v : v;
}

/* Rounds to nearest, ties to even; beyond the range to infinity. */
static MpUint128 format_encode(const FloatFormat *f, long double v) {
  int bias = (1 << (f->exponent - 1)) - 1, top = (1 << f->exponent) - 1, e;
  MpUint128 sign = (MpUint128)(signbit(v) != 0) << (f->exponent + f->fraction);
  MpUint128 infinity = (MpUint128)top << f->fraction, m;
  if (v != v) return sign | infinity | ((MpUint128)1 << (f->fraction - 1));
  v = fabsl(v);
  if (!mp_scalar_isfinite(v)) return sign | infinity;
  if (v == 0) return sign;
  (void)frexpl(v, &e);
  e += bias - 1;    /* the biased exponent of v = 1.f × 2^(e - bias) */
  if (e < 1) e = 1; /* subnormals share the least one */
  m = (MpUint128)rintl(ldexpl(v, f->fraction - (e - bias)));
  if (m >> (f->fraction + 1)) m >>= 1, e++; /* rounded up to the next power of two */
  if (!(m >> f->fraction)) return sign | m; /* subnormal */
  if (e >= top) return sign | infinity;
  return sign | ((MpUint128)e << f->fraction) | (m & (((MpUint128)1 << f->fraction) - 1));
}

static const FloatFormat *prim_format(unsigned prim) {
  switch (prim) {
    case MP_PRIM_FLOAT16: return &format_half;
    case MP_PRIM_BFLOAT16: return &format_brain;
    case MP_PRIM_FLOAT128: return &format_quad;
    default: return NULL;
  }
}

long double mp_scalar_loadfloat(const MpCtype *ct, const void *at) {
  const FloatFormat *f = prim_format(ct->prim);
  if (f != NULL) return format_decode(f, bytes_load(at, ct->size));
  if (ct->size == sizeof(float)) {
    float v;
    memcpy(&v, at, sizeof v);
    return (long double)v;
  }
  if (ct->size == sizeof(double)) {
    double v;
    memcpy(&v, at, sizeof v);
    return (long double)v;
  } else {
    long double v;
    memcpy(&v, at, sizeof v);
    return v;
  }
}

void mp_scalar_storefloat(const MpCtype *ct, void *at, long double value) {
  const FloatFormat *f = prim_format(ct->prim);
  if (f != NULL) {
    bytes_store(at, ct->size, format_encode(f, value));
  } else if (ct->size == sizeof(float)) {
    float v = (float)value;
    memcpy(at, &v, sizeof v);
  } else if (ct->size == sizeof(double)) {
    double v = (double)value;
    memcpy(at, &v, sizeof v);
  } else {
    memset(at, 0, ct->size); /* x87: ten bytes of sixteen */
    memcpy(at, &value, MP_ABI_SYSV_X64 ? 10 : sizeof value);
  }
}

/* }===== */

/* {===== bit-fields ===== */

/* Bytes that the field touches, from its unit's start: never outside the record. */
static size_t bits_span(const MpField *f) { return ((size_t)f->bit_start + f->bit_width + 7) / 8; }

/*
** The bytes of the span as one number, the field's first bit at `shift`. A
** packed field of 128 bits may span 17 bytes: then the first is taken apart.
*/
MpInt128 mp_scalar_loadbits(const MpField *f, const void *at) {
  size_t span = bits_span(f);
  MpUint128 u = bytes_load(at, span > 16 ? 16 : span) >> f->bit_start;
  if (span > 16) u |= (MpUint128)((const unsigned char *)at)[16] << (128 - f->bit_start);
  if (mp_ctype_is_prim(f->type, MP_PRIM_BOOL)) return (u & 1) != 0;
  return bits_extend(u, f->bit_width, !mp_ctype_is_unsigned(f->type));
}

void mp_scalar_storebits(const MpField *f, void *at, MpInt128 value) {
  size_t span = bits_span(f), low = span > 16 ? 16 : span;
  MpUint128 mask = f->bit_width >= 128 ? ~(MpUint128)0 : ((MpUint128)1 << f->bit_width) - 1;
  MpUint128 v = (MpUint128)value & mask;
  MpUint128 u = bytes_load(at, low);
  u = (u & ~(mask << f->bit_start)) | (v << f->bit_start);
  bytes_store(at, low, u);
  if (span > 16) {
    unsigned char *last = (unsigned char *)at + 16;
    unsigned up = 128u - f->bit_start;
    *last = (unsigned char)((*last & ~(unsigned char)(mask >> up)) | (unsigned char)(v >> up));
  }
}

void mp_scalar_bitrange(const MpField *f, MpInt128 *least, MpInt128 *greatest) {
  range_of(f->bit_width, mp_ctype_is_unsigned(f->type), least, greatest);
}

/* }===== */
