/*
** stats.c: numbers and reports over a whole set. Called by the floors that
** know Lua; a list belongs to the caller.
*/

#include "mem/stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem/report.h"

/* {===== statistics ===== */

/* The heap of Lua's hooked blocks is a part of the whole. */
static void stats_merge(MpHeapStats *to, const MpHeapStats *from) {
  int i;
  to->reserved += from->reserved;
  to->allocated += from->allocated;
  to->rounding += from->rounding;
  to->available += from->available;
  to->unused += from->unused;
  to->metadata += from->metadata;
  to->large += from->large;
  to->nlarge += from->nlarge;
  for (i = 0; i < to->nclasses && i < from->nclasses; i++) {
    to->classes[i].slabs += from->classes[i].slabs;
    to->classes[i].used += from->classes[i].used;
    to->classes[i].free += from->classes[i].free;
  }
}

void mp_stats_take(MpDomains *d, MpStats *out) {
  MpHeapStats hooks;
  int i;
  memset(out, 0, sizeof *out);
  for (i = 0; i < MP_DOMAIN_COUNT; i++)
    mp_domain_counts(mp_domain_of(d, (MpDomainId)i), &out->of[i]);
  mp_heap_stats(d->heap, &out->heap);
  if (d->vm.hooks == NULL) return;
  mp_heap_stats(d->vm.hooks, &hooks);
  stats_merge(&out->heap, &hooks);
}

void mp_stats_text(const MpStats *s, MpBuf *out) {
  const MpHeapStats *h = &s->heap;
  int i;
  mp_buf_addf(out, "%-8s %10s %14s %14s %12s %10s\n", "domain", "blocks", "bytes", "peak", "calls",
              "failures");
  for (i = 0; i < MP_DOMAIN_COUNT; i++) {
    const MpDomainCounts *c = &s->of[i];
    mp_buf_addf(out, "%-8s %10zu %14zu %14zu %12zu %10zu\n", mp_domain_name((MpDomainId)i),
                c->blocks, c->bytes, c->peak, c->calls, c->failures);
  }
  mp_buf_addf(out,
              "\nheap %24s\n  %-12s %14zu\n  %-12s %14zu\n  %-12s %14zu\n  %-12s %14zu\n"
              "  %-12s %14zu\n  %-12s %14zu\n  %-12s %14zu\n",
              "bytes", "allocated", h->allocated, "rounding", h->rounding, "available",
              h->available, "unused", h->unused, "metadata", h->metadata, "large", h->large,
              "reserved", h->reserved);
  mp_buf_addf(out, "\n%-8s %10s %14s %14s\n", "class", "slabs", "used", "free");
  for (i = 0; i < h->nclasses; i++) {
    const MpHeapClass *c = &h->classes[i];
    if (c->slabs > 0 || c->used > 0)
      mp_buf_addf(out, "%-8zu %10zu %14zu %14zu\n", c->size, c->slabs, c->used, c->free);
  }
}

size_t mp_stats_resident(void) {
  unsigned long size, resident = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  if (f == NULL) return 0;
  if (fscanf(f, "%lu %lu", &size, &resident) != 2) resident = 0;
  fclose(f);
  return (size_t)resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* }===== */

/* {===== groups ===== */

void mp_stats_fini(MpStatsGroups *g) {
  mp_alloc_free(g->alloc, g->list, g->cap * sizeof *g->list);
  g->list = NULL;
  g->n = g->cap = 0;
}

/* A new group, zeroed; NULL for want of memory. */
static MpStatsGroup *groups_push(MpStatsGroups *g) {
  MpStatsGroup *fresh;
  if (g->n == g->cap) {
    size_t cap = g->cap ? g->cap * 2 : 16;
    fresh = (MpStatsGroup *)mp_alloc_resize(g->alloc, g->list, g->cap * sizeof *fresh,
                                            cap * sizeof *fresh);
    if (fresh == NULL) return NULL;
    g->list = fresh;
    g->cap = cap;
  }
  fresh = &g->list[g->n++];
  memset(fresh, 0, sizeof *fresh);
  return fresh;
}

