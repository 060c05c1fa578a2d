/*
** lua_tests_domain.h: mem/domain, layers, hooks, sites and statistics for
** specs. Linked into test builds alone.
*/

#ifndef MP_FACE_LUA_TESTS_DOMAIN_H
#define MP_FACE_LUA_TESTS_DOMAIN_H

#include <lua.h>

/* Adds `set` to the table of tests on the top. */
void mp_lua_tests_domain_open(lua_State *L);

#endif
