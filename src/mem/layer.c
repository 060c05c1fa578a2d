/*
** layer.c: installed allocators and their blocks. Called by doors, hooks and
** Lua's traffic. Layers and records are the C library's memory.
**
** In RAW's home everything here is under its lock but the calls themselves: a
** layer is held on to while a thread is inside, and dropped by whoever leaves last.
*/

#include "mem/layer.h"

#include <stdlib.h>
#include <string.h>

#include "mem/bottom.h"
#include "mem/raw.h"
#include "mem/tally.h"

/* The calls of layers that this thread is in, innermost first. */
static __thread MpLayerCall *calls;

/* The set whose door this thread went through. */
static __thread MpDomains *speaker;

/* The last block that this thread got from RAW inside a layer's call, where no set is that knows. */
static __thread void *given;

void mp_layer_give(void *ptr) {
  if (calls != NULL) given = ptr;
}

bool mp_layer_isgiven(const void *ptr) { return given == ptr; }

MpDomains *mp_layer_speak(MpDomains *set) {
  MpDomains *old = speaker;
  speaker = set;
  return old;
}

MpDomains *mp_layer_speaker(void) { return speaker; }

void mp_layer_lock(const MpDomain *home) {
  if (home->id == MP_DOMAIN_RAW) mp_raw_lock();
}

void mp_layer_unlock(const MpDomain *home) {
  if (home->id == MP_DOMAIN_RAW) mp_raw_unlock();
}

/* {===== layers ===== */

/* Whatever reads `layered` without the lock sees what it must: a block that it holds keeps it set. */
static void layer_note(MpDomain *home) {
  bool layered = home->layers != NULL || home->made.count > 0;
  __atomic_store_n(&home->layered, layered, __ATOMIC_RELEASE);
  if (home->id == MP_DOMAIN_OBJ) mp_domain_note(home->set);
}

/* Under the lock: takes layers without use or block from the list, for layer_bury. */
static MpLayer *layer_reap(MpDomain *home) {
  MpLayer *dead = NULL, **link = &home->layers, *y;
  while ((y = *link) != NULL) {
    if (y->uses > 0 || y->blocks > 0) {
      link = &y->next;
      continue;
    }
    *link = y->next;
    y->next = dead;
    dead = y;
    if (y->below == NULL) continue;
    y->below->uses--;
    link = &home->layers; /* what was below may be out of use now */
  }
  layer_note(home);
  return dead;
}

/* Without the lock: a drop may do anything. */
static void layer_bury(MpLayer *dead) {
  MpLayer *next;
  for (; dead != NULL; dead = next) {
    next = dead->next;
    if (dead->drop != NULL) dead->drop(dead);
    free(dead);
  }
}

/* Unlocks after a change of uses and blocks of `y`. */
static void layer_settle(MpDomain *home, const MpLayer *y) {
  MpLayer *dead = NULL;
  if (y->uses == 0 && y->blocks == 0) dead = layer_reap(home);
  mp_layer_unlock(home);
  layer_bury(dead);
}

/* Is this thread inside a call of the layer? */
static bool layer_isinside(const MpLayer *y) {
  const MpLayerCall *call;
  for (call = calls; call != NULL; call = call->outer)
    if (call->layer == y) return true;
  return false;
}

/* Not inlined: gcc would take the address for one that dangles, which mp_layer_leave prevents. */
__attribute__((noinline)) static void layer_push(MpLayer *y, MpLayerCall *call) {
  y->uses++;
  call->layer = y;
  call->outer = calls;
  calls = call;
}

static bool layer_serves(MpLayer *y, bool vm) {
  bool (*serves)(MpLayer *) = __atomic_load_n(&y->serves, __ATOMIC_ACQUIRE);
  if (y->ended || (vm && y->kind == MP_LAYER_LUA) || layer_isinside(y)) return false;
  if (serves == NULL) return y->kind != MP_LAYER_LUA || y->domain->id != MP_DOMAIN_RAW;
  return serves(y);
}

