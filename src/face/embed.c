/*
** embed.c: moonpool.h's functions about values. A host calls them with nothing
** but a lua_State, and whatever makes cdata needs the upvalues of a closure of
** moonpool's: so each call goes through one closure, the door, with a request
** on the C stack. Lua owns what they push, the host what it pushes.
**
** What a host pushes has a block, one an address, found again while anything
** looks into it: by that all views end at once. Once something is stored in
** such memory, its block stays until it is revoked.
*/

#include "moonpool.h"

#include <lauxlib.h>
#include <string.h>

#include "call/clib.h"
#include "decl/parse.h"
#include "face/embed.h"
#include "face/lua_core.h"
#include "face/lua_ctype.h"
#include "face/lua_new.h"
#include "type/relate.h"
#include "value/toc.h"
#include "value/tolua.h"
#include "value/wrapper.h"

/* {===== the door ===== */

#define UP_NAMESPACE lua_upvalueindex(3) /* ffi.C of the default instance */

typedef struct Request Request;
struct Request {
  int (*act)(lua_State *L, MpInstance *in, Request *r);
  const char *type;  /* NULL: there is none */
  const MpCtype *ct; /* the same, parsed */
  void *ptr;
  size_t size;
  void (*free)(void *ud, void *ptr);
  void *ud;
  void (*fn)(void);
};

/* The door: light request, values. */
static int embed_enter(lua_State *L) {
  MpInstance *in = mp_lua_core_self(L);
  Request *r = (Request *)lua_touserdata(L, 1);
  if (r->type != NULL) {
    lua_pushstring(L, r->type);
    r->ct = mp_lua_ctype_check(L, in, lua_gettop(L));
    lua_pop(L, 1);
  }
  return r->act(L, in, r);
}

/* Puts the door and the request below the n values on the top. */
static void push_door(lua_State *L, Request *r, int n) {
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (mp_state_find(L) == NULL) mp_state_error(L, MP_MSG_NOT_OPEN);
  mp_state_pushuv(L, MP_STATE_DOOR);
  lua_pushlightuserdata(L, r);
  lua_rotate(L, -(n + 2), 2);
}

static void embed_call(lua_State *L, Request *r, int nargs, int nresults) {
  push_door(L, r, nargs);
  lua_call(L, nargs + 1, nresults);
}

static void request_init(Request *r, int (*act)(lua_State *, MpInstance *, Request *),
                         const char *type, const void *ptr) {
  memset(r, 0, sizeof *r);
  r->act = act;
  r->type = type;
  r->ptr = (void *)ptr;
}

/* The same for one with a type: NULL is the text of none. */
static void request_typed(Request *r, int (*act)(lua_State *, MpInstance *, Request *),
                          const char *type, const void *ptr) {
  request_init(r, act, type != NULL ? type : "", ptr);
}

void mp_embed_pushdoor(lua_State *L, MpState *E, int instance) {
  lua_pushvalue(L, instance);
  mp_clib_pushprocess(L, E, instance);
  mp_state_pushclosure(L, embed_enter, 2);
}

/* }===== */

/* Raises where there is nothing to read or to write. */
static void check_address(lua_State *L, const void *ptr) {
  if (ptr == NULL) mp_state_error(L, MP_MSG_WANT_ADDRESS);
}

/* {===== declaring ===== */

static int act_cdef(lua_State *L, MpInstance *in, Request *r) {
  const char *text = (const char *)r->ptr;
  MpParseOptions options;
  MpErr e;
  check_address(L, text);
  memset(&options, 0, sizeof options);
  if (mp_parse_cdef(&in->space, text, strlen(text), &options, &e) != MP_OK) mp_state_raise(L, &e);
  return 0;
}

void moonpool_cdef(lua_State *L, const char *text) {
  Request r;
  request_init(&r, act_cdef, NULL, text);
  embed_call(L, &r, 0, 0);
}

/* }===== */

/* {===== the host's memory ===== */

