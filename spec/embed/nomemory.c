/* nomemory.c: each allocation of a host's day fails in turn: nothing is lost, nothing goes back twice. */

#include "host.h"

static int made, freed;

static void give_back(void *ud, void *ptr) {
  (void)ud;
  freed++;
  free(ptr);
}

static int twice(int n) { return n * 2; }

static struct thing {
  int n;
  int (*f)(int);
  void *p;
} thing;

/* What moonpool.h does, all of it. The argument is a Lua function. */
static int day(lua_State *L) {
  int n = 0, shared = 0, (*f)(int);
  moonpool_cdef(L, "struct thing { int n; int (*f)(int); void *p; };");
  moonpool_push(L, "struct thing *", &thing);
  lua_pushvalue(L, 1);
  lua_setfield(L, 2, "f"); /* the host's memory keeps a callback, */
  moonpool_pushnew(L, "struct thing[30]");
  lua_setfield(L, 2, "p"); /* and an array */
  made++;
  moonpool_pushblock(L, "char[]", malloc(100), 100, give_back, NULL);
  moonpool_pushblock(L, "int *", &shared, sizeof shared, NULL, NULL);
  moonpool_pushfunction(L, "int(int)", (void (*)(void))twice);
  lua_pushinteger(L, 21);
  lua_call(L, 1, 1);
  moonpool_store(L, 5, "int", &n);
  moonpool_load(L, "struct thing", &thing);
  f = (int (*)(int))moonpool_check(L, 1, "int (*)(int)");
  if (n != 42 || f == NULL) return luaL_error(L, "wrong result");
  moonpool_release(L, 3);
  moonpool_revoke(L, &shared);
  moonpool_revoke(L, &thing);
  return 0;
}

/* A state with the n-th allocation and those after it failing; did the day go well? */
static int day_fails_from(int n, const char *allocator) {
  moonpool_Config config;
  lua_State *L;
  int status;
  memset(&config, 0, sizeof config);
  config.size = sizeof config;
  config.allocator = allocator;
  L = moonpool_newstate(&config);
  CHECK(L != NULL);
  made = freed = 0;
  RUN(L, 3,
      "local mem = require 'moonpool.mem'\n"
      "return mem.remove_nomemory, function(n) return n + 1 end, mem.set_nomemory");
  lua_pushcfunction(L, day);
  lua_pushvalue(L, 2);
  lua_rotate(L, 3, 2);
  lua_pushinteger(L, n);
  lua_call(L, 1, 0);
  CHECK(lua_gettop(L) == 4); /* remove_nomemory, the function, the day, its argument */
  status = lua_pcall(L, 1, 0, 0);
  CHECK(lua_gettop(L) == (status == LUA_OK ? 2 : 3));
  lua_pushvalue(L, 1);
  lua_call(L, 0, 0);
  if (status != LUA_OK && strstr(lua_tostring(L, -1), "memory") == NULL &&
      strstr(lua_tostring(L, -1), "injected") == NULL) {
    fprintf(stderr, "%d: %s\n", n, lua_tostring(L, -1));
    exit(1);
  }
  lua_settop(L, 2);
  RUN(L, 0, "assert(require 'moonpool'.new('int[3]', {1, 2, 3})[2] == 3)"); /* it goes on */
  moonpool_close(L);
  if (made != freed) fprintf(stderr, "%d: %d made, %d freed\n", n, made, freed);
  CHECK(made == freed);
  return status == LUA_OK;
}

static void test_each_allocation(lua_State *L) {
  int n = 0;
  while (!day_fails_from(n, "default")) n++;
  CHECK(n > 50);
  (void)L;
}

static void test_under_hooks(lua_State *L) {
  int n = 0;
  while (!day_fails_from(n, "debug")) n++;
  CHECK(n > 50);
  (void)L;
}

static const HostTest tests[] = {
    {"leaves nothing half done, wherever it fails", test_each_allocation},
    {"leaves nothing half done under the debug hooks", test_under_hooks},
    {NULL, NULL}};

int main(int argc, char **argv) { return host_main(argc, argv, tests); }
