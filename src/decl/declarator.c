/*
** declarator.c: declarators. C writes them inside out: `int *(*f[3])(char)`.
** The stars that stand before all else belong to the type at once. What is
** left is read into a chain of steps that starts at the name and leads
** outwards ("array of 3, pointer, function of char"); the type is then built
** from the chain's far end. Most declarators have no such steps.
*/

#include "decl/declarator.h"

#include <string.h>

#include "decl/cexpr.h"
#include "decl/declspec.h"

/* A chain of MpOp by index plus 1; 0: empty. */
typedef struct OpChain {
  uint32_t first, last;
} OpChain;

static MpOp *op_at(MpParser *p, uint32_t index) { return (MpOp *)p->ops.items + (index - 1); }

static MpStatus op_new(MpParser *p, MpOpKind kind, uint32_t *index) {
  MpOp *op = (MpOp *)mp_parser_push(p, &p->ops, sizeof(MpOp));
  if (op == NULL) return MP_FAIL;
  memset(op, 0, sizeof *op);
  op->kind = (uint8_t)kind;
  *index = p->ops.n;
  return MP_OK;
}

static void chain_append(MpParser *p, OpChain *c, uint32_t first, uint32_t last) {
  if (first == 0) return;
  if (c->first == 0)
    c->first = first;
  else
    op_at(p, c->last)->next = first;
  c->last = last;
}

/* {===== pointer ===== */

/* type-qualifier-list, with attributes between */
static MpStatus qualifiers(MpParser *p, unsigned *quals, MpAttr *attr) {
  for (;;) {
    switch (mp_parser_kind(p)) {
      case MP_TOK_CONST: *quals |= MP_QUAL_CONST; break;
      case MP_TOK_VOLATILE: *quals |= MP_QUAL_VOLATILE; break;
      case MP_TOK_RESTRICT: *quals |= MP_QUAL_RESTRICT; break;
      case MP_TOK_ATOMIC: *quals |= MP_QUAL_ATOMIC; break;
      case MP_TOK_NULLABLE:
      case MP_TOK_EXTENSION: break;
      case MP_TOK_ATTRIBUTE:
      case MP_TOK_DECLSPEC: MP_TRY(mp_attr_list(p, attr)); continue;
      default: return MP_OK;
    }
    mp_parser_next(p);
  }
}

/* '^' is a block's. */
static bool is_star(const MpParser *p) {
  return mp_parser_kind(p) == '*' || mp_parser_kind(p) == '^';
}

/* One star, current, with what qualifies the pointer. */
static MpStatus star(MpParser *p, unsigned *quals, uint32_t *align) {
  *quals = 0;
  *align = 0;
  mp_parser_next(p);
  if (mp_parser_kind(p) > MP_TOK_NAME) {
    MpAttr attr = {0};
    MP_TRY(qualifiers(p, quals, &attr));
    *align = attr.align;
  }
  return MP_OK;
}

static MpStatus pointer_to(MpParser *p, const MpCtype *ct, unsigned quals, uint32_t align,
                           const MpCtype **out) {
  if (ct->pointer != NULL)
    *out = ct->pointer; /* the usual case */
  else if (mp_ctype_pointer(p->sp, ct, out, p->e) != MP_OK)
    return mp_parser_failed(p);
  if (quals == 0 && align == 0) return MP_OK;
  return mp_parser_qualify(p, *out, quals, align, out);
}

/* pointer: ( * type-qualifier-list? )*, outermost: they derive from `*type` as they come. */
static MpStatus outer_pointers(MpParser *p, const MpCtype **type) {
  while (is_star(p)) {
    unsigned quals;
    uint32_t align;
    MP_TRY(star(p, &quals, &align));
    MP_TRY(pointer_to(p, *type, quals, align, type));
  }
  return MP_OK;
}

