/*
** floor.c: the binding that moonpool is measured against: what a careful
** programmer writes by hand. Here: calls, callbacks and destructors. See floor.h
** for its two forms.
*/

#include "floor.h"

#include <errno.h>

#include "target.h"

#define CALLBACK "bench.callback"
#define OWNED "bench.owned"

#if defined(BENCH_STRICT)
static int saved_errno;
#define ENTER() (errno = saved_errno)
#define LEAVE() (saved_errno = errno)
#else
#define ENTER() ((void)0)
#define LEAVE() ((void)0)
#endif

/* == Calls ================================================================ */

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

static int floor_six(lua_State *L) {
  int a = check_int(L, 1), b = check_int(L, 2), c = check_int(L, 3);
  int d = check_int(L, 4), e = check_int(L, 5), f = check_int(L, 6), r;
  COUNT(6);
  ENTER();
  r = target_six(a, b, c, d, e, f);
  LEAVE();
  lua_pushinteger(L, r);
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

static int floor_in(lua_State *L) {
  struct target_point *p = (struct target_point *)luaL_checkudata(L, 1, POINT);
  int r;
  COUNT(1);
  ENTER();
  r = target_in(*p);
  LEAVE();
  lua_pushinteger(L, r);
  return 1;
}

static int floor_out(lua_State *L) {
  int x = check_int(L, 1), y = check_int(L, 2);
  struct target_point *p;
  COUNT(2);
  p = (struct target_point *)lua_newuserdatauv(L, sizeof *p, 0);
  ENTER();
  *p = target_out(x, y);
  LEAVE();
  luaL_setmetatable(L, POINT);
  return 1;
}

/* C can't pass on a list of any length; a binding offers the forms that are needed. */
static int floor_total(lua_State *L) {
  int count = check_int(L, 1);
  double a = check_double(L, 2), b = check_double(L, 3), r;
  luaL_argcheck(L, count == 2, 1, "two numbers");
  COUNT(3);
  ENTER();
  r = target_total(count, a, b);
  LEAVE();
  lua_pushnumber(L, r);
  return 1;
}

/* == Callbacks ============================================================ */

/* Calls the function below its `n` arguments, which are on the stack; its int. */
static int call_back(lua_State *L, int n) {
  int result = 0;
#if defined(BENCH_STRICT)
  lua_Integer v;
  int whole;
  LEAVE();
  if (lua_pcall(L, n, 1, 0) == LUA_OK) {
    v = lua_tointegerx(L, -1, &whole);
    if (whole && lua_type(L, -1) == LUA_TNUMBER && v >= INT_MIN && v <= INT_MAX) result = (int)v;
  } else {
    lua_warning(L, luaL_tolstring(L, -1, NULL), 0);
    lua_pop(L, 1);
  }
  ENTER();
#else
  lua_call(L, n, 1);
  result = (int)lua_tointeger(L, -1);
#endif
  lua_pop(L, 1);
  return result;
}

/* target_times hands its callback no pointer of the user's, so that a binding has a
   few C functions made beforehand, each with a slot for a Lua function. */
#define SLOTS 8
static struct {
  lua_State *L; /* NULL: free */
  int function;
} slots[SLOTS];

static int slot_call(int slot, int x) {
  lua_State *L = slots[slot].L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, slots[slot].function);
  lua_pushinteger(L, x);
  return call_back(L, 1);
}

#define TRAMPOLINE(slot) \
  static int trampoline_##slot(int x) { return slot_call(slot, x); }
TRAMPOLINE(0)
TRAMPOLINE(1)
TRAMPOLINE(2)
TRAMPOLINE(3)
TRAMPOLINE(4)
TRAMPOLINE(5)
TRAMPOLINE(6)
TRAMPOLINE(7)

static int (*const trampolines[SLOTS])(int) = {trampoline_0, trampoline_1, trampoline_2,
                                               trampoline_3, trampoline_4, trampoline_5,
                                               trampoline_6, trampoline_7};

