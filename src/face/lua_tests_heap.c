/*
** lua_tests_heap.c: a heap (mem/heap.h) as a Lua object. Its `system` counts,
** and fails after a budget of calls. Addresses go to Lua as integers. Blocks
** are filled and compared here, for speed.
*/

#include "face/lua_tests_heap.h"

#include <lauxlib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "mem/heap.h"

#define HEAP "moonpool.tests.heap"

/* {===== a system that counts ===== */

typedef struct System {
  size_t blocks;
  lua_Integer calls;  /* that asked for memory */
  lua_Integer budget; /* how many more succeed; below 0: all */
} System;

typedef struct Heap {
  System system;
  MpHeap *heap; /* NULL: there wasn't memory, or fini */
} Heap;

static bool system_may(System *s) {
  s->calls++;
  if (s->budget == 0) return false;
  if (s->budget > 0) s->budget--;
  return true;
}

static void *system_malloc(void *ctx, size_t size) {
  System *s = (System *)ctx;
  void *p = system_may(s) ? malloc(size) : NULL;
  if (p != NULL) s->blocks++;
  return p;
}

static void *system_calloc(void *ctx, size_t n, size_t size) {
  System *s = (System *)ctx;
  void *p = system_may(s) ? calloc(n, size) : NULL;
  if (p != NULL) s->blocks++;
  return p;
}

static void *system_realloc(void *ctx, void *ptr, size_t size) {
  System *s = (System *)ctx;
  void *p = system_may(s) ? realloc(ptr, size) : NULL;
  if (p != NULL && ptr == NULL) s->blocks++;
  return p;
}

static void system_free(void *ctx, void *ptr) {
  System *s = (System *)ctx;
  if (ptr != NULL) s->blocks--;
  free(ptr);
}

/* }===== */

/* {===== methods ===== */

static Heap *heap_check(lua_State *L) {
  Heap *h = (Heap *)luaL_checkudata(L, 1, HEAP);
  luaL_argcheck(L, h->heap != NULL, 1, "no heap");
  return h;
}

static void *heap_checkaddress(lua_State *L, int arg) {
  return (void *)(intptr_t)luaL_optinteger(L, arg, 0);
}

static int heap_pushaddress(lua_State *L, const void *p) {
  if (p == NULL)
    lua_pushnil(L);
  else
    lua_pushinteger(L, (lua_Integer)(intptr_t)p);
  return 1;
}

static size_t heap_checksize(lua_State *L, int arg) { return (size_t)luaL_checkinteger(L, arg); }

/* tests.heap([budget]) → a heap, or nil where its system fails, and the blocks left in that. */
static int heap_new(lua_State *L) {
  lua_Integer budget = luaL_optinteger(L, 1, -1);
  Heap *h = (Heap *)lua_newuserdatauv(L, sizeof *h, 0);
  MpAllocator a = {NULL, system_malloc, system_calloc, system_realloc, system_free, NULL};
  memset(h, 0, sizeof *h);
  h->system.budget = budget;
  a.ctx = &h->system;
  h->heap = mp_heap_new(&a);
  luaL_setmetatable(L, HEAP);
  if (h->heap == NULL) lua_pushnil(L);
  lua_pushinteger(L, (lua_Integer)h->system.blocks);
  return 2;
}

/* h:resize(address or nil, old size, new size) → address or nil */
static int heap_resize(lua_State *L) {
  Heap *h = heap_check(L);
  return heap_pushaddress(L, mp_heap_resize(h->heap, heap_checkaddress(L, 2), heap_checksize(L, 3),
                                            heap_checksize(L, 4)));
}

/* h:malloc(label, size), h:calloc(label, size) → address or nil */
static int heap_malloc(lua_State *L) {
  Heap *h = heap_check(L);
  return heap_pushaddress(
      L, mp_heap_malloc(h->heap, (int)luaL_checkinteger(L, 2), heap_checksize(L, 3)));
}

static int heap_calloc(lua_State *L) {
  Heap *h = heap_check(L);
  return heap_pushaddress(
      L, mp_heap_calloc(h->heap, (int)luaL_checkinteger(L, 2), heap_checksize(L, 3)));
}

