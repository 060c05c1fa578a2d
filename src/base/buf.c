/*
** buf.c: growing bytes. Used for type texts, decoded literals and messages;
** the buffer owns its bytes, the caller the buffer.
*/

#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

void mp_buf_init(MpBuf *b, const MpAlloc *alloc) {
  memset(b, 0, sizeof *b);
  b->alloc = alloc;
}

void mp_buf_fini(MpBuf *b) {
  mp_alloc_free(b->alloc, b->data, b->cap);
  mp_buf_init(b, b->alloc);
}

/* Room for n more bytes and a NUL. */
static bool buf_reserve(MpBuf *b, size_t n) {
  size_t need, cap = b->cap ? b->cap : 64;
  char *data;
  if (b->failed) return false;
  if (!mp_num_add(b->len, n, &need) || !mp_num_add(need, 1, &need)) {
    b->failed = true;
    return false;
  }
  if (need <= b->cap) return true;
  while (cap < need) cap += cap / 2;
  data = (char *)mp_alloc_resize(b->alloc, b->data, b->cap, cap);
  if (data == NULL) {
    b->failed = true;
    return false;
  }
  b->data = data;
  b->cap = cap;
  return true;
}

void mp_buf_add(MpBuf *b, const void *bytes, size_t n) {
  if (n == 0 || !buf_reserve(b, n)) return;
  memcpy(b->data + b->len, bytes, n);
  b->len += n;
}

void mp_buf_addchar(MpBuf *b, char c) {
  if (b->len + 1 >= b->cap && !buf_reserve(b, 1)) return;
  b->data[b->len++] = c;
}

void mp_buf_addstr(MpBuf *b, const char *s) { mp_buf_add(b, s, strlen(s)); }

void mp_buf_addf(MpBuf *b, const char *format, ...) {
  va_list args;
  int n;
  va_start(args, format);
  n = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (n < 0 || !buf_reserve(b, (size_t)n)) return;
  va_start(args, format);
  vsnprintf(b->data + b->len, (size_t)n + 1, format, args);
  va_end(args);
  b->len += (size_t)n;
}

void mp_buf_insert(MpBuf *b, size_t at, const char *s) {
  size_t n = strlen(s);
  if (n == 0 || !buf_reserve(b, n)) return;
  memmove(b->data + at + n, b->data + at, b->len - at);
  memcpy(b->data + at, s, n);
  b->len += n;
}

const char *mp_buf_cstr(MpBuf *b) {
  if (!buf_reserve(b, 0)) return NULL;
  b->data[b->len] = '\0';
  return b->data;
}
