/*
** misuse.c: looks for an address everywhere that the doors know of: what hooks
** remember, the tables of layers, the heap. Called when it is wrong already, so
** it may take its time.
*/

#include "mem/misuse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem/debug.h"
#include "mem/layer.h"
#include "mem/raw.h"

MpReportFinder mp_misuse_finder(const MpDomain *d) {
  MpReportFinder who = {NULL, NULL};
  if (d->set != NULL) {
    who.site = d->set->here;
    who.verb = d->set->verb;
  }
  return who;
}

static MpReportBlock misuse_block(const void *at, size_t size, MpDomainId domain) {
  MpReportBlock b;
  memset(&b, 0, sizeof b);
  b.guard.data = (char *)(uintptr_t)at;
  b.guard.size = size;
  b.guard.domain = domain;
  return b;
}

/* A block that starts at or before the address, of that domain. */
static bool misuse_say(const MpDomain *d, const void *ptr, const MpReportBlock *b, MpBuf *out) {
  MpReportFinder who = mp_misuse_finder(d);
  if (b->guard.data != ptr)
    mp_report_interior(out, b, ptr, &who);
  else if (b->guard.domain != d->id)
    mp_report_domain(out, b, d->id, &who);
  else
    return false;
  return true;
}

/* A layer's block in which the address lies, of those that count there or the others; false: none. */
static bool misuse_made(MpDomain *home, bool counted, const void *ptr, MpReportBlock *b) {
  const void *key;
  void *value;
  uint32_t at = 0;
  bool found = false;
  mp_layer_lock(home);
  while (!found && mp_map_next(&home->made, &at, &key, &value)) {
    const MpMade *made = (const MpMade *)value;
    size_t offset = (size_t)((uintptr_t)ptr - (uintptr_t)key);
    if (made->vm || made->counted != counted || offset >= made->size) continue;
    *b = misuse_block(key, made->size, home->id);
    found = true;
  }
  mp_layer_unlock(home);
  return found;
}

/* A block of RAW's base, given to another domain. */
static bool misuse_raw(const MpDomain *d, const void *ptr, MpBuf *out) {
  MpRawBlock block;
  MpReportBlock b;
  if (d->id == MP_DOMAIN_RAW || !mp_raw_guess(ptr, &block)) return false;
  b = misuse_block(ptr, block.size, MP_DOMAIN_RAW);
  return misuse_say(d, ptr, &b, out);
}

/* What the heap says. */
static bool misuse_heap(const MpDomain *d, const void *ptr, MpBuf *out) {
  MpReportFinder who = mp_misuse_finder(d);
  MpReportBlock b;
  MpHeapFound found;
  MpHeapPlace place;
  if (d->set == NULL) {
    if (!mp_heap_is_arena(ptr)) return false;
    mp_report_arena(out, ptr, &who);
    return true;
  }
  place = mp_heap_find(d->set->heap, ptr, &found);
  if (place == MP_HEAP_DEAD) {
    mp_report_foreign(out, ptr, d->id, true, &who);
    return true;
  }
  if ((place != MP_HEAP_LIVE && place != MP_HEAP_INTERIOR) || found.label == MP_DOMAIN_RAW)
    return false;
  b = misuse_block(found.block, found.size, (MpDomainId)found.label);
  return misuse_say(d, ptr, &b, out);
}

MpStatus mp_misuse_report(MpDomain *d, const void *ptr, MpBuf *out) {
  MpDomain *homes[MP_DOMAIN_COUNT] = {d->home, mp_raw_domain(), NULL};
  MpReportFinder who = mp_misuse_finder(d);
  MpReportBlock b;
  int n = d->home == mp_raw_domain() ? 1 : 2, i;
  if (d->set != NULL && d->home != &d->set->mem) homes[n++] = &d->set->mem;
  if (d->set != NULL && d->home != &d->set->obj) homes[n++] = &d->set->obj;
  for (i = 0; i < n; i++)
    if (mp_debug_explain(homes[i], d, ptr, out)) return MP_FAIL;
  for (i = 0; i < n; i++) /* the domain that it counts in is its own */
    if (misuse_made(homes[i], true, ptr, &b) && misuse_say(d, ptr, &b, out)) return MP_FAIL;
  for (i = 0; i < n; i++)
    if (misuse_made(homes[i], false, ptr, &b) && misuse_say(d, ptr, &b, out)) return MP_FAIL;
  if (!misuse_heap(d, ptr, out) && !misuse_raw(d, ptr, out))
    mp_report_foreign(out, ptr, d->id, false, &who);
  return MP_FAIL;
}

void mp_misuse_abort(MpDomain *d, const void *ptr) {
  const char *text;
  MpBuf out;
  mp_buf_init(&out, &mp_alloc_system);
  (void)mp_misuse_report(d, ptr, &out);
  text = mp_buf_cstr(&out);
  fprintf(stderr, "%s\n", text != NULL ? text : "moonpool: a block was misused");
  fflush(stderr);
  abort();
}
