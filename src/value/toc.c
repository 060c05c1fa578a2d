/*
** toc.c: scalars and pointers from Lua to C. Called by writes, initializers
** and calls; aggregates are init.c's.
*/

#include "value/toc.h"

#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "type/relate.h"
#include "type/scalar.h"
#include "value/init.h"
#include "value/keep.h"

/* {===== errors ===== */

void mp_toc_fail(const MpDest *d, const char *format, ...) {
  MpErr e;
  size_t n;
  va_list args;
  va_start(args, format);
  vsnprintf(e.text, sizeof e.text, format, args);
  va_end(args);
  n = strlen(e.text);
  if (d->fn != NULL) {
    const char *type = mp_state_pushrepr(d->L, d->fn, NULL);
    snprintf(e.text + n, sizeof e.text - n, MP_MSG_ARGUMENT_SUFFIX, d->arg, type);
  }
  mp_state_raise(d->L, &e);
}

const char *mp_toc_describe(lua_State *L, const MpState *E, int idx) {
  const MpCdata *c = mp_cdata_test(L, E, idx);
  if (c == NULL) return lua_pushstring(L, luaL_typename(L, idx));
  return lua_pushfstring(L, "cdata '%s'", mp_state_pushrepr(L, c->ct, NULL));
}

void mp_toc_mismatch(MpDest *d, const MpCtype *ct, const char *expected, int idx) {
  const char *what = mp_toc_describe(d->L, d->E, idx);
  const char *type = mp_state_pushrepr(d->L, ct, NULL);
  mp_toc_fail(d, MP_MSG_INITIALIZER, type, expected, what);
}

/* }===== */

void mp_toc_start(MpDest *d, lua_State *L, MpState *E, MpCdata *via, int idx) {
  memset(d, 0, sizeof *d);
  d->L = L;
  d->E = E;
  d->block = mp_cdata_pushblockof(L, via, idx);
  if (d->block == NULL) return;
  d->block_idx = lua_gettop(L);
  if (d->block->flags & MP_CD_READONLY) mp_state_error(L, MP_MSG_READONLY);
}

void mp_toc_checklive(const MpDest *d) {
  if (d->block != NULL && MP_UNLIKELY(mp_cdata_has_ended(d->block)))
    mp_toc_fail(d, MP_MSG_RELEASED);
}

/* {===== numbers ===== */

static bool box_is_integer(const MpCdata *c) {
  return (c->flags & MP_CD_BOX) && mp_ctype_is_integer(c->ct);
}

MpIntegerness mp_toc_integer(lua_State *L, const MpState *E, int idx, MpInt128 *out) {
  const MpCdata *c;
  int ok;
  if (lua_type(L, idx) == LUA_TNUMBER) {
    *out = lua_tointegerx(L, idx, &ok);
    if (!ok) {
      lua_Number v = lua_tonumber(L, idx);
      if (!(v >= -0x1p127 && v < 0x1p127) || v != floor(v)) return MP_INTEGER_FRACTION;
      *out = (MpInt128)v;
    }
    return MP_INTEGER_OK;
  }
  c = mp_cdata_test(L, E, idx);
  if (c == NULL || !box_is_integer(c)) return MP_INTEGER_NOT;
  *out = mp_scalar_loadint(c->ct, mp_cdata_address(c));
  return *out < 0 && mp_ctype_is_unsigned(c->ct) ? MP_INTEGER_HUGE : MP_INTEGER_OK;
}

bool mp_toc_number(lua_State *L, const MpState *E, int idx, long double *out) {
  const MpCdata *c;
  if (lua_type(L, idx) == LUA_TNUMBER) {
    *out = lua_isinteger(L, idx) ? (long double)lua_tointeger(L, idx)
                                 : (long double)lua_tonumber(L, idx);
    return true;
  }
  c = mp_cdata_test(L, E, idx);
  if (c == NULL || !(c->flags & MP_CD_BOX)) return false;
  if (mp_ctype_is_float(c->ct)) {
    *out = mp_scalar_loadfloat(c->ct, mp_cdata_address(c));
  } else if (mp_ctype_is_integer(c->ct)) {
    MpInt128 v = mp_scalar_loadint(c->ct, mp_cdata_address(c));
    *out = mp_ctype_is_unsigned(c->ct) ? (long double)(MpUint128)v : (long double)v;
  } else {
    return false;
  }
  return true;
}

