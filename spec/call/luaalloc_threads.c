/*
** luaalloc_threads.c: RAW under an allocator written in Lua, while other threads
** use RAW: they never get to Lua, and what they free of Lua's reaches it later, on the
** state's own thread. Built and run by owner_spec.lua.
*/

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "mem/domain.h"
#include "moonpool.h"

#define THREADS 8
#define HANDED 25 /* blocks of Lua's that each thread frees */
#define ROUNDS 2000

static const char script[] =
    "local ffi = require 'moonpool'\n"
    "local mem = ffi.mem\n"
    "local below = mem.get_allocator(mem.RAW)\n"
    "local made, freed = 0, 0\n"
    "mem.set_allocator(mem.RAW, {\n"
    "  malloc = function(_, n) made = made + 1; return below.malloc(below.ctx, n) end,\n"
    "  calloc = below.calloc, realloc = below.realloc,\n"
    "  free = function(_, p) freed = freed + 1; below.free(below.ctx, p) end,\n"
    "})\n"
    "local handed = {}\n"
    "function hand(n)\n"
    "  for i = 1, n do handed[i] = mem.raw.malloc(i) end\n"
    "  local at = {}\n"
    "  for i = 1, n do at[i] = ffi.addr(handed[i]) end\n"
    "  return at\n"
    "end\n"
    "function work(n) for i = 1, n do mem.raw.free(mem.raw.malloc(i % 100)) end end\n"
    "function done()\n"
    "  work(1)\n"
    "  mem.set_allocator(mem.RAW, below)\n"
    "  return made, freed\n"
    "end\n";

static void *handed[THREADS][HANDED];

static char failed[] = "no memory";

static void *thread_run(void *arg) {
  MpDomain *raw = mp_domain_of(NULL, MP_DOMAIN_RAW);
  void **mine = (void **)arg;
  int i;
  for (i = 0; i < ROUNDS; i++) {
    char *p = (char *)mp_domain_malloc(raw, (size_t)(i % 300));
    if (p == NULL) return failed;
    memset(p, i, (size_t)(i % 300));
    p = (char *)mp_domain_realloc(raw, p, 400);
    if (p == NULL) return failed;
    mp_domain_free(raw, p);
    if (i < HANDED) mp_domain_free(raw, mine[i]);
  }
  return NULL;
}

static void call(lua_State *L, const char *name, int n, int results) {
  lua_getglobal(L, name);
  lua_pushinteger(L, n);
  if (lua_pcall(L, 1, results, 0) != LUA_OK) printf("%s\n", lua_tostring(L, -1));
}

int main(void) {
  pthread_t threads[THREADS];
  MpDomainCounts counts;
  lua_State *L = luaL_newstate();
  int i, k;
  luaL_openlibs(L);
  luaL_requiref(L, "moonpool", luaopen_moonpool, 0);
  if (luaL_dostring(L, script)) printf("%s\n", lua_tostring(L, -1));
  call(L, "hand", THREADS * HANDED, 1);
  for (i = 0; i < THREADS; i++)
    for (k = 0; k < HANDED; k++) {
      lua_rawgeti(L, -1, i * HANDED + k + 1);
      handed[i][k] = (void *)(uintptr_t)lua_tointeger(L, -1);
      lua_pop(L, 1);
    }
  for (i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, thread_run, handed[i]);
  call(L, "work", ROUNDS, 0);
  for (i = 0; i < THREADS; i++) {
    void *wrong;
    pthread_join(threads[i], &wrong);
    if (wrong != NULL) printf("%s\n", (const char *)wrong);
  }
  call(L, "done", 0, 2);
  printf("%d made, %d freed\n", (int)lua_tointeger(L, -2), (int)lua_tointeger(L, -1));
  lua_close(L);
  mp_domain_counts(mp_domain_of(NULL, MP_DOMAIN_RAW), &counts);
  printf("%zu live\n", counts.blocks);
  return 0;
}
