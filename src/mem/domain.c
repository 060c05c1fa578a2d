/*
** domain.c: sets and their doors. Called by everything that allocates; a set
** belongs to the engine of a state, or is the heap behind a whole state.
*/

#include "mem/domain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "mem/bottom.h"
#include "mem/debug.h"
#include "mem/layer.h"
#include "mem/misuse.h"
#include "mem/raw.h"
#include "mem/tally.h"
#include "mem/vm.h"

/* {===== sets ===== */

static void door_init(MpDomain *d, MpDomains *set, MpDomainId id) {
  d->alloc.resize = mp_domain_resize;
  d->alloc.ud = d;
  d->id = id;
  d->set = set;
  d->home = id == MP_DOMAIN_RAW ? mp_raw_domain() : d;
  mp_map_init(&d->made, &mp_alloc_system);
}

MpDomains *mp_domain_newset(void) {
  MpDomains *set = (MpDomains *)calloc(1, sizeof *set);
  if (set == NULL) return NULL;
  set->heap = mp_heap_new(NULL);
  if (set->heap == NULL) {
    free(set);
    return NULL;
  }
  door_init(&set->raw, set, MP_DOMAIN_RAW);
  door_init(&set->mem, set, MP_DOMAIN_MEM);
  door_init(&set->obj, set, MP_DOMAIN_OBJ);
  mp_site_init(&set->sites, &mp_alloc_system);
  mp_domain_enter(set);
  return set;
}

void mp_domain_freeset(MpDomains *set) {
  if (set == NULL) return;
  set->collect = NULL;
  mp_vm_release(&set->obj);
  mp_debug_fini(&set->mem);
  mp_debug_fini(&set->obj);
  mp_vm_fini(set);
  mp_layer_fini(&set->mem);
  mp_layer_fini(&set->obj);
  mp_heap_free(set->heap);
  mp_site_fini(&set->sites);
  free(set);
}

/* Who makes Lua's blocks: hooks over the base have a short way, over a C layer they are one. */
static MpVmKind set_target(const MpDomains *set) {
  const MpLayer *y = set->obj.top;
  bool hooks = false;
  for (; y != NULL; y = y->below) {
    if (y->ended || y->kind == MP_LAYER_LUA) continue;
    if (y->kind == MP_LAYER_C) return MP_VM_LAYER;
    hooks = true;
  }
  return hooks ? MP_VM_HOOKED : MP_VM_PLAIN;
}

void mp_domain_note(MpDomains *set) {
  MpDomainVm *vm = &set->vm;
  vm->target = set_target(set);
  vm->slow =
      set->obj.layered || vm->hooked > 0 || vm->former != NULL || set->limit > 0 || set->nomemory;
  vm->pure = vm->target == MP_VM_HOOKED && vm->plain == 0 && vm->made == 0 && vm->former == NULL &&
             set->limit == 0 && !set->nomemory;
}

void mp_domain_enter(MpDomains *set) { set->thread = pthread_self(); }

MpDomain *mp_domain_of(MpDomains *set, MpDomainId id) {
  if (set == NULL) return id == MP_DOMAIN_RAW ? mp_raw_domain() : NULL;
  return id == MP_DOMAIN_RAW ? &set->raw : id == MP_DOMAIN_MEM ? &set->mem : &set->obj;
}

const char *mp_domain_name(MpDomainId id) {
  static const char *const names[MP_DOMAIN_COUNT] = {"raw", "mem", "obj"};
  return names[id];
}

void mp_domain_counts(const MpDomain *d, MpDomainCounts *out) {
  const MpDomainCounts *t = &d->home->tally;
  out->blocks = __atomic_load_n(&t->blocks, __ATOMIC_RELAXED);
  out->bytes = __atomic_load_n(&t->bytes, __ATOMIC_RELAXED);
  out->peak = __atomic_load_n(&t->peak, __ATOMIC_RELAXED);
  out->calls = __atomic_load_n(&t->calls, __ATOMIC_RELAXED);
  out->failures = __atomic_load_n(&t->failures, __ATOMIC_RELAXED);
  if (d->id == MP_DOMAIN_OBJ) out->blocks += d->set->vm.plain + d->set->vm.hooked;
}

size_t mp_domain_total(MpDomains *set) {
  size_t raw = mp_tally_bytes(mp_raw_domain());
  return set == NULL ? raw : raw + mp_tally_bytes(&set->mem) + mp_tally_bytes(&set->obj);
}

void mp_domain_setlimit(MpDomains *set, size_t bytes) {
  set->limit = bytes;
  mp_domain_note(set);
}

