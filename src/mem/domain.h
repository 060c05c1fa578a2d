/*
** domain.h: the three domains that memory comes from: RAW, MEM (data that
** scripts ask for) and OBJ (moonpool's own records, and Lua's objects in a
** state that lives on moonpool's heap). CPython's contract ("Memory
** Management", Allocator Domains), the same in all three.
**
** RAW is the process's, behind a lock; MEM and OBJ belong to a set, one a
** state, on one thread at a time.
**
**   the door      counts, limits, injects failures, picks the layer
**   layers        allocators that were installed, newest on top: C's, Lua's,
**                 the debug hooks. A block belongs to the layer that made it.
**   the base      the set's heap (MEM, OBJ), the C library (RAW)
**
** A block of a layer is in the domain's table; one that isn't is the base's.
*/

#ifndef MP_MEM_DOMAIN_H
#define MP_MEM_DOMAIN_H

#include <stdbool.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "mem/allocator.h"
#include "mem/heap.h"
#include "mem/site.h"

typedef enum MpDomainId { MP_DOMAIN_RAW, MP_DOMAIN_MEM, MP_DOMAIN_OBJ, MP_DOMAIN_COUNT } MpDomainId;

#define MP_DOMAIN_MAX ((size_t)PTRDIFF_MAX) /* bytes a block can have */

typedef struct MpDomains MpDomains;
typedef struct MpLayer MpLayer;

typedef struct MpDomainCounts {
  size_t blocks, bytes; /* live, as asked for */
  size_t peak;          /* of bytes */
  size_t calls;         /* that asked for memory */
  size_t failures;      /* of those */
} MpDomainCounts;

typedef struct MpDomain {
  MpAlloc alloc; /* the sized door, for moonpool's own records; its `ud` is the domain */
  MpDomainId id;
  MpDomains *set; /* NULL: RAW */
  MpLayer *top;   /* NULL: the base */
  MpMap made;     /* block → its record (domain.c), of those that a layer made */
  MpDomainCounts counts;
} MpDomain;

struct MpDomains {
  MpDomain mem, obj;
  MpHeap *heap;
  MpSites sites;
  /* What the next calls are for, as far as hooks and reports care; NULL: not known. */
  const MpSite *here; /* the script's line */
  const char *verb;   /* "mem.free", "ffi.new": static */
  size_t limit;       /* live bytes over the domains that may be reached; 0: none */
  /* Called when the limit or the system refuses, outside of Lua's allocator: collects; may be NULL. */
  void (*collect)(void *ud);
  void *collect_ud;
  /* Fault injection: calls until the failing ones begin and end (0: never); CPython's set_nomemory. */
  bool nomemory;
  uint64_t fail_from, fail_to, asked;
};

/* A new set with a heap of its own; NULL for want of memory. Never moves. */
MpDomains *mp_domain_newset(void);

/*
** Takes all layers off, gives the heap back with what lives in it. What layers
** still hold stays theirs. `d` may be NULL.
*/
void mp_domain_freeset(MpDomains *d);

/* The domain of that number; RAW is the same for every set (NULL too). */
MpDomain *mp_domain_of(MpDomains *d, MpDomainId id);

/* "raw", "mem", "obj" */
const char *mp_domain_name(MpDomainId id);

/*
** The four functions of a domain: CPython's contract. NULL is a failure, and
** leaves what there was; a size above MP_DOMAIN_MAX, or a product that
** overflows, never reaches an allocator. No size gives a distinct block; a
** resize to 0 doesn't free. Zeroed by calloc, aligned to 16.
** `ptr` must be NULL or pass mp_domain_check.
*/
void *mp_domain_malloc(MpDomain *d, size_t size);
void *mp_domain_calloc(MpDomain *d, size_t nelem, size_t elsize);
void *mp_domain_realloc(MpDomain *d, void *ptr, size_t size);
void mp_domain_free(MpDomain *d, void *ptr);

/*
** Is `ptr` a live block of this domain, as far as it can be known? MP_FAIL with
** the report in `out`: freed already, another domain's, inside a block, not a
** block at all, or damaged. RAW without layers can only tell what lies in an arena.
*/
MP_CHECKED MpStatus mp_domain_check(MpDomain *d, const void *ptr, MpBuf *out);

/* The size that a live block was asked for with; MP_DOMAIN_MAX where only C knows. */
size_t mp_domain_size(MpDomain *d, const void *ptr);

/* Lua's own traffic for OBJ: lua_Alloc with a set as `ud`. Layers that aren't `vm` are passed by. */
void *mp_domain_luaalloc(void *ud, void *ptr, size_t osize, size_t nsize);

/* Why the last call of this thread's set failed, in the user's terms; "" when it was plain want of memory. */
const char *mp_domain_reason(const MpDomain *d);

/* {===== layers ===== */

typedef enum MpLayerKind { MP_LAYER_C, MP_LAYER_LUA, MP_LAYER_DEBUG } MpLayerKind;

/*
** An allocator that was installed. It lives until it is neither in use nor has
** a block left; then `drop` is called.
*/
struct MpLayer {
  MpAllocator a;
  MpLayerKind kind;
  MpLayer *below; /* what it was installed over: serves it when it re-enters; NULL: the base */
  MpDomain *domain;
  size_t blocks, bytes; /* that it made and that live */
  unsigned uses;        /* as a top, as another's below, calls inside */
  unsigned inside;      /* calls that are in it now */
  bool ended;           /* takes nothing any more: its state closes */
  const char *reason;   /* why its last call failed; NULL: it just did */
  void (*drop)(MpLayer *y);
};

/*
** What serves the domain now, as functions that can be called: the top layer's,
** or the base's. A call of these is not counted, and makes no record.
*/
void mp_domain_get(MpDomain *d, MpAllocator *out);

/*
** Installs `a` (copied). What mp_domain_get gave for the base takes the domain
** back to its base. NULL for want of memory; the layer is the domain's.
*/
MP_CHECKED MpStatus mp_domain_set(MpDomain *d, const MpAllocator *a, MpLayerKind kind,
                                  void (*drop)(MpLayer *y), MpLayer **out);

/* A layer takes nothing any more (its state closes): calls go to what is below. */
void mp_domain_end(MpLayer *y);

/* }===== */

/* Live bytes over the three domains (RAW's are the process's), each block once. */
size_t mp_domain_total(MpDomains *d);

#endif
