/*
** lua_cdata.h: what cdata do in Lua: their metamethods, and the functions that
** read, move and slice memory.
*/

#ifndef MP_FACE_LUA_CDATA_H
#define MP_FACE_LUA_CDATA_H

#include "value/cdata.h"

extern const luaL_Reg mp_lua_cdata_functions[];

/* Sets the metamethods that metatables are made of. Called once at open. */
void mp_lua_cdata_open(lua_State *L, MpState *E);

/* The cdata at idx; an argument error for anything else, or a released one. */
MpCdata *mp_lua_cdata_check(lua_State *L, MpState *E, int idx);

/*
** Replaces a library's function at idx by the pointer to it that it stands
** for; leaves anything else.
*/
void mp_lua_cdata_function(lua_State *L, MpState *E, int idx);

#endif
