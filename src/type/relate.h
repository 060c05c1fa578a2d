/*
** relate.h: how two types relate: what C calls compatible (C11 6.2.7) and
** what may be assigned to what.
*/

#ifndef MP_TYPE_RELATE_H
#define MP_TYPE_RELATE_H

#include "type/ctype.h"

/* The same type, its own qualifiers and alignment aside. */
bool mp_relate_same(const MpCtype *a, const MpCtype *b);

/* The same type, qualifiers at every depth aside. */
bool mp_relate_same_deep(const MpCtype *a, const MpCtype *b);

/*
** May one redeclare the other? As C11 6.2.7 says, and further: wchar_t,
** char16_t and char32_t agree with the integers they stand for, `T[]` with
** `T[n]`, `f()` with any prototype, an enum with its integer type.
*/
bool mp_relate_compatible(const MpCtype *a, const MpCtype *b);

/*
** May a pointer to `from` be stored where a pointer to `to` is asked for:
** same pointed-to type, `void *` both ways, the char types among each other.
** `const` may be added at any depth, not dropped.
*/
typedef enum MpRelation {
  MP_RELATE_OK,
  MP_RELATE_CONST, /* only `const` stands in the way */
  MP_RELATE_MISMATCH
} MpRelation;
MpRelation mp_relate_pointers(const MpCtype *to, const MpCtype *from);

#endif
