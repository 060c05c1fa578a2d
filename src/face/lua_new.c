/*
** lua_new.c: ffi.new and the others that make memory, cast it and end it.
*/

#include "face/lua_new.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "call/clib.h"
#include "face/lua_cdata.h"
#include "face/lua_core.h"
#include "face/lua_ctype.h"
#include "face/lua_scope.h"
#include "value/access.h"
#include "value/box.h"
#include "value/init.h"
#include "value/metatype.h"
#include "value/wrapper.h"
#include "value/numbers.h"

/* {===== new ===== */

/* What `new` is to make: a type, its data's type, and the initializers on the stack. */
typedef struct NewPlan {
  const MpCtype *ct, *data;
  size_t size;
  int first, last; /* stack indexes of the initializers */
  bool varlen;
} NewPlan;

/* Works out size and initializers; raises for a type that can't be made. */
static void new_plan(lua_State *L, MpDest *d, const MpCtype *ct, int first, NewPlan *p) {
  int given;
  p->ct = ct;
  p->data = ct->kind == MP_KIND_POINTER ? ct->item : ct;
  p->first = first;
  p->last = lua_gettop(L);
  while (p->last >= first && lua_isnil(L, p->last)) p->last--;
  if (ct->kind != MP_KIND_POINTER && ct->kind != MP_KIND_ARRAY)
    mp_state_error(L, MP_MSG_NEW_KIND, mp_state_pushrepr(L, ct, NULL));
  if (!mp_ctype_is_complete(p->data) && p->data->kind != MP_KIND_ARRAY)
    mp_state_error(L, MP_MSG_NEW_OPAQUE, mp_state_pushrepr(L, p->data, NULL));
  mp_metatype_checksettled(L, p->data);
  given = p->last - first + 1;
  if (given > 1 && mp_ctype_is_record(p->data)) { /* as one table, which says how large it is */
    mp_init_pushpositional(L, first, p->last);
    p->first = p->last = first = lua_gettop(L);
    given = 1;
  }
  p->varlen = (p->data->kind == MP_KIND_ARRAY && p->data->length == MP_LENGTH_OPEN) ||
              (p->data->flags & MP_CTF_FLEXIBLE);
  p->size = mp_init_size(d, p->data, given > 0 ? first : 0);
  if (p->data->kind == MP_KIND_ARRAY && p->varlen && lua_type(L, first) == LUA_TNUMBER) p->first++;
  if (ct->kind == MP_KIND_POINTER && mp_ctype_is_charlike(ct->item)) { /* room for a NUL */
    p->size++;
    p->varlen = true;
  }
}

/* Several arguments are positional; after a length, one table, string or array initializes the whole. */
static bool is_whole(lua_State *L, const MpState *E, const NewPlan *p) {
  int t = lua_type(L, p->first);
  if (p->last > p->first) return false;
  if (!mp_ctype_is_record(p->data) && p->data->kind != MP_KIND_ARRAY) return true;
  return t == LUA_TTABLE || t == LUA_TSTRING || mp_cdata_test(L, E, p->first) != NULL ||
         (mp_ctype_is_record(p->data) && t == LUA_TUSERDATA);
}

/* Fills fresh zeroed memory at `at` from the initializers. */
static void new_fill(lua_State *L, MpDest *d, const NewPlan *p, char *at) {
  d->init = true;
  d->end = at + p->size;
  if (p->last < p->first) return;
  if (p->last > p->first && !mp_ctype_is_record(p->data) && p->data->kind != MP_KIND_ARRAY)
    mp_state_error(L, MP_MSG_TOO_MANY, mp_state_pushrepr(L, p->data, NULL),
                   (size_t)(p->last - p->first + 1));
  if (is_whole(L, d->E, p))
    mp_toc_write(d, p->data, at, p->first);
  else
    mp_init_positional(d, p->data, at, p->first, p->last);
}

static void dest_init(MpDest *d, lua_State *L, MpState *E) {
  memset(d, 0, sizeof *d);
  d->L = L;
  d->E = E;
}

/* Fills the new record `c`, on the top, from the initializers below it; false: with nothing done. */
static bool new_record(lua_State *L, MpState *E, MpCdata *c, const MpCtype *data, int first,
                       int last) {
  char *at = mp_cdata_address(c);
  MpDest d;
  if (lua_type(L, first) != LUA_TTABLE) return mp_numbers_arguments(L, data, at, first, last);
  if (last > first) return false;
  if (MP_LIKELY(mp_numbers_record(L, data, at, first))) return true;
  dest_init(&d, L, E);
  d.block = c;
  d.block_idx = last + 1;
  d.init = true;
  d.end = at + data->size;
  mp_toc_write(&d, data, at, first);
  lua_settop(L, last + 1);
  return true;
}

