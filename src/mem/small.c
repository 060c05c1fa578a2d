/*
** small.c: lists of slabs, and what the fast paths leave to be done now and then.
*/

#include "mem/small.h"

#include <string.h>

/* Blocks to link at once: those that begin in one page, which is touched anyway. */
#define SMALL_PAGE 4096

_Static_assert(sizeof(MpSlab) == 64, "mp_slab_of counts on it");

/*
** For asserts when the slab of that index came or went: walks the heap at level 3, a big one only
** now and then.
*/
#define small_isright(m, index) \
  (MP_ASSERT_LEVEL < 3 || ((m)->pool.n > 1 && (index) != MP_SLAB_FIRST) || mp_small_check(m))

/* {===== lists of slabs ===== */

/* The first slab with blocks left; NULL if there is none. */
static inline MpSlab *small_first(const MpSmall *m, size_t kind) {
  MpSlabHead *head = m->open[kind];
  return head == &m->mixed[kind] ? NULL : (MpSlab *)head;
}

/* Puts a slab at the list's end: those that were full longest have most free blocks. */
static void small_link(MpSmall *m, MpSlab *s) {
  MpSlab *head = small_first(m, s->head.kind);
  if (head == NULL) {
    s->next = s->prev = s;
    m->open[s->head.kind] = &s->head;
  } else {
    s->next = head;
    s->prev = head->prev;
    head->prev->next = s;
    head->prev = s;
  }
  s->head.state = MP_SLAB_OPEN;
}

static void small_unlink(MpSmall *m, MpSlab *s) {
  if (s->next == s) {
    m->open[s->head.kind] = &m->mixed[s->head.kind];
  } else {
    s->next->prev = s->prev;
    s->prev->next = s->next;
    if (m->open[s->head.kind] == &s->head) m->open[s->head.kind] = &s->next->head;
  }
}

/* The list's first slab has no block left. */
static void small_setfull(MpSmall *m, MpSlab *s) {
  small_unlink(m, s);
  s->head.state = MP_SLAB_FULL;
  s->head.pinned = 0;
  s->head.count = s->wait;
}

/* A new slab for the kind, as its list. */
static MpSlab *small_addslab(MpSmall *m, size_t kind) {
  MpSlab *s = mp_slab_new(&m->pool);
  if (s == NULL) return NULL;
  s->head.kind = (uint16_t)kind;
  s->size = (uint32_t)mp_small_sizeof(kind);
  s->cap = (uint32_t)(MP_SLAB_SIZE / s->size);
  s->wait = s->cap / 32;
  s->fresh = mp_slab_start(s);
  s->end = s->fresh + (size_t)s->cap * s->size;
  small_link(m, s);
  mp_assert(small_isright(m, mp_slab_index(s)));
  return s;
}

static void small_dropslab(MpSmall *m, MpSlab *s) {
  small_unlink(m, s);
  mp_slab_free(&m->pool, s);
  mp_assert(small_isright(m, mp_slab_index(s))); /* the index is the address's */
}

/* }===== */

/* {===== small blocks ===== */

/* Links the fresh blocks up to the end of a page, and takes the first. */
static void *small_carve(MpSlab *s) {
  char *first = s->fresh, *p = first;
  char *page = (char *)(((uintptr_t)first | (SMALL_PAGE - 1)) + 1);
  char *end = page < s->end ? page : s->end;
  size_t size = s->size;
  void **last = (void **)first;
  mp_region_show(first, (size_t)(end - first));
  while ((p += size) < end) {
    *last = p;
    last = (void **)p;
  }
  *last = NULL;
  s->head.free = *(void **)first;
  s->fresh = p;
  s->head.count++;
  mp_region_hide(first, (size_t)(p - first));
  return first;
}

/* A block from what is left of its start region; NULL when that is too little. */
static void *small_begin(MpSmall *m, size_t kind) {
  bool sized = mp_small_issized(kind);
  MpSmallStart *start = sized ? &m->sized : &m->labelled;
  size_t size = mp_small_sizeof(kind);
  char *p = start->at;
  if ((size_t)(start->end - p) < size) return NULL;
  start->at += size;
  m->mixed[kind].count++;
  if (!sized) m->kinds[((uintptr_t)p & (MP_SLAB_SIZE - 1)) >> 4] = (unsigned char)kind;
  return p;
}

