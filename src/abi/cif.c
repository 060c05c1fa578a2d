/*
** cif.c: prepared calls. Called by call/, which keeps a cif as long as the
** function that it serves and provides a frame for each call. A cif is two
** allocations: itself with its tables, and its signature.
**
** A call goes by register image (regs.h) where that is possible, else through
** ffi_call. The frame begins with the image: an argument lies where its
** register is loaded from, or, when that doesn't do (it's in two kinds of
** registers, say), behind, and is copied at the call. Behind that come what a
** hidden result pointer needs and the pointers that ffi_call takes. These are
** made anew for each call, since ffi_call may write to them.
*/

#include "abi/cif.h"

#include <string.h>

#include "abi/regs.h"
#include "abi/signature.h"
#include "base/num.h"

struct MpCif {
  MpCifFrame frame;
  MpRegsCall regs; /* NULL: ffi_call */
  bool prepare;    /* there is something to do before the call */
  MpSignature *sig;
  uint32_t *offsets;  /* of the C arguments in the frame: frame.offsets */
  uint32_t *part_at;  /* of their parts, as the caller wrote them */
  uint32_t *image_at; /* of the parts, as the registers are loaded */
  uint32_t values_at; /* room for pointers to the parts */
  uint32_t hidden_at; /* the hidden pointer to a result, and what is returned for it */
  uint32_t strict_at; /* room for a result aligned above 16; 0: not needed */
  size_t bytes;
};

#define FRAME_ALIGN 16u

/* {===== the frame ===== */

/* Takes `size` bytes of the frame; false when it grows beyond what 32 bits count. */
static bool cif_take(size_t *end, size_t size, size_t align, uint32_t *at) {
  size_t begin = mp_num_align(*end, align);
  *end = begin + mp_num_align(size, 8);
  *at = (uint32_t)begin;
  return *end <= UINT32_MAX;
}

/*
** Can argument `i`, whose first part is `p`, be written straight into the
** image? Its parts must lie there as they do in it, fill it, and be aligned
** as the caller expects.
*/
static bool cif_in_place(const MpCif *cif, uint32_t i, uint32_t p) {
  const MpArg *arg = &cif->sig->args[i];
  uint32_t at = cif->image_at[p], k, end = 0;
  for (k = p; k < p + arg->nparts; k++) {
    const MpPart *part = &cif->sig->parts[k];
    if (cif->image_at[k] != at + part->at) return false;
    end = part->at + (part->place == MP_IN_VECTOR ? 16 : 8);
  }
  return arg->size <= end && at % arg->align == 0;
}

static bool cif_layout_args(MpCif *cif, size_t *end) {
  const MpSignature *sig = cif->sig;
  uint32_t i, p = sig->result == MP_RESULT_MEMORY;
  for (i = 0; i < sig->nargs; p += sig->args[i++].nparts) {
    const MpArg *arg = &sig->args[i];
    if (arg->nparts > 0 && cif->regs != NULL && cif_in_place(cif, i, p)) {
      cif->offsets[i] = cif->image_at[p];
    } else if (!cif_take(end, arg->size, arg->align, &cif->offsets[i])) {
      return false;
    }
  }
  return true;
}

/* The result: what registers return, or in its own room where the callee writes it. */
static bool cif_layout_result(MpCif *cif, size_t *end) {
  const MpSignature *sig = cif->sig;
  uint32_t at = MP_REGS_RESULT;
  if (sig->result == MP_RESULT_MEMORY) {
    if (!cif_take(end, 16, 8, &cif->hidden_at)) return false;
    if (!cif_take(end, sig->result_size, FRAME_ALIGN, &at)) return false;
    if (sig->result_align > FRAME_ALIGN &&
        !cif_take(end, sig->result_size + sig->result_align, FRAME_ALIGN, &cif->strict_at))
      return false;
  } else if (sig->result_size > 16) { /* complex long double */
    if (!cif_take(end, sig->result_size, FRAME_ALIGN, &at)) return false;
  }
  cif->frame.result_at = at;
  return true;
}

/* Notes where the parts are, and whether they need anything before the call. */
static void cif_layout_parts(MpCif *cif) {
  const MpSignature *sig = cif->sig;
  bool direct = cif->regs != NULL && sig->result != MP_RESULT_MEMORY;
  uint32_t i;
  for (i = 0; i < sig->nparts; i++) {
    const MpPart *p = &sig->parts[i];
    cif->part_at[i] = p->arg == MP_PART_RESULT ? cif->hidden_at : cif->offsets[p->arg] + p->at;
    if (cif->regs == NULL) cif->image_at[i] = cif->part_at[i];
    if (p->widen || cif->image_at[i] != cif->part_at[i]) cif->prepare = true;
    if (cif->image_at[i] != cif->part_at[i]) direct = false;
  }
  if (direct) cif->frame.direct = cif->regs;
}

/* Places everything in the frame (see above). */
static bool cif_layout(MpCif *cif) {
  const MpSignature *sig = cif->sig;
  size_t end = sig->has_vector ? MP_REGS_VECTOR_END : MP_REGS_END;
  if (!cif_layout_args(cif, &end) || !cif_layout_result(cif, &end)) return false;
  if (cif->regs == NULL && !cif_take(&end, sig->nparts * sizeof(void *), 8, &cif->values_at))
    return false;
  cif_layout_parts(cif);
  cif->frame.size = mp_num_align(end, FRAME_ALIGN);
  return true;
}

/* }===== */

/* {===== making ===== */

