/*
** cexpr.c: expressions from the comma down to casts, by precedence. Operands
** are in cprimary.c. Called wherever a declaration holds an expression.
*/

#include "decl/cexpr.h"

#include "decl/cprimary.h"
#include "decl/declarator.h"
#include "decl/declspec.h"

/* {===== conversions ===== */

MpStatus mp_cexpr_decay(MpParser *p, MpCval *v) {
  const MpCtype *type = v->type, *item = type->item;
  bool place = v->kind == MP_CVAL_PLACE;
  if (type->kind == MP_KIND_FUNCTION) item = type;
  if (type->kind == MP_KIND_ARRAY || type->kind == MP_KIND_FUNCTION) {
    if (mp_ctype_pointer(p->sp, item, &type, p->e) != MP_OK) return mp_parser_failed(p);
    v->type = type;
    v->kind = place ? MP_CVAL_INT : MP_CVAL_UNKNOWN; /* its address is known */
    return MP_OK;
  }
  if (place) v->kind = MP_CVAL_UNKNOWN; /* what lies there isn't */
  v->type = type->plain;
  v->is_bits = false;
  return MP_OK;
}

static MpStatus decay_both(MpParser *p, MpCval *a, MpCval *b) {
  MP_TRY(mp_cexpr_decay(p, a));
  return mp_cexpr_decay(p, b);
}

static bool is_pointer(const MpCval *v) { return v->type->kind == MP_KIND_POINTER; }
static bool is_arithmetic(const MpCval *v) { return mp_cval_is_arithmetic(v->type); }

/* A null pointer constant: 0, or it cast to void * (C11 6.3.2.3p3). */
static bool is_null(const MpCval *v) {
  if (v->kind != MP_CVAL_INT || v->i != 0) return false;
  return !is_pointer(v) || v->type->item->kind == MP_KIND_VOID;
}

/* }===== */

/* {===== binary operators ===== */

/* Precedence of a binary operator; 0: none. */
static int precedence(int op) {
  switch (op) {
    case MP_TOK_OROR: return 1;
    case MP_TOK_ANDAND: return 2;
    case '|': return 3;
    case '^': return 4;
    case '&': return 5;
    case MP_TOK_EQ:
    case MP_TOK_NE: return 6;
    case '<':
    case '>':
    case MP_TOK_LE:
    case MP_TOK_GE: return 7;
    case MP_TOK_SHL:
    case MP_TOK_SHR: return 8;
    case '+':
    case '-': return 9;
    case '*':
    case '/':
    case '%': return 10;
    default: return 0;
  }
}

/* logical-AND, logical-OR: the second operand needn't be known when the first decides. */
static MpCval logical(MpSpace *sp, int op, const MpCval *a, const MpCval *b) {
  bool decides = op == MP_TOK_OROR;
  bool a_known = mp_cval_is_number(a), b_known = mp_cval_is_number(b);
  if (a_known && mp_cval_truth(a) == decides) return mp_cval_int(sp, MP_PRIM_INT, decides);
  if (a_known && b_known) return mp_cval_int(sp, MP_PRIM_INT, mp_cval_truth(b));
  return mp_cval_unknown(mp_ctype_prim(sp, MP_PRIM_INT));
}

/* Bytes that a pointer steps by: GNU C has 1 for void and functions. */
static size_t pointer_step(const MpCtype *ct) { return ct->item->size ? ct->item->size : 1; }

/* Arithmetic and comparison where an operand is a pointer (C11 6.5.6, 6.5.8). */
static MpStatus pointer_binary(MpParser *p, int op, const MpCval *a, const MpCval *b, MpCval *out) {
  bool known = a->kind == MP_CVAL_INT && b->kind == MP_CVAL_INT;
  MpUint128 i, base;
  if (precedence(op) == 6 || precedence(op) == 7) {
    MpCval x = mp_cval_int(p->sp, MP_PRIM_ULLONG, a->i),
           y = mp_cval_int(p->sp, MP_PRIM_ULLONG, b->i);
    if (known)
      *out = mp_cval_binary(p->sp, op, &x, &y);
    else
      *out = mp_cval_unknown(mp_ctype_prim(p->sp, MP_PRIM_INT));
    return MP_OK;
  }
  if (op == '-' && is_pointer(a) && is_pointer(b)) {
    MpInt128 bytes = (int64_t)((uint64_t)a->i - (uint64_t)b->i);
    *out = mp_cval_int(p->sp, MP_PRIM_LONG, bytes / (MpInt128)pointer_step(a->type));
    if (!known) out->kind = MP_CVAL_UNKNOWN;
    return MP_OK;
  }
  if (op == '+' && is_pointer(b)) {
    const MpCval *t = a;
    a = b;
    b = t;
  }
  if ((op != '+' && op != '-') || !mp_ctype_is_integer(b->type))
    return mp_parser_fail(p, MP_MSG_OPERANDS);
  *out = mp_cval_unknown(a->type);
  if (!known) return MP_OK;
  base = (MpUint128)a->i;
  i = (MpUint128)b->i * pointer_step(a->type);
  out->kind = MP_CVAL_INT;
  out->i = mp_cval_wrap(a->type, (MpInt128)(op == '+' ? base + i : base - i));
  return MP_OK;
}

