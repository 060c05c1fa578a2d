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

#define KEYS_SHORT 40 /* Lua's longest string that is unique (LUAI_MAXSHORTLEN) */

static MpKey *keys_free(MpKeys *keys, const void *name) {
  uint32_t i = mp_metatype_hash(name) & keys->mask;
  while (keys->slots[i].name != NULL) i = (i + 1) & keys->mask;
  return &keys->slots[i];
}

static void key_fill(MpKey *key, const void *name, const MpField *f) {
  key->name = name;
  key->field = f;
  key->get = key->set = MP_QUICK_NOT;
  if (f->offset > UINT32_MAX) return;
  key->offset = (uint32_t)f->offset;
  if (f->is_bits)
    key->get = mp_quick_is_bits(f) ? MP_QUICK_BITS : MP_QUICK_NOT;
  else
    key->get = (uint8_t)mp_quick_kind(f->type);
  if (!(f->type->quals & MP_QUAL_CONST)) key->set = key->get;
}

/* Are a struct's members what their names say, in that order, none without one and none inside one? */
static bool keys_are_positional(const MpCtype *ct) {
  const MpRecord *r = ct->u.record;
  uint32_t i;
  if (ct->kind != MP_KIND_STRUCT || r->nfields != r->nflat) return false;
  for (i = 0; i < r->nfields; i++)
    if (r->fields[i].name == NULL) return false;
  return true;
}

/* The keys of a record, made in its home's memory, their strings anchored in the table at `anchors`. */
static MpKeys *keys_make(lua_State *L, const MpCtype *ct, int anchors) {
  const MpRecord *r = ct->u.record;
  bool hashed = r->nflat > MP_KEYS_SCAN;
  uint32_t cap = hashed ? 32 : r->nflat, i;
  MpKeys *keys;
  while (hashed && cap < r->nflat * 2) cap *= 2;
  keys = (MpKeys *)mp_arena_new(mp_space_lasting(ct->home),
                                offsetof(MpKeys, slots) + (cap + 1) * sizeof(MpKey));
  if (keys == NULL) mp_state_error(L, MP_MSG_NOMEM);
  keys->mask = hashed ? cap - 1 : 0;
  for (i = 0; i < r->nflat; i++) {
    const MpName *name = r->flat[i].name;
    const void *text;
    if (name->len > KEYS_SHORT) continue;
    lua_pushlstring(L, name->text, name->len);
    text = lua_topointer(L, -1);
    lua_pushboolean(L, 1);
    lua_rawset(L, anchors);
    key_fill(hashed ? keys_free(keys, text) : &keys->slots[keys->n], text, &r->flat[i]);
    keys->n++;
  }
  keys->positional = !hashed && keys->n == r->nflat && keys_are_positional(ct);
  return keys;
}

