/*
** ctype.h: what a C type is: a plain record. Types are interned: one record a
** type, so that sameness is equality of addresses. A type lives as long as
** its home, the space that owns its memory; it knows nothing of Lua.
**
** A qualified or over-aligned type is a variant of its plain type: a record
** of its own that shares the plain one's definition. To complete a struct
** completes its variants with it.
*/

#ifndef MP_TYPE_CTYPE_H
#define MP_TYPE_CTYPE_H

#include <stdbool.h>
#include "base/err.h"
#include "base/name.h"
#include "type/prim.h"

typedef struct MpCtype MpCtype;
typedef struct MpSpace MpSpace;

typedef enum MpKind {
  MP_KIND_VOID,
  MP_KIND_PRIM,    /* prim */
  MP_KIND_BITINT,  /* _BitInt(length): size, length; prim says signed (INT) or unsigned (UINT) */
  MP_KIND_ENUM,    /* prim is the compatible integer type, u.enumeration */
  MP_KIND_COMPLEX, /* item: the type of each of its two parts */
  MP_KIND_POINTER, /* item */
  MP_KIND_ARRAY,   /* item, length */
  MP_KIND_VECTOR,  /* item, length (GCC's vector_size) */
  MP_KIND_STRUCT,  /* u.record */
  MP_KIND_UNION,   /* u.record */
  MP_KIND_FUNCTION /* item: the result; u.function */
} MpKind;

/* Qualifiers (C11 6.7.3). */
#define MP_QUAL_CONST 1
#define MP_QUAL_VOLATILE 2
#define MP_QUAL_RESTRICT 4
#define MP_QUAL_ATOMIC 8

/* Flags of a type. */
#define MP_CTF_COMPLETE 1 /* size and align are known */
#define MP_CTF_HASPTR 2   /* holds a pointer somewhere: owned memory keeps its targets */
#define MP_CTF_CONSTPART \
  4 /* const, or a member or element is: not assignable as a whole (C11 6.3.2.1) */
#define MP_CTF_FLEXIBLE \
  8 /* a struct whose last member is an array of no or open length, or such a struct */
#define MP_CTF_VALIST 16  /* __builtin_va_list: known by name to the printer */
#define MP_CTF_ALIGNED 32 /* align was set on the type by an attribute */

#define MP_LENGTH_OPEN ((size_t)-1) /* T[] */

typedef struct MpField {
  const MpName *name; /* NULL: an anonymous member or an unnamed bit-field */
  const MpCtype *type;
  size_t offset;      /* bytes; of a bit-field: of the unit of its type that it is read through */
  uint16_t bit_start; /* bits above the unit's least significant one (C's value order) */
  uint16_t bit_width; /* meaningful when is_bits */
  bool is_bits;
} MpField;

typedef struct MpRecord {
  const MpName *tag;   /* NULL: has none */
  const MpName *alias; /* a tagless one's first typedef, for messages and printing */
  MpField *fields;     /* as declared, anonymous members whole */
  uint32_t nfields;
  MpField
      *flat; /* named ones only, anonymous members flattened in order, offsets from the outermost */
  uint32_t nflat;
  uint32_t *index; /* hash table over `flat`: position + 1, 0 free; NULL when there are few */
  uint32_t index_mask;
  bool packed;        /* by attribute, for printing */
  bool aligned;       /* an attribute gave it, or something in it, an alignment */
  bool transparent;   /* transparent_union */
  bool ends;          /* `value` gave it a destructor: owners of it are ended by a call */
  void *keys;         /* what `value` knows its fields by; in the home's memory */
  const MpName *file; /* where it was completed */
  uint32_t line;
} MpRecord;

typedef struct MpEnumerator {
  const MpName *name;
  MpInt128 value;
} MpEnumerator;

typedef struct MpEnumeration {
  const MpName *tag, *alias;
  MpEnumerator *items; /* in order */
  uint32_t nitems;
  uint32_t *index; /* as a record's, over `items` by name */
  uint32_t index_mask;
  bool packed;
  const MpName *file;
  uint32_t line;
} MpEnumeration;

typedef struct MpFunction {
  const MpCtype **params; /* adjusted: no arrays, functions or top-level qualifiers (C11 6.7.6.3) */
  uint32_t nparams;
  bool variadic;
  bool unprototyped; /* `int f()`: C says nothing of its parameters */
  bool nonblocking;  /* keeps the state lock during the call */
  void *prepared;    /* what `call` calls it with; in the home's memory */
  void *answered;    /* what callbacks answer such calls by; in the home's memory */
} MpFunction;

struct MpCtype {
  uint8_t kind; /* MpKind */
  uint8_t prim; /* MpPrim, where the kind has one */
  uint8_t quals;
  uint8_t flags;
  uint32_t align; /* bytes; 1 for void and functions, as GCC's _Alignof says */
  size_t size;    /* bytes; 0 while not complete, and for T[] */
  size_t length;
  const MpCtype *item;
  union {
    MpRecord *record;
    MpEnumeration *enumeration;
    MpFunction *function;
  } u;
  const MpCtype *plain; /* without qualifiers and extra alignment; itself for a plain one */
  const MpCtype
      *variants; /* of a plain one: its newest variant; of a variant: the one made before */
  const MpCtype *pointer; /* T *, once somebody asked */
  void *plan;             /* how `value` reads and writes it; in the home's memory */
  MpSpace *home;
};

