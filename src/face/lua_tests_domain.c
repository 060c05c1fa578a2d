/*
** lua_tests_domain.c: a set of domains (mem/domain.h) as a Lua object, with
** allocators that misbehave as they are told. Addresses go to Lua as integers,
** sizes come as integers of 64 bits: -1 is the largest. `set:fini()` frees the set.
*/

#include "face/lua_tests_domain.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "face/lua_tests_hooks.h"
#include "mem/domain.h"
#include "mem/raw.h"

#define SET "moonpool.tests.set"
#define PROBE "moonpool.tests.probe"
#define SAVED "moonpool.tests.saved"

/* An allocator that is installed by specs. */
typedef struct Probe {
  MpDomain *inner; /* whose door it gets its blocks from; NULL: the C library */
  MpAllocator saved;
  bool wraps;  /* gets them from `saved` */
  bool absent; /* doesn't serve */
  lua_Integer budget;
  size_t shift;       /* added to each address */
  void *fixed;        /* returned instead of a new block */
  const char *reason; /* of failures */
  _Atomic(lua_Integer) mallocs, callocs, reallocs, frees, dropped;
  MpLayer *layer;
} Probe;

MpTestsSet *mp_lua_tests_domain_check(lua_State *L) {
  MpTestsSet *s = (MpTestsSet *)luaL_checkudata(L, 1, SET);
  if (s->domains == NULL) luaL_error(L, "the set is gone");
  return s;
}

MpDomain *mp_lua_tests_domain_door(lua_State *L, int arg) {
  static const char *const names[] = {"raw", "mem", "obj", NULL};
  return mp_domain_of(mp_lua_tests_domain_check(L)->domains,
                      (MpDomainId)luaL_checkoption(L, arg, NULL, names));
}

void *mp_lua_tests_domain_address(lua_State *L, int arg) {
  return lua_isnoneornil(L, arg) ? NULL : (void *)(intptr_t)luaL_checkinteger(L, arg);
}

int mp_lua_tests_domain_push(lua_State *L, const void *p) {
  if (p == NULL)
    lua_pushnil(L);
  else
    lua_pushinteger(L, (lua_Integer)(intptr_t)p);
  return 1;
}

int mp_lua_tests_domain_pushtext(lua_State *L, MpBuf *b) {
  const char *s = mp_buf_cstr(b);
  lua_pushlstring(L, s != NULL ? s : "", s != NULL ? b->len : 0);
  mp_buf_fini(b);
  return 1;
}

/* {===== the set ===== */

static int set_new(lua_State *L) {
  MpTestsSet *s = (MpTestsSet *)lua_newuserdatauv(L, sizeof *s, 1);
  memset(s, 0, sizeof *s);
  mp_buf_init(&s->reports, &mp_alloc_system);
  luaL_setmetatable(L, SET);
  lua_newtable(L); /* what C holds on to */
  lua_setiuservalue(L, -2, 1);
  s->domains = mp_domain_newset();
  if (s->domains == NULL) return luaL_error(L, "no memory for a set");
  return 1;
}

static int set_fini(lua_State *L) {
  MpTestsSet *s = (MpTestsSet *)luaL_checkudata(L, 1, SET);
  mp_domain_freeset(s->domains);
  s->domains = NULL;
  mp_lua_tests_domain_pushtext(L, &s->reports);
  return 1;
}

static int set_malloc(lua_State *L) {
  return mp_lua_tests_domain_push(
      L, mp_domain_malloc(mp_lua_tests_domain_door(L, 2), (size_t)luaL_checkinteger(L, 3)));
}

static int set_calloc(lua_State *L) {
  return mp_lua_tests_domain_push(L, mp_domain_calloc(mp_lua_tests_domain_door(L, 2),
                                                      (size_t)luaL_checkinteger(L, 3),
                                                      (size_t)luaL_checkinteger(L, 4)));
}

static int set_realloc(lua_State *L) {
  return mp_lua_tests_domain_push(L, mp_domain_realloc(mp_lua_tests_domain_door(L, 2),
                                                       mp_lua_tests_domain_address(L, 3),
                                                       (size_t)luaL_checkinteger(L, 4)));
}

