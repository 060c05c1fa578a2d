/*
** guard.c: writes and compares the bytes around blocks. Called by the hooks,
** for what scripts ask for and for Lua's own blocks.
*/

#include "mem/guard.h"

#include <string.h>

static void guard_putbig(unsigned char *to, uint64_t n) {
  n = MP_BIG_ENDIAN ? n : __builtin_bswap64(n);
  memcpy(to, &n, sizeof n);
}

static void guard_head(const MpGuard *g, unsigned char *to) {
  static const char ids[MP_DOMAIN_COUNT] = {'r', 'm', 'o'};
  guard_putbig(to, g->size);
  memset(to + 8, MP_GUARD_PAD, 8);
  to[8] = (unsigned char)ids[g->domain];
}

static void guard_tail(const MpGuard *g, unsigned char *to) {
  memset(to, MP_GUARD_PAD, 8);
  guard_putbig(to + 8, g->serial);
}

void mp_guard_write(const MpGuard *g) {
  guard_head(g, (unsigned char *)g->data - MP_GUARD_HEAD);
  guard_tail(g, (unsigned char *)g->data + g->size);
}

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

bool mp_guard_damaged(const MpGuard *g, MpGuardFlaws *flaws) {
  unsigned char head[MP_GUARD_HEAD], tail[MP_GUARD_TAIL];
  guard_head(g, head);
  guard_tail(g, tail);
  if (memcmp(g->data - MP_GUARD_HEAD, head, sizeof head) == 0 &&
      memcmp(g->data + g->size, tail, sizeof tail) == 0)
    return false;
  if (flaws == NULL) return true;
  memset(flaws, 0, sizeof *flaws);
  flaws_compare(flaws, g, (ptrdiff_t)g->size, tail, sizeof tail);
  flaws_compare(flaws, g, -MP_GUARD_HEAD, head, sizeof head);
  return true;
}

void mp_guard_kill(const MpGuard *g) {
  memset(g->data - MP_GUARD_HEAD, MP_GUARD_DEAD, g->size + MP_GUARD_BOTH);
}

bool mp_guard_stirred(const MpGuard *g, MpGuardFlaws *flaws) {
  const unsigned char *p = (const unsigned char *)g->data - MP_GUARD_HEAD;
  size_t n = g->size + MP_GUARD_BOTH, i;
  /* The first byte is right, and each is like the one before it. */
  if (p[0] == MP_GUARD_DEAD && memcmp(p, p + 1, n - 1) == 0) return false;
  if (flaws == NULL) return true;
  memset(flaws, 0, sizeof *flaws);
  for (i = 0; i < n; i++)
    if (p[i] != MP_GUARD_DEAD) flaws_add(flaws, (ptrdiff_t)i - MP_GUARD_HEAD, p[i], MP_GUARD_DEAD);
  return true;
}