/* h:realloc(address, size) → address or nil */
static int heap_realloc(lua_State *L) {
  Heap *h = heap_check(L);
  return heap_pushaddress(L,
                          mp_heap_realloc(h->heap, heap_checkaddress(L, 2), heap_checksize(L, 3)));
}

/* h:release(address) → the size that was asked for */
static int heap_release(lua_State *L) {
  Heap *h = heap_check(L);
  lua_pushinteger(L, (lua_Integer)mp_heap_release(h->heap, heap_checkaddress(L, 2)));
  return 1;
}

static void heap_pushfound(lua_State *L, const MpHeapFound *f) {
  heap_pushaddress(L, f->block);
  lua_pushinteger(L, f->label);
  lua_pushinteger(L, (lua_Integer)f->size);
}

/* h:find(address) → place, block, label, size */
static int heap_find(lua_State *L) {
  static const char *const places[] = {"foreign", "live", "dead", "interior", "sized"};
  Heap *h = heap_check(L);
  MpHeapFound f;
  lua_pushstring(L, places[mp_heap_find(h->heap, heap_checkaddress(L, 2), &f)]);
  heap_pushfound(L, &f);
  return 4;
}

/* h:has(address, size) */
static int heap_has(lua_State *L) {
  Heap *h = heap_check(L);
  lua_pushboolean(L, mp_heap_has(h->heap, heap_checkaddress(L, 2), heap_checksize(L, 3)));
  return 1;
}

/* h:mark(address [, boolean]) → what it was */
static int heap_mark(lua_State *L) {
  Heap *h = heap_check(L);
  void *p = heap_checkaddress(L, 2);
  lua_pushboolean(L, mp_heap_mark(h->heap, p));
  if (!lua_isnoneornil(L, 3)) mp_heap_setmark(h->heap, p, lua_toboolean(L, 3));
  return 1;
}

static void heap_visit(void *ud, const MpHeapFound *f) {
  lua_State *L = (lua_State *)ud;
  lua_createtable(L, 2, 0);
  lua_pushinteger(L, f->label);
  lua_rawseti(L, -2, 1);
  lua_pushinteger(L, (lua_Integer)f->size);
  lua_rawseti(L, -2, 2);
  lua_rawseti(L, -2, (lua_Integer)(intptr_t)f->block);
}

/* h:walk() → {[address] = {label, size}} */
static int heap_walk(lua_State *L) {
  Heap *h = heap_check(L);
  lua_newtable(L);
  mp_heap_walk(h->heap, heap_visit, L);
  return 1;
}

static int heap_trim(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)mp_heap_trim(heap_check(L)->heap));
  return 1;
}

/* h:check() → does it agree with itself? */
static int heap_agrees(lua_State *L) {
  lua_pushboolean(L, mp_heap_check(heap_check(L)->heap));
  return 1;
}

static void heap_setfield(lua_State *L, const char *name, size_t n) {
  lua_pushinteger(L, (lua_Integer)n);
  lua_setfield(L, -2, name);
}

static void heap_pushclass(lua_State *L, const MpHeapClass *c) {
  lua_createtable(L, 0, 4);
  heap_setfield(L, "size", c->size);
  heap_setfield(L, "slabs", c->slabs);
  heap_setfield(L, "used", c->used);
  heap_setfield(L, "free", c->free);
}

