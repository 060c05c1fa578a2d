/* lock.c: threads of a host in one state. `make tsan` runs these under ThreadSanitizer. */

#include "host.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define THREADS 8
#define ROUNDS 100

static const char counting[] = "local ffi = require 'moonpool'\n"
                               "counter, inside, clashes = 0, false, 0\n"
                               "function count(n)\n"
                               "  if inside then clashes = clashes + 1 end\n"
                               "  inside = true\n"
                               "  local before = counter\n"
                               "  local p = ffi.new('int[]', 40) p[0] = n\n"
                               "  for i = 1, 20 do p[i] = i end\n"
                               "  counter = before + 1\n"
                               "  inside = false\n"
                               "  return p[0] + p[20]\n"
                               "end\n"
                               "ffi.cdef 'int usleep(unsigned);'";

static lua_State *open_locked(const char *allocator) {
  moonpool_Config c;
  lua_State *L;
  memset(&c, 0, sizeof c);
  c.size = sizeof c;
  c.allocator = allocator;
  c.lock = 1;
  L = moonpool_newstate(&c);
  CHECK(L != NULL);
  RUN(L, 0, counting);
  return L;
}

static lua_Integer global(lua_State *L, const char *name) {
  lua_Integer n;
  lua_getglobal(L, name);
  n = lua_tointeger(L, -1);
  lua_pop(L, 1);
  return n;
}

/* {===== threads that take it ===== */

static void *taking(void *arg) {
  lua_State *L = (lua_State *)arg;
  int i;
  for (i = 0; i < ROUNDS; i++) {
    CHECK(moonpool_lock(L) == 0 && moonpool_lock(L) == 0);
    RUN(L, 1,
        "if counter % 3 == 0 then ffi = require 'moonpool' ffi.C.usleep(1) end return count(22)");
    CHECK(lua_tointeger(L, -1) == 42);
    lua_pop(L, 1);
    CHECK(moonpool_unlock(L) == 0 && moonpool_unlock(L) == 0);
    CHECK(moonpool_unlock(L) == -1);
  }
  return NULL;
}

static void share(const char *allocator) {
  pthread_t threads[THREADS];
  lua_State *L = open_locked(allocator), *own[THREADS];
  int i;
  for (i = 0; i < THREADS; i++) {
    own[i] = lua_newthread(L);
    luaL_ref(L, LUA_REGISTRYINDEX);
    CHECK(pthread_create(&threads[i], NULL, taking, own[i]) == 0);
  }
  RUN(L, 0, "for i = 1, 100 do count(1) require 'moonpool'.yield() end");
  CHECK(moonpool_unlock(L) == 0);
  for (i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK(moonpool_lock(L) == 0);
  CHECK(global(L, "counter") == THREADS * ROUNDS + 100 && global(L, "clashes") == 0);
  moonpool_close(L);
}

static void test_threads_share(lua_State *L) {
  share(NULL);
  (void)L;
}

static void test_threads_share_hooked(lua_State *L) {
  share("debug");
  (void)L;
}

/* }===== */

/* {===== threads that call what Lua gave ===== */

static int (*counted)(int);

static void *calling(void *arg) {
  int i;
  (void)arg;
  for (i = 0; i < ROUNDS; i++) CHECK(counted(i) == i + 20);
  return NULL;
}

static void test_threads_call(lua_State *unused) {
  pthread_t threads[THREADS];
  lua_State *L = open_locked(NULL);
  int i;
  lua_getglobal(L, "count");
  counted = (int (*)(int))moonpool_check(L, -1, "int(*)(int)");
  lua_pop(L, 1);
  for (i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, calling, NULL) == 0);
  CHECK(moonpool_unlock(L) == 0); /* a host without anything to do in Lua */
  for (i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK(moonpool_lock(L) == 0);
  CHECK(global(L, "counter") == THREADS * ROUNDS && global(L, "clashes") == 0);
  moonpool_close(L);
  (void)unused;
}

/* }===== */

/* {===== the end ===== */

static atomic_int begun;

static void *waiting(void *arg) {
  lua_State *L = (lua_State *)arg;
  atomic_fetch_add(&begun, 1);
  CHECK(moonpool_lock(L) == -1);
  return NULL;
}

static void nap(int ms) {
  struct timespec t = {0, ms * 1000000L};
  nanosleep(&t, NULL);
}

static void test_close(lua_State *unused) {
  int round, i;
  for (round = 0; round < 3; round++) {
    pthread_t threads[THREADS];
    lua_State *L = open_locked(NULL);
    atomic_store(&begun, 0);
    for (i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, waiting, L) == 0);
    while (atomic_load(&begun) < THREADS) nap(1);
    nap(50);
    moonpool_close(L);
    for (i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  }
  (void)unused;
}

/* Whoever closes takes the lock, and waits for who has it. */
static void *holding(void *arg) {
  lua_State *L = (lua_State *)arg;
  CHECK(moonpool_lock(L) == 0);
  atomic_store(&begun, 1);
  RUN(L, 0, "require 'moonpool'.C.usleep(50000) count(1)");
  CHECK(moonpool_unlock(L) == 0);
  return NULL;
}

static void test_close_waits(lua_State *unused) {
  pthread_t thread;
  lua_State *L = open_locked(NULL), *own = lua_newthread(L);
  luaL_ref(L, LUA_REGISTRYINDEX);
  atomic_store(&begun, 0);
  CHECK(moonpool_unlock(L) == 0);
  CHECK(pthread_create(&thread, NULL, holding, own) == 0);
  while (atomic_load(&begun) == 0) nap(1);
  moonpool_close(L);
  CHECK(pthread_join(thread, NULL) == 0);
  (void)unused;
}

/* }===== */

static void test_off(lua_State *L) {
  lua_State *other = moonpool_newstate(NULL), *locked;
  CHECK(moonpool_lock(L) == -1 && moonpool_unlock(L) == -1);
  CHECK(moonpool_lock(other) == -1);
  locked = open_locked(NULL);
  CHECK(moonpool_lock(L) == -1 && moonpool_lock(other) == -1); /* each for itself */
  CHECK(moonpool_lock(locked) == 0 && moonpool_unlock(locked) == 0);
  RUN(locked, 0, "assert(require 'moonpool'.lock())");
  moonpool_close(locked);
  moonpool_close(other);
  RUN(L, 0, "ffi.lock(true)");
  CHECK(moonpool_lock(L) == 0 && moonpool_unlock(L) == 0 && moonpool_unlock(L) == 0);
  CHECK(moonpool_unlock(L) == -1);
  CHECK(moonpool_lock(L) == 0);
  RUN(L, 0, "ffi.lock(false)");
  CHECK(moonpool_lock(L) == -1);
}

static const HostTest tests[] = {{"8 threads share a state", test_threads_share},
                                 {"and do so under the debug hooks", test_threads_share_hooked},
                                 {"8 threads call a function of Lua's", test_threads_call},
                                 {"threads that wait are told that the state closes", test_close},
                                 {"a state closes after who is inside", test_close_waits},
                                 {"the lock is off at first, and each state's own", test_off},
                                 {NULL, NULL}};

int main(int argc, char **argv) { return host_main(argc, argv, tests); }
