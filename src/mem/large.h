/*
** large.h: the large blocks of a heap, as a hash set of their addresses. The
** blocks themselves come from the heap's `system` and have no header.
*/

#ifndef MP_MEM_LARGE_H
#define MP_MEM_LARGE_H

#include <stdbool.h>

#include "mem/allocator.h"

#define MP_LARGE_SIZED 3 /* the label of a sized block */

typedef struct MpLargeBlock {
  uintptr_t at;  /* 0: a free slot */
  uint64_t info; /* size in the upper 56 bits, then mark and label */
} MpLargeBlock;

typedef struct MpLarge {
  const MpAllocator *system;
  MpLargeBlock *slots;
  size_t cap, count; /* at most half full */
  size_t bytes;      /* of all blocks, as asked for */
} MpLarge;

static inline size_t mp_large_size(const MpLargeBlock *b) { return (size_t)(b->info >> 8); }
static inline int mp_large_label(const MpLargeBlock *b) { return (int)(b->info & 3); }
static inline bool mp_large_mark(const MpLargeBlock *b) { return (b->info & 4) != 0; }

void mp_large_init(MpLarge *l, const MpAllocator *system);

/* Gives all blocks back, and the set. */
void mp_large_fini(MpLarge *l);

/* A new block in the set, zeroed when `zero`; NULL for want of memory. */
void *mp_large_new(MpLarge *l, int label, size_t size, bool zero);

/* Resizes a block of the set; NULL: it stays as it was. */
void *mp_large_resize(MpLarge *l, void *ptr, size_t size);

/* Takes a block of the set out of it, and gives it back; its size. */
size_t mp_large_free(MpLarge *l, void *ptr);

/* The block at exactly that address; NULL if there is none. */
MpLargeBlock *mp_large_find(const MpLarge *l, const void *ptr);

/* The block that an address lies in; NULL if there is none. Looks at all. */
MpLargeBlock *mp_large_around(const MpLarge *l, const void *ptr);

/* Can each block be found, and do the counts agree? */
bool mp_large_check(const MpLarge *l);

void mp_large_setmark(MpLargeBlock *b, bool mark);

#endif
