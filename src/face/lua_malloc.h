/*
** lua_malloc.h: malloc, calloc, realloc and free of a domain.
*/

#ifndef MP_FACE_LUA_MALLOC_H
#define MP_FACE_LUA_MALLOC_H

#include "value/state.h"

/* Pushes a table of the four functions of the domain. */
void mp_lua_malloc_push(lua_State *L, MpState *E, MpDomainId id);

/*
** Reads the size at idx: false when no block can have it (negative, too
** large); raises for what isn't an integer.
*/
bool mp_lua_malloc_size(lua_State *L, const MpState *E, int idx, const char *what, size_t *out);

/* The address of the pointer or array at idx (light userdata too), NULL for nil; raises for anything else. */
void *mp_lua_malloc_address(lua_State *L, const MpState *E, int idx);

#endif
