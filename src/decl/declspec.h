/*
** declspec.h: declaration specifiers (C11 6.7), in any order.
*/

#ifndef MP_DECL_DECLSPEC_H
#define MP_DECL_DECLSPEC_H

#include "decl/attr.h"

#define MP_STORE_TYPEDEF 1u
#define MP_STORE_EXTERN 2u
#define MP_STORE_STATIC 4u
#define MP_STORE_INLINE 8u
#define MP_STORE_THREAD 16u

typedef struct MpSpec {
  const MpCtype *type; /* qualified, and retyped by attributes */
  unsigned storage;    /* MP_STORE_… */
  MpAttr attr;         /* of each entity that the declaration declares */
} MpSpec;

/* declaration-specifiers, or a member's specifier-qualifier-list */
MP_CHECKED MpStatus mp_declspec_parse(MpParser *p, MpSpec *out);

/* May declaration-specifiers start at the current token? */
bool mp_declspec_starts(MpParser *p);

/* The type behind a predefined name (mp_lex_builtin). */
MP_CHECKED MpStatus mp_declspec_builtin(MpParser *p, int builtin, const MpCtype **out);

#endif
