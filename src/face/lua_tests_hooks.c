/*
** lua_tests_hooks.c: hooks, sites and statistics as methods of a set
** (lua_tests_domain.c).
*/

#include "face/lua_tests_hooks.h"

#include <lauxlib.h>
#include <pthread.h>
#include <string.h>

#include "face/lua_tests_domain.h"
#include "mem/debug.h"
#include "mem/raw.h"
#include "mem/stats.h"

static void set_field(lua_State *L, const char *name, size_t n) {
  lua_pushinteger(L, (lua_Integer)n);
  lua_setfield(L, -2, name);
}

/* {===== hooks ===== */

static void hooks_handler(void *ud, const char *report) {
  MpTestsSet *s = (MpTestsSet *)ud;
  mp_buf_addstr(&s->reports, report);
  mp_buf_addchar(&s->reports, '\n');
}

/* s:hooks(domain [, quarantine [, strict [, handler]]]); `handler` false: damage aborts */
static int set_hooks(lua_State *L) {
  MpTestsSet *s = mp_lua_tests_domain_check(L);
  MpDomain *d = mp_lua_tests_domain_door(L, 2);
  MpDebugOptions o;
  memset(&o, 0, sizeof o);
  o.frames = 1;
  o.quarantine = (size_t)luaL_optinteger(L, 3, MP_DEBUG_QUARANTINE);
  o.strict = lua_toboolean(L, 4);
  o.handler = lua_isboolean(L, 5) && !lua_toboolean(L, 5) ? NULL : hooks_handler;
  o.ud = s;
  lua_pushboolean(L, mp_debug_setup(d, &o) == MP_OK);
  return 1;
}

static int set_unhook(lua_State *L) {
  mp_debug_remove(mp_lua_tests_domain_door(L, 2));
  return 0;
}

static int set_hooked(lua_State *L) {
  lua_pushboolean(L, mp_debug_of(mp_lua_tests_domain_door(L, 2)) != NULL);
  return 1;
}

/* s:reports() → what the handler got since the last time */
static int set_reports(lua_State *L) {
  return mp_lua_tests_domain_pushtext(L, &mp_lua_tests_domain_check(L)->reports);
}

static int set_verify(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)mp_debug_verify(mp_lua_tests_domain_door(L, 2)));
  return 1;
}

static int set_describe(lua_State *L) {
  MpTestsSet *s = mp_lua_tests_domain_check(L);
  mp_debug_describe(mp_lua_tests_domain_door(L, 2), mp_lua_tests_domain_address(L, 3),
                    mp_lua_tests_domain_site(L, s, 4));
  return 0;
}

static int set_poke(lua_State *L) {
  unsigned char *p = (unsigned char *)mp_lua_tests_domain_address(L, 2);
  *p = (unsigned char)luaL_checkinteger(L, 3);
  return 0;
}

static int set_stack(lua_State *L) {
  char local[32] = {0};
  return mp_lua_tests_domain_push(L, &local[16 - (uintptr_t)local % 16]);
}

static void *thread_call(void *ud) { return mp_domain_malloc((MpDomain *)ud, 8); }

/* s:elsewhere(domain) → a block that another thread asked for */
static int set_elsewhere(lua_State *L) {
  MpDomain *d = mp_lua_tests_domain_door(L, 2);
  pthread_t thread;
  void *p = NULL;
  if (pthread_create(&thread, NULL, thread_call, d) != 0) return luaL_error(L, "no thread");
  pthread_join(thread, &p);
  return mp_lua_tests_domain_push(L, p);
}

/* }===== */

/* {===== statistics ===== */

static int set_stats(lua_State *L) {
  MpStats s;
  const MpHeapStats *h = &s.heap;
  int i;
  mp_stats_take(mp_lua_tests_domain_check(L)->domains, &s);
  lua_newtable(L);
  for (i = 0; i < MP_DOMAIN_COUNT; i++) {
    mp_lua_tests_domain_pushcounts(L, &s.of[i]);
    lua_setfield(L, -2, mp_domain_name((MpDomainId)i));
  }
  lua_newtable(L);
  set_field(L, "reserved", h->reserved);
  set_field(L, "allocated", h->allocated);
  set_field(L, "rounding", h->rounding);
  set_field(L, "available", h->available);
  set_field(L, "unused", h->unused);
  set_field(L, "metadata", h->metadata);
  set_field(L, "large", h->large);
  lua_setfield(L, -2, "heap");
  return 1;
}

