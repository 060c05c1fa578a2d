/*
** cprimary.h: the operands of expressions: casts, unary and postfix operators,
** primary expressions, built-in functions.
*/

#ifndef MP_DECL_CPRIMARY_H
#define MP_DECL_CPRIMARY_H

#include "decl/cval.h"
#include "decl/parser.h"

/* cast-expression: ( type-name ) cast-expression | unary-expression (C11 6.5.4) */
MP_CHECKED MpStatus mp_cprimary_cast(MpParser *p, MpCval *out);

/*
** primary-expression string-literal+: joined, as a value whose bytes (and the
** terminator behind them) lie in the space's memory.
*/
MP_CHECKED MpStatus mp_cprimary_strings(MpParser *p, MpCval *out);

/* `.name` applied to `v`: the member (C11 6.5.2.3) */
MP_CHECKED MpStatus mp_cprimary_member(MpParser *p, MpCval *v);

#endif
