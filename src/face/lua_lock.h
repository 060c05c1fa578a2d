/*
** lua_lock.h: ffi.lock, ffi.yield and ffi.nonblocking.
*/

#ifndef MP_FACE_LUA_LOCK_H
#define MP_FACE_LUA_LOCK_H

#include "value/state.h"

extern const luaL_Reg mp_lua_lock_functions[];

#endif