/* Raises unless the type is of something that lies in memory and has an address. */
static void check_pushable(lua_State *L, const MpCtype *ct) {
  switch ((MpKind)ct->kind) {
    case MP_KIND_POINTER:
    case MP_KIND_ARRAY:
    case MP_KIND_VECTOR:
    case MP_KIND_COMPLEX:
    case MP_KIND_STRUCT:
    case MP_KIND_UNION:
    case MP_KIND_FUNCTION: return;
    default: mp_state_error(L, MP_MSG_PUSH_TYPE, mp_state_pushrepr(L, ct, NULL));
  }
}

/* Pushes the block over the host's memory at that address, made if there is none. */
static MpCdata *push_hostblock(lua_State *L, MpState *E, void *ptr) {
  MpErr e;
  const MpCtype *ct;
  MpBlock *b;
  mp_state_pushuv(L, MP_STATE_PUSHED);
  if (lua_rawgetp(L, -1, ptr) == LUA_TNIL) {
    lua_pop(L, 1);
    if (mp_ctype_pointer(&E->root, E->root.void_type, &ct, &e) != MP_OK) mp_state_raise(L, &e);
    b = mp_cdata_pushblock(L, E, ct, (char *)ptr, MP_CD_UNBOUNDED, NULL);
    b->host = true;
    lua_pushvalue(L, -1);
    lua_rawsetp(L, -3, ptr);
  }
  lua_remove(L, -2);
  return (MpCdata *)lua_touserdata(L, -1);
}

/* What is pushed for NULL, after the same checks. */
static int act_pushnil(lua_State *L, MpInstance *in, Request *r) {
  (void)in;
  check_pushable(L, r->ct);
  lua_pushnil(L);
  return 1;
}

static int act_push(lua_State *L, MpInstance *in, Request *r) {
  check_pushable(L, r->ct);
  push_hostblock(L, in->engine, r->ptr);
  mp_cdata_pushview(L, in->engine, r->ct, (char *)r->ptr, -1);
  return 1;
}

void moonpool_push(lua_State *L, const char *type, const void *ptr) {
  Request r;
  request_typed(&r, ptr != NULL ? act_push : act_pushnil, type, ptr);
  embed_call(L, &r, 0, 1);
}

static int act_revoke(lua_State *L, MpInstance *in, Request *r) {
  mp_state_pushuv(L, MP_STATE_PUSHED);
  if (lua_rawgetp(L, 2, r->ptr) == LUA_TNIL) return 0;
  mp_cdata_release(L, in->engine, (MpCdata *)lua_touserdata(L, 3), 3);
  lua_pushnil(L);
  lua_rawsetp(L, 2, r->ptr); /* pushed again, it is another block */
  mp_state_pushuv(L, MP_STATE_HOSTS);
  lua_pushvalue(L, 3);
  lua_pushnil(L);
  lua_rawset(L, -3);
  return 0;
}

void moonpool_revoke(lua_State *L, const void *ptr) {
  Request r;
  request_init(&r, act_revoke, NULL, ptr);
  embed_call(L, &r, 0, 0);
}

/* }===== */

/* {===== blocks ===== */

/* How a block goes back to the host. */
typedef struct Return {
  void (*free)(void *ud, void *ptr);
  void *ud, *ptr;
} Return;

/* MpBlockEnd */
static void block_return(lua_State *L, MpState *E, MpBlock *b, int idx) {
  const Return *back = (const Return *)b->own;
  (void)L, (void)E, (void)idx;
  back->free(back->ud, back->ptr);
}

/* Of the type itself; an open array, and what a pointer to an incomplete type points to, have none. */
static void check_blocksize(lua_State *L, const MpCtype *ct, size_t size) {
  const MpCtype *data = ct->kind == MP_KIND_POINTER ? ct->item : ct;
  if (mp_ctype_is_complete(data) && data->size > size)
    mp_state_error(L, MP_MSG_BLOCK_SMALL, size, mp_state_pushrepr(L, ct, NULL), data->size);
}

