/*
** lua_cdata.c: metamethods of cdata, and the functions that read, move, slice
** and name memory.
*/

#include "face/lua_cdata.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "call/call.h"
#include "call/clib.h"
#include "face/lua_core.h"
#include "face/lua_new.h"
#include "type/scalar.h"
#include "value/access.h"
#include "value/arith.h"
#include "value/box.h"
#include "value/init.h"
#include "value/keep.h"
#include "value/metatype.h"
#include "value/numbers.h"
#include "value/quick.h"
#include "value/toc.h"
#include "value/tolua.h"

MpCdata *mp_lua_cdata_check(lua_State *L, MpState *E, int idx) {
  MpCdata *c = mp_cdata_test(L, E, idx);
  if (c == NULL) mp_state_error(L, MP_MSG_WANT_CDATA, luaL_typename(L, idx));
  mp_cdata_checklive(L, c);
  return c;
}

void mp_lua_cdata_function(lua_State *L, MpState *E, int idx) {
  const MpCtype *fn;
  void (*code)(void);
  MpErr e;
  if (!E->library_function(L, idx, &fn, &code)) return;
  if (mp_ctype_pointer(&E->root, fn, &fn, &e) != MP_OK) mp_state_raise(L, &e);
  mp_cdata_pushview(L, E, fn, (char *)(uintptr_t)code, -1);
  lua_replace(L, idx);
  lua_pop(L, 1);
}

/* {===== memory that arguments name ===== */

/* Bytes from an address on, and how many of them are known. */
typedef struct Bytes {
  MpCdata *c; /* NULL: a Lua string */
  char *at;
  size_t size; /* or MP_CD_UNBOUNDED */
} Bytes;

/* The memory that a pointer, array or aggregate at idx stands for. */
static void bytes_check(lua_State *L, MpState *E, int idx, Bytes *b) {
  MpCdata *block;
  b->c = mp_lua_cdata_check(L, E, idx);
  if (b->c->flags & MP_CD_BOX || b->c->ct->kind == MP_KIND_FUNCTION ||
      mp_ctype_is_function_pointer(b->c->ct))
    mp_state_error(L, MP_MSG_WANT_MEMORY, mp_toc_describe(L, E, idx));
  b->at = mp_cdata_address(b->c);
  b->size = MP_CD_UNBOUNDED;
  block = mp_cdata_block(b->c);
  if (b->c->ct->kind != MP_KIND_POINTER &&
      (b->c->ct->kind != MP_KIND_ARRAY || mp_access_has_length(b->c))) {
    b->size = mp_cdata_size(b->c);
  } else if (block != NULL) {
    b->size = mp_cdata_rest(block, b->at);
  }
}

/* A count of the user's at idx: not negative. */
static size_t count_check(lua_State *L, MpState *E, int idx, const char *what) {
  lua_Integer n = mp_toc_index(L, E, idx, what);
  if (n < 0) mp_state_error(L, MP_MSG_SIZE_NEGATIVE, what);
  return (size_t)n;
}

static void bytes_need(lua_State *L, const Bytes *b, size_t n) {
  if (b->size != MP_CD_UNBOUNDED && n > b->size) mp_state_error(L, MP_MSG_BYTES_SHORT, n, b->size);
}

static void bytes_writable(lua_State *L, const Bytes *b) {
  const MpCdata *block = mp_cdata_block(b->c);
  if (block != NULL && (block->flags & MP_CD_READONLY)) mp_state_error(L, MP_MSG_READONLY);
  if (mp_ctype_has_const(mp_cdata_target(b->c)))
    mp_state_error(L, MP_MSG_CONST, mp_state_pushrepr(L, mp_cdata_target(b->c), NULL));
}

/* }===== */

/* {===== strings ===== */