/* Under the lock. */
static MpLayer *layer_pick(MpLayer *from, bool vm, MpLayerCall *call) {
  while (from != NULL && !layer_serves(from, vm)) from = from->below;
  if (from != NULL) layer_push(from, call);
  return from;
}

MpLayer *mp_layer_enter(MpDomain *home, MpLayer *from, bool vm, MpLayerCall *call) {
  MpLayer *y;
  mp_layer_lock(home);
  y = layer_pick(from, vm, call);
  mp_layer_unlock(home);
  return y;
}

void mp_layer_leave(MpLayerCall *call) {
  MpDomain *home = call->layer->domain;
  calls = call->outer;
  mp_layer_lock(home);
  call->layer->uses--;
  layer_settle(home, call->layer);
}

/* RAW's layers are called by many threads; one that has reasons by its own alone. */
static void layer_clear(MpLayer *y) {
  if (__atomic_load_n(&y->reason, __ATOMIC_RELAXED) != NULL)
    __atomic_store_n(&y->reason, NULL, __ATOMIC_RELAXED);
}

static const char *layer_reason(const MpLayer *y) {
  return __atomic_load_n(&y->reason, __ATOMIC_RELAXED);
}

void *mp_layer_new(MpDomain *home, MpLayer *y, const MpLayerAsk *ask) {
  if (y == NULL) return mp_bottom_new(home, ask->n * ask->each, ask->zero, false);
  layer_clear(y);
  given = NULL;
  return ask->zero ? y->a.calloc(y->a.ctx, ask->n, ask->each) : y->a.malloc(y->a.ctx, ask->each);
}

/* Marks the maker of a block as entered, though this thread may be inside it already; false: it has ended. */
static bool layer_return(MpDomain *home, MpLayer *y, MpLayerCall *call) {
  bool live;
  mp_layer_lock(home);
  live = !y->ended;
  if (live) layer_push(y, call);
  mp_layer_unlock(home);
  return live;
}

void mp_layer_free(MpDomain *home, MpLayer *y, void *ptr) {
  MpLayerCall call;
  if (y == NULL) {
    mp_bottom_free(home, ptr);
  } else if (layer_return(home, y, &call)) {
    y->a.free(y->a.ctx, ptr);
    mp_layer_leave(&call);
  }
}

void mp_layer_hold(MpLayer *y, size_t bytes) {
  if (y == NULL) return;
  mp_layer_lock(y->domain);
  y->blocks++;
  y->bytes += bytes;
  mp_layer_unlock(y->domain);
}

void mp_layer_unhold(MpLayer *y, size_t bytes) {
  if (y == NULL) return;
  mp_layer_lock(y->domain);
  y->blocks--;
  y->bytes -= bytes;
  layer_settle(y->domain, y);
}

/* }===== */

/* {===== the table ===== */

/* Under the lock: who has the block; one that is being resized doesn't. */
static MpMade *made_get(const MpDomain *home, const void *ptr) {
  MpMade *made = (MpMade *)mp_map_get(&home->made, ptr);
  while (made != NULL && made->moving) made = made->under;
  return made;
}

/* Under the lock: takes a record from those of an address. */
static void made_unlink(MpDomain *home, const void *ptr, MpMade *made) {
  MpMade *top = (MpMade *)mp_map_get(&home->made, ptr), **link = &top;
  while (*link != NULL && *link != made) link = &(*link)->under;
  if (*link == NULL) return;
  *link = made->under;
  made->under = NULL;
  if (top == NULL)
    mp_map_remove(&home->made, ptr);
  else if (!mp_map_set(&home->made, ptr, top)) /* needs no room: the address is there */
    mp_assert(false);
  if (home->made.count == 0) layer_note(home);
}