/* The same within brackets: steps of the chain; the last is nearest to the name. */
static MpStatus inner_pointers(MpParser *p, OpChain *c) {
  while (is_star(p)) {
    uint32_t index, align;
    unsigned quals;
    MpOp *op;
    MP_TRY(star(p, &quals, &align));
    MP_TRY(op_new(p, MP_OP_POINTER, &index));
    op = op_at(p, index);
    op->quals = (uint8_t)quals;
    op->align = align;
    op->next = c->first;
    c->first = index;
    if (c->last == 0) c->last = index;
  }
  return MP_OK;
}

/* }===== */

/* {===== arrays and functions ===== */

/*
** A parameter's array whose length varies, or isn't known: it counts as open.
** The text up to the closing bracket is read as a constant, and passed over
** when it is none. Within that nothing is tried again, so that time stays linear.
*/
static MpStatus parameter_length(MpParser *p, size_t *length) {
  MpLex first = p->lex;
  MpBranch close;
  uint32_t in_params = p->in_params;
  MpInt128 n;
  bool is_constant;
  mp_lex_skip_length(&p->lex);
  if (mp_parser_kind(p) != ']') return mp_parser_fail(p, MP_MSG_EXPECTED, ']');
  close = mp_parser_branch(p);
  p->lex = first;
  p->lex.end = close.lex.tok.end;
  p->in_guess = true;
  is_constant = mp_cexpr_integer(p, &n) == MP_OK && p->lex.tok.start == close.lex.tok.start;
  p->in_guess = false;
  MP_TRY(mp_parser_return(p, &close));
  p->in_params = in_params;
  *length = is_constant && n >= 0 && n < PTRDIFF_MAX ? (size_t)n : MP_LENGTH_OPEN;
  return MP_OK;
}

static MpStatus array_length(MpParser *p, size_t *length) {
  MpToken at = p->lex.tok;
  MpInt128 n;
  *length = MP_LENGTH_OPEN;
  if (mp_parser_kind(p) == ']') return MP_OK;
  if (p->in_params > 0 && !p->in_guess) return parameter_length(p, length);
  MP_TRY(mp_cexpr_integer(p, &n));
  if (n < 0) return mp_parser_failat(p, &at, MP_MSG_ARRAY_NEGATIVE);
  if (n >= PTRDIFF_MAX) return mp_parser_failat(p, &at, MP_MSG_TYPE_TOO_LARGE);
  *length = (size_t)n;
  return MP_OK;
}

/* [ static? type-qualifier-list? assignment-expression? ], or [ type-qualifier-list? * ] */
static MpStatus array_suffix(MpParser *p, OpChain *c) {
  uint32_t index;
  unsigned quals = 0;
  size_t length;
  MpAttr attr = {0};
  mp_parser_next(p);
  (void)mp_parser_accept(p, MP_TOK_STATIC);
  MP_TRY(qualifiers(p, &quals, &attr));
  (void)mp_parser_accept(p, MP_TOK_STATIC);
  MP_TRY(array_length(p, &length));
  MP_TRY(mp_parser_expect(p, ']'));
  MP_TRY(op_new(p, MP_OP_ARRAY, &index));
  op_at(p, index)->length = length;
  op_at(p, index)->quals = (uint8_t)quals;
  chain_append(p, c, index, index);
  return MP_OK;
}

/* A parameter's type as the function has it (C11 6.7.6.3p7, p8, p15). */
static MpStatus parameter_adjust(MpParser *p, const MpCtype *ct, const MpCtype **out) {
  MpStatus made = MP_OK;
  if (ct->kind == MP_KIND_ARRAY)
    made = mp_ctype_pointer(p->sp, ct->item, out, p->e);
  else if (ct->kind == MP_KIND_FUNCTION)
    made = mp_ctype_pointer(p->sp, ct, out, p->e);
  else if (ct->quals != 0)
    made = mp_ctype_unqualify(p->sp, ct, out, p->e);
  else
    *out = ct;
  return made == MP_OK ? MP_OK : mp_parser_failed(p);
}

/*
** `aligned` among the specifiers of a parameter or type name: GCC refuses it
** there, so that it can mean the type that stands before a '*', as repr writes it.
*/
static MpStatus align_base(MpParser *p, MpSpec *spec) {
  if (!mp_attr_realigns(spec->type, spec->attr.align)) return MP_OK;
  return mp_parser_qualify(p, spec->type, 0, spec->attr.align, &spec->type);
}

