/*
** callback.c: the way from C into Lua. C enters through a closure of abi/,
** which has a record of owner.h behind it; the Lua function runs protected on
** the coroutine that is in C, and no error leaves. The cdata, a block, ends the
** closure. The engine's table of targets has the function, by a number, so
** that finding it costs two raw gets; the value is weak, and the block is what
** keeps it: a function may refer to its own callback, and both be collected.
*/

#include "call/callback.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "call/answer.h"
#include "call/guest.h"
#include "call/lock.h"
#include "value/toc.h"

/* One call from C. */
typedef struct Invocation {
  MpOwner *owner;
  const MpCtype *fn;
  void *result;
  void **args;
} Invocation;

/*
** Lua allows some 200 levels of C. Callbacks that nest deeper than the first
** number leave the second one of them to the report of the overflow.
*/
#define CALLBACK_NEST 16
#define CALLBACK_SPARE 8

/* Stack slots that a call takes beside its arguments: for itself, and for reports. */
#define CALLBACK_SLOTS 16

/* {===== functions by number ===== */

/* A number for the function at `idx`, its key among the targets. */
static int target_new(lua_State *L, MpState *E, int idx) {
  int id = E->freetarget, next = 0;
  lua_rawgeti(L, LUA_REGISTRYINDEX, E->targets);
  if (id != 0) {
    lua_rawgeti(L, -1, id);
    next = (int)lua_tointegerx(L, -1, NULL);
    lua_pop(L, 1);
  } else {
    id = E->ntargets + 1;
  }
  lua_pushvalue(L, idx);
  lua_rawseti(L, -2, id);
  lua_pop(L, 1);
  if (id > E->ntargets) E->ntargets = id;
  E->freetarget = next;
  return id;
}

/* Takes no memory: the key is there. */
static void target_free(lua_State *L, MpState *E, int id) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, E->targets);
  lua_pushinteger(L, E->freetarget);
  lua_rawseti(L, -2, id);
  lua_pop(L, 1);
  E->freetarget = id;
}

/* }===== */

/* {===== what fails ===== */

/*
** Pushes the text of the error value at `idx`: a string, what __tostring gives
** if it doesn't fail, else what there is to say, as the stock interpreter does.
** Runs protected.
*/
static void push_text(lua_State *L, int idx) {
  idx = lua_absindex(L, idx);
  if (lua_isstring(L, idx)) {
    lua_pushvalue(L, idx);
    lua_tostring(L, -1); /* a number becomes one */
    return;
  }
  if (luaL_getmetafield(L, idx, "__tostring") != LUA_TNIL) {
    lua_pushvalue(L, idx);
    if (lua_pcall(L, 1, 1, 0) == LUA_OK && lua_type(L, -1) == LUA_TSTRING) return;
    lua_pop(L, 1);
  }
  lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, idx));
}

/* Message handler: the text and the traceback, for a report. */
static int callback_traceback(lua_State *L) {
  lua_settop(L, 1);
  push_text(L, 1);
  luaL_traceback(L, L, lua_tostring(L, -1), 1);
  return 1;
}

/* Runs protected: light engine, an error value. */
static int callback_tell(lua_State *L) {
  push_text(L, 2);
  mp_state_report(L, (MpState *)lua_touserdata(L, 1), lua_tostring(L, -1));
  return 0;
}

/* Reports the error value on the top, whatever it is. */
static void report_top(lua_State *L, MpState *E) {
  if (lua_type(L, -1) == LUA_TSTRING) {
    mp_state_report(L, E, lua_tostring(L, -1));
    return;
  }
  lua_pushcfunction(L, callback_tell);
  lua_pushlightuserdata(L, E);
  lua_pushvalue(L, -3);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) mp_state_report(L, E, MP_MSG_NOMEM);
}

/* Runs protected: light owner, the error value. */
static int callback_onerror(lua_State *L) {
  const MpOwner *o = (const MpOwner *)lua_touserdata(L, 1);
  mp_state_pushuv(L, MP_STATE_HANDLERS);
  lua_rawgeti(L, -1, o->id);
  lua_pushvalue(L, 2);
  lua_call(L, 1, 0);
  return 0;
}

