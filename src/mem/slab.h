/*
** slab.h: arenas and the slabs in them. An arena is a region (region.h):
**
**   0        descriptors, 64 bytes a slab, and the arena's own record in the
**            place of the first four. They start at 0, 4, 8 or 12 KiB, by the
**            arena's address: at the same place in each they would all meet
**            in the same sets of the cache
**   16 KiB   a label byte for each 16 bytes of the slabs
**   256 KiB  60 slabs of 64 KiB
**
** so that shifts of an address alone find its descriptor and its label. Only
** what is used is ever touched. Who holds the blocks of a slab is heap.c's.
*/

#ifndef MP_MEM_SLAB_H
#define MP_MEM_SLAB_H

#include <stdbool.h>

#include "mem/allocator.h"
#include "mem/region.h"

#define MP_SLAB_BITS 16
#define MP_SLAB_SIZE ((size_t)1 << MP_SLAB_BITS)
#define MP_SLAB_FIRST 4 /* of an arena's 64 */
#define MP_SLAB_COUNT 60
#define MP_SLAB_HEAD (MP_SLAB_FIRST * MP_SLAB_SIZE)

typedef enum MpSlabState {
  MP_SLAB_UNUSED,
  MP_SLAB_OPEN, /* in its kind's list */
  MP_SLAB_FULL, /* was full, and has few free blocks yet: in no list */
  MP_SLAB_MIXED /* the start region: blocks of all sizes */
} MpSlabState;

/* What heads a slab's descriptor, and stands for a start region (small.h) too. */
typedef struct MpSlabHead {
  void *free;     /* freed blocks, the last one first, linked through their first bytes */
  uint32_t count; /* frees until something is to be done; OPEN: live blocks, and 1 if pinned */
  uint16_t kind;
  uint8_t state;
  uint8_t pinned; /* stays with its kind when it's empty */
} MpSlabHead;

/* The descriptor of a slab. */
typedef struct MpSlab {
  MpSlabHead head;
  char *fresh; /* no block was ever made from here … */
  char *end;   /* … to here */
  struct MpSlab *next, *prev;
  uint32_t size, cap; /* of a block; blocks */
  uint32_t wait;      /* frees after which a full slab is listed again */
  uint32_t pad;
} MpSlab;

typedef struct MpArena {
  const void *owner;
  size_t index;    /* in the pool's list */
  uint64_t unused; /* a bit a slab */
  uint64_t dirty;  /* those unused that have been written to */
} MpArena;

/* The arenas of a heap. */
typedef struct MpSlabPool {
  const MpAllocator *system; /* for the list */
  const void *owner;
  MpArena **arenas;
  size_t n;
  size_t first;  /* no arena before that one has an unused slab */
  size_t nempty; /* arenas without a slab in use, but the first */
} MpSlabPool;

#define MP_SLAB_REGION(at) ((uintptr_t)(at) & ~(uintptr_t)(MP_REGION_SIZE - 1))

/* The descriptor for an address in a slab. */
static inline MpSlab *mp_slab_of(const void *at) {
  uintptr_t p = (uintptr_t)at;
  return (MpSlab *)(MP_SLAB_REGION(p) + (p >> (MP_SLAB_BITS - 6) & 0x3FC0));
}

static inline MpArena *mp_slab_arena(const void *at) {
  uintptr_t p = (uintptr_t)at;
  return (MpArena *)(MP_SLAB_REGION(p) + (p >> (MP_SLAB_BITS - 6) & 0x3000));
}

static inline unsigned mp_slab_index(const MpSlab *s) { return (unsigned)((uintptr_t)s >> 6 & 63); }

static inline char *mp_slab_start(const MpSlab *s) {
  return (char *)(MP_SLAB_REGION(s) + ((size_t)mp_slab_index(s) << MP_SLAB_BITS));
}

/* The label byte of the 16 bytes at an address in a slab; 0 in a new slab. */
static inline unsigned char *mp_slab_label(const void *at) {
  uintptr_t p = (uintptr_t)at;
  return (unsigned char *)(MP_SLAB_REGION(p) + ((p & (MP_REGION_SIZE - 1)) >> 4));
}

/*
** A pool whose first arena is `region`. false for want of memory; the region is the caller's
** then. Its head has three times 4 KiB to spare, 1 … 3, where the pool's owner may live.
*/
MP_CHECKED bool mp_slab_init(MpSlabPool *a, const MpAllocator *system, void *region,
                             const void *owner);
void *mp_slab_spare(void *region, unsigned which);

/* Gives all arenas back, whatever is in them; the first one last. */
void mp_slab_fini(MpSlabPool *a);

/* An unused slab, its descriptor zeroed; NULL for want of memory. */
MpSlab *mp_slab_new(MpSlabPool *a);

/* A slab without live blocks; its labels are zero. */
void mp_slab_free(MpSlabPool *a, MpSlab *s);

/* Gives empty arenas and the pages of unused slabs back; how many bytes. */
size_t mp_slab_trim(MpSlabPool *a);

#endif
