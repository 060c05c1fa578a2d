/*
** err.c: fills error records. Called by every floor; owns nothing.
*/

#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

MpStatus mp_err_set(MpErr *e, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(e->text, sizeof e->text, format, args);
  va_end(args);
  return MP_FAIL;
}

MpStatus mp_err_memory(MpErr *e) { return mp_err_set(e, MP_MSG_NOMEM); }