/*
** The error value is on the top: to onerror, else a report. What these do to
** errno is not C's business.
*/
static void callback_failed(lua_State *L, MpState *E, MpOwner *o) {
  int top = lua_gettop(L), saved = E->saved_errno;
  if (o->onerror) {
    lua_pushcfunction(L, callback_traceback);
    lua_pushcfunction(L, callback_onerror);
    lua_pushlightuserdata(L, o);
    lua_pushvalue(L, top);
    if (lua_pcall(L, 2, 0, top + 1) != LUA_OK) {
      lua_pushvalue(L, top);
      report_top(L, E);
      lua_settop(L, top + 2);
      report_top(L, E);
    }
  } else {
    report_top(L, E);
  }
  E->saved_errno = saved;
}

/* A report about the type; on stderr where there is no engine to ask (E NULL). */
static void callback_report(lua_State *L, MpState *E, const char *format, const char *type_text) {
  char text[1024];
  snprintf(text, sizeof text, format, type_text);
  if (E != NULL)
    mp_state_report(L, E, text);
  else
    fprintf(stderr, "moonpool: %s\n", text);
}

/* }===== */

/* {===== being called ===== */

static void store_result(lua_State *L, const Invocation *in, int idx) {
  MpDest d;
  memset(&d, 0, sizeof d);
  d.L = L;
  d.E = in->owner->engine;
  d.init = true; /* fresh memory: const members too */
  mp_toc_write(&d, in->fn->item, (char *)in->result, idx);
}

/* Pushes the Lua function; nil when nothing keeps it any more, and the end is near. */
static void push_target(lua_State *L, const Invocation *in, int targets) {
  if (lua_rawgeti(L, targets, in->owner->id) != LUA_TFUNCTION)
    mp_state_error(L, MP_MSG_CALLBACK_DEAD, mp_state_pushrepr(L, in->fn, "*"));
}

/*
** Runs protected: light invocation. All of a call: arguments to Lua, the
** function, its result to C. With a second argument, that is the result
** already. Upvalue 2: the engine's targets.
*/
static int callback_trampoline(lua_State *L) {
  const Invocation *in = (const Invocation *)lua_touserdata(L, 1);
  const MpAnswer *a = in->owner->answer;
  const MpCtype *const *params = in->fn->u.function->params;
  int i, results = a->result.how != MP_HOW_VOID;
  if (lua_gettop(L) == 1) {
    if (a->n > 4) luaL_checkstack(L, a->n + CALLBACK_SLOTS, NULL);
    push_target(L, in, MP_UP_OWN);
    for (i = 0; i < a->n; i++)
      mp_answer_pushany(L, in->owner->engine, a->params[i], params[i], (const char *)in->args[i]);
    lua_call(L, a->n, results);
  }
  if (results && !mp_answer_store(L, a->result, in->result)) store_result(L, in, lua_gettop(L));
  return 0;
}

/* Runs protected: goes as many levels deep as its argument says. */
static int callback_probe(lua_State *L) {
  lua_Integer n = lua_tointeger(L, 1);
  if (n == 0) return 0;
  lua_pushcfunction(L, callback_probe);
  lua_pushinteger(L, n - 1);
  lua_call(L, 1, 0);
  return 0;
}

static int run_probe(lua_State *L, int handler) {
  lua_pushcfunction(L, callback_probe);
  lua_pushinteger(L, CALLBACK_SPARE);
  return lua_pcall(L, 1, 0, handler);
}

/*
** The last call inside a callback that has ended meanwhile gives back what
** callback_end has left. No memory is taken: the keys are there.
*/
static void owner_drop(lua_State *L, MpState *E, MpOwner *o) {
  target_free(L, E, o->id);
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, o);
  mp_owner_free(o);
}

/* Runs the call, or with `stored` only what becomes of the result on the top. */
static int run_call(lua_State *L, MpState *E, Invocation *in, int handler, bool stored) {
  if (!stored && E->nested > CALLBACK_NEST) {
    int status = run_probe(L, handler);
    if (status != LUA_OK) return status;
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, E->trampoline);
  lua_pushlightuserdata(L, in);
  if (stored) lua_pushvalue(L, -3);
  return lua_pcall(L, stored ? 2 : 1, 0, handler);
}

