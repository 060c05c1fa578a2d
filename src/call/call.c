/*
** call.c: from a Lua call to a C call and back. Lua calls the closures; a
** prepared call lies in the memory of its function type's home.
*/

#include "call/call.h"

#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "call/lock.h"
#include "call/tail.h"
#include "value/toc.h"
#include "value/tolua.h"

/* What the second upvalue of a library's function is. */
typedef struct Callable {
  MpState *engine;
  const MpRoute *route; /* of its prepared call, without a tail */
  void (*code)(void);
  MpPrepared *prepared;
  MpLib *lib;
} Callable;

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

/* A result that the route has no way for. */
static void push_other(lua_State *L, MpState *E, const MpRoute *p, const char *at, int first) {
  const MpCtype *ct = p->result_type;
  char *address;
  if (mp_ctype_is_record(ct)) {
    mp_tolua_record(L, E, ct, at);
    return;
  }
  if (ct->kind != MP_KIND_POINTER) {
    mp_tolua_push(L, E, ct, at, NULL, 0);
    return;
  }
  memcpy(&address, at, sizeof address);
  if (p->pointers)
    push_pointer_result(L, E, ct->plain, address, first);
  else
    mp_tolua_pointer(L, E, ct->plain, address, 0);
}

/* Pushes the result; how many there are. */
static inline int push_result(lua_State *L, MpState *E, const MpRoute *p, const char *frame,
                              int first) {
  if (p->result == MP_RETURN_VOID) return 0;
  if (MP_UNLIKELY(!mp_route_store(L, p, frame))) push_other(L, E, p, frame + p->result_at, first);
  return 1;
}

/* }===== */

/* {===== calling ===== */

/* While the state lock is on: others may have the state as long as C runs. */
static void call_shared(lua_State *L, MpState *E, const MpRoute *p, MpCifDirect direct,
                        void (*code)(void), char *frame) {
  MpVisit v;
  lua_State *before = E->running;
  int *error = &errno, saved = E->saved_errno;
  MpCif *cif = p->cif; /* the route may go meanwhile, with the state */
  bool keeps = p->nonblocking;
  if (keeps)
    E->running = L;
  else
    mp_lock_give(E, &v, L);
  *error = saved;
  if (direct != NULL)
    direct(code, frame);
  else
    mp_cif_call(cif, code, frame);
  saved = *error;
  if (keeps)
    E->running = before;
  else
    mp_lock_take(E, &v);
  E->saved_errno = saved;
  if (E->unclosed) mp_state_closelibs(E);
}

/* The call from a thread that isn't the one on which moonpool was last entered. */
__attribute__((noinline)) static void call_elsewhere(lua_State *L, MpState *E, const MpRoute *p,
                                                     MpCifDirect direct, void (*code)(void),
                                                     char *frame);

/*
** The C call itself: errno is the state's on the way in, and C's on the way
** out. `direct`: the route's, where its steps have written the frame; else NULL.
*/
static inline void call_enter(lua_State *L, MpState *E, const MpRoute *p, MpCifDirect direct,
                              void (*code)(void), char *frame) {
  lua_State *before = E->running;
  int *error;
  if (MP_UNLIKELY(!mp_owner_sits(E->seat))) {
    call_elsewhere(L, E, p, direct, code, frame);
    return;
  }
  error = MP_OWNER_ERRNO(E);
  E->running = L;
  *error = E->saved_errno;
  if (direct != NULL)
    direct(code, frame);
  else
    mp_cif_call(p->cif, code, frame);
  E->saved_errno = *error;
  E->running = before;
  if (MP_UNLIKELY(E->unclosed)) mp_state_closelibs(E);
}

static void call_elsewhere(lua_State *L, MpState *E, const MpRoute *p, MpCifDirect direct,
                           void (*code)(void), char *frame) {
  if (E->locked) {
    call_shared(L, E, p, direct, code, frame);
  } else {
    mp_owner_move(E);
    call_enter(L, E, p, direct, code, frame);
  }
}

