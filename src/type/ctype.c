/*
** ctype.c: interned types and what can be asked of them. Called by the
** parser, which makes types, and by everything above, which reads them. A
** type's memory is its home space's.
*/

#include "type/ctype.h"

#include <string.h>

#include "base/num.h"
#include "type/repr.h"
#include "type/space.h"

const MpPrimInfo mp_ctype_prims[MP_PRIM_COUNT] = {
#define X(id, name, cls, size, align) {name, cls, size, align},
    MP_PRIMS(X)
#undef X
};

/* Up to so many fields or enumerators a scan beats a hash. */
#define INDEX_FROM 8

/* {===== queries ===== */

static const MpPrimInfo *ctype_prim(const MpCtype *ct) { return &mp_ctype_prims[ct->prim]; }

bool mp_ctype_is_integer(const MpCtype *ct) {
  if (ct->kind == MP_KIND_PRIM) return ctype_prim(ct)->cls <= MP_CLASS_UINT;
  return ct->kind == MP_KIND_ENUM || ct->kind == MP_KIND_BITINT;
}

bool mp_ctype_is_unsigned(const MpCtype *ct) { return ctype_prim(ct)->cls != MP_CLASS_INT; }

bool mp_ctype_is_float(const MpCtype *ct) {
  return ct->kind == MP_KIND_PRIM && ctype_prim(ct)->cls == MP_CLASS_FLOAT;
}

bool mp_ctype_is_charlike(const MpCtype *ct) {
  return ct->kind == MP_KIND_PRIM && ct->prim >= MP_PRIM_CHAR && ct->prim <= MP_PRIM_UCHAR;
}

bool mp_ctype_is_wide(const MpCtype *ct) {
  return ct->kind == MP_KIND_PRIM && ct->prim >= MP_PRIM_WCHAR && ct->prim <= MP_PRIM_CHAR32;
}

bool mp_ctype_is_prim(const MpCtype *ct, MpPrim prim) {
  return ct->kind == MP_KIND_PRIM && ct->prim == prim;
}

bool mp_ctype_is_function_pointer(const MpCtype *ct) {
  return ct->kind == MP_KIND_POINTER && ct->item->kind == MP_KIND_FUNCTION;
}

unsigned mp_ctype_bits(const MpCtype *ct) {
  if (ct->kind == MP_KIND_BITINT) return (unsigned)ct->length;
  if (mp_ctype_is_prim(ct, MP_PRIM_BOOL)) return 1;
  return (unsigned)ct->size * 8;
}

/* }===== */

/* {===== the index of names ===== */

/* Where in `index` a name's position is, or would go. `names` steps over records of `stride` bytes. */
static uint32_t *index_slot(uint32_t *index, uint32_t mask, const char *names, size_t stride,
                            const MpName *name) {
  uint32_t i = name->hash & mask;
  for (;; i = (i + 1) & mask) {
    const MpName *const *at;
    if (index[i] == 0) return &index[i];
    at = (const MpName *const *)(const void *)(names + (index[i] - 1) * stride);
    if (*at == name) return &index[i];
  }
}

/*
** A hash table over `n` records of `stride` bytes whose names lie at `names`.
** The first of two equal names stays. NULL without an error when few.
*/
static MpStatus index_build(MpArena *arena, const char *names, size_t stride, uint32_t n,
                            uint32_t **index, uint32_t *mask, MpErr *e) {
  uint32_t cap = 16, i;
  *index = NULL;
  *mask = 0;
  if (n <= INDEX_FROM) return MP_OK;
  while (cap < n * 2) cap *= 2;
  *index = (uint32_t *)mp_arena_new(arena, cap * sizeof(uint32_t));
  if (*index == NULL) return mp_err_memory(e);
  *mask = cap - 1;
  for (i = 0; i < n; i++) {
    const MpName *name = *(const MpName *const *)(const void *)(names + i * stride);
    uint32_t *slot = index_slot(*index, *mask, names, stride, name);
    if (*slot == 0) *slot = i + 1;
  }
  return MP_OK;
}

