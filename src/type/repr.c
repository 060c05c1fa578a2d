/*
** repr.c: the inverse of the declarator parser. C writes a type around the
** place of its name: what stands left of it is printed from the innermost
** type outwards, what stands right of it from the outermost inwards.
*/

#include "type/repr.h"

#include <string.h>

/* {===== leaves ===== */

static void add_qualifiers(MpBuf *out, unsigned quals, const char *before, const char *after) {
  static const struct {
    unsigned bit;
    const char *word;
  } words[] = {{MP_QUAL_CONST, "const"},
               {MP_QUAL_VOLATILE, "volatile"},
               {MP_QUAL_RESTRICT, "restrict"},
               {MP_QUAL_ATOMIC, "_Atomic"}};
  size_t i;
  bool any = false;
  for (i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (!(quals & words[i].bit)) continue;
    mp_buf_addstr(out, any ? " " : before);
    mp_buf_addstr(out, words[i].word);
    any = true;
  }
  if (any) mp_buf_addstr(out, after);
}

static void add_tagged(MpBuf *out, const char *word, const MpName *tag, const MpName *alias) {
  if (tag == NULL && alias != NULL) {
    mp_buf_addstr(out, alias->text);
    return;
  }
  mp_buf_addstr(out, word);
  mp_buf_addstr(out, tag ? tag->text : "<anonymous>");
}

static void add_leaf_name(MpBuf *out, const MpCtype *ct) {
  switch ((MpKind)ct->kind) {
    case MP_KIND_VOID: mp_buf_addstr(out, "void"); break;
    case MP_KIND_PRIM: mp_buf_addstr(out, mp_ctype_prims[ct->prim].name); break;
    case MP_KIND_BITINT:
      mp_buf_addf(out, "%s_BitInt(%zu)", mp_ctype_is_unsigned(ct) ? "unsigned " : "", ct->length);
      break;
    case MP_KIND_ENUM:
      add_tagged(out, "enum ", ct->u.enumeration->tag, ct->u.enumeration->alias);
      break;
    case MP_KIND_COMPLEX:
      add_leaf_name(out, ct->item);
      mp_buf_addstr(out, " _Complex");
      break;
    case MP_KIND_VECTOR:
      add_leaf_name(out, ct->item);
      mp_buf_addf(out, " __attribute__((vector_size(%zu)))", ct->size);
      break;
    case MP_KIND_STRUCT: add_tagged(out, "struct ", ct->u.record->tag, ct->u.record->alias); break;
    case MP_KIND_UNION: add_tagged(out, "union ", ct->u.record->tag, ct->u.record->alias); break;
    default: mp_buf_addstr(out, "__builtin_va_list"); break; /* the only array that is a leaf */
  }
}

/* }===== */

/* {===== declarators ===== */

static bool is_derived_right(const MpCtype *ct) {
  return ct->kind == MP_KIND_ARRAY || ct->kind == MP_KIND_FUNCTION;
}

/* Printed by its name although C makes it of other types. */
static bool is_valist(const MpCtype *ct) {
  return ct->kind == MP_KIND_ARRAY && (ct->flags & MP_CTF_VALIST);
}

static bool is_leaf(const MpCtype *ct) {
  return is_valist(ct) || !(ct->kind == MP_KIND_POINTER || is_derived_right(ct));
}

/* An alignment that an attribute gave to the type, not to its definition. */
static void add_alignment(MpBuf *out, const MpCtype *ct) {
  if (ct->flags & MP_CTF_ALIGNED)
    mp_buf_addf(out, " __attribute__((aligned(%u)))", (unsigned)ct->align);
}

/* Appends `b`'s bytes from `from` on in reverse order to `out`, and takes them off. */
static void move_reversed(MpBuf *out, MpBuf *b, size_t from) {
  while (b->len > from) mp_buf_addchar(out, b->data[--b->len]);
  out->failed |= b->failed;
}