void *mp_small_refill(MpSmall *m, size_t kind) {
  for (;;) {
    MpSlab *s = small_first(m, kind);
    if (m->open[kind]->free != NULL) return mp_small_pop(m->open[kind]);
    if (s == NULL) {
      void *p = small_begin(m, kind);
      if (p != NULL) return p;
      if (small_addslab(m, kind) == NULL) return NULL;
    } else {
      if (s->fresh < s->end) return small_carve(s);
      small_setfull(m, s);
    }
  }
}

void mp_small_settle(MpSmall *m, MpSlab *s, void *p, size_t kind) {
  if (s->head.state == MP_SLAB_MIXED) {
    mp_small_push(&m->mixed[kind], p, kind);
    m->mixed[kind].count--;
    s->head.count = 1;
    return;
  }
  mp_small_push(&s->head, p, kind);
  if (s->head.state == MP_SLAB_FULL) {
    s->head.count = s->cap - s->wait;
    small_link(m, s);
  } else if (s->next == s) {
    s->head.pinned = 1; /* alone: the next block will be of this kind again */
    s->head.count = 1;
  } else {
    small_dropslab(m, s);
  }
}

/* }===== */

static void small_setstart(MpSmall *m, MpSmallStart *start) {
  MpSlab *s = mp_slab_new(&m->pool);
  s->head.state = MP_SLAB_MIXED;
  s->head.count = 1;
  start->at = mp_slab_start(s);
  start->end = start->at + MP_SLAB_SIZE;
}

bool mp_small_init(MpSmall *m, const MpAllocator *system, void *region, const void *owner) {
  size_t kind;
  if (!mp_slab_init(&m->pool, system, region, owner)) return false;
  for (kind = 0; kind < MP_SMALL_KINDS; kind++) m->open[kind] = &m->mixed[kind];
  m->kinds = (unsigned char *)mp_slab_spare(region, 2);
  small_setstart(m, &m->sized);
  small_setstart(m, &m->labelled);
  return true;
}

/* {===== addresses ===== */

static bool small_isin(const MpSmallStart *start, const void *ptr) {
  return (uintptr_t)ptr - (uintptr_t)(start->end - MP_SLAB_SIZE) < MP_SLAB_SIZE;
}

/* In the labelled start region blocks have a byte in `kinds` where they begin. */
static MpSmallPlace small_findmixed(const MpSmall *m, const char *ptr, void **block, size_t *kind) {
  size_t at = ((uintptr_t)ptr & (MP_SLAB_SIZE - 1)) >> 4;
  if (ptr >= m->labelled.at) return MP_SMALL_NOTHING;
  while (m->kinds[at] == 0) at--;
  *block = m->labelled.end - MP_SLAB_SIZE + at * 16;
  *kind = m->kinds[at];
  return MP_SMALL_BLOCK;
}

MpSmallPlace mp_small_find(const MpSmall *m, const void *ptr, void **block, size_t *kind) {
  const MpSlab *s = mp_slab_of(ptr);
  char *start;
  size_t n;
  if (((uintptr_t)ptr & (MP_REGION_SIZE - 1)) < MP_SLAB_HEAD) return MP_SMALL_OTHER;
  if (small_isin(&m->labelled, ptr)) return small_findmixed(m, (const char *)ptr, block, kind);
  if (s->head.state == MP_SLAB_UNUSED) return MP_SMALL_NOTHING;
  if (mp_small_issized(s->head.kind)) return MP_SMALL_OTHER;
  start = mp_slab_start(s);
  n = (size_t)((const char *)ptr - start) / s->size;
  if (start + n * s->size >= s->fresh) return MP_SMALL_NOTHING;
  *block = start + n * s->size;
  *kind = s->head.kind;
  return MP_SMALL_BLOCK;
}

/* }===== */

/* {===== the whole ===== */