lua_Integer mp_toc_index(lua_State *L, const MpState *E, int idx, const char *what) {
  MpInt128 v;
  MpIntegerness is = mp_toc_integer(L, E, idx, &v);
  if (is == MP_INTEGER_NOT)
    mp_state_error(L, MP_MSG_WANT_INTEGER, what, mp_toc_describe(L, E, idx));
  if (is != MP_INTEGER_OK || v < LUA_MININTEGER || v > LUA_MAXINTEGER)
    mp_state_error(L, MP_MSG_NO_INTEGER, luaL_tolstring(L, idx, NULL), what);
  return (lua_Integer)v;
}

int mp_toc_int(lua_State *L, const MpState *E, int idx, const char *what) {
  lua_Integer v = mp_toc_index(L, E, idx, what);
  if (v < INT_MIN || v > INT_MAX)
    mp_state_error(L, MP_MSG_NO_INTEGER, luaL_tolstring(L, idx, NULL), what);
  return (int)v;
}

/* The enumerator that the string at idx names, as the value to write. */
static MpInt128 enum_value(MpDest *d, const MpCtype *ct, int idx) {
  size_t len;
  const char *s = lua_tolstring(d->L, idx, &len);
  const MpName *name = mp_name_find(&d->E->names, s, len);
  const MpEnumerator *en = name ? mp_ctype_enumerator_named(ct, name) : NULL;
  if (en == NULL) mp_toc_fail(d, MP_MSG_NO_ENUMERATOR, mp_state_pushrepr(d->L, ct, NULL), s);
  return en->value;
}

/* What a C integer of type `ct` expects, for messages. */
static const char *integer_expected(const MpCtype *ct) {
  if (mp_ctype_is_prim(ct, MP_PRIM_BOOL)) return "a boolean, 0 or 1";
  if (mp_ctype_is_prim(ct, MP_PRIM_CHAR)) return "a 1-byte string or an integer";
  if (ct->kind == MP_KIND_ENUM) return "an integer or an enumerator's name";
  return "an integer";
}

/* The value at idx for an integer type, as far as the kind of Lua value goes; the range is not looked at. */
static MpIntegerness integer_value(MpDest *d, const MpCtype *ct, int idx, MpInt128 *v) {
  MpIntegerness is = mp_toc_integer(d->L, d->E, idx, v);
  if (is != MP_INTEGER_NOT) return is;
  if (lua_type(d->L, idx) == LUA_TBOOLEAN && mp_ctype_is_prim(ct, MP_PRIM_BOOL)) {
    *v = lua_toboolean(d->L, idx);
    return MP_INTEGER_OK;
  }
  if (lua_type(d->L, idx) == LUA_TSTRING) {
    size_t len;
    const char *s = lua_tolstring(d->L, idx, &len);
    if (ct->kind == MP_KIND_ENUM) {
      *v = enum_value(d, ct, idx);
      return MP_INTEGER_OK;
    }
    if (mp_ctype_is_prim(ct, MP_PRIM_CHAR) && len == 1) {
      *v = (char)s[0];
      return MP_INTEGER_OK;
    }
  }
  mp_toc_mismatch(d, ct, integer_expected(ct), idx);
}

static MP_NORETURN void integer_misfit(MpDest *d, const MpCtype *ct, MpIntegerness is, MpInt128 v,
                                       int idx) {
  const char *text = luaL_tolstring(d->L, idx, NULL);
  const char *type = mp_state_pushrepr(d->L, ct, NULL);
  if (is == MP_INTEGER_FRACTION) mp_toc_fail(d, MP_MSG_NUMBER_FIT, text, type);
  if (v < 0 && is != MP_INTEGER_HUGE && mp_ctype_is_unsigned(ct) &&
      !mp_ctype_is_prim(ct, MP_PRIM_BOOL))
    mp_toc_fail(d, MP_MSG_NEGATIVE, text, type);
  mp_toc_fail(d, MP_MSG_INTEGER_FIT, text, type);
}