/* h:stats() → a table as MpHeapStats */
static int heap_stats(lua_State *L) {
  MpHeapStats t;
  int i;
  mp_heap_stats(heap_check(L)->heap, &t);
  lua_newtable(L);
  heap_setfield(L, "reserved", t.reserved);
  heap_setfield(L, "allocated", t.allocated);
  heap_setfield(L, "rounding", t.rounding);
  heap_setfield(L, "available", t.available);
  heap_setfield(L, "unused", t.unused);
  heap_setfield(L, "metadata", t.metadata);
  heap_setfield(L, "large", t.large);
  heap_setfield(L, "nlarge", t.nlarge);
  lua_createtable(L, t.nclasses, 0);
  for (i = 0; i < t.nclasses; i++) {
    heap_pushclass(L, &t.classes[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "classes");
  return 1;
}

/* h:budget(n): so many more calls of the system succeed; → how many there were */
static int heap_budget(lua_State *L) {
  Heap *h = heap_check(L);
  h->system.budget = luaL_checkinteger(L, 2);
  lua_pushinteger(L, h->system.calls);
  return 1;
}

/* h:fill(address, size, byte) */
static int heap_fill(lua_State *L) {
  memset(heap_checkaddress(L, 2), (int)luaL_checkinteger(L, 4), heap_checksize(L, 3));
  return 0;
}

/* h:isfilled(address, size, byte) */
static int heap_isfilled(lua_State *L) {
  const unsigned char *p = (const unsigned char *)heap_checkaddress(L, 2);
  size_t n = heap_checksize(L, 3), i = 0;
  unsigned char byte = (unsigned char)luaL_checkinteger(L, 4);
  while (i < n && p[i] == byte) i++;
  lua_pushboolean(L, i == n);
  return 1;
}

/* h:fini() → the blocks that are left in the system */
static int heap_fini(lua_State *L) {
  Heap *h = (Heap *)luaL_checkudata(L, 1, HEAP);
  if (h->heap != NULL) mp_heap_free(h->heap);
  h->heap = NULL;
  lua_pushinteger(L, (lua_Integer)h->system.blocks);
  return 1;
}

/* }===== */

static const luaL_Reg heap_methods[] = {
    {"resize", heap_resize},   {"malloc", heap_malloc},   {"calloc", heap_calloc},
    {"realloc", heap_realloc}, {"release", heap_release}, {"find", heap_find},
    {"has", heap_has},         {"mark", heap_mark},       {"walk", heap_walk},
    {"trim", heap_trim},       {"check", heap_agrees},    {"stats", heap_stats},
    {"budget", heap_budget},   {"fill", heap_fill},       {"isfilled", heap_isfilled},
    {"fini", heap_fini},       {"__gc", heap_fini},       {NULL, NULL}};

/* tests.is_arena(address) */
static int tests_isarena(lua_State *L) {
  lua_pushboolean(L, mp_heap_is_arena((const void *)(intptr_t)luaL_checkinteger(L, 1)));
  return 1;
}

/* {===== threads ===== */

#define THREADS_MAX 16

typedef struct Worker {
  pthread_t thread;
  lua_Integer rounds, faults;
} Worker;

/* A heap of the thread's own comes, is used and goes, while the others' do. */
static void *worker_run(void *ud) {
  Worker *w = (Worker *)ud;
  lua_Integer round;
  for (round = 0; round < w->rounds; round++) {
    MpHeap *h = mp_heap_new(NULL);
    void *p = h == NULL ? NULL : mp_heap_malloc(h, 0, 100);
    MpHeapFound found;
    size_t i;
    if (p == NULL || mp_heap_find(h, p, &found) != MP_HEAP_LIVE) w->faults++;
    if (!mp_heap_is_arena(p) || mp_heap_is_arena(&found)) w->faults++;
    for (i = 0; h != NULL && i < 2000; i++)
      if (mp_heap_resize(h, NULL, 0, i % 700 + 1) == NULL) w->faults++;
    if (h != NULL) mp_heap_free(h);
  }
  return NULL;
}

/* tests.heap_threads(n, rounds) → how often something was wrong */
static int tests_threads(lua_State *L) {
  Worker workers[THREADS_MAX];
  lua_Integer n = luaL_checkinteger(L, 1), i, faults = 0;
  luaL_argcheck(L, n <= THREADS_MAX, 1, "too many");
  for (i = 0; i < n; i++) {
    workers[i].rounds = luaL_checkinteger(L, 2);
    workers[i].faults = 0;
    if (pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]) != 0)
      return luaL_error(L, "no thread"); /* the others end with the process */
  }
  for (i = 0; i < n; i++) {
    pthread_join(workers[i].thread, NULL);
    faults += workers[i].faults;
  }
  lua_pushinteger(L, faults);
  return 1;
}

/* }===== */

void mp_lua_tests_heap_open(lua_State *L) {
  luaL_newmetatable(L, HEAP);
  luaL_setfuncs(L, heap_methods, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  lua_pushcfunction(L, heap_new);
  lua_setfield(L, -2, "heap");
  lua_pushcfunction(L, tests_isarena);
  lua_setfield(L, -2, "is_arena");
  lua_pushcfunction(L, tests_threads);
  lua_setfield(L, -2, "heap_threads");
}