const MpField *mp_ctype_field(const MpCtype *ct, const MpName *name) {
  const MpRecord *r = ct->u.record;
  uint32_t i;
  if (r->index != NULL) {
    const char *names = (const char *)r->flat + offsetof(MpField, name);
    uint32_t at = *index_slot(r->index, r->index_mask, names, sizeof(MpField), name);
    return at == 0 ? NULL : &r->flat[at - 1];
  }
  for (i = 0; i < r->nflat; i++)
    if (r->flat[i].name == name) return &r->flat[i];
  return NULL;
}

const MpCtype *mp_ctype_flexible(const MpCtype *ct, size_t *offset) {
  *offset = 0;
  while (mp_ctype_is_record(ct)) {
    const MpField *last = &ct->u.record->fields[ct->u.record->nfields - 1];
    *offset += last->offset;
    ct = last->type;
  }
  return ct;
}

const MpEnumerator *mp_ctype_enumerator(const MpCtype *ct, MpInt128 value) {
  const MpEnumeration *en = ct->u.enumeration;
  uint32_t i;
  for (i = 0; i < en->nitems; i++)
    if (en->items[i].value == value) return &en->items[i];
  return NULL;
}

const MpEnumerator *mp_ctype_enumerator_named(const MpCtype *ct, const MpName *name) {
  const MpEnumeration *en = ct->u.enumeration;
  uint32_t i;
  if (en->index != NULL) {
    const char *names = (const char *)en->items + offsetof(MpEnumerator, name);
    uint32_t at = *index_slot(en->index, en->index_mask, names, sizeof(MpEnumerator), name);
    return at == 0 ? NULL : &en->items[at - 1];
  }
  for (i = 0; i < en->nitems; i++)
    if (en->items[i].name == name) return &en->items[i];
  return NULL;
}

/* }===== */

/* {===== making types ===== */

/* A copy of `like` in the memory of `home`. */
static MpStatus ctype_copy(MpSpace *home, const MpCtype *like, MpCtype **out, MpErr *e) {
  MpCtype *ct;
  if (mp_space_is_frozen(home)) return mp_err_set(e, MP_MSG_BUSY);
  ct = (MpCtype *)mp_arena_take(&home->arena, sizeof(MpCtype));
  if (ct == NULL) return mp_err_memory(e);
  *ct = *like;
  ct->home = home;
  ct->variants = ct->pointer = NULL;
  ct->plan = NULL;
  if (ct->plain == NULL) ct->plain = ct;
  *out = ct;
  return MP_OK;
}

static void ctype_start(MpCtype *like, MpKind kind) {
  memset(like, 0, sizeof *like);
  like->kind = (uint8_t)kind;
}

/* One step of a multiplicative hash over words (Knuth 6.4). */
static uint64_t hash_mix(uint64_t h, uint64_t word) {
  h = (h ^ word) * UINT64_C(0x9E3779B97F4A7C15);
  return h ^ (h >> 29);
}

static uint32_t ctype_hash(const MpCtype *ct) {
  uint64_t h = hash_mix(((uint64_t)ct->kind << 8) | ct->prim, (uintptr_t)ct->item);
  h = hash_mix(h, ct->length);
  if (ct->kind == MP_KIND_FUNCTION) {
    const MpFunction *f = ct->u.function;
    uint32_t i;
    for (i = 0; i < f->nparams; i++) h = hash_mix(h, (uintptr_t)f->params[i]);
  }
  return (uint32_t)(h >> 32);
}

static bool function_same(const MpFunction *a, const MpFunction *b) {
  return a->nparams == b->nparams && a->variadic == b->variadic &&
         a->unprototyped == b->unprototyped && a->nonblocking == b->nonblocking &&
         (a->nparams == 0 || memcmp(a->params, b->params, a->nparams * sizeof a->params[0]) == 0);
}

/* Have two types the same structure? */
static bool ctype_alike(const MpCtype *a, const MpCtype *b) {
  return a->kind == b->kind && a->prim == b->prim && a->item == b->item && a->length == b->length &&
         (a->kind != MP_KIND_FUNCTION || function_same(a->u.function, b->u.function));
}

