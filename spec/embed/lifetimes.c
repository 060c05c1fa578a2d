/* lifetimes.c: who owns what, and how it ends: blocks, release, revoke, what host memory keeps. */

#include "host.h"

typedef struct item item;
struct item {
  int n;
  item *next;
  const char *name;
  int (*update)(int);
  int a[4];
};

#define ITEM_CDEF                                                                \
  "typedef struct item item; struct item { int n; item *next; const char *name;" \
  " int (*update)(int); int a[4]; };"

/* Counts what is given back. */
static void give_back(void *ud, void *ptr) {
  ++*(int *)ud;
  free(ptr);
}

/* {===== blocks ===== */

static void test_block_bounds(lua_State *L) {
  int freed = 0;
  int *a = (int *)calloc(4, sizeof(int));
  PUSHES(L, 1, moonpool_pushblock(L, "int *", a, 4 * sizeof(int), give_back, &freed));
  lua_setglobal(L, "p");
  RUN(L, 0, "for i = 0, 3 do p[i] = i * i end");
  CHECK(a[3] == 9);
  RAISES(L, "p[4] = 1", "access of 4 bytes at offset 16 is outside its block of 16 bytes");
  RAISES(L, "return p[-1]", "access of 4 bytes at offset -4 is outside its block of 16 bytes");
  RAISES(L, "return (p + 3)[1]", "access of 4 bytes at offset 16 is outside");
  RUN(L, 0, "p = nil");
  collect(L);
  CHECK(freed == 1);
}

static void test_block_of_open_array(lua_State *L) {
  int freed = 0;
  unsigned char *bytes = (unsigned char *)malloc(10);
  moonpool_pushblock(L, "unsigned char[]", bytes, 10, give_back, &freed);
  lua_setglobal(L, "b");
  RUN(L, 0, "assert(#b == 10); b[9] = 255");
  CHECK(bytes[9] == 255);
  RAISES(L, "b[10] = 1", "index too large");
  RUN(L, 0, "ffi.release(b)");
  CHECK(freed == 1);
}

static void test_block_ends_once(lua_State *L) {
  int freed = 0;
  moonpool_pushblock(L, "char[]", malloc(8), 8, give_back, &freed);
  PUSHES(L, 0, moonpool_release(L, -1));
  CHECK(freed == 1);
  PUSHES(L, 0, moonpool_release(L, -1));
  lua_setglobal(L, "b");
  RAISES(L, "return b[0]", "cdata was released");
  RUN(L, 0, "ffi.release(b) b = nil");
  collect(L);
  CHECK(freed == 1);
}

static int freed_late;

static void test_block_ends_with_the_state(lua_State *L) {
  lua_State *other = host_open();
  moonpool_pushblock(other, "char[]", malloc(8), 8, give_back, &freed_late);
  lua_setglobal(other, "b");
  CHECK(freed_late == 0);
  lua_close(other);
  CHECK(freed_late == 1);
  (void)L;
}

static void test_close_and_views(lua_State *L) {
  int freed = 0;
  item *it = (item *)calloc(1, sizeof(item));
  moonpool_cdef(L, ITEM_CDEF);
  moonpool_pushblock(L, "item *", it, sizeof(item), give_back, &freed);
  lua_setglobal(L, "it");
  RUN(L, 0,
      "local a do local held <close> = it; a = held.a; a[3] = 5; view = ffi.addressof(held, 'n') "
      "end\n"
      "local ok, text = pcall(function() return a[3] end)\n"
      "assert(not ok and text:find 'cdata was released')");
  CHECK(freed == 1);
  RAISES(L, "view[0] = 1", "cdata was released");
  RAISES(L, "return it.n", "cdata was released");
}

static int refused_freed;

static int push_refused(lua_State *L) {
  moonpool_pushblock(L, "nowhere *", malloc(8), 8, give_back, &refused_freed);
  return 0;
}

static int push_small(lua_State *L) {
  moonpool_pushblock(L, "int[4]", malloc(8), 8, give_back, &refused_freed);
  return 0;
}

static int push_number(lua_State *L) {
  moonpool_pushblock(L, "int", malloc(8), 8, give_back, &refused_freed);
  return 0;
}

static void test_refused_blocks_go_back(lua_State *L) {
  FAILS(L, push_refused, "unknown type 'nowhere'");
  CHECK(refused_freed == 1);
  FAILS(L, push_small, "a block of 8 bytes is too small for 'int[4]' (16 bytes)");
  CHECK(refused_freed == 2);
  FAILS(L, push_number, "expected a pointer, function or aggregate type, got 'int'");
  CHECK(refused_freed == 3);
}

