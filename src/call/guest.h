/*
** guest.h: coroutines for threads that come into a state from outside, while its
** lock is on: each callback from such a thread runs on one of its own.
*/

#ifndef MP_CALL_GUEST_H
#define MP_CALL_GUEST_H

#include "value/state.h"

typedef struct MpGuest {
  lua_State *L; /* nothing runs on it, and its stack is empty, while it is idle */
  struct MpGuest *next;
} MpGuest;

/* Makes the first one. Raises for want of memory. */
void mp_guest_prepare(lua_State *L, MpState *E);

/* An idle one; NULL when memory was out as the last one was made. Never raises. */
MpGuest *mp_guest_take(MpState *E);
void mp_guest_return(MpState *E, MpGuest *g);

#endif
