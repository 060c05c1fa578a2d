/*
** access.c: reads and writes through cdata. Lua calls the metamethods; every
** one that touches memory checks life and bounds first.
*/

#include "value/access.h"

#include <string.h>

#include "base/num.h"
#include "value/keep.h"
#include "value/metatype.h"
#include "value/toc.h"
#include "value/tolua.h"

bool mp_access_has_length(const MpCdata *c) {
  if (c->ct->length != MP_LENGTH_OPEN || (c->flags & MP_CD_LENGTH)) return true;
  if (!(c->flags & MP_CD_OWNER)) return false;
  return (c->flags & MP_CD_INLINE) || mp_cdata_asblock(c)->size != MP_CD_UNBOUNDED;
}

size_t mp_access_length(const MpCdata *c) {
  if (c->ct->length != MP_LENGTH_OPEN && !(c->flags & (MP_CD_VARLEN | MP_CD_LENGTH)))
    return c->ct->length;
  return c->ct->item->size ? mp_cdata_size(c) / c->ct->item->size : 0;
}

/* {===== where a key leads ===== */

/* A place in memory: a field, or an element of a type. */
typedef struct Place {
  char *at;             /* the element, or the record that has the field */
  const MpCtype *ct;    /* of the element */
  const MpField *field; /* NULL: an element */
} Place;

static MP_NORETURN void index_toolarge(lua_State *L, const MpCdata *c, lua_Integer i, size_t n) {
  mp_state_error(L, MP_MSG_INDEX_LARGE, mp_state_pushrepr(L, c->ct, NULL), (long long)i,
                 (unsigned long long)n);
}

static char *array_element(lua_State *L, const MpCdata *c, lua_Integer i) {
  size_t size = c->ct->item->size;
  char *at = (char *)((uintptr_t)mp_cdata_address(c) + (size_t)i * size);
  mp_cdata_checklive(L, c);
  if (i < 0) mp_state_error(L, MP_MSG_INDEX_NEGATIVE);
  if (mp_access_has_length(c)) {
    size_t n = mp_access_length(c);
    if ((size_t)i >= n) index_toolarge(L, c, i, n);
  } else {
    mp_cdata_checkspan(L, c, at, size);
  }
  return at;
}

static char *pointer_element(lua_State *L, const MpCdata *c, lua_Integer i) {
  const MpCtype *item = c->ct->item;
  ptrdiff_t offset;
  char *at;
  if (item->kind == MP_KIND_FUNCTION || !mp_ctype_is_complete(item))
    mp_state_error(L, MP_MSG_OPAQUE, mp_state_pushrepr(L, item, NULL));
  if (i != 0 && (c->flags & MP_CD_SINGLE)) {
    mp_cdata_checklive(L, c);
    mp_state_error(L, MP_MSG_INDEX_ZERO, mp_state_pushrepr(L, c->ct, NULL));
  }
  if (__builtin_mul_overflow(i, (ptrdiff_t)item->size, &offset))
    mp_state_error(L, MP_MSG_NO_INTEGER, luaL_tolstring(L, 2, NULL), "index");
  at = (char *)((uintptr_t)mp_cdata_address(c) + (uintptr_t)offset);
  mp_cdata_checkspan(L, c, at, item->size);
  return at;
}

/* Looks `key` (at stack index 2) up as an index; false when it is no number. */
static bool place_index(lua_State *L, MpState *E, const MpCdata *c, Place *p) {
  lua_Integer i;
  if (lua_type(L, 2) != LUA_TNUMBER && mp_cdata_test(L, E, 2) == NULL) return false;
  if (c->ct->kind != MP_KIND_ARRAY && c->ct->kind != MP_KIND_VECTOR &&
      c->ct->kind != MP_KIND_POINTER)
    return false;
  i = lua_isinteger(L, 2) ? lua_tointeger(L, 2) : mp_toc_index(L, E, 2, "index");
  p->field = NULL;
  p->ct = c->ct->item;
  p->at = c->ct->kind == MP_KIND_POINTER ? pointer_element(L, c, i) : array_element(L, c, i);
  return true;
}

