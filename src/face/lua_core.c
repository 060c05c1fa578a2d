/*
** lua_core.c: opens moonpool, makes instances, declares. Called by `require`;
** the registry keeps the engine, Lua the instances.
*/

#include "face/lua_core.h"

#include <errno.h>
#include <string.h>

#include "call/call.h"
#include "call/callback.h"
#include "call/clib.h"
#include "call/damage.h"
#include "call/luaalloc.h"
#include "decl/parse.h"
#include "face/embed.h"
#include "face/embed_state.h"
#include "face/lua_buffer.h"
#include "face/lua_callback.h"
#include "face/lua_cdata.h"
#include "face/lua_clib.h"
#include "face/lua_ctype.h"
#include "face/lua_hooks.h"
#include "face/lua_lock.h"
#include "face/lua_mem.h"
#include "face/lua_modules.h"
#include "face/lua_new.h"
#include "base/num.h"
#include "moonpool.h"
#include "value/aside.h"
#include "value/cdata.h"
#include "value/metatype.h"
#include "value/toc.h"

/* {===== instances ===== */

static MpInstance *core_check(lua_State *L, int idx) {
  MpInstance *in = NULL;
  mp_state_pushuv(L, MP_STATE_TABLES);
  if (lua_istable(L, idx)) {
    lua_pushvalue(L, idx);
    lua_rawget(L, -2);
    lua_remove(L, -2);
    if (lua_isuserdata(L, -1)) in = *(MpInstance **)lua_touserdata(L, -1);
  }
  if (in == NULL) mp_state_error(L, MP_MSG_WANT_INSTANCE, luaL_typename(L, idx));
  return in;
}

/* ffi.include(other) */
static int core_include(lua_State *L) {
  mp_lua_core_self(L);
  core_check(L, 1);
  lua_pushvalue(L, MP_UP_OWN);
  mp_state_include(L, lua_gettop(L), lua_gettop(L) - 1);
  return 0;
}

/* }===== */

/* {===== declaring ===== */

static void cdef_options(lua_State *L, const MpState *E, int idx, MpParseOptions *o) {
  memset(o, 0, sizeof *o);
  if (lua_isnoneornil(L, idx)) return;
  luaL_checktype(L, idx, LUA_TTABLE);
  lua_getfield(L, idx, "override");
  o->override = lua_toboolean(L, -1);
  lua_getfield(L, idx, "packed");
  o->packed = lua_toboolean(L, -1);
  if (lua_getfield(L, idx, "pack") != LUA_TNIL) {
    lua_Integer n = mp_toc_index(L, E, -1, "pack");
    luaL_argcheck(L, n > 0 && n <= 128 && mp_num_ispow2((uint64_t)n), idx, MP_MSG_CDEF_PACK);
    o->pack = (uint32_t)n;
  }
  if (lua_getfield(L, idx, "name") == LUA_TNIL) return;
  luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, idx, MP_MSG_CDEF_NAME);
  o->name = lua_tostring(L, -1);
}

/* ffi.cdef(text [, {override=, packed=, pack=, name=}]) */
static int core_cdef(lua_State *L) {
  MpInstance *in = mp_lua_core_self(L);
  MpParseOptions options;
  MpErr e;
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  cdef_options(L, in->engine, 2, &options);
  if (mp_parse_cdef(&in->space, text, len, &options, &e) != MP_OK) mp_state_raise(L, &e);
  return 0;
}

/* }===== */

/* {===== errno, reports, the machine ===== */

/* ffi.errno([n]): errno as C left it; `n` is what C will find */
static int core_errno(lua_State *L) {
  MpState *E = mp_lua_core_self(L)->engine;
  lua_pushinteger(L, E->saved_errno);
  if (!lua_isnoneornil(L, 1)) E->saved_errno = mp_toc_int(L, E, 1, "errno");
  return 1;
}

/* ffi.strerror([n]) */
static int core_strerror(lua_State *L) {
  MpState *E = mp_lua_core_self(L)->engine;
  int n = lua_isnoneornil(L, 1) ? E->saved_errno : mp_toc_int(L, E, 1, "errno");
  lua_pushstring(L, strerror(n));
  return 1;
}

