/*
** name.c: the table of names that the lexer fills and everything above
** compares by address. Owned by the engine of a state.
*/

#include "base/name.h"

#include <string.h>

void mp_name_init(MpNames *t, const MpAlloc *alloc) {
  mp_set_init(&t->set, alloc);
  mp_arena_init(&t->arena, alloc);
}

void mp_name_fini(MpNames *t) {
  mp_set_fini(&t->set);
  mp_arena_fini(&t->arena);
}

/* The last 1 to 7 bytes of a text as one word: two loads that may overlap. */
static uint64_t name_tail(const char *s, size_t n) {
  uint32_t low, high;
  if (n < 4)
    return (unsigned char)s[0] | (uint64_t)(unsigned char)s[n / 2] << 8 |
           (uint64_t)(unsigned char)s[n - 1] << 16;
  memcpy(&low, s, 4);
  memcpy(&high, s + n - 4, 4);
  return low | (uint64_t)high << 32;
}

/* Eight bytes a step: the lexer interns a name for every word that it reads. */
static uint32_t name_hash(const char *s, size_t n) {
  const uint64_t k = UINT64_C(0x9E3779B97F4A7C15);
  uint64_t h = n * k;
  for (; n >= 8; s += 8, n -= 8) {
    uint64_t word;
    memcpy(&word, s, 8);
    h = (h ^ word) * k;
    h ^= h >> 32;
  }
  if (n > 0) h = (h ^ name_tail(s, n)) * k;
  return (uint32_t)(h >> 32) ^ (uint32_t)h;
}

/* Is the name that text? In the hash's steps, for most comparisons follow one of hashes. */
static bool name_is(const MpName *name, const char *s, size_t n) {
  const char *text = name->text;
  if (name->len != n) return false;
  for (; n >= 8; text += 8, s += 8, n -= 8) {
    uint64_t a, b;
    memcpy(&a, text, 8);
    memcpy(&b, s, 8);
    if (a != b) return false;
  }
  return n == 0 || name_tail(text, n) == name_tail(s, n);
}

static inline const MpName *name_look(const MpNames *t, uint32_t hash, const char *s, size_t n) {
  uint32_t at;
  const MpName *name = (const MpName *)mp_set_first(&t->set, hash, &at);
  while (name != NULL && !name_is(name, s, n))
    name = (const MpName *)mp_set_next(&t->set, hash, &at);
  return name;
}

static MP_NOINLINE const MpName *name_new(MpNames *t, uint32_t hash, const char *s, size_t n) {
  MpName *name;
  if (n > UINT32_MAX / 2) return NULL;
  name = (MpName *)mp_arena_take(&t->arena, offsetof(MpName, text) + n + 1);
  if (name == NULL) return NULL;
  name->hash = hash;
  name->len = (uint32_t)n;
  name->word = name->builtin = 0;
  memcpy(name->text, s, n);
  name->text[n] = '\0';
  return mp_set_add(&t->set, hash, name) ? name : NULL;
}

const MpName *mp_name_find(const MpNames *t, const char *s, size_t n) {
  return name_look(t, name_hash(s, n), s, n);
}

const MpName *mp_name_intern(MpNames *t, const char *s, size_t n) {
  uint32_t hash = name_hash(s, n);
  const MpName *old = name_look(t, hash, s, n);
  return old ? old : name_new(t, hash, s, n);
}
