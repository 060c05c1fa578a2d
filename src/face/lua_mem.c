/*
** lua_mem.c: puts `ffi.mem` together. Called at open and for each instance.
*/

#include "face/lua_mem.h"

#include <string.h>

#include "face/lua_allocator.h"
#include "face/lua_core.h"
#include "face/lua_hooks.h"
#include "face/lua_malloc.h"
#include "face/lua_scope.h"
#include "face/lua_stats.h"
#include "face/lua_typed.h"
#include "value/aside.h"
#include "value/toc.h"

static const char *const domain_numbers[MP_DOMAIN_COUNT] = {"RAW", "MEM", "OBJ"};

MpDomain *mp_lua_mem_domain(lua_State *L, const MpState *E, int idx) {
  lua_Integer id = mp_toc_index(L, E, idx, "domain");
  if (id < 0 || id >= MP_DOMAIN_COUNT) mp_state_error(L, MP_MSG_NO_DOMAIN, (long long)id);
  return mp_domain_of(E->domains, (MpDomainId)id);
}

/* MpAlloc's contract. What is outgrown goes with the rest. */
static void *stack_resize(void *ud, void *ptr, size_t osize, size_t nsize) {
  lua_State *L = (lua_State *)ud;
  void *fresh;
  if (nsize <= osize) return nsize == 0 ? NULL : ptr;
  luaL_checkstack(L, 1, NULL);
  fresh = lua_newuserdatauv(L, nsize, 0);
  return ptr != NULL ? memcpy(fresh, ptr, osize) : fresh;
}

MpAlloc mp_lua_mem_stack(lua_State *L) {
  MpAlloc alloc;
  alloc.resize = stack_resize;
  alloc.ud = L;
  return alloc;
}

void mp_lua_mem_pushbuf(lua_State *L, MpBuf *text) {
  if (text->failed) mp_state_error(L, MP_MSG_NOMEM);
  lua_pushlstring(L, text->len > 0 ? text->data : "", text->len);
}

/* Sets in the table at `to` what the one at `from` has. */
static void copy_fields(lua_State *L, int from, int to) {
  from = lua_absindex(L, from);
  to = lua_absindex(L, to);
  lua_pushnil(L);
  while (lua_next(L, from)) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, to);
  }
}

/* Adds functions to the table on the top, with the engine as their own. */
static void add_functions(lua_State *L, MpState *E, const luaL_Reg *functions) {
  for (; functions->name != NULL; functions++) {
    mp_state_pushspace(L, E, &E->root);
    mp_state_pushclosure(L, functions->func, 1);
    lua_setfield(L, -2, functions->name);
  }
}

void mp_lua_mem_open(lua_State *L, MpState *E) {
  int i;
  mp_lua_scope_open(L);
  mp_state_pushuv(L, MP_STATE_KNOWN);
  for (i = 0; i < MP_DOMAIN_COUNT; i++) {
    lua_pushinteger(L, i);
    lua_setfield(L, -2, domain_numbers[i]);
    mp_lua_malloc_push(L, E, (MpDomainId)i);
    if (i == MP_DOMAIN_MEM) copy_fields(L, -1, -2);
    lua_setfield(L, -2, mp_domain_name((MpDomainId)i));
  }
  add_functions(L, E, mp_lua_stats_functions);
  add_functions(L, E, mp_lua_allocator_functions);
  add_functions(L, E, mp_lua_hooks_functions);
  add_functions(L, E, mp_lua_typed_functions);
  add_functions(L, E, mp_lua_scope_functions);
  lua_pushinteger(L, MP_LUA_TYPED_IMMORTAL);
  lua_setfield(L, -2, "IMMORTAL_REFCNT");
  lua_pushinteger(L, -1);
  lua_setfield(L, -2, "INVALID_SIZE");
  lua_pop(L, 1);
  E->domains->collect = mp_aside_collect;
  E->domains->collect_ud = E;
}

void mp_lua_mem_addfields(lua_State *L, MpState *E) {
  (void)E;
  lua_createtable(L, 0, 48);
  mp_state_pushuv(L, MP_STATE_KNOWN);
  copy_fields(L, -1, -2);
  lua_pop(L, 1);
  lua_pushvalue(L, -2); /* the instance: types are its own */
  mp_state_pushclosure(L, mp_lua_typed_alloc, 1);
  lua_setfield(L, -2, "generic_alloc");
  lua_setfield(L, -3, "mem");
}