/* ffi.onreport(fn): what can't be raised goes to fn(text); nil: to stderr */
static int core_onreport(lua_State *L) {
  MpState *E = mp_lua_core_self(L)->engine;
  if (!lua_isnoneornil(L, 1)) luaL_checktype(L, 1, LUA_TFUNCTION);
  luaL_unref(L, LUA_REGISTRYINDEX, E->reporter);
  E->reporter = LUA_NOREF;
  if (lua_isnoneornil(L, 1)) return 0;
  lua_pushvalue(L, 1);
  E->reporter = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

/* ffi.abi(what): LuaJIT's parameters */
static int core_abi(lua_State *L) {
  static const char *const yes[] = {sizeof(void *) == 8 ? "64bit" : "32bit",
                                    MP_BIG_ENDIAN ? "be" : "le", "fpu", "hardfp", NULL};
  const char *what = luaL_checkstring(L, 1);
  int i;
  for (i = 0; yes[i] != NULL; i++)
    if (strcmp(what, yes[i]) == 0) break;
  lua_pushboolean(L, yes[i] != NULL);
  return 1;
}

/* }===== */

/* {===== opening ===== */

static int core_FFI(lua_State *L);

static const luaL_Reg core_functions[] = {{"FFI", core_FFI},           {"include", core_include},
                                          {"cdef", core_cdef},         {"errno", core_errno},
                                          {"strerror", core_strerror}, {"onreport", core_onreport},
                                          {"abi", core_abi},           {NULL, NULL}};

/* Adds functions to the table below the instance's userdata, which is on the top. */
static void core_add(lua_State *L, const luaL_Reg *functions) {
  for (; functions->name != NULL; functions++) {
    lua_pushvalue(L, -1);
    mp_state_pushclosure(L, functions->func, 1);
    lua_setfield(L, -3, functions->name);
  }
}

/* Pushes a new instance's table. */
static void core_pushinstance(lua_State *L, MpState *E) {
  luaL_checkstack(L, 16, NULL);
  lua_newtable(L);
  mp_state_newinstance(L, E);
  core_add(L, core_functions);
  core_add(L, mp_lua_ctype_functions);
  core_add(L, mp_lua_new_functions);
  core_add(L, mp_lua_cdata_functions);
  core_add(L, mp_lua_buffer_functions);
  core_add(L, mp_lua_clib_functions);
  core_add(L, mp_lua_callback_functions);
  core_add(L, mp_lua_lock_functions);
  mp_lua_clib_addfields(L, E);
  mp_lua_mem_addfields(L, E);
  lua_pushliteral(L, MP_OS);
  lua_setfield(L, -3, "os");
  lua_pushliteral(L, MP_ARCH);
  lua_setfield(L, -3, "arch");
  lua_pushliteral(L, MP_VERSION);
  lua_setfield(L, -3, "version");
  mp_state_pushuv(L, MP_STATE_TABLES);
  lua_pushvalue(L, -3);
  lua_pushvalue(L, -3);
  lua_rawset(L, -3);
  lua_pop(L, 2);
}

/* ffi.FFI(): a new instance */
static int core_FFI(lua_State *L) {
  core_pushinstance(L, mp_lua_core_self(L)->engine);
  return 1;
}

/* Runs protected. */
static int core_open(lua_State *L) {
  int mode = mp_lua_hooks_mode(L);
  MpState *E;
  mp_embed_state_settle(L);
  E = mp_state_open(L);
  E->library_function = mp_call_is;
  mp_cdata_open(L, E);
  mp_lua_cdata_open(L, E);
  mp_lua_ctype_open(L, E);
  mp_lua_buffer_open(L, E);
  mp_callback_open(L, E);
  mp_aside_open(L, E);
  mp_luaalloc_open(L, E);
  mp_damage_open(L, E);
  mp_lua_mem_open(L, E);
  mp_lua_hooks_open(L, E, mode);
  core_pushinstance(L, E);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, -3, MP_STATE_MODULE);
  core_check(L, lua_gettop(L));
  mp_embed_pushdoor(L, E, lua_gettop(L));
  lua_setiuservalue(L, -4, MP_STATE_DOOR);
  lua_pop(L, 1);
  return 1;
}

int luaopen_moonpool(lua_State *L) {
  luaL_checkstack(L, 16, NULL);
  mp_lua_modules_preload(L);
  return luaopen_moonpool_core(L);
}

int luaopen_moonpool_core(lua_State *L) {
  luaL_checkstack(L, 16, NULL);
  if (mp_state_find(L) == NULL) {
    mp_dl_pin((const void *)(uintptr_t)core_open); /* static: a host may have the others too */
    lua_pushcfunction(L, core_open);
    if (lua_pcall(L, 0, 1, 0) != LUA_OK) {
      mp_state_abandon(L);
      lua_error(L);
    }
  } else {
    mp_state_pushuv(L, MP_STATE_MODULE);
  }
  return 1;
}

const char *moonpool_version(void) { return MP_VERSION; }

/* }===== */
