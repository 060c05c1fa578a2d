/*
** small.h: a heap's small blocks: which slab has blocks of which kind, and the
** paths that must be fast. A kind is a class of sized blocks, or one label's
** class (heap.h). `open` has the list of a kind's slabs that have blocks left,
** as a ring; a slab that has none leaves it until some were freed; one that is
** empty goes back, unless it's alone.
**
** A heap begins in two start regions, a slab for sized blocks of all classes
** and one for labelled ones: a small state touches few pages. Their free blocks
** are listed by kind in `mixed`, which stands in `open` when there is no slab.
*/

#ifndef MP_MEM_SMALL_H
#define MP_MEM_SMALL_H

#include "mem/heap.h"
#include "mem/slab.h"

#define MP_SMALL_SIZED (MP_HEAP_SMALL / 8)     /* kinds 1 … 64 */
#define MP_SMALL_LABELLED (MP_HEAP_SMALL / 16) /* 65 … 96 for label 0, and so on */
#define MP_SMALL_KINDS (1 + MP_SMALL_SIZED + MP_HEAP_LABELS * MP_SMALL_LABELLED)

typedef struct MpSmallStart {
  char *at, *end; /* what was never given out */
} MpSmallStart;

typedef struct MpSmall {
  MpSlabHead *open[MP_SMALL_KINDS]; /* a slab's, or &mixed[kind] */
  MpSlabHead mixed[MP_SMALL_KINDS]; /* `count`: live blocks of the kind in its start region */
  MpSmallStart sized, labelled;     /* the start regions */
  unsigned char *kinds; /* what begins at each 16 bytes of the labelled one; 0: nothing */
  size_t slack;         /* of live labelled blocks */
  MpSlabPool pool;
} MpSmall;

/* In place, in its first arena `region`; false for want of memory, and the region is the caller's. */
MP_CHECKED bool mp_small_init(MpSmall *m, const MpAllocator *system, void *region,
                              const void *owner);

/* {===== kinds ===== */

/* Is it a size that has a kind? */
static inline bool mp_small_is(size_t size) { return size - 1 < MP_HEAP_SMALL; }

static inline size_t mp_small_kind(size_t size) { return (size + 7) >> 3; }

static inline size_t mp_small_labelledkind(int label, size_t size) {
  return MP_SMALL_SIZED + (size_t)label * MP_SMALL_LABELLED + ((size + 15) >> 4);
}

static inline bool mp_small_issized(size_t kind) { return kind <= MP_SMALL_SIZED; }

static inline size_t mp_small_sizeof(size_t kind) {
  return mp_small_issized(kind) ? kind * 8u
                                : ((kind - MP_SMALL_SIZED - 1) % MP_SMALL_LABELLED + 1) * 16u;
}

static inline int mp_small_labelof(size_t kind) {
  return (int)((kind - MP_SMALL_SIZED - 1) / MP_SMALL_LABELLED);
}

/* A label byte (mp_slab_label): 0, or 1 + the slack of the block that begins there (0 … 15), and the mark. */
#define MP_SMALL_MARK 0x80
static inline size_t mp_small_slack(unsigned label) { return (label & ~MP_SMALL_MARK) - 1u; }

/* }===== */

/* {===== the paths that must be fast ===== */

/* The kind's first slab has no freed block: a block from elsewhere; NULL for want of memory. */
void *mp_small_refill(MpSmall *m, size_t kind);

/* Frees the block that a slab's count waited for. */
void mp_small_settle(MpSmall *m, MpSlab *s, void *p, size_t kind);

/* A block off a list that isn't empty. */
static inline void *mp_small_pop(MpSlabHead *s) {
  void *p = s->free;
  mp_region_show(p, sizeof(void *));
  s->free = *(void **)p;
  s->count++;
  return p;
}

static inline void mp_small_push(MpSlabHead *s, void *p, size_t kind) {
  mp_region_show(p, sizeof(void *));
  *(void **)p = s->free;
  s->free = p;
  mp_region_hide(p, MP_ASAN ? mp_small_sizeof(kind) : 0);
}

/* A block of the kind, for `size` bytes; NULL for want of memory. */
static inline void *mp_small_take(MpSmall *m, size_t kind, size_t size) {
  MpSlabHead *s = m->open[kind];
  void *p = MP_LIKELY(s->free != NULL) ? mp_small_pop(s) : mp_small_refill(m, kind);
  if (MP_ASAN && p != NULL) {
    mp_region_hide(p, mp_small_sizeof(kind));
    mp_region_show(p, size);
  }
  return p;
}

/* Frees a block of the kind. */
static inline void mp_small_give(MpSmall *m, void *p, size_t kind) {
  MpSlab *s = mp_slab_of(p);
  mp_assert(s->head.state == MP_SLAB_MIXED || s->head.kind == kind);
  if (MP_LIKELY(--s->head.count != 0))
    mp_small_push(&s->head, p, kind);
  else
    mp_small_settle(m, s, p, kind);
}

/* }===== */

/* Live blocks of a slab that is open or full. */
static inline uint32_t mp_small_used(const MpSlab *s) {
  return s->head.state == MP_SLAB_FULL ? s->cap - s->wait + s->head.count
                                       : s->head.count - s->head.pinned;
}

/* The kind of the labelled block that begins at `p`. */
static inline size_t mp_small_kindof(const MpSmall *m, const void *p) {
  size_t kind = mp_slab_of(p)->head.kind;
  return kind != 0 ? kind : m->kinds[((uintptr_t)p & (MP_SLAB_SIZE - 1)) >> 4];
}

/* Does a labelled block that is alive begin at an address of the heap? */
static inline bool mp_small_islive(const void *ptr) {
  uintptr_t at = (uintptr_t)ptr & (MP_REGION_SIZE - 1);
  return at >= MP_SLAB_HEAD && (at & 15) == 0 && *mp_slab_label(ptr) != 0;
}

typedef enum MpSmallPlace {
  MP_SMALL_OTHER,   /* sized blocks, or the heap's own records */
  MP_SMALL_NOTHING, /* no block was ever there */
  MP_SMALL_BLOCK    /* in a labelled block, which may be free */
} MpSmallPlace;

/* What is at an address of the heap? For a block: its first byte and its kind. */
MpSmallPlace mp_small_find(const MpSmall *m, const void *ptr, void **block, size_t *kind);

/* Calls `visit` for each labelled block that is alive. */
void mp_small_walk(const MpSmall *m, void (*visit)(void *ud, void *p, size_t kind), void *ud);

/* Gives empty slabs, arenas and pages back; how many bytes. */
size_t mp_small_trim(MpSmall *m);

/* Sets the numbers that are the small blocks' in zeroed statistics. */
void mp_small_stats(const MpSmall *m, MpHeapStats *out);

/* Do lists, counts and labels agree? */
bool mp_small_check(const MpSmall *m);

#endif
