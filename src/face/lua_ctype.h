/*
** lua_ctype.h: types in Lua: ctype objects and the questions about types.
*/

#ifndef MP_FACE_LUA_CTYPE_H
#define MP_FACE_LUA_CTYPE_H

#include "value/state.h"

extern const luaL_Reg mp_lua_ctype_functions[];

/* Makes the metatable of ctype objects. Called once at open. */
void mp_lua_ctype_open(lua_State *L, MpState *E);

/* The type that the argument names: a type string or a ctype object. Raises for anything else. */
const MpCtype *mp_lua_ctype_check(lua_State *L, MpInstance *in, int idx);

/* The same, of a cdata or a library's function its type too. */
const MpCtype *mp_lua_ctype_of(lua_State *L, MpInstance *in, int idx);

/* Is the value at idx a ctype object? */
bool mp_lua_ctype_is(lua_State *L, const MpState *E, int idx);

/* Pushes the one object of a type. */
void mp_lua_ctype_push(lua_State *L, MpState *E, const MpCtype *ct);

#endif
