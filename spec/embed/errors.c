/* errors.c: what raises, with which text, and that the stack is balanced. */

#include "host.h"

struct point {
  int x, y;
};

#define POINT_CDEF "struct point { int x, y; }; struct opaque;"

/* {===== argument errors ===== */

/* move(p, dx, dy) */
static int host_move(lua_State *L) {
  struct point *p;
  int dx = 0, dy = 0;
  PUSHES(L, 0, p = (struct point *)moonpool_check(L, 1, "struct point *"));
  PUSHES(L, 0, moonpool_store(L, 2, "int", &dx));
  PUSHES(L, 0, moonpool_store(L, 3, "int", &dy));
  p->x += dx;
  p->y += dy;
  return 0;
}

static int host_length(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)strlen((const char *)moonpool_check(L, 1, "const char *")));
  return 1;
}

static int host_scribble(lua_State *L) {
  *(char *)moonpool_check(L, 1, "char *") = 'x';
  return 0;
}

static int host_write(lua_State *L) {
  *(int *)moonpool_check(L, 1, "void *") = 5;
  return 0;
}

static void open_host(lua_State *L) {
  moonpool_cdef(L, POINT_CDEF);
  setfunction(L, "move", host_move);
  setfunction(L, "length", host_length);
  setfunction(L, "scribble", host_scribble);
  setfunction(L, "write", host_write);
}

static void test_right_arguments(lua_State *L) {
  open_host(L);
  RUN(L, 0,
      "local p = ffi.new('struct point *', {1, 2}) move(p, 10, 20) assert(p.x == 11 and p.y == "
      "22)\n"
      "move(p[0], 1, 1) assert(p.x == 12)\n"
      "local a = ffi.new('struct point[2]') move(a, 1, 1) move(a + 1, 2, 2) move(a[1], 1, 0)\n"
      "assert(a[0].x == 1 and a[1].x == 3)\n"
      "move(ffi.cast('void *', p), 0, 0)\n"
      "assert(length 'four' == 4 and length(ffi.new('char[]', 'abc')) == 3)\n"
      "local b = ffi.new('char[]', 'abc') scribble(b) assert(ffi.string(b) == 'xbc')\n"
      "local i = ffi.new 'int[1]' write(i) assert(i[0] == 5)\n"
      "local u = ffi.new('uint8_t[4]') scribble(u) assert(u[0] == 120)");
}

static void test_wrong_arguments(lua_State *L) {
  open_host(L);
  RUN(L, 0, "p = ffi.new 'struct point *'");
  RAISES(L, "\nmove(nil, 1, 2)",
         ":2: bad argument #1 to 'move' (struct point * expected, got nil)");
  RAISES(L, "move()", "bad argument #1 to 'move' (struct point * expected, got no value)");
  RAISES(L, "move({}, 1, 2)", "bad argument #1 to 'move' (struct point * expected, got table)");
  RAISES(L, "move(5, 1, 2)", "bad argument #1 to 'move' (struct point * expected, got number)");
  RAISES(L, "move(ffi.new 'int[1]', 1, 2)",
         "bad argument #1 to 'move' (struct point * expected, got cdata 'int[1]')");
  RAISES(L, "move(ffi.cast('uint64_t', -1), 1, 2)",
         "bad argument #1 to 'move' (struct point * expected, got cdata 'unsigned long')");
  RAISES(L, "move(io.stdout, 1, 2)",
         "bad argument #1 to 'move' (struct point * expected, got userdata)");
  RAISES(L, "move(print, 1, 2)",
         "bad argument #1 to 'move' (struct point * expected, got function)");
  RAISES(L, "move(p, 1.5, 2)", "bad argument #2 to 'move' (number 1.5 does not fit 'int')");
  RAISES(L, "move(p, 1, '2')",
         "bad argument #3 to 'move' (initializer for ctype 'int' must be an integer, not string)");
  RAISES(L, "local s = ffi.new 'struct point *' ffi.release(s) move(s, 1, 2)",
         "bad argument #1 to 'move' (cdata was released)");
  RAISES(L, "move(ffi.cast('const struct point *', p), 1, 2)",
         "bad argument #1 to 'move' (struct point * expected, got cdata 'const struct point *', "
         "which is const)");
  RAISES(L, "move(p + 1, 1, 2)",
         "got cdata 'struct point *', which reaches past the end of its block)");
  RAISES(L, "move(ffi.cast('struct point *', ffi.new 'int[1]'), 1, 2)",
         "which reaches past the end of its block");
  RAISES(L, "length(5)", "bad argument #1 to 'length' (const char * expected, got number)");
  RAISES(L, "scribble 'text'", "bad argument #1 to 'scribble' (char * expected, got string)");
  RAISES(L, "scribble(ffi.from_buffer 'text')",
         "bad argument #1 to 'scribble' (char * expected, got cdata 'char[]', which is const)");
  RAISES(L, "local o = {move = move} o:move(1, 2)", "calling 'move' on bad self");
}

