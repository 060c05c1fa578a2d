/*
** cbuiltin.c: built-in functions that stand in constant expressions of real
** headers (GCC 6.59). Called by cprimary. One that isn't known by name has the
** type int and no value.
*/

#include "decl/cbuiltin.h"

#include <math.h>
#include <string.h>

#include "decl/cexpr.h"
#include "decl/cprimary.h"
#include "decl/declarator.h"
#include "decl/declspec.h"
#include "type/relate.h"

/* member-designator: name ( . name | [ expression ] )* */
static MpStatus member_designator(MpParser *p, MpCval *place) {
  MP_TRY(mp_cprimary_member(p, place));
  for (;;) {
    if (mp_parser_accept(p, '.')) {
      MP_TRY(mp_cprimary_member(p, place));
    } else if (mp_parser_kind(p) == '[') {
      MpInt128 i;
      mp_parser_next(p);
      MP_TRY(mp_cexpr_integer(p, &i));
      MP_TRY(mp_parser_expect(p, ']'));
      if (place->type->kind != MP_KIND_ARRAY) return mp_parser_fail(p, MP_MSG_OPERANDS);
      place->type = place->type->item;
      place->i = (MpInt128)((MpUint128)place->i + (MpUint128)i * place->type->size);
    } else {
      return MP_OK;
    }
  }
}

MpStatus mp_cbuiltin_offsetof(MpParser *p, MpCval *out) {
  MpCval place = {0};
  mp_parser_next(p);
  MP_TRY(mp_parser_expect(p, '('));
  MP_TRY(mp_declarator_typename(p, &place.type));
  MP_TRY(mp_parser_expect(p, ','));
  place.kind = MP_CVAL_PLACE;
  MP_TRY(member_designator(p, &place));
  if (place.is_bits) return mp_parser_fail(p, MP_MSG_SIZEOF_BITS);
  *out = mp_cval_int(p->sp, MP_PRIM_ULONG, place.i);
  return mp_parser_expect(p, ')');
}

MpStatus mp_cbuiltin_generic(MpParser *p, MpCval *out) {
  MpCval control, value;
  bool found = false, exact = false;
  mp_parser_next(p);
  MP_TRY(mp_parser_expect(p, '('));
  MP_TRY(mp_cexpr_conditional(p, &control));
  MP_TRY(mp_cexpr_decay(p, &control));
  while (mp_parser_accept(p, ',')) {
    const MpCtype *type = NULL;
    bool is_default = !mp_declspec_starts(p);
    if (is_default)
      mp_parser_next(p); /* `default` */
    else
      MP_TRY(mp_declarator_typename(p, &type));
    MP_TRY(mp_parser_expect(p, ':'));
    MP_TRY(mp_cexpr_conditional(p, &value));
    if (is_default ? found : (exact || type != control.type)) continue;
    *out = value;
    found = true;
    exact = !is_default;
  }
  if (!found) return mp_parser_fail(p, MP_MSG_OPERANDS);
  return mp_parser_expect(p, ')');
}

/* __builtin_types_compatible_p ( type-name , type-name ), current behind '(' */
static MpStatus types_compatible(MpParser *p, MpCval *out) {
  const MpCtype *a, *b;
  MP_TRY(mp_declarator_typename(p, &a));
  MP_TRY(mp_parser_expect(p, ','));
  MP_TRY(mp_declarator_typename(p, &b));
  *out = mp_cval_int(p->sp, MP_PRIM_INT, mp_relate_same(a, b));
  return MP_OK;
}

/* __builtin_choose_expr ( constant , expression , expression ), current behind '(' */
static MpStatus choose_expr(MpParser *p, MpCval *out) {
  MpInt128 which;
  MpCval yes, no;
  MP_TRY(mp_cexpr_integer(p, &which));
  MP_TRY(mp_parser_expect(p, ','));
  MP_TRY(mp_cexpr_conditional(p, &yes));
  MP_TRY(mp_parser_expect(p, ','));
  MP_TRY(mp_cexpr_conditional(p, &no));
  *out = which ? yes : no;
  return MP_OK;
}

/* Functions of one integer. */
static bool integer_function(const char *name, uint64_t x, MpInt128 *out) {
  size_t n = strlen(name);
  bool wide = n > 2 && name[n - 1] == 'l';
  uint32_t low = (uint32_t)x;
  if (strcmp(name, "bswap16") == 0)
    *out = __builtin_bswap16((uint16_t)x);
  else if (strcmp(name, "bswap32") == 0)
    *out = __builtin_bswap32(low);
  else if (strcmp(name, "bswap64") == 0)
    *out = (MpInt128)__builtin_bswap64(x);
  else if (strncmp(name, "popcount", 8) == 0)
    *out = __builtin_popcountll(wide ? x : low);
  else if (strncmp(name, "ffs", 3) == 0)
    *out = __builtin_ffsll((long long)(wide ? x : low));
  else if (strncmp(name, "ctz", 3) == 0 && x != 0)
    *out = __builtin_ctzll(x);
  else if (strncmp(name, "clz", 3) == 0 && x != 0)
    *out = __builtin_clzll(wide ? x : low) - (wide ? 0 : 32);
  else
    return false;
  return true;
}

