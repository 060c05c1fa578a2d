/*
** heap.h: the small-block heap of one state: arenas of 4 MiB, slabs of 64 KiB
** that hold one size each, descriptors out of line. Blocks come in two kinds:
**
**   sized     lua_Alloc's: the caller tells the old size at each resize and
**             free. Classes every 8 bytes up to 512. For Lua's own objects.
**   labelled  freed without a size: 16-aligned, sizes round up to 16; a byte
**             out of line a block says whether it lives and how much of it was
**             asked for, so that a wrong address is recognized.
**
** Larger blocks come from `system`, and are in a hash set. One thread at a time. The map
** of arenas alone is the process's, and can be asked from any thread.
*/

#ifndef MP_MEM_HEAP_H
#define MP_MEM_HEAP_H

#include <stdbool.h>

#include "mem/allocator.h"

typedef struct MpHeap MpHeap;

#define MP_HEAP_LABELS 3 /* labels are 0 … 2: the domains */
#define MP_HEAP_SMALL 512

/*
** A heap that takes its large blocks and lists from `system` (copied; the C
** library's when NULL), its arenas from the operating system. NULL for want of memory. A small state touches few pages.
*/
MpHeap *mp_heap_new(const MpAllocator *system);

/* Gives everything back at once, live blocks too. */
void mp_heap_free(MpHeap *h);

/* Sized blocks: lua_Alloc's contract (Lua manual 4.5), `h` first. */
void *mp_heap_resize(void *h, void *ptr, size_t osize, size_t nsize);

/* A labelled block, uninitialized, of `size` > 0 bytes; NULL for want of memory. */
void *mp_heap_malloc(MpHeap *h, int label, size_t size);

/* The same, zeroed: fresh pages of the system aren't zeroed twice. */
void *mp_heap_calloc(MpHeap *h, int label, size_t size);

/* A live labelled block gets another size; NULL: it stays as it was. */
void *mp_heap_realloc(MpHeap *h, void *ptr, size_t size);

/* Frees a live labelled block (asserted). Returns the size that was asked for. */
size_t mp_heap_release(MpHeap *h, void *ptr);

typedef enum MpHeapPlace {
  MP_HEAP_FOREIGN,  /* in no arena, and no large block of this heap */
  MP_HEAP_LIVE,     /* a live labelled block's first byte */
  MP_HEAP_DEAD,     /* one that was freed, or never given out */
  MP_HEAP_INTERIOR, /* inside a live labelled block; `found->block` is its first byte */
  MP_HEAP_SIZED, /* in a slab of sized blocks, or another heap's arena, or the heap's own records */
} MpHeapPlace;

typedef struct MpHeapFound {
  void *block; /* first byte, for LIVE, DEAD and INTERIOR */
  int label;   /* of a labelled one */
  size_t size; /* as asked for */
} MpHeapFound;

/* A spare bit that a live labelled block has, for the caller; not set in a new one, kept by realloc. */
void mp_heap_setmark(MpHeap *h, void *ptr, bool mark);
bool mp_heap_mark(const MpHeap *h, const void *ptr);

/* What is at an address? Any address may be asked about. */
MpHeapPlace mp_heap_find(const MpHeap *h, const void *ptr, MpHeapFound *found);

/* Is the address in an arena of any heap of the process? From any thread. */
bool mp_heap_is_arena(const void *ptr);

/* Does this heap serve that sized block? (A state that was moved here has older ones from elsewhere.) */
bool mp_heap_has(const MpHeap *h, const void *ptr, size_t size);

/* Calls `visit` for every live labelled block. */
void mp_heap_walk(const MpHeap *h, void (*visit)(void *ud, const MpHeapFound *found), void *ud);

/* Gives empty arenas and slabs' pages back to the system; how many bytes. */
size_t mp_heap_trim(MpHeap *h);

typedef struct MpHeapClass {
  size_t size;              /* of a block */
  size_t slabs, used, free; /* free: carved or not, in its slabs */
} MpHeapClass;

#define MP_HEAP_CLASSES (MP_HEAP_SMALL / 8 + MP_HEAP_SMALL / 16)

/*
** Bytes; reserved = allocated + rounding + available + unused + metadata +
** large: exactly.
*/
typedef struct MpHeapStats {
  size_t reserved;  /* taken from the system */
  size_t allocated; /* live small blocks: labelled ones as asked for, sized ones as their class */
  size_t rounding;  /* lost to classes, and behind the last block of a slab */
  size_t available; /* free blocks in slabs in use */
  size_t unused;    /* slabs not in use, and what is left of the start region */
  size_t metadata;  /* the heap's own records */
  size_t large;     /* live large blocks, as asked for */
  size_t nlarge;
  int nclasses;
  MpHeapClass classes[MP_HEAP_CLASSES];
} MpHeapStats;

void mp_heap_stats(const MpHeap *h, MpHeapStats *out);

/* Walks the whole heap: do lists, counts and labels agree? For asserts and specs. */
bool mp_heap_check(const MpHeap *h);

#endif
