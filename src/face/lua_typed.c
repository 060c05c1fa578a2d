/*
** lua_typed.c: counted objects, in OBJ (as PyType_GenericAlloc makes them).
** The engine has a record of each by its address: it outlives the cdata, for C
** may hold other references. The cdata's own is one of the count; its end
** gives that back.
*/

#include "face/lua_typed.h"

#include "base/num.h"
#include "face/lua_core.h"
#include "face/lua_ctype.h"
#include "face/lua_malloc.h"
#include "face/lua_mem.h"
#include "face/lua_scope.h"
#include "value/toc.h"
#include "value/trace.h"

static MpTyped *typed_find(const MpState *E, const void *p) {
  return (MpTyped *)mp_map_get(&E->objects, p);
}

/* {===== the end ===== */

static void typed_free(lua_State *L, MpState *E, MpTyped *t, void *p) {
  MpDomain *d = &E->domains->obj;
  char *block = (char *)p - t->shift;
  mp_map_remove(&E->objects, p);
  mp_alloc_free(E->obj, t, sizeof *t);
  mp_trace_begin(L, E, d, "the end of its count");
  mp_domain_free(d, block);
  mp_trace_end(E);
}

/* MpBlockEnd: the cdata's reference back; with the last one the object goes, its type's __gc first. */
static void typed_end(lua_State *L, MpState *E, MpBlock *b, int idx) {
  void *p = b->own;
  MpTyped *t = p ? typed_find(E, p) : NULL;
  int status;
  if (t == NULL) return; /* never made */
  if (t->count > 1) {
    b->own = NULL;
    if (t->count != MP_LUA_TYPED_IMMORTAL) t->count--;
    return;
  }
  status = mp_cdata_callgc(L, b, idx);
  b->own = NULL;
  if (t->count <= 1) typed_free(L, E, t, p); /* else the __gc has saved it */
  if (status != LUA_OK) lua_error(L);
}

/* The block on the top has the object's reference from now on. */
static void typed_hold(lua_State *L, MpBlock *b, const MpTyped *t, void *p) {
  b->own = p;
  b->to = (char *)p;
  b->own_size = t->size;
  b->size = t->size < t->ct->item->size ? t->ct->item->size : t->size;
  b->head.flags |= MP_CD_SINGLE | MP_CD_WHOLE;
  b->shown = true;
  mp_state_pushuv(L, MP_STATE_MEMORY);
  lua_pushvalue(L, -2);
  lua_rawsetp(L, -2, p);
  lua_pop(L, 1);
}

/* The last reference is given back: ends the object, through its cdata or, if that is gone, another one. */
static void typed_finish(lua_State *L, MpState *E, MpTyped *t, void *p) {
  MpCdata *c;
  t->count = 1;
  mp_state_pushuv(L, MP_STATE_MEMORY);
  lua_rawgetp(L, -1, p);
  c = mp_cdata_test(L, E, -1);
  if (c == NULL || mp_cdata_asblock(c)->own != p || mp_cdata_asblock(c)->begun) {
    MpBlock *b = mp_cdata_pushblock(L, E, t->ct, NULL, 0, typed_end);
    typed_hold(L, b, t, p);
    c = &b->head;
  }
  mp_cdata_release(L, E, c, -1);
}

/* }===== */

/* {===== making ===== */

/*
** Bytes of a `ct` with `nitems` in its flexible member, and of the block: one
** item more, as PyType_GenericAlloc has it. Raises if no block can have it.
*/
static void typed_size(lua_State *L, const MpCtype *ct, size_t nitems, size_t *seen,
                       size_t *whole) {
  size_t offset, each, items;
  *seen = *whole = ct->size;
  if (!(ct->flags & MP_CTF_FLEXIBLE)) return;
  each = mp_ctype_flexible(ct, &offset)->item->size;
  if (!mp_num_add(nitems, 1, &items) || !mp_num_mul(items, each, &items) ||
      !mp_num_add(ct->size, items, whole) || *whole > MP_DOMAIN_MAX)
    mp_state_error(L, MP_MSG_SIZE_RANGE);
  *seen =
      offset + nitems * each; /* less than the type's size where the items begin in its padding */
}

/* Memory and record of an object of `size` bytes; NULL without memory. */
static MpTyped *typed_new(lua_State *L, MpState *E, const MpCtype *ct, size_t size, void **out) {
  MpDomain *d = &E->domains->obj;
  size_t align = ct->item->align;
  char *block;
  MpTyped *t;
  if (align > 16 && !mp_num_add(size, align - 16, &size)) return NULL;
  mp_trace_begin(L, E, d, "mem.generic_alloc");
  block = (char *)mp_domain_calloc(d, 1, size);
  mp_trace_end(E);
  if (block == NULL) return NULL;
  *out = (void *)mp_num_align((uintptr_t)block, align);
  t = (MpTyped *)mp_alloc_new(E->obj, sizeof(MpTyped));
  if (t == NULL || !mp_map_set(&E->objects, *out, t)) {
    mp_alloc_free(E->obj, t, sizeof(MpTyped));
    mp_domain_free(d, block);
    return NULL;
  }
  mp_trace_describe(E, d, block, ct->item, size);
  t->ct = ct;
  t->shift = (size_t)((char *)*out - block);
  t->count = 1;
  return t;
}

