/*
** site.h: where in a script something was allocated or found, and as what
** type: interned texts, so that a block's record holds one pointer. Floors
** that know Lua make them; the debug hooks print them.
*/

#ifndef MP_MEM_SITE_H
#define MP_MEM_SITE_H

#include "base/map.h"

/* "app.lua:17 in function 'load'", frames below it one a line. Lives as long as its table. */
typedef struct MpSite {
  uint32_t hash;
  size_t len;
  char text[1];
} MpSite;

typedef struct MpSites {
  MpMap map;
} MpSites;

void mp_site_init(MpSites *s, const MpAlloc *alloc);
void mp_site_fini(MpSites *s);

/* The one MpSite of that text; NULL for want of memory. */
const MpSite *mp_site_intern(MpSites *s, const char *text, size_t len);

#endif
