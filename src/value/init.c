/*
** init.c: aggregates from Lua: what `new`, writes of whole members and
** temporary arguments take. Called by toc.c and the functions that make memory.
*/

#include "value/init.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "type/relate.h"
#include "type/scalar.h"
#include "value/access.h"
#include "value/keep.h"
#include "value/numbers.h"

/* {===== the stack while initializing ===== */

/* Drops what an element left, but not temporaries that an argument still needs. */
static void init_settle(MpDest *d, int top) {
  if (d->fn == NULL)
    lua_settop(d->L, top);
  else
    luaL_checkstack(d->L, LUA_MINSTACK, NULL);
  mp_toc_checklive(d);
}

/* }===== */

/* {===== text ===== */

/* One code point of UTF-8 (RFC 3629); advances; -1 for bytes that aren't. */
static long utf8_next(const unsigned char **s, const unsigned char *end) {
  const unsigned char *p = *s;
  long c = *p++;
  int more = c < 0x80                ? 0
             : c >= 0xF0 && c < 0xF5 ? 3
             : c >= 0xE0 && c < 0xF0 ? 2
             : c >= 0xC2 && c < 0xE0 ? 1
                                     : -1;
  static const long least[] = {0, 0x80, 0x800, 0x10000};
  int i;
  if (more < 0 || end - p < more) return -1;
  if (more > 0) c &= 0x3F >> more;
  for (i = 0; i < more; i++, p++) {
    if ((*p & 0xC0) != 0x80) return -1;
    c = c << 6 | (*p & 0x3F);
  }
  if (c < least[more] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return -1;
  *s = p;
  return c;
}

/*
** Units that the UTF-8 text at idx takes in elements of `item`; written to
** `at` unless that is NULL. 16-bit units make surrogate pairs (RFC 2781).
*/
static size_t wide_write(MpDest *d, const MpCtype *item, char *at, int idx) {
  size_t len, n = 0;
  const unsigned char *s = (const unsigned char *)lua_tolstring(d->L, idx, &len), *end = s + len;
  while (s < end) {
    long c = utf8_next(&s, end);
    if (c < 0) mp_toc_fail(d, MP_MSG_NOT_UTF8);
    if (item->size == 2 && c > 0xFFFF) {
      if (at)
        mp_scalar_storeint(item, at + n++ * 2, 0xD800 + ((c - 0x10000) >> 10));
      else
        n++;
      c = 0xDC00 + ((c - 0x10000) & 0x3FF);
    }
    if (at) mp_scalar_storeint(item, at + n * item->size, c);
    n++;
  }
  return n;
}

static void array_string(MpDest *d, const MpCtype *ct, char *at, int idx, size_t length) {
  size_t n;
  const char *s = lua_tolstring(d->L, idx, &n);
  bool wide = mp_ctype_is_wide(ct->item);
  if (!wide && !mp_ctype_is_charlike(ct->item))
    mp_toc_mismatch(d, ct, "a table or array cdata", idx);
  if (wide) n = wide_write(d, ct->item, NULL, idx);
  if (n > length) mp_toc_fail(d, MP_MSG_STRING_LONG, mp_state_pushrepr(d->L, ct, NULL), n);
  if (wide)
    wide_write(d, ct->item, at, idx);
  else
    memcpy(at, s, n);
  if (n < length) memset(at + n * ct->item->size, 0, ct->item->size);
}

/* }===== */

/* {===== tables ===== */

/*
** How many elements a table gives: its field `n`, else its largest integer
** key. `*first` is the key of the first: 1, or 0 when t[0] is set.
*/
static size_t table_length(MpDest *d, const MpCtype *ct, int idx, lua_Integer *first) {
  lua_State *L = d->L;
  lua_Integer largest, n = -1;
  luaL_checkstack(L, 4, NULL);
  *first = lua_rawgeti(L, idx, 0) != LUA_TNIL ? 0 : 1;
  lua_pop(L, 1);
  largest = *first - 1;
  lua_pushnil(L);
  while (lua_next(L, idx)) {
    if (lua_isinteger(L, -2)) {
      lua_Integer k = lua_tointeger(L, -2);
      if (k < 0)
        mp_toc_fail(d, MP_MSG_TABLE_KEY, mp_state_pushrepr(L, ct, NULL),
                    luaL_tolstring(L, -2, NULL));
      if (k > largest) largest = k;
    } else if (lua_type(L, -2) == LUA_TSTRING && strcmp(lua_tostring(L, -2), "n") == 0 &&
               lua_isinteger(L, -1)) {
      n = lua_tointeger(L, -1);
    } else {
      const char *key = luaL_tolstring(L, -2, NULL);
      mp_toc_fail(d, MP_MSG_TABLE_KEY, mp_state_pushrepr(L, ct, NULL), key);
    }
    lua_pop(L, 1);
  }
  if (n >= 0) return (size_t)n;
  if (largest == LUA_MAXINTEGER) mp_toc_fail(d, MP_MSG_TYPE_TOO_LARGE);
  return (size_t)(largest - *first + 1);
}

static MP_NORETURN void too_many(const MpDest *d, const MpCtype *ct, size_t got) {
  mp_toc_fail(d, MP_MSG_TOO_MANY, mp_state_pushrepr(d->L, ct, NULL), got);
}

static void array_table(MpDest *d, const MpCtype *ct, char *at, int idx, size_t length) {
  lua_State *L = d->L;
  lua_Integer first;
  size_t n = lua_rawlen(L, idx), i;
  int top = lua_gettop(L);
  if (n <= length && mp_numbers_sequence(d, ct->item, at, idx, n)) return;
  n = table_length(d, ct, idx, &first);
  if (n > length) too_many(d, ct, n);
  for (i = 0; i < n; i++) {
    if (lua_rawgeti(L, idx, first + (lua_Integer)i) == LUA_TNIL)
      memset(at, 0, ct->item->size);
    else
      mp_toc_write(d, ct->item, at, lua_gettop(L));
    at += ct->item->size;
    init_settle(d, top);
  }
}

/* Is the table meant by name? One that has string keys and no integer ones. */
static bool table_is_named(MpDest *d, const MpCtype *ct, int idx) {
  lua_State *L = d->L;
  bool named = false, positional = false;
  lua_pushnil(L);
  while (lua_next(L, idx)) {
    if (lua_type(L, -2) == LUA_TSTRING)
      named = true;
    else
      positional = true;
    lua_pop(L, 1);
  }
  if (named && positional) mp_toc_fail(d, MP_MSG_MIXED, mp_state_pushrepr(L, ct, NULL));
  return named;
}

static void record_named(MpDest *d, const MpCtype *ct, char *at, int idx) {
  lua_State *L = d->L;
  lua_pushnil(L);
  while (lua_next(L, idx)) {
    int key = lua_gettop(L) - 1;
    const MpName *name = mp_name_find(&d->E->names, lua_tostring(L, key), lua_rawlen(L, key));
    const MpField *f = name ? mp_ctype_field(ct, name) : NULL;
    if (f == NULL)
      mp_toc_fail(d, MP_MSG_NO_FIELD, mp_state_pushrepr(L, ct, NULL), lua_tostring(L, key));
    mp_toc_field(d, f, at, key + 1);
    init_settle(d, key);
    if (d->fn != NULL) lua_pushvalue(L, key); /* temporaries stay below */
  }
}

static bool is_anonymous(const MpField *f) {
  return f->name == NULL && !f->is_bits && mp_ctype_is_record(f->type);
}

/*
** Positions that an initializer by position has: the named members, those of
** anonymous ones in their place; a union has one, its first (C11 6.7.9p17).
*/
static size_t record_positions(const MpCtype *ct) {
  const MpRecord *r = ct->u.record;
  size_t n = 0;
  uint32_t i;
  for (i = 0; i < r->nfields && !(n > 0 && ct->kind == MP_KIND_UNION); i++)
    n += is_anonymous(&r->fields[i]) ? record_positions(r->fields[i].type)
                                     : r->fields[i].name != NULL;
  return n;
}

/* Writes the table's elements from key `*next` to `last` to the positions of the record, in order. */
static void fill_positions(MpDest *d, const MpCtype *ct, char *at, int idx, lua_Integer *next,
                           lua_Integer last) {
  const MpRecord *r = ct->u.record;
  lua_Integer first = *next;
  int top = lua_gettop(d->L);
  uint32_t i;
  for (i = 0; i < r->nfields && *next <= last; i++) {
    const MpField *f = &r->fields[i];
    if (ct->kind == MP_KIND_UNION && *next > first) return;
    if (is_anonymous(f)) {
      fill_positions(d, f->type, at + f->offset, idx, next, last);
    } else if (f->name != NULL) {
      if (lua_rawgeti(d->L, idx, (*next)++) != LUA_TNIL) mp_toc_field(d, f, at, lua_gettop(d->L));
      init_settle(d, top);
    }
  }
}

static void record_table(MpDest *d, const MpCtype *ct, char *at, int idx) {
  int top = lua_gettop(d->L);
  lua_Integer first;
  size_t n;
  if (table_is_named(d, ct, idx)) {
    record_named(d, ct, at, idx);
    init_settle(d, top);
    return;
  }
  n = table_length(d, ct, idx, &first);
  if (n > record_positions(ct)) too_many(d, ct, n);
  fill_positions(d, ct, at, idx, &first, first + (lua_Integer)n - 1);
}

/* Complex numbers take a number, {re, im} or {re=, im=}. */
static void complex_table(MpDest *d, const MpCtype *ct, char *at, int idx) {
  static const char *const names[] = {"re", "im"};
  int i;
  for (i = 0; i < 2; i++) {
    char *part = at + (size_t)i * ct->item->size;
    lua_pushstring(d->L, names[i]);
    if (lua_rawget(d->L, idx) == LUA_TNIL) {
      lua_pop(d->L, 1);
      lua_rawgeti(d->L, idx, i + 1);
    }
    if (lua_isnil(d->L, -1))
      memset(part, 0, ct->item->size);
    else
      mp_toc_write(d, ct->item, part, lua_gettop(d->L));
    lua_pop(d->L, 1);
  }
}

/* }===== */

/* {===== cdata ===== */

/* Copies an aggregate of the same type, and what its pointers keep. */
static void copy_cdata(MpDest *d, const MpCtype *ct, char *at, MpCdata *c, int idx, size_t n) {
  lua_State *L = d->L;
  const char *from = mp_cdata_address(c);
  mp_cdata_checkspan(L, c, from, n);
  memmove(at, from, n);
  if (d->block != NULL && d->fn == NULL && (ct->flags & MP_CTF_HASPTR)) {
    int top = lua_gettop(L);
    MpCdata *source = mp_cdata_pushblockof(L, c, idx);
    mp_keep_move(L, d->block, d->block_idx, at, source, source ? top + 1 : 0, from, n);
    lua_settop(L, top);
  }
}

static void array_cdata(MpDest *d, const MpCtype *ct, char *at, MpCdata *c, int idx,
                        size_t length) {
  size_t n;
  if (c->ct->kind != MP_KIND_ARRAY || !mp_relate_same(c->ct->item, ct->item))
    mp_toc_mismatch(d, ct, "a table or array cdata", idx);
  n = mp_access_length(c);
  if (n > length) too_many(d, ct, n);
  if (n < length && ct->length != MP_LENGTH_OPEN && c->ct->length != MP_LENGTH_OPEN)
    mp_toc_mismatch(d, ct, "an array of the same length", idx);
  copy_cdata(d, ct, at, c, idx, n * ct->item->size);
}

/* }===== */

/* Elements that the array at `at` has room for. */
static size_t array_room(const MpDest *d, const MpCtype *ct, const char *at) {
  size_t bytes = 0;
  if (ct->length != MP_LENGTH_OPEN && ct->length != 0) return ct->length;
  if (d->end != NULL)
    bytes = (size_t)(d->end - at);
  else if (d->block != NULL)
    bytes = mp_cdata_rest(d->block, at);
  return bytes == MP_CD_UNBOUNDED || ct->item->size == 0 ? 0 : bytes / ct->item->size;
}

static void array_init(MpDest *d, const MpCtype *ct, char *at, int idx) {
  size_t room = array_room(d, ct, at);
  MpCdata *c;
  switch (lua_type(d->L, idx)) {
    case LUA_TSTRING: array_string(d, ct, at, idx, room); return;
    case LUA_TTABLE: array_table(d, ct, at, idx, room); return;
    case LUA_TNUMBER:
      if (ct->length == MP_LENGTH_OPEN && d->init) return; /* its length, seen by mp_init_size */
      break;
    case LUA_TUSERDATA:
      c = mp_cdata_test(d->L, d->E, idx);
      if (c == NULL) break;
      array_cdata(d, ct, at, c, idx, room);
      return;
    default: break;
  }
  mp_toc_mismatch(d, ct, "a table or array cdata", idx);
}

/* Does the table at idx name a member of the record? */
static bool table_names_member(MpDest *d, const MpCtype *ct, int idx) {
  lua_State *L = d->L;
  uint32_t i;
  bool found = false;
  for (i = 0; i < ct->u.record->nflat && !found; i++) {
    lua_pushstring(L, ct->u.record->flat[i].name->text);
    found = lua_rawget(L, idx) != LUA_TNIL;
    lua_pop(L, 1);
  }
  return found;
}

/* A transparent union as an argument takes what one of its members takes (GNU C); false: none does. */
static bool transparent_init(MpDest *d, const MpCtype *ct, char *at, int idx) {
  const MpRecord *r = ct->u.record;
  uint32_t i;
  if (lua_istable(d->L, idx) && table_names_member(d, ct, idx)) return false;
  for (i = 0; i < r->nfields; i++) {
    if (r->fields[i].is_bits || !mp_toc_takes(d, r->fields[i].type, idx)) continue;
    memset(at, 0, ct->size);
    mp_toc_field(d, &r->fields[i], at, idx);
    return true;
  }
  return false;
}

static void record_init(MpDest *d, const MpCtype *ct, char *at, int idx) {
  MpCdata *c = mp_cdata_test(d->L, d->E, idx);
  if (d->fn != NULL && ct->u.record->transparent && transparent_init(d, ct, at, idx)) return;
  if (c != NULL && mp_relate_same(c->ct, ct)) {
    copy_cdata(d, ct, at, c, idx, ct->size);
  } else if (lua_type(d->L, idx) == LUA_TTABLE) {
    record_table(d, ct, at, idx);
  } else {
    mp_toc_mismatch(d, ct, "a table or struct cdata", idx);
  }
}

static void complex_init(MpDest *d, const MpCtype *ct, char *at, int idx) {
  MpCdata *c = mp_cdata_test(d->L, d->E, idx);
  if (c != NULL && mp_relate_same(c->ct, ct)) {
    copy_cdata(d, ct, at, c, idx, ct->size);
  } else if (lua_type(d->L, idx) == LUA_TTABLE) {
    complex_table(d, ct, at, idx);
  } else {
    mp_toc_write(d, ct->item, at, idx);
    memset(at + ct->item->size, 0, ct->item->size);
  }
}

void mp_init_aggregate(MpDest *d, const MpCtype *ct, char *at, int idx) {
  MpCdata *c;
  luaL_checkstack(d->L, LUA_MINSTACK, NULL);
  idx = lua_absindex(d->L, idx);
  if (!mp_ctype_is_complete(ct) && ct->kind != MP_KIND_ARRAY)
    mp_toc_fail(d, MP_MSG_OPAQUE, mp_state_pushrepr(d->L, ct, NULL));
  /* Of a record with const members, a table may still set the others. */
  if (!d->init && d->fn == NULL &&
      ((ct->quals & MP_QUAL_CONST) ||
       ((ct->flags & MP_CTF_CONSTPART) && !(mp_ctype_is_record(ct) && lua_istable(d->L, idx)))))
    mp_toc_fail(d, MP_MSG_CONST, mp_state_pushrepr(d->L, ct, NULL));
  switch ((MpKind)ct->kind) {
    case MP_KIND_ARRAY: array_init(d, ct, at, idx); break;
    case MP_KIND_STRUCT:
    case MP_KIND_UNION: record_init(d, ct, at, idx); break;
    case MP_KIND_COMPLEX: complex_init(d, ct, at, idx); break;
    case MP_KIND_VECTOR:
      c = mp_cdata_test(d->L, d->E, idx);
      if (c != NULL && mp_relate_same(c->ct, ct))
        copy_cdata(d, ct, at, c, idx, ct->size);
      else if (lua_type(d->L, idx) == LUA_TTABLE)
        array_table(d, ct, at, idx, ct->length);
      else
        mp_toc_mismatch(d, ct, "a table or vector cdata", idx);
      break;
    default: /* decimals: bits alone */
      c = mp_cdata_test(d->L, d->E, idx);
      if (c == NULL || !mp_relate_same(c->ct, ct))
        mp_toc_mismatch(d, ct, "a cdata of that type", idx);
      memcpy(at, mp_cdata_address(c), ct->size);
  }
}

void mp_init_pushpositional(lua_State *L, int first, int last) {
  int i, n = last - first + 1;
  lua_createtable(L, n, 0);
  for (i = 0; i < n; i++) {
    lua_pushvalue(L, first + i);
    lua_rawseti(L, -2, i + 1);
  }
}

void mp_init_positional(MpDest *d, const MpCtype *ct, char *at, int first, int last) {
  lua_State *L = d->L;
  mp_init_pushpositional(L, first, last);
  if (!mp_ctype_is_record(ct)) {
    lua_pushinteger(L, last - first + 1);
    lua_setfield(L, -2, "n");
  }
  mp_toc_write(d, ct, at, lua_gettop(L));
}

/* {===== sizes ===== */

size_t mp_init_length(MpDest *d, const MpCtype *array, int idx) {
  lua_State *L = d->L;
  size_t n;
  lua_Integer first;
  MpCdata *c;
  idx = lua_absindex(L, idx);
  switch (lua_type(L, idx)) {
    case LUA_TNUMBER: {
      lua_Integer v = mp_toc_index(L, d->E, idx, "array length");
      if (v < 0) mp_toc_fail(d, MP_MSG_NEGATIVE_LENGTH);
      return (size_t)v;
    }
    case LUA_TSTRING:
      if (mp_ctype_is_wide(array->item)) return wide_write(d, array->item, NULL, idx) + 1;
      if (!mp_ctype_is_charlike(array->item)) break;
      (void)lua_tolstring(L, idx, &n);
      return n + 1;
    case LUA_TTABLE: return table_length(d, array, idx, &first);
    case LUA_TUSERDATA:
      c = mp_cdata_test(L, d->E, idx);
      if (c != NULL && c->ct->kind == MP_KIND_ARRAY) {
        mp_cdata_checklive(L, c);
        return mp_access_length(c);
      }
      break;
    default: break;
  }
  mp_toc_mismatch(d, array, "a length, a table or a string", idx);
}

/*
** Pushes the initializer that the one at idx has for the flexible array in
** which the struct ends, through the structs around it; false without.
*/
static bool push_flexible(MpDest *d, const MpCtype *ct, int idx) {
  lua_State *L = d->L;
  const MpField *last = &ct->u.record->fields[ct->u.record->nfields - 1];
  if (!lua_istable(L, idx) || last->name == NULL) return false;
  lua_pushstring(L, last->name->text);
  if (lua_rawget(L, idx) == LUA_TNIL) {
    lua_pop(L, 1);
    if (lua_rawgeti(L, idx, (lua_Integer)record_positions(ct)) == LUA_TNIL) return false;
  }
  return last->type->kind == MP_KIND_ARRAY || push_flexible(d, last->type, lua_gettop(L));
}

size_t mp_init_size(MpDest *d, const MpCtype *ct, int idx) {
  size_t n, bytes, offset;
  int top;
  if (ct->kind == MP_KIND_ARRAY && ct->length == MP_LENGTH_OPEN) {
    if (idx == 0) mp_toc_fail(d, MP_MSG_NO_LENGTH, mp_state_pushrepr(d->L, ct, NULL));
    n = mp_init_length(d, ct, idx);
    if (!mp_num_mul(n, ct->item->size, &bytes)) mp_toc_fail(d, MP_MSG_TYPE_TOO_LARGE);
    return bytes;
  }
  top = lua_gettop(d->L);
  if ((ct->flags & MP_CTF_FLEXIBLE) && idx != 0 && push_flexible(d, ct, idx)) {
    const MpCtype *array = mp_ctype_flexible(ct, &offset);
    n = mp_init_length(d, array, -1);
    lua_settop(d->L, top);
    if (!mp_num_mul(n, array->item->size, &bytes) || !mp_num_add(bytes, offset, &bytes))
      mp_toc_fail(d, MP_MSG_TYPE_TOO_LARGE);
    return bytes > ct->size ? bytes : ct->size;
  }
  lua_settop(d->L, top);
  return ct->size;
}

/* }===== */
