/*
** cval.h: values in constant expressions: a C type, and what is known of the
** value. Arithmetic is C's, in the values' types.
*/

#ifndef MP_DECL_CVAL_H
#define MP_DECL_CVAL_H

#include "type/space.h"

typedef enum MpCvalKind {
  MP_CVAL_UNKNOWN, /* of a type, but not constant */
  MP_CVAL_INT,     /* an integer, or a pointer with that address: `i` */
  MP_CVAL_FLOAT,   /* `f`; of a complex type the real part, `i` unused */
  MP_CVAL_PLACE,   /* an object at the address `i`: `*(T *)i` */
  MP_CVAL_STRING   /* a literal: `s`, `len` bytes without the NUL */
} MpCvalKind;

typedef struct MpCval {
  const MpCtype *type;
  MpCvalKind kind;
  bool is_bits; /* a bit-field: sizeof refuses it (C11 6.5.3.4) */
  MpInt128 i;   /* wrapped to its type; of unsigned __int128: its bits */
  long double f;
  const char *s;
  size_t len;
} MpCval;

static inline bool mp_cval_is_number(const MpCval *v) {
  return v->kind == MP_CVAL_INT || v->kind == MP_CVAL_FLOAT;
}

/* `i` as a value of the integer type `ct`: cut to its bits (_Bool: is it non-zero). */
MpInt128 mp_cval_wrap(const MpCtype *ct, MpInt128 i);

/* An integer constant of a primitive type. */
MpCval mp_cval_int(MpSpace *sp, MpPrim prim, MpInt128 i);

/* Nothing is known but the type. */
MpCval mp_cval_unknown(const MpCtype *type);

/* Is it non-zero? For a number. */
bool mp_cval_truth(const MpCval *v);

/* Conversion to `to`, as a cast does (C11 6.3); unknown where C leaves it open. */
MpCval mp_cval_convert(const MpCval *v, const MpCtype *to);

/* The common type of two arithmetic types (C11 6.3.1.8). */
const MpCtype *mp_cval_common(MpSpace *sp, const MpCtype *a, const MpCtype *b);

/*
** `op` is the token of a binary operator but && || ?: and the comma. Operands
** are arithmetic. A division by zero, or a shift beyond the width, is unknown.
*/
MpCval mp_cval_binary(MpSpace *sp, int op, const MpCval *a, const MpCval *b);

/* `op` is one of + - ~ ! on an arithmetic operand. */
MpCval mp_cval_unary(MpSpace *sp, int op, const MpCval *a);

/* Integer, real or complex (C11 6.2.5p18). */
bool mp_cval_is_arithmetic(const MpCtype *ct);

#endif
