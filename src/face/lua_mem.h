/*
** lua_mem.h: `ffi.mem`: where memory comes from. Its functions are the state's,
** one for all instances; each instance's table has them all.
*/

#ifndef MP_FACE_LUA_MEM_H
#define MP_FACE_LUA_MEM_H

#include "base/buf.h"
#include "call/owner.h"
#include "value/state.h"

/* Once at open: makes the functions. */
void mp_lua_mem_open(lua_State *L, MpState *E);

/* Adds `mem` to the instance's table, below its userdata on the top. */
void mp_lua_mem_addfields(lua_State *L, MpState *E);

/* Of the function of mem that is running: the engine; raises once moonpool is closed. */
static inline MpState *mp_lua_mem_self(lua_State *L) {
  MpState *E = (MpState *)lua_touserdata(L, MP_UP_OWN);
  if (MP_UNLIKELY(E->closed)) mp_state_error(L, MP_MSG_CLOSED);
  mp_owner_enter(E);
  return E;
}

/* Memory that Lua's stack holds until the function returns: nothing is lost when an error is raised. */
MpAlloc mp_lua_mem_stack(lua_State *L);

/* Pushes the text of a buffer over such memory; raises if there was none. */
void mp_lua_mem_pushbuf(lua_State *L, MpBuf *text);

/* The domain whose number is the argument; raises for any other value. */
MpDomain *mp_lua_mem_domain(lua_State *L, const MpState *E, int idx);

#endif