void mp_domain_setnomemory(MpDomains *set, uint64_t start, uint64_t stop) {
  set->nomemory = true;
  set->fail_from = start;
  set->fail_to = stop;
  set->asked = 0;
  mp_domain_note(set);
}

void mp_domain_removenomemory(MpDomains *set) {
  set->nomemory = false;
  mp_domain_note(set);
}

/* }===== */

/* {===== may the call go on? ===== */

const char *mp_domain_reason(const MpDomain *d) { return d->set != NULL ? d->set->reason : ""; }

static void door_say(MpDomain *d, const char *why) {
  if (d->set != NULL && why != NULL) snprintf(d->set->reason, sizeof d->set->reason, "%s", why);
}

bool mp_domain_injects(MpDomains *set) {
  if (!set->nomemory) return false;
  set->asked++;
  return set->asked > set->fail_from && (set->fail_to == 0 || set->asked <= set->fail_to);
}

bool mp_domain_exceeds(MpDomains *set, size_t more) {
  size_t total = mp_domain_total(set);
  return set->limit > 0 && (total > set->limit || more > set->limit - total);
}

/* Runs the collector, unless it runs; false: there is none to run. */
static bool door_collect(MpDomain *d) {
  MpDomains *set = d->set;
  if (set == NULL || set->collect == NULL || set->collecting) return false;
  set->collecting = true;
  set->collect(set->collect_ud);
  set->collecting = false;
  return true;
}

/* Neither injected to fail nor beyond the limit. */
static bool door_admits(MpDomain *d, size_t more, bool collects) {
  MpDomains *set = d->set;
  if (set == NULL) return true;
  set->reason[0] = '\0';
  if (mp_domain_injects(set)) {
    door_say(d, MP_MSG_INJECTED);
    return false;
  }
  if (!mp_domain_exceeds(set, more) ||
      (collects && door_collect(d) && !mp_domain_exceeds(set, more)))
    return true;
  snprintf(set->reason, sizeof set->reason, MP_MSG_LIMIT, set->limit);
  return false;
}

/* }===== */

/* {===== the four functions ===== */

static bool door_layered(const MpDomain *home) {
  return __atomic_load_n(&home->layered, __ATOMIC_ACQUIRE);
}

/* A layer got the block that it returns from another door of the set: it is counted here alone. */
static void door_claim(MpDomain *d, const void *ptr) {
  MpDomains *set = d->set;
  if (set == NULL) return;
  if (set->last == ptr && set->last_door != d->home) mp_layer_uncount(set->last_door, ptr);
  if (d->id != MP_DOMAIN_RAW && mp_layer_isgiven(ptr)) mp_layer_uncount(mp_raw_domain(), ptr);
  set->last = NULL;
}

static void door_lasts(MpDomain *d, void *ptr) {
  if (d->set == NULL) {
    mp_layer_give(ptr);
    return;
  }
  d->set->last = ptr;
  d->set->last_door = d->home;
}

/* A layer said why it failed: no collection helps, and it is asked once. */
static bool door_said(const MpDomain *d) { return mp_domain_reason(d)[0] != '\0'; }

static void *door_try(MpDomain *d, const MpLayerAsk *ask) {
  const char *why = NULL;
  void *ptr = NULL;
  bool asked = false;
  if (door_layered(d->home)) {
    MpDomains *was = mp_layer_speak(d->set);
    if (d->set != NULL) d->set->last = NULL;
    asked = mp_layer_make(d->home, ask, &ptr, &why);
    mp_layer_speak(was);
  }
  if (!asked) return mp_bottom_new(d->home, ask->n * ask->each, ask->zero, true);
  if (ptr != NULL)
    door_claim(d, ptr);
  else
    door_say(d, why);
  return ptr;
}

static void *door_new(MpDomain *d, const MpLayerAsk *ask, bool collects) {
  size_t size = ask->n * ask->each;
  void *ptr = NULL;
  if (door_admits(d, size, collects)) {
    ptr = door_try(d, ask);
    if (ptr == NULL && collects && !door_said(d) && door_collect(d)) ptr = door_try(d, ask);
  }
  mp_tally_call(d->home, ptr == NULL);
  if (ptr == NULL) return NULL;
  mp_tally_add(d->home, 1, (ptrdiff_t)mp_tally_size(size));
  door_lasts(d, ptr);
  return ptr;
}

static void *door_refuse(MpDomain *d) {
  door_say(d, MP_MSG_SIZE_RANGE);
  mp_tally_call(d->home, true);
  return NULL;
}

void *mp_domain_malloc(MpDomain *d, size_t size) {
  MpLayerAsk ask = {1, size, false, false};
  return size > MP_DOMAIN_MAX ? door_refuse(d) : door_new(d, &ask, true);
}