const MpField *mp_metatype_field(lua_State *L, const MpCtype *ct, int idx) {
  size_t len;
  const char *text = lua_tolstring(L, idx, &len);
  const MpKeys *keys = (const MpKeys *)ct->u.record->keys;
  if (keys != NULL && len <= KEYS_SHORT) {
    const MpKey *key = mp_metatype_key(keys, lua_topointer(L, idx));
    return key != NULL ? key->field : NULL;
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

/* Pushes what the user's table at `idx` itself has under that name, as Lua looks metamethods up: nothing runs. */
static int push_own(lua_State *L, int idx, const char *name) {
  idx = lua_absindex(L, idx);
  lua_pushstring(L, name);
  return lua_rawget(L, idx);
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
  push_own(L, user, "__index");
  lua_setfield(L, mt, "index");
  push_own(L, user, "__newindex");
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
    push_own(L, -1, "__gc");
  else
    lua_pushnil(L);
  lua_replace(L, -4);
  lua_pop(L, 2);
  return lua_type(L, -1);
}

/* How owners of the type are made, if all are of one size and plain. */
static void plan_owner(MpPlan *p, const MpCtype *ct) {
  const MpCtype *data = ct->kind == MP_KIND_POINTER ? ct->item : ct;
  bool keeps = data->flags & MP_CTF_HASPTR;
  bool own = p->whole && !(data->flags & MP_CTF_FLEXIBLE) &&
             !(ct->kind == MP_KIND_POINTER && mp_ctype_is_charlike(data));
  p->sized = own && (ct->kind == MP_KIND_POINTER || ct->kind == MP_KIND_ARRAY);
  p->fresh =
      own && mp_cdata_is_inline(data, data->size) && data->align <= 8 ? data->size : MP_PLAN_NONE;
  p->flags = (uint16_t)(MP_CD_OWNER | MP_CD_INLINE | (keeps ? MP_CD_KEEPS : 0) |
                        (ct->kind == MP_KIND_POINTER ? MP_CD_SINGLE : 0));
}

/* Overlays the metatables that the type has already; its home's anchors are at `anchors`. */
static void overlay_present(lua_State *L, const MpCtype *ct, int anchors, int user) {
  int ends;
  if (ct->plan != NULL) plan_owner((MpPlan *)ct->plan, ct); /* there may be a __gc now */
  for (ends = 0; ends < 2; ends++) {
    if (lua_rawgetp(L, anchors, metatype_key(ct, ends)) == LUA_TTABLE) {
      lua_pushvalue(L, user);
      metatype_overlay(L, lua_gettop(L) - 1);
      lua_pop(L, 1);
    }
    lua_pop(L, 1);
  }
}

void mp_metatype_set(lua_State *L, MpState *E, const MpCtype *ct, int idx) {
  const MpCtype *v, *p;
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
  ct->u.record->ends = push_own(L, idx, "__gc") != LUA_TNIL;
  for (v = ct; v != NULL; v = v->variants) {
    overlay_present(L, v, anchors, idx);
    if (v->pointer == NULL) continue;
    for (p = v->pointer; p != NULL; p = p->variants) overlay_present(L, p, anchors, idx);
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

/* }===== */

/* {===== plans ===== */

void mp_metatype_checksettled(lua_State *L, const MpCtype *ct) {
  if (MP_UNLIKELY(mp_space_is_completing(ct))) mp_state_error(L, MP_MSG_BUSY);
}

const MpKeys *mp_metatype_keys(lua_State *L, const MpCtype *ct) {
  MpRecord *r = ct->u.record;
  if (MP_UNLIKELY(r->keys == NULL)) {
    mp_metatype_checksettled(L, ct);
    luaL_checkstack(L, 8, NULL);
    push_anchors(L, mp_state_of(ct), ct);
    r->keys = keys_make(L, ct, lua_gettop(L));
    lua_pop(L, 2);
  }
  return (const MpKeys *)r->keys;
}

/* What access may do itself with cdata of the type. */
static void plan_fill(lua_State *L, MpPlan *p, const MpCtype *ct) {
  const MpCtype *data = ct->kind == MP_KIND_POINTER ? ct->item : ct;
  bool whole = mp_ctype_is_complete(data);
  mp_metatype_checksettled(L, data);
  if (mp_ctype_is_record(data) && whole) {
    p->keys = mp_metatype_keys(L, data); /* may raise: nothing is settled before */
    p->frozen = data->quals & MP_QUAL_CONST;
    p->overlaid = data->kind == MP_KIND_UNION;
  }
  p->whole = whole;
  plan_owner(p, ct);
  if ((ct->kind == MP_KIND_ARRAY || ct->kind == MP_KIND_POINTER) && ct->item->size > 0) {
    p->get = (uint8_t)mp_quick_kind(ct->item);
    p->set = ct->item->quals & MP_QUAL_CONST ? MP_QUICK_NOT : p->get;
    p->step = ct->item->size;
    if (ct->kind == MP_KIND_ARRAY && ct->length != MP_LENGTH_OPEN) p->length = ct->length;
  }
}

void mp_metatype_renew(lua_State *L, const MpCtype *ct) {
  MpPlan *p = (MpPlan *)ct->plan;
  const MpCtype *data = ct->kind == MP_KIND_POINTER ? ct->item : ct;
  if (MP_UNLIKELY(!p->whole && mp_ctype_is_complete(data))) plan_fill(L, p, ct);
}

static MpPlan *plan_need(lua_State *L, MpState *E, const MpCtype *ct) {
  MpPlan *p = (MpPlan *)ct->plan;
  if (p != NULL) return p;
  p = (MpPlan *)mp_arena_new(mp_space_lasting(ct->home), sizeof(MpPlan));
  if (p == NULL) mp_state_error(L, MP_MSG_NOMEM);
  plan_fill(L, p, ct);
  if (ct->home != &E->root) {
    MpInstance *in = (MpInstance *)ct->home; /* its space is its first member */
    p->next = (MpPlan *)in->plans;
    in->plans = p;
  }
  ((MpCtype *)ct)->plan = p;
  return p;
}

/* A free number in the table of metatables: the numbers that are free form a list in it. */
static uint32_t number_take(lua_State *L, MpState *E) {
  uint32_t number = E->free_number;
  if (number == 0) return ++E->last_number;
  lua_rawgeti(L, MP_UP_TYPES, number);
  E->free_number = (uint32_t)lua_tointeger(L, -1);
  lua_pop(L, 1);
  return number;
}

void mp_metatype_forget(lua_State *L, MpState *E, const MpInstance *in) {
  MpPlan *p;
  int i;
  mp_state_pushuv(L, MP_STATE_TYPES);
  for (p = (MpPlan *)in->plans; p != NULL; p = p->next) {
    for (i = 0; i < 2; i++) {
      if (p->numbers[i] == 0) continue;
      lua_pushinteger(L, E->free_number);
      lua_rawseti(L, -2, p->numbers[i]);
      E->free_number = p->numbers[i];
      p->numbers[i] = 0;
    }
  }
  lua_pop(L, 1);
}

/* Weak values lose the metatable of a dying instance, before a finalizer asks for it again. */
void mp_metatype_find(lua_State *L, const MpCtype *ct, bool ends) {
  MpState *E = mp_state_of(ct);
  MpPlan *p;
  luaL_checkstack(L, 8, NULL);
  p = plan_need(L, E, ct);
  metatype_make(L, E, ct, ends);
  if (p->numbers[ends] == 0) p->numbers[ends] = number_take(L, E);
  lua_pushvalue(L, -1);
  lua_rawseti(L, MP_UP_TYPES, p->numbers[ends]);
}

/* }===== */
