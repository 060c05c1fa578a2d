/*
** raw.h: the process's RAW domain: what is behind every door to it, its lock,
** and its base, the C library's allocator with 16 bytes in front of each block,
** which say how large it is and that it lives.
*/

#ifndef MP_MEM_RAW_H
#define MP_MEM_RAW_H

#include "mem/domain.h"

/* The home of RAW; also the door of calls that no state makes. */
MpDomain *mp_raw_domain(void);

/* Guards its layers and tables, never a call of an allocator's function. Not recursive. */
void mp_raw_lock(void);
void mp_raw_unlock(void);

/* The C library's allocator in a form that can be installed: no header, so that tools see each block. */
void mp_raw_clib(MpAllocator *out);

/* Sites of RAW's blocks, which outlive states; under the lock. */
MpSites *mp_raw_sites(void);

/*
** The base. `counted`: for a call through the door; what the base's functions
** make when they are called directly isn't in the domain's numbers.
*/
void *mp_raw_new(size_t size, bool zero, bool counted);
void *mp_raw_resize(void *ptr, size_t size);
void mp_raw_free(void *ptr);

typedef struct MpRawBlock {
  size_t size;
  bool counted;
} MpRawBlock;

/* Is it a live block of the base? Reads the 16 bytes in front of it. */
bool mp_raw_find(const void *ptr, MpRawBlock *out);

/* The same for any address, where the system lets a process ask whether it may read there. */
bool mp_raw_guess(const void *ptr, MpRawBlock *out);

#endif