/* Collects blocks, each a group of its own; they are joined when all are sorted. */
typedef struct GroupsVisit {
  MpStatsGroups *to;
  bool failed;
} GroupsVisit;

static void groups_visit(void *ud, const MpDebugBlock *b) {
  GroupsVisit *v = (GroupsVisit *)ud;
  MpStatsGroup *group = v->failed ? NULL : groups_push(v->to);
  if (group == NULL) {
    v->failed = true;
    return;
  }
  group->domain = b->domain;
  group->site = b->site;
  group->type = b->type;
  group->blocks = 1;
  group->bytes = b->size;
  group->serials[0] = b->serial;
}

static int groups_text(const MpSite *a, const MpSite *b) {
  if (a == b) return 0;
  if (a == NULL || b == NULL) return a == NULL ? -1 : 1;
  return strcmp(a->text, b->text);
}

/* By domain, site and type: what belongs together. */
static int groups_kin(const MpStatsGroup *a, const MpStatsGroup *b) {
  int c;
  if (a->domain != b->domain) return a->domain < b->domain ? -1 : 1;
  c = groups_text(a->site, b->site);
  return c != 0 ? c : groups_text(a->type, b->type);
}

static int groups_bykin(const void *x, const void *y) {
  const MpStatsGroup *a = (const MpStatsGroup *)x, *b = (const MpStatsGroup *)y;
  int c = groups_kin(a, b);
  if (c != 0) return c;
  return a->serials[0] < b->serials[0] ? -1 : a->serials[0] > b->serials[0];
}

static int groups_bysize(const void *x, const void *y) {
  const MpStatsGroup *a = (const MpStatsGroup *)x, *b = (const MpStatsGroup *)y;
  if (a->bytes != b->bytes) return a->bytes > b->bytes ? -1 : 1;
  if (a->blocks != b->blocks) return a->blocks > b->blocks ? -1 : 1;
  return groups_bykin(x, y);
}

static void groups_sort(MpStatsGroups *g, int (*order)(const void *, const void *)) {
  if (g->n > 1) qsort(g->list, g->n, sizeof *g->list, order);
}

/* Joins neighbours of a list that is sorted by kin. */
static void groups_join(MpStatsGroups *g) {
  size_t i, n = 0;
  for (i = 0; i < g->n; i++) {
    const MpStatsGroup *from = &g->list[i];
    MpStatsGroup *to = n > 0 ? &g->list[n - 1] : NULL;
    if (to == NULL || groups_kin(to, from) != 0) {
      g->list[n++] = *from;
      continue;
    }
    if (to->blocks < MP_STATS_SERIALS) to->serials[to->blocks] = from->serials[0];
    to->blocks++;
    to->bytes += from->bytes;
  }
  g->n = n;
}

MpStatus mp_stats_groups(MpDomains *d, const MpAlloc *alloc, MpStatsGroups *out) {
  GroupsVisit v = {out, false};
  int i;
  memset(out, 0, sizeof *out);
  out->alloc = alloc;
  for (i = 0; i < MP_DOMAIN_COUNT && !v.failed; i++)
    if (mp_debug_walk(mp_domain_of(d, (MpDomainId)i), groups_visit, &v) != MP_OK) v.failed = true;
  if (v.failed) {
    mp_stats_fini(out);
    return MP_FAIL;
  }
  groups_sort(out, groups_bykin);
  groups_join(out);
  groups_sort(out, groups_bysize);
  return MP_OK;
}

static const MpStatsGroup *groups_find(const MpStatsGroups *g, const MpStatsGroup *kin) {
  size_t i;
  for (i = 0; i < g->n; i++)
    if (groups_kin(&g->list[i], kin) == 0) return &g->list[i];
  return NULL;
}

