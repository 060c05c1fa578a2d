/*
** arena.h: memory that is given back together. Types, names and declarations
** live as long as their instance, so they need no free of their own; a mark
** takes a failed declaration back in one step.
*/

#ifndef MP_BASE_ARENA_H
#define MP_BASE_ARENA_H

#include "base/alloc.h"

typedef struct MpArenaChunk MpArenaChunk;

typedef struct MpArena {
  const MpAlloc *alloc;
  MpArenaChunk *top;  /* newest first */
  char *next, *limit; /* free room in `top` */
} MpArena;

typedef struct MpArenaMark {
  MpArenaChunk *top;
  char *next;
} MpArenaMark;

void mp_arena_init(MpArena *a, const MpAlloc *alloc);
void mp_arena_fini(MpArena *a);

/* Zeroed bytes, aligned for every scalar; NULL when memory is out. */
void *mp_arena_new(MpArena *a, size_t size);

/* The same from a new chunk, where the top one has no room. */
void *mp_arena_more(MpArena *a, size_t size);

/*
** Bytes that the caller fills, aligned for pointers; NULL when memory is out.
** For the small records of which a header makes hundreds.
*/
static inline void *mp_arena_take(MpArena *a, size_t size) {
  char *p = a->next;
  if (MP_UNLIKELY(size >= (size_t)(a->limit - p))) return mp_arena_more(a, size);
  a->next = p + ((size + 7) & ~(size_t)7);
  return p;
}

/* A copy of `n` bytes with a NUL behind; NULL when memory is out. */
char *mp_arena_copy(MpArena *a, const char *s, size_t n);

MpArenaMark mp_arena_mark(const MpArena *a);

/* Gives back what was taken since the mark. */
void mp_arena_release(MpArena *a, MpArenaMark mark);

#endif
