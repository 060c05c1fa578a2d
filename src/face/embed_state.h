/*
** embed_state.h: states whose heap is moonpool's.
*/

#ifndef MP_FACE_EMBED_STATE_H
#define MP_FACE_EMBED_STATE_H

#include <lua.h>

/* Called before moonpool is opened: lets the engine see a heap of moonpool_heap_new. */
void mp_embed_state_settle(lua_State *L);

#endif
