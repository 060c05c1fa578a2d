/*
** metatype.h: the metatable of a type's cdata, made when the first is. It
** keeps the instance that the type belongs to.
*/

#ifndef MP_VALUE_METATYPE_H
#define MP_VALUE_METATYPE_H

#include "value/quick.h"
#include "value/state.h"

/*
** Sets what metamethods there are: called once at open with a table of
** closures by metamethod name on the top of the stack, which it pops.
*/
void mp_metatype_setproto(lua_State *L);

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

/*
** A field's name as Lua holds it: short strings are unique in a state, so that
** the address (lua_topointer's) decides.
*/
typedef struct MpKey {
  const void *name; /* NULL: a free slot */
  const MpField *field;
  uint32_t offset;  /* the field's; if that is larger, the two below are NOT */
  uint8_t get, set; /* MpQuick: how it is read, and written unless it is const */
} MpKey;

#define MP_KEYS_SCAN 8 /* up to so many a scan is quickest */

/* The keys of a record's fields but those with long names, which mp_metatype_field finds. */
typedef struct MpKeys {
  uint32_t mask; /* 0: `slots` is a list of n; else a hash table */
  uint32_t n;
  bool positional; /* a list of all of a struct's members, one each: by position too */
  MpKey slots[1];
} MpKeys;

#define MP_PLAN_NONE ((size_t)-1)

/*
** What is known of a type whose cdata have been made: in the memory of its
** home, as long as the type.
*/
typedef struct MpPlan {
  uint32_t
      numbers[2]; /* of its metatables in MP_STATE_TYPES, without and with a finalizer; 0: none */
  size_t fresh; /* bytes of an owner that lies in its userdata, aligned as that; or MP_PLAN_NONE */
  uint16_t flags;      /* of such an owner */
  size_t length, step; /* of an array of fixed length: that; bytes of an element */
  uint8_t get, set;    /* MpQuick: how an element is read and written */
  bool frozen;         /* const: no field is written */
  bool overlaid;       /* a union: what is written may have been a pointer */
  bool whole;          /* what it was made of was complete */
  bool sized;          /* what `new` makes of it has the size that its type says */
  const MpKeys *keys;  /* of the record that it is or points to; NULL: none, or not complete */
  struct MpPlan *next; /* of the same instance */
} MpPlan;

/* mp_metatype_push, the first time. */
void mp_metatype_find(lua_State *L, const MpCtype *ct, bool ends);

/* Pushes the metatable of `ct`'s cdata; with a finalizer for those that are blocks with an end. */
static inline void mp_metatype_push(lua_State *L, const MpCtype *ct, bool ends) {
  const MpPlan *p = (const MpPlan *)ct->plan;
  if (MP_LIKELY(p != NULL)) {
    if (MP_LIKELY(lua_rawgeti(L, MP_UP_TYPES, p->numbers[ends]) == LUA_TTABLE)) return;
    lua_pop(L, 1);
  }
  mp_metatype_find(L, ct, ends);
}

/* Fibonacci hashing (Knuth 6.4) of an address. */
static inline uint32_t mp_metatype_hash(const void *name) {
  return (uint32_t)(((uint64_t)(uintptr_t)name >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

/* The key of that name, or NULL; nothing is named NULL. */
static inline const MpKey *mp_metatype_key(const MpKeys *keys, const void *name) {
  uint32_t i;
  if (keys->mask == 0) {
    for (i = 0; i < keys->n; i++)
      if (keys->slots[i].name == name) return &keys->slots[i];
    return NULL;
  }
  for (i = mp_metatype_hash(name) & keys->mask; keys->slots[i].name != NULL;
       i = (i + 1) & keys->mask)
    if (keys->slots[i].name == name) return &keys->slots[i];
  return NULL;
}

/*
** Raises while the declaration that completes `ct` is under way, which may
** fail: an allocator was called by it.
*/
void mp_metatype_checksettled(lua_State *L, const MpCtype *ct);

/* The keys of a complete struct or union, made when first asked for. */
const MpKeys *mp_metatype_keys(lua_State *L, const MpCtype *ct);

/* Brings the plan of a cdata's type up to date, once what it refers to has been completed. */
void mp_metatype_renew(lua_State *L, const MpCtype *ct);

/* The field of a struct or union that the string at idx names, or NULL. */
const MpField *mp_metatype_field(lua_State *L, const MpCtype *ct, int idx);

/* An instance is gone: the numbers of its types' metatables are free. */
void mp_metatype_forget(lua_State *L, MpState *E, const MpInstance *in);

#endif
