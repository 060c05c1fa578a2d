/*
** call.c: from a Lua call to a C call and back. Lua calls the closures; a
** prepared call lies in the memory of its function type's home.
*/

#include "call/call.h"

#include <errno.h>
#include <string.h>

#include "abi/cif.h"
#include "base/num.h"
#include "call/owner.h"
#include "value/toc.h"
#include "value/tolua.h"

/* Frames up to this size lie on the C stack. */
#define CALL_FRAME 512
#define CALL_PINS 8 /* and so many blocks that C uses, before they are put elsewhere */

/* A call with a variadic part of certain types. */
typedef struct Tail {
  struct Tail *next;
  uint32_t n;
  const MpCtype **types;
  MpCif *cif;
} Tail;

typedef struct Prepared {
  const MpCtype *fn;
  MpCif *cif;  /* of a variadic one: without a tail */
  Tail *tails; /* newest first */
} Prepared;

/* What the second upvalue of a library's function is. */
typedef struct Callable {
  MpState *engine;
  Prepared *prepared;
  void (*code)(void);
  MpLib *lib;
} Callable;

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

static Prepared *call_prepare(lua_State *L, const MpCtype *fn) {
  MpErr e;
  MpAlloc alloc = arena_alloc(&fn->home->arena);
  Prepared *p = (Prepared *)fn->u.function->prepared;
  if (p != NULL) return p;
  p = (Prepared *)mp_arena_new(&fn->home->arena, sizeof(Prepared));
  if (p == NULL) mp_state_error(L, MP_MSG_NOMEM);
  p->fn = fn;
  if (mp_cif_new(&alloc, fn, NULL, 0, &p->cif, &e) != MP_OK) mp_state_raise(L, &e);
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

static const MpCtype *cdata_tail_type(lua_State *L, MpState *E, const MpCdata *c, int arg) {
  const MpCtype *ct = c->ct->plain;
  switch ((MpKind)ct->kind) {
    case MP_KIND_POINTER:
    case MP_KIND_ARRAY:
    case MP_KIND_FUNCTION: return const_pointer(L, E, E->root.void_type);
    case MP_KIND_PRIM:
    case MP_KIND_ENUM:
    case MP_KIND_BITINT: return promote(E, ct);
    case MP_KIND_VOID: mp_state_error(L, MP_MSG_VARIADIC, arg, mp_toc_describe(L, E, arg));
    default: return ct;
  }
}

/* The C type that a Lua value has in a variadic part. */
static const MpCtype *tail_type(lua_State *L, MpState *E, int arg) {
  const MpCdata *c;
  const MpCtype *fn;
  void (*code)(void);
  switch (lua_type(L, arg)) {
    case LUA_TNUMBER: return E->root.prims[lua_isinteger(L, arg) ? MP_PRIM_LLONG : MP_PRIM_DOUBLE];
    case LUA_TBOOLEAN: return E->root.prims[MP_PRIM_INT];
    case LUA_TNIL:
    case LUA_TLIGHTUSERDATA: return const_pointer(L, E, E->root.void_type);
    case LUA_TSTRING: return const_pointer(L, E, E->root.prims[MP_PRIM_CHAR]);
    case LUA_TFUNCTION:
      if (mp_call_is(L, arg, &fn, &code)) {
        lua_pop(L, 1);
        return const_pointer(L, E, E->root.void_type);
      }
      mp_state_error(L, MP_MSG_VARIADIC_FUNCTION, arg);
    default: break;
  }
  c = mp_cdata_test(L, E, arg);
  if (c == NULL) mp_state_error(L, MP_MSG_VARIADIC, arg, mp_toc_describe(L, E, arg));
  return cdata_tail_type(L, E, c, arg);
}

static Tail *tail_find(const Prepared *p, const MpCtype *const *types, uint32_t n) {
  Tail *t;
  for (t = p->tails; t != NULL; t = t->next)
    if (t->n == n && memcmp(t->types, types, n * sizeof *types) == 0) return t;
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

static bool tail_lasts(const Prepared *p, const MpCtype *const *types, uint32_t n) {
  uint32_t i;
  for (i = 0; i < n; i++)
    if (!mp_space_sees(p->fn->home, types[i]->home)) return false;
  return true;
}

/*
** The prepared call with that tail; kept, unless a type of it is at home in an
** instance that may go before the function's: then it is for this call alone.
*/
static MpCif *tail_prepare(lua_State *L, Prepared *p, const MpCtype *const *types, uint32_t n) {
  MpErr e;
  bool lasts = tail_lasts(p, types, n);
  MpAlloc alloc = {stack_resize, L};
  Tail *t = lasts ? tail_find(p, types, n) : NULL;
  if (t != NULL) return t->cif;
  if (lasts) alloc = arena_alloc(&p->fn->home->arena);
  t = (Tail *)mp_alloc_new(&alloc, sizeof(Tail));
  if (t == NULL || (t->types = (const MpCtype **)mp_alloc_new(&alloc, n * sizeof *types)) == NULL)
    mp_state_error(L, MP_MSG_NOMEM);
  if (mp_cif_new(&alloc, p->fn, types, n, &t->cif, &e) != MP_OK) mp_state_raise(L, &e);
  memcpy(t->types, types, n * sizeof *types);
  t->n = n;
  if (!lasts) return t->cif;
  t->next = p->tails;
  p->tails = t;
  return t->cif;
}

/* }===== */

/* {===== results ===== */

/* How well `p` fits a block: 2 inside, 1 at its very end, 0 not. */
static int block_fit(const char *p, const char *base, size_t size) {
  if (size == MP_CD_UNBOUNDED) return p == base ? 2 : 0;
  if ((uintptr_t)p < (uintptr_t)base || (uintptr_t)p - (uintptr_t)base > size) return 0;
  return (uintptr_t)p - (uintptr_t)base < size ? 2 : 1;
}

/*
** A pointer that a call returned: if it lies in a block, a string or a
** temporary that was an argument, it is a view of that (strchr, fgets).
*/
static void push_pointer_result(lua_State *L, MpState *E, const MpCtype *ct, char *p, int first) {
  int last = lua_gettop(L), i, best = 0, best_idx = 0;
  for (i = first; p != NULL && i <= last && best < 2; i++) {
    int fit = 0;
    if (lua_type(L, i) == LUA_TSTRING) {
      fit = block_fit(p, lua_tostring(L, i), lua_rawlen(L, i) + 1);
    } else {
      const MpCdata *c = mp_cdata_test(L, E, i), *block = c ? mp_cdata_block(c) : NULL;
      char *base;
      size_t size;
      if (block != NULL) {
        mp_cdata_extent(block, &base, &size);
        fit = block_fit(p, base, size);
      }
    }
    if (fit > best) {
      best = fit;
      best_idx = i;
    }
  }
  if (best_idx == 0) {
    mp_tolua_pointer(L, E, ct, p, 0);
    return;
  }
  if (lua_type(L, best_idx) == LUA_TSTRING)
    mp_toc_pushstring(L, E, best_idx);
  else
    mp_cdata_pushblockof(L, (MpCdata *)lua_touserdata(L, best_idx), best_idx);
  mp_tolua_pointer(L, E, ct, p, lua_gettop(L));
}

static int push_result(lua_State *L, MpState *E, const MpCtype *ct, const char *at, int first) {
  if (ct->kind == MP_KIND_VOID) return 0;
  if (ct->kind == MP_KIND_POINTER) {
    char *p;
    memcpy(&p, at, sizeof p);
    push_pointer_result(L, E, ct->plain, p, first);
  } else {
    mp_tolua_push(L, E, ct, at, NULL, 0);
  }
  return 1;
}

/* }===== */

/* {===== calling ===== */

static void lib_leave(MpLib *lib) {
  if (--lib->active == 0 && lib->closed) mp_state_closehandle(lib);
}

/* The C call itself: errno is the state's on the way in, and C's on the way out. */
static void call_enter(lua_State *L, MpState *E, const MpCif *cif, void (*code)(void), char *frame,
                       MpLib *lib) {
  lua_State *before = E->running;
  if (lib != NULL) lib->active++;
  E->running = L;
  mp_owner_enter(E);
  errno = E->saved_errno;
  mp_cif_call(cif, code, frame);
  E->saved_errno = errno;
  E->running = before;
  if (lib != NULL) lib_leave(lib);
}

static MP_NORETURN void wrong_count(lua_State *L, const MpCtype *fn, uint32_t expected, int got) {
  const char *type = mp_state_pushrepr(L, fn, NULL);
  mp_state_error(L, MP_MSG_ARG_COUNT, type, fn->u.function->variadic ? "at least " : "", expected,
                 expected == 1 ? "" : "s", got);
}

/* Calls with the arguments at stack indexes first …; returns the number of results. */
static int call_run(lua_State *L, MpState *E, Prepared *p, void (*code)(void), MpLib *lib,
                    int first) {
  const MpFunction *f = p->fn->u.function;
  int got = lua_gettop(L) - first + 1, i;
  uint32_t n = f->nparams, ntail = 0;
  const MpCif *cif = p->cif;
  const MpCifFrame *frame;
  const MpCtype **tail = NULL;
  _Alignas(16) char room[CALL_FRAME];
  MpPin pins[CALL_PINS];
  char *bytes = room;
  MpDest d;
  if (MP_UNLIKELY((uint32_t)got != n) && (!f->variadic || got < (int)n))
    wrong_count(L, p->fn, n, got);
  if (got > 8) luaL_checkstack(L, got + LUA_MINSTACK, NULL); /* room for temporaries */
  if (f->variadic && got > (int)n) {
    ntail = (uint32_t)got - n;
    tail = (const MpCtype **)lua_newuserdatauv(L, ntail * sizeof *tail, 0);
    for (i = 0; i < (int)ntail; i++) tail[i] = tail_type(L, E, first + (int)n + i);
    cif = tail_prepare(L, p, tail, ntail);
  }
  frame = mp_cif_frame(cif);
  if (frame->size > sizeof room)
    bytes = (char *)mp_num_align((uintptr_t)lua_newuserdatauv(L, frame->size + 16, 0), 16);
  memset(&d, 0, sizeof d);
  d.L = L;
  d.E = E;
  d.fn = p->fn;
  d.pins = pins;
  d.room = CALL_PINS;
  for (i = 0; i < got; i++) {
    d.arg = i + 1;
    if (i >= (int)n && lua_isboolean(L, first + i)) { /* passed as an int */
      lua_pushinteger(L, lua_toboolean(L, first + i));
      lua_replace(L, first + i);
    }
    mp_toc_write(&d, i < (int)n ? f->params[i] : tail[i - (int)n], bytes + frame->offsets[i],
                 first + i);
  }
  for (i = 0; i < d.npins; i++) d.pins[i].block->pins++;
  call_enter(L, E, cif, code, bytes, lib);
  for (i = 0; i < d.npins; i++) mp_cdata_unpin(L, E, d.pins[i].block, d.pins[i].idx);
  return push_result(L, E, p->fn->item, bytes + frame->result_at, first);
}

/* A library's function. */
static int call_entry(lua_State *L) {
  Callable *c = (Callable *)lua_touserdata(L, MP_UP_OWN);
  if (MP_UNLIKELY(c->engine->closed)) mp_state_error(L, MP_MSG_CLOSED);
  if (MP_UNLIKELY(c->lib->closed)) mp_state_error(L, MP_MSG_LIB_CLOSED, c->lib->name);
  return call_run(L, c->engine, c->prepared, c->code, c->lib, 1);
}

void mp_call_push(lua_State *L, MpState *E, const MpCtype *fn, void (*code)(void), MpLib *lib) {
  int top = lua_gettop(L); /* instance, block */
  Callable *c;
  Prepared *p = call_prepare(L, fn);
  lua_pushvalue(L, MP_UP_TYPES);
  c = (Callable *)lua_newuserdatauv(L, sizeof(Callable), 2);
  c->engine = E;
  c->prepared = p;
  c->code = code;
  c->lib = lib;
  lua_pushvalue(L, top - 1);
  lua_setiuservalue(L, -2, 1);
  lua_pushvalue(L, top);
  lua_setiuservalue(L, -2, 2);
  lua_pushcclosure(L, call_entry, 2);
  lua_replace(L, top - 1);
  lua_settop(L, top - 1);
}

bool mp_call_is(lua_State *L, int idx, const MpCtype **fn, void (**code)(void)) {
  const Callable *c;
  if (lua_tocfunction(L, idx) != call_entry) return false;
  lua_getupvalue(L, idx, 2);
  c = (const Callable *)lua_touserdata(L, -1);
  if (c->engine->closed) mp_state_error(L, MP_MSG_CLOSED);
  if (c->lib->closed) mp_state_error(L, MP_MSG_LIB_CLOSED, c->lib->name);
  *fn = c->prepared->fn;
  *code = c->code;
  lua_getiuservalue(L, -1, 2);
  lua_remove(L, -2);
  return true;
}

int mp_call_cdata(lua_State *L) {
  MpCdata *c = mp_cdata_self(L);
  MpState *E = mp_state_of(c->ct);
  const MpCtype *fn = mp_cdata_target(c);
  void (*code)(void);
  char *address = mp_cdata_address(c);
  if (fn->kind != MP_KIND_FUNCTION)
    mp_state_error(L, MP_MSG_NOT_CALLABLE, mp_state_pushrepr(L, c->ct, NULL));
  mp_cdata_checklive(L, c);
  memcpy(&code, &address, sizeof code);
  return call_run(L, E, call_prepare(L, fn), code, NULL, 2);
}

/* }===== */
