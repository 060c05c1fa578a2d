/* states.c: states on moonpool's heap: their configuration, their limits, their end. */

#include "host.h"

#include <time.h>
#include <unistd.h>

/* Bytes of memory that the process really has. */
static long resident(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL && fscanf(file, "%*d %ld", &pages) == 1);
  fclose(file);
  return pages * sysconf(_SC_PAGESIZE);
}

static moonpool_Config plain_config(void) {
  moonpool_Config c;
  memset(&c, 0, sizeof c);
  c.size = sizeof c;
  return c;
}

#define SCRIPT                                                                                     \
  "local ffi = require 'moonpool' ffi.cdef 'struct p { int x; char name[700]; }; int abs(int);'\n" \
  "local list = {}\n"                                                                              \
  "for i = 1, 50 do list[i] = {i, ffi.new('struct p *', {x = i}), ('x'):rep(i * 20)} end\n"        \
  "local f = ffi.callback('int(int)', function(n) return n + 1 end)\n"                             \
  "assert(ffi.C.abs(-3) == 3 and f(1) == 2 and list[50][2].x == 50)\n"

/* {===== configuration ===== */

static void test_defaults(lua_State *host) {
  lua_State *L;
  PUSHES(host, 0, L = moonpool_newstate(NULL));
  CHECK(L != NULL && lua_gettop(L) == 0);
  RUN(L, 0, "assert(string and io and require 'moonpool'.sizeof 'int' == 4)");
  RUN(L, 0, SCRIPT);
  RUN(L, 0, "assert(package.loaded.moonpool == require 'moonpool.core')");
  moonpool_cdef(L, "struct q { int y; };");
  CHECK(moonpool_pushnew(L, "struct q *") != NULL);
  moonpool_close(L);
  moonpool_close(NULL);
}

static int ended;
static int count_end(lua_State *L) {
  (void)L;
  ended++;
  return 0;
}

static void free_count(void *ud, void *ptr) {
  (void)ptr;
  ++*(int *)ud;
}

static void test_close_keeps_promises(lua_State *host) {
  static int x, freed;
  lua_State *L = moonpool_newstate(NULL);
  setfunction(L, "count", count_end);
  moonpool_pushblock(L, "int *", &x, sizeof x, free_count, &freed);
  lua_setglobal(L, "block");
  RUN(L, 0,
      "for i = 1, 3 do _G['o' .. i] = setmetatable({}, {__gc = count}) end\n"
      "local ffi = require 'moonpool'\n"
      "big = ffi.gc(ffi.new 'char[10000]', count)\n"
      "file = io.tmpfile() file:write 'text'");
  luaL_loadstring(L, "local c <close> = setmetatable({}, {__close = count}) coroutine.yield()");
  lua_settop(L, 0);
  ended = 0;
  moonpool_close(L);
  CHECK(ended == 4);
  CHECK(freed == 1);
  (void)host;
}

static void test_bare(lua_State *host) {
  moonpool_Config c = plain_config();
  lua_State *L;
  c.bare = 1;
  L = moonpool_newstate(&c);
  CHECK(L != NULL);
  RUN(L, 0, "x = string == nil and print == nil and require == nil and 1 or error()");
  CHECK(moonpool_pushnew(L, "int[3]") != NULL);
  lua_setglobal(L, "a");
  RUN(L, 0, "a[2] = 5");
  luaL_requiref(L, "moonpool.mem", luaopen_moonpool_mem, 1);
  lua_pop(L, 1);
  moonpool_close(L);
  (void)host;
}

/* Two configs that aren't: NULL instead of a state that does something else. */
static void test_wrong_configs(lua_State *host) {
  moonpool_Config c = plain_config();
  c.allocator = "quick";
  CHECK(moonpool_newstate(&c) == NULL);
  c = plain_config();
  c.size = 0;
  CHECK(moonpool_newstate(&c) == NULL);
  c.size = sizeof c + 8; /* of a later version, with fields that aren't known here */
  CHECK(moonpool_newstate(&c) == NULL);
  (void)host;
}

static void test_config_of_an_earlier_version(lua_State *host) {
  moonpool_Config c = plain_config();
  lua_State *L;
  memset((char *)&c + offsetof(moonpool_Config, max_bytes), 0x7F,
         sizeof c - offsetof(moonpool_Config, max_bytes));
  c.size = offsetof(moonpool_Config, max_bytes);
  L = moonpool_newstate(&c);
  CHECK(L != NULL);
  RUN(L, 0, SCRIPT);
  moonpool_close(L);
  (void)host;
}