/* parameter-declaration: declaration-specifiers ( declarator | abstract-declarator )? */
static MpStatus declarator_of(MpParser *p, const MpCtype *base, MpDeclaratorPlace place,
                              MpDeclarator *out);

static MpStatus parameter(MpParser *p, const MpCtype **type) {
  MpSpec spec;
  MpDeclarator d;
  MP_TRY(mp_declspec_parse(p, &spec));
  MP_TRY(align_base(p, &spec));
  MP_TRY(declarator_of(p, spec.type, MP_PLACE_PARAMETER, &d));
  *type = d.type;
  if (d.type->kind == MP_KIND_VOID) return MP_OK;
  return parameter_adjust(p, d.type, type);
}

/*
** identifier-list (C11 6.7.6.3p3), only before the declarations or the body of
** an old definition; else nothing is taken.
*/
static bool identifier_list(MpParser *p) {
  MpLex saved, at_end;
  bool is_old;
  if (mp_parser_kind(p) != MP_TOK_NAME || p->in_params != 1 || mp_declspec_starts(p)) return false;
  saved = p->lex;
  do {
    if (!mp_parser_accept(p, MP_TOK_NAME)) break;
  } while (mp_parser_accept(p, ','));
  at_end = p->lex;
  is_old = mp_parser_accept(p, ')') && (mp_parser_kind(p) == '{' || mp_declspec_starts(p));
  p->lex = is_old ? at_end : saved;
  return is_old;
}

/* parameter-type-list? behind '(', its types left on the stack of parameters */
static MpStatus parameters(MpParser *p, MpOp *op) {
  op->first_param = p->params.n;
  if (mp_parser_kind(p) == ')' || identifier_list(p)) {
    op->unprototyped = true;
    return MP_OK;
  }
  do {
    const MpCtype *type, **slot;
    if (mp_parser_kind(p) == MP_TOK_ELLIPSIS) {
      op->variadic = true;
      mp_parser_next(p);
      break;
    }
    MpToken at = p->lex.tok;
    MP_TRY(parameter(p, &type));
    if (type->kind == MP_KIND_VOID) {
      if (op->nparams == 0 && mp_parser_kind(p) == ')') break;
      return mp_parser_failat(p, &at, MP_MSG_PARAMETER_VOID);
    }
    slot = (const MpCtype **)mp_parser_push(p, &p->params, sizeof(MpCtype *));
    if (slot == NULL) return MP_FAIL;
    *slot = type;
    op->nparams++;
  } while (mp_parser_accept(p, ','));
  return MP_OK;
}

/* ( parameter-type-list? ), current behind '(' */
static MpStatus function_suffix(MpParser *p, OpChain *c) {
  uint32_t index;
  MpOp op;
  memset(&op, 0, sizeof op);
  op.kind = MP_OP_FUNCTION;
  MP_TRY(mp_parser_enter(p));
  p->in_params++;
  MP_TRY(parameters(p, &op));
  p->in_params--;
  mp_parser_leave(p);
  MP_TRY(mp_parser_expect(p, ')'));
  MP_TRY(op_new(p, MP_OP_FUNCTION, &index));
  *op_at(p, index) = op;
  chain_append(p, c, index, index);
  return MP_OK;
}

/* }===== */

/* {===== the declarator ===== */

static MpStatus inner_declarator(MpParser *p, MpDeclarator *out, OpChain *c);

/* Behind '(': do parameters follow, or a declarator in brackets (C11 6.7.6.3p11)? */
static bool starts_parameters(MpParser *p) {
  int kind = mp_parser_kind(p);
  if (kind == ')' || kind == MP_TOK_ELLIPSIS) return true;
  if (kind == MP_TOK_ATTRIBUTE || kind == MP_TOK_DECLSPEC || kind == MP_TOK_NULLABLE) return false;
  return mp_declspec_starts(p);
}