static MpStatus binary_apply(MpParser *p, int op, MpCval *a, MpCval *b) {
  MpCval result;
  MP_TRY(decay_both(p, a, b));
  if (op == MP_TOK_OROR || op == MP_TOK_ANDAND)
    result = logical(p->sp, op, a, b);
  else if (is_arithmetic(a) && is_arithmetic(b))
    result = mp_cval_binary(p->sp, op, a, b);
  else if (is_pointer(a) || is_pointer(b))
    MP_TRY(pointer_binary(p, op, a, b, &result));
  else if (a->type->kind == MP_KIND_VECTOR)
    result = mp_cval_unknown(a->type);
  else if (b->type->kind == MP_KIND_VECTOR)
    result = mp_cval_unknown(b->type);
  else
    return mp_parser_fail(p, MP_MSG_OPERANDS);
  *a = result;
  return MP_OK;
}

/* Operators that bind at least as tightly as `least` (C11 6.5.5 to 6.5.14), left to right. */
static MpStatus binary(MpParser *p, int least, MpCval *out) {
  MP_TRY(mp_cprimary_cast(p, out));
  for (;;) {
    int op = mp_parser_kind(p), bind = precedence(op);
    MpCval right;
    if (bind == 0 || bind < least) return MP_OK;
    mp_parser_next(p);
    MP_TRY(binary(p, bind + 1, &right));
    MP_TRY(binary_apply(p, op, out, &right));
  }
}

/* }===== */

/* {===== conditional and comma ===== */

/* The type of `a ? b : c` (C11 6.5.15p5, p6). */
static MpStatus conditional_type(MpParser *p, const MpCval *a, const MpCval *b,
                                 const MpCtype **out) {
  if (is_arithmetic(a) && is_arithmetic(b))
    *out = mp_cval_common(p->sp, a->type, b->type);
  else if (is_pointer(a) && is_null(b))
    *out = a->type;
  else if (is_pointer(b) && is_null(a))
    *out = b->type;
  else if (is_pointer(b) && b->type->item->kind == MP_KIND_VOID)
    *out = b->type;
  else
    *out = a->type;
  return MP_OK;
}

MpStatus mp_cexpr_conditional(MpParser *p, MpCval *out) {
  MpCval test, yes, no;
  const MpCtype *type;
  MP_TRY(binary(p, 1, out));
  if (mp_parser_kind(p) != '?') return MP_OK;
  MP_TRY(mp_parser_enter(p));
  mp_parser_next(p);
  MP_TRY(mp_cexpr_decay(p, out));
  test = yes = *out;
  if (mp_parser_kind(p) != ':') { /* GNU: a ?: b is a ? a : b */
    MP_TRY(mp_cexpr_expression(p, &yes));
    MP_TRY(mp_cexpr_decay(p, &yes));
  }
  MP_TRY(mp_parser_expect(p, ':'));
  MP_TRY(mp_cexpr_conditional(p, &no));
  MP_TRY(mp_cexpr_decay(p, &no));
  MP_TRY(conditional_type(p, &yes, &no, &type));
  *out = mp_cval_unknown(type);
  if (mp_cval_is_number(&test)) *out = mp_cval_convert(mp_cval_truth(&test) ? &yes : &no, type);
  mp_parser_leave(p);
  return MP_OK;
}

MpStatus mp_cexpr_expression(MpParser *p, MpCval *out) {
  MP_TRY(mp_parser_enter(p));
  MP_TRY(mp_cexpr_conditional(p, out));
  while (mp_parser_accept(p, ',')) MP_TRY(mp_cexpr_conditional(p, out));
  mp_parser_leave(p);
  return MP_OK;
}

MpStatus mp_cexpr_integer(MpParser *p, MpInt128 *out) {
  MpToken at = p->lex.tok;
  MpCval v;
  MP_TRY(mp_cexpr_conditional(p, &v));
  if (v.kind == MP_CVAL_FLOAT) return mp_parser_failat(p, &at, MP_MSG_NOT_INTEGER);
  if (v.kind != MP_CVAL_INT) return mp_parser_failat(p, &at, MP_MSG_NOT_CONSTANT);
  *out = v.i;
  return MP_OK;
}

/* }===== */
