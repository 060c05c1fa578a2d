/*
** lua_ctype.h: types in Lua: ctype objects and the questions about types.
*/

#ifndef MP_FACE_LUA_CTYPE_H
#define MP_FACE_LUA_CTYPE_H

#include "value/cdata.h"

extern const luaL_Reg mp_lua_ctype_functions[];

/* Makes the metatable of ctype objects. Called once at open. */
void mp_lua_ctype_open(lua_State *L, MpState *E);

/* The type that the argument names: a type string or a ctype object. Raises for anything else. */
const MpCtype *mp_lua_ctype_check(lua_State *L, MpInstance *in, int idx);

/* A ctype object. Its tag differs from that of a cdata in one bit. */
typedef struct MpCtypeObject {
  const MpCtype *ct; /* gone once the engine is closed */
  MpState *engine;
  uint32_t tag;
} MpCtypeObject;

#define MP_CTYPE_TAG(E) ((E)->tag ^ 0x80000000u)
#define MP_CTYPE_OWNTAG (MP_CDATA_TAG ^ 0x80000000u) /* the same, in closures of moonpool's */

/* The type of the ctype object at idx; NULL for anything else. */
static inline const MpCtype *mp_lua_ctype_test(lua_State *L, const MpState *E, int idx) {
  const MpCtypeObject *o = (const MpCtypeObject *)lua_touserdata(L, idx);
  if (o == NULL || lua_rawlen(L, idx) != sizeof *o || o->tag != MP_CTYPE_TAG(E)) return NULL;
  return o->ct;
}

#endif
