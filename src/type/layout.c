/*
** layout.c: where members lie. Called by the parser at the end of a struct or
** union; works on the parser's array of members and owns only a scratch array
** for its call.
**
** The rules are GCC's (stor-layout.c describes them in words; System V ABI
** x86-64 3.1.2, "Bit-Fields"), with the position counted in bits:
**  - a member starts at a multiple of its alignment, which `packed` lowers to
**    a byte (a bit-field's: to a bit), and #pragma pack caps;
**  - a bit-field lies behind the one before it, unless it would then span more
**    units of its type's alignment than its type does: it goes to the next
**    such unit. packed and #pragma pack switch that off;
**  - one of width zero moves on to its type's alignment;
**  - unnamed ones don't raise the record's alignment.
*/

#include "type/layout.h"

#include <string.h>

#include "base/map.h"
#include "base/num.h"
#include "type/space.h"

#define BITS ((MpUint128)8)

/* A record being laid out; alignments in bits. */
typedef struct LayoutState {
  const MpLayoutOptions *options;
  bool is_union;
  MpUint128 at;   /* of a struct: bits so far */
  MpUint128 most; /* of a union: the largest member */
  uint64_t align; /* the record's */
  uint64_t cap;   /* #pragma pack; 0: none */
} LayoutState;

static const char *member_name(const MpMember *m) { return m->name ? m->name->text : ""; }

static MpUint128 align_bits(MpUint128 n, uint64_t align) {
  return (n + align - 1) & ~((MpUint128)align - 1);
}

static uint64_t larger(uint64_t a, uint64_t b) { return a > b ? a : b; }

/* {===== what a member may be ===== */

static MpStatus check_bits(const MpMember *m, MpErr *e) {
  if (!mp_ctype_is_integer(m->type) || !mp_ctype_is_complete(m->type))
    return mp_err_set(e, MP_MSG_BITS_TYPE, member_name(m));
  if ((unsigned)m->bits > mp_ctype_bits(m->type))
    return mp_err_set(e, MP_MSG_BITS_WIDTH, member_name(m));
  if (m->bits == 0 && m->name != NULL) return mp_err_set(e, MP_MSG_BITS_ZERO, member_name(m));
  return MP_OK;
}

static MpStatus check_member(const MpMember *m, bool may_be_open, MpErr *e) {
  const MpCtype *ct = m->type;
  if (m->bits >= 0) return check_bits(m, e);
  if (ct->kind == MP_KIND_FUNCTION) return mp_err_set(e, MP_MSG_MEMBER_FUNCTION, member_name(m));
  if (ct->kind == MP_KIND_ARRAY && ct->length == MP_LENGTH_OPEN) {
    if (!may_be_open) return mp_err_set(e, MP_MSG_MEMBER_OPEN, member_name(m));
  } else if (!mp_ctype_is_complete(ct)) {
    return mp_err_set(e, MP_MSG_MEMBER_INCOMPLETE, member_name(m));
  }
  return MP_OK;
}

/* Names seen so far: a few in an array, many in a map. */
#define FEW 16

typedef struct NameSet {
  const MpName *few[FEW];
  uint32_t n;
  MpMap many;
} NameSet;

static MpStatus names_add(NameSet *s, const MpName *name, MpErr *e) {
  uint32_t i;
  if (s->many.count == 0) {
    for (i = 0; i < s->n; i++)
      if (s->few[i] == name) return mp_err_set(e, MP_MSG_MEMBER_TWICE, name->text);
    if (s->n < FEW) {
      s->few[s->n++] = name;
      return MP_OK;
    }
    for (i = 0; i < s->n; i++)
      if (!mp_map_set(&s->many, s->few[i], (void *)s->few[i])) return mp_err_memory(e);
  }
  if (mp_map_get(&s->many, name) != NULL) return mp_err_set(e, MP_MSG_MEMBER_TWICE, name->text);
  return mp_map_set(&s->many, name, (void *)name) ? MP_OK : mp_err_memory(e);
}

/* A member's names: its own, or those of an anonymous record (C11 6.7.2.1p13). */
static MpStatus names_add_member(NameSet *s, const MpMember *m, MpErr *e) {
  const MpRecord *r;
  uint32_t i;
  if (m->name != NULL) return names_add(s, m->name, e);
  if (m->bits >= 0 || !mp_ctype_is_record(m->type)) return MP_OK;
  r = m->type->u.record;
  for (i = 0; i < r->nflat; i++)
    if (names_add(s, r->flat[i].name, e) != MP_OK) return MP_FAIL;
  return MP_OK;
}