/* Pushes `n` wide units as UTF-8; surrogate pairs are joined, lone ones an error. */
static void push_wide(lua_State *L, const MpCtype *item, const char *at, size_t n) {
  luaL_Buffer b;
  size_t i;
  luaL_buffinit(L, &b);
  for (i = 0; i < n; i++) {
    long c = (long)(mp_scalar_loadint(item, at + i * item->size) & 0xFFFFFFFF);
    if (item->size == 2 && c >= 0xD800 && c < 0xDC00 && i + 1 < n) {
      long low = (long)mp_scalar_loadint(item, at + (i + 1) * 2);
      if (low >= 0xDC00 && low < 0xE000) {
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        i++;
      }
    }
    if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
      mp_state_error(L, MP_MSG_NO_CHARACTER, (unsigned long)c);
    lua_pushfstring(L, "%U", c);
    luaL_addvalue(&b);
  }
  luaL_pushresult(&b);
}

/* Units before the first zero, at most `most`. */
static size_t text_length(const MpCtype *item, const char *at, size_t most) {
  size_t n = 0;
  if (item->size == 1) {
    const char *end = most == MP_CD_UNBOUNDED ? at + strlen(at) : (const char *)memchr(at, 0, most);
    return end ? (size_t)(end - at) : most;
  }
  while (n < most && mp_scalar_loadint(item, at + n * item->size) != 0) n++;
  return n;
}

/* Pushes the name of the enumerator in a box, or its number as text. */
static void push_enumerator(lua_State *L, const MpCdata *c) {
  const MpEnumerator *en =
      mp_ctype_enumerator(c->ct, mp_scalar_loadint(c->ct, mp_cdata_address(c)));
  if (en != NULL)
    lua_pushstring(L, en->name->text);
  else
    mp_box_pushtext(L, c);
}

/* ffi.string(x [, maxlen]) */
static int cdata_string(lua_State *L) {
  MpState *E = mp_lua_core_self(L)->engine;
  const MpCdata *c;
  const MpCtype *item;
  size_t most = MP_CD_UNBOUNDED;
  Bytes b;
  if (lua_isnil(L, 1)) mp_state_error(L, MP_MSG_STRING_NULL);
  c = mp_cdata_test(L, E, 1);
  if (c == NULL) mp_state_error(L, MP_MSG_STRING_TYPE, luaL_typename(L, 1));
  mp_cdata_checklive(L, c);
  if ((c->flags & MP_CD_BOX) && c->ct->kind == MP_KIND_ENUM) {
    push_enumerator(L, c);
    return 1;
  }
  if ((c->flags & MP_CD_BOX) && mp_ctype_is_prim(c->ct, MP_PRIM_CHAR)) {
    lua_pushlstring(L, mp_cdata_address(c), 1);
    return 1;
  }
  if ((c->flags & MP_CD_BOX) && mp_ctype_is_wide(c->ct)) {
    push_wide(L, c->ct, mp_cdata_address(c), 1);
    return 1;
  }
  item = (c->ct->kind == MP_KIND_POINTER || c->ct->kind == MP_KIND_ARRAY) ? c->ct->item : NULL;
  if (item == NULL || !(mp_ctype_is_charlike(item) || mp_ctype_is_wide(item)))
    mp_state_error(L, MP_MSG_STRING_TYPE, mp_toc_describe(L, E, 1));
  bytes_check(L, E, 1, &b);
  if (!lua_isnoneornil(L, 2)) most = count_check(L, E, 2, "maxlen");
  if (b.size != MP_CD_UNBOUNDED && most > b.size / item->size) most = b.size / item->size;
  most = text_length(item, b.at, most);
  if (item->size == 1)
    lua_pushlstring(L, b.at, most);
  else
    push_wide(L, item, b.at, most);
  return 1;
}

/* }===== */

/* {===== whole arrays ===== */

