/*
** lua_tests.c: base/ as Lua objects, one a structure, so that
** specs can drive them against a model. Each object is a userdata that holds
** the structure and the allocator it takes its memory from: one that counts,
** and that fails after a budget of allocations. `o:fini()` frees the structure
** and returns the blocks and bytes that are left: none, unless it leaks.
** Addresses go to Lua as integers. Linked into test builds alone, with the
** floors below Lua; it knows nothing of the engine.
*/

#include "face/lua_tests.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "base/name.h"
#include "base/num.h"
#include "base/set.h"
#include "face/lua_tests_domain.h"
#include "face/lua_tests_heap.h"
#include "face/lua_tests_raw.h"

#define TESTS_MARKS 16

/* A counting allocator. `budget`: how many more allocations succeed; below 0: all. */
typedef struct Counter {
  MpAlloc alloc;
  size_t blocks, bytes;
  lua_Integer budget;
} Counter;

typedef struct Object {
  Counter counter;
  union {
    MpMap map;
    MpSet set;
    MpBuf buf;
    MpArena arena;
    MpNames names;
  } u;
  MpArenaMark marks[TESTS_MARKS]; /* of an arena, a stack */
  int nmarks;
} Object;

/* MpAlloc's contract (base/alloc.h), kept to the letter: osize must be true. */
static void *counter_resize(void *ud, void *ptr, size_t osize, size_t nsize) {
  Counter *c = (Counter *)ud;
  void *fresh;
  if (nsize == 0) {
    if (ptr != NULL) c->blocks--, c->bytes -= osize;
    free(ptr);
    return NULL;
  }
  if (c->budget == 0) return NULL;
  fresh = realloc(ptr, nsize);
  if (fresh == NULL) return NULL;
  if (c->budget > 0) c->budget--;
  if (ptr == NULL) c->blocks++;
  c->bytes += nsize - (ptr != NULL ? osize : 0);
  return fresh;
}

/* Pushes a new object of the metatable `kind`; argument 1 is its budget. */
static Object *tests_push(lua_State *L, const char *kind) {
  lua_Integer budget = luaL_optinteger(L, 1, -1);
  Object *o = (Object *)lua_newuserdatauv(L, sizeof *o, 0);
  memset(o, 0, sizeof *o);
  o->counter.alloc.resize = counter_resize;
  o->counter.alloc.ud = &o->counter;
  o->counter.budget = budget;
  luaL_setmetatable(L, kind);
  return o;
}

/* `o:fini()`'s results, for each kind. */
static int tests_left(lua_State *L, const Object *o) {
  lua_pushinteger(L, (lua_Integer)o->counter.blocks);
  lua_pushinteger(L, (lua_Integer)o->counter.bytes);
  return 2;
}

static void tests_pushaddress(lua_State *L, const void *p) {
  if (p == NULL)
    lua_pushnil(L);
  else
    lua_pushinteger(L, (lua_Integer)(intptr_t)p);
}

static void *tests_checkaddress(lua_State *L, int arg) {
  return (void *)(intptr_t)luaL_checkinteger(L, arg);
}

/* A key or value of a map, or an item of a set: an integer above 0, as the pointer of that value. */
static void *tests_checkkey(lua_State *L, int arg) {
  lua_Integer n = luaL_checkinteger(L, arg);
  luaL_argcheck(L, n > 0, arg, "must be above 0");
  return (void *)(intptr_t)n;
}

/* --- map: m:set(key, value [, hash]), m:get(key [, hash]), m:remove(key [, hash]) --- */

#define MAP "moonpool.tests.map"

static Object *map_check(lua_State *L) { return (Object *)luaL_checkudata(L, 1, MAP); }

static int map_new(lua_State *L) {
  Object *o = tests_push(L, MAP);
  mp_map_init(&o->u.map, &o->counter.alloc);
  return 1;
}

