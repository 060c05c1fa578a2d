/*
** redecl.c: judges redeclarations. The parser calls it with each name that it
** declares; declarations and constants live in the space.
*/

#include "decl/redecl.h"

#include <string.h>

#include "decl/declspec.h"
#include "type/relate.h"

/* {===== agreement ===== */

/* How much is compared before two types count as different: keeps it linear. */
#define AGREE_BUDGET 20000
#define AGREE_DEPTH 100

typedef struct Agreement {
  uint32_t budget, depth;
} Agreement;

static bool types_agree(Agreement *g, const MpCtype *a, const MpCtype *b);

static bool fields_agree(Agreement *g, const MpField *a, const MpField *b) {
  return a->name == b->name && a->offset == b->offset && a->is_bits == b->is_bits &&
         (!a->is_bits || (a->bit_start == b->bit_start && a->bit_width == b->bit_width)) &&
         types_agree(g, a->type, b->type);
}

static bool records_agree(Agreement *g, const MpCtype *a, const MpCtype *b) {
  const MpRecord *ra = a->u.record, *rb = b->u.record;
  uint32_t i;
  if (!mp_ctype_is_complete(a) || !mp_ctype_is_complete(b)) return false;
  if (a->size != b->size || a->align != b->align || ra->nfields != rb->nfields) return false;
  for (i = 0; i < ra->nfields; i++)
    if (!fields_agree(g, &ra->fields[i], &rb->fields[i])) return false;
  return true;
}

static bool enums_agree(const MpCtype *a, const MpCtype *b) {
  const MpEnumeration *ea = a->u.enumeration, *eb = b->u.enumeration;
  uint32_t i;
  if (!mp_ctype_is_complete(a) || !mp_ctype_is_complete(b)) return false;
  if (a->prim != b->prim || a->align != b->align || ea->nitems != eb->nitems) return false;
  for (i = 0; i < ea->nitems; i++)
    if (ea->items[i].name != eb->items[i].name || ea->items[i].value != eb->items[i].value)
      return false;
  return true;
}

static bool functions_agree(Agreement *g, const MpCtype *a, const MpCtype *b) {
  const MpFunction *fa = a->u.function, *fb = b->u.function;
  uint32_t i;
  if (!types_agree(g, a->item, b->item)) return false;
  if (fa->unprototyped || fb->unprototyped) return true;
  if (fa->nparams != fb->nparams || fa->variadic != fb->variadic) return false;
  for (i = 0; i < fa->nparams; i++)
    if (!types_agree(g, fa->params[i], fb->params[i])) return false;
  return true;
}

static bool lengths_agree(const MpCtype *a, const MpCtype *b) {
  return a->length == b->length || a->length == MP_LENGTH_OPEN || b->length == MP_LENGTH_OPEN;
}

/* Compatible types of one structure, or tagged types of one name (they are judged where they are defined). */
static bool structures_agree(Agreement *g, const MpCtype *a, const MpCtype *b) {
  switch ((MpKind)a->kind) {
    case MP_KIND_POINTER: return types_agree(g, a->item, b->item);
    case MP_KIND_ARRAY: return lengths_agree(a, b) && types_agree(g, a->item, b->item);
    case MP_KIND_FUNCTION: return functions_agree(g, a, b);
    case MP_KIND_STRUCT:
    case MP_KIND_UNION:
      if (a->u.record->tag != b->u.record->tag) return false;
      return a->u.record->tag != NULL || records_agree(g, a, b);
    case MP_KIND_ENUM:
      if (a->u.enumeration->tag != b->u.enumeration->tag) return false;
      return a->u.enumeration->tag != NULL || enums_agree(a, b);
    default: return false;
  }
}

static bool types_agree(Agreement *g, const MpCtype *a, const MpCtype *b) {
  const unsigned matters = MP_QUAL_CONST | MP_QUAL_VOLATILE | MP_QUAL_ATOMIC;
  bool agree;
  if (a == b) return true;
  if (g->budget == 0 || g->depth >= AGREE_DEPTH) return false;
  if (a->kind != b->kind) return mp_relate_compatible(a, b);
  if ((a->quals & matters) != (b->quals & matters)) return false;
  if (a->plain == b->plain) return a->align == b->align;
  if (a->kind <= MP_KIND_BITINT || a->kind == MP_KIND_COMPLEX || a->kind == MP_KIND_VECTOR)
    return mp_relate_compatible(a, b);
  g->budget--;
  g->depth++;
  agree = structures_agree(g, a, b);
  g->depth--;
  return agree;
}

/* Are two types one in all that a program could see, tagless records member by member? */
static bool redecl_agrees(const MpCtype *a, const MpCtype *b) {
  Agreement g = {AGREE_BUDGET, 0};
  return types_agree(&g, a, b);
}