static MpStatus function_keep(MpSpace *home, MpCtype *ct, MpErr *e) {
  const MpFunction *like = ct->u.function;
  MpFunction *f;
  uint32_t i;
  f = (MpFunction *)mp_arena_take(&home->arena,
                                  sizeof(MpFunction) + like->nparams * sizeof(like->params[0]));
  if (f == NULL) return mp_err_memory(e);
  *f = *like;
  f->prepared = NULL;
  f->answered = NULL;
  f->params = (const MpCtype **)(void *)(f + 1);
  for (i = 0; i < f->nparams; i++) f->params[i] = like->params[i];
  ct->u.function = f;
  return MP_OK;
}

/* The type of that structure at home in `home`, found or made. */
static MpStatus ctype_intern(MpSpace *home, const MpCtype *like, const MpCtype **out, MpErr *e) {
  uint32_t hash = ctype_hash(like), at;
  MpCtype *ct = (MpCtype *)mp_set_first(&home->derived, hash, &at);
  while (ct != NULL && !ctype_alike(ct, like))
    ct = (MpCtype *)mp_set_next(&home->derived, hash, &at);
  if (ct == NULL) {
    if (ctype_copy(home, like, &ct, e) != MP_OK) return MP_FAIL;
    if (ct->kind == MP_KIND_FUNCTION && function_keep(home, ct, e) != MP_OK) return MP_FAIL;
    if (mp_space_note(home, MP_NOTE_DERIVED, ct, hash, e) != MP_OK) return MP_FAIL;
    if (!mp_set_add(&home->derived, hash, ct)) return mp_err_memory(e);
  }
  *out = ct;
  return MP_OK;
}

const MpCtype *mp_ctype_void(MpSpace *sp) { return sp->root->void_type; }

const MpCtype *mp_ctype_prim(MpSpace *sp, MpPrim prim) { return sp->root->prims[prim]; }

/*
** Size and alignment of a _BitInt(n): those of the smallest standard integer
** that holds it, above 64 bits as an array of 64-bit words (x86-64 psABI 3.1.2).
*/
MpStatus mp_ctype_bitint(MpSpace *sp, bool is_unsigned, size_t bits, const MpCtype **out,
                         MpErr *e) {
  MpCtype like;
  size_t size = 1;
  ctype_start(&like, MP_KIND_BITINT);
  like.prim = is_unsigned ? MP_PRIM_UINT : MP_PRIM_INT;
  like.length = bits;
  while (size < 8 && size * 8 < bits) size *= 2;
  if (bits > 64) size = mp_num_align((bits + 7) / 8, 8);
  like.size = size;
  like.align = (uint32_t)(size > 8 ? 8 : size);
  like.flags = MP_CTF_COMPLETE;
  return ctype_intern(sp->root, &like, out, e);
}

MpStatus mp_ctype_complex(MpSpace *sp, const MpCtype *part, const MpCtype **out, MpErr *e) {
  MpCtype like;
  ctype_start(&like, MP_KIND_COMPLEX);
  like.item = part->plain;
  like.size = part->size * 2;
  like.align = part->plain->align;
  like.flags = MP_CTF_COMPLETE;
  return ctype_intern(sp->root, &like, out, e);
}

MpStatus mp_ctype_pointer(MpSpace *sp, const MpCtype *item, const MpCtype **out, MpErr *e) {
  MpCtype like, *ct;
  MpSpace *home = item->home;
  (void)sp;
  if (item->pointer == NULL) {
    ctype_start(&like, MP_KIND_POINTER);
    like.item = item;
    like.size = sizeof(void *);
    like.align = (uint32_t) _Alignof(void *);
    like.flags = MP_CTF_COMPLETE | MP_CTF_HASPTR;
    if (ctype_copy(home, &like, &ct, e) != MP_OK) return MP_FAIL;
    if (mp_space_note(home, MP_NOTE_POINTER, item, 0, e) != MP_OK) return MP_FAIL;
    ((MpCtype *)item)->pointer = ct;
  }
  *out = item->pointer;
  return MP_OK;
}

static MpStatus array_of_incomplete(const MpCtype *item, MpErr *e) {
  MpBuf name;
  MpStatus status;
  mp_buf_init(&name, item->home->alloc);
  mp_repr_type(&name, item, NULL);
  status =
      mp_buf_cstr(&name) ? mp_err_set(e, MP_MSG_ARRAY_INCOMPLETE, name.data) : mp_err_memory(e);
  mp_buf_fini(&name);
  return status;
}

