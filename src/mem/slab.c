/*
** slab.c: which slabs of which arena are in use. Slabs are taken from the
** lowest arena that has one, so that the others run empty; an empty arena is
** kept, a second one goes back to the system.
*/

#include "mem/slab.h"

#include <string.h>

#define SLAB_ALL ((((uint64_t)1 << MP_SLAB_COUNT) - 1) << MP_SLAB_FIRST)

_Static_assert(sizeof(MpArena) <= MP_SLAB_FIRST * sizeof(MpSlab), "it has the place of some");

static void slab_enter(MpSlabPool *a, void *region) {
  MpArena *arena = mp_slab_arena(region);
  arena->owner = a->owner;
  arena->index = a->n;
  arena->unused = SLAB_ALL;
  mp_region_hide((char *)region + MP_SLAB_HEAD, MP_REGION_SIZE - MP_SLAB_HEAD);
  a->arenas[a->n++] = arena;
}

/* Makes room for one more arena in the list. */
static bool slab_reserve(MpSlabPool *a) {
  MpArena **list =
      (MpArena **)a->system->realloc(a->system->ctx, a->arenas, (a->n + 1) * sizeof *a->arenas);
  if (list == NULL) return false;
  a->arenas = list;
  return true;
}

bool mp_slab_init(MpSlabPool *a, const MpAllocator *system, void *region, const void *owner) {
  memset(a, 0, sizeof *a);
  a->system = system;
  a->owner = owner;
  if (!slab_reserve(a)) return false;
  mp_region_setowner(region, owner);
  slab_enter(a, region);
  return true;
}

void *mp_slab_spare(void *region, unsigned which) {
  uintptr_t own = (uintptr_t)mp_slab_arena(region) & 0x3000;
  return (char *)region + ((own + which * 0x1000) & 0x3000);
}

void mp_slab_fini(MpSlabPool *a) {
  MpArena *first = a->arenas[0];
  while (a->n > 1) mp_region_free((void *)MP_SLAB_REGION(a->arenas[--a->n]));
  a->system->free(a->system->ctx, a->arenas);
  mp_region_free((void *)MP_SLAB_REGION(first)); /* the pool may lie in it */
}

static bool slab_isempty(const MpArena *arena) {
  return arena->index != 0 && arena->unused == SLAB_ALL;
}

/* A new arena at the list's end; false for want of memory. */
static bool slab_grow(MpSlabPool *a) {
  void *region;
  if (!slab_reserve(a)) return false;
  region = mp_region_new(a->owner);
  if (region == NULL) return false;
  slab_enter(a, region);
  a->nempty++;
  return true;
}

/* Gives an empty arena back; the last one takes its place in the list. */
static void slab_drop(MpSlabPool *a, MpArena *arena) {
  size_t i = arena->index;
  a->arenas[i] = a->arenas[--a->n];
  a->arenas[i]->index = i;
  a->nempty--;
  mp_region_free((void *)MP_SLAB_REGION(arena));
}

MpSlab *mp_slab_new(MpSlabPool *a) {
  MpArena *arena;
  MpSlab *s;
  unsigned i;
  while (a->first < a->n && a->arenas[a->first]->unused == 0) a->first++;
  if (a->first == a->n && !slab_grow(a)) return NULL;
  arena = a->arenas[a->first];
  if (slab_isempty(arena)) a->nempty--;
  i = (unsigned)__builtin_ctzll(arena->unused);
  arena->unused &= arena->unused - 1;
  arena->dirty &= ~((uint64_t)1 << i);
  s = mp_slab_of((char *)MP_SLAB_REGION(arena) + ((size_t)i << MP_SLAB_BITS));
  memset(s, 0, sizeof *s);
  return s;
}

void mp_slab_free(MpSlabPool *a, MpSlab *s) {
  MpArena *arena = mp_slab_arena(mp_slab_start(s));
  uint64_t bit = (uint64_t)1 << mp_slab_index(s);
  s->head.state = MP_SLAB_UNUSED;
  mp_region_hide(mp_slab_start(s), MP_SLAB_SIZE);
  arena->unused |= bit;
  arena->dirty |= bit;
  if (arena->index < a->first) a->first = arena->index;
  if (slab_isempty(arena) && ++a->nempty > 1) slab_drop(a, arena);
}

/* The pages of an arena's unused slabs. */
static size_t slab_clear(MpArena *arena) {
  size_t bytes = 0;
  for (; arena->dirty != 0; arena->dirty &= arena->dirty - 1) {
    unsigned i = (unsigned)__builtin_ctzll(arena->dirty);
    mp_region_clear((char *)MP_SLAB_REGION(arena) + ((size_t)i << MP_SLAB_BITS), MP_SLAB_SIZE);
    bytes += MP_SLAB_SIZE;
  }
  return bytes;
}

size_t mp_slab_trim(MpSlabPool *a) {
  size_t i, bytes = 0;
  for (i = a->n; i-- > 0;) {
    if (slab_isempty(a->arenas[i])) {
      slab_drop(a, a->arenas[i]);
      bytes += MP_REGION_SIZE;
    } else {
      bytes += slab_clear(a->arenas[i]);
    }
  }
  return bytes;
}
