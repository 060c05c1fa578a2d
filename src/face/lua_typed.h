/*
** lua_typed.h: objects of a C type that are counted: mem.generic_alloc and
** the functions of the count.
*/

#ifndef MP_FACE_LUA_TYPED_H
#define MP_FACE_LUA_TYPED_H

#include "value/state.h"

/* The count of what is never freed (CPython's _Py_IMMORTAL_REFCNT). */
#define MP_LUA_TYPED_IMMORTAL ((lua_Integer)UINT32_MAX)

extern const luaL_Reg mp_lua_typed_functions[];

/* mem.generic_alloc(T [, nitems]); an instance's function: it has the types. */
int mp_lua_typed_alloc(lua_State *L);

#endif
