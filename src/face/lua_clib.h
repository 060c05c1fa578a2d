/*
** lua_clib.h: opening and closing libraries.
*/

#ifndef MP_FACE_LUA_CLIB_H
#define MP_FACE_LUA_CLIB_H

#include "value/state.h"

extern const luaL_Reg mp_lua_clib_functions[];

/* Adds `C` and the RTLD flags to the instance's table, below its userdata on the top. */
void mp_lua_clib_addfields(lua_State *L, MpState *E);

#endif
