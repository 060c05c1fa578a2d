/*
** metatype.c: metatables of cdata, one a type, and the keys of fields. Called
** whenever a cdata is pushed. A metatable is anchored by the instance that its
** type belongs to, and keeps that instance.
*/

#include "value/metatype.h"

#include <string.h>

#include "base/map.h"
#include "value/cdata.h"

/* {===== keys of fields ===== */

#define KEYS_SCAN 8   /* up to so many a scan is quickest */
#define KEYS_SHORT 40 /* Lua's longest string that is unique (LUAI_MAXSHORTLEN) */

typedef struct MpKeys {
  uint32_t mask; /* 0: `slots` is a list of n; else a hash table, free slots without text */
  uint32_t n;
  MpKey slots[1];
} MpKeys;

static MpKey *keys_slot(MpKeys *keys, const char *text) {
  uint32_t i = mp_map_hashptr(text) & keys->mask;
  while (keys->slots[i].text != NULL && keys->slots[i].text != text) i = (i + 1) & keys->mask;
  return &keys->slots[i];
}

/* The keys of a record, made in its home's memory, their strings anchored in the table at `anchors`. */
static MpKeys *keys_make(lua_State *L, const MpCtype *ct, int anchors) {
  const MpRecord *r = ct->u.record;
  uint32_t cap = r->nflat > KEYS_SCAN ? 16 : r->nflat, i;
  MpKeys *keys;
  while (r->nflat > KEYS_SCAN && cap < r->nflat * 2) cap *= 2;
  keys =
      (MpKeys *)mp_arena_new(&ct->home->arena, offsetof(MpKeys, slots) + (cap + 1) * sizeof(MpKey));
  if (keys == NULL) mp_state_error(L, MP_MSG_NOMEM);
  keys->n = r->nflat;
  keys->mask = r->nflat > KEYS_SCAN ? cap - 1 : 0;
  for (i = 0; i < r->nflat; i++) {
    const char *text;
    MpKey *slot;
    lua_pushlstring(L, r->flat[i].name->text, r->flat[i].name->len);
    text = lua_tostring(L, -1);
    lua_pushboolean(L, 1);
    lua_rawset(L, anchors);
    slot = keys->mask ? keys_slot(keys, text) : &keys->slots[i];
    slot->text = text;
    slot->field = &r->flat[i];
  }
  return keys;
}

const MpField *mp_metatype_field(lua_State *L, const MpCtype *ct, int idx) {
  size_t len;
  const char *text = lua_tolstring(L, idx, &len);
  MpKeys *keys = (MpKeys *)ct->u.record->keys;
  uint32_t i;
  if (keys != NULL && len <= KEYS_SHORT) {
    if (keys->mask) return keys_slot(keys, text)->field;
    for (i = 0; i < keys->n; i++)
      if (keys->slots[i].text == text) return keys->slots[i].field;
    return NULL;
  } else {
    const MpName *name = mp_name_find(&mp_state_of(ct)->names, text, len);
    return name ? mp_ctype_field(ct, name) : NULL;
  }
}

/* }===== */

/* {===== metatables ===== */

void mp_metatype_setproto(lua_State *L) {
  mp_state_pushuv(L, MP_STATE_PROTO);
  lua_pushnil(L);
  while (lua_next(L, -3)) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -4);
  }
  lua_pop(L, 2);
}

static const char *const every[] = {"__index", "__newindex", "__tostring", "__close", "__eq",
                                    "__lt",    "__le",       "__add",      "__sub",   "__len",
                                    "__pairs", "__call",     NULL};
static const char *const numeric[] = {"__mul", "__div",  "__mod", "__pow",  "__idiv",
                                      "__unm", "__band", "__bor", "__bxor", "__shl",
                                      "__shr", "__bnot", NULL};
static const char *const ending[] = {"__gc", NULL};

/* Copies the closures of that name from the prototype at `proto` into the table at `mt`. */
static void proto_copy(lua_State *L, int proto, int mt, const char *const *names) {
  for (; *names != NULL; names++) {
    if (lua_getfield(L, proto, *names) == LUA_TNIL)
      lua_pop(L, 1);
    else
      lua_setfield(L, mt, *names);
  }
}

static bool kind_is_number(const MpCtype *ct) {
  return ct->kind == MP_KIND_PRIM || ct->kind == MP_KIND_ENUM || ct->kind == MP_KIND_BITINT;
}

/* Where a type's two metatables are found in the tables of metatables. */
static const void *metatype_key(const MpCtype *ct, bool ends) {
  return (const char *)ct + (ends ? 1 : 0);
}

/* The anchors of the space that the type belongs to, pushed below nothing. */
static void push_anchors(lua_State *L, MpState *E, const MpCtype *ct) {
  mp_state_pushspace(L, E, ct->home);
  lua_getiuservalue(L, -1, ct->home == &E->root ? MP_STATE_ANCHORS : MP_INSTANCE_ANCHORS);
}

/* Where the user's table of a struct or union is found among its home's anchors. */
static const void *user_key(const MpCtype *ct) { return (const char *)ct->plain + 2; }

/* Is it a metamethod that takes the place of cdata's own? */
static bool is_overlay(const char *name) {
  static const char *const others[] = {"__index", "__newindex", "__gc", "__metatable",
                                       "__name",  "__mode",     NULL};
  int i;
  if (strncmp(name, "__", 2) != 0) return false;
  for (i = 0; others[i] != NULL; i++)
    if (strcmp(name, others[i]) == 0) return false;
  return true;
}