static void test_allocators_by_name(lua_State *host) {
  static const char *const words[] = {"default", "malloc", "debug", "malloc_debug"};
  size_t i;
  for (i = 0; i < sizeof words / sizeof *words; i++) {
    moonpool_Config c = plain_config();
    lua_State *L;
    c.allocator = words[i];
    L = moonpool_newstate(&c);
    CHECK(L != NULL);
    RUN(L, 0, SCRIPT);
    moonpool_close(L);
  }
  (void)host;
}

/* {===== the host's own lua_Alloc ===== */

typedef struct Counter {
  size_t bytes, calls;
} Counter;

static void *counting_alloc(void *ud, void *ptr, size_t osize, size_t nsize) {
  Counter *c = (Counter *)ud;
  void *fresh = NULL;
  c->calls++;
  if (nsize == 0)
    free(ptr);
  else if ((fresh = realloc(ptr, nsize)) == NULL)
    return NULL;
  c->bytes += nsize - (ptr != NULL ? osize : 0);
  return fresh;
}

static void test_an_allocator_of_the_host(lua_State *host) {
  moonpool_Config c = plain_config();
  Counter counter = {0, 0};
  lua_State *L;
  c.alloc = counting_alloc;
  c.alloc_ud = &counter;
  L = moonpool_newstate(&c);
  CHECK(L != NULL && counter.bytes > 0);
  RUN(L, 0, SCRIPT);
  moonpool_close(L);
  CHECK(counter.bytes == 0 && counter.calls > 100);
  (void)host;
}

/* }===== */

static void test_a_state_of_the_host(lua_State *host) {
  moonpool_Heap *heap = moonpool_heap_new();
  lua_State *L;
  CHECK(heap != NULL);
  L = lua_newstate(moonpool_lua_alloc, heap);
  CHECK(L != NULL);
  luaL_openlibs(L);
  RUN(L, 0, "x = {} for i = 1, 1000 do x[i] = {i} end");
  luaL_requiref(L, "moonpool", luaopen_moonpool, 0);
  lua_pop(L, 1);
  RUN(L, 0, SCRIPT);
  lua_close(L);
  moonpool_heap_free(heap);
  moonpool_heap_free(NULL);
  (void)host;
}

static void test_warnings(lua_State *host) {
  lua_State *L = moonpool_newstate(NULL);
  int saved = dup(2), i;
  char text[200] = "";
  FILE *file = tmpfile();
  CHECK(file != NULL && dup2(fileno(file), 2) == 2);
  RUN(L, 0,
      "warn('un', 'heard') warn '@on' warn('a ', 'b ', 'c') warn '@what' warn('@', 'd')"
      " warn '@off' warn 'unheard'");
  dup2(saved, 2);
  rewind(file);
  i = (int)fread(text, 1, sizeof text - 1, file);
  text[i] = '\0';
  fclose(file);
  CHECK(strcmp(text, "Lua warning: a b c\nLua warning: @d\n") == 0);
  moonpool_close(L);
  (void)host;
}

/* }===== */

/* {===== limits ===== */

static void test_limit(lua_State *host) {
  moonpool_Config c = plain_config();
  lua_State *L, *other = moonpool_newstate(NULL);
  c.max_bytes = 4 << 20;
  L = moonpool_newstate(&c);
  CHECK(L != NULL);
  RAISES(L, "local t = {} for i = 1, 1e9 do t[i] = {i} end", "not enough memory");
  RAISES(L, "local s = ('x'):rep(1000) while true do s = s .. s end", "not enough memory");
  RAISES(L,
         "local ffi, t = require 'moonpool', {} for i = 1, 1e9 do t[i] = ffi.new 'char[10000]' end",
         "memory limit of 4194304 bytes reached");
  collect(L);
  RUN(L, 0, SCRIPT); /* both go on */
  RUN(other, 0, "local t = {} for i = 1, 200000 do t[i] = {i} end");
  moonpool_close(L);
  moonpool_close(other);
  (void)host;
}

static void test_garbage_is_not_counted_for_ever(lua_State *host) {
  moonpool_Config c = plain_config();
  lua_State *L;
  c.max_bytes = 2 << 20;
  L = moonpool_newstate(&c);
  RUN(L, 0,
      "collectgarbage 'stop'\n"
      "for i = 1, 20000 do local t = {i, ('x'):rep(100) .. i} end\n"
      "collectgarbage 'restart'\n"
      "collectgarbage('setpause', 1000) collectgarbage()\n" /* it would wait for long */
      "local ffi = require 'moonpool' for i = 1, 20000 do local c = ffi.new 'char[2000]' end");
  moonpool_close(L);
  (void)host;
}