/* Looks the string at stack index 2 up as a field, through one pointer; false when there is none. */
static bool place_field(lua_State *L, const MpCdata *c, Place *p) {
  const MpCtype *target = mp_cdata_target(c);
  if (!mp_ctype_is_record(target) || lua_type(L, 2) != LUA_TSTRING) return false;
  p->field = mp_metatype_field(L, target, 2);
  if (p->field == NULL) return false;
  p->at = mp_cdata_address(c);
  if (MP_LIKELY(c->flags & MP_CD_INLINE)) {
    if (MP_UNLIKELY(c->flags & MP_CD_RELEASED)) mp_state_error(L, MP_MSG_RELEASED);
  } else if (c->ct->kind == MP_KIND_POINTER) {
    mp_cdata_checkspan(L, c, p->at, target->size);
  } else {
    mp_cdata_checklive(L, c);
  }
  return true;
}

static MP_NORETURN void no_place(lua_State *L, MpState *E, const MpCdata *c) {
  const MpCtype *target = mp_cdata_target(c);
  const char *type = mp_state_pushrepr(L, c->ct, NULL);
  mp_cdata_checklive(L, c);
  if (lua_type(L, 2) == LUA_TSTRING) {
    if (mp_ctype_is_record(target) && !mp_ctype_is_complete(target))
      mp_state_error(L, MP_MSG_OPAQUE, mp_state_pushrepr(L, target, NULL));
    if (mp_ctype_is_record(target))
      mp_state_error(L, MP_MSG_NO_FIELD, mp_state_pushrepr(L, target, NULL), lua_tostring(L, 2));
    mp_state_error(L, MP_MSG_NO_FIELDS, type, lua_tostring(L, 2));
  }
  if (lua_type(L, 2) == LUA_TNUMBER) mp_state_error(L, MP_MSG_NO_INDEX, type);
  mp_state_error(L, MP_MSG_BAD_KEY, type, mp_toc_describe(L, E, 2));
}

/* }===== */

/* The type that a member has, seen through its record: const if that is (C11 6.5.2.3p3). */
static const MpCtype *member_type(lua_State *L, MpState *E, const MpCtype *record,
                                  const MpCtype *ct) {
  MpErr e;
  if (MP_LIKELY(!(record->quals & MP_QUAL_CONST))) return ct;
  if (mp_ctype_qualify(&E->root, ct, MP_QUAL_CONST, 0, &ct, &e) != MP_OK) mp_state_raise(L, &e);
  return ct;
}

static void check_notconst(lua_State *L, const MpCtype *ct) {
  if (MP_UNLIKELY(ct->quals & MP_QUAL_CONST))
    mp_state_error(L, MP_MSG_CONST, mp_state_pushrepr(L, ct, NULL));
}

/* {===== complex numbers ===== */

/* The part of a complex number that the key names, or NULL. */
static char *complex_part(lua_State *L, const MpCdata *c) {
  const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  const MpCtype *ct = mp_cdata_target(c);
  if (ct->kind != MP_KIND_COMPLEX || (strcmp(key, "re") != 0 && strcmp(key, "im") != 0))
    return NULL;
  mp_cdata_checkspan(L, c, mp_cdata_address(c), ct->size);
  return mp_cdata_address(c) + (key[0] == 'i' ? ct->item->size : 0);
}

/* }===== */

/* What isn't there is the metatype's __index to find. */
static int index_user(lua_State *L, MpState *E, const MpCdata *c) {
  switch (mp_metatype_pushuser(L, 1, "index")) {
    case LUA_TNIL: no_place(L, E, c);
    case LUA_TFUNCTION:
      lua_pushvalue(L, 1);
      lua_pushvalue(L, 2);
      lua_call(L, 2, 1);
      return 1;
    default:
      lua_pushvalue(L, 2);
      if (lua_gettable(L, -2) == LUA_TNIL) no_place(L, E, c);
      return 1;
  }
}

static int newindex_user(lua_State *L, MpState *E, const MpCdata *c) {
  switch (mp_metatype_pushuser(L, 1, "newindex")) {
    case LUA_TNIL: no_place(L, E, c);
    case LUA_TFUNCTION:
      lua_insert(L, 1);
      lua_call(L, 3, 0);
      return 0;
    default:
      lua_insert(L, 2);
      lua_settable(L, 2);
      return 0;
  }
}

/* {===== the quick way ===== */

