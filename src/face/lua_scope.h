/*
** lua_scope.h: mem.scope(): what is made inside ends with it.
*/

#ifndef MP_FACE_LUA_SCOPE_H
#define MP_FACE_LUA_SCOPE_H

#include "value/state.h"

extern const luaL_Reg mp_lua_scope_functions[];

/* Once at open: what scopes can do. */
void mp_lua_scope_open(lua_State *L);

/* Hands the owner on the top of the stack to the scope that is open in this coroutine. */
void mp_lua_scope_add(lua_State *L, MpState *E);

/* The same, if there is one at all. */
static inline void mp_lua_scope_note(lua_State *L, MpState *E) {
  if (MP_UNLIKELY(E->nscopes > 0)) mp_lua_scope_add(L, E);
}

#endif