/* Any call from C, of which `in` says all. */
static void callback_run(lua_State *L, MpState *E, Invocation *in, const char *type_text) {
  MpOwner *o = in->owner;
  int top = lua_gettop(L), status;
  if (!lua_checkstack(L, o->answer->n + CALLBACK_SLOTS)) {
    memcpy(in->result, o->failure, in->fn->item->size);
    callback_report(L, E, MP_MSG_CALLBACK_STACK, type_text);
    return;
  }
  if (o->onerror)
    lua_pushnil(L); /* onerror gets the message as it is */
  else
    lua_pushcfunction(L, callback_traceback);
  E->nested++;
  status = run_call(L, E, in, o->onerror ? 0 : top + 1, false);
  E->nested--;
  if (status != LUA_OK) {
    memcpy(in->result, o->failure, in->fn->item->size);
    callback_failed(L, E, o);
  }
  lua_settop(L, top);
}

/*
** What is left of a quick call that has failed (its error is on the top), or
** whose result (on the top) takes more than a look.
*/
static void callback_mend(lua_State *L, MpState *E, Invocation *in, int status) {
  if (status == LUA_OK) status = run_call(L, E, in, lua_absindex(L, -3), true);
  if (status == LUA_OK) return;
  memcpy(in->result, in->owner->failure, in->fn->item->size);
  callback_failed(L, E, in->owner);
}

/*
** The same for a quick answer: one protected call, of the function itself.
** False, with nothing done, when that isn't to be had.
*/
__attribute__((always_inline)) static inline bool callback_quickly(lua_State *L, MpState *E,
                                                                   Invocation *in) {
  const MpOwner *o = in->owner;
  const MpAnswer *a = o->answer;
  int i, status, n = a->n, results = a->result.how != MP_HOW_VOID;
  if (!a->quick || o->onerror || E->nested >= CALLBACK_NEST ||
      !lua_checkstack(L, n + CALLBACK_SLOTS))
    return false;
  lua_pushcfunction(L, callback_traceback);
  lua_rawgeti(L, LUA_REGISTRYINDEX, E->targets);
  if (MP_UNLIKELY(lua_rawgeti(L, -1, o->id) != LUA_TFUNCTION)) {
    lua_settop(L, -4);
    return false;
  }
  for (i = 0; i < n; i++) mp_answer_push(L, a->params[i], (const char *)in->args[i]);
  E->nested++;
  status = lua_pcall(L, n, results, -(n + 3));
  E->nested--;
  if (MP_UNLIKELY(status != LUA_OK || (results && !mp_answer_store(L, a->result, in->result)))) {
    int below = lua_absindex(L, -3) - 1;
    callback_mend(L, E, in, status);
    lua_settop(L, below);
  } else {
    lua_settop(L, -3 - results);
  }
  return true;
}

/* A call on a thread that has the state. */
__attribute__((always_inline)) static inline void
callback_call(lua_State *L, MpOwner *o, void *result, void **args, const char *type_text) {
  MpState *E = o->engine;
  Invocation in = {o, o->fn, result, args};
  if (o->running++ == 0 && o->block != NULL) o->block->quiet = false;
  if (!callback_quickly(L, E, &in)) callback_run(L, E, &in, type_text);
  if (--o->running > 0) return;
  if (MP_LIKELY(o->block != NULL))
    o->block->quiet = true;
  else
    owner_drop(L, E, o);
}

/* The lock is had: on the coroutine of this thread that is in C, else on one of its own. */
static int callback_host(MpOwner *o, uint64_t serial, void *result, void **args,
                         const char *type_text, int error) {
  MpState *E = o->engine;
  lua_State *own = E->running;
  MpGuest *g = NULL;
  if (own == NULL) {
    g = mp_guest_take(E);
    if (g == NULL) {
      mp_owner_fail(o, serial, result);
      callback_report(NULL, NULL, MP_MSG_CALLBACK_STACK, type_text);
      return error;
    }
    E->running = g->L;
  }
  E->saved_errno = error;
  callback_call(E->running, o, result, args, type_text);
  error = E->saved_errno;
  if (g != NULL) mp_guest_return(E, g);
  E->running = own;
  if (E->unclosed) mp_state_closelibs(E);
  return error;
}

