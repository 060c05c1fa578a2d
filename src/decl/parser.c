/*
** parser.c: the state of a parse: its stacks, its way from token to token,
** and its errors. Every file of this floor calls it; mp_parse_* own it.
*/

#include "decl/parser.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "decl/pragma.h"

/* So much of a token is shown in a message. */
#define TOKEN_SHOWN 40
/* So much of a type string. */
#define TYPE_SHOWN 80

void mp_parser_init(MpParser *p, MpSpace *sp, const char *text, size_t len, MpErr *e) {
  /* The first items of the stacks needn't be cleared: who pushes one fills it. */
  memset(p, 0, offsetof(MpParser, first_ops));
  mp_lex_init(&p->lex, sp->names, text, len);
  p->sp = sp;
  p->e = e;
  p->ops.items = p->first_ops;
  p->ops.cap = sizeof p->first_ops / sizeof p->first_ops[0];
  p->params.items = p->first_params;
  p->params.cap = sizeof p->first_params / sizeof p->first_params[0];
}

static void stack_fini(MpParser *p, MpStack *s, size_t size) {
  if (s->owned) mp_alloc_free(p->sp->alloc, s->items, s->cap * size);
}

void mp_parser_fini(MpParser *p) {
  stack_fini(p, &p->ops, sizeof(MpOp));
  stack_fini(p, &p->params, sizeof(MpCtype *));
  stack_fini(p, &p->members, sizeof(MpMember));
  stack_fini(p, &p->enumerators, sizeof(MpEnumerator));
  stack_fini(p, &p->packs, sizeof(MpPack));
}

MpStatus mp_parser_grow(MpParser *p, MpStack *s, size_t size) {
  uint32_t cap = s->cap ? s->cap * 2 : 16;
  size_t bytes;
  void *items;
  if (cap < s->cap || !mp_num_mul(cap, size, &bytes)) return mp_err_memory(p->e);
  items = mp_alloc_resize(p->sp->alloc, s->owned ? s->items : NULL, s->owned ? s->cap * size : 0,
                          bytes);
  if (items == NULL) return mp_err_memory(p->e);
  if (!s->owned && s->cap > 0) memcpy(items, s->items, s->cap * size);
  s->items = items;
  s->cap = cap;
  s->owned = true;
  return MP_OK;
}

void mp_parser_advance(MpParser *p) {
  while (p->lex.tok.kind == MP_TOK_DIRECTIVE && !p->in_directive) {
    MpToken directive = p->lex.tok;
    if (mp_pragma_directive(p, &directive) != MP_OK) {
      p->lex.tok = directive;
      p->lex.tok.kind = MP_TOK_ERROR;
      p->lex.error = NULL; /* the error record is filled */
      return;
    }
    mp_lex_next(&p->lex);
  }
}

MpStatus mp_parser_expect(MpParser *p, int kind) {
  if (p->lex.tok.kind != kind) return mp_parser_fail(p, MP_MSG_EXPECTED, kind);
  mp_parser_next(p);
  return MP_OK;
}

/* {===== errors ===== */

/* The token's text, cut to fit, without control characters. */
static const char *token_text(const MpToken *t, char *out) {
  size_t i, n = (size_t)(t->end - t->start);
  if (t->kind == MP_TOK_EOF) return "<eof>";
  if (n > TOKEN_SHOWN) n = TOKEN_SHOWN;
  for (i = 0; i < n; i++) {
    unsigned char c = (unsigned char)t->start[i];
    if (c == '\n') break;
    out[i] = (char)(c < 32 || c == 127 ? '?' : c);
  }
  out[i] = '\0';
  return out;
}

/* Bytes from the start of its line, plus 1. */
static size_t token_column(const MpParser *p, const MpToken *t) {
  const char *s = t->start;
  while (s > p->lex.begin && s[-1] != '\n') s--;
  return (size_t)(t->start - s) + 1;
}

static const char *parser_name(const MpParser *p) {
  if (p->lex.file != NULL) return p->lex.file->text;
  return p->options && p->options->name ? p->options->name : "cdef";
}

