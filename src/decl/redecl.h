/*
** redecl.h: what a new declaration of a known name means: the same again, a
** completion, a replacement, or a contradiction.
*/

#ifndef MP_DECL_REDECL_H
#define MP_DECL_REDECL_H

#include "decl/parser.h"

/*
** Declares `proto`, whose name is the token `at`. One that agrees with an
** earlier declaration is merged with it (C11 6.2.7p4); one that doesn't is an
** error naming both places, or replaces under `override`.
*/
MP_CHECKED MpStatus mp_redecl_declare(MpParser *p, const MpToken *at, MpDecl *proto);

/* An enumerator or macro: `v` as a constant; `from_macro` ones replace without a question. */
MP_CHECKED MpStatus mp_redecl_constant(MpParser *p, const MpToken *at, const MpConst *v,
                                       bool from_macro);

/* Do two complete records or enums, the second one a redefinition, have the same definition? */
bool mp_redecl_same_definition(const MpCtype *a, const MpCtype *b);

#endif
