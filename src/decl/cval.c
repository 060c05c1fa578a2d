/*
** cval.c: arithmetic of constant expressions in C's types. Called by cexpr,
** which knows the grammar; values are plain records that own nothing.
**
** Integers are computed in 128 bits and cut to their type, which is exact for
** + - * and the bit operations (C11 6.2.5p9); floats in their own type.
*/

#include "decl/cval.h"

#include "decl/lex.h"
#include "type/scalar.h"

/* {===== types ===== */

bool mp_cval_is_arithmetic(const MpCtype *ct) {
  return mp_ctype_is_integer(ct) || mp_ctype_is_float(ct) || ct->kind == MP_KIND_COMPLEX ||
         ct->kind == MP_KIND_PRIM;
}

/* Conversion rank of a promoted integer (C11 6.3.1.1p1). */
static int cval_rank(const MpCtype *ct) {
  switch (ct->prim) {
    case MP_PRIM_LONG:
    case MP_PRIM_ULONG: return 2;
    case MP_PRIM_LLONG:
    case MP_PRIM_ULLONG: return 3;
    case MP_PRIM_INT128:
    case MP_PRIM_UINT128: return 4;
    default: return 1;
  }
}

static int cval_float_rank(const MpCtype *ct) {
  switch (ct->prim) {
    case MP_PRIM_FLOAT16:
    case MP_PRIM_BFLOAT16: return 1;
    case MP_PRIM_FLOAT: return 2;
    case MP_PRIM_FLOAT32: return 3;
    case MP_PRIM_DOUBLE: return 4;
    case MP_PRIM_FLOAT32X: return 5;
    case MP_PRIM_FLOAT64: return 6;
    case MP_PRIM_LDOUBLE: return 7;
    case MP_PRIM_FLOAT64X: return 8;
    default: return 9;
  }
}

/* Integer promotion (C11 6.3.1.1p2). */
static const MpCtype *cval_promote(MpSpace *sp, const MpCtype *ct) {
  const MpCtype *integer = mp_ctype_prim(sp, MP_PRIM_INT);
  ct = ct->plain;
  if (!mp_ctype_is_integer(ct) || ct->kind == MP_KIND_BITINT) return ct;
  if (mp_ctype_bits(ct) < mp_ctype_bits(integer)) return integer;
  if (ct->kind == MP_KIND_ENUM || (ct->prim >= MP_PRIM_WCHAR && ct->prim <= MP_PRIM_CHAR32)) {
    MpPrim prim = (MpPrim)ct->prim;
    if (ct->size == integer->size) prim = mp_ctype_is_unsigned(ct) ? MP_PRIM_UINT : MP_PRIM_INT;
    return mp_ctype_prim(sp, prim);
  }
  return ct;
}

/* The unsigned type of the same rank. */
static const MpCtype *cval_unsigned(MpSpace *sp, const MpCtype *ct) {
  switch (ct->prim) {
    case MP_PRIM_INT: return mp_ctype_prim(sp, MP_PRIM_UINT);
    case MP_PRIM_LONG: return mp_ctype_prim(sp, MP_PRIM_ULONG);
    case MP_PRIM_LLONG: return mp_ctype_prim(sp, MP_PRIM_ULLONG);
    case MP_PRIM_INT128: return mp_ctype_prim(sp, MP_PRIM_UINT128);
    default: return ct;
  }
}

const MpCtype *mp_cval_common(MpSpace *sp, const MpCtype *a, const MpCtype *b) {
  bool ua, ub;
  a = cval_promote(sp, a);
  b = cval_promote(sp, b);
  if (a == b || a->kind == MP_KIND_COMPLEX) return a;
  if (b->kind == MP_KIND_COMPLEX) return b;
  if (!mp_ctype_is_integer(a) || !mp_ctype_is_integer(b)) {
    if (mp_ctype_is_integer(a)) return b;
    if (mp_ctype_is_integer(b)) return a;
    return cval_float_rank(a) >= cval_float_rank(b) ? a : b;
  }
  if (a->kind == MP_KIND_BITINT || b->kind == MP_KIND_BITINT)
    return mp_ctype_bits(a) >= mp_ctype_bits(b) ? a : b;
  ua = mp_ctype_is_unsigned(a);
  ub = mp_ctype_is_unsigned(b);
  if (ua == ub) return cval_rank(a) >= cval_rank(b) ? a : b;
  if (ua) { /* let `b` be the unsigned one */
    const MpCtype *t = a;
    a = b;
    b = t;
  }
  if (cval_rank(b) >= cval_rank(a)) return b;
  if (a->size > b->size) return a;
  return cval_unsigned(sp, a);
}

/* }===== */

/* {===== values ===== */

