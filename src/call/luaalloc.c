/*
** luaalloc.c: allocators written in Lua. A domain calls them in the middle of
** anything, so they run aside (value/aside). What they raise or wrongly return
** is a failed allocation.
**
** The record is the process's: RAW's blocks, and calls from other threads,
** outlive the state. The functions are references in Lua's registry.
*/

#include "call/luaalloc.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call/lock.h"
#include "value/aside.h"
#include "value/cdata.h"
#include "value/tolua.h"

const char *const mp_luaalloc_names[] = {"malloc", "calloc", "realloc", "free"};

#define LUAALLOC_REASON 256

/* A block that another thread gave back, on its way to the state's. */
typedef struct Late {
  struct Late *next;
  void *ptr;
} Late;

/* Behind a layer: the ctx of its functions. */
typedef struct MpLuaAllocator {
  MpState *engine; /* NULL: it has closed. For the state's thread alone */
  MpSeat *seat;    /* outlives the state */
  MpLayer *layer;
  struct MpLuaAllocator *next, **prev;       /* of the engine's */
  int ctx, functions[MP_LUAALLOC_FUNCTIONS]; /* registry references */
  _Atomic(Late *) late;
  char reason[LUAALLOC_REASON];
} MpLuaAllocator;

/* One call of one of its functions. */
typedef struct Ask {
  MpLuaAllocator *allocator;
  int which;
  void *ptr;   /* of realloc and free */
  size_t a, b; /* sizes */
  size_t size; /* that the result has to have */
  void *result;
} Ask;

/* {===== on the engine's coroutine ===== */

static const MpCtype *void_pointer(lua_State *L, MpState *E) {
  const MpCtype *ct;
  MpErr e;
  if (mp_ctype_pointer(&E->root, E->root.void_type, &ct, &e) != MP_OK) mp_state_raise(L, &e);
  return ct;
}

static void push_pointer(lua_State *L, MpState *E, void *p) {
  mp_tolua_pointer(L, E, void_pointer(L, E), (char *)p, 0);
}

/* Memory that Lua would take back behind C's back is none to give out; nor is too little. */
static char *cdata_result(lua_State *L, const Ask *ask, const MpCdata *c) {
  const char *name = mp_luaalloc_names[ask->which];
  const MpCdata *block = mp_cdata_block(c);
  char *p = mp_cdata_address(c);
  if (c->ct->kind != MP_KIND_POINTER && c->ct->kind != MP_KIND_ARRAY)
    mp_state_error(L, MP_MSG_ALLOCATOR_RESULT, name, mp_state_pushrepr(L, c->ct, NULL));
  mp_cdata_checklive(L, c);
  if (block == NULL) return p;
  if ((block->flags & MP_CD_INLINE) || !mp_cdata_asblock(block)->loose)
    mp_state_error(L, MP_MSG_ALLOCATOR_OWNED, name);
  if (mp_cdata_rest(block, p) < ask->size)
    mp_state_error(L, MP_MSG_ALLOCATOR_SMALL, name, mp_cdata_rest(block, p), ask->size);
  return p;
}

/* The address that the function gave, on the top: a pointer that can be given out. */
static void *ask_result(lua_State *L, const Ask *ask) {
  const MpLuaAllocator *la = ask->allocator;
  const char *name = mp_luaalloc_names[ask->which];
  const MpCdata *c = mp_cdata_test(L, la->engine, -1);
  char *p = NULL;
  if (c != NULL)
    p = cdata_result(L, ask, c);
  else if (lua_islightuserdata(L, -1))
    p = (char *)lua_touserdata(L, -1);
  else
    mp_state_error(L, MP_MSG_ALLOCATOR_RESULT, name, luaL_typename(L, -1));
  if (p == NULL) mp_state_error(L, MP_MSG_ALLOCATOR_RESULT, name, "NULL");
  if ((uintptr_t)p % 16 != 0) mp_state_error(L, MP_MSG_ALLOCATOR_ALIGN, name, (void *)p);
  return p;
}

