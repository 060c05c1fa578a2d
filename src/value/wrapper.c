/*
** wrapper.c: records of blocks that lie over others. They are the engine's, not
** the blocks': Lua drops an object without its finalizer when there is no memory
** to call that (lgc.c, GCTM), and a list through the blocks would then lead
** nowhere. A table with weak values says which block still lives.
*/

#include "value/wrapper.h"

#include <stdlib.h>

typedef struct MpWrapper MpWrapper;
struct MpWrapper {
  const MpCdata *under;
  MpWrapper *older, *newer; /* of the same */
  uint64_t order;           /* which of all that were ever made */
  uint32_t slot;            /* its own in MP_STATE_WRAPPERS, where the block is */
};

/* To be used again, with its slot: `gc` takes one for each object. */
static void wrapper_free(MpState *E, MpWrapper *w) {
  w->older = E->free_wrappers;
  E->free_wrappers = w;
}

static MpWrapper *wrapper_take(MpState *E) {
  MpWrapper *w = E->free_wrappers;
  if (w != NULL) {
    E->free_wrappers = w->older;
    return w;
  }
  w = (MpWrapper *)mp_alloc_new(E->obj, sizeof *w);
  if (w != NULL) w->slot = ++E->slots;
  return w;
}

static void wrapper_freelist(MpState *E, MpWrapper *w) {
  while (w != NULL) {
    MpWrapper *older = w->older;
    mp_alloc_free(E->obj, w, sizeof *w);
    w = older;
  }
}

static MpWrapper *wrapper_newest(const MpState *E, const MpCdata *under) {
  return (MpWrapper *)mp_map_get(&E->over, under);
}

/* A record for a block over `under`, which isn't among the others yet. */
static MpWrapper *wrapper_new(lua_State *L, MpState *E, const MpCdata *under) {
  MpWrapper *w = wrapper_take(E);
  if (w == NULL) mp_state_error(L, MP_MSG_NOMEM);
  w->under = under;
  w->older = wrapper_newest(E, under);
  w->newer = NULL;
  if (!mp_map_set(&E->over, under, w)) {
    wrapper_free(E, w);
    mp_state_error(L, MP_MSG_NOMEM);
  }
  if (w->older != NULL) w->older->newer = w;
  w->order = E->wrapped++;
  return w;
}

void mp_wrapper_add(lua_State *L, MpState *E, MpCdata *under, int idx) {
  MpBlock *b = mp_cdata_asblock((MpCdata *)lua_touserdata(L, idx));
  b->wrapper = wrapper_new(L, E, under);
  b->under = under;
  b->head.flags |= MP_CD_OVER; /* from here on the block's end gives the record back */
  under->flags |= MP_CD_WRAPPED;
  lua_rawgeti(L, LUA_REGISTRYINDEX, E->wrappers);
  lua_pushvalue(L, idx);
  lua_rawseti(L, -2, b->wrapper->slot);
  lua_pop(L, 1);
}

void mp_wrapper_drop(MpState *E, MpBlock *b) {
  MpWrapper *w = b->wrapper;
  if (w->older != NULL) w->older->newer = w->newer;
  if (w->newer != NULL)
    w->newer->older = w->older;
  else if (w->older == NULL)
    mp_map_remove(&E->over, w->under);
  else if (!mp_map_set(&E->over, w->under, w->older))
    abort(); /* can't be: the key is there */
  wrapper_free(E, w);
  b->wrapper = NULL;
}

void mp_wrapper_endall(lua_State *L, MpState *E, const MpCdata *under) {
  uint64_t before = E->wrapped;
  MpWrapper *w;
  lua_rawgeti(L, LUA_REGISTRYINDEX, E->wrappers);
  for (;;) {
    for (w = wrapper_newest(E, under); w != NULL && w->order >= before;) w = w->older;
    if (w == NULL) break;
    before = w->order;
    /* It isn't there when its own finalizer is about to run. */
    if (lua_rawgeti(L, -1, w->slot) == LUA_TUSERDATA)
      mp_cdata_release(L, E, (MpCdata *)lua_touserdata(L, -1), -1);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

void mp_wrapper_fini(MpState *E) {
  const void *key;
  void *value;
  uint32_t at = 0;
  while (mp_map_next(&E->over, &at, &key, &value)) wrapper_freelist(E, (MpWrapper *)value);
  wrapper_freelist(E, E->free_wrappers);
  mp_map_fini(&E->over);
}
