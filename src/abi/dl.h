/*
** dl.h: the system's dynamic linker: open by path, by name, by soname; look a
** symbol up; close.
*/

#ifndef MP_ABI_DL_H
#define MP_ABI_DL_H

#include "base/buf.h"
#include "base/err.h"

/*
** Opens a library. `name` NULL is the process itself. A name with a slash is
** a path; a bare one is tried as given, as libNAME.so, and as the versioned
** soname that the system's linker knows (libNAME.so.N, from its cache, else
** its directories). A linker script in place of a library (an ASCII file with
** GROUP or INPUT) is followed. On failure `e` has the linker's own text for
** the most telling attempt.
*/
MP_CHECKED MpStatus mp_dl_open(const MpAlloc *alloc, const char *name, int flags, void **handle,
                               MpErr *e);

/*
** The path that mp_dl_open would use for a name, appended to `path`; fails as
** it does. Loads nothing for good.
*/
MP_CHECKED MpStatus mp_dl_find(const MpAlloc *alloc, const char *name, MpBuf *path, MpErr *e);

/* The symbol's address; fails with the linker's text. A NULL address is a failure too. */
MP_CHECKED MpStatus mp_dl_symbol(void *handle, const char *symbol, void **address, MpErr *e);

void mp_dl_close(void *handle);

/* Keeps the library that holds `address` loaded for good, as far as the system can. */
void mp_dl_pin(const void *address);

/*
** The flags of the system by name ("NOW", "LAZY", "GLOBAL", "LOCAL",
** "NODELETE"); a list that ends with a NULL name.
*/
typedef struct MpDlFlag {
  const char *name;
  int value;
} MpDlFlag;
extern const MpDlFlag mp_dl_flags[];

/* The flags of an open that names none. */
int mp_dl_defaults(void);

#endif
