/*
** cdata.c: makes, measures and ends cdata. Called by conversions and by the
** functions of the faces. Lua owns the userdata; a block ends what it holds.
*/

#include "value/cdata.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "value/metatype.h"
#include "value/wrapper.h"
#include "value/trace.h"

/* {===== what a cdata spans ===== */

static size_t *inline_length(const MpCdata *c) { return (size_t *)(void *)((char *)c + c->at) - 1; }

static size_t inline_size(const MpCdata *c) {
  return c->flags & MP_CD_VARLEN ? *inline_length(c) : mp_cdata_target(c)->size;
}

void mp_cdata_extent(const MpCdata *block, char **base, size_t *size) {
  *base = mp_cdata_address(block);
  if (block->flags & MP_CD_INLINE) {
    *size = inline_size(block);
  } else {
    *base = (char *)((uintptr_t)*base -
                     mp_cdata_asblock(block)->before); /* a pointer may be anywhere */
    *size = mp_cdata_asblock(block)->size;
  }
}

size_t mp_cdata_rest(const MpCdata *block, const char *at) {
  char *base;
  size_t size;
  mp_cdata_extent(block, &base, &size);
  if (size == MP_CD_UNBOUNDED) return size;
  /* As integers: `at` may lie anywhere. */
  if ((uintptr_t)at < (uintptr_t)base || (uintptr_t)at - (uintptr_t)base > size) return 0;
  return size - (size_t)((uintptr_t)at - (uintptr_t)base);
}

size_t mp_cdata_shown(const MpCdata *block, const char *at) {
  const MpBlock *b = (const MpBlock *)block;
  size_t rest = mp_cdata_rest(block, at);
  if ((block->flags & MP_CD_INLINE) || !b->shown || rest == MP_CD_UNBOUNDED ||
      rest < b->size - b->own_size)
    return rest;
  return rest - (b->size - b->own_size);
}

/* A struct with a flexible array reaches to the end of its block, in whole elements. */
static size_t flexible_size(const MpCdata *c) {
  const MpCtype *ct = mp_cdata_target(c);
  size_t offset, step = mp_ctype_flexible(ct, &offset)->item->size;
  size_t size = mp_cdata_rest(mp_cdata_block(c), mp_cdata_address(c));
  if (size == MP_CD_UNBOUNDED || step == 0) return ct->size;
  if (size <= ct->size || size < offset) return ct->size;
  return offset + (size - offset) / step * step;
}

size_t mp_cdata_size(const MpCdata *c) {
  const MpCtype *ct = c->ct;
  if (c->flags & MP_CD_INLINE) return c->flags & MP_CD_BOX ? ct->size : inline_size(c);
  if (c->flags & MP_CD_LENGTH) return mp_cdata_pointer(c)->length * ct->item->size;
  if ((c->flags & MP_CD_OWNER) && mp_cdata_asblock(c)->size != MP_CD_UNBOUNDED)
    return mp_cdata_rest(c, mp_cdata_address(c));
  if ((ct->flags & MP_CTF_FLEXIBLE) && mp_cdata_block(c) != NULL) return flexible_size(c);
  return mp_cdata_target(c)->size;
}

void mp_cdata_wrong(lua_State *L, int idx) {
  mp_state_error(L, MP_MSG_WANT_CDATA, luaL_typename(L, idx));
}

void mp_cdata_checklive(lua_State *L, const MpCdata *c) {
  if (MP_UNLIKELY(mp_cdata_is_released(c))) mp_state_error(L, MP_MSG_RELEASED);
}

bool mp_cdata_holds(const MpCdata *block, const char *at, size_t n) {
  char *base;
  size_t size;
  if (MP_UNLIKELY(mp_cdata_has_ended(block))) return false;
  mp_cdata_extent(block, &base, &size);
  if (size == MP_CD_UNBOUNDED) return true;
  /* As integers: `at` may lie anywhere. */
  return (uintptr_t)at >= (uintptr_t)base && (uintptr_t)at - (uintptr_t)base <= size &&
         size - ((uintptr_t)at - (uintptr_t)base) >= n;
}