static int callback_new(lua_State *L) {
  int slot = 0, *cb;
  luaL_checktype(L, 1, LUA_TFUNCTION);
  COUNT(1);
  while (slot < SLOTS && slots[slot].L != NULL) slot++;
  if (slot == SLOTS) return luaL_error(L, "too many callbacks");
  cb = (int *)lua_newuserdatauv(L, sizeof *cb, 0);
  *cb = -1;
  luaL_setmetatable(L, CALLBACK);
  lua_pushvalue(L, 1);
  slots[slot].function = luaL_ref(L, LUA_REGISTRYINDEX);
  slots[slot].L = L;
  *cb = slot;
  return 1;
}

static int callback_free(lua_State *L) {
  int *cb = (int *)luaL_checkudata(L, 1, CALLBACK);
  if (*cb >= 0) {
    luaL_unref(L, LUA_REGISTRYINDEX, slots[*cb].function);
    slots[*cb].L = NULL;
    *cb = -1;
  }
  return 0;
}

static int floor_times(lua_State *L) {
  int *cb = (int *)luaL_checkudata(L, 1, CALLBACK), n = check_int(L, 2), r;
  luaL_argcheck(L, *cb >= 0, 1, "has ended");
  COUNT(2);
  slots[*cb].L = L;
  ENTER();
  r = target_times(trampolines[*cb], n);
  LEAVE();
  lua_pushinteger(L, r);
  return 1;
}

/* The sort that is under way; its function is the caller's second argument. */
static lua_State *sorting;

static int sort_compare(const int *a, const int *b) {
  lua_pushvalue(sorting, 2);
  lua_pushinteger(sorting, *a);
  lua_pushinteger(sorting, *b);
  return call_back(sorting, 2);
}

static int floor_sort(lua_State *L) {
  int *a = (int *)luaL_checkudata(L, 1, "bench.ints");
  lua_State *outer = sorting;
  luaL_checktype(L, 2, LUA_TFUNCTION);
  COUNT(2);
  sorting = L;
  ENTER();
  target_sort(a, lua_rawlen(L, 1) / sizeof *a, sort_compare);
  LEAVE();
  sorting = outer;
  return 0;
}

/* == Destructors ========================================================== */

/* owned(f): a point that calls f(point) when it is collected. */
static int owned_new(lua_State *L) {
  struct target_point *p;
  luaL_checktype(L, 1, LUA_TFUNCTION);
  COUNT(1);
  p = (struct target_point *)lua_newuserdatauv(L, sizeof *p, 1);
  p->x = p->y = 0;
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, OWNED);
  return 1;
}

static int owned_gc(lua_State *L) {
  luaL_checkudata(L, 1, OWNED);
  lua_getiuservalue(L, 1, 1);
  lua_pushvalue(L, 1);
  lua_call(L, 1, 0);
  return 0;
}

/* == The module =========================================================== */

static void add_collected(lua_State *L, const char *name, lua_CFunction gc) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}

static const luaL_Reg functions[] = {
    {"add", floor_add},
    {"mix", floor_mix},
    {"six", floor_six},
    {"strlen", floor_strlen},
    {"in_", floor_in},
    {"out", floor_out},
    {"total", floor_total},
    {"times", floor_times},
    {"sort", floor_sort},
    {"callback", callback_new},
    {"free", callback_free},
    {"owned", owned_new},
    {NULL, NULL},
};

#if defined(BENCH_STRICT)
#define luaopen_floor luaopen_strict
#endif
int luaopen_floor(lua_State *L);

int luaopen_floor(lua_State *L) {
#if defined(BENCH_STRICT)
  add_collected(L, CALLBACK, callback_free);
#else
  luaL_newmetatable(L, CALLBACK); /* it lives until it is freed */
  lua_pop(L, 1);
#endif
  add_collected(L, OWNED, owned_gc);
  luaL_newlib(L, functions);
  floor_open_data(L);
  return 1;
}
