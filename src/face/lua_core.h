/*
** lua_core.h: the module: an instance is a table of functions, closures over
** the instance's userdata.
*/

#ifndef MP_FACE_LUA_CORE_H
#define MP_FACE_LUA_CORE_H

#include "call/owner.h"
#include "value/state.h"

/* Lets Lua load the library as `moonpool.core`. */
MP_API int luaopen_moonpool_core(lua_State *L);

/* Of the function that is running: its instance; raises once moonpool is closed. */
static inline MpInstance *mp_lua_core_self(lua_State *L) {
  MpInstance *in = *(MpInstance **)lua_touserdata(L, MP_UP_OWN);
  if (MP_UNLIKELY(in == NULL)) mp_state_error(L, MP_MSG_CLOSED);
  mp_owner_enter(in->engine);
  return in;
}

#endif