int mp_lua_typed_alloc(lua_State *L) {
  MpInstance *in = mp_lua_core_self(L);
  MpState *E = in->engine;
  const MpCtype *ct = mp_lua_ctype_check(L, in, 1), *pointer;
  lua_Integer n = lua_isnoneornil(L, 2) ? 0 : mp_toc_index(L, E, 2, "nitems");
  size_t seen, whole;
  MpErr e;
  MpBlock *b;
  MpTyped *t;
  void *p;
  if (n < 0) mp_state_error(L, MP_MSG_SIZE_NEGATIVE, "nitems");
  if (!mp_ctype_is_complete(ct))
    mp_state_error(L, MP_MSG_NEW_OPAQUE, mp_state_pushrepr(L, ct, NULL));
  if (mp_space_is_frozen(&E->root)) mp_state_error(L, MP_MSG_BUSY);
  mp_cdata_checkending(L, E);
  typed_size(L, ct, (size_t)n, &seen, &whole);
  if (mp_ctype_pointer(&in->space, ct, &pointer, &e) != MP_OK) mp_state_raise(L, &e);
  mp_cdata_pace(L, whole);
  b = mp_cdata_pushblock(L, E, pointer, NULL, 0, typed_end);
  t = typed_new(L, E, pointer, whole, &p);
  if (t == NULL) mp_trace_fail(L, &E->domains->obj);
  t->size = seen;
  typed_hold(L, b, t, p);
  mp_lua_scope_note(L, E);
  return 1;
}

/* }===== */

/* {===== the count ===== */

/* The object that the pointer at 1 is to; raises for any other. */
static MpTyped *typed_check(lua_State *L, MpState *E, void **p) {
  const MpCdata *c = mp_cdata_test(L, E, 1);
  MpTyped *t;
  luaL_checkany(L, 1);
  if (c != NULL) mp_cdata_checklive(L, c);
  *p = mp_lua_malloc_address(L, E, 1);
  t = *p ? typed_find(E, *p) : NULL;
  if (t == NULL)
    mp_state_error(L, MP_MSG_NOT_COUNTED, c ? mp_state_pushrepr(L, c->ct, NULL) : "void *");
  return t;
}

/* mem.refcount(o) */
static int typed_refcount(lua_State *L) {
  void *p;
  lua_pushinteger(L, typed_check(L, mp_lua_mem_self(L), &p)->count);
  return 1;
}

/* mem.retain(o): one reference more; gives the object */
static int typed_retain(lua_State *L) {
  void *p;
  MpTyped *t = typed_check(L, mp_lua_mem_self(L), &p);
  if (t->count != MP_LUA_TYPED_IMMORTAL) t->count++;
  lua_settop(L, 1);
  return 1;
}

/* mem.release(o): one reference less; was it the last, and the object is gone? */
static int typed_release(lua_State *L) {
  MpState *E = mp_lua_mem_self(L);
  void *p;
  MpTyped *t = typed_check(L, E, &p);
  bool last = t->count == 1;
  if (last)
    typed_finish(L, E, t, p);
  else if (t->count != MP_LUA_TYPED_IMMORTAL)
    t->count--;
  lua_pushboolean(L, last);
  return 1;
}

/* mem.immortal(o): never freed from now on; gives the object */
static int typed_immortal(lua_State *L) {
  void *p;
  typed_check(L, mp_lua_mem_self(L), &p)->count = MP_LUA_TYPED_IMMORTAL;
  lua_settop(L, 1);
  return 1;
}

/* mem.deallocate(o): ends it now, whatever the count, unless it is immortal; did it? */
static int typed_deallocate(lua_State *L) {
  MpState *E = mp_lua_mem_self(L);
  void *p;
  MpTyped *t = typed_check(L, E, &p);
  bool mortal = t->count != MP_LUA_TYPED_IMMORTAL;
  if (mortal) typed_finish(L, E, t, p);
  lua_pushboolean(L, mortal);
  return 1;
}

/* }===== */

const luaL_Reg mp_lua_typed_functions[] = {
    {"refcount", typed_refcount}, {"retain", typed_retain},         {"release", typed_release},
    {"immortal", typed_immortal}, {"deallocate", typed_deallocate}, {NULL, NULL}};
