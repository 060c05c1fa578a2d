/*
** lex.c: the lexer. The parser asks it for a token at a time; `cc -E` output
** is read at a few nanoseconds a byte, so the loop over spaces and names goes
** by a table, and what needs no tokens (function bodies, initializers,
** unknown attributes) is passed over as text. It owns nothing.
*/

#include "decl/lex.h"

#include <string.h>
#include <sys/types.h>

/* {===== words ===== */

/* The primitive that a system typedef stands for here. */
#define PRIM_OF(T)                                                                   \
  _Generic((T)0, signed char: MP_PRIM_SCHAR, unsigned char: MP_PRIM_UCHAR,           \
           short: MP_PRIM_SHORT, unsigned short: MP_PRIM_USHORT, int: MP_PRIM_INT,   \
           unsigned: MP_PRIM_UINT, long: MP_PRIM_LONG, unsigned long: MP_PRIM_ULONG, \
           long long: MP_PRIM_LLONG, unsigned long long: MP_PRIM_ULLONG)

typedef struct LexWord {
  const char *text;
  uint16_t token, builtin; /* as in MpName */
} LexWord;

/*
** Keywords with their further spellings (C11 6.4.1; GCC 6.48 "Alternate
** Keywords"), and the predefined types. In the order of strcmp.
*/
static const LexWord lex_words[] = {
#define W(text, token, builtin) {text, token, builtin},
  W("FILE", MP_TOK_NAME, MP_BUILTIN_FILE + 1)
  W("_Alignas", MP_TOK_ALIGNAS, 0)
  W("_Alignof", MP_TOK_ALIGNOF, 0)
  W("_Atomic", MP_TOK_ATOMIC, 0)
  W("_BitInt", MP_TOK_BITINT, 0)
  W("_Bool", MP_TOK_BOOL, 0)
  W("_Complex", MP_TOK_COMPLEX, 0)
  W("_Decimal128", MP_TOK_DEC128, 0)
  W("_Decimal32", MP_TOK_DEC32, 0)
  W("_Decimal64", MP_TOK_DEC64, 0)
  W("_ExtInt", MP_TOK_BITINT, 0)
  W("_Float128", MP_TOK_FLOAT128, 0)
  W("_Float16", MP_TOK_FLOAT16, 0)
  W("_Float32", MP_TOK_FLOAT32, 0)
  W("_Float32x", MP_TOK_FLOAT32X, 0)
  W("_Float64", MP_TOK_FLOAT64, 0)
  W("_Float64x", MP_TOK_FLOAT64X, 0)
  W("_Generic", MP_TOK_GENERIC, 0)
  W("_Nonnull", MP_TOK_NULLABLE, 0)
  W("_Noreturn", MP_TOK_NORETURN, 0)
  W("_Null_unspecified", MP_TOK_NULLABLE, 0)
  W("_Nullable", MP_TOK_NULLABLE, 0)
  W("_Nullable_result", MP_TOK_NULLABLE, 0)
  W("_Pragma", MP_TOK_PRAGMA, 0)
  W("_Static_assert", MP_TOK_STATICASSERT, 0)
  W("_Thread_local", MP_TOK_THREAD, 0)
  W("__alignof", MP_TOK_ALIGNOF, 0)
  W("__alignof__", MP_TOK_ALIGNOF, 0)
  W("__asm", MP_TOK_ASM, 0)
  W("__asm__", MP_TOK_ASM, 0)
  W("__attribute", MP_TOK_ATTRIBUTE, 0)
  W("__attribute__", MP_TOK_ATTRIBUTE, 0)
  W("__auto_type", MP_TOK_AUTOTYPE, 0)
  W("__bf16", MP_TOK_BFLOAT16, 0)
  W("__builtin_offsetof", MP_TOK_OFFSETOF, 0)
  W("__builtin_va_list", MP_TOK_VALIST, 0)
  W("__complex", MP_TOK_COMPLEX, 0)
  W("__complex__", MP_TOK_COMPLEX, 0)
  W("__const", MP_TOK_CONST, 0)
  W("__const__", MP_TOK_CONST, 0)
  W("__declspec", MP_TOK_DECLSPEC, 0)
  W("__extension__", MP_TOK_EXTENSION, 0)
  W("__float128", MP_TOK_FLOAT128, 0)
  W("__float80", MP_TOK_FLOAT64X, 0)
  W("__gnuc_va_list", MP_TOK_NAME, MP_BUILTIN_VALIST + 1)
  W("__imag", MP_TOK_IMAG, 0)
  W("__imag__", MP_TOK_IMAG, 0)
  W("__inline", MP_TOK_INLINE, 0)
  W("__inline__", MP_TOK_INLINE, 0)
  W("__int128", MP_TOK_INT128, 0)
  W("__int128_t", MP_TOK_NAME, MP_PRIM_INT128 + 1)
  W("__real", MP_TOK_REAL, 0)
  W("__real__", MP_TOK_REAL, 0)
  W("__restrict", MP_TOK_RESTRICT, 0)
  W("__restrict__", MP_TOK_RESTRICT, 0)
  W("__signed", MP_TOK_SIGNED, 0)
  W("__signed__", MP_TOK_SIGNED, 0)
  W("__thread", MP_TOK_THREAD, 0)
  W("__typeof", MP_TOK_TYPEOF, 0)
  W("__typeof__", MP_TOK_TYPEOF, 0)
  W("__uint128_t", MP_TOK_NAME, MP_PRIM_UINT128 + 1)
  W("__unaligned", MP_TOK_NULLABLE, 0)
  W("__volatile", MP_TOK_VOLATILE, 0)
  W("__volatile__", MP_TOK_VOLATILE, 0)
  W("asm", MP_TOK_ASM, 0)
  W("auto", MP_TOK_AUTO, 0)
  W("bool", MP_TOK_NAME, MP_PRIM_BOOL + 1)
  W("char", MP_TOK_CHAR, 0)
  W("char16_t", MP_TOK_NAME, MP_PRIM_CHAR16 + 1)
  W("char32_t", MP_TOK_NAME, MP_PRIM_CHAR32 + 1)
  W("const", MP_TOK_CONST, 0)
  W("double", MP_TOK_DOUBLE, 0)
  W("enum", MP_TOK_ENUM, 0)
  W("extern", MP_TOK_EXTERN, 0)
  W("float", MP_TOK_FLOAT, 0)
  W("inline", MP_TOK_INLINE, 0)
  W("int", MP_TOK_INT, 0)
  W("int16_t", MP_TOK_NAME, PRIM_OF(int16_t) + 1)
  W("int32_t", MP_TOK_NAME, PRIM_OF(int32_t) + 1)
  W("int64_t", MP_TOK_NAME, PRIM_OF(int64_t) + 1)
  W("int8_t", MP_TOK_NAME, PRIM_OF(int8_t) + 1)
  W("int_fast16_t", MP_TOK_NAME, PRIM_OF(int_fast16_t) + 1)
  W("int_fast32_t", MP_TOK_NAME, PRIM_OF(int_fast32_t) + 1)
  W("int_fast64_t", MP_TOK_NAME, PRIM_OF(int_fast64_t) + 1)
  W("int_fast8_t", MP_TOK_NAME, PRIM_OF(int_fast8_t) + 1)
  W("int_least16_t", MP_TOK_NAME, PRIM_OF(int_least16_t) + 1)
  W("int_least32_t", MP_TOK_NAME, PRIM_OF(int_least32_t) + 1)
  W("int_least64_t", MP_TOK_NAME, PRIM_OF(int_least64_t) + 1)
  W("int_least8_t", MP_TOK_NAME, PRIM_OF(int_least8_t) + 1)
  W("intmax_t", MP_TOK_NAME, PRIM_OF(intmax_t) + 1)
  W("intptr_t", MP_TOK_NAME, PRIM_OF(intptr_t) + 1)
  W("long", MP_TOK_LONG, 0)
  W("ptrdiff_t", MP_TOK_NAME, PRIM_OF(ptrdiff_t) + 1)
  W("register", MP_TOK_REGISTER, 0)
  W("restrict", MP_TOK_RESTRICT, 0)
  W("short", MP_TOK_SHORT, 0)
  W("signed", MP_TOK_SIGNED, 0)
  W("size_t", MP_TOK_NAME, PRIM_OF(size_t) + 1)
  W("sizeof", MP_TOK_SIZEOF, 0)
  W("ssize_t", MP_TOK_NAME, PRIM_OF(ssize_t) + 1)
  W("static", MP_TOK_STATIC, 0)
  W("struct", MP_TOK_STRUCT, 0)
  W("typedef", MP_TOK_TYPEDEF, 0)
  W("typeof", MP_TOK_TYPEOF, 0)
  W("uint16_t", MP_TOK_NAME, PRIM_OF(uint16_t) + 1)
  W("uint32_t", MP_TOK_NAME, PRIM_OF(uint32_t) + 1)
  W("uint64_t", MP_TOK_NAME, PRIM_OF(uint64_t) + 1)
  W("uint8_t", MP_TOK_NAME, PRIM_OF(uint8_t) + 1)
  W("uint_fast16_t", MP_TOK_NAME, PRIM_OF(uint_fast16_t) + 1)
  W("uint_fast32_t", MP_TOK_NAME, PRIM_OF(uint_fast32_t) + 1)
  W("uint_fast64_t", MP_TOK_NAME, PRIM_OF(uint_fast64_t) + 1)
  W("uint_fast8_t", MP_TOK_NAME, PRIM_OF(uint_fast8_t) + 1)
  W("uint_least16_t", MP_TOK_NAME, PRIM_OF(uint_least16_t) + 1)
  W("uint_least32_t", MP_TOK_NAME, PRIM_OF(uint_least32_t) + 1)
  W("uint_least64_t", MP_TOK_NAME, PRIM_OF(uint_least64_t) + 1)
  W("uint_least8_t", MP_TOK_NAME, PRIM_OF(uint_least8_t) + 1)
  W("uintmax_t", MP_TOK_NAME, PRIM_OF(uintmax_t) + 1)
  W("uintptr_t", MP_TOK_NAME, PRIM_OF(uintptr_t) + 1)
  W("union", MP_TOK_UNION, 0)
  W("unsigned", MP_TOK_UNSIGNED, 0)
  W("va_list", MP_TOK_NAME, MP_BUILTIN_VALIST + 1)
  W("void", MP_TOK_VOID, 0)
  W("volatile", MP_TOK_VOLATILE, 0)
  W("wchar_t", MP_TOK_NAME, MP_PRIM_WCHAR + 1)
#undef W
};

