/*
** aside.h: Lua that runs in the middle of something: allocators written in Lua,
** what is told of damage, collections for want of memory. It runs protected, on
** a coroutine of the engine's own: the one that is in a call isn't known
** there, and may have its stack in any state.
*/

#ifndef MP_VALUE_ASIDE_H
#define MP_VALUE_ASIDE_H

#include "value/state.h"

/* Once at open: makes the coroutine. */
void mp_aside_open(lua_State *L, MpState *E);

/* A registry reference to the closure of `f`, for mp_aside_run. */
int mp_aside_refer(lua_State *L, lua_CFunction f);

/*
** Runs what `ref` refers to protected, with `ud`, light, as its argument; false when it raised,
** and `text`, of `room` bytes, says what. Until it is done nobody can declare
** (mp_space_is_frozen) and the collector rests, unless the call of a domain
** that is under way was asked for by a Lua function.
*/
bool mp_aside_run(MpState *E, int ref, void *ud, char *text, size_t room);

/* A full collection, for MpDomains.collect: finalizers run. */
void mp_aside_collect(void *engine);

#endif