static void test_limit_too_small(lua_State *host) {
  moonpool_Config c = plain_config();
  size_t bytes, opened = 0;
  for (bytes = 1; bytes < 1 << 20; bytes = bytes * 5 / 4 + 1) {
    lua_State *L;
    c.max_bytes = bytes;
    L = moonpool_newstate(&c);
    if (L != NULL) opened++;
    moonpool_close(L);
  }
  CHECK(opened > 0);
  (void)host;
}

/* }===== */

/* {===== many ===== */

static void test_200_states(lua_State *host) {
  lua_State *states[200];
  int i, k;
  for (i = 0; i < 200; i++) {
    states[i] = moonpool_newstate(NULL);
    CHECK(states[i] != NULL);
    RUN(states[i], 0, SCRIPT);
    lua_pushinteger(states[i], i);
    lua_setglobal(states[i], "number");
  }
  for (k = 0; k < 3; k++) {
    for (i = 0; i < 200; i++) {
      lua_getglobal(states[i], "number");
      CHECK(lua_tointeger(states[i], -1) == i);
      lua_pop(states[i], 1);
      RUN(states[i], 0,
          "local ffi = require 'moonpool' assert(ffi.new('struct p *', {number}).x == number)");
    }
  }
  for (i = 0; i < 200; i++) moonpool_close(states[(i * 7) % 200]); /* in another order */
  (void)host;
}

/* A sanitizer's own memory grows, and its quarantine fills: there, only what is gross is seen. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ROUNDS 1000
#define GROWTH (200L << 20)
#else
#define ROUNDS 10000
#define GROWTH (1L << 20)
#endif

static void test_10000_states(lua_State *host) {
  long before = 0, after;
  int i;
  for (i = 0; i < ROUNDS; i++) {
    lua_State *L = moonpool_newstate(NULL);
    CHECK(L != NULL);
    if (i % 100 == 0) RUN(L, 0, SCRIPT);
    moonpool_close(L);
    if (i == ROUNDS / 10) before = resident();
  }
  after = resident();
  if (after - before > 1 << 20)
    fprintf(stderr, "%ld KB grew to %ld KB\n", before >> 10, after >> 10);
  CHECK(after - before <= GROWTH);
  (void)host;
}

/* }===== */

/* {===== the module, loaded by states that come and go ===== */

static lua_State *load_module(void) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  lua_pushstring(L, getenv("MOONPOOL_BUILD") != NULL ? getenv("MOONPOOL_BUILD") : "build/release");
  lua_setglobal(L, "build");
  RUN(L, 0, "package.cpath = build .. '/?.so' ffi = require 'moonpool.core'");
  RUN(L, 0,
      "ffi.cdef 'int abs(int);' f = ffi.callback('int(int)', function(n) return n * 2 end)\n"
      "o = ffi.gc(ffi.new 'char[2000]', function() end)");
  return L;
}

static void test_module_unloaded(lua_State *host) {
  lua_State *a = load_module(), *b = load_module(), *c;
  int (*f)(int);
  lua_getglobal(a, "f");
  f = (int (*)(int))moonpool_test(a, -1, "int(*)(int)");
  lua_pop(a, 1);
  CHECK(f != NULL && f(4) == 8);
  lua_close(a); /* that dlcloses the module */
  RUN(b, 0, "assert(f(3) == 6 and ffi.C.abs(-1) == 1)");
  c = load_module();
  lua_close(b);
  RUN(c, 0, "assert(f(3) == 6)");
  lua_close(c);
  CHECK(f(4) == 0); /* no state is left: a report, no jump into nothing */
  (void)host;
}

/* }===== */

static const HostTest tests[] = {
    {"are whole by default", test_defaults},
    {"keep their promises when they close", test_close_keeps_promises},
    {"may be bare", test_bare},
    {"aren't made of wrong configurations", test_wrong_configs},
    {"are made of shorter configurations", test_config_of_an_earlier_version},
    {"have the allocators that have names", test_allocators_by_name},
    {"live on the host's lua_Alloc", test_an_allocator_of_the_host},
    {"may be the host's, on a heap of moonpool's", test_a_state_of_the_host},
    {"warn when told to", test_warnings},
    {"have a limit that leaves the host alone", test_limit},
    {"have a limit that garbage doesn't reach", test_garbage_is_not_counted_for_ever},
    {"fail whole under a limit that is too small", test_limit_too_small},
    {"are 200 at once", test_200_states},
    {"are opened and closed again and again in the same memory", test_10000_states},
    {"may load the module and close in any order", test_module_unloaded},
    {NULL, NULL}};

int main(int argc, char **argv) { return host_main(argc, argv, tests); }