/* Runs protected when the host's `free` is at stake: from the record on, the block calls it. */
static int act_pushblock(lua_State *L, MpInstance *in, Request *r) {
  MpState *E = in->engine;
  MpBlock *b;
  Return *back;
  check_pushable(L, r->ct);
  check_blocksize(L, r->ct, r->size);
  if (r->free == NULL) {
    MpCdata *under = push_hostblock(L, E, r->ptr);
    b = mp_cdata_pushblock(L, E, r->ct, (char *)r->ptr, r->size, NULL);
    lua_pushvalue(L, -2);
    lua_setiuservalue(L, -2, MP_BLOCK_UNDER);
    mp_wrapper_add(L, E, under, lua_gettop(L));
    return 1;
  }
  mp_cdata_checkending(L, E);
  mp_cdata_pace(L, r->size);
  b = mp_cdata_pushblock(L, E, r->ct, (char *)r->ptr, r->size, NULL);
  back = (Return *)lua_newuserdatauv(L, sizeof *back, 0);
  back->free = r->free;
  back->ud = r->ud;
  back->ptr = r->ptr;
  lua_setiuservalue(L, -2, MP_BLOCK_ACTION);
  b->own = back;
  b->end = block_return;
  r->free = NULL; /* not the caller's to call any more */
  return 1;
}

/* A block that couldn't be made goes back at once; the error is on the top. */
static int block_refused(lua_State *L, const Request *r) {
  if (r->free != NULL) r->free(r->ud, r->ptr);
  return lua_error(L);
}

void moonpool_pushblock(lua_State *L, const char *type, void *ptr, size_t size,
                        void (*free)(void *ud, void *ptr), void *ud) {
  Request r;
  request_typed(&r, ptr != NULL ? act_pushblock : act_pushnil, type, ptr);
  r.size = size;
  r.free = free;
  r.ud = ud;
  if (free == NULL || ptr == NULL) {
    embed_call(L, &r, 0, 1);
    return;
  }
  if (!lua_checkstack(L, LUA_MINSTACK)) {
    free(ud, ptr);
    mp_state_error(L, MP_MSG_NOMEM);
  }
  if (mp_state_find(L) == NULL) {
    free(ud, ptr);
    mp_state_error(L, MP_MSG_NOT_OPEN);
  }
  push_door(L, &r, 0);
  if (lua_pcall(L, 1, 1, 0) != LUA_OK) block_refused(L, &r);
}

static int act_release(lua_State *L, MpInstance *in, Request *r) {
  MpState *E = in->engine;
  MpCdata *c = mp_cdata_test(L, E, 2), *block;
  (void)r;
  if (lua_isnil(L, 2)) return 0;
  if (c == NULL) mp_state_error(L, MP_MSG_WANT_CDATA, luaL_typename(L, 2));
  block = mp_cdata_block(c);
  if (block != NULL && !(block->flags & MP_CD_INLINE) && mp_cdata_asblock(block)->host) {
    Request revoke;
    if (mp_cdata_has_ended(block)) return 0; /* that address may have been pushed again */
    request_init(&revoke, act_revoke, NULL, mp_cdata_address(block));
    lua_settop(L, 1);
    return act_revoke(L, in, &revoke);
  }
  mp_lua_new_release(L, E, c, 2);
  return 0;
}

void moonpool_release(lua_State *L, int idx) {
  Request r;
  luaL_checkstack(L, 1, NULL);
  request_init(&r, act_release, NULL, NULL);
  lua_pushvalue(L, idx);
  embed_call(L, &r, 1, 0);
}

/* }===== */

/* {===== values ===== */

static int act_pushnew(lua_State *L, MpInstance *in, Request *r) {
  mp_lua_new_make(L, in->engine, r->ct, lua_gettop(L) + 1);
  r->ptr = mp_cdata_address((const MpCdata *)lua_touserdata(L, -1));
  return 1;
}

void *moonpool_pushnew(lua_State *L, const char *type) {
  Request r;
  request_typed(&r, act_pushnew, type, NULL);
  embed_call(L, &r, 0, 1);
  return r.ptr;
}

