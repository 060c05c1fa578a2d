/*
** heap.c: small blocks (small.h) and large ones (large.h) as one heap, which
** lies in its own first arena.
*/

#include "mem/heap.h"

#include <stdlib.h>
#include <string.h>

#include "mem/large.h"
#include "mem/small.h"

struct MpHeap {
  MpSmall small; /* first: the fast paths need no offset */
  MpLarge large;
  MpAllocator system;
};

_Static_assert(sizeof(MpHeap) <= 4096, "what mp_slab_spare has");

/* {===== the C library as the system ===== */

static void *libc_malloc(void *ctx, size_t size) { return (void)ctx, malloc(size); }
static void *libc_calloc(void *ctx, size_t n, size_t size) { return (void)ctx, calloc(n, size); }
static void *libc_realloc(void *ctx, void *ptr, size_t size) {
  return (void)ctx, realloc(ptr, size);
}
static void libc_free(void *ctx, void *ptr) {
  (void)ctx;
  free(ptr);
}

static const MpAllocator heap_libc = {NULL,         libc_malloc, libc_calloc,
                                      libc_realloc, libc_free,   NULL};

/* }===== */

/* {===== the heap ===== */

MpHeap *mp_heap_new(const MpAllocator *system) {
  void *region = mp_region_new(NULL);
  MpHeap *h;
  if (region == NULL) return NULL;
  h = (MpHeap *)mp_slab_spare(region, 1);
  h->system = system != NULL ? *system : heap_libc;
  mp_large_init(&h->large, &h->system);
  if (mp_small_init(&h->small, &h->system, region, h)) return h;
  mp_region_free(region);
  return NULL;
}

void mp_heap_free(MpHeap *h) {
  MpAllocator system = h->system;
  MpSlabPool pool = h->small.pool;
  mp_large_fini(&h->large);
  pool.system = &system; /* the heap goes with its first arena */
  mp_slab_fini(&pool);
}

/* }===== */

/* {===== sized blocks ===== */

static void *heap_takesized(MpHeap *h, size_t size) {
  if (mp_small_is(size)) return mp_small_take(&h->small, mp_small_kind(size), size);
  return mp_large_new(&h->large, MP_LARGE_SIZED, size, false);
}

static void heap_givesized(MpHeap *h, void *ptr, size_t size) {
  if (mp_small_is(size))
    mp_small_give(&h->small, ptr, mp_small_kind(size));
  else
    mp_large_free(&h->large, ptr);
}

/* A block gets another size, and may have to move. */
static __attribute__((noinline)) void *heap_move(MpHeap *h, void *ptr, size_t osize, size_t nsize) {
  bool small = mp_small_is(nsize);
  void *fresh;
  if (mp_small_is(osize)) {
    if (small && mp_small_kind(osize) == mp_small_kind(nsize)) {
      if (MP_ASAN) mp_region_hide(ptr, mp_small_sizeof(mp_small_kind(osize)));
      mp_region_show(ptr, nsize);
      return ptr;
    }
  } else if (!small) {
    return mp_large_resize(&h->large, ptr, nsize);
  }
  fresh = heap_takesized(h, nsize);
  if (fresh == NULL) return NULL;
  memcpy(fresh, ptr, osize < nsize ? osize : nsize);
  heap_givesized(h, ptr, osize);
  return fresh;
}

static __attribute__((noinline)) void *heap_resizelarge(MpHeap *h, void *ptr, size_t size) {
  if (ptr == NULL) return size == 0 ? NULL : mp_large_new(&h->large, MP_LARGE_SIZED, size, false);
  mp_large_free(&h->large, ptr);
  return NULL;
}

void *mp_heap_resize(void *ud, void *ptr, size_t osize, size_t nsize) {
  MpHeap *h = (MpHeap *)ud;
  if (ptr == NULL) {
    if (MP_LIKELY(mp_small_is(nsize))) return mp_small_take(&h->small, mp_small_kind(nsize), nsize);
    return heap_resizelarge(h, NULL, nsize);
  }
  if (nsize != 0) return heap_move(h, ptr, osize, nsize);
  if (MP_UNLIKELY(!mp_small_is(osize))) return heap_resizelarge(h, ptr, 0);
  mp_small_give(&h->small, ptr, mp_small_kind(osize));
  return NULL;
}

