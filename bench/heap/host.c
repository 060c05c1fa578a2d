/*
** host.c: a Lua interpreter whose allocator can be chosen, so that nothing
** else differs: the C library's (luaL_newstate; LD_PRELOAD puts another in its
** place), moonpool's heap, or one that never frees, which is what allocation
** can't cost less than. bench/heap/run.lua calls it:
**
**   host run ALLOCATOR program.lua scale   → seconds, resident and anonymous KB
**   host small ALLOCATOR                   → anonymous KB of each of 200 states
**   host close ALLOCATOR                   → ms to close a state of 100 MB, and to drop it
**   host raw ALLOCATOR                     → pattern, size, ns a pair of calls
*/

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "mem/heap.h"

typedef struct Host {
  lua_Alloc alloc;
  void *ud;
  MpHeap *heap; /* moonpool's */
} Host;

static void die(const char *what) {
  fprintf(stderr, "host: %s\n", what);
  exit(1);
}

/* {===== allocators ===== */

/* What luaL_newstate uses (lauxlib.c). */
static void *libc_resize(void *ud, void *ptr, size_t osize, size_t nsize) {
  (void)ud, (void)osize;
  if (nsize == 0) {
    free(ptr);
    return NULL;
  }
  return realloc(ptr, nsize);
}

typedef struct Bump {
  char *at, *end;
} Bump;

static void *bump_resize(void *ud, void *ptr, size_t osize, size_t nsize) {
  Bump *b = (Bump *)ud;
  char *fresh = b->at;
  if (nsize == 0) return NULL;
  if (ptr != NULL && nsize <= osize) return ptr;
  if ((size_t)(b->end - fresh) < nsize) return NULL;
  b->at = fresh + ((nsize + 7) & ~(size_t)7);
  if (ptr != NULL) memcpy(fresh, ptr, osize);
  return fresh;
}

static Host host_new(const char *name) {
  static Bump bump;
  Host h = {libc_resize, NULL, NULL};
  size_t size = (size_t)8 << 30; /* valgrind has no more */
  if (strcmp(name, "moonpool") == 0) {
    h.heap = mp_heap_new(NULL);
    h.ud = h.heap;
    h.alloc = mp_heap_resize;
    if (h.heap == NULL) die("no memory");
  } else if (strcmp(name, "bump") == 0) {
    bump.at = (char *)mmap(NULL, size, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bump.at == (char *)MAP_FAILED) die("no memory");
    madvise(bump.at, size, MADV_NOHUGEPAGE);
    bump.end = bump.at + size;
    h.ud = &bump;
    h.alloc = bump_resize;
  } else if (strcmp(name, "system") != 0) {
    die("unknown allocator");
  }
  return h;
}

static lua_State *host_state(const Host *h) {
  lua_State *L = h->alloc == libc_resize ? luaL_newstate() : lua_newstate(h->alloc, h->ud);
  if (L == NULL) die("no memory");
  luaL_openlibs(L);
  return L;
}

/* }===== */

/* {===== measures ===== */