/* No word with this first character is longer; most names are none for that reason alone. */
static const unsigned char lex_longest[128] = {
    ['F'] = 4, ['_'] = 18, ['a'] = 4, ['b'] = 4, ['c'] = 8, ['d'] = 6, ['e'] = 6, ['f'] = 5,
    ['i'] = 13, ['l'] = 4, ['p'] = 9, ['r'] = 8, ['s'] = 7, ['t'] = 7, ['u'] = 14, ['v'] = 8,
    ['w'] = 7,
};

/* Finds out, once a name, what it is to the lexer. */
static void lex_classify(MpName *name) {
  size_t low = 0, high = sizeof lex_words / sizeof lex_words[0];
  name->word = MP_TOK_NAME;
  if (name->len > lex_longest[name->text[0] & 127]) return;
  while (low < high) {
    size_t mid = (low + high) / 2;
    int order = strcmp(name->text, lex_words[mid].text);
    if (order == 0) {
      name->word = lex_words[mid].token;
      name->builtin = lex_words[mid].builtin;
      return;
    }
    if (order < 0) high = mid;
    else low = mid + 1;
  }
}

/* }===== */

/* {===== characters ===== */

#define C_SPACE 1
#define C_NAME 2
#define C_DIGIT 4
#define C_TRIVIA 8 /* may start a comment, end a line, splice two */
#define C_STEP 16  /* means something where text is passed over: lex_step, and brackets */

