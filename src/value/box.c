/*
** box.c: casts and the texts of cdata. Called by ffi.cast, ffi.box and Lua's
** tostring.
*/

#include "value/box.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "type/scalar.h"
#include "value/toc.h"
#include "value/tolua.h"

/* {===== casts ===== */

/* A value that C would use as an integer, as an integer; false if it is none. */
static bool cast_integer(lua_State *L, MpState *E, const MpCtype *ct, int idx, MpInt128 *v) {
  const MpCdata *c;
  const MpCtype *fn;
  void (*code)(void);
  long double f;
  MpIntegerness is = mp_toc_integer(L, E, idx, v);
  if (is == MP_INTEGER_OK || is == MP_INTEGER_HUGE) return true;
  if (mp_toc_number(L, E, idx, &f)) {
    if (mp_ctype_is_prim(ct, MP_PRIM_BOOL)) { /* not truncated: is it non-zero (C11 6.3.1.2) */
      *v = f != 0;
      return true;
    }
    if (!mp_scalar_isfinite(f))
      mp_state_error(L, MP_MSG_CAST_NUMBER, luaL_tolstring(L, idx, NULL),
                     mp_state_pushrepr(L, ct, NULL));
    f = truncl(f);
    if (fabsl(f) >= 0x1p127L) f = fmodl(f, 0x1p128L);
    *v = f < 0 ? -(MpInt128)(MpUint128)-f : (MpInt128)(MpUint128)f;
    return true;
  }
  if (lua_isboolean(L, idx)) {
    *v = lua_toboolean(L, idx);
    return true;
  }
  if (lua_type(L, idx) == LUA_TSTRING && lua_rawlen(L, idx) == 1) {
    *v = (unsigned char)lua_tostring(L, idx)[0];
    return true;
  }
  if (lua_isnil(L, idx)) {
    *v = 0;
    return true;
  }
  if (E->library_function(L, idx, &fn, &code)) {
    *v = (MpInt128)(uintptr_t)code;
    return true;
  }
  c = mp_cdata_test(L, E, idx);
  if (c == NULL || (c->flags & MP_CD_BOX)) return false;
  mp_cdata_checklive(L, c);
  if (c->ct->kind != MP_KIND_POINTER && c->ct->kind != MP_KIND_ARRAY &&
      c->ct->kind != MP_KIND_FUNCTION)
    return false;
  *v = (MpInt128)(uintptr_t)mp_cdata_address(c);
  return true;
}

static MP_NORETURN void cast_refuse(lua_State *L, MpState *E, const MpCtype *ct, int idx) {
  const char *what = mp_toc_describe(L, E, idx);
  mp_state_error(L, MP_MSG_CAST, what, mp_state_pushrepr(L, ct, NULL));
}

static void cast_to_pointer(lua_State *L, MpState *E, const MpCtype *ct, int idx) {
  MpCdata *c = mp_cdata_test(L, E, idx);
  const MpCtype *fn;
  void (*code)(void);
  MpInt128 v;
  if (lua_islightuserdata(L, idx)) {
    mp_tolua_pointer(L, E, ct, (char *)lua_touserdata(L, idx), 0);
  } else if (E->library_function(L, idx, &fn, &code)) {
    mp_tolua_pointer(L, E, ct, (char *)(uintptr_t)code, lua_gettop(L));
  } else if (c != NULL && !(c->flags & MP_CD_BOX) &&
             (c->ct->kind == MP_KIND_POINTER || c->ct->kind == MP_KIND_ARRAY ||
              c->ct->kind == MP_KIND_FUNCTION)) {
    bool known = mp_cdata_pushblockof(L, c, idx) != NULL;
    mp_cdata_checklive(L, c);
    mp_tolua_pointer(L, E, ct, mp_cdata_address(c), known ? lua_gettop(L) : 0);
  } else if (mp_toc_integer(L, E, idx, &v) != MP_INTEGER_OK && !lua_isnil(L, idx)) {
    cast_refuse(L, E, ct, idx);
  } else {
    mp_tolua_pointer(L, E, ct, lua_isnil(L, idx) ? NULL : (char *)(uintptr_t)v, 0);
  }
}

static void cast_to_float(lua_State *L, MpState *E, const MpCtype *ct, int idx) {
  long double v;
  char bits[16];
  MpInt128 i;
  if (!mp_toc_number(L, E, idx, &v)) {
    if (mp_cdata_test(L, E, idx) || lua_isnil(L, idx) || !cast_integer(L, E, ct, idx, &i))
      cast_refuse(L, E, ct, idx);
    v = (long double)i;
  }
  mp_scalar_storefloat(ct, bits, v);
  mp_tolua_push(L, E, ct, bits, NULL, 0);
}

