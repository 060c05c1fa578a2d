/*
** record.c: struct, union and enum specifiers. Called by declspec. A body's
** members wait on the parser's stacks until the closing bracket and the
** attributes behind it are read; then `layout` places them.
*/

#include "decl/record.h"

#include <string.h>

#include "decl/attr.h"
#include "decl/cexpr.h"
#include "decl/cprimary.h"
#include "decl/declarator.h"
#include "decl/declspec.h"
#include "decl/pragma.h"
#include "decl/redecl.h"

/* {===== tags ===== */

static const char *kind_word(MpKind kind) {
  return kind == MP_KIND_ENUM ? "enum" : kind == MP_KIND_UNION ? "union" : "struct";
}

/* A new incomplete type of that kind, its tag declared. `tag` may be NULL. */
static MpStatus tag_new(MpParser *p, MpKind kind, const MpName *tag, MpCtype **out) {
  MpStatus made = kind == MP_KIND_ENUM ? mp_ctype_newenum(p->sp, tag, out, p->e)
                                       : mp_ctype_newrecord(p->sp, kind, tag, out, p->e);
  if (made == MP_OK && tag != NULL) made = mp_space_declare_tag(p->sp, tag, *out, p->e);
  return made == MP_OK ? MP_OK : mp_parser_failed(p);
}

#define VALIST_TAG "__va_list_tag"

MpStatus mp_record_valist(MpParser *p, const MpCtype **out) {
  static const char *const names[] = {"gp_offset", "fp_offset", "overflow_arg_area",
                                      "reg_save_area"};
  MpSpace *root = p->sp->root;
  const MpName *tag = mp_name_intern(root->names, VALIST_TAG, sizeof VALIST_TAG - 1);
  const MpTag *known = tag ? mp_space_own_tag(root, tag) : NULL;
  MpLayoutOptions plain = {false, 0, 0};
  MpMember members[4];
  const MpCtype *pointer;
  MpCtype *made;
  int i;
  if (tag == NULL) return mp_err_memory(p->e);
  if (known == NULL) {
    MP_TRY(mp_ctype_newrecord(root, MP_KIND_STRUCT, tag, &made, p->e));
    MP_TRY(mp_ctype_pointer(root, mp_ctype_void(root), &pointer, p->e));
    memset(members, 0, sizeof members);
    for (i = 0; i < 4; i++) {
      members[i].name = mp_name_intern(root->names, names[i], strlen(names[i]));
      if (members[i].name == NULL) return mp_err_memory(p->e);
      members[i].type = i < 2 ? mp_ctype_prim(root, MP_PRIM_UINT) : pointer;
      members[i].bits = -1;
    }
    MP_TRY(mp_layout_record(made, members, 4, &plain, p->e));
    made->flags |= MP_CTF_VALIST;
    MP_TRY(mp_space_declare_tag(root, tag, made, p->e));
    known = mp_space_own_tag(root, tag);
  }
  *out = known->type;
  return MP_OK;
}

MpStatus mp_record_tagged(MpParser *p, MpKind kind, const MpName *tag, const MpCtype **out) {
  const MpTag *known = mp_space_find_tag(p->sp, tag);
  MpCtype *made;
  if (known == NULL) {
    if (kind == MP_KIND_STRUCT && strcmp(tag->text, VALIST_TAG) == 0)
      return mp_record_valist(p, out);
    MP_TRY(tag_new(p, kind, tag, &made));
    *out = made;
    return MP_OK;
  }
  if (known->type->kind != kind)
    return mp_parser_fail(p, MP_MSG_TAG_KIND, tag->text, kind_word((MpKind)known->type->kind));
  *out = known->type;
  return MP_OK;
}

/* Where a complete record or enum was completed, for messages. */
static void defined_at(const MpCtype *ct, const char **file, unsigned *line) {
  const MpName *name = ct->kind == MP_KIND_ENUM ? ct->u.enumeration->file : ct->u.record->file;
  *line = ct->kind == MP_KIND_ENUM ? ct->u.enumeration->line : ct->u.record->line;
  *file = name ? name->text : "?";
}

/* A definition in the making. */
typedef struct Definition {
  MpToken at; /* the tag, or the keyword */
  MpKind kind;
  const MpName *tag;
  MpCtype *type; /* what is being completed */
  MpCtype *old;  /* complete already: this has to agree with it; or NULL */
} Definition;