static int set_free(lua_State *L) {
  mp_domain_free(mp_lua_tests_domain_door(L, 2), mp_lua_tests_domain_address(L, 3));
  return 0;
}

/* s:resize(domain, address, old size, new size): the sized door */
static int set_resize(lua_State *L) {
  MpDomain *d = mp_lua_tests_domain_door(L, 2);
  return mp_lua_tests_domain_push(L, d->alloc.resize(d->alloc.ud, mp_lua_tests_domain_address(L, 3),
                                                     (size_t)luaL_checkinteger(L, 4),
                                                     (size_t)luaL_checkinteger(L, 5)));
}

/* s:lua(address, old size, new size): Lua's own traffic */
static int set_lua(lua_State *L) {
  return mp_lua_tests_domain_push(L, mp_domain_luaalloc(mp_lua_tests_domain_check(L)->domains,
                                                        mp_lua_tests_domain_address(L, 2),
                                                        (size_t)luaL_checkinteger(L, 3),
                                                        (size_t)luaL_checkinteger(L, 4)));
}

/* s:check(domain, address) → the report, or nil */
static int set_judge(lua_State *L) {
  MpBuf out;
  mp_buf_init(&out, &mp_alloc_system);
  if (mp_domain_check(mp_lua_tests_domain_door(L, 2), mp_lua_tests_domain_address(L, 3), &out) !=
      MP_OK)
    return mp_lua_tests_domain_pushtext(L, &out);
  mp_buf_fini(&out);
  return 0;
}

static int set_size(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)mp_domain_size(mp_lua_tests_domain_door(L, 2),
                                                 mp_lua_tests_domain_address(L, 3)));
  return 1;
}

static int set_reason(lua_State *L) {
  lua_pushstring(L, mp_domain_reason(mp_lua_tests_domain_door(L, 2)));
  return 1;
}

static void set_field(lua_State *L, const char *name, size_t n) {
  lua_pushinteger(L, (lua_Integer)n);
  lua_setfield(L, -2, name);
}

int mp_lua_tests_domain_pushcounts(lua_State *L, const MpDomainCounts *c) {
  lua_createtable(L, 0, 5);
  set_field(L, "blocks", c->blocks);
  set_field(L, "bytes", c->bytes);
  set_field(L, "peak", c->peak);
  set_field(L, "calls", c->calls);
  set_field(L, "failures", c->failures);
  return 1;
}

static int set_counts(lua_State *L) {
  MpDomainCounts c;
  mp_domain_counts(mp_lua_tests_domain_door(L, 2), &c);
  mp_lua_tests_domain_pushcounts(L, &c);
  return 1;
}

static int set_own(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)mp_lua_tests_domain_door(L, 2)->own);
  return 1;
}

static int set_total(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)mp_domain_total(mp_lua_tests_domain_check(L)->domains));
  return 1;
}

const MpSite *mp_lua_tests_domain_site(lua_State *L, MpTestsSet *s, int arg) {
  size_t len;
  const char *text = luaL_optlstring(L, arg, NULL, &len);
  return text != NULL ? mp_site_intern(&s->domains->sites, text, len) : NULL;
}

/* s:at(site, verb): what the next calls are for. The verb stays: it must be a literal. */
static int set_at(lua_State *L) {
  MpTestsSet *s = mp_lua_tests_domain_check(L);
  s->domains->here = mp_lua_tests_domain_site(L, s, 2);
  s->domains->verb = luaL_optstring(L, 3, NULL);
  lua_getiuservalue(L, 1, 1);
  lua_pushvalue(L, 3);
  if (s->domains->verb != NULL) luaL_ref(L, -2);
  return 0;
}

static int set_limit(lua_State *L) {
  mp_domain_setlimit(mp_lua_tests_domain_check(L)->domains, (size_t)luaL_checkinteger(L, 2));
  return 0;
}

/* s:nomemory(start, stop); s:nomemory() */
static int set_nomemory(lua_State *L) {
  MpDomains *d = mp_lua_tests_domain_check(L)->domains;
  if (lua_isnoneornil(L, 2))
    mp_domain_removenomemory(d);
  else
    mp_domain_setnomemory(d, (uint64_t)luaL_checkinteger(L, 2), (uint64_t)luaL_optinteger(L, 3, 0));
  return 0;
}

