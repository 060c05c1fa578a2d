/*
** lua_buffer.c: raw bytes as an object, and cdata over bytes that Lua owns. A
** buffer keeps the cdata whose bytes it shows.
*/

#include "face/lua_buffer.h"

#include <string.h>

#include "base/num.h"
#include "face/lua_cdata.h"
#include "face/lua_core.h"
#include "face/lua_ctype.h"
#include "value/access.h"
#include "value/keep.h"
#include "value/toc.h"
#include "value/wrapper.h"

/* User value 1 is the cdata. */
typedef struct Buffer {
  uint32_t tag; /* the engine's, another bit flipped than a ctype object's */
  MpCdata *c;
  char *at;
  size_t size;
} Buffer;

#define BUFFER_TAG(E) ((E)->tag ^ 0x40000000u)
#define BUFFER_META "buffer" /* its metatable among the root's anchors */

static Buffer *buffer_test(lua_State *L, const MpState *E, int idx) {
  Buffer *b = (Buffer *)lua_touserdata(L, idx);
  return b != NULL && lua_rawlen(L, idx) == sizeof *b && b->tag == BUFFER_TAG(E) ? b : NULL;
}

/* Of a running method: the buffer, its memory live. */
static Buffer *buffer_self(lua_State *L) {
  Buffer *b = buffer_test(L, (MpState *)lua_touserdata(L, MP_UP_OWN), 1);
  if (b == NULL) mp_state_error(L, MP_MSG_WANT_BUFFER, luaL_typename(L, 1));
  mp_cdata_checklive(L, b->c);
  return b;
}

/* {===== the object ===== */

/* ffi.buffer(x [, size]) */
static int buffer_buffer(lua_State *L) {
  MpState *E = mp_lua_core_self(L)->engine;
  MpCdata *c = mp_lua_cdata_check(L, E, 1);
  Buffer *b;
  size_t size;
  if (c->flags & MP_CD_BOX || c->ct->kind == MP_KIND_FUNCTION ||
      mp_ctype_is_function_pointer(c->ct))
    mp_state_error(L, MP_MSG_WANT_MEMORY, mp_toc_describe(L, E, 1));
  if (lua_isnoneornil(L, 2)) {
    if (!mp_ctype_is_complete(mp_cdata_target(c)) && mp_cdata_size(c) == 0)
      mp_state_error(L, MP_MSG_UNKNOWN_SIZE, mp_state_pushrepr(L, mp_cdata_target(c), NULL));
    size = mp_cdata_size(c);
  } else {
    lua_Integer n = mp_toc_index(L, E, 2, "size");
    if (n < 0) mp_state_error(L, MP_MSG_SIZE_NEGATIVE, "size");
    size = (size_t)n;
  }
  mp_cdata_checkspan(L, c, mp_cdata_address(c), size);
  b = (Buffer *)lua_newuserdatauv(L, sizeof *b, 1);
  b->tag = BUFFER_TAG(E);
  b->c = c;
  b->at = mp_cdata_address(c);
  b->size = size;
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  mp_state_pushuv(L, MP_STATE_ANCHORS);
  lua_getfield(L, -1, BUFFER_META);
  lua_setmetatable(L, -3);
  lua_pop(L, 1);
  return 1;
}

/* An offset at idx with `n` bytes from it on, in the buffer. */
static size_t buffer_offset(lua_State *L, const Buffer *b, int idx, size_t n) {
  lua_Integer i = mp_toc_index(L, (MpState *)lua_touserdata(L, MP_UP_OWN), idx, "offset");
  if (i < 0 || (size_t)i > b->size || n > b->size - (size_t)i)
    mp_state_error(L, MP_MSG_BUFFER_RANGE, n, (long long)i, b->size);
  return (size_t)i;
}

static void buffer_writable(lua_State *L, const Buffer *b) {
  const MpCdata *block = mp_cdata_block(b->c);
  if (block != NULL && (block->flags & MP_CD_READONLY)) mp_state_error(L, MP_MSG_READONLY);
  if (mp_ctype_has_const(mp_cdata_target(b->c)))
    mp_state_error(L, MP_MSG_CONST, mp_state_pushrepr(L, mp_cdata_target(b->c), NULL));
}

