/*
** parser.h: what the files of this floor share: the state of one parse, its
** stacks and its errors. Private to decl/.
**
** Stacks: nested constructs push above their outer one's entries and pop
** before it goes on, so that one array serves a whole parse, and nothing is
** allocated per declaration.
*/

#ifndef MP_DECL_PARSER_H
#define MP_DECL_PARSER_H

#include "base/alloc.h"
#include "decl/lex.h"
#include "decl/parse.h"
#include "type/layout.h"

/* Constructs may nest so deep (C11 5.2.4.1 asks for 63); deeper is an error. */
#define MP_PARSER_DEPTH 400

/* Leave the function when a step failed; the error record is filled. */
#define MP_TRY(step)                                  \
  do {                                                \
    if (MP_UNLIKELY((step) != MP_OK)) return MP_FAIL; \
  } while (0)

/* A growing array of items of one size; the first ones lie in the parser. */
typedef struct MpStack {
  void *items;
  uint32_t n, cap;
  bool owned; /* `items` came from the allocator */
} MpStack;

typedef enum MpOpKind { MP_OP_POINTER, MP_OP_ARRAY, MP_OP_FUNCTION } MpOpKind;

/* One step of a declarator: what it derives from the type within. */
typedef struct MpOp {
  uint8_t kind;
  uint8_t quals; /* of a pointer; of an array parameter's pointer (C11 6.7.6.3p7) */
  bool variadic, unprototyped, nonblocking; /* of a function */
  uint32_t align;                           /* a pointer's `aligned`, or 0 */
  uint32_t next;                            /* further out: its index plus 1, or 0 */
  uint32_t nparams, first_param;            /* in the stack of parameters */
  size_t length;                            /* of an array */
} MpOp;

/* #pragma pack(push): what pop brings back. */
typedef struct MpPack {
  const MpName *id; /* NULL: none was given */
  uint32_t value;
} MpPack;

typedef struct MpParser {
  MpLex lex;
  MpSpace *sp;
  MpErr *e;
  const MpParseOptions *options;
  bool is_type;       /* mp_parse_type: messages quote its text */
  uint32_t depth;     /* constructs that are open */
  uint32_t in_params; /* parameter lists that are open */
  bool in_guess;      /* an expression is being read that may turn out to be none */
  bool in_directive;  /* a '#' line is being read: another one in it is none */
  uint32_t pack;      /* #pragma pack in force; 0: none */
  MpStack ops, params, members, enumerators, packs;
  MpOp first_ops[8];
  const MpCtype *first_params[16];
} MpParser;

void mp_parser_init(MpParser *p, MpSpace *sp, const char *text, size_t len, MpErr *e);
void mp_parser_fini(MpParser *p);

/* Goes to the next token, taking directives on the way. An error becomes the current token. */
void mp_parser_advance(MpParser *p);

static inline void mp_parser_next(MpParser *p) {
  mp_lex_next(&p->lex);
  if (MP_UNLIKELY(p->lex.tok.kind == MP_TOK_DIRECTIVE)) mp_parser_advance(p);
}

static inline int mp_parser_kind(const MpParser *p) { return p->lex.tok.kind; }

/* Takes the token `kind` if it is the current one. */
static inline bool mp_parser_accept(MpParser *p, int kind) {
  if (p->lex.tok.kind != kind) return false;
  mp_parser_next(p);
  return true;
}

/* Takes the token `kind` (a character), or fails. */
MP_CHECKED MpStatus mp_parser_expect(MpParser *p, int kind);

/*
** Fills the error record with place, message and the current token, or with
** the lexer's own error where the text ends in one. Returns MP_FAIL.
*/
MpStatus mp_parser_fail(MpParser *p, const char *format, ...) MP_FORMAT(2, 3);

/* The same, for the place of an earlier token. */
MpStatus mp_parser_failat(MpParser *p, const MpToken *at, const char *format, ...) MP_FORMAT(3, 4);

/* A lower floor filled the error record: puts the place before its text. Returns MP_FAIL. */
MpStatus mp_parser_failed(MpParser *p);

/* Where a text can be read in another way if the first one fails. */
typedef struct MpBranch {
  MpLex lex;
  uint32_t depth, ops, params, members, enumerators;
} MpBranch;

MpBranch mp_parser_branch(const MpParser *p);

/*
** Back to the branch, the error forgotten; fails where another reading can't
** help: without memory, or when the branch stands at an unreadable token.
*/
MP_CHECKED MpStatus mp_parser_return(MpParser *p, const MpBranch *b);

/* Is the failure one that no other reading of the text cures (memory)? */
bool mp_parser_is_fatal(const MpParser *p);

/* One construct deeper, or an error; mp_parser_leave undoes it. */
MP_CHECKED static inline MpStatus mp_parser_enter(MpParser *p) {
  if (MP_UNLIKELY(p->depth >= MP_PARSER_DEPTH)) return mp_parser_fail(p, MP_MSG_TOO_DEEP);
  p->depth++;
  return MP_OK;
}
static inline void mp_parser_leave(MpParser *p) { p->depth--; }

/* More room on a stack; fails only for want of memory. */
MP_CHECKED MpStatus mp_parser_grow(MpParser *p, MpStack *s, size_t size);

/* A new item of `size` bytes on top, to be filled; NULL, with the error, without memory. */
static inline void *mp_parser_push(MpParser *p, MpStack *s, size_t size) {
  if (MP_UNLIKELY(s->n == s->cap) && mp_parser_grow(p, s, size) != MP_OK) return NULL;
  return (char *)s->items + s->n++ * size;
}

/*
** mp_ctype_qualify with the place in its errors. It goes down into arrays, so
** that those have to have a bounded number of dimensions.
*/
MP_CHECKED MpStatus mp_parser_qualify(MpParser *p, const MpCtype *ct, unsigned quals,
                                      uint32_t align, const MpCtype **out);

/* The name of the file of the current token, for declarations; NULL without memory. */
const MpName *mp_parser_file(MpParser *p);

#endif
