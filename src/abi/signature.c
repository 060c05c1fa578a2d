/*
** signature.c: makes signatures. Called by cif.c for calls and by closure.c
** for callbacks; each owns what it made.
**
** On System V x86-64 nothing of libffi's own classification is used, as it
** knows no unions, bit-fields or packed members, drops arguments that no
** register holds, and (3.4.4) lets a struct of one integer and one SSE
** eightbyte overwrite xmm0. An argument in registers becomes one scalar a
** register. One on the stack becomes a single piece of class X87, which the
** psABI (3.2.3, "passing", 5) puts on the stack whatever its size, by libffi's
** code too, with the size and alignment that the piece says.
*/

#include "abi/signature.h"

#include <string.h>

#include "abi/ffitype.h"
#include "abi/sysv.h"
#include "base/buf.h"
#include "base/num.h"
#include "type/repr.h"

/* Arguments by value beyond this would overrun the C stack (8 MB on most systems). */
#define STACK_MAX ((size_t)1 << 20)
/* A result of that size is no struct that a C function returns. */
#define RESULT_MAX ((size_t)1 << 30)

/* A signature in the making. */
typedef struct Build {
  const MpAlloc *alloc;
  const MpCtype *fn;
  const MpCtype *const *tail;
  MpSignature *sig;
  ffi_type *result;    /* what libffi is told of the result */
  ffi_type *types;     /* room for descriptions, the next free one */
  ffi_type **elements; /* room for their elements */
#if MP_ABI_SYSV_X64
  unsigned gprs, xmms; /* registers taken */
#endif
  MpErr *e;
} Build;

MpStatus mp_signature_refuse(const MpAlloc *alloc, const MpCtype *ct, const char *format,
                             MpErr *e) {
  MpBuf text;
  const char *s;
  MpStatus status;
  mp_buf_init(&text, alloc);
  mp_repr_type(&text, ct, NULL);
  s = mp_buf_cstr(&text);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  status = s == NULL ? mp_err_memory(e) : mp_err_set(e, format, s);
#pragma GCC diagnostic pop
  mp_buf_fini(&text);
  return status;
}

static MpStatus build_refuse(const Build *b, const MpCtype *ct) {
  return mp_signature_refuse(b->alloc, ct, MP_MSG_ABI_PASS, b->e);
}

static const MpCtype *build_arg(const Build *b, uint32_t i) {
  uint32_t fixed = b->fn->u.function->nparams;
  return i < fixed ? b->fn->u.function->params[i] : b->tail[i - fixed];
}

/* Appends a part of argument `arg`. */
static MpPart *build_part(Build *b, uint32_t arg, uint32_t at, ffi_type *type, MpPlace place) {
  MpSignature *sig = b->sig;
  MpPart *p = &sig->parts[sig->nparts];
  sig->types[sig->nparts++] = type;
  p->arg = arg;
  p->at = at;
  p->place = (uint8_t)place;
  if (arg != MP_PART_RESULT) sig->args[arg].nparts++;
  return p;
}

#if MP_ABI_SYSV_X64

/* {===== System V x86-64 ===== */

/*
** The four kinds of two registers that a result can come in (psABI 3.2.3,
** "returning").
*/
static ffi_type *const pair_elements[4][3] = {
    {&ffi_type_uint64, &ffi_type_uint64, NULL},
    {&ffi_type_uint64, &ffi_type_double, NULL},
    {&ffi_type_double, &ffi_type_uint64, NULL},
    {&ffi_type_double, &ffi_type_double, NULL},
};

/* Room that the descriptions of an argument may need: one piece on the stack. */
static size_t build_room(const MpCtype *ct, size_t *elements) {
  (void)ct;
  (void)elements;
  return 1;
}

static ffi_type *sysv_register(const MpCtype *ct, uint8_t cls) {
  ffi_type *type = ct->kind == MP_KIND_COMPLEX ? NULL : mp_ffitype_scalar(ct);
  if (type != NULL) return type;
  return cls == MP_SYSV_INTEGER ? &ffi_type_uint64 : &ffi_type_double;
}

/* Clang's code relies on what GCC's and its own does: small integers come as ints. */
static void sysv_widen(MpPart *p, const MpCtype *ct) {
  if (!mp_ctype_is_integer(ct) || ct->kind == MP_KIND_BITINT || ct->size >= sizeof(int)) return;
  p->widen = (uint8_t)ct->size;
  p->is_signed = !mp_ctype_is_unsigned(ct);
}