static MpStatus parser_say(MpParser *p, const MpToken *at, const char *what) {
  char shown[TOKEN_SHOWN + 1];
  if (p->is_type) {
    size_t n = (size_t)(p->lex.end - p->lex.begin);
    return mp_err_set(p->e, MP_MSG_AT_TYPE, (int)(n < TYPE_SHOWN ? n : TYPE_SHOWN), p->lex.begin,
                      token_column(p, at), what, token_text(at, shown));
  }
  return mp_err_set(p->e, MP_MSG_AT, parser_name(p), (unsigned)at->line, token_column(p, at), what,
                    token_text(at, shown));
}

static MpStatus parser_vfail(MpParser *p, const MpToken *at, const char *format, va_list args) {
  char what[MP_ERR_TEXT];
  vsnprintf(what, sizeof what, format, args);
  return parser_say(p, at, what);
}

MpStatus mp_parser_fail(MpParser *p, const char *format, ...) {
  va_list args;
  if (p->lex.tok.kind == MP_TOK_ERROR) {
    if (p->lex.error == NULL) return MP_FAIL;
    if (strcmp(p->lex.error, MP_MSG_NOMEM) == 0) return mp_err_memory(p->e);
    return parser_say(p, &p->lex.tok, p->lex.error);
  }
  va_start(args, format);
  (void)parser_vfail(p, &p->lex.tok, format, args);
  va_end(args);
  return MP_FAIL;
}

MpStatus mp_parser_failat(MpParser *p, const MpToken *at, const char *format, ...) {
  va_list args;
  if (p->lex.tok.kind == MP_TOK_ERROR) return mp_parser_fail(p, "%s", "");
  va_start(args, format);
  (void)parser_vfail(p, at, format, args);
  va_end(args);
  return MP_FAIL;
}

MpStatus mp_parser_failed(MpParser *p) {
  char what[MP_ERR_TEXT];
  if (mp_parser_is_fatal(p)) return MP_FAIL;
  memcpy(what, p->e->text, sizeof what);
  return mp_parser_fail(p, "%s", what);
}

MpBranch mp_parser_branch(const MpParser *p) {
  MpBranch b;
  b.lex = p->lex;
  b.depth = p->depth;
  b.ops = p->ops.n;
  b.params = p->params.n;
  b.members = p->members.n;
  b.enumerators = p->enumerators.n;
  return b;
}

MpStatus mp_parser_return(MpParser *p, const MpBranch *b) {
  if (mp_parser_is_fatal(p)) return MP_FAIL;
  p->lex = b->lex;
  p->depth = b->depth;
  p->ops.n = b->ops;
  p->params.n = b->params;
  p->members.n = b->members;
  p->enumerators.n = b->enumerators;
  if (p->lex.tok.kind == MP_TOK_ERROR) return mp_parser_fail(p, "%s", "");
  p->e->text[0] = '\0';
  return MP_OK;
}

bool mp_parser_is_fatal(const MpParser *p) { return strcmp(p->e->text, MP_MSG_NOMEM) == 0; }

/* }===== */

MpStatus mp_parser_qualify(MpParser *p, const MpCtype *ct, unsigned quals, uint32_t align,
                           const MpCtype **out) {
  const MpCtype *at = ct;
  uint32_t depth = 0;
  for (; at->kind == MP_KIND_ARRAY; at = at->item)
    if (++depth > MP_PARSER_DEPTH) return mp_parser_fail(p, MP_MSG_TOO_DEEP);
  if (mp_ctype_qualify(p->sp, ct, quals, align, out, p->e) == MP_OK) return MP_OK;
  return mp_parser_failed(p);
}

const MpName *mp_parser_file(MpParser *p) {
  if (p->lex.file == NULL) {
    const char *name = parser_name(p);
    p->lex.file = mp_name_intern(p->sp->names, name, strlen(name));
    if (p->lex.file == NULL) (void)mp_err_memory(p->e);
  }
  return p->lex.file;
}
