/*
** quick.h: the scalars that most fields and elements are, between memory and
** Lua in a few instructions. What isn't taken here goes the long way (tolua,
** toc), which says what is wrong.
*/

#ifndef MP_VALUE_QUICK_H
#define MP_VALUE_QUICK_H

#include <lua.h>
#include <string.h>

#include "type/ctype.h"

typedef enum MpQuick {
  MP_QUICK_NOT, /* none of these, or with rules of its own */
  MP_QUICK_BOOL,
  MP_QUICK_CHAR,
  MP_QUICK_I8,
  MP_QUICK_U8,
  MP_QUICK_I16,
  MP_QUICK_U16,
  MP_QUICK_I32,
  MP_QUICK_U32,
  MP_QUICK_I64,
  MP_QUICK_U64,
  MP_QUICK_F32,
  MP_QUICK_F64,
  MP_QUICK_VIEW,    /* an aggregate: access makes a view of it */
  MP_QUICK_POINTER, /* access reads it, toc writes it */
  MP_QUICK_BITS     /* a bit-field of at most 63 bits, in at most 8 bytes */
} MpQuick;

/* Is it a scalar that this file reads and writes? */
static inline bool mp_quick_is_scalar(unsigned kind) {
  return kind != MP_QUICK_NOT && kind < MP_QUICK_VIEW;
}

/* An enum is an integer to Lua, also when C has it in a type that is none to Lua. */
static inline bool mp_quick_is_odd(const MpCtype *ct) {
  return ct->kind == MP_KIND_ENUM && (ct->prim == MP_PRIM_CHAR || ct->prim == MP_PRIM_BOOL);
}

/* How a type is read. */
static inline MpQuick mp_quick_kind(const MpCtype *ct) {
  static const uint8_t ints[] = {MP_QUICK_NOT, MP_QUICK_I8,  MP_QUICK_I16,
                                 MP_QUICK_NOT, MP_QUICK_I32, MP_QUICK_NOT,
                                 MP_QUICK_NOT, MP_QUICK_NOT, MP_QUICK_I64};
  const MpPrimInfo *prim = &mp_ctype_prims[ct->prim];
  if (!mp_ctype_is_complete(ct)) return MP_QUICK_NOT;
  if (mp_ctype_is_record(ct) ||
      (ct->kind == MP_KIND_ARRAY && ct->length != 0 && ct->length != MP_LENGTH_OPEN))
    return MP_QUICK_VIEW;
  if (ct->kind == MP_KIND_POINTER) return MP_QUICK_POINTER;
  if ((ct->kind != MP_KIND_PRIM && ct->kind != MP_KIND_ENUM) || mp_quick_is_odd(ct))
    return MP_QUICK_NOT;
  if (ct->prim == MP_PRIM_CHAR) return MP_QUICK_CHAR;
  switch ((MpPrimClass)prim->cls) {
    case MP_CLASS_BOOL: return prim->size == 1 ? MP_QUICK_BOOL : MP_QUICK_NOT;
    case MP_CLASS_INT: return prim->size <= 8 ? (MpQuick)ints[prim->size] : MP_QUICK_NOT;
    case MP_CLASS_UINT:
      return prim->size <= 8 ? (MpQuick)(ints[prim->size] + 1) : MP_QUICK_NOT; /* the next one */
    case MP_CLASS_FLOAT:
      return prim->size == 4 ? MP_QUICK_F32 : prim->size == 8 ? MP_QUICK_F64 : MP_QUICK_NOT;
    default: return MP_QUICK_NOT;
  }
}

#define MP_QUICK_LOAD(type, push) \
  {                               \
    type v;                       \
    memcpy(&v, at, sizeof v);     \
    push;                         \
    return true;                  \
  }

/* Pushes the scalar at `at`; false, and nothing pushed, when it must go the long way. */
static inline bool mp_quick_push(lua_State *L, unsigned kind, const char *at) {
  switch (kind) {
    case MP_QUICK_BOOL: lua_pushboolean(L, *at != 0); return true;
    case MP_QUICK_CHAR: lua_pushlstring(L, at, 1); return true;
    case MP_QUICK_I8: MP_QUICK_LOAD(int8_t, lua_pushinteger(L, v))
    case MP_QUICK_U8: MP_QUICK_LOAD(uint8_t, lua_pushinteger(L, v))
    case MP_QUICK_I16: MP_QUICK_LOAD(int16_t, lua_pushinteger(L, v))
    case MP_QUICK_U16: MP_QUICK_LOAD(uint16_t, lua_pushinteger(L, v))
    case MP_QUICK_I32: MP_QUICK_LOAD(int32_t, lua_pushinteger(L, v))
    case MP_QUICK_U32: MP_QUICK_LOAD(uint32_t, lua_pushinteger(L, v))
    case MP_QUICK_I64: MP_QUICK_LOAD(int64_t, lua_pushinteger(L, v))
    case MP_QUICK_U64:
      MP_QUICK_LOAD(uint64_t, if (v > INT64_MAX) return false; lua_pushinteger(L, (lua_Integer)v))
    case MP_QUICK_F32: MP_QUICK_LOAD(float, lua_pushnumber(L, (lua_Number)v))
    case MP_QUICK_F64: MP_QUICK_LOAD(double, lua_pushnumber(L, v))
    default: return false;
  }
}