/*
** What is made most: memory of a type's own size, without an initializer, or
** that of a record with one. False, and nothing pushed, for the rest.
*/
static inline bool new_quick(lua_State *L, MpState *E, const MpCtype *ct, int first) {
  const MpPlan *plan = (const MpPlan *)ct->plan;
  const MpCtype *data = ct->kind == MP_KIND_POINTER ? ct->item : ct;
  int top = lua_gettop(L);
  MpCdata *c;
  if (plan == NULL || !plan->sized || (top >= first && !mp_ctype_is_record(data))) return false;
  c = mp_cdata_pushowner(L, E, ct, data->size, false);
  if (top >= first && !new_record(L, E, c, data, first, top)) {
    lua_settop(L, top);
    return false;
  }
  if (MP_LIKELY(!E->ending)) c->flags |= MP_CD_WHOLE;
  mp_lua_scope_note(L, E);
  return true;
}

/* new("T[]", t) of scalars, as many as the table has. False, and nothing pushed, for the rest. */
static bool new_sequence(lua_State *L, MpState *E, const MpCtype *ct, int first) {
  MpDest d;
  size_t n, bytes;
  if (ct->kind != MP_KIND_ARRAY || ct->length != MP_LENGTH_OPEN || lua_gettop(L) != first ||
      lua_type(L, first) != LUA_TTABLE || !mp_quick_is_scalar(mp_quick_kind(ct->item)))
    return false;
  n = lua_rawlen(L, first);
  if (!mp_num_mul(n, ct->item->size, &bytes)) return false;
  dest_init(&d, L, E);
  d.block = mp_cdata_pushowner(L, E, ct, bytes, true);
  d.block_idx = first + 1;
  d.init = true;
  if (!mp_numbers_sequence(&d, ct->item, mp_cdata_address(d.block), first, n)) {
    lua_settop(L, first);
    return false;
  }
  if (!E->ending) d.block->flags |= MP_CD_WHOLE;
  mp_lua_scope_note(L, E);
  return true;
}

int mp_lua_new_make(lua_State *L, MpState *E, const MpCtype *ct, int first) {
  MpDest d;
  NewPlan p;
  int owner;
  if (new_quick(L, E, ct, first) || new_sequence(L, E, ct, first)) return 1;
  dest_init(&d, L, E);
  new_plan(L, &d, ct, first, &p);
  d.block = mp_cdata_pushowner(L, E, ct, p.size, p.varlen);
  owner = d.block_idx = lua_gettop(L);
  new_fill(L, &d, &p, mp_cdata_address(d.block));
  if (!E->ending) d.block->flags |= MP_CD_WHOLE;
  lua_settop(L, owner);
  mp_lua_scope_note(L, E);
  return 1;
}

/*
** ffi.new(T [, init…]). Most calls have a ctype object, which knows its engine:
** then what is quickly made needs no look at the instance.
*/
static int new_new(lua_State *L) {
  const MpCtypeObject *o = (const MpCtypeObject *)lua_touserdata(L, 1);
  MpInstance *in;
  if (o != NULL && lua_rawlen(L, 1) == sizeof *o && o->tag == MP_CTYPE_OWNTAG &&
      !o->engine->closed) {
    mp_owner_enter(o->engine);
    if (MP_LIKELY(new_quick(L, o->engine, o->ct, 2))) return 1;
  }
  in = mp_lua_core_self(L);
  return mp_lua_new_make(L, in->engine, mp_lua_ctype_check(L, in, 1), 2);
}

/* }===== */

/* {===== allocators ===== */

static bool is_callable(lua_State *L, int idx) {
  if (lua_isfunction(L, idx)) return true;
  if (luaL_getmetafield(L, idx, "__call") == LUA_TNIL) return false;
  lua_pop(L, 1);
  return true;
}

#define UP_ALLOC lua_upvalueindex(3)
#define UP_FREE lua_upvalueindex(4)
#define UP_CLEAR lua_upvalueindex(5)