static void set_collector(void *ud) {
  MpTestsSet *s = (MpTestsSet *)ud;
  s->collected++;
  mp_domain_free(&s->domains->mem, s->gift);
  s->gift = NULL;
}

/* s:collector(address): the collector frees that block of MEM; s:collected() → how often it ran */
static int set_collects(lua_State *L) {
  MpTestsSet *s = mp_lua_tests_domain_check(L);
  s->gift = mp_lua_tests_domain_address(L, 2);
  s->domains->collect = set_collector;
  s->domains->collect_ud = s;
  return 0;
}

static int set_collected(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)mp_lua_tests_domain_check(L)->collected);
  return 1;
}

static void *former_resize(void *ud, void *ptr, size_t osize, size_t nsize) {
  (void)osize;
  ++*(size_t *)ud;
  if (nsize > 0) return realloc(ptr, nsize);
  free(ptr);
  return NULL;
}

/* s:adopt() → a block of the former allocator, 100 bytes; it counts into `collected`. */
static int set_adopt(lua_State *L) {
  MpTestsSet *s = mp_lua_tests_domain_check(L);
  mp_domain_adopt(s->domains, former_resize, &s->collected, NULL);
  return mp_lua_tests_domain_push(L, malloc(100));
}

/* tests.rawcheck(address): by the door that is no set's */
static int set_rawcheck(lua_State *L) {
  MpBuf out;
  mp_buf_init(&out, &mp_alloc_system);
  if (mp_domain_check(mp_domain_of(NULL, MP_DOMAIN_RAW), mp_lua_tests_domain_address(L, 1), &out) !=
      MP_OK)
    return mp_lua_tests_domain_pushtext(L, &out);
  mp_buf_fini(&out);
  return 0;
}

/* }===== */

/* {===== allocators ===== */

static void *probe_new(Probe *p, size_t size, bool zero) {
  char *block;
  if (p->reason != NULL && p->layer != NULL) p->layer->reason = p->reason;
  if (p->fixed != NULL) return p->fixed;
  if (p->budget == 0) return NULL;
  if (p->budget > 0) p->budget--;
  if (p->wraps)
    block = (char *)(zero ? p->saved.calloc(p->saved.ctx, 1, size)
                          : p->saved.malloc(p->saved.ctx, size));
  else if (p->inner != NULL)
    block = (char *)(zero ? mp_domain_calloc(p->inner, 1, size) : mp_domain_malloc(p->inner, size));
  else
    block = (char *)calloc(1, size + 64);
  return block != NULL ? block + p->shift : NULL;
}

static void probe_release(Probe *p, void *ptr) {
  char *block = ptr != NULL ? (char *)ptr - p->shift : NULL;
  if (p->wraps)
    p->saved.free(p->saved.ctx, block);
  else if (p->inner != NULL)
    mp_domain_free(p->inner, block);
  else
    free(block);
}

static void *probe_malloc(void *ctx, size_t size) {
  Probe *p = (Probe *)ctx;
  p->mallocs++;
  return probe_new(p, size, false);
}

static void *probe_calloc(void *ctx, size_t nelem, size_t elsize) {
  Probe *p = (Probe *)ctx;
  p->callocs++;
  return probe_new(p, nelem * elsize, true);
}

static void *probe_realloc(void *ctx, void *ptr, size_t size) {
  Probe *p = (Probe *)ctx;
  p->reallocs++;
  if (p->budget == 0) return NULL;
  if (p->wraps) return p->saved.realloc(p->saved.ctx, ptr, size);
  if (p->inner != NULL) return mp_domain_realloc(p->inner, ptr, size);
  return realloc(ptr, size + 64);
}

static void probe_free(void *ctx, void *ptr) {
  Probe *p = (Probe *)ctx;
  p->frees++;
  probe_release(p, ptr);
}

static void probe_drop(MpLayer *y) {
  Probe *p = (Probe *)y->a.ctx;
  p->dropped++;
  p->layer = NULL;
}

static bool probe_serves(MpLayer *y) { return !((Probe *)y->a.ctx)->absent; }