/* The elements at idx: how many, from where, of what; a pointer's count is at stack index `count`. */
static const MpCtype *elements_check(lua_State *L, MpState *E, int idx, int count, Bytes *b,
                                     size_t *n) {
  const MpCtype *item;
  size_t bytes;
  bytes_check(L, E, idx, b);
  item = b->c->ct->item;
  if (b->c->ct->kind != MP_KIND_POINTER && b->c->ct->kind != MP_KIND_ARRAY &&
      b->c->ct->kind != MP_KIND_VECTOR)
    mp_state_error(L, MP_MSG_WANT_ARRAY, mp_toc_describe(L, E, idx));
  if (!mp_ctype_is_complete(item))
    mp_state_error(L, MP_MSG_OPAQUE, mp_state_pushrepr(L, item, NULL));
  if (lua_isnoneornil(L, count) && b->c->ct->kind != MP_KIND_POINTER && b->size != MP_CD_UNBOUNDED)
    *n = mp_access_length(b->c);
  else
    *n = count_check(L, E, count, "length");
  if (!mp_num_mul(*n, item->size, &bytes)) mp_state_error(L, MP_MSG_TYPE_TOO_LARGE);
  bytes_need(L, b, bytes);
  return item;
}

/*
** Sets t[1 … n] of the new table on the top to the scalars at `at`, for which
** no memory is taken, so that no finalizer runs. False for other items, and
** when one needs a box: then all are to be set again.
*/
static bool set_scalars(lua_State *L, const MpCtype *item, const char *at, size_t n,
                        const MpCdata *c) {
  MpQuick kind = mp_quick_kind(item);
  size_t i;
  if (!mp_quick_is_scalar(kind) || kind == MP_QUICK_CHAR) return false;
  mp_cdata_checklive(L, c); /* the table took memory */
  for (i = 0; i < n; i++, at += item->size) {
    if (!mp_quick_push(L, kind, at)) return false;
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return true;
}

/* ffi.unpack(x [, n]): a table of elements, or a string of chars */
static int cdata_unpack(lua_State *L) {
  MpState *E = mp_lua_core_self(L)->engine;
  const MpCtype *item;
  Bytes b;
  size_t n, i;
  if (lua_isnil(L, 1)) mp_state_error(L, MP_MSG_STRING_NULL);
  item = elements_check(L, E, 1, 2, &b, &n);
  if (mp_ctype_is_prim(item, MP_PRIM_CHAR)) {
    lua_pushlstring(L, b.at, n);
    return 1;
  }
  if (n > INT32_MAX) mp_state_error(L, MP_MSG_TYPE_TOO_LARGE);
  lua_createtable(L, (int)n, 0);
  if (set_scalars(L, item, b.at, n, b.c)) return 1;
  for (i = 0; i < n; i++) {
    mp_cdata_checklive(L, b.c); /* a finalizer may have run meanwhile */
    mp_tolua_push(L, E, item, b.at + i * item->size, b.c, 1);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

static void push_plain(lua_State *L, MpState *E, const MpCtype *ct, const char *at, size_t n,
                       MpCdata *c);

/* Elements of an array inside what `c` looks into; a flexible one ends with its block. */
static size_t plain_length(const MpCtype *ct, const char *at, const MpCdata *c) {
  const MpCdata *block = mp_cdata_block(c);
  size_t rest;
  if (ct->kind != MP_KIND_ARRAY && ct->kind != MP_KIND_VECTOR) return 0;
  if (ct->length != MP_LENGTH_OPEN && ct->length != 0) return ct->length;
  rest = block ? mp_cdata_shown(block, at) : MP_CD_UNBOUNDED;
  return rest == MP_CD_UNBOUNDED || ct->item->size == 0 ? 0 : rest / ct->item->size;
}

/* A record as a table by field name. */
static void push_plain_record(lua_State *L, MpState *E, const MpCtype *ct, const char *at,
                              MpCdata *c) {
  const MpRecord *r = ct->u.record;
  uint32_t i;
  lua_createtable(L, 0, (int)r->nflat);
  for (i = 0; i < r->nflat; i++) {
    const MpField *f = &r->flat[i];
    mp_cdata_checklive(L, c); /* a finalizer may have run meanwhile */
    if (f->is_bits)
      mp_tolua_field(L, E, f, at, c, 1);
    else
      push_plain(L, E, f->type, at + f->offset, plain_length(f->type, at + f->offset, c), c);
    lua_setfield(L, -2, f->name->text);
  }
}

/* `ct` at `at` as plain nested tables; an array has `n` elements. */
static void push_plain(lua_State *L, MpState *E, const MpCtype *ct, const char *at, size_t n,
                       MpCdata *c) {
  size_t i;
  luaL_checkstack(L, 8, NULL);
  if (mp_ctype_is_record(ct)) {
    push_plain_record(L, E, ct, at, c);
  } else if (ct->kind == MP_KIND_ARRAY && mp_ctype_is_prim(ct->item, MP_PRIM_CHAR)) {
    while (n > 0 && at[n - 1] == '\0') n--;
    lua_pushlstring(L, at, n);
  } else if (ct->kind == MP_KIND_ARRAY || ct->kind == MP_KIND_VECTOR) {
    lua_createtable(L, n > INT32_MAX ? 0 : (int)n, 0);
    if (n <= INT32_MAX && set_scalars(L, ct->item, at, n, c)) return;
    for (i = 0; i < n; i++) {
      const char *element = at + i * ct->item->size;
      mp_cdata_checklive(L, c);
      push_plain(L, E, ct->item, element, plain_length(ct->item, element, c), c);
      lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
  } else if (ct->kind == MP_KIND_COMPLEX) {
    lua_createtable(L, 0, 2);
    mp_tolua_push(L, E, ct->item, at, c, 1);
    lua_setfield(L, -2, "re");
    mp_cdata_checklive(L, c);
    mp_tolua_push(L, E, ct->item, at + ct->item->size, c, 1);
    lua_setfield(L, -2, "im");
  } else {
    mp_tolua_push(L, E, ct, at, c, 1);
  }
}

/* ffi.totable(x) */
static int cdata_totable(lua_State *L) {
  MpState *E = mp_lua_core_self(L)->engine;
  MpCdata *c = mp_lua_cdata_check(L, E, 1);
  const MpCtype *ct = mp_cdata_target(c);
  bool array = ct->kind == MP_KIND_ARRAY || ct->kind == MP_KIND_VECTOR;
  if (!(mp_ctype_is_record(ct) && mp_ctype_is_complete(ct)) && !(array && mp_access_has_length(c)))
    mp_state_error(L, MP_MSG_TOTABLE, mp_toc_describe(L, E, 1));
  mp_cdata_checkspan(L, c, mp_cdata_address(c), array ? 0 : ct->size);
  push_plain(L, E, ct, mp_cdata_address(c), array ? mp_access_length(c) : 0, c);
  return 1;
}

/* The half-open range at stack indexes 2 and 3 of the array or pointer at 1: first byte, elements. */
static const MpCtype *range_check(lua_State *L, MpState *E, Bytes *b, char **at, size_t *n) {
  const MpCtype *item;
  lua_Integer i, j;
  size_t known = MP_CD_UNBOUNDED;
  bytes_check(L, E, 1, b);
  item = b->c->ct->item;
  if (b->c->ct->kind != MP_KIND_POINTER && b->c->ct->kind != MP_KIND_ARRAY)
    mp_state_error(L, MP_MSG_WANT_ARRAY, mp_toc_describe(L, E, 1));
  if (!mp_ctype_is_complete(item))
    mp_state_error(L, MP_MSG_OPAQUE, mp_state_pushrepr(L, item, NULL));
  i = mp_toc_index(L, E, 2, "index");
  j = mp_toc_index(L, E, 3, "index");
  if (i > j) mp_state_error(L, MP_MSG_SLICE_ORDER);
  if (b->c->ct->kind == MP_KIND_ARRAY && i < 0) mp_state_error(L, MP_MSG_INDEX_NEGATIVE);
  if (b->size != MP_CD_UNBOUNDED && item->size > 0) known = b->size / item->size;
  if (b->c->ct->kind == MP_KIND_ARRAY && known != MP_CD_UNBOUNDED && (size_t)j > known)
    mp_state_error(L, MP_MSG_SLICE_LARGE, (long long)j, known);
  if (!mp_num_mul((size_t)(j - i), item->size, n)) mp_state_error(L, MP_MSG_TYPE_TOO_LARGE);
  *at = (char *)((uintptr_t)b->at + (uintptr_t)i * item->size);
  mp_cdata_checkspan(L, b->c, *at, *n);
  *n = (size_t)(j - i);
  return item;
}

/* ffi.slice(a, i, j): a view of the elements i … j - 1 */
static int cdata_slice(lua_State *L) {
  MpState *E = mp_lua_core_self(L)->engine;
  Bytes b;
  char *at;
  size_t n;
  MpErr e;
  const MpCtype *item = range_check(L, E, &b, &at, &n), *ct;
  if (mp_ctype_array(&E->root, item, MP_LENGTH_OPEN, &ct, &e) != MP_OK) mp_state_raise(L, &e);
  mp_cdata_pushslice(L, E, ct, at, n, mp_cdata_pushblockof(L, b.c, 1) ? lua_gettop(L) : 0);
  return 1;
}

/* ffi.assign(a, i, j, src): exactly j - i elements */
static int cdata_assign(lua_State *L) {
  MpState *E = mp_lua_core_self(L)->engine;
  Bytes b;
  char *at;
  size_t n, got;
  MpErr e;
  MpDest d;
  const MpCtype *item, *ct;
  lua_settop(L, 4);
  item = range_check(L, E, &b, &at, &n);
  bytes_writable(L, &b);
  if (mp_ctype_array(&E->root, item, MP_LENGTH_OPEN, &ct, &e) != MP_OK) mp_state_raise(L, &e);
  mp_toc_start(&d, L, E, b.c, 1);
  if (lua_istable(L, 4) && lua_rawlen(L, 4) == n && mp_numbers_sequence(&d, item, at, 4, n))
    return 0;
  got = mp_init_length(&d, ct, 4) - (lua_type(L, 4) == LUA_TSTRING ? 1 : 0);
  if (lua_type(L, 4) == LUA_TNUMBER) mp_toc_mismatch(&d, ct, "a table, a string or an array", 4);
  if (got != n) mp_state_error(L, MP_MSG_ASSIGN_LENGTH, n, got);
  d.end = at + n * item->size;
  mp_init_aggregate(&d, ct, at, 4);
  return 0;
}

/* }===== */

/* {===== bytes ===== */

/* ffi.memmove(dst, src, n) */
static int cdata_memmove(lua_State *L) {
  MpState *E = mp_lua_core_self(L)->engine;
  Bytes dst, src;
  size_t n;
  int block;
  bytes_check(L, E, 1, &dst);
  if (lua_type(L, 2) == LUA_TSTRING) {
    src.c = NULL;
    src.at = (char *)lua_tolstring(L, 2, &src.size);
  } else {
    bytes_check(L, E, 2, &src);
  }
  n = count_check(L, E, 3, "size");
  bytes_need(L, &dst, n);
  bytes_need(L, &src, n);
  bytes_writable(L, &dst);
  memmove(dst.at, src.at, n);
  if (mp_cdata_pushblockof(L, dst.c, 1) != NULL) {
    MpCdata *from = NULL;
    block = lua_gettop(L);
    if (src.c != NULL) from = mp_cdata_pushblockof(L, src.c, 2);
    mp_keep_move(L, mp_cdata_block(dst.c), block, dst.at, from, from ? lua_gettop(L) : 0, src.at,
                 n);
  }
  return 0;
}

/* ffi.fill(dst, n [, byte]) */
static int cdata_fill(lua_State *L) {
  MpState *E = mp_lua_core_self(L)->engine;
  Bytes dst;
  size_t n;
  lua_Integer byte;
  bytes_check(L, E, 1, &dst);
  n = count_check(L, E, 2, "size");
  byte = lua_isnoneornil(L, 3) ? 0 : mp_toc_index(L, E, 3, "byte");
  if (byte < 0 || byte > 255) mp_state_error(L, MP_MSG_BYTE, (long long)byte);
  bytes_need(L, &dst, n);
  bytes_writable(L, &dst);
  memset(dst.at, (int)byte, n);
  if (mp_cdata_pushblockof(L, dst.c, 1) != NULL)
    mp_keep_move(L, mp_cdata_block(dst.c), lua_gettop(L), dst.at, NULL, 0, dst.at, n);
  return 0;
}

/* }===== */

/* {===== addresses ===== */

/* A pointer to `ct` at `to`, inside what the cdata at index 1 looks into. */
static int push_address(lua_State *L, MpState *E, const MpCtype *ct, char *to, MpCdata *c) {
  MpErr e;
  if (mp_ctype_pointer(&E->root, ct, &ct, &e) != MP_OK) mp_state_raise(L, &e);
  mp_cdata_pushview(L, E, ct, to, mp_cdata_pushblockof(L, c, 1) ? lua_gettop(L) : 0);
  return 1;
}

/* ffi.addressof(x, path…), ffi.addressof(lib, name) */
static int cdata_addressof(lua_State *L) {
  MpState *E = mp_lua_core_self(L)->engine;
  int last = lua_gettop(L), first = 2;
  MpCdata *c;
  const MpCtype *ct;
  const MpField *bits;
  ptrdiff_t offset = 0;
  char *at;
  if (mp_clib_test(L, E, 1) != NULL) {
    mp_clib_addressof(L, E, 1, 2);
    return 1;
  }
  if (lua_isfunction(L, 1) && last == 1) {
    mp_lua_cdata_function(L, E, 1);
    if (mp_cdata_test(L, E, 1) != NULL) return 1;
  }
  if (mp_cdata_test(L, E, 1) == NULL) mp_state_error(L, MP_MSG_ADDRESSOF, luaL_typename(L, 1));
  c = mp_lua_cdata_check(L, E, 1);
  if (c->flags & MP_CD_BOX) mp_state_error(L, MP_MSG_ADDRESSOF, mp_toc_describe(L, E, 1));
  ct = mp_cdata_target(c);
  if (c->ct->kind == MP_KIND_POINTER) {
    if (last < 2) mp_state_error(L, MP_MSG_ADDRESSOF_POINTER, mp_state_pushrepr(L, c->ct, NULL));
    if (lua_type(L, 2) != LUA_TSTRING) { /* p[i] */
      lua_Integer i = mp_toc_index(L, E, 2, "index");
      if (!mp_ctype_is_complete(ct))
        mp_state_error(L, MP_MSG_OPAQUE, mp_state_pushrepr(L, ct, NULL));
      if (i != 0 && (c->flags & MP_CD_SINGLE))
        mp_state_error(L, MP_MSG_INDEX_ZERO, mp_state_pushrepr(L, c->ct, NULL));
      if (__builtin_mul_overflow(i, (ptrdiff_t)ct->size, &offset))
        mp_state_error(L, MP_MSG_TYPE_TOO_LARGE);
      first = 3;
    }
  }
  mp_access_path(L, E, &ct, &offset, &bits, first, last, false);
  if (bits != NULL) mp_state_error(L, MP_MSG_ADDRESSOF_BITS, bits->name->text);
  at = (char *)((uintptr_t)mp_cdata_address(c) + (uintptr_t)offset);
  mp_cdata_checkspan(L, c, at, ct->size);
  return push_address(L, E, ct, at, c);
}

/* ffi.addr(p): the address as an integer */
static int cdata_addr(lua_State *L) {
  MpState *E = mp_lua_core_self(L)->engine;
  const MpCdata *c;
  if (lua_isnil(L, 1)) {
    lua_pushinteger(L, 0);
    return 1;
  }
  mp_lua_cdata_function(L, E, 1);
  c = mp_lua_cdata_check(L, E, 1);
  if (c->flags & MP_CD_BOX) mp_state_error(L, MP_MSG_WANT_MEMORY, mp_toc_describe(L, E, 1));
  lua_pushinteger(L, (lua_Integer)(uintptr_t)mp_cdata_address(c));
  return 1;
}

/* ffi.tonumber(x): a number, or a box as the nearest one; nil for the rest */
static int cdata_tonumber(lua_State *L) {
  MpState *E = mp_lua_core_self(L)->engine;
  const MpCdata *c = mp_cdata_test(L, E, 1);
  long double v;
  MpInt128 i;
  if (mp_toc_integer(L, E, 1, &i) == MP_INTEGER_OK && i >= LUA_MININTEGER && i <= LUA_MAXINTEGER &&
      (c != NULL || lua_isinteger(L, 1)))
    lua_pushinteger(L, (lua_Integer)i);
  else if (mp_toc_number(L, E, 1, &v))
    lua_pushnumber(L, (lua_Number)v);
  else
    lua_pushnil(L);
  return 1;
}

/* }===== */

const luaL_Reg mp_lua_cdata_functions[] = {{"string", cdata_string},
                                           {"unpack", cdata_unpack},
                                           {"totable", cdata_totable},
                                           {"slice", cdata_slice},
                                           {"assign", cdata_assign},
                                           {"memmove", cdata_memmove},
                                           {"fill", cdata_fill},
                                           {"addressof", cdata_addressof},
                                           {"addr", cdata_addr},
                                           {"tonumber", cdata_tonumber},
                                           {NULL, NULL}};

/* {===== metamethods ===== */

static const luaL_Reg plain_metamethods[] = {{"__index", mp_access_index},
                                             {"__newindex", mp_access_newindex},
                                             {"__len", mp_access_len},
                                             {"__pairs", mp_access_pairs},
                                             {"__tostring", mp_box_tostring},
                                             {"__call", mp_call_cdata},
                                             {"__close", mp_lua_new_close},
                                             {"__gc", mp_cdata_gc},
                                             {NULL, NULL}};

static const luaL_Reg operand_metamethods[] = {{"__add", mp_arith_add}, {"__sub", mp_arith_sub},
                                               {"__eq", mp_arith_eq},   {"__lt", mp_arith_lt},
                                               {"__le", mp_arith_le},   {NULL, NULL}};

static const struct {
  const char *name;
  int op;
} box_metamethods[] = {{"__mul", LUA_OPMUL},   {"__div", LUA_OPDIV},   {"__mod", LUA_OPMOD},
                       {"__pow", LUA_OPPOW},   {"__idiv", LUA_OPIDIV}, {"__unm", LUA_OPUNM},
                       {"__band", LUA_OPBAND}, {"__bor", LUA_OPBOR},   {"__bxor", LUA_OPBXOR},
                       {"__shl", LUA_OPSHL},   {"__shr", LUA_OPSHR},   {"__bnot", LUA_OPBNOT}};

void mp_lua_cdata_open(lua_State *L, MpState *E) {
  const luaL_Reg *m;
  size_t i;
  lua_newtable(L);
  for (m = plain_metamethods; m->name != NULL; m++) {
    mp_state_pushclosure(L, m->func, 0);
    lua_setfield(L, -2, m->name);
  }
  for (m = operand_metamethods; m->name != NULL; m++) {
    lua_pushlightuserdata(L, E);
    mp_state_pushclosure(L, m->func, 1);
    lua_setfield(L, -2, m->name);
  }
  for (i = 0; i < sizeof box_metamethods / sizeof box_metamethods[0]; i++) {
    lua_pushlightuserdata(L, E);
    lua_pushinteger(L, box_metamethods[i].op);
    mp_state_pushclosure(L, mp_arith_box, 2);
    lua_setfield(L, -2, box_metamethods[i].name);
  }
  mp_metatype_setproto(L);
}

/* }===== */
