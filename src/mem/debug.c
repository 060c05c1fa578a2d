/*
** debug.c: the hooks as an allocator over others. Installed by the floors that
** know Lua, called through doors and layers. What is true of a block is in a
** record of the C library's memory, found by the block's address, until the
** block leaves the quarantine.
**
** One record of hooks serves an installation over one layer; it stays for the
** domain's life, since programs hold its address as an allocator's ctx.
** In RAW's home tables are under its lock; reports are said outside of it.
*/

#include "mem/debug.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "mem/bottom.h"
#include "mem/guard.h"
#include "mem/layer.h"
#include "mem/misuse.h"
#include "mem/raw.h"
#include "mem/report.h"
#include "mem/vm.h"

typedef struct DebugBlock {
  struct DebugBlock *next; /* in the quarantine, or of those that leave it */
  MpGuard guard;
  const MpSite *site, *type, *freed;
  const char *freed_by;
  MpLayer *maker;  /* of the memory; NULL: the base */
  bool dead, said; /* a damage of it was reported */
  bool own;        /* moonpool's record, or Lua's */
} DebugBlock;

struct MpDebug {
  MpDebug *next; /* of the domain's */
  MpDomain *home;
  MpDebugOptions options;
  MpMap blocks; /* data → DebugBlock, dead ones too */
  uint64_t serial;
  DebugBlock *oldest, **newest; /* the quarantine */
  size_t held;                  /* its bytes */
};

/* {===== saying ===== */

void mp_debug_say(const MpDebug *b, MpBuf *report) {
  const char *text = report->len > 0 ? mp_buf_cstr(report) : NULL;
  if (report->len == 0 && !report->failed) return;
  if (text == NULL) text = "moonpool: damaged memory";
  if (b->options.handler != NULL) {
    b->options.handler(b->options.ud, text);
    return;
  }
  fprintf(stderr, "%s\n", text);
  fflush(stderr);
  abort();
}

const MpDebugOptions *mp_debug_options(const MpDebug *b) { return &b->options; }

/* Says and frees a report, which may be empty. */
static void debug_deliver(const MpDebug *b, MpBuf *report) {
  mp_debug_say(b, report);
  mp_buf_fini(report);
}

static const MpDomains *debug_set(const MpDebug *b) {
  return b->home->set != NULL ? b->home->set : mp_layer_speaker();
}

static MpReportFinder debug_finder(const MpDebug *b) {
  const MpDomains *set = debug_set(b);
  MpReportFinder none = {NULL, NULL};
  return set != NULL ? mp_misuse_finder(&set->raw) : none;
}

static MpReportBlock block_view(const DebugBlock *k) {
  MpReportBlock view;
  memset(&view, 0, sizeof view);
  view.guard = k->guard;
  view.known = true;
  view.site = k->site;
  view.type = k->type;
  view.freed = k->freed;
  view.freed_by = k->freed_by;
  view.dead = k->dead;
  return view;
}

/* Under the lock: writes what is wrong with a block, once. */
static bool block_judge(DebugBlock *k, const MpReportFinder *who, MpBuf *out) {
  MpGuardFlaws flaws;
  MpReportBlock view;
  if (k->said) return false;
  if (!(k->dead ? mp_guard_stirred(&k->guard) : mp_guard_damaged(&k->guard))) return false;
  if (k->dead)
    mp_guard_finddead(&k->guard, &flaws);
  else
    mp_guard_find(&k->guard, &flaws);
  k->said = true;
  view = block_view(k);
  mp_report_damage(out, &view, &flaws, who);
  return true;
}

MpStatus mp_debug_checkthread(const MpDomain *d, MpBuf *out) {
  MpReportFinder who = mp_misuse_finder(d);
  if (d->id == MP_DOMAIN_RAW || mp_debug_of(d) == NULL) return MP_OK;
  if (pthread_equal(d->set->thread, pthread_self())) return MP_OK;
  mp_report_thread(out, &who);
  return MP_FAIL;
}

/* The same where no error can be raised. */
static void debug_thread(const MpDebug *b) {
  MpBuf out;
  mp_buf_init(&out, &mp_alloc_system);
  if (mp_debug_checkthread(b->home, &out) != MP_OK) debug_deliver(b, &out);
}

/* }===== */

/* {===== the quarantine ===== */

