/*
** oom.c: out of memory at every point. A host whose lua_Alloc and C library's
** allocator can be told to fail at the n-th request runs spec/oom/day.lua, from
** opening moonpool to closing the state, once for each n: first with that
** request and all later ones failing, then with two in a row, which gets past
** Lua's emergency collection. The same in a state of moonpool's own, from
** moonpool_newstate on, and for the requests to moonpool's domains alone. Nothing may crash, and nothing may be left.
**
** After the failure the rest of the memory is there again: the script must
** run in the same state as if nothing had been.
**
** Usage: oom SCRIPT STEP: every STEP-th n. Prints how many points it covered.
** oom SCRIPT N any|heap|host|domains 0|2: that point alone, to look into.
*/

#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <lua.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "moonpool.h"
#include "mem/debug.h"
#include "mem/raw.h"
#include "value/state.h"

/* {===== allocators that fail when they are told to ===== */

static bool counting;           /* requests count */
static long asked, from, count; /* so far; those that fail: from the from-th on, so many (0: all) */
static long live_lua, live_c, base_c, base_raw; /* blocks */
static long base_sites; /* lines that RAW's hooks have seen: a block each, the process's */

static bool fails(void) {
  if (!counting) return false;
  asked++;
  return from > 0 && asked >= from && (count == 0 || asked < from + count);
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
int __real_posix_memalign(void **p, size_t align, size_t size);
void *__real_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
void __real_free(void *p);

static void *counted(void *p) {
  if (p != NULL) live_c++;
  return p;
}

void *__wrap_malloc(size_t size) { return fails() ? NULL : counted(__real_malloc(size)); }

void *__wrap_calloc(size_t n, size_t size) {
  return fails() ? NULL : counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size) {
  if (fails()) return NULL;
  return p == NULL ? counted(__real_realloc(p, size)) : __real_realloc(p, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size) {
  return fails() ? NULL : counted(__real_aligned_alloc(align, size));
}

int __wrap_posix_memalign(void **p, size_t align, size_t size) {
  int status = fails() ? ENOMEM : __real_posix_memalign(p, align, size);
  if (status == 0) live_c++;
  return status;
}

void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset) {
  if (!fails()) return __real_mmap(at, size, prot, flags, fd, offset);
  errno = ENOMEM;
  return MAP_FAILED;
}

void __wrap_free(void *p) {
  if (p != NULL) live_c--;
  __real_free(p);
}

/* lua_Alloc: a shrink may fail, too. */
static void *host_alloc(void *ud, void *p, size_t osize, size_t nsize) {
  (void)ud, (void)osize;
  if (nsize == 0) {
    if (p != NULL) live_lua--;
    __real_free(p);
    return NULL;
  }
  if (fails()) return NULL;
  if (p == NULL) live_lua++;
  return __real_realloc(p, nsize);
}

/* }===== */

/* {===== a day in a state ===== */

static const char *script;
static bool
    skipped; /* Lua had no memory to call a finalizer: what it held is lost, as Lua has it */

static void warned(void *ud, const char *text, int more) {
  (void)ud, (void)more;
  if (strstr(text, "__gc") != NULL) skipped = true;
}

/* The engine's requests to its domains fail from now on: oom.domains(from, count). */
static int domains_fail(lua_State *L) {
  MpState *E = mp_state_find(L);
  long start = (long)luaL_checkinteger(L, 1), n = (long)luaL_checkinteger(L, 2);
  mp_domain_setnomemory(E->domains, (uint64_t)start, n ? (uint64_t)(start + n) : 0);
  return 0;
}

/* Stops what fails; returns how many requests the engine's domains had. */
static uint64_t domains_stop(lua_State *L) {
  MpState *E = mp_state_find(L);
  uint64_t n;
  if (E == NULL || E->closed) return 0;
  n = E->domains->asked;
  mp_domain_removenomemory(E->domains);
  return n;
}

/* What the script may call, in a state with its libraries, and the script itself. */
static int day_load(lua_State *L) {
  lua_register(L, "domains_fail", domains_fail);
  /* Lua's own buffers have a metatable that isn't made whole if memory runs out just then. */
  if (luaL_dostring(L, "local s = ('x'):rep(100000)")) return lua_error(L);
  if (luaL_loadfile(L, script) != LUA_OK) return lua_error(L);
  lua_setglobal(L, "day");
  return 0;
}

static lua_State *day_open(void) {
  lua_State *L = lua_newstate(host_alloc, NULL);
  luaL_openlibs(L);
  lua_setwarnf(L, warned, NULL);
  skipped = false;
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, luaopen_moonpool);
  lua_setfield(L, -2, "moonpool");
  lua_pop(L, 1);
  lua_pushcfunction(L, day_load);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
    printf("%s\n", lua_tostring(L, -1));
    exit(2);
  }
  return L;
}

