/*
** answer.h: what callbacks of a function type do with their arguments and
** their result, decided once. The route (route.h) of the other direction.
*/

#ifndef MP_CALL_ANSWER_H
#define MP_CALL_ANSWER_H

#include <math.h>
#include <string.h>

#include "call/owner.h"

/* How a scalar of at most 8 bytes goes between C and Lua. */
typedef enum MpHow {
  MP_HOW_SIGNED,
  MP_HOW_UNSIGNED, /* as an argument: of less than 8 bytes */
  MP_HOW_DOUBLE,
  MP_HOW_FLOAT,
  MP_HOW_BOOL,
  MP_HOW_VOID,
  MP_HOW_POINTER, /* C's own: looks into no block that is known */
  MP_HOW_OTHER    /* by tolua and toc */
} MpHow;

typedef struct MpWay {
  uint8_t how;   /* MpHow */
  uint8_t shift; /* of an integer: the bits above its own among 64 */
} MpWay;

typedef struct MpAnswer {
  MpOwnerKind *kind;
  bool quick; /* no argument takes memory on its way to Lua, or may fail */
  int n;
  MpWay result, params[1];
} MpAnswer;

/* That of a function type; it lies in the memory of the type's home. Raises for a type that can't be called. */
const MpAnswer *mp_answer_find(lua_State *L, const MpCtype *fn);

/* Pushes any argument; may raise for want of memory. */
void mp_answer_pushany(lua_State *L, MpState *E, MpWay way, const MpCtype *ct, const char *at);

/*
** Pushes the argument at `at`, where it has a register or 8 bytes of the stack.
** Of a quick answer: never raises.
*/
static inline void mp_answer_push(lua_State *L, MpWay way, const char *at) {
  uint64_t bits;
  double d;
  float f;
  memcpy(&bits, at, sizeof bits);
  switch (way.how) {
    case MP_HOW_SIGNED: lua_pushinteger(L, (int64_t)(bits << way.shift) >> way.shift); break;
    case MP_HOW_UNSIGNED: lua_pushinteger(L, (int64_t)(bits << way.shift >> way.shift)); break;
    case MP_HOW_DOUBLE:
      memcpy(&d, &bits, sizeof d);
      lua_pushnumber(L, d);
      break;
    case MP_HOW_FLOAT:
      memcpy(&f, &bits, sizeof f);
      lua_pushnumber(L, (lua_Number)f);
      break;
    default: lua_pushboolean(L, *at != 0); break;
  }
}

/*
** Stores the value on the top as the result, in 8 bytes; false when it takes
** more than a look at a number.
*/
static inline bool mp_answer_store(lua_State *L, MpWay way, void *result) {
  lua_Integer v, back;
  double d;
  float f;
  switch (way.how) {
    case MP_HOW_SIGNED:
    case MP_HOW_UNSIGNED:
      if (!lua_isinteger(L, -1)) return false;
      v = lua_tointegerx(L, -1, NULL);
      back = (lua_Integer)((uint64_t)v << way.shift);
      back =
          way.how == MP_HOW_SIGNED ? back >> way.shift : (lua_Integer)((uint64_t)back >> way.shift);
      if (back != v || (way.how == MP_HOW_UNSIGNED && v < 0)) return false;
      memcpy(result, &v, sizeof v);
      return true;
    case MP_HOW_DOUBLE:
      if (lua_type(L, -1) != LUA_TNUMBER) return false;
      d = lua_tonumberx(L, -1, NULL);
      memcpy(result, &d, sizeof d);
      return true;
    case MP_HOW_FLOAT:
      if (lua_type(L, -1) != LUA_TNUMBER) return false;
      d = lua_tonumberx(L, -1, NULL);
      f = lua_isinteger(L, -1) ? (float)lua_tointegerx(L, -1, NULL) : (float)d; /* rounded once */
      memcpy(result, &f, sizeof f);
      return !isinf(f) || isinf(d);
    case MP_HOW_BOOL:
      if (lua_type(L, -1) != LUA_TBOOLEAN) return false;
      v = lua_toboolean(L, -1);
      memcpy(result, &v, sizeof v);
      return true;
    default: return false;
  }
}

#endif
