/*
** tolua.c: from memory to Lua. Called for fields, elements, results, variables
** and the arguments of callbacks.
*/

#include "value/tolua.h"

#include <math.h>
#include <string.h>

#include "type/scalar.h"
#include "value/keep.h"

#define LOAD(type, at, var) \
  type var;                 \
  memcpy(&var, at, sizeof var)

void mp_tolua_integer(lua_State *L, MpState *E, const MpCtype *ct, MpInt128 value) {
  if (value >= LUA_MININTEGER && value <= LUA_MAXINTEGER &&
      !(value < 0 && mp_ctype_is_unsigned(ct))) {
    lua_pushinteger(L, (lua_Integer)value);
  } else {
    char bits[16];
    mp_scalar_storeint(ct->plain, bits, value);
    mp_cdata_pushbox(L, E, ct->plain, bits);
  }
}

static void push_float(lua_State *L, MpState *E, const MpCtype *ct, const char *at) {
  long double v = mp_scalar_loadfloat(ct, at);
  double d = (double)v;
  if (ct->size <= sizeof(double)) {
    lua_pushnumber(L, d);
  } else {
    char back[16] = {0};
    mp_scalar_storefloat(ct, back, (long double)d);
    /* Exact if it comes back the same (x87 pads ten bytes to sixteen); a NaN is a NaN. */
    if (isnan(v) ||
        memcmp(back, at,
               ct->size == 16 && MP_ABI_SYSV_X64 && ct->prim != MP_PRIM_FLOAT128 ? 10 : ct->size) ==
            0)
      lua_pushnumber(L, d);
    else
      mp_cdata_pushbox(L, E, ct->plain, at);
  }
}

void mp_tolua_pointer(lua_State *L, MpState *E, const MpCtype *ct, char *to, int block_idx) {
  if (to == NULL)
    lua_pushnil(L);
  else
    mp_cdata_pushview(L, E, ct, to, block_idx);
}

/* A pointer that lies at `at`, in memory reached through `via`. */
static void push_pointer(lua_State *L, MpState *E, const MpCtype *ct, const char *at, MpCdata *via,
                         int via_idx) {
  LOAD(char *, at, to);
  int top = lua_gettop(L);
  MpCdata *block = NULL;
  if (to == NULL) {
    lua_pushnil(L);
    return;
  }
  if (via != NULL) block = mp_cdata_pushblockof(L, via, via_idx);
  if (block != NULL && mp_keep_push(L, block, top + 1, at, to) != NULL) {
    mp_cdata_pushview(L, E, ct->plain, to, -1);
    lua_replace(L, top + 1);
    lua_settop(L, top + 1);
    return;
  }
  lua_settop(L, top);
  mp_cdata_pushview(L, E, ct->plain, to, 0);
}

/* A flexible array member: the rest of its block (which is on the top) says how long it is. */
static void push_flexible(lua_State *L, MpState *E, const MpCtype *ct, char *at,
                          const MpCdata *block) {
  size_t size = mp_cdata_shown(block, at);
  if (size == MP_CD_UNBOUNDED || ct->item->size == 0)
    mp_cdata_pushview(L, E, ct, at, -1);
  else
    mp_cdata_pushslice(L, E, ct, at, size / ct->item->size, -1);
}

void mp_tolua_record(lua_State *L, MpState *E, const MpCtype *ct, const char *at) {
  MpCdata *c = mp_cdata_pushowner(L, E, ct, ct->size, false);
  memcpy(mp_cdata_address(c), at, ct->size);
  if (!E->ending) c->flags |= MP_CD_WHOLE;
}

static void push_aggregate(lua_State *L, MpState *E, const MpCtype *ct, const char *at,
                           MpCdata *via, int via_idx) {
  int top = lua_gettop(L);
  MpCdata *block;
  if (via == NULL) {
    mp_tolua_record(L, E, ct, at);
    return;
  }
  block = mp_cdata_pushblockof(L, via, via_idx);
  if (block == NULL) {
    mp_cdata_pushview(L, E, ct, (char *)at, 0);
    return;
  }
  if (ct->kind == MP_KIND_ARRAY && (ct->length == MP_LENGTH_OPEN || ct->length == 0))
    push_flexible(L, E, ct, (char *)at, block);
  else
    mp_cdata_pushview(L, E, ct, (char *)at, -1);
  lua_replace(L, top + 1);
  lua_settop(L, top + 1);
}

