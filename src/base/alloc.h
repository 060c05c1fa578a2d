/*
** alloc.h: the interface through which every floor takes its memory. It is
** handed in, never global. The form is lua_Alloc's: the old size comes back
** with each resize and free, so that no block needs a header.
*/

#ifndef MP_BASE_ALLOC_H
#define MP_BASE_ALLOC_H

#include "base/config.h"

typedef struct MpAlloc {
  /*
  ** nsize 0 frees and returns NULL; ptr NULL (osize 0) allocates; else
  ** resizes. NULL for nsize > 0 is a failure that leaves ptr as it was.
  */
  void *(*resize)(void *ud, void *ptr, size_t osize, size_t nsize);
  void *ud;
} MpAlloc;

static inline void *mp_alloc_new(const MpAlloc *a, size_t size) {
  return a->resize(a->ud, NULL, 0, size);
}

static inline void *mp_alloc_resize(const MpAlloc *a, void *p, size_t osize, size_t nsize) {
  return a->resize(a->ud, p, osize, nsize);
}

static inline void mp_alloc_free(const MpAlloc *a, void *p, size_t size) {
  if (p != NULL) a->resize(a->ud, p, size, 0);
}

/* The C library's; in no domain, and counted by nobody. From any thread. */
extern const MpAlloc mp_alloc_system;

#endif
