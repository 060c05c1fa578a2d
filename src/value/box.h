/*
** box.h: C's casts, boxes of numbers, and cdata as text.
*/

#ifndef MP_VALUE_BOX_H
#define MP_VALUE_BOX_H

#include "value/cdata.h"

/* Pushes the value at idx cast to `ct`, as C casts (C11 6.5.4), by rule 1. */
void mp_box_cast(lua_State *L, MpState *E, const MpCtype *ct, int idx);

/* Pushes a box of exactly the arithmetic or enum type `ct` with the value at idx. */
void mp_box_push(lua_State *L, MpState *E, const MpCtype *ct, int idx);

/* Pushes the number in a box as text, exactly. */
void mp_box_pushtext(lua_State *L, const MpCdata *c);

/* __tostring of every cdata. */
int mp_box_tostring(lua_State *L);

#endif
