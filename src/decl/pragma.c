/*
** pragma.c: directives. The preprocessor left pragmas and line markers; a
** text written by hand, or by `cc -E -dD`, may define constants too. A line
** is read by a lexer of its own over its part of the text.
*/

#include "decl/pragma.h"

#include <string.h>

#include "decl/cexpr.h"
#include "decl/cprimary.h"
#include "decl/redecl.h"

static bool name_is(const MpParser *p, const char *text) {
  return mp_parser_kind(p) >= MP_TOK_NAME && strcmp(p->lex.tok.name->text, text) == 0;
}

/* {===== pack ===== */

/* push [, identifier] [, n]; pop [, identifier] [, n] */
typedef struct PackArgs {
  const MpName *id;
  MpInt128 value; /* -1: none */
} PackArgs;

static MpStatus pack_number(MpParser *p, MpInt128 *value) {
  MpToken at = p->lex.tok;
  MP_TRY(mp_cexpr_integer(p, value));
  if (*value != 0 && *value != 1 && *value != 2 && *value != 4 && *value != 8 && *value != 16)
    return mp_parser_failat(p, &at, MP_MSG_PACK);
  return MP_OK;
}

static MpStatus pack_arguments(MpParser *p, PackArgs *args) {
  args->id = NULL;
  args->value = -1;
  while (mp_parser_accept(p, ',')) {
    if (mp_parser_kind(p) == MP_TOK_NAME && mp_space_find(p->sp, p->lex.tok.name) == NULL) {
      args->id = p->lex.tok.name;
      mp_parser_next(p);
    } else {
      MP_TRY(pack_number(p, &args->value));
    }
  }
  return MP_OK;
}

static MpStatus pack_push(MpParser *p, const PackArgs *args) {
  MpPack *top = (MpPack *)mp_parser_push(p, &p->packs, sizeof(MpPack));
  if (top == NULL) return MP_FAIL;
  top->id = args->id;
  top->value = p->pack;
  if (args->value >= 0) p->pack = (uint32_t)args->value;
  return MP_OK;
}

/* Back to the last push, or to that of the identifier; without one nothing happens, as in GCC. */
static void pack_pop(MpParser *p, const PackArgs *args) {
  const MpPack *all = (const MpPack *)p->packs.items;
  uint32_t n = p->packs.n;
  while (n > 0 && args->id != NULL && all[n - 1].id != args->id) n--;
  if (n > 0) {
    p->pack = all[n - 1].value;
    p->packs.n = n - 1;
  }
  if (args->value >= 0) p->pack = (uint32_t)args->value;
}

/* #pragma pack ( … ) (GCC 6.62.11 "Structure-Layout Pragmas"), current behind `pack` */
static MpStatus pragma_pack(MpParser *p) {
  PackArgs args;
  MP_TRY(mp_parser_expect(p, '('));
  if (mp_parser_kind(p) == ')') {
    p->pack = p->options ? p->options->pack : 0;
  } else if (name_is(p, "push")) {
    mp_parser_next(p);
    MP_TRY(pack_arguments(p, &args));
    MP_TRY(pack_push(p, &args));
  } else if (name_is(p, "pop")) {
    mp_parser_next(p);
    MP_TRY(pack_arguments(p, &args));
    pack_pop(p, &args);
  } else if (name_is(p, "show")) {
    mp_parser_next(p);
  } else {
    MP_TRY(pack_number(p, &args.value));
    p->pack = (uint32_t)args.value;
  }
  return mp_parser_expect(p, ')');
}

/* }===== */

/* A pragma, current behind the word `pragma`. Unknown ones mean nothing to a declaration. */
static MpStatus pragma_line(MpParser *p) {
  bool ms_struct = name_is(p, "ms_struct"), order = name_is(p, "scalar_storage_order");
  if (name_is(p, "pack")) {
    mp_parser_next(p);
    return pragma_pack(p);
  }
  if (ms_struct || order) {
    const char *usual = order ? (MP_BIG_ENDIAN ? "big-endian" : "little-endian") : "off";
    MpToken word = p->lex.tok;
    size_t n;
    mp_parser_next(p);
    n = strlen(usual);
    if (name_is(p, "default") || name_is(p, "reset") || name_is(p, "off")) return MP_OK;
    if ((size_t)(p->lex.end - p->lex.tok.start) >= n && memcmp(p->lex.tok.start, usual, n) == 0)
      return MP_OK;
    return mp_parser_failat(p, &word, MP_MSG_PRAGMA_REFUSED, word.name->text);
  }
  return MP_OK;
}

/* {===== #define ===== */

/* A macro that is no constant: remembered, unless the name is declared as something else. */
static MpStatus define_macro(MpParser *p, const MpToken *name) {
  const MpDecl *old = mp_space_own(p->sp, name->name);
  MpDecl proto;
  if (old != NULL && !(old->kind == MP_DECL_CONSTANT && old->is_macro)) return MP_OK;
  memset(&proto, 0, sizeof proto);
  proto.kind = MP_DECL_MACRO;
  proto.name = name->name;
  proto.file = mp_parser_file(p);
  if (proto.file == NULL) return MP_FAIL;
  proto.line = name->line;
  return mp_space_declare(p->sp, &proto, NULL, p->e);
}