/* }===== */

/* {===== taking back ===== */

static void test_release_while_scripts_hold_views(lua_State *L) {
  int freed = 0;
  item *it = (item *)calloc(2, sizeof(item));
  moonpool_cdef(L, ITEM_CDEF);
  moonpool_pushblock(L, "item *", it, 2 * sizeof(item), give_back, &freed);
  lua_pushvalue(L, -1);
  lua_setglobal(L, "it");
  RUN(L, 0, "views = {it, it[1], it.a, it + 1, ffi.addressof(it, 'n'), ffi.cast('char *', it)}");
  PUSHES(L, 0, moonpool_release(L, -1));
  lua_pop(L, 1);
  CHECK(freed == 1);
  RUN(L, 0,
      "for i, v in ipairs(views) do\n"
      "  local ok, text = pcall(function() return i == 2 and v.n or v[0] end)\n"
      "  assert(not ok and text:find 'cdata was released', i)\n"
      "end");
}

static void test_revoke_while_scripts_hold_views(lua_State *L) {
  item it[2] = {{0}};
  moonpool_cdef(L, ITEM_CDEF);
  moonpool_push(L, "item *", &it[0]);
  lua_setglobal(L, "p");
  moonpool_push(L, "item", &it[0]);
  lua_setglobal(L, "q");
  moonpool_push(L, "item *", &it[1]);
  lua_setglobal(L, "other");
  RUN(L, 0, "views = {p, q, p.a, p + 1, ffi.addressof(p, 'n'), ffi.cast('char *', p), p[0]}");
  PUSHES(L, 0, moonpool_revoke(L, &it[0]));
  RUN(L, 0,
      "for i, v in ipairs(views) do\n"
      "  local ok, text = pcall(function() if i == 2 or i == 7 then return v.n end return v[0] "
      "end)\n"
      "  assert(not ok and text:find 'cdata was released', i)\n"
      "  ok, text = pcall(function() if i == 2 or i == 7 then v.n = 1 else v[0] = 1 end end)\n"
      "  assert(not ok, i)\n"
      "end\n"
      "other.n = 5");
  CHECK(it[0].n == 0 && it[1].n == 5);
}

static void test_revoked_memory_can_be_pushed_again(lua_State *L) {
  int x = 1;
  moonpool_push(L, "int *", &x);
  lua_setglobal(L, "old");
  moonpool_revoke(L, &x);
  moonpool_push(L, "int *", &x);
  lua_setglobal(L, "new");
  RUN(L, 0, "new[0] = 2");
  RAISES(L, "old[0] = 3", "cdata was released");
  lua_getglobal(L, "old");
  moonpool_release(L, -1); /* ended already: the new one isn't meant */
  lua_pop(L, 1);
  RUN(L, 0, "new[0] = new[0] + 5");
  CHECK(x == 7);
}

static void test_revoke_of_other_addresses(lua_State *L) {
  int x;
  PUSHES(L, 0, moonpool_revoke(L, &x));
  PUSHES(L, 0, moonpool_revoke(L, NULL));
}

static void test_revoke_ends_blocks_without_free(lua_State *L) {
  int a[4] = {0}, freed = 0;
  int *mine = (int *)malloc(sizeof(int));
  moonpool_pushblock(L, "int *", a, sizeof a, NULL, NULL);
  lua_setglobal(L, "a");
  moonpool_pushblock(L, "int *", a, 8, NULL, NULL);
  lua_setglobal(L, "half");
  RAISES(L, "a[4] = 1", "outside its block of 16 bytes");
  RAISES(L, "half[2] = 1", "outside its block of 8 bytes");
  moonpool_pushblock(L, "int *", mine, sizeof(int), give_back, &freed);
  lua_setglobal(L, "owned");
  moonpool_revoke(L, a);
  moonpool_revoke(L, mine); /* that one is Lua's to end */
  RAISES(L, "a[0] = 1", "cdata was released");
  RAISES(L, "half[0] = 1", "cdata was released");
  RUN(L, 0, "owned[0] = 1");
  CHECK(freed == 0 && *mine == 1);
  RUN(L, 0, "owned = nil");
  collect(L);
  CHECK(freed == 1);
}

static void test_release_of_what_was_pushed(lua_State *L) {
  int x = 1;
  moonpool_push(L, "int *", &x);
  lua_pushvalue(L, -1);
  lua_setglobal(L, "p");
  RAISES(L, "ffi.release(p)", "only what owns can be released");
  moonpool_release(L, -1);
  lua_pop(L, 1);
  RAISES(L, "p[0] = 1", "cdata was released");
}

