/*
** damage.c: from the hooks' report to the user's choice. Called by the hooks,
** on any thread for RAW, and by the functions of mem.
*/

#include "call/damage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call/lock.h"
#include "value/aside.h"

static MP_NORETURN void damage_abort(const char *report) {
  fprintf(stderr, "%s\n", report);
  fflush(stderr);
  abort();
}

/* What it is for a function: engine and report. */
typedef struct Damage {
  MpState *engine;
  const char *report;
} Damage;

/* Runs aside: light damage. */
static int damage_call(lua_State *L) {
  const Damage *d = (const Damage *)lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, d->engine->damage_function);
  lua_pushstring(L, d->report);
  lua_call(L, 1, 0);
  return 0;
}

/* Runs aside: light damage. Keeps the report for mp_damage_raise, the first one. */
static int damage_keep(lua_State *L) {
  const Damage *d = (const Damage *)lua_touserdata(L, 1);
  lua_pushstring(L, d->report);
  d->engine->damage_text = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

/* mp_state_report says whose report it is itself. */
static void damage_report(MpState *E, const char *text) {
  static const char who[] = "moonpool: ";
  if (strncmp(text, who, sizeof who - 1) == 0) text += sizeof who - 1;
  mp_state_report(E->aside, E, text);
}

static void damage_tell(MpState *E, const char *report) {
  Damage d = {E, report};
  char text[512];
  if (!mp_aside_run(E, E->damage_call, &d, text, sizeof text)) damage_report(E, text);
}

/* MpDebugHandler; `ud` is the state's seat, which outlives it. */
static void damage_handle(void *ud, const char *report) {
  MpSeat *seat = (MpSeat *)ud;
  Damage d = {NULL, report};
  char text[512];
  if (mp_lock_has(seat)) d.engine = seat->engine;
  if (d.engine == NULL || d.engine->on_damage <= MP_DAMAGE_ABORT) damage_abort(report);
  if (d.engine->on_damage == MP_DAMAGE_CALL)
    damage_tell(d.engine, report);
  else if (!d.engine->raises || d.engine->damage_text != LUA_NOREF ||
           !mp_aside_run(d.engine, d.engine->damage_keep, &d, text, sizeof text))
    damage_report(d.engine, report);
}

void mp_damage_handler(MpState *E, MpDebugOptions *o) {
  o->handler = damage_handle;
  o->ud = E->seat;
}

bool mp_damage_found(MpState *E, const char *report) {
  if (E->on_damage == MP_DAMAGE_ABORT) damage_abort(report);
  if (E->on_damage != MP_DAMAGE_CALL) return true;
  damage_tell(E, report);
  return false;
}

void mp_damage_await(MpState *E) { E->raises = true; }

void mp_damage_raise(lua_State *L, MpState *E) {
  int ref = E->damage_text;
  E->raises = false;
  if (MP_LIKELY(ref == LUA_NOREF)) return;
  lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
  E->damage_text = LUA_NOREF;
  luaL_unref(L, LUA_REGISTRYINDEX, ref);
  mp_state_raisetop(L);
}

void mp_damage_open(lua_State *L, MpState *E) {
  E->damage_call = mp_aside_refer(L, damage_call);
  E->damage_keep = mp_aside_refer(L, damage_keep);
}

void mp_damage_choose(lua_State *L, MpState *E, MpDamage how, int idx) {
  int ref = LUA_NOREF;
  if (how == MP_DAMAGE_CALL) {
    lua_pushvalue(L, idx);
    ref = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  luaL_unref(L, LUA_REGISTRYINDEX, E->damage_function);
  E->damage_function = ref;
  E->on_damage = how;
}
