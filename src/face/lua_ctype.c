/*
** lua_ctype.c: types as Lua values. A ctype object is a userdata with a type
** in it, one a type, so that they compare and serve as keys.
*/

#include "face/lua_ctype.h"

#include <stdlib.h>
#include <string.h>

#include "decl/parse.h"
#include "face/lua_core.h"
#include "face/lua_new.h"
#include "type/relate.h"
#include "value/access.h"
#include "value/cdata.h"
#include "value/metatype.h"
#include "value/tolua.h"

/* Where the metatable lies among the root's anchors. */
#define CTYPE_META "ctype"

/* {===== objects ===== */

static void ctype_push(lua_State *L, MpState *E, const MpCtype *ct) {
  MpCtypeObject *o;
  mp_state_pushuv(L, MP_STATE_CTYPES);
  if (lua_rawgetp(L, -1, ct) == LUA_TUSERDATA) {
    lua_remove(L, -2);
    return;
  }
  lua_pop(L, 1);
  o = (MpCtypeObject *)lua_newuserdatauv(L, sizeof *o, 1);
  o->ct = ct;
  o->engine = E;
  o->tag = MP_CTYPE_TAG(E);
  mp_state_pushspace(L, E, ct->home);
  lua_setiuservalue(L, -2, 1);
  mp_state_pushuv(L, MP_STATE_ANCHORS);
  lua_getfield(L, -1, CTYPE_META);
  lua_setmetatable(L, -3);
  lua_pop(L, 1);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, -3, ct);
  lua_remove(L, -2);
}

/* }===== */

/* {===== type arguments ===== */

/* Parses the string at idx and remembers it, with the instance's cache on the top. */
static const MpCtype *ctype_parse(lua_State *L, MpInstance *in, int idx) {
  MpErr e;
  size_t len;
  const char *text = lua_tolstring(L, idx, &len);
  const MpCtype *ct;
  if (mp_parse_type(&in->space, text, len, &ct, &e) != MP_OK) mp_state_raise(L, &e);
  lua_pushvalue(L, idx);
  lua_pushlightuserdata(L, (void *)ct);
  lua_rawset(L, -3);
  return ct;
}

/* The type that a string names, looked up again once names have changed. */
static const MpCtype *ctype_fromstring(lua_State *L, MpInstance *in, int idx) {
  uint32_t version = mp_space_version(&in->space);
  const MpCtype *ct;
  if (version != in->version) {
    in->version = version;
    lua_newtable(L);
    lua_setiuservalue(L, MP_UP_OWN, MP_INSTANCE_STRINGS);
  }
  lua_getiuservalue(L, MP_UP_OWN, MP_INSTANCE_STRINGS);
  lua_pushvalue(L, idx);
  lua_rawget(L, -2);
  ct = (const MpCtype *)lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (ct == NULL) ct = ctype_parse(L, in, idx);
  lua_pop(L, 1);
  return ct;
}

const MpCtype *mp_lua_ctype_check(lua_State *L, MpInstance *in, int idx) {
  const MpCtype *ct;
  if (lua_type(L, idx) == LUA_TSTRING) return ctype_fromstring(L, in, idx);
  ct = mp_lua_ctype_test(L, in->engine, idx);
  if (ct == NULL) mp_state_error(L, MP_MSG_WANT_TYPE, luaL_typename(L, idx));
  return ct;
}

/* The type that the argument names: a type string, a ctype object; of a cdata or a library's function its own. */
static const MpCtype *ctype_of(lua_State *L, MpInstance *in, int idx) {
  const MpCdata *c = mp_cdata_test(L, in->engine, idx);
  const MpCtype *fn;
  void (*code)(void);
  if (c != NULL) return c->ct;
  if (in->engine->library_function(L, idx, &fn, &code)) {
    lua_pop(L, 1);
    return fn;
  }
  return mp_lua_ctype_check(L, in, idx);
}

/* }===== */

/* {===== attributes ===== */

static const char *kind_name(const MpCtype *ct) {
  switch ((MpKind)ct->kind) {
    case MP_KIND_VOID: return "void";
    case MP_KIND_ENUM: return "enum";
    case MP_KIND_POINTER: return "pointer";
    case MP_KIND_ARRAY: return "array";
    case MP_KIND_VECTOR: return "vector";
    case MP_KIND_STRUCT: return "struct";
    case MP_KIND_UNION: return "union";
    case MP_KIND_FUNCTION: return "function";
    default: return "primitive";
  }
}

