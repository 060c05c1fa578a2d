/*
** tail.c: prepares calls, and the routes of variadic ones by the types of what
** they are called with. Called by call.c. A route is kept with its function,
** but for one with types that may go before it does.
*/

#include "call/tail.h"

#include <string.h>

#include "call/call.h"

/* Types of a tail up to this length lie on the C stack. */
#define TAIL_ROOM 32

/* {===== preparing ===== */

/* An MpAlloc over an arena: what is taken goes with it. */
static void *arena_resize(void *ud, void *ptr, size_t osize, size_t nsize) {
  void *fresh;
  if (nsize <= osize) return nsize == 0 ? NULL : ptr;
  fresh = mp_arena_new((MpArena *)ud, nsize);
  if (fresh != NULL && ptr != NULL) memcpy(fresh, ptr, osize);
  return fresh;
}

static MpAlloc arena_alloc(MpArena *arena) {
  MpAlloc a;
  a.resize = arena_resize;
  a.ud = arena;
  return a;
}

MpPrepared *mp_tail_prepare(lua_State *L, const MpCtype *fn) {
  MpAlloc alloc = arena_alloc(mp_space_lasting(fn->home));
  MpPrepared *p = (MpPrepared *)fn->u.function->prepared;
  if (p != NULL) return p;
  p = (MpPrepared *)mp_arena_new(mp_space_lasting(fn->home), sizeof(MpPrepared));
  if (p == NULL) mp_state_error(L, MP_MSG_NOMEM);
  p->fn = fn;
  p->tails = NULL;
  p->route = mp_route_new(L, &alloc, fn, NULL, 0);
  fn->u.function->prepared = p;
  return p;
}

/* }===== */

/* {===== the variadic part ===== */

/* Every pointer passes alike: as `const void *`, or for strings `const char *`. */
static const MpCtype *const_pointer(lua_State *L, MpState *E, const MpCtype *item) {
  MpErr e;
  const MpCtype *ct;
  if (mp_ctype_qualify(&E->root, item, MP_QUAL_CONST, 0, &ct, &e) != MP_OK ||
      mp_ctype_pointer(&E->root, ct, &ct, &e) != MP_OK)
    mp_state_raise(L, &e);
  return ct;
}

/* The default argument promotions (C11 6.5.2.2p6). */
static const MpCtype *promote(const MpState *E, const MpCtype *ct) {
  if (mp_ctype_is_float(ct) && ct->size < sizeof(double) && ct->prim != MP_PRIM_FLOAT32)
    return ct->prim == MP_PRIM_FLOAT ? E->root.prims[MP_PRIM_DOUBLE] : ct;
  if (ct->kind != MP_KIND_BITINT && mp_ctype_is_integer(ct) && ct->size < sizeof(int))
    return E->root.prims[MP_PRIM_INT];
  return ct;
}

static const MpCtype *cdata_tail_type(lua_State *L, MpState *E, const MpCdata *c, int idx,
                                      int arg) {
  const MpCtype *ct = c->ct->plain;
  switch ((MpKind)ct->kind) {
    case MP_KIND_POINTER:
    case MP_KIND_ARRAY:
    case MP_KIND_FUNCTION: return const_pointer(L, E, E->root.void_type);
    case MP_KIND_PRIM:
    case MP_KIND_ENUM:
    case MP_KIND_BITINT: return promote(E, ct);
    case MP_KIND_VOID: mp_state_error(L, MP_MSG_VARIADIC, arg, mp_toc_describe(L, E, idx));
    default: return ct;
  }
}

