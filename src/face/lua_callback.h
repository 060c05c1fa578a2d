/*
** lua_callback.h: ffi.callback.
*/

#ifndef MP_FACE_LUA_CALLBACK_H
#define MP_FACE_LUA_CALLBACK_H

#include "value/state.h"

extern const luaL_Reg mp_lua_callback_functions[];

#endif