bool mp_layer_find(MpDomain *home, const void *ptr, MpMade *out) {
  const MpMade *made;
  mp_layer_lock(home);
  made = made_get(home, ptr);
  if (made != NULL) *out = *made;
  mp_layer_unlock(home);
  return made != NULL;
}

bool mp_layer_take(MpDomain *home, const void *ptr, MpMade *out) {
  MpMade *made;
  mp_layer_lock(home);
  made = made_get(home, ptr);
  if (made != NULL) {
    made_unlink(home, ptr, made);
    *out = *made;
  }
  mp_layer_unlock(home);
  free(made);
  return made != NULL;
}

/* Under the lock: a place in the table for a block that comes. */
static bool made_expect(MpDomain *home) {
  if (!mp_map_reserve(&home->made, home->coming + 1)) return false;
  home->coming++;
  return true;
}

/* Under the lock: a block came, in the place that was kept for it; false: its address is live. */
static bool made_enter(MpDomain *home, void *ptr, MpMade *made, bool nested) {
  home->coming--;
  if (!nested && made_get(home, ptr) != NULL) return false;
  made->under = (MpMade *)mp_map_get(&home->made, ptr);
  return mp_map_set(&home->made, ptr, made);
}

/* Did the layer get this block by calling its own domain again? Then that isn't counted, nor live elsewhere. */
static bool made_isnested(MpDomain *home, const void *ptr) {
  const MpDomains *set = home->set != NULL ? home->set : speaker;
  if (ptr == NULL) return false;
  if (set != NULL ? set->last != ptr || set->last_door != home : given != ptr) return false;
  mp_layer_uncount(home, ptr);
  return true;
}

/* What a layer returned isn't what it may. */
static const char *made_refuse(const MpDomain *home, const void *ptr) {
  size_t size;
  bool counted;
  if ((uintptr_t)ptr % 16 != 0) return MP_MSG_LAYER_ALIGN;
  if (home->id != MP_DOMAIN_RAW && mp_bottom_find(home, ptr, &size, &counted) && counted)
    return MP_MSG_LAYER_LIVE;
  return NULL;
}

/* A layer's block, which it has made already, enters the table; else it goes back where that is safe. */
static void *made_record(MpDomain *home, MpLayer *y, void *ptr, MpMade *made, const char **why) {
  bool entered = false, nested = made_isnested(home, ptr);
  *why = ptr == NULL ? layer_reason(y) : nested ? NULL : made_refuse(home, ptr);
  mp_layer_lock(home);
  if (ptr == NULL || *why != NULL) {
    home->coming--;
  } else if (made_enter(home, ptr, made, nested)) {
    entered = true;
    y->blocks++;
    y->bytes += made->size;
    layer_note(home);
  } else {
    *why = MP_MSG_LAYER_LIVE;
  }
  mp_layer_unlock(home);
  if (entered) return ptr;
  /* What is live already stays; what is misaligned is the layer's to take back. */
  if (ptr != NULL && (uintptr_t)ptr % 16 != 0) y->a.free(y->a.ctx, ptr);
  return NULL;
}

/* Under the lock, entered: is there a layer to ask? NULL: no, or no memory for the record. */
static MpLayer *make_begin(MpDomain *home, bool vm, const MpMade *made, MpLayerCall *call,
                           bool *asked) {
  MpLayer *y = NULL;
  mp_layer_lock(home);
  if (made != NULL && made_expect(home)) {
    y = layer_pick(home->top, vm, call);
    *asked = y != NULL;
    if (y == NULL) home->coming--;
  }
  mp_layer_unlock(home);
  return y;
}

