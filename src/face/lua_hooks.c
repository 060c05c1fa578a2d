/*
** lua_hooks.c: the debug hooks in Lua. What they have seen is asked for in
** groups: blocks of one site and type.
*/

#include "face/lua_hooks.h"

#include <stdlib.h>
#include <string.h>

#include "call/damage.h"
#include "face/lua_malloc.h"
#include "face/lua_mem.h"
#include "mem/raw.h"
#include "mem/stats.h"
#include "value/toc.h"
#include "value/trace.h"

#define SNAPSHOT "moonpool.snapshot"
#define HOOKS_FRAMES 32 /* lines of a site, at most */

/* {===== on and off ===== */

/* Hooks over all three domains, or new options for them; raises for want of memory. */
static void hooks_setup(lua_State *L, MpState *E, size_t quarantine, bool strict) {
  MpDebugOptions o;
  MpStatus status = MP_OK;
  int i;
  memset(&o, 0, sizeof o);
  o.frames = E->frames;
  o.quarantine = quarantine;
  o.strict = strict;
  mp_damage_handler(E, &o);
  mp_damage_await(E);
  mp_trace_tell(L, E, "mem.setup_debug_hooks"); /* what leaves a smaller quarantine is verified */
  for (i = 0; i < MP_DOMAIN_COUNT && status == MP_OK; i++)
    status = mp_debug_setup(mp_domain_of(E->domains, (MpDomainId)i), &o);
  mp_trace_end(E);
  if (status != MP_OK) mp_state_error(L, MP_MSG_NOMEM);
  mp_damage_raise(L, E);
}

/* The option `on_corruption` of the table at 1. */
static void read_damage(lua_State *L, MpState *E) {
  static const struct {
    const char *word;
    MpDamage how;
  } words[] = {{"error", MP_DAMAGE_ERROR}, {"abort", MP_DAMAGE_ABORT}};
  size_t i;
  switch (lua_getfield(L, 1, "on_corruption")) {
    case LUA_TNIL: mp_damage_choose(L, E, MP_DAMAGE_DEFAULT, 0); return;
    case LUA_TFUNCTION: mp_damage_choose(L, E, MP_DAMAGE_CALL, -1); return;
    case LUA_TSTRING:
      for (i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(lua_tostring(L, -1), words[i].word) != 0) continue;
        mp_damage_choose(L, E, words[i].how, 0);
        return;
      }
      break;
    default: break;
  }
  mp_state_error(L, MP_MSG_ON_CORRUPTION, luaL_tolstring(L, -1, NULL));
}

