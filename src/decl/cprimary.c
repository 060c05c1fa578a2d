/*
** cprimary.c: operands. An object whose address is known (`*(struct s *)0`)
** keeps it through members and elements, so that the classic offsetof works.
*/

#include "decl/cprimary.h"

#include <string.h>

#include "decl/cbuiltin.h"
#include "decl/cexpr.h"
#include "decl/declarator.h"
#include "decl/declspec.h"
#include "decl/literal.h"

/* {===== places ===== */

/* `*` applied to a decayed `v`. */
static MpStatus dereference(MpParser *p, MpCval *v) {
  const MpCtype *item;
  if (v->type->kind != MP_KIND_POINTER) return mp_parser_fail(p, MP_MSG_NOT_POINTER);
  item = v->type->item;
  if (v->kind == MP_CVAL_INT)
    v->kind = MP_CVAL_PLACE;
  else
    *v = mp_cval_unknown(item);
  v->type = item;
  return MP_OK;
}

MpStatus mp_cprimary_member(MpParser *p, MpCval *v) {
  const MpCtype *type = v->type;
  const MpField *f;
  const MpName *name = p->lex.tok.name;
  if (mp_parser_kind(p) < MP_TOK_NAME) return mp_parser_fail(p, MP_MSG_NAME_EXPECTED);
  if (!mp_ctype_is_record(type)) return mp_parser_fail(p, MP_MSG_NOT_RECORD);
  f = mp_ctype_is_complete(type) ? mp_ctype_field(type, name) : NULL;
  if (f == NULL) return mp_parser_fail(p, MP_MSG_NO_MEMBER, name->text);
  v->type = f->type;
  v->is_bits = f->is_bits;
  if (v->kind == MP_CVAL_PLACE) v->i = (MpInt128)((MpUint128)v->i + f->offset);
  if (type->quals != 0) MP_TRY(mp_parser_qualify(p, f->type, type->quals, 0, &v->type));
  mp_parser_next(p);
  return MP_OK;
}

/* [ expression ]: *(a + i) (C11 6.5.2.1) */
static MpStatus element(MpParser *p, MpCval *v) {
  MpCval index;
  MP_TRY(mp_parser_expect(p, '['));
  MP_TRY(mp_cexpr_expression(p, &index));
  MP_TRY(mp_parser_expect(p, ']'));
  MP_TRY(mp_cexpr_decay(p, &index));
  if (v->type->kind == MP_KIND_VECTOR) {
    *v = mp_cval_unknown(v->type->item);
    return MP_OK;
  }
  MP_TRY(mp_cexpr_decay(p, v));
  if (v->type->kind != MP_KIND_POINTER || !mp_ctype_is_integer(index.type))
    return mp_parser_fail(p, MP_MSG_OPERANDS);
  if (v->kind == MP_CVAL_INT && index.kind == MP_CVAL_INT)
    v->i = mp_cval_wrap(v->type,
                        (MpInt128)((MpUint128)v->i + (MpUint128)index.i * v->type->item->size));
  else
    v->kind = MP_CVAL_UNKNOWN;
  return dereference(p, v);
}

/* ( argument-expression-list? ): only its type is known */
static MpStatus call(MpParser *p, MpCval *v) {
  MP_TRY(mp_cexpr_decay(p, v));
  if (!mp_ctype_is_function_pointer(v->type)) return mp_parser_fail(p, MP_MSG_OPERANDS);
  mp_lex_skip_bracket(&p->lex);
  if (mp_parser_kind(p) == MP_TOK_DIRECTIVE) mp_parser_advance(p);
  *v = mp_cval_unknown(v->type->item->item);
  return MP_OK;
}