/*
** Which type does a body complete? The one that was declared; a new one where
** none was, or where it is complete already: that is compared at the end.
*/
static MpStatus definition_start(MpParser *p, Definition *d) {
  const MpTag *known = d->tag ? mp_space_find_tag(p->sp, d->tag) : NULL;
  bool override = p->options && p->options->override;
  d->old = NULL;
  if (known != NULL && known->type->kind != d->kind && !override)
    return mp_parser_failat(p, &d->at, MP_MSG_TAG_KIND, d->tag->text,
                            kind_word((MpKind)known->type->kind));
  if (known == NULL || known->type->kind != d->kind) return tag_new(p, d->kind, d->tag, &d->type);
  if (!mp_ctype_is_complete(known->type)) {
    if (known->type->home != p->sp) return tag_new(p, d->kind, d->tag, &d->type);
    d->type = known->type;
    return MP_OK;
  }
  d->old = known->type;
  if (override) return tag_new(p, d->kind, d->tag, &d->type);
  if (d->kind == MP_KIND_ENUM) return mp_ctype_newenum(p->sp, d->tag, &d->type, p->e);
  return mp_ctype_newrecord(p->sp, d->kind, d->tag, &d->type, p->e);
}

/* The body was read and `d->type` completed: judges it against the old one. */
static MpStatus definition_finish(MpParser *p, Definition *d, const MpCtype **out) {
  const char *file;
  unsigned line;
  *out = d->type;
  if (d->old == NULL) return MP_OK;
  if (mp_redecl_same_definition(d->old, d->type)) {
    *out = d->old;
    if (mp_space_find_tag(p->sp, d->tag)->type == d->old) return MP_OK;
    return mp_space_declare_tag(p->sp, d->tag, d->old, p->e);
  }
  if (p->options && p->options->override) return MP_OK;
  defined_at(d->old, &file, &line);
  return mp_parser_failat(p, &d->at, MP_MSG_REDEFINED_TAG, kind_word(d->kind), d->tag->text, file,
                          line);
}

/* The keyword, attributes and tag: all before a body. */
static MpStatus tag_head(MpParser *p, Definition *d, MpAttr *a) {
  int kind = mp_parser_kind(p);
  memset(d, 0, sizeof *d);
  d->kind = kind == MP_TOK_ENUM    ? MP_KIND_ENUM
            : kind == MP_TOK_UNION ? MP_KIND_UNION
                                   : MP_KIND_STRUCT;
  d->at = p->lex.tok;
  mp_parser_next(p);
  MP_TRY(mp_attr_list(p, a));
  if (mp_parser_kind(p) == MP_TOK_NAME) {
    d->at = p->lex.tok;
    d->tag = p->lex.tok.name;
    mp_parser_next(p);
  }
  return MP_OK;
}

/* }===== */

/* {===== members ===== */

static MpStatus member_push(MpParser *p, const MpName *name, const MpCtype *type, const MpAttr *a,
                            int32_t bits) {
  MpMember *m = (MpMember *)mp_parser_push(p, &p->members, sizeof(MpMember));
  if (m == NULL) return MP_FAIL;
  m->name = name;
  m->type = type;
  m->align = a->align;
  m->packed = a->packed;
  m->bits = bits;
  return MP_OK;
}

/* : constant-expression */
static MpStatus member_width(MpParser *p, int32_t *bits) {
  MpToken at;
  MpInt128 n;
  mp_parser_next(p);
  at = p->lex.tok;
  MP_TRY(mp_cexpr_integer(p, &n));
  if (n < 0 || n > UINT16_MAX) return mp_parser_failat(p, &at, MP_MSG_WIDTH);
  *bits = (int32_t)n;
  return MP_OK;
}