void mp_cdata_checkspan(lua_State *L, const MpCdata *c, const char *at, size_t n) {
  const MpCdata *block = mp_cdata_block(c);
  char *base;
  size_t size;
  if (block == NULL || mp_cdata_holds(block, at, n)) return;
  if (MP_UNLIKELY(mp_cdata_has_ended(block))) mp_state_error(L, MP_MSG_RELEASED);
  if (n == 0) return; /* no bytes are nowhere */
  mp_cdata_extent(block, &base, &size);
  mp_state_error(L, MP_MSG_OUTSIDE, n, (long long)((intptr_t)at - (intptr_t)base), size);
}

/* }===== */

/* {===== making ===== */

/*
** Every userdata of a cdata comes from here. Builds for `make gcstress` collect
** first, so that whatever isn't anchored is gone.
*/
static inline void *cdata_newuserdata(lua_State *L, size_t size, int nuv) {
#if MP_GCSTRESS
  lua_gc(L, LUA_GCCOLLECT);
#endif
  return lua_newuserdatauv(L, size, nuv);
}

static inline MpCdata *cdata_start(MpCdata *c, uint32_t tag, const MpCtype *ct, unsigned flags) {
  c->ct = ct;
  c->tag = tag;
  c->flags = (uint16_t)flags;
  c->at = 0;
  return c;
}

/*
** A userdata with `size` bytes of data behind the header, aligned to `align`.
** Lua aligns payloads to 8 (to 16 only without user values, on most
** allocators): more is made by room to spare, since userdata never move.
*/
static MpCdata *cdata_newinline(lua_State *L, MpState *E, const MpCtype *ct, size_t size,
                                size_t align, bool varlen, int nuv, unsigned flags) {
  size_t head = sizeof(MpCdata) + (varlen ? sizeof(size_t) : 0);
  size_t spare = align > 8 ? align - 8 : 0;
  MpCdata *c = (MpCdata *)cdata_newuserdata(L, head + spare + (size ? size : 1), nuv);
  uintptr_t data = (uintptr_t)c + head;
  cdata_start(c, E->tag, ct, flags | MP_CD_INLINE);
  if (align > 8) data = mp_num_align(data, align);
  c->at = (uint16_t)(data - (uintptr_t)c);
  if (varlen) {
    c->flags |= MP_CD_VARLEN;
    *inline_length(c) = size;
  }
  return c;
}

/* What pcall runs: the __gc of the metatype of the object at 1. */
static int block_callgc(lua_State *L) {
  const MpCtype *data = mp_cdata_target((MpCdata *)lua_touserdata(L, 1));
  if (!mp_ctype_is_record(data) || !data->u.record->ends ||
      mp_metatype_pushend(L, data) == LUA_TNIL)
    return 0;
  lua_pushvalue(L, 1);
  lua_call(L, 1, 0);
  return 0;
}

int mp_cdata_callgc(lua_State *L, const MpBlock *b, int idx) {
  if (!(b->head.flags & MP_CD_WHOLE)) return LUA_OK;
  lua_pushcfunction(L, block_callgc);
  lua_pushvalue(L, idx);
  return lua_pcall(L, 1, 0, 0);
}

/* Has the type of what it owns a __gc that is due? */
static bool owner_has_gc(const MpBlock *b) {
  const MpCtype *data = mp_cdata_target(&b->head);
  return (b->head.flags & MP_CD_WHOLE) && mp_ctype_is_record(data) && data->u.record->ends;
}

/* MpBlockEnd, in two steps: a metatype's __gc, then the memory, whether that raised or not. */
static void owner_end(lua_State *L, MpState *E, MpBlock *b, int idx) {
  int status = owner_has_gc(b) ? mp_cdata_callgc(L, b, idx) : LUA_OK;
  mp_trace_begin(L, E, &E->domains->mem, "the end of its cdata");
  mp_alloc_free(E->mem, b->own, b->own_size);
  mp_trace_end(E);
  b->head.flags |=
      MP_CD_RELEASED; /* its address stays, so that pointers to it are known for what they were */
  if (status != LUA_OK) lua_error(L);
}