/* MpBlockEnd: a metatype's __gc, then the memory back with free(ptr), whether that raised or not. */
static void allocator_end(lua_State *L, MpState *E, MpBlock *b, int idx) {
  int status = mp_cdata_callgc(L, b, idx), top = lua_gettop(L);
  (void)E;
  if (lua_getiuservalue(L, idx, MP_BLOCK_ACTION) != LUA_TNIL) {
    lua_getiuservalue(L, idx, MP_BLOCK_UNDER);
    lua_call(L, 1, 0);
  }
  lua_settop(L, top);
  if (status != LUA_OK) lua_error(L);
}

/* Calls alloc(size): a pointer cdata, left on the stack. */
static MpCdata *allocator_call(lua_State *L, MpState *E, size_t size) {
  MpCdata *c;
  lua_pushvalue(L, UP_ALLOC);
  lua_pushinteger(L, (lua_Integer)size);
  lua_call(L, 1, 2);
  if (lua_isnil(L, -2) && lua_type(L, -1) == LUA_TSTRING) /* and why, as mem.malloc says it */
    mp_state_error(L, MP_MSG_ALLOC_NULL_WHY, lua_tostring(L, -1));
  lua_pop(L, 1);
  if (lua_isnil(L, -1)) mp_state_error(L, MP_MSG_ALLOC_NULL);
  c = mp_cdata_test(L, E, -1);
  if (c == NULL || (c->ct->kind != MP_KIND_POINTER && c->ct->kind != MP_KIND_ARRAY))
    mp_state_error(L, MP_MSG_ALLOC_RESULT, luaL_typename(L, -1));
  mp_cdata_checkspan(L, c, mp_cdata_address(c), size);
  return c;
}

/* What ffi.new_allocator returns: as ffi.new. */
static int allocator_new(lua_State *L) {
  MpInstance *in = mp_lua_core_self(L);
  MpState *E = in->engine;
  MpDest d;
  NewPlan p;
  MpBlock *b;
  MpCdata *c, *under;
  size_t spare, whole;
  if (lua_isnil(L, UP_ALLOC)) return mp_lua_new_make(L, E, mp_lua_ctype_check(L, in, 1), 2);
  dest_init(&d, L, E);
  mp_cdata_checkending(L, E);
  new_plan(L, &d, mp_lua_ctype_check(L, in, 1), 2, &p);
  mp_cdata_pace(L, p.size);
  spare = p.data->align > 16 ? p.data->align - 1
                             : 0; /* what allocators give is aligned to 16 at best */
  if (!mp_num_add(p.size, spare, &whole)) mp_state_error(L, MP_MSG_NOMEM);
  b = mp_cdata_pushblock(L, E, p.ct, NULL, 0, NULL);
  d.block = &b->head;
  d.block_idx = lua_gettop(L);
  c = allocator_call(L, E, whole);
  lua_pushvalue(L, UP_FREE);
  lua_setiuservalue(L, d.block_idx, MP_BLOCK_ACTION);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, d.block_idx, MP_BLOCK_UNDER);
  b->end = allocator_end;
  under = mp_cdata_pushblockof(L, c, lua_gettop(L));
  if (under != NULL) mp_wrapper_add(L, E, under, d.block_idx); /* its end ends this first */
  mp_cdata_checklive(L, c); /* a finalizer may have run meanwhile */
  b->to = mp_cdata_address(c);
  if (spare > 0) b->to = (char *)mp_num_align((uintptr_t)b->to, p.data->align);
  b->size = p.size;
  if (p.ct->kind == MP_KIND_POINTER) b->head.flags |= MP_CD_SINGLE;
  if (lua_toboolean(L, UP_CLEAR)) memset(b->to, 0, p.size);
  new_fill(L, &d, &p, b->to);
  b->head.flags |= MP_CD_WHOLE;
  lua_settop(L, d.block_idx);
  mp_lua_scope_note(L, E);
  return 1;
}

