/*
** attr.c: attributes, wherever GCC lets them stand. Called by declspec,
** declarator and record, which pass on what a declaration collected.
*/

#include "decl/attr.h"

#include <string.h>

#include "base/num.h"
#include "decl/cexpr.h"
#include "decl/cprimary.h"
#include "decl/declarator.h"
#include "decl/declspec.h"

/* {===== names ===== */

/* A word without the underscores around it: `__packed__` is `packed`. */
typedef struct AttrWord {
  const char *s;
  size_t n;
} AttrWord;

static AttrWord attr_word(const MpToken *t) {
  AttrWord w;
  w.s = t->start;
  w.n = (size_t)(t->end - t->start);
  if (w.n > 4 && memcmp(w.s, "__", 2) == 0 && memcmp(w.s + w.n - 2, "__", 2) == 0) {
    w.s += 2;
    w.n -= 4;
  }
  return w;
}

static bool word_is(AttrWord w, const char *text) {
  return strlen(text) == w.n && memcmp(w.s, text, w.n) == 0;
}

typedef struct ModeWord {
  const char *text;
  MpMode mode;
} ModeWord;

#define MODE_WORD (sizeof(void *) == 8 ? MP_MODE_DI : MP_MODE_SI)

/* GCC internals, "Machine Modes". */
static const ModeWord attr_modes[] = {
    {"QI", MP_MODE_QI},
    {"HI", MP_MODE_HI},
    {"SI", MP_MODE_SI},
    {"DI", MP_MODE_DI},
    {"TI", MP_MODE_TI},
    {"byte", MP_MODE_QI},
    {"word", MODE_WORD},
    {"pointer", MODE_WORD},
    {"unwind_word", MODE_WORD},
    {"libgcc_cmp_return", MODE_WORD},
    {"libgcc_shift_count", MODE_WORD},
    {"HF", MP_MODE_HF},
    {"SF", MP_MODE_SF},
    {"DF", MP_MODE_DF},
    {"XF", MP_MODE_XF},
    {"TF", MP_MODE_TF},
    {"SC", MP_MODE_SC},
    {"DC", MP_MODE_DC},
    {"XC", MP_MODE_XC},
    {"TC", MP_MODE_TC},
};

/* }===== */

/* {===== one attribute ===== */

/* Takes an alignment of `n` bytes; 0 asks for nothing (C11 6.7.5p6). */
static MpStatus attr_align(MpParser *p, MpAttr *a, const MpToken *at, MpInt128 n) {
  if (n == 0) return MP_OK;
  if (n < 0 || n > (1 << 28) || !mp_num_ispow2((uint64_t)n))
    return mp_parser_failat(p, at, MP_MSG_ALIGNMENT);
  if (a->align < (uint32_t)n) a->align = (uint32_t)n;
  a->last_align = (uint32_t)n;
  return MP_OK;
}

/* aligned, aligned ( constant-expression ), current behind the word */
static MpStatus attr_aligned(MpParser *p, MpAttr *a) {
  MpToken at = p->lex.tok;
  MpInt128 n = __BIGGEST_ALIGNMENT__;
  if (mp_parser_accept(p, '(')) {
    MP_TRY(mp_cexpr_integer(p, &n));
    MP_TRY(mp_parser_expect(p, ')'));
  }
  return attr_align(p, a, &at, n);
}

/* The count in front of a vector's mode: `V4SI` is four of SI. */
static void mode_length(AttrWord *w, size_t *length) {
  size_t n = 0, i = 1;
  if (w->n < 4 || w->s[0] != 'V') return;
  for (; i < w->n && i < 5 && w->s[i] >= '0' && w->s[i] <= '9'; i++)
    n = n * 10 + (size_t)(w->s[i] - '0');
  if (n == 0) return;
  *length = n;
  w->s += i;
  w->n -= i;
}

/* mode ( word ) */
static MpStatus attr_mode(MpParser *p, MpAttr *a) {
  AttrWord w;
  size_t i;
  MP_TRY(mp_parser_expect(p, '('));
  w = attr_word(&p->lex.tok);
  mode_length(&w, &a->vector_length);
  for (i = 0; i < sizeof attr_modes / sizeof attr_modes[0]; i++)
    if (word_is(w, attr_modes[i].text)) a->mode = (uint8_t)attr_modes[i].mode;
  if (a->mode == MP_MODE_NONE) return mp_parser_fail(p, MP_MSG_MODE);
  mp_parser_next(p);
  return mp_parser_expect(p, ')');
}