/* direct-declarator: identifier | ( declarator ), then suffixes; or without a name */
static MpStatus direct_declarator(MpParser *p, MpDeclarator *out, OpChain *c) {
  bool named = false;
  out->at = p->lex.tok;
  if (mp_parser_kind(p) == MP_TOK_NAME) {
    out->name = p->lex.tok.name;
    named = true;
    mp_parser_next(p);
  }
  for (;;) {
    if (mp_parser_kind(p) == '[' && !mp_attr_starts(p)) {
      MP_TRY(array_suffix(p, c));
    } else if (mp_parser_kind(p) == '(') {
      mp_parser_next(p);
      if (!named && c->first == 0 &&
          (out->place == MP_PLACE_DECLARATION || !starts_parameters(p))) {
        MP_TRY(inner_declarator(p, out, c));
        MP_TRY(mp_parser_expect(p, ')'));
        named = true; /* as good as: what follows are suffixes */
      } else {
        MP_TRY(function_suffix(p, c));
      }
    } else {
      return MP_OK;
    }
    named = true;
  }
}

/* Attributes before a declarator (calling conventions) are added to its own. */
static MpStatus leading_attributes(MpParser *p, MpDeclarator *out) {
  MpAttr attr = {0};
  unsigned quals = 0;
  MP_TRY(qualifiers(p, &quals, &attr));
  if (!attr.any) return MP_OK;
  mp_attr_merge(&out->attr, &attr);
  if (mp_attr_changes_type(&attr)) {
    out->attr.mode = attr.mode;
    out->attr.vector_size = attr.vector_size;
    out->attr.vector_length = attr.vector_length;
  }
  return MP_OK;
}

/* declarator in brackets: pointer? direct-declarator */
static MpStatus inner_declarator(MpParser *p, MpDeclarator *out, OpChain *c) {
  OpChain stars = {0, 0};
  MP_TRY(mp_parser_enter(p));
  if (mp_parser_kind(p) > MP_TOK_NAME) MP_TRY(leading_attributes(p, out));
  MP_TRY(inner_pointers(p, &stars));
  MP_TRY(direct_declarator(p, out, c));
  chain_append(p, c, stars.first, stars.last);
  mp_parser_leave(p);
  return MP_OK;
}

static MpStatus op_function(MpParser *p, const MpOp *op, const MpCtype *ct, const MpCtype **out) {
  MpFunction f;
  if (ct->kind == MP_KIND_ARRAY) return mp_parser_fail(p, MP_MSG_RETURNS_ARRAY);
  if (ct->kind == MP_KIND_FUNCTION) return mp_parser_fail(p, MP_MSG_RETURNS_FUNCTION);
  f.params = (const MpCtype **)p->params.items + op->first_param;
  f.nparams = op->nparams;
  f.variadic = op->variadic;
  f.unprototyped = op->unprototyped;
  f.nonblocking = op->nonblocking;
  return mp_ctype_function(p->sp, ct, &f, out, p->e) == MP_OK ? MP_OK : mp_parser_failed(p);
}

/* What the step derives from `ct`. */
static MpStatus op_apply(MpParser *p, const MpOp *op, const MpCtype *ct, const MpCtype **out) {
  MpStatus made;
  if (op->kind == MP_OP_FUNCTION) return op_function(p, op, ct, out);
  if (op->kind == MP_OP_POINTER) return pointer_to(p, ct, op->quals, op->align, out);
  made = mp_ctype_array(p->sp, ct, op->length, out, p->e);
  return made == MP_OK ? MP_OK : mp_parser_failed(p);
}

/* The chain's links turned round, so that it starts at the far end. */
static uint32_t chain_reverse(MpParser *p, uint32_t first) {
  uint32_t before = 0;
  while (first != 0) {
    MpOp *op = op_at(p, first);
    uint32_t next = op->next;
    op->next = before;
    before = first;
    first = next;
  }
  return before;
}