static void push_field(lua_State *L, MpState *E, const MpField *f) {
  lua_createtable(L, 0, 5);
  lua_pushstring(L, f->name->text);
  lua_setfield(L, -2, "name");
  ctype_push(L, E, f->type);
  lua_setfield(L, -2, "type");
  lua_pushinteger(L, (lua_Integer)f->offset);
  lua_setfield(L, -2, "offset");
  lua_pushinteger(L, f->is_bits ? f->bit_start : -1);
  lua_setfield(L, -2, "bitshift");
  lua_pushinteger(L, f->is_bits ? f->bit_width : -1);
  lua_setfield(L, -2, "bitsize");
}

static void push_fields(lua_State *L, MpState *E, const MpCtype *ct) {
  const MpRecord *r = ct->u.record;
  uint32_t i;
  lua_createtable(L, (int)r->nflat, 0);
  for (i = 0; i < r->nflat; i++) {
    push_field(L, E, &r->flat[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
}

static void push_params(lua_State *L, MpState *E, const MpCtype *ct) {
  const MpFunction *f = ct->u.function;
  uint32_t i;
  lua_createtable(L, (int)f->nparams, 0);
  for (i = 0; i < f->nparams; i++) {
    ctype_push(L, E, f->params[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
}

/* The enumerators: value → name, or name → value. The first name of a value counts, as in CFFI. */
static void push_enumerators(lua_State *L, MpState *E, const MpCtype *ct, bool by_name) {
  const MpEnumeration *en = ct->u.enumeration;
  uint32_t i;
  lua_newtable(L);
  for (i = en->nitems; i-- > 0;) {
    if (by_name) lua_pushstring(L, en->items[i].name->text);
    mp_tolua_integer(L, E, ct, en->items[i].value);
    if (!by_name) lua_pushstring(L, en->items[i].name->text);
    lua_rawset(L, -3);
  }
}

/* What all kinds have: false for another name. */
static bool push_common(lua_State *L, const MpCtype *ct, const char *name) {
  if (strcmp(name, "kind") == 0) {
    lua_pushstring(L, kind_name(ct));
  } else if (strcmp(name, "cname") == 0) {
    mp_state_pushrepr(L, ct, NULL);
  } else if (strcmp(name, "size") == 0 && mp_ctype_is_complete(ct)) {
    lua_pushinteger(L, (lua_Integer)ct->size);
  } else if (strcmp(name, "align") == 0 && mp_ctype_is_complete(ct)) {
    lua_pushinteger(L, ct->align);
  } else {
    return false;
  }
  return true;
}

/* What the kind has of its own: false for another name. */
static bool push_particular(lua_State *L, MpState *E, const MpCtype *ct, const char *name) {
  bool is_function = ct->kind == MP_KIND_FUNCTION, is_enum = ct->kind == MP_KIND_ENUM;
  if (strcmp(name, "item") == 0 && ct->item != NULL && !is_function) {
    ctype_push(L, E, ct->item);
  } else if (strcmp(name, "result") == 0 && is_function) {
    ctype_push(L, E, ct->item);
  } else if (strcmp(name, "args") == 0 && is_function) {
    push_params(L, E, ct);
  } else if (strcmp(name, "ellipsis") == 0 && is_function) {
    lua_pushboolean(L, ct->u.function->variadic);
  } else if (strcmp(name, "length") == 0 && ct->length != MP_LENGTH_OPEN &&
             (ct->kind == MP_KIND_ARRAY || ct->kind == MP_KIND_VECTOR)) {
    lua_pushinteger(L, (lua_Integer)ct->length);
  } else if (strcmp(name, "fields") == 0 && mp_ctype_is_record(ct) && mp_ctype_is_complete(ct)) {
    push_fields(L, E, ct);
  } else if (strcmp(name, "elements") == 0 && is_enum) {
    push_enumerators(L, E, ct, false);
  } else if (strcmp(name, "relements") == 0 && is_enum) {
    push_enumerators(L, E, ct, true);
  } else {
    return false;
  }
  return true;
}

/* Of a running metamethod: the type. A program that has the debug library may give it anything. */
static const MpCtype *ctype_self(lua_State *L, const MpState *E) {
  const MpCtype *ct = mp_lua_ctype_test(L, E, 1);
  mp_state_checkopen(L, E);
  if (ct == NULL) mp_state_error(L, MP_MSG_WANT_TYPE, luaL_typename(L, 1));
  return ct;
}

static int ctype_index(lua_State *L) {
  MpState *E = (MpState *)lua_touserdata(L, MP_UP_OWN);
  const MpCtype *ct = ctype_self(L, E);
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (!push_common(L, ct, name) && !push_particular(L, E, ct, name)) lua_pushnil(L);
  return 1;
}

static int ctype_tostring(lua_State *L) {
  const MpCtype *ct = ctype_self(L, (MpState *)lua_touserdata(L, MP_UP_OWN));
  lua_pushfstring(L, "ctype<%s>", mp_state_pushrepr(L, ct, NULL));
  return 1;
}

/* T(...): ffi.new(T, ...), or of a struct or union ffi.new("T *", ...) */
static int ctype_call(lua_State *L) {
  MpState *E = (MpState *)lua_touserdata(L, MP_UP_OWN);
  const MpCtype *ct = ctype_self(L, E);
  MpErr e;
  mp_state_enter(E);
  if (mp_ctype_is_record(ct) && mp_ctype_pointer(&E->root, ct, &ct, &e) != MP_OK)
    mp_state_raise(L, &e);
  return mp_lua_new_make(L, E, ct, 2);
}

void mp_lua_ctype_open(lua_State *L, MpState *E) {
  static const luaL_Reg meta[] = {{"__index", ctype_index},
                                  {"__tostring", ctype_tostring},
                                  {"__call", ctype_call},
                                  {NULL, NULL}};
  const luaL_Reg *m;
  mp_state_pushuv(L, MP_STATE_ANCHORS);
  lua_newtable(L);
  for (m = meta; m->name != NULL; m++) {
    lua_pushlightuserdata(L, E);
    mp_state_pushclosure(L, m->func, 1);
    lua_setfield(L, -2, m->name);
  }
  lua_pushliteral(L, "ctype");
  lua_setfield(L, -2, "__name");
  lua_pushliteral(L, "moonpool");
  lua_setfield(L, -2, "__metatable");
  lua_setfield(L, -2, CTYPE_META);
  lua_pop(L, 1);
}

/* }===== */

/* {===== functions ===== */

/* ffi.typeof(x) */
static int ctype_typeof(lua_State *L) {
  MpInstance *in = mp_lua_core_self(L);
  ctype_push(L, in->engine, ctype_of(L, in, 1));
  return 1;
}

static MP_NORETURN void unknown_size(lua_State *L, const MpCtype *ct) {
  mp_state_error(L, MP_MSG_UNKNOWN_SIZE, mp_state_pushrepr(L, ct, NULL));
}

/* ffi.sizeof(x): of a cdata the bytes that it is: of a pointer its own */
static int ctype_sizeof(lua_State *L) {
  MpInstance *in = mp_lua_core_self(L);
  const MpCdata *c = mp_cdata_test(L, in->engine, 1);
  const MpCtype *ct = ctype_of(L, in, 1);
  if (c != NULL && ct->kind != MP_KIND_POINTER &&
      (ct->kind != MP_KIND_ARRAY || mp_access_has_length(c))) {
    mp_cdata_checklive(L, c);
    lua_pushinteger(L, (lua_Integer)mp_cdata_size(c));
    return 1;
  }
  if (!mp_ctype_is_complete(ct)) unknown_size(L, ct);
  lua_pushinteger(L, (lua_Integer)ct->size);
  return 1;
}

/* ffi.alignof(x) */
static int ctype_alignof(lua_State *L) {
  const MpCtype *ct = ctype_of(L, mp_lua_core_self(L), 1);
  if (!mp_ctype_is_complete(ct) && ct->kind != MP_KIND_ARRAY) unknown_size(L, ct);
  lua_pushinteger(L, ct->align);
  return 1;
}

/* ffi.offsetof(T, path…): of a bit-field its unit's offset, its bit position and its width */
static int ctype_offsetof(lua_State *L) {
  MpInstance *in = mp_lua_core_self(L);
  const MpCtype *ct = ctype_of(L, in, 1);
  const MpField *bits;
  ptrdiff_t offset = 0;
  int last = lua_gettop(L);
  if (last < 2) mp_state_error(L, MP_MSG_WANT_PATH);
  if (ct->kind == MP_KIND_POINTER) ct = ct->item;
  if (mp_ctype_is_record(ct) && !mp_ctype_is_complete(ct)) unknown_size(L, ct);
  mp_access_path(L, in->engine, &ct, &offset, &bits, 2, last, true);
  lua_pushinteger(L, offset);
  if (bits == NULL) return 1;
  lua_pushinteger(L, bits->bit_start);
  lua_pushinteger(L, bits->bit_width);
  return 3;
}

/* ffi.getctype(T [, extra]) */
static int ctype_getctype(lua_State *L) {
  const MpCtype *ct = ctype_of(L, mp_lua_core_self(L), 1);
  mp_state_pushrepr(L, ct, luaL_optstring(L, 2, NULL));
  return 1;
}

/* ffi.istype(T, x) */
static int ctype_istype(lua_State *L) {
  MpInstance *in = mp_lua_core_self(L);
  const MpCtype *ct = mp_lua_ctype_check(L, in, 1);
  const MpCdata *c = mp_cdata_test(L, in->engine, 2);
  bool is = c != NULL && (mp_relate_same_deep(c->ct, ct) ||
                          (mp_ctype_is_record(ct) && c->ct->kind == MP_KIND_POINTER &&
                           mp_relate_same(c->ct->item, ct)));
  lua_pushboolean(L, is);
  return 1;
}

/* ffi.metatype(T, mt) */
static int ctype_metatype(lua_State *L) {
  MpInstance *in = mp_lua_core_self(L);
  const MpCtype *ct = mp_lua_ctype_check(L, in, 1);
  mp_metatype_set(L, in->engine, ct, 2);
  ctype_push(L, in->engine, ct);
  return 1;
}

/* Adds the names of one kind that are visible in the space to the set on the top. */
static void add_names(lua_State *L, const MpSpace *sp, int kind) {
  const MpDecl *d;
  const MpTag *t;
  uint32_t i;
  for (d = kind == MP_KIND_VOID ? sp->first : NULL; d != NULL; d = d->next) {
    if (d->kind != MP_DECL_TYPEDEF) continue;
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, d->name->text);
  }
  for (t = kind == MP_KIND_VOID ? NULL : sp->first_tag; t != NULL; t = t->next) {
    if (t->type->kind != kind) continue;
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, t->name->text);
  }
  for (i = 0; i < sp->nincludes; i++) add_names(L, sp->includes[i], kind);
}

static int by_text(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Replaces the set on the top by the sorted list of its keys. */
static void sort_names(lua_State *L) {
  size_t n = 0, i;
  const char **names;
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) n++;
  names = (const char **)lua_newuserdatauv(L, (n + 1) * sizeof *names, 0);
  for (n = 0, lua_pushnil(L); lua_next(L, -3); lua_pop(L, 1)) names[n++] = lua_tostring(L, -2);
  qsort(names, n, sizeof *names, by_text);
  lua_createtable(L, (int)n, 0);
  for (i = 0; i < n; i++) {
    lua_pushstring(L, names[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_replace(L, -3);
  lua_pop(L, 1);
}

/* ffi.list_types(): typedefs, structs, unions */
static int ctype_list_types(lua_State *L) {
  static const int kinds[] = {MP_KIND_VOID, MP_KIND_STRUCT, MP_KIND_UNION};
  MpInstance *in = mp_lua_core_self(L);
  int i;
  for (i = 0; i < 3; i++) {
    lua_newtable(L);
    add_names(L, &in->space, kinds[i]);
    sort_names(L);
  }
  return 3;
}

/* }===== */

const luaL_Reg mp_lua_ctype_functions[] = {
    {"typeof", ctype_typeof},     {"sizeof", ctype_sizeof},         {"alignof", ctype_alignof},
    {"offsetof", ctype_offsetof}, {"getctype", ctype_getctype},     {"istype", ctype_istype},
    {"metatype", ctype_metatype}, {"list_types", ctype_list_types}, {NULL, NULL}};
