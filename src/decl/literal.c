/*
** literal.c: numbers, character constants and strings to values. Called by
** cexpr; the bytes of strings go to the caller's buffer.
*/

#include "decl/literal.h"

#include <stdlib.h>
#include <string.h>

/* {===== numbers ===== */

#define SUFFIX_UNSIGNED 1
#define SUFFIX_LONG 2
#define SUFFIX_LLONG 4
#define SUFFIX_IMAGINARY 8 /* GNU: 2i */

static char lower(char c) { return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c); }

static int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
}

/* integer-suffix (C11 6.4.4.1), or -1. */
static int int_suffix(const char *s, const char *end) {
  int flags = 0;
  for (; s < end; s++) {
    char c = lower(*s);
    int flag = c == 'u' ? SUFFIX_UNSIGNED : c == 'l' ? SUFFIX_LONG : SUFFIX_IMAGINARY;
    if (c != 'u' && c != 'l' && c != 'i' && c != 'j') return -1;
    if (c == 'l' && s + 1 < end && s[1] == *s) {
      flag = SUFFIX_LLONG;
      s++;
    }
    if ((flags & flag) || (c == 'l' && (flags & (SUFFIX_LONG | SUFFIX_LLONG)))) return -1;
    flags |= flag;
  }
  return flags;
}

/*
** The first type of the list in C11 6.4.4.1p5 that holds the value; beyond
** 64 bits, GNU's __int128 types.
*/
static MpPrim int_prim(MpUint128 value, int base, int suffix) {
  static const MpPrim order[] = {MP_PRIM_INT,   MP_PRIM_UINT,   MP_PRIM_LONG,   MP_PRIM_ULONG,
                                 MP_PRIM_LLONG, MP_PRIM_ULLONG, MP_PRIM_INT128, MP_PRIM_UINT128};
  size_t i = suffix & SUFFIX_LLONG ? 4 : suffix & SUFFIX_LONG ? 2 : 0;
  for (; i < sizeof order / sizeof order[0] - 1; i++) {
    const MpPrimInfo *info = &mp_ctype_prims[order[i]];
    bool is_unsigned = info->cls == MP_CLASS_UINT;
    if (!is_unsigned && (suffix & SUFFIX_UNSIGNED)) continue;
    if (is_unsigned && !(suffix & SUFFIX_UNSIGNED) && base == 10) continue;
    /* two shifts: one by all 128 bits would be undefined */
    if (value >> (info->size * 8 - 1) >> is_unsigned == 0) return order[i];
  }
  return MP_PRIM_UINT128;
}

static bool literal_integer(MpSpace *sp, const char *s, const char *end, MpCval *out) {
  int base = 10, suffix;
  MpUint128 value = 0;
  if (end - s > 1 && s[0] == '0') {
    base = lower(s[1]) == 'x' ? 16 : lower(s[1]) == 'b' ? 2 : 8;
    s += base == 8 ? 1 : 2;
    if (s == end) return false;
  }
  for (; s < end && digit_value(*s) < base; s++) {
    MpUint128 next = value * (unsigned)base + (unsigned)digit_value(*s);
    if (value > (~(MpUint128)0 - (unsigned)digit_value(*s)) / (unsigned)base) return false;
    value = next;
  }
  suffix = int_suffix(s, end);
  if (suffix < 0) return false;
  *out = mp_cval_int(sp, int_prim(value, base, suffix), (MpInt128)value);
  if (suffix & SUFFIX_IMAGINARY) *out = mp_cval_unknown(out->type);
  return true;
}

typedef struct FloatSuffix {
  const char *text;
  MpPrim prim;
} FloatSuffix;