/* Runs protected: light call. */
static int ask_run(lua_State *L) {
  Ask *ask = (Ask *)lua_touserdata(L, 1);
  const MpLuaAllocator *la = ask->allocator;
  lua_rawgeti(L, LUA_REGISTRYINDEX, la->functions[ask->which]);
  lua_rawgeti(L, LUA_REGISTRYINDEX, la->ctx);
  switch (ask->which) {
    case MP_LUAALLOC_MALLOC: lua_pushinteger(L, (lua_Integer)ask->a); break;
    case MP_LUAALLOC_CALLOC:
      lua_pushinteger(L, (lua_Integer)ask->a);
      lua_pushinteger(L, (lua_Integer)ask->b);
      break;
    case MP_LUAALLOC_REALLOC:
      push_pointer(L, la->engine, ask->ptr);
      lua_pushinteger(L, (lua_Integer)ask->a);
      break;
    default: push_pointer(L, la->engine, ask->ptr);
  }
  lua_call(L, lua_gettop(L) - 2, 1);
  if (ask->which != MP_LUAALLOC_FREE) ask->result = ask_result(L, ask);
  return 0;
}

/* Calls the function; false when it failed, and `reason` says why. */
static bool ask_call(Ask *ask) {
  MpLuaAllocator *la = ask->allocator;
  ask->result = NULL;
  return mp_aside_run(la->engine, la->engine->ask_allocator, ask, la->reason, sizeof la->reason);
}

/* }===== */

/* {===== the functions of the layer ===== */

/* Gives a block back to the function; what that raises is a report, and the block counts as lost. */
static void allocator_return(MpLuaAllocator *la, void *ptr) {
  Ask ask = {la, MP_LUAALLOC_FREE, ptr, 0, 0, 0, NULL};
  char text[LUAALLOC_REASON + 64];
  if (ask_call(&ask)) return;
  snprintf(text, sizeof text, MP_MSG_ALLOCATOR_FREE, la->reason);
  mp_state_report(la->engine->aside, la->engine, text);
}

/* What other threads gave back meanwhile. */
static void allocator_takelate(MpLuaAllocator *la) {
  Late *late = atomic_exchange_explicit(&la->late, NULL, memory_order_acquire);
  while (late != NULL) {
    Late *next = late->next;
    allocator_return(la, late->ptr);
    free(late);
    late = next;
  }
}

static void *allocator_ask(Ask *ask) {
  MpLuaAllocator *la = ask->allocator;
  if (MP_UNLIKELY(atomic_load_explicit(&la->late, memory_order_relaxed) != NULL))
    allocator_takelate(la);
  la->layer->reason = NULL;
  if (!ask_call(ask)) {
    la->layer->reason = la->reason;
    return NULL;
  }
  return ask->result;
}

static void *allocator_malloc(void *ctx, size_t size) {
  Ask ask = {(MpLuaAllocator *)ctx, MP_LUAALLOC_MALLOC, NULL, size, 0, size, NULL};
  return allocator_ask(&ask);
}

static void *allocator_calloc(void *ctx, size_t nelem, size_t elsize) {
  Ask ask = {(MpLuaAllocator *)ctx, MP_LUAALLOC_CALLOC, NULL, nelem, elsize, nelem * elsize, NULL};
  return allocator_ask(&ask);
}

static void *allocator_realloc(void *ctx, void *ptr, size_t size) {
  Ask ask = {(MpLuaAllocator *)ctx, MP_LUAALLOC_REALLOC, ptr, size, 0, size, NULL};
  if (ask.allocator->layer->domain->id == MP_DOMAIN_RAW && !mp_lock_has(ask.allocator->seat))
    return NULL;
  return allocator_ask(&ask);
}

static void allocator_free(void *ctx, void *ptr) {
  MpLuaAllocator *la = (MpLuaAllocator *)ctx;
  Late *late;
  if (la->layer->domain->id != MP_DOMAIN_RAW || mp_lock_has(la->seat)) {
    allocator_return(la, ptr);
    return;
  }
  late = (Late *)malloc(sizeof(Late)); /* the process's: Lua can't be asked on this thread */
  if (late == NULL) return;            /* lost */
  late->ptr = ptr;
  late->next = atomic_load_explicit(&la->late, memory_order_relaxed);
  while (!atomic_compare_exchange_weak_explicit(&la->late, &late->next, late, memory_order_release,
                                                memory_order_relaxed)) {}
}

/*
** MpLayer.serves. RAW is everybody's: another thread, or another state, is
** served by what was there before.
*/
static bool allocator_serves(MpLayer *y) {
  const MpLuaAllocator *la = (const MpLuaAllocator *)y->a.ctx;
  const MpState *E;
  if (!mp_lock_has(la->seat) && y->domain->id == MP_DOMAIN_RAW) return false;
  E = la->engine;
  if (E == NULL || E->closed) return false;
  return y->domain->id != MP_DOMAIN_RAW || E->asked || mp_owner_calling() == E;
}

