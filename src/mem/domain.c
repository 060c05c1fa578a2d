/*
** domain.c: counting allocators over the C library's. The engine of a state
** owns one set; every allocation of moonpool goes through it.
*/

#include "mem/domain.h"

#include <stdlib.h>

/* MpAlloc's contract (base/alloc.h). */
static void *domain_resize(void *ud, void *ptr, size_t osize, size_t nsize) {
  MpDomain *d = (MpDomain *)ud;
  void *fresh;
  if (nsize == 0) {
    free(ptr);
    if (ptr != NULL) d->blocks--, d->bytes -= osize;
    return NULL;
  }
  fresh = realloc(ptr, nsize);
  if (fresh == NULL) return NULL;
  if (ptr == NULL) d->blocks++;
  d->bytes += nsize - (ptr ? osize : 0);
  return fresh;
}

void mp_domain_init(MpDomains *d) {
  int i;
  for (i = 0; i < MP_DOMAIN_COUNT; i++) {
    d->of[i].alloc.resize = domain_resize;
    d->of[i].alloc.ud = &d->of[i];
    d->of[i].blocks = d->of[i].bytes = 0;
  }
}
