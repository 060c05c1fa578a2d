/*
** callback.c: the way from C into Lua. C enters through a closure of abi/; the
** Lua function runs protected on the coroutine that is in C, and no error
** leaves. The cdata owns the closure and ends it.
*/

#include "call/callback.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "abi/closure.h"
#include "value/toc.h"
#include "value/tolua.h"

/* What a closure's handler knows; in OBJ memory, freed when the callback ends. */
typedef struct Callback {
  MpState *engine;
  MpBlock *block;
  const MpCtype *fn;
  MpClosure *closure;
  bool onerror;   /* user value MP_BLOCK_ACTION is a function for messages */
  char *failure;  /* what C gets on an error: result-sized bytes behind the record */
} Callback;

/* One call from C, for the trampoline. */
typedef struct Invocation {
  Callback *cb;
  void *result;
  void **args;
} Invocation;

/* {===== being called ===== */

/* Runs in protected mode: arguments to Lua, the function, its result to C. */
static int callback_trampoline(lua_State *L) {
  Invocation *in = (Invocation *)lua_touserdata(L, 1);
  Callback *cb = in->cb;
  const MpFunction *f = cb->fn->u.function;
  const MpCtype *result = cb->fn->item;
  uint32_t i;
  luaL_checkstack(L, (int)f->nparams + 8, NULL);
  mp_state_pushuv(L, MP_STATE_TARGETS);
  if (lua_rawgetp(L, -1, cb->block) == LUA_TNIL) mp_state_error(L, MP_MSG_CALLBACK_DEAD, mp_state_pushrepr(L, cb->fn, NULL));
  lua_remove(L, -2);
  for (i = 0; i < f->nparams; i++)
    mp_tolua_push(L, cb->engine, f->params[i], (const char *)in->args[i], NULL, 0);
  lua_call(L, (int)f->nparams, result->kind == MP_KIND_VOID ? 0 : 1);
  if (result->kind != MP_KIND_VOID) {
    MpDest d;
    memset(&d, 0, sizeof d);
    d.L = L;
    d.E = cb->engine;
    mp_toc_write(&d, result, (char *)in->result, lua_gettop(L));
  }
  return 0;
}

/* Message handler: the traceback, for a report; the message alone, for onerror. */
static int callback_traceback(lua_State *L) {
  const char *text = luaL_tolstring(L, 1, NULL);
  luaL_traceback(L, L, text, 1);
  return 1;
}

static int callback_onerror(lua_State *L) {
  lua_call(L, 1, 0);
  return 0;
}

/* Pushes the function of `onerror`; false when the block is gone. */
static bool push_onerror(lua_State *L, const Callback *cb) {
  mp_state_pushuv(L, MP_STATE_HANDLERS);
  lua_rawgetp(L, -1, cb->block);
  lua_remove(L, -2);
  return lua_isfunction(L, -1);
}

/* The error message is on the top: to onerror, else a report. */
static void callback_failed(lua_State *L, const Callback *cb) {
  MpState *E = cb->engine;
  if (cb->onerror) {
    lua_pushcfunction(L, callback_onerror);
    if (push_onerror(L, cb)) {
      lua_pushvalue(L, -3);
      if (lua_pcall(L, 2, 0, 0) == LUA_OK) return;
    }
  }
  mp_state_report(L, E, lua_tostring(L, -1) ? lua_tostring(L, -1) : "(error object is not a string)");
}

static void callback_run(Callback *cb, void *result, void **args) {
  MpState *E = cb->engine;
  lua_State *L = E->running ? E->running : E->main;
  Invocation in;
  int top = lua_gettop(L);
  size_t size = cb->fn->item->size;
  if (!lua_checkstack(L, 16)) {
    mp_state_report(L, E, "stack overflow in a callback");
    memcpy(result, cb->failure, size);
    return;
  }
  in.cb = cb;
  in.result = result;
  in.args = args;
  if (cb->onerror) lua_pushnil(L); /* onerror gets the message as it is */
  else lua_pushcfunction(L, callback_traceback);
  lua_rawgeti(L, LUA_REGISTRYINDEX, E->trampoline);
  lua_pushlightuserdata(L, &in);
  if (lua_pcall(L, 1, 0, cb->onerror ? 0 : top + 1) != LUA_OK) {
    memcpy(result, cb->failure, size);
    callback_failed(L, cb);
  }
  lua_settop(L, top);
}