/*
** Most accesses are of scalars in memory that is known to be good: they are
** done here. Whatever is unusual, wrong or to be raised goes the long way: these
** answer NULL or false, and have done nothing.
*/

/* Where the fields of a record lie, when all of them can be read. */
static inline char *quick_record(const MpCdata *c) {
  const MpPointer *p = (const MpPointer *)c;
  const MpCdata *block;
  if (MP_LIKELY((c->flags & (MP_CD_INLINE | MP_CD_RELEASED)) == MP_CD_INLINE))
    return (char *)c + c->at;
  if (c->flags & MP_CD_INLINE) return NULL;
  block = mp_cdata_block(c);
  if (block == NULL) return p->to;
  if (c->ct->kind == MP_KIND_POINTER)
    return mp_cdata_holds(block, p->to, c->ct->item->size) ? p->to : NULL;
  return block->flags & (MP_CD_RELEASED | MP_CD_OVER) ? NULL : p->to;
}

/* Element `i` of a pointer. */
static MP_NOINLINE char *quick_pointer(const MpCdata *c, lua_Integer i, size_t step) {
  const MpCdata *block = mp_cdata_block(c);
  ptrdiff_t offset;
  char *at;
  if ((i != 0 && (c->flags & MP_CD_SINGLE)) || __builtin_mul_overflow(i, (ptrdiff_t)step, &offset))
    return NULL;
  at = (char *)((uintptr_t)mp_cdata_address(c) + (uintptr_t)offset);
  return block == NULL || mp_cdata_holds(block, at, step) ? at : NULL;
}

/* Bytes that an array has elements in; 0: not known here. */
static size_t quick_bytes(const MpCdata *c, size_t step) {
  const MpBlock *b = mp_cdata_asblock(c);
  if (c->ct->length != MP_LENGTH_OPEN) return c->ct->size;
  if (c->flags & MP_CD_VARLEN) return mp_cdata_inlinelength(c);
  if (c->flags & MP_CD_LENGTH) return ((const MpPointer *)c)->length * step;
  return !(c->flags & MP_CD_OWNER) || b->before != 0 || b->size == MP_CD_UNBOUNDED ? 0 : b->size;
}

/* Element `i` of an array that isn't of fixed length in its userdata. */
static MP_NOINLINE char *quick_array(const MpCdata *c, lua_Integer i, size_t step) {
  size_t bytes = quick_bytes(c, step), offset;
  const MpCdata *block = mp_cdata_block(c);
  if (__builtin_mul_overflow((size_t)i, step, &offset) || bytes < step || offset > bytes - step)
    return NULL;
  if (block != NULL && (block->flags & (MP_CD_RELEASED | MP_CD_OVER))) return NULL;
  return mp_cdata_address(c) + offset;
}

static inline char *quick_element(const MpCdata *c, const MpPlan *plan, lua_Integer i) {
  if (MP_LIKELY((size_t)i < plan->length &&
                (c->flags & (MP_CD_INLINE | MP_CD_RELEASED)) == MP_CD_INLINE))
    return (char *)c + c->at + (size_t)i * plan->step;
  return c->ct->kind == MP_KIND_POINTER ? quick_pointer(c, i, plan->step)
                                        : quick_array(c, i, plan->step);
}

/* May a scalar be written through the cdata without more ado? */
static inline bool quick_writable(const MpCdata *c, const MpPlan *plan) {
  const MpCdata *block;
  if (MP_LIKELY((c->flags & MP_CD_INLINE) && !plan->overlaid)) return true;
  block = mp_cdata_block(c);
  if (block == NULL) return true;
  if (plan->overlaid && (block->flags & (MP_CD_KEEPS | MP_CD_WEAKKEEPS))) return false;
  return !(block->flags & (MP_CD_READONLY | MP_CD_OVER));
}