/* What the signature allows and ffi_call can't do. */
static MpStatus cif_check(const MpAlloc *alloc, const MpCif *cif, MpErr *e) {
  const MpSignature *sig = cif->sig;
  if (cif->regs != NULL) return MP_OK;
  if (sig->vector != NULL) return mp_signature_refuse(alloc, sig->vector, MP_MSG_ABI_VECTOR, e);
  if (sig->overaligned != NULL)
    return mp_signature_refuse(alloc, sig->overaligned, MP_MSG_ABI_ALIGN, e);
  return MP_OK;
}

static MpCif *cif_alloc(const MpAlloc *alloc, MpSignature *sig) {
  size_t bytes = sizeof(MpCif) + ((size_t)sig->nargs + 2 * (size_t)sig->nparts) * sizeof(uint32_t);
  MpCif *cif = (MpCif *)mp_alloc_new(alloc, bytes);
  if (cif == NULL) return NULL;
  memset(cif, 0, bytes);
  cif->bytes = bytes;
  cif->sig = sig;
  cif->offsets = (uint32_t *)(void *)(cif + 1);
  cif->part_at = cif->offsets + sig->nargs;
  cif->image_at = cif->part_at + sig->nparts;
  cif->frame.offsets = cif->offsets;
  cif->frame.nargs = sig->nargs;
  return cif;
}

static void cif_free(const MpAlloc *alloc, MpCif *cif) {
  mp_signature_free(alloc, cif->sig);
  mp_alloc_free(alloc, cif, cif->bytes);
}

MpStatus mp_cif_new(const MpAlloc *alloc, const MpCtype *fn, const MpCtype *const *tail,
                    uint32_t ntail, MpCif **out, MpErr *e) {
  MpSignature *sig;
  MpCif *cif;
  if (mp_signature_new(alloc, fn, tail, ntail, &sig, e) != MP_OK) return MP_FAIL;
  cif = cif_alloc(alloc, sig);
  if (cif == NULL) {
    mp_signature_free(alloc, sig);
    return mp_err_memory(e);
  }
  cif->regs = mp_regs_find(sig, cif->image_at);
  if (cif_check(alloc, cif, e) != MP_OK) {
    cif_free(alloc, cif);
    return MP_FAIL;
  }
  if (!cif_layout(cif)) {
    cif_free(alloc, cif);
    return mp_signature_refuse(alloc, fn, MP_MSG_ABI_LARGE, e);
  }
  *out = cif;
  return MP_OK;
}

const MpCifFrame *mp_cif_frame(const MpCif *cif) { return &cif->frame; }

/* }===== */

/* {===== calling ===== */

/* Extends a small integer in its place, of 8 bytes, to an int. */
static void cif_widen(const MpPart *p, char *at) {
  unsigned shift = 32 - 8u * p->widen;
  uint32_t bits;
  int32_t value;
  memcpy(&bits, at, sizeof bits);
  bits <<= shift;
  value = p->is_signed ? (int32_t)bits >> shift : (int32_t)(bits >> shift);
  memcpy(at, &value, sizeof value);
}

/* Extends small integers, and copies to the image what isn't in its place. */
static void cif_prepare(const MpCif *cif, char *frame) {
  const MpPart *p = cif->sig->parts;
  uint32_t i;
  for (i = 0; i < cif->sig->nparts; i++, p++) {
    char *at = frame + cif->part_at[i];
    if (p->widen) cif_widen(p, at);
    if (cif->image_at[i] == cif->part_at[i]) continue;
    memcpy(frame + cif->image_at[i], at, p->place == MP_IN_VECTOR ? 16 : 8);
  }
}

/*
** libffi stores a small integer as an ffi_arg: on a big-endian machine its
** value is at the end.
*/
static void cif_narrow(const MpSignature *sig, char *result) {
#if MP_BIG_ENDIAN
  size_t n = sig->result_int;
  if (n != 0 && n < sizeof(ffi_arg)) memmove(result, result + sizeof(ffi_arg) - n, n);
#else
  (void)sig;
  (void)result;
#endif
}

static void cif_call_ffi(const MpCif *cif, void (*fn)(void), char *frame, char *result) {
  MpSignature *sig = cif->sig;
  void **values = (void **)(void *)(frame + cif->values_at);
  uint32_t i, n = sig->nparts;
  for (i = 0; i < n; i++) values[i] = frame + cif->part_at[i];
  ffi_call(&sig->cif, fn, result, values);
  cif_narrow(sig, result);
}

/* A result in memory: a hidden pointer to it is the first argument, and comes back. */
static void cif_call_hidden(const MpCif *cif, void (*fn)(void), char *frame) {
  const MpSignature *sig = cif->sig;
  char *result = frame + cif->frame.result_at, *to = result;
  if (cif->strict_at != 0) {
    to = frame + cif->strict_at;
    to += -(uintptr_t)to & (sig->result_align - 1);
  }
  memcpy(frame + cif->hidden_at, &to, sizeof to);
  if (cif->prepare) cif_prepare(cif, frame);
  if (cif->regs != NULL) {
    cif->regs(fn, frame);
  } else {
    cif_call_ffi(cif, fn, frame, frame + cif->hidden_at + 8);
  }
  if (to != result) memcpy(result, to, sig->result_size);
}

void mp_cif_call(const MpCif *cif, void (*fn)(void), char *frame) {
  if (MP_UNLIKELY(cif->sig->result == MP_RESULT_MEMORY)) {
    cif_call_hidden(cif, fn, frame);
    return;
  }
  if (MP_UNLIKELY(cif->prepare)) cif_prepare(cif, frame);
  if (MP_LIKELY(cif->regs != NULL)) {
    cif->regs(fn, frame);
  } else {
    cif_call_ffi(cif, fn, frame, frame + cif->frame.result_at);
  }
}

/* }===== */