static int map_set(lua_State *L) {
  Object *o = map_check(L);
  void *key = tests_checkkey(L, 2), *value = tests_checkkey(L, 3);
  bool done;
  if (lua_isnoneornil(L, 4))
    done = mp_map_set(&o->u.map, key, value);
  else
    done = mp_map_add(&o->u.map, (uint32_t)luaL_checkinteger(L, 4), key, value);
  lua_pushboolean(L, done);
  return 1;
}

static int map_reserve(lua_State *L) {
  Object *o = map_check(L);
  lua_pushboolean(L, mp_map_reserve(&o->u.map, (uint32_t)luaL_checkinteger(L, 2)));
  return 1;
}

static bool map_same(const void *stored, const void *sought) { return stored == sought; }

static int map_get(lua_State *L) {
  Object *o = map_check(L);
  void *key = tests_checkkey(L, 2);
  if (lua_isnoneornil(L, 3))
    tests_pushaddress(L, mp_map_get(&o->u.map, key));
  else
    tests_pushaddress(L, mp_map_find(&o->u.map, (uint32_t)luaL_checkinteger(L, 3), key, map_same));
  return 1;
}

static int map_remove(lua_State *L) {
  Object *o = map_check(L);
  void *key = tests_checkkey(L, 2);
  if (lua_isnoneornil(L, 3))
    mp_map_remove(&o->u.map, key);
  else
    mp_map_drop(&o->u.map, (uint32_t)luaL_checkinteger(L, 3), key);
  return 0;
}

/* m:all() → a table of its keys and values, and its count. */
static int map_all(lua_State *L) {
  Object *o = map_check(L);
  const void *key;
  void *value;
  uint32_t at = 0;
  lua_newtable(L);
  while (mp_map_next(&o->u.map, &at, &key, &value)) {
    lua_pushinteger(L, (lua_Integer)(intptr_t)value);
    lua_rawseti(L, -2, (lua_Integer)(intptr_t)key);
  }
  lua_pushinteger(L, o->u.map.count);
  return 2;
}

static int map_fini(lua_State *L) {
  Object *o = map_check(L);
  mp_map_fini(&o->u.map);
  return tests_left(L, o);
}

/* tests.hash(seed or nil, text) */
static int map_hash(lua_State *L) {
  size_t n;
  uint32_t seed = (uint32_t)luaL_optinteger(L, 1, MP_MAP_SEED);
  const char *s = luaL_checklstring(L, 2, &n);
  lua_pushinteger(L, mp_map_hash(seed, s, n));
  return 1;
}

/* --- set: s:add(item, hash), s:reserve(n), s:has(item, hash), s:remove(item, hash), s:replace(old, item, hash) --- */

#define SET "moonpool.tests.records"

static Object *set_check(lua_State *L) { return (Object *)luaL_checkudata(L, 1, SET); }

static int set_new(lua_State *L) {
  Object *o = tests_push(L, SET);
  mp_set_init(&o->u.set, &o->counter.alloc);
  return 1;
}

static int set_add(lua_State *L) {
  Object *o = set_check(L);
  lua_pushboolean(L,
                  mp_set_add(&o->u.set, (uint32_t)luaL_checkinteger(L, 3), tests_checkkey(L, 2)));
  return 1;
}

static int set_reserve(lua_State *L) {
  mp_set_reserve(&set_check(L)->u.set, (size_t)luaL_checkinteger(L, 2));
  return 0;
}

static int set_has(lua_State *L) {
  const MpSet *s = &set_check(L)->u.set;
  const void *item = tests_checkkey(L, 2), *found;
  uint32_t hash = (uint32_t)luaL_checkinteger(L, 3), at;
  for (found = mp_set_first(s, hash, &at); found != NULL; found = mp_set_next(s, hash, &at))
    if (found == item) break;
  lua_pushboolean(L, found != NULL);
  return 1;
}

static int set_remove(lua_State *L) {
  mp_set_remove(&set_check(L)->u.set, (uint32_t)luaL_checkinteger(L, 3), tests_checkkey(L, 2));
  return 0;
}