/*
** Pushes the pointer `to` that lies at `at` in `block`, which `c` (at 1) looks into and which
** has kept targets in its user value: as a view of its target, if it still points there.
*/
static void quick_kept(lua_State *L, const MpCtype *ct, const char *at, char *to, MpCdata *c,
                       const MpCdata *block) {
  const MpCdata *target;
  size_t size = 0;
  char *base = NULL;
  if (block != c) lua_getiuservalue(L, 1, 1);
  lua_getiuservalue(L, block != c ? -1 : 1, MP_BLOCK_KEPT);
  lua_rawgeti(L, -1, (lua_Integer)((intptr_t)at - (intptr_t)mp_cdata_address(block)));
  target = mp_cdata_test(L, mp_state_of(ct), -1);
  if (target != NULL) mp_cdata_extent(target, &base, &size);
  /* As mp_keep_push asks. */
  if (target == NULL || (size != MP_CD_UNBOUNDED && (uintptr_t)to - (uintptr_t)base > size))
    mp_cdata_pushview(L, mp_state_of(ct), ct->plain, to, 0);
  else
    mp_cdata_pushview(L, mp_state_of(ct), ct->plain, to, -1);
}

/* Pushes the aggregate or pointer of type `ct` at `at`, which `c` (at 1) looks into. */
static MP_NOINLINE bool quick_object(lua_State *L, unsigned kind, const MpCtype *ct, char *at,
                                     MpCdata *c) {
  const MpCdata *block = mp_cdata_block(c);
  char *to;
  if (kind == MP_QUICK_VIEW) {
    mp_cdata_pushpart(L, ct, at, c, 1);
    return true;
  }
  if (block != NULL && (block->flags & (MP_CD_WEAKKEEPS | MP_CD_OVER))) return false;
  memcpy(&to, at, sizeof to);
  if (to == NULL)
    lua_pushnil(L);
  else if (block != NULL && (block->flags & MP_CD_KEEPING))
    quick_kept(L, ct, at, to, c, block);
  else
    mp_cdata_pushview(L, mp_state_of(ct), ct->plain, to, 0);
  return true;
}

static inline bool quick_index(lua_State *L, MpCdata *c) {
  const MpPlan *plan = (const MpPlan *)c->ct->plan;
  const MpKey *key;
  unsigned kind;
  char *at;
  if (plan->keys != NULL && (key = mp_metatype_key(plan->keys, lua_topointer(L, 2))) != NULL) {
    kind = key->get;
    at = quick_record(c);
    if (MP_UNLIKELY(at == NULL)) return false;
    at += key->offset;
    if (kind == MP_QUICK_BITS) return mp_quick_pushbits(L, key->field, at);
    if (kind >= MP_QUICK_VIEW)
      return !plan->frozen && quick_object(L, kind, key->field->type, at, c);
  } else {
    kind = plan->get;
    if (kind == MP_QUICK_NOT || !lua_isinteger(L, 2)) return false;
    at = quick_element(c, plan, lua_tointegerx(L, 2, NULL));
    if (MP_UNLIKELY(at == NULL)) return false;
    if (kind >= MP_QUICK_VIEW) return quick_object(L, kind, c->ct->item, at, c);
  }
  return mp_quick_push(L, kind, at);
}

static inline bool quick_newindex(lua_State *L, MpCdata *c) {
  const MpPlan *plan = (const MpPlan *)c->ct->plan;
  const MpKey *key;
  unsigned kind;
  char *at;
  if (plan->keys != NULL && (key = mp_metatype_key(plan->keys, lua_topointer(L, 2))) != NULL) {
    kind = key->set;
    if (plan->frozen || (at = quick_record(c)) == NULL) return false;
    at += key->offset;
    if (kind >= MP_QUICK_VIEW)
      return kind == MP_QUICK_BITS && quick_writable(c, plan) &&
             mp_quick_storebits(L, key->field, at, 3);
  } else {
    kind = plan->set;
    if (kind == MP_QUICK_NOT || !lua_isinteger(L, 2)) return false;
    at = quick_element(c, plan, lua_tointegerx(L, 2, NULL));
    if (MP_UNLIKELY(at == NULL)) return false;
  }
  return quick_writable(c, plan) && mp_quick_store(L, kind, at, 3);
}

/* }===== */