static MpStatus check_names(const MpAlloc *alloc, const MpMember *members, uint32_t n, MpErr *e) {
  NameSet s;
  MpStatus done = MP_OK;
  uint32_t i;
  s.n = 0;
  mp_map_init(&s.many, alloc);
  for (i = 0; i < n && done == MP_OK; i++) done = names_add_member(&s, &members[i], e);
  mp_map_fini(&s.many);
  return done;
}

/* }===== */

/* {===== placing ===== */

static bool is_packed(const LayoutState *s, const MpMember *m) {
  return (s->options->packed || m->packed) && (m->bits > 0 || m->type->align > 1);
}

/*
** A bit-field as wide as a machine integer, where it comes to lie at a multiple
** of that anyway, is an ordinary member to GCC: it has the integer's alignment
** and may span what it likes. That shows with types of unusual alignment. 1: it is not.
*/
static uint64_t whole_integer_align(const LayoutState *s, const MpMember *m, bool packed) {
  uint64_t width = (uint64_t)m->bits;
  if (width < 8 || width > 128 || !mp_num_ispow2(width)) return 1;
  if (width > 8 && packed) return 1;
  if (!s->is_union && (s->at & (width - 1)) != 0) return 1;
  return width;
}

/* The alignment that a member's place has to have, in bits. */
static uint64_t member_align(const LayoutState *s, const MpMember *m) {
  uint64_t own = (uint64_t)m->align * 8, natural = (uint64_t)m->type->align * 8, align;
  bool packed = is_packed(s, m);
  if (m->bits == 0) return larger(own, natural); /* neither packed nor pack reach it */
  if (m->bits > 0)
    align = larger(larger(own, 1), whole_integer_align(s, m, packed));
  else if (packed)
    align = own ? own : 8;
  else
    align = larger(own, natural);
  if (s->cap != 0 && align > s->cap) align = s->cap;
  return align;
}

/* What the member asks of the record's alignment. */
static void raise_align(LayoutState *s, const MpMember *m, uint64_t align) {
  uint64_t natural = (uint64_t)m->type->align * 8;
  if (m->bits < 0) {
    s->align = larger(s->align, align);
    return;
  }
  if (m->name == NULL) return;
  if (s->cap != 0)
    natural = natural < s->cap ? natural : s->cap;
  else if (is_packed(s, m))
    natural = 8;
  s->align = larger(s->align, larger(align, natural));
}

/* Would the bit-field span more units of its type's alignment than the type has? */
static bool spans_too_much(const LayoutState *s, const MpMember *m) {
  uint64_t unit = (uint64_t)m->type->align * 8, size = (uint64_t)m->type->size * 8;
  uint64_t within = (uint64_t)(s->at & (unit - 1));
  return (within + (uint64_t)m->bits + unit - 1) / unit > size / unit;
}

static MpUint128 member_bits(const MpMember *m) {
  return m->bits >= 0 ? (MpUint128)m->bits : m->type->size * BITS;
}

/* Places a member; its first bit is returned. */
static MpUint128 place(LayoutState *s, const MpMember *m) {
  uint64_t align = member_align(s, m);
  bool is_loose = is_packed(s, m) || s->cap != 0 || whole_integer_align(s, m, is_packed(s, m)) > 1;
  MpUint128 at;
  raise_align(s, m, align);
  if (s->is_union) {
    MpUint128 bits = align_bits(member_bits(m), 8);
    if (bits > s->most) s->most = bits;
    return 0;
  }
  s->at = align_bits(s->at, align);
  if (m->bits > 0 && !is_loose && spans_too_much(s, m))
    s->at = align_bits(s->at, (uint64_t)m->type->align * 8);
  at = s->at;
  s->at += member_bits(m);
  return at;
}

/*
** The window that a bit-field is read through: the unit of its type that it
** lies in, if the record holds that whole; else just the bytes that it touches.
*/
static void set_window(MpField *f, MpUint128 at, size_t record_size) {
  size_t byte = (size_t)(at / 8), unit = f->type->size;
  size_t start = mp_num_ispow2(unit) ? byte / unit * unit : byte;
  unsigned bit = (unsigned)(at - start * BITS), width = f->bit_width;
  if (!mp_num_ispow2(unit) || bit + width > unit * 8 || start + unit > record_size) {
    start = byte;
    bit = (unsigned)(at % 8);
    unit = (bit + width + 7) / 8;
  }
  if (MP_BIG_ENDIAN) bit = (unsigned)unit * 8 - bit - width;
  f->offset = start;
  f->bit_start = (uint16_t)bit;
}

