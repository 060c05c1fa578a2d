/*
** moonpool.h: the public C API of moonpool, an FFI engine for Lua 5.4.
*/

#ifndef MOONPOOL_H
#define MOONPOOL_H

#include <lua.h>

#if defined(_WIN32)
#define MOONPOOL_API
#else
#define MOONPOOL_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
** Opens moonpool in `L` and pushes its default instance, as `require
** "moonpool"` returns it. In a state that has moonpool already, whichever copy
** opened it, that one's instance is pushed. Raises a Lua error when memory is
** out. Call it through luaL_requiref, or put it into package.preload.
*/
MOONPOOL_API int luaopen_moonpool(lua_State *L);

/* The version of this library, as "1.2.3". Static. */
MOONPOOL_API const char *moonpool_version(void);

#ifdef __cplusplus
}
#endif

#endif
