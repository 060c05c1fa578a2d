/*
** declspec.c: declaration specifiers to a type and a storage class. Called
** wherever a declaration or type name starts; types belong to the space.
*/

#include "decl/declspec.h"

#include <string.h>

#include "decl/cexpr.h"
#include "decl/declarator.h"
#include "decl/record.h"

/* Words seen, of those that combine (C11 6.7.2p2). */
#define W_VOID 0x1u
#define W_BOOL 0x2u
#define W_CHAR 0x4u
#define W_SHORT 0x8u
#define W_INT 0x10u
#define W_LONG 0x20u
#define W_LLONG 0x40u
#define W_INT128 0x80u
#define W_FLOAT 0x100u
#define W_DOUBLE 0x200u
#define W_SIGNED 0x400u
#define W_UNSIGNED 0x800u
#define W_COMPLEX 0x1000u
#define W_BITINT 0x2000u
#define W_OTHER 0x4000u /* a type of its own: _FloatN, struct, typedef name, typeof … */

/* What is being collected. */
typedef struct SpecState {
  unsigned words, quals, storage;
  const MpCtype *type; /* with W_OTHER */
  size_t bits;         /* with W_BITINT */
  MpAttr attr;
} SpecState;

/* {===== combinations ===== */

/* The primitive that an integer combination names; MP_PRIM_COUNT: no combination. */
static MpPrim integer_prim(unsigned w) {
  bool u = (w & W_UNSIGNED) != 0;
  unsigned core = w & ~(W_SIGNED | W_UNSIGNED);
  if ((w & W_SIGNED) && u) return MP_PRIM_COUNT;
  switch (core) {
    case W_CHAR: return u ? MP_PRIM_UCHAR : (w & W_SIGNED) ? MP_PRIM_SCHAR : MP_PRIM_CHAR;
    case W_SHORT:
    case W_SHORT | W_INT: return u ? MP_PRIM_USHORT : MP_PRIM_SHORT;
    case W_INT:
    case 0: return u ? MP_PRIM_UINT : MP_PRIM_INT;
    case W_LONG:
    case W_LONG | W_INT: return u ? MP_PRIM_ULONG : MP_PRIM_LONG;
    case W_LONG | W_LLONG:
    case W_LONG | W_LLONG | W_INT: return u ? MP_PRIM_ULLONG : MP_PRIM_LLONG;
    case W_INT128: return u ? MP_PRIM_UINT128 : MP_PRIM_INT128;
    default: return MP_PRIM_COUNT;
  }
}

static MpPrim spec_prim(unsigned w) {
  switch (w) {
    case W_BOOL: return MP_PRIM_BOOL;
    case W_FLOAT: return MP_PRIM_FLOAT;
    case W_DOUBLE: return MP_PRIM_DOUBLE;
    case W_DOUBLE | W_LONG: return MP_PRIM_LDOUBLE;
    default: return integer_prim(w);
  }
}

/* _BitInt ( n ) with its sign (C23 6.7.3.1) */
static MpStatus spec_bitint(MpParser *p, const SpecState *s, const MpCtype **out) {
  bool is_unsigned = (s->words & W_UNSIGNED) != 0;
  if (s->words & ~(W_BITINT | W_SIGNED | W_UNSIGNED)) return mp_parser_fail(p, MP_MSG_SPECIFIERS);
  if (s->bits < (is_unsigned ? 1u : 2u)) return mp_parser_fail(p, MP_MSG_BITINT);
  if (mp_ctype_bitint(p->sp, is_unsigned, s->bits, out, p->e) != MP_OK) return mp_parser_failed(p);
  return MP_OK;
}

static MpStatus spec_complex(MpParser *p, const SpecState *s, const MpCtype *part,
                             const MpCtype **out) {
  /* plain `_Complex` is double (GCC 6.11) */
  if ((s->words & ~W_COMPLEX) == 0) part = mp_ctype_prim(p->sp, MP_PRIM_DOUBLE);
  if (part->kind != MP_KIND_PRIM) return mp_parser_fail(p, MP_MSG_SPECIFIERS);
  if (mp_ctype_complex(p->sp, part, out, p->e) != MP_OK) return mp_parser_failed(p);
  return MP_OK;
}