static MpPrim float_suffix_prim(const char *name) {
  size_t n = strlen(name);
  if (n > 0 && name[n - 1] == 'f' && strcmp(name, "inf") != 0) return MP_PRIM_FLOAT;
  return n > 0 && name[n - 1] == 'l' && strcmp(name, "huge_val") != 0 ? MP_PRIM_LDOUBLE
                                                                      : MP_PRIM_DOUBLE;
}

/* inf, huge_val, nan and their suffixes. */
static bool float_function(MpSpace *sp, const char *name, MpCval *out) {
  MpCval v = {0};
  if (strncmp(name, "inf", 3) == 0 || strncmp(name, "huge_val", 8) == 0)
    v.f = HUGE_VALL;
  else if (strncmp(name, "nan", 3) == 0)
    v.f = __builtin_nanl("");
  else
    return false;
  v.kind = MP_CVAL_FLOAT;
  v.type = mp_ctype_prim(sp, MP_PRIM_LDOUBLE);
  *out = mp_cval_convert(&v, mp_ctype_prim(sp, float_suffix_prim(name)));
  return true;
}

/* A function of values, `name` without its prefix; `a` is the first argument. */
static void value_function(MpParser *p, const char *name, const MpCval *a, MpCval *out) {
  MpInt128 i;
  *out = mp_cval_unknown(mp_ctype_prim(p->sp, MP_PRIM_INT));
  if (strcmp(name, "constant_p") == 0) {
    *out = mp_cval_int(p->sp, MP_PRIM_INT, mp_cval_is_number(a) || a->kind == MP_CVAL_STRING);
  } else if (strncmp(name, "expect", 6) == 0) {
    *out = mp_cval_convert(a, mp_ctype_prim(p->sp, MP_PRIM_LONG));
  } else if (strcmp(name, "strlen") == 0) {
    *out =
        mp_cval_int(p->sp, MP_PRIM_ULONG, a->kind == MP_CVAL_STRING ? (MpInt128)strlen(a->s) : 0);
    if (a->kind != MP_CVAL_STRING) out->kind = MP_CVAL_UNKNOWN;
  } else if (a->kind == MP_CVAL_INT && integer_function(name, (uint64_t)a->i, &i)) {
    MpPrim prim = strcmp(name, "bswap64") == 0   ? MP_PRIM_ULONG
                  : strcmp(name, "bswap32") == 0 ? MP_PRIM_UINT
                  : strcmp(name, "bswap16") == 0 ? MP_PRIM_USHORT
                                                 : MP_PRIM_INT;
    *out = mp_cval_int(p->sp, prim, i);
  } else {
    (void)float_function(p->sp, name, out);
  }
}

/* ( argument-expression-list? ), current behind '(': the first one's value counts */
static MpStatus arguments(MpParser *p, MpCval *first) {
  bool any = false;
  *first = mp_cval_unknown(mp_ctype_void(p->sp));
  while (mp_parser_kind(p) != ')') {
    MpCval v;
    if (any) MP_TRY(mp_parser_expect(p, ','));
    MP_TRY(mp_cexpr_conditional(p, &v));
    if (!any) *first = v;
    any = true;
  }
  return MP_OK;
}

#define BUILTIN_PREFIX "__builtin_"

MpStatus mp_cbuiltin_parse(MpParser *p, MpCval *out, bool *known) {
  const char *name = p->lex.tok.name->text;
  size_t n = sizeof BUILTIN_PREFIX - 1;
  MpCval first;
  *known = true;
  if (strcmp(name, "offsetof") == 0) return mp_cbuiltin_offsetof(p, out);
  *known = strncmp(name, BUILTIN_PREFIX, n) == 0;
  if (!*known) return MP_OK;
  name += n;
  mp_parser_next(p);
  MP_TRY(mp_parser_expect(p, '('));
  if (strcmp(name, "types_compatible_p") == 0) {
    MP_TRY(types_compatible(p, out));
  } else if (strcmp(name, "choose_expr") == 0) {
    MP_TRY(choose_expr(p, out));
  } else {
    MP_TRY(arguments(p, &first));
    value_function(p, name, &first, out);
  }
  return mp_parser_expect(p, ')');
}
