/*
** repr.h: a type as C text that `cdef` and the compiler read back as the same type.
*/

#ifndef MP_TYPE_REPR_H
#define MP_TYPE_REPR_H

#include "base/buf.h"
#include "type/ctype.h"

/*
** Appends the text of `ct` to `out`, with `extra` (NULL: none) placed where a
** declarator's name would stand: `int[3]` with "*" gives `int(*)[3]`, with
** "x" `int x[3]`. Spelling is CFFI's: `int *`, `char[5]`, `int(*)(int, ...)`,
** `struct point *`, `char const *` printed as `const char *`. A record without
** a tag is named by its first typedef, or as `struct <anonymous>`.
** A failed append shows in the buffer.
*/
void mp_repr_type(MpBuf *out, const MpCtype *ct, const char *extra);

#endif
