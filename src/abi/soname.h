/*
** soname.h: which file a bare library name stands for: what the system's
** linker has in its cache, else what lies in its directories. Runs no program.
*/

#ifndef MP_ABI_SONAME_H
#define MP_ABI_SONAME_H

#include "base/buf.h"

/*
** Appends the path of lib`name`.so.N, of the highest N that is known for this
** machine. False when there is none; a failed append shows in the buffer.
** Directories of LD_LIBRARY_PATH come first, then the linker's cache, then the
** usual directories.
*/
bool mp_soname_find(const MpAlloc *alloc, const char *name, MpBuf *path);

/* Reads a whole file, up to `most` bytes; false when it can't be read or is longer. */
bool mp_soname_read(const char *path, size_t most, MpBuf *out);

#endif