#define MP_QUICK_STORE(type)  \
  {                           \
    type v = (type)i;         \
    if (v != i) return false; \
    memcpy(at, &v, sizeof v); \
    return true;              \
  }

/* Stores an integer of Lua's; false when that doesn't go, and what is there stays. */
static inline bool mp_quick_storeint(unsigned kind, char *at, lua_Integer i) {
  switch (kind) {
    case MP_QUICK_BOOL: /* 0 or 1 */
      if (i != 0 && i != 1) return false;
      *at = (char)i;
      return true;
    case MP_QUICK_CHAR: MP_QUICK_STORE(char)
    case MP_QUICK_I8: MP_QUICK_STORE(int8_t)
    case MP_QUICK_U8: MP_QUICK_STORE(uint8_t)
    case MP_QUICK_I16: MP_QUICK_STORE(int16_t)
    case MP_QUICK_U16: MP_QUICK_STORE(uint16_t)
    case MP_QUICK_I32: MP_QUICK_STORE(int32_t)
    case MP_QUICK_U32: MP_QUICK_STORE(uint32_t)
    case MP_QUICK_U64:
      if (i < 0) return false;
      /* fall through */
    case MP_QUICK_I64: memcpy(at, &i, sizeof i); return true;
    case MP_QUICK_F32: {
      float v = (float)i;
      memcpy(at, &v, sizeof v);
      return true;
    }
    case MP_QUICK_F64: {
      double v = (double)i;
      memcpy(at, &v, sizeof v);
      return true;
    }
    default: return false;
  }
}

/* Stores the value at idx; false when it must go the long way, and what is there stays. */
static inline bool mp_quick_store(lua_State *L, unsigned kind, char *at, int idx) {
  if (lua_isinteger(L, idx)) return mp_quick_storeint(kind, at, lua_tointegerx(L, idx, NULL));
  if (kind == MP_QUICK_F64 && lua_type(L, idx) == LUA_TNUMBER) {
    double v = lua_tonumberx(L, idx, NULL);
    memcpy(at, &v, sizeof v);
    return true;
  }
  if (kind == MP_QUICK_F32 && lua_type(L, idx) == LUA_TNUMBER) {
    double wide = lua_tonumberx(L, idx, NULL);
    float v = (float)wide;
    if (v - v != 0 && wide - wide == 0) return false; /* became infinite */
    memcpy(at, &v, sizeof v);
    return true;
  }
  if (kind == MP_QUICK_BOOL && lua_type(L, idx) == LUA_TBOOLEAN) {
    *at = (char)lua_toboolean(L, idx);
    return true;
  }
  return false;
}

/* Bytes that a bit-field's bits lie in, from its unit's first on. */
static inline size_t mp_quick_span(const MpField *f) {
  return ((size_t)f->bit_start + f->bit_width + 7) / 8;
}

static inline bool mp_quick_is_bits(const MpField *f) {
  return !MP_BIG_ENDIAN && f->is_bits && f->bit_width > 0 && f->bit_width < 64 &&
         mp_quick_span(f) <= 8 && !mp_quick_is_odd(f->type) &&
         (f->type->kind == MP_KIND_PRIM || f->type->kind == MP_KIND_ENUM);
}

/* Pushes the bit-field whose unit is at `at`. */
static inline bool mp_quick_pushbits(lua_State *L, const MpField *f, const char *at) {
  unsigned unused = 64u - f->bit_width;
  uint64_t u = 0;
  memcpy(&u, at, mp_quick_span(f));
  u = u >> f->bit_start << unused;
  switch ((MpPrimClass)mp_ctype_prims[f->type->prim].cls) {
    case MP_CLASS_BOOL: lua_pushboolean(L, u != 0); break;
    case MP_CLASS_INT: lua_pushinteger(L, (lua_Integer)u >> unused); break;
    default: lua_pushinteger(L, (lua_Integer)(u >> unused)); break;
  }
  return true;
}

/* Stores the integer at idx in it; false when that must go the long way. */
static inline bool mp_quick_storebits(lua_State *L, const MpField *f, char *at, int idx) {
  bool is_signed = mp_ctype_prims[f->type->prim].cls == MP_CLASS_INT;
  uint64_t mask = ((uint64_t)1 << f->bit_width) - 1, u = 0;
  size_t span = mp_quick_span(f);
  lua_Integer i;
  if (!lua_isinteger(L, idx)) return false;
  i = lua_tointegerx(L, idx, NULL);
  if (is_signed ? i < -(lua_Integer)(mask / 2) - 1 || i > (lua_Integer)(mask / 2)
                : i < 0 || (uint64_t)i > mask)
    return false;
  memcpy(&u, at, span);
  u = (u & ~(mask << f->bit_start)) | ((uint64_t)i & mask) << f->bit_start;
  memcpy(at, &u, span);
  return true;
}

#endif
