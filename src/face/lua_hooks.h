/*
** lua_hooks.h: the debug hooks: on and off, leaks, snapshots, MOONPOOL_MALLOC.
*/

#ifndef MP_FACE_LUA_HOOKS_H
#define MP_FACE_LUA_HOOKS_H

#include "value/state.h"

extern const luaL_Reg mp_lua_hooks_functions[];

/* Field of the registry: what counts instead of MOONPOOL_MALLOC. */
#define MP_LUA_HOOKS_MODE "moonpool.allocator"

/*
** What that, or MOONPOOL_MALLOC in the environment, says, for mp_lua_hooks_open; raises
** for a word that isn't one of the four. Asked before there is an engine.
*/
int mp_lua_hooks_mode(lua_State *L);

/* Once at open: sets the allocators so. */
void mp_lua_hooks_open(lua_State *L, MpState *E, int mode);

#endif
