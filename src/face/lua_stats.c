/*
** lua_stats.c: counts, limits and injected failures of the domains.
*/

#include "face/lua_stats.h"

#include "base/buf.h"
#include "face/lua_malloc.h"
#include "face/lua_mem.h"
#include "mem/stats.h"
#include "value/toc.h"

static void set_count(lua_State *L, const char *name, size_t n) {
  lua_pushinteger(L, (lua_Integer)n);
  lua_setfield(L, -2, name);
}

/* mem.live(domain): blocks and bytes that live in it */
static int stats_live(lua_State *L) {
  MpState *E = mp_lua_mem_self(L);
  MpDomainCounts counts;
  mp_domain_counts(mp_lua_mem_domain(L, E, 1), &counts);
  lua_pushinteger(L, (lua_Integer)counts.blocks);
  lua_pushinteger(L, (lua_Integer)counts.bytes);
  return 2;
}

/* mem.total_bytes(): live bytes of the three domains */
static int stats_total_bytes(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)mp_domain_total(mp_lua_mem_self(L)->domains));
  return 1;
}

/* mem.physical_bytes(): the process's resident size */
static int stats_physical_bytes(lua_State *L) {
  mp_lua_mem_self(L);
  lua_pushinteger(L, (lua_Integer)mp_stats_resident());
  return 1;
}

/* mem.trim(): gives free memory back to the system; how many bytes */
static int stats_trim(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)mp_heap_trim(mp_lua_mem_self(L)->domains->heap));
  return 1;
}

/* mem.max_bytes([n]): the limit so far; n sets another, 0 none */
static int stats_max_bytes(lua_State *L) {
  MpState *E = mp_lua_mem_self(L);
  size_t n;
  lua_pushinteger(L, (lua_Integer)E->domains->limit);
  if (lua_isnone(L, 1)) return 1;
  if (!mp_lua_malloc_size(L, E, 1, "limit", &n)) mp_state_error(L, MP_MSG_SIZE_RANGE);
  mp_domain_setlimit(E->domains, n);
  return 1;
}

/* mem.set_nomemory(start [, stop]) */
static int stats_set_nomemory(lua_State *L) {
  MpState *E = mp_lua_mem_self(L);
  lua_Integer start = mp_toc_index(L, E, 1, "start"), stop = 0;
  if (!lua_isnoneornil(L, 2)) stop = mp_toc_index(L, E, 2, "stop");
  if (start < 0) mp_state_error(L, MP_MSG_SIZE_NEGATIVE, "start");
  if (stop < 0) mp_state_error(L, MP_MSG_SIZE_NEGATIVE, "stop");
  mp_domain_setnomemory(E->domains, (uint64_t)start, (uint64_t)stop);
  return 0;
}

/* mem.remove_nomemory() */
static int stats_remove_nomemory(lua_State *L) {
  mp_domain_removenomemory(mp_lua_mem_self(L)->domains);
  return 0;
}

static void set_domain(lua_State *L, const char *name, const MpDomainCounts *c) {
  lua_createtable(L, 0, 5);
  set_count(L, "blocks", c->blocks);
  set_count(L, "bytes", c->bytes);
  set_count(L, "peak", c->peak);
  set_count(L, "calls", c->calls);
  set_count(L, "failures", c->failures);
  lua_setfield(L, -2, name);
}

/* A list of the sizes that the heap has slabs for. */
static void set_classes(lua_State *L, const MpHeapStats *h) {
  lua_Integer n = 0;
  int i;
  lua_createtable(L, h->nclasses, 0);
  for (i = 0; i < h->nclasses; i++) {
    if (h->classes[i].slabs == 0) continue;
    lua_createtable(L, 0, 4);
    set_count(L, "size", h->classes[i].size);
    set_count(L, "slabs", h->classes[i].slabs);
    set_count(L, "used", h->classes[i].used);
    set_count(L, "free", h->classes[i].free);
    lua_rawseti(L, -2, ++n);
  }
  lua_setfield(L, -2, "classes");
}

static void set_heap(lua_State *L, const MpHeapStats *h) {
  lua_createtable(L, 0, 9);
  set_count(L, "reserved", h->reserved);
  set_count(L, "allocated", h->allocated);
  set_count(L, "available", h->available);
  set_count(L, "unused", h->unused);
  set_count(L, "metadata", h->metadata);
  set_count(L, "rounding", h->rounding);
  set_count(L, "large", h->large);
  set_count(L, "nlarge", h->nlarge);
  set_classes(L, h);
  lua_setfield(L, -2, "heap");
}

/* mem.stats(): the numbers, taken before the table is made */
static int stats_stats(lua_State *L) {
  MpState *E = mp_lua_mem_self(L);
  MpStats s;
  int i;
  mp_stats_take(E->domains, &s);
  lua_createtable(L, 0, MP_DOMAIN_COUNT + 1);
  for (i = 0; i < MP_DOMAIN_COUNT; i++) set_domain(L, mp_domain_name((MpDomainId)i), &s.of[i]);
  set_heap(L, &s.heap);
  return 1;
}

/* mem.stats_text(): the same, to read */
static int stats_stats_text(lua_State *L) {
  MpState *E = mp_lua_mem_self(L);
  MpStats s;
  MpAlloc alloc = mp_lua_mem_stack(L);
  MpBuf text;
  mp_stats_take(E->domains, &s);
  mp_buf_init(&text, &alloc);
  mp_stats_text(&s, &text);
  mp_lua_mem_pushbuf(L, &text);
  return 1;
}

const luaL_Reg mp_lua_stats_functions[] = {{"live", stats_live},
                                           {"total_bytes", stats_total_bytes},
                                           {"physical_bytes", stats_physical_bytes},
                                           {"trim", stats_trim},
                                           {"max_bytes", stats_max_bytes},
                                           {"set_nomemory", stats_set_nomemory},
                                           {"remove_nomemory", stats_remove_nomemory},
                                           {"stats", stats_stats},
                                           {"stats_text", stats_stats_text},
                                           {NULL, NULL}};
