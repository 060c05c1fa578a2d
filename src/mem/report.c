/*
** report.c: writes the reports of the hooks and of misused pointers. The
** caller owns the text.
*/

#include "mem/report.h"

#include <string.h>

void mp_report_count(MpBuf *out, size_t n, const char *what) {
  mp_buf_addf(out, "%zu %s%s", n, what, n == 1 ? "" : "s");
}

/* `"struct point[4]" (64 bytes, mem domain)`; without its type: `64 bytes (mem domain)`. */
static void report_what(MpBuf *out, const MpReportBlock *b) {
  const char *domain = mp_domain_name(b->guard.domain);
  if (b->type != NULL) mp_buf_addf(out, "\"%s\" (", b->type->text);
  mp_report_count(out, b->guard.size, "byte");
  mp_buf_addf(out, b->type != NULL ? ", %s domain)" : " (%s domain)", domain);
}

/* `block #1042`, `0x55…` when it has no number. */
static void report_name(MpBuf *out, const MpReportBlock *b) {
  if (b->vm)
    mp_buf_addstr(out, "a block of Lua's own");
  else if (b->guard.serial > 0)
    mp_buf_addf(out, "block #%llu", (unsigned long long)b->guard.serial);
  else
    mp_buf_addf(out, "block %p", (void *)b->guard.data);
}

/* A line: what happened, where (further frames below it), by what. */
static void report_line(MpBuf *out, const char *what, const MpSite *site, const char *verb) {
  const char *at = site != NULL ? site->text : "in C", *end;
  mp_buf_addf(out, "\n  %-9s  ", what);
  end = strchr(at, '\n');
  mp_buf_add(out, at, end != NULL ? (size_t)(end - at) : strlen(at));
  if (verb != NULL) mp_buf_addf(out, ", by %s", verb);
  while (end != NULL) {
    at = end + 1;
    end = strchr(at, '\n');
    mp_buf_addstr(out, "\n             ");
    mp_buf_add(out, at, end != NULL ? (size_t)(end - at) : strlen(at));
  }
}

static void report_lines(MpBuf *out, const MpReportBlock *b, const MpReportFinder *who) {
  if (b->known) report_line(out, "allocated", b->site, NULL);
  if (b->known && b->dead) report_line(out, "freed", b->freed, b->freed_by);
  report_line(out, "found", who->site, who->verb);
}

/* {===== damage ===== */

/* Where a byte is: `tail+0`, `head-1`, `data+3`. */
static void report_place(MpBuf *out, const MpReportBlock *b, ptrdiff_t at) {
  ptrdiff_t size = (ptrdiff_t)b->guard.size;
  if (at < 0)
    mp_buf_addf(out, "head-%td", -at);
  else if (at >= size)
    mp_buf_addf(out, "tail+%td", at - size);
  else
    mp_buf_addf(out, "data+%td", at);
}

#define REPORT_DATA 8

static void report_data(MpBuf *out, const MpReportBlock *b) {
  size_t i;
  if (b->guard.size == 0) return;
  mp_buf_addstr(out, "      data:");
  for (i = 0; i < b->guard.size && i < REPORT_DATA; i++)
    mp_buf_addf(out, " %02x", (unsigned char)b->guard.data[i]);
  if (i < b->guard.size) mp_buf_addstr(out, " …");
}

static void report_flaws(MpBuf *out, const MpReportBlock *b, const MpGuardFlaws *f) {
  size_t i, n = f->n < MP_GUARD_FLAWS ? f->n : MP_GUARD_FLAWS;
  for (i = 0; i < n; i++) {
    mp_buf_addstr(out, "\n  ");
    report_place(out, b, f->list[i].at);
    mp_buf_addf(out, ": 0x%02x, expected 0x%02x", f->list[i].found, f->list[i].expected);
    if (i == 0) report_data(out, b);
  }
  if (f->n > n) mp_buf_addf(out, "\n  … and %zu more", f->n - n);
}

