/*
** literal.h: the values of numbers, character constants and strings.
*/

#ifndef MP_DECL_LITERAL_H
#define MP_DECL_LITERAL_H

#include "base/buf.h"
#include "decl/cval.h"
#include "decl/lex.h"

/*
** A pp-number as an integer or floating constant (C11 6.4.4; GNU 0b, i, q…).
** False: it is none.
*/
bool mp_literal_number(MpSpace *sp, const MpToken *t, MpCval *out);

/* A character constant, prefixes and escapes included (C11 6.4.4.4). False: it is none. */
bool mp_literal_char(MpSpace *sp, const MpToken *t, MpCval *out);

/* The type of a string literal's elements, by its prefix (C11 6.4.5p6). */
MpPrim mp_literal_prim(const MpToken *t);

/*
** Appends a string literal's elements, of the primitive `prim`, to `out`. False: a
** bad escape. Without memory the buffer shows it.
*/
bool mp_literal_string(const MpToken *t, MpPrim prim, MpBuf *out);

#endif
