/*
** space.c: declared names, and the taking back of a failed declaration. An
** instance owns its space; the parser fills it; libraries and type strings
** read it.
*/

#include "type/space.h"

#include <string.h>

#include "base/num.h"

/* What was done, for undoing it. */
struct MpSpaceUndo {
  const void *what; /* a type, or the declaration or tag that was hidden */
  uint32_t note;    /* MpSpaceNote */
  uint32_t hash;
};

/* An undo list up to this size stays allocated. */
#define UNDO_KEPT 32

/* Bytes of text a declaration, and from how many of these a table is made ready. */
#define EXPECT_BYTES 100
#define EXPECT_FROM 16

/* {===== life ===== */

static MpStatus space_add_prims(MpSpace *sp, MpErr *e) {
  MpCtype *all = (MpCtype *)mp_arena_new(&sp->arena, (MP_PRIM_COUNT + 1) * sizeof(MpCtype));
  int i;
  if (all == NULL) return mp_err_memory(e);
  for (i = 0; i <= MP_PRIM_COUNT; i++) {
    MpCtype *ct = &all[i];
    ct->kind = MP_KIND_PRIM;
    ct->plain = ct;
    ct->home = sp;
    if (i == MP_PRIM_COUNT) break;
    ct->prim = (uint8_t)i;
    ct->size = mp_ctype_prims[i].size;
    ct->align = mp_ctype_prims[i].align;
    ct->flags = MP_CTF_COMPLETE;
    sp->prims[i] = ct;
  }
  all[MP_PRIM_COUNT].kind = MP_KIND_VOID;
  all[MP_PRIM_COUNT].align = 1;
  sp->void_type = &all[MP_PRIM_COUNT];
  return MP_OK;
}

MpStatus mp_space_init(MpSpace *sp, const MpAlloc *alloc, MpNames *names, MpSpace *root, MpErr *e) {
  memset(sp, 0, sizeof *sp);
  sp->alloc = alloc;
  sp->names = names;
  sp->root = root ? root : sp;
  sp->engine = root ? root->engine : NULL;
  sp->frozen = root ? root->frozen : NULL;
  sp->last = &sp->first;
  sp->last_tag = &sp->first_tag;
  mp_arena_init(&sp->arena, alloc);
  mp_set_init(&sp->derived, alloc);
  mp_set_init(&sp->ordinary, alloc);
  mp_set_init(&sp->tags, alloc);
  return root ? MP_OK : space_add_prims(sp, e);
}

void mp_space_fini(MpSpace *sp) {
  mp_set_fini(&sp->derived);
  mp_set_fini(&sp->ordinary);
  mp_set_fini(&sp->tags);
  mp_alloc_free(sp->alloc, sp->includes, sp->cap_includes * sizeof(MpSpace *));
  mp_alloc_free(sp->alloc, sp->undo, sp->cap_undo * sizeof(MpSpaceUndo));
  mp_arena_fini(&sp->arena);
}

void mp_space_expect(MpSpace *sp, size_t len) {
  size_t n = len / EXPECT_BYTES;
  if (n < EXPECT_FROM) return;
  mp_set_reserve(&sp->names->set, 2 * n);
  mp_set_reserve(&sp->ordinary, n);
  mp_set_reserve(&sp->derived, n);
}

/* }===== */

/* {===== mark and roll back ===== */

MpSpaceMark mp_space_mark(MpSpace *sp) {
  MpSpaceMark mark;
  mp_assert(!sp->marked);
  sp->marked = true;
  mark.arena = mp_arena_mark(&sp->arena);
  mark.last = sp->last;
  mark.last_tag = sp->last_tag;
  mark.generation = sp->generation;
  return mark;
}

void mp_space_commit(MpSpace *sp) {
  sp->marked = false;
  sp->nundo = 0;
  if (sp->cap_undo <= UNDO_KEPT) return; /* for the next type string */
  mp_alloc_free(sp->alloc, sp->undo, sp->cap_undo * sizeof(MpSpaceUndo));
  sp->undo = NULL;
  sp->cap_undo = 0;
}

