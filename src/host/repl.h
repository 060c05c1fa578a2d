/*
** repl.h: the interactive mode: a line is read, run, and what it gives printed.
*/

#ifndef MP_HOST_REPL_H
#define MP_HOST_REPL_H

#include "moonpool.h"

/* Until the end of the standard input. */
void mp_repl_run(lua_State *L);

#endif