/* What follows a postfix-expression's operand (C11 6.5.2) */
static MpStatus postfix(MpParser *p, MpCval *v) {
  for (;;) {
    switch (mp_parser_kind(p)) {
      case '[': MP_TRY(element(p, v)); break;
      case '(': MP_TRY(call(p, v)); break;
      case '.':
        mp_parser_next(p);
        MP_TRY(mp_cprimary_member(p, v));
        break;
      case MP_TOK_ARROW:
        mp_parser_next(p);
        MP_TRY(mp_cexpr_decay(p, v));
        MP_TRY(dereference(p, v));
        MP_TRY(mp_cprimary_member(p, v));
        break;
      case MP_TOK_INC:
      case MP_TOK_DEC:
        mp_parser_next(p);
        MP_TRY(mp_cexpr_decay(p, v));
        v->kind = MP_CVAL_UNKNOWN;
        break;
      default: return MP_OK;
    }
  }
}

/* }===== */

/* {===== primary ===== */

/* A declared name's value or type. */
static MpStatus identifier(MpParser *p, MpCval *out) {
  const MpName *name = p->lex.tok.name;
  const MpDecl *d = mp_space_find(p->sp, name);
  if (d == NULL) {
    bool known;
    MP_TRY(mp_cbuiltin_parse(p, out, &known));
    return known ? MP_OK : mp_parser_fail(p, MP_MSG_UNKNOWN_NAME, name->text);
  }
  if (d->kind == MP_DECL_MACRO) return mp_parser_fail(p, MP_MSG_MACRO_VALUE, name->text);
  if (d->kind == MP_DECL_TYPEDEF) return mp_parser_fail(p, MP_MSG_EXPRESSION);
  *out = mp_cval_unknown(d->type);
  if (d->kind == MP_DECL_CONSTANT) {
    const MpConst *c = d->value;
    out->kind = c->kind == MP_CONST_INT     ? MP_CVAL_INT
                : c->kind == MP_CONST_FLOAT ? MP_CVAL_FLOAT
                                            : MP_CVAL_STRING;
    out->i = c->i;
    out->f = c->f;
    out->s = c->s;
    out->len = c->len;
  }
  mp_parser_next(p);
  return MP_OK;
}

/* The prefix that joined literals have together: the first that isn't plain (C11 6.4.5p5). */
static MpPrim strings_prim(MpParser *p) {
  MpLex saved = p->lex;
  MpPrim prim = MP_PRIM_CHAR;
  for (; mp_parser_kind(p) == MP_TOK_STRING; mp_lex_next(&p->lex))
    if (prim == MP_PRIM_CHAR) prim = mp_literal_prim(&p->lex.tok);
  p->lex = saved;
  return prim;
}

/* The buffer's bytes as a value in the space's memory. */
static MpStatus strings_keep(MpParser *p, MpPrim prim, const MpBuf *b, MpCval *out) {
  size_t size = mp_ctype_prims[prim].size;
  const MpCtype *type;
  char *kept = (char *)mp_arena_new(&p->sp->arena, b->len + size);
  if (b->failed || kept == NULL) return mp_err_memory(p->e);
  if (b->len > 0) memcpy(kept, b->data, b->len);
  if (mp_ctype_array(p->sp, mp_ctype_prim(p->sp, prim), b->len / size + 1, &type, p->e) != MP_OK)
    return mp_parser_failed(p);
  *out = mp_cval_unknown(type);
  out->kind = MP_CVAL_STRING;
  out->s = kept;
  out->len = b->len;
  return MP_OK;
}

MpStatus mp_cprimary_strings(MpParser *p, MpCval *out) {
  MpPrim prim = strings_prim(p);
  MpStatus done = MP_OK;
  MpBuf b;
  mp_buf_init(&b, p->sp->alloc);
  while (done == MP_OK && mp_parser_kind(p) == MP_TOK_STRING) {
    if (!mp_literal_string(&p->lex.tok, prim, &b))
      done = mp_parser_fail(p, MP_MSG_BAD_ESCAPE);
    else
      mp_parser_next(p);
  }
  if (done == MP_OK) done = strings_keep(p, prim, &b, out);
  mp_buf_fini(&b);
  return done;
}