static MpStatus undo_grow(MpSpace *sp, MpErr *e) {
  uint32_t cap = sp->cap_undo ? sp->cap_undo * 4 : UNDO_KEPT;
  size_t bytes;
  void *more;
  if (cap < sp->cap_undo || !mp_num_mul(cap, sizeof(MpSpaceUndo), &bytes)) return mp_err_memory(e);
  more = mp_alloc_resize(sp->alloc, sp->undo, sp->cap_undo * sizeof(MpSpaceUndo), bytes);
  if (more == NULL) return mp_err_memory(e);
  sp->undo = (MpSpaceUndo *)more;
  sp->cap_undo = cap;
  return MP_OK;
}

MpStatus mp_space_note(MpSpace *sp, MpSpaceNote note, const void *what, uint32_t hash, MpErr *e) {
  MpSpaceUndo *u;
  if (!sp->marked) return MP_OK;
  if (sp->nundo == sp->cap_undo && undo_grow(sp, e) != MP_OK) return MP_FAIL;
  u = &sp->undo[sp->nundo++];
  u->what = what;
  u->note = note;
  u->hash = hash;
  return MP_OK;
}

/* The last declaration of that name, MP_DECL_NONE as well. */
static const MpDecl *names_last(const MpSpace *sp, const MpName *name) {
  uint32_t at;
  const MpDecl *d = (const MpDecl *)mp_set_first(&sp->ordinary, name->hash, &at);
  while (d != NULL && d->name != name)
    d = (const MpDecl *)mp_set_next(&sp->ordinary, name->hash, &at);
  return d;
}

static void undo_one(MpSpace *sp, const MpSpaceUndo *u) {
  MpCtype *ct = (MpCtype *)u->what;
  MpDecl *decl = (MpDecl *)u->what;
  MpTag *tag = (MpTag *)u->what;
  switch ((MpSpaceNote)u->note) {
    case MP_NOTE_DERIVED: mp_set_remove(&sp->derived, u->hash, ct); break;
    case MP_NOTE_POINTER: ct->pointer = NULL; break;
    case MP_NOTE_VARIANT: ct->variants = ct->variants->variants; break;
    case MP_NOTE_COMPLETED: mp_ctype_uncomplete(ct); break;
    case MP_NOTE_HIDDEN:
      mp_set_replace(&sp->ordinary, u->hash, names_last(sp, decl->name), decl);
      break;
    case MP_NOTE_HIDDEN_TAG:
      mp_set_replace(&sp->tags, u->hash, mp_space_own_tag(sp, tag->name), tag);
      break;
  }
}

/* What was hidden is back: what is still found, and new, goes. */
static void forget_names(MpSpace *sp, const MpSpaceMark *mark) {
  const MpDecl *d;
  const MpTag *t;
  for (d = *mark->last; d != NULL; d = d->next) mp_set_remove(&sp->ordinary, d->name->hash, d);
  for (t = *mark->last_tag; t != NULL; t = t->next) mp_set_remove(&sp->tags, t->name->hash, t);
  sp->last = mark->last;
  sp->last_tag = mark->last_tag;
  *sp->last = NULL;
  *sp->last_tag = NULL;
}

void mp_space_rollback(MpSpace *sp, MpSpaceMark mark) {
  uint32_t n = sp->nundo;
  while (n-- > 0) undo_one(sp, &sp->undo[n]);
  forget_names(sp, &mark);
  mp_space_commit(sp);
  mp_arena_release(&sp->arena, mark.arena);
  sp->generation = mark.generation;
}

/* }===== */

/* {===== names ===== */

const MpDecl *mp_space_own(const MpSpace *sp, const MpName *name) {
  const MpDecl *d = names_last(sp, name);
  return d == NULL || d->kind == MP_DECL_NONE ? NULL : d;
}

const MpTag *mp_space_own_tag(const MpSpace *sp, const MpName *name) {
  uint32_t at;
  const MpTag *t = (const MpTag *)mp_set_first(&sp->tags, name->hash, &at);
  while (t != NULL && t->name != name) t = (const MpTag *)mp_set_next(&sp->tags, name->hash, &at);
  return t;
}

const MpDecl *mp_space_find(const MpSpace *sp, const MpName *name) {
  const MpDecl *d = mp_space_own(sp, name);
  uint32_t i;
  for (i = 0; d == NULL && i < sp->nincludes; i++) d = mp_space_find(sp->includes[i], name);
  return d;
}

