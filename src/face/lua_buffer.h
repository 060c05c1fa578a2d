/*
** lua_buffer.h: raw bytes: ffi.buffer and ffi.from_buffer.
*/

#ifndef MP_FACE_LUA_BUFFER_H
#define MP_FACE_LUA_BUFFER_H

#include "value/state.h"

extern const luaL_Reg mp_lua_buffer_functions[];

/* Makes the metatable of buffers. Called once at open. */
void mp_lua_buffer_open(lua_State *L, MpState *E);

#endif