/* Under the lock: takes from it what is too much; the blocks, for debug_release. */
static DebugBlock *debug_evict(MpDebug *b, size_t limit) {
  DebugBlock *leaving = NULL, **end = &leaving, *k;
  while (b->held > limit && (k = b->oldest) != NULL) {
    b->oldest = k->next;
    if (k->next == NULL) b->newest = &b->oldest;
    b->held -= k->guard.size + MP_GUARD_BOTH;
    mp_map_remove(&b->blocks, k->guard.data);
    k->next = NULL;
    *end = k;
    end = &k->next;
  }
  return leaving;
}

/* Outside of the lock: verifies them a last time and gives their memory back. */
static void debug_release(MpDebug *b, DebugBlock *leaving) {
  MpReportFinder who = debug_finder(b);
  DebugBlock *next;
  for (; leaving != NULL; leaving = next) {
    MpBuf out;
    next = leaving->next;
    mp_buf_init(&out, &mp_alloc_system);
    block_judge(leaving, &who, &out);
    debug_deliver(b, &out);
    mp_layer_free(b->home, leaving->maker, leaving->guard.data - MP_GUARD_HEAD);
    mp_layer_unhold(leaving->maker, leaving->guard.size);
    free(leaving);
  }
}

/* Under the lock. */
static void debug_retire(MpDebug *b, DebugBlock *k) {
  MpReportFinder who = debug_finder(b);
  k->dead = true;
  k->freed = who.site;
  k->freed_by = who.verb;
  if (b->home->id == MP_DOMAIN_RAW && who.site != NULL)
    k->freed = mp_site_intern(mp_raw_sites(), who.site->text, who.site->len);
  mp_guard_kill(&k->guard);
  k->next = NULL;
  *b->newest = k;
  b->newest = &k->next;
  b->held += k->guard.size + MP_GUARD_BOTH;
}

static void debug_drain(MpDebug *b, size_t limit) {
  DebugBlock *leaving;
  mp_layer_lock(b->home);
  leaving = debug_evict(b, limit);
  mp_layer_unlock(b->home);
  debug_release(b, leaving);
}

/* }===== */

/* {===== the allocator ===== */

/* Under the lock: a fresh block's record enters the table. */
static bool debug_enter(MpDebug *b, DebugBlock *k) {
  const MpDomains *set = b->home->set;
  MpReportFinder who = debug_finder(b);
  k->guard.serial = ++b->serial;
  k->site = who.site;
  if (b->home->id == MP_DOMAIN_RAW && who.site != NULL)
    k->site = mp_site_intern(mp_raw_sites(), who.site->text, who.site->len);
  k->own = set != NULL && (set->records || set->vm.inside);
  return mp_map_set(&b->blocks, k->guard.data, k);
}

/* Under the lock: the layer that the hooks are; NULL: none, for nobody has been served for long. */
static MpLayer *debug_layer(const MpDebug *b) {
  MpLayer *y = b->home->layers;
  while (y != NULL && y->a.ctx != b) y = y->next;
  return y;
}

/* What the hooks are over; NULL: the base. */
static MpLayer *debug_under(const MpDebug *b) {
  const MpLayer *y;
  mp_layer_lock(b->home);
  y = debug_layer(b);
  mp_layer_unlock(b->home);
  return y != NULL ? y->below : NULL;
}

/* Memory from below, with room for the guard; its maker is held on to. */
static bool debug_take(MpDebug *b, DebugBlock *k, bool zero) {
  MpLayerCall call;
  MpLayerAsk ask = {1, k->guard.size + MP_GUARD_BOTH, zero, false};
  char *inner;
  k->maker = mp_layer_enter(b->home, debug_under(b), false, &call);
  inner = (char *)mp_layer_new(b->home, k->maker, &ask);
  if (inner != NULL) mp_layer_hold(k->maker, k->guard.size);
  if (k->maker != NULL) mp_layer_leave(&call);
  k->guard.data = inner + MP_GUARD_HEAD;
  return inner != NULL;
}

