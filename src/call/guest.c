/*
** guest.c: makes and keeps guests' coroutines. Called by callback.c and lock.c,
** by whoever holds the state lock. A table in the registry keeps them, for as
** long as the state lives, each under a userdata that is its record.
**
** A thread from outside has no coroutine to make one on: the main one, and any
** that is in C, may go on at any moment as soon as the lock is given up. So
** there is always one more than are in use, and who takes that makes the next.
*/

#include "call/guest.h"

/* Runs protected too: light engine. Makes an idle one. */
static int guest_make(lua_State *L) {
  MpState *E = (MpState *)lua_touserdata(L, 1);
  MpGuest *g;
  lua_rawgeti(L, LUA_REGISTRYINDEX, E->guests);
  g = (MpGuest *)lua_newuserdatauv(L, sizeof(MpGuest), 1);
  g->L = lua_newthread(L);
  lua_setiuservalue(L, -2, 1);
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
  mp_guest_return(E, g);
  return 0;
}

void mp_guest_prepare(lua_State *L, MpState *E) {
  if (E->guests == 0) {
    lua_newtable(L);
    E->guests = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  if (E->idle != NULL) return;
  lua_pushcfunction(L, guest_make);
  lua_pushlightuserdata(L, E);
  lua_call(L, 1, 0);
}

/*
** Makes the next one, on one that is idle no more. The collector rests: a
** finalizer might call C, and others come in before there is another.
*/
static void guest_succeed(lua_State *L, MpState *E) {
  bool collects = lua_gc(L, LUA_GCISRUNNING) == 1;
  if (collects) lua_gc(L, LUA_GCSTOP);
  lua_pushcfunction(L, guest_make);
  lua_pushlightuserdata(L, E);
  lua_pcall(L, 1, 0, 0);
  lua_settop(L, 0);
  if (collects) lua_gc(L, LUA_GCRESTART);
}

MpGuest *mp_guest_take(MpState *E) {
  MpGuest *g = E->idle;
  if (g == NULL) return NULL;
  E->idle = g->next;
  if (E->idle == NULL) guest_succeed(g->L, E);
  return g;
}

void mp_guest_return(MpState *E, MpGuest *g) {
  lua_settop(g->L, 0);
  g->next = E->idle;
  E->idle = g;
}