/* The unqualified type that the words name together. */
static MpStatus spec_type(MpParser *p, const SpecState *s, const MpCtype **out) {
  unsigned words = s->words & ~W_COMPLEX;
  if (s->words & W_BITINT) return spec_bitint(p, s, out);
  if (words == W_OTHER) {
    *out = s->type;
  } else if (words == W_VOID) {
    *out = mp_ctype_void(p->sp);
  } else {
    MpPrim prim = spec_prim(words);
    if (prim == MP_PRIM_COUNT) return mp_parser_fail(p, MP_MSG_SPECIFIERS);
    *out = mp_ctype_prim(p->sp, prim);
  }
  if (s->words & W_COMPLEX) return spec_complex(p, s, *out, out);
  return MP_OK;
}

/* }===== */

/* {===== typedef names ===== */

MpStatus mp_declspec_builtin(MpParser *p, int builtin, const MpCtype **out) {
  if (builtin < MP_PRIM_COUNT) {
    *out = mp_ctype_prim(p->sp, (MpPrim)builtin);
    return MP_OK;
  }
  if (builtin == MP_BUILTIN_FILE) {
    const MpName *tag = mp_name_intern(p->sp->names, "_IO_FILE", 8);
    if (tag == NULL) return mp_err_memory(p->e);
    return mp_record_tagged(p, MP_KIND_STRUCT, tag, out);
  }
#if MP_ABI_SYSV_X64
  MP_TRY(mp_record_valist(p, out));
  if (mp_ctype_array(p->sp, *out, 1, out, p->e) != MP_OK) return mp_parser_failed(p);
  ((MpCtype *)*out)->flags |= MP_CTF_VALIST;
  return MP_OK;
#else
  if (mp_ctype_pointer(p->sp, mp_ctype_void(p->sp), out, p->e) != MP_OK) return mp_parser_failed(p);
  return MP_OK;
#endif
}

/*
** The type that `name` names as a typedef, or as one of the predefined
** names; `*out` is NULL when it names none.
*/
static MpStatus typedef_find(MpParser *p, const MpName *name, const MpCtype **out) {
  const MpDecl *d = mp_space_find(p->sp, name);
  *out = NULL;
  if (d != NULL && d->kind == MP_DECL_TYPEDEF)
    *out = d->type;
  else if ((d == NULL || d->kind == MP_DECL_MACRO) && mp_lex_builtin(name) >= 0)
    return mp_declspec_builtin(p, mp_lex_builtin(name), out);
  return MP_OK;
}

/* Is `name` a type? Makes nothing. */
static bool is_typedef(const MpParser *p, const MpName *name) {
  const MpDecl *d = mp_space_find(p->sp, name);
  if (d != NULL && d->kind == MP_DECL_TYPEDEF) return true;
  return (d == NULL || d->kind == MP_DECL_MACRO) && mp_lex_builtin(name) >= 0;
}

bool mp_declspec_starts(MpParser *p) {
  int kind = mp_parser_kind(p);
  if (kind == MP_TOK_NAME) return is_typedef(p, p->lex.tok.name);
  return kind >= MP_TOK_FIRST_SPECIFIER && kind <= MP_TOK_LAST_SPECIFIER;
}

/* }===== */

/* {===== specifiers ===== */

/* Adds a word that may stand once. */
static MpStatus spec_word(MpParser *p, SpecState *s, unsigned word) {
  if (s->words & (word | W_OTHER)) return mp_parser_fail(p, MP_MSG_SPECIFIERS);
  s->words |= word;
  mp_parser_next(p);
  return MP_OK;
}

/* Adds a type of its own. */
static MpStatus spec_other(MpParser *p, SpecState *s, const MpCtype *type) {
  if (s->words & ~W_COMPLEX) return mp_parser_fail(p, MP_MSG_SPECIFIERS);
  s->words |= W_OTHER;
  s->type = type;
  return MP_OK;
}

static MpStatus spec_prim_word(MpParser *p, SpecState *s, MpPrim prim) {
  MP_TRY(spec_other(p, s, mp_ctype_prim(p->sp, prim)));
  mp_parser_next(p);
  return MP_OK;
}

/* typeof ( type-name | expression ) (GCC 6.7), and _Atomic ( type-name ), current at '('. */
static MpStatus spec_parenthesized(MpParser *p, const MpCtype **out) {
  MP_TRY(mp_parser_expect(p, '('));
  MP_TRY(mp_parser_enter(p));
  if (mp_declspec_starts(p)) {
    MP_TRY(mp_declarator_typename(p, out));
  } else {
    MpCval v;
    MP_TRY(mp_cexpr_expression(p, &v));
    *out = v.type;
  }
  mp_parser_leave(p);
  return mp_parser_expect(p, ')');
}

