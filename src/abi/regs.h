/*
** regs.h: calls by register image: the arguments' registers, filled in memory
** and loaded by one of a few generic prototypes. System V x86-64 only.
*/

#ifndef MP_ABI_REGS_H
#define MP_ABI_REGS_H

#include "abi/signature.h"

/*
** The image is the head of a cif's frame: six integer registers, eight vector
** registers' low halves, and what the call returns in registers. A signature
** with whole vector registers has these behind.
*/
#define MP_REGS_GPR 0
#define MP_REGS_XMM 48
#define MP_REGS_RESULT 112
#define MP_REGS_END 128
#define MP_REGS_VECTOR 128
#define MP_REGS_VECTOR_END 256

/* Loads the image in `frame`, calls fn, stores what its registers return. */
typedef void (*MpRegsCall)(void (*fn)(void), char *frame);

/*
** How calls of that signature go, with the places of its parts in the image,
** `image_at`; NULL when something lies on the stack or returns in the x87
** registers, or this machine has another ABI: libffi's task then.
*/
MpRegsCall mp_regs_find(const MpSignature *sig, uint32_t *image_at);

#endif
