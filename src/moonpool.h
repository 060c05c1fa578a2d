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

/* {===== the state lock ===== */

/*
** Several threads may use one state, one at a time, once its lock is on: by
** moonpool_Config's `lock`, or ffi.lock(true) in a script. Who turns it on
** holds it, as one who has called moonpool_lock once.
**
** moonpool_lock waits until this thread has the state of which `L` is any
** coroutine; threads get it in the order of coming. Again, it counts.
** Returns 0, or -1 when the lock is off or the state ends: then nothing of the
** state may be touched. moonpool_unlock undoes one moonpool_lock, and with the
** last one lets others in: 0, or -1 when this thread doesn't have it. Both on
** any thread, while the state lives. They never raise.
**
** A call from Lua into C gives it up as long as C runs, however often it was
** taken, so that C may call moonpool_lock there, too. A thread of the host runs
** Lua on a coroutine of its own, which lua_newthread has made before on the
** state's thread, and which is kept (luaL_ref): never on one that another
** thread is inside of, be it in C.
*/
MOONPOOL_API int moonpool_lock(lua_State *L);
MOONPOOL_API int moonpool_unlock(lua_State *L);

/* }===== */

#ifdef __cplusplus
}
#endif

#endif