MpInt128 mp_cval_wrap(const MpCtype *ct, MpInt128 i) {
  unsigned bits = ct->kind == MP_KIND_POINTER ? (unsigned)sizeof(void *) * 8 : mp_ctype_bits(ct);
  MpUint128 mask, u = (MpUint128)i;
  if (mp_ctype_is_prim(ct, MP_PRIM_BOOL)) return i != 0;
  if (bits >= 128) return i;
  mask = ((MpUint128)1 << bits) - 1;
  u &= mask;
  if (ct->kind != MP_KIND_POINTER && !mp_ctype_is_unsigned(ct) && (u >> (bits - 1)) != 0)
    u |= ~mask;
  return (MpInt128)u;
}

MpCval mp_cval_unknown(const MpCtype *type) {
  MpCval v = {0};
  v.type = type;
  return v;
}

static MpCval cval_of(const MpCtype *type, MpInt128 i) {
  MpCval v = mp_cval_unknown(type);
  v.kind = MP_CVAL_INT;
  v.i = mp_cval_wrap(type, i);
  return v;
}

MpCval mp_cval_int(MpSpace *sp, MpPrim prim, MpInt128 i) {
  return cval_of(mp_ctype_prim(sp, prim), i);
}

/* `f` rounded to the floating type `ct`. */
static MpCval cval_float(const MpCtype *ct, long double f) {
  MpCval v = mp_cval_unknown(ct);
  unsigned char bytes[16];
  v.kind = MP_CVAL_FLOAT;
  mp_scalar_storefloat(ct, bytes, f);
  v.f = mp_scalar_loadfloat(ct, bytes);
  return v;
}

bool mp_cval_truth(const MpCval *v) { return v->kind == MP_CVAL_FLOAT ? v->f != 0 : v->i != 0; }

/* An integer's value as a float: unsigned __int128 is kept as its bits. */
static long double cval_widen(const MpCval *v) {
  if (v->kind == MP_CVAL_FLOAT) return v->f;
  if (mp_ctype_is_prim(v->type, MP_PRIM_UINT128)) return (long double)(MpUint128)v->i;
  if (v->i >= INT64_MIN && v->i <= INT64_MAX) return (long double)(int64_t)v->i; /* in one step */
  return (long double)v->i;
}

/* Truncation; unknown when the value doesn't fit 128 bits (C11 6.3.1.4). */
static MpCval cval_truncate(long double f, const MpCtype *to) {
  const long double limit = 0x1p127L;
  if (mp_ctype_is_prim(to, MP_PRIM_BOOL)) return cval_of(to, f != 0);
  if (f >= 0 && f < 2 * limit && mp_ctype_is_unsigned(to))
    return cval_of(to, (MpInt128)(MpUint128)f);
  if (!(f > -limit && f < limit)) return mp_cval_unknown(to);
  return cval_of(to, (MpInt128)f);
}

MpCval mp_cval_convert(const MpCval *v, const MpCtype *to) {
  if (to->kind == MP_KIND_POINTER || mp_ctype_is_integer(to)) {
    if (to->kind == MP_KIND_BITINT && mp_ctype_bits(to) > 128) return mp_cval_unknown(to);
    if (v->kind == MP_CVAL_INT) return cval_of(to, v->i);
    if (v->kind == MP_CVAL_FLOAT && to->kind != MP_KIND_POINTER) return cval_truncate(v->f, to);
  } else if (mp_ctype_is_float(to) && mp_cval_is_number(v) && mp_cval_is_arithmetic(v->type)) {
    return cval_float(to, cval_widen(v));
  }
  return mp_cval_unknown(to);
}

/* }===== */

/* {===== operators ===== */

static bool is_comparison(int op) {
  return op == '<' || op == '>' || op == MP_TOK_LE || op == MP_TOK_GE || op == MP_TOK_EQ ||
         op == MP_TOK_NE;
}

/* `order` is <0, 0 or >0. */
static bool cval_compared(int op, int order) {
  switch (op) {
    case '<': return order < 0;
    case '>': return order > 0;
    case MP_TOK_LE: return order <= 0;
    case MP_TOK_GE: return order >= 0;
    case MP_TOK_EQ: return order == 0;
    default: return order != 0;
  }
}

static MpCval float_compare(MpSpace *sp, int op, long double a, long double b) {
  bool unordered = a != a || b != b;
  bool holds = unordered ? op == MP_TOK_NE : cval_compared(op, (a > b) - (a < b));
  return mp_cval_int(sp, MP_PRIM_INT, holds);
}

static double double_op(int op, double a, double b) {
  return op == '+' ? a + b : op == '-' ? a - b : op == '*' ? a * b : a / b;
}

