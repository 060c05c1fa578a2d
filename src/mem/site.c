/*
** site.c: the table of sites and type texts of a set. Called by the floors
** that know Lua; hooks keep what it gives.
*/

#include "mem/site.h"

#include <string.h>

void mp_site_init(MpSites *s, const MpAlloc *alloc) { mp_map_init(&s->map, alloc); }

static size_t site_size(size_t len) { return offsetof(MpSite, text) + len + 1; }

void mp_site_fini(MpSites *s) {
  const void *key;
  void *value;
  uint32_t at = 0;
  while (mp_map_next(&s->map, &at, &key, &value)) {
    MpSite *site = (MpSite *)value;
    mp_alloc_free(s->map.alloc, site, site_size(site->len));
  }
  mp_map_fini(&s->map);
}

typedef struct SiteText {
  const char *text;
  size_t len;
} SiteText;

static bool site_same(const void *stored, const void *sought) {
  const MpSite *site = (const MpSite *)stored;
  const SiteText *t = (const SiteText *)sought;
  return site->len == t->len && memcmp(site->text, t->text, t->len) == 0;
}

const MpSite *mp_site_intern(MpSites *s, const char *text, size_t len) {
  SiteText sought = {text, len};
  uint32_t hash = mp_map_hash(MP_MAP_SEED, text, len);
  MpSite *site = (MpSite *)mp_map_find(&s->map, hash, &sought, site_same);
  if (site != NULL) return site;
  site = (MpSite *)mp_alloc_new(s->map.alloc, site_size(len));
  if (site == NULL) return NULL;
  site->hash = hash;
  site->len = len;
  memcpy(site->text, text, len);
  site->text[len] = '\0';
  if (mp_map_add(&s->map, hash, site, site)) return site;
  mp_alloc_free(s->map.alloc, site, site_size(len));
  return NULL;
}
