/*
** signature.h: a function type as libffi is told of it. The C arguments are
** taken apart into what travels in one register or lies in one piece on the
** stack, so that libffi has nothing to classify: cif.c and closure.c put the
** pieces together again.
*/

#ifndef MP_ABI_SIGNATURE_H
#define MP_ABI_SIGNATURE_H

#include <ffi.h>

#include "base/alloc.h"
#include "type/ctype.h"

/* Where a result comes from. */
typedef enum MpResultMode {
  MP_RESULT_NONE,   /* void, or a type of no size */
  MP_RESULT_VALUE,  /* libffi stores it; a small integer widened to ffi_arg */
  MP_RESULT_MEMORY, /* the callee writes it where the hidden first argument points */
  MP_RESULT_VECTOR  /* all 16 bytes of a vector register: more than libffi stores */
} MpResultMode;

/* Where an argument travels; on ABIs that libffi classifies: MP_IN_LIBFFI. */
typedef enum MpPlace { MP_IN_LIBFFI, MP_IN_GPR, MP_IN_XMM, MP_IN_VECTOR, MP_ON_STACK } MpPlace;

/*
** One argument in libffi's eyes; its ffi_type is in the signature's `types`.
** MP_IN_VECTOR is all 16 bytes of a vector register: more than libffi loads,
** though a closure's entry has them.
*/
typedef struct MpPart {
  uint32_t arg;   /* which C argument it is of; MP_PART_RESULT: the hidden pointer */
  uint32_t at;    /* from which of its bytes on */
  uint8_t place;  /* MpPlace */
  uint8_t widen;  /* size of an integer smaller than int, which travels as an int; else 0 */
  bool is_signed; /* that integer's */
} MpPart;

#define MP_PART_RESULT UINT32_MAX

typedef struct MpArg {
  uint32_t size;   /* bytes of the C argument */
  uint16_t align;  /* of its place in a frame: 8 or 16 */
  uint16_t nparts; /* 0 for a type of no size, 2 for one in two registers */
} MpArg;

typedef struct MpSignature {
  ffi_cif cif;
  uint32_t nargs, nparts;
  MpArg *args;
  MpPart *parts;    /* in order of the arguments */
  ffi_type **types; /* of the parts */
  MpResultMode result;
  uint8_t result_int; /* size of an integer result up to that of ffi_arg, else 0 */
  bool result_signed; /* that integer's */
  size_t result_size, result_align;
  size_t stack;    /* bytes of arguments on the stack */
  bool direct;     /* part i is argument i */
  bool has_vector; /* among its parts and its result */
  /* For messages at once, as the types may be gone later: */
  const MpCtype *vector;      /* the first such type, or NULL */
  const MpCtype *overaligned; /* the first one on the stack aligned above 16, or NULL */
  size_t bytes;               /* of this allocation */
} MpSignature;

/*
** Makes the signature of `fn`, a function type, with `ntail` variadic
** arguments of the types `tail`. One allocation, which uses none of the
** types later. Fails for want of memory and for types that can't be passed,
** which the message names.
*/
MP_CHECKED MpStatus mp_signature_new(const MpAlloc *alloc, const MpCtype *fn,
                                     const MpCtype *const *tail, uint32_t ntail, MpSignature **out,
                                     MpErr *e);
void mp_signature_free(const MpAlloc *alloc, MpSignature *sig);

/* Fills `e` with a message whose one %s is the C text of `ct`; returns MP_FAIL. */
MpStatus mp_signature_refuse(const MpAlloc *alloc, const MpCtype *ct, const char *format, MpErr *e);

#endif