/* A compound literal's braces behind its type (C11 6.5.2.5): an object of that type. */
static MpStatus compound_literal(MpParser *p, const MpCtype *type, MpCval *out) {
  mp_lex_skip_bracket(&p->lex);
  if (mp_parser_kind(p) == MP_TOK_DIRECTIVE) mp_parser_advance(p);
  *out = mp_cval_unknown(type);
  return MP_OK;
}

/* primary-expression (C11 6.5.1) */
static MpStatus primary(MpParser *p, MpCval *out) {
  const MpToken *t = &p->lex.tok;
  switch (t->kind) {
    case MP_TOK_NUMBER:
      if (!mp_literal_number(p->sp, t, out)) return mp_parser_fail(p, MP_MSG_BAD_NUMBER);
      break;
    case MP_TOK_CHARCONST:
      if (!mp_literal_char(p->sp, t, out)) return mp_parser_fail(p, MP_MSG_BAD_ESCAPE);
      break;
    case MP_TOK_STRING: return mp_cprimary_strings(p, out);
    case MP_TOK_NAME: return identifier(p, out);
    case MP_TOK_OFFSETOF: return mp_cbuiltin_offsetof(p, out);
    case MP_TOK_GENERIC: return mp_cbuiltin_generic(p, out);
    case '(':
      mp_parser_next(p);
      if (mp_parser_kind(p) == '{') return mp_parser_fail(p, MP_MSG_STATEMENT);
      MP_TRY(mp_cexpr_expression(p, out));
      return mp_parser_expect(p, ')');
    default: return mp_parser_fail(p, MP_MSG_EXPRESSION);
  }
  mp_parser_next(p);
  return MP_OK;
}

/* }===== */

/* {===== unary ===== */

/* Reads `( type-name )` when that stands here, and not an expression in brackets. */
static MpStatus bracketed_type(MpParser *p, const MpCtype **out) {
  MpLex saved;
  *out = NULL;
  if (mp_parser_kind(p) != '(') return MP_OK;
  saved = p->lex;
  mp_parser_next(p);
  if (!mp_declspec_starts(p)) {
    p->lex = saved;
    return MP_OK;
  }
  MP_TRY(mp_declarator_typename(p, out));
  return mp_parser_expect(p, ')');
}

static MpStatus size_of(MpParser *p, const MpToken *at, const MpCval *v, MpCval *out) {
  const MpCtype *ct = v->type;
  bool one = ct->kind == MP_KIND_VOID || ct->kind == MP_KIND_FUNCTION; /* GCC 6.24 */
  if (v->is_bits) return mp_parser_failat(p, at, MP_MSG_SIZEOF_BITS);
  if (!one && !mp_ctype_is_complete(ct)) return mp_parser_failat(p, at, MP_MSG_SIZEOF_INCOMPLETE);
  *out = mp_cval_int(p->sp, MP_PRIM_ULONG, one ? 1 : (MpInt128)ct->size);
  return MP_OK;
}

static MpStatus unary(MpParser *p, MpCval *out);

/* Of a type, `_Alignof` (its one name with a capital) asks for what the ABI grants. */
static uint32_t align_of(const MpToken *at, const MpCtype *named, const MpCval *v) {
  bool standard = at->name->text[1] == 'A';
  return standard && named != NULL ? mp_layout_alignof(named) : v->type->align;
}

/* sizeof and _Alignof: unary-expression | ( type-name ) */
static MpStatus size_or_align(MpParser *p, MpCval *out) {
  MpToken at = p->lex.tok;
  const MpCtype *type;
  MpCval v;
  mp_parser_next(p);
  MP_TRY(bracketed_type(p, &type));
  if (type == NULL) {
    MP_TRY(unary(p, &v));
  } else if (mp_parser_kind(p) == '{') {
    MP_TRY(compound_literal(p, type, &v));
    MP_TRY(postfix(p, &v));
    type = NULL; /* it was part of an expression */
  } else {
    v = mp_cval_unknown(type);
  }
  if (at.kind == MP_TOK_SIZEOF) return size_of(p, &at, &v, out);
  *out = mp_cval_int(p->sp, MP_PRIM_ULONG, align_of(&at, type, &v));
  return MP_OK;
}

