/*
** large.c: open addressing with linear probing, by address; a removal moves
** later blocks back. Room is made before a block is asked for, so that a block
** that came can always be entered.
*/

#include "mem/large.h"

#include <string.h>

#define LARGE_FIRST 16
#define LARGE_SIZE_MAX ((uint64_t)1 << 56)

static size_t large_home(const MpLarge *l, uintptr_t at) {
  uint64_t x = (uint64_t)(at >> 4) * UINT64_C(0x9E3779B97F4A7C15); /* Knuth 6.4 */
  return (size_t)(x >> 32) & (l->cap - 1);
}

void mp_large_init(MpLarge *l, const MpAllocator *system) {
  memset(l, 0, sizeof *l);
  l->system = system;
}

void mp_large_fini(MpLarge *l) {
  size_t i;
  for (i = 0; i < l->cap; i++)
    if (l->slots[i].at != 0) l->system->free(l->system->ctx, (void *)l->slots[i].at);
  if (l->slots != NULL) l->system->free(l->system->ctx, l->slots);
  mp_large_init(l, l->system);
}

static void large_enter(MpLarge *l, uintptr_t at, uint64_t info) {
  size_t i = large_home(l, at);
  while (l->slots[i].at != 0) i = (i + 1) & (l->cap - 1);
  l->slots[i].at = at;
  l->slots[i].info = info;
}

static void large_remove(MpLarge *l, MpLargeBlock *b) {
  size_t hole = (size_t)(b - l->slots), mask = l->cap - 1, i = hole;
  for (;;) {
    size_t home;
    i = (i + 1) & mask;
    if (l->slots[i].at == 0) break;
    home = large_home(l, l->slots[i].at);
    if (((i - home) & mask) >= ((i - hole) & mask)) {
      l->slots[hole] = l->slots[i];
      hole = i;
    }
  }
  l->slots[hole].at = 0;
}

/* Makes room for one more. */
static bool large_reserve(MpLarge *l) {
  const MpAllocator *s = l->system;
  MpLarge old = *l;
  size_t i;
  if ((l->count + 1) * 2 <= l->cap) return true;
  l->cap = old.cap == 0 ? LARGE_FIRST : old.cap * 2;
  l->slots = (MpLargeBlock *)s->calloc(s->ctx, l->cap, sizeof *l->slots);
  if (l->slots == NULL) {
    *l = old;
    return false;
  }
  for (i = 0; i < old.cap; i++)
    if (old.slots[i].at != 0) large_enter(l, old.slots[i].at, old.slots[i].info);
  if (old.slots != NULL) s->free(s->ctx, old.slots);
  return true;
}

void *mp_large_new(MpLarge *l, int label, size_t size, bool zero) {
  const MpAllocator *s = l->system;
  void *p;
  if (size >= LARGE_SIZE_MAX || !large_reserve(l)) return NULL;
  p = zero ? s->calloc(s->ctx, 1, size) : s->malloc(s->ctx, size);
  if (p == NULL) return NULL;
  large_enter(l, (uintptr_t)p, (uint64_t)size << 8 | (uint64_t)label);
  l->count++;
  l->bytes += size;
  return p;
}

void *mp_large_resize(MpLarge *l, void *ptr, size_t size) {
  const MpAllocator *s = l->system;
  MpLargeBlock *b = mp_large_find(l, ptr);
  uint64_t info = b->info;
  size_t osize = mp_large_size(b);
  void *p = size >= LARGE_SIZE_MAX ? NULL : s->realloc(s->ctx, ptr, size);
  if (p == NULL) return NULL;
  info = (uint64_t)size << 8 | (info & 0xFF);
  l->bytes += size - osize;
  if (p == ptr) {
    b->info = info;
  } else {
    large_remove(l, b);
    large_enter(l, (uintptr_t)p, info);
  }
  return p;
}

size_t mp_large_free(MpLarge *l, void *ptr) {
  MpLargeBlock *b = mp_large_find(l, ptr);
  size_t size = mp_large_size(b);
  large_remove(l, b);
  l->count--;
  l->bytes -= size;
  l->system->free(l->system->ctx, ptr);
  return size;
}

MpLargeBlock *mp_large_find(const MpLarge *l, const void *ptr) {
  size_t i;
  if (l->cap == 0 || ptr == NULL) return NULL;
  for (i = large_home(l, (uintptr_t)ptr); l->slots[i].at != 0; i = (i + 1) & (l->cap - 1))
    if (l->slots[i].at == (uintptr_t)ptr) return &l->slots[i];
  return NULL;
}

MpLargeBlock *mp_large_around(const MpLarge *l, const void *ptr) {
  size_t i;
  for (i = 0; i < l->cap; i++) {
    MpLargeBlock *b = &l->slots[i];
    if (b->at != 0 && (uintptr_t)ptr - b->at < mp_large_size(b)) return b;
  }
  return NULL;
}

void mp_large_setmark(MpLargeBlock *b, bool mark) {
  b->info = mark ? b->info | 4 : b->info & ~(uint64_t)4;
}

bool mp_large_check(const MpLarge *l) {
  size_t i, count = 0, bytes = 0;
  for (i = 0; i < l->cap; i++) {
    const MpLargeBlock *b = &l->slots[i];
    if (b->at == 0) continue;
    if (mp_large_find(l, (const void *)b->at) != b) return false;
    count++;
    bytes += mp_large_size(b);
  }
  return count == l->count && bytes == l->bytes && count * 2 <= l->cap;
}
