/*
** cif.h: prepared calls. A cif is made once for a function type (and, for a
** variadic call, its tail), and serves any number of calls; it owns what
** libffi needs and lives as long as the allocator's memory: an arena's, or the
** stack's.
*/

#ifndef MP_ABI_CIF_H
#define MP_ABI_CIF_H

#include "base/alloc.h"
#include "type/ctype.h"

typedef struct MpCif MpCif;

/*
** Prepares calls of `fn`, a function type, with `ntail` variadic arguments of
** the types `tail` behind the fixed ones (already promoted, C11 6.5.2.2p6;
** 0 for a function that isn't variadic). Fails for want of memory and for a
** type that can't be passed: incomplete, or one that libffi has no way for.
*/
MP_CHECKED MpStatus mp_cif_new(const MpAlloc *alloc, const MpCtype *fn, const MpCtype *const *tail,
                               uint32_t ntail, MpCif **out, MpErr *e);

/* Does the call with the frame as it is: mp_cif_call without a look at the cif. */
typedef void (*MpCifDirect)(void (*fn)(void), char *frame);

/*
** The frame: one buffer that the caller provides for each call, `size` bytes,
** aligned to 16. Argument i's value is written at frame + offsets[i], where it
** has its size rounded up to 8 bytes; the result is found at frame + result_at
** (exactly as the C type lies in memory, small integers too).
*/
typedef struct MpCifFrame {
  size_t size, result_at;
  const uint32_t *offsets;
  uint32_t nargs;
  /*
  ** Not NULL: calls with all of an integer's 8 bytes written may go so. That
  ** is little-endian: bytes above the value's own are its sign's or zero.
  */
  MpCifDirect direct;
} MpCifFrame;
const MpCifFrame *mp_cif_frame(const MpCif *cif);

/*
** Calls fn. errno is neither set nor saved here. The frame's arguments are
** scratch afterwards.
*/
void mp_cif_call(const MpCif *cif, void (*fn)(void), char *frame);

#endif