/* What a group of `b` has more than its kin in `a`; false: nothing. */
static bool groups_grew(const MpStatsGroup *b, const MpStatsGroup *a, MpStatsGroup *out) {
  *out = *b;
  if (a == NULL) return true;
  if (b->blocks <= a->blocks && b->bytes <= a->bytes) return false;
  out->blocks = b->blocks > a->blocks ? b->blocks - a->blocks : 0;
  out->bytes = b->bytes > a->bytes ? b->bytes - a->bytes : 0;
  return true;
}

MpStatus mp_stats_compare(const MpStatsGroups *a, const MpStatsGroups *b, const MpAlloc *alloc,
                          MpStatsGroups *out) {
  MpStatsGroup grown, *to;
  size_t i;
  memset(out, 0, sizeof *out);
  out->alloc = alloc;
  for (i = 0; i < b->n; i++) {
    if (!groups_grew(&b->list[i], groups_find(a, &b->list[i]), &grown)) continue;
    to = groups_push(out);
    if (to == NULL) {
      mp_stats_fini(out);
      return MP_FAIL;
    }
    *to = grown;
  }
  groups_sort(out, groups_bysize);
  return MP_OK;
}

/* }===== */

/* {===== the exit report ===== */

/* `2 × struct point (128 bytes)`; the size is left out where `char[64]` says it. */
static void leaks_what(const MpStatsGroup *g, MpBuf *out) {
  char said[32];
  const char *end = g->type != NULL ? strrchr(g->type->text, '[') : NULL;
  snprintf(said, sizeof said, "[%zu]", g->bytes);
  mp_buf_addf(out, "%zu × %s", g->blocks, g->type != NULL ? g->type->text : "block");
  if (g->blocks == 1 && end != NULL && strcmp(end, said) == 0) return;
  mp_buf_addstr(out, " (");
  mp_report_count(out, g->bytes, "byte");
  mp_buf_addchar(out, ')');
}

/* The innermost line. */
static int leaks_where(const MpStatsGroup *g, const char **text) {
  *text = g->site != NULL ? g->site->text : "in C";
  return (int)strcspn(*text, "\n");
}

/* How wide the two columns are, in bytes. */
static void leaks_widths(const MpStatsGroups *g, MpBuf *scratch, int *what, int *where) {
  const char *text;
  size_t i;
  *what = *where = 0;
  for (i = 0; i < g->n; i++) {
    size_t start = scratch->len;
    int width = leaks_where(&g->list[i], &text);
    leaks_what(&g->list[i], scratch);
    if (width > *where) *where = width;
    if ((int)(scratch->len - start) > *what) *what = (int)(scratch->len - start);
    scratch->len = start;
  }
}

static void leaks_line(const MpStatsGroup *g, MpBuf *out, int what, int where) {
  const char *text;
  int width = leaks_where(g, &text);
  size_t i, start;
  mp_buf_addstr(out, "\n  ");
  start = out->len;
  leaks_what(g, out);
  mp_buf_addf(out, "%*s   %.*s%*s  ", what - (int)(out->len - start), "", width, text,
              where - width, "");
  for (i = 0; i < g->blocks && i < MP_STATS_SERIALS; i++)
    mp_buf_addf(out, " #%llu", (unsigned long long)g->serials[i]);
  if (i < g->blocks) mp_buf_addstr(out, " …");
}

void mp_stats_leaks(const MpStatsGroups *g, MpBuf *out) {
  size_t i, blocks = 0, bytes = 0;
  int what, where;
  for (i = 0; i < g->n; i++) {
    blocks += g->list[i].blocks;
    bytes += g->list[i].bytes;
  }
  if (blocks == 0) return;
  mp_buf_addstr(out, "moonpool: ");
  mp_report_count(out, blocks, "block");
  mp_buf_addstr(out, " not freed, ");
  mp_report_count(out, bytes, "byte");
  leaks_widths(g, out, &what, &where);
  for (i = 0; i < g->n; i++) leaks_line(&g->list[i], out, what, where);
}

/* }===== */