static int act_pushfunction(lua_State *L, MpInstance *in, Request *r) {
  const MpCtype *fn = mp_ctype_is_function_pointer(r->ct) ? r->ct->item : r->ct;
  if (fn->kind != MP_KIND_FUNCTION)
    mp_state_error(L, MP_MSG_CALLBACK_TYPE, mp_state_pushrepr(L, fn, NULL));
  if (r->fn == NULL) {
    lua_pushnil(L);
    return 1;
  }
  lua_pushvalue(L, UP_NAMESPACE);
  mp_clib_pushfunction(L, in->engine, lua_gettop(L), fn, r->fn);
  return 1;
}

void moonpool_pushfunction(lua_State *L, const char *type, void (*fn)(void)) {
  Request r;
  request_typed(&r, act_pushfunction, type, NULL);
  r.fn = fn;
  embed_call(L, &r, 0, 1);
}

/* Raises for a type that has no values in memory, or not of a known size. */
static void check_value(lua_State *L, const MpCtype *ct) {
  if (!mp_ctype_is_complete(ct))
    mp_state_error(L, MP_MSG_UNKNOWN_SIZE, mp_state_pushrepr(L, ct, NULL));
}

static int act_load(lua_State *L, MpInstance *in, Request *r) {
  check_value(L, r->ct);
  check_address(L, r->ptr);
  mp_tolua_push(L, in->engine, r->ct, (const char *)r->ptr, NULL, 0);
  return 1;
}

void moonpool_load(lua_State *L, const char *type, const void *from) {
  Request r;
  request_typed(&r, act_load, type, from);
  embed_call(L, &r, 0, 1);
}

/* }===== */

/* {===== what scripts give ===== */

/* Is the running function C's, so that positive indexes are its arguments? */
static bool in_function(lua_State *L) {
  lua_Debug ar;
  return lua_getstack(L, 0, &ar) && lua_getinfo(L, "S", &ar) && *ar.what == 'C';
}

static int act_store(lua_State *L, MpInstance *in, Request *r) {
  MpDest d;
  check_value(L, r->ct);
  check_address(L, r->ptr);
  memset(&d, 0, sizeof d);
  d.L = L;
  d.E = in->engine;
  d.init = true; /* the host says what lies there: const members are written too */
  r->size = 1;   /* from here on it is the value's fault */
  mp_toc_write(&d, r->ct, (char *)r->ptr, 2);
  return 0;
}

/* The error on the top without the position that it starts with: an argument error has its own. */
static const char *error_text(lua_State *L) {
  const char *text = lua_tostring(L, -1), *position = mp_state_pushposition(L);
  size_t n = strlen(position);
  lua_pop(L, 1); /* the bytes of `text` are below */
  return strncmp(text, position, n) == 0 ? text + n : text;
}

void moonpool_store(lua_State *L, int idx, const char *type, void *to) {
  Request r;
  luaL_checkstack(L, 1, NULL);
  request_typed(&r, act_store, type, to);
  lua_pushvalue(L, idx);
  if (idx <= 0 || !in_function(L)) {
    embed_call(L, &r, 1, 0);
    return;
  }
  push_door(L, &r, 1);
  if (lua_pcall(L, 2, 0, 0) == LUA_OK) return;
  if (r.size == 0 || lua_type(L, -1) != LUA_TSTRING) lua_error(L);
  luaL_argerror(L, idx, error_text(L));
}

/* The type of the things that a `ct` points to, or that it is. */
static const MpCtype *type_target(const MpCtype *ct) {
  return ct->kind == MP_KIND_POINTER || ct->kind == MP_KIND_ARRAY ? ct->item : ct;
}

/* What a cdata points to, or is; NULL for a number's box. */
static const MpCtype *cdata_target(const MpCdata *c) {
  switch ((MpKind)c->ct->kind) {
    case MP_KIND_PRIM:
    case MP_KIND_ENUM:
    case MP_KIND_BITINT: return NULL;
    case MP_KIND_VECTOR: return c->ct->item;
    default: return type_target(c->ct);
  }
}