/* UTF-8 and '$' in names: GCC 6.4.2 and "Dollar Signs". */
static const unsigned char lex_class[256] = {
    [' '] = C_SPACE, ['\t'] = C_SPACE, ['\v'] = C_SPACE, ['\f'] = C_SPACE, ['\r'] = C_SPACE,
    ['a' ... 'z'] = C_NAME, ['A' ... 'Z'] = C_NAME, ['_'] = C_NAME, ['$'] = C_NAME,
    [0x80 ... 0xff] = C_NAME, ['0' ... '9'] = C_DIGIT,
    ['\n'] = C_TRIVIA | C_STEP, ['/'] = C_TRIVIA | C_STEP, ['\\'] = C_TRIVIA,
    ['"'] = C_STEP, ['\''] = C_STEP, ['('] = C_STEP, [')'] = C_STEP, ['['] = C_STEP,
    [']'] = C_STEP, ['{'] = C_STEP, ['}'] = C_STEP,
};

static unsigned lex_is(char c, unsigned classes) {
  return lex_class[(unsigned char)c] & classes;
}

static void lex_fail(MpLex *lx, const char *start, const char *message) {
  lx->tok.kind = MP_TOK_ERROR;
  lx->tok.start = start;
  lx->tok.end = lx->end;
  lx->tok.line = lx->line;
  lx->error = message;
  lx->at = lx->end;
}

