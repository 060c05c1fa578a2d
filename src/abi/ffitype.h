/*
** ffitype.h: libffi's types for C's. Scalars have one each; how records are
** described is signature.c's business on System V x86-64, and done here from
** their members on every other ABI.
*/

#ifndef MP_ABI_FFITYPE_H
#define MP_ABI_FFITYPE_H

#include <ffi.h>

#include "type/ctype.h"

/*
** The ffi_type of a scalar: void, integers up to 64 bits, enums, pointers,
** float, double, long double and what is the same as one of these, complex
** numbers of them. NULL for every other type.
*/
ffi_type *mp_ffitype_scalar(const MpCtype *ct);

/*
** A record, or a scalar in a record's place, as a flat list of its scalars:
** how many there are. 0 when the list wouldn't lay them out as the record
** does (unions of more than one kind of register, bit-fields, packed
** members), or one of them has no ffi_type: it can't be described.
*/
size_t mp_ffitype_count(const MpCtype *ct);

/*
** Describes a record that was counted: fills `type` and its `elements`, of
** which the caller provides one more than the count.
*/
void mp_ffitype_describe(const MpCtype *ct, ffi_type *type, ffi_type **elements);

#endif