/* How far outside, of what. */
static void report_outside(MpBuf *out, const MpReportBlock *b, const char *what, ptrdiff_t far,
                           const char *side) {
  mp_buf_addf(out, "moonpool: buffer %s in ", what);
  report_name(out, b);
  mp_buf_addstr(out, ": ");
  mp_report_count(out, (size_t)far, "byte");
  mp_buf_addf(out, " %s of ", side);
}

void mp_report_damage(MpBuf *out, const MpReportBlock *b, const MpGuardFlaws *f,
                      const MpReportFinder *who) {
  ptrdiff_t size = (ptrdiff_t)b->guard.size;
  if (b->dead) {
    mp_buf_addstr(out, "moonpool: write after free in ");
    report_name(out, b);
    mp_buf_addstr(out, ": ");
    mp_report_count(out, f->n, "byte");
    mp_buf_addstr(out, " changed of ");
  } else if (f->last >= size) {
    report_outside(out, b, "overflow", f->last - size + 1, "past the end");
  } else {
    report_outside(out, b, "underflow", -f->first, "before the start");
  }
  report_what(out, b);
  report_lines(out, b, who);
  report_flaws(out, b, f);
}

/* }===== */

/* {===== misuse ===== */

void mp_report_freed(MpBuf *out, const MpReportBlock *b, const MpReportFinder *who) {
  bool resize = who->verb != NULL && strstr(who->verb, "realloc") != NULL;
  mp_buf_addstr(out,
                resize ? "moonpool: use after free: realloc of " : "moonpool: double free of ");
  report_name(out, b);
  mp_buf_addstr(out, ": ");
  report_what(out, b);
  report_lines(out, b, who);
}

void mp_report_domain(MpBuf *out, const MpReportBlock *b, MpDomainId asked,
                      const MpReportFinder *who) {
  mp_buf_addstr(out, "moonpool: wrong domain: ");
  report_name(out, b);
  mp_buf_addf(out, " given to the %s domain: ", mp_domain_name(asked));
  report_what(out, b);
  report_lines(out, b, who);
}

void mp_report_interior(MpBuf *out, const MpReportBlock *b, const void *ptr,
                        const MpReportFinder *who) {
  ptrdiff_t at = (const char *)ptr - b->guard.data;
  mp_buf_addf(out, "moonpool: interior pointer: %p is ", (void *)(uintptr_t)ptr);
  mp_report_count(out, (size_t)(at < 0 ? -at : at), "byte");
  mp_buf_addstr(out, at < 0 ? " before the start of " : " inside ");
  report_name(out, b);
  mp_buf_addstr(out, ": ");
  report_what(out, b);
  report_lines(out, b, who);
}

void mp_report_foreign(MpBuf *out, const void *ptr, MpDomainId asked, bool dead,
                       const MpReportFinder *who) {
  void *at = (void *)(uintptr_t)ptr;
  const char *domain = mp_domain_name(asked);
  if (dead)
    mp_buf_addf(out,
                "moonpool: double free of %p: it was freed already, or never given out (%s domain)",
                at, domain);
  else
    mp_buf_addf(out, "moonpool: foreign pointer: %p is no block that moonpool gave out (%s domain)",
                at, domain);
  report_line(out, "found", who->site, who->verb);
}

void mp_report_arena(MpBuf *out, const void *ptr, const MpReportFinder *who) {
  mp_buf_addf(out,
              "moonpool: wrong domain: %p lies in a state's heap, and was given to the raw domain",
              (void *)(uintptr_t)ptr);
  report_line(out, "found", who->site, who->verb);
}

void mp_report_thread(MpBuf *out, const MpReportFinder *who) {
  mp_buf_addstr(out, "moonpool: memory allocator called without holding the state");
  report_line(out, "found", who->site, who->verb);
}

/* }===== */
