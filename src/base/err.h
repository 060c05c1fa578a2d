/*
** err.h: the error record that the floors below `value/` fill instead of
** jumping. The record belongs to the caller; `value/` and up turn it into a
** Lua error. All texts are in message.h.
*/

#ifndef MP_BASE_ERR_H
#define MP_BASE_ERR_H

#include "base/config.h"
#include "base/message.h"

#define MP_ERR_TEXT 512

/* What a function of the lower floors returns when it can fail. */
typedef enum MpStatus {
  MP_OK = 0,
  MP_FAIL = 1 /* the error record says why; out of memory is one of the whys */
} MpStatus;

typedef struct MpErr {
  char text[MP_ERR_TEXT]; /* the message, cut to fit; "" while there is none */
} MpErr;

/* Fills `e` from one of message.h's formats, and returns MP_FAIL. */
MpStatus mp_err_set(MpErr *e, const char *format, ...) MP_FORMAT(2, 3);

/* Fills `e` with the message for an exhausted allocator, and returns MP_FAIL. */
MpStatus mp_err_memory(MpErr *e);

#endif
