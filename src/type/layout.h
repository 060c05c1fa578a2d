/*
** layout.h: sizes, alignments and offsets of structs and unions as the C
** compiler of the machine gives them (System V ABI 3.1.2; GCC's and Clang's
** rules for attributes and #pragma pack).
*/

#ifndef MP_TYPE_LAYOUT_H
#define MP_TYPE_LAYOUT_H

#include "type/ctype.h"

/* A member as declared, before it has an offset. */
typedef struct MpMember {
  const MpName *name; /* NULL: anonymous member, unnamed bit-field */
  const MpCtype *type;
  uint32_t align; /* from `aligned` or _Alignas; 0: none */
  int32_t bits;   /* width of a bit-field; -1: not one */
  bool packed;    /* `packed` on the member */
} MpMember;

typedef struct MpLayoutOptions {
  bool packed;    /* `packed` on the record */
  uint32_t pack;  /* #pragma pack(n); 0: none */
  uint32_t align; /* `aligned` on the record; 0: none */
} MpLayoutOptions;

/*
** Lays `members` out and completes `ct`, an incomplete struct or union.
** Errors: an incomplete or function member, a bit-field's type or width, a
** duplicate name, an open array that is not last, a size beyond PTRDIFF_MAX.
*/
MP_CHECKED MpStatus mp_layout_record(MpCtype *ct, const MpMember *members, uint32_t n,
                                     const MpLayoutOptions *options, MpErr *e);

/*
** What `_Alignof ( type-name )` says: the alignment, but of a vector wider than
** the machine's registers, and of what holds one, that of the registers, unless
** an attribute gave one (GCC's min_align_of_type). `__alignof__` says the alignment.
*/
uint32_t mp_layout_alignof(const MpCtype *ct);

#endif