/* C11 6.4.4.2; TS 18661-3; GNU q, w, bf16, and decimal floats. */
static const FloatSuffix float_suffixes[] = {
    {"", MP_PRIM_DOUBLE},       {"f", MP_PRIM_FLOAT},       {"l", MP_PRIM_LDOUBLE},
    {"d", MP_PRIM_DOUBLE},      {"q", MP_PRIM_FLOAT128},    {"w", MP_PRIM_FLOAT64X},
    {"f16", MP_PRIM_FLOAT16},   {"f32", MP_PRIM_FLOAT32},   {"f64", MP_PRIM_FLOAT64},
    {"f128", MP_PRIM_FLOAT128}, {"f32x", MP_PRIM_FLOAT32X}, {"f64x", MP_PRIM_FLOAT64X},
    {"bf16", MP_PRIM_BFLOAT16}, {"df", MP_PRIM_DEC32},      {"dd", MP_PRIM_DEC64},
    {"dl", MP_PRIM_DEC128},
};

static bool literal_float(MpSpace *sp, const char *s, size_t n, MpCval *out) {
  char text[256], *rest;
  MpCval v = {0};
  size_t i;
  if (n >= sizeof text) return false;
  for (i = 0; i < n; i++) text[i] = lower(s[i]);
  text[n] = '\0';
  v.f = strtold(text, &rest);
  if (rest == text) return false;
  v.kind = MP_CVAL_FLOAT;
  for (i = 0; i < sizeof float_suffixes / sizeof float_suffixes[0]; i++) {
    const MpCtype *type = mp_ctype_prim(sp, float_suffixes[i].prim);
    if (strcmp(rest, float_suffixes[i].text) != 0) continue;
    v.type = mp_ctype_prim(sp, MP_PRIM_LDOUBLE);
    *out = mp_ctype_is_float(type) ? mp_cval_convert(&v, type) : mp_cval_unknown(type);
    return true;
  }
  *out = mp_cval_unknown(mp_ctype_prim(sp, MP_PRIM_DOUBLE));
  return (rest[0] == 'i' || rest[0] == 'j') && rest[1] == '\0';
}

bool mp_literal_number(MpSpace *sp, const MpToken *t, MpCval *out) {
  const char *s;
  bool hex = t->end - t->start > 1 && t->start[0] == '0' && lower(t->start[1]) == 'x';
  for (s = t->start; s < t->end; s++) {
    char c = lower(*s);
    if (c == '.' || (hex ? c == 'p' : c == 'e'))
      return literal_float(sp, t->start, (size_t)(t->end - t->start), out);
  }
  return literal_integer(sp, t->start, t->end, out);
}

/* }===== */

/* {===== characters ===== */

MpPrim mp_literal_prim(const MpToken *t) {
  switch (t->start[0]) {
    case 'L': return MP_PRIM_WCHAR;
    case 'U': return MP_PRIM_CHAR32;
    case 'u': return t->start[1] == '8' ? MP_PRIM_CHAR : MP_PRIM_CHAR16;
    default: return MP_PRIM_CHAR;
  }
}

/* Digits of an octal or hexadecimal escape or universal name: at most `most`. */
static bool escape_digits(const char **at, const char *end, int base, int most, uint32_t *out) {
  const char *s = *at;
  uint64_t value = 0;
  while (s < end && s - *at < most && digit_value(*s) < base) {
    value = (value * (unsigned)base + (unsigned)digit_value(*s++)) & UINT32_MAX;
  }
  if (s == *at) return false;
  *at = s;
  *out = (uint32_t)value;
  return true;
}

/* escape-sequence behind the backslash (C11 6.4.4.4; GNU \e). */
static bool escape_value(const char **at, const char *end, uint32_t *out) {
  static const char letters[] = "abtnvfreE", values[] = "\a\b\t\n\v\f\r\033\033";
  char c = **at;
  const char *found = c != '\0' ? strchr(letters, c) : NULL;
  if (c >= '0' && c <= '7') return escape_digits(at, end, 8, 3, out);
  ++*at;
  if (c == 'x') return escape_digits(at, end, 16, 1 << 30, out);
  if (c == 'u') return escape_digits(at, end, 16, 4, out);
  if (c == 'U') return escape_digits(at, end, 16, 8, out);
  if (found == NULL && strchr("'\"?\\", c) == NULL) return false;
  *out = (unsigned char)(found ? values[found - letters] : c);
  return true;
}

