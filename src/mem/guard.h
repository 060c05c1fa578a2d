/*
** guard.h: the bytes around a block under the debug hooks, as CPython lays them
** ("PyMem_SetupDebugHooks"):
**
**   size, 8 bytes, big-endian | 'r' 'm' or 'o' | 7 × 0xFD | data, 0xCD |
**   8 × 0xFD | serial, 8 bytes, big-endian
**
** and 0xDD all over when it is freed. They are compared with what they should
** be, and never read as the truth.
*/

#ifndef MP_MEM_GUARD_H
#define MP_MEM_GUARD_H

#include <string.h>

#include "mem/domain.h"

#define MP_GUARD_HEAD 16
#define MP_GUARD_TAIL 16
#define MP_GUARD_BOTH (MP_GUARD_HEAD + MP_GUARD_TAIL)

#define MP_GUARD_CLEAN 0xCD
#define MP_GUARD_DEAD 0xDD
#define MP_GUARD_PAD 0xFD

/* What the bytes should say. */
typedef struct MpGuard {
  char *data;
  size_t size;
  MpDomainId domain;
  uint64_t serial;
} MpGuard;

/* A byte that is wrong: `at` from the data's first, before it when negative. */
typedef struct MpGuardFlaw {
  ptrdiff_t at;
  unsigned char found, expected;
} MpGuardFlaw;

#define MP_GUARD_FLAWS 8

typedef struct MpGuardFlaws {
  size_t n;              /* wrong bytes in all */
  ptrdiff_t first, last; /* the outermost ones */
  MpGuardFlaw
      list[MP_GUARD_FLAWS]; /* the first ones, those behind the data before those in front */
} MpGuardFlaws;

/*
** Two words at once, as vectors of the machine where it has them. Inline: each
** of Lua's blocks comes by here three times.
*/
typedef uint64_t MpGuardPair __attribute__((vector_size(16)));

/* What the bytes in front and behind should be. */
typedef struct MpGuardPairs {
  MpGuardPair head, tail;
} MpGuardPairs;

static inline uint64_t mp_guard_big(uint64_t n) { return MP_BIG_ENDIAN ? n : __builtin_bswap64(n); }

static inline MpGuardPairs mp_guard_pairs(const MpGuard *g) {
  const uint64_t pad = UINT64_C(0xFDFDFDFDFDFDFDFD), rest = pad >> 8;
  uint64_t id = g->domain == MP_DOMAIN_RAW ? 'r' : g->domain == MP_DOMAIN_MEM ? 'm' : 'o';
  MpGuardPairs p = {{mp_guard_big(g->size), mp_guard_big(id << 56 | rest)},
                    {pad, mp_guard_big(g->serial)}};
  return p;
}

static inline MpGuardPair mp_guard_load(const char *from) {
  MpGuardPair p;
  memcpy(&p, from, sizeof p);
  return p;
}

static inline void mp_guard_store(char *to, MpGuardPair p) { memcpy(to, &p, sizeof p); }

/* Writes the bytes around the data. */
static inline void mp_guard_write(const MpGuard *g) {
  MpGuardPairs p = mp_guard_pairs(g);
  mp_guard_store(g->data - MP_GUARD_HEAD, p.head);
  mp_guard_store(g->data + g->size, p.tail);
}

/* Is one of them wrong? */
static inline bool mp_guard_damaged(const MpGuard *g) {
  MpGuardPairs p = mp_guard_pairs(g);
  MpGuardPair wrong = (p.head ^ mp_guard_load(g->data - MP_GUARD_HEAD)) |
                      (p.tail ^ mp_guard_load(g->data + g->size));
  return (wrong[0] | wrong[1]) != 0;
}

#define MP_GUARD_SHORT 512 /* up to here a loop beats a call */

/* Fills n ≥ 16 bytes; the last pair may lie over the one before it. */
static inline void mp_guard_fill(char *p, size_t n, uint64_t word) {
  const MpGuardPair pair = {word, word};
  char *last = p + n - sizeof pair;
  if (n > MP_GUARD_SHORT) {
    memset(p, (int)(word & 0xFF), n);
    return;
  }
  for (; p < last; p += sizeof pair) mp_guard_store(p, pair);
  mp_guard_store(last, pair);
}

/* A fresh block: its data, and the bytes around them; zeroed data stay. */
static inline void mp_guard_open(const MpGuard *g, bool zeroed) {
  /* The tail is written after it, so that short data may be filled beyond their end. */
  if (!zeroed) mp_guard_fill(g->data, g->size | 16, UINT64_C(0xCDCDCDCDCDCDCDCD));
  mp_guard_write(g);
}

#define MP_GUARD_DEADWORD UINT64_C(0xDDDDDDDDDDDDDDDD)

/* The whole block is dead from now on. */
static inline void mp_guard_kill(const MpGuard *g) {
  mp_guard_fill(g->data - MP_GUARD_HEAD, g->size + MP_GUARD_BOTH, MP_GUARD_DEADWORD);
}

/* Was a dead block written to? */
static inline bool mp_guard_stirred(const MpGuard *g) {
  const MpGuardPair pair = {MP_GUARD_DEADWORD, MP_GUARD_DEADWORD};
  const char *p = g->data - MP_GUARD_HEAD, *last = g->data + g->size;
  MpGuardPair wrong = mp_guard_load(last) ^ pair;
  for (; p < last; p += sizeof pair) wrong |= mp_guard_load(p) ^ pair;
  return (wrong[0] | wrong[1]) != 0;
}

/* Which bytes are wrong around a live block; in a dead one. */
void mp_guard_find(const MpGuard *g, MpGuardFlaws *flaws);
void mp_guard_finddead(const MpGuard *g, MpGuardFlaws *flaws);

#endif