static void test_methods_count_from_self(lua_State *L) {
  open_host(L);
  RUN(L, 0,
      "p = ffi.new 'struct point *' ffi.metatype('struct point', {__index = {move = move}}) "
      "p:move(1, 2)");
  RAISES(L, "p:move(1, 'a')", "bad argument #2 to 'move'");
}

static void test_test_gives_null(lua_State *L) {
  struct point *p;
  open_host(L);
  RUN(L, 3, "local p = ffi.new 'struct point *' return p, {}, nil");
  PUSHES(L, 0, p = (struct point *)moonpool_test(L, 1, "struct point *"));
  CHECK(p != NULL);
  PUSHES(L, 0, CHECK(moonpool_test(L, 1, "const struct point *") == p));
  PUSHES(L, 0, CHECK(moonpool_test(L, -3, "struct point") == p));
  PUSHES(L, 0, CHECK(moonpool_test(L, 1, "int *") == NULL));
  PUSHES(L, 0, CHECK(moonpool_test(L, 2, "struct point *") == NULL));
  PUSHES(L, 0, CHECK(moonpool_test(L, 3, "struct point *") == NULL));
  PUSHES(L, 0, CHECK(moonpool_test(L, 9, "struct point *") == NULL));
  lua_pushlightuserdata(L, p);
  PUSHES(L, 0, CHECK(moonpool_test(L, -1, "void *") == p));
  PUSHES(L, 0, CHECK(moonpool_test(L, -1, "struct point *") == NULL));
  lua_pushlightuserdata(L, NULL);
  PUSHES(L, 0, CHECK(moonpool_test(L, -1, "void *") == NULL));
  lua_settop(L, 0);
}

/* }===== */

/* {===== bad text ===== */

static int bad_push(lua_State *L) {
  static int x;
  moonpool_push(L, "struct nowhere **)", &x);
  return 0;
}

static int bad_push_number(lua_State *L) {
  static int x;
  moonpool_push(L, "int", &x);
  return 0;
}

static int bad_new(lua_State *L) {
  moonpool_pushnew(L, "int");
  return 0;
}

static int bad_new_opaque(lua_State *L) {
  moonpool_pushnew(L, "struct opaque *");
  return 0;
}

static int bad_load(lua_State *L) {
  moonpool_load(L, "struct opaque", L);
  return 0;
}

static int bad_load_function(lua_State *L) {
  moonpool_load(L, "int(int)", L);
  return 0;
}

static int bad_store(lua_State *L) {
  char there[64];
  lua_settop(L, 1);
  moonpool_store(L, 1, "int int", there);
  return 0;
}

static int bad_store_void(lua_State *L) {
  char there[64];
  lua_settop(L, 1);
  moonpool_store(L, 1, "void", there);
  return 0;
}

static int bad_check(lua_State *L) {
  lua_settop(L, 1);
  moonpool_check(L, 1, "nonsense *");
  return 0;
}

static int bad_check_number(lua_State *L) {
  lua_settop(L, 1);
  moonpool_check(L, 1, "double");
  return 0;
}

static int bad_function(lua_State *L) {
  moonpool_pushfunction(L, "int *", (void (*)(void))bad_check);
  return 0;
}

static int bad_cdef(lua_State *L) {
  moonpool_cdef(L, "typedef int good;\nstruct s { int x, x; };");
  return 0;
}

static int cdef_twice(lua_State *L) {
  moonpool_cdef(L, "struct point { int z; };");
  return 0;
}

static int good_is_unknown(lua_State *L) {
  moonpool_load(L, "good", L);
  return 0;
}