bool mp_layer_make(MpDomain *home, const MpLayerAsk *ask, void **out, const char **why) {
  MpLayerCall call;
  MpMade *made = (MpMade *)calloc(1, sizeof *made);
  bool asked = true; /* out of memory for the record is a failure */
  MpLayer *y = make_begin(home, ask->vm, made, &call, &asked);
  *out = NULL;
  *why = NULL;
  if (y != NULL) {
    made->layer = y;
    made->size = mp_tally_size(ask->n * ask->each);
    made->counted = true;
    made->vm = ask->vm;
    *out = made_record(home, y, mp_layer_new(home, y, ask), made, why);
    mp_layer_leave(&call);
  }
  if (*out == NULL) free(made);
  return asked;
}

/* The record of a block that its maker is going to resize, marked; its maker is entered. */
static MpMade *resize_begin(MpDomain *home, const void *ptr, MpLayerCall *call) {
  MpMade *made;
  mp_layer_lock(home);
  made = made_get(home, ptr);
  if (made != NULL && made_expect(home)) {
    made->moving = true;
    if (made->layer != NULL) layer_push(made->layer, call);
  } else {
    made = NULL;
  }
  mp_layer_unlock(home);
  return made;
}

/* The block is at `fresh` now (NULL: where it was); what is returned is where it is known. */
static void *resize_end(MpDomain *home, void *ptr, void *fresh, size_t size, MpMade *made) {
  bool nested = made->layer != NULL && made_isnested(home, fresh);
  mp_layer_lock(home);
  if (fresh == NULL) {
    home->coming--;
  } else if (!nested && made_get(home, fresh) != NULL) {
    home->coming--;
    fresh = NULL;
  } else {
    made_unlink(home, ptr, made);
    if (!made_enter(home, fresh, made, true)) mp_assert(false); /* there is room for it */
    if (made->layer != NULL) made->layer->bytes += mp_tally_size(size) - made->size;
    made->size = mp_tally_size(size);
  }
  made->moving = false;
  mp_layer_unlock(home);
  return fresh;
}

void *mp_layer_resize(MpDomain *home, void *ptr, size_t size, const char **why) {
  MpLayerCall call;
  MpMade *made = resize_begin(home, ptr, &call);
  MpLayer *y;
  void *fresh;
  *why = NULL;
  if (made == NULL) return NULL;
  y = made->layer;
  if (y == NULL) return resize_end(home, ptr, mp_bottom_resize(home, ptr, size), size, made);
  layer_clear(y);
  given = NULL;
  fresh = resize_end(home, ptr, y->a.realloc(y->a.ctx, ptr, size), size, made);
  if (fresh == NULL) *why = layer_reason(y);
  mp_layer_leave(&call);
  return fresh;
}

/* A record that says that a block of the base isn't counted. */
static bool made_exempt(MpDomain *home, const void *ptr, size_t size) {
  MpMade *made = (MpMade *)calloc(1, sizeof *made);
  bool done;
  if (made == NULL) return false;
  made->size = size;
  mp_layer_lock(home);
  made->under = (MpMade *)mp_map_get(&home->made, ptr); /* one that is being resized */
  done = mp_map_set(&home->made, ptr, made);
  layer_note(home);
  mp_layer_unlock(home);
  if (!done) free(made);
  return done;
}

bool mp_layer_isexempt(MpDomain *home, const void *ptr, bool take) {
  MpMade *made;
  mp_layer_lock(home);
  made = (MpMade *)mp_map_get(&home->made, ptr);
  while (made != NULL && made->layer != NULL) made = made->under;
  if (made != NULL && take) made_unlink(home, ptr, made);
  mp_layer_unlock(home);
  if (take) free(made);
  return made != NULL;
}

bool mp_layer_uncount(MpDomain *home, const void *ptr) {
  MpMade *made;
  size_t size = 0;
  bool counted = false;
  mp_layer_lock(home);
  made = made_get(home, ptr);
  if (made != NULL) {
    counted = made->counted;
    size = made->size;
    made->counted = false;
  }
  mp_layer_unlock(home);
  if (made == NULL && mp_bottom_find(home, ptr, &size, &counted) && counted)
    counted = made_exempt(home, ptr, size);
  if (counted) mp_tally_add(home, -1, -(ptrdiff_t)size);
  return counted;
}

