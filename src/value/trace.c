/*
** trace.c: finds the script's lines and interns them. Called around explicit
** calls of the domains; the set of domains keeps the texts.
*/

#include "value/trace.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "mem/debug.h"
#include "type/repr.h"

/* Bytes of a site's text; a deeper one is cut. */
#define TRACE_TEXT 1024

/* "app.lua:17 in function 'load'" of a level that has a line; its length, 0 for others. */
static size_t trace_line(lua_State *L, lua_Debug *ar, char *out, size_t room) {
  int n;
  lua_getinfo(L, "Sln", ar);
  if (ar->currentline <= 0) return 0;
  if (strcmp(ar->what, "main") == 0)
    n = snprintf(out, room, "%s:%d in main chunk", ar->short_src, ar->currentline);
  else if (ar->name != NULL)
    n = snprintf(out, room, "%s:%d in function '%s'", ar->short_src, ar->currentline, ar->name);
  else
    n = snprintf(out, room, "%s:%d in function <%s:%d>", ar->short_src, ar->currentline,
                 ar->short_src, ar->linedefined);
  return n < 0 || (size_t)n >= room ? 0 : (size_t)n;
}

/* The innermost lines of Lua, one below the other; NULL where there are none. */
static const MpSite *trace_site(lua_State *L, MpState *E) {
  char text[TRACE_TEXT];
  size_t len = 0;
  unsigned lines = 0;
  lua_Debug ar;
  int level;
  for (level = 0; lines < E->frames && len + 1 < sizeof text && lua_getstack(L, level, &ar);
       level++) {
    size_t at = lines > 0 ? len + 1 : 0, n = trace_line(L, &ar, text + at, sizeof text - at);
    if (n == 0) continue;
    if (lines++ > 0) text[len] = '\n';
    len = at + n;
  }
  return len > 0 ? mp_site_intern(&E->domains->sites, text, len) : NULL;
}

void mp_trace_tell(lua_State *L, MpState *E, const char *verb) {
  E->asked = true;
  E->domains->here = trace_site(L, E);
  E->domains->verb = verb;
}

void mp_trace_begin(lua_State *L, MpState *E, MpDomain *d, const char *verb) {
  E->asked = true;
  if (MP_UNLIKELY(mp_debug_of(d) != NULL)) mp_trace_tell(L, E, verb);
}

void mp_trace_end(MpState *E) {
  E->asked = false;
  E->domains->here = NULL;
  E->domains->verb = NULL;
}

void mp_trace_describe(MpState *E, MpDomain *d, void *ptr, const MpCtype *ct, size_t size) {
  char length[32];
  MpBuf text;
  const MpSite *site;
  if (MP_LIKELY(mp_debug_of(d) == NULL)) return;
  mp_buf_init(&text, E->obj);
  if (ct->kind == MP_KIND_ARRAY && ct->length == MP_LENGTH_OPEN && ct->item->size > 0) {
    snprintf(length, sizeof length, "[%zu]", size / ct->item->size);
    mp_repr_type(&text, ct->item, length);
  } else {
    mp_repr_type(&text, ct, NULL);
  }
  if (mp_buf_cstr(&text) != NULL) {
    site = mp_site_intern(&E->domains->sites, text.data, text.len);
    if (site != NULL) mp_debug_describe(d, ptr, site);
  }
  mp_buf_fini(&text);
}

void mp_trace_fail(lua_State *L, const MpDomain *d) {
  const char *reason = mp_domain_reason(d);
  mp_state_error(L, "%s", reason[0] != '\0' ? reason : MP_MSG_NOMEM);
}
