/*
** embed.h: how the functions of moonpool.h enter the engine.
*/

#ifndef MP_FACE_EMBED_H
#define MP_FACE_EMBED_H

#include "value/state.h"

/* Pushes the closure that they all go through; the default instance's userdata is at `instance`. Called once at open. */
void mp_embed_pushdoor(lua_State *L, MpState *E, int instance);

#endif
