/*
** entry.h: code for C to call, ready in the library's text: so many functions
** that differ in their number alone. System V x86-64 only.
*/

#ifndef MP_ABI_ENTRY_H
#define MP_ABI_ENTRY_H

#include "base/config.h"

#if MP_ABI_ENTRY
#define MP_ENTRY_COUNT 4096
#else
#define MP_ENTRY_COUNT 0
#endif

/* The registers in which C gives arguments and takes results (psABI 3.2.3). */
typedef struct MpEntryImage {
  uint64_t gpr[6];        /* rdi, rsi, rdx, rcx, r8, r9 */
  double xmm[8][2];       /* xmm0 to xmm7, whole */
  uint64_t gpr_result[2]; /* rax, rdx */
  uint64_t xmm_result[2]; /* the low halves of xmm0, xmm1 */
} MpEntryImage;

/*
** The function of that number, below MP_ENTRY_COUNT. Called with whatever
** arguments, it calls mp_closure_answer with them and its number, and returns
** what that has put in the image.
*/
typedef void (*MpEntryCode)(void);
MpEntryCode mp_entry_code(unsigned number);

#endif