/* A piece of the stack, as many eightbytes as it needs. */
static MpStatus sysv_on_stack(Build *b, const MpCtype *ct, uint32_t arg) {
  size_t align = mp_sysv_stackalign(ct), size = mp_num_align(ct->size, 8);
  ffi_type *piece = b->types++;
  if (align > 16 && b->sig->overaligned == NULL) b->sig->overaligned = ct;
  if (align > 32768) return build_refuse(b, ct); /* ffi_type's 16 bits */
  piece->size = size;
  piece->alignment = (unsigned short)align;
  piece->type = FFI_TYPE_LONGDOUBLE;
  sysv_widen(build_part(b, arg, 0, piece, MP_ON_STACK), ct);
  b->sig->stack = mp_num_align(b->sig->stack, align) + size;
  return MP_OK;
}

static void sysv_note_vector(MpSignature *sig, const MpCtype *ct) {
  if (sig->vector == NULL) sig->vector = ct;
  sig->has_vector = true;
}

/* A register for each of its eightbytes that isn't padding. */
static void sysv_in_registers(Build *b, const MpCtype *ct, uint32_t arg, MpSysvClasses c) {
  uint32_t i;
  for (i = 0; i < c.n; i++) {
    MpPlace place = c.cls[i] == MP_SYSV_INTEGER ? MP_IN_GPR : MP_IN_XMM;
    if (c.cls[i] == MP_SYSV_NONE || c.cls[i] == MP_SYSV_SSEUP) continue;
    if (i + 1 < c.n && c.cls[i + 1] == MP_SYSV_SSEUP) {
      place = MP_IN_VECTOR;
      sysv_note_vector(b->sig, ct);
    }
    sysv_widen(build_part(b, arg, i * 8, sysv_register(ct, c.cls[i]), place), ct);
  }
}

/* An argument is in registers as a whole or not at all (psABI 3.2.3, "passing"). */
static MpStatus build_argument(Build *b, const MpCtype *ct, uint32_t arg) {
  MpSysvClasses c = mp_sysv_classify(ct);
  unsigned gprs = b->gprs, xmms = b->xmms, i;
  if (c.n == 0) return MP_OK;
  if (c.by_flags) return build_refuse(b, ct);
  for (i = 0; i < c.n; i++) {
    if (c.cls[i] == MP_SYSV_INTEGER) gprs++;
    if (c.cls[i] == MP_SYSV_SSE) xmms++;
  }
  if (c.cls[0] >= MP_SYSV_X87 || gprs > MP_SYSV_GPRS || xmms > MP_SYSV_XMMS) {
    return mp_sysv_is_nothing(ct) ? MP_OK : sysv_on_stack(b, ct, arg);
  }
  b->gprs = gprs;
  b->xmms = xmms;
  sysv_in_registers(b, ct, arg, c);
  return MP_OK;
}

/* A struct type of libffi for a pair of registers. */
static ffi_type *sysv_pair(Build *b, MpSysvClasses c) {
  unsigned kind = (c.cls[0] == MP_SYSV_SSE ? 2u : 0u) + (c.cls[1] == MP_SYSV_SSE ? 1u : 0u);
  ffi_type *type = b->types++;
  type->size = 16;
  type->alignment = 8;
  type->type = FFI_TYPE_STRUCT;
  type->elements = (ffi_type **)(uintptr_t)pair_elements[kind]; /* libffi reads them only */
  return type;
}

static MpStatus build_result(Build *b, const MpCtype *ct) {
  MpSysvClasses c = mp_sysv_classify(ct);
  MpSignature *sig = b->sig;
  if (c.by_flags) return build_refuse(b, ct);
  sig->result = MP_RESULT_VALUE;
  if (c.cls[0] == MP_SYSV_MEMORY) {
    sig->result = MP_RESULT_MEMORY;
    b->result = &ffi_type_pointer; /* rax is the hidden pointer again */
    build_part(b, MP_PART_RESULT, 0, &ffi_type_pointer, MP_IN_GPR);
    b->gprs = 1;
  } else if (c.cls[0] == MP_SYSV_X87) {
    b->result = &ffi_type_longdouble;
  } else if (c.cls[0] == MP_SYSV_COMPLEX_X87) {
    b->result = &ffi_type_complex_longdouble;
  } else if (c.cls[1] == MP_SYSV_SSEUP) {
    sig->result = MP_RESULT_VECTOR;
    sysv_note_vector(sig, ct);
    b->result = &ffi_type_double;
  } else if (c.cls[0] == MP_SYSV_NONE && c.cls[1] == MP_SYSV_NONE) {
    sig->result = MP_RESULT_NONE; /* padding alone: Clang's idea of nameless bit-fields */
  } else if (c.cls[0] == MP_SYSV_NONE) {
    return build_refuse(b, ct); /* no C type has padding first */
  } else if (c.cls[1] == MP_SYSV_NONE) {
    b->result = sysv_register(ct, c.cls[0]);
  } else {
    b->result = sysv_pair(b, c);
  }
  return MP_OK;
}

