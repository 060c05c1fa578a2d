/* functions.c: C functions for scripts, and Lua functions that C keeps. */

#include "host.h"

#include <errno.h>

typedef struct {
  double x, y;
} vec;

#define VEC_CDEF "typedef struct { double x, y; } vec;"

static int add(int a, int b) { return a + b; }
static vec twice(vec v) {
  vec r = {v.x * 2, v.y * 2};
  return r;
}
static size_t count(const char *text, char c) {
  size_t n = 0;
  for (; *text; text++) n += *text == c;
  return n;
}
static void fill(int *a, int n) {
  while (n-- > 0) a[n] = n;
}
static int fail(void) {
  errno = 33;
  return -1;
}
static int apply(int (*f)(int), int n) { return f(n); }

#define FN(f) ((void (*)(void))(f))

static void test_functions_of_the_host(lua_State *L) {
  moonpool_cdef(L, VEC_CDEF);
  PUSHES(L, 1, moonpool_pushfunction(L, "int(int, int)", FN(add)));
  lua_setglobal(L, "add");
  PUSHES(L, 1, moonpool_pushfunction(L, "vec (*)(vec)", FN(twice)));
  lua_setglobal(L, "twice");
  PUSHES(L, 1, moonpool_pushfunction(L, "size_t(const char *, char)", FN(count)));
  lua_setglobal(L, "count");
  PUSHES(L, 1, moonpool_pushfunction(L, "void(int *, int)", FN(fill)));
  lua_setglobal(L, "fill");
  PUSHES(L, 1, moonpool_pushfunction(L, "int(void)", FN(fail)));
  lua_setglobal(L, "fail");
  RUN(L, 0,
      "assert(type(add) == 'function' and add(2, 3) == 5)\n"
      "local v = twice{1, 2.5} assert(v.x == 2 and v.y == 5)\n"
      "assert(count('banana', 'a') == 3)\n"
      "local a = ffi.new 'int[4]' fill(a, 4) assert(a[3] == 3)\n"
      "assert(fail() == -1 and ffi.errno() == 33)");
  RAISES(L, "add(1)", "'int(int, int)' expects 2 arguments, got 1");
  RAISES(L, "add(1, 2.5)", "number 2.5 does not fit 'int' (argument 2 of 'int(int, int)')");
  RAISES(L, "count(nil, 'ab')", "initializer for ctype 'char'");
}

static void test_functions_go_where_pointers_do(lua_State *L) {
  moonpool_pushfunction(L, "int(int (*)(int), int)", FN(apply));
  lua_setglobal(L, "apply");
  moonpool_pushfunction(L, "int(int)", FN(abs));
  lua_setglobal(L, "abs");
  RUN(L, 0,
      "assert(apply(abs, -3) == 3)\n"
      "assert(apply(function(n) return n * n end, 5) == 25)\n"
      "assert(ffi.typeof(abs) == ffi.typeof 'int(int)')");
}

/* {===== Lua functions as C function pointers ===== */

typedef double (*updater)(double);

static updater update;
static int update_ref = LUA_NOREF;

/* onupdate(f): from now on C calls that function each frame. */
static int host_onupdate(lua_State *L) {
  updater f = (updater)moonpool_check(L, 1, "double (*)(double)");
  luaL_unref(L, LUA_REGISTRYINDEX, update_ref);
  lua_pushvalue(L, 1);
  update_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  update = f;
  return 0;
}

static double frames(int n) {
  double total = 0;
  while (n-- > 0) total += update(0.5);
  return total;
}

static void test_lua_function_called_each_frame(lua_State *L) {
  setfunction(L, "onupdate", host_onupdate);
  RUN(L, 0,
      "local calls = 0 onupdate(function(dt) calls = calls + 1 total = calls return dt * 2 end)");
  collect(L);
  PUSHES(L, 0, CHECK(frames(1000) == 1000));
  lua_getglobal(L, "total");
  CHECK(lua_tointeger(L, -1) == 1000);
  lua_pop(L, 1);
  RUN(L, 0, "onupdate(function(dt) return -dt end)"); /* another one, while the first was in use */
  collect(L);
  CHECK(frames(4) == -2);
}

static void test_the_same_function_gives_the_same_pointer(lua_State *L) {
  void *a, *b;
  RUN(L, 1, "return function() return 1 end");
  PUSHES(L, 0, a = moonpool_check(L, -1, "int(*)(void)"));
  PUSHES(L, 0, b = moonpool_test(L, -1, "int(*)(void)"));
  CHECK(a != NULL && a == b);
  CHECK(((int (*)(void))a)() == 1);
  lua_pop(L, 1);
}

static void test_callback_objects_are_kept_alike(lua_State *L) {
  setfunction(L, "onupdate", host_onupdate);
  RUN(L, 0,
      "reports = {} ffi.onreport(function(text) reports[#reports + 1] = text end)\n"
      "onupdate(ffi.callback('double(double)', function(dt) error 'bad frame' end, {error = -1}))");
  collect(L);
  CHECK(frames(3) == -3);
  RUN(L, 1, "return #reports == 3 and reports[1]:find 'bad frame' ~= nil");
  CHECK(lua_toboolean(L, -1));
  lua_pop(L, 1);
}

static void test_a_dead_function_is_no_jump_into_nothing(lua_State *L) {
  int (*f)(int);
  RUN(L, 1, "return function(n) return n + 1 end");
  f = (int (*)(int))moonpool_check(L, -1, "int (*)(int)");
  CHECK(f(1) == 2);
  lua_pop(L, 1);
  collect(L);
  RUN(L, 0, "ffi.onreport(function(text) report = text end)");
  CHECK(f(1) == 0); /* C gets zero; a report says so (on stderr: no call is under way) */
}

static void test_library_functions_are_addresses(lua_State *L) {
  moonpool_cdef(L, "int abs(int);");
  RUN(L, 1, "return ffi.C.abs");
  CHECK(((int (*)(int))moonpool_check(L, -1, "int (*)(int)"))(-4) == 4);
  CHECK(moonpool_test(L, -1, "int (*)(const char *)") == NULL);
  lua_pop(L, 1);
}

static void test_inside_out(lua_State *L) {
  /* The host calls Lua, which calls the host, which calls Lua. */
  moonpool_pushfunction(L, "int(int (*)(int), int)", FN(apply));
  lua_setglobal(L, "apply");
  RUN(L, 1,
      "local function f(n) return n == 0 and 1 or n * apply(f, n - 1) end\n"
      "F = function(n) return n == 0 and 1 or n * apply(F, n - 1) end return F");
  CHECK(((int (*)(int))moonpool_check(L, -1, "int (*)(int)"))(5) == 120);
  lua_pop(L, 1);
}

/* }===== */

static const HostTest tests[] = {
    {"functions of the host are called with a C signature", test_functions_of_the_host},
    {"functions of the host go where function pointers do", test_functions_go_where_pointers_do},
    {"a Lua function is called each frame", test_lua_function_called_each_frame},
    {"a function's pointer is the same each time", test_the_same_function_gives_the_same_pointer},
    {"callback objects are kept alike", test_callback_objects_are_kept_alike},
    {"a dead function's pointer returns zero", test_a_dead_function_is_no_jump_into_nothing},
    {"a library's function gives its address", test_library_functions_are_addresses},
    {"host and script nest", test_inside_out},
    {NULL, NULL}};

int main(int argc, char **argv) { return host_main(argc, argv, tests); }
