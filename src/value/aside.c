/*
** aside.c: the engine's own coroutine. Called from domains, at whatever time.
*/

#include "value/aside.h"

#include <stdio.h>
#include <string.h>

void mp_aside_open(lua_State *L, MpState *E) {
  E->aside = lua_newthread(L);
  luaL_ref(L, LUA_REGISTRYINDEX);
}

int mp_aside_refer(lua_State *L, lua_CFunction f) {
  mp_state_pushclosure(L, f, 0);
  return luaL_ref(L, LUA_REGISTRYINDEX);
}

/* What surrounds a call, and must be as it was after it. */
typedef struct Around {
  bool asked, frozen, stopped;
  int saved_errno, top;
  const MpSite *here;
  const char *verb;
} Around;

static void around_enter(MpState *E, Around *was) {
  E->apart++;
  was->asked = E->asked;
  was->frozen = E->frozen;
  was->saved_errno = E->saved_errno;
  was->here = E->domains->here;
  was->verb = E->domains->verb;
  was->top = lua_gettop(E->aside);
  /* Finalizers may declare, too. */
  was->stopped = !E->asked && lua_gc(E->aside, LUA_GCISRUNNING) == 1;
  if (was->stopped) lua_gc(E->aside, LUA_GCSTOP);
  E->frozen = was->frozen || !was->asked;
  E->asked = false;
}

static void around_leave(MpState *E, const Around *was) {
  E->apart--;
  lua_settop(E->aside, was->top);
  E->asked = was->asked;
  E->frozen = was->frozen;
  E->saved_errno = was->saved_errno;
  E->domains->here = was->here;
  E->domains->verb = was->verb;
  if (was->stopped) lua_gc(E->aside, LUA_GCRESTART);
}

bool mp_aside_run(MpState *E, int ref, void *ud, char *text, size_t room) {
  lua_State *L = E->aside;
  Around was;
  bool done = false;
  if (!lua_checkstack(L, 2 * LUA_MINSTACK)) {
    snprintf(text, room, "%s", MP_MSG_NOMEM);
    return false;
  }
  around_enter(E, &was);
  lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
  lua_pushlightuserdata(L, ud);
  if (lua_pcall(L, 1, 0, 0) == LUA_OK)
    done = true;
  else if (lua_type(L, -1) == LUA_TSTRING)
    snprintf(text, room, "%s", lua_tostring(L, -1));
  else
    snprintf(text, room, MP_MSG_ERROR_OBJECT, luaL_typename(L, -1));
  around_leave(E, &was);
  return done;
}

void mp_aside_collect(void *engine) {
  MpState *E = (MpState *)engine;
  Around was;
  if (E->closed || lua_gc(E->aside, LUA_GCISRUNNING) != 1) return; /* stopped, or in a finalizer */
  around_enter(E, &was);
  lua_gc(E->aside, LUA_GCCOLLECT);
  around_leave(E, &was);
}