static void write_integer(MpDest *d, const MpCtype *ct, char *at, int idx) {
  MpInt128 v;
  MpIntegerness is = integer_value(d, ct, idx, &v);
  bool fits = is == MP_INTEGER_OK
                  ? mp_scalar_fits(ct, v)
                  : is == MP_INTEGER_HUGE && mp_ctype_is_unsigned(ct) && mp_ctype_bits(ct) >= 128;
  if (lua_type(d->L, idx) == LUA_TSTRING) fits = true; /* its byte, its value */
  if (!fits) integer_misfit(d, ct, is, v, idx);
  mp_scalar_storeint(ct, at, v);
}

static void write_float(MpDest *d, const MpCtype *ct, char *at, int idx) {
  long double v;
  const MpCdata *c = mp_cdata_test(d->L, d->E, idx);
  if (c != NULL && (c->flags & MP_CD_BOX) && mp_relate_same(c->ct, ct)) { /* to the last bit */
    memcpy(at, mp_cdata_address(c), ct->size);
    return;
  }
  if (!mp_toc_number(d->L, d->E, idx, &v)) mp_toc_mismatch(d, ct, "a number", idx);
  mp_scalar_storefloat(ct, at, v);
  if (mp_scalar_isfinite(v) && !mp_scalar_isfinite(mp_scalar_loadfloat(ct, at))) {
    const char *text = luaL_tolstring(d->L, idx, NULL);
    mp_toc_fail(d, MP_MSG_NUMBER_FIT, text, mp_state_pushrepr(d->L, ct, NULL));
  }
}

static void write_bits(MpDest *d, const MpField *f, char *at, int idx) {
  MpInt128 v, least, greatest;
  MpIntegerness is = integer_value(d, f->type, idx, &v);
  mp_scalar_bitrange(f, &least, &greatest);
  if (is == MP_INTEGER_FRACTION) integer_misfit(d, f->type, is, v, idx);
  if (is == MP_INTEGER_HUGE || v < least || v > greatest) {
    mp_toc_fail(d, MP_MSG_BITS_RANGE, luaL_tolstring(d->L, idx, NULL), (long long)least,
                (unsigned long long)greatest);
  }
  mp_scalar_storebits(f, at, v);
}

/* }===== */

/* {===== pointers ===== */

MpBlock *mp_toc_pushstring(lua_State *L, MpState *E, int idx) {
  MpErr e;
  size_t len;
  const char *s = lua_tolstring(L, idx, &len);
  const MpCtype *ct;
  MpBlock *b;
  idx = lua_absindex(L, idx);
  if (mp_ctype_qualify(&E->root, mp_ctype_prim(&E->root, MP_PRIM_CHAR), MP_QUAL_CONST, 0, &ct,
                       &e) != MP_OK ||
      mp_ctype_array(&E->root, ct, MP_LENGTH_OPEN, &ct, &e) != MP_OK)
    mp_state_raise(L, &e);
  b = mp_cdata_pushblock(L, E, ct, (char *)s, len + 1, NULL);
  b->head.flags |= MP_CD_READONLY;
  lua_pushvalue(L, idx);
  lua_setiuservalue(L, -2, MP_BLOCK_UNDER);
  return b;
}

/* The block that was just written into keeps the one of the cdata at idx (0: nothing). */
static void pointer_keep(MpDest *d, const char *at, MpCdata *c, int idx) {
  if (d->block == NULL || d->fn != NULL) return;
  if (c == NULL || mp_cdata_pushblockof(d->L, c, idx) == NULL) lua_pushnil(d->L);
  mp_keep_set(d->L, d->block, d->block_idx, at);
}

static void pointer_store(MpDest *d, char *at, const void *to, MpCdata *c, int idx) {
  memcpy(at, &to, sizeof to);
  pointer_keep(d, at, c, idx);
}

/*
** After a conversion that allocated, and so may have run finalizers: what
** earlier arguments look into must still be there when C is called.
*/
static void pins_checklive(const MpDest *d) {
  int i;
  for (i = 0; i < d->npins; i++)
    if (MP_UNLIKELY(mp_cdata_has_ended(&d->pins[i].block->head))) mp_toc_fail(d, MP_MSG_RELEASED);
}

/* Notes that the call uses the block, and what lies under it; call.c pins them for as long as C runs. */
static void pointer_pin(MpDest *d, MpBlock *b, int idx) {
  MpPin *more = NULL;
  if (d->npins == d->room) {
    d->room *= 2;
    more = (MpPin *)lua_newuserdatauv(d->L, (size_t)d->room * sizeof(MpPin),
                                      0); /* one more temporary */
    d->pins = (MpPin *)memcpy(more, d->pins, (size_t)d->npins * sizeof(MpPin));
  }
  d->pins[d->npins].block = b;
  d->pins[d->npins++].idx = idx;
  if (more != NULL) pins_checklive(d);
  if ((b->head.flags & MP_CD_OVER) && !(b->under->flags & MP_CD_INLINE))
    pointer_pin(d, mp_cdata_asblock(b->under), idx);
}

