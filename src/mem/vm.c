/*
** vm.c: the longer way of Lua's own traffic. Called by mp_domain_luaalloc.
** Nothing here may run Lua: the stack may be half moved.
*/

#include "mem/vm.h"

#include <stdlib.h>
#include <string.h>

#include "mem/debug.h"
#include "mem/guard.h"
#include "mem/layer.h"
#include "mem/misuse.h"
#include "mem/raw.h"
#include "mem/report.h"
#include "mem/tally.h"

#define VM_RING 256 /* dead blocks that wait at most */
#define VM_SHARE 64 /* of the hooks' quarantine: what keeps the caches of the machine warm */

typedef struct VmDead {
  char *data;
  size_t size;
} VmDead;

struct MpVmRing {
  VmDead dead[VM_RING];
  unsigned first, n;
  size_t held, limit; /* bytes */
};

/* {===== damage ===== */

static MpGuard vm_guard(void *data, size_t size) {
  MpGuard g = {(char *)data, size, MP_DOMAIN_OBJ, 0}; /* Lua's own have no serial */
  return g;
}

/* The hooks that look after Lua's blocks: the newest of the domain. */
static const MpDebug *vm_hooks(const MpDomains *set) { return set->obj.debug; }

/* Kept until a handler may run; said at once where there is none. */
static void vm_say(MpDomains *set, MpBuf *report) {
  const MpDebug *b = vm_hooks(set);
  if (mp_debug_options(b)->handler == NULL) mp_debug_say(b, report);
  if (set->vm.late == NULL && mp_buf_cstr(report) != NULL) set->vm.late = strdup(report->data);
}

void mp_vm_flush(MpDomain *home) {
  MpDomains *set = home->set;
  MpBuf out;
  if (set == NULL || set->vm.late == NULL) return;
  mp_buf_init(&out, &mp_alloc_system);
  mp_buf_addstr(&out, set->vm.late);
  free(set->vm.late);
  set->vm.late = NULL;
  mp_debug_say(vm_hooks(set), &out);
  mp_buf_fini(&out);
}

static void vm_report(MpDomains *set, const MpGuard *g, bool dead) {
  MpGuardFlaws flaws;
  MpReportFinder who = mp_misuse_finder(&set->obj);
  MpReportBlock view;
  MpBuf out;
  memset(&view, 0, sizeof view);
  view.guard = *g;
  view.vm = true;
  view.dead = dead;
  if (dead)
    mp_guard_finddead(g, &flaws);
  else
    mp_guard_find(g, &flaws);
  mp_buf_init(&out, &mp_alloc_system);
  mp_report_damage(&out, &view, &flaws, &who);
  vm_say(set, &out);
  mp_buf_fini(&out);
}

/* }===== */

/* {===== the quarantine ===== */

/* Verifies the oldest, and gives it back. */
static void ring_pop(MpDomains *set) {
  struct MpVmRing *r = set->vm.ring;
  VmDead *d = &r->dead[r->first];
  MpGuard g = vm_guard(d->data, d->size);
  if (MP_UNLIKELY(mp_guard_stirred(&g))) vm_report(set, &g, true);
  r->first = (r->first + 1) % VM_RING;
  r->n--;
  r->held -= d->size + MP_GUARD_BOTH;
  mp_heap_resize(set->vm.hooks, d->data - MP_GUARD_HEAD, d->size + MP_GUARD_BOTH, 0);
}

static void ring_push(MpDomains *set, char *data, size_t size) {
  struct MpVmRing *r = set->vm.ring;
  VmDead *d;
  if (r->n == VM_RING) ring_pop(set);
  d = &r->dead[(r->first + r->n) % VM_RING];
  d->data = data;
  d->size = size;
  r->n++;
  r->held += size + MP_GUARD_BOTH;
  while (r->held > r->limit && r->n > 0) ring_pop(set);
}

/* The heap and the ring, once. */
static bool ring_open(MpDomains *set) {
  MpDomainVm *vm = &set->vm;
  if (vm->hooks == NULL) vm->hooks = mp_heap_new(NULL);
  if (vm->hooks != NULL && vm->ring == NULL)
    vm->ring = (struct MpVmRing *)calloc(1, sizeof *vm->ring);
  if (vm->ring == NULL) return false;
  vm->ring->limit = mp_debug_options(vm_hooks(set))->quarantine / VM_SHARE;
  return true;
}

