/*
** init.h: initializers of arrays, structs and unions: tables, strings, cdata.
*/

#ifndef MP_VALUE_INIT_H
#define MP_VALUE_INIT_H

#include "value/toc.h"

/* As mp_toc_write, for arrays, vectors, structs, unions and complex numbers. */
void mp_init_aggregate(MpDest *d, const MpCtype *ct, char *at, int idx);

/*
** Bytes that a `ct` needs when its open or flexible array is sized by the
** initializer at `idx` (0: none). Raises when the initializer can't say.
*/
size_t mp_init_size(MpDest *d, const MpCtype *ct, int idx);

/* Elements that a value gives an array of `item`: of a table, string or cdata array; raises for others. */
size_t mp_init_length(MpDest *d, const MpCtype *array, int idx);

/* Pushes a table of the values at stack indexes first … last. */
void mp_init_pushpositional(lua_State *L, int first, int last);

/* Writes the values at stack indexes first … last as positional initializers. */
void mp_init_positional(MpDest *d, const MpCtype *ct, char *at, int first, int last);

#endif
