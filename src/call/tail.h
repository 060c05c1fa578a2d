/*
** tail.h: the variadic part of a call: which C types its values have, and the
** routes for the parts that a function was called with.
*/

#ifndef MP_CALL_TAIL_H
#define MP_CALL_TAIL_H

#include "call/route.h"

typedef struct MpTail MpTail;

/* What a function type is called by. It lies in the memory of the type's home. */
typedef struct MpPrepared {
  const MpCtype *fn;
  MpRoute *route; /* of a variadic function: without a tail */
  MpTail *tails;  /* of a variadic function: those that it was called with, the last one first */
} MpPrepared;

struct MpTail {
  MpTail *next;
  uint32_t n;
  const MpCtype **types;
  MpRoute *route;
};

/* The prepared call of a function type. Raises for a type that can't be called. */
MpPrepared *mp_tail_prepare(lua_State *L, const MpCtype *fn);

/*
** The route for a call with the variadic arguments at stack indexes first … to
** the top. Makes booleans integers. Raises for what has no C type.
*/
const MpRoute *mp_tail_route(lua_State *L, MpState *E, MpPrepared *p, int first);

#endif