/* Calls `visit` for each slab of the heap, the unused ones too. */
static void small_eachslab(const MpSmall *m, void (*visit)(void *ud, MpSlab *s), void *ud) {
  size_t i, k;
  for (i = 0; i < m->pool.n; i++) {
    char *region = (char *)MP_SLAB_REGION(m->pool.arenas[i]);
    for (k = MP_SLAB_FIRST; k < MP_SLAB_FIRST + MP_SLAB_COUNT; k++)
      visit(ud, mp_slab_of(region + (k << MP_SLAB_BITS)));
  }
}

typedef struct SmallWalk {
  const MpSmall *m;
  void (*visit)(void *ud, void *p, size_t kind);
  void *ud;
} SmallWalk;

static void small_walkslab(void *ud, MpSlab *s) {
  const SmallWalk *w = (const SmallWalk *)ud;
  char *p = mp_slab_start(s), *end = s->fresh;
  bool mixed = small_isin(&w->m->labelled, p);
  if (mixed)
    end = w->m->labelled.at;
  else if (s->head.state == MP_SLAB_UNUSED || mp_small_issized(s->head.kind))
    return;
  while (p < end) {
    size_t kind = mp_small_kindof(w->m, p);
    if (*mp_slab_label(p) != 0) w->visit(w->ud, p, kind);
    p += mp_small_sizeof(kind);
  }
}

void mp_small_walk(const MpSmall *m, void (*visit)(void *ud, void *p, size_t kind), void *ud) {
  SmallWalk w;
  w.m = m;
  w.visit = visit;
  w.ud = ud;
  small_eachslab(m, small_walkslab, &w);
}

/* An empty slab that waits in its kind's list; NULL if there is none. */
static MpSlab *small_findempty(const MpSmall *m, size_t kind) {
  MpSlab *head = small_first(m, kind), *s = head;
  if (head == NULL) return NULL;
  do {
    if (mp_small_used(s) == 0) return s;
    s = s->next;
  } while (s != head);
  return NULL;
}

size_t mp_small_trim(MpSmall *m) {
  size_t kind;
  for (kind = 1; kind < MP_SMALL_KINDS; kind++) {
    MpSlab *s;
    while ((s = small_findempty(m, kind)) != NULL) small_dropslab(m, s);
  }
  return mp_slab_trim(&m->pool);
}

/* }===== */

/* {===== statistics ===== */

static MpHeapClass *small_class(MpHeapStats *t, size_t kind) {
  return mp_small_issized(kind)
             ? &t->classes[kind - 1]
             : &t->classes[MP_SMALL_SIZED + (kind - MP_SMALL_SIZED - 1) % MP_SMALL_LABELLED];
}

static void small_countslab(void *ud, MpSlab *s) {
  MpHeapStats *t = (MpHeapStats *)ud;
  MpHeapClass *c;
  size_t used;
  if (s->head.state == MP_SLAB_UNUSED) {
    t->unused += MP_SLAB_SIZE;
  } else if (s->head.state != MP_SLAB_MIXED) {
    used = mp_small_used(s);
    c = small_class(t, s->head.kind);
    c->slabs++;
    c->used += used;
    c->free += s->cap - used;
    t->allocated += used * s->size;
    t->available += (s->cap - used) * s->size;
    t->rounding += MP_SLAB_SIZE - (size_t)s->cap * s->size;
  }
}

/* The free block behind one in its list. */
static const void *small_after(const void *p) {
  const void *next;
  mp_region_show(p, sizeof(void *));
  next = *(void *const *)p;
  mp_region_hide(p, sizeof(void *));
  return next;
}

static size_t small_listlength(const void *p) {
  size_t n = 0;
  for (; p != NULL; p = small_after(p)) n++;
  return n;
}

static size_t small_left(const MpSmall *m) {
  return (size_t)(m->sized.end - m->sized.at) + (size_t)(m->labelled.end - m->labelled.at);
}

static void small_countmixed(const MpSmall *m, MpHeapStats *t) {
  size_t live = 0, kind;
  for (kind = 1; kind < MP_SMALL_KINDS; kind++) {
    const MpSlabHead *x = &m->mixed[kind];
    MpHeapClass *c = small_class(t, kind);
    c->used += x->count;
    c->free += small_listlength(x->free);
    live += x->count * mp_small_sizeof(kind);
  }
  t->allocated += live;
  t->available += 2 * MP_SLAB_SIZE - small_left(m) - live;
  t->unused += small_left(m);
}