/* What the cdata's type points to, seen as a pointer; NULL if it is none. */
static const MpCtype *cdata_pointee(const MpDest *d, const MpCdata *c) {
  switch ((MpKind)c->ct->kind) {
    case MP_KIND_POINTER:
    case MP_KIND_ARRAY:
    case MP_KIND_VECTOR: return c->ct->item;
    case MP_KIND_FUNCTION: return c->ct;
    case MP_KIND_STRUCT:
    case MP_KIND_UNION: return d->fn ? c->ct : NULL;
    default: return NULL;
  }
}

static void write_cdata_pointer(MpDest *d, const MpCtype *ct, char *at, MpCdata *c, int idx) {
  const MpCtype *from = cdata_pointee(d, c);
  MpRelation relation = from ? mp_relate_pointers(ct->item, from) : MP_RELATE_MISMATCH;
  const MpCdata *block = mp_cdata_block(c);
  if (from == NULL) mp_toc_mismatch(d, ct, "a cdata pointer", idx);
  if (mp_cdata_is_released(c)) mp_toc_fail(d, MP_MSG_RELEASED);
  if (relation == MP_RELATE_MISMATCH) mp_toc_mismatch(d, ct, "a pointer to same type", idx);
  if (relation == MP_RELATE_CONST ||
      (block != NULL && (block->flags & MP_CD_READONLY) && !(ct->item->quals & MP_QUAL_CONST)))
    mp_toc_mismatch(d, ct, "a pointer to something that isn't const", idx);
  if (d->pins != NULL && block != NULL && !(block->flags & MP_CD_INLINE))
    pointer_pin(d, mp_cdata_asblock(block), idx);
  pointer_store(d, at, mp_cdata_address(c), c, idx);
}

/* A string as an argument: its own bytes for `const`, else a copy of them. */
static void write_string(MpDest *d, const MpCtype *ct, char *at, int idx) {
  const MpCtype *item = ct->item;
  size_t len;
  const char *s = lua_tolstring(d->L, idx, &len);
  if (d->fn == NULL || !(mp_ctype_is_charlike(item) || item->kind == MP_KIND_VOID))
    mp_toc_mismatch(d, ct, "a cdata pointer", idx);
  if (!(item->quals & MP_QUAL_CONST)) {
    MpErr e;
    const MpCtype *array;
    MpCdata *copy;
    if (mp_ctype_array(&d->E->root, mp_ctype_prim(&d->E->root, MP_PRIM_CHAR), MP_LENGTH_OPEN,
                       &array, &e) != MP_OK)
      mp_state_raise(d->L, &e);
    copy = mp_cdata_pushowner(d->L, d->E, array, len + 1, true);
    s = (const char *)memcpy(mp_cdata_address(copy), s, len);
    pins_checklive(d);
  }
  memcpy(at, &s, sizeof s);
}

/*
** A temporary of `size` bytes, owned as an `owner`, that is made of the table
** at idx as a `data`; it stays on the stack during the call.
*/
static void write_temporary(MpDest *d, const MpCtype *owner, const MpCtype *data, size_t size,
                            char *at, int idx) {
  MpDest inner = *d;
  MpCdata *c = mp_cdata_pushowner(d->L, d->E, owner, size, owner == data);
  inner.block = c;
  inner.block_idx = lua_gettop(d->L);
  inner.init = true;
  inner.end = mp_cdata_address(c) + size;
  mp_toc_write(&inner, data, mp_cdata_address(c), idx);
  d->pins = inner.pins;
  d->npins = inner.npins;
  d->room = inner.room;
  pins_checklive(d);
  pointer_store(d, at, mp_cdata_address(c), c, inner.block_idx);
}

/* Does the table at idx give one struct, not an array of them? Its first element tells. */
static bool table_is_one(MpDest *d, const MpCtype *item, int idx) {
  bool many;
  if (!mp_ctype_is_record(item)) return false;
  lua_rawgeti(d->L, idx, 1);
  many = lua_istable(d->L, -1) || mp_cdata_test(d->L, d->E, -1) != NULL;
  lua_pop(d->L, 1);
  return !many;
}