static void *debug_new(MpDebug *b, size_t size, bool zero) {
  DebugBlock *k;
  bool entered;
  debug_thread(b);
  mp_vm_flush(b->home);
  if (size > MP_DOMAIN_MAX - MP_GUARD_BOTH) return NULL;
  k = (DebugBlock *)calloc(1, sizeof *k);
  if (k == NULL) return NULL;
  k->guard.size = size;
  k->guard.domain = b->home->id;
  if (!debug_take(b, k, zero)) return free(k), NULL;
  mp_layer_lock(b->home);
  entered = debug_enter(b, k);
  mp_layer_unlock(b->home);
  if (!entered) {
    mp_layer_free(b->home, k->maker, k->guard.data - MP_GUARD_HEAD);
    mp_layer_unhold(k->maker, size);
    return free(k), NULL;
  }
  mp_guard_open(&k->guard, zero);
  return k->guard.data;
}

/* Without their ctx, as those of the base: no memory. */
static void *debug_malloc(void *ctx, size_t size) {
  return ctx != NULL ? debug_new((MpDebug *)ctx, size, false) : NULL;
}

static void *debug_calloc(void *ctx, size_t nelem, size_t elsize) {
  size_t size;
  return ctx != NULL && mp_num_mul(nelem, elsize, &size) ? debug_new((MpDebug *)ctx, size, true)
                                                         : NULL;
}

/* What was wrong with a block that is to be freed or resized, said; false: it can't be. */
static bool debug_admit(MpDebug *b, const void *ptr, size_t *size) {
  MpReportFinder who = debug_finder(b);
  DebugBlock *k;
  MpReportBlock view;
  bool fine;
  MpBuf out;
  debug_thread(b);
  mp_vm_flush(b->home);
  mp_buf_init(&out, &mp_alloc_system);
  mp_layer_lock(b->home);
  k = (DebugBlock *)mp_map_get(&b->blocks, ptr);
  fine = k != NULL && !k->dead;
  if (fine) {
    *size = k->guard.size;
    block_judge(k, &who, &out);
  } else if (k != NULL) {
    view = block_view(k);
    mp_report_freed(&out, &view, &who);
  } else {
    mp_report_foreign(&out, ptr, b->home->id, false, &who);
  }
  mp_layer_unlock(b->home);
  debug_deliver(b, &out);
  return fine;
}

/* A block that was made before the hooks, and came here by a direct call: what is below has it. */
static bool debug_isolder(MpDebug *b, const void *ptr) {
  bool known;
  mp_layer_lock(b->home);
  known = mp_map_get(&b->blocks, ptr) != NULL;
  mp_layer_unlock(b->home);
  return !known && !b->options.strict;
}

static void debug_below(MpDebug *b, MpAllocator *out) {
  const MpLayer *y = debug_under(b);
  while (y != NULL && y->ended) y = y->below;
  if (y != NULL)
    *out = y->a;
  else
    mp_bottom_get(b->home, out);
}

static void debug_free(void *ctx, void *ptr) {
  MpDebug *b = (MpDebug *)ctx;
  MpAllocator below;
  DebugBlock *k;
  size_t size;
  if (b == NULL || ptr == NULL) return;
  if (debug_isolder(b, ptr)) {
    debug_below(b, &below);
    below.free(below.ctx, ptr);
    return;
  }
  if (!debug_admit(b, ptr, &size)) return;
  mp_layer_lock(b->home);
  k = (DebugBlock *)mp_map_get(&b->blocks, ptr);
  if (k != NULL && !k->dead) debug_retire(b, k);
  mp_layer_unlock(b->home);
  debug_drain(b, b->options.quarantine);
}

/* Always to a new place, so that the old one is seen when it is used. */
static void *debug_realloc(void *ctx, void *ptr, size_t size) {
  MpDebug *b = (MpDebug *)ctx;
  MpAllocator below;
  size_t old = 0;
  void *fresh;
  if (b == NULL) return NULL;
  if (ptr == NULL) return debug_malloc(ctx, size);
  if (debug_isolder(b, ptr)) {
    debug_below(b, &below);
    return below.realloc(below.ctx, ptr, size);
  }
  if (!debug_admit(b, ptr, &old)) return NULL;
  fresh = debug_new(b, size, false);
  if (fresh == NULL) return NULL;
  memcpy(fresh, ptr, old < size ? old : size);
  debug_free(b, ptr);
  return fresh;
}

/* }===== */

/* {===== on and off ===== */