/* Queries. */
static inline bool mp_ctype_is_complete(const MpCtype *ct) { return ct->flags & MP_CTF_COMPLETE; }
static inline bool mp_ctype_is_record(const MpCtype *ct) {
  return ct->kind == MP_KIND_STRUCT || ct->kind == MP_KIND_UNION;
}
/* An integer in C's sense, enums and _Bool included (C11 6.2.5p17). */
bool mp_ctype_is_integer(const MpCtype *ct);
bool mp_ctype_is_unsigned(const MpCtype *ct); /* of an integer type */
bool mp_ctype_is_float(const MpCtype *ct);    /* a real binary floating type */
/* char, signed char, unsigned char, whatever their qualifiers. */
bool mp_ctype_is_charlike(const MpCtype *ct);
bool mp_ctype_is_wide(const MpCtype *ct); /* wchar_t, char16_t, char32_t */
bool mp_ctype_is_prim(const MpCtype *ct, MpPrim prim);
bool mp_ctype_is_function_pointer(const MpCtype *ct);

/* const, or an aggregate with something const in it. */
static inline bool mp_ctype_has_const(const MpCtype *ct) {
  return (ct->quals & MP_QUAL_CONST) || (ct->flags & MP_CTF_CONSTPART);
}

/* Bits of an integer type's value, sign included. */
unsigned mp_ctype_bits(const MpCtype *ct);

/* The flattened field of that name, or NULL. `ct` is a struct or union. */
const MpField *mp_ctype_field(const MpCtype *ct, const MpName *name);

/* The array that a flexible struct ends in, at whatever depth, and its offset from the outermost. */
const MpCtype *mp_ctype_flexible(const MpCtype *ct, size_t *offset);

/* The enumerator with that value or name, or NULL. */
const MpEnumerator *mp_ctype_enumerator(const MpCtype *ct, MpInt128 value);
const MpEnumerator *mp_ctype_enumerator_named(const MpCtype *ct, const MpName *name);

/*
** Constructors. `sp` is the space that is declaring; the type's home is the
** innermost space among its parts' homes. Each fails only for want of memory,
** or as said, and then fills `e`. Interned ones return the same record again.
*/
const MpCtype *mp_ctype_void(MpSpace *sp);
const MpCtype *mp_ctype_prim(MpSpace *sp, MpPrim prim);
MP_CHECKED MpStatus mp_ctype_bitint(MpSpace *sp, bool is_unsigned, size_t bits, const MpCtype **out,
                                    MpErr *e);
MP_CHECKED MpStatus mp_ctype_complex(MpSpace *sp, const MpCtype *part, const MpCtype **out,
                                     MpErr *e);
MP_CHECKED MpStatus mp_ctype_pointer(MpSpace *sp, const MpCtype *item, const MpCtype **out,
                                     MpErr *e);
/* Also fails for an incomplete item, a function, or a size beyond PTRDIFF_MAX. */
MP_CHECKED MpStatus mp_ctype_array(MpSpace *sp, const MpCtype *item, size_t length,
                                   const MpCtype **out, MpErr *e);
MP_CHECKED MpStatus mp_ctype_vector(MpSpace *sp, const MpCtype *item, size_t length,
                                    const MpCtype **out, MpErr *e);
/* `proto` is copied. Parameters are as the declarator adjusted them. */
MP_CHECKED MpStatus mp_ctype_function(MpSpace *sp, const MpCtype *result, const MpFunction *proto,
                                      const MpCtype **out, MpErr *e);
/*
** `ct` with `quals` added, and its alignment set to `align` unless that is 0.
** An array passes qualifiers on to its elements (C11 6.7.3p9).
*/
MP_CHECKED MpStatus mp_ctype_qualify(MpSpace *sp, const MpCtype *ct, unsigned quals, uint32_t align,
                                     const MpCtype **out, MpErr *e);
/* `ct` without qualifiers, of the array's elements too; keeps an alignment that an attribute gave. */
MP_CHECKED MpStatus mp_ctype_unqualify(MpSpace *sp, const MpCtype *ct, const MpCtype **out,
                                       MpErr *e);

/* A new struct, union or enum, incomplete, at home in `sp`; never interned. `tag` may be NULL. */
MP_CHECKED MpStatus mp_ctype_newrecord(MpSpace *sp, MpKind kind, const MpName *tag, MpCtype **out,
                                       MpErr *e);
MP_CHECKED MpStatus mp_ctype_newenum(MpSpace *sp, const MpName *tag, MpCtype **out, MpErr *e);

/*
** Completes a record whose fields, with their offsets, the caller has put in
** `fields` (copied). Flattens and indexes them, sets the flags, and completes
** the variants. Undone when the space rolls back.
*/
MP_CHECKED MpStatus mp_ctype_complete_record(MpCtype *ct, const MpField *fields, uint32_t nfields,
                                             size_t size, uint32_t align, MpErr *e);

/* The same for an enum: its enumerators (copied) and compatible integer type. */
MP_CHECKED MpStatus mp_ctype_complete_enum(MpCtype *ct, const MpEnumerator *items, uint32_t nitems,
                                           MpPrim prim, uint32_t align, MpErr *e);

/* Takes a completion back: for the space's roll-back alone. */
void mp_ctype_uncomplete(MpCtype *ct);

#endif
