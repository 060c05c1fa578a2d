/*
** debug.h: the debug hooks: CPython's bytes around each block
** (PyMem_SetupDebugHooks), verified but never believed: size, serial, site
** and type are kept out of line. Freed blocks wait in a quarantine, whose
** bytes are verified when they leave it.
*/

#ifndef MP_MEM_DEBUG_H
#define MP_MEM_DEBUG_H

#include "mem/domain.h"

typedef struct MpDebug MpDebug; /* the hooks of one domain */

/* What happens on damage that no error can tell. Returning goes on; NULL: print to stderr, abort. */
typedef void MpDebugHandler(void *ud, const char *report);

typedef struct MpDebugOptions {
  unsigned frames;   /* lines a site has; 1 at least. For the floors that make sites */
  size_t quarantine; /* bytes of freed blocks a domain holds back */
  bool strict; /* MOONPOOL_MALLOC=debug: a block that the hooks don't know is an error in RAW too */
  MpDebugHandler *handler;
  void *ud;
} MpDebugOptions;

#define MP_DEBUG_QUARANTINE ((size_t)1 << 20)

/* Hooks over what is installed in the domain; hooks that are the top already get the options. */
MP_CHECKED MpStatus mp_debug_setup(MpDomain *d, const MpDebugOptions *o);

/* Takes them off when they are the top: what is below serves again; their blocks stay theirs. */
void mp_debug_remove(MpDomain *d);

/* Are these the functions of hooks, as mp_domain_get gives them? */
bool mp_debug_is(const MpAllocator *a);

/* The hooks that are the domain's top, or NULL. */
MpDebug *mp_debug_of(const MpDomain *d);

/*
** Says what a live block is, for reports: its C type and how many
** (`type` is interned in the set's sites). Does nothing without hooks.
*/
void mp_debug_describe(MpDomain *d, void *ptr, const MpSite *type);

/* Verifies every live block and the quarantine; reports each damage once; how many. */
size_t mp_debug_verify(MpDomain *d);

/* One live block, for leak reports and snapshots. */
typedef struct MpDebugBlock {
  MpDomainId domain;
  uint64_t serial;
  const void *ptr;
  size_t size;
  const MpSite *site, *type; /* NULL: not known */
} MpDebugBlock;

/*
** Calls `visit` for each live block that hooks of the domain made, moonpool's own records
** and Lua's blocks left out. `visit` may allocate. MP_FAIL for want of memory.
*/
MP_CHECKED MpStatus mp_debug_walk(MpDomain *d, void (*visit)(void *ud, const MpDebugBlock *b),
                                  void *ud);

/* {===== for mp_domain_check ===== */

/* A block of the domain's table: are the bytes around it right, where hooks know them? */
MP_CHECKED MpStatus mp_debug_check(MpDomain *d, const void *ptr, MpBuf *out);

/* Is this the thread of the set? Asked while hooks are the top. */
MP_CHECKED MpStatus mp_debug_checkthread(const MpDomain *d, MpBuf *out);

/* Do strict hooks look after RAW, so that what they don't know is no block? */
bool mp_debug_isstrict(const MpDomain *d);

/* Is it where hooks put their bytes, with a block of theirs 16 bytes behind? */
bool mp_debug_isinner(MpDomain *home, const void *ptr);

/* What hooks of `home` know of an address that isn't a block of the domain `d`; false: nothing. */
bool mp_debug_explain(MpDomain *home, const MpDomain *d, const void *ptr, MpBuf *out);

/* }===== */

/* Says a report of damage that no error can tell: handler, or stderr and abort. */
void mp_debug_say(const MpDebug *b, MpBuf *report);

/* The options of hooks. */
const MpDebugOptions *mp_debug_options(const MpDebug *b);

/* Verifies a set's domain a last time, and forgets its hooks: the set goes. */
void mp_debug_fini(MpDomain *home);

#endif
