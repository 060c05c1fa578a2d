/*
** lua_mem.h: `ffi.mem`: where memory comes from.
*/

#ifndef MP_FACE_LUA_MEM_H
#define MP_FACE_LUA_MEM_H

#include "value/state.h"

/* Adds `mem` to the instance's table, below its userdata on the top. */
void mp_lua_mem_addfields(lua_State *L, MpState *E);

#endif