static MP_NORETURN void wrong_count(lua_State *L, const MpCtype *fn, uint32_t expected, int got) {
  const char *type = mp_state_pushrepr(L, fn, NULL);
  mp_state_error(L, MP_MSG_ARG_COUNT, type, fn->u.function->variadic ? "at least " : "", expected,
                 expected == 1 ? "" : "s", got);
}

/* Calls whose arguments may be of any kind; returns the number of results. */
__attribute__((noinline)) static int call_slowly(lua_State *L, MpState *E, MpPrepared *prepared,
                                                 void (*code)(void), int first) {
  const MpFunction *f = prepared->fn->u.function;
  const MpRoute *p = prepared->route;
  int got = lua_gettop(L) - first + 1, n = (int)f->nparams, i;
  _Alignas(16) char room[MP_ROUTE_FRAME];
  MpPin pins[MP_ROUTE_PINS];
  char *frame = room;
  size_t size;
  MpDest d;
  if (got != n && (!f->variadic || got < n)) wrong_count(L, prepared->fn, f->nparams, got);
  if (got > 8) luaL_checkstack(L, got + LUA_MINSTACK, NULL); /* room for temporaries */
  if (got > n) p = mp_tail_route(L, E, prepared, first + n);
  size = mp_cif_frame(p->cif)->size;
  if (size > sizeof room)
    frame = (char *)mp_num_align((uintptr_t)lua_newuserdatauv(L, size + 16, 0), 16);
  memset(frame, 0, size); /* what an argument leaves of its register isn't what was there before */
  memset(&d, 0, sizeof d);
  d.L = L;
  d.E = E;
  d.fn = prepared->fn;
  d.pins = pins;
  d.room = MP_ROUTE_PINS;
  for (i = 0; i < got; i++) {
    d.arg = i + 1;
    mp_toc_write(&d, p->steps[i].ct, frame + p->steps[i].at, first + i);
  }
  for (i = 0; i < d.npins; i++) d.pins[i].block->pins++;
  call_enter(L, E, p, NULL, code, frame);
  for (i = 0; i < d.npins; i++) mp_cdata_unpin(L, E, d.pins[i].block, d.pins[i].idx);
  return push_result(L, E, p, frame, first);
}

/*
** Calls whose arguments are what the route expects: the number of results, or -1
** before anything is done.
*/
__attribute__((always_inline)) static inline int
call_quickly(lua_State *L, MpState *E, const MpRoute *p, void (*code)(void), int first) {
  _Alignas(16) char frame[MP_ROUTE_FRAME];
  MpPin pins[MP_ROUTE_PINS];
  int npins = mp_route_load(L, E, p, frame, first, pins), i;
  if (npins < 0) return -1;
  for (i = 0; MP_UNLIKELY(i < npins); i++) pins[i].block->pins++;
  call_enter(L, E, p, p->direct, code, frame);
  for (i = 0; MP_UNLIKELY(i < npins); i++) mp_cdata_unpin(L, E, pins[i].block, pins[i].idx);
  return push_result(L, E, p, frame, first);
}

/* The route to try first for so many arguments, or NULL. */
static inline const MpRoute *call_route(const MpPrepared *prepared, int got) {
  const MpRoute *p = prepared->route;
  if (MP_UNLIKELY(p->nargs != got)) {
    if (prepared->tails == NULL) return NULL;
    p = prepared->tails->route;
  }
  return p->quick && p->nargs == got ? p : NULL;
}

/* Calls with the arguments at stack indexes first …; returns the number of results. */
__attribute__((always_inline)) static inline int
call_run(lua_State *L, MpState *E, MpPrepared *prepared, void (*code)(void), int first) {
  const MpRoute *p = call_route(prepared, lua_gettop(L) - first + 1);
  int results = MP_LIKELY(p != NULL) ? call_quickly(L, E, p, code, first) : -1;
  return MP_LIKELY(results >= 0) ? results : call_slowly(L, E, prepared, code, first);
}

/* Raises if the engine has ended, or the function's library was closed. */
static void call_check(lua_State *L, const Callable *c) {
  if (c->engine->closed) mp_state_error(L, MP_MSG_CLOSED);
  if (c->lib->closed) mp_state_error(L, MP_MSG_LIB_CLOSED, c->lib->name);
}