static int release_raw(lua_State *L) {
  luaL_loadstring(L, "return ffi.cast('int *', 16)");
  lua_call(L, 0, 1);
  moonpool_release(L, -1);
  return 0;
}

static int release_number(lua_State *L) {
  lua_pushinteger(L, 1);
  moonpool_release(L, -1);
  return 0;
}

static void test_release_of_other_values(lua_State *L) {
  FAILS(L, release_raw, "cdata 'int *' is a view or a raw pointer: only what owns can be released");
  FAILS(L, release_number, "expected a cdata, not number");
  lua_pushnil(L);
  PUSHES(L, 0, moonpool_release(L, -1));
  lua_pop(L, 1);
}

static lua_State *revoking;
static int *revoked;

static int revoke_inside(int *p) {
  moonpool_revoke(revoking, p);
  return *p; /* C's own: still there */
}

static void test_revoke_inside_a_call(lua_State *L) {
  int x = 5;
  revoking = L;
  revoked = &x;
  moonpool_push(L, "int *", &x);
  lua_setglobal(L, "p");
  moonpool_pushfunction(L, "int(int *)", (void (*)(void))revoke_inside);
  lua_setglobal(L, "f");
  RUN(L, 0, "assert(f(p) == 5)");
  RAISES(L, "return p[0]", "cdata was released");
  RAISES(L, "f(p)", "cdata was released");
}

/* }===== */

/* {===== what host memory keeps ===== */

static void test_host_memory_keeps_what_is_stored(lua_State *L) {
  item it = {0};
  moonpool_cdef(L, ITEM_CDEF);
  moonpool_push(L, "item *", &it);
  lua_setglobal(L, "it");
  RUN(L, 0,
      "it.update = function(n) return n * 2 end\n"
      "it.name = ffi.new('char[]', 'a name'); it.next = ffi.new('item *', {n = 9})\n"
      "it = nil");
  collect(L);
  CHECK(it.update(21) == 42);
  CHECK(strcmp(it.name, "a name") == 0 && it.next->n == 9);
  moonpool_revoke(L, &it);
}

static int finalized;

static void test_revoke_lets_go_of_it(lua_State *L) {
  item it = {0};
  finalized = 0;
  moonpool_cdef(L, ITEM_CDEF);
  moonpool_push(L, "item *", &it);
  lua_setglobal(L, "it");
  moonpool_pushblock(L, "item *", calloc(1, sizeof(item)), sizeof(item), give_back, &finalized);
  lua_setglobal(L, "other");
  RUN(L, 0, "it.next = other; it, other = nil");
  collect(L);
  CHECK(finalized == 0);
  moonpool_revoke(L, &it);
  collect(L);
  CHECK(finalized == 1);
}

static void test_what_keeps_nothing_goes(lua_State *L) {
  static int many[10000];
  int before, i;
  collect(L);
  before = lua_gc(L, LUA_GCCOUNT);
  for (i = 0; i < 10000; i++) {
    moonpool_push(L, "int *", &many[i]);
    lua_pop(L, 1);
  }
  collect(L);
  collect(L);
  CHECK(lua_gc(L, LUA_GCCOUNT) < before + 400); /* the table of addresses has its room still */
}

/* }===== */

static const HostTest tests[] = {
    {"a block has bounds and a destructor", test_block_bounds},
    {"a block of T[] has as many elements as fit", test_block_of_open_array},
    {"a block ends once", test_block_ends_once},
    {"a block ends with its state", test_block_ends_with_the_state},
    {"a block ends at the end of a scope, with its views", test_close_and_views},
    {"blocks that are refused go back at once", test_refused_blocks_go_back},
    {"release ends every view", test_release_while_scripts_hold_views},
    {"revoke ends every view", test_revoke_while_scripts_hold_views},
    {"revoked memory can be pushed again", test_revoked_memory_can_be_pushed_again},
    {"revoke of an address that wasn't pushed does nothing", test_revoke_of_other_addresses},
    {"revoke ends blocks without free, and no others", test_revoke_ends_blocks_without_free},
    {"release ends what was pushed, for the host alone", test_release_of_what_was_pushed},
    {"release refuses what owns nothing", test_release_of_other_values},
    {"revoke inside a call leaves that call its memory", test_revoke_inside_a_call},
    {"host memory keeps what scripts store in it", test_host_memory_keeps_what_is_stored},
    {"revoke lets go of what was stored", test_revoke_lets_go_of_it},
    {"pushing leaves nothing behind", test_what_keeps_nothing_goes},
    {NULL, NULL}};

int main(int argc, char **argv) { return host_main(argc, argv, tests); }
