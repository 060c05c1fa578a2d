/*
** bottom.c: where memory comes from in the end. Called by doors, layers and
** hooks; and by programs, through what mp_domain_get gives.
*/

#include "mem/bottom.h"

#include <string.h>

#include "base/num.h"
#include "mem/layer.h"
#include "mem/raw.h"
#include "mem/tally.h"

/* Room for whatever an allocator puts around a block, so that no sum overflows below. */
#define BOTTOM_MAX (MP_DOMAIN_MAX - 65536)

void *mp_bottom_new(MpDomain *home, size_t size, bool zero, bool counted) {
  int label = counted ? (int)home->id : MP_DOMAIN_RAW; /* no block of a heap is RAW's */
  size += size == 0;
  if (size > BOTTOM_MAX) return NULL;
  if (home->id == MP_DOMAIN_RAW) return mp_raw_new(size, zero, counted);
  return zero ? mp_heap_calloc(home->set->heap, label, size)
              : mp_heap_malloc(home->set->heap, label, size);
}

void *mp_bottom_resize(MpDomain *home, void *ptr, size_t size) {
  size += size == 0;
  if (size > BOTTOM_MAX) return NULL;
  if (home->id == MP_DOMAIN_RAW) return mp_raw_resize(ptr, size);
  return mp_heap_realloc(home->set->heap, ptr, size);
}

void mp_bottom_free(MpDomain *home, void *ptr) {
  if (home->id == MP_DOMAIN_RAW)
    mp_raw_free(ptr);
  else
    mp_heap_release(home->set->heap, ptr);
}

bool mp_bottom_find(const MpDomain *home, const void *ptr, size_t *size, bool *counted) {
  MpRawBlock block;
  MpHeapFound found;
  if (home->id == MP_DOMAIN_RAW) {
    if (!mp_raw_find(ptr, &block)) return false;
    *size = block.size;
    *counted = block.counted;
    return true;
  }
  if (mp_heap_find(home->set->heap, ptr, &found) != MP_HEAP_LIVE) return false;
  *size = found.size;
  *counted = found.label == (int)home->id;
  return *counted || found.label == MP_DOMAIN_RAW;
}

/*
** The base's functions as a program can call them: CPython's contract. Without
** their ctx, which a mix of functions may lack, there is no memory.
*/

static void *direct_malloc(void *ctx, size_t size) {
  return ctx != NULL ? mp_bottom_new((MpDomain *)ctx, size, false, false) : NULL;
}

static void *direct_calloc(void *ctx, size_t nelem, size_t elsize) {
  size_t size;
  if (ctx == NULL || !mp_num_mul(nelem, elsize, &size)) return NULL;
  return mp_bottom_new((MpDomain *)ctx, size, true, false);
}

/* The block may be one that is counted, or of those but taken out of the numbers again. */
static void *direct_realloc(void *ctx, void *ptr, size_t size) {
  MpDomain *home = (MpDomain *)ctx;
  size_t old;
  bool counted;
  void *fresh;
  if (ptr == NULL) return direct_malloc(ctx, size);
  if (home == NULL || !mp_bottom_find(home, ptr, &old, &counted)) return NULL;
  if (counted && mp_layer_isexempt(home, ptr, false)) {
    fresh = direct_malloc(ctx, size);
    if (fresh == NULL) return NULL;
    memcpy(fresh, ptr, old < size ? old : size);
    mp_layer_isexempt(home, ptr, true);
    mp_bottom_free(home, ptr);
    return fresh;
  }
  fresh = mp_bottom_resize(home, ptr, size);
  if (fresh != NULL && counted)
    mp_tally_add(home, 0, (ptrdiff_t)mp_tally_size(size) - (ptrdiff_t)old);
  return fresh;
}

static void direct_free(void *ctx, void *ptr) {
  MpDomain *home = (MpDomain *)ctx;
  size_t old;
  bool counted;
  if (home == NULL || ptr == NULL || !mp_bottom_find(home, ptr, &old, &counted)) return;
  if (counted && !mp_layer_isexempt(home, ptr, true)) mp_tally_add(home, -1, -(ptrdiff_t)old);
  mp_bottom_free(home, ptr);
}

void mp_bottom_get(MpDomain *home, MpAllocator *out) {
  memset(out, 0, sizeof *out);
  out->ctx = home;
  out->malloc = direct_malloc;
  out->calloc = direct_calloc;
  out->realloc = direct_realloc;
  out->free = direct_free;
}