MpDebug *mp_debug_of(const MpDomain *d) {
  const MpLayer *top;
  MpDebug *b;
  mp_layer_lock(d->home);
  top = d->home->top;
  b = top != NULL && top->kind == MP_LAYER_DEBUG ? (MpDebug *)top->a.ctx : NULL;
  mp_layer_unlock(d->home);
  return b;
}

/* Hooks that don't serve and can be put over the top: without a layer, or with one over just that. */
static MpDebug *debug_idle(MpDomain *home) {
  MpDebug *b;
  mp_layer_lock(home);
  for (b = home->debug; b != NULL; b = b->next) {
    const MpLayer *y = debug_layer(b);
    if (y == NULL || y->below == home->top) break;
  }
  mp_layer_unlock(home);
  return b;
}

static MpDebug *debug_create(MpDomain *home) {
  MpDebug *b = (MpDebug *)calloc(1, sizeof *b);
  if (b == NULL) return NULL;
  b->home = home;
  mp_map_init(&b->blocks, &mp_alloc_system);
  b->newest = &b->oldest;
  mp_layer_lock(home);
  b->serial = home->debug != NULL ? home->debug->serial : 0;
  b->next = home->debug;
  home->debug = b;
  mp_layer_unlock(home);
  return b;
}

MpStatus mp_debug_setup(MpDomain *d, const MpDebugOptions *o) {
  MpAllocator a = {NULL, debug_malloc, debug_calloc, debug_realloc, debug_free, NULL};
  MpDebug *b = mp_debug_of(d);
  bool on = b != NULL;
  if (!on) b = debug_idle(d->home);
  if (b == NULL) b = debug_create(d->home);
  if (b == NULL) return MP_FAIL;
  mp_layer_lock(d->home);
  b->options = *o;
  mp_layer_unlock(d->home);
  mp_vm_setlimit(d->home, o->quarantine);
  if (on) {
    debug_drain(b, o->quarantine);
    return MP_OK;
  }
  a.ctx = b;
  return mp_domain_set(d, &a, MP_LAYER_DEBUG, NULL, NULL);
}

bool mp_debug_is(const MpAllocator *a) { return a->malloc == debug_malloc; }

void mp_debug_remove(MpDomain *d) {
  MpDebug *b = mp_debug_of(d);
  if (b == NULL) return;
  mp_layer_lock(d->home);
  b->options.quarantine = 0; /* what is freed from now on goes at once: nobody would come for it */
  mp_layer_unlock(d->home);
  debug_drain(b, 0);
  mp_vm_release(d->home);
  mp_layer_pop(d->home);
}

/* }===== */

/* {===== what hooks know ===== */

MpStatus mp_debug_check(MpDomain *d, const void *ptr, MpBuf *out) {
  MpReportFinder who = mp_misuse_finder(d);
  MpDebug *b;
  DebugBlock *k;
  bool wrong = false;
  mp_layer_lock(d->home);
  for (b = d->home->debug; b != NULL && !wrong; b = b->next) {
    k = (DebugBlock *)mp_map_get(&b->blocks, ptr);
    wrong = k != NULL && !k->dead && block_judge(k, &who, out);
  }
  mp_layer_unlock(d->home);
  return wrong ? MP_FAIL : MP_OK;
}

bool mp_debug_isstrict(const MpDomain *d) {
  const MpDebug *b = d->id == MP_DOMAIN_RAW ? mp_debug_of(d) : NULL;
  return b != NULL && b->options.strict;
}

bool mp_debug_isinner(MpDomain *home, const void *ptr) {
  const MpDebug *b;
  bool found = false;
  mp_layer_lock(home);
  for (b = home->debug; b != NULL && !found; b = b->next)
    found = mp_map_get(&b->blocks, (const char *)ptr + MP_GUARD_HEAD) != NULL;
  mp_layer_unlock(home);
  return found;
}

/* Under the lock: the block at the address, or the one with bytes there. */
static DebugBlock *debug_around(const MpDebug *b, const void *ptr) {
  DebugBlock *k = (DebugBlock *)mp_map_get(&b->blocks, ptr), *found = NULL;
  const void *key;
  void *value;
  uint32_t at = 0;
  if (k != NULL) return k;
  while (found == NULL && mp_map_next(&b->blocks, &at, &key, &value)) {
    uintptr_t first = (uintptr_t)key - MP_GUARD_HEAD;
    k = (DebugBlock *)value;
    if ((uintptr_t)ptr - first < k->guard.size + MP_GUARD_BOTH) found = k;
  }
  return found;
}

