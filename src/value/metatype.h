/*
** metatype.h: the metatable of a type's cdata, made when the first is. It
** keeps the instance that the type belongs to.
*/

#ifndef MP_VALUE_METATYPE_H
#define MP_VALUE_METATYPE_H

#include "value/state.h"

/*
** Sets what metamethods there are: called once at open with a table of
** closures by metamethod name on the top of the stack, which it pops.
*/
void mp_metatype_setproto(lua_State *L);

/* Pushes the metatable of `ct`'s cdata; with a finalizer for those that are blocks with an end. */
void mp_metatype_push(lua_State *L, const MpCtype *ct, bool ends);

/*
** Gives the struct or union `ct` the methods and metamethods of the table at
** idx, once: `__index` and `__newindex` are asked for what isn't a field,
** `__gc` ends an owner, the others take the place of cdata's own.
*/
void mp_metatype_set(lua_State *L, MpState *E, const MpCtype *ct, int idx);

/* Pushes the user's `__index` or `__newindex` (`name` without underscores) of the cdata at idx, or nil. */
int mp_metatype_pushuser(lua_State *L, int idx, const char *name);

/* Pushes the user's `__gc` of a struct or union, or nil. */
int mp_metatype_pushend(lua_State *L, const MpCtype *ct);

/* A field's key as Lua holds it: short strings are unique in a state, so that the address decides. */
typedef struct MpKey {
  const char *text;
  const MpField *field;
} MpKey;

/* The field of a struct or union that the string at idx names, or NULL. */
const MpField *mp_metatype_field(lua_State *L, const MpCtype *ct, int idx);

#endif
