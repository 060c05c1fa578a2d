/* threads.c: threads with a state each. `make tsan` runs these under ThreadSanitizer. */

#include "host.h"

#include <pthread.h>
#include <time.h>

#define THREADS 8
#define SECONDS 1

static int host_double(int n) { return n * 2; }

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Declarations, calls, callbacks, allocation. */
static void work(lua_State *L, int round) {
  struct {
    int n;
  } shared = {round};
  int (*f)(int);
  void *raw = moonpool_raw_malloc(100);
  lua_pushinteger(L, round);
  lua_setglobal(L, "round");
  RUN(L, 0,
      "local ffi = require 'moonpool'.FFI()\n"
      "ffi.cdef(('struct s%d { int a[%d]; double d; }; int abs(int);'):format(round, round % 7 + "
      "1))\n"
      "local T = ffi.typeof(('struct s%d'):format(round))\n"
      "for i = 1, 20 do local s = T() s.a[0] = -i assert(ffi.C.abs(s.a[0]) == i) end\n"
      "local big = ffi.new 'char[3000]' ffi.release(big)\n"
      "for i = 1, 5 do local f <close> = ffi.callback('int(int)', function(x) return x + i end) "
      "assert(f(1) == i + 1) end");
  moonpool_push(L, "struct { int n; } *", &shared);
  lua_setglobal(L, "shared");
  moonpool_pushfunction(L, "int(int)", (void (*)(void))host_double);
  lua_setglobal(L, "double");
  RUN(L, 1, "shared.n = double(shared.n) return function(x) return x - 1 end");
  f = (int (*)(int))moonpool_check(L, -1, "int(*)(int)");
  CHECK(shared.n == round * 2 && f(round) == round - 1);
  moonpool_revoke(L, &shared);
  lua_pop(L, 1);
  moonpool_raw_free(moonpool_raw_realloc(raw, 2000));
  moonpool_mem_free(L, moonpool_mem_realloc(L, moonpool_mem_malloc(L, 10), 2000));
}

static void *states_run(void *arg) {
  double end = now() + SECONDS;
  int round = 0;
  (void)arg;
  while (now() < end) {
    lua_State *L = moonpool_newstate(NULL);
    int i;
    CHECK(L != NULL);
    for (i = 0; i < 10; i++) work(L, ++round);
    moonpool_close(L);
  }
  return NULL;
}

static void test_states_in_threads(lua_State *L) {
  pthread_t threads[THREADS];
  int i;
  for (i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, states_run, NULL) == 0);
  for (i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  (void)L;
}

/* A state that is made here, used there, and closed here again: one thread at a time. */
static void *moved_run(void *arg) {
  work((lua_State *)arg, 5);
  return NULL;
}

static void move_state(const char *allocator) {
  moonpool_Config config;
  lua_State *moved;
  pthread_t thread;
  int i;
  memset(&config, 0, sizeof config);
  config.size = sizeof config;
  config.allocator = allocator;
  moved = moonpool_newstate(&config);
  for (i = 0; i < 3; i++) {
    work(moved, i + 10);
    CHECK(pthread_create(&thread, NULL, moved_run, moved) == 0 && pthread_join(thread, NULL) == 0);
  }
  moonpool_close(moved);
}

static void test_states_move_between_threads(lua_State *L) {
  move_state("default");
  move_state("debug"); /* which looks at the thread of each call */
  (void)L;
}

static void *raw_run(void *arg) {
  double end = now() + SECONDS;
  void *held[64] = {NULL};
  unsigned i = 0;
  (void)arg;
  while (now() < end) {
    void **p = &held[i++ * 7 % 64];
    *p = moonpool_raw_realloc(*p, i % 3000);
    if (i % 5 == 0) {
      moonpool_raw_free(*p);
      *p = moonpool_raw_calloc(i % 100, 3);
    }
  }
  for (i = 0; i < 64; i++) moonpool_raw_free(held[i]);
  return NULL;
}

static void test_raw_in_threads(lua_State *L) {
  pthread_t threads[THREADS];
  int i;
  for (i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, raw_run, NULL) == 0);
  moonpool_setup_debug_hooks(NULL); /* under way */
  for (i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  (void)L;
}

static const HostTest tests[] = {
    {"8 threads have states of their own", test_states_in_threads},
    {"a state moves from thread to thread", test_states_move_between_threads},
    {"8 threads share RAW, while hooks are put on", test_raw_in_threads},
    {NULL, NULL}};

int main(int argc, char **argv) { return host_main(argc, argv, tests); }