/* }===== */

#else

/* {===== every other ABI: what libffi makes of the members ===== */

static size_t build_room(const MpCtype *ct, size_t *elements) {
  size_t n = mp_ctype_is_record(ct) ? mp_ffitype_count(ct) : 0;
  if (n == 0) return 0;
  *elements += n + 1;
  return 1;
}

/* A scalar's type, a record's description, or NULL where there is none. */
static ffi_type *plain_type(Build *b, const MpCtype *ct) {
  size_t n;
  ffi_type *type;
  if (!mp_ctype_is_record(ct)) return mp_ffitype_scalar(ct);
  if ((n = mp_ffitype_count(ct)) == 0) return NULL;
  type = b->types++;
  mp_ffitype_describe(ct, type, b->elements);
  b->elements += n + 1;
  return type;
}

static MpStatus build_argument(Build *b, const MpCtype *ct, uint32_t arg) {
  ffi_type *type = plain_type(b, ct);
  if (type == NULL) return build_refuse(b, ct);
  build_part(b, arg, 0, type, MP_IN_LIBFFI);
  b->sig->stack += mp_num_align(ct->size, 16);
  return MP_OK;
}

static MpStatus build_result(Build *b, const MpCtype *ct) {
  b->result = plain_type(b, ct);
  b->sig->result = MP_RESULT_VALUE;
  return b->result == NULL ? build_refuse(b, ct) : MP_OK;
}

/* }===== */

#endif

/* Can it be passed at all? (A function's parameters are adjusted, a tail decayed.) */
static MpStatus build_check(const Build *b, const MpCtype *ct, size_t most) {
  if (!mp_ctype_is_complete(ct) && ct->kind != MP_KIND_POINTER) {
    return mp_signature_refuse(b->alloc, ct, MP_MSG_ABI_INCOMPLETE, b->e);
  }
  if (ct->kind == MP_KIND_ARRAY || ct->kind == MP_KIND_FUNCTION) return build_refuse(b, ct);
  if (ct->size > most) return mp_signature_refuse(b->alloc, ct, MP_MSG_ABI_LARGE, b->e);
  return MP_OK;
}

static MpStatus build_check_all(const Build *b, uint32_t nargs) {
  const MpCtype *result = b->fn->item;
  uint32_t i;
  if (result->kind != MP_KIND_VOID && build_check(b, result, RESULT_MAX) != MP_OK) return MP_FAIL;
  for (i = 0; i < nargs; i++) {
    if (build_check(b, build_arg(b, i), STACK_MAX) != MP_OK) return MP_FAIL;
  }
  return MP_OK;
}

/* `n` items of `size` bytes behind what `*total` counts; the place they begin at. */
static size_t build_carve(size_t *total, size_t n, size_t size) {
  size_t at = mp_num_align(*total, 8);
  *total = at + n * size;
  return at;
}