/* }===== */

/* {===== spaces, comments, directives ===== */

/* From behind "slash star" to behind "star slash"; NULL when it never ends. Counts lines. */
static const char *lex_comment(MpLex *lx, const char *p) {
  for (; p + 1 < lx->end; p++) {
    if (*p == '\n') lx->line++;
    else if (*p == '*' && p[1] == '/') return p + 2;
  }
  return NULL;
}

static const char *lex_line_end(const MpLex *lx, const char *p) {
  const char *nl = (const char *)memchr(p, '\n', (size_t)(lx->end - p));
  return nl ? nl : lx->end;
}

/* The end of a directive's line, continued lines joined (C11 5.1.1.2p1.2). Counts those. */
static const char *lex_directive_end(MpLex *lx, const char *p) {
  for (;;) {
    const char *q = p = lex_line_end(lx, p);
    if (q > lx->at && q[-1] == '\r') q--;
    if (p == lx->end || q == lx->begin || q[-1] != '\\') return p;
    lx->line++;
    p++;
  }
}

/*
** Passes spaces and comments. `*bol` becomes true behind a newline. Returns
** the first character that counts, or NULL in a comment without end.
*/
static const char *lex_spaces(MpLex *lx, const char *p, bool *bol) {
  for (; p < lx->end; p++) {
    if (lex_is(*p, C_SPACE)) continue;
    if (!lex_is(*p, C_TRIVIA)) break;
    if (*p == '\n') {
      lx->line++;
      *bol = true;
    } else if (*p == '/' && p + 1 < lx->end && p[1] == '*') {
      p = lex_comment(lx, p + 2);
      if (p == NULL) return NULL;
      p--;
    } else if (*p == '/' && p + 1 < lx->end && p[1] == '/') {
      p = lex_line_end(lx, p) - 1;
    } else if (*p == '\\' && p + 1 < lx->end && (p[1] == '\n' || p[1] == '\r')) {
      continue; /* a spliced line: the newline that follows is a space */
    } else {
      break;
    }
  }
  return p;
}

/* A quoted file name, as the preprocessor escapes it: backslash before quote and backslash. */
static const MpName *marker_file(MpLex *lx, const char *p, const char *end) {
  char text[512];
  size_t n = 0;
  for (; p < end && *p != '"' && n < sizeof text; p++) {
    if (*p == '\\' && p + 1 < end) p++;
    text[n++] = *p;
  }
  return mp_name_intern(lx->names, text, n);
}

bool mp_lex_take_marker(MpLex *lx, const char *p, const char *end) {
  uint32_t line = 0;
  while (p < end && (lex_is(*p, C_SPACE) || *p == '#')) p++;
  if (end - p > 5 && memcmp(p, "line", 4) == 0 && lex_is(p[4], C_SPACE)) p += 5;
  while (p < end && lex_is(*p, C_SPACE)) p++;
  if (p == end || !lex_is(*p, C_DIGIT)) return false;
  for (; p < end && lex_is(*p, C_DIGIT); p++) line = line * 10 + (uint32_t)(*p - '0');
  while (p < end && lex_is(*p, C_SPACE)) p++;
  if (p < end && *p == '"') {
    const MpName *file = marker_file(lx, p + 1, end);
    if (file != NULL) lx->file = file; /* without memory the old one serves: it is for messages */
  }
  lx->line = line - 1; /* the newline behind the marker makes it `line` */
  return true;
}

/* }===== */

/* {===== tokens ===== */

static void lex_finish(MpLex *lx, int kind, const char *end) {
  lx->tok.kind = kind;
  lx->tok.end = end;
  lx->at = end;
}

/* Behind the last character of a name; four at a time, for most text is names. */
static const char *lex_name_end(const char *p, const char *end) {
  for (; end - p >= 4; p += 4) {
    if (!lex_is(p[0], C_NAME | C_DIGIT)) return p;
    if (!lex_is(p[1], C_NAME | C_DIGIT)) return p + 1;
    if (!lex_is(p[2], C_NAME | C_DIGIT)) return p + 2;
    if (!lex_is(p[3], C_NAME | C_DIGIT)) return p + 3;
  }
  while (p < end && lex_is(*p, C_NAME | C_DIGIT)) p++;
  return p;
}