/* MpClosureHandler. */
static void callback_enter(void *owner, void *result, void **args, const char *type_text) {
  Callback *cb = (Callback *)owner;
  int saved = errno;
  if (cb == NULL) {
    fprintf(stderr, "moonpool: " MP_MSG_CALLBACK_DEAD "\n", type_text);
  } else if (!pthread_equal(cb->engine->thread, pthread_self())) {
    fprintf(stderr, "moonpool: " MP_MSG_CALLBACK_THREAD "\n", type_text);
    memcpy(result, cb->failure, cb->fn->item->size);
  } else {
    cb->engine->saved_errno = saved;
    callback_run(cb, result, args);
    saved = cb->engine->saved_errno;
  }
  errno = saved;
}

/* }===== */

/* {===== making and ending ===== */

static size_t callback_bytes(const MpCtype *fn) {
  return sizeof(Callback) + fn->item->size;
}

/* MpBlockEnd. */
static void callback_end(lua_State *L, MpState *E, MpBlock *b, int idx) {
  Callback *cb = (Callback *)b->own;
  (void)idx;
  if (cb == NULL) return;
  b->own = NULL;
  if (cb->closure != NULL) mp_closure_kill(cb->closure);
  mp_alloc_free(E->obj, cb, callback_bytes(cb->fn));
  mp_state_pushuv(L, MP_STATE_TARGETS);
  lua_pushnil(L);
  lua_rawsetp(L, -2, b);
  lua_pop(L, 1);
}

/* Notes the value on the top under the block in one of the engine's tables; pops it. */
static void block_note(lua_State *L, int uv, const MpBlock *b) {
  mp_state_pushuv(L, uv);
  lua_insert(L, -2);
  lua_rawsetp(L, -2, b);
  lua_pop(L, 1);
}

static void callback_options(lua_State *L, MpState *E, Callback *cb, int block, int options) {
  MpDest d;
  memset(&d, 0, sizeof d);
  d.L = L;
  d.E = E;
  if (lua_getfield(L, options, "error") != LUA_TNIL && cb->fn->item->kind != MP_KIND_VOID)
    mp_toc_write(&d, cb->fn->item, cb->failure, lua_gettop(L));
  if (lua_getfield(L, options, "onerror") != LUA_TNIL) {
    luaL_checktype(L, -1, LUA_TFUNCTION);
    cb->onerror = true;
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, block, MP_BLOCK_ACTION);
    block_note(L, MP_STATE_HANDLERS, cb->block);
  }
  lua_settop(L, block);
}

MpBlock *mp_callback_push(lua_State *L, MpState *E, const MpCtype *ct, int idx, int options) {
  MpErr e;
  const MpCtype *fn = ct->item;
  MpBlock *b;
  Callback *cb;
  void (*code)(void);
  int block;
  idx = lua_absindex(L, idx);
  E->thread = pthread_self();
  b = mp_cdata_pushblock(L, E, ct, NULL, MP_CD_UNBOUNDED, callback_end);
  block = lua_gettop(L);
  cb = (Callback *)mp_alloc_new(E->obj, callback_bytes(fn));
  if (cb == NULL) mp_state_error(L, MP_MSG_NOMEM);
  memset(cb, 0, callback_bytes(fn));
  b->own = cb;
  cb->engine = E;
  cb->block = b;
  cb->fn = fn;
  cb->failure = (char *)(cb + 1);
  lua_pushvalue(L, idx);
  lua_setiuservalue(L, block, MP_BLOCK_UNDER);
  lua_pushvalue(L, idx);
  block_note(L, MP_STATE_TARGETS, b);
  if (options != 0) callback_options(L, E, cb, block, options);
  if (mp_closure_new(fn, callback_enter, cb, &cb->closure, &e) != MP_OK) {
    cb->closure = NULL;
    mp_state_raise(L, &e);
  }
  code = mp_closure_code(cb->closure);
  memcpy(&b->to, &code, sizeof code);
  return b;
}

void (*mp_callback_implicit(lua_State *L, MpState *E, const MpCtype *fn, int idx))(void) {
  MpErr e;
  const MpCtype *ct;
  void (*code)(void);
  MpCdata *c;
  int top = lua_gettop(L);
  idx = lua_absindex(L, idx);
  luaL_checkstack(L, 8, NULL);
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
  mp_state_pushclosure(L, callback_trampoline, 0);
  E->trampoline = luaL_ref(L, LUA_REGISTRYINDEX);
  E->make_callback = mp_callback_implicit;
  E->thread = pthread_self();
}

/* }===== */
