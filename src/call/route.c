/*
** route.c: makes routes and carries them out. Called by call.c and tail.c; a
** route lies in the memory of its function type's home, or on Lua's stack.
**
** A step reads a value by as few of Lua's calls as tell it apart from what
** needs a closer look (an integral float, a box, a numeric string, a table):
** each costs as much as the C call itself. It writes eight bytes, since the
** register is loaded with eight: a narrower store would have to reach the
** cache first.
*/

#include "call/route.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/num.h"
#include "type/relate.h"

/* {===== making ===== */

/* Integers of up to 64 bits that go by their value. */
static bool is_integer(const MpCtype *ct) {
  return ct->kind != MP_KIND_BITINT && mp_ctype_is_integer(ct) && ct->size <= 8;
}

static void step_range(MpStep *s) {
  unsigned bits = mp_ctype_bits(s->ct);
  bool is_unsigned = mp_ctype_is_unsigned(s->ct);
  s->least = is_unsigned ? 0 : LUA_MININTEGER >> (64 - bits);
  s->greatest = LUA_MAXINTEGER >> (bits < 64 ? 64 - bits - is_unsigned : 0);
}

static void step_pointer(MpStep *s, bool variadic) {
  const MpCtype *item = s->ct->item;
  bool bytes = mp_ctype_is_charlike(item) || item->kind == MP_KIND_VOID;
  s->op = bytes && (item->quals & MP_QUAL_CONST) ? MP_STEP_TEXT : MP_STEP_POINTER;
  s->record = !variadic; /* in a variadic part it would go by value */
}

static void step_make(MpStep *s, const MpCtype *ct, uint32_t at, bool variadic) {
  s->op = MP_STEP_NEVER;
  s->at = at;
  s->ct = ct;
  if (mp_ctype_is_prim(ct, MP_PRIM_BOOL)) {
    s->op = MP_STEP_BOOL;
  } else if (is_integer(ct)) {
    s->op = MP_STEP_INTEGER;
    step_range(s);
  } else if (mp_ctype_is_prim(ct, MP_PRIM_DOUBLE)) {
    s->op = variadic ? MP_STEP_FRACTION : MP_STEP_DOUBLE;
  } else if (mp_ctype_is_prim(ct, MP_PRIM_FLOAT)) {
    s->op = MP_STEP_FLOAT;
  } else if (ct->kind == MP_KIND_POINTER) {
    step_pointer(s, variadic);
  } else if (mp_ctype_is_record(ct) && !(ct->flags & MP_CTF_FLEXIBLE)) {
    s->op = MP_STEP_RECORD;
  }
}

/*
** In a variadic part an argument's type is its value's: an integer for a Lua
** number is a long long, anything smaller came from a box or a boolean.
*/
static bool step_isplain(const MpStep *s) {
  return s->op == MP_STEP_FRACTION || s->op == MP_STEP_POINTER || s->op == MP_STEP_TEXT ||
         (s->op == MP_STEP_INTEGER && s->ct->prim == MP_PRIM_LLONG);
}

static uint8_t result_op(const MpCtype *ct) {
  if (ct->kind == MP_KIND_VOID) return MP_RETURN_VOID;
  if (mp_ctype_is_prim(ct, MP_PRIM_BOOL)) return MP_RETURN_BOOL;
  if (mp_ctype_is_prim(ct, MP_PRIM_CHAR)) return MP_RETURN_OTHER; /* a string */
  if (is_integer(ct)) return mp_ctype_is_unsigned(ct) ? MP_RETURN_UNSIGNED : MP_RETURN_SIGNED;
  if (mp_ctype_is_prim(ct, MP_PRIM_DOUBLE)) return MP_RETURN_DOUBLE;
  return mp_ctype_is_prim(ct, MP_PRIM_FLOAT) ? MP_RETURN_FLOAT : MP_RETURN_OTHER;
}

static void route_result(MpRoute *p, const MpCtype *ct, const MpCifFrame *frame) {
  p->result_type = ct;
  p->result_at = (uint32_t)frame->result_at;
  p->result = MP_BIG_ENDIAN && ct->kind != MP_KIND_VOID ? MP_RETURN_OTHER : result_op(ct);
  p->shift = ct->size < 8 ? (uint8_t)(64 - 8 * ct->size) : 0;
}

MpRoute *mp_route_new(lua_State *L, const MpAlloc *alloc, const MpCtype *fn,
                      const MpCtype *const *tail, uint32_t ntail) {
  MpErr e;
  const MpFunction *f = fn->u.function;
  uint32_t n = f->nparams + ntail, i;
  size_t bytes = sizeof(MpRoute) + n * sizeof(MpStep);
  MpRoute *p = (MpRoute *)mp_alloc_new(alloc, bytes);
  const MpCifFrame *frame;
  if (p == NULL) mp_state_error(L, MP_MSG_NOMEM);
  memset(p, 0, bytes);
  if (mp_cif_new(alloc, fn, tail, ntail, &p->cif, &e) != MP_OK) mp_state_raise(L, &e);
  frame = mp_cif_frame(p->cif);
  p->direct = frame->direct;
  p->nargs = (int)n;
  p->quick = !MP_BIG_ENDIAN && frame->size <= MP_ROUTE_FRAME;
  p->plain = p->direct != NULL;
  p->nonblocking = f->nonblocking;
  route_result(p, fn->item, frame);
  for (i = 0; i < n; i++) {
    bool variadic = i >= f->nparams;
    const MpCtype *ct = variadic ? tail[i - f->nparams] : f->params[i];
    MpStep *s = &p->steps[i];
    step_make(s, ct, frame->offsets[i], variadic);
    if (s->op == MP_STEP_NEVER || (variadic && !step_isplain(s))) p->quick = false;
    if (s->op == MP_STEP_POINTER) p->plain = false;
    if (ct->kind != MP_KIND_PRIM && ct->kind != MP_KIND_ENUM) p->pointers = true;
  }
  p->plain = p->plain && p->quick;
  return p;
}

