/*
** lua_allocator.h: mem.get_allocator and mem.set_allocator.
*/

#ifndef MP_FACE_LUA_ALLOCATOR_H
#define MP_FACE_LUA_ALLOCATOR_H

#include "value/state.h"

extern const luaL_Reg mp_lua_allocator_functions[];

#endif