static int set_statstext(lua_State *L) {
  MpStats s;
  MpBuf out;
  mp_stats_take(mp_lua_tests_domain_check(L)->domains, &s);
  mp_buf_init(&out, &mp_alloc_system);
  mp_stats_text(&s, &out);
  return mp_lua_tests_domain_pushtext(L, &out);
}

static void groups_push(lua_State *L, const MpStatsGroups *g) {
  size_t i;
  lua_newtable(L);
  for (i = 0; i < g->n; i++) {
    const MpStatsGroup *one = &g->list[i];
    lua_newtable(L);
    lua_pushstring(L, mp_domain_name(one->domain));
    lua_setfield(L, -2, "domain");
    lua_pushstring(L, one->site != NULL ? one->site->text : NULL);
    lua_setfield(L, -2, "site");
    lua_pushstring(L, one->type != NULL ? one->type->text : NULL);
    lua_setfield(L, -2, "type");
    set_field(L, "blocks", one->blocks);
    set_field(L, "bytes", one->bytes);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
}

/* s:leaks() → the report and the groups; nil when there is no memory */
static int set_leaks(lua_State *L) {
  MpStatsGroups g;
  MpBuf out;
  if (mp_stats_groups(mp_lua_tests_domain_check(L)->domains, &mp_alloc_system, &g) != MP_OK)
    return 0;
  mp_buf_init(&out, &mp_alloc_system);
  mp_stats_leaks(&g, &out);
  mp_lua_tests_domain_pushtext(L, &out);
  groups_push(L, &g);
  mp_stats_fini(&g);
  return 2;
}

/* s:grown(f): what a call of f adds */
static int set_grown(lua_State *L) {
  MpDomains *d = mp_lua_tests_domain_check(L)->domains;
  MpStatsGroups a, b, more;
  if (mp_stats_groups(d, &mp_alloc_system, &a) != MP_OK) return 0;
  lua_settop(L, 2);
  lua_call(L, 0, 0);
  if (mp_stats_groups(d, &mp_alloc_system, &b) != MP_OK) return 0;
  if (mp_stats_compare(&a, &b, &mp_alloc_system, &more) != MP_OK) return 0;
  groups_push(L, &more);
  mp_stats_fini(&a);
  mp_stats_fini(&b);
  mp_stats_fini(&more);
  return 1;
}

static int set_resident(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)mp_stats_resident());
  return 1;
}

/* s:same(text, text) → do two sites have one record, and is its text right? */
static int set_same(lua_State *L) {
  MpTestsSet *s = mp_lua_tests_domain_check(L);
  const MpSite *a = mp_lua_tests_domain_site(L, s, 2), *b = mp_lua_tests_domain_site(L, s, 3);
  lua_pushboolean(L, a == b);
  lua_pushstring(L, a != NULL ? a->text : NULL);
  lua_pushinteger(L, a != NULL ? (lua_Integer)a->len : 0);
  return 3;
}

/* }===== */

static const luaL_Reg hooks_methods[] = {{"hooks", set_hooks},         {"unhook", set_unhook},
                                         {"hooked", set_hooked},       {"reports", set_reports},
                                         {"verify", set_verify},       {"describe", set_describe},
                                         {"poke", set_poke},           {"stack", set_stack},
                                         {"elsewhere", set_elsewhere}, {"stats", set_stats},
                                         {"statstext", set_statstext}, {"leaks", set_leaks},
                                         {"grown", set_grown},         {"resident", set_resident},
                                         {"same", set_same},           {NULL, NULL}};

const luaL_Reg *mp_lua_tests_hooks_methods(void) { return hooks_methods; }
