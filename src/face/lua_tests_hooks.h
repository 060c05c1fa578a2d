/*
** lua_tests_hooks.h: the part of a set's methods that is about hooks and
** reports. Linked into test builds alone.
*/

#ifndef MP_FACE_LUA_TESTS_HOOKS_H
#define MP_FACE_LUA_TESTS_HOOKS_H

#include <lauxlib.h>
#include <lua.h>

const luaL_Reg *mp_lua_tests_hooks_methods(void);

#endif
