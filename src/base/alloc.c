/*
** alloc.c: the C library's allocator in MpAlloc's form, for records that
** outlive every state, and for what is about memory itself.
*/

#include "base/alloc.h"

#include <stdlib.h>

static void *system_resize(void *ud, void *ptr, size_t osize, size_t nsize) {
  (void)ud;
  (void)osize;
  if (nsize > 0) return realloc(ptr, nsize);
  free(ptr);
  return NULL;
}

const MpAlloc mp_alloc_system = {system_resize, NULL};