void *mp_domain_calloc(MpDomain *d, size_t nelem, size_t elsize) {
  MpLayerAsk ask = {nelem, elsize, true, false};
  size_t size;
  return mp_num_mul(nelem, elsize, &size) ? door_new(d, &ask, true) : door_refuse(d);
}

/* The layer has ended, or serves nobody any more: the block's bytes go to a new one; it is lost. */
static void *door_rescue(MpDomain *d, void *ptr, size_t size, const MpMade *made) {
  MpLayerAsk ask = {1, size, false, false};
  MpMade old;
  void *fresh = door_try(d, &ask);
  if (fresh == NULL) return NULL;
  memcpy(fresh, ptr, made->size < size ? made->size : size);
  if (mp_layer_take(d->home, ptr, &old)) mp_layer_unhold(old.layer, old.size);
  return fresh;
}

/* By the layer that made it. */
static void *door_relay(MpDomain *d, void *ptr, size_t size) {
  MpDomains *was = mp_layer_speak(d->set);
  const char *why;
  void *fresh;
  if (d->set != NULL) d->set->last = NULL;
  fresh = mp_layer_resize(d->home, ptr, size, &why);
  mp_layer_speak(was);
  if (fresh != NULL)
    door_claim(d, fresh);
  else
    door_say(d, why);
  return fresh;
}

/* By whoever made it; `*old` is its size so far, `*counted` whether the numbers have it. */
static void *door_move(MpDomain *d, void *ptr, size_t size, size_t *old, bool *counted) {
  MpDomain *home = d->home;
  MpMade made;
  if (!door_layered(home) || !mp_layer_find(home, ptr, &made)) {
    if (!mp_bottom_find(home, ptr, old, counted)) mp_misuse_abort(d, ptr);
    return mp_bottom_resize(home, ptr, size);
  }
  *old = made.size;
  *counted = made.counted;
  if (made.layer != NULL && made.layer->ended) return door_rescue(d, ptr, size, &made);
  return door_relay(d, ptr, size);
}

static void *door_resize(MpDomain *d, void *ptr, size_t size, bool collects) {
  size_t now = mp_tally_size(size), old = mp_domain_size(d, ptr);
  bool counted = true;
  void *fresh = NULL;
  if (door_admits(d, now > old ? now - old : 0, collects)) {
    fresh = door_move(d, ptr, size, &old, &counted);
    if (fresh == NULL && collects && !door_said(d) && door_collect(d))
      fresh = door_move(d, ptr, size, &old, &counted);
  }
  mp_tally_call(d->home, fresh == NULL);
  if (fresh == NULL) return NULL;
  if (counted) mp_tally_add(d->home, 0, (ptrdiff_t)now - (ptrdiff_t)old);
  door_lasts(d, fresh);
  return fresh;
}

void *mp_domain_realloc(MpDomain *d, void *ptr, size_t size) {
  if (ptr == NULL) return mp_domain_malloc(d, size);
  return size > MP_DOMAIN_MAX ? door_refuse(d) : door_resize(d, ptr, size, true);
}

void mp_domain_free(MpDomain *d, void *ptr) {
  MpDomain *home = d->home;
  MpMade made;
  size_t size;
  bool counted;
  if (ptr == NULL) return;
  if (d->set != NULL && d->set->last == ptr) d->set->last = NULL;
  if (door_layered(home) && mp_layer_take(home, ptr, &made)) {
    MpDomains *was = mp_layer_speak(d->set);
    if (made.counted) mp_tally_add(home, -1, -(ptrdiff_t)made.size);
    mp_layer_free(home, made.layer, ptr);
    mp_layer_unhold(made.layer, made.size);
    mp_layer_speak(was);
    return;
  }
  if (!mp_bottom_find(home, ptr, &size, &counted)) mp_misuse_abort(d, ptr);
  if (counted) mp_tally_add(home, -1, -(ptrdiff_t)size);
  mp_bottom_free(home, ptr);
}

void *mp_domain_resize(void *door, void *ptr, size_t osize, size_t nsize) {
  MpDomain *d = (MpDomain *)door;
  MpLayerAsk ask = {1, nsize, false, false};
  bool data = d->id == MP_DOMAIN_MEM; /* records are made in the middle of things: no collector */
  void *fresh;
  (void)osize;
  if (nsize == 0) {
    if (ptr != NULL && d->id != MP_DOMAIN_RAW) d->own--;
    mp_domain_free(d, ptr);
    return NULL;
  }
  if (nsize > MP_DOMAIN_MAX) return door_refuse(d);
  if (d->set != NULL) d->set->records = d->id == MP_DOMAIN_OBJ;
  fresh = ptr == NULL ? door_new(d, &ask, data) : door_resize(d, ptr, nsize, data);
  if (d->set != NULL) d->set->records = false;
  if (fresh != NULL && ptr == NULL && d->id != MP_DOMAIN_RAW) d->own++;
  return fresh;
}