/* ( constant-expression ), a positive size */
static MpStatus attr_size(MpParser *p, size_t *out) {
  MpToken at;
  MpInt128 n;
  MP_TRY(mp_parser_expect(p, '('));
  at = p->lex.tok;
  MP_TRY(mp_cexpr_integer(p, &n));
  if (n <= 0 || n > (1 << 28)) return mp_parser_failat(p, &at, MP_MSG_VECTOR);
  *out = (size_t)n;
  return mp_parser_expect(p, ')');
}

/* Attributes that would lay memory out in a way that isn't read here. */
static bool attr_is_refused(AttrWord w) {
  return word_is(w, "scalar_storage_order") || word_is(w, "ms_struct");
}

/* attribute: word [ ( arguments ) ] */
static MpStatus attr_one(MpParser *p, MpAttr *a) {
  AttrWord w = attr_word(&p->lex.tok);
  if (attr_is_refused(w)) return mp_parser_fail(p, MP_MSG_ATTRIBUTE_REFUSED, (int)w.n, w.s);
  mp_parser_next(p);
  if (w.n == 7 && word_is(w, "aligned")) return attr_aligned(p, a);
  if (w.n == 5 && word_is(w, "align") && mp_parser_kind(p) == '(') return attr_aligned(p, a);
  if (w.n == 4 && word_is(w, "mode")) return attr_mode(p, a);
  if (w.n == 11 && word_is(w, "vector_size")) return attr_size(p, &a->vector_size);
  if (w.n == 15 && word_is(w, "ext_vector_type")) return attr_size(p, &a->vector_length);
  if (w.n == 6 && word_is(w, "packed"))
    a->packed = true;
  else if (w.n == 17 && word_is(w, "transparent_union"))
    a->transparent = true;
  else if (w.n == 11 && word_is(w, "nonblocking"))
    a->nonblocking = true;
  if (mp_parser_kind(p) != '(') return MP_OK;
  mp_lex_skip_bracket(&p->lex);
  if (mp_parser_kind(p) == MP_TOK_DIRECTIVE) mp_parser_advance(p);
  return MP_OK;
}

/* }===== */

/* {===== lists ===== */

/* attribute-list: attribute? ( , attribute? )*, up to a closing bracket */
static MpStatus attr_items(MpParser *p, MpAttr *a, int close) {
  while (mp_parser_kind(p) != close) {
    if (mp_parser_accept(p, ',')) continue;
    if (mp_parser_kind(p) < MP_TOK_NAME) return mp_parser_fail(p, MP_MSG_ATTRIBUTE);
    MP_TRY(attr_one(p, a));
    while (close == ']' && mp_parser_accept(p, ':')) { /* [[gnu::packed]] */
      MP_TRY(mp_parser_expect(p, ':'));
      MP_TRY(attr_one(p, a));
    }
  }
  mp_parser_next(p);
  return MP_OK;
}

/* attribute-specifier: __attribute__ (( list )), __declspec ( list ), [[ list ]] */
MpStatus mp_attr_list(MpParser *p, MpAttr *a) {
  while (mp_attr_starts(p)) {
    a->any = true;
    int kind = mp_parser_kind(p);
    mp_parser_next(p);
    if (kind == '[') {
      mp_parser_next(p);
      MP_TRY(attr_items(p, a, ']'));
      MP_TRY(mp_parser_expect(p, ']'));
      continue;
    }
    MP_TRY(mp_parser_expect(p, '('));
    if (kind == MP_TOK_ATTRIBUTE) MP_TRY(mp_parser_expect(p, '('));
    MP_TRY(attr_items(p, a, ')'));
    if (kind == MP_TOK_ATTRIBUTE) MP_TRY(mp_parser_expect(p, ')'));
  }
  return MP_OK;
}

MpStatus mp_attr_alignas(MpParser *p, MpAttr *a) {
  MpToken at;
  MpInt128 n;
  a->any = true;
  mp_parser_next(p);
  MP_TRY(mp_parser_expect(p, '('));
  at = p->lex.tok;
  if (mp_declspec_starts(p)) {
    const MpCtype *type;
    MP_TRY(mp_declarator_typename(p, &type));
    n = type->align;
  } else {
    MP_TRY(mp_cexpr_integer(p, &n));
  }
  MP_TRY(attr_align(p, a, &at, n));
  return mp_parser_expect(p, ')');
}

MpStatus mp_attr_asm(MpParser *p, const MpName **symbol) {
  MpCval text;
  mp_parser_next(p);
  MP_TRY(mp_parser_expect(p, '('));
  if (mp_parser_kind(p) != MP_TOK_STRING) return mp_parser_fail(p, MP_MSG_ASM_NAME);
  MP_TRY(mp_cprimary_strings(p, &text));
  *symbol = mp_name_intern(p->sp->names, text.s, text.len);
  if (*symbol == NULL) return mp_err_memory(p->e);
  return mp_parser_expect(p, ')');
}