/* One character of UTF-8; a byte that is none stands for itself. */
static uint32_t utf8_value(const char **at, const char *end) {
  const unsigned char *s = (const unsigned char *)*at;
  int more = s[0] >= 0xf0 ? 3 : s[0] >= 0xe0 ? 2 : s[0] >= 0xc0 ? 1 : 0, i;
  uint32_t value = more == 3 ? s[0] & 7u : more == 2 ? s[0] & 15u : more == 1 ? s[0] & 31u : s[0];
  if (end - *at <= more) more = 0;
  for (i = 1; i <= more; i++) {
    if ((s[i] & 0xc0) != 0x80) {
      value = s[0];
      more = 0;
      break;
    }
    value = value << 6 | (s[i] & 63u);
  }
  *at += more + 1;
  return value;
}

static void add_utf8(MpBuf *out, uint32_t c) {
  if (c < 0x80)
    mp_buf_addchar(out, (char)c);
  else if (c < 0x800) {
    mp_buf_addchar(out, (char)(0xc0 | c >> 6));
    mp_buf_addchar(out, (char)(0x80 | (c & 63)));
  } else {
    if (c < 0x10000)
      mp_buf_addchar(out, (char)(0xe0 | c >> 12));
    else {
      mp_buf_addchar(out, (char)(0xf0 | (c >> 18 & 7)));
      mp_buf_addchar(out, (char)(0x80 | (c >> 12 & 63)));
    }
    mp_buf_addchar(out, (char)(0x80 | (c >> 6 & 63)));
    mp_buf_addchar(out, (char)(0x80 | (c & 63)));
  }
}

static void add_unit(MpBuf *out, MpPrim prim, uint32_t c) {
  uint16_t half[2];
  size_t size = mp_ctype_prims[prim].size;
  half[0] = (uint16_t)c;
  if (size == 1)
    mp_buf_addchar(out, (char)c);
  else if (size == 4)
    mp_buf_add(out, &c, 4);
  else if (c < 0x10000)
    mp_buf_add(out, half, 2);
  else { /* UTF-16's pair */
    half[0] = (uint16_t)(0xd800 | ((c - 0x10000) >> 10 & 0x3ff));
    half[1] = (uint16_t)(0xdc00 | (c & 0x3ff));
    mp_buf_add(out, half, 4);
  }
}

bool mp_literal_string(const MpToken *t, MpPrim prim, MpBuf *out) {
  const char *s = t->start, *end = t->end - 1;
  bool narrow = mp_ctype_prims[prim].size == 1;
  while (*s != '"' && *s != '\'') s++;
  s++;
  while (s < end) {
    uint32_t c;
    if (*s == '\\') {
      bool universal = s[1] == 'u' || s[1] == 'U';
      s++;
      if (!escape_value(&s, end, &c)) return false;
      if (narrow && universal)
        add_utf8(out, c);
      else
        add_unit(out, prim, c);
    } else if (narrow) {
      mp_buf_addchar(out, *s++);
    } else {
      add_unit(out, prim, utf8_value(&s, end));
    }
  }
  return true;
}

bool mp_literal_char(MpSpace *sp, const MpToken *t, MpCval *out) {
  MpPrim prim = mp_literal_prim(t);
  const char *s = t->start, *end = t->end - 1;
  MpInt128 value = 0;
  int n = 0;
  while (*s != '\'') s++;
  for (s++; s < end; n++) {
    uint32_t c;
    if (*s == '\\') {
      s++;
      if (!escape_value(&s, end, &c)) return false;
    } else {
      c = prim == MP_PRIM_CHAR ? (unsigned char)*s++ : utf8_value(&s, end);
    }
    if (prim != MP_PRIM_CHAR)
      value = c;
    else if (n == 0)
      value = (char)c;
    else
      value = (int32_t)((uint32_t)value << 8 | (c & 0xff)); /* 'ab' as GCC has it */
  }
  if (n == 0) return false;
  if (t->start[0] == 'u' && t->start[1] == '8') value &= 0xff;
  *out = mp_cval_int(sp, prim == MP_PRIM_CHAR ? MP_PRIM_INT : prim, value);
  return true;
}

/* }===== */
