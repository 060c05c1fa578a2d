/*
** cbuiltin.h: what GCC and Clang build into expressions: __builtin_…, and
** offsetof and _Generic.
*/

#ifndef MP_DECL_CBUILTIN_H
#define MP_DECL_CBUILTIN_H

#include "decl/cval.h"
#include "decl/parser.h"

/*
** A call of a built-in function, current at its name. `*known` is false, and
** nothing taken, when it is none.
*/
MP_CHECKED MpStatus mp_cbuiltin_parse(MpParser *p, MpCval *out, bool *known);

/* __builtin_offsetof ( type-name , member-designator ), current at the word */
MP_CHECKED MpStatus mp_cbuiltin_offsetof(MpParser *p, MpCval *out);

/* generic-selection (C11 6.5.1.1), current at `_Generic` */
MP_CHECKED MpStatus mp_cbuiltin_generic(MpParser *p, MpCval *out);

#endif
