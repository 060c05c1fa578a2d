/*
** region.c: regions from mmap, and the process's map of them: two levels, the
** second made on demand and kept for good, so that any thread reads it
** without a lock. Writers meet only at the first region of a leaf.
*/

#include "mem/region.h"

#include <stdbool.h>
#include <sys/mman.h>

#if MP_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#endif

/* User space has 47 bits of address (x86-64) or 48 (AArch64): 2^26 regions, 2^12 a leaf. */
#define REGION_ADDRESS_BITS 48
#define REGION_LEAF_BITS 12
#define REGION_LEAF ((size_t)1 << REGION_LEAF_BITS)
#define REGION_ROOT ((size_t)1 << (REGION_ADDRESS_BITS - MP_REGION_BITS - REGION_LEAF_BITS))

#if defined(MAP_NORESERVE)
#define REGION_MAP (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)
#else
#define REGION_MAP (MAP_PRIVATE | MAP_ANONYMOUS)
#endif

typedef struct RegionLeaf {
  const void *owner[REGION_LEAF]; /* NULL: no region */
} RegionLeaf;

/* The only data here that outlives heaps; read and written atomically. */
static RegionLeaf *region_map[REGION_ROOT];

static void *region_pages(size_t size) {
  void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, REGION_MAP, -1, 0);
  return p == MAP_FAILED ? NULL : p;
}

/* The map's entry for an address; NULL when there is no leaf for it. */
static const void **region_entry(const void *ptr) {
  uintptr_t n = (uintptr_t)ptr >> MP_REGION_BITS;
  RegionLeaf *leaf;
  if (n >> REGION_LEAF_BITS >= REGION_ROOT) return NULL;
  leaf = __atomic_load_n(&region_map[n >> REGION_LEAF_BITS], __ATOMIC_ACQUIRE);
  return leaf == NULL ? NULL : &leaf->owner[n & (REGION_LEAF - 1)];
}

/* Makes the leaf for an address, unless another thread was faster. */
static const void **region_newentry(const void *ptr) {
  uintptr_t n = (uintptr_t)ptr >> (MP_REGION_BITS + REGION_LEAF_BITS);
  RegionLeaf *none = NULL, *leaf;
  if (region_entry(ptr) == NULL) {
    if (n >= REGION_ROOT) return NULL;
    leaf = (RegionLeaf *)region_pages(sizeof *leaf);
    if (leaf == NULL) return NULL;
    if (!__atomic_compare_exchange_n(&region_map[n], &none, leaf, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
      munmap(leaf, sizeof *leaf);
  }
  return region_entry(ptr);
}

/* Aligned pages: the kernel's choice where that is aligned, as it is under another region. */
static char *region_take(void) {
  char *p = (char *)region_pages(MP_REGION_SIZE);
  size_t before;
  if (p == NULL || ((uintptr_t)p & (MP_REGION_SIZE - 1)) == 0) return p;
  munmap(p, MP_REGION_SIZE);
  p = (char *)region_pages(2 * MP_REGION_SIZE);
  if (p == NULL) return NULL;
  before = (size_t)(-(uintptr_t)p & (MP_REGION_SIZE - 1));
  if (before > 0) munmap(p, before);
  munmap(p + before + MP_REGION_SIZE, MP_REGION_SIZE - before);
  return p + before;
}

void *mp_region_new(const void *owner) {
  char *p = region_take();
  const void **entry;
  if (p == NULL) return NULL;
  entry = region_newentry(p);
  if (entry == NULL) {
    munmap(p, MP_REGION_SIZE);
    return NULL;
  }
#if defined(MADV_NOHUGEPAGE)
  madvise(p, MP_REGION_SIZE, MADV_NOHUGEPAGE); /* 2 MiB for one small block would be too much */
#endif
#if MP_ASAN
  __lsan_register_root_region(p, MP_REGION_SIZE); /* what is only known from here isn't lost */
#endif
  __atomic_store_n(entry, owner, __ATOMIC_RELEASE);
  return p;
}

void mp_region_setowner(void *region, const void *owner) {
  __atomic_store_n(region_entry(region), owner, __ATOMIC_RELEASE);
}

void mp_region_free(void *region) {
  mp_region_setowner(region, NULL);
  mp_region_show(region, MP_REGION_SIZE);
#if MP_ASAN
  __lsan_unregister_root_region(region, MP_REGION_SIZE);
#endif
  munmap(region, MP_REGION_SIZE);
}

void mp_region_clear(void *part, size_t size) { madvise(part, size, MADV_DONTNEED); }

const void *mp_region_owner(const void *ptr) {
  const void **entry = region_entry(ptr);
  return entry == NULL ? NULL : __atomic_load_n(entry, __ATOMIC_ACQUIRE);
}

#if MP_ASAN
void mp_region_hide(const void *part, size_t size) { ASAN_POISON_MEMORY_REGION(part, size); }
void mp_region_show(const void *part, size_t size) { ASAN_UNPOISON_MEMORY_REGION(part, size); }
#endif