MpStatus mp_ctype_array(MpSpace *sp, const MpCtype *item, size_t length, const MpCtype **out,
                        MpErr *e) {
  MpCtype like;
  (void)sp;
  if (item->kind == MP_KIND_FUNCTION) return mp_err_set(e, MP_MSG_ARRAY_FUNCTION);
  ctype_start(&like, MP_KIND_ARRAY);
  if (!mp_ctype_is_complete(item)) return array_of_incomplete(item, e);
  if (length != MP_LENGTH_OPEN) {
    like.flags = MP_CTF_COMPLETE;
    if (!mp_num_mul(item->size, length, &like.size)) return mp_err_set(e, MP_MSG_TYPE_TOO_LARGE);
  }
  like.item = item;
  like.length = length;
  like.align = item->align;
  like.flags |= item->flags & (MP_CTF_HASPTR | MP_CTF_CONSTPART);
  if (item->quals & MP_QUAL_CONST) like.flags |= MP_CTF_CONSTPART;
  return ctype_intern(item->home, &like, out, e);
}

MpStatus mp_ctype_vector(MpSpace *sp, const MpCtype *item, size_t length, const MpCtype **out,
                         MpErr *e) {
  MpCtype like;
  (void)sp;
  ctype_start(&like, MP_KIND_VECTOR);
  like.item = item->plain;
  like.length = length;
  if (!mp_num_mul(item->size, length, &like.size) || like.size > UINT32_MAX)
    return mp_err_set(e, MP_MSG_TYPE_TOO_LARGE);
  like.align = (uint32_t)like.size;
  like.flags = MP_CTF_COMPLETE;
  return ctype_intern(item->home, &like, out, e);
}

MpStatus mp_ctype_function(MpSpace *sp, const MpCtype *result, const MpFunction *proto,
                           const MpCtype **out, MpErr *e) {
  MpCtype like;
  MpFunction copy = *proto;
  MpSpace *home = result->home;
  uint32_t i;
  for (i = 0; i < proto->nparams; i++) home = mp_space_join(sp, home, proto->params[i]->home);
  ctype_start(&like, MP_KIND_FUNCTION);
  like.item = result;
  like.align = 1;
  like.u.function = &copy;
  return ctype_intern(home, &like, out, e);
}

/* Takes over what a completion set. */
static void variant_follow(MpCtype *v, const MpCtype *plain) {
  uint8_t mine = v->flags & MP_CTF_ALIGNED;
  v->flags = plain->flags | mine;
  v->size = plain->size;
  v->prim = plain->prim;
  if (!mine) v->align = plain->align;
  /* An atomic type of 2, 4, 8 or 16 bytes is aligned to its size (GCC and Clang on x86-64). */
  if ((v->quals & MP_QUAL_ATOMIC) && mp_num_ispow2(v->size) && v->size <= 16 && v->align < v->size)
    v->align = (uint32_t)v->size;
}

/* The variant of `plain` with exactly these qualifiers and this alignment (0: its own). */
static MpStatus ctype_variant(const MpCtype *plain, unsigned quals, uint32_t align,
                              const MpCtype **out, MpErr *e) {
  MpCtype *ct;
  const MpCtype *v;
  if (quals == 0 && align == 0) {
    *out = plain;
    return MP_OK;
  }
  for (v = plain->variants; v != NULL; v = v->variants) {
    if (v->quals != quals) continue;
    if (align ? ((v->flags & MP_CTF_ALIGNED) && v->align == align) : !(v->flags & MP_CTF_ALIGNED)) {
      *out = v;
      return MP_OK;
    }
  }
  if (ctype_copy(plain->home, plain, &ct, e) != MP_OK) return MP_FAIL;
  ct->quals = (uint8_t)quals;
  if (align != 0) {
    ct->align = align;
    ct->flags |= MP_CTF_ALIGNED;
  }
  variant_follow(ct, plain);
  if (mp_space_note(plain->home, MP_NOTE_VARIANT, plain, 0, e) != MP_OK) return MP_FAIL;
  ct->variants = plain->variants;
  ((MpCtype *)plain)->variants = ct;
  *out = ct;
  return MP_OK;
}

