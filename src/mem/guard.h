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

/* Writes the bytes around the data. */
void mp_guard_write(const MpGuard *g);

/* Is one of them wrong? Then which: `flaws` may be NULL. */
bool mp_guard_damaged(const MpGuard *g, MpGuardFlaws *flaws);

/* The whole block is dead from now on. */
void mp_guard_kill(const MpGuard *g);

/* Was a dead block written to? */
bool mp_guard_stirred(const MpGuard *g, MpGuardFlaws *flaws);

#endif
