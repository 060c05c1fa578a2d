/*
** arena.c: chunks of growing size, newest first. Owned by a space or a parse.
*/

#include "base/arena.h"

#include <string.h>

#include "base/num.h"

#define ARENA_FIRST ((size_t)4096)
#define ARENA_LARGEST ((size_t)256 * 1024)
#define ARENA_ALIGN ((size_t)16)

struct MpArenaChunk {
  MpArenaChunk *below;
  size_t size; /* of the whole block, this record included */
};

#define CHUNK_HEAD mp_num_align(sizeof(MpArenaChunk), ARENA_ALIGN)

void mp_arena_init(MpArena *a, const MpAlloc *alloc) {
  memset(a, 0, sizeof *a);
  a->alloc = alloc;
}

void mp_arena_fini(MpArena *a) {
  MpArenaMark none = {NULL, NULL};
  mp_arena_release(a, none);
}

/* A new top chunk that holds at least `size` bytes. */
static bool arena_grow(MpArena *a, size_t size) {
  size_t want = a->top ? a->top->size * 2 : ARENA_FIRST;
  size_t need;
  MpArenaChunk *chunk;
  if (!mp_num_add(size, CHUNK_HEAD, &need)) return false;
  if (want > ARENA_LARGEST) want = ARENA_LARGEST;
  if (want < need) want = need;
  chunk = (MpArenaChunk *)mp_alloc_new(a->alloc, want);
  if (chunk == NULL) return false;
  chunk->below = a->top;
  chunk->size = want;
  a->top = chunk;
  a->next = (char *)chunk + CHUNK_HEAD;
  a->limit = (char *)chunk + (want & ~(ARENA_ALIGN - 1)); /* whole units are taken from it */
  return true;
}

/* mp_arena_take leaves a byte at least, so that it goes this way for an arena without a chunk. */
void *mp_arena_more(MpArena *a, size_t size) {
  if (size > MP_NUM_SIZE_MAX - 2 * ARENA_ALIGN) return NULL;
  return arena_grow(a, mp_num_align(size + 1, ARENA_ALIGN)) ? mp_arena_take(a, size) : NULL;
}

void *mp_arena_new(MpArena *a, size_t size) {
  size_t odd = (uintptr_t)a->next & (ARENA_ALIGN - 1); /* mp_arena_take aligns to less */
  void *p;
  if (odd != 0) a->next += ARENA_ALIGN - odd;
  p = mp_arena_take(a, size);
  return p ? memset(p, 0, size) : NULL;
}

char *mp_arena_copy(MpArena *a, const char *s, size_t n) {
  char *p = (char *)mp_arena_new(a, n + 1);
  if (p != NULL && n > 0) memcpy(p, s, n);
  return p;
}

MpArenaMark mp_arena_mark(const MpArena *a) {
  MpArenaMark mark;
  mark.top = a->top;
  mark.next = a->next;
  return mark;
}

void mp_arena_release(MpArena *a, MpArenaMark mark) {
  while (a->top != mark.top) {
    MpArenaChunk *chunk = a->top;
    a->top = chunk->below;
    mp_alloc_free(a->alloc, chunk, chunk->size);
  }
  a->next = mark.next;
  a->limit = a->top ? (char *)a->top + (a->top->size & ~(ARENA_ALIGN - 1)) : NULL;
}
