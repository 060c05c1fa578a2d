/*
** bottom.h: the base of a domain, what is under all layers: the set's heap for
** MEM and OBJ, raw.h's for RAW. The sizes of the contract are kept here.
*/

#ifndef MP_MEM_BOTTOM_H
#define MP_MEM_BOTTOM_H

#include "mem/domain.h"

/* A block, of at least one byte. `counted`: the domain's numbers have it, since a door asked. */
void *mp_bottom_new(MpDomain *home, size_t size, bool zero, bool counted);
void *mp_bottom_resize(MpDomain *home, void *ptr, size_t size);
void mp_bottom_free(MpDomain *home, void *ptr);

/* A live block of it: its size and whether the numbers have it. In RAW reads in front of the address. */
bool mp_bottom_find(const MpDomain *home, const void *ptr, size_t *size, bool *counted);

/* The base as an allocator; its blocks aren't counted. */
void mp_bottom_get(MpDomain *home, MpAllocator *out);

#endif
