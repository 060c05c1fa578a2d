/*
** arith.c: what Lua's operators do to cdata. Boxes behave as Lua's numbers
** over a wider range: exact where the result fits 64 bits, signed or unsigned
** (128 when an operand is that wide), else wrapping as unsigned.
*/

#include "value/arith.h"

#include <math.h>
#include <string.h>

#include "type/relate.h"
#include "type/scalar.h"
#include "value/cdata.h"
#include "value/toc.h"
#include "value/tolua.h"

/* One operand of an operator on numbers. */
typedef struct Operand {
  bool is_float, is_unsigned, wide; /* wide: of 128 bits */
  MpInt128 i;                       /* of a huge one its bits */
  bool huge;
  long double f;
} Operand;

/* Either operand may be the cdata: so the engine comes as the second upvalue. */
static MpState *arith_engine(lua_State *L) { return (MpState *)lua_touserdata(L, MP_UP_OWN); }

/* {===== numbers ===== */

static bool operand_load(lua_State *L, MpState *E, int idx, Operand *o) {
  const MpCdata *c = mp_cdata_test(L, E, idx);
  MpIntegerness is;
  memset(o, 0, sizeof *o);
  if (c != NULL && (c->flags & MP_CD_BOX) && mp_ctype_is_integer(c->ct)) {
    o->is_unsigned = mp_ctype_is_unsigned(c->ct);
    o->wide = mp_ctype_bits(c->ct) > 64;
  }
  if (c == NULL && !lua_isinteger(L, idx)) {
    o->is_float = true;
    return lua_type(L, idx) == LUA_TNUMBER && mp_toc_number(L, E, idx, &o->f);
  }
  is = mp_toc_integer(L, E, idx, &o->i);
  o->huge = is == MP_INTEGER_HUGE;
  if (is == MP_INTEGER_OK || o->huge) {
    o->f = o->huge ? (long double)(MpUint128)o->i : (long double)o->i;
    return true;
  }
  o->is_float = true;
  return mp_toc_number(L, E, idx, &o->f);
}

/* The result of integer arithmetic: exact when `fits` says that `r` is, else `bits` wrapped as unsigned. */
static void push_result(lua_State *L, MpState *E, bool wide, bool fits, MpInt128 r,
                        MpUint128 bits) {
  const MpSpace *root = &E->root;
  if (wide) {
    if (fits)
      mp_tolua_integer(L, E, root->prims[MP_PRIM_INT128], r);
    else
      mp_tolua_integer(L, E, root->prims[MP_PRIM_UINT128], (MpInt128)bits);
  } else if (fits && r >= INT64_MIN && r <= INT64_MAX) {
    lua_pushinteger(L, (lua_Integer)r);
  } else {
    mp_tolua_integer(L, E, root->prims[MP_PRIM_ULONG], (MpInt128)(uint64_t)bits);
  }
}

static MpInt128 floor_div(MpInt128 a, MpInt128 b) {
  MpInt128 q = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
}

/* + - * // % where all is within signed 128 bits, or as unsigned patterns. */
static void integer_arith(lua_State *L, MpState *E, int op, const Operand *a, const Operand *b) {
  bool wide = a->wide || b->wide, fits = !a->huge && !b->huge;
  MpUint128 ua = (MpUint128)a->i, ub = (MpUint128)b->i, u = 0;
  MpInt128 r = 0;
  if ((op == LUA_OPIDIV || op == LUA_OPMOD) && b->i == 0)
    mp_state_error(L, op == LUA_OPMOD ? MP_MSG_MODULO_ZERO : MP_MSG_DIVIDE_ZERO);
  switch (op) {
    case LUA_OPADD:
      fits = fits && !__builtin_add_overflow(a->i, b->i, &r);
      u = ua + ub;
      break;
    case LUA_OPSUB:
      fits = fits && !__builtin_sub_overflow(a->i, b->i, &r);
      u = ua - ub;
      break;
    case LUA_OPMUL:
      fits = fits && !__builtin_mul_overflow(a->i, b->i, &r);
      u = ua * ub;
      break;
    default: /* // and %: as unsigned when an operand is beyond the signed range */
      if (!fits) {
        u = op == LUA_OPIDIV ? ua / ub : ua % ub;
      } else {
        bool extreme = b->i == -1; /* the least number divided by it overflows */
        MpInt128 q = extreme ? (MpInt128)-ua : floor_div(a->i, b->i);
        r = op == LUA_OPIDIV ? q : extreme ? 0 : a->i - q * b->i;
        u = (MpUint128)r;
      }
  }
  push_result(L, E, wide, fits, r, u);
}

/* The operand as a pattern of bits; raises for a fraction. */
static MpUint128 operand_bits(lua_State *L, const Operand *o) {
  if (!o->is_float) return (MpUint128)o->i;
  if (o->f != floorl(o->f) || fabsl(o->f) >= 0x1p63L) mp_state_error(L, MP_MSG_NO_INTEGER_REP);
  return (MpUint128)(MpInt128)o->f;
}