/* __index, the long way. */
static MP_NOINLINE int index_long(lua_State *L, MpCdata *c) {
  MpState *E = mp_state_of(c->ct);
  Place p;
  char *part;
  lua_settop(L, 2);
  mp_metatype_renew(L, c->ct);
  if (place_field(L, c, &p)) {
    const MpCtype *record = mp_cdata_target(c);
    if (MP_UNLIKELY(record->quals & MP_QUAL_CONST) && !p.field->is_bits)
      mp_tolua_push(L, E, member_type(L, E, record, p.field->type), p.at + p.field->offset, c, 1);
    else
      mp_tolua_field(L, E, p.field, p.at, c, 1);
    return 1;
  }
  if (place_index(L, E, c, &p)) {
    mp_tolua_push(L, E, p.ct, p.at, c, 1);
    return 1;
  }
  part = complex_part(L, c);
  if (part == NULL) return index_user(L, E, c);
  mp_tolua_push(L, E, mp_cdata_target(c)->item, part, c, 1);
  return 1;
}

/* A union's member was written: a pointer that another member had there keeps nothing any more. */
static void drop_overwritten(MpDest *d, const Place *p) {
  char *at = p->at + p->field->offset;
  if (d->block == NULL || (p->field->type->flags & MP_CTF_HASPTR)) return;
  mp_keep_move(d->L, d->block, d->block_idx, at, NULL, 0, at, p->field->type->size);
}

/* __newindex, the long way. */
static MP_NOINLINE int newindex_long(lua_State *L, MpCdata *c) {
  MpState *E = mp_state_of(c->ct);
  const MpCtype *target = mp_cdata_target(c);
  MpDest d;
  Place p;
  char *part;
  lua_settop(L, 3);
  mp_metatype_renew(L, c->ct);
  if (place_field(L, c, &p)) {
    check_notconst(L, target);
    mp_toc_start(&d, L, E, c, 1);
    mp_toc_field(&d, p.field, p.at, 3);
    if (target->kind == MP_KIND_UNION) drop_overwritten(&d, &p);
  } else if (place_index(L, E, c, &p)) {
    check_notconst(L, p.ct);
    if (c->ct->kind == MP_KIND_VECTOR) check_notconst(L, c->ct);
    mp_toc_start(&d, L, E, c, 1);
    mp_toc_write(&d, p.ct, p.at, 3);
  } else if ((part = complex_part(L, c)) != NULL) {
    check_notconst(L, target);
    mp_toc_start(&d, L, E, c, 1);
    mp_toc_write(&d, target->item, part, 3);
  } else {
    return newindex_user(L, E, c);
  }
  return 0;
}

int mp_access_index(lua_State *L) {
  MpCdata *c = mp_cdata_self(L);
  return MP_LIKELY(quick_index(L, c)) ? 1 : index_long(L, c);
}

int mp_access_newindex(lua_State *L) {
  MpCdata *c = mp_cdata_self(L);
  return MP_LIKELY(quick_newindex(L, c)) ? 0 : newindex_long(L, c);
}

/* {===== length and iteration ===== */

int mp_access_len(lua_State *L) {
  MpCdata *c = mp_cdata_self(L);
  mp_cdata_checklive(L, c);
  if ((c->ct->kind != MP_KIND_ARRAY && c->ct->kind != MP_KIND_VECTOR) || !mp_access_has_length(c))
    mp_state_error(L, MP_MSG_NO_LEN, mp_state_pushrepr(L, c->ct, NULL));
  lua_pushinteger(L, (lua_Integer)mp_access_length(c));
  return 1;
}

/* Iterators. Upvalue 2 is the position of the next element or field, 3 the cdata, 4 the engine. */
#define UP_CDATA lua_upvalueindex(3)

/* A loop may go on in a finalizer, when the engine has ended: the types of cdata are gone then. */
static MpCdata *next_cdata(lua_State *L) {
  mp_state_checkopen(L, (const MpState *)lua_touserdata(L, lua_upvalueindex(4)));
  return (MpCdata *)lua_touserdata(L, UP_CDATA);
}

static int next_element(lua_State *L) {
  MpCdata *c = next_cdata(L);
  lua_Integer i = lua_tointeger(L, MP_UP_OWN);
  if ((size_t)i >= mp_access_length(c)) return 0;
  lua_pushinteger(L, i + 1);
  lua_replace(L, MP_UP_OWN);
  lua_pushinteger(L, i);
  lua_pushinteger(L, i);
  lua_gettable(L, UP_CDATA);
  return 2;
}

