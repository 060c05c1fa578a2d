/*
** floor_data.c: the hand-written binding's structs and arrays, and what moves many
** elements at once. See floor.h for its two forms.
*/

#include "floor.h"

#include <string.h>

#include "target.h"

#define LINE "bench.line"
#define VIEW "bench.view"
#define INTS "bench.ints"

/* == Structs ============================================================== */

static int point_new(lua_State *L) {
  struct target_point *p = (struct target_point *)lua_newuserdatauv(L, sizeof *p, 0);
  memset(p, 0, sizeof *p);
  if (lua_istable(L, 1)) {
    lua_getfield(L, 1, "x");
    if (!lua_isnil(L, -1)) p->x = check_int(L, -1);
    lua_getfield(L, 1, "y");
    if (!lua_isnil(L, -1)) p->y = check_int(L, -1);
    lua_pop(L, 2);
  }
  luaL_setmetatable(L, POINT);
  return 1;
}

/* The field that the second argument names. */
static int *field_of(lua_State *L, struct target_point *p) {
  const char *key = luaL_checkstring(L, 2);
  if (strcmp(key, "x") == 0) return &p->x;
  if (strcmp(key, "y") == 0) return &p->y;
  luaL_error(L, "no field '%s'", key);
  return NULL;
}

static int point_index(lua_State *L) {
  lua_pushinteger(L, *field_of(L, (struct target_point *)luaL_checkudata(L, 1, POINT)));
  return 1;
}

static int point_newindex(lua_State *L) {
  *field_of(L, (struct target_point *)luaL_checkudata(L, 1, POINT)) = check_int(L, 3);
  return 0;
}

/* A view of a struct inside another: its address, and the other as the user value. */
static int view_index(lua_State *L) {
  lua_pushinteger(L, *field_of(L, *(struct target_point **)luaL_checkudata(L, 1, VIEW)));
  return 1;
}

static int view_newindex(lua_State *L) {
  *field_of(L, *(struct target_point **)luaL_checkudata(L, 1, VIEW)) = check_int(L, 3);
  return 0;
}

static int line_new(lua_State *L) {
  struct target_line *l = (struct target_line *)lua_newuserdatauv(L, sizeof *l, 0);
  memset(l, 0, sizeof *l);
  luaL_setmetatable(L, LINE);
  return 1;
}

static int line_index(lua_State *L) {
  struct target_line *l = (struct target_line *)luaL_checkudata(L, 1, LINE);
  const char *key = luaL_checkstring(L, 2);
  struct target_point *end, **view;
  if (strcmp(key, "a") == 0) {
    end = &l->a;
  } else if (strcmp(key, "b") == 0) {
    end = &l->b;
  } else {
    return luaL_error(L, "no field '%s'", key);
  }
  view = (struct target_point **)lua_newuserdatauv(L, sizeof *view, 1);
  *view = end;
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, VIEW);
  return 1;
}

/* == Arrays =============================================================== */

static int *ints_push(lua_State *L, lua_Integer n) {
  int *a;
  luaL_argcheck(L, n >= 0 && n <= 1 << 28, 1, "size");
  a = (int *)lua_newuserdatauv(L, (size_t)n * sizeof *a, 0);
  luaL_setmetatable(L, INTS);
  return a;
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

/* The array that is argument `arg`, which has room for n elements of `size` bytes. */
static int *check_room(lua_State *L, int arg, lua_Integer n, size_t size) {
  int *a = (int *)luaL_checkudata(L, arg, INTS);
  luaL_argcheck(L, n >= 0 && (size_t)n <= lua_rawlen(L, arg) / size, arg, "size");
  return a;
}

/* == Many at once ========================================================= */

/* Writes the first n numbers of the table at index `from` to `to`. */
static void fill_from(lua_State *L, int from, int *to, lua_Integer n) {
  lua_Integer i;
  for (i = 0; i < n; i++) {
    lua_rawgeti(L, from, i + 1);
    to[i] = check_int(L, -1);
    lua_pop(L, 1);
  }
}

/* ints(n), zeroed; ints(table), its numbers. */
static int ints_new(lua_State *L) {
  if (lua_istable(L, 1)) {
    lua_Integer n = (lua_Integer)lua_rawlen(L, 1);
    fill_from(L, 1, ints_push(L, n), n);
  } else {
    lua_Integer n = luaL_checkinteger(L, 1);
    memset(ints_push(L, n), 0, (size_t)n * sizeof(int));
  }
  return 1;
}

static int ints_unpack(lua_State *L) {
  lua_Integer i, n = luaL_checkinteger(L, 2);
  int *a = check_room(L, 1, n, sizeof *a);
  COUNT(2);
  lua_createtable(L, (int)n, 0);
  for (i = 0; i < n; i++) {
    lua_pushinteger(L, a[i]);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

static int ints_assign(lua_State *L) {
  int *a = (int *)luaL_checkudata(L, 1, INTS);
  lua_Integer i = luaL_checkinteger(L, 2), j = luaL_checkinteger(L, 3);
  luaL_checktype(L, 4, LUA_TTABLE);
  COUNT(4);
  luaL_argcheck(L, 0 <= i && i <= j && (size_t)j <= lua_rawlen(L, 1) / sizeof *a, 3, "range");
  luaL_argcheck(L, lua_rawlen(L, 4) == (size_t)(j - i), 4, "length");
  fill_from(L, 4, a + i, j - i);
  return 0;
}

/* The bytes before the first NUL, at most n. */
static int bytes_string(lua_State *L) {
  lua_Integer n = luaL_checkinteger(L, 2);
  const char *s = (const char *)check_room(L, 1, n, 1);
  COUNT(2);
  lua_pushlstring(L, s, strnlen(s, (size_t)n));
  return 1;
}

static int bytes_move(lua_State *L) {
  lua_Integer n = luaL_checkinteger(L, 3);
  COUNT(3);
  memmove(check_room(L, 1, n, 1), check_room(L, 2, n, 1), (size_t)n);
  return 0;
}

/* == Their part of the module ============================================= */

static void add_class(lua_State *L, const char *name, lua_CFunction index, lua_CFunction newindex) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, index);
  lua_setfield(L, -2, "__index");
  if (newindex != NULL) {
    lua_pushcfunction(L, newindex);
    lua_setfield(L, -2, "__newindex");
  }
  lua_pop(L, 1);
}

static const luaL_Reg functions[] = {
    {"point", point_new},    {"line", line_new},
    {"ints", ints_new},      {"unpack", ints_unpack},
    {"assign", ints_assign}, {"string", bytes_string},
    {"memmove", bytes_move}, {NULL, NULL},
};

void floor_open_data(lua_State *L) {
  add_class(L, POINT, point_index, point_newindex);
  add_class(L, VIEW, view_index, view_newindex);
  add_class(L, LINE, line_index, NULL);
  add_class(L, INTS, ints_index, ints_newindex);
  luaL_setfuncs(L, functions, 0);
}
