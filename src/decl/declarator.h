/*
** declarator.h: declarators (C11 6.7.6) and type names (6.7.7).
*/

#ifndef MP_DECL_DECLARATOR_H
#define MP_DECL_DECLARATOR_H

#include "decl/attr.h"

/* Where a declarator stands decides how an opening bracket is read, and adjusts its type. */
typedef enum MpDeclaratorPlace {
  MP_PLACE_DECLARATION, /* it has a name: a bracket before that encloses a declarator */
  MP_PLACE_PARAMETER,   /* it may have one */
  MP_PLACE_TYPENAME     /* it has none */
} MpDeclaratorPlace;

typedef struct MpDeclarator {
  MpDeclaratorPlace place;
  MpToken at;         /* its name, or where a name would stand */
  const MpName *name; /* NULL: abstract */
  const MpCtype *type;
  MpAttr attr;          /* those within and behind it */
  const MpName *symbol; /* asm("…"), or NULL */
} MpDeclarator;

/*
** declarator or abstract-declarator over the type `base`, with the asm name
** and attributes behind it.
*/
MP_CHECKED MpStatus mp_declarator_parse(MpParser *p, const MpCtype *base, MpDeclarator *out);

/* type-name: specifier-qualifier-list abstract-declarator? */
MP_CHECKED MpStatus mp_declarator_typename(MpParser *p, const MpCtype **out);

#endif