/* b:read(offset, n) */
static int buffer_read(lua_State *L) {
  Buffer *b = buffer_self(L);
  lua_Integer n = mp_toc_index(L, (MpState *)lua_touserdata(L, MP_UP_OWN), 3, "size");
  size_t at;
  if (n < 0) mp_state_error(L, MP_MSG_SIZE_NEGATIVE, "size");
  at = buffer_offset(L, b, 2, (size_t)n);
  lua_pushlstring(L, b->at + at, (size_t)n);
  return 1;
}

/* Bytes were written: what pointers among them kept may go. */
static void buffer_wrote(lua_State *L, const Buffer *b, size_t at, size_t n) {
  MpCdata *block;
  lua_getiuservalue(L, 1, 1);
  block = mp_cdata_pushblockof(L, b->c, lua_gettop(L));
  if (block != NULL) mp_keep_move(L, block, lua_gettop(L), b->at + at, NULL, 0, NULL, n);
}

/* b:write(offset, s) */
static int buffer_write(lua_State *L) {
  Buffer *b = buffer_self(L);
  size_t n, at;
  const char *s;
  luaL_checktype(L, 3, LUA_TSTRING);
  s = lua_tolstring(L, 3, &n);
  at = buffer_offset(L, b, 2, n);
  buffer_writable(L, b);
  memcpy(b->at + at, s, n);
  buffer_wrote(L, b, at, n);
  return 0;
}

static int buffer_index(lua_State *L) {
  Buffer *b = buffer_self(L);
  if (lua_type(L, 2) == LUA_TSTRING) {
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(3));
  } else {
    lua_pushinteger(L, (unsigned char)b->at[buffer_offset(L, b, 2, 1)]);
  }
  return 1;
}

static int buffer_newindex(lua_State *L) {
  Buffer *b = buffer_self(L);
  size_t at = buffer_offset(L, b, 2, 1);
  lua_Integer v = mp_toc_index(L, (MpState *)lua_touserdata(L, MP_UP_OWN), 3, "byte");
  if (v < 0 || v > 255) mp_state_error(L, MP_MSG_BYTE, (long long)v);
  buffer_writable(L, b);
  b->at[at] = (char)v;
  buffer_wrote(L, b, at, 1);
  return 0;
}

static int buffer_len(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)buffer_self(L)->size);
  return 1;
}

void mp_lua_buffer_open(lua_State *L, MpState *E) {
  mp_state_pushuv(L, MP_STATE_ANCHORS);
  lua_newtable(L);
  lua_newtable(L); /* methods */
  lua_pushlightuserdata(L, E);
  mp_state_pushclosure(L, buffer_read, 1);
  lua_setfield(L, -2, "read");
  lua_pushlightuserdata(L, E);
  mp_state_pushclosure(L, buffer_write, 1);
  lua_setfield(L, -2, "write");
  lua_pushlightuserdata(L, E);
  lua_insert(L, -2);
  mp_state_pushclosure(L, buffer_index, 2);
  lua_setfield(L, -2, "__index");
  lua_pushlightuserdata(L, E);
  mp_state_pushclosure(L, buffer_newindex, 1);
  lua_setfield(L, -2, "__newindex");
  lua_pushlightuserdata(L, E);
  mp_state_pushclosure(L, buffer_len, 1);
  lua_setfield(L, -2, "__len");
  lua_pushliteral(L, "buffer");
  lua_setfield(L, -2, "__name");
  lua_pushliteral(L, "moonpool");
  lua_setfield(L, -2, "__metatable");
  lua_setfield(L, -2, BUFFER_META);
  lua_pop(L, 1);
}

/* }===== */

/* {===== from_buffer ===== */

