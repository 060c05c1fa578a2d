/*
** num.h: sizes that are checked. Everything here is inline and total.
*/

#ifndef MP_BASE_NUM_H
#define MP_BASE_NUM_H

#include <stdbool.h>
#include "base/config.h"

/* The largest object that C allows: ptrdiff_t must be able to span it (C11 6.5.6). */
#define MP_NUM_SIZE_MAX ((size_t)PTRDIFF_MAX)

/* `*out = a * b`; false when the product is no size of an object. */
MP_CHECKED static inline bool mp_num_mul(size_t a, size_t b, size_t *out) {
  return !__builtin_mul_overflow(a, b, out) && *out <= MP_NUM_SIZE_MAX;
}

/* `*out = a + b`; false when the sum is no size of an object. */
MP_CHECKED static inline bool mp_num_add(size_t a, size_t b, size_t *out) {
  return !__builtin_add_overflow(a, b, out) && *out <= MP_NUM_SIZE_MAX;
}

/* `n` rounded up to `align`, a power of two; the caller knows that it fits. */
static inline size_t mp_num_align(size_t n, size_t align) { return (n + align - 1) & ~(align - 1); }

static inline bool mp_num_ispow2(uint64_t n) { return n != 0 && (n & (n - 1)) == 0; }

#endif