/* }===== */

/* {===== arguments ===== */

/* What a cdata points to when it goes as that argument; NULL: it isn't one that does. */
static const MpCtype *step_pointee(const MpStep *s, const MpCdata *c) {
  switch (c->ct->kind) {
    case MP_KIND_POINTER:
    case MP_KIND_ARRAY: return c->ct->item;
    case MP_KIND_STRUCT:
    case MP_KIND_UNION: return s->record ? c->ct : NULL;
    default: return NULL;
  }
}

/* The address of a cdata, its block noted if that could end during the call. */
static bool load_cdata(const MpStep *s, const MpCdata *c, char *at, int idx, MpPin *pins,
                       int *npins) {
  const MpCtype *from = step_pointee(s, c), *to = s->ct->item;
  MpCdata *block = mp_cdata_block(c);
  char *address;
  if (from == NULL || (from != to && mp_relate_pointers(to, from) != MP_RELATE_OK)) return false;
  if (block != NULL) {
    if (block->flags & (MP_CD_RELEASED | MP_CD_READONLY | MP_CD_OVER)) return false;
    if (!(block->flags & MP_CD_INLINE)) {
      if (pins == NULL || *npins == MP_ROUTE_PINS) return false;
      pins[*npins].block = mp_cdata_asblock(block);
      pins[(*npins)++].idx = idx;
    }
  }
  address = mp_cdata_address(c);
  memcpy(at, &address, sizeof address);
  return true;
}

/* No string: that is a plain one. */
static bool load_pointer(lua_State *L, const MpState *E, const MpStep *s, char *at, int idx,
                         MpPin *pins, int *npins) {
  const MpCdata *c = mp_cdata_test(L, E, idx);
  if (c != NULL) return load_cdata(s, c, at, idx, pins, npins);
  memset(at, 0, sizeof(void *));
  return lua_type(L, idx) == LUA_TNIL;
}

bool mp_route_loadrecord(lua_State *L, const MpState *E, const MpStep *s, char *at, int idx) {
  const MpCdata *c = mp_cdata_test(L, E, idx), *block;
  const MpCtype *ct = s->ct;
  const char *from;
  if (c == NULL || c->ct->plain != ct->plain) return false;
  from = mp_cdata_address(c);
  block = mp_cdata_block(c);
  if (block != NULL) {
    if (block->flags & (MP_CD_RELEASED | MP_CD_OVER)) return false;
    if (block != c && mp_cdata_rest(block, from) < ct->size) return false;
  }
  if (ct->size == 8)
    memcpy(at, from, 8);
  else
    memcpy(at, from, ct->size);
  return true;
}

/* A float, unless it becomes infinite; of an integer it is rounded once, not by way of a double. */
static bool load_float(lua_State *L, char *at, int idx) {
  double v = lua_tonumberx(L, idx, NULL);
  float narrow = lua_isinteger(L, idx) ? (float)lua_tointegerx(L, idx, NULL) : (float)v;
  uint64_t wide = 0;
  if (isinf(narrow) && !isinf(v)) return false;
  memcpy(&wide, &narrow, sizeof narrow);
  memcpy(at, &wide, sizeof wide);
  return true;
}

bool mp_route_loadother(lua_State *L, const MpState *E, const MpStep *s, char *at, int idx,
                        MpPin *pins, int *npins) {
  lua_Integer v;
  double d;
  switch (s->op) {
    case MP_STEP_TEXT:
    case MP_STEP_POINTER: return load_pointer(L, E, s, at, idx, pins, npins);
    case MP_STEP_RECORD: return mp_route_loadrecord(L, E, s, at, idx);
    case MP_STEP_FLOAT: return lua_type(L, idx) == LUA_TNUMBER && load_float(L, at, idx);
    case MP_STEP_FRACTION:
      if (lua_type(L, idx) != LUA_TNUMBER || lua_isinteger(L, idx)) return false;
      d = lua_tonumberx(L, idx, NULL);
      memcpy(at, &d, sizeof d);
      return true;
    case MP_STEP_BOOL:
      if (lua_type(L, idx) != LUA_TBOOLEAN) return false;
      v = lua_toboolean(L, idx);
      memcpy(at, &v, sizeof v);
      return true;
    default: return false;
  }
}

int mp_route_load(lua_State *L, const MpState *E, const MpRoute *p, char *frame, int first,
                  MpPin *pins) {
  const MpStep *s = p->steps, *end = s + p->nargs;
  int npins = 0, idx = first;
  for (; s < end; s++, idx++) {
    char *at = frame + s->at;
    if (!mp_route_loadplain(L, s, at, idx) && !mp_route_loadother(L, E, s, at, idx, pins, &npins))
      return -1;
  }
  return npins;
}

/* }===== */

/* {===== results ===== */

bool mp_route_storeother(lua_State *L, const MpRoute *p, const char *at) {
  float v;
  switch (p->result) {
    case MP_RETURN_BOOL: lua_pushboolean(L, *at != 0); return true;
    case MP_RETURN_FLOAT:
      memcpy(&v, at, sizeof v);
      lua_pushnumber(L, (lua_Number)v);
      return true;
    default: return false;
  }
}

/* }===== */
