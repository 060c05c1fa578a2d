/*
** guard.c: finds the bytes around blocks that are wrong. Called by the hooks, for
** what scripts ask for and for Lua's own blocks.
*/

#include "mem/guard.h"

#include <string.h>

static void flaws_add(MpGuardFlaws *f, ptrdiff_t at, unsigned char found, unsigned char expected) {
  if (f->n == 0 || at < f->first) f->first = at;
  if (f->n == 0 || at > f->last) f->last = at;
  if (f->n < MP_GUARD_FLAWS) {
    MpGuardFlaw *flaw = &f->list[f->n];
    flaw->at = at;
    flaw->found = found;
    flaw->expected = expected;
  }
  f->n++;
}

static void flaws_compare(MpGuardFlaws *f, const MpGuard *g, ptrdiff_t at,
                          const unsigned char *expected, size_t n) {
  const unsigned char *found = (const unsigned char *)g->data + at;
  size_t i;
  for (i = 0; i < n; i++)
    if (found[i] != expected[i]) flaws_add(f, at + (ptrdiff_t)i, found[i], expected[i]);
}

void mp_guard_find(const MpGuard *g, MpGuardFlaws *flaws) {
  MpGuardPairs p = mp_guard_pairs(g);
  memset(flaws, 0, sizeof *flaws);
  flaws_compare(flaws, g, (ptrdiff_t)g->size, (const unsigned char *)&p.tail, sizeof p.tail);
  flaws_compare(flaws, g, -MP_GUARD_HEAD, (const unsigned char *)&p.head, sizeof p.head);
}

void mp_guard_finddead(const MpGuard *g, MpGuardFlaws *flaws) {
  const unsigned char *p = (const unsigned char *)g->data - MP_GUARD_HEAD;
  size_t n = g->size + MP_GUARD_BOTH, i;
  memset(flaws, 0, sizeof *flaws);
  for (i = 0; i < n; i++)
    if (p[i] != MP_GUARD_DEAD) flaws_add(flaws, (ptrdiff_t)i - MP_GUARD_HEAD, p[i], MP_GUARD_DEAD);
}
