/*
** host.h: what the programs of spec/embed/ share. Each is a host with a list of
** tests; without an argument it prints their names, with one it runs that test
** in a new state and exits with 0, or says what failed and exits with 1.
*/

#ifndef HOST_H
#define HOST_H

#include "moonpool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
#include <lua.hpp>
#else
#include <lauxlib.h>
#include <lualib.h>
#endif

#define CHECK(condition)                                              \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                        \
    }                                                                 \
  } while (0)

/* The call leaves `n` values more on the stack. */
#define PUSHES(L, n, call)              \
  do {                                  \
    int top_ = lua_gettop(L);           \
    call;                               \
    CHECK(lua_gettop(L) == top_ + (n)); \
  } while (0)

/* Runs Lua code; what it returns is left on the stack. */
#define RUN(L, results, code)                                                          \
  do {                                                                                 \
    if (luaL_loadstring(L, code) != LUA_OK || lua_pcall(L, 0, results, 0) != LUA_OK) { \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, lua_tostring(L, -1));         \
      exit(1);                                                                         \
    }                                                                                  \
  } while (0)

/* The Lua code raises an error that has `text` in it. */
#define RAISES(L, code, text) raises(L, luaL_loadstring(L, code), text, __LINE__)

/* The C function, called without arguments, does. */
#define FAILS(L, function, text) raises(L, (lua_pushcfunction(L, function), LUA_OK), text, __LINE__)

static inline void raises(lua_State *L, int status, const char *text, int line) {
  int top = lua_gettop(L) - 1;
  if (status == LUA_OK) status = lua_pcall(L, 0, 0, 0);
  if (status == LUA_OK || strstr(lua_tostring(L, -1), text) == NULL) {
    fprintf(stderr, "line %d: expected: %s\ngot: %s\n", line, text,
            status == LUA_OK ? "no error" : lua_tostring(L, -1));
    exit(1);
  }
  CHECK(lua_gettop(L) == top + 1);
  lua_pop(L, 1);
}

static inline void collect(lua_State *L) {
  lua_gc(L, LUA_GCCOLLECT);
  lua_gc(L, LUA_GCCOLLECT);
}

/* Makes a C function global that takes and gives Lua values. */
static inline void setfunction(lua_State *L, const char *name, lua_CFunction f) {
  lua_pushcfunction(L, f);
  lua_setglobal(L, name);
}

/* A stock state with moonpool, which is the global `ffi` too. */
static inline lua_State *host_open(void) {
  lua_State *L = luaL_newstate();
  CHECK(L != NULL);
  luaL_openlibs(L);
  luaL_requiref(L, "moonpool", luaopen_moonpool, 0);
  lua_setglobal(L, "ffi");
  CHECK(lua_gettop(L) == 0);
  return L;
}

typedef struct HostTest {
  const char *name;
  void (*run)(lua_State *L);
} HostTest;

static inline int host_main(int argc, char **argv, const HostTest *tests) {
  for (; tests->name != NULL; tests++) {
    lua_State *L;
    if (argc < 2) {
      puts(tests->name);
      continue;
    }
    if (strcmp(argv[1], tests->name) != 0) continue;
    L = host_open();
    tests->run(L);
    CHECK(lua_gettop(L) == 0);
    lua_close(L);
    return 0;
  }
  return argc < 2 ? 0 : 2;
}

#endif