/* identifier (C11 6.4.2.1), or keyword */
static void lex_name(MpLex *lx, const char *p) {
  const char *start = p;
  MpName *name;
  p = lex_name_end(p, lx->end);
  name = (MpName *)mp_name_intern(lx->names, start, (size_t)(p - start));
  if (name == NULL) {
    lex_fail(lx, start, MP_MSG_NOMEM);
    return;
  }
  if (MP_UNLIKELY(name->word == 0)) lex_classify(name);
  lx->tok.name = name;
  lex_finish(lx, name->word, p);
}

/* pp-number (C11 6.4.8) */
static void lex_number(MpLex *lx, const char *p) {
  for (; p < lx->end; p++) {
    char c = *p;
    if (lex_is(c, C_NAME | C_DIGIT) || c == '.') continue;
    if ((c == '+' || c == '-') && ((p[-1] | 32) == 'e' || (p[-1] | 32) == 'p')) continue;
    break;
  }
  lex_finish(lx, MP_TOK_NUMBER, p);
}

/* Behind the closing quote of what was opened before `p`; NULL where the line or text ends. */
static const char *lex_quoted(const MpLex *lx, const char *p, char quote) {
  for (; p < lx->end && *p != '\n'; p++) {
    if (*p == quote) return p + 1;
    if (*p == '\\' && ++p == lx->end) return NULL;
  }
  return NULL;
}

/* character-constant (C11 6.4.4.4) or string-literal (6.4.5), with `quote` at `p` */
static void lex_literal(MpLex *lx, const char *p) {
  char quote = *p;
  const char *end = lex_quoted(lx, p + 1, quote);
  if (end == NULL) {
    lex_fail(lx, lx->tok.start, quote == '"' ? MP_MSG_STRING_UNFINISHED : MP_MSG_CHAR_UNFINISHED);
    return;
  }
  lex_finish(lx, quote == '"' ? MP_TOK_STRING : MP_TOK_CHARCONST, end);
}

/* A name, unless it is the prefix of a literal: L u U u8. */
static void lex_prefixed(MpLex *lx, const char *p) {
  const char *q = p + 1;
  if (*p == 'u' && q < lx->end && *q == '8') q++;
  if (q < lx->end && (*q == '"' || *q == '\'')) lex_literal(lx, q);
  else lex_name(lx, p);
}

/* punctuator (C11 6.4.6) */
static void lex_punctuator(MpLex *lx, const char *p) {
  char c = p[0];
  char d = p + 1 < lx->end ? p[1] : '\0';
  int kind = (unsigned char)c;
  if (c == '.' && d == '.' && p + 2 < lx->end && p[2] == '.') {
    lex_finish(lx, MP_TOK_ELLIPSIS, p + 3);
    return;
  }
  if (c == d) {
    if (c == '<') kind = MP_TOK_SHL;
    else if (c == '>') kind = MP_TOK_SHR;
    else if (c == '=') kind = MP_TOK_EQ;
    else if (c == '&') kind = MP_TOK_ANDAND;
    else if (c == '|') kind = MP_TOK_OROR;
    else if (c == '+') kind = MP_TOK_INC;
    else if (c == '-') kind = MP_TOK_DEC;
  } else if (c == '-' && d == '>') {
    kind = MP_TOK_ARROW;
  } else if (d == '=') {
    if (c == '<') kind = MP_TOK_LE;
    else if (c == '>') kind = MP_TOK_GE;
    else if (c == '!') kind = MP_TOK_NE;
  }
  lex_finish(lx, kind, kind < 256 ? p + 1 : p + 2);
}

static void lex_token(MpLex *lx, const char *p) {
  switch (*p) {
    case 'L': case 'u': case 'U':
      lex_prefixed(lx, p);
      break;
    case '"': case '\'':
      lex_literal(lx, p);
      break;
    case '.':
      if (p + 1 < lx->end && lex_is(p[1], C_DIGIT)) lex_number(lx, p);
      else lex_punctuator(lx, p);
      break;
    case '(': case ')': case ';': case ',': case '{': case '}': case '[': case ']': case '*':
      lex_finish(lx, *p, p + 1);
      break;
    case '<': case '>': case '=': case '!': case '&': case '|': case '+': case '-': case '/':
    case '%': case '^': case '~': case '?': case ':': case '#':
      lex_punctuator(lx, p);
      break;
    default:
      if (lex_is(*p, C_NAME)) lex_name(lx, p);
      else if (lex_is(*p, C_DIGIT)) lex_number(lx, p);
      else {
        lex_fail(lx, p, MP_MSG_BAD_CHARACTER);
        lx->tok.end = p + 1;
      }
  }
}

