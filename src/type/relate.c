/*
** relate.c: judgements about pairs of types. The parser asks them of
** redeclarations, conversions of what goes where.
*/

#include "type/relate.h"

bool mp_relate_same(const MpCtype *a, const MpCtype *b) { return a->plain == b->plain; }

bool mp_relate_same_deep(const MpCtype *a, const MpCtype *b) {
  if (a->plain == b->plain) return true;
  if (a->kind != b->kind || (a->kind != MP_KIND_POINTER && a->kind != MP_KIND_ARRAY)) return false;
  return a->length == b->length && mp_relate_same_deep(a->item, b->item);
}

/* Do two integer primitives agree because one is a name for the other (wchar_t and such)? */
static bool prim_alias(const MpCtype *a, const MpCtype *b) {
  const MpPrimInfo *pa = &mp_ctype_prims[a->prim], *pb = &mp_ctype_prims[b->prim];
  bool wide = mp_ctype_is_wide(a) || mp_ctype_is_wide(b);
  return wide && pa->cls == pb->cls && pa->size == pb->size;
}

static bool function_compatible(const MpCtype *a, const MpCtype *b) {
  const MpFunction *fa = a->u.function, *fb = b->u.function;
  uint32_t i;
  if (!mp_relate_compatible(a->item, b->item)) return false;
  if (fa->unprototyped || fb->unprototyped) return true;
  if (fa->nparams != fb->nparams || fa->variadic != fb->variadic) return false;
  for (i = 0; i < fa->nparams; i++)
    if (!mp_relate_compatible(fa->params[i], fb->params[i])) return false;
  return true;
}

bool mp_relate_compatible(const MpCtype *a, const MpCtype *b) {
  const unsigned matters = MP_QUAL_CONST | MP_QUAL_VOLATILE | MP_QUAL_ATOMIC;
  if (a == b) return true;
  if ((a->quals & matters) != (b->quals & matters)) return false;
  if (a->plain == b->plain) return true;
  if (mp_ctype_is_integer(a) && mp_ctype_is_integer(b) && a->kind != b->kind)
    return (a->kind == MP_KIND_ENUM || b->kind == MP_KIND_ENUM) && a->prim == b->prim;
  if (a->kind != b->kind) return false;
  switch ((MpKind)a->kind) {
    case MP_KIND_PRIM: return prim_alias(a, b);
    case MP_KIND_POINTER: return mp_relate_compatible(a->item, b->item);
    case MP_KIND_ARRAY:
      return (a->length == b->length || a->length == MP_LENGTH_OPEN ||
              b->length == MP_LENGTH_OPEN) &&
             mp_relate_compatible(a->item, b->item);
    case MP_KIND_VECTOR: return a->length == b->length && mp_relate_compatible(a->item, b->item);
    case MP_KIND_FUNCTION: return function_compatible(a, b);
    default: return false;
  }
}

/* Are two types one, disregarding qualifiers at every depth, and reading `T[n]` as `T[]`? */
static bool same_deep(const MpCtype *a, const MpCtype *b) {
  if (a->plain == b->plain) return true;
  if (a->kind != b->kind) return false;
  if (a->kind == MP_KIND_POINTER) return same_deep(a->item, b->item);
  if (a->kind == MP_KIND_ARRAY)
    return (a->length == b->length || a->length == MP_LENGTH_OPEN || b->length == MP_LENGTH_OPEN) &&
           same_deep(a->item, b->item);
  if (a->kind == MP_KIND_FUNCTION) return function_compatible(a, b);
  return a->kind == MP_KIND_PRIM && prim_alias(a, b);
}

/* Would `to` let write what `from` doesn't, at any depth? */
static bool drops_const(const MpCtype *to, const MpCtype *from) {
  for (;;) {
    if ((from->quals & ~to->quals) & MP_QUAL_CONST) return true;
    if (to->kind != from->kind) return false;
    if (to->kind != MP_KIND_POINTER && to->kind != MP_KIND_ARRAY) return false;
    to = to->item;
    from = from->item;
  }
}

MpRelation mp_relate_pointers(const MpCtype *to, const MpCtype *from) {
  bool fits = to->kind == MP_KIND_VOID || from->kind == MP_KIND_VOID ||
              (mp_ctype_is_charlike(to) && mp_ctype_is_charlike(from)) || same_deep(to, from);
  if (!fits) return MP_RELATE_MISMATCH;
  return drops_const(to, from) ? MP_RELATE_CONST : MP_RELATE_OK;
}