void mp_cdata_pace(lua_State *L, size_t size) {
  if (lua_gc(L, LUA_GCISRUNNING) != 1) return; /* stopped by the user, or in a finalizer */
  if (size >= 1024) lua_gc(L, LUA_GCSTEP, (int)(size >> 10 > 1 << 20 ? 1 << 20 : size >> 10));
}

/* An owner in MEM: the userdata first, so that nothing is lost if a step raises. */
static MpCdata *owner_inmem(lua_State *L, MpState *E, const MpCtype *ct, size_t size,
                            size_t align) {
  MpBlock *b;
  size_t spare = align > 16 ? align - 16 : 0, whole;
  char *p;
  if (!mp_num_add(size ? size : 1, spare, &whole)) mp_state_error(L, MP_MSG_NOMEM);
  mp_cdata_pace(L, size);
  b = mp_cdata_pushblock(L, E, ct, NULL, 0, owner_end);
  mp_trace_begin(L, E, &E->domains->mem, "ffi.new");
  p = (char *)mp_alloc_new(E->mem, whole);
  mp_trace_end(E);
  if (p == NULL) mp_trace_fail(L, &E->domains->mem);
  mp_trace_describe(E, &E->domains->mem, p, ct->kind == MP_KIND_POINTER ? ct->item : ct, size);
  memset(p, 0, whole);
  b->own = p;
  b->to = (char *)mp_num_align((uintptr_t)p, align);
  b->size = size;
  b->own_size = whole;
  return &b->head;
}

/* mp_cdata_pushowner for what no plan foresees. */
static MP_NOINLINE MpCdata *owner_any(lua_State *L, MpState *E, const MpCtype *ct, size_t size,
                                      bool varlen) {
  const MpCtype *data = ct->kind == MP_KIND_POINTER ? ct->item : ct;
  bool keeps = data->flags & MP_CTF_HASPTR;
  unsigned flags = MP_CD_OWNER | (keeps ? MP_CD_KEEPS : 0u);
  MpCdata *c;
  if (ct->kind == MP_KIND_POINTER) flags |= MP_CD_SINGLE;
  if (!mp_cdata_is_inline(data, size) || E->domains->mem.top != NULL) {
    c = owner_inmem(L, E, ct, size, data->align);
    c->flags |= (uint16_t)flags;
    return c;
  }
  c = cdata_newinline(L, E, ct, size, data->align, varlen, keeps, flags);
  memset((char *)c + c->at, 0, size);
  mp_metatype_push(L, ct, false);
  lua_setmetatable(L, -2);
  return c;
}

MpCdata *mp_cdata_pushowner(lua_State *L, MpState *E, const MpCtype *ct, size_t size, bool varlen) {
  const MpPlan *plan = (const MpPlan *)ct->plan;
  MpCdata *c;
  if (MP_UNLIKELY(plan == NULL || size != plan->fresh || varlen || E->domains->mem.top != NULL))
    return owner_any(L, E, ct, size, varlen);
  c = (MpCdata *)cdata_newuserdata(L, sizeof(MpCdata) + (size > 8 ? size : 8),
                                   plan->flags & MP_CD_KEEPS ? 1 : 0);
  cdata_start(c, E->tag, ct, plan->flags);
  c->at = sizeof(MpCdata);
  if (size <= 8)
    memset(c + 1, 0, 8); /* one store */
  else
    memset(c + 1, 0, size);
  mp_metatype_push(L, ct, false);
  lua_setmetatable(L, -2);
  return c;
}

MpCdata *mp_cdata_pushbox(lua_State *L, MpState *E, const MpCtype *ct, const void *from) {
  MpCdata *c;
  char bits[16];
  mp_assert(ct->size <= sizeof bits);
  memcpy(bits, from, ct->size); /* a finalizer may end the block that `from` lies in */
  c = cdata_newinline(L, E, ct, ct->size, ct->align, false, 0, MP_CD_BOX);
  memcpy((char *)c + c->at, bits, ct->size);
  mp_metatype_push(L, ct, false);
  lua_setmetatable(L, -2);
  return c;
}

