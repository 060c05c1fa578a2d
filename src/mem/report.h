/*
** report.h: what is said about a block: in which words, with which lines. A
** report starts with "moonpool: "; its last line has no end.
*/

#ifndef MP_MEM_REPORT_H
#define MP_MEM_REPORT_H

#include "base/buf.h"
#include "mem/guard.h"
#include "mem/site.h"

/* A block, as far as it is known. */
typedef struct MpReportBlock {
  MpGuard guard; /* serial 0: the hooks don't know it */
  bool known;    /* the lines about its making are worth printing */
  bool vm;       /* Lua's own */
  bool dead;     /* it was freed */
  const MpSite *site, *type, *freed;
  const char *freed_by; /* a verb, or NULL */
} MpReportBlock;

/* Who found it. */
typedef struct MpReportFinder {
  const MpSite *site; /* NULL: no script's line */
  const char *verb;   /* NULL: not known */
} MpReportFinder;

/* Bytes around a live block, or in a dead one. */
void mp_report_damage(MpBuf *out, const MpReportBlock *b, const MpGuardFlaws *flaws,
                      const MpReportFinder *who);

/* A block that was freed already. */
void mp_report_freed(MpBuf *out, const MpReportBlock *b, const MpReportFinder *who);

/* A block of another domain. */
void mp_report_domain(MpBuf *out, const MpReportBlock *b, MpDomainId asked,
                      const MpReportFinder *who);

/* An address that isn't where the block starts. */
void mp_report_interior(MpBuf *out, const MpReportBlock *b, const void *ptr,
                        const MpReportFinder *who);

/* An address that nothing is known of: freed already, perhaps (`dead`), or foreign. */
void mp_report_foreign(MpBuf *out, const void *ptr, MpDomainId asked, bool dead,
                       const MpReportFinder *who);

/* A block of some state's heap that was given to RAW. */
void mp_report_arena(MpBuf *out, const void *ptr, const MpReportFinder *who);

/* A call on a thread that isn't the state's. */
void mp_report_thread(MpBuf *out, const MpReportFinder *who);

/* "1 byte", "2 bytes" */
void mp_report_count(MpBuf *out, size_t n, const char *what);

#endif