static uint32_t ctype_own_align(const MpCtype *ct) {
  return ct->flags & MP_CTF_ALIGNED ? ct->align : 0;
}

MpStatus mp_ctype_qualify(MpSpace *sp, const MpCtype *ct, unsigned quals, uint32_t align,
                          const MpCtype **out, MpErr *e) {
  const MpCtype *of = ct->plain;
  if (align == 0) align = ctype_own_align(ct);
  quals |= ct->quals;
  if (ct->kind == MP_KIND_ARRAY && quals != 0) {
    const MpCtype *item;
    if (mp_ctype_qualify(sp, ct->item, quals, 0, &item, e) != MP_OK) return MP_FAIL;
    if (mp_ctype_array(sp, item, ct->length, &of, e) != MP_OK) return MP_FAIL;
    quals = 0;
  }
  return ctype_variant(of, quals, align, out, e);
}

MpStatus mp_ctype_unqualify(MpSpace *sp, const MpCtype *ct, const MpCtype **out, MpErr *e) {
  const MpCtype *of = ct->plain;
  if (ct->kind == MP_KIND_ARRAY) {
    const MpCtype *item;
    if (mp_ctype_unqualify(sp, ct->item, &item, e) != MP_OK) return MP_FAIL;
    if (mp_ctype_array(sp, item, ct->length, &of, e) != MP_OK) return MP_FAIL;
  }
  return ctype_variant(of, 0, ctype_own_align(ct), out, e);
}

/* }===== */

/* {===== records and enums ===== */

MpStatus mp_ctype_newrecord(MpSpace *sp, MpKind kind, const MpName *tag, MpCtype **out, MpErr *e) {
  MpCtype like;
  MpRecord *r = (MpRecord *)mp_arena_new(&sp->arena, sizeof(MpRecord));
  if (r == NULL) return mp_err_memory(e);
  r->tag = tag;
  ctype_start(&like, kind);
  like.align = 1;
  like.u.record = r;
  return ctype_copy(sp, &like, out, e);
}

MpStatus mp_ctype_newenum(MpSpace *sp, const MpName *tag, MpCtype **out, MpErr *e) {
  MpCtype like;
  MpEnumeration *en = (MpEnumeration *)mp_arena_new(&sp->arena, sizeof(MpEnumeration));
  if (en == NULL) return mp_err_memory(e);
  en->tag = tag;
  ctype_start(&like, MP_KIND_ENUM);
  like.prim = MP_PRIM_UINT;
  like.align = 1;
  like.u.enumeration = en;
  return ctype_copy(sp, &like, out, e);
}

static bool field_is_anonymous(const MpField *f) {
  return f->name == NULL && !f->is_bits && mp_ctype_is_record(f->type);
}

/* Members that the flattened list has; `*as_declared`: it is the list of fields itself. */
static uint32_t record_count_flat(const MpRecord *r, bool *as_declared) {
  uint32_t count = 0, i;
  *as_declared = true;
  for (i = 0; i < r->nfields; i++) {
    const MpField *f = &r->fields[i];
    if (f->name != NULL) {
      count++;
      continue;
    }
    *as_declared = false;
    if (field_is_anonymous(f)) count += f->type->u.record->nflat;
  }
  return count;
}

/* Members of anonymous members are members of the record (C11 6.7.2.1p13). */
static MpStatus record_flatten(MpRecord *r, MpArena *arena, MpErr *e) {
  bool as_declared;
  uint32_t i, j, n = 0;
  r->nflat = record_count_flat(r, &as_declared);
  r->flat = r->fields;
  if (as_declared) return MP_OK;
  r->flat = (MpField *)mp_arena_take(arena, r->nflat * sizeof(MpField));
  if (r->flat == NULL) return mp_err_memory(e);
  for (i = 0; i < r->nfields; i++) {
    const MpField *f = &r->fields[i];
    if (f->name != NULL) {
      r->flat[n++] = *f;
    } else if (field_is_anonymous(f)) {
      const MpRecord *inner = f->type->u.record;
      for (j = 0; j < inner->nflat; j++) {
        r->flat[n] = inner->flat[j];
        r->flat[n++].offset += f->offset;
      }
    }
  }
  return MP_OK;
}

