/*
** declarator.h: declarators (C11 6.7.6) and type names (6.7.7).
*/

#ifndef MP_DECL_DECLARATOR_H
#define MP_DECL_DECLARATOR_H

#include "decl/attr.h"

typedef struct MpDeclarator {
  MpToken at;          /* its name, or where a name would stand */
  const MpName *name;  /* NULL: abstract */
  const MpCtype *type;
  MpAttr attr;         /* those within and behind it */
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