/* Each function with a text or an address that is NULL. */
static int null_number;
static int null_at(lua_State *L) {
  static int x;
  switch (null_number) {
    case 0: moonpool_cdef(L, NULL); break;
    case 1: moonpool_load(L, "int", NULL); break;
    case 2: moonpool_store(L, 1, "int", NULL); break;
    case 3: moonpool_push(L, NULL, &x); break;
    case 4: moonpool_pushnew(L, NULL); break;
    case 5: moonpool_pushblock(L, NULL, &x, sizeof x, NULL, NULL); break;
    case 6: moonpool_pushfunction(L, NULL, (void (*)(void))null_at); break;
    case 7: moonpool_load(L, NULL, &x); break;
    case 8: moonpool_store(L, 1, NULL, &x); break;
    case 9: moonpool_check(L, 1, NULL); break;
    case 10: moonpool_test(L, 1, NULL); break;
    default: CHECK(0);
  }
  return 0;
}

static void test_null(lua_State *L) {
  open_host(L);
  for (null_number = 0; null_number < 3; null_number++)
    FAILS(L, null_at, "expected an address, not NULL");
  for (; null_number < 11; null_number++) FAILS(L, null_at, "'':1: type expected");
}

static int push_null(lua_State *L) { return moonpool_push(L, "struct nowhere **)", NULL), 1; }

static int push_null_number(lua_State *L) { return moonpool_push(L, "int", NULL), 1; }

static int block_null(lua_State *L) {
  return moonpool_pushblock(L, "nonsense *", NULL, 4, NULL, NULL), 1;
}

static int function_null(lua_State *L) { return moonpool_pushfunction(L, "int *", NULL), 1; }

static void test_null_of_bad_types(lua_State *L) {
  open_host(L);
  FAILS(L, push_null, "'struct nowhere **)'");
  FAILS(L, push_null_number, "expected a pointer, function or aggregate type, got 'int'");
  FAILS(L, block_null, "unknown type 'nonsense'");
  FAILS(L, function_null, "expected a function type or a pointer to one, got 'int *'");
}

static void test_bad_types(lua_State *L) {
  open_host(L);
  FAILS(L, bad_push, "'struct nowhere **)'");
  FAILS(L, bad_push_number, "expected a pointer, function or aggregate type, got 'int'");
  FAILS(L, bad_new, "expected a pointer or array ctype, got 'int'");
  FAILS(L, bad_new_opaque, "cannot instantiate ctype 'struct opaque' of unknown size");
  FAILS(L, bad_load, "ctype 'struct opaque' is of unknown size");
  FAILS(L, bad_load_function, "ctype 'int(int)' is of unknown size");
  FAILS(L, bad_store, "'int int':");
  FAILS(L, bad_store_void, "ctype 'void' is of unknown size");
  FAILS(L, bad_check, "unknown type 'nonsense'");
  FAILS(L, bad_check_number, "expected a pointer, function or aggregate type, got 'double'");
  FAILS(L, bad_function, "expected a function type or a pointer to one, got 'int *'");
}

static void test_bad_declarations(lua_State *L) {
  open_host(L);
  FAILS(L, bad_cdef, "cdef:2:8: duplicate member 'x', near 's'");
  FAILS(L, good_is_unknown, "unknown type 'good'"); /* all or nothing */
  FAILS(L, cdef_twice, "redefinition of 'struct point'");
}

/* }===== */

/* {===== storing ===== */

static int store_function(lua_State *L) {
  static int (*f)(int);
  luaL_loadstring(L, "return function() end");
  lua_call(L, 0, 1);
  moonpool_store(L, -1, "int (*)(int)", &f);
  return 0;
}

static int store_string(lua_State *L) {
  static const char *s;
  lua_pushliteral(L, "text");
  moonpool_store(L, -1, "const char *", &s);
  return 0;
}

static int store_large(lua_State *L) {
  static unsigned char c;
  lua_pushinteger(L, 300);
  moonpool_store(L, -1, "unsigned char", &c);
  return 0;
}

static void test_store_refuses_what_nothing_would_keep(lua_State *L) {
  FAILS(L, store_function, "make 'int(*)(int)' of it with ffi.callback");
  FAILS(L, store_string,
        "initializer for ctype 'const char *' must be a cdata pointer, not string");
  FAILS(L, store_large, "integer 300 does not fit 'unsigned char'");
}