/* The type of the result: that at idx, or `char[]`. */
static const MpCtype *result_type(lua_State *L, MpInstance *in, int idx) {
  const MpCtype *ct;
  MpErr e;
  if (idx != 0) {
    ct = mp_lua_ctype_check(L, in, idx);
    if (ct->kind != MP_KIND_ARRAY && ct->kind != MP_KIND_POINTER)
      mp_state_error(L, MP_MSG_NEW_KIND, mp_state_pushrepr(L, ct, NULL));
    if (!mp_ctype_is_complete(ct->item) && ct->kind == MP_KIND_ARRAY)
      mp_state_error(L, MP_MSG_OPAQUE, mp_state_pushrepr(L, ct->item, NULL));
    return ct;
  }
  if (mp_ctype_array(&in->space, mp_ctype_prim(&in->space, MP_PRIM_CHAR), MP_LENGTH_OPEN, &ct,
                     &e) != MP_OK)
    mp_state_raise(L, &e);
  return ct;
}

/* The bytes of the object at idx: a string, a buffer or a foreign userdata. */
static char *object_bytes(lua_State *L, MpState *E, int idx, size_t *size, bool *readonly) {
  Buffer *b = buffer_test(L, E, idx);
  *readonly = lua_type(L, idx) == LUA_TSTRING;
  if (*readonly) return (char *)lua_tolstring(L, idx, size);
  if (b != NULL) {
    mp_cdata_checklive(L, b->c);
    *size = b->size;
    *readonly = mp_cdata_block(b->c) != NULL && (mp_cdata_block(b->c)->flags & MP_CD_READONLY);
    return b->at;
  }
  if (lua_type(L, idx) != LUA_TUSERDATA || mp_cdata_test(L, E, idx) != NULL ||
      mp_lua_ctype_test(L, E, idx) != NULL)
    mp_state_error(L, MP_MSG_WANT_BYTES, mp_toc_describe(L, E, idx));
  *size = lua_rawlen(L, idx);
  return (char *)lua_touserdata(L, idx);
}

/* ffi.from_buffer([T,] obj [, require_writable]) */
static int buffer_from_buffer(lua_State *L) {
  MpInstance *in = mp_lua_core_self(L);
  MpState *E = in->engine;
  /* The first argument is a type when another object follows it. */
  bool typed = !lua_isnoneornil(L, 2) && !lua_isboolean(L, 2);
  int obj = typed ? 2 : 1;
  const MpCtype *ct = result_type(L, in, typed ? 1 : 0);
  const Buffer *buf;
  MpCdata *under;
  int result;
  size_t size, need;
  bool readonly;
  MpBlock *b;
  char *bytes = object_bytes(L, E, obj, &size, &readonly);
  if (readonly && lua_toboolean(L, obj + 1)) mp_state_error(L, MP_MSG_READONLY);
  need = ct->kind == MP_KIND_POINTER ? ct->item->size : ct->size;
  if (need > size)
    mp_state_error(L, MP_MSG_BUFFER_SMALL, size, mp_state_pushrepr(L, ct, NULL), need);
  b = mp_cdata_pushblock(L, E, ct, bytes, size, NULL);
  if (ct->kind == MP_KIND_ARRAY && ct->length != MP_LENGTH_OPEN) b->size = ct->size;
  if (readonly) b->head.flags |= MP_CD_READONLY;
  lua_pushvalue(L, obj);
  lua_setiuservalue(L, -2, MP_BLOCK_UNDER);
  buf = buffer_test(L, E, obj);
  if (buf == NULL) return 1;
  result = lua_gettop(L);
  lua_getiuservalue(L, obj, 1);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, result, MP_BLOCK_UNDER); /* the cdata itself */
  under = mp_cdata_pushblockof(L, buf->c, lua_gettop(L));
  if (under != NULL) mp_wrapper_add(L, E, under, result);
  mp_cdata_checklive(L, buf->c); /* a finalizer may have run meanwhile */
  lua_settop(L, result);
  return 1;
}

/* }===== */

const luaL_Reg mp_lua_buffer_functions[] = {
    {"buffer", buffer_buffer}, {"from_buffer", buffer_from_buffer}, {NULL, NULL}};
