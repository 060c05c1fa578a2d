/*
** floor.c: the binding that moonpool is measured against: what a careful
** programmer writes by hand, as the Lua manual teaches. Built twice: plain, and
** with BENCH_STRICT with the promises that moonpool makes (numeric strings
** refused, ranges and argument count checked, errno given and saved).
*/

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "target.h"

#define POINT "bench.point"
#define INTS "bench.ints"

#if defined(BENCH_STRICT)
static int saved_errno;

static lua_Integer check_integer(lua_State *L, int arg) {
  luaL_checktype(L, arg, LUA_TNUMBER);
  return luaL_checkinteger(L, arg);
}

static int check_int(lua_State *L, int arg) {
  lua_Integer v = check_integer(L, arg);
  luaL_argcheck(L, v >= INT_MIN && v <= INT_MAX, arg, "does not fit int");
  return (int)v;
}

static double check_double(lua_State *L, int arg) {
  luaL_checktype(L, arg, LUA_TNUMBER);
  return luaL_checknumber(L, arg);
}

static const char *check_string(lua_State *L, int arg) {
  luaL_checktype(L, arg, LUA_TSTRING);
  return luaL_checkstring(L, arg);
}

#define COUNT(n) ((void)(lua_gettop(L) == (n) || luaL_error(L, "expects %d arguments", n)))
#define ENTER() (errno = saved_errno)
#define LEAVE() (saved_errno = errno)
#else
#define check_int(L, arg) ((int)luaL_checkinteger(L, arg))
#define check_double(L, arg) luaL_checknumber(L, arg)
#define check_string(L, arg) luaL_checkstring(L, arg)
#define COUNT(n) ((void)0)
#define ENTER() ((void)0)
#define LEAVE() ((void)0)
#endif

static int floor_add(lua_State *L) {
  int a = check_int(L, 1), b = check_int(L, 2), r;
  COUNT(2);
  ENTER();
  r = target_add(a, b);
  LEAVE();
  lua_pushinteger(L, r);
  return 1;
}

static int floor_mix(lua_State *L) {
  int a = check_int(L, 1), c = check_int(L, 3);
  double b = check_double(L, 2), d = check_double(L, 4), r;
  COUNT(4);
  ENTER();
  r = target_mix(a, b, c, d);
  LEAVE();
  lua_pushnumber(L, r);
  return 1;
}

static int floor_strlen(lua_State *L) {
  const char *s = check_string(L, 1);
  size_t n;
  COUNT(1);
  ENTER();
  n = target_strlen(s);
  LEAVE();
  lua_pushinteger(L, (lua_Integer)n);
  return 1;
}

static int point_new(lua_State *L) {
  struct target_point *p = (struct target_point *)lua_newuserdatauv(L, sizeof *p, 0);
  memset(p, 0, sizeof *p);
  if (lua_istable(L, 1)) {
    lua_getfield(L, 1, "x");
    p->x = (int)luaL_optinteger(L, -1, 0);
    lua_getfield(L, 1, "y");
    p->y = (int)luaL_optinteger(L, -1, 0);
    lua_pop(L, 2);
  }
  luaL_setmetatable(L, POINT);
  return 1;
}

static int *point_field(lua_State *L) {
  struct target_point *p = (struct target_point *)luaL_checkudata(L, 1, POINT);
  const char *key = luaL_checkstring(L, 2);
  if (strcmp(key, "x") == 0) return &p->x;
  if (strcmp(key, "y") == 0) return &p->y;
  luaL_error(L, "no field '%s'", key);
  return NULL;
}

static int point_index(lua_State *L) {
  lua_pushinteger(L, *point_field(L));
  return 1;
}

static int point_newindex(lua_State *L) {
  *point_field(L) = check_int(L, 3);
  return 0;
}

static int ints_new(lua_State *L) {
  lua_Integer n = luaL_checkinteger(L, 1);
  luaL_argcheck(L, n >= 0 && n < 1 << 20, 1, "size");
  memset(lua_newuserdatauv(L, (size_t)n * sizeof(int), 0), 0, (size_t)n * sizeof(int));
  luaL_setmetatable(L, INTS);
  return 1;
}

static int *ints_element(lua_State *L) {
  int *a = (int *)luaL_checkudata(L, 1, INTS);
  lua_Integer i = luaL_checkinteger(L, 2);
  luaL_argcheck(L, i >= 0 && (size_t)i < lua_rawlen(L, 1) / sizeof(int), 2, "index");
  return &a[i];
}

static int ints_index(lua_State *L) {
  lua_pushinteger(L, *ints_element(L));
  return 1;
}

static int ints_newindex(lua_State *L) {
  *ints_element(L) = check_int(L, 3);
  return 0;
}

static void add_class(lua_State *L, const char *name, lua_CFunction index, lua_CFunction newindex) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, index);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, newindex);
  lua_setfield(L, -2, "__newindex");
  lua_pop(L, 1);
}

static const luaL_Reg functions[] = {{"add", floor_add},       {"mix", floor_mix},
                                     {"strlen", floor_strlen}, {"point", point_new},
                                     {"ints", ints_new},       {NULL, NULL}};

#if defined(BENCH_STRICT)
#define luaopen_floor luaopen_strict
#endif
int luaopen_floor(lua_State *L);

int luaopen_floor(lua_State *L) {
  add_class(L, POINT, point_index, point_newindex);
  add_class(L, INTS, ints_index, ints_newindex);
  luaL_newlib(L, functions);
  return 1;
}
