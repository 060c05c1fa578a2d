/*
** pragma.h: lines that start with '#', as far as they reach a parser: pack,
** #define and #undef; and _Pragma.
*/

#ifndef MP_DECL_PRAGMA_H
#define MP_DECL_PRAGMA_H

#include "decl/parser.h"

/* Takes the directive that is the token `t`: keeps its effect, or fails. */
MP_CHECKED MpStatus mp_pragma_directive(MpParser *p, const MpToken *t);

/* _Pragma ( string-literal ) (C11 6.10.9), current at `_Pragma`. */
MP_CHECKED MpStatus mp_pragma_operator(MpParser *p);

#endif
