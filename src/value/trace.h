/*
** trace.h: tells the domains what the next calls are for, for hooks and
** reports: the script's line, the name of what was called, and the C type of
** what it gave. Nothing is looked up where no layer is installed.
*/

#ifndef MP_VALUE_TRACE_H
#define MP_VALUE_TRACE_H

#include "value/state.h"

/*
** A Lua function asks the domain's door for memory or gives it back; `verb`
** (static) is its name. Only calls of domains may come before mp_trace_end.
*/
void mp_trace_begin(lua_State *L, MpState *E, MpDomain *d, const char *verb);
void mp_trace_end(MpState *E);

/* The same as mp_trace_begin, whether a layer is installed or not: for a report that is sure to come. */
void mp_trace_tell(lua_State *L, MpState *E, const char *verb);

/* Says of a live block that it is `size` bytes of `ct`: an open array by how many fit. */
void mp_trace_describe(MpState *E, MpDomain *d, void *ptr, const MpCtype *ct, size_t size);

/* Raises why the domain had no memory. */
MP_NORETURN void mp_trace_fail(lua_State *L, const MpDomain *d);

#endif
