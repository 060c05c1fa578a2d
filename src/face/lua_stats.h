/*
** lua_stats.h: what the domains hold, in numbers; their limits; failures on demand.
*/

#ifndef MP_FACE_LUA_STATS_H
#define MP_FACE_LUA_STATS_H

#include "value/state.h"

extern const luaL_Reg mp_lua_stats_functions[];

#endif