static void test_store_in_the_open(lua_State *L) {
  /* Outside of any function no index is an argument. */
  lua_pushinteger(L, 7);
  int x = 0;
  PUSHES(L, 0, moonpool_store(L, 1, "int", &x));
  CHECK(x == 7);
  lua_pop(L, 1);
}

/* }===== */

/* {===== states without moonpool ===== */

static int refused_freed;
static void count_free(void *ud, void *ptr) {
  (void)ud, (void)ptr;
  refused_freed++;
}

static int unopened_push(lua_State *L) {
  moonpool_push(L, "int *", L);
  return 0;
}

static int unopened_block(lua_State *L) {
  moonpool_pushblock(L, "int *", &refused_freed, 4, count_free, NULL);
  return 0;
}

static int unopened_revoke(lua_State *L) {
  moonpool_revoke(L, L);
  return 0;
}

static void test_states_without_moonpool(lua_State *L) {
  lua_State *bare = luaL_newstate();
  FAILS(bare, unopened_push, "moonpool is not open in this state: call luaopen_moonpool first");
  FAILS(bare, unopened_revoke, "moonpool is not open in this state");
  FAILS(bare, unopened_block, "moonpool is not open in this state");
  CHECK(refused_freed == 1);
  lua_close(bare);
  (void)L;
}

static int closing_push(lua_State *L) {
  static int x;
  lua_pushcfunction(L, unopened_push);
  CHECK(lua_pcall(L, 0, 0, 0) != LUA_OK);
  CHECK(strstr(lua_tostring(L, -1), "moonpool is closed") != NULL);
  x++;
  return 0;
}

static void test_states_that_close(lua_State *L) {
  /* An object older than moonpool is finalized after it. */
  lua_State *other = luaL_newstate();
  lua_newuserdatauv(other, 1, 0);
  lua_createtable(other, 0, 1);
  lua_pushcfunction(other, closing_push);
  lua_setfield(other, -2, "__gc");
  lua_setmetatable(other, -2);
  luaL_requiref(other, "moonpool", luaopen_moonpool, 0);
  lua_close(other);
  (void)L;
}

static void test_coroutines(lua_State *L) {
  static int x = 3;
  lua_State *co = lua_newthread(L);
  PUSHES(co, 1, moonpool_push(co, "int *", &x));
  PUSHES(co, 0, CHECK(moonpool_check(co, 1, "int *") == &x));
  lua_settop(L, 0);
}

static void test_a_full_stack(lua_State *L) {
  static int x = 3;
  int i, top;
  while (lua_checkstack(L, 1) && lua_gettop(L) < 2000) lua_pushinteger(L, 1);
  top = lua_gettop(L);
  for (i = 0; i < 100; i++) {
    CHECK(lua_checkstack(L, 1));
    moonpool_push(L, "int *", &x);
  }
  CHECK(lua_gettop(L) == top + 100);
  for (i = 0; i < 3000; i++) { /* as for a host that leaves that to moonpool */
    moonpool_push(L, "int *", NULL);
    moonpool_pushblock(L, "int *", NULL, sizeof x, NULL, NULL);
    moonpool_pushfunction(L, "int(int)", NULL);
  }
  CHECK(lua_gettop(L) == top + 9100);
  lua_settop(L, top + 100);
  CHECK(moonpool_test(L, -1, "int *") == &x);
  lua_settop(L, 0);
}

/* }===== */

static const HostTest tests[] = {
    {"check and store take what is right", test_right_arguments},
    {"wrong values are argument errors", test_wrong_arguments},
    {"arguments of methods are counted without self", test_methods_count_from_self},
    {"test gives NULL instead of an error", test_test_gives_null},
    {"bad type texts raise", test_bad_types},
    {"bad type texts raise for NULL too", test_null_of_bad_types},
    {"NULL for a text or an address to use raises", test_null},
    {"bad declarations raise, all or nothing", test_bad_declarations},
    {"store refuses what nothing would keep", test_store_refuses_what_nothing_would_keep},
    {"store works outside of functions", test_store_in_the_open},
    {"a state without moonpool raises", test_states_without_moonpool},
    {"a state that closes raises", test_states_that_close},
    {"coroutines are states too", test_coroutines},
    {"the stack grows as needed", test_a_full_stack},
    {NULL, NULL}};

int main(int argc, char **argv) { return host_main(argc, argv, tests); }