/* struct-declarator: declarator | declarator? : constant-expression */
static MpStatus member_declarator(MpParser *p, const MpSpec *spec) {
  MpDeclarator d;
  int32_t bits = -1;
  MpAttr attr = spec->attr;
  memset(&d, 0, sizeof d);
  d.type = spec->type;
  d.at = p->lex.tok;
  if (mp_parser_kind(p) != ':') MP_TRY(mp_declarator_parse(p, spec->type, &d));
  if (mp_parser_kind(p) == ':') {
    MP_TRY(member_width(p, &bits));
    MP_TRY(mp_attr_list(p, &d.attr));
  } else if (d.name == NULL) {
    return mp_parser_fail(p, MP_MSG_NAME_EXPECTED);
  }
  mp_attr_merge(&attr, &d.attr);
  return member_push(p, d.name, d.type, &attr, bits);
}

/*
** A declaration without declarators is a member when it is a record without
** a tag (C11 6.7.2.1p13); else it declares none.
*/
static MpStatus member_anonymous(MpParser *p, const MpSpec *spec) {
  if (!mp_ctype_is_record(spec->type) || spec->type->u.record->tag != NULL) return MP_OK;
  return member_push(p, NULL, spec->type, &spec->attr, -1);
}

/* struct-declaration */
static MpStatus member_declaration(MpParser *p) {
  MpSpec spec;
  while (mp_parser_accept(p, MP_TOK_EXTENSION)) continue;
  if (mp_parser_accept(p, ';')) return MP_OK;
  if (mp_parser_kind(p) == MP_TOK_STATICASSERT) return mp_record_assert(p);
  if (mp_parser_kind(p) == MP_TOK_PRAGMA) return mp_pragma_operator(p);
  MP_TRY(mp_declspec_parse(p, &spec));
  if (mp_parser_kind(p) == ';' || mp_parser_kind(p) == '}')
    MP_TRY(member_anonymous(p, &spec));
  else {
    do MP_TRY(member_declarator(p, &spec));
    while (mp_parser_accept(p, ','));
  }
  if (mp_parser_kind(p) == '}') return MP_OK; /* GNU: the last ';' may be missing */
  return mp_parser_expect(p, ';');
}

MpStatus mp_record_assert(MpParser *p) {
  MpToken at = p->lex.tok;
  MpCval text = {0};
  MpInt128 holds;
  mp_parser_next(p);
  MP_TRY(mp_parser_expect(p, '('));
  MP_TRY(mp_cexpr_integer(p, &holds));
  text.s = "";
  if (mp_parser_accept(p, ',')) {
    if (mp_parser_kind(p) != MP_TOK_STRING) return mp_parser_fail(p, MP_MSG_STRING_EXPECTED);
    MP_TRY(mp_cprimary_strings(p, &text));
  }
  MP_TRY(mp_parser_expect(p, ')'));
  if (!holds) return mp_parser_failat(p, &at, MP_MSG_ASSERTION, text.s);
  return mp_parser_expect(p, ';');
}

/* }===== */

/* {===== struct and union ===== */

/* { struct-declaration-list }, members left on the stack. Sees `pack` as it is at the bracket. */
static MpStatus record_body(MpParser *p, uint32_t *pack) {
  uint32_t in_params = p->in_params;
  MP_TRY(mp_parser_enter(p));
  p->in_params = 0; /* array lengths in here are constant */
  mp_parser_next(p);
  while (mp_parser_kind(p) != '}') {
    if (mp_parser_kind(p) == MP_TOK_EOF) return mp_parser_fail(p, MP_MSG_EXPECTED, '}');
    MP_TRY(member_declaration(p));
  }
  *pack = p->pack;
  mp_parser_next(p);
  p->in_params = in_params;
  mp_parser_leave(p);
  return MP_OK;
}

static MpStatus record_complete(MpParser *p, Definition *d, const MpAttr *a, uint32_t first,
                                uint32_t pack) {
  MpLayoutOptions o;
  MpRecord *r = d->type->u.record;
  const MpName *file = mp_parser_file(p);
  uint32_t n = p->members.n - first;
  const MpMember *members = n > 0 ? (const MpMember *)p->members.items + first : NULL;
  if (file == NULL) return MP_FAIL;
  o.packed = a->packed || (p->options && p->options->packed);
  o.pack = pack;
  o.align = a->last_align;
  if (mp_layout_record(d->type, members, n, &o, p->e) != MP_OK)
    return mp_parser_is_fatal(p) ? MP_FAIL : mp_parser_failat(p, &d->at, "%s", p->e->text);
  r->packed = o.packed;
  r->transparent = a->transparent;
  r->file = file;
  r->line = d->at.line;
  return MP_OK;
}