/* typeof-specifier, atomic-type-specifier */
static MpStatus spec_typeof(MpParser *p, SpecState *s) {
  const MpCtype *type;
  MpToken at = p->lex.tok;
  mp_parser_next(p);
  MP_TRY(spec_parenthesized(p, &type));
  if (s->words & ~W_COMPLEX) return mp_parser_failat(p, &at, MP_MSG_SPECIFIERS);
  if (at.kind == MP_TOK_ATOMIC) s->quals |= MP_QUAL_ATOMIC;
  return spec_other(p, s, type);
}

/* `_Atomic ( type-name )` names a type; without a bracket it is a qualifier (C11 6.7.2.4p4). */
static MpStatus spec_atomic(MpParser *p, SpecState *s) {
  const char *c = p->lex.at;
  while (c < p->lex.end && (*c == ' ' || *c == '\t' || *c == '\n')) c++;
  if (c < p->lex.end && *c == '(') return spec_typeof(p, s);
  s->quals |= MP_QUAL_ATOMIC;
  mp_parser_next(p);
  return MP_OK;
}

/* _BitInt ( constant-expression ) */
static MpStatus spec_bits(MpParser *p, SpecState *s) {
  MpInt128 n;
  MP_TRY(spec_word(p, s, W_BITINT));
  MP_TRY(mp_parser_expect(p, '('));
  MP_TRY(mp_cexpr_integer(p, &n));
  if (n < 1 || n > 65535) return mp_parser_fail(p, MP_MSG_BITINT);
  s->bits = (size_t)n;
  return mp_parser_expect(p, ')');
}

static MpStatus spec_long(MpParser *p, SpecState *s) {
  return spec_word(p, s, s->words & W_LONG ? W_LLONG : W_LONG);
}

/* struct, union and enum specifiers */
static MpStatus spec_tagged(MpParser *p, SpecState *s) {
  const MpCtype *type;
  MpToken at = p->lex.tok;
  if (at.kind == MP_TOK_ENUM)
    MP_TRY(mp_record_enum(p, &type));
  else
    MP_TRY(mp_record_specifier(p, &type));
  if (s->words) return mp_parser_failat(p, &at, MP_MSG_SPECIFIERS);
  return spec_other(p, s, type);
}

static MpStatus spec_flag(MpParser *p, unsigned *flags, unsigned flag) {
  *flags |= flag;
  mp_parser_next(p);
  return MP_OK;
}

/* __builtin_va_list */
static MpStatus spec_valist(MpParser *p, SpecState *s) {
  const MpCtype *type;
  MP_TRY(mp_declspec_builtin(p, MP_BUILTIN_VALIST, &type));
  MP_TRY(spec_other(p, s, type));
  mp_parser_next(p);
  return MP_OK;
}