static int set_replace(lua_State *L) {
  Object *o = set_check(L);
  mp_set_replace(&o->u.set, (uint32_t)luaL_checkinteger(L, 4), tests_checkkey(L, 2),
                 tests_checkkey(L, 3));
  return 0;
}

static int set_count(lua_State *L) {
  lua_pushinteger(L, set_check(L)->u.set.count);
  return 1;
}

static int set_fini(lua_State *L) {
  Object *o = set_check(L);
  mp_set_fini(&o->u.set);
  return tests_left(L, o);
}

/* --- buf --- */

#define BUF "moonpool.tests.buf"

static Object *buf_check(lua_State *L) { return (Object *)luaL_checkudata(L, 1, BUF); }

static int buf_new(lua_State *L) {
  Object *o = tests_push(L, BUF);
  mp_buf_init(&o->u.buf, &o->counter.alloc);
  return 1;
}

static int buf_add(lua_State *L) {
  Object *o = buf_check(L);
  size_t n;
  const char *s = luaL_checklstring(L, 2, &n);
  mp_buf_add(&o->u.buf, s, n);
  return 0;
}

static int buf_addchar(lua_State *L) {
  Object *o = buf_check(L);
  mp_buf_addchar(&o->u.buf, *luaL_checkstring(L, 2));
  return 0;
}

static int buf_addstr(lua_State *L) {
  Object *o = buf_check(L);
  mp_buf_addstr(&o->u.buf, luaL_checkstring(L, 2));
  return 0;
}

/* b:addf(s, n): by the format "%s=%d" */
static int buf_addf(lua_State *L) {
  Object *o = buf_check(L);
  mp_buf_addf(&o->u.buf, "%s=%d", luaL_checkstring(L, 2), (int)luaL_checkinteger(L, 3));
  return 0;
}

static int buf_insert(lua_State *L) {
  Object *o = buf_check(L);
  lua_Integer at = luaL_checkinteger(L, 2);
  luaL_argcheck(L, at >= 0 && (size_t)at <= o->u.buf.len, 2, "outside the buffer");
  mp_buf_insert(&o->u.buf, (size_t)at, luaL_checkstring(L, 3));
  return 0;
}

/* b:text() → its bytes, or nil after a failed append; the NUL behind them is checked. */
static int buf_text(lua_State *L) {
  Object *o = buf_check(L);
  const char *s = mp_buf_cstr(&o->u.buf);
  if (s == NULL) {
    lua_pushnil(L);
    return 1;
  }
  if (s[o->u.buf.len] != '\0') return luaL_error(L, "no NUL behind the bytes");
  lua_pushlstring(L, s, o->u.buf.len);
  return 1;
}

static int buf_failed(lua_State *L) {
  lua_pushboolean(L, buf_check(L)->u.buf.failed);
  return 1;
}

static int buf_fini(lua_State *L) {
  Object *o = buf_check(L);
  mp_buf_fini(&o->u.buf);
  return tests_left(L, o);
}

/* --- arena --- */

#define ARENA "moonpool.tests.arena"

static Object *arena_check(lua_State *L) { return (Object *)luaL_checkudata(L, 1, ARENA); }

static int arena_new(lua_State *L) {
  Object *o = tests_push(L, ARENA);
  mp_arena_init(&o->u.arena, &o->counter.alloc);
  return 1;
}

/* a:new(size, byte) → address (or nil) and whether it was zeroed; filled with `byte` then. */
static int arena_take(lua_State *L) {
  Object *o = arena_check(L);
  size_t size = (size_t)luaL_checkinteger(L, 2), i = 0;
  int byte = (int)luaL_optinteger(L, 3, 0xAA);
  char *p = (char *)mp_arena_new(&o->u.arena, size);
  tests_pushaddress(L, p);
  if (p == NULL) return 1;
  while (i < size && p[i] == 0) i++;
  lua_pushboolean(L, i == size);
  memset(p, byte, size);
  return 2;
}

