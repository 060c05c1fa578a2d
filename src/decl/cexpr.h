/*
** cexpr.h: expressions (C11 6.5, 6.6) as declarations have them: in array
** lengths, widths, enumerators, alignments, _Static_assert, typeof, macros.
** Each has a type; whether it has a value too shows in its MpCval.
*/

#ifndef MP_DECL_CEXPR_H
#define MP_DECL_CEXPR_H

#include "decl/cval.h"
#include "decl/parser.h"

/* expression (C11 6.5.17): with commas */
MP_CHECKED MpStatus mp_cexpr_expression(MpParser *p, MpCval *out);

/* conditional-expression (C11 6.5.15), which a constant-expression is */
MP_CHECKED MpStatus mp_cexpr_conditional(MpParser *p, MpCval *out);

/* constant-expression that has to be an integer (C11 6.6p6); folded as GNU C folds. */
MP_CHECKED MpStatus mp_cexpr_integer(MpParser *p, MpInt128 *out);

/* The type of a value: of an array or function what it decays to (C11 6.3.2.1). */
MP_CHECKED MpStatus mp_cexpr_decay(MpParser *p, MpCval *v);

#endif