static bool is_constant(const MpParser *p, const MpCval *v) {
  if (mp_parser_kind(p) != MP_TOK_EOF) return false;
  if (v->kind == MP_CVAL_STRING) return true;
  return mp_cval_is_number(v) && v->type->kind != MP_KIND_POINTER;
}

/* define identifier replacement-list, current at the identifier */
static MpStatus define(MpParser *p) {
  MpToken name = p->lex.tok;
  bool has_params = p->lex.at < p->lex.end && *p->lex.at == '(';
  MpBranch branch;
  MpStatus read;
  MpCval v;
  MpConst c;
  if (name.kind < MP_TOK_NAME) return mp_parser_fail(p, MP_MSG_NAME_EXPECTED);
  mp_parser_next(p);
  if (mp_parser_kind(p) >= MP_TOK_NAME && p->lex.tok.name == name.name) return MP_OK;
  if (has_params || mp_parser_kind(p) == MP_TOK_EOF) return define_macro(p, &name);
  if (mp_parser_kind(p) == MP_TOK_ERROR) return define_macro(p, &name); /* #define A ' */
  branch = mp_parser_branch(p);
  read = mp_cexpr_expression(p, &v);
  if (read != MP_OK) MP_TRY(mp_parser_return(p, &branch));
  if (read != MP_OK || !is_constant(p, &v)) return define_macro(p, &name);
  memset(&c, 0, sizeof c);
  c.kind = v.kind == MP_CVAL_INT     ? MP_CONST_INT
           : v.kind == MP_CVAL_FLOAT ? MP_CONST_FLOAT
                                     : MP_CONST_STRING;
  c.type = v.type;
  c.i = v.i;
  c.f = v.f;
  c.s = v.s;
  c.len = v.len;
  return mp_redecl_constant(p, &name, &c, true);
}

/* undef identifier: the name is a macro no more; what else it is declared as stays. */
static MpStatus undef(MpParser *p) {
  const MpDecl *old;
  MpToken name = p->lex.tok;
  MpDecl proto;
  if (name.kind < MP_TOK_NAME) return mp_parser_fail(p, MP_MSG_NAME_EXPECTED);
  old = mp_space_own(p->sp, name.name);
  if (old == NULL) return MP_OK;
  if (old->kind != MP_DECL_MACRO && !(old->kind == MP_DECL_CONSTANT && old->is_macro)) return MP_OK;
  memset(&proto, 0, sizeof proto);
  proto.kind = MP_DECL_NONE;
  proto.name = name.name;
  return mp_space_declare(p->sp, &proto, NULL, p->e);
}

/* }===== */

static MpStatus directive(MpParser *p) {
  static const char *const silent[] = {"ident", "sccs", "warning", "assert", "unassert"};
  size_t i;
  MpToken word = p->lex.tok;
  if (word.kind == MP_TOK_EOF) return MP_OK; /* a lone '#' */
  if (word.kind < MP_TOK_NAME) return mp_parser_fail(p, MP_MSG_DIRECTIVE);
  mp_parser_next(p);
  if (strcmp(word.name->text, "pragma") == 0) return pragma_line(p);
  if (strcmp(word.name->text, "define") == 0) return define(p);
  if (strcmp(word.name->text, "undef") == 0) return undef(p);
  for (i = 0; i < sizeof silent / sizeof silent[0]; i++)
    if (strcmp(word.name->text, silent[i]) == 0) return MP_OK;
  return mp_parser_failat(p, &word, MP_MSG_DIRECTIVE_REFUSED, word.name->text);
}

MpStatus mp_pragma_directive(MpParser *p, const MpToken *t) {
  MpLex outer = p->lex;
  uint32_t in_params = p->in_params;
  MpStatus done;
  p->lex.at = t->start + 1;
  p->lex.end = t->end;
  p->lex.line = t->line;
  p->in_directive = true;
  p->in_params = 0;
  mp_parser_next(p);
  done = directive(p);
  p->in_directive = false;
  p->in_params = in_params;
  outer.file = p->lex.file;
  p->lex = outer;
  return done;
}

MpStatus mp_pragma_operator(MpParser *p) {
  MpLex outer;
  MpCval text;
  MpStatus done;
  bool nested = p->in_directive;
  mp_parser_next(p);
  MP_TRY(mp_parser_expect(p, '('));
  if (mp_parser_kind(p) != MP_TOK_STRING) return mp_parser_fail(p, MP_MSG_STRING_EXPECTED);
  MP_TRY(mp_cprimary_strings(p, &text));
  MP_TRY(mp_parser_expect(p, ')'));
  outer = p->lex;
  mp_lex_init(&p->lex, outer.names, text.s, text.len);
  p->lex.line = outer.tok.line;
  p->lex.file = outer.file;
  p->in_directive = true;
  mp_parser_next(p);
  done = pragma_line(p);
  p->in_directive = nested;
  outer.file = p->lex.file;
  p->lex = outer;
  return done;
}