/* a:take(size, byte) → address (or nil); filled with `byte` then. */
static int arena_takeraw(lua_State *L) {
  Object *o = arena_check(L);
  size_t size = (size_t)luaL_checkinteger(L, 2);
  char *p = (char *)mp_arena_take(&o->u.arena, size);
  tests_pushaddress(L, p);
  if (p != NULL) memset(p, (int)luaL_optinteger(L, 3, 0xAA), size);
  return 1;
}

static int arena_copy(lua_State *L) {
  Object *o = arena_check(L);
  size_t n;
  const char *s = luaL_checklstring(L, 2, &n);
  tests_pushaddress(L, mp_arena_copy(&o->u.arena, s, n));
  return 1;
}

static int arena_mark(lua_State *L) {
  Object *o = arena_check(L);
  if (o->nmarks == TESTS_MARKS) return luaL_error(L, "too many marks");
  o->marks[o->nmarks++] = mp_arena_mark(&o->u.arena);
  return 0;
}

static int arena_release(lua_State *L) {
  Object *o = arena_check(L);
  if (o->nmarks == 0) return luaL_error(L, "no mark");
  mp_arena_release(&o->u.arena, o->marks[--o->nmarks]);
  return 0;
}

static int arena_fini(lua_State *L) {
  Object *o = arena_check(L);
  mp_arena_fini(&o->u.arena);
  o->nmarks = 0;
  return tests_left(L, o);
}

/* tests.peek(address, n) → the bytes there */
static int arena_peek(lua_State *L) {
  const char *p = (const char *)tests_checkaddress(L, 1);
  lua_pushlstring(L, p, (size_t)luaL_checkinteger(L, 2));
  return 1;
}

/* --- names --- */

#define NAMES "moonpool.tests.names"

static Object *names_check(lua_State *L) { return (Object *)luaL_checkudata(L, 1, NAMES); }

static int names_new(lua_State *L) {
  Object *o = tests_push(L, NAMES);
  mp_name_init(&o->u.names, &o->counter.alloc);
  return 1;
}

/* Pushes a name's address and its text as stored, or nil. */
static int names_push(lua_State *L, const MpName *name) {
  tests_pushaddress(L, name);
  if (name == NULL) return 1;
  if (name->text[name->len] != '\0') return luaL_error(L, "no NUL behind the name");
  lua_pushlstring(L, name->text, name->len);
  return 2;
}

static int names_intern(lua_State *L) {
  Object *o = names_check(L);
  size_t n;
  const char *s = luaL_checklstring(L, 2, &n);
  return names_push(L, mp_name_intern(&o->u.names, s, n));
}

static int names_find(lua_State *L) {
  Object *o = names_check(L);
  size_t n;
  const char *s = luaL_checklstring(L, 2, &n);
  return names_push(L, mp_name_find(&o->u.names, s, n));
}

static int names_fini(lua_State *L) {
  Object *o = names_check(L);
  mp_name_fini(&o->u.names);
  return tests_left(L, o);
}

/* --- alloc: tests.system(address or nil, old size, new size) → address or nil --- */

static int alloc_system(lua_State *L) {
  void *p = lua_isnoneornil(L, 1) ? NULL : tests_checkaddress(L, 1);
  size_t osize = (size_t)luaL_checkinteger(L, 2), nsize = (size_t)luaL_checkinteger(L, 3);
  tests_pushaddress(L, mp_alloc_resize(&mp_alloc_system, p, osize, nsize));
  return 1;
}

/* --- num and err: plain functions --- */

/* Pushes a size, or nil for a false status. */
static int num_push(lua_State *L, bool fits, size_t n) {
  if (fits)
    lua_pushinteger(L, (lua_Integer)n);
  else
    lua_pushnil(L);
  return 1;
}

static int num_mul(lua_State *L) {
  size_t n = 0;
  bool fits = mp_num_mul((size_t)luaL_checkinteger(L, 1), (size_t)luaL_checkinteger(L, 2), &n);
  return num_push(L, fits, n);
}

