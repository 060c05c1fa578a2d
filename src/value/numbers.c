/*
** numbers.c: initializers that hold numbers alone, without a detour per value.
** Called by `new`, by writes of whole arrays and by init.c. They finish what is
** plain, and leave the rest to init.c, which says what is wrong.
*/

#include "value/numbers.h"

#include "value/metatype.h"
#include "value/quick.h"

/* {===== sequences ===== */

/* Values that are on the stack at once: to drop each by itself takes as long as to read it. */
#define BATCH 32

/* Has the table at idx `n` entries? */
static bool table_has(lua_State *L, int idx, size_t n) {
  int base = lua_gettop(L) + 1, i;
  size_t left = n;
  lua_pushnil(L);
  for (;;) {
    for (i = 0; i < BATCH; i++) {
      if (!lua_next(L, idx)) {
        lua_settop(L, base - 1);
        return left == 0;
      }
      if (left-- == 0) {
        lua_settop(L, base - 1);
        return false;
      }
      lua_pushvalue(L, -2);
    }
    lua_replace(L, base);
    lua_settop(L, base);
  }
}

/* Stores the number on the top; false when it must go the long way. */
static inline bool number_store(lua_State *L, unsigned kind, char *at) {
  lua_Integer i;
  int ok;
  if (kind >= MP_QUICK_F32) return mp_quick_store(L, kind, at, -1);
  i = lua_tointegerx(L, -1, &ok);
  if (MP_LIKELY(kind == MP_QUICK_I32 && (int32_t)i == i && ok)) {
    int32_t v = (int32_t)i;
    memcpy(at, &v, sizeof v);
    return true;
  }
  return ok && mp_quick_storeint(kind, at, i);
}

/* Writes the value at key `i` of the table at idx, which stays on the stack; false for nil. */
static inline bool sequence_write(MpDest *d, const MpCtype *item, unsigned kind, char *at, int idx,
                                  size_t i) {
  int type = lua_rawgeti(d->L, idx, (lua_Integer)i);
  if (MP_LIKELY(type == LUA_TNUMBER && number_store(d->L, kind, at))) return true;
  if (type == LUA_TNIL) return false;
  mp_toc_write(d, item, at, lua_gettop(d->L));
  mp_toc_checklive(d);
  return true;
}

bool mp_numbers_sequence(MpDest *d, const MpCtype *item, char *at, int idx, size_t n) {
  lua_State *L = d->L;
  unsigned kind = mp_quick_kind(item);
  size_t step = item->size, i, stop;
  int top = lua_gettop(L);
  if (!mp_quick_is_scalar(kind)) return false;
  luaL_checkstack(L, 2 * BATCH + LUA_MINSTACK, NULL);
  if (!table_has(L, idx, n)) return false;
  for (i = 1; i <= n; lua_settop(L, top)) {
    for (stop = n - i < BATCH ? n : i + BATCH - 1; i <= stop; i++, at += step)
      if (MP_UNLIKELY(!sequence_write(d, item, kind, at, idx, i))) {
        lua_settop(L, top);
        return false;
      }
  }
  return true;
}

/* }===== */

/* {===== records ===== */

bool mp_numbers_arguments(lua_State *L, const MpCtype *ct, char *at, int first, int last) {
  const MpKeys *keys = mp_metatype_keys(L, ct);
  int i;
  if (!keys->positional || (uint32_t)(last - first) >= keys->n) return false;
  for (i = first; i <= last; i++) {
    const MpKey *key = &keys->slots[i - first];
    if (!mp_quick_store(L, key->set, at + key->offset, i)) return false;
  }
  return true;
}

/* The same from the sequence at idx. */
static bool record_sequence(lua_State *L, const MpCtype *ct, char *at, int idx) {
  size_t n = lua_rawlen(L, idx), i;
  const MpKeys *keys = mp_metatype_keys(L, ct);
  int top = lua_gettop(L);
  bool ok = keys->positional && n <= keys->n && table_has(L, idx, n);
  for (i = 0; i < n && ok; i++) {
    const MpKey *key = &keys->slots[i];
    lua_rawgeti(L, idx, (lua_Integer)i + 1);
    ok = mp_quick_store(L, key->set, at + key->offset, -1);
  }
  lua_settop(L, top);
  return ok;
}

bool mp_numbers_record(lua_State *L, const MpCtype *ct, char *at, int idx) {
  const MpKeys *keys = (const MpKeys *)ct->u.record->keys;
  int top = lua_gettop(L);
  if (MP_UNLIKELY(keys == NULL)) keys = mp_metatype_keys(L, ct);
  lua_pushnil(L);
  while (lua_next(L, idx)) {
    const MpKey *key = mp_metatype_key(keys, lua_topointer(L, top + 1));
    if (key == NULL || !mp_quick_store(L, key->set, at + key->offset, top + 2)) {
      bool positional = lua_isinteger(L, top + 1);
      lua_settop(L, top);
      return positional && record_sequence(L, ct, at, idx);
    }
    lua_settop(L, top + 1);
  }
  return true;
}

/* }===== */
