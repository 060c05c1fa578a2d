/*
** name.h: interned names. One table a state; two names are the same text
** exactly when they are the same address.
*/

#ifndef MP_BASE_NAME_H
#define MP_BASE_NAME_H

#include "base/arena.h"
#include "base/set.h"

typedef struct MpName {
  uint32_t hash, len;
  uint16_t word;    /* what the lexer takes it for: a token, 0 while it hasn't looked */
  uint16_t builtin; /* the type that it names where nobody declared it, plus 1; 0: none */
  char text[1];     /* len bytes and a NUL */
} MpName;

typedef struct MpNames {
  MpSet set;
  MpArena arena;
} MpNames;

void mp_name_init(MpNames *t, const MpAlloc *alloc);
void mp_name_fini(MpNames *t);

/* The name of these bytes, made when new; NULL when memory is out. Lives as long as the table. */
const MpName *mp_name_intern(MpNames *t, const char *s, size_t n);

/* The name if it was ever interned, else NULL; makes nothing. */
const MpName *mp_name_find(const MpNames *t, const char *s, size_t n);

#endif
