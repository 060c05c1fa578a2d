/*
** space.c: declared names, and the taking back of a failed declaration. An
** instance owns its space; the parser fills it; libraries and type strings
** read it.
*/

#include "type/space.h"

#include <string.h>

#include "base/num.h"

/* What was done, for undoing it. The records lie in the undo arena. */
typedef enum UndoKind { UNDO_NOTE, UNDO_DECL, UNDO_TAG } UndoKind;

struct MpSpaceUndo {
  MpSpaceUndo *older;
  UndoKind kind;
  MpSpaceNote note;
  uint32_t hash;
  const void *what; /* type, declaration or tag */
  void *hidden;     /* the declaration or tag that it hid */
  void *last;       /* the end of the list that it was put on */
};

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
  mp_arena_init(&sp->undo_arena, alloc);
  mp_map_init(&sp->derived, alloc);
  mp_map_init(&sp->ordinary, alloc);
  mp_map_init(&sp->tags, alloc);
  return root ? MP_OK : space_add_prims(sp, e);
}

void mp_space_fini(MpSpace *sp) {
  mp_map_fini(&sp->derived);
  mp_map_fini(&sp->ordinary);
  mp_map_fini(&sp->tags);
  mp_alloc_free(sp->alloc, sp->includes, sp->cap_includes * sizeof(MpSpace *));
  mp_arena_fini(&sp->undo_arena);
  mp_arena_fini(&sp->arena);
}

/* }===== */

/* {===== mark and roll back ===== */

MpSpaceMark mp_space_mark(MpSpace *sp) {
  MpSpaceMark mark;
  mp_assert(!sp->marked);
  sp->marked = true;
  mark.arena = mp_arena_mark(&sp->arena);
  mark.generation = sp->generation;
  return mark;
}

void mp_space_commit(MpSpace *sp) {
  sp->marked = false;
  sp->undo = NULL;
  mp_arena_fini(&sp->undo_arena);
}

/* A record of what is about to be done; NULL without failure when nothing is marked. */
static MpStatus undo_push(MpSpace *sp, UndoKind kind, const void *what, MpSpaceUndo **out,
                          MpErr *e) {
  MpSpaceUndo *u;
  *out = NULL;
  if (!sp->marked) return MP_OK;
  u = (MpSpaceUndo *)mp_arena_new(&sp->undo_arena, sizeof(MpSpaceUndo));
  if (u == NULL) return mp_err_memory(e);
  u->older = sp->undo;
  u->kind = kind;
  u->what = what;
  sp->undo = u;
  *out = u;
  return MP_OK;
}

MpStatus mp_space_note(MpSpace *sp, MpSpaceNote what, const MpCtype *type, uint32_t hash,
                       MpErr *e) {
  MpSpaceUndo *u;
  if (undo_push(sp, UNDO_NOTE, type, &u, e) != MP_OK) return MP_FAIL;
  if (u != NULL) {
    u->note = what;
    u->hash = hash;
  }
  return MP_OK;
}

static void undo_note(MpSpace *sp, const MpSpaceUndo *u) {
  MpCtype *ct = (MpCtype *)u->what;
  switch (u->note) {
    case MP_NOTE_DERIVED: mp_map_drop(&sp->derived, u->hash, ct); break;
    case MP_NOTE_POINTER: ct->pointer = NULL; break;
    case MP_NOTE_VARIANT: ct->variants = ct->variants->next_variant; break;
    case MP_NOTE_COMPLETED: mp_ctype_uncomplete(ct); break;
  }
}

/* Puts back what a name meant before: its slot is there, so that this can't fail. */
static void undo_name(MpMap *map, const MpName *name, void *hidden) {
  if (hidden == NULL) {
    mp_map_remove(map, name);
  } else {
    bool kept = mp_map_set(map, name, hidden);
    mp_assert(kept);
    (void)kept;
  }
}

static void undo_one(MpSpace *sp, const MpSpaceUndo *u) {
  if (u->kind == UNDO_NOTE) {
    undo_note(sp, u);
  } else if (u->kind == UNDO_DECL) {
    undo_name(&sp->ordinary, ((const MpDecl *)u->what)->name, u->hidden);
    sp->last = (MpDecl **)u->last;
    *sp->last = NULL;
  } else {
    undo_name(&sp->tags, ((const MpTag *)u->what)->name, u->hidden);
    sp->last_tag = (MpTag **)u->last;
    *sp->last_tag = NULL;
  }
}

void mp_space_rollback(MpSpace *sp, MpSpaceMark mark) {
  const MpSpaceUndo *u;
  for (u = sp->undo; u != NULL; u = u->older) undo_one(sp, u);
  mp_space_commit(sp);
  mp_arena_release(&sp->arena, mark.arena);
  sp->generation = mark.generation;
}

/* }===== */

/* {===== names ===== */

const MpDecl *mp_space_own(const MpSpace *sp, const MpName *name) {
  return (const MpDecl *)mp_map_get(&sp->ordinary, name);
}

const MpTag *mp_space_own_tag(const MpSpace *sp, const MpName *name) {
  return (const MpTag *)mp_map_get(&sp->tags, name);
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

MpStatus mp_space_declare(MpSpace *sp, const MpDecl *proto, const MpDecl **out, MpErr *e) {
  MpSpaceUndo *u;
  MpDecl *d = (MpDecl *)mp_arena_new(&sp->arena, sizeof(MpDecl));
  void *hidden = mp_map_get(&sp->ordinary, proto->name);
  if (d == NULL) return mp_err_memory(e);
  *d = *proto;
  d->next = NULL;
  if (!mp_map_set(&sp->ordinary, d->name, d)) return mp_err_memory(e);
  if (undo_push(sp, UNDO_DECL, d, &u, e) != MP_OK) {
    undo_name(&sp->ordinary, d->name, hidden);
    return MP_FAIL;
  }
  if (u != NULL) {
    u->hidden = hidden;
    u->last = sp->last;
  }
  *sp->last = d;
  sp->last = &d->next;
  sp->generation++;
  if (out != NULL) *out = d;
  return MP_OK;
}

MpStatus mp_space_declare_tag(MpSpace *sp, const MpName *name, MpCtype *type, MpErr *e) {
  MpSpaceUndo *u;
  MpTag *t = (MpTag *)mp_arena_new(&sp->arena, sizeof(MpTag));
  void *hidden = mp_map_get(&sp->tags, name);
  if (t == NULL) return mp_err_memory(e);
  t->name = name;
  t->type = type;
  if (!mp_map_set(&sp->tags, name, t)) return mp_err_memory(e);
  if (undo_push(sp, UNDO_TAG, t, &u, e) != MP_OK) {
    undo_name(&sp->tags, name, hidden);
    return MP_FAIL;
  }
  if (u != NULL) {
    u->hidden = hidden;
    u->last = sp->last_tag;
  }
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
  if (mp_space_sees(a, b)) return a;
  if (mp_space_sees(b, a)) return b;
  return sp;
}

/* }===== */
