/*
** sysv.h: how the System V ABI for x86-64 passes a value: the classes of its
** eightbytes (psABI 3.2.3), as GCC computes them.
*/

#ifndef MP_ABI_SYSV_H
#define MP_ABI_SYSV_H

#include "type/ctype.h"

#if MP_ABI_SYSV_X64

/* Registers that carry arguments (psABI 3.2.3, figure 3.4). */
#define MP_SYSV_GPRS 6
#define MP_SYSV_XMMS 8

/* The class of an eightbyte. */
typedef enum MpSysvClass {
  MP_SYSV_NONE, /* padding: takes no register */
  MP_SYSV_INTEGER,
  MP_SYSV_SSE,
  MP_SYSV_SSEUP, /* the upper half of the vector register before it */
  MP_SYSV_X87,   /* returned in st0; passed in memory */
  MP_SYSV_X87UP,
  MP_SYSV_COMPLEX_X87, /* returned in st0 and st1; passed in memory */
  MP_SYSV_MEMORY
} MpSysvClass;

typedef struct MpSysvClasses {
  uint8_t n;      /* eightbytes; 0 for a type of no size */
  uint8_t cls[2]; /* MpSysvClass; a type of class MEMORY has it in cls[0], and n is 1 */
  bool by_flags;  /* a vector above 16 bytes: its place depends on compiler flags */
} MpSysvClasses;

/* Classifies a complete object type. */
MpSysvClasses mp_sysv_classify(const MpCtype *ct);

/*
** Has it members that are all nothing but nameless bit-fields? When no
** register is left for such a value, GCC passes nothing instead of its bytes.
*/
bool mp_sysv_is_nothing(const MpCtype *ct);

/*
** The alignment of an argument on the stack: at least 8, and that of the
** type's definition; a typedef's `aligned` doesn't count, as in GCC.
*/
size_t mp_sysv_stackalign(const MpCtype *ct);

#endif
#endif