/* Lua's shifts: logical, and the other way for a negative count. */
static MpUint128 shift_left(MpUint128 u, MpInt128 n, int bits) {
  if (n >= bits || n <= -bits) return 0;
  return n >= 0 ? u << (int)n : u >> (int)-n;
}

static void bit_arith(lua_State *L, MpState *E, int op, const Operand *a, const Operand *b) {
  bool is_shift = op == LUA_OPSHL || op == LUA_OPSHR, wide = a->wide || (b->wide && !is_shift);
  bool is_unsigned = a->is_unsigned || (b->is_unsigned && !is_shift);
  MpUint128 ua = operand_bits(L, a), ub = operand_bits(L, b), r;
  if (!wide) ua = (uint64_t)ua;
  if (!wide && !is_shift) ub = (uint64_t)ub;
  switch (op) {
    case LUA_OPBAND: r = ua & ub; break;
    case LUA_OPBOR: r = ua | ub; break;
    case LUA_OPBXOR: r = ua ^ ub; break;
    case LUA_OPBNOT: r = ~ua; break;
    case LUA_OPSHL: r = shift_left(ua, (MpInt128)ub, wide ? 128 : 64); break;
    default: r = shift_left(ua, -(MpInt128)ub, wide ? 128 : 64); break;
  }
  if (wide)
    mp_tolua_integer(L, E, E->root.prims[is_unsigned ? MP_PRIM_UINT128 : MP_PRIM_INT128],
                     (MpInt128)r);
  else if (is_unsigned)
    mp_tolua_integer(L, E, E->root.prims[MP_PRIM_ULONG], (MpInt128)(uint64_t)r);
  else
    lua_pushinteger(L, (lua_Integer)(uint64_t)r);
}

static bool op_is_bitwise(int op) {
  return op == LUA_OPBAND || op == LUA_OPBOR || op == LUA_OPBXOR || op == LUA_OPBNOT ||
         op == LUA_OPSHL || op == LUA_OPSHR;
}

static MP_NORETURN void arith_refuse(lua_State *L, MpState *E) {
  const char *a = mp_toc_describe(L, E, 1);
  mp_state_error(L, MP_MSG_ARITH, a, mp_toc_describe(L, E, 2));
}

/* Any operator on two numbers, one of them a box. */
static int number_arith(lua_State *L, MpState *E, int op) {
  Operand a, b;
  if (!operand_load(L, E, 1, &a) || !operand_load(L, E, 2, &b)) arith_refuse(L, E);
  if (op_is_bitwise(op)) {
    bit_arith(L, E, op, &a, &b);
  } else if (op == LUA_OPUNM && !a.is_float) {
    Operand zero = {0};
    integer_arith(L, E, LUA_OPSUB, &zero, &a);
  } else if (a.is_float || b.is_float || op == LUA_OPDIV || op == LUA_OPPOW) {
    lua_pushnumber(L, (lua_Number)a.f);
    if (op != LUA_OPUNM) lua_pushnumber(L, (lua_Number)b.f);
    lua_arith(L, op);
  } else {
    integer_arith(L, E, op, &a, &b);
  }
  return 1;
}

int mp_arith_box(lua_State *L) {
  return number_arith(L, arith_engine(L), (int)lua_tointeger(L, lua_upvalueindex(3)));
}

/* }===== */

/* {===== pointers ===== */

/* The pointer that a cdata is or decays to: its item type; NULL if it is none. */
static const MpCtype *pointer_item(const MpCdata *c) {
  if (c == NULL || (c->flags & MP_CD_BOX)) return NULL;
  return c->ct->kind == MP_KIND_POINTER || c->ct->kind == MP_KIND_ARRAY ? c->ct->item : NULL;
}

static ptrdiff_t item_step(lua_State *L, const MpCtype *item) {
  if (item->kind == MP_KIND_VOID) return 1; /* GNU C, and CFFI */
  if (!mp_ctype_is_complete(item))
    mp_state_error(L, MP_MSG_OPAQUE, mp_state_pushrepr(L, item, NULL));
  return (ptrdiff_t)item->size;
}

/* Pushes the pointer at `idx` moved by the integer at `by`, times `sign`. */
static int pointer_move(lua_State *L, MpState *E, MpCdata *c, int idx, int by, int sign) {
  MpErr e;
  const MpCtype *item = pointer_item(c), *ct = c->ct;
  MpInt128 n = mp_toc_index(L, E, by, "pointer offset");
  ptrdiff_t step = item_step(L, item);
  char *to = (char *)((uintptr_t)mp_cdata_address(c) + (uintptr_t)(n * sign * step));
  int block = 0;
  mp_cdata_checklive(L, c);
  if (ct->kind == MP_KIND_ARRAY && mp_ctype_pointer(&E->root, item, &ct, &e) != MP_OK)
    mp_state_raise(L, &e);
  if (mp_cdata_pushblockof(L, c, idx) != NULL) block = lua_gettop(L);
  mp_tolua_pointer(L, E, ct, to, block);
  return 1;
}