void mp_attr_merge(MpAttr *a, const MpAttr *inner) {
  if (!inner->any) return;
  a->any = true;
  if (a->align < inner->align) a->align = inner->align;
  if (inner->last_align != 0) a->last_align = inner->last_align;
  a->packed |= inner->packed;
  a->transparent |= inner->transparent;
  a->nonblocking |= inner->nonblocking;
}

/* }===== */

/* {===== types ===== */

/* The primitive of a mode, signed as `ct` is; MP_PRIM_COUNT: the mode doesn't fit it. */
static MpPrim mode_prim(uint8_t mode, const MpCtype *ct) {
  static const MpPrim ints[] = {MP_PRIM_SCHAR, MP_PRIM_SHORT, MP_PRIM_INT, MP_PRIM_LONG,
                                MP_PRIM_INT128};
  static const MpPrim floats[] = {MP_PRIM_FLOAT16, MP_PRIM_FLOAT, MP_PRIM_DOUBLE, MP_PRIM_LDOUBLE,
                                  MP_PRIM_FLOAT128};
  if (mode <= MP_MODE_TI) {
    MpPrim prim = ints[mode - MP_MODE_QI];
    if (!mp_ctype_is_integer(ct)) return MP_PRIM_COUNT;
    return mp_ctype_is_unsigned(ct) ? (MpPrim)(prim + 1) : prim; /* they come in pairs */
  }
  if (mode >= MP_MODE_SC) mode = (uint8_t)(mode - MP_MODE_SC + MP_MODE_SF);
  return floats[mode - MP_MODE_HF];
}

static MpStatus attr_apply_mode(MpParser *p, const MpAttr *a, const MpCtype **ct) {
  MpPrim prim;
  if (a->mode == MP_MODE_NONE) return MP_OK;
  prim = mode_prim(a->mode, *ct);
  if (prim == MP_PRIM_COUNT) return mp_parser_fail(p, MP_MSG_MODE);
  if (prim == MP_PRIM_LONG && mp_ctype_prims[prim].size < 8) prim = MP_PRIM_LLONG;
  *ct = mp_ctype_prim(p->sp, prim);
  if (a->mode >= MP_MODE_SC && mp_ctype_complex(p->sp, *ct, ct, p->e) != MP_OK)
    return mp_parser_failed(p);
  return MP_OK;
}

/* The leaf of a type, as mode and vector_size make it. */
static MpStatus attr_retype_leaf(MpParser *p, const MpAttr *a, const MpCtype *ct,
                                 const MpCtype **out) {
  const MpCtype *made = ct;
  size_t length = a->vector_length;
  MP_TRY(attr_apply_mode(p, a, &made));
  if (a->vector_size != 0) {
    if (made->size == 0 || a->vector_size % made->size != 0)
      return mp_parser_fail(p, MP_MSG_VECTOR);
    length = a->vector_size / made->size;
  }
  if (length != 0) {
    bool scalar = mp_ctype_is_integer(made) || made->kind == MP_KIND_PRIM;
    if (!scalar || !mp_num_ispow2(length)) return mp_parser_fail(p, MP_MSG_VECTOR);
    if (mp_ctype_vector(p->sp, made, length, &made, p->e) != MP_OK) return mp_parser_failed(p);
  }
  if (ct->quals != 0 && made != ct) MP_TRY(mp_parser_qualify(p, made, ct->quals, 0, &made));
  *out = made;
  return MP_OK;
}

MpStatus mp_attr_retype(MpParser *p, const MpAttr *a, const MpCtype *ct, const MpCtype **out) {
  const MpCtype *item;
  MpStatus made;
  if (ct->kind != MP_KIND_POINTER && ct->kind != MP_KIND_ARRAY && ct->kind != MP_KIND_FUNCTION)
    return attr_retype_leaf(p, a, ct, out);
  MP_TRY(mp_parser_enter(p));
  MP_TRY(mp_attr_retype(p, a, ct->item, &item));
  mp_parser_leave(p);
  if (ct->kind == MP_KIND_POINTER)
    made = mp_ctype_pointer(p->sp, item, out, p->e);
  else if (ct->kind == MP_KIND_ARRAY)
    made = mp_ctype_array(p->sp, item, ct->length, out, p->e);
  else
    made = mp_ctype_function(p->sp, item, ct->u.function, out, p->e);
  if (made != MP_OK) return mp_parser_failed(p);
  return ct->quals != 0 ? mp_parser_qualify(p, *out, ct->quals, 0, out) : MP_OK;
}

/* }===== */