/*
** ffi.new_allocator([alloc, free, should_clear_after_alloc]), or of a table with those fields, or
** of a domain (mem.raw)
*/
static int new_new_allocator(lua_State *L) {
  int i;
  if (lua_istable(L, 1) && mp_clib_test(L, mp_lua_core_self(L)->engine, 1) == NULL) {
    lua_settop(L, 1);
    if (lua_getfield(L, 1, "alloc") == LUA_TNIL) {
      lua_pop(L, 1);
      lua_getfield(L, 1, "malloc");
    }
    lua_getfield(L, 1, "free");
    lua_getfield(L, 1, "should_clear_after_alloc");
    lua_remove(L, 1);
  }
  lua_settop(L, 3);
  if (lua_isnil(L, 1) && !lua_isnil(L, 2)) mp_state_error(L, MP_MSG_FREE_ALONE);
  for (i = 1; i <= 2; i++)
    if (!lua_isnil(L, i) && !is_callable(L, i))
      mp_state_error(L, MP_MSG_ALLOC_CALLABLE, luaL_typename(L, i));
  if (lua_isnil(L, 3)) {
    lua_pushboolean(L, 1);
    lua_replace(L, 3);
  }
  lua_pushvalue(L, MP_UP_TYPES);
  lua_pushvalue(L, MP_UP_OWN);
  lua_rotate(L, 1, 2);
  lua_pushcclosure(L, allocator_new, 5);
  return 1;
}

/* }===== */

/* {===== cast and box ===== */

/* ffi.cast(T, v) */
static int new_cast(lua_State *L) {
  MpInstance *in = mp_lua_core_self(L);
  const MpCtype *ct = mp_lua_ctype_check(L, in, 1);
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  mp_box_cast(L, in->engine, ct, 2);
  return 1;
}

/* ffi.box(T, v) */
static int new_box(lua_State *L) {
  MpInstance *in = mp_lua_core_self(L);
  const MpCtype *ct = mp_lua_ctype_check(L, in, 1);
  luaL_checkany(L, 2);
  mp_box_push(L, in->engine, ct, 2);
  return 1;
}

/* }===== */

/* {===== gc and release ===== */

/* Takes the destructor off what gc returned. */
static int gc_remove(lua_State *L, MpCdata *c) {
  if ((c->flags & MP_CD_INLINE) || !(c->flags & MP_CD_OWNER) ||
      mp_cdata_asblock(c)->end != mp_cdata_endaction)
    mp_state_error(L, MP_MSG_GC_REMOVE);
  lua_pushnil(L);
  lua_setiuservalue(L, 1, MP_BLOCK_ACTION);
  lua_settop(L, 1);
  return 1;
}

/* What the result of gc spans: as an aggregate that, as a pointer the whole block that it looks into. */
static void gc_span(MpBlock *b, const MpCdata *c, const MpCdata *under) {
  char *base;
  bool open = c->ct->kind == MP_KIND_ARRAY && !mp_access_has_length(c);
  if (under == NULL && (c->ct->flags & MP_CTF_FLEXIBLE)) return; /* C alone knows */
  if (c->ct->kind != MP_KIND_POINTER && c->ct->kind != MP_KIND_FUNCTION && !open) {
    b->size = mp_cdata_size(c);
  } else if (under != NULL) {
    mp_cdata_extent(under, &base, &b->size);
    b->before = (size_t)((uintptr_t)b->to - (uintptr_t)base);
  }
}

/* ffi.gc(x, destructor [, size]) */
static int new_gc(lua_State *L) {
  MpState *E = mp_lua_core_self(L)->engine;
  MpCdata *c, *under;
  MpBlock *b;
  int of = lua_type(L, 1), action = lua_type(L, 2);
  if (of == LUA_TNIL) {
    lua_settop(L, 1);
    return 1;
  }
  if (action == LUA_TNONE) luaL_checkany(L, 2);
  lua_settop(L, 3);
  if (of == LUA_TFUNCTION) mp_lua_cdata_function(L, E, 1);
  c = mp_lua_cdata_check(L, E, 1);
  if (action == LUA_TNIL) return gc_remove(L, c);
  if (action != LUA_TFUNCTION && !is_callable(L, 2))
    mp_state_error(L, MP_MSG_GC_DESTRUCTOR, luaL_typename(L, 2));
  mp_cdata_checkending(L, E);
  if (c->flags & MP_CD_BOX) mp_state_error(L, MP_MSG_GC_BOX, mp_state_pushrepr(L, c->ct, NULL));
  if (!lua_isnil(L, 3)) {
    lua_Integer size = mp_toc_index(L, E, 3, "size");
    if (size < 0) mp_state_error(L, MP_MSG_SIZE_NEGATIVE, "size");
    mp_cdata_pace(L, (size_t)size);
  }
  under = mp_cdata_pushblockof(L, c, 1);
  b = mp_cdata_pushblock(L, E, c->ct, mp_cdata_address(c), MP_CD_UNBOUNDED, mp_cdata_endaction);
  b->head.flags |= c->flags & (MP_CD_SINGLE | MP_CD_READONLY);
  gc_span(b, c, under);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, MP_BLOCK_UNDER);
  if (under != NULL) {
    b->head.flags |= under->flags & MP_CD_READONLY;
    mp_wrapper_add(L, E, under, 5);
  }
  mp_cdata_checklive(L, c); /* a finalizer may have run meanwhile */
  lua_pushvalue(L, 2);
  lua_setiuservalue(L, -2, MP_BLOCK_ACTION);
  mp_lua_scope_note(L, E);
  return 1;
}