void mp_small_stats(const MpSmall *m, MpHeapStats *out) {
  size_t kind;
  out->nclasses = MP_HEAP_CLASSES;
  for (kind = 1; kind <= MP_SMALL_SIZED + MP_SMALL_LABELLED; kind++)
    small_class(out, kind)->size = mp_small_sizeof(kind);
  small_eachslab(m, small_countslab, out);
  small_countmixed(m, out);
  out->allocated -= m->slack;
  out->rounding += m->slack;
}

/* }===== */

/* {===== does it agree with itself? ===== */

typedef struct SmallCheck {
  const MpSmall *m;
  size_t slack;
  bool good;
} SmallCheck;

/* Is each free block of a slab the first byte of one that was made, and not alive? How many. */
static size_t small_checkfree(SmallCheck *c, const MpSlab *s, const char *start) {
  const char *p;
  size_t n = 0;
  for (p = (const char *)s->head.free; p != NULL && c->good; n++) {
    c->good = p >= start && p < s->fresh && (size_t)(p - start) % s->size == 0 && n < s->cap &&
              (mp_small_issized(s->head.kind) || *mp_slab_label(p) == 0);
    if (!c->good) break;
    p = (const char *)small_after(p);
  }
  return n;
}

/* Live labels stand at the beginnings of blocks alone; how many. */
static size_t small_checklabels(SmallCheck *c, char *start, const char *fresh) {
  size_t at, n = 0, kind = 0;
  void *block = NULL;
  for (at = 0; at < MP_SLAB_SIZE; at += 16) {
    if (*mp_slab_label(start + at) == 0) continue;
    c->good = c->good && start + at < fresh &&
              mp_small_find(c->m, start + at, &block, &kind) == MP_SMALL_BLOCK &&
              block == start + at;
    c->slack += mp_small_slack(*mp_slab_label(start + at));
    n++;
  }
  return n;
}

static bool small_islisted(const MpSmall *m, const MpSlab *s) {
  const MpSlab *head = small_first(m, s->head.kind), *p = head;
  if (head == NULL) return false;
  do {
    if (p == s) return true;
    if (p->next->prev != p) return false;
    p = p->next;
  } while (p != head);
  return false;
}

static void small_checkslab(void *ud, MpSlab *s) {
  SmallCheck *c = (SmallCheck *)ud;
  char *start = mp_slab_start(s);
  size_t made, used;
  bool unused = mp_slab_arena(start)->unused >> mp_slab_index(s) & 1;
  c->good = c->good && unused == (s->head.state == MP_SLAB_UNUSED);
  if (unused || s->head.state == MP_SLAB_MIXED || !c->good) return;
  made = (size_t)(s->fresh - start) / s->size;
  used = mp_small_used(s);
  c->good = used <= made && small_checkfree(c, s, start) + used == made && c->good &&
            small_islisted(c->m, s) == (s->head.state == MP_SLAB_OPEN);
  if (!mp_small_issized(s->head.kind))
    c->good = small_checklabels(c, start, s->fresh) == used && c->good;
}

/* Do the start regions' live and free blocks make up what was taken from them? */
static bool small_checkmixed(SmallCheck *c) {
  const MpSmall *m = c->m;
  size_t sum = small_left(m), labelled = 0, kind;
  for (kind = 1; kind < MP_SMALL_KINDS; kind++) {
    const MpSlabHead *x = &m->mixed[kind];
    sum += (x->count + small_listlength(x->free)) * mp_small_sizeof(kind);
    if (!mp_small_issized(kind)) labelled += x->count;
  }
  return sum == 2 * MP_SLAB_SIZE &&
         small_checklabels(c, m->labelled.end - MP_SLAB_SIZE, m->labelled.at) == labelled;
}

bool mp_small_check(const MpSmall *m) {
  SmallCheck c;
  c.m = m;
  c.slack = 0;
  c.good = true;
  c.good = small_checkmixed(&c) && c.good;
  small_eachslab(m, small_checkslab, &c);
  return c.good && c.slack == m->slack;
}

/* }===== */
