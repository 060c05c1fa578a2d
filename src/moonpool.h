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
**   after its end; those with a type raise for a text that is none, those that
**   read or write an address raise for NULL.
** - The stack is as before the call, but for what the function is said to push.
** - The state's thread calls them: one thread at a time, as with Lua's own
**   functions. From then on moonpool takes it for the state's thread, on which
**   callbacks may come in. Where the state lock is on, that's who holds it.
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

/* {===== states ===== */

/*
** How moonpool_newstate makes a state. Set all to 0, and `size` to
** sizeof(moonpool_Config): fields may be added behind the others.
*/
typedef struct moonpool_Config {
  size_t size;
  /*
  ** Where memory comes from, as MOONPOOL_MALLOC says it: "default", "malloc" (the
  ** C library alone), "debug" (with the debug hooks), "malloc_debug". NULL: what
  ** that variable says.
  */
  const char *allocator;
  size_t max_bytes; /* of Lua's objects and moonpool's memory together; 0: no limit */
  int bare;         /* not 0: the standard libraries stay closed */
  /* Lua's own allocator, instead of moonpool's heap; then `max_bytes` leaves its objects out. */
  lua_Alloc alloc;
  void *alloc_ud;
  int lock; /* not 0: the state lock is on, and the calling thread holds it; see moonpool_lock */
} moonpool_Config;

/*
** A new state on a heap of its own, the standard libraries and moonpool open
** (`require "moonpool"` gives it). `config` NULL: all 0. NULL for want of
** memory, or for a config that says something else than above. Warnings are
** off, as in luaL_newstate. From any thread; the state belongs to none.
*/
MOONPOOL_API lua_State *moonpool_newstate(const moonpool_Config *config);

/*
** Closes a state of moonpool_newstate: pending variables and finalizers, then
** the heap as a whole. NULL is fine. Where the state lock is on, this thread
** takes it first; threads that wait for it are refused.
*/
MOONPOOL_API void moonpool_close(lua_State *L);

/* A heap for a state that the host makes: lua_newstate(moonpool_lua_alloc, heap). One a state. */
typedef struct moonpool_Heap moonpool_Heap;

/* NULL for want of memory. From any thread. */
MOONPOOL_API moonpool_Heap *moonpool_heap_new(void);

/* After lua_close. Gives back all that is left in it. NULL is fine. */
MOONPOOL_API void moonpool_heap_free(moonpool_Heap *heap);

/* A lua_Alloc (Lua manual 4.5); its `ud` is the heap. */
MOONPOOL_API void *moonpool_lua_alloc(void *heap, void *ptr, size_t osize, size_t nsize);

/* }===== */

/* {===== memory ===== */

/*
** Three domains, with one contract. A size beyond PTRDIFF_MAX fails, as want of
** memory does: NULL. A size of 0 gives a block. A resize to 0 doesn't free; a
** resize that fails leaves the block as it was. NULL may be freed, and resized:
** then it is malloc. Blocks are aligned to 16; calloc's are zeroed.
**
** RAW is the process's: any thread, any time. MEM (what scripts' data lie in)
** and OBJ (moonpool's records, Lua's objects in moonpool_newstate's states)
** belong to a state that has moonpool, on the state's thread.
**
** None of these raises. Misuse (another domain's block, one that was freed, an
** address inside a block, a state without moonpool) is reported on stderr, and
** aborts.
*/
typedef enum moonpool_Domain { MOONPOOL_RAW, MOONPOOL_MEM, MOONPOOL_OBJ } moonpool_Domain;

MOONPOOL_API void *moonpool_raw_malloc(size_t size);
MOONPOOL_API void *moonpool_raw_calloc(size_t n, size_t size);
MOONPOOL_API void *moonpool_raw_realloc(void *ptr, size_t size);
MOONPOOL_API void moonpool_raw_free(void *ptr);

MOONPOOL_API void *moonpool_mem_malloc(lua_State *L, size_t size);
MOONPOOL_API void *moonpool_mem_calloc(lua_State *L, size_t n, size_t size);
MOONPOOL_API void *moonpool_mem_realloc(lua_State *L, void *ptr, size_t size);
MOONPOOL_API void moonpool_mem_free(lua_State *L, void *ptr);

MOONPOOL_API void *moonpool_obj_malloc(lua_State *L, size_t size);
MOONPOOL_API void *moonpool_obj_calloc(lua_State *L, size_t n, size_t size);
MOONPOOL_API void *moonpool_obj_realloc(lua_State *L, void *ptr, size_t size);
MOONPOOL_API void moonpool_obj_free(lua_State *L, void *ptr);

/*
** An allocator, in the form of CPython's PyMemAllocatorEx. Each function gets
** `ctx`, keeps the contract above, and gives the block NULL for a failure.
*/
typedef struct moonpool_Allocator {
  void *ctx;
  void *(*malloc)(void *ctx, size_t size);
  void *(*calloc)(void *ctx, size_t nelem, size_t elsize);
  void *(*realloc)(void *ctx, void *ptr, size_t new_size);
  void (*free)(void *ctx, void *ptr);
  /* All of it in one, told the old size, for Lua's own objects; NULL: there is none. */
  void *(*sized)(void *ctx, void *ptr, size_t old_size, size_t new_size);
} moonpool_Allocator;

/*
** What serves the domain of that state now; its functions may be called by
** one that wraps them. `L` may be NULL for RAW. Returns 0, or -1 when there is
** no such domain. Never raises.
*/
MOONPOOL_API int moonpool_get_allocator(lua_State *L, moonpool_Domain domain,
                                        moonpool_Allocator *out);

/*
** From now on `a` (copied) serves the domain. Blocks that were made before are
** resized and freed by who made them, so that it can be set, and set back, at
** any time. Its functions and `ctx` must outlive the state (for RAW: the
** process); for RAW they may be called on any thread. Returns 0, or -1: no such domain, one of the four
** functions missing, no memory. Never raises.
*/
MOONPOOL_API int moonpool_set_allocator(lua_State *L, moonpool_Domain domain,
                                        const moonpool_Allocator *a);

/*
** Puts the debug hooks over what serves the three domains (`L` NULL: RAW
** alone): what is written outside of a block, or into a freed one, is found and
** reported. Again, it does nothing. 0, or -1 for want of memory. Never raises.
*/
MOONPOOL_API int moonpool_setup_debug_hooks(lua_State *L);

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
** raise Lua errors, nor throw, nor be used to leave C by longjmp.
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