/* The C type that the Lua value at idx has in a variadic part, as argument number `arg`. */
static const MpCtype *tail_type(lua_State *L, MpState *E, int idx, int arg) {
  const MpCdata *c;
  const MpCtype *fn;
  void (*code)(void);
  switch (lua_type(L, idx)) {
    case LUA_TNUMBER: return E->root.prims[lua_isinteger(L, idx) ? MP_PRIM_LLONG : MP_PRIM_DOUBLE];
    case LUA_TBOOLEAN: return E->root.prims[MP_PRIM_INT];
    case LUA_TNIL:
    case LUA_TLIGHTUSERDATA: return const_pointer(L, E, E->root.void_type);
    case LUA_TSTRING: return const_pointer(L, E, E->root.prims[MP_PRIM_CHAR]);
    case LUA_TFUNCTION:
      if (mp_call_is(L, idx, &fn, &code)) {
        lua_pop(L, 1);
        return const_pointer(L, E, E->root.void_type);
      }
      mp_state_error(L, MP_MSG_VARIADIC_FUNCTION, arg);
    default: break;
  }
  c = mp_cdata_test(L, E, idx);
  if (c == NULL) mp_state_error(L, MP_MSG_VARIADIC, arg, mp_toc_describe(L, E, idx));
  return cdata_tail_type(L, E, c, idx, arg);
}

/* A tail of just these types, moved to the front; NULL when there was none yet. */
static MpTail *tail_find(MpPrepared *p, const MpCtype *const *types, uint32_t n) {
  MpTail **link, *t;
  for (link = &p->tails; (t = *link) != NULL; link = &t->next) {
    if (t->n != n || memcmp(t->types, types, n * sizeof *types) != 0) continue;
    *link = t->next;
    t->next = p->tails;
    p->tails = t;
    return t;
  }
  return NULL;
}

/* An MpAlloc over the stack: what is taken goes when the Lua function returns. */
static void *stack_resize(void *ud, void *ptr, size_t osize, size_t nsize) {
  void *fresh;
  if (nsize <= osize) return nsize == 0 ? NULL : ptr;
  luaL_checkstack((lua_State *)ud, 1, NULL);
  fresh = lua_newuserdatauv((lua_State *)ud, nsize, 0);
  return ptr != NULL ? memcpy(fresh, ptr, osize) : fresh;
}

static bool tail_lasts(const MpPrepared *p, const MpCtype *const *types, uint32_t n) {
  uint32_t i;
  for (i = 0; i < n; i++)
    if (!mp_space_sees(p->fn->home, types[i]->home)) return false;
  return true;
}

/*
** The route with that tail; kept, unless a type of it is at home in an instance
** that may go before the function's: then it is for this call alone.
*/
static const MpRoute *tail_route(lua_State *L, MpPrepared *p, const MpCtype *const *types,
                                 uint32_t n) {
  bool lasts = tail_lasts(p, types, n);
  MpAlloc alloc = {stack_resize, L};
  MpTail *t = lasts ? tail_find(p, types, n) : NULL;
  MpRoute *route;
  if (t != NULL) return t->route;
  if (!lasts) return mp_route_new(L, &alloc, p->fn, types, n);
  alloc = arena_alloc(mp_space_lasting(p->fn->home));
  route = mp_route_new(L, &alloc, p->fn, types, n);
  t = (MpTail *)mp_alloc_new(&alloc, sizeof(MpTail));
  if (t == NULL || (t->types = (const MpCtype **)mp_alloc_new(&alloc, n * sizeof *types)) == NULL)
    mp_state_error(L, MP_MSG_NOMEM);
  memcpy(t->types, types, n * sizeof *types);
  t->n = n;
  t->route = route;
  t->next = p->tails;
  p->tails = t;
  return t->route;
}

const MpRoute *mp_tail_route(lua_State *L, MpState *E, MpPrepared *p, int first) {
  const MpCtype *room[TAIL_ROOM], **types = room;
  int n = lua_gettop(L) - first + 1, i, arg0 = (int)p->fn->u.function->nparams + 1;
  if (n > TAIL_ROOM) types = (const MpCtype **)lua_newuserdatauv(L, (size_t)n * sizeof *types, 0);
  for (i = 0; i < n; i++) {
    types[i] = tail_type(L, E, first + i, arg0 + i);
    if (!lua_isboolean(L, first + i)) continue; /* passed as an int */
    lua_pushinteger(L, lua_toboolean(L, first + i));
    lua_replace(L, first + i);
  }
  return tail_route(L, p, types, (uint32_t)n);
}

/* }===== */