/* A table as an argument: a temporary struct, or array with one zero element more, as argv has. */
static void write_table(MpDest *d, const MpCtype *ct, char *at, int idx) {
  MpErr e;
  const MpCtype *array;
  size_t bytes;
  if (d->fn == NULL || !mp_ctype_is_complete(ct->item))
    mp_toc_mismatch(d, ct, "a cdata pointer", idx);
  if (table_is_one(d, ct->item, idx)) {
    write_temporary(d, ct, ct->item, ct->item->size, at, idx);
    return;
  }
  if (mp_ctype_unqualify(&d->E->root, ct->item, &array, &e) != MP_OK ||
      mp_ctype_array(&d->E->root, array, MP_LENGTH_OPEN, &array, &e) != MP_OK)
    mp_state_raise(d->L, &e);
  if (!mp_num_mul(mp_init_length(d, array, idx) + 1, ct->item->size, &bytes))
    mp_toc_fail(d, MP_MSG_TYPE_TOO_LARGE);
  write_temporary(d, array, array, bytes, at, idx);
}

/* A function at idx: a library's goes as it is; a Lua function becomes a callback that the block keeps. */
static void write_function(MpDest *d, const MpCtype *ct, char *at, int idx) {
  const MpCtype *fn;
  void (*code)(void);
  if (d->E->library_function(d->L, idx, &fn, &code)) {
    if (ct->item->kind != MP_KIND_VOID && mp_relate_pointers(ct->item, fn) != MP_RELATE_OK) {
      const char *what = mp_state_pushrepr(d->L, fn, NULL);
      mp_toc_fail(d, MP_MSG_INITIALIZER, mp_state_pushrepr(d->L, ct, NULL),
                  "a pointer to same type", what);
    }
    memcpy(at, &code, sizeof code);
    pointer_keep(d, at, (MpCdata *)lua_touserdata(d->L, -1), lua_gettop(d->L));
    return;
  }
  if (ct->item->kind != MP_KIND_FUNCTION) mp_toc_mismatch(d, ct, "a cdata pointer", idx);
  if (d->fn == NULL && d->block == NULL)
    mp_toc_fail(d, MP_MSG_FUNCTION_RAW, mp_state_pushrepr(d->L, ct, NULL));
  code = d->E->make_callback(d->L, d->E, ct->item, idx); /* pushed: the owner */
  mp_toc_checklive(d);
  pins_checklive(d);
  memcpy(at, &code, sizeof code);
  if (d->block != NULL && d->fn == NULL) {
    pointer_keep(d, at, (MpCdata *)lua_touserdata(d->L, -1), lua_gettop(d->L));
    lua_pop(d->L, 1);
  }
}

static bool is_file(const MpCtype *ct) {
  return ct->kind == MP_KIND_STRUCT && ct->u.record->tag != NULL &&
         strcmp(ct->u.record->tag->text, "_IO_FILE") == 0;
}

/* An open io file for a FILE *; memory of moonpool's keeps it. */
static bool write_file(MpDest *d, const MpCtype *ct, char *at, int idx) {
  luaL_Stream *s;
  if (!is_file(ct->item)) return false;
  s = (luaL_Stream *)luaL_testudata(d->L, idx, LUA_FILEHANDLE);
  if (s == NULL) return false;
  if (s->closef == NULL) mp_toc_fail(d, MP_MSG_FILE_CLOSED);
  memcpy(at, &s->f, sizeof s->f);
  if (d->block != NULL && d->fn == NULL) {
    lua_pushvalue(d->L, idx);
    mp_keep_set(d->L, d->block, d->block_idx, at);
  }
  return true;
}

