/*
** embed_lock.c: the state lock of moonpool.h, for threads of the host.
*/

#include "moonpool.h"

#include "call/lock.h"

int moonpool_lock(lua_State *L) { return mp_lock_hold(mp_lock_key(L)) ? 0 : -1; }

int moonpool_unlock(lua_State *L) { return mp_lock_drop(mp_lock_key(L)) ? 0 : -1; }
