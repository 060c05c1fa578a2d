/*
** set.c: the sets of names, declarations and types. The records belong to the
** caller, the table to the set. Removal moves later entries back, so that no
** tombstones pile up under declare-and-roll-back.
*/

#include "base/set.h"

#include <string.h>

#include "base/num.h"

#define SET_FIRST 16u
#define SET_SMALL \
  4096u /* up to here a full set grows fourfold: a header brings many names at once */

void mp_set_init(MpSet *s, const MpAlloc *alloc) {
  memset(s, 0, sizeof *s);
  s->alloc = alloc;
}

static size_t set_bytes(const MpSet *s) { return s->cap * (sizeof(void *) + sizeof(uint32_t)); }

void mp_set_fini(MpSet *s) {
  mp_alloc_free(s->alloc, s->items, set_bytes(s));
  mp_set_init(s, s->alloc);
}

/* Puts a record into the first free place; there is one. `hash` has its bit. */
static void set_put(MpSet *s, uint32_t hash, void *item) {
  uint32_t i = hash & (s->cap - 1);
  while (s->hashes[i] != 0) i = (i + 1) & (s->cap - 1);
  s->hashes[i] = hash;
  s->items[i] = item;
}

/* A larger table, of `cap` entries. */
static bool set_resize(MpSet *s, uint32_t cap) {
  MpSet bigger = *s;
  uint32_t i;
  bigger.cap = cap;
  bigger.items = (void **)mp_alloc_new(s->alloc, set_bytes(&bigger));
  if (bigger.items == NULL) return false;
  bigger.hashes = (uint32_t *)(void *)(bigger.items + bigger.cap);
  memset(bigger.hashes, 0, bigger.cap * sizeof(uint32_t));
  for (i = 0; i < s->cap; i++)
    if (s->hashes[i] != 0) set_put(&bigger, s->hashes[i], s->items[i]);
  mp_alloc_free(s->alloc, s->items, set_bytes(s));
  *s = bigger;
  return true;
}

static bool set_grow(MpSet *s) {
  if (s->cap > UINT32_MAX / 8) return false;
  return set_resize(s, s->cap == 0 ? SET_FIRST : s->cap < SET_SMALL ? s->cap * 4 : s->cap * 2);
}

void mp_set_reserve(MpSet *s, size_t n) {
  uint32_t cap = SET_FIRST;
  if (n > UINT32_MAX / 16) return;
  while (s->count + n > cap / 4 * 3) cap *= 2;
  if (cap > s->cap) (void)set_resize(s, cap);
}

bool mp_set_add(MpSet *s, uint32_t hash, void *item) {
  if (s->count + 1 > s->cap / 4 * 3 && !set_grow(s)) return false;
  set_put(s, hash | MP_SET_TAKEN, item);
  s->count++;
  return true;
}

/* Where the record lies; false when it isn't there. */
static bool set_find(const MpSet *s, uint32_t hash, const void *item, uint32_t *at) {
  const void *found = mp_set_first(s, hash, at);
  while (found != NULL && found != item) found = mp_set_next(s, hash, at);
  return found != NULL;
}

void mp_set_replace(MpSet *s, uint32_t hash, const void *old, void *item) {
  uint32_t at;
  if (set_find(s, hash, old, &at)) s->items[at] = item;
}

void mp_set_remove(MpSet *s, uint32_t hash, const void *item) {
  uint32_t mask = s->cap - 1, hole, i;
  if (!set_find(s, hash, item, &hole)) return;
  s->count--;
  for (i = (hole + 1) & mask; s->hashes[i] != 0; i = (i + 1) & mask) {
    uint32_t home = s->hashes[i] & mask;
    if (((i - home) & mask) < ((i - hole) & mask)) continue; /* its way doesn't pass the hole */
    s->hashes[hole] = s->hashes[i];
    s->items[hole] = s->items[i];
    hole = i;
  }
  s->hashes[hole] = 0;
}
