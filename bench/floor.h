/*
** floor.h: what the hand-written binding's two files share: how an argument is
** checked. Built twice: plain, as the Lua manual teaches, and with BENCH_STRICT
** with the promises that moonpool makes (numeric strings refused, ranges and
** argument count checked, errno given and saved, no error through C's frames).
*/

#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <limits.h>

#include <lauxlib.h>
#include <lua.h>

#define POINT "bench.point"

#if defined(BENCH_STRICT)
static inline int check_int(lua_State *L, int arg) {
  lua_Integer v;
  luaL_checktype(L, arg, LUA_TNUMBER);
  v = luaL_checkinteger(L, arg);
  luaL_argcheck(L, v >= INT_MIN && v <= INT_MAX, arg, "does not fit int");
  return (int)v;
}

static inline double check_double(lua_State *L, int arg) {
  luaL_checktype(L, arg, LUA_TNUMBER);
  return luaL_checknumber(L, arg);
}

static inline const char *check_string(lua_State *L, int arg) {
  luaL_checktype(L, arg, LUA_TSTRING);
  return luaL_checkstring(L, arg);
}

#define COUNT(n) ((void)(lua_gettop(L) == (n) || luaL_error(L, "expects %d arguments", n)))
#else
#define check_int(L, arg) ((int)luaL_checkinteger(L, arg))
#define check_double(L, arg) luaL_checknumber(L, arg)
#define check_string(L, arg) luaL_checkstring(L, arg)
#define COUNT(n) ((void)0)
#endif

/* floor_data.c: adds structs and arrays to the module that is on the stack's top. */
void floor_open_data(lua_State *L);

#endif