void mp_lua_new_release(lua_State *L, MpState *E, MpCdata *c, int idx) {
  if (!(c->flags & (MP_CD_OWNER | MP_CD_BOX)))
    mp_state_error(L, MP_MSG_RELEASE, mp_state_pushrepr(L, c->ct, NULL));
  if (c->flags & MP_CD_OWNER) mp_cdata_release(L, E, c, idx);
}

/* ffi.release(x) */
static int new_release(lua_State *L) {
  MpState *E = mp_lua_core_self(L)->engine;
  MpCdata *c = mp_cdata_test(L, E, 1);
  if (lua_isnil(L, 1)) return 0;
  if (c == NULL) mp_state_error(L, MP_MSG_WANT_CDATA, luaL_typename(L, 1));
  mp_lua_new_release(L, E, c, 1);
  return 0;
}

int mp_lua_new_close(lua_State *L) {
  MpCdata *c = mp_cdata_self(L);
  mp_state_enter(mp_state_of(c->ct));
  mp_lua_new_release(L, mp_state_of(c->ct), c, 1);
  return 0;
}

/* }===== */

/* {===== handles ===== */

/* MpBlockEnd: the address stands for nothing any more. */
static void handle_end(lua_State *L, MpState *E, MpBlock *b, int idx) {
  (void)E, (void)idx;
  mp_state_pushuv(L, MP_STATE_HANDLES);
  lua_pushnil(L);
  lua_rawsetp(L, -2, b->to);
}

/* Above what a machine's pointers reach (x86-64 and others use at most 57 bits of them). */
#define HANDLE_FIRST UINT64_C(0x8000000000000000)

/* ffi.new_handle(v) */
static int new_new_handle(lua_State *L) {
  MpState *E = mp_lua_core_self(L)->engine;
  const MpCtype *ct;
  MpErr e;
  MpBlock *b;
  luaL_checkany(L, 1);
  if (mp_ctype_pointer(&E->root, E->root.void_type, &ct, &e) != MP_OK) mp_state_raise(L, &e);
  b = mp_cdata_pushblock(L, E, ct, NULL, 0, handle_end);
  /* An address that no memory has, and that never comes again: a dead handle is no other's. */
  b->to = (char *)(uintptr_t)(HANDLE_FIRST + E->handles++ * 16);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, MP_BLOCK_ACTION);
  mp_state_pushuv(L, MP_STATE_HANDLES);
  lua_pushvalue(L, -2);
  lua_rawsetp(L, -2, b->to);
  lua_pop(L, 1);
  return 1;
}

/* ffi.from_handle(p) */
static int new_from_handle(lua_State *L) {
  MpState *E = mp_lua_core_self(L)->engine;
  MpCdata *c;
  if (lua_isnil(L, 1)) mp_state_error(L, MP_MSG_HANDLE_NULL);
  c = mp_lua_cdata_check(L, E, 1);
  if (c->ct->kind != MP_KIND_POINTER) mp_state_error(L, MP_MSG_HANDLE);
  mp_state_pushuv(L, MP_STATE_HANDLES);
  lua_rawgetp(L, -1, mp_cdata_address(c));
  c = mp_cdata_test(L, E, -1);
  if (c == NULL || (c->flags & MP_CD_RELEASED)) mp_state_error(L, MP_MSG_HANDLE);
  lua_getiuservalue(L, -1, MP_BLOCK_ACTION);
  return 1;
}

/* }===== */

const luaL_Reg mp_lua_new_functions[] = {{"new", new_new},
                                         {"new_allocator", new_new_allocator},
                                         {"cast", new_cast},
                                         {"box", new_box},
                                         {"gc", new_gc},
                                         {"release", new_release},
                                         {"new_handle", new_new_handle},
                                         {"from_handle", new_from_handle},
                                         {NULL, NULL}};
