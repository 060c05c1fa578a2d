/*
** lua_tests_raw.h: RAW on many threads, for specs. Linked into test builds
** alone.
*/

#ifndef MP_FACE_LUA_TESTS_RAW_H
#define MP_FACE_LUA_TESTS_RAW_H

#include <lua.h>

/* Adds `rawthreads`, `rawstart`, `rawrunning` and `rawjoin` to the table of tests on the top. */
void mp_lua_tests_raw_open(lua_State *L);

#endif