/* & unary-expression */
static MpStatus address_of(MpParser *p, MpCval *out) {
  const MpCtype *type;
  if (out->is_bits) return mp_parser_fail(p, MP_MSG_SIZEOF_BITS);
  if (mp_ctype_pointer(p->sp, out->type, &type, p->e) != MP_OK) return mp_parser_failed(p);
  out->kind = out->kind == MP_CVAL_PLACE ? MP_CVAL_INT : MP_CVAL_UNKNOWN;
  out->type = type;
  return MP_OK;
}

static MpStatus unary_apply(MpParser *p, int op, MpCval *out) {
  if (op == '&') return address_of(p, out);
  MP_TRY(mp_cexpr_decay(p, out));
  if (op == '*') return dereference(p, out);
  if (op == MP_TOK_INC || op == MP_TOK_DEC) {
    out->kind = MP_CVAL_UNKNOWN;
    return MP_OK;
  }
  if (op == MP_TOK_REAL || op == MP_TOK_IMAG) {
    if (out->type->kind == MP_KIND_COMPLEX)
      *out = mp_cval_unknown(out->type->item);
    else if (op == MP_TOK_IMAG)
      *out = mp_cval_int(p->sp, MP_PRIM_INT, 0);
    return MP_OK;
  }
  if (op == '!' && out->type->kind == MP_KIND_POINTER) {
    bool known = out->kind == MP_CVAL_INT, is_zero = out->i == 0;
    *out = mp_cval_int(p->sp, MP_PRIM_INT, is_zero);
    if (!known) out->kind = MP_CVAL_UNKNOWN;
    return MP_OK;
  }
  if (out->type->kind == MP_KIND_VECTOR) {
    *out = mp_cval_unknown(out->type);
    return MP_OK;
  }
  if (!mp_cval_is_arithmetic(out->type)) return mp_parser_fail(p, MP_MSG_OPERANDS);
  *out = mp_cval_unary(p->sp, op, out);
  return MP_OK;
}

/* unary-expression (C11 6.5.3) */
static MpStatus unary(MpParser *p, MpCval *out) {
  int op = mp_parser_kind(p);
  switch (op) {
    case MP_TOK_SIZEOF:
    case MP_TOK_ALIGNOF: {
      MP_TRY(mp_parser_enter(p));
      MP_TRY(size_or_align(p, out));
      mp_parser_leave(p);
      return MP_OK;
    }
    case '+':
    case '-':
    case '~':
    case '!':
    case '*':
    case '&':
    case MP_TOK_INC:
    case MP_TOK_DEC:
    case MP_TOK_REAL:
    case MP_TOK_IMAG:
      mp_parser_next(p);
      MP_TRY(mp_cprimary_cast(p, out));
      return unary_apply(p, op, out);
    case MP_TOK_EXTENSION: mp_parser_next(p); return mp_cprimary_cast(p, out);
    default: MP_TRY(primary(p, out)); return postfix(p, out);
  }
}

/* What a cast makes of a value; only scalars stay known. */
static MpStatus cast_apply(MpParser *p, const MpCtype *to, MpCval *v) {
  MP_TRY(mp_cexpr_decay(p, v));
  *v = mp_cval_convert(v, to->plain);
  return MP_OK;
}

MpStatus mp_cprimary_cast(MpParser *p, MpCval *out) {
  const MpCtype *type;
  MP_TRY(mp_parser_enter(p));
  MP_TRY(bracketed_type(p, &type));
  if (type == NULL) {
    MP_TRY(unary(p, out));
  } else if (mp_parser_kind(p) == '{') {
    MP_TRY(compound_literal(p, type, out));
    MP_TRY(postfix(p, out));
  } else {
    MP_TRY(mp_cprimary_cast(p, out));
    MP_TRY(cast_apply(p, type, out));
  }
  mp_parser_leave(p);
  return MP_OK;
}

/* }===== */