static int pointer_difference(lua_State *L, const MpCdata *a, const MpCdata *b) {
  const MpCtype *item = pointer_item(a);
  ptrdiff_t step = item_step(L, item);
  uintptr_t bytes = (uintptr_t)mp_cdata_address(a) - (uintptr_t)mp_cdata_address(b);
  if (mp_relate_pointers(item, pointer_item(b)) == MP_RELATE_MISMATCH || step == 0) {
    const char *ta = mp_state_pushrepr(L, a->ct, NULL);
    mp_state_error(L, MP_MSG_SUBTRACT, ta, mp_state_pushrepr(L, b->ct, NULL));
  }
  lua_pushinteger(L, (intptr_t)bytes / step);
  return 1;
}

int mp_arith_add(lua_State *L) {
  MpState *E = arith_engine(L);
  MpCdata *a = mp_cdata_test(L, E, 1), *b = mp_cdata_test(L, E, 2);
  if (pointer_item(a) && pointer_item(b)) arith_refuse(L, E);
  if (pointer_item(a)) return pointer_move(L, E, a, 1, 2, 1);
  if (pointer_item(b)) return pointer_move(L, E, b, 2, 1, 1);
  return number_arith(L, E, LUA_OPADD);
}

int mp_arith_sub(lua_State *L) {
  MpState *E = arith_engine(L);
  MpCdata *a = mp_cdata_test(L, E, 1), *b = mp_cdata_test(L, E, 2);
  if (pointer_item(a) && pointer_item(b)) return pointer_difference(L, a, b);
  if (pointer_item(a)) return pointer_move(L, E, a, 1, 2, -1);
  return number_arith(L, E, LUA_OPSUB);
}

/* }===== */

/* {===== comparison ===== */

static bool has_address(const MpCdata *c) { return c != NULL && !(c->flags & MP_CD_BOX); }

static int sign_of(bool less, bool greater) { return less ? -1 : greater; }

/* An integer operand with a float, exactly: no long double holds all 128 bits. 2 for a NaN. */
static int compare_mixed(const Operand *a, long double f) {
  MpInt128 whole;
  if (isnan(f)) return 2;
  if (a->huge) {
    if (f < 0x1p127L || f >= 0x1p128L) return f < 0x1p127L ? 1 : -1;
    return sign_of((MpUint128)a->i<(MpUint128)f, (MpUint128)a->i>(MpUint128)
                       f); /* no fractions up there */
  }
  if (f < -0x1p127L || f >= 0x1p127L) return f < 0 ? 1 : -1;
  whole = (MpInt128)floorl(f);
  if (a->i != whole) return sign_of(a->i < whole, true);
  return f > floorl(f) ? -1 : 0;
}

/* -1, 0, 1, or 2 for a NaN. */
static int operand_compare(const Operand *a, const Operand *b) {
  int r;
  if (a->is_float && b->is_float) {
    if (isnan(a->f) || isnan(b->f)) return 2;
    return sign_of(a->f<b->f, a->f> b->f);
  }
  if (b->is_float) return compare_mixed(a, b->f);
  if (a->is_float) {
    r = compare_mixed(b, a->f);
    return r == 2 ? 2 : -r;
  }
  if (a->huge != b->huge) return a->huge ? 1 : -1;
  if (a->huge) return sign_of((MpUint128)a->i<(MpUint128)b->i, (MpUint128)a->i>(MpUint128) b->i);
  return sign_of(a->i<b->i, a->i> b->i);
}

/* Compares the operands; raises when they have no order, unless `quiet`, which gives 2. */
static int arith_compare(lua_State *L, bool quiet) {
  MpState *E = arith_engine(L);
  const MpCdata *a = mp_cdata_test(L, E, 1), *b = mp_cdata_test(L, E, 2);
  Operand x, y;
  if (has_address(a) && has_address(b)) {
    uintptr_t p = (uintptr_t)mp_cdata_address(a), q = (uintptr_t)mp_cdata_address(b);
    if (quiet || (pointer_item(a) && pointer_item(b))) return p < q ? -1 : p > q;
  } else if (!has_address(a) && !has_address(b) && operand_load(L, E, 1, &x) &&
             operand_load(L, E, 2, &y)) {
    return operand_compare(&x, &y);
  }
  if (quiet) return 2;
  {
    const char *what = mp_toc_describe(L, E, 1);
    mp_state_error(L, MP_MSG_COMPARE, what, mp_toc_describe(L, E, 2));
  }
}

int mp_arith_eq(lua_State *L) {
  lua_pushboolean(L, arith_compare(L, true) == 0);
  return 1;
}

int mp_arith_lt(lua_State *L) {
  lua_pushboolean(L, arith_compare(L, false) == -1);
  return 1;
}

int mp_arith_le(lua_State *L) {
  int r = arith_compare(L, false);
  lua_pushboolean(L, r == -1 || r == 0);
  return 1;
}

/* }===== */
