/*
** moonpool.h: the public C API of moonpool, an FFI engine for Lua 5.4. A host
** hands its own structs, functions and memory to scripts, and takes theirs,
** without a line of binding code.
**
**   luaL_requiref(L, "moonpool", luaopen_moonpool, 0);
**   moonpool_cdef(L, "struct point { int x, y; };");
**   moonpool_push(L, "struct point *", &point);
**   lua_setglobal(L, "point");
**   luaL_dostring(L, "point.x = point.x + 1");
**
** Where nothing else is said:
**
** - Types are C's text, as ffi.typeof takes it, and mean what is declared in
**   the default instance, the one that `require "moonpool"` returns. A text is
**   parsed once, then found again by its bytes.
** - What goes wrong is a Lua error, so that a function that raises must be
**   called where Lua can catch it: inside a lua_CFunction, or under lua_pcall.
**   All of them raise for want of memory, in a state without moonpool, and
**   after its end; those with a type raise for a text that is none.
** - The stack is as before the call, but for what the function is said to push.
** - The state's thread calls them: one thread at a time, as with Lua's own
**   functions. From then on moonpool takes it for the state's thread, on which
**   callbacks may come in.
*/

#ifndef MOONPOOL_H
#define MOONPOOL_H

#include <stddef.h>

#if defined(_WIN32)
#define MOONPOOL_API
#else
#define MOONPOOL_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" { /* Lua's library is C's too, as in lua.hpp */
#endif

#include <lua.h>

/* {===== opening ===== */

/*
** Opens moonpool in `L` and pushes its default instance, as `require
** "moonpool"` returns it. In a state that has moonpool already, whichever copy
** opened it, that one's instance is pushed. Raises a Lua error when memory is
** out. Call it through luaL_requiref, or put it into package.preload.
** Afterwards scripts can `require` moonpool and its modules without any file:
** they are in this library.
*/
MOONPOOL_API int luaopen_moonpool(lua_State *L);

/* The same for the module `moonpool.mem`: pushes what `require "moonpool.mem"` returns. */
MOONPOOL_API int luaopen_moonpool_mem(lua_State *L);

/* The version of this library, as "1.2.3". Static; from any thread. Never raises. */
MOONPOOL_API const char *moonpool_version(void);

/* }===== */

/* {===== declaring ===== */

/*
** ffi.cdef: declares C text in the default instance, all or nothing. Raises
** `line:column: what, near 'token'` for text that isn't C, or that disagrees
** with what was declared before. Pushes nothing.
*/
MOONPOOL_API void moonpool_cdef(lua_State *L, const char *text);

/* }===== */

/* {===== handing C to Lua ===== */

/*
** Pushes the pointer `ptr` as a `type`: a pointer type, or the struct, union
** or array that lies there. NULL pushes nil. The memory stays the host's, who
** keeps it alive for as long as scripts can reach the cdata or anything that
** was derived from it, or ends them all with moonpool_revoke. Of its size
** moonpool knows nothing: moonpool_pushblock tells it.
**
** What scripts store in that memory (pointers to memory of theirs, Lua
** functions in its function pointers) lives until it is overwritten, or until
** moonpool_revoke. Raises for other kinds of types.
*/
MOONPOOL_API void moonpool_push(lua_State *L, const char *type, const void *ptr);

/*
** ffi.new: pushes a new object of `type`, a pointer to what is made or an
** array, and returns its address. Zeroed; Lua owns it: the address is good
** while the cdata is reachable and not released. Raises for other types, and
** types of unknown size.
*/
MOONPOOL_API void *moonpool_pushnew(lua_State *L, const char *type);

/*
** Pushes the `size` bytes at `ptr` as a `type` (as moonpool_push), with
** bounds: no access of scripts leaves them. When the cdata is collected or
** released, and at the end of the state at the latest, `free(ud, ptr)` is
** called once, on the state's thread; it must not raise.
**
** Moonpool owns the memory from the call on: when this raises, `free` has been
** called already. With `free` NULL the memory stays the host's, as with
** moonpool_push. `ptr` NULL pushes nil and frees nothing. Raises for a size
** that is less than the type's.
*/
MOONPOOL_API void moonpool_pushblock(lua_State *L, const char *type, void *ptr, size_t size,
                                     void (*free)(void *ud, void *ptr), void *ud);

/*
** Pushes a C function of that type, `int(const char *, double)` or a pointer
** to such, as a Lua function: arguments and result are converted as those of a
** library's functions. It must outlive the state. NULL pushes nil. It must not
** raise Lua errors, nor be used to leave C by longjmp.
*/
MOONPOOL_API void moonpool_pushfunction(lua_State *L, const char *type, void (*fn)(void));

/*
** Pushes the C value of that type that lies at `from`, as scripts read it: the
** plain Lua value that holds it exactly, else a cdata. A struct or array is
** copied into a new one, which Lua owns. Raises for types of unknown size.
*/
MOONPOOL_API void moonpool_load(lua_State *L, const char *type, const void *from);

/* }===== */

/* {===== taking C from Lua ===== */

/*
** Converts the value at `idx` to `type`, as scripts' assignments are, and
** stores it at `to`. What would lose something raises, and so does what only
** scripts' memory could keep: a string for a `char *`, a Lua function. A
** pointer to scripts' memory is stored; the host keeps the cdata (luaL_ref) for
** as long as it uses it. In a C function that Lua has called, a positive `idx`
** is taken for the number of an argument: then it is an argument error.
*/
MOONPOOL_API void moonpool_store(lua_State *L, int idx, const char *type, void *to);

/*
** The address that argument number `arg` gives for `type`: a pointer type, or
** a struct, union or array for the address of one. Anything else is an
** argument error that names the type, nil too. Taken are
**
**   a pointer of that type, an array of such things, the thing itself; `void *`
**   both ways; what is const or released isn't, nor a struct that reaches past
**   the end of its block;
**   for pointers to const characters (and `const void *`) a string: its bytes,
**   NUL-terminated, good while Lua has the string;
**   for function pointers a library's function, or a Lua function: the
**   callback is the function's own, and lives as long as that does.
**
** The address is good while the argument is on the stack. To keep it longer,
** keep the Lua value (luaL_ref), and unref it when C uses the address no more:
** that is how a host keeps a Lua function as a C function pointer.
*/
MOONPOOL_API void *moonpool_check(lua_State *L, int arg, const char *type);

/* The same for any index: NULL instead of the argument error. */
MOONPOOL_API void *moonpool_test(lua_State *L, int idx, const char *type);

/* }===== */

/* {===== ending ===== */

/*
** Ends what the cdata at `idx` owns now, or for a pointer from moonpool_push
** what that pushed: its destructor runs, and it and its views raise `cdata was
** released` from then on. Idempotent; nil is fine. Raises for other values, and
** for views and pointers that own nothing. If C is using the block at the
** moment, the end comes when that call returns.
*/
MOONPOOL_API void moonpool_release(lua_State *L, int idx);

/*
** The host takes its own memory back: every cdata of what moonpool_push, or
** moonpool_pushblock without `free`, has pushed as `ptr` ends, as with
** moonpool_release, and what was stored there is kept no more. Call it before
** the memory goes. Does nothing for other addresses; raises only for want of
** memory.
*/
MOONPOOL_API void moonpool_revoke(lua_State *L, const void *ptr);

/* }===== */

#ifdef __cplusplus
}
#endif

#endif