/* What a pointer adds left of the name. */
static void add_pointer(MpBuf *out, const MpCtype *ct) {
  mp_buf_addstr(out, is_derived_right(ct->item) && !is_valist(ct->item) ? "(*" : " *");
  add_qualifiers(out, ct->quals, "", "");
  add_alignment(out, ct);
}

/*
** All that stands left of the name. The walk is outermost first, the text
** innermost first: it is put together back to front, and then turned round,
** so that a type of any depth needs no recursion.
*/
static void add_left(MpBuf *out, const MpCtype *ct) {
  MpBuf turned;
  size_t start = out->len;
  mp_buf_init(&turned, out->alloc);
  for (; !is_leaf(ct); ct = ct->item) {
    if (ct->kind != MP_KIND_POINTER) continue;
    add_pointer(out, ct);
    move_reversed(&turned, out, start);
  }
  add_qualifiers(out, ct->quals, "", " ");
  add_leaf_name(out, ct);
  add_alignment(out, ct);
  move_reversed(out, &turned, 0);
  mp_buf_fini(&turned);
}

/* A parameter that was a va_list before it was adjusted to a pointer. */
static bool is_valist_parameter(const MpCtype *ct) {
  return ct->kind == MP_KIND_POINTER && ct->item->kind == MP_KIND_STRUCT && ct->item->quals == 0 &&
         (ct->item->flags & MP_CTF_VALIST);
}

/* Functions of functions of functions may be of any length: beyond this the rest is left out. */
#define REPR_LONGEST 100000

static void add_parameters(MpBuf *out, const MpFunction *f) {
  uint32_t i;
  mp_buf_addchar(out, '(');
  if (out->len > REPR_LONGEST) {
    mp_buf_addstr(out, "<...>)");
    return;
  }
  for (i = 0; i < f->nparams; i++) {
    if (i > 0) mp_buf_addstr(out, ", ");
    if (is_valist_parameter(f->params[i]))
      mp_buf_addstr(out, "__builtin_va_list");
    else
      mp_repr_type(out, f->params[i], NULL);
  }
  if (f->variadic)
    mp_buf_addstr(out, f->nparams > 0 ? ", ..." : "...");
  else if (f->nparams == 0 && !f->unprototyped)
    mp_buf_addstr(out, "void");
  mp_buf_addchar(out, ')');
}

/* All that stands right of it. */
static void add_right(MpBuf *out, const MpCtype *ct) {
  for (; !is_leaf(ct); ct = ct->item) {
    if (ct->kind == MP_KIND_POINTER) {
      if (is_derived_right(ct->item) && !is_valist(ct->item)) mp_buf_addchar(out, ')');
    } else if (ct->kind == MP_KIND_FUNCTION) {
      add_parameters(out, ct->u.function);
    } else if (ct->length == MP_LENGTH_OPEN) {
      mp_buf_addstr(out, "[]");
    } else {
      mp_buf_addf(out, "[%zu]", ct->length);
    }
  }
}

/* The attribute of a function is printed behind all: of one that the type is, or points to. */
static bool is_nonblocking(const MpCtype *ct) {
  while (ct->kind == MP_KIND_POINTER || ct->kind == MP_KIND_ARRAY) ct = ct->item;
  return ct->kind == MP_KIND_FUNCTION && ct->u.function->nonblocking;
}

void mp_repr_type(MpBuf *out, const MpCtype *ct, const char *extra) {
  bool bracket;
  if (extra != NULL)
    while (*extra == ' ') extra++;
  if (extra != NULL && *extra == '\0') extra = NULL;
  bracket = extra != NULL && *extra == '*' && !is_leaf(ct) && is_derived_right(ct);
  add_left(out, ct);
  if (bracket)
    mp_buf_addchar(out, '(');
  else if (extra != NULL && *extra != '[' && *extra != '(')
    mp_buf_addchar(out, ' ');
  if (extra != NULL) mp_buf_addstr(out, extra);
  if (bracket) mp_buf_addchar(out, ')');
  add_right(out, ct);
  if (is_nonblocking(ct)) mp_buf_addstr(out, " __attribute__((nonblocking))");
}

/* }===== */