/*
** A call on a thread that isn't the state's, but gets it where the state lock is
** on. `error` is C's errno; returns what it is to be.
*/
__attribute__((noinline)) static int callback_arrive(MpOwner *o, void *result, void **args,
                                                     const char *type_text, int error) {
  uint64_t serial = mp_owner_serial(o);
  MpSeat *seat = atomic_load_explicit(&o->seat, memory_order_acquire);
  MpLockTurn turn = mp_lock_enter(seat->lock);
  if (turn < MP_LOCK_MINE) {
    mp_owner_fail(o, serial, result);
    callback_report(NULL, NULL,
                    turn == MP_LOCK_OFF ? MP_MSG_CALLBACK_THREAD : MP_MSG_CALLBACK_CLOSING,
                    type_text);
    return error;
  }
  if (mp_owner_serves(o, serial, seat))
    error = callback_host(o, serial, result, args, type_text, error);
  else
    callback_report(NULL, NULL, MP_MSG_CALLBACK_DEAD, type_text);
  if (turn == MP_LOCK_TAKEN) mp_lock_leave(seat->lock);
  return error;
}

/*
** MpClosureHandler. errno is C's on the way in, and on the way out what the
** function has made of it, by calling C or by ffi.errno.
*/
static void callback_enter(void *owner, void *result, void **args, const char *type_text) {
  MpOwner *o = (MpOwner *)owner;
  MpState *E;
  int *error = &errno, saved = *error;
  if (MP_UNLIKELY(o == NULL)) {
    E = mp_owner_calling();
    callback_report(E ? E->running : NULL, E, MP_MSG_CALLBACK_DEAD, type_text);
  } else if (MP_UNLIKELY(!mp_owner_is_here(o))) {
    saved = callback_arrive(o, result, args, type_text, saved);
  } else {
    E = o->engine; /* the record may be gone afterwards */
    E->saved_errno = saved;
    callback_call(E->running ? E->running : E->main, o, result, args, type_text);
    saved = E->saved_errno;
  }
  *error = saved;
}

/* }===== */

/* {===== making and ending ===== */

/*
** MpBlockEnd. While C is inside, the record stays for that call, and the block
** too: it keeps the type of the result, which takes memory and may raise. Else
** the end is quiet.
*/
static void callback_end(lua_State *L, MpState *E, MpBlock *b, int idx) {
  MpOwner *o = (MpOwner *)b->own;
  int id;
  bool inside;
  if (o == NULL) return; /* never made */
  id = o->id;
  inside = o->running > 0;
  b->own = NULL;
  o->block = NULL;
  mp_owner_end(o, inside);
  if (inside) {
    lua_pushvalue(L, idx);
    lua_rawsetp(L, LUA_REGISTRYINDEX, o);
  } else if (id != 0) {
    target_free(L, E, id);
  }
}

/*
** Converts the option `error` to what C gets on an error, pushed as a buffer;
** the block keeps what it points to. NULL without that option.
*/
static const char *push_failure(lua_State *L, MpState *E, const MpCtype *ct, int block,
                                int options) {
  MpDest d;
  char *failure;
  if (options == 0 || lua_getfield(L, options, "error") == LUA_TNIL) return NULL;
  failure = (char *)lua_newuserdatauv(L, ct->size + 1, 0);
  memset(failure, 0, ct->size + 1);
  memset(&d, 0, sizeof d);
  d.L = L;
  d.E = E;
  d.init = true;
  mp_toc_write(&d, ct, failure, lua_gettop(L) - 1);
  lua_pushvalue(L, -2);
  lua_setiuservalue(L, block, MP_BLOCK_KEPT);
  return failure;
}