/* mem.setup_debug_hooks([{frames=, quarantine=, on_corruption=}]) */
static int hooks_setup_debug_hooks(lua_State *L) {
  MpState *E = mp_lua_mem_self(L);
  size_t frames = 1, quarantine = MP_DEBUG_QUARANTINE;
  lua_settop(L, 1);
  if (lua_isnil(L, 1)) {
    lua_newtable(L);
    lua_replace(L, 1);
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  if (lua_getfield(L, 1, "frames") != LUA_TNIL &&
      (!mp_lua_malloc_size(L, E, -1, "frames", &frames) || frames < 1 || frames > HOOKS_FRAMES))
    mp_state_error(L, MP_MSG_FRAMES, HOOKS_FRAMES);
  if (lua_getfield(L, 1, "quarantine") != LUA_TNIL &&
      !mp_lua_malloc_size(L, E, -1, "quarantine", &quarantine))
    mp_state_error(L, MP_MSG_SIZE_RANGE);
  read_damage(L, E);
  E->frames = (unsigned)frames;
  hooks_setup(L, E, quarantine, false);
  return 0;
}

/* mem.remove_debug_hooks() */
static int hooks_remove_debug_hooks(lua_State *L) {
  MpState *E = mp_lua_mem_self(L);
  int i;
  for (i = 0; i < MP_DOMAIN_COUNT; i++) mp_debug_remove(mp_domain_of(E->domains, (MpDomainId)i));
  return 0;
}

/* }===== */

/* {===== leaks and snapshots ===== */

typedef struct Snapshot {
  MpState *engine;
  MpStatsGroups groups;
} Snapshot;

static int snapshot_gc(lua_State *L) {
  Snapshot *s = (Snapshot *)lua_touserdata(L, 1);
  if (s->engine != NULL && !s->engine->closed) {
    mp_state_enter(s->engine);
    mp_stats_fini(&s->groups);
  }
  s->engine = NULL;
  return 0;
}

/* Pushes an empty one. */
static Snapshot *snapshot_push(lua_State *L) {
  Snapshot *s = (Snapshot *)lua_newuserdatauv(L, sizeof(Snapshot), 0);
  memset(s, 0, sizeof *s);
  luaL_setmetatable(L, SNAPSHOT);
  return s;
}

/* Pushes what the hooks know to live now. */
static Snapshot *snapshot_take(lua_State *L, MpState *E) {
  Snapshot *s = snapshot_push(L);
  if (mp_stats_groups(E->domains, E->obj, &s->groups) != MP_OK) mp_state_error(L, MP_MSG_NOMEM);
  s->engine = E;
  return s;
}

static void set_site(lua_State *L, const char *name, const MpSite *site) {
  if (site == NULL) return;
  lua_pushlstring(L, site->text, site->len);
  lua_setfield(L, -2, name);
}

/* Pushes the list of the groups. */
static void push_groups(lua_State *L, const MpStatsGroups *g) {
  size_t i;
  lua_createtable(L, (int)g->n, 0);
  for (i = 0; i < g->n; i++) {
    const MpStatsGroup *one = &g->list[i];
    lua_createtable(L, 0, 5);
    set_site(L, "site", one->site);
    set_site(L, "type", one->type);
    lua_pushinteger(L, (lua_Integer)one->blocks);
    lua_setfield(L, -2, "blocks");
    lua_pushinteger(L, (lua_Integer)one->bytes);
    lua_setfield(L, -2, "bytes");
    lua_pushstring(L, mp_domain_name(one->domain));
    lua_setfield(L, -2, "domain");
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
}

/* mem.leaks(): the report as text, and a list of what lives */
static int hooks_leaks(lua_State *L) {
  MpState *E = mp_lua_mem_self(L);
  MpAlloc alloc = mp_lua_mem_stack(L);
  Snapshot *s;
  MpBuf text;
  int i;
  luaL_checkstack(L, 32, NULL);
  mp_damage_await(E);
  mp_trace_tell(L, E, "mem.leaks");
  for (i = 0; i < MP_DOMAIN_COUNT; i++) mp_debug_verify(mp_domain_of(E->domains, (MpDomainId)i));
  mp_trace_end(E);
  mp_damage_raise(L, E);
  s = snapshot_take(L, E);
  mp_buf_init(&text, &alloc);
  mp_stats_leaks(&s->groups, &text);
  mp_lua_mem_pushbuf(L, &text);
  push_groups(L, &s->groups);
  mp_stats_fini(&s->groups);
  s->engine = NULL;
  return 2;
}

/* mem.snapshot() */
static int hooks_snapshot(lua_State *L) {
  snapshot_take(L, mp_lua_mem_self(L));
  return 1;
}

/* mem.compare(a, b): what there is more of in b */
static int hooks_compare(lua_State *L) {
  MpState *E = mp_lua_mem_self(L);
  const Snapshot *a = (const Snapshot *)luaL_checkudata(L, 1, SNAPSHOT);
  const Snapshot *b = (const Snapshot *)luaL_checkudata(L, 2, SNAPSHOT);
  Snapshot *more = snapshot_push(L);
  if (mp_stats_compare(&a->groups, &b->groups, E->obj, &more->groups) != MP_OK)
    mp_state_error(L, MP_MSG_NOMEM);
  more->engine = E;
  push_groups(L, &more->groups);
  mp_stats_fini(&more->groups);
  more->engine = NULL;
  return 1;
}

/* }===== */

/* {===== MOONPOOL_MALLOC ===== */

/* MEM and OBJ from the C library, as RAW. */
static void system_setup(lua_State *L, MpState *E) {
  MpAllocator a;
  int i;
  mp_raw_clib(&a);
  for (i = MP_DOMAIN_MEM; i < MP_DOMAIN_COUNT; i++)
    if (mp_domain_set(mp_domain_of(E->domains, (MpDomainId)i), &a, MP_LAYER_C, NULL, NULL) != MP_OK)
      mp_state_error(L, MP_MSG_NOMEM);
}

enum { MODE_SYSTEM = 1, MODE_DEBUG = 2 };

int mp_lua_hooks_mode(lua_State *L) {
  static const char *const words[] = {"default", "malloc", "debug", "malloc_debug"};
  const char *word = NULL;
  int mode;
  if (lua_getfield(L, LUA_REGISTRYINDEX, MP_LUA_HOOKS_MODE) == LUA_TSTRING)
    word = lua_tostring(L, -1);
  else
    word = getenv("MOONPOOL_MALLOC");
  lua_pop(L, 1); /* the registry has it still */
  if (word == NULL) return 0;
  for (mode = 0; mode <= (MODE_SYSTEM | MODE_DEBUG); mode++)
    if (strcmp(word, words[mode]) == 0) return mode;
  mp_state_error(L, MP_MSG_MODE_MALLOC, word);
}

void mp_lua_hooks_open(lua_State *L, MpState *E, int mode) {
  luaL_newmetatable(L, SNAPSHOT);
  lua_pushcfunction(L, snapshot_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  if (mode & MODE_SYSTEM) system_setup(L, E);
  if (mode & MODE_DEBUG) hooks_setup(L, E, MP_DEBUG_QUARANTINE, true);
  E->tells_leaks = (mode & MODE_DEBUG) != 0;
}

/* }===== */

const luaL_Reg mp_lua_hooks_functions[] = {{"setup_debug_hooks", hooks_setup_debug_hooks},
                                           {"remove_debug_hooks", hooks_remove_debug_hooks},
                                           {"leaks", hooks_leaks},
                                           {"snapshot", hooks_snapshot},
                                           {"compare", hooks_compare},
                                           {NULL, NULL}};