const MpTag *mp_space_find_tag(const MpSpace *sp, const MpName *name) {
  const MpTag *t = mp_space_own_tag(sp, name);
  uint32_t i;
  for (i = 0; t == NULL && i < sp->nincludes; i++) t = mp_space_find_tag(sp->includes[i], name);
  return t;
}

/* Puts a declaration or tag into its set, in the place of `hidden` if that isn't NULL. */
static MpStatus names_put(MpSpace *sp, MpSet *set, const MpName *name, void *item,
                          const void *hidden, MpSpaceNote note, MpErr *e) {
  if (hidden == NULL) return mp_set_add(set, name->hash, item) ? MP_OK : mp_err_memory(e);
  if (mp_space_note(sp, note, hidden, name->hash, e) != MP_OK) return MP_FAIL;
  mp_set_replace(set, name->hash, hidden, item);
  return MP_OK;
}

MpStatus mp_space_declare(MpSpace *sp, const MpDecl *proto, const MpDecl **out, MpErr *e) {
  MpDecl *d = (MpDecl *)mp_arena_take(&sp->arena, sizeof(MpDecl));
  const MpDecl *hidden = names_last(sp, proto->name);
  if (d == NULL) return mp_err_memory(e);
  *d = *proto;
  d->next = NULL;
  if (names_put(sp, &sp->ordinary, d->name, d, hidden, MP_NOTE_HIDDEN, e) != MP_OK) return MP_FAIL;
  *sp->last = d;
  sp->last = &d->next;
  sp->generation++;
  if (out != NULL) *out = d;
  return MP_OK;
}

MpStatus mp_space_declare_tag(MpSpace *sp, const MpName *name, MpCtype *type, MpErr *e) {
  MpTag *t = (MpTag *)mp_arena_take(&sp->arena, sizeof(MpTag));
  const MpTag *hidden = mp_space_own_tag(sp, name);
  if (t == NULL) return mp_err_memory(e);
  t->name = name;
  t->type = type;
  t->next = NULL;
  if (names_put(sp, &sp->tags, name, t, hidden, MP_NOTE_HIDDEN_TAG, e) != MP_OK) return MP_FAIL;
  *sp->last_tag = t;
  sp->last_tag = &t->next;
  sp->generation++;
  return MP_OK;
}

/* }===== */

/* {===== inclusion ===== */

bool mp_space_sees(const MpSpace *sp, const MpSpace *other) {
  uint32_t i;
  if (sp == other || other == other->root) return true;
  for (i = 0; i < sp->nincludes; i++)
    if (mp_space_sees(sp->includes[i], other)) return true;
  return false;
}

MpStatus mp_space_include(MpSpace *sp, MpSpace *other, MpErr *e) {
  uint32_t i;
  if (mp_space_is_frozen(sp)) return mp_err_set(e, MP_MSG_BUSY);
  if (sp == other) return mp_err_set(e, MP_MSG_INCLUDE_SELF);
  if (mp_space_sees(other, sp)) return mp_err_set(e, MP_MSG_INCLUDE_CIRCLE);
  for (i = 0; i < sp->nincludes; i++)
    if (sp->includes[i] == other) return MP_OK;
  if (sp->nincludes == sp->cap_includes) {
    uint32_t cap = sp->cap_includes ? sp->cap_includes * 2 : 4;
    MpSpace **more = (MpSpace **)mp_alloc_resize(
        sp->alloc, sp->includes, sp->cap_includes * sizeof(MpSpace *), cap * sizeof(MpSpace *));
    if (more == NULL) return mp_err_memory(e);
    sp->includes = more;
    sp->cap_includes = cap;
  }
  sp->includes[sp->nincludes++] = other;
  sp->generation++;
  return MP_OK;
}

uint32_t mp_space_version(const MpSpace *sp) {
  uint32_t sum = sp->generation, i;
  for (i = 0; i < sp->nincludes; i++) sum += mp_space_version(sp->includes[i]);
  return sum;
}

MpSpace *mp_space_join(MpSpace *sp, MpSpace *a, MpSpace *b) {
  if (a == b) return a;
  if (mp_space_sees(a, b)) return a;
  if (mp_space_sees(b, a)) return b;
  return sp;
}

/* }===== */