/* s:probe(domain, options) → an allocator that isn't installed yet */
static int set_probe(lua_State *L) {
  MpDomain *d = mp_lua_tests_domain_door(L, 2);
  Probe *p = (Probe *)lua_newuserdatauv(L, sizeof *p, 0);
  memset(p, 0, sizeof *p);
  p->budget = -1;
  luaL_setmetatable(L, PROBE);
  luaL_checktype(L, 3, LUA_TTABLE);
  lua_getfield(L, 3, "wraps");
  p->wraps = lua_toboolean(L, -1);
  mp_domain_get(d, &p->saved);
  lua_getfield(L, 3, "inner");
  if (lua_isboolean(L, -1))
    p->inner = mp_domain_of(NULL, MP_DOMAIN_RAW); /* as C calls it, for no set */
  else if (!lua_isnil(L, -1))
    p->inner = mp_lua_tests_domain_door(L, lua_gettop(L));
  lua_settop(L, 4);
  lua_getiuservalue(L, 1, 1);
  lua_pushvalue(L, 4);
  luaL_ref(L, -2); /* C has its address */
  lua_settop(L, 4);
  return 1;
}

/* s:install(domain, probe [, kind]) → fine? */
static int set_install(lua_State *L) {
  static const char *const kinds[] = {"c", "lua", NULL};
  MpDomain *d = mp_lua_tests_domain_door(L, 2);
  Probe *p = (Probe *)luaL_checkudata(L, 3, PROBE);
  MpAllocator a = {p, probe_malloc, probe_calloc, probe_realloc, probe_free, NULL};
  MpLayerKind kind = (MpLayerKind)luaL_checkoption(L, 4, "c", kinds);
  bool fine = mp_domain_set(d, &a, kind, probe_drop, &p->layer) == MP_OK;
  if (fine) mp_domain_serve(p->layer, probe_serves);
  lua_pushboolean(L, fine);
  return 1;
}

/* tests.cfree(address): a block of a probe that nobody asks to free it any more */
static int set_cfree(lua_State *L) {
  free(mp_lua_tests_domain_address(L, 1));
  return 0;
}

/* s:finish(probe): its state closes */
static int set_finish(lua_State *L) {
  mp_domain_end(((Probe *)luaL_checkudata(L, 2, PROBE))->layer);
  return 0;
}

/* p[name] → a number; p[name] = value */
static int probe_index(lua_State *L) {
  const Probe *p = (const Probe *)luaL_checkudata(L, 1, PROBE);
  const char *name = luaL_checkstring(L, 2);
  const MpLayer *y = p->layer;
  lua_Integer n = strcmp(name, "mallocs") == 0    ? p->mallocs
                  : strcmp(name, "callocs") == 0  ? p->callocs
                  : strcmp(name, "reallocs") == 0 ? p->reallocs
                  : strcmp(name, "frees") == 0    ? p->frees
                  : strcmp(name, "dropped") == 0  ? p->dropped
                  : strcmp(name, "blocks") == 0   ? (lua_Integer)(y != NULL ? y->blocks : 0)
                  : strcmp(name, "bytes") == 0    ? (lua_Integer)(y != NULL ? y->bytes : 0)
                                                  : luaL_error(L, "no field '%s'", name);
  lua_pushinteger(L, n);
  return 1;
}

static int probe_newindex(lua_State *L) {
  Probe *p = (Probe *)luaL_checkudata(L, 1, PROBE);
  const char *name = luaL_checkstring(L, 2);
  if (strcmp(name, "budget") == 0)
    p->budget = luaL_checkinteger(L, 3);
  else if (strcmp(name, "shift") == 0)
    p->shift = (size_t)luaL_checkinteger(L, 3);
  else if (strcmp(name, "fixed") == 0)
    p->fixed = mp_lua_tests_domain_address(L, 3);
  else if (strcmp(name, "absent") == 0)
    p->absent = lua_toboolean(L, 3);
  else if (strcmp(name, "failing") == 0)
    p->reason = lua_toboolean(L, 3) ? "it fails" : NULL;
  else
    return luaL_error(L, "no field '%s'", name);
  return 0;
}

