/*
** allocator.h: an allocator in the form that CPython's PyMemAllocatorEx has
** (its documentation, "Customize Memory Allocators"), with the optional sized
** function of lua_Alloc's form. moonpool.h publishes the same record.
*/

#ifndef MP_MEM_ALLOCATOR_H
#define MP_MEM_ALLOCATOR_H

#include "base/config.h"

typedef struct MpAllocator {
  void *ctx; /* handed to each function */
  void *(*malloc)(void *ctx, size_t size);
  void *(*calloc)(void *ctx, size_t nelem, size_t elsize);
  void *(*realloc)(void *ctx, void *ptr, size_t new_size);
  void (*free)(void *ctx, void *ptr);
  /* NULL, or all of the above in one, told the old size: what lua_Alloc is (Lua manual 4.5). */
  void *(*sized)(void *ctx, void *ptr, size_t old_size, size_t new_size);
} MpAllocator;

#endif
