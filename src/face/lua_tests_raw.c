/*
** lua_tests_raw.c: threads that allocate in RAW at once, and hand blocks to
** each other. Each round makes two calls that ask for memory.
*/

#include "face/lua_tests_raw.h"

#include <lauxlib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "mem/domain.h"

#define RAW_THREADS 8
#define RAW_SLOTS 64

static struct {
  pthread_t threads[RAW_THREADS];
  _Atomic(char *) slots[RAW_SLOTS]; /* blocks on their way to whoever takes them */
  atomic_int running;
  int n, rounds;
} race;

/* The first byte of a block tells its size. */
static void race_check(const char *p, size_t size) {
  size_t i;
  for (i = 0; i < size; i++)
    if (p[i] != (char)size) abort();
}

static void race_free(MpDomain *raw, char *p) {
  if (p == NULL) return;
  race_check(p, (size_t)p[0]);
  mp_domain_free(raw, p);
}

static void *race_run(void *ud) {
  MpDomain *raw = mp_domain_of(NULL, MP_DOMAIN_RAW);
  unsigned seed = (unsigned)(uintptr_t)ud * 2654435761u + 1;
  int i;
  for (i = 0; i < race.rounds; i++) {
    size_t size = 1 + (seed = seed * 1103515245u + 12345u) / 65536 % 100;
    char *p = (char *)(i % 2 ? mp_domain_malloc(raw, 8) : mp_domain_calloc(raw, 2, 4));
    if (p == NULL || (p = (char *)mp_domain_realloc(raw, p, size)) == NULL) abort();
    memset(p, (int)size, size);
    race_free(raw, atomic_exchange(&race.slots[seed / 7 % RAW_SLOTS], p));
  }
  atomic_fetch_sub(&race.running, 1);
  return NULL;
}

static int raw_start(lua_State *L) {
  int i;
  race.n = (int)luaL_checkinteger(L, 1);
  race.rounds = (int)luaL_checkinteger(L, 2);
  luaL_argcheck(L, race.n <= RAW_THREADS, 1, "too many threads");
  atomic_store(&race.running, race.n);
  for (i = 0; i < race.n; i++)
    if (pthread_create(&race.threads[i], NULL, race_run, (void *)(intptr_t)i) != 0)
      return luaL_error(L, "no thread");
  return 0;
}

static int raw_running(lua_State *L) {
  lua_pushinteger(L, atomic_load(&race.running));
  return 1;
}

static int raw_join(lua_State *L) {
  MpDomain *raw = mp_domain_of(NULL, MP_DOMAIN_RAW);
  int i;
  (void)L;
  for (i = 0; i < race.n; i++) pthread_join(race.threads[i], NULL);
  for (i = 0; i < RAW_SLOTS; i++) race_free(raw, atomic_exchange(&race.slots[i], NULL));
  return 0;
}

static int raw_threads(lua_State *L) {
  raw_start(L);
  return raw_join(L);
}

void mp_lua_tests_raw_open(lua_State *L) {
  static const luaL_Reg functions[] = {{"rawthreads", raw_threads},
                                       {"rawstart", raw_start},
                                       {"rawrunning", raw_running},
                                       {"rawjoin", raw_join},
                                       {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