/* }===== */

/* {===== installing ===== */

static bool layer_same(const MpAllocator *a, const MpAllocator *b) {
  return a->ctx == b->ctx && a->malloc == b->malloc && a->calloc == b->calloc &&
         a->realloc == b->realloc && a->free == b->free;
}

void mp_layer_get(MpDomain *home, MpAllocator *out) {
  const MpLayer *y;
  mp_layer_lock(home);
  y = home->top;
  while (y != NULL && y->ended) y = y->below;
  if (y != NULL) *out = y->a;
  mp_layer_unlock(home);
  if (y == NULL) mp_bottom_get(home, out);
}

/* Under the lock: one that lives and is the same. */
static MpLayer *layer_known(const MpDomain *home, const MpAllocator *a) {
  MpLayer *y = home->layers;
  while (y != NULL && (y->ended || !layer_same(&y->a, a))) y = y->next;
  return y;
}

/* Under the lock: the top is another one, or the base. */
static void layer_settop(MpDomain *home, MpLayer *y) {
  MpLayer *old = home->top;
  if (y != NULL) y->uses++;
  home->top = y;
  if (old != NULL) old->uses--;
}

/* Under the lock: a known one, or `fresh`, which is taken over the top then. */
static MpLayer *layer_install(MpDomain *home, const MpAllocator *a, MpLayer **fresh) {
  MpLayer *y = layer_known(home, a);
  if (y != NULL || *fresh == NULL) return y;
  y = *fresh;
  *fresh = NULL;
  y->below = home->top;
  if (y->below != NULL) y->below->uses++;
  y->next = home->layers;
  home->layers = y;
  return y;
}

MpStatus mp_layer_set(MpDomain *home, const MpAllocator *a, MpLayerKind kind,
                      void (*drop)(MpLayer *y), MpLayer **out) {
  MpAllocator base;
  MpLayer *fresh = NULL, *y = NULL, *dead;
  mp_bottom_get(home, &base);
  if (!layer_same(a, &base)) {
    fresh = (MpLayer *)calloc(1, sizeof *fresh);
    if (fresh == NULL) return MP_FAIL;
    fresh->a = *a;
    fresh->kind = kind;
    fresh->drop = drop;
    fresh->domain = home;
  }
  mp_layer_lock(home);
  y = layer_install(home, a, &fresh);
  layer_settop(home, y);
  dead = layer_reap(home);
  mp_layer_unlock(home);
  layer_bury(dead);
  free(fresh);
  if (out != NULL) *out = y;
  return MP_OK;
}

void mp_layer_end(MpLayer *y) {
  MpDomain *home = y->domain;
  MpLayer *to, *dead;
  mp_layer_lock(home);
  y->ended = true;
  for (to = home->top; to != NULL && to->ended;) to = to->below;
  layer_settop(home, to);
  dead = layer_reap(home);
  mp_layer_unlock(home);
  layer_bury(dead);
}

void mp_layer_pop(MpDomain *home) {
  MpLayer *to, *dead;
  mp_layer_lock(home);
  to = home->top;
  if (to != NULL) to = to->below;
  while (to != NULL && to->ended) to = to->below;
  layer_settop(home, to);
  dead = layer_reap(home);
  mp_layer_unlock(home);
  layer_bury(dead);
}

void mp_layer_fini(MpDomain *home) {
  MpLayer *dead;
  const void *key;
  void *value;
  uint32_t at = 0;
  while (mp_map_next(&home->made, &at, &key, &value)) {
    MpMade *made = (MpMade *)value, *under;
    for (; made != NULL; made = under) {
      under = made->under;
      free(made);
    }
  }
  mp_map_fini(&home->made);
  dead = home->layers;
  home->layers = home->top = NULL;
  layer_bury(dead);
}

/* }===== */
