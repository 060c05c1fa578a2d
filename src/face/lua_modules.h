/*
** lua_modules.h: what lua/ holds, built into the library, so that a host needs
** no file beside it.
*/

#ifndef MP_FACE_LUA_MODULES_H
#define MP_FACE_LUA_MODULES_H

#include "value/state.h"

/* Puts the modules into package.preload, where there is nothing of that name yet. */
void mp_lua_modules_preload(lua_State *L);

#endif
