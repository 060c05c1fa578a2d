/*
** lua_lock.c: the state lock, for scripts.
*/

#include "face/lua_lock.h"

#include "call/call.h"
#include "call/lock.h"
#include "face/lua_core.h"
#include "value/toc.h"

/* ffi.lock([on]): is the state lock on? `on` turns it on, held by this thread, or off */
static int lock_lock(lua_State *L) {
  MpState *E = mp_lua_core_self(L)->engine;
  lua_pushboolean(L, E->locked);
  if (lua_isnoneornil(L, 1)) return 1;
  luaL_checktype(L, 1, LUA_TBOOLEAN);
  mp_lock_turn(L, E, lua_toboolean(L, 1));
  return 1;
}

/* ffi.yield(): other threads that wait for the state have a turn each */
static int lock_yield(lua_State *L) {
  mp_lock_yield(mp_lua_core_self(L)->engine);
  return 0;
}

/* The same pointer, or the function itself, as one to a function that keeps the lock. */
static void nonblocking_cdata(lua_State *L, MpState *E) {
  MpErr e;
  const MpCtype *ct;
  const MpCdata *c = mp_cdata_test(L, E, 1);
  if (c == NULL || mp_cdata_target(c)->kind != MP_KIND_FUNCTION)
    mp_state_error(L, MP_MSG_NONBLOCKING, mp_toc_describe(L, E, 1));
  ct = mp_call_nonblocking(L, mp_cdata_target(c));
  if (mp_ctype_pointer(&E->root, ct, &ct, &e) != MP_OK) mp_state_raise(L, &e);
  mp_cdata_pushview(L, E, ct, mp_cdata_address(c), 1);
}

/* ffi.nonblocking(f): a function that calls the same C function, and keeps the state lock meanwhile */
static int lock_nonblocking(lua_State *L) {
  MpState *E = mp_lua_core_self(L)->engine;
  const MpCtype *fn;
  void (*code)(void);
  lua_settop(L, 1);
  if (!mp_call_is(L, 1, &fn, &code)) {
    nonblocking_cdata(L, E);
    return 1;
  }
  lua_settop(L, 1);
  mp_call_pushnonblocking(L, 1);
  return 1;
}

const luaL_Reg mp_lua_lock_functions[] = {
    {"lock", lock_lock}, {"yield", lock_yield}, {"nonblocking", lock_nonblocking}, {NULL, NULL}};