/* MpLayer.drop: nothing of it is left. */
static void allocator_drop(MpLayer *y) {
  MpLuaAllocator *la = (MpLuaAllocator *)y->a.ctx;
  if (la->engine != NULL) {
    lua_State *L = la->engine->aside;
    int i;
    allocator_takelate(la);
    *la->prev = la->next;
    if (la->next != NULL) la->next->prev = la->prev;
    if (lua_checkstack(L, 4)) {
      luaL_unref(L, LUA_REGISTRYINDEX, la->ctx);
      for (i = 0; i < MP_LUAALLOC_FUNCTIONS; i++)
        luaL_unref(L, LUA_REGISTRYINDEX, la->functions[i]);
    }
  }
  free(la);
}

/* }===== */

/* MpState.end_allocators: what they hold is lost, and said. */
static void allocators_end(MpState *E) {
  MpLuaAllocator *la;
  char text[160];
  while ((la = E->allocators) != NULL) {
    MpLayer *y = la->layer;
    allocator_takelate(la);
    if (y->blocks > 0) {
      snprintf(text, sizeof text, MP_MSG_ALLOCATOR_HOLDS, mp_domain_name(y->domain->id), y->blocks,
               y->blocks == 1 ? "" : "s", y->bytes, y->bytes == 1 ? "" : "s");
      mp_state_report(E->aside, E, text);
    }
    E->allocators = la->next;
    if (la->next != NULL) la->next->prev = &E->allocators;
    la->engine = NULL;
    mp_domain_end(y);
  }
}

/* References to the values behind `first`, ctx first; raises for want of memory. */
static void allocator_refer(lua_State *L, MpLuaAllocator *la, int first) {
  int i;
  lua_pushvalue(L, first);
  la->ctx = luaL_ref(L, LUA_REGISTRYINDEX);
  for (i = 0; i < MP_LUAALLOC_FUNCTIONS; i++) {
    lua_pushvalue(L, first + 1 + i);
    la->functions[i] = luaL_ref(L, LUA_REGISTRYINDEX);
  }
}

void mp_luaalloc_set(lua_State *L, MpState *E, MpDomain *d, int first) {
  static const MpAllocator functions = {
      NULL, allocator_malloc, allocator_calloc, allocator_realloc, allocator_free, NULL};
  MpAllocator a = functions;
  MpLuaAllocator refs, *la;
  void_pointer(L, E); /* made now: in a call no type can be */
  allocator_refer(L, &refs, first);
  la = (MpLuaAllocator *)calloc(1, sizeof(MpLuaAllocator));
  if (la == NULL) mp_state_error(L, MP_MSG_NOMEM);
  la->engine = E;
  la->seat = E->seat;
  la->ctx = refs.ctx;
  memcpy(la->functions, refs.functions, sizeof refs.functions);
  a.ctx = la;
  la->next = E->allocators;
  la->prev = &E->allocators;
  if (la->next != NULL) la->next->prev = &la->next;
  E->allocators = la;
  if (mp_domain_set(d, &a, MP_LAYER_LUA, allocator_drop, &la->layer) != MP_OK) {
    E->allocators = la->next;
    if (la->next != NULL) la->next->prev = &E->allocators;
    free(la);
    mp_state_error(L, MP_MSG_NOMEM);
  }
  mp_domain_serve(la->layer, allocator_serves);
}

bool mp_luaalloc_push(lua_State *L, const MpState *E, const MpDomain *d) {
  const MpLayer *y = d->home->top;
  const MpLuaAllocator *la;
  int i;
  if (y == NULL || y->kind != MP_LAYER_LUA) return false;
  la = (const MpLuaAllocator *)y->a.ctx;
  if (la->engine != E) return false;
  lua_rawgeti(L, LUA_REGISTRYINDEX, la->ctx);
  for (i = 0; i < MP_LUAALLOC_FUNCTIONS; i++) lua_rawgeti(L, LUA_REGISTRYINDEX, la->functions[i]);
  return true;
}

void mp_luaalloc_open(lua_State *L, MpState *E) {
  E->ask_allocator = mp_aside_refer(L, ask_run);
  E->end_allocators = allocators_end;
}