MpPointer *mp_cdata_pushview(lua_State *L, MpState *E, const MpCtype *ct, char *to, int block_idx) {
  MpPointer *p;
  if (block_idx == 0) {
    p = (MpPointer *)cdata_newuserdata(L, MP_CD_POINTER_SIZE, 0);
    p->block = NULL;
  } else {
    block_idx = lua_absindex(L, block_idx);
    p = (MpPointer *)cdata_newuserdata(L, MP_CD_POINTER_SIZE, 1);
    p->block = (MpCdata *)lua_touserdata(L, block_idx);
    lua_pushvalue(L, block_idx);
    lua_setiuservalue(L, -2, 1);
  }
  cdata_start(&p->head, E->tag, ct, 0);
  p->to = to;
  mp_metatype_push(L, ct, false);
  lua_setmetatable(L, -2);
  return p;
}

MpPointer *mp_cdata_pushpart(lua_State *L, const MpCtype *ct, char *to, MpCdata *via, int via_idx) {
  MpCdata *block = mp_cdata_block(via);
  MpPointer *p = (MpPointer *)cdata_newuserdata(L, MP_CD_POINTER_SIZE, block != NULL ? 1 : 0);
  cdata_start(&p->head, via->tag, ct, 0);
  p->to = to;
  p->block = block;
  if (block != NULL) {
    if (block == via)
      lua_pushvalue(L, via_idx);
    else
      lua_getiuservalue(L, via_idx, 1);
    lua_setiuservalue(L, -2, 1);
  }
  mp_metatype_push(L, ct, false);
  lua_setmetatable(L, -2);
  return p;
}

MpPointer *mp_cdata_pushslice(lua_State *L, MpState *E, const MpCtype *ct, char *to, size_t length,
                              int block_idx) {
  MpPointer *p;
  if (block_idx != 0) block_idx = lua_absindex(L, block_idx);
  p = (MpPointer *)cdata_newuserdata(L, sizeof(MpPointer), block_idx ? 1 : 0);
  p->block = NULL;
  if (block_idx != 0) {
    p->block = (MpCdata *)lua_touserdata(L, block_idx);
    lua_pushvalue(L, block_idx);
    lua_setiuservalue(L, -2, 1);
  }
  cdata_start(&p->head, E->tag, ct, MP_CD_LENGTH);
  p->to = to;
  p->length = length;
  mp_metatype_push(L, ct, false);
  lua_setmetatable(L, -2);
  return p;
}

/* Notes a block that a finalizer makes: if the state is closing, Lua won't end it. */
static void block_listlate(lua_State *L, MpState *E, MpBlock *b) {
  mp_state_pushuv(L, MP_STATE_LATE);
  lua_pushvalue(L, -2);
  lua_rawsetp(L, -2, b);
  lua_pop(L, 1);
  b->late = ++E->nlate;
}

static MpBlock *block_new(lua_State *L, const MpState *E, const MpCtype *ct, MpBlockEnd end) {
  MpBlock *b = (MpBlock *)cdata_newuserdata(L, sizeof(MpBlock), MP_BLOCK_UVS);
  memset(b, 0, sizeof *b);
  cdata_start(&b->head, E->tag, ct, MP_CD_OWNER | MP_CD_KEEPS);
  b->end = end;
  return b;
}

MpBlock *mp_cdata_pushloose(lua_State *L, MpState *E, const MpCtype *ct, MpBlockEnd end) {
  MpBlock *b = block_new(L, E, ct, end);
  b->loose = true;
  mp_metatype_push(L, ct, false);
  lua_setmetatable(L, -2);
  return b;
}