bool mp_heap_has(const MpHeap *h, const void *ptr, size_t size) {
  if (mp_small_is(size)) return mp_region_owner(ptr) == h;
  return mp_large_find(&h->large, ptr) != NULL;
}

/* }===== */

/* {===== labelled blocks ===== */

void *mp_heap_malloc(MpHeap *h, int label, size_t size) {
  size_t kind;
  void *p;
  mp_assert(size > 0 && label >= 0 && label < MP_HEAP_LABELS);
  if (!mp_small_is(size)) return mp_large_new(&h->large, label, size, false);
  kind = mp_small_labelledkind(label, size);
  p = mp_small_take(&h->small, kind, size);
  if (p == NULL) return NULL;
  *mp_slab_label(p) = (unsigned char)(1 + (-size & 15));
  h->small.slack += -size & 15;
  return p;
}

void *mp_heap_calloc(MpHeap *h, int label, size_t size) {
  void *p;
  if (!mp_small_is(size)) return mp_large_new(&h->large, label, size, true);
  p = mp_heap_malloc(h, label, size);
  return p == NULL ? NULL : memset(p, 0, size);
}

size_t mp_heap_release(MpHeap *h, void *ptr) {
  size_t kind;
  size_t slack;
  if (mp_region_owner(ptr) != h) return mp_large_free(&h->large, ptr);
  mp_assert(*mp_slab_label(ptr) != 0);
  kind = mp_small_kindof(&h->small, ptr);
  slack = mp_small_slack(*mp_slab_label(ptr));
  *mp_slab_label(ptr) = 0;
  h->small.slack -= slack;
  mp_small_give(&h->small, ptr, kind);
  return mp_small_sizeof(kind) - slack;
}

/* A small block that keeps its class. */
static void *heap_relabel(MpHeap *h, void *ptr, size_t kind, size_t size) {
  unsigned char *label = mp_slab_label(ptr);
  h->small.slack += (-size & 15) - mp_small_slack(*mp_slab_label(ptr));
  *label = (unsigned char)((*label & MP_SMALL_MARK) | (1 + (-size & 15)));
  mp_region_hide(ptr, MP_ASAN ? mp_small_sizeof(kind) : 0);
  mp_region_show(ptr, size);
  return ptr;
}

void *mp_heap_realloc(MpHeap *h, void *ptr, size_t size) {
  MpHeapFound found;
  void *fresh;
  bool small;
  if (mp_heap_find(h, ptr, &found) != MP_HEAP_LIVE) return NULL;
  small = mp_region_owner(ptr) == h;
  if (!small && !mp_small_is(size)) return mp_large_resize(&h->large, ptr, size);
  if (small && mp_small_is(size)) {
    size_t kind = mp_small_labelledkind(found.label, size);
    if (kind == mp_small_kindof(&h->small, ptr)) return heap_relabel(h, ptr, kind, size);
  }
  fresh = mp_heap_malloc(h, found.label, size);
  if (fresh == NULL) return NULL;
  memcpy(fresh, ptr, found.size < size ? found.size : size);
  if (mp_heap_mark(h, ptr)) mp_heap_setmark(h, fresh, true);
  mp_heap_release(h, ptr);
  return fresh;
}

void mp_heap_setmark(MpHeap *h, void *ptr, bool mark) {
  if (mp_region_owner(ptr) != h)
    mp_large_setmark(mp_large_find(&h->large, ptr), mark);
  else
    *mp_slab_label(ptr) =
        (unsigned char)((*mp_slab_label(ptr) & ~MP_SMALL_MARK) | (mark ? MP_SMALL_MARK : 0));
}

bool mp_heap_mark(const MpHeap *h, const void *ptr) {
  if (mp_region_owner(ptr) != h) return mp_large_mark(mp_large_find(&h->large, ptr));
  return (*mp_slab_label(ptr) & MP_SMALL_MARK) != 0;
}

/* }===== */

/* {===== addresses ===== */