/* Fails to give an address: pushes why. */
static int give_mismatch(lua_State *L, const MpState *E, const MpCtype *ct, const char *but) {
  const char *what = lua_isnone(L, 2) ? "no value" : mp_toc_describe(L, E, 2);
  lua_pushfstring(L, MP_MSG_CHECK, mp_state_pushrepr(L, ct, NULL), what, but);
  return 1;
}

/* The address of the cdata at 2; fails as act_address. */
static int give_cdata(lua_State *L, MpState *E, Request *r, const MpCdata *c) {
  const MpCtype *want = type_target(r->ct), *from = cdata_target(c);
  const MpCdata *block = mp_cdata_block(c);
  MpRelation relation = from ? mp_relate_pointers(want, from) : MP_RELATE_MISMATCH;
  if (relation == MP_RELATE_MISMATCH) return give_mismatch(L, E, r->ct, "");
  if (mp_cdata_is_released(c)) {
    lua_pushliteral(L, MP_MSG_RELEASED);
    return 1;
  }
  if (relation == MP_RELATE_CONST ||
      (block != NULL && (block->flags & MP_CD_READONLY) && !(want->quals & MP_QUAL_CONST)))
    return give_mismatch(L, E, r->ct, MP_MSG_CHECK_CONST);
  if (block != NULL && mp_ctype_is_record(want) &&
      mp_cdata_rest(block, mp_cdata_address(c)) < want->size)
    return give_mismatch(L, E, r->ct, MP_MSG_CHECK_SHORT);
  r->ptr = mp_cdata_address(c);
  return 0;
}

/* The same of the function at 2: a library's, or the callback that a Lua function has for that type. */
static int give_function(lua_State *L, MpState *E, Request *r) {
  const MpCtype *want = type_target(r->ct), *fn;
  void (*code)(void);
  if (E->library_function(L, 2, &fn, &code)) {
    if (mp_relate_pointers(want, fn) != MP_RELATE_OK) return give_mismatch(L, E, r->ct, "");
  } else {
    if (want->kind != MP_KIND_FUNCTION) return give_mismatch(L, E, r->ct, "");
    code = E->make_callback(L, E, want, 2);
  }
  memcpy(&r->ptr, &code, sizeof code);
  return 0;
}

/* Sets the request's pointer to the address that the value at 2 gives for the type; else pushes why it gives none. */
static int act_address(lua_State *L, MpInstance *in, Request *r) {
  MpState *E = in->engine;
  const MpCtype *want = type_target(r->ct);
  const MpCdata *c = mp_cdata_test(L, E, 2);
  check_pushable(L, r->ct);
  if (c != NULL) return give_cdata(L, E, r, c);
  switch (lua_type(L, 2)) {
    case LUA_TFUNCTION: return give_function(L, E, r);
    case LUA_TSTRING:
      if (!(want->quals & MP_QUAL_CONST) ||
          !(mp_ctype_is_charlike(want) || want->kind == MP_KIND_VOID))
        break;
      r->ptr = (void *)lua_tostring(L, 2);
      return 0;
    case LUA_TLIGHTUSERDATA:
      if (want->kind != MP_KIND_VOID || lua_touserdata(L, 2) == NULL) break;
      r->ptr = lua_touserdata(L, 2);
      return 0;
    default: break;
  }
  return give_mismatch(L, E, r->ct, "");
}

/* Leaves why there is no address on the top, or nil. */
static void *find_address(lua_State *L, int idx, const char *type) {
  Request r;
  luaL_checkstack(L, 1, NULL);
  request_typed(&r, act_address, type, NULL);
  if (lua_isnone(L, idx)) {
    embed_call(L, &r, 0, 1);
  } else {
    lua_pushvalue(L, idx);
    embed_call(L, &r, 1, 1);
  }
  return r.ptr;
}

void *moonpool_check(lua_State *L, int arg, const char *type) {
  void *ptr = find_address(L, arg, type);
  if (ptr == NULL) luaL_argerror(L, arg, lua_tostring(L, -1));
  lua_pop(L, 1);
  return ptr;
}

void *moonpool_test(lua_State *L, int idx, const char *type) {
  void *ptr = find_address(L, idx, type);
  lua_pop(L, 1);
  return ptr;
}

/* }===== */
