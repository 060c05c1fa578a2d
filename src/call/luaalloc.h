/*
** luaalloc.h: allocators written in Lua. They serve explicit calls and what
** moonpool takes for their own state; Lua's own traffic always passes them by.
*/

#ifndef MP_CALL_LUAALLOC_H
#define MP_CALL_LUAALLOC_H

#include "value/state.h"

/* The functions that an allocator has, by name. */
enum { MP_LUAALLOC_MALLOC, MP_LUAALLOC_CALLOC, MP_LUAALLOC_REALLOC, MP_LUAALLOC_FREE };
#define MP_LUAALLOC_FUNCTIONS 4
extern const char *const mp_luaalloc_names[MP_LUAALLOC_FUNCTIONS];

/* Once at open: they end when the state closes. */
void mp_luaalloc_open(lua_State *L, MpState *E);

/*
** Installs the allocator in the domain: its ctx is on the stack at `first`,
** its functions (anything callable) behind it. Raises for want of memory.
*/
void mp_luaalloc_set(lua_State *L, MpState *E, MpDomain *d, int first);

/*
** If one of this state's is what serves the domain: pushes its ctx and its
** functions, and returns true.
*/
bool mp_luaalloc_push(lua_State *L, const MpState *E, const MpDomain *d);

#endif