/* Lays the user's table on the top over the metatable at `mt`. */
static void metatype_overlay(lua_State *L, int mt) {
  int user = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, user)) {
    if (lua_type(L, -2) == LUA_TSTRING && is_overlay(lua_tostring(L, -2))) {
      lua_pushvalue(L, -2);
      lua_insert(L, -2);
      lua_rawset(L, mt);
    } else {
      lua_pop(L, 1);
    }
  }
  lua_getfield(L, user, "__index");
  lua_setfield(L, mt, "index");
  lua_getfield(L, user, "__newindex");
  lua_setfield(L, mt, "newindex");
}

int mp_metatype_pushuser(lua_State *L, int idx, const char *name) {
  lua_getmetatable(L, idx);
  lua_pushstring(L, name);
  lua_rawget(L, -2);
  lua_remove(L, -2);
  return lua_type(L, -1);
}

int mp_metatype_pushend(lua_State *L, const MpCtype *ct) {
  push_anchors(L, mp_state_of(ct), ct);
  if (lua_rawgetp(L, -1, user_key(ct)) == LUA_TTABLE)
    lua_getfield(L, -1, "__gc");
  else
    lua_pushnil(L);
  lua_replace(L, -4);
  lua_pop(L, 2);
  return lua_type(L, -1);
}

/* Overlays the metatables that the type has already; its home's anchors are at `anchors`. */
static void overlay_present(lua_State *L, const MpCtype *ct, int anchors, int user) {
  int ends;
  for (ends = 0; ct != NULL && ends < 2; ends++) {
    if (lua_rawgetp(L, anchors, metatype_key(ct, ends)) == LUA_TTABLE) {
      lua_pushvalue(L, user);
      metatype_overlay(L, lua_gettop(L) - 1);
      lua_pop(L, 1);
    }
    lua_pop(L, 1);
  }
}

void mp_metatype_set(lua_State *L, MpState *E, const MpCtype *ct, int idx) {
  const MpCtype *v;
  int anchors;
  ct = ct->plain;
  if (!mp_ctype_is_record(ct))
    mp_state_error(L, MP_MSG_METATYPE_KIND, mp_state_pushrepr(L, ct, NULL));
  luaL_checktype(L, idx, LUA_TTABLE);
  push_anchors(L, E, ct);
  anchors = lua_gettop(L);
  if (lua_rawgetp(L, anchors, user_key(ct)) != LUA_TNIL)
    mp_state_error(L, MP_MSG_METATYPE_TWICE, mp_state_pushrepr(L, ct, NULL));
  lua_pushvalue(L, idx);
  lua_rawsetp(L, anchors, user_key(ct));
  ct->u.record->ends = lua_getfield(L, idx, "__gc") != LUA_TNIL;
  for (v = ct; v != NULL; v = v->variants) {
    overlay_present(L, v, anchors, idx);
    overlay_present(L, v->pointer, anchors, idx);
  }
  lua_settop(L, anchors - 2);
}

static void metatype_make(lua_State *L, MpState *E, const MpCtype *ct, bool ends) {
  int anchors, proto, mt;
  const MpCtype *data = ct->kind == MP_KIND_POINTER ? ct->item : ct;
  luaL_checkstack(L, 8, NULL);
  push_anchors(L, E, ct); /* space, anchors */
  anchors = lua_gettop(L);
  if (lua_rawgetp(L, anchors, metatype_key(ct, ends)) != LUA_TNIL) { /* weak values had lost it */
    lua_replace(L, -3);
    lua_pop(L, 1);
    return;
  }
  lua_pop(L, 1);
  mp_state_pushuv(L, MP_STATE_PROTO);
  proto = lua_gettop(L);
  lua_createtable(L, 1, 16);
  mt = lua_gettop(L);
  proto_copy(L, proto, mt, every);
  if (kind_is_number(ct)) proto_copy(L, proto, mt, numeric);
  if (ends) proto_copy(L, proto, mt, ending);
  lua_pushliteral(L, "cdata");
  lua_setfield(L, mt, "__name");
  lua_pushliteral(L, "moonpool");
  lua_setfield(L, mt, "__metatable");
  lua_pushvalue(L, anchors - 1);
  lua_rawseti(L, mt, 1); /* keeps the instance */
  if (mp_ctype_is_record(data) && data->u.record->keys == NULL && mp_ctype_is_complete(data)) {
    if (data->home != ct->home) push_anchors(L, E, data);
    data->u.record->keys = keys_make(L, data, data->home == ct->home ? anchors : lua_gettop(L));
  }
  lua_settop(L, mt);
  if (mp_ctype_is_record(data)) {
    push_anchors(L, E, data);
    if (lua_rawgetp(L, -1, user_key(data)) == LUA_TTABLE) metatype_overlay(L, mt);
    lua_settop(L, mt);
  }
  lua_pushvalue(L, mt);
  lua_rawsetp(L, anchors, metatype_key(ct, ends));
  lua_replace(L, anchors - 1);
  lua_settop(L, anchors - 1);
}

void mp_metatype_push(lua_State *L, const MpCtype *ct, bool ends) {
  if (MP_LIKELY(lua_rawgetp(L, MP_UP_TYPES, metatype_key(ct, ends)) == LUA_TTABLE)) return;
  lua_pop(L, 1);
  metatype_make(L, mp_state_of(ct), ct, ends);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, MP_UP_TYPES, metatype_key(ct, ends));
}

/* }===== */