static int next_field(lua_State *L) {
  MpCdata *c = next_cdata(L);
  const MpRecord *r = mp_cdata_target(c)->u.record;
  lua_Integer i = lua_tointeger(L, MP_UP_OWN);
  if (i >= (lua_Integer)r->nflat) return 0;
  lua_pushinteger(L, i + 1);
  lua_replace(L, MP_UP_OWN);
  lua_pushstring(L, r->flat[i].name->text);
  lua_pushvalue(L, -1);
  lua_gettable(L, UP_CDATA);
  return 2;
}

int mp_access_pairs(lua_State *L) {
  MpCdata *c = mp_cdata_self(L);
  lua_CFunction step;
  mp_cdata_checklive(L, c);
  if ((c->ct->kind == MP_KIND_ARRAY && mp_access_has_length(c)) || c->ct->kind == MP_KIND_VECTOR)
    step = next_element;
  else if (mp_ctype_is_record(mp_cdata_target(c)) && mp_ctype_is_complete(mp_cdata_target(c)))
    step = next_field;
  else
    mp_state_error(L, MP_MSG_NO_PAIRS, mp_state_pushrepr(L, c->ct, NULL));
  lua_pushvalue(L, MP_UP_TYPES);
  lua_pushinteger(L, 0);
  lua_pushvalue(L, 1);
  lua_pushlightuserdata(L, mp_state_of(c->ct));
  lua_pushcclosure(L, step, 4);
  lua_pushvalue(L, 1);
  return 2;
}

/* }===== */

/* {===== paths ===== */

static void path_name(lua_State *L, MpState *E, const MpCtype **ct, ptrdiff_t *offset,
                      const MpField **bits, int idx) {
  const MpField *f = NULL;
  if (!mp_ctype_is_record(*ct))
    mp_state_error(L, MP_MSG_NO_FIELDS, mp_state_pushrepr(L, *ct, NULL), lua_tostring(L, idx));
  f = mp_metatype_field(L, *ct, idx);
  if (f == NULL)
    mp_state_error(L, MP_MSG_NO_FIELD, mp_state_pushrepr(L, *ct, NULL), lua_tostring(L, idx));
  *offset += (ptrdiff_t)f->offset;
  if (f->is_bits) *bits = f;
  *ct = f->is_bits ? f->type : member_type(L, E, *ct, f->type);
}

static void path_index(lua_State *L, MpState *E, const MpCtype **ct, ptrdiff_t *offset, int idx,
                       bool one_past) {
  lua_Integer i = mp_toc_index(L, E, idx, "index");
  ptrdiff_t step;
  const MpCtype *item;
  if ((*ct)->kind != MP_KIND_ARRAY && (*ct)->kind != MP_KIND_VECTOR)
    mp_state_error(L, MP_MSG_NO_INDEX, mp_state_pushrepr(L, *ct, NULL));
  item = (*ct)->item;
  if (i < 0) mp_state_error(L, MP_MSG_INDEX_NEGATIVE);
  if ((*ct)->length != MP_LENGTH_OPEN && (size_t)i >= (*ct)->length + (one_past ? 1 : 0))
    mp_state_error(L, MP_MSG_PATH_LARGE, mp_state_pushrepr(L, *ct, NULL), (long long)i,
                   one_past ? "<=" : "<", (unsigned long long)(*ct)->length);
  if (__builtin_mul_overflow(i, (ptrdiff_t)item->size, &step) ||
      __builtin_add_overflow(*offset, step, offset))
    mp_state_error(L, MP_MSG_TYPE_TOO_LARGE);
  *ct = (*ct)->kind == MP_KIND_VECTOR ? member_type(L, E, *ct, item) : item;
}

void mp_access_path(lua_State *L, MpState *E, const MpCtype **ct, ptrdiff_t *offset,
                    const MpField **bits, int first, int last, bool one_past) {
  int i;
  *bits = NULL;
  for (i = first; i <= last; i++) {
    if (*bits != NULL) mp_state_error(L, MP_MSG_NO_INDEX, mp_state_pushrepr(L, *ct, NULL));
    if (lua_type(L, i) == LUA_TSTRING)
      path_name(L, E, ct, offset, bits, i);
    else
      path_index(L, E, ct, offset, i, one_past);
  }
}

/* }===== */
