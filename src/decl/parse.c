/*
** parse.c: the two entries: a text of declarations, and a type name. Each is a
** transaction on the space: all of it, or nothing.
*/

#include "decl/parse.h"

#include <string.h>

#include "decl/cexpr.h"
#include "decl/declarator.h"
#include "decl/declspec.h"
#include "decl/pragma.h"
#include "decl/record.h"
#include "decl/redecl.h"

/* {===== what a declarator declares ===== */

/* A tagless record or enum is called by its first typedef in messages. */
static void note_alias(const MpCtype *ct, const MpName *name) {
  if (ct != ct->plain) return;
  if (mp_ctype_is_record(ct)) {
    if (ct->u.record->tag == NULL && ct->u.record->alias == NULL) ct->u.record->alias = name;
  } else if (ct->kind == MP_KIND_ENUM) {
    MpEnumeration *en = ct->u.enumeration;
    if (en->tag == NULL && en->alias == NULL) en->alias = name;
  }
}

static MpStatus declare_typedef(MpParser *p, const MpDeclarator *d, const MpAttr *attr) {
  MpDecl proto;
  memset(&proto, 0, sizeof proto);
  proto.kind = MP_DECL_TYPEDEF;
  proto.type = d->type;
  if (attr->transparent && d->type->kind == MP_KIND_UNION) d->type->u.record->transparent = true;
  if (mp_attr_realigns(d->type, attr->last_align))
    MP_TRY(mp_parser_qualify(p, d->type, 0, attr->last_align, &proto.type));
  note_alias(proto.type, d->name);
  return mp_redecl_declare(p, &d->at, &proto);
}

static MpStatus declare_object(MpParser *p, const MpSpec *spec, const MpDeclarator *d) {
  MpDecl proto;
  bool is_function = d->type->kind == MP_KIND_FUNCTION;
  memset(&proto, 0, sizeof proto);
  proto.kind = is_function ? MP_DECL_FUNCTION : MP_DECL_VARIABLE;
  proto.type = d->type;
  proto.symbol = d->symbol;
  proto.is_inline = (spec->storage & MP_STORE_STATIC) != 0;
  if (d->type->kind == MP_KIND_VOID)
    return mp_parser_failat(p, &d->at, MP_MSG_VARIABLE_VOID, d->name->text);
  return mp_redecl_declare(p, &d->at, &proto);
}

/* }===== */

/* {===== initializers ===== */

/* Is `static const T x = …` a constant of this type, as an enumerator is? */
static bool may_be_constant(const MpSpec *spec, const MpCtype *ct) {
  if (!(spec->storage & MP_STORE_STATIC) || (spec->storage & MP_STORE_THREAD)) return false;
  if (ct->kind == MP_KIND_ARRAY)
    return mp_ctype_is_charlike(ct->item) && (ct->item->quals & MP_QUAL_CONST);
  return (ct->quals & MP_QUAL_CONST) && (mp_ctype_is_integer(ct) || mp_ctype_is_float(ct));
}

static bool constant_of(const MpCtype *ct, const MpCval *v, MpConst *c) {
  MpCval own;
  memset(c, 0, sizeof *c);
  if (ct->kind == MP_KIND_ARRAY) {
    c->kind = MP_CONST_STRING;
    c->type = v->type;
    c->s = v->s;
    c->len = v->len;
    return v->kind == MP_CVAL_STRING && (ct->length == MP_LENGTH_OPEN || ct->length > v->len);
  }
  if (!mp_cval_is_number(v)) return false;
  own = mp_cval_convert(v, ct->plain);
  c->kind = own.kind == MP_CVAL_INT ? MP_CONST_INT : MP_CONST_FLOAT;
  c->type = own.type;
  c->i = own.i;
  c->f = own.f;
  return mp_cval_is_number(&own);
}

/* = initializer: a constant where it is one (`*taken`), else skipped. Current behind '='. */
static MpStatus initializer(MpParser *p, const MpSpec *spec, const MpDeclarator *d, bool *taken) {
  MpBranch branch = mp_parser_branch(p);
  MpCval v;
  MpConst c;
  *taken = false;
  if (may_be_constant(spec, d->type)) {
    MpStatus read = mp_cexpr_conditional(p, &v);
    int kind = mp_parser_kind(p);
    if (read == MP_OK && (kind == ',' || kind == ';') && constant_of(d->type, &v, &c)) {
      *taken = true;
      return mp_redecl_constant(p, &d->at, &c, false);
    }
    p->in_params = 0;
    MP_TRY(mp_parser_return(p, &branch));
  }
  mp_lex_skip_initializer(&p->lex);
  if (mp_parser_kind(p) == MP_TOK_DIRECTIVE) mp_parser_advance(p);
  return MP_OK;
}

/* }===== */

/* {===== declarations ===== */

/* `nonblocking` among the specifiers belongs to the function that is declared. */
static MpStatus apply_nonblocking(MpParser *p, MpDeclarator *d) {
  MpFunction f;
  if (d->type->kind != MP_KIND_FUNCTION || d->type->u.function->nonblocking) return MP_OK;
  f = *d->type->u.function;
  f.nonblocking = true;
  if (mp_ctype_function(p->sp, d->type->item, &f, &d->type, p->e) != MP_OK)
    return mp_parser_failed(p);
  return MP_OK;
}

/* The declarations of an old definition's parameters, up to its body (C11 6.9.1). */
static void skip_old_parameters(MpParser *p, const MpDeclarator *d) {
  if (d->type->kind != MP_KIND_FUNCTION || !d->type->u.function->unprototyped) return;
  if (!mp_declspec_starts(p)) return;
  while (mp_parser_kind(p) != '{' && mp_parser_kind(p) != MP_TOK_EOF &&
         mp_parser_kind(p) != MP_TOK_ERROR)
    mp_parser_next(p);
}