bool mp_redecl_same_definition(const MpCtype *a, const MpCtype *b) {
  Agreement g = {UINT32_MAX, 0};
  if (a->kind != b->kind) return false;
  return a->kind == MP_KIND_ENUM ? enums_agree(a, b) : records_agree(&g, a, b);
}

/* }===== */

/* {===== declaring ===== */

static MpStatus redecl_keep(MpParser *p, const MpToken *at, MpDecl *proto) {
  proto->file = mp_parser_file(p);
  if (proto->file == NULL) return MP_FAIL;
  proto->line = at->line;
  proto->name = at->name;
  return mp_space_declare(p->sp, proto, NULL, p->e);
}

static MpStatus redecl_conflict(MpParser *p, const MpToken *at, const MpDecl *old) {
  return mp_parser_failat(p, at, MP_MSG_REDEFINED, at->name->text,
                          old->file ? old->file->text : "?", (unsigned)old->line);
}

/*
** A header's own typedef of a predefined name stands for that type where the
** two agree, so that wchar_t stays a character type.
*/
static MpStatus redecl_predefined(MpParser *p, const MpName *name, MpDecl *proto) {
  const MpCtype *type;
  int builtin = mp_lex_builtin(name);
  if (proto->kind != MP_DECL_TYPEDEF || builtin < 0 || builtin >= MP_PRIM_COUNT) return MP_OK;
  MP_TRY(mp_declspec_builtin(p, builtin, &type));
  if (type != proto->type && mp_relate_compatible(type, proto->type)) proto->type = type;
  return MP_OK;
}

/* Does the new declaration say more than the old one (C11 6.2.7p4)? */
static bool adds_to(const MpDecl *old, const MpDecl *proto) {
  if (old->kind == MP_DECL_TYPEDEF) return false;
  if (proto->symbol != NULL && proto->symbol != old->symbol) return true;
  if (old->type == proto->type) return false;
  if (proto->type->kind == MP_KIND_FUNCTION)
    return old->type->u.function->unprototyped && !proto->type->u.function->unprototyped;
  return proto->type->kind == MP_KIND_ARRAY && old->type->length == MP_LENGTH_OPEN;
}

static bool same_value(const MpConst *a, const MpConst *b) {
  if (a->kind != b->kind) return false;
  if (a->kind == MP_CONST_INT) return a->i == b->i;
  if (a->kind == MP_CONST_FLOAT) return a->f == b->f || (a->f != a->f && b->f != b->f);
  return a->len == b->len && memcmp(a->s, b->s, a->len) == 0;
}

static bool decls_agree(const MpDecl *old, const MpDecl *proto) {
  if (old->kind != proto->kind) return false;
  if (old->kind == MP_DECL_CONSTANT) return same_value(old->value, proto->value);
  if (old->kind == MP_DECL_MACRO) return true;
  return redecl_agrees(old->type, proto->type);
}

MpStatus mp_redecl_declare(MpParser *p, const MpToken *at, MpDecl *proto) {
  const MpDecl *old = mp_space_own(p->sp, at->name);
  if (old == NULL || old->kind == MP_DECL_MACRO) {
    MP_TRY(redecl_predefined(p, at->name, proto));
    return redecl_keep(p, at, proto);
  }
  if (old->kind == MP_DECL_CONSTANT && old->is_macro)
    return MP_OK; /* the macro hides it, as in C */
  if (!decls_agree(old, proto)) {
    if (p->options && p->options->override) return redecl_keep(p, at, proto);
    return redecl_conflict(p, at, old);
  }
  if (!adds_to(old, proto)) return MP_OK;
  if (proto->symbol == NULL) proto->symbol = old->symbol;
  return redecl_keep(p, at, proto);
}

/* }===== */

MpStatus mp_redecl_constant(MpParser *p, const MpToken *at, const MpConst *v, bool from_macro) {
  const MpDecl *old = mp_space_own(p->sp, at->name);
  MpDecl proto;
  MpConst *value;
  bool hides = old == NULL || old->kind == MP_DECL_MACRO || (p->options && p->options->override) ||
               (old->kind == MP_DECL_CONSTANT && (from_macro || old->is_macro));
  if (old != NULL && old->kind == MP_DECL_CONSTANT && same_value(old->value, v)) return MP_OK;
  if (!hides) return from_macro ? MP_OK : redecl_conflict(p, at, old);
  value = (MpConst *)mp_arena_new(&p->sp->arena, sizeof(MpConst));
  if (value == NULL) return mp_err_memory(p->e);
  *value = *v;
  memset(&proto, 0, sizeof proto);
  proto.kind = MP_DECL_CONSTANT;
  proto.type = v->type;
  proto.value = value;
  proto.is_macro = from_macro;
  return redecl_keep(p, at, &proto);
}
