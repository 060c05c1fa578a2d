/*
** attr.h: attributes (GCC 6.39 "Attribute Syntax"), asm names, alignment
** specifiers. Those that change a type or its layout are kept; calling
** conventions and the rest are read over.
*/

#ifndef MP_DECL_ATTR_H
#define MP_DECL_ATTR_H

#include "decl/parser.h"

/* What `mode` asks for: a number of the width, or the kind of float (GCC 6.33.1 "mode"). */
typedef enum MpMode {
  MP_MODE_NONE,
  MP_MODE_QI,
  MP_MODE_HI,
  MP_MODE_SI,
  MP_MODE_DI,
  MP_MODE_TI, /* integers of 1 to 16 bytes */
  MP_MODE_HF,
  MP_MODE_SF,
  MP_MODE_DF,
  MP_MODE_XF,
  MP_MODE_TF, /* floats */
  MP_MODE_SC,
  MP_MODE_DC,
  MP_MODE_XC,
  MP_MODE_TC /* complex */
} MpMode;

typedef struct MpAttr {
  uint32_t align;      /* the strictest of aligned and _Alignas: an object's; 0: none */
  uint32_t last_align; /* the last one: a type's, as GCC has it */
  uint8_t mode;        /* MpMode */
  bool any;            /* one was read, of whatever kind */
  bool packed, transparent, nonblocking;
  size_t vector_size;   /* bytes; 0: none */
  size_t vector_length; /* Clang's ext_vector_type: elements; 0: none */
} MpAttr;

static inline bool mp_attr_starts(const MpParser *p) {
  int kind = mp_parser_kind(p);
  return kind == MP_TOK_ATTRIBUTE || kind == MP_TOK_DECLSPEC ||
         (kind == '[' && p->lex.at < p->lex.end && *p->lex.at == '[');
}

/* attribute-specifier*: all that stand here, into `a`, which they add to. */
MP_CHECKED MpStatus mp_attr_list(MpParser *p, MpAttr *a);

/* alignment-specifier: _Alignas ( type-name | constant-expression ) (C11 6.7.5) */
MP_CHECKED MpStatus mp_attr_alignas(MpParser *p, MpAttr *a);

/* asm ( string-literal+ ): a declaration's symbol (GCC 6.47.4). */
MP_CHECKED MpStatus mp_attr_asm(MpParser *p, const MpName **symbol);

/* `inner`'s attributes are added to `a`: a declarator's to its specifiers'. */
void mp_attr_merge(MpAttr *a, const MpAttr *inner);

/* Does `a` ask for another type than the declared one? */
static inline bool mp_attr_changes_type(const MpAttr *a) {
  return a->mode != MP_MODE_NONE || a->vector_size != 0 || a->vector_length != 0;
}

/*
** Does `aligned(align)` make another type of `ct`? Where it repeats the
** alignment it does for _Alignof alone, which then no longer limits it.
*/
static inline bool mp_attr_realigns(const MpCtype *ct, uint32_t align) {
  return align != 0 && (align != ct->align || align > MP_ALIGNOF_MOST);
}

/*
** `ct` as mode and vector_size say. Both reach through pointers, arrays and
** functions to the element (GCC 6.52 "Vector Extensions").
*/
MP_CHECKED MpStatus mp_attr_retype(MpParser *p, const MpAttr *a, const MpCtype *ct,
                                   const MpCtype **out);

#endif