/*
** init-declarator: declarator ( = initializer )?, declared; or a function
** definition, whose body is skipped: then `*ended`.
*/
static MpStatus init_declarator(MpParser *p, const MpSpec *spec, bool *ended) {
  MpDeclarator d;
  MpAttr attr = spec->attr;
  bool taken = false;
  *ended = false;
  MP_TRY(mp_declarator_parse(p, spec->type, &d));
  if (d.name == NULL) return mp_parser_failat(p, &d.at, MP_MSG_NAME_EXPECTED);
  mp_attr_merge(&attr, &d.attr);
  if (attr.nonblocking) MP_TRY(apply_nonblocking(p, &d));
  skip_old_parameters(p, &d);
  if (mp_parser_accept(p, '=')) MP_TRY(initializer(p, spec, &d, &taken));
  if (spec->storage & MP_STORE_TYPEDEF)
    MP_TRY(declare_typedef(p, &d, &attr));
  else if (!taken)
    MP_TRY(declare_object(p, spec, &d));
  if (mp_parser_kind(p) == '{' && d.type->kind == MP_KIND_FUNCTION) {
    mp_lex_skip_bracket(&p->lex);
    if (mp_parser_kind(p) == MP_TOK_DIRECTIVE) mp_parser_advance(p);
    *ended = true;
  }
  return MP_OK;
}

/* declaration: declaration-specifiers init-declarator-list? ; or function-definition */
static MpStatus declaration(MpParser *p) {
  MpSpec spec;
  bool ended;
  MP_TRY(mp_declspec_parse(p, &spec));
  if (mp_parser_accept(p, ';')) return MP_OK;
  do {
    MP_TRY(init_declarator(p, &spec, &ended));
    if (ended) return MP_OK;
  } while (mp_parser_accept(p, ','));
  return mp_parser_expect(p, ';');
}

/* asm ( … ) at file scope (GCC 6.47.1) */
static MpStatus file_asm(MpParser *p) {
  mp_parser_next(p);
  while (mp_parser_accept(p, MP_TOK_VOLATILE) || mp_parser_accept(p, MP_TOK_INLINE)) continue;
  if (mp_parser_kind(p) != '(') return mp_parser_fail(p, MP_MSG_EXPECTED, '(');
  mp_lex_skip_bracket(&p->lex);
  if (mp_parser_kind(p) == MP_TOK_DIRECTIVE) mp_parser_advance(p);
  return mp_parser_expect(p, ';');
}

static bool is_assert(const MpParser *p) {
  int kind = mp_parser_kind(p);
  if (kind == MP_TOK_STATICASSERT) return true;
  return kind == MP_TOK_NAME && strcmp(p->lex.tok.name->text, "static_assert") == 0 &&
         mp_space_find(p->sp, p->lex.tok.name) == NULL;
}

/* external-declaration (C11 6.9) */
static MpStatus external_declaration(MpParser *p) {
  while (mp_parser_accept(p, MP_TOK_EXTENSION)) continue;
  if (is_assert(p)) return mp_record_assert(p);
  switch (mp_parser_kind(p)) {
    case ';': mp_parser_next(p); return MP_OK;
    case MP_TOK_ASM: return file_asm(p);
    case MP_TOK_PRAGMA: return mp_pragma_operator(p);
    default: return declaration(p);
  }
}

/* translation-unit: external-declaration* */
static MpStatus translation_unit(MpParser *p) {
  mp_parser_next(p);
  while (mp_parser_kind(p) != MP_TOK_EOF) MP_TRY(external_declaration(p));
  return MP_OK;
}

/* }===== */

/* Keeps or forgets what was declared since `mark`. */
static MpStatus parse_end(MpParser *p, MpSpaceMark mark, MpStatus done) {
  if (done == MP_OK)
    mp_space_commit(p->sp);
  else
    mp_space_rollback(p->sp, mark);
  mp_parser_fini(p);
  return done;
}

MpStatus mp_parse_cdef(MpSpace *sp, const char *text, size_t len, const MpParseOptions *options,
                       MpErr *e) {
  MpParser p;
  MpSpaceMark mark;
  e->text[0] = '\0';
  if (mp_space_is_frozen(sp)) return mp_err_set(e, MP_MSG_BUSY);
  mp_parser_init(&p, sp, text, len, e);
  p.options = options;
  p.pack = options ? options->pack : 0;
  mark = mp_space_mark(sp);
  mp_space_expect(sp, len);
  return parse_end(&p, mark, translation_unit(&p));
}

/* type-name, and nothing behind it */
static MpStatus only_typename(MpParser *p, const MpCtype **out) {
  mp_parser_next(p);
  MP_TRY(mp_declarator_typename(p, out));
  if (mp_parser_kind(p) != MP_TOK_EOF) return mp_parser_fail(p, MP_MSG_TYPE_END);
  return MP_OK;
}

MpStatus mp_parse_type(MpSpace *sp, const char *text, size_t len, const MpCtype **out, MpErr *e) {
  MpParser p;
  MpSpaceMark mark;
  e->text[0] = '\0';
  if (mp_space_is_frozen(sp)) return mp_err_set(e, MP_MSG_BUSY);
  mp_parser_init(&p, sp, text, len, e);
  p.is_type = true;
  mark = mp_space_mark(sp);
  return parse_end(&p, mark, only_typename(&p, out));
}