/* One specifier that is a keyword. */
static MpStatus spec_keyword(MpParser *p, SpecState *s) {
  switch (mp_parser_kind(p)) {
    case MP_TOK_VOID: return spec_word(p, s, W_VOID);
    case MP_TOK_CHAR: return spec_word(p, s, W_CHAR);
    case MP_TOK_SHORT: return spec_word(p, s, W_SHORT);
    case MP_TOK_INT: return spec_word(p, s, W_INT);
    case MP_TOK_LONG: return spec_long(p, s);
    case MP_TOK_INT128: return spec_word(p, s, W_INT128);
    case MP_TOK_FLOAT: return spec_word(p, s, W_FLOAT);
    case MP_TOK_DOUBLE: return spec_word(p, s, W_DOUBLE);
    case MP_TOK_SIGNED: return spec_word(p, s, W_SIGNED);
    case MP_TOK_UNSIGNED: return spec_word(p, s, W_UNSIGNED);
    case MP_TOK_BOOL: return spec_word(p, s, W_BOOL);
    case MP_TOK_COMPLEX: return spec_flag(p, &s->words, W_COMPLEX);
    case MP_TOK_FLOAT16: return spec_prim_word(p, s, MP_PRIM_FLOAT16);
    case MP_TOK_BFLOAT16: return spec_prim_word(p, s, MP_PRIM_BFLOAT16);
    case MP_TOK_FLOAT32: return spec_prim_word(p, s, MP_PRIM_FLOAT32);
    case MP_TOK_FLOAT64: return spec_prim_word(p, s, MP_PRIM_FLOAT64);
    case MP_TOK_FLOAT128: return spec_prim_word(p, s, MP_PRIM_FLOAT128);
    case MP_TOK_FLOAT32X: return spec_prim_word(p, s, MP_PRIM_FLOAT32X);
    case MP_TOK_FLOAT64X: return spec_prim_word(p, s, MP_PRIM_FLOAT64X);
    case MP_TOK_DEC32: return spec_prim_word(p, s, MP_PRIM_DEC32);
    case MP_TOK_DEC64: return spec_prim_word(p, s, MP_PRIM_DEC64);
    case MP_TOK_DEC128: return spec_prim_word(p, s, MP_PRIM_DEC128);
    case MP_TOK_BITINT: return spec_bits(p, s);
    case MP_TOK_VALIST: return spec_valist(p, s);
    case MP_TOK_STRUCT:
    case MP_TOK_UNION:
    case MP_TOK_ENUM: return spec_tagged(p, s);
    case MP_TOK_TYPEOF: return spec_typeof(p, s);
    case MP_TOK_ATOMIC: return spec_atomic(p, s);
    case MP_TOK_CONST: return spec_flag(p, &s->quals, MP_QUAL_CONST);
    case MP_TOK_VOLATILE: return spec_flag(p, &s->quals, MP_QUAL_VOLATILE);
    case MP_TOK_RESTRICT: return spec_flag(p, &s->quals, MP_QUAL_RESTRICT);
    case MP_TOK_TYPEDEF: return spec_flag(p, &s->storage, MP_STORE_TYPEDEF);
    case MP_TOK_EXTERN: return spec_flag(p, &s->storage, MP_STORE_EXTERN);
    case MP_TOK_STATIC: return spec_flag(p, &s->storage, MP_STORE_STATIC);
    case MP_TOK_INLINE: return spec_flag(p, &s->storage, MP_STORE_INLINE);
    case MP_TOK_THREAD: return spec_flag(p, &s->storage, MP_STORE_THREAD);
    case MP_TOK_ALIGNAS: return mp_attr_alignas(p, &s->attr);
    case MP_TOK_ATTRIBUTE:
    case MP_TOK_DECLSPEC: return mp_attr_list(p, &s->attr);
    case MP_TOK_AUTOTYPE: return mp_parser_fail(p, MP_MSG_AUTOTYPE);
    default: /* auto register _Noreturn __extension__ _Nullable */
      return spec_flag(p, &s->quals, 0);
  }
}

/* The state as a type: words, qualifiers, attributes. */
static MpStatus spec_finish(MpParser *p, SpecState *s, MpSpec *out) {
  const MpCtype *type;
  if (s->words == 0) {
    if (mp_parser_kind(p) == MP_TOK_NAME)
      return mp_parser_fail(p, MP_MSG_UNKNOWN_TYPE, p->lex.tok.name->text);
    return mp_parser_fail(p, MP_MSG_TYPE_EXPECTED);
  }
  MP_TRY(spec_type(p, s, &type));
  if (s->quals != 0 && type->kind != MP_KIND_FUNCTION)
    MP_TRY(mp_parser_qualify(p, type, s->quals, 0, &type));
  if (mp_attr_changes_type(&s->attr)) MP_TRY(mp_attr_retype(p, &s->attr, type, &type));
  out->type = type;
  out->storage = s->storage;
  out->attr = s->attr;
  return MP_OK;
}

/* A typedef name is a specifier only where no other type came before (C11 6.7.8). */
static MpStatus spec_name(MpParser *p, SpecState *s, bool *taken) {
  const MpCtype *type;
  *taken = false;
  if (s->words & ~W_COMPLEX) return MP_OK;
  MP_TRY(typedef_find(p, p->lex.tok.name, &type));
  if (type == NULL) return MP_OK;
  s->words |= W_OTHER;
  s->type = type;
  *taken = true;
  mp_parser_next(p);
  return MP_OK;
}

MpStatus mp_declspec_parse(MpParser *p, MpSpec *out) {
  SpecState s;
  memset(&s, 0, sizeof s);
  for (;;) {
    int kind = mp_parser_kind(p);
    if (kind == MP_TOK_NAME) {
      bool taken;
      MP_TRY(spec_name(p, &s, &taken));
      if (!taken) break;
    } else if (kind >= MP_TOK_FIRST_SPECIFIER && kind <= MP_TOK_LAST_SPECIFIER) {
      MP_TRY(spec_keyword(p, &s));
    } else if (kind == '[' && mp_attr_starts(p)) {
      MP_TRY(mp_attr_list(p, &s.attr));
    } else {
      break;
    }
  }
  return spec_finish(p, &s, out);
}

/* }===== */
