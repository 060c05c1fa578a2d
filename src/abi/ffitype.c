/*
** ffitype.c: descriptions of C types for libffi. Called by signature.c, which
** owns the memory of what is described.
*/

#include "abi/ffitype.h"

#include <float.h>

#include "base/num.h"

static ffi_type *ffitype_integer(size_t size, bool is_unsigned) {
  switch (size) {
    case 1: return is_unsigned ? &ffi_type_uint8 : &ffi_type_sint8;
    case 2: return is_unsigned ? &ffi_type_uint16 : &ffi_type_sint16;
    case 4: return is_unsigned ? &ffi_type_uint32 : &ffi_type_sint32;
    case 8: return is_unsigned ? &ffi_type_uint64 : &ffi_type_sint64;
    default: return NULL;
  }
}

/* _Float128 is long double where that has 113 bits (AArch64, RISC-V, s390x). */
static ffi_type *ffitype_float(unsigned prim) {
  switch (prim) {
    case MP_PRIM_FLOAT:
    case MP_PRIM_FLOAT32: return &ffi_type_float;
    case MP_PRIM_DOUBLE:
    case MP_PRIM_FLOAT64:
    case MP_PRIM_FLOAT32X: return &ffi_type_double;
    case MP_PRIM_LDOUBLE:
    case MP_PRIM_FLOAT64X: return &ffi_type_longdouble;
#if LDBL_MANT_DIG == 113
    case MP_PRIM_FLOAT128: return &ffi_type_longdouble;
#endif
    default: return NULL;
  }
}

static ffi_type *ffitype_complex(const MpCtype *ct) {
#if defined(FFI_TARGET_HAS_COMPLEX_TYPE)
  ffi_type *part = mp_ctype_is_float(ct->item) ? ffitype_float(ct->item->prim) : NULL;
  if (part == &ffi_type_float) return &ffi_type_complex_float;
  if (part == &ffi_type_double) return &ffi_type_complex_double;
  if (part == &ffi_type_longdouble) return &ffi_type_complex_longdouble;
#else
  (void)ct;
#endif
  return NULL;
}

ffi_type *mp_ffitype_scalar(const MpCtype *ct) {
  switch (ct->kind) {
    case MP_KIND_VOID: return &ffi_type_void;
    case MP_KIND_POINTER: return &ffi_type_pointer;
    case MP_KIND_ENUM: return ffitype_integer(ct->size, mp_ctype_is_unsigned(ct));
    case MP_KIND_COMPLEX: return ffitype_complex(ct);
    case MP_KIND_PRIM:
      if (mp_ctype_is_integer(ct)) return ffitype_integer(ct->size, mp_ctype_is_unsigned(ct));
      return ffitype_float(ct->prim);
    default: return NULL;
  }
}

/* {===== records, from their members ===== */

/*
** A walk over the scalars of a record. libffi places elements one behind the
** other, each aligned; `end` follows that and must meet the real offsets.
*/
typedef struct Walk {
  size_t count, end;
  ffi_type **elements; /* NULL while counting */
} Walk;

static bool walk_any(Walk *w, const MpCtype *ct, size_t at);

static bool walk_put(Walk *w, ffi_type *type, size_t at) {
  if (mp_num_align(w->end, type->alignment) != at) return false;
  w->end = at + type->size;
  if (w->elements != NULL) w->elements[w->count] = type;
  w->count++;
  return true;
}

/*
** Nothing but integers and pointers: every ABI passes that by size and
** alignment alone.
*/
static bool walk_is_integral(const MpCtype *ct) {
  uint32_t i;
  if (ct->kind == MP_KIND_ARRAY) return walk_is_integral(ct->item);
  if (!mp_ctype_is_record(ct)) return ct->kind == MP_KIND_POINTER || mp_ctype_is_integer(ct);
  for (i = 0; i < ct->u.record->nfields; i++) {
    if (!walk_is_integral(ct->u.record->fields[i].type)) return false;
  }
  return true;
}

/* A union of integers and pointers stands as an array of its alignment's integers. */
static bool walk_union(Walk *w, const MpCtype *ct, size_t at) {
  ffi_type *unit = ffitype_integer(ct->align, true);
  size_t i;
  if (unit == NULL || !walk_is_integral(ct)) return false;
  for (i = 0; i < ct->size; i += unit->size) {
    if (!walk_put(w, unit, at + i)) return false;
  }
  return true;
}

static bool walk_struct(Walk *w, const MpCtype *ct, size_t at) {
  const MpRecord *r = ct->u.record;
  uint32_t i;
  for (i = 0; i < r->nfields; i++) {
    const MpField *f = &r->fields[i];
    if (f->is_bits) return false;
    if (!walk_any(w, f->type, at + f->offset)) return false;
  }
  return true;
}

static bool walk_array(Walk *w, const MpCtype *ct, size_t at) {
  size_t i;
  if (ct->length == MP_LENGTH_OPEN || ct->size == 0) return true;
  for (i = 0; i < ct->length; i++) {
    if (!walk_any(w, ct->item, at + i * ct->item->size)) return false;
  }
  return true;
}

static bool walk_any(Walk *w, const MpCtype *ct, size_t at) {
  ffi_type *scalar;
  if (ct->kind == MP_KIND_STRUCT) return walk_struct(w, ct, at);
  if (ct->kind == MP_KIND_UNION) return walk_union(w, ct, at);
  if (ct->kind == MP_KIND_ARRAY) return walk_array(w, ct, at);
  scalar = mp_ffitype_scalar(ct);
  return scalar != NULL && walk_put(w, scalar, at);
}

/* The strictest alignment among the scalars; what libffi gives the whole. */
static size_t walk_align(const MpCtype *ct) {
  size_t most = 1, i;
  if (ct->kind == MP_KIND_ARRAY) return walk_align(ct->item);
  if (ct->kind != MP_KIND_STRUCT) return ct->plain->align;
  for (i = 0; i < ct->u.record->nfields; i++) {
    size_t align = walk_align(ct->u.record->fields[i].type);
    if (align > most) most = align;
  }
  return most;
}

size_t mp_ffitype_count(const MpCtype *ct) {
  Walk w = {0, 0, NULL};
  size_t align = ct->plain->align;
  if (ct->size == 0 || !walk_any(&w, ct, 0)) return 0;
  return mp_num_align(w.end, align) == ct->size && walk_align(ct) == align ? w.count : 0;
}

void mp_ffitype_describe(const MpCtype *ct, ffi_type *type, ffi_type **elements) {
  Walk w = {0, 0, NULL};
  w.elements = elements;
  (void)walk_any(&w, ct, 0); /* went well when it was counted */
  elements[w.count] = NULL;
  type->size = ct->size;
  type->alignment = (unsigned short)ct->plain->align;
  type->type = FFI_TYPE_STRUCT;
  type->elements = elements;
}

/* }===== */