void mp_lex_init(MpLex *lx, MpNames *names, const char *text, size_t len) {
  memset(lx, 0, sizeof *lx);
  lx->begin = lx->at = text;
  lx->end = text + len;
  lx->line = 1;
  lx->names = names;
}

void mp_lex_next(MpLex *lx) {
  if (lx->tok.kind == MP_TOK_ERROR) return;
  for (;;) {
    bool bol = lx->at == lx->begin;
    const char *p = lex_spaces(lx, lx->at, &bol);
    if (p == NULL) {
      lex_fail(lx, lx->at, MP_MSG_COMMENT_UNFINISHED);
      return;
    }
    lx->tok.start = p;
    lx->tok.line = lx->line;
    lx->at = p;
    if (p == lx->end) {
      lex_finish(lx, MP_TOK_EOF, p);
      return;
    }
    if (*p != '#' || !bol) {
      lex_token(lx, p);
      return;
    }
    p = lex_directive_end(lx, p);
    if (!mp_lex_take_marker(lx, lx->at, p)) {
      lex_finish(lx, MP_TOK_DIRECTIVE, p);
      return;
    }
    lx->at = p;
  }
}

/* }===== */

/* {===== passing over text ===== */

/*
** One step over text that is not read: a literal, comment or newline is taken
** whole. NULL for an unfinished one (the token is then MP_TOK_ERROR).
*/
static const char *lex_step(MpLex *lx, const char *p) {
  if (*p == '\n') {
    const char *q = p + 1;
    lx->line++;
    while (q < lx->end && lex_is(*q, C_SPACE)) q++;
    if (q == lx->end || *q != '#') return q;
    lx->at = q;
    p = lex_directive_end(lx, q);
    (void)mp_lex_take_marker(lx, q, p);
    return p;
  }
  if (*p == '"' || *p == '\'') {
    const char *q = lex_quoted(lx, p + 1, *p);
    if (q == NULL) lex_fail(lx, p, *p == '"' ? MP_MSG_STRING_UNFINISHED : MP_MSG_CHAR_UNFINISHED);
    return q;
  }
  if (*p == '/' && p + 1 < lx->end && p[1] == '/') return lex_line_end(lx, p);
  if (*p == '/' && p + 1 < lx->end && p[1] == '*') {
    const char *q = lex_comment(lx, p + 2);
    if (q == NULL) lex_fail(lx, p, MP_MSG_COMMENT_UNFINISHED);
    return q;
  }
  return p + 1;
}

/* Ends a passage at `p`: the token there becomes the current one. */
static void lex_resume(MpLex *lx, const char *p) {
  lx->at = p;
  mp_lex_next(lx);
}

void mp_lex_skip_bracket(MpLex *lx) {
  const char open = (char)lx->tok.kind;
  const char close = open == '(' ? ')' : open == '[' ? ']' : '}';
  const char *p = lx->at, *start = lx->tok.start;
  uint32_t line = lx->tok.line;
  size_t depth = 1;
  while (p < lx->end) {
    if (!lex_is(*p, C_STEP)) {
      p++;
      continue;
    }
    if (*p == open) depth++;
    else if (*p == close && --depth == 0) {
      lex_resume(lx, p + 1);
      return;
    }
    p = lex_step(lx, p);
    if (p == NULL) return;
  }
  lex_fail(lx, start, MP_MSG_BRACKET_UNFINISHED);
  lx->tok.end = start + 1;
  lx->tok.line = line;
}

void mp_lex_skip_initializer(MpLex *lx) {
  const char *p = lx->tok.start;
  size_t depth = 0;
  if (lx->tok.kind == MP_TOK_ERROR) return;
  lx->line = lx->tok.line;
  while (p < lx->end) {
    if (*p == '(' || *p == '[' || *p == '{') depth++;
    else if (*p == ')' || *p == ']' || *p == '}') {
      if (depth-- == 0) break;
    } else if (depth == 0 && (*p == ',' || *p == ';')) break;
    p = lex_step(lx, p);
    if (p == NULL) return;
  }
  lex_resume(lx, p);
}

/* }===== */
