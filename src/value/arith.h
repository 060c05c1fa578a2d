/*
** arith.h: operators on cdata: pointer arithmetic, boxes of numbers,
** comparison.
*/

#ifndef MP_VALUE_ARITH_H
#define MP_VALUE_ARITH_H

#include "value/state.h"

/*
** The metamethods; each takes its two operands (or one, twice) from the stack.
** The second upvalue is the engine, light.
*/
int mp_arith_add(lua_State *L);
int mp_arith_sub(lua_State *L);
int mp_arith_eq(lua_State *L);
int mp_arith_lt(lua_State *L);
int mp_arith_le(lua_State *L);

/* The others, on boxes alone: the third upvalue is Lua's operator (LUA_OPMUL …). */
int mp_arith_box(lua_State *L);

#endif
