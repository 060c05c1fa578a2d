/*
** lex.c: the lexer. The parser asks it for a token at a time; `cc -E` output
** is read at a few nanoseconds a byte, so the loop over spaces and names goes
** by a table, and what needs no tokens (function bodies, initializers,
** unknown attributes) is passed over as text. It owns nothing.
*/

#include "decl/lex.h"

#include <string.h>

#include "decl/word.h"

/* {===== characters ===== */

#define C_SPACE 1
#define C_NAME 2
#define C_DIGIT 4
#define C_TRIVIA 8  /* may start a comment, end a line, splice two */
#define C_STEP 16   /* means something where text is passed over: lex_step, and brackets */
#define C_SINGLE 32 /* a punctuator that starts no longer one */

/* UTF-8 and '$' in names: GCC 6.4.2 and "Dollar Signs". */
/* clang-format off */
static const unsigned char lex_class[256] = {
    [' '] = C_SPACE,
    ['\t'] = C_SPACE,
    ['\v'] = C_SPACE,
    ['\f'] = C_SPACE,
    ['\r'] = C_SPACE,
    ['a' ... 'z'] = C_NAME,
    ['A' ... 'Z'] = C_NAME,
    ['_'] = C_NAME,
    ['$'] = C_NAME,
    [0x80 ... 0xff] = C_NAME,
    ['0' ... '9'] = C_DIGIT,
    ['\n'] = C_TRIVIA | C_STEP,
    ['/'] = C_TRIVIA | C_STEP,
    ['\\'] = C_TRIVIA,
    ['"'] = C_STEP,
    ['\''] = C_STEP,
    ['('] = C_STEP | C_SINGLE,
    [')'] = C_STEP | C_SINGLE,
    ['['] = C_STEP | C_SINGLE,
    [']'] = C_STEP | C_SINGLE,
    ['{'] = C_STEP | C_SINGLE,
    ['}'] = C_STEP | C_SINGLE,
    [';'] = C_SINGLE,
    [','] = C_SINGLE,
    ['*'] = C_SINGLE,
};
/* clang-format on */

static unsigned lex_is(char c, unsigned classes) { return lex_class[(unsigned char)c] & classes; }

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
    if (*p == '\n')
      lx->line++;
    else if (*p == '*' && p[1] == '/')
      return p + 2;
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
    if (q > lx->begin && q[-1] == '\r') q--;
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

/* Takes a line marker, `# 12 "file" …` or `#line`; false when the directive is another. */
static bool lex_take_marker(MpLex *lx, const char *p, const char *end) {
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

/* Is a name that ends where a quote follows the literal's prefix: L u U u8? */
static bool lex_is_prefix(const char *s, const char *end) {
  if (end - s == 1) return *s == 'L' || *s == 'u' || *s == 'U';
  return end - s == 2 && s[0] == 'u' && s[1] == '8';
}

static void lex_literal(MpLex *lx, const char *p);

/* identifier (C11 6.4.2.1), or keyword; or a literal with a prefix */
static MP_NOINLINE void lex_name(MpLex *lx, const char *p) {
  const char *start = p;
  MpName *name;
  p = lex_name_end(p, lx->end);
  if (MP_UNLIKELY(p < lx->end && (*p == '"' || *p == '\'')) && lex_is_prefix(start, p)) {
    lex_literal(lx, p);
    return;
  }
  name = (MpName *)mp_name_intern(lx->names, start, (size_t)(p - start));
  if (name == NULL) {
    lex_fail(lx, start, MP_MSG_NOMEM);
    return;
  }
  if (MP_UNLIKELY(name->word == 0)) mp_word_classify(name);
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
    if (c == '<')
      kind = MP_TOK_SHL;
    else if (c == '>')
      kind = MP_TOK_SHR;
    else if (c == '=')
      kind = MP_TOK_EQ;
    else if (c == '&')
      kind = MP_TOK_ANDAND;
    else if (c == '|')
      kind = MP_TOK_OROR;
    else if (c == '+')
      kind = MP_TOK_INC;
    else if (c == '-')
      kind = MP_TOK_DEC;
  } else if (c == '-' && d == '>') {
    kind = MP_TOK_ARROW;
  } else if (d == '=') {
    if (c == '<')
      kind = MP_TOK_LE;
    else if (c == '>')
      kind = MP_TOK_GE;
    else if (c == '!')
      kind = MP_TOK_NE;
  }
  lex_finish(lx, kind, kind < 256 ? p + 1 : p + 2);
}