static void push_prim(lua_State *L, MpState *E, const MpCtype *ct, const char *at) {
  switch ((MpPrim)ct->prim) {
    case MP_PRIM_BOOL: lua_pushboolean(L, *at != 0); break;
    case MP_PRIM_CHAR: lua_pushlstring(L, at, 1); break;
    case MP_PRIM_INT: {
      LOAD(int, at, v);
      lua_pushinteger(L, v);
      break;
    }
    case MP_PRIM_UINT: {
      LOAD(unsigned int, at, v);
      lua_pushinteger(L, v);
      break;
    }
    case MP_PRIM_LONG: {
      LOAD(long, at, v);
      lua_pushinteger(L, v);
      break;
    }
    case MP_PRIM_LLONG: {
      LOAD(long long, at, v);
      lua_pushinteger(L, v);
      break;
    }
    case MP_PRIM_FLOAT: {
      LOAD(float, at, v);
      lua_pushnumber(L, (lua_Number)v);
      break;
    }
    case MP_PRIM_DOUBLE: {
      LOAD(double, at, v);
      lua_pushnumber(L, v);
      break;
    }
    default:
      if (mp_ctype_is_integer(ct))
        mp_tolua_integer(L, E, ct, mp_scalar_loadint(ct, at));
      else if (mp_ctype_is_float(ct))
        push_float(L, E, ct, at);
      else
        mp_cdata_pushbox(L, E, ct->plain, at); /* decimals keep their bits */
  }
}

void mp_tolua_push(lua_State *L, MpState *E, const MpCtype *ct, const char *at, MpCdata *via,
                   int via_idx) {
  switch ((MpKind)ct->kind) {
    case MP_KIND_VOID: lua_pushnil(L); break;
    case MP_KIND_PRIM: push_prim(L, E, ct, at); break;
    case MP_KIND_BITINT:
      if (ct->length > 128)
        push_aggregate(L, E, ct, at, via, via_idx);
      else
        mp_tolua_integer(L, E, ct, mp_scalar_loadint(ct, at));
      break;
    case MP_KIND_ENUM: mp_tolua_integer(L, E, ct, mp_scalar_loadint(ct, at)); break;
    case MP_KIND_POINTER: push_pointer(L, E, ct, at, via, via_idx); break;
    case MP_KIND_FUNCTION: mp_cdata_pushview(L, E, ct, (char *)at, 0); break;
    default: push_aggregate(L, E, ct, at, via, via_idx); break;
  }
}

void mp_tolua_field(lua_State *L, MpState *E, const MpField *f, const char *record, MpCdata *via,
                    int via_idx) {
  const char *at = record + f->offset;
  if (!f->is_bits) {
    mp_tolua_push(L, E, f->type, at, via, via_idx);
  } else {
    MpInt128 v = mp_scalar_loadbits(f, at);
    if (mp_ctype_is_prim(f->type, MP_PRIM_BOOL))
      lua_pushboolean(L, v != 0);
    else
      mp_tolua_integer(L, E, f->type, v);
  }
}

void mp_tolua_const(lua_State *L, MpState *E, const MpConst *k) {
  switch (k->kind) {
    case MP_CONST_INT: {
      bool small = k->type->kind == MP_KIND_PRIM || k->type->kind == MP_KIND_ENUM;
      mp_tolua_integer(L, E, small ? k->type : mp_ctype_prim(&E->root, MP_PRIM_INT128), k->i);
      break;
    }
    case MP_CONST_FLOAT: lua_pushnumber(L, (lua_Number)k->f); break;
    case MP_CONST_STRING: lua_pushlstring(L, k->s, k->len); break;
  }
}