size_t mp_vm_verify(MpDomain *home) {
  MpDomains *set = home->id == MP_DOMAIN_OBJ ? home->set : NULL;
  struct MpVmRing *r = set != NULL ? set->vm.ring : NULL;
  unsigned i;
  size_t n = 0;
  for (i = 0; r != NULL && i < r->n; i++) {
    const VmDead *d = &r->dead[(r->first + i) % VM_RING];
    MpGuard g = vm_guard(d->data, d->size);
    if (!mp_guard_stirred(&g)) continue;
    vm_report(set, &g, true);
    mp_guard_kill(&g); /* said */
    mp_vm_flush(home);
    n++;
  }
  return n;
}

void mp_vm_setlimit(MpDomain *home, size_t bytes) {
  MpDomains *set = home->id == MP_DOMAIN_OBJ ? home->set : NULL;
  if (set != NULL && set->vm.ring != NULL) set->vm.ring->limit = bytes / VM_SHARE;
}

void mp_vm_release(MpDomain *home) {
  MpDomains *set = home->id == MP_DOMAIN_OBJ ? home->set : NULL;
  if (set == NULL || set->vm.ring == NULL) return;
  while (set->vm.ring->n > 0) ring_pop(set);
  mp_vm_flush(home);
}

void mp_vm_fini(MpDomains *set) {
  free(set->vm.ring);
  free(set->vm.late);
  if (set->vm.hooks != NULL) mp_heap_free(set->vm.hooks);
}

/* }===== */

/* {===== one block ===== */

/* Who made this one. */
static MpVmKind vm_maker(const MpDomains *set, const char *ptr, size_t osize) {
  const MpDomainVm *vm = &set->vm;
  const MpMade *made;
  if (vm->made > 0 && (made = (const MpMade *)mp_map_get(&set->obj.made, ptr)) != NULL && made->vm)
    return MP_VM_LAYER;
  if (vm->hooked > 0 && ((vm->plain == 0 && vm->former == NULL) ||
                         mp_heap_has(vm->hooks, ptr - MP_GUARD_HEAD, osize + MP_GUARD_BOTH)))
    return MP_VM_HOOKED;
  if (vm->former != NULL && !mp_heap_has(set->heap, ptr, osize)) return MP_VM_FORMER;
  return MP_VM_PLAIN;
}

static void *vm_hook(MpDomains *set, size_t size) {
  MpGuard g;
  char *inner;
  if (MP_UNLIKELY(set->vm.ring == NULL) && !ring_open(set)) return NULL;
  inner = (char *)mp_heap_resize(set->vm.hooks, NULL, 0, size + MP_GUARD_BOTH);
  if (inner == NULL) return NULL;
  g = vm_guard(inner + MP_GUARD_HEAD, size);
  mp_guard_open(&g, false);
  set->vm.hooked++;
  return g.data;
}

static void vm_unhook(MpDomains *set, void *ptr, size_t size) {
  MpGuard g = vm_guard(ptr, size);
  if (MP_UNLIKELY(mp_guard_damaged(&g))) vm_report(set, &g, false);
  mp_guard_kill(&g);
  ring_push(set, g.data, size);
  set->vm.hooked--;
}

static void *vm_layer(MpDomains *set, size_t size) {
  MpLayerAsk ask = {1, size, false, true};
  const char *why;
  void *ptr;
  set->vm.inside = true;
  if (!mp_layer_make(&set->obj, &ask, &ptr, &why)) ptr = NULL;
  set->vm.inside = false;
  if (ptr == NULL) return NULL;
  set->vm.made++;
  set->obj.tally.blocks++;
  return ptr;
}

static void vm_unlayer(MpDomains *set, void *ptr) {
  MpMade made;
  if (!mp_layer_take(&set->obj, ptr, &made)) return;
  set->vm.inside = true;
  mp_layer_free(&set->obj, made.layer, ptr);
  set->vm.inside = false;
  mp_layer_unhold(made.layer, made.size);
  set->vm.made--;
  set->obj.tally.blocks--;
}

/* A new block, in the numbers but for its bytes. */
static void *vm_new(MpDomains *set, size_t tag, size_t size) {
  void *ptr;
  switch (set->vm.target) {
    case MP_VM_LAYER: return vm_layer(set, size);
    case MP_VM_HOOKED: return vm_hook(set, size);
    default:
      ptr = mp_heap_resize(set->heap, NULL, tag, size);
      if (ptr != NULL) set->vm.plain++;
      return ptr;
  }
}

