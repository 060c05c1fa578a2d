/*
** lua_tests_heap.h: the heap's part of the module `moonpool.tests`.
*/

#ifndef MP_FACE_LUA_TESTS_HEAP_H
#define MP_FACE_LUA_TESTS_HEAP_H

#include <lua.h>

#include "base/config.h"

/* Adds `heap`, `heap_threads` and `is_arena` to the table on top. */
void mp_lua_tests_heap_open(lua_State *L);

#endif
