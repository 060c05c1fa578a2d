/*
** repl.c: the interactive mode. A line is tried as an expression first, then
** as statements, which go on over lines until they are whole. Called by main.
*/

#include "host/repl.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/line.h"
#include "host/run.h"

#define CHUNK "=stdin"

/* {===== reading ===== */

/* What the global (_PROMPT, _PROMPT2) says, else the usual; pushed. */
static const char *push_prompt(lua_State *L, bool first) {
  if (lua_getglobal(L, first ? "_PROMPT" : "_PROMPT2") == LUA_TNIL)
    lua_pushstring(L, first ? "> " : ">> "); /* as the stock interpreter's */
  else
    luaL_tolstring(L, -1, NULL);
  lua_remove(L, -2);
  return lua_tostring(L, -1);
}

/* Pushes the next line; false, and nothing pushed, at the end. */
static bool push_line(lua_State *L, bool first) {
  size_t len;
  char *line = mp_line_read(push_prompt(L, first), &len);
  lua_pop(L, 1);
  if (line == NULL) return false;
  if (first && line[0] == '=')
    lua_pushfstring(L, "return %s", line + 1); /* as in older versions */
  else
    lua_pushlstring(L, line, len);
  free(line);
  return true;
}

/* Replaces the line on the top by the chunk that returns it, if it is an expression. */
static int load_expression(lua_State *L) {
  const char *line = lua_tostring(L, -1);
  const char *text = lua_pushfstring(L, "return %s;", line);
  int status = luaL_loadbuffer(L, text, strlen(text), CHUNK);
  if (status == LUA_OK) {
    mp_line_remember(line);
    lua_replace(L, -3);
    lua_pop(L, 1);
  } else {
    lua_pop(L, 2);
  }
  return status;
}

/* Does the syntax error on the top say that the text ended too early? */
static bool is_incomplete(lua_State *L, int status) {
  static const char mark[] = "<eof>";
  size_t len, n = sizeof mark - 1;
  const char *text;
  if (status != LUA_ERRSYNTAX) return false;
  text = lua_tolstring(L, -1, &len);
  return len >= n && strcmp(text + len - n, mark) == 0;
}

/* Replaces the line on the top by the chunk of it and of the lines that it takes, or by an error. */
static int load_statements(lua_State *L) {
  for (;;) {
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    int status = luaL_loadbuffer(L, text, len, CHUNK);
    if (is_incomplete(L, status)) {
      lua_pop(L, 1);
      if (push_line(L, false)) {
        lua_pushliteral(L, "\n");
        lua_insert(L, -2);
        lua_concat(L, 3);
        continue;
      }
      status = luaL_loadbuffer(L, text, len, CHUNK); /* the end: an error after all */
    }
    mp_line_remember(text);
    lua_remove(L, -2);
    return status;
  }
}

/* }===== */

/* Prints what the chunk returned, through the script's own `print`. */
static void print_results(lua_State *L) {
  int n = lua_gettop(L);
  if (n == 0) return;
  luaL_checkstack(L, LUA_MINSTACK, "too many results to print");
  lua_getglobal(L, "print");
  lua_insert(L, 1);
  if (lua_pcall(L, n, 0, 0) != LUA_OK)
    mp_run_say(NULL, lua_pushfstring(L, "error calling 'print' (%s)", lua_tostring(L, -1)));
}

void mp_repl_run(lua_State *L) {
  lua_settop(L, 0);
  while (push_line(L, true)) {
    int status = load_expression(L);
    if (status != LUA_OK) status = load_statements(L);
    if (status == LUA_OK) status = mp_run_call(L, 0, LUA_MULTRET);
    if (status == LUA_OK)
      print_results(L);
    else
      mp_run_report(L, NULL, status);
    lua_settop(L, 0);
  }
  fputs("\n", stdout);
  fflush(stdout);
}
