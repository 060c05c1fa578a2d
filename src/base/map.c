/*
** map.c: the hash map of the lower floors. Keys and values belong to the
** caller, the slots to the map. Deletion moves later entries back, so that no
** tombstones pile up.
*/

#include "base/map.h"

#include <string.h>

#include "base/num.h"

#define MAP_FIRST 16u

void mp_map_init(MpMap *m, const MpAlloc *alloc) {
  memset(m, 0, sizeof *m);
  m->alloc = alloc;
}

void mp_map_fini(MpMap *m) {
  mp_alloc_free(m->alloc, m->slots, m->cap * sizeof(MpMapSlot));
  mp_map_init(m, m->alloc);
}

uint32_t mp_map_hash(uint32_t seed, const void *bytes, size_t n) {
  const unsigned char *p = (const unsigned char *)bytes;
  uint32_t h = seed;
  while (n-- > 0) h = (h ^ *p++) * 16777619u;
  return h;
}

static uint32_t map_hashptr(const void *p) {
  uint64_t x = (uint64_t)(uintptr_t)p >> 4;
  x *= UINT64_C(0x9E3779B97F4A7C15); /* Fibonacci hashing: Knuth 6.4 */
  return (uint32_t)(x >> 32);
}

/* The slot that holds the key, or the free one where it would go. */
static MpMapSlot *map_slot(const MpMap *m, uint32_t hash, const void *sought, MpMapSame same) {
  uint32_t i = hash & (m->cap - 1);
  for (;; i = (i + 1) & (m->cap - 1)) {
    MpMapSlot *s = &m->slots[i];
    if (s->key == NULL) return s;
    if (s->hash == hash && (same ? same(s->key, sought) : s->key == sought)) return s;
  }
}

static bool map_grow(MpMap *m) {
  MpMap bigger = *m;
  size_t bytes;
  uint32_t i;
  bigger.cap = m->cap == 0 ? MAP_FIRST : m->cap * 2;
  if (bigger.cap < m->cap || !mp_num_mul(bigger.cap, sizeof(MpMapSlot), &bytes)) return false;
  bigger.slots = (MpMapSlot *)mp_alloc_new(m->alloc, bytes);
  if (bigger.slots == NULL) return false;
  memset(bigger.slots, 0, bytes);
  for (i = 0; i < m->cap; i++) {
    const MpMapSlot *s = &m->slots[i];
    if (s->key != NULL) *map_slot(&bigger, s->hash, s->key, NULL) = *s;
  }
  mp_alloc_free(m->alloc, m->slots, m->cap * sizeof(MpMapSlot));
  *m = bigger;
  return true;
}

void *mp_map_find(const MpMap *m, uint32_t hash, const void *sought, MpMapSame same) {
  return m->count == 0 ? NULL : map_slot(m, hash, sought, same)->value;
}

bool mp_map_add(MpMap *m, uint32_t hash, const void *key, void *value) {
  MpMapSlot *s;
  if (m->count + 1 > m->cap / 4 * 3 && !map_grow(m)) return false;
  s = map_slot(m, hash, key, NULL);
  if (s->key == NULL) m->count++;
  s->hash = hash;
  s->key = key;
  s->value = value;
  return true;
}

bool mp_map_reserve(MpMap *m, uint32_t more) {
  while ((uint64_t)m->count + more > m->cap / 4 * 3)
    if (!map_grow(m)) return false;
  return true;
}

void mp_map_drop(MpMap *m, uint32_t hash, const void *key) {
  uint32_t mask = m->cap - 1, hole, i;
  MpMapSlot *s;
  if (m->count == 0) return;
  s = map_slot(m, hash, key, NULL);
  if (s->key == NULL) return;
  m->count--;
  hole = (uint32_t)(s - m->slots);
  for (i = (hole + 1) & mask; m->slots[i].key != NULL; i = (i + 1) & mask) {
    uint32_t home = m->slots[i].hash & mask;
    if (((i - home) & mask) < ((i - hole) & mask)) continue; /* its way doesn't pass the hole */
    m->slots[hole] = m->slots[i];
    hole = i;
  }
  memset(&m->slots[hole], 0, sizeof(MpMapSlot));
}

void *mp_map_get(const MpMap *m, const void *key) {
  return mp_map_find(m, map_hashptr(key), key, NULL);
}

bool mp_map_set(MpMap *m, const void *key, void *value) {
  return mp_map_add(m, map_hashptr(key), key, value);
}

void mp_map_remove(MpMap *m, const void *key) { mp_map_drop(m, map_hashptr(key), key); }

bool mp_map_next(const MpMap *m, uint32_t *at, const void **key, void **value) {
  for (; *at < m->cap; ++*at) {
    const MpMapSlot *s = &m->slots[*at];
    if (s->key == NULL) continue;
    *key = s->key;
    *value = s->value;
    ++*at;
    return true;
  }
  return false;
}
