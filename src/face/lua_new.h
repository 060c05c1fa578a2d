/*
** lua_new.h: functions that make and end memory: new, cast, box, gc, release, allocators, handles.
*/

#ifndef MP_FACE_LUA_NEW_H
#define MP_FACE_LUA_NEW_H

#include "value/cdata.h"

extern const luaL_Reg mp_lua_new_functions[];

/* ffi.new of the type with the initializers at stack indexes first …; pushes the owner, returns 1. */
int mp_lua_new_make(lua_State *L, MpState *E, const MpCtype *ct, int first);

/* Ends what the cdata at idx owns, as ffi.release does; raises for one that owns nothing. */
void mp_lua_new_release(lua_State *L, MpState *E, MpCdata *c, int idx);

/* __close of every cdata: ends it, as ffi.release does. */
int mp_lua_new_close(lua_State *L);

#endif