MpStatus mp_record_specifier(MpParser *p, const MpCtype **out) {
  Definition d;
  MpAttr attr = {0};
  uint32_t first = p->members.n, pack = 0;
  MP_TRY(tag_head(p, &d, &attr));
  if (mp_parser_kind(p) != '{') {
    if (d.tag == NULL) return mp_parser_fail(p, MP_MSG_TAG_EXPECTED);
    return mp_record_tagged(p, d.kind, d.tag, out);
  }
  MP_TRY(definition_start(p, &d));
  MP_TRY(record_body(p, &pack));
  MP_TRY(mp_attr_list(p, &attr));
  if (mp_ctype_is_complete(d.type)) /* by its own body: struct s { struct s { int x; } y; } */
    return mp_parser_failat(p, &d.at, MP_MSG_NESTED_TAG, kind_word(d.kind), d.tag->text);
  MP_TRY(record_complete(p, &d, &attr, first, pack));
  p->members.n = first;
  return definition_finish(p, &d, out);
}

/* }===== */

/* {===== enum ===== */

typedef struct EnumState {
  MpInt128 next, least, greatest;
} EnumState;

/* The type of an enumerator by its value alone: int where that holds it (C11 6.7.2.2p3, GNU's wider ones). */
static MpPrim enumerator_prim(MpInt128 v) {
  if (v >= INT32_MIN && v <= INT32_MAX) return MP_PRIM_INT;
  if (v >= 0 && v <= UINT32_MAX) return MP_PRIM_UINT;
  if (v >= INT64_MIN && v <= INT64_MAX) return MP_PRIM_LONG;
  return v >= 0 && v <= UINT64_MAX ? MP_PRIM_ULONG : MP_PRIM_INT128;
}

static MpStatus enumerator_declare(MpParser *p, const MpToken *at, MpInt128 value,
                                   const MpCtype *type) {
  MpConst c;
  memset(&c, 0, sizeof c);
  c.kind = MP_CONST_INT;
  c.type = type;
  c.i = value;
  return mp_redecl_constant(p, at, &c, false);
}

/* enumerator: enumeration-constant attributes ( = constant-expression )? */
static MpStatus enumerator(MpParser *p, EnumState *s) {
  MpToken at = p->lex.tok;
  MpEnumerator *item;
  MpAttr ignored = {0};
  MpInt128 value = s->next;
  if (at.kind != MP_TOK_NAME) return mp_parser_fail(p, MP_MSG_ENUMERATOR_EXPECTED);
  mp_parser_next(p);
  MP_TRY(mp_attr_list(p, &ignored));
  if (mp_parser_accept(p, '=')) MP_TRY(mp_cexpr_integer(p, &value));
  MP_TRY(enumerator_declare(p, &at, value, mp_ctype_prim(p->sp, enumerator_prim(value))));
  item = (MpEnumerator *)mp_parser_push(p, &p->enumerators, sizeof(MpEnumerator));
  if (item == NULL) return MP_FAIL;
  item->name = at.name;
  item->value = value;
  if (value < s->least) s->least = value;
  if (value > s->greatest) s->greatest = value;
  s->next = (MpInt128)((MpUint128)value + 1);
  return MP_OK;
}

/* Does the integer primitive hold both ends? */
static bool prim_holds(MpPrim prim, const EnumState *s) {
  unsigned bits = mp_ctype_prims[prim].size * 8u;
  bool is_unsigned = mp_ctype_prims[prim].cls == MP_CLASS_UINT;
  if (is_unsigned && s->least < 0) return false;
  if (bits >= 128) return true;
  if (is_unsigned) return s->greatest >> bits == 0;
  return s->least >> (bits - 1) >= -1 && s->greatest >> (bits - 1) == 0;
}

/* The compatible type as GCC chooses it: unsigned where no value is negative; small if packed. */
static MpPrim enum_prim(const EnumState *s, const MpAttr *a) {
  static const MpPrim order[] = {MP_PRIM_SCHAR, MP_PRIM_SHORT, MP_PRIM_INT, MP_PRIM_LONG,
                                 MP_PRIM_INT128};
  size_t i = a->packed ? 0 : 2;
  int is_unsigned = s->least >= 0;
  if (a->mode >= MP_MODE_QI && a->mode <= MP_MODE_TI) i = (size_t)(a->mode - MP_MODE_QI);
  while (i < 4 && !prim_holds((MpPrim)(order[i] + is_unsigned), s)) i++;
  return (MpPrim)(order[i] + is_unsigned); /* the unsigned one follows in the list */
}