/* Notes the option `onerror`; does the callback have one? */
static bool note_onerror(lua_State *L, int block, int options, int id) {
  if (options == 0 || lua_getfield(L, options, "onerror") == LUA_TNIL) return false;
  luaL_checktype(L, -1, LUA_TFUNCTION);
  mp_state_pushuv(L, MP_STATE_HANDLERS);
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, id);
  lua_pop(L, 1);
  lua_setiuservalue(L, block, MP_BLOCK_ACTION);
  return true;
}

/* Gives the block at `block` a closure for the function at `idx`. */
static void callback_make(lua_State *L, MpState *E, MpBlock *b, int block, int idx, int options) {
  MpErr e;
  MpOwner *o;
  MpClosureCode code;
  const MpCtype *fn = b->head.ct->item;
  const MpAnswer *answer = mp_answer_find(L, fn);
  const char *failure = push_failure(L, E, fn->item, block, options);
  if (mp_owner_new(E, answer->kind, callback_enter, failure, &o, &e) != MP_OK)
    mp_state_raise(L, &e);
  b->own = o; /* from here on callback_end ends it */
  b->quiet = true;
  o->block = b;
  o->fn = fn;
  o->id = 0;
  o->answer = answer;
  o->id = target_new(L, E, idx);
  o->onerror = note_onerror(L, block, options, o->id);
  code = mp_closure_code(o->closure);
  memcpy(&b->to, &code, sizeof code);
}

MpBlock *mp_callback_push(lua_State *L, MpState *E, const MpCtype *ct, int idx, int options) {
  MpBlock *b;
  int block;
  luaL_checkstack(L, CALLBACK_SLOTS, NULL);
  idx = lua_absindex(L, idx);
  mp_owner_enter(E);
  b = mp_cdata_pushblock(L, E, ct, NULL, MP_CD_UNBOUNDED, callback_end);
  block = lua_gettop(L);
  lua_pushvalue(L, idx);
  lua_setiuservalue(L, block, MP_BLOCK_UNDER);
  callback_make(L, E, b, block, idx, options);
  lua_settop(L, block);
  return b;
}

/* MpState.make_callback: one that lives as long as the function; the same again for the same type. */
static void (*callback_implicit(lua_State *L, MpState *E, const MpCtype *fn, int idx))(void) {
  MpErr e;
  const MpCtype *ct;
  void (*code)(void);
  MpCdata *c;
  int top = lua_gettop(L);
  idx = lua_absindex(L, idx);
  luaL_checkstack(L, CALLBACK_SLOTS, NULL);
  if (mp_ctype_pointer(&E->root, fn, &ct, &e) != MP_OK) mp_state_raise(L, &e);
  mp_state_pushuv(L, MP_STATE_CALLBACKS);
  lua_pushvalue(L, idx);
  if (lua_rawget(L, -2) != LUA_TTABLE) { /* its callbacks by type */
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, idx);
    lua_pushvalue(L, -2);
    lua_rawset(L, -4);
  }
  lua_rawgetp(L, -1, fn);
  c = mp_cdata_test(L, E, -1);
  if (c == NULL || (c->flags & MP_CD_RELEASED)) {
    lua_pop(L, 1);
    c = &mp_callback_push(L, E, ct, idx, 0)->head;
    lua_pushvalue(L, -1);
    lua_rawsetp(L, -3, fn);
  }
  lua_replace(L, top + 1);
  lua_settop(L, top + 1);
  memcpy(&code, &mp_cdata_asblock(c)->to, sizeof code);
  return code;
}

void mp_callback_open(lua_State *L, MpState *E) {
  if (!mp_owner_sit(E)) mp_state_error(L, MP_MSG_NOMEM);
  E->finish = mp_lock_close;
  E->leave = mp_owner_leave;
  mp_state_pushuv(L, MP_STATE_TARGETS);
  lua_pushvalue(L, -1);
  E->targets = luaL_ref(L, LUA_REGISTRYINDEX);
  mp_state_pushclosure(L, callback_trampoline, 1);
  E->trampoline = luaL_ref(L, LUA_REGISTRYINDEX);
  E->make_callback = callback_implicit;
}

/* }===== */
