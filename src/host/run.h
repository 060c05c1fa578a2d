/*
** run.h: chunks: loaded, run with a traceback, their errors printed.
*/

#ifndef MP_HOST_RUN_H
#define MP_HOST_RUN_H

#include "moonpool.h"

/*
** Calls the function with `nargs` arguments on the top of the stack,
** protected; an interrupt (SIGINT) becomes an error in it. Returns a status of
** lua_pcall's; the results, or the message with its traceback, are pushed.
*/
int mp_run_call(lua_State *L, int nargs, int nresults);

/* Unless the status is LUA_OK, prints the message on the top, behind `name` if it isn't NULL, and pops it. */
int mp_run_report(lua_State *L, const char *name, int status);

/* Prints a message behind `name: `, if there is a name, on the standard error. */
void mp_run_say(const char *name, const char *message);

#endif
