/*
** region.h: 4 MiB of address space, aligned to their size, from the system,
** and the process's map of them: which address lies in a region, and whose is
** it? heap.c keeps its arenas in regions. From any thread.
*/

#ifndef MP_MEM_REGION_H
#define MP_MEM_REGION_H

#include "base/config.h"

#define MP_REGION_BITS 22
#define MP_REGION_SIZE ((size_t)1 << MP_REGION_BITS)

/* Zeroed pages that nothing has touched yet, entered in the map as `owner`'s; NULL for want of memory. */
void *mp_region_new(const void *owner);

/* The owner of a new region may have to live in it: tells the map another one. */
void mp_region_setowner(void *region, const void *owner);

/* Takes it off the map and gives it back. */
void mp_region_free(void *region);

/* The pages of a part of a region are given back, with what was in them. */
void mp_region_clear(void *part, size_t size);

/* Who has the region that an address lies in; NULL for an address in none. */
const void *mp_region_owner(const void *ptr);

/*
** For AddressSanitizer: bytes that nobody may touch, and that somebody may
** again. A new region may be touched. Nothing in other builds.
*/
#if MP_ASAN
void mp_region_hide(const void *part, size_t size);
void mp_region_show(const void *part, size_t size);
#else
static inline void mp_region_hide(const void *part, size_t size) { (void)part, (void)size; }
static inline void mp_region_show(const void *part, size_t size) { (void)part, (void)size; }
#endif

#endif