/* The process's own time: others use the machine too. */
static double seconds(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
         (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}

/* KB of a line of smaps_rollup. */
static long resident(const char *name) {
  FILE *f = fopen("/proc/self/smaps_rollup", "r");
  char line[256];
  long kb = 0;
  if (f == NULL) return 0;
  while (fgets(line, sizeof line, f))
    if (strncmp(line, name, strlen(name)) == 0) kb = atol(line + strlen(name));
  fclose(f);
  return kb;
}

/* }===== */

static void run_code(lua_State *L, const char *code) {
  if (luaL_dostring(L, code) != LUA_OK) die(lua_tostring(L, -1));
}

static void host_run(const char *allocator, const char *program, const char *scale) {
  Host h = host_new(allocator);
  lua_State *L = host_state(&h);
  double start = seconds(), end;
  if (luaL_loadfile(L, program) != LUA_OK) die(lua_tostring(L, -1));
  lua_pushinteger(L, atol(scale));
  if (lua_pcall(L, 1, 1, 0) != LUA_OK) die(lua_tostring(L, -1));
  end = seconds();
  printf("%.6f %ld %ld\n", end - start, resident("Rss:"), resident("Anonymous:"));
}

#define SMALL_STATES 200

static void host_small(const char *allocator) {
  static lua_State *states[SMALL_STATES];
  Host h;
  long before;
  int i;
  h = host_new(allocator); /* what the process pays once isn't a state's */
  host_state(&h);
  before = resident("Anonymous:");
  for (i = 0; i < SMALL_STATES; i++) {
    h = host_new(allocator);
    states[i] = host_state(&h);
    run_code(states[i], "t = {} for i = 1, 50 do t[i] = {i} end");
  }
  printf("%.1f\n", (double)(resident("Anonymous:") - before) / SMALL_STATES);
}

/* 100 MB of tables, strings and closures. */
static const char close_code[] =
    "local t = {} for i = 1, 350000 do local x = {i, name = 'object ' .. i, parent = t}"
    " x.get = function() return x end t[i] = x end keep = t";

static void host_close(const char *allocator) {
  Host h = host_new(allocator);
  lua_State *L = host_state(&h);
  double start, closed;
  long kb;
  run_code(L, close_code);
  kb = (long)lua_gc(L, LUA_GCCOUNT);
  start = seconds();
  lua_close(L);
  closed = seconds();
  if (h.heap != NULL) {
    mp_heap_free(h.heap);
    h = host_new(allocator);
    L = host_state(&h);
    run_code(L, close_code);
    start += seconds() - closed;
    closed = seconds();
    mp_heap_free(h.heap); /* the state with it, as it is */
    printf("%ld %.2f %.2f\n", kb / 1024, (closed - start) * 1e3, (seconds() - closed) * 1e3);
  } else {
    printf("%ld %.2f\n", kb / 1024, (closed - start) * 1e3);
  }
}

/* {===== raw patterns: each a pair of calls a block ===== */

#define RAW_BLOCKS 4096
#define RAW_ROUNDS 100

typedef struct Raw {
  Host h;
  size_t size;
  void *blocks[RAW_BLOCKS];
  unsigned order[RAW_BLOCKS];
} Raw;

static void *raw_new(Raw *r) {
  void *p = r->h.alloc(r->h.ud, NULL, 0, r->size);
  *(volatile char *)p = 1;
  return p;
}

static void raw_free(Raw *r, void *p) { r->h.alloc(r->h.ud, p, r->size, 0); }

static void raw_pair(Raw *r) {
  int i;
  for (i = 0; i < RAW_BLOCKS; i++) raw_free(r, raw_new(r));
}

static void raw_lifo(Raw *r) {
  int i;
  for (i = 0; i < RAW_BLOCKS; i++) r->blocks[i] = raw_new(r);
  while (i-- > 0) raw_free(r, r->blocks[i]);
}

static void raw_fifo(Raw *r) {
  int i;
  for (i = 0; i < RAW_BLOCKS; i++) r->blocks[i] = raw_new(r);
  for (i = 0; i < RAW_BLOCKS; i++) raw_free(r, r->blocks[i]);
}

/* One of many live blocks, by chance, gives way to a new one. */
static void raw_random(Raw *r) {
  int i;
  for (i = 0; i < RAW_BLOCKS; i++) {
    void **p = &r->blocks[r->order[i]];
    if (*p != NULL) raw_free(r, *p);
    *p = raw_new(r);
  }
}

/* New blocks alone; they go in the end. */
static void raw_bulk(Raw *r) {
  static void *blocks[RAW_BLOCKS * RAW_ROUNDS];
  static int n;
  int i;
  for (i = 0; i < RAW_BLOCKS; i++) blocks[n++] = raw_new(r);
  if (n == RAW_BLOCKS * RAW_ROUNDS)
    while (n > 0) raw_free(r, blocks[--n]);
}

static void raw_clear(Raw *r) {
  int i;
  for (i = 0; i < RAW_BLOCKS; i++) {
    if (r->blocks[i] != NULL) raw_free(r, r->blocks[i]);
    r->blocks[i] = NULL;
  }
}

static void raw_pattern(Raw *r, const char *name, void (*pattern)(Raw *r)) {
  static const size_t sizes[] = {16, 40, 56, 128, 512};
  size_t k;
  for (k = 0; k < sizeof sizes / sizeof *sizes; k++) {
    double start;
    int i;
    r->size = sizes[k];
    if (pattern != raw_bulk) pattern(r);
    start = seconds();
    for (i = 0; i < RAW_ROUNDS; i++) pattern(r);
    printf("%s %zu %.2f\n", name, r->size, (seconds() - start) * 1e9 / RAW_BLOCKS / RAW_ROUNDS);
    if (pattern == raw_random) raw_clear(r);
  }
}

static void host_raw(const char *allocator) {
  static Raw r;
  unsigned i, seed = 1;
  r.h = host_new(allocator);
  for (i = 0; i < RAW_BLOCKS; i++) {
    seed = seed * 1664525u + 1013904223u;
    r.order[i] = seed >> 16 & (RAW_BLOCKS - 1);
  }
  raw_pattern(&r, "pair", raw_pair);
  raw_pattern(&r, "LIFO", raw_lifo);
  raw_pattern(&r, "FIFO", raw_fifo);
  memset(r.blocks, 0, sizeof r.blocks);
  raw_pattern(&r, "random", raw_random);
  raw_pattern(&r, "bulk", raw_bulk);
}

/* }===== */

int main(int argc, char **argv) {
  const char *mode = argc > 2 ? argv[1] : "";
  if (strcmp(mode, "run") == 0 && argc == 5)
    host_run(argv[2], argv[3], argv[4]);
  else if (strcmp(mode, "small") == 0)
    host_small(argv[2]);
  else if (strcmp(mode, "close") == 0)
    host_close(argv[2]);
  else if (strcmp(mode, "raw") == 0)
    host_raw(argv[2]);
  else
    die("usage: host run|small|close|raw ALLOCATOR [program.lua scale]");
  return 0;
}
