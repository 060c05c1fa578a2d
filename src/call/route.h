/*
** route.h: what a prepared call does with each of its arguments and with its
** result, decided once: most values of most types convert by a few of Lua's
** calls, without memory being taken and without an error being possible. What
** a route doesn't know is toc's and tolua's, through call.c.
*/

#ifndef MP_CALL_ROUTE_H
#define MP_CALL_ROUTE_H

#include <string.h>

#include "abi/cif.h"
#include "value/toc.h"

/* Frames up to this size lie on the C stack. */
#define MP_ROUTE_FRAME 512
#define MP_ROUTE_PINS 8 /* and so many blocks that C uses, before they are put elsewhere */

/* How one argument converts. */
typedef struct MpStep {
  uint8_t op;
  bool record; /* a pointer's: takes a struct's address */
  uint32_t at; /* its place in the frame */
  const MpCtype *ct;
  lua_Integer least, greatest; /* an integer's */
} MpStep;

typedef struct MpRoute {
  MpCif *cif;
  MpCifDirect direct; /* for frames that the steps have written; NULL: by mp_cif_call */
  int nargs;
  bool quick;            /* the steps are worth trying */
  bool plain;            /* and among them is no pointer but text, and `direct` is there */
  bool nonblocking;      /* the state lock is kept during the call */
  bool pointers;         /* some argument may be a pointer: a result may point into its block */
  uint8_t result, shift; /* what becomes of the result */
  uint32_t result_at;
  const MpCtype *result_type;
  MpStep steps[1]; /* one an argument */
} MpRoute;

/*
** The route of calls of `fn` with variadic arguments of the types `tail`.
** Raises for want of memory and for a type that can't be passed.
*/
MpRoute *mp_route_new(lua_State *L, const MpAlloc *alloc, const MpCtype *fn,
                      const MpCtype *const *tail, uint32_t ntail);

/* How an argument converts. */
enum {
  MP_STEP_INTEGER,
  MP_STEP_DOUBLE,
  MP_STEP_TEXT,     /* a pointer that takes a Lua string */
  MP_STEP_FRACTION, /* a variadic double: a number that is no integer */
  MP_STEP_FLOAT,
  MP_STEP_BOOL,
  MP_STEP_POINTER,
  MP_STEP_RECORD,
  MP_STEP_NEVER /* by toc alone */
};

/* What becomes of the result. */
enum {
  MP_RETURN_SIGNED,
  MP_RETURN_UNSIGNED,
  MP_RETURN_DOUBLE,
  MP_RETURN_VOID,
  MP_RETURN_FLOAT,
  MP_RETURN_BOOL,
  MP_RETURN_OTHER /* tolua's to do */
};

/*
** Writes the argument at stack index `idx` to its place in the frame if it is
** what most calls give a number or a string; false: there is more to look at.
*/
static inline bool mp_route_loadplain(lua_State *L, const MpStep *s, char *at, int idx) {
  if (s->op == MP_STEP_INTEGER) {
    lua_Integer v;
    if (MP_UNLIKELY(!lua_isinteger(L, idx))) return false;
    v = lua_tointegerx(L, idx, NULL);
    memcpy(at, &v, sizeof v);
    return v >= s->least && v <= s->greatest;
  }
  if (s->op == MP_STEP_DOUBLE) {
    double v;
    if (MP_UNLIKELY(lua_type(L, idx) != LUA_TNUMBER)) return false;
    v = lua_tonumberx(L, idx, NULL);
    memcpy(at, &v, sizeof v);
    return true;
  }
  if (s->op == MP_STEP_TEXT) {
    const char *bytes;
    if (lua_type(L, idx) != LUA_TSTRING) return false;
    bytes = lua_tolstring(L, idx, NULL);
    memcpy(at, &bytes, sizeof bytes);
    return true;
  }
  return false;
}

/* The same for a struct of the very type. */
bool mp_route_loadrecord(lua_State *L, const MpState *E, const MpStep *s, char *at, int idx);

/*
** The same for what is none of these. Notes a block that C will use in `pins`; where
** that is NULL, one that would have to be noted is false.
*/
bool mp_route_loadother(lua_State *L, const MpState *E, const MpStep *s, char *at, int idx,
                        MpPin *pins, int *npins);

/*
** Writes the arguments at stack indexes first … to the frame, of MP_ROUTE_FRAME
** bytes, and notes the blocks that C will use in `pins`. Returns how many, or
** -1 when a value needs more than the steps do: then nothing was changed.
*/
int mp_route_load(lua_State *L, const MpState *E, const MpRoute *p, char *frame, int first,
                  MpPin *pins);

/* A result that isn't one of the most frequent: as mp_route_store. */
bool mp_route_storeother(lua_State *L, const MpRoute *p, const char *at);

/*
** Pushes the result, of a function that isn't void; false when it is tolua's to
** do. It is read by eight bytes, which is how it was stored.
*/
static inline bool mp_route_store(lua_State *L, const MpRoute *p, const char *frame) {
  const char *at = frame + p->result_at;
  if (p->result <= MP_RETURN_UNSIGNED) {
    uint64_t bits;
    memcpy(&bits, at, sizeof bits);
    bits <<= p->shift;
    bits = p->result == MP_RETURN_SIGNED ? (uint64_t)((int64_t)bits >> p->shift) : bits >> p->shift;
    if (MP_UNLIKELY(p->result == MP_RETURN_UNSIGNED && bits > LUA_MAXINTEGER)) return false;
    lua_pushinteger(L, (lua_Integer)bits);
    return true;
  }
  if (p->result == MP_RETURN_DOUBLE) {
    double v;
    memcpy(&v, at, sizeof v);
    lua_pushnumber(L, v);
    return true;
  }
  return mp_route_storeother(L, p, at);
}

#endif
