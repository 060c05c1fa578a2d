/*
** call.h: Lua calls C. A function of a library is a closure over a callable:
** an address and a call that was prepared once for its type.
*/

#ifndef MP_CALL_CALL_H
#define MP_CALL_CALL_H

#include "value/cdata.h"

/*
** Pushes the Lua function that calls `code` as the function type `fn`. `lib` is
** looked at before each call. The function keeps the instance and the library's
** block, which are on the top of the stack; pops both. Raises for a type that
** can't be called.
*/
void mp_call_push(lua_State *L, MpState *E, const MpCtype *fn, void (*code)(void), MpLib *lib);

/* Is the value at idx such a function? Its type and address; pushes its library's block (MpState.library_function). */
bool mp_call_is(lua_State *L, int idx, const MpCtype **fn, void (**code)(void));

/* Such a function as the one at idx, which keeps the state lock while C runs. */
void mp_call_pushnonblocking(lua_State *L, int idx);

/* The function type `fn` with __attribute__((nonblocking)). Raises for want of memory. */
const MpCtype *mp_call_nonblocking(lua_State *L, const MpCtype *fn);

/* __call of cdata: functions and pointers to them. */
int mp_call_cdata(lua_State *L);

#endif