MpBlock *mp_cdata_pushblock(lua_State *L, MpState *E, const MpCtype *ct, char *to, size_t size,
                            MpBlockEnd end) {
  MpBlock *b = block_new(L, E, ct, end);
  b->to = to;
  b->size = size;
  if (lua_gc(L, LUA_GCISRUNNING) != 1) block_listlate(L, E, b);
  mp_metatype_push(L, ct, true);
  lua_setmetatable(L, -2);
  E->unended++;
  return b;
}

MpCdata *mp_cdata_pushblockof(lua_State *L, MpCdata *c, int idx) {
  if (c->flags & MP_CD_OWNER) {
    lua_pushvalue(L, idx);
    return c;
  }
  if (c->flags & MP_CD_INLINE || mp_cdata_pointer(c)->block == NULL) return NULL;
  lua_getiuservalue(L, idx, 1);
  return mp_cdata_pointer(c)->block;
}

/* }===== */

/* {===== ending ===== */

/* What pcall runs: the end of the block that is its argument. It begins once. */
static int block_runend(lua_State *L) {
  MpBlock *b = (MpBlock *)lua_touserdata(L, 1);
  b->begun = true;
  b->end(L, mp_state_of(b->head.ct), b, 1);
  return 0;
}

void mp_cdata_open(lua_State *L, MpState *E) {
  mp_state_pushclosure(L, block_runend, 0);
  E->ender = luaL_ref(L, LUA_REGISTRYINDEX);
}

static int block_traceback(lua_State *L) {
  const char *text = luaL_tolstring(L, 1, NULL);
  luaL_traceback(L, L, text, 1);
  return 1;
}

void mp_cdata_endaction(lua_State *L, MpState *E, MpBlock *b, int idx) {
  (void)E, (void)b;
  if (lua_getiuservalue(L, idx, MP_BLOCK_ACTION) == LUA_TNIL) return;
  lua_getiuservalue(L, idx, MP_BLOCK_UNDER);
  lua_call(L, 1, 0);
}

/*
** Runs the end protected: what it raises becomes a report. False when it
** couldn't even begin, for want of memory.
*/
static bool block_callend(lua_State *L, MpState *E, MpBlock *b, int idx) {
  int top = lua_gettop(L);
  lua_pushcfunction(L, block_traceback);
  lua_rawgeti(L, LUA_REGISTRYINDEX, E->ender);
  lua_pushvalue(L, idx);
  if (lua_pcall(L, 1, 0, top + 1) != LUA_OK && b->begun) {
    const char *text = lua_tostring(L, -1);
    mp_state_report(L, E, text ? text : "(error object is not a string)");
  }
  lua_settop(L, top);
  return b->begun;
}

/*
** The block at idx couldn't end: it lives on. In a finalizer, so that this is
** called again.
*/
static void block_revive(lua_State *L, const MpBlock *b, int idx) {
  if (b->loose) return;
  lua_getmetatable(L, idx);
  lua_setmetatable(L, idx);
}

/* Ends the block, protected where that may raise; false: it couldn't even begin. */
static bool block_end(lua_State *L, MpState *E, MpBlock *b, int idx) {
  bool raises = b->end == owner_end ? owner_has_gc(b) : !b->quiet || E->ending;
  bool loose = b->loose;
  b->loose = false;
  if (b->end == NULL || !raises) {
    b->begun = true;
    if (b->end != NULL) b->end(L, E, b, idx);
  } else if (!block_callend(L, E, b, idx)) {
    b->loose = loose;
    block_revive(L, b, idx);
    return false;
  }
  if (!loose) E->unended--;
  if (b->head.flags & MP_CD_OVER) mp_wrapper_drop(E, b);
  return true;
}