/* A library's function. */
static int call_entry(lua_State *L) {
  const Callable *c = (const Callable *)lua_touserdata(L, MP_UP_OWN);
  if (MP_UNLIKELY(c->engine->wary)) call_check(L, c);
  return call_run(L, c->engine, c->prepared, c->code, 1);
}

/*
** One that takes what plain routes are for, or has a variadic part: of other
** arguments than were expected call_entry makes what there is to make.
*/
static int call_plain(lua_State *L) {
  const Callable *c = (const Callable *)lua_touserdata(L, MP_UP_OWN);
  const MpRoute *p = c->route;
  _Alignas(16) char frame[MP_ROUTE_FRAME];
  int n = lua_gettop(L), i;
  if (MP_UNLIKELY(c->engine->wary)) call_check(L, c);
  if (MP_UNLIKELY(p->nargs != n)) {
    p = call_route(c->prepared, n);
    if (p == NULL || !p->plain) return call_entry(L);
  }
  for (i = 0; i < n; i++) {
    const MpStep *s = &p->steps[i];
    char *at = frame + s->at;
    if (MP_LIKELY(mp_route_loadplain(L, s, at, i + 1))) continue;
    if (s->op == MP_STEP_RECORD ? !mp_route_loadrecord(L, c->engine, s, at, i + 1)
                                : !mp_route_loadother(L, c->engine, s, at, i + 1, NULL, NULL))
      return call_entry(L);
  }
  if (p->direct == NULL) __builtin_unreachable(); /* it is plain */
  call_enter(L, c->engine, p, p->direct, c->code, frame);
  return push_result(L, c->engine, p, frame, 1);
}

void mp_call_push(lua_State *L, MpState *E, const MpCtype *fn, void (*code)(void), MpLib *lib) {
  int top = lua_gettop(L); /* instance, block */
  Callable *c;
  MpPrepared *p = mp_tail_prepare(L, fn);
  lua_pushvalue(L, MP_UP_TYPES);
  c = (Callable *)lua_newuserdatauv(L, sizeof(Callable), 2);
  c->engine = E;
  c->prepared = p;
  c->route = p->route;
  c->code = code;
  c->lib = lib;
  lua_pushvalue(L, top - 1);
  lua_setiuservalue(L, -2, 1);
  lua_pushvalue(L, top);
  lua_setiuservalue(L, -2, 2);
  lua_pushcclosure(L, p->route->plain ? call_plain : call_entry, 2);
  lua_replace(L, top - 1);
  lua_settop(L, top - 1);
}

bool mp_call_is(lua_State *L, int idx, const MpCtype **fn, void (**code)(void)) {
  const Callable *c;
  lua_CFunction f = lua_tocfunction(L, idx);
  if (f != call_entry && f != call_plain) return false;
  lua_getupvalue(L, idx, 2);
  c = (const Callable *)lua_touserdata(L, -1);
  call_check(L, c);
  *fn = c->prepared->fn;
  *code = c->code;
  lua_getiuservalue(L, -1, 2);
  lua_remove(L, -2);
  return true;
}

void mp_call_pushnonblocking(lua_State *L, int idx) {
  const MpCtype *fn;
  const Callable *c;
  lua_getupvalue(L, idx, 2);
  c = (const Callable *)lua_touserdata(L, -1);
  fn = mp_call_nonblocking(L, c->prepared->fn);
  lua_getiuservalue(L, -1, 1);
  lua_getiuservalue(L, -2, 2);
  lua_remove(L, -3);
  mp_call_push(L, c->engine, fn, c->code, c->lib);
}

const MpCtype *mp_call_nonblocking(lua_State *L, const MpCtype *fn) {
  MpErr e;
  const MpCtype *ct;
  MpFunction f = *fn->u.function;
  f.nonblocking = true;
  f.prepared = f.answered = NULL;
  if (mp_ctype_function(fn->home, fn->item, &f, &ct, &e) != MP_OK) mp_state_raise(L, &e);
  return ct;
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
  return call_run(L, E, mp_tail_prepare(L, fn), code, 2);
}

/* }===== */