static void write_pointer(MpDest *d, const MpCtype *ct, char *at, int idx) {
  lua_State *L = d->L;
  MpCdata *c;
  switch (lua_type(L, idx)) {
    case LUA_TNIL: pointer_store(d, at, NULL, NULL, 0); return;
    case LUA_TSTRING: write_string(d, ct, at, idx); return;
    case LUA_TTABLE: write_table(d, ct, at, idx); return;
    case LUA_TFUNCTION: write_function(d, ct, at, idx); return;
    case LUA_TLIGHTUSERDATA:
      if (ct->item->kind != MP_KIND_VOID) break;
      pointer_store(d, at, lua_touserdata(L, idx), NULL, 0);
      return;
    case LUA_TUSERDATA:
      c = mp_cdata_test(L, d->E, idx);
      if (c != NULL) {
        write_cdata_pointer(d, ct, at, c, idx);
        return;
      }
      if (write_file(d, ct, at, idx)) return;
      break;
    default: break;
  }
  mp_toc_mismatch(d, ct, "a cdata pointer", idx);
}

/* Has the table at idx names for keys, as those for structs have? */
static bool table_has_names(lua_State *L, int idx) {
  bool names;
  lua_pushnil(L);
  if (!lua_next(L, idx)) return false;
  names = lua_type(L, -2) == LUA_TSTRING;
  lua_pop(L, 2);
  return names;
}

/* Would a pointer parameter take the value at idx? */
static bool pointer_takes(const MpDest *d, const MpCtype *ct, int idx) {
  const MpCtype *item = ct->item, *from;
  const MpCdata *c;
  switch (lua_type(d->L, idx)) {
    case LUA_TNIL: return true;
    case LUA_TSTRING: return mp_ctype_is_charlike(item) || item->kind == MP_KIND_VOID;
    case LUA_TTABLE:
      return mp_ctype_is_complete(item) &&
             (mp_ctype_is_record(item) || !table_has_names(d->L, idx));
    case LUA_TFUNCTION: return item->kind == MP_KIND_FUNCTION;
    case LUA_TLIGHTUSERDATA: return item->kind == MP_KIND_VOID;
    case LUA_TUSERDATA:
      c = mp_cdata_test(d->L, d->E, idx);
      if (c == NULL) return is_file(item);
      from = cdata_pointee(d, c);
      return from != NULL && mp_relate_pointers(item, from) == MP_RELATE_OK;
    default: return false;
  }
}

bool mp_toc_takes(const MpDest *d, const MpCtype *ct, int idx) {
  const MpCdata *c = mp_cdata_test(d->L, d->E, idx);
  if (ct->kind == MP_KIND_POINTER) return pointer_takes(d, ct, idx);
  if (mp_ctype_is_integer(ct) || mp_ctype_is_float(ct))
    return c != NULL ? (c->flags & MP_CD_BOX) != 0 : lua_type(d->L, idx) == LUA_TNUMBER;
  return c != NULL ? mp_relate_same(c->ct, ct) : lua_type(d->L, idx) == LUA_TTABLE;
}

/* }===== */

void mp_toc_write(MpDest *d, const MpCtype *ct, char *at, int idx) {
  switch ((MpKind)ct->kind) {
    case MP_KIND_PRIM:
      if (ct->prim == MP_PRIM_INT && lua_isinteger(d->L, idx)) {
        lua_Integer v = lua_tointeger(d->L, idx);
        int i = (int)v;
        if (MP_LIKELY(i == v)) {
          memcpy(at, &i, sizeof i);
          return;
        }
      } else if (ct->prim == MP_PRIM_DOUBLE && lua_type(d->L, idx) == LUA_TNUMBER) {
        double v = lua_tonumber(d->L, idx);
        memcpy(at, &v, sizeof v);
        return;
      }
      if (mp_ctype_is_integer(ct))
        write_integer(d, ct, at, idx);
      else if (mp_ctype_is_float(ct))
        write_float(d, ct, at, idx);
      else
        mp_init_aggregate(d, ct, at, idx);
      break;
    case MP_KIND_ENUM:
    case MP_KIND_BITINT: write_integer(d, ct, at, idx); break;
    case MP_KIND_POINTER: write_pointer(d, ct, at, idx); break;
    case MP_KIND_VOID:
    case MP_KIND_FUNCTION: mp_toc_mismatch(d, ct, "an object type", idx);
    default: mp_init_aggregate(d, ct, at, idx); break;
  }
}

void mp_toc_field(MpDest *d, const MpField *f, char *record, int idx) {
  if ((f->type->quals & MP_QUAL_CONST) && !d->init)
    mp_toc_fail(d, MP_MSG_CONST_FIELD, f->name->text);
  if (f->is_bits)
    write_bits(d, f, record + f->offset, idx);
  else
    mp_toc_write(d, f->type, record + f->offset, idx);
}
