/*
** lua_clib.c: ffi.dlopen and its relatives.
*/

#include "face/lua_clib.h"

#include <string.h>

#include "call/clib.h"
#include "face/lua_cdata.h"
#include "face/lua_core.h"
#include "value/toc.h"

/* The handle that a `void *` cdata stands for, as dlopen(3) returned it to C. */
static void *handle_of(lua_State *L, MpState *E, int idx) {
  const MpCdata *c = mp_lua_cdata_check(L, E, idx);
  if (c->ct->kind != MP_KIND_POINTER)
    mp_state_error(L, MP_MSG_WANT_NAME, mp_toc_describe(L, E, idx));
  return mp_cdata_address(c);
}

/* ffi.dlopen(name|nil|pointer [, flags]) */
static int clib_dlopen(lua_State *L) {
  MpState *E = mp_lua_core_self(L)->engine;
  const char *name = NULL;
  void *handle;
  MpErr e;
  int flags = lua_isnoneornil(L, 2) ? mp_dl_defaults() : mp_toc_int(L, E, 2, "flags");
  if (lua_isuserdata(L, 1)) {
    handle = handle_of(L, E, 1);
    mp_clib_push(L, E, handle, "pointer", true, MP_UP_OWN);
    return 1;
  }
  if (!lua_isnoneornil(L, 1)) {
    if (lua_type(L, 1) != LUA_TSTRING) mp_state_error(L, MP_MSG_WANT_NAME, luaL_typename(L, 1));
    name = lua_tostring(L, 1);
  }
  if (mp_dl_open(E->obj, name, flags, &handle, &e) != MP_OK) mp_state_raise(L, &e);
  mp_clib_push(L, E, handle, name ? name : "C", false, MP_UP_OWN);
  return 1;
}

/* ffi.dlclose(lib) */
static int clib_dlclose(lua_State *L) {
  mp_clib_close(L, mp_lua_core_self(L)->engine, 1);
  return 0;
}

/* ffi.find_library(name): its path, or nil and a message */
static int clib_find_library(lua_State *L) {
  MpState *E = mp_lua_core_self(L)->engine;
  const char *name = luaL_checkstring(L, 1);
  MpBuf path;
  MpErr e;
  char text[4096];
  mp_buf_init(&path, E->obj);
  if (mp_dl_find(E->obj, name, &path, &e) != MP_OK || mp_buf_cstr(&path) == NULL ||
      path.len >= sizeof text) {
    mp_buf_fini(&path);
    lua_pushnil(L);
    lua_pushstring(L, e.text);
    return 2;
  }
  memcpy(text, path.data, path.len + 1);
  mp_buf_fini(&path);
  lua_pushstring(L, text);
  return 1;
}

/* ffi.has(lib, name) */
static int clib_has(lua_State *L) {
  lua_pushboolean(L, mp_clib_has(L, mp_lua_core_self(L)->engine, 1, 2));
  return 1;
}

const luaL_Reg mp_lua_clib_functions[] = {{"dlopen", clib_dlopen},
                                          {"dlclose", clib_dlclose},
                                          {"find_library", clib_find_library},
                                          {"has", clib_has},
                                          {NULL, NULL}};

void mp_lua_clib_addfields(lua_State *L, MpState *E) {
  const MpDlFlag *f;
  for (f = mp_dl_flags; f->name != NULL; f++) {
    lua_pushfstring(L, "RTLD_%s", f->name);
    lua_pushinteger(L, f->value);
    lua_rawset(L, -4);
  }
  mp_clib_pushprocess(L, E, -1);
  lua_setfield(L, -3, "C");
}
