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
** Each set has a door of its own to RAW, so that its limit, its injected
** failures and its script's lines hold there too; what is behind is one.
*/

#ifndef MP_MEM_DOMAIN_H
#define MP_MEM_DOMAIN_H

#include <pthread.h>
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

typedef struct MpDomain MpDomain;
struct MpDomain {
  MpAlloc alloc; /* the sized door, for moonpool's own records and data; its `ud` is the domain */
  MpDomainId id;
  MpDomains *set;  /* whose door it is; NULL: the process's, to RAW */
  MpDomain *home;  /* what is behind the door and has the rest: itself, or the process's RAW */
  bool layered;    /* a layer is installed, or has blocks */
  MpLayer *top;    /* NULL: the base */
  MpLayer *layers; /* all that live */
  MpMap made;      /* block → MpMade (layer.h), of those that a layer made */
  uint32_t coming; /* blocks on their way into it */
  struct MpDebug *debug; /* the hooks, once they were put on */
  MpDomainCounts tally;  /* ask mp_domain_counts */
  size_t own;            /* blocks that live from the sized door: moonpool's own */
};

/* Who makes one of Lua's own blocks (mp_domain_luaalloc), or made it. */
typedef enum MpVmKind { MP_VM_PLAIN, MP_VM_HOOKED, MP_VM_LAYER, MP_VM_FORMER } MpVmKind;

/* How they were made, in numbers. */
typedef struct MpDomainVm {
  bool slow;             /* there is more to look at than the heap */
  bool pure;             /* hooks make the next block, made all the others, and nothing may fail */
  MpVmKind target;       /* who makes the next one */
  size_t plain;          /* from the heap as they are */
  size_t hooked;         /* with the hooks' bytes around them, from a heap of their own */
  size_t made;           /* by a layer, in the domain's table */
  bool inside;           /* a layer is serving Lua */
  MpHeap *hooks;         /* that heap; NULL: never used */
  struct MpVmRing *ring; /* dead blocks of that heap, held back */
  char *late;            /* a report that couldn't be said yet */
  /* Who made the older blocks of a state that was moved here; NULL: nobody did. */
  void *(*former)(void *ud, void *ptr, size_t osize, size_t nsize);
  void *former_ud;
  const void *last; /* the block of those that Lua frees last: the set goes with it */
} MpDomainVm;

struct MpDomains {
  MpDomain raw, mem, obj; /* doors */
  MpHeap *heap;
  MpDomainVm vm;
  MpSites sites;
  /* What the next calls are for, as far as hooks and reports care; NULL: not known. */
  const MpSite *here; /* the script's line */
  const char *verb;   /* "mem.free", "ffi.new": static */
  size_t limit;       /* mp_domain_setlimit's */
  /* Called when the limit or the system refuses, outside of Lua's allocator: collects; may be NULL. */
  void (*collect)(void *ud);
  void *collect_ud;
  bool collecting;
  bool records;  /* the call is for moonpool's own records */
  bool nomemory; /* mp_domain_setnomemory's */
  uint64_t fail_from, fail_to, asked;
  char reason[96];     /* mp_domain_reason's */
  pthread_t thread;    /* mp_domain_enter's */
  MpDomain *last_door; /* the last block that an explicit call of the set got, */
  void *last;          /* for a layer that gets its blocks from another domain */
};

/* A new set with a heap of its own, on this thread; NULL for want of memory. Never moves. */
MpDomains *mp_domain_newset(void);

/*
** Verifies what hooks hold back, takes all layers off, gives the heap back
** with what lives in it. What layers still hold stays theirs. `d` may be NULL.
*/
void mp_domain_freeset(MpDomains *d);

/* Looks again at what Lua's traffic has to look at; called when layers change. */
void mp_domain_note(MpDomains *d);

/* The state is on this thread from now on: moved to it, or locked by it. */
void mp_domain_enter(MpDomains *d);

/* The set's door to the domain of that number. A set of NULL has one to RAW alone. */
MpDomain *mp_domain_of(MpDomains *d, MpDomainId id);

/* What lives in the domain (of the process, for RAW), and the calls so far. */
void mp_domain_counts(const MpDomain *d, MpDomainCounts *out);

/* Live bytes over the three domains that may be reached; 0: no limit. Beyond: collect, then failure. */
void mp_domain_setlimit(MpDomains *d, size_t bytes);

/*
** Fault injection as CPython's set_nomemory: the next `start` calls that ask the
** set's domains for memory go through, then they fail up to the `stop`-th (0: for ever).
*/
void mp_domain_setnomemory(MpDomains *d, uint64_t start, uint64_t stop);
void mp_domain_removenomemory(MpDomains *d);

/* One more call asks for memory: is it to fail? Is it beyond the limit? For those who pass the doors by. */
bool mp_domain_injects(MpDomains *d);
bool mp_domain_exceeds(MpDomains *d, size_t more);