/* `nonblocking` is the function's that the name is, or points to. */
static void chain_set_nonblocking(MpParser *p, const OpChain *c) {
  uint32_t at = c->first;
  while (at != 0 && op_at(p, at)->kind != MP_OP_FUNCTION) at = op_at(p, at)->next;
  if (at != 0) op_at(p, at)->nonblocking = true;
}

/*
** The chain's type over `base`. A parameter's own array is a pointer at once,
** whatever its length; a length within that isn't constant counts as none.
*/
static MpStatus chain_apply(MpParser *p, const OpChain *c, const MpCtype *base, bool is_parameter,
                            const MpCtype **out) {
  uint32_t at = chain_reverse(p, c->first);
  *out = base;
  while (at != 0) {
    MpOp *op = op_at(p, at);
    if (is_parameter && op->kind == MP_OP_ARRAY) {
      if (op->next == 0)
        op->kind = MP_OP_POINTER;
      else if (op->length == MP_LENGTH_OPEN && op_at(p, op->next)->kind == MP_OP_ARRAY &&
               op_at(p, op->next)->next != 0)
        op->length = 0;
    }
    MP_TRY(op_apply(p, op, *out, out));
    at = op->next;
  }
  return MP_OK;
}

MpStatus mp_declarator_parse(MpParser *p, const MpCtype *base, MpDeclarator *out) {
  return declarator_of(p, base, MP_PLACE_DECLARATION, out);
}

/* What follows a declarator: asm name and attributes. */
static MpStatus trailing_attributes(MpParser *p, MpDeclarator *out) {
  while (mp_parser_kind(p) == MP_TOK_ASM || mp_attr_starts(p)) {
    if (mp_parser_kind(p) == MP_TOK_ASM)
      MP_TRY(mp_attr_asm(p, &out->symbol));
    else
      MP_TRY(mp_attr_list(p, &out->attr));
  }
  return MP_OK;
}

/* The steps of the chain over `out->type`, then what attributes make of it. */
static MpStatus declarator_apply(MpParser *p, const OpChain *chain, MpDeclarator *out) {
  if (out->attr.nonblocking) chain_set_nonblocking(p, chain);
  if (chain->first != 0)
    MP_TRY(chain_apply(p, chain, out->type, out->place == MP_PLACE_PARAMETER, &out->type));
  if (!mp_attr_changes_type(&out->attr)) return MP_OK;
  return mp_attr_retype(p, &out->attr, out->type, &out->type);
}

static MpStatus declarator_of(MpParser *p, const MpCtype *base, MpDeclaratorPlace place,
                              MpDeclarator *out) {
  static const MpAttr none = {0};
  uint32_t ops = p->ops.n, params = p->params.n;
  OpChain chain = {0, 0};
  out->place = place;
  out->name = out->symbol = NULL;
  out->type = base;
  out->attr = none;
  MP_TRY(mp_parser_enter(p));
  if (mp_parser_kind(p) > MP_TOK_NAME) MP_TRY(leading_attributes(p, out));
  MP_TRY(outer_pointers(p, &out->type));
  MP_TRY(direct_declarator(p, out, &chain));
  mp_parser_leave(p);
  if (mp_parser_kind(p) != ',' && mp_parser_kind(p) != ')' && mp_parser_kind(p) != ';')
    MP_TRY(trailing_attributes(p, out));
  if (chain.first != 0 || out->attr.any) MP_TRY(declarator_apply(p, &chain, out));
  p->ops.n = ops;
  p->params.n = params;
  return MP_OK;
}

MpStatus mp_declarator_typename(MpParser *p, const MpCtype **out) {
  MpSpec spec;
  MpDeclarator d;
  MP_TRY(mp_declspec_parse(p, &spec));
  MP_TRY(align_base(p, &spec));
  MP_TRY(declarator_of(p, spec.type, MP_PLACE_TYPENAME, &d));
  if (d.name != NULL) return mp_parser_failat(p, &d.at, MP_MSG_NAME_IN_TYPE);
  *out = d.type;
  if (!mp_attr_realigns(d.type, d.attr.align)) return MP_OK;
  return mp_parser_qualify(p, d.type, 0, d.attr.align, out);
}

/* }===== */