static void vm_free(MpDomains *set, MpVmKind maker, void *ptr, size_t size) {
  if (maker == MP_VM_FORMER) {
    bool last = ptr == set->vm.last;
    set->vm.former(set->vm.former_ud, ptr, size, 0);
    if (last) mp_domain_freeset(set);
    return;
  }
  set->obj.tally.bytes -= size;
  if (maker == MP_VM_LAYER) {
    vm_unlayer(set, ptr);
  } else if (maker == MP_VM_HOOKED) {
    vm_unhook(set, ptr, size);
    if (set->vm.hooked == 0) mp_domain_note(set);
  } else {
    mp_heap_resize(set->heap, ptr, size, 0);
    if (--set->vm.plain == 0) mp_domain_note(set);
  }
}

/* }===== */

static bool vm_admits(MpDomains *set, size_t more) {
  if (MP_LIKELY(!set->nomemory && set->limit == 0)) return true;
  return more == 0 || (!mp_domain_injects(set) && !mp_domain_exceeds(set, more));
}

/* A block of a maker gets another size, NULL: it stays as it is. Its bytes are counted here. */
static void *vm_move(MpDomains *set, MpVmKind maker, void *ptr, size_t osize, size_t nsize) {
  MpDomainCounts *t = &set->obj.tally;
  void *fresh;
  if (maker == MP_VM_PLAIN && set->vm.target == MP_VM_PLAIN) {
    fresh = mp_heap_resize(set->heap, ptr, osize, nsize);
    if (fresh != NULL) t->bytes += nsize - osize;
    return fresh;
  }
  fresh = vm_new(set, 0, nsize);
  if (fresh == NULL) return NULL;
  t->bytes += nsize;
  memcpy(fresh, ptr, osize < nsize ? osize : nsize);
  vm_free(set, maker, ptr, osize);
  return fresh;
}

/* A block that only hooks have to do with, in the numbers. */
static void *hooked_new(MpDomains *set, size_t size) {
  MpDomainCounts *t = &set->obj.tally;
  void *fresh = vm_hook(set, size);
  t->calls++;
  if (MP_UNLIKELY(fresh == NULL)) {
    t->failures++;
    return NULL;
  }
  t->bytes += size;
  if (t->bytes > t->peak) t->peak = t->bytes;
  return fresh;
}

static void *hooked_free(MpDomains *set, void *ptr, size_t size) {
  set->obj.tally.bytes -= size;
  vm_unhook(set, ptr, size);
  return NULL;
}

/* Hooks are on and all of Lua's blocks have them: the way that has to be short. */
static void *hooked_resize(MpDomains *set, void *ptr, size_t osize, size_t nsize) {
  void *fresh;
  if (ptr == NULL) return nsize > 0 ? hooked_new(set, nsize) : NULL;
  if (nsize == 0) return hooked_free(set, ptr, osize);
  fresh = hooked_new(set, nsize);
  if (fresh == NULL) return NULL;
  memcpy(fresh, ptr, osize < nsize ? osize : nsize);
  hooked_free(set, ptr, osize);
  return fresh;
}

void *mp_vm_resize(MpDomains *set, void *ptr, size_t osize, size_t nsize) {
  MpDomainCounts *t = &set->obj.tally;
  void *fresh = NULL;
  if (MP_LIKELY(set->vm.pure)) return hooked_resize(set, ptr, osize, nsize);
  if (nsize == 0) {
    if (ptr != NULL) vm_free(set, vm_maker(set, (const char *)ptr, osize), ptr, osize);
    return NULL;
  }
  t->calls++;
  if (ptr == NULL && vm_admits(set, nsize)) {
    fresh = vm_new(set, osize, nsize);
    if (fresh != NULL) t->bytes += nsize;
  } else if (ptr != NULL && vm_admits(set, nsize > osize ? nsize - osize : 0)) {
    fresh = vm_move(set, vm_maker(set, (const char *)ptr, osize), ptr, osize, nsize);
  }
  if (fresh == NULL) t->failures++;
  if (t->bytes > t->peak) t->peak = t->bytes;
  return fresh;
}
