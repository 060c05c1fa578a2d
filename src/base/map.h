/*
** map.h: a hash map from pointers, or from a key that the caller hashes and
** compares, to pointers. Open addressing with linear probing; at most 3/4 full.
*/

#ifndef MP_BASE_MAP_H
#define MP_BASE_MAP_H

#include <stdbool.h>
#include "base/alloc.h"

typedef struct MpMapSlot {
  uint32_t hash;
  const void *key; /* NULL: free */
  void *value;
} MpMapSlot;

typedef struct MpMap {
  const MpAlloc *alloc;
  MpMapSlot *slots;
  uint32_t cap, count;
} MpMap;

/* Is `stored` (a key of the map) what `sought` asks for? */
typedef bool (*MpMapSame)(const void *stored, const void *sought);

void mp_map_init(MpMap *m, const MpAlloc *alloc);
void mp_map_fini(MpMap *m);

/* The value under a key that is compared by address; NULL if there is none. */
void *mp_map_get(const MpMap *m, const void *key);

/* Sets it (value not NULL); false when memory is out, and the map is as it was. */
MP_CHECKED bool mp_map_set(MpMap *m, const void *key, void *value);

/* Room for `more` entries, which the next sets find; false when memory is out. */
MP_CHECKED bool mp_map_reserve(MpMap *m, uint32_t more);

/* Removes it; harmless when it isn't there. */
void mp_map_remove(MpMap *m, const void *key);

/* The same for keys with a hash and an equality of their own. */
void *mp_map_find(const MpMap *m, uint32_t hash, const void *sought, MpMapSame same);
MP_CHECKED bool mp_map_add(MpMap *m, uint32_t hash, const void *key, void *value);
void mp_map_drop(MpMap *m, uint32_t hash, const void *key);

/*
** Walks the map: `*at` starts at 0; false at the end. The map must not change
** meanwhile. The order is that of the hashes.
*/
bool mp_map_next(const MpMap *m, uint32_t *at, const void **key, void **value);

/* FNV-1a over bytes; `seed` chains calls (start with MP_MAP_SEED). */
#define MP_MAP_SEED 2166136261u
uint32_t mp_map_hash(uint32_t seed, const void *bytes, size_t n);

#endif
