/*
** clib.h: a library as a Lua table. Functions are looked up once and kept in
** the table itself; variables and constants go through its metatable.
*/

#ifndef MP_CALL_CLIB_H
#define MP_CALL_CLIB_H

#include "value/cdata.h"

/*
** Pushes the namespace of `handle`, whose names are those declared in the
** instance (userdata) at `instance`. From here on the engine closes the handle,
** unless it is `borrowed`.
*/
void mp_clib_push(lua_State *L, MpState *E, void *handle, const char *name, bool borrowed,
                  int instance);

/* Pushes the namespace of the process itself, `ffi.C`: its record goes with the instance. */
void mp_clib_pushprocess(lua_State *L, MpState *E, int instance);

/* Pushes the Lua function that calls `code` as one of the library at idx. */
void mp_clib_pushfunction(lua_State *L, MpState *E, int idx, const MpCtype *fn, void (*code)(void));

/* The library whose namespace is at idx, or NULL. */
MpLib *mp_clib_test(lua_State *L, MpState *E, int idx);

/* Closes it: its functions and variables are errors from then on. Idempotent. */
void mp_clib_close(lua_State *L, MpState *E, int idx);

/* Pushes a pointer to the variable or function `name` (stack index) of the library at idx. */
void mp_clib_addressof(lua_State *L, MpState *E, int idx, int name);

/* Is the symbol there that the name (stack index) was declared for? */
bool mp_clib_has(lua_State *L, MpState *E, int idx, int name);

#endif
