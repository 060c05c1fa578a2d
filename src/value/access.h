/*
** access.h: fields, elements and dereference: what `p.x`, `a[i]` and their
** assignments do, and the paths of `addressof` and `offsetof`.
*/

#ifndef MP_VALUE_ACCESS_H
#define MP_VALUE_ACCESS_H

#include "value/cdata.h"

/* The metamethods __index and __newindex of every cdata. */
int mp_access_index(lua_State *L);
int mp_access_newindex(lua_State *L);

/* __len: elements of an array. */
int mp_access_len(lua_State *L);

/* __pairs: elements of an array, fields of a struct, in order. */
int mp_access_pairs(lua_State *L);

/* Does an array cdata know how many elements it has? A raw `T[]` doesn't. */
bool mp_access_has_length(const MpCdata *c);

/* Elements of an array cdata, slices and open ones included; 0 when unknown. */
size_t mp_access_length(const MpCdata *c);

/*
** Follows the path at stack indexes first … last (field names and indexes)
** from the type `*ct` and adds up `*offset`. `one_past`: an index may be the
** array's length. The last step may be a bit-field: `*bits`. Raises for a
** step that isn't there.
*/
void mp_access_path(lua_State *L, MpState *E, const MpCtype **ct, ptrdiff_t *offset,
                    const MpField **bits, int first, int last, bool one_past);

#endif