/* Runs the script; `start` and `n`: which requests to the domains fail; -1: none. */
static int day_run(lua_State *L, long start, long n) {
  int status;
  lua_getglobal(L, "day");
  lua_pushinteger(L, start);
  lua_pushinteger(L, n);
  status = lua_pcall(L, 2, 0, 0);
  return status;
}

/*
** Blocks of RAW that the script lost: nobody but a script frees what it has from
** malloc. Each is one of C's, and under the hooks some more, for its records.
*/
static long lost_raw(void) {
  MpDomainCounts raw;
  mp_domain_counts(mp_domain_of(NULL, MP_DOMAIN_RAW), &raw);
  return (long)raw.blocks;
}

static void complain(const char *what, const char *kind, long n, const char *text) {
  printf("%s, failing %s %ld: %s\n", what, kind, n, text ? text : "(no text)");
  exit(1);
}

/*
** The code behind callbacks is the process's, and used again only after many
** later ones have died: so many are made first that each day finds some. So
** are the lines that RAW's hooks have seen.
*/
static void warm(void) {
  static const char text[] =
      "local ffi = require 'moonpool'\n"
      "local all, none = {}, function() end\n"
      "for i = 1, 9000, 2 do\n"
      "  all[i] = ffi.callback('int (*)(const void *, const void *)', none)\n"
      "  all[i + 1] = ffi.callback('int (*)(int)', none)\n"
      "end\n"
      "for i = 1, #all do ffi.release(all[i]) end\n"
      "ffi.mem.setup_debug_hooks { frames = 3 }";
  lua_State *L = day_open();
  if (luaL_dostring(L, text) || day_run(L, -1, 0) != LUA_OK ||
      luaL_dostring(L, "require 'moonpool'.mem.remove_debug_hooks()"))
    complain("alone", "no request", 0, lua_tostring(L, -1));
  lua_close(L);
}

/* A state has closed: nothing is left of it. */
static void day_check(const char *kind, long n) {
  char text[64];
  if (skipped || lost_raw() > base_raw) base_c = live_c;
  base_c += (long)mp_raw_sites()->map.count - base_sites;
  base_sites = (long)mp_raw_sites()->map.count;
  base_raw = lost_raw();
  if (live_lua != 0 || live_c > base_c) {
    snprintf(text, sizeof text, "%ld blocks of Lua's, %ld of C's", live_lua, live_c - base_c);
    complain("left over", kind, n, text);
  }
}

/* The same state, with memory again: it works. Then it closes. */
static void day_end(lua_State *L, const char *kind, long n) {
  lua_settop(L, 0);
  if (luaL_dostring(L, "require 'moonpool'.mem.remove_debug_hooks()") ||
      day_run(L, -1, 0) != LUA_OK)
    complain("afterwards", kind, n, lua_tostring(L, -1));
  moonpool_close(L); /* a state of lua_newstate, too */
  day_check(kind, n);
}

/* One point: the n-th request and `width` - 1 more fail (0: all later ones). Did it come to that? */
static bool point(long n, long width) {
  lua_State *L = day_open();
  bool reached;
  asked = 0;
  from = n;
  count = width;
  counting = true;
  day_run(L, -1, 0);
  counting = false;
  reached = asked >= n;
  day_end(L, width ? "two at" : "from", n);
  return reached;
}

