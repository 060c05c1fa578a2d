/*
** embed_state.c: moonpool.h's states. A set of domains is the heap of a whole
** state: Lua's objects and moonpool's memory are in it, and go with it.
**
** Closing has to run what scripts are promised (pending variables, finalizers,
** the engine's end), but needn't free block after block what goes as a whole.
** Lua calls the finalizer that was set first last, then frees the objects one
** by one: a mark, set before anything else, leaves lua_close at that point by a
** longjmp. Nothing uses the state after it.
*/

#include "moonpool.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call/lock.h"
#include "face/embed_state.h"
#include "face/lua_hooks.h"
#include "value/state.h"

/* {===== warnings and panic, as luaL_newstate has them ===== */

static void warn_off(void *ud, const char *text, int more);
static void warn_on(void *ud, const char *text, int more);
static void warn_rest(void *ud, const char *text, int more);

/* A message of one piece with @ in front is for us; is it one that we know? */
static bool warn_control(lua_State *L, const char *text, int more) {
  if (more || text[0] != '@') return false;
  if (strcmp(text, "@on") == 0) lua_setwarnf(L, warn_on, L);
  if (strcmp(text, "@off") == 0) lua_setwarnf(L, warn_off, L);
  return true;
}

static void warn_off(void *ud, const char *text, int more) {
  warn_control((lua_State *)ud, text, more);
}

/* A message's first piece. */
static void warn_on(void *ud, const char *text, int more) {
  if (warn_control((lua_State *)ud, text, more)) return;
  fputs("Lua warning: ", stderr);
  warn_rest(ud, text, more);
}

/* The others. */
static void warn_rest(void *ud, const char *text, int more) {
  fputs(text, stderr);
  if (!more) {
    fputs("\n", stderr);
    fflush(stderr);
  }
  lua_setwarnf((lua_State *)ud, more ? warn_rest : warn_on, ud);
}

static int state_panic(lua_State *L) {
  const char *text = lua_tostring(L, -1);
  fprintf(stderr, "PANIC: unprotected error in call to Lua API (%s)\n",
          text != NULL ? text : "error object is not a string");
  fflush(stderr);
  return 0; /* Lua aborts */
}

/* }===== */

/* {===== the mark ===== */

typedef struct Mark {
  jmp_buf *leave; /* where moonpool_close goes on; NULL: Lua shall free its objects */
} Mark;

/* The address is the mark's key in the registry. */
static const char mark_key = 0;

static int mark_gc(lua_State *L) {
  const Mark *m = (const Mark *)lua_touserdata(L, 1);
  if (m->leave != NULL) longjmp(*m->leave, 1);
  return 0;
}

static void mark_set(lua_State *L) {
  Mark *m = (Mark *)lua_newuserdatauv(L, sizeof *m, 0);
  m->leave = NULL;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, mark_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &mark_key);
}

static Mark *mark_find(lua_State *L) {
  Mark *m;
  if (!lua_checkstack(L, 1)) return NULL;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &mark_key);
  m = (Mark *)lua_touserdata(L, -1);
  lua_pop(L, 1);
  return m;
}

/* }===== */

/* {===== making ===== */

/* What is asked for, with the fields that the host doesn't know of at 0; false: nonsense. */
static bool config_read(moonpool_Config *c, const moonpool_Config *given) {
  size_t size = given != NULL ? given->size : sizeof *c;
  memset(c, 0, sizeof *c);
  if (size < offsetof(moonpool_Config, allocator) + sizeof(void *) || size > sizeof *c)
    return false;
  if (given != NULL) memcpy(c, given, size);
  return true;
}

/* Runs protected: light config. Moonpool first, so that hooks see the libraries' objects too. */
static int state_fill(lua_State *L) {
  const moonpool_Config *c = (const moonpool_Config *)lua_touserdata(L, 1);
  mark_set(L);
  if (c->allocator != NULL) {
    lua_pushstring(L, c->allocator);
    lua_setfield(L, LUA_REGISTRYINDEX, MP_LUA_HOOKS_MODE);
  }
  luaL_requiref(L, "moonpool", luaopen_moonpool, 0);
  mp_domain_setlimit(mp_state_find(L)->domains, c->max_bytes);
  if (!c->bare) luaL_openlibs(L);
  if (c->lock) mp_lock_turn(L, mp_state_find(L), true);
  return 0;
}

/* Opens what the config says; a state that can't be filled is closed: NULL. */
static lua_State *state_open(lua_State *L, const moonpool_Config *c) {
  if (L == NULL) return NULL;
  lua_atpanic(L, state_panic);
  lua_setwarnf(L, warn_off, L);
  lua_pushcfunction(L, state_fill);
  lua_pushlightuserdata(L, (void *)c);
  if (lua_pcall(L, 1, 0, 0) == LUA_OK) return L;
  lua_close(L);
  return NULL;
}

lua_State *moonpool_newstate(const moonpool_Config *config) {
  moonpool_Config c;
  MpDomains *set;
  lua_State *L;
  if (!config_read(&c, config)) return NULL;
  if (c.alloc != NULL) return state_open(lua_newstate(c.alloc, c.alloc_ud), &c);
  set = mp_domain_newset();
  if (set == NULL) return NULL;
  mp_domain_setlimit(set, c.max_bytes);
  L = state_open(lua_newstate(mp_domain_luaalloc, set), &c);
  if (L == NULL) mp_domain_freeset(set);
  return L;
}

/* Does anything look at each block that Lua frees? */
static bool heap_is_watched(MpDomains *set) {
  return mp_domain_of(set, MP_DOMAIN_OBJ)->layered || set->vm.hooked > 0;
}

/* lua_close, left before Lua frees its objects. */
static void state_leave(lua_State *L, Mark *m) {
  jmp_buf here;
  if (setjmp(here) != 0) return;
  m->leave = &here;
  lua_close(L);
}

void moonpool_close(lua_State *L) {
  void *set;
  Mark *m;
  if (L == NULL) return;
  if (moonpool_lock(L) == 0) mp_lock_close(mp_state_find(L)); /* before anything ends */
  m = mark_find(L);
  if (lua_getallocf(L, &set) != mp_domain_luaalloc) {
    lua_close(L);
    return;
  }
  if (m == NULL || heap_is_watched((MpDomains *)set))
    lua_close(L);
  else
    state_leave(L, m);
  mp_domain_freeset((MpDomains *)set);
}

/* }===== */

/* {===== heaps of hosts ===== */

moonpool_Heap *moonpool_heap_new(void) { return (moonpool_Heap *)mp_domain_newset(); }

void moonpool_heap_free(moonpool_Heap *heap) { mp_domain_freeset((MpDomains *)heap); }

void *moonpool_lua_alloc(void *heap, void *ptr, size_t osize, size_t nsize) {
  return mp_domain_luaalloc(heap, ptr, osize, nsize);
}

void mp_embed_state_settle(lua_State *L) {
  void *ud;
  if (lua_getallocf(L, &ud) == moonpool_lua_alloc) lua_setallocf(L, mp_domain_luaalloc, ud);
}

/* }===== */
