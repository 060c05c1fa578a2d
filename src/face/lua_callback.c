/*
** lua_callback.c: ffi.callback.
*/

#include "face/lua_callback.h"

#include "call/callback.h"
#include "face/lua_core.h"
#include "face/lua_ctype.h"

/* ffi.callback(T, fn [, {error=, onerror=}]) */
static int callback_callback(lua_State *L) {
  MpInstance *in = mp_lua_core_self(L);
  const MpCtype *ct = mp_lua_ctype_check(L, in, 1);
  MpErr e;
  lua_settop(L, 3);
  if (ct->kind == MP_KIND_FUNCTION && mp_ctype_pointer(&in->space, ct, &ct, &e) != MP_OK)
    mp_state_raise(L, &e);
  if (!mp_ctype_is_function_pointer(ct))
    mp_state_error(L, MP_MSG_CALLBACK_TYPE, mp_state_pushrepr(L, ct, NULL));
  if (!lua_isfunction(L, 2)) mp_state_error(L, MP_MSG_CALLBACK_FUNCTION, luaL_typename(L, 2));
  if (!lua_isnil(L, 3)) luaL_checktype(L, 3, LUA_TTABLE);
  mp_callback_push(L, in->engine, ct, 2, lua_isnil(L, 3) ? 0 : 3);
  return 1;
}

const luaL_Reg mp_lua_callback_functions[] = {{"callback", callback_callback}, {NULL, NULL}};