void mp_cdata_release(lua_State *L, MpState *E, MpCdata *c, int idx) {
  MpBlock *b = mp_cdata_asblock(c);
  if (c->flags & MP_CD_RELEASED) return;
  luaL_checkstack(L, 8, NULL);
  idx = lua_absindex(L, idx);
  if (c->flags & MP_CD_WRAPPED) mp_wrapper_endall(L, E, c);
  if (!(c->flags & MP_CD_INLINE)) {
    if (b->begun) return; /* ending already */
    if (b->pins > 0) {    /* C is using it */
      c->flags |= MP_CD_RELEASED | MP_CD_DEFERRED;
      return;
    }
    if (!block_end(L, E, b, idx)) return;
  }
  c->flags |= MP_CD_RELEASED;
  if ((c->flags & MP_CD_KEEPING) || /* a callback has its own there */
      (!(c->flags & MP_CD_INLINE) && b->end != mp_cdata_endaction &&
       b->end != owner_end)) { /* what its pointers kept may go */
    lua_pushnil(L);
    lua_setiuservalue(L, idx, 1);
    c->flags &= (uint16_t)~MP_CD_KEEPING; /* who is just writing to it finds no table */
  }
}

/*
** Ends the block on the top, whose end was put off. What lies under it was
** released meanwhile, but its memory is still there: the destructor may read it.
*/
static void block_endlate(lua_State *L, MpState *E, MpBlock *b, MpCdata *under) {
  if (under == NULL) {
    mp_cdata_release(L, E, &b->head, -1);
  } else {
    uint16_t was = under->flags & MP_CD_RELEASED;
    under->flags &= (uint16_t)~MP_CD_RELEASED;
    block_endlate(L, E, b, under->flags & MP_CD_OVER ? mp_cdata_asblock(under)->under : NULL);
    under->flags |= was;
  }
}

void mp_cdata_unpin(lua_State *L, MpState *E, MpBlock *b, int idx) {
  int top = lua_gettop(L), saved = E->saved_errno;
  MpCdata *c;
  if (--b->pins > 0 || !(b->head.flags & MP_CD_DEFERRED)) return;
  b->head.flags &= (uint16_t) ~(MP_CD_RELEASED | MP_CD_DEFERRED);
  luaL_checkstack(L, 8, NULL);
  c = mp_cdata_pushblockof(L, (MpCdata *)lua_touserdata(L, idx), idx);
  while (c != &b->head) { /* it lies below that one */
    lua_getiuservalue(L, -1, MP_BLOCK_UNDER);
    c = mp_cdata_pushblockof(L, (MpCdata *)lua_touserdata(L, -1), lua_gettop(L));
  }
  block_endlate(L, E, b, b->head.flags & MP_CD_OVER ? b->under : NULL);
  E->saved_errno = saved; /* it is the call's */
  lua_settop(L, top);
}

int mp_cdata_gc(lua_State *L) {
  MpCdata *c = mp_cdata_self(L);
  MpState *E = mp_state_of(c->ct);
  int saved = E->saved_errno; /* a destructor may call C, at whatever time */
  mp_state_enter(E);
  if (c->flags & MP_CD_OWNER) mp_cdata_release(L, E, c, 1);
  E->saved_errno = saved;
  return 0;
}

void mp_cdata_checkending(lua_State *L, const MpState *E) {
  if (E->ending) mp_state_error(L, MP_MSG_CLOSED);
}

/* Pushes the newest block of those that finalizers made whose end is to come; NULL, and nothing, for none. */
static MpBlock *block_pushlate(lua_State *L) {
  MpBlock *newest = NULL;
  mp_state_pushuv(L, MP_STATE_LATE);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    MpBlock *b = (MpBlock *)lua_touserdata(L, -1);
    if (!b->begun && (newest == NULL || b->late > newest->late)) newest = b;
    lua_pop(L, 1);
  }
  if (newest != NULL) lua_rawgetp(L, -1, newest);
  lua_remove(L, newest != NULL ? -2 : -1);
  return newest;
}

/*
** When Lua closes a state it finalizes what is newer than the engine first.
** What is left here was made by finalizers while it closed: Lua ignores the
** `__gc` of those, and pushblock has listed them in MP_STATE_LATE.
*/
void mp_cdata_endall(lua_State *L, MpState *E) {
  MpBlock *b;
  E->ending = true;
  while ((b = block_pushlate(L)) != NULL) {
    mp_cdata_release(L, E, &b->head, -1);
    b->begun = true; /* even if there was no memory for it: once */
    lua_pop(L, 1);
  }
}

/* }===== */
