/*
** stats.h: what the domains hold, in numbers and in words: statistics, the
** leak report, snapshots and what grew between two of them.
*/

#ifndef MP_MEM_STATS_H
#define MP_MEM_STATS_H

#include "mem/debug.h"
#include "mem/domain.h"

typedef struct MpStats {
  MpDomainCounts of[MP_DOMAIN_COUNT];
  MpHeapStats heap;
} MpStats;

void mp_stats_take(MpDomains *d, MpStats *out);

/* The numbers as a table to read. */
void mp_stats_text(const MpStats *s, MpBuf *out);

#define MP_STATS_SERIALS 4

/* Live blocks of one site and type. */
typedef struct MpStatsGroup {
  MpDomainId domain;
  const MpSite *site, *type; /* NULL: not known */
  size_t blocks, bytes;
  uint64_t serials[MP_STATS_SERIALS]; /* the first ones */
} MpStatsGroup;

/* Groups, the one with the most bytes first. */
typedef struct MpStatsGroups {
  const MpAlloc *alloc;
  MpStatsGroup *list;
  size_t n, cap;
} MpStatsGroups;

/* All that hooks have seen and that lives, of the three domains; MP_FAIL for want of memory. */
MP_CHECKED MpStatus mp_stats_groups(MpDomains *d, const MpAlloc *alloc, MpStatsGroups *out);
void mp_stats_fini(MpStatsGroups *g);

/* The exit report: "moonpool: 3 blocks not freed, 192 bytes" and a line a group; nothing for none. */
void mp_stats_leaks(const MpStatsGroups *g, MpBuf *out);

/* What is more in `b` than in `a`, the most bytes first: blocks and bytes are the differences. */
MP_CHECKED MpStatus mp_stats_compare(const MpStatsGroups *a, const MpStatsGroups *b,
                                     const MpAlloc *alloc, MpStatsGroups *out);

/* The process's resident size in bytes; 0 where the system doesn't say. */
size_t mp_stats_resident(void);

#endif
