/*
** lua_modules.c: the modules in Lua of a host that opens moonpool by
** luaopen_moonpool. The makefile turns lua/ into a table of bytes and says by
** MP_MODULES_H where that lies; builds without it (the rock) install the files.
*/

#include "face/lua_modules.h"

#include "face/lua_core.h"
#include "moonpool.h"

typedef struct Module {
  const char *name; /* as `require` has it */
  const char *text;
  size_t len;
} Module;

#ifdef MP_MODULES_H
#include MP_MODULES_H
#else
static const Module modules[] = {{NULL, NULL, 0}};
#endif

/* What package.preload has: runs a module's text as `require` does, with its name. */
static int modules_load(lua_State *L) {
  const Module *m = (const Module *)lua_touserdata(L, lua_upvalueindex(1));
  lua_pushfstring(L, "=%s", m->name);
  if (luaL_loadbufferx(L, m->text, m->len, lua_tostring(L, -1), "t") != LUA_OK) lua_error(L);
  lua_pushstring(L, m->name);
  lua_call(L, 1, 1);
  return 1;
}

/* Not by its text, which needs `require`: a host's state may be without. */
int luaopen_moonpool_mem(lua_State *L) {
  luaopen_moonpool(L);
  lua_getfield(L, -1, "mem");
  return 1;
}

/* Sets the field of the table below to the function on the top, unless there is one. */
static void modules_add(lua_State *L, const char *name) {
  if (lua_getfield(L, -2, name) != LUA_TNIL) {
    lua_pop(L, 2);
    return;
  }
  lua_pop(L, 1);
  lua_setfield(L, -2, name);
}

void mp_lua_modules_preload(lua_State *L) {
  static const luaL_Reg native[] = {{"moonpool", luaopen_moonpool},
                                    {"moonpool.core", luaopen_moonpool},
                                    {"moonpool.mem", luaopen_moonpool_mem},
                                    {NULL, NULL}};
  const luaL_Reg *f;
  const Module *m;
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  for (f = native; f->name != NULL; f++) {
    lua_pushcfunction(L, f->func);
    modules_add(L, f->name);
  }
  for (m = modules; m->name != NULL; m++) {
    lua_pushlightuserdata(L, (void *)m);
    lua_pushcclosure(L, modules_load, 1);
    modules_add(L, m->name);
  }
  lua_pop(L, 1);
}