/* The token at `p`, which is neither a name nor a number. */
static void lex_token(MpLex *lx, const char *p) {
  if (lex_is(*p, C_SINGLE)) {
    lex_finish(lx, *p, p + 1);
    return;
  }
  switch (*p) {
    case '"':
    case '\'': lex_literal(lx, p); break;
    case '.':
      if (p + 1 < lx->end && lex_is(p[1], C_DIGIT))
        lex_number(lx, p);
      else
        lex_punctuator(lx, p);
      break;
    case '<':
    case '>':
    case '=':
    case '!':
    case '&':
    case '|':
    case '+':
    case '-':
    case '/':
    case '%':
    case '^':
    case '~':
    case '?':
    case ':':
    case '#': lex_punctuator(lx, p); break;
    default: lex_fail(lx, p, MP_MSG_BAD_CHARACTER); lx->tok.end = p + 1;
  }
}

void mp_lex_init(MpLex *lx, MpNames *names, const char *text, size_t len) {
  memset(lx, 0, sizeof *lx);
  lx->begin = lx->at = text;
  if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) lx->at += 3; /* a byte order mark */
  lx->end = text + len;
  lx->line = 1;
  lx->names = names;
}

static void lex_start(MpLex *lx, const char *p) {
  lx->tok.start = p;
  lx->tok.line = lx->line;
}

/* The next token, whatever stands before it and however it starts. */
static MP_NOINLINE void lex_any(MpLex *lx) {
  bool bol = lx->tok.kind == 0 || lx->at == lx->begin; /* the first token of all */
  for (;;) {
    const char *p = lex_spaces(lx, lx->at, &bol);
    if (p == NULL) {
      lex_fail(lx, lx->at, MP_MSG_COMMENT_UNFINISHED);
      return;
    }
    lex_start(lx, p);
    if (p == lx->end) {
      lex_finish(lx, MP_TOK_EOF, p);
    } else if (lex_is(*p, C_NAME)) {
      lex_name(lx, p);
    } else if (lex_is(*p, C_DIGIT)) {
      lex_number(lx, p);
    } else if (*p == '#' && bol) {
      lx->at = lex_directive_end(lx, p);
      if (lex_take_marker(lx, p, lx->at)) continue;
      lex_finish(lx, MP_TOK_DIRECTIVE, lx->at);
    } else {
      lex_token(lx, p);
    }
    return;
  }
}

/* Most tokens are names and single characters behind plain spaces. */
void mp_lex_next(MpLex *lx) {
  const char *p = lx->at;
  uint32_t line = lx->line;
  if (lx->tok.kind == MP_TOK_ERROR) return;
  for (; p < lx->end; p++) {
    unsigned cls = lex_class[(unsigned char)*p];
    if (cls & (C_NAME | C_SINGLE)) {
      lx->line = line;
      lex_start(lx, p);
      if (cls & C_NAME)
        lex_name(lx, p);
      else
        lex_finish(lx, *p, p + 1);
      return;
    }
    if (*p == '\n')
      line++;
    else if (!(cls & C_SPACE))
      break;
  }
  lex_any(lx);
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
    (void)lex_take_marker(lx, q, p);
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

/* The bracket that closes one of the kind `open` which lies before `p`; NULL: an error. */
static const char *lex_closing(MpLex *lx, const char *p, char open) {
  const char close = open == '(' ? ')' : open == '[' ? ']' : '}';
  const char *start = lx->tok.start;
  uint32_t line = lx->tok.line;
  size_t depth = 1;
  while (p < lx->end) {
    if (!lex_is(*p, C_STEP)) {
      p++;
      continue;
    }
    if (*p == open)
      depth++;
    else if (*p == close && --depth == 0)
      return p;
    p = lex_step(lx, p);
    if (p == NULL) return NULL;
  }
  lex_fail(lx, start, MP_MSG_BRACKET_UNFINISHED);
  lx->tok.end = start < lx->end ? start + 1 : start;
  lx->tok.line = line;
  return NULL;
}

void mp_lex_skip_bracket(MpLex *lx) {
  const char *close = lex_closing(lx, lx->at, (char)lx->tok.kind);
  if (close != NULL) lex_resume(lx, close + 1);
}

void mp_lex_skip_length(MpLex *lx) {
  const char *close;
  if (lx->tok.kind == MP_TOK_ERROR) return;
  lx->line = lx->tok.line;
  close = lex_closing(lx, lx->tok.start, '[');
  if (close != NULL) lex_resume(lx, close);
}

void mp_lex_skip_initializer(MpLex *lx) {
  const char *p = lx->tok.start;
  size_t depth = 0;
  if (lx->tok.kind == MP_TOK_ERROR) return;
  lx->line = lx->tok.line;
  while (p < lx->end) {
    if (*p == '(' || *p == '[' || *p == '{')
      depth++;
    else if (*p == ')' || *p == ']' || *p == '}') {
      if (depth-- == 0) break;
    } else if (depth == 0 && (*p == ',' || *p == ';'))
      break;
    p = lex_step(lx, p);
    if (p == NULL) return;
  }
  lex_resume(lx, p);
}

/* }===== */