/* Enumerators that int doesn't hold have the enum's own integer type (GCC 6.49 "Incomplete enum"). */
static MpStatus enum_widen(MpParser *p, MpPrim prim, uint32_t first) {
  uint32_t i;
  for (i = first; i < p->enumerators.n; i++) {
    const MpEnumerator *item = (const MpEnumerator *)p->enumerators.items + i;
    const MpDecl *d = mp_space_find(p->sp, item->name);
    if (enumerator_prim(item->value) == MP_PRIM_INT || d->value->type->prim == prim) continue;
    ((MpConst *)d->value)->type = mp_ctype_prim(p->sp, prim);
    ((MpDecl *)d)->type = d->value->type;
  }
  return MP_OK;
}

/* { enumerator-list ,? } */
static MpStatus enum_body(MpParser *p, EnumState *s) {
  memset(s, 0, sizeof *s);
  mp_parser_next(p);
  while (mp_parser_kind(p) != '}') {
    MP_TRY(enumerator(p, s));
    if (!mp_parser_accept(p, ',')) break;
  }
  return mp_parser_expect(p, '}');
}

static MpStatus enum_complete(MpParser *p, Definition *d, const MpAttr *a, MpPrim prim,
                              uint32_t first) {
  MpEnumeration *en = d->type->u.enumeration;
  uint32_t n = p->enumerators.n - first;
  const MpEnumerator *items = n > 0 ? (const MpEnumerator *)p->enumerators.items + first : NULL;
  uint32_t align = mp_ctype_prims[prim].align;
  const MpName *file = mp_parser_file(p);
  if (file == NULL) return MP_FAIL;
  if (a->align > align) align = a->align;
  MP_TRY(enum_widen(p, prim, first));
  if (mp_ctype_complete_enum(d->type, items, n, prim, align, p->e) != MP_OK)
    return mp_parser_failed(p);
  en->packed = a->packed;
  en->file = file;
  en->line = d->at.line;
  return MP_OK;
}

/* : specifier-qualifier-list (C23 6.7.2.2), a fixed type; `enum e : 3` is an unnamed bit-field */
static MpStatus enum_fixed(MpParser *p, MpPrim *prim) {
  MpSpec spec;
  MpLex saved = p->lex;
  if (!mp_parser_accept(p, ':')) return MP_OK;
  if (!mp_declspec_starts(p)) {
    p->lex = saved;
    return MP_OK;
  }
  MP_TRY(mp_declspec_parse(p, &spec));
  if (!mp_ctype_is_integer(spec.type) || spec.type->kind == MP_KIND_BITINT)
    return mp_parser_fail(p, MP_MSG_ENUM_TYPE);
  *prim = (MpPrim)spec.type->prim;
  return MP_OK;
}

MpStatus mp_record_enum(MpParser *p, const MpCtype **out) {
  Definition d;
  EnumState s;
  MpAttr attr = {0};
  MpPrim fixed = MP_PRIM_COUNT;
  uint32_t first = p->enumerators.n;
  MP_TRY(tag_head(p, &d, &attr));
  MP_TRY(enum_fixed(p, &fixed));
  if (mp_parser_kind(p) != '{') {
    if (d.tag == NULL) return mp_parser_fail(p, MP_MSG_TAG_EXPECTED);
    return mp_record_tagged(p, MP_KIND_ENUM, d.tag, out);
  }
  MP_TRY(definition_start(p, &d));
  MP_TRY(mp_parser_enter(p));
  MP_TRY(enum_body(p, &s));
  mp_parser_leave(p);
  MP_TRY(mp_attr_list(p, &attr));
  MP_TRY(enum_complete(p, &d, &attr, fixed < MP_PRIM_COUNT ? fixed : enum_prim(&s, &attr), first));
  p->enumerators.n = first;
  return definition_finish(p, &d, out);
}

/* }===== */