static MpCval float_binary(MpSpace *sp, int op, const MpCtype *type, long double a, long double b) {
  if (is_comparison(op)) return float_compare(sp, op, a, b);
  if (op != '+' && op != '-' && op != '*' && op != '/') return mp_cval_unknown(type);
  if (type->size == sizeof(double))
    return cval_float(type, (long double)double_op(op, (double)a, (double)b));
  return cval_float(type, op == '+' ? a + b : op == '-' ? a - b : op == '*' ? a * b : a / b);
}

static MpCval int_divide(int op, const MpCtype *type, MpInt128 a, MpInt128 b) {
  if (b == 0) return mp_cval_unknown(type);
  if (mp_ctype_is_unsigned(type)) {
    MpUint128 ua = (MpUint128)a, ub = (MpUint128)b;
    return cval_of(type, (MpInt128)(op == '/' ? ua / ub : ua % ub));
  }
  if (b == -1) return cval_of(type, op == '/' ? (MpInt128)(0 - (MpUint128)a) : 0);
  return cval_of(type, op == '/' ? a / b : a % b);
}

static MpCval int_binary(MpSpace *sp, int op, const MpCtype *type, MpInt128 a, MpInt128 b) {
  MpUint128 ua = (MpUint128)a, ub = (MpUint128)b;
  if (is_comparison(op)) {
    int order = mp_ctype_is_unsigned(type) ? (ua > ub) - (ua < ub) : (a > b) - (a < b);
    return mp_cval_int(sp, MP_PRIM_INT, cval_compared(op, order));
  }
  switch (op) {
    case '+': return cval_of(type, (MpInt128)(ua + ub));
    case '-': return cval_of(type, (MpInt128)(ua - ub));
    case '*': return cval_of(type, (MpInt128)(ua * ub));
    case '&': return cval_of(type, (MpInt128)(ua & ub));
    case '|': return cval_of(type, (MpInt128)(ua | ub));
    case '^': return cval_of(type, (MpInt128)(ua ^ ub));
    default: return int_divide(op, type, a, b);
  }
}

/* The result has the left operand's type (C11 6.5.7). */
static MpCval cval_shift(MpSpace *sp, int op, const MpCval *a, const MpCval *b) {
  const MpCtype *type = cval_promote(sp, a->type);
  MpInt128 i = a->i;
  if (a->kind != MP_CVAL_INT || b->kind != MP_CVAL_INT) return mp_cval_unknown(type);
  if (b->i < 0 || b->i >= (MpInt128)mp_ctype_bits(type)) return mp_cval_unknown(type);
  if (op == MP_TOK_SHL) return cval_of(type, (MpInt128)((MpUint128)i << (int)b->i));
  if (mp_ctype_is_unsigned(type)) return cval_of(type, (MpInt128)((MpUint128)i >> (int)b->i));
  return cval_of(type, i >> (int)b->i);
}

MpCval mp_cval_binary(MpSpace *sp, int op, const MpCval *a, const MpCval *b) {
  const MpCtype *type, *result;
  MpCval x, y;
  if (op == MP_TOK_SHL || op == MP_TOK_SHR) return cval_shift(sp, op, a, b);
  type = mp_cval_common(sp, a->type, b->type);
  result = is_comparison(op) ? mp_ctype_prim(sp, MP_PRIM_INT) : type;
  if (!mp_cval_is_number(a) || !mp_cval_is_number(b)) return mp_cval_unknown(result);
  x = mp_cval_convert(a, type);
  y = mp_cval_convert(b, type);
  if (x.kind == MP_CVAL_INT && y.kind == MP_CVAL_INT) return int_binary(sp, op, type, x.i, y.i);
  if (x.kind == MP_CVAL_FLOAT && y.kind == MP_CVAL_FLOAT)
    return float_binary(sp, op, type, x.f, y.f);
  return mp_cval_unknown(result);
}

MpCval mp_cval_unary(MpSpace *sp, int op, const MpCval *a) {
  const MpCtype *type = cval_promote(sp, a->type);
  MpCval v;
  if (op == '!') {
    if (!mp_cval_is_number(a)) return mp_cval_unknown(mp_ctype_prim(sp, MP_PRIM_INT));
    return mp_cval_int(sp, MP_PRIM_INT, !mp_cval_truth(a));
  }
  v = mp_cval_convert(a, type);
  if (v.kind == MP_CVAL_FLOAT && op == '-') v.f = -v.f;
  if (v.kind == MP_CVAL_FLOAT && op == '~') return mp_cval_unknown(type);
  if (v.kind == MP_CVAL_INT && op == '-') return cval_of(type, (MpInt128)(0 - (MpUint128)v.i));
  if (v.kind == MP_CVAL_INT && op == '~') return cval_of(type, ~v.i);
  return v;
}

/* }===== */