/* "raw", "mem", "obj" */
const char *mp_domain_name(MpDomainId id);

/*
** The four functions of a domain: CPython's contract. NULL is a failure, and
** leaves what there was; a size above MP_DOMAIN_MAX, or a product that
** overflows, never reaches an allocator. No size gives a distinct block; a
** resize to 0 doesn't free. Zeroed by calloc, aligned to 16.
** `ptr` must be NULL or pass mp_domain_check. Damage that the hooks find in
** a realloc or free goes to their handler.
*/
void *mp_domain_malloc(MpDomain *d, size_t size);
void *mp_domain_calloc(MpDomain *d, size_t nelem, size_t elsize);
void *mp_domain_realloc(MpDomain *d, void *ptr, size_t size);
void mp_domain_free(MpDomain *d, void *ptr);

/* A door in MpAlloc's form; what `alloc` has. Its blocks are moonpool's own. */
void *mp_domain_resize(void *door, void *ptr, size_t osize, size_t nsize);

/*
** Is `ptr` a live block of this domain, as far as it can be known? MP_FAIL with
** the report in `out`: freed already, another domain's, inside a block, not a
** block at all, or damaged (said once a block; the next check passes). In RAW
** it asks the system, so that any address may be given. The report is lines, without one's
** end at its own; it starts with "moonpool: ".
*/
MP_CHECKED MpStatus mp_domain_check(MpDomain *d, const void *ptr, MpBuf *out);

/* The size that a live block was asked for with; a block that was asked for with none counts as 1. */
size_t mp_domain_size(MpDomain *d, const void *ptr);

/*
** Lua's own traffic for OBJ: lua_Alloc with a set as `ud`. Passes layers of kind LUA by.
** Under the hooks blocks get their bytes and wait in a quarantine, without a site.
*/
void *mp_domain_luaalloc(void *ud, void *ptr, size_t osize, size_t nsize);

/* The state's older blocks are `f`'s: freed by it, and moved here by a resize. For lua_setallocf. */
void mp_domain_adopt(MpDomains *d, void *(*f)(void *ud, void *ptr, size_t osize, size_t nsize),
                     void *ud, const void *last);

/* Why the last call through this door failed, in the user's terms; "" when it was plain want of memory. */
const char *mp_domain_reason(const MpDomain *d);

/* {===== layers ===== */

typedef enum MpLayerKind { MP_LAYER_C, MP_LAYER_LUA, MP_LAYER_DEBUG } MpLayerKind;

/*
** An allocator that was installed. It lives until it is neither in use nor has
** a block left; then `drop` is called, and after it the layer is freed.
*/
struct MpLayer {
  MpAllocator a;
  MpLayerKind kind;
  MpLayer *below;   /* what it was installed over: serves it when it re-enters; NULL: the base */
  MpDomain *domain; /* a home */
  MpLayer *next;    /* of the domain's `layers` */
  size_t blocks, bytes; /* that it made and that live */
  unsigned uses;        /* as a top, as another's below, calls inside */
  bool ended;           /* takes nothing any more: its state closes */
  const char *reason;   /* why its last call failed, set by its functions; NULL: it just did */
  /*
  ** May it serve this call (on this thread)? Else what is below does. It looks only: in RAW it is
  ** asked under the lock. Set by mp_domain_serve. NULL: always; but one in Lua serves RAW only once this is set.
  */
  bool (*serves)(MpLayer *y);
  void (*drop)(MpLayer *y); /* NULL: there is nothing to do */
};

/*
** What serves the domain now, as functions that can be called: the top layer's,
** or the base's. A call of these is not counted, and makes no record.
*/
void mp_domain_get(MpDomain *d, MpAllocator *out);

/*
** Installs `a` (copied) in place of what is there, the hooks too; that serves
** what it made on. What mp_domain_get gave for the base takes the domain back to
** its base; what it gave for a layer that still lives brings that one back, and `drop`
** is not taken. NULL for want of memory; `*out` (may be NULL itself) is the domain's; NULL: the base.
*/
MP_CHECKED MpStatus mp_domain_set(MpDomain *d, const MpAllocator *a, MpLayerKind kind,
                                  void (*drop)(MpLayer *y), MpLayer **out);

/* Sets `serves` of a layer that other threads may be asking already. */
void mp_domain_serve(MpLayer *y, bool (*serves)(MpLayer *y));

/*
** A layer takes nothing any more (its state closes): calls go to what is below, its functions
** aren't called again; its blocks count as lost when they are freed.
*/
void mp_domain_end(MpLayer *y);

/* }===== */

/* Live bytes over the three domains (RAW's are the process's), each block once. */
size_t mp_domain_total(MpDomains *d);

#endif