/* }===== */

/* {===== what is known of a block ===== */

size_t mp_domain_size(MpDomain *d, const void *ptr) {
  MpMade made;
  size_t size;
  bool counted;
  if (door_layered(d->home) && mp_layer_find(d->home, ptr, &made)) return made.size;
  return mp_bottom_find(d->home, ptr, &size, &counted) ? size : 0;
}

/* Is it a live block of the base, whatever the address? */
static bool door_knows(const MpDomain *home, const void *ptr, bool *counted) {
  MpRawBlock block;
  size_t size;
  if (home->id != MP_DOMAIN_RAW) return mp_bottom_find(home, ptr, &size, counted);
  if (!mp_raw_guess(ptr, &block)) return false;
  *counted = block.counted;
  return true;
}

/* Is it a block of a layer of `home` that counts there: not under another domain's? */
static bool door_made(MpDomain *home, const void *ptr) {
  MpMade made;
  return door_layered(home) && mp_layer_find(home, ptr, &made) && made.counted;
}

/* A layer of another domain made its block of this one, and hasn't given it back: it isn't the caller's. */
static bool door_lent(const MpDomain *d, const void *ptr) {
  int id;
  if (d->set == NULL || door_made(d->home, ptr)) return false;
  for (id = 0; id < MP_DOMAIN_COUNT; id++)
    if (id != (int)d->id && door_made(mp_domain_of(d->set, (MpDomainId)id)->home, ptr)) return true;
  return false;
}

MpStatus mp_domain_check(MpDomain *d, const void *ptr, MpBuf *out) {
  MpDomain *home = d->home;
  MpMade made;
  bool counted;
  if (ptr == NULL) return MP_OK;
  if (mp_debug_checkthread(d, out) != MP_OK) return MP_FAIL;
  if (door_lent(d, ptr)) return mp_misuse_report(d, ptr, out);
  if (door_layered(home) && mp_layer_find(home, ptr, &made))
    return made.vm ? mp_misuse_report(d, ptr, out) : mp_debug_check(d, ptr, out);
  if (!mp_debug_isstrict(d) && door_knows(home, ptr, &counted) &&
      (counted || !mp_debug_isinner(home, ptr)))
    return MP_OK;
  return mp_misuse_report(d, ptr, out);
}

/* }===== */

/* {===== layers ===== */

void mp_domain_get(MpDomain *d, MpAllocator *out) { mp_layer_get(d->home, out); }

MpStatus mp_domain_set(MpDomain *d, const MpAllocator *a, MpLayerKind kind,
                       void (*drop)(MpLayer *y), MpLayer **out) {
  if (mp_debug_is(a)) kind = MP_LAYER_DEBUG;
  return mp_layer_set(d->home, a, kind, drop, out);
}

void mp_domain_serve(MpLayer *y, bool (*serves)(MpLayer *y)) {
  __atomic_store_n(&y->serves, serves, __ATOMIC_RELEASE);
}

void mp_domain_end(MpLayer *y) { mp_layer_end(y); }

/* }===== */

/* {===== Lua's own traffic ===== */

void mp_domain_adopt(MpDomains *set, void *(*f)(void *ud, void *ptr, size_t osize, size_t nsize),
                     void *ud, const void *last) {
  set->vm.former = f;
  set->vm.former_ud = ud;
  set->vm.last = last;
  mp_domain_note(set);
}

void *mp_domain_luaalloc(void *ud, void *ptr, size_t osize, size_t nsize) {
  MpDomains *set = (MpDomains *)ud;
  MpDomainCounts *t = &set->obj.tally;
  void *fresh;
  if (MP_UNLIKELY(set->vm.slow)) return mp_vm_resize(set, ptr, osize, nsize);
  fresh = mp_heap_resize(set->heap, ptr, osize, nsize);
  if (nsize == 0) {
    if (ptr != NULL) set->vm.plain--, t->bytes -= osize;
    return NULL;
  }
  t->calls++;
  if (MP_UNLIKELY(fresh == NULL)) {
    t->failures++;
    return NULL;
  }
  if (ptr == NULL)
    set->vm.plain++, t->bytes += nsize;
  else
    t->bytes += nsize - osize;
  if (t->bytes > t->peak) t->peak = t->bytes;
  return fresh;
}

/* }===== */
