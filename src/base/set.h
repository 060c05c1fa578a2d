/*
** set.h: a hash set of records, for those that carry their own key. The
** caller hashes and compares; the set keeps each record's address and hash,
** apart from each other, so that a search reads hashes alone until one fits,
** and a fresh set touches little memory. Open addressing with linear probing;
** at most 3/4 full.
*/

#ifndef MP_BASE_SET_H
#define MP_BASE_SET_H

#include <stdbool.h>
#include "base/alloc.h"

typedef struct MpSet {
  const MpAlloc *alloc;
  void **items;     /* cap of them; behind them lie the hashes */
  uint32_t *hashes; /* 0: free */
  uint32_t cap, count;
} MpSet;

void mp_set_init(MpSet *s, const MpAlloc *alloc);
void mp_set_fini(MpSet *s);

/* Hashes are kept with this bit, so that none is 0. */
#define MP_SET_TAKEN 0x80000000u

/*
** A search: the first record of that hash, and the others after it; NULL when
** there are no more. `*at` is its place.
*/
static inline void *mp_set_seek(const MpSet *s, uint32_t hash, uint32_t *at) {
  for (; s->hashes[*at] != 0; *at = (*at + 1) & (s->cap - 1))
    if (s->hashes[*at] == hash) return s->items[*at];
  return NULL;
}

static inline void *mp_set_first(const MpSet *s, uint32_t hash, uint32_t *at) {
  if (s->count == 0) return NULL;
  *at = hash & (s->cap - 1);
  return mp_set_seek(s, hash | MP_SET_TAKEN, at);
}

static inline void *mp_set_next(const MpSet *s, uint32_t hash, uint32_t *at) {
  *at = (*at + 1) & (s->cap - 1);
  return mp_set_seek(s, hash | MP_SET_TAKEN, at);
}

/* Room for `n` more, where the caller knows what comes; without memory it's left as it is. */
void mp_set_reserve(MpSet *s, size_t n);

/* Adds a record that isn't in the set; false when memory is out, and the set is as it was. */
MP_CHECKED bool mp_set_add(MpSet *s, uint32_t hash, void *item);

/* Puts `item` in the place of `old`, which is in the set and has the same hash. */
void mp_set_replace(MpSet *s, uint32_t hash, const void *old, void *item);

/* Removes the record; harmless when it isn't there. */
void mp_set_remove(MpSet *s, uint32_t hash, const void *item);

#endif