/* A state of moonpool_newstate with the day in it (then something is on its stack); NULL: no memory. */
static lua_State *newstate_open(lua_Alloc alloc) {
  moonpool_Config config;
  lua_State *L;
  memset(&config, 0, sizeof config);
  config.size = sizeof config;
  config.alloc = alloc;
  L = moonpool_newstate(&config);
  if (L == NULL) return NULL;
  lua_setwarnf(L, warned, NULL);
  lua_pushcfunction(L, day_load);
  lua_pushboolean(L, lua_pcall(L, 0, 0, 0) == LUA_OK);
  if (!lua_toboolean(L, -1)) lua_settop(L, 0);
  return L;
}

/* The same from moonpool_newstate on, over `alloc` or (NULL) on moonpool's heap. */
static bool newstate_point(lua_Alloc alloc, long n, long width) {
  const char *kind = width ? "two from newstate on at" : "from newstate on from";
  lua_State *L;
  bool reached;
  skipped = false;
  asked = 0;
  from = n;
  count = width;
  counting = true;
  L = newstate_open(alloc);
  if (L != NULL && lua_gettop(L) > 0) day_run(L, -1, 0);
  counting = false;
  reached = asked >= n;
  if (L == NULL) {
    mp_debug_remove(
        mp_domain_of(NULL, MP_DOMAIN_RAW)); /* the process's: it may have come to them */
    day_check(kind, n);
    return reached;
  }
  lua_settop(L, 0);
  lua_pushnil(L); /* see day_load */
  lua_setfield(L, LUA_REGISTRYINDEX, "_UBOX*");
  lua_pushcfunction(L, day_load);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK) complain("afterwards", kind, n, lua_tostring(L, -1));
  day_end(L, kind, n);
  return reached;
}

static bool heap_point(long n, long width) { return newstate_point(NULL, n, width); }

static bool host_point(long n, long width) { return newstate_point(host_alloc, n, width); }

/* The same for the requests to the domains. */
static bool domain_point(long n, long width) {
  lua_State *L = day_open();
  bool reached;
  day_run(L, n, width);
  reached = domains_stop(L) > (uint64_t)n;
  day_end(L, width ? "two of the domains' at" : "the domains' from", n);
  return reached;
}

/* The state closes while nothing can be had. */
static void close_point(void) {
  char text[64];
  lua_State *L = day_open();
  if (day_run(L, -1, 0) != LUA_OK) complain("alone", "no request", 0, lua_tostring(L, -1));
  asked = 0;
  from = 1;
  count = 0;
  counting = true;
  lua_close(L);
  counting = false;
  if (live_lua == 0 && live_c <= base_c) return;
  snprintf(text, sizeof text, "%ld blocks of Lua's, %ld of C's", live_lua, live_c - base_c);
  complain("left over", "at the close", 0, text);
}

/* }===== */

int main(int argc, char **argv) {
  long step = argc > 2 ? atol(argv[2]) : 1, points = 0, n, width;
  bool (*which)(long, long) = point;
  script = argv[1];
  warm();
  for (n = 0; n < 3; n++) { /* what is the process's for good is there then */
    lua_State *L = day_open();
    if (day_run(L, -1, 0) != LUA_OK) complain("alone", "no request", 0, lua_tostring(L, -1));
    lua_close(L);
    base_c = live_c;
  }
  base_raw = lost_raw();
  base_sites = (long)mp_raw_sites()->map.count;
  heap_point(LONG_MAX, 0);
  heap_point(LONG_MAX, 0);
  if (argc > 4) { /* one point alone: its kind and number */
    width = atol(argv[4]);
    if (strcmp(argv[3], "domains") == 0) which = domain_point;
    if (strcmp(argv[3], "heap") == 0) which = heap_point;
    if (strcmp(argv[3], "host") == 0) which = host_point;
    which(step, width);
    return 0;
  }
  close_point();
  for (width = 0; width <= 2; width += 2) {
    for (n = 1; point(n, width); n += step) points++;
    for (n = 1; heap_point(n, width); n += step) points++;
    for (n = 1; host_point(n, width); n += step) points++;
    for (n = 0; domain_point(n, width); n += step) points++;
  }
  printf("%ld points\n", points + 1);
  return 0;
}

/* }===== */
