/*
** run.c: calls from the command into Lua. Called by main and the REPL.
*/

#include "host/run.h"

#include <lauxlib.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* The state that an interrupt is for, while it runs. */
static lua_State *volatile interrupted;

/* {===== interrupts ===== */

static void handle(int number, void (*handler)(int)) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, NULL);
}

/* The next thing that the state does: raises. */
static void interrupt_hook(lua_State *L, lua_Debug *ar) {
  (void)ar;
  lua_sethook(L, NULL, 0, 0);
  luaL_error(L, "interrupted!");
}

/* A hook is all that a signal handler may set; a second interrupt ends the process. */
static void interrupt(int number) {
  handle(number, SIG_DFL);
  lua_sethook(interrupted, interrupt_hook,
              LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

/* }===== */

/* The text of an error object: a string gets a traceback, another what its __tostring says. */
static int call_handler(lua_State *L) {
  const char *text = lua_tostring(L, 1);
  if (text == NULL) {
    if (luaL_callmeta(L, 1, "__tostring") && lua_type(L, -1) == LUA_TSTRING) return 1;
    text = lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
  }
  luaL_traceback(L, L, text, 1);
  return 1;
}

int mp_run_call(lua_State *L, int nargs, int nresults) {
  int status, at = lua_gettop(L) - nargs;
  lua_pushcfunction(L, call_handler);
  lua_insert(L, at);
  interrupted = L;
  handle(SIGINT, interrupt);
  status = lua_pcall(L, nargs, nresults, at);
  handle(SIGINT, SIG_DFL);
  lua_remove(L, at);
  return status;
}

void mp_run_say(const char *name, const char *message) {
  if (name != NULL) fprintf(stderr, "%s: ", name);
  fprintf(stderr, "%s\n", message);
  fflush(stderr);
}

int mp_run_report(lua_State *L, const char *name, int status) {
  const char *text;
  if (status == LUA_OK) return status;
  text = lua_tostring(L, -1);
  mp_run_say(name, text != NULL ? text : "(error message not a string)");
  lua_pop(L, 1);
  return status;
}
