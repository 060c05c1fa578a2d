/*
** misuse.h: what an address is that was given to a domain and isn't a live
** block of it, as a report.
*/

#ifndef MP_MEM_MISUSE_H
#define MP_MEM_MISUSE_H

#include "mem/domain.h"
#include "mem/report.h"

/* Who calls the door's set, as far as it knows. */
MpReportFinder mp_misuse_finder(const MpDomain *d);

/* Writes the report; MP_FAIL always. */
MpStatus mp_misuse_report(MpDomain *d, const void *ptr, MpBuf *out);

/* Where no error can tell it: prints the report, and aborts. */
MP_NORETURN void mp_misuse_abort(MpDomain *d, const void *ptr);

#endif