/* s:get(domain) → what serves it now */
static int set_get(lua_State *L) {
  MpDomain *d = mp_lua_tests_domain_door(L, 2);
  MpAllocator *a = (MpAllocator *)lua_newuserdatauv(L, sizeof *a, 0);
  mp_domain_get(d, a);
  luaL_setmetatable(L, SAVED);
  return 1;
}

/* s:put(domain, saved) → fine? */
static int set_put(lua_State *L) {
  MpDomain *d = mp_lua_tests_domain_door(L, 2);
  const MpAllocator *a = (const MpAllocator *)luaL_checkudata(L, 3, SAVED);
  lua_pushboolean(L, mp_domain_set(d, a, MP_LAYER_C, NULL, NULL) == MP_OK);
  return 1;
}

static const MpAllocator *saved_check(lua_State *L) {
  return (const MpAllocator *)luaL_checkudata(L, 1, SAVED);
}

static int saved_malloc(lua_State *L) {
  const MpAllocator *a = saved_check(L);
  return mp_lua_tests_domain_push(L, a->malloc(a->ctx, (size_t)luaL_checkinteger(L, 2)));
}

static int saved_calloc(lua_State *L) {
  const MpAllocator *a = saved_check(L);
  return mp_lua_tests_domain_push(
      L, a->calloc(a->ctx, (size_t)luaL_checkinteger(L, 2), (size_t)luaL_checkinteger(L, 3)));
}

static int saved_realloc(lua_State *L) {
  const MpAllocator *a = saved_check(L);
  return mp_lua_tests_domain_push(
      L, a->realloc(a->ctx, mp_lua_tests_domain_address(L, 2), (size_t)luaL_checkinteger(L, 3)));
}

static int saved_free(lua_State *L) {
  const MpAllocator *a = saved_check(L);
  a->free(a->ctx, mp_lua_tests_domain_address(L, 2));
  return 0;
}

/* }===== */

static const luaL_Reg set_methods[] = {{"fini", set_fini},
                                       {"__gc", set_fini},
                                       {"malloc", set_malloc},
                                       {"calloc", set_calloc},
                                       {"realloc", set_realloc},
                                       {"free", set_free},
                                       {"resize", set_resize},
                                       {"lua", set_lua},
                                       {"check", set_judge},
                                       {"size", set_size},
                                       {"reason", set_reason},
                                       {"counts", set_counts},
                                       {"own", set_own},
                                       {"total", set_total},
                                       {"at", set_at},
                                       {"limit", set_limit},
                                       {"nomemory", set_nomemory},
                                       {"collector", set_collects},
                                       {"collected", set_collected},
                                       {"adopt", set_adopt},
                                       {"probe", set_probe},
                                       {"install", set_install},
                                       {"finish", set_finish},
                                       {"get", set_get},
                                       {"put", set_put},
                                       {NULL, NULL}};

static const luaL_Reg saved_methods[] = {{"malloc", saved_malloc},
                                         {"calloc", saved_calloc},
                                         {"realloc", saved_realloc},
                                         {"free", saved_free},
                                         {NULL, NULL}};

static const luaL_Reg probe_methods[] = {
    {"__index", probe_index}, {"__newindex", probe_newindex}, {NULL, NULL}};

static void kind_new(lua_State *L, const char *kind, const luaL_Reg *methods, bool index) {
  luaL_newmetatable(L, kind);
  luaL_setfuncs(L, methods, 0);
  if (index) {
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
  }
  lua_pop(L, 1);
}

void mp_lua_tests_domain_open(lua_State *L) {
  kind_new(L, SET, set_methods, true);
  luaL_getmetatable(L, SET);
  luaL_setfuncs(L, mp_lua_tests_hooks_methods(), 0);
  lua_pop(L, 1);
  kind_new(L, SAVED, saved_methods, true);
  kind_new(L, PROBE, probe_methods, false);
  lua_pushcfunction(L, set_cfree);
  lua_setfield(L, -2, "cfree");
  lua_pushcfunction(L, set_rawcheck);
  lua_setfield(L, -2, "rawcheck");
  lua_pushcfunction(L, set_new);
  lua_setfield(L, -2, "set");
}
