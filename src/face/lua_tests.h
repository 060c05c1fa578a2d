/*
** lua_tests.h: the C module `moonpool.tests`: what the specs of the lower
** floors drive. Test builds only.
*/

#ifndef MP_FACE_LUA_TESTS_H
#define MP_FACE_LUA_TESTS_H

#include <lua.h>

#include "base/config.h"

MP_API int luaopen_moonpool_tests(lua_State *L);

#endif
