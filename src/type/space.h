/*
** space.h: a space of declared names, one an instance, and the types that are
** at home in it. The root space of a state has no names: it is home to the
** types that are made of primitives alone, so that they are one per state.
**
** A declaration is a transaction: mark, declare, and keep or roll back.
*/

#ifndef MP_TYPE_SPACE_H
#define MP_TYPE_SPACE_H

#include "base/arena.h"
#include "type/ctype.h"

typedef enum MpDeclKind {
  MP_DECL_TYPEDEF,
  MP_DECL_FUNCTION,
  MP_DECL_VARIABLE,
  MP_DECL_CONSTANT, /* an enumerator, a macro with a value, a static const number */
  MP_DECL_MACRO,    /* a macro without a constant value: remembered, not usable */
  MP_DECL_NONE      /* #undef: as if the name weren't there; no search finds it */
} MpDeclKind;

typedef enum MpConstKind { MP_CONST_INT, MP_CONST_FLOAT, MP_CONST_STRING } MpConstKind;

/* A constant's value; `type` is its C type (of a string: char[n], or a wide one). */
typedef struct MpConst {
  MpConstKind kind;
  const MpCtype *type;
  MpInt128 i; /* an unsigned __int128 beyond the range is kept as its bits */
  long double f;
  const char *s; /* string: its bytes, a NUL behind; in the space's memory */
  size_t len;    /* bytes of s */
} MpConst;

typedef struct MpDecl MpDecl;
struct MpDecl {
  const MpName *name;
  const MpCtype *type;  /* NULL for MP_DECL_MACRO */
  const MpName *symbol; /* asm("…") name, else NULL */
  const MpConst *value; /* of a constant */
  const MpName *file;   /* where it was declared; NULL for built-in ones */
  MpDecl *next;         /* in order of declaration */
  uint32_t line;
  uint8_t kind;   /* MpDeclKind */
  bool is_inline; /* static: there is no symbol to look for */
  bool is_macro;  /* of a constant: #define gave it */
};

typedef struct MpTag {
  const MpName *name;
  MpCtype *type;      /* struct, union or enum */
  struct MpTag *next; /* in order of declaration */
} MpTag;

typedef struct MpSpaceUndo MpSpaceUndo;

struct MpSpace {
  const MpAlloc *alloc;
  MpNames *names;
  MpSpace *root;      /* itself for the root */
  void *engine;       /* whose state this belongs to; floors below `value` pass it on unseen */
  const bool *frozen; /* the root's: true while an allocator runs that may declare; NULL: never */
  MpArena arena;
  MpSet derived;        /* types at home here, by their structure */
  MpSet ordinary, tags; /* MpDecl, MpTag, by their names (C11 6.2.3: two name spaces) */
  MpDecl *first, **last;
  MpTag *first_tag, **last_tag;
  MpSpace **includes;
  uint32_t nincludes, cap_includes;
  MpSpaceUndo *undo; /* what a roll-back takes back, oldest first; filled while `marked` */
  uint32_t nundo, cap_undo;
  bool marked;
  const MpCtype *prims[MP_PRIM_COUNT]; /* the root's */
  const MpCtype *void_type;            /* the root's */
  uint32_t generation;                 /* counts changes of its names */
};

typedef struct MpSpaceMark {
  MpArenaMark arena;
  MpDecl **last;
  MpTag **last_tag;
  uint32_t generation;
} MpSpaceMark;

/* A root (`root` NULL) with the primitives, or a space over a root. The names outlive it. */
MP_CHECKED MpStatus mp_space_init(MpSpace *sp, const MpAlloc *alloc, MpNames *names, MpSpace *root,
                                  MpErr *e);
void mp_space_fini(MpSpace *sp);

/*
** A text of `len` bytes is about to be declared: tables get the size that it
** will want at the least. Headers have 70 to 150 bytes a declaration.
*/
void mp_space_expect(MpSpace *sp, size_t len);

/*
** Is somebody in the middle of taking memory for this space or another of the
** state? Then nothing may be declared and no type be made: MP_MSG_BUSY.
*/
static inline bool mp_space_is_frozen(const MpSpace *sp) {
  return sp->frozen != NULL && *sp->frozen;
}

/* One mark at a time: a declaration doesn't nest. */
MpSpaceMark mp_space_mark(MpSpace *sp);
/* Forgets what was declared since the mark: names, tags, completions, types. */
void mp_space_rollback(MpSpace *sp, MpSpaceMark mark);
/* Keeps it; marks taken before are void. */
void mp_space_commit(MpSpace *sp);

/* What `name` means here, or in an included space (own names first, then in order of inclusion); or NULL. */
const MpDecl *mp_space_find(const MpSpace *sp, const MpName *name);
const MpTag *mp_space_find_tag(const MpSpace *sp, const MpName *name);
/* The same, without the included ones. */
const MpDecl *mp_space_own(const MpSpace *sp, const MpName *name);
const MpTag *mp_space_own_tag(const MpSpace *sp, const MpName *name);

/*
** Declares `proto` (copied; hides an older one of that name). Whether a
** redeclaration agrees is the caller's to judge.
*/
MP_CHECKED MpStatus mp_space_declare(MpSpace *sp, const MpDecl *proto, const MpDecl **out,
                                     MpErr *e);
MP_CHECKED MpStatus mp_space_declare_tag(MpSpace *sp, const MpName *name, MpCtype *type, MpErr *e);

/* Makes `other`'s names visible. Itself, or a circle, fails. The caller keeps `other` alive. */
MP_CHECKED MpStatus mp_space_include(MpSpace *sp, MpSpace *other, MpErr *e);
/* Does `sp` see `other`: is it itself, the root, or included, at whatever distance? */
bool mp_space_sees(const MpSpace *sp, const MpSpace *other);

/* Changes whenever a name that is visible here does. */
uint32_t mp_space_version(const MpSpace *sp);

/*
** For ctype.c alone. `join` picks, among two homes and the declaring space,
** the innermost: the one that keeps the others alive.
*/
MpSpace *mp_space_join(MpSpace *sp, MpSpace *a, MpSpace *b);

/* What a roll-back has to take back besides new names, which it finds by itself. */
typedef enum MpSpaceNote {
  MP_NOTE_DERIVED,   /* a type put into `derived` under `hash` */
  MP_NOTE_POINTER,   /* the pointer to this type was made */
  MP_NOTE_VARIANT,   /* a variant of this plain type was made */
  MP_NOTE_COMPLETED, /* this record or enum was completed */
  MP_NOTE_HIDDEN,    /* this declaration was hidden by a newer one */
  MP_NOTE_HIDDEN_TAG /* this tag was */
} MpSpaceNote;
MP_CHECKED MpStatus mp_space_note(MpSpace *sp, MpSpaceNote note, const void *what, uint32_t hash,
                                  MpErr *e);

#endif
