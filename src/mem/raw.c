/*
** raw.c: RAW's home and base. Called by the doors and layers on any thread.
** This is one of the few mutable globals: RAW's allocator outlives every state.
** The numbers are atomic; the rest is under the lock.
*/

#define _GNU_SOURCE /* process_vm_readv */

#include "mem/raw.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#if MP_HAVE_VM_READV
#include <sys/uio.h>
#include <unistd.h>
#endif

/* {===== the C library ===== */

/* C leaves open what a size of 0 does (C11 7.22.3); the contract doesn't. */
static void *clib_malloc(void *ctx, size_t size) {
  (void)ctx;
  return malloc(size ? size : 1);
}

static void *clib_calloc(void *ctx, size_t nelem, size_t elsize) {
  (void)ctx;
  return nelem == 0 || elsize == 0 ? calloc(1, 1) : calloc(nelem, elsize);
}

static void *clib_realloc(void *ctx, void *ptr, size_t size) {
  (void)ctx;
  return realloc(ptr, size ? size : 1);
}

static void clib_free(void *ctx, void *ptr) {
  (void)ctx;
  free(ptr);
}

void mp_raw_clib(MpAllocator *out) {
  memset(out, 0, sizeof *out);
  out->malloc = clib_malloc;
  out->calloc = clib_calloc;
  out->realloc = clib_realloc;
  out->free = clib_free;
}

/* }===== */

/* {===== the home ===== */

static struct {
  pthread_mutex_t lock;
  MpDomain domain;
  MpSites sites;
} raw = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .domain = {.alloc = {mp_domain_resize, &raw.domain},
               .id = MP_DOMAIN_RAW,
               .home = &raw.domain,
               .made = {&mp_alloc_system, NULL, 0, 0}},
    .sites = {{&mp_alloc_system, NULL, 0, 0}},
};

MpDomain *mp_raw_domain(void) { return &raw.domain; }
MpSites *mp_raw_sites(void) { return &raw.sites; }
void mp_raw_lock(void) { pthread_mutex_lock(&raw.lock); }
void mp_raw_unlock(void) { pthread_mutex_unlock(&raw.lock); }

/* }===== */

/* {===== the base ===== */

typedef struct RawHead {
  size_t size;
  uint64_t mark; /* the block's address, mixed: bytes of a header that was copied don't fit */
} RawHead;

#define RAW_MARK UINT64_C(0x6d6f6f6e706f6f6c) /* "moonpool" */
#define RAW_DIRECT 1u                         /* not counted: addresses leave the bit free */
#define RAW_DEAD UINT64_C(0x6465616466726565) /* "deadfree" */

_Static_assert(sizeof(RawHead) == 16, "blocks are aligned to 16");

static uint64_t raw_mark(const void *ptr) { return RAW_MARK ^ (uint64_t)(uintptr_t)ptr; }

/* Fills in the header; the block behind it. */
static void *raw_open(RawHead *h, size_t size, bool counted) {
  if (h == NULL) return NULL;
  h->size = size;
  h->mark = raw_mark(h + 1) ^ (counted ? 0 : RAW_DIRECT);
  return h + 1;
}

/* Compilers drop plain stores to what is freed next. */
static void raw_bury(RawHead *h) { *(volatile uint64_t *)&h->mark = RAW_DEAD; }

void *mp_raw_new(size_t size, bool zero, bool counted) {
  size_t whole = size + sizeof(RawHead);
  return raw_open((RawHead *)(zero ? calloc(1, whole) : malloc(whole)), size, counted);
}

void *mp_raw_resize(void *ptr, size_t size) {
  RawHead *h = (RawHead *)ptr - 1, *fresh;
  RawHead old = *h;
  bool counted = old.mark == raw_mark(ptr);
  raw_bury(h); /* the old place, should it move */
  fresh = (RawHead *)realloc(h, size + sizeof(RawHead));
  if (fresh != NULL) return raw_open(fresh, size, counted);
  *h = old;
  return NULL;
}

void mp_raw_free(void *ptr) {
  RawHead *h = (RawHead *)ptr - 1;
  raw_bury(h);
  free(h);
}

static bool raw_fits(const void *ptr) {
  return (uintptr_t)ptr % sizeof(RawHead) == 0 && (uintptr_t)ptr >= 4096;
}

static bool raw_judge(RawHead h, const void *ptr, MpRawBlock *out) {
  if ((h.mark & ~(uint64_t)RAW_DIRECT) != raw_mark(ptr)) return false;
  out->size = h.size;
  out->counted = !(h.mark & RAW_DIRECT);
  return true;
}

bool mp_raw_find(const void *ptr, MpRawBlock *out) {
  RawHead h;
  if (!raw_fits(ptr)) return false;
  memcpy(&h, (const char *)ptr - sizeof h, sizeof h);
  return raw_judge(h, ptr, out);
}

bool mp_raw_guess(const void *ptr, MpRawBlock *out) {
#if MP_HAVE_VM_READV
  RawHead h;
  struct iovec here = {&h, sizeof h}, there = {(void *)((uintptr_t)ptr - sizeof h), sizeof h};
  if (!raw_fits(ptr)) return false;
  if (process_vm_readv(getpid(), &here, 1, &there, 1, 0) == (ssize_t)sizeof h)
    return raw_judge(h, ptr, out);
  if (errno == EFAULT) return false; /* nothing is there; other errors say that it can't be asked */
#endif
  return mp_raw_find(ptr, out);
}

/* }===== */
