/*
** callback.h: C calls Lua: C function pointers made of Lua functions.
*/

#ifndef MP_CALL_CALLBACK_H
#define MP_CALL_CALLBACK_H

#include "value/cdata.h"

/* Registers what callbacks run in; called once at open. */
void mp_callback_open(lua_State *L, MpState *E);

/*
** Pushes a cdata of the type `ct` (pointer to a function) whose code runs the
** Lua function at idx. `options` (stack index of a table, 0: none) has `error`,
** what C gets when it fails, and `onerror`.
*/
MpBlock *mp_callback_push(lua_State *L, MpState *E, const MpCtype *ct, int idx, int options);

#endif