/* One allocation with room for everything, zeroed. */
static MpStatus build_alloc(Build *b, uint32_t nargs) {
  size_t total = sizeof(MpSignature), elements = 0, ntypes, nparts = (size_t)nargs * 2 + 1;
  size_t args, parts, types, described, members;
  uint32_t i;
  char *p;
  ntypes = 1 + build_room(b->fn->item, &elements);
  for (i = 0; i < nargs; i++) ntypes += build_room(build_arg(b, i), &elements);
  args = build_carve(&total, nargs, sizeof(MpArg));
  parts = build_carve(&total, nparts, sizeof(MpPart));
  types = build_carve(&total, nparts, sizeof(ffi_type *));
  described = build_carve(&total, ntypes, sizeof(ffi_type));
  members = build_carve(&total, elements, sizeof(ffi_type *));
  p = (char *)mp_alloc_new(b->alloc, total);
  if (p == NULL) return mp_err_memory(b->e);
  memset(p, 0, total);
  b->sig = (MpSignature *)(void *)p;
  b->sig->bytes = total;
  b->sig->nargs = nargs;
  b->sig->args = (MpArg *)(void *)(p + args);
  b->sig->parts = (MpPart *)(void *)(p + parts);
  b->sig->types = (ffi_type **)(void *)(p + types);
  b->types = (ffi_type *)(void *)(p + described);
  b->elements = (ffi_type **)(void *)(p + members);
  return MP_OK;
}

static MpStatus build_whole_result(Build *b) {
  const MpCtype *ct = b->fn->item;
  MpSignature *sig = b->sig;
  b->result = &ffi_type_void;
  sig->result_align = 1;
  if (ct->kind == MP_KIND_VOID || ct->size == 0) return MP_OK;
  sig->result_size = ct->size;
  sig->result_align = ct->plain->align;
  if (mp_ctype_is_integer(ct) && ct->kind != MP_KIND_BITINT && ct->size <= sizeof(ffi_arg)) {
    sig->result_int = (uint8_t)ct->size;
    sig->result_signed = !mp_ctype_is_unsigned(ct);
  }
  return build_result(b, ct);
}

static MpStatus build_arguments(Build *b) {
  MpSignature *sig = b->sig;
  uint32_t i;
  sig->direct = sig->result != MP_RESULT_MEMORY;
  for (i = 0; i < sig->nargs; i++) {
    const MpCtype *ct = build_arg(b, i);
    sig->args[i].size = (uint32_t)ct->size;
    sig->args[i].align = ct->plain->align > 8 ? 16 : 8;
    if (ct->size > 0 && build_argument(b, ct, i) != MP_OK) return MP_FAIL;
    if (sig->args[i].nparts != 1) sig->direct = false;
    if (sig->stack > STACK_MAX) return mp_signature_refuse(b->alloc, b->fn, MP_MSG_ABI_LARGE, b->e);
  }
  return MP_OK;
}

/* How many parts the fixed arguments make. */
static unsigned build_fixed(const Build *b) {
  unsigned n = 0;
  while (n < b->sig->nparts && b->sig->parts[n].arg != MP_PART_RESULT &&
         b->sig->parts[n].arg < b->fn->u.function->nparams)
    n++;
  return n;
}

/*
** ABIs that pass a variadic tail in their own way have to hear of it. On System
** V x86-64 a call always says in al how many vector registers it uses (psABI
** 3.5.7); a function without a prototype is called alike.
*/
static MpStatus build_cif(Build *b) {
  MpSignature *sig = b->sig;
  unsigned fixed = build_fixed(b);
  ffi_status status;
  if (!MP_ABI_SYSV_X64 && b->fn->u.function->variadic && fixed > 0) {
    status =
        ffi_prep_cif_var(&sig->cif, FFI_DEFAULT_ABI, fixed, sig->nparts, b->result, sig->types);
  } else {
    status = ffi_prep_cif(&sig->cif, FFI_DEFAULT_ABI, sig->nparts, b->result, sig->types);
  }
  return status == FFI_OK ? MP_OK : build_refuse(b, b->fn);
}

MpStatus mp_signature_new(const MpAlloc *alloc, const MpCtype *fn, const MpCtype *const *tail,
                          uint32_t ntail, MpSignature **out, MpErr *e) {
  Build b;
  uint32_t nargs = fn->u.function->nparams + ntail;
  memset(&b, 0, sizeof b);
  b.alloc = alloc;
  b.fn = fn;
  b.tail = tail;
  b.e = e;
  if (build_check_all(&b, nargs) != MP_OK || build_alloc(&b, nargs) != MP_OK) return MP_FAIL;
  if (build_whole_result(&b) != MP_OK || build_arguments(&b) != MP_OK || build_cif(&b) != MP_OK) {
    mp_signature_free(alloc, b.sig);
    return MP_FAIL;
  }
  *out = b.sig;
  return MP_OK;
}

void mp_signature_free(const MpAlloc *alloc, MpSignature *sig) {
  if (sig != NULL) mp_alloc_free(alloc, sig, sig->bytes);
}
