/*
** lex.h: C text to tokens (C11 6.4), as the preprocessor left it. A token is
** a view of the text; nothing is copied but a new name, once.
*/

#ifndef MP_DECL_LEX_H
#define MP_DECL_LEX_H

#include "base/err.h"
#include "base/name.h"
#include "type/prim.h"

/*
** A one-character punctuator is its character; the others, and the words,
** come above. The spellings of a keyword are in word.c.
*/
typedef enum MpTok {
  MP_TOK_EOF = 256,
  MP_TOK_ERROR,     /* lex.error says why; no rule takes it */
  MP_TOK_DIRECTIVE, /* a line that starts with '#': `start` to `end` */
  MP_TOK_NUMBER,
  MP_TOK_CHARCONST,
  MP_TOK_STRING,
  MP_TOK_ELLIPSIS,
  MP_TOK_ARROW,
  MP_TOK_SHL,
  MP_TOK_SHR,
  MP_TOK_LE,
  MP_TOK_GE,
  MP_TOK_EQ,
  MP_TOK_NE,
  MP_TOK_ANDAND,
  MP_TOK_OROR,
  MP_TOK_INC,
  MP_TOK_DEC,
  MP_TOK_NAME, /* an identifier that is no keyword */
  /* type specifiers and qualifiers, storage classes: what may start a declaration */
  MP_TOK_FIRST_SPECIFIER,
  MP_TOK_VOID = MP_TOK_FIRST_SPECIFIER,
  MP_TOK_CHAR,
  MP_TOK_SHORT,
  MP_TOK_INT,
  MP_TOK_LONG,
  MP_TOK_INT128,
  MP_TOK_FLOAT,
  MP_TOK_DOUBLE,
  MP_TOK_SIGNED,
  MP_TOK_UNSIGNED,
  MP_TOK_BOOL,
  MP_TOK_COMPLEX,
  MP_TOK_FLOAT16,
  MP_TOK_BFLOAT16,
  MP_TOK_FLOAT32,
  MP_TOK_FLOAT64,
  MP_TOK_FLOAT128,
  MP_TOK_FLOAT32X,
  MP_TOK_FLOAT64X,
  MP_TOK_DEC32,
  MP_TOK_DEC64,
  MP_TOK_DEC128,
  MP_TOK_BITINT,
  MP_TOK_VALIST,
  MP_TOK_STRUCT,
  MP_TOK_UNION,
  MP_TOK_ENUM,
  MP_TOK_TYPEOF,
  MP_TOK_AUTOTYPE,
  MP_TOK_ATOMIC,
  MP_TOK_CONST,
  MP_TOK_VOLATILE,
  MP_TOK_RESTRICT,
  MP_TOK_NULLABLE,
  MP_TOK_TYPEDEF,
  MP_TOK_EXTERN,
  MP_TOK_STATIC,
  MP_TOK_AUTO,
  MP_TOK_REGISTER,
  MP_TOK_THREAD,
  MP_TOK_INLINE,
  MP_TOK_NORETURN,
  MP_TOK_ALIGNAS,
  MP_TOK_ATTRIBUTE,
  MP_TOK_DECLSPEC,
  MP_TOK_EXTENSION,
  MP_TOK_LAST_SPECIFIER = MP_TOK_EXTENSION,
  MP_TOK_ALIGNOF,
  MP_TOK_ASM,
  MP_TOK_GENERIC,
  MP_TOK_IMAG,
  MP_TOK_REAL,
  MP_TOK_OFFSETOF,
  MP_TOK_PRAGMA,
  MP_TOK_SIZEOF,
  MP_TOK_STATICASSERT
} MpTok;

typedef struct MpToken {
  int kind; /* a character or an MpTok */
  uint32_t line;
  const MpName *name; /* of an identifier or keyword */
  const char *start, *end;
} MpToken;

typedef struct MpLex {
  MpToken tok;             /* the current token */
  const char *at;          /* behind it */
  const char *begin, *end; /* the text */
  uint32_t line;           /* of `at` in `file`, from 1 */
  const MpName *file;      /* from the last line marker; NULL before one */
  MpNames *names;
  const char *error; /* why tok is MP_TOK_ERROR: a text of message.h */
} MpLex;

/* The text must stay while the lexer is in use. No token is current yet. */
void mp_lex_init(MpLex *lx, MpNames *names, const char *text, size_t len);

/* Goes to the next token. An unreadable one becomes MP_TOK_ERROR, and stays. */
void mp_lex_next(MpLex *lx);

/*
** The current token is an opening bracket, just read: goes behind the closing
** one of its kind, past strings and comments, in one step; the next token is
** then read. Where none comes the token is MP_TOK_ERROR. For function bodies
** and unknown attributes.
*/
void mp_lex_skip_bracket(MpLex *lx);

/* From the first token behind a '[' to the ']' that closes it, in the same way. */
void mp_lex_skip_length(MpLex *lx);

/*
** Goes to the ',' or ';' (or the closing bracket too many, or the end) that
** ends an initializer, from behind the current token.
*/
void mp_lex_skip_initializer(MpLex *lx);

/*
** Names that are types where nobody declared them, as in CFFI: a primitive
** (its MpPrim), or one of these.
*/
#define MP_BUILTIN_FILE (MP_PRIM_COUNT + 0)
#define MP_BUILTIN_VALIST (MP_PRIM_COUNT + 1)

/* What `name`, which the lexer has seen, stands for in that way; -1: nothing. */
static inline int mp_lex_builtin(const MpName *name) { return (int)name->builtin - 1; }

#endif