bool mp_debug_explain(MpDomain *home, const MpDomain *d, const void *ptr, MpBuf *out) {
  MpReportFinder who = mp_misuse_finder(d);
  const MpDebug *b;
  DebugBlock *k = NULL;
  MpReportBlock view;
  mp_layer_lock(home);
  for (b = home->debug; b != NULL && k == NULL; b = b->next) k = debug_around(b, ptr);
  if (k != NULL) {
    view = block_view(k);
    if (k->dead)
      mp_report_freed(out, &view, &who);
    else if (k->guard.data != ptr)
      mp_report_interior(out, &view, ptr, &who);
    else
      mp_report_domain(out, &view, d->id, &who);
  }
  mp_layer_unlock(home);
  return k != NULL;
}

void mp_debug_describe(MpDomain *d, void *ptr, const MpSite *type) {
  MpDebug *b;
  DebugBlock *k;
  mp_layer_lock(d->home);
  if (d->id == MP_DOMAIN_RAW && type != NULL && d->home->debug != NULL)
    type = mp_site_intern(mp_raw_sites(), type->text, type->len);
  for (b = d->home->debug; b != NULL; b = b->next) {
    k = (DebugBlock *)mp_map_get(&b->blocks, ptr);
    if (k != NULL && !k->dead) k->type = type;
  }
  mp_layer_unlock(d->home);
}

/* Under the lock: the next damage that wasn't said; false: there is none. */
static bool debug_next(MpDebug *b, const MpReportFinder *who, MpBuf *out) {
  const void *key;
  void *value;
  uint32_t at = 0;
  while (mp_map_next(&b->blocks, &at, &key, &value))
    if (block_judge((DebugBlock *)value, who, out)) return true;
  return false;
}

size_t mp_debug_verify(MpDomain *d) {
  MpReportFinder who = mp_misuse_finder(d);
  MpDebug *b;
  size_t n = 0;
  bool found;
  mp_vm_flush(d->home);
  for (b = d->home->debug; b != NULL; b = b->next) {
    do {
      MpBuf out;
      mp_buf_init(&out, &mp_alloc_system);
      mp_layer_lock(d->home);
      found = debug_next(b, &who, &out);
      mp_layer_unlock(d->home);
      n += found;
      debug_deliver(b, &out);
    } while (found);
  }
  return n + mp_vm_verify(d->home);
}

/* Under the lock: copies of what lives, for the caller to free. */
static MpDebugBlock *debug_copy(MpDomain *home, size_t *n) {
  const MpDebug *b;
  MpDebugBlock *list;
  size_t room = 1;
  *n = 0;
  for (b = home->debug; b != NULL; b = b->next) room += b->blocks.count;
  list = (MpDebugBlock *)calloc(room, sizeof *list);
  for (b = home->debug; b != NULL && list != NULL; b = b->next) {
    const void *key;
    void *value;
    uint32_t at = 0;
    while (mp_map_next(&b->blocks, &at, &key, &value)) {
      const DebugBlock *k = (const DebugBlock *)value;
      MpDebugBlock *to = &list[*n];
      if (k->dead || k->own) continue;
      to->domain = home->id;
      to->serial = k->guard.serial;
      to->ptr = key;
      to->size = k->guard.size;
      to->site = k->site;
      to->type = k->type;
      ++*n;
    }
  }
  return list;
}

MpStatus mp_debug_walk(MpDomain *d, void (*visit)(void *ud, const MpDebugBlock *b), void *ud) {
  MpDebugBlock *list;
  size_t n, i;
  mp_layer_lock(d->home);
  list = debug_copy(d->home, &n);
  mp_layer_unlock(d->home);
  if (list == NULL) return MP_FAIL;
  for (i = 0; i < n; i++) visit(ud, &list[i]);
  free(list);
  return MP_OK;
}

void mp_debug_fini(MpDomain *home) {
  MpDebug *b;
  mp_debug_verify(home);
  while ((b = home->debug) != NULL) {
    const void *key;
    void *value;
    uint32_t at = 0;
    debug_drain(b, 0);
    home->debug = b->next;
    while (mp_map_next(&b->blocks, &at, &key, &value)) free(value);
    mp_map_fini(&b->blocks);
    free(b);
  }
}

/* }===== */