/* An array that its block's size gives its length, or a struct that ends in one (GNU C). */
static bool is_flexible(const MpCtype *ct) {
  if (ct->kind == MP_KIND_ARRAY) return ct->length == MP_LENGTH_OPEN || ct->length == 0;
  return ct->flags & MP_CTF_FLEXIBLE;
}

static uint8_t record_flags(const MpCtype *ct, const MpField *fields, uint32_t n) {
  uint8_t flags = MP_CTF_COMPLETE;
  uint32_t i;
  for (i = 0; i < n; i++) {
    const MpCtype *t = fields[i].type;
    flags |= t->flags & (MP_CTF_HASPTR | MP_CTF_CONSTPART);
    if (t->quals & MP_QUAL_CONST) flags |= MP_CTF_CONSTPART;
  }
  if (ct->kind == MP_KIND_STRUCT && n > 0 && is_flexible(fields[n - 1].type))
    flags |= MP_CTF_FLEXIBLE;
  return flags;
}

static void ctype_tell_variants(const MpCtype *ct) {
  const MpCtype *v;
  for (v = ct->variants; v != NULL; v = v->variants) variant_follow((MpCtype *)v, ct);
}

MpStatus mp_ctype_complete_record(MpCtype *ct, const MpField *fields, uint32_t nfields, size_t size,
                                  uint32_t align, MpErr *e) {
  MpRecord *r = ct->u.record;
  MpArena *arena = &ct->home->arena;
  r->fields = (MpField *)mp_arena_take(arena, nfields * sizeof(MpField));
  if (r->fields == NULL) return mp_err_memory(e);
  if (nfields > 0) memcpy(r->fields, fields, nfields * sizeof(MpField));
  r->nfields = nfields;
  if (record_flatten(r, arena, e) != MP_OK) return MP_FAIL;
  if (index_build(arena, (const char *)r->flat + offsetof(MpField, name), sizeof(MpField), r->nflat,
                  &r->index, &r->index_mask, e) != MP_OK)
    return MP_FAIL;
  if (mp_space_note(ct->home, MP_NOTE_COMPLETED, ct, 0, e) != MP_OK) return MP_FAIL;
  ct->flags = record_flags(ct, fields, nfields);
  ct->size = size;
  ct->align = align;
  ctype_tell_variants(ct);
  return MP_OK;
}

MpStatus mp_ctype_complete_enum(MpCtype *ct, const MpEnumerator *items, uint32_t nitems,
                                MpPrim prim, uint32_t align, MpErr *e) {
  MpEnumeration *en = ct->u.enumeration;
  MpArena *arena = &ct->home->arena;
  en->items = (MpEnumerator *)mp_arena_new(arena, nitems * sizeof(MpEnumerator));
  if (en->items == NULL) return mp_err_memory(e);
  if (nitems > 0) memcpy(en->items, items, nitems * sizeof(MpEnumerator));
  en->nitems = nitems;
  if (index_build(arena, (const char *)en->items + offsetof(MpEnumerator, name),
                  sizeof(MpEnumerator), nitems, &en->index, &en->index_mask, e) != MP_OK)
    return MP_FAIL;
  if (mp_space_note(ct->home, MP_NOTE_COMPLETED, ct, 0, e) != MP_OK) return MP_FAIL;
  ct->flags |= MP_CTF_COMPLETE;
  ct->prim = (uint8_t)prim;
  ct->size = mp_ctype_prims[prim].size;
  ct->align = align;
  ctype_tell_variants(ct);
  return MP_OK;
}

void mp_ctype_uncomplete(MpCtype *ct) {
  if (ct->kind == MP_KIND_ENUM) {
    ct->u.enumeration->items = NULL;
    ct->u.enumeration->nitems = 0;
    ct->u.enumeration->index = NULL;
  } else {
    MpRecord *r = ct->u.record;
    r->fields = r->flat = NULL;
    r->nfields = r->nflat = 0;
    r->index = NULL;
    r->keys = NULL;
  }
  ct->flags = 0;
  ct->size = 0;
  ct->align = 1;
  ctype_tell_variants(ct);
}

/* }===== */
