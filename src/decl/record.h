/*
** record.h: struct, union and enum specifiers (C11 6.7.2.1, 6.7.2.2).
*/

#ifndef MP_DECL_RECORD_H
#define MP_DECL_RECORD_H

#include "decl/parser.h"

/* struct-or-union-specifier, current at `struct` or `union` */
MP_CHECKED MpStatus mp_record_specifier(MpParser *p, const MpCtype **out);

/* enum-specifier, current at `enum` */
MP_CHECKED MpStatus mp_record_enum(MpParser *p, const MpCtype **out);

/* static_assert-declaration (C11 6.7.10), current at `_Static_assert` */
MP_CHECKED MpStatus mp_record_assert(MpParser *p);

/* The record behind a va_list (System V x86-64 ABI 3.5.7), one per state. */
MP_CHECKED MpStatus mp_record_valist(MpParser *p, const MpCtype **out);

/* struct `tag`, as it is visible here, or declared now as an incomplete type. */
MP_CHECKED MpStatus mp_record_tagged(MpParser *p, MpKind kind, const MpName *tag,
                                     const MpCtype **out);

#endif