/* }===== */

static void layout_start(LayoutState *s, const MpCtype *ct, const MpLayoutOptions *options) {
  memset(s, 0, sizeof *s);
  s->options = options;
  s->is_union = ct->kind == MP_KIND_UNION;
  s->cap = (uint64_t)options->pack * 8;
  s->align = options->align ? (uint64_t)options->align * 8 : 8;
}

/* Places all; `at` gets each member's first bit. */
static MpStatus place_all(LayoutState *s, const MpMember *members, uint32_t n, MpUint128 *at,
                          MpErr *e) {
  uint32_t i;
  for (i = 0; i < n; i++) {
    if (check_member(&members[i], s->is_union || i == n - 1, e) != MP_OK) return MP_FAIL;
    at[i] = place(s, &members[i]);
    if (s->at > MP_NUM_SIZE_MAX * BITS) return mp_err_set(e, MP_MSG_TYPE_TOO_LARGE);
  }
  return MP_OK;
}

static void fill_fields(const MpMember *members, uint32_t n, const MpUint128 *at, size_t size,
                        MpField *fields) {
  uint32_t i;
  for (i = 0; i < n; i++) {
    const MpMember *m = &members[i];
    MpField *f = &fields[i];
    memset(f, 0, sizeof *f);
    f->name = m->name;
    f->type = m->type;
    f->offset = (size_t)(at[i] / 8);
    f->is_bits = m->bits >= 0;
    if (!f->is_bits) continue;
    f->bit_width = (uint16_t)m->bits;
    set_window(f, at[i], size);
  }
}

/* Did an attribute give the type, or something in it, an alignment? */
static bool is_aligned(const MpCtype *ct) {
  while (ct->kind == MP_KIND_ARRAY && !(ct->flags & MP_CTF_ALIGNED)) ct = ct->item;
  if (ct->flags & MP_CTF_ALIGNED) return true;
  return mp_ctype_is_record(ct) && ct->u.record->aligned;
}

static bool has_aligned(const MpMember *members, uint32_t n) {
  uint32_t i;
  for (i = 0; i < n; i++)
    if (members[i].align != 0 || is_aligned(members[i].type)) return true;
  return false;
}

/* Lays out with the scratch memory given. */
static MpStatus layout_with(MpCtype *ct, const MpMember *members, uint32_t n,
                            const MpLayoutOptions *options, MpUint128 *at, MpField *fields,
                            MpErr *e) {
  LayoutState s;
  MpUint128 size;
  layout_start(&s, ct, options);
  if (place_all(&s, members, n, at, e) != MP_OK) return MP_FAIL;
  size = align_bits(s.is_union ? s.most : s.at, s.align) / 8;
  if (size > MP_NUM_SIZE_MAX) return mp_err_set(e, MP_MSG_TYPE_TOO_LARGE);
  fill_fields(members, n, at, (size_t)size, fields);
  ct->u.record->aligned = options->align != 0 || has_aligned(members, n);
  return mp_ctype_complete_record(ct, fields, n, (size_t)size, (uint32_t)(s.align / 8), e);
}

typedef struct Scratch {
  MpUint128 at;
  MpField field;
} Scratch;

MpStatus mp_layout_record(MpCtype *ct, const MpMember *members, uint32_t n,
                          const MpLayoutOptions *options, MpErr *e) {
  const MpAlloc *alloc = ct->home->alloc;
  MpUint128 few_at[FEW], *at = few_at;
  MpField few_fields[FEW], *fields = few_fields;
  size_t bytes;
  char *scratch = NULL;
  MpStatus done;
  if (check_names(alloc, members, n, e) != MP_OK) return MP_FAIL;
  if (!mp_num_mul(n, sizeof(Scratch), &bytes)) return mp_err_memory(e);
  if (n > FEW) {
    scratch = (char *)mp_alloc_new(alloc, bytes);
    if (scratch == NULL) return mp_err_memory(e);
    at = (MpUint128 *)(void *)scratch;
    fields = (MpField *)(void *)(scratch + n * sizeof(MpUint128));
  }
  done = layout_with(ct, members, n, options, at, fields, e);
  mp_alloc_free(alloc, scratch, bytes);
  return done;
}

uint32_t mp_layout_alignof(const MpCtype *ct) {
  return ct->align <= MP_ALIGNOF_MOST || is_aligned(ct) ? ct->align : MP_ALIGNOF_MOST;
}