void mp_box_cast(lua_State *L, MpState *E, const MpCtype *ct, int idx) {
  char bits[16] = {0};
  MpInt128 v;
  ct = ct->plain;
  if (ct->kind == MP_KIND_POINTER) {
    cast_to_pointer(L, E, ct, idx);
  } else if (mp_ctype_is_float(ct)) {
    cast_to_float(L, E, ct, idx);
  } else if (mp_ctype_is_integer(ct) && mp_ctype_bits(ct) <= 128) {
    if (!cast_integer(L, E, ct, idx, &v)) cast_refuse(L, E, ct, idx);
    mp_scalar_storeint(ct, bits, v);
    mp_tolua_push(L, E, ct, bits, NULL, 0);
  } else {
    cast_refuse(L, E, ct, idx);
  }
}

void mp_box_push(lua_State *L, MpState *E, const MpCtype *ct, int idx) {
  MpDest d;
  char bits[16] = {0};
  ct = ct->plain;
  if (!(mp_ctype_is_integer(ct) && mp_ctype_bits(ct) <= 128) && !mp_ctype_is_float(ct))
    mp_state_error(L, MP_MSG_BOX, mp_state_pushrepr(L, ct, NULL));
  memset(&d, 0, sizeof d);
  d.L = L;
  d.E = E;
  mp_toc_write(&d, ct, bits, idx);
  mp_cdata_pushbox(L, E, ct, bits);
}

/* }===== */

/* {===== text ===== */

/* A 128-bit number in decimal, into `end` backwards; returns its start. */
static char *decimal(char *end, MpUint128 u) {
  *--end = '\0';
  do *--end = (char)('0' + (int)(u % 10));
  while ((u /= 10) != 0);
  return end;
}

/* The shortest decimal text that reads back as the value in the box. */
static void float_text(const MpCdata *c, char *text, size_t size) {
  long double v = mp_scalar_loadfloat(c->ct, mp_cdata_address(c));
  int digits;
  for (digits = 6; digits <= LDBL_DECIMAL_DIG; digits++) {
    char back[16];
    snprintf(text, size, "%.*Lg", digits, v);
    mp_scalar_storefloat(c->ct, back, strtold(text, NULL));
    if (mp_scalar_loadfloat(c->ct, back) == v) return;
  }
}

void mp_box_pushtext(lua_State *L, const MpCdata *c) {
  char text[64], *s;
  const MpCtype *ct = c->ct;
  if (mp_ctype_is_float(ct)) {
    float_text(c, text, sizeof text);
    lua_pushstring(L, text);
  } else if (mp_ctype_is_integer(ct)) {
    MpInt128 v = mp_scalar_loadint(ct, mp_cdata_address(c));
    bool negative = v < 0 && !mp_ctype_is_unsigned(ct);
    s = decimal(text + sizeof text, negative ? -(MpUint128)v : (MpUint128)v);
    if (negative) *--s = '-';
    lua_pushstring(L, s);
  } else {
    lua_pushfstring(L, "cdata<%s>", mp_state_pushrepr(L, ct, NULL));
  }
}

/* Of a callback or a handle (at index 1), pushes what Lua value it stands for; false for others. */
static bool push_meaning(lua_State *L, const MpBlock *b) {
  const char *word = "calling";
  if (lua_getiuservalue(L, 1, MP_BLOCK_UNDER) != LUA_TFUNCTION) {
    word = "handle to";
    mp_state_pushuv(L, MP_STATE_HANDLES);
    if (lua_rawgetp(L, -1, b->to) == LUA_TNIL) return false;
    lua_getiuservalue(L, 1, MP_BLOCK_ACTION);
  }
  lua_pushfstring(L, "%s %s", word, luaL_tolstring(L, -1, NULL));
  return true;
}

/* What stands behind the type's name. */
static void push_state(lua_State *L, const MpCdata *c) {
  const MpBlock *b = mp_cdata_asblock(c);
  bool block = (c->flags & (MP_CD_OWNER | MP_CD_INLINE)) == MP_CD_OWNER;
  if (mp_cdata_is_released(c))
    lua_pushliteral(L, "released");
  else if (c->flags & MP_CD_LENGTH)
    lua_pushfstring(L, "sliced length %I", (LUAI_UACINT)mp_cdata_pointer(c)->length);
  else if (block && b->end != NULL && push_meaning(L, b))
    return;
  else if ((c->flags & MP_CD_OWNER) &&
           ((c->flags & MP_CD_INLINE) || (b->size != MP_CD_UNBOUNDED && b->end != NULL)))
    lua_pushfstring(L, "owning %I bytes", (LUAI_UACINT)mp_cdata_size(c));
  else
    lua_pushfstring(L, "%p", (const void *)mp_cdata_address(c));
}

int mp_box_tostring(lua_State *L) {
  MpCdata *c = mp_cdata_self(L);
  if (c->flags & MP_CD_BOX) {
    mp_box_pushtext(L, c);
  } else {
    bool reference = mp_ctype_is_record(c->ct) && !(c->flags & MP_CD_OWNER);
    const char *type = mp_state_pushrepr(L, c->ct, reference ? "&" : NULL);
    push_state(L, c);
    lua_pushfstring(L, "cdata<%s> %s", type, lua_tostring(L, -1));
  }
  return 1;
}

/* }===== */