static int num_add(lua_State *L) {
  size_t n = 0;
  bool fits = mp_num_add((size_t)luaL_checkinteger(L, 1), (size_t)luaL_checkinteger(L, 2), &n);
  return num_push(L, fits, n);
}

static int num_align(lua_State *L) {
  return num_push(L, true,
                  mp_num_align((size_t)luaL_checkinteger(L, 1), (size_t)luaL_checkinteger(L, 2)));
}

static int num_ispow2(lua_State *L) {
  lua_pushboolean(L, mp_num_ispow2((uint64_t)luaL_checkinteger(L, 1)));
  return 1;
}

/* tests.err_set(text) → has it failed, and the text that is kept */
static int err_set(lua_State *L) {
  MpErr e;
  lua_pushboolean(L, mp_err_set(&e, "%s", luaL_checkstring(L, 1)) == MP_FAIL);
  lua_pushstring(L, e.text);
  return 2;
}

static int err_memory(lua_State *L) {
  MpErr e;
  lua_pushboolean(L, mp_err_memory(&e) == MP_FAIL);
  lua_pushstring(L, e.text);
  return 2;
}

/* --- the module --- */

static const luaL_Reg map_methods[] = {
    {"set", map_set},         {"get", map_get},   {"remove", map_remove}, {"all", map_all},
    {"reserve", map_reserve}, {"fini", map_fini}, {"__gc", map_fini},     {NULL, NULL}};
static const luaL_Reg set_methods[] = {
    {"add", set_add},       {"reserve", set_reserve}, {"has", set_has},
    {"remove", set_remove}, {"replace", set_replace}, {"count", set_count},
    {"fini", set_fini},     {"__gc", set_fini},       {NULL, NULL}};
static const luaL_Reg buf_methods[] = {{"add", buf_add},       {"addchar", buf_addchar},
                                       {"addstr", buf_addstr}, {"addf", buf_addf},
                                       {"insert", buf_insert}, {"text", buf_text},
                                       {"failed", buf_failed}, {"fini", buf_fini},
                                       {"__gc", buf_fini},     {NULL, NULL}};
static const luaL_Reg arena_methods[] = {
    {"new", arena_take},        {"take", arena_takeraw}, {"copy", arena_copy}, {"mark", arena_mark},
    {"release", arena_release}, {"fini", arena_fini},    {"__gc", arena_fini}, {NULL, NULL}};
static const luaL_Reg names_methods[] = {{"intern", names_intern},
                                         {"find", names_find},
                                         {"fini", names_fini},
                                         {"__gc", names_fini},
                                         {NULL, NULL}};
static const luaL_Reg tests_functions[] = {
    {"map", map_new},           {"records", set_new},     {"buf", buf_new},
    {"arena", arena_new},       {"names", names_new},     {"hash", map_hash},
    {"peek", arena_peek},       {"mul", num_mul},         {"add", num_add},
    {"align", num_align},       {"ispow2", num_ispow2},   {"err_set", err_set},
    {"err_memory", err_memory}, {"system", alloc_system}, {NULL, NULL}};

static void tests_metatable(lua_State *L, const char *kind, const luaL_Reg *methods) {
  luaL_newmetatable(L, kind);
  luaL_setfuncs(L, methods, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

int luaopen_moonpool_tests(lua_State *L) {
  tests_metatable(L, MAP, map_methods);
  tests_metatable(L, SET, set_methods);
  tests_metatable(L, BUF, buf_methods);
  tests_metatable(L, ARENA, arena_methods);
  tests_metatable(L, NAMES, names_methods);
  luaL_newlib(L, tests_functions);
  mp_lua_tests_domain_open(L);
  mp_lua_tests_heap_open(L);
  mp_lua_tests_raw_open(L);
  lua_pushinteger(L, MP_ERR_TEXT);
  lua_setfield(L, -2, "ERR_TEXT");
  return 1;
}