static MpHeapPlace heap_findlarge(const MpHeap *h, const void *ptr, MpHeapFound *found) {
  const MpLargeBlock *b = mp_large_find(&h->large, ptr);
  bool exact = b != NULL;
  if (!exact) b = mp_large_around(&h->large, ptr);
  if (b == NULL) return MP_HEAP_FOREIGN;
  if (mp_large_label(b) == MP_LARGE_SIZED) return MP_HEAP_SIZED;
  found->block = (void *)b->at;
  found->label = mp_large_label(b);
  found->size = mp_large_size(b);
  return exact ? MP_HEAP_LIVE : MP_HEAP_INTERIOR;
}

/* Sets `found` to a small labelled block; is it alive? */
static bool heap_describe(void *p, size_t kind, MpHeapFound *found) {
  unsigned char label = *mp_slab_label(p);
  found->block = p;
  found->label = mp_small_labelof(kind);
  found->size = mp_small_sizeof(kind) - (label != 0 ? mp_small_slack(label) : 0);
  return label != 0;
}

/* For an address of the heap where no live block begins. */
static MpHeapPlace heap_findsmall(const MpHeap *h, const void *ptr, MpHeapFound *found) {
  void *block;
  size_t kind;
  switch (mp_small_find(&h->small, ptr, &block, &kind)) {
    case MP_SMALL_OTHER: return MP_HEAP_SIZED;
    case MP_SMALL_NOTHING: found->block = (void *)(uintptr_t)ptr; return MP_HEAP_DEAD;
    default: return heap_describe(block, kind, found) ? MP_HEAP_INTERIOR : MP_HEAP_DEAD;
  }
}

MpHeapPlace mp_heap_find(const MpHeap *h, const void *ptr, MpHeapFound *found) {
  const void *owner = mp_region_owner(ptr);
  memset(found, 0, sizeof *found);
  if (owner == NULL) return heap_findlarge(h, ptr, found);
  if (owner != h) return MP_HEAP_SIZED;
  if (!mp_small_islive(ptr)) return heap_findsmall(h, ptr, found);
  heap_describe((void *)(uintptr_t)ptr, mp_small_kindof(&h->small, ptr), found);
  return MP_HEAP_LIVE;
}

bool mp_heap_is_arena(const void *ptr) { return mp_region_owner(ptr) != NULL; }

/* }===== */

/* {===== the whole heap ===== */

typedef struct HeapWalk {
  void (*visit)(void *ud, const MpHeapFound *found);
  void *ud;
} HeapWalk;

static void heap_visit(void *ud, void *p, size_t kind) {
  const HeapWalk *w = (const HeapWalk *)ud;
  MpHeapFound found;
  if (heap_describe(p, kind, &found)) w->visit(w->ud, &found);
}

void mp_heap_walk(const MpHeap *h, void (*visit)(void *ud, const MpHeapFound *found), void *ud) {
  HeapWalk w;
  size_t i;
  w.visit = visit;
  w.ud = ud;
  mp_small_walk(&h->small, heap_visit, &w);
  for (i = 0; i < h->large.cap; i++) {
    const MpLargeBlock *b = &h->large.slots[i];
    MpHeapFound found;
    if (b->at == 0 || mp_large_label(b) == MP_LARGE_SIZED) continue;
    heap_findlarge(h, (const void *)b->at, &found);
    visit(ud, &found);
  }
}

size_t mp_heap_trim(MpHeap *h) { return mp_small_trim(&h->small); }

void mp_heap_stats(const MpHeap *h, MpHeapStats *out) {
  const MpSlabPool *pool = &h->small.pool;
  size_t lists = h->large.cap * sizeof *h->large.slots + pool->n * sizeof *pool->arenas;
  memset(out, 0, sizeof *out);
  mp_small_stats(&h->small, out);
  out->metadata = pool->n * MP_SLAB_HEAD + lists;
  out->large = h->large.bytes;
  out->nlarge = h->large.count;
  out->reserved = pool->n * MP_REGION_SIZE + lists + out->large;
}

bool mp_heap_check(const MpHeap *h) {
  return mp_small_check(&h->small) && mp_large_check(&h->large);
}

/* }===== */
