/*
** tally.h: a domain's numbers. Those of RAW are changed by any thread at once,
** so all are atomic where the home is RAW's, and plain otherwise.
*/

#ifndef MP_MEM_TALLY_H
#define MP_MEM_TALLY_H

#include "mem/domain.h"

/* Bytes that a block counts as. */
static inline size_t mp_tally_size(size_t asked) { return asked ? asked : 1; }

static inline void mp_tally_peak(size_t *peak, size_t bytes) {
  size_t old = __atomic_load_n(peak, __ATOMIC_RELAXED);
  while (bytes > old && !__atomic_compare_exchange_n(peak, &old, bytes, true, __ATOMIC_RELAXED,
                                                     __ATOMIC_RELAXED)) {}
}

/* Blocks and bytes more, or less when negative. */
static inline void mp_tally_add(MpDomain *home, ptrdiff_t blocks, ptrdiff_t bytes) {
  MpDomainCounts *t = &home->tally;
  if (home->id == MP_DOMAIN_RAW) {
    __atomic_add_fetch(&t->blocks, (size_t)blocks, __ATOMIC_RELAXED);
    mp_tally_peak(&t->peak, __atomic_add_fetch(&t->bytes, (size_t)bytes, __ATOMIC_RELAXED));
    return;
  }
  t->blocks += (size_t)blocks;
  t->bytes += (size_t)bytes;
  if (t->bytes > t->peak) t->peak = t->bytes;
}

/* A call asked for memory, and got it or not. */
static inline void mp_tally_call(MpDomain *home, bool failed) {
  MpDomainCounts *t = &home->tally;
  if (home->id == MP_DOMAIN_RAW) {
    __atomic_add_fetch(&t->calls, 1, __ATOMIC_RELAXED);
    if (failed) __atomic_add_fetch(&t->failures, 1, __ATOMIC_RELAXED);
    return;
  }
  t->calls++;
  t->failures += failed;
}

static inline size_t mp_tally_bytes(const MpDomain *home) {
  return __atomic_load_n(&home->tally.bytes, __ATOMIC_RELAXED);
}

#endif
