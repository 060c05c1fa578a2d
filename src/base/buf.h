/*
** buf.h: a growing array of bytes, zero-terminated when asked. An append that
** fails marks the buffer and later appends do nothing, so that a writer
** checks once, at its end.
*/

#ifndef MP_BASE_BUF_H
#define MP_BASE_BUF_H

#include <stdbool.h>
#include "base/alloc.h"

typedef struct MpBuf {
  const MpAlloc *alloc;
  char *data;
  size_t len, cap;
  bool failed; /* an append found no memory */
} MpBuf;

void mp_buf_init(MpBuf *b, const MpAlloc *alloc);

/* Frees the bytes; the buffer may be used again. */
void mp_buf_fini(MpBuf *b);

void mp_buf_add(MpBuf *b, const void *bytes, size_t n);
void mp_buf_addchar(MpBuf *b, char c);
void mp_buf_addstr(MpBuf *b, const char *s);
void mp_buf_addf(MpBuf *b, const char *format, ...) MP_FORMAT(2, 3);

/* Puts `s` before the byte at `at` (at most len). */
void mp_buf_insert(MpBuf *b, size_t at, const char *s);

/* The bytes with a NUL behind them, owned by the buffer; NULL if an append failed. */
const char *mp_buf_cstr(MpBuf *b);

#endif
