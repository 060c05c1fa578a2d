/*
** soname.c: finds versioned libraries, as ldconfig and gcc would without being
** run. Called by dl.c; keeps nothing.
**
** The cache (/etc/ld.so.cache, glibc's sysdeps/generic/dl-cache.h) is a header,
** `nlibs` entries of 24 bytes and the strings that they point to. Every offset
** in it is checked: the file is input like any other.
*/

#include "abi/soname.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_FILE "/etc/ld.so.cache"
#define CACHE_MAGIC "glibc-ld.so.cache1.1"
#define CACHE_OLD "ld.so-1.7.0"
#define CACHE_MOST ((size_t)64 << 20)

/*
** An entry's flags for libraries of this machine; 0: not known here, whatever
** has libc6's.
*/
#if defined(__x86_64__) && defined(__ILP32__)
#define CACHE_FLAGS 0x0803
#elif defined(__x86_64__)
#define CACHE_FLAGS 0x0303
#elif defined(__aarch64__)
#define CACHE_FLAGS 0x0a03
#elif defined(__powerpc64__)
#define CACHE_FLAGS 0x0503
#elif defined(__s390x__)
#define CACHE_FLAGS 0x0403
#elif defined(__riscv) && defined(__riscv_float_abi_double)
#define CACHE_FLAGS 0x1003
#else
#define CACHE_FLAGS 0
#endif

/* Where a linker without a cache looks; musl's order, then multiarch. */
static const char *const usual_folders[] = {"/lib",
                                            "/usr/local/lib",
                                            "/usr/lib",
                                            "/lib64",
                                            "/usr/lib64",
#if defined(__x86_64__)
                                            "/lib/x86_64-linux-gnu",
                                            "/usr/lib/x86_64-linux-gnu",
#elif defined(__aarch64__)
                                            "/lib/aarch64-linux-gnu",
                                            "/usr/lib/aarch64-linux-gnu",
#elif defined(__riscv)
                                            "/lib/riscv64-linux-gnu",
                                            "/usr/lib/riscv64-linux-gnu",
#endif
                                            "/opt/homebrew/lib",
                                            NULL};

/* The best file so far. */
typedef struct Search {
  const char *name; /* sought: lib<name>.so.<version> */
  MpBuf version, path;
} Search;

/* The version behind `lib<name>.so.`, or NULL if `file` is another library's. */
static const char *soname_version(const char *file, const char *name) {
  size_t n = strlen(name);
  if (strncmp(file, "lib", 3) != 0 || strncmp(file + 3, name, n) != 0) return NULL;
  file += 3 + n;
  if (strncmp(file, ".so.", 4) != 0 || !isdigit((unsigned char)file[4])) return NULL;
  return file + 4;
}

/* Compares two versions number by number; a longer one is later. */
static int soname_compare(const char *a, const char *b) {
  while (*a != '\0' && *b != '\0') {
    char *next_a, *next_b;
    unsigned long x = strtoul(a, &next_a, 10), y = strtoul(b, &next_b, 10);
    if (x != y) return x < y ? -1 : 1;
    if (next_a == a || next_b == b) return strcmp(a, b); /* not numbers */
    a = next_a + (*next_a == '.');
    b = next_b + (*next_b == '.');
  }
  return (*a != '\0') - (*b != '\0');
}

/* Notes a file if it's a later version than what is known. */
static void soname_offer(Search *s, const char *file, const char *folder, const char *path) {
  const char *version = soname_version(file, s->name), *known;
  if (version == NULL) return;
  known = s->version.len > 0 ? mp_buf_cstr(&s->version) : NULL;
  if (known != NULL && soname_compare(version, known) <= 0) return;
  s->version.len = s->path.len = 0;
  mp_buf_addstr(&s->version, version);
  if (folder != NULL) mp_buf_addf(&s->path, "%s/", folder);
  mp_buf_addstr(&s->path, path);
}

static void soname_scan(Search *s, const char *folder) {
  DIR *dir = opendir(folder);
  const struct dirent *entry;
  if (dir == NULL) return;
  while ((entry = readdir(dir)) != NULL) soname_offer(s, entry->d_name, folder, entry->d_name);
  closedir(dir);
}

/*
** Folders separated by colons (ld.so(8)); an empty one, the current folder, is
** left out.
*/
static void soname_scan_list(Search *s, const MpAlloc *alloc, const char *list) {
  MpBuf folder;
  mp_buf_init(&folder, alloc);
  while (list != NULL && *list != '\0') {
    size_t n = strcspn(list, ":;");
    const char *text;
    folder.len = 0;
    mp_buf_add(&folder, list, n);
    text = mp_buf_cstr(&folder);
    if (n > 0 && text != NULL) soname_scan(s, text);
    list += n + (list[n] != '\0');
  }
  mp_buf_fini(&folder);
}

bool mp_soname_read(const char *path, size_t most, MpBuf *out) {
  char chunk[4096];
  size_t n;
  FILE *f = fopen(path, "rb");
  bool whole;
  if (f == NULL) return false;
  while ((n = fread(chunk, 1, sizeof chunk, f)) > 0 && out->len <= most) mp_buf_add(out, chunk, n);
  whole = !ferror(f) && out->len <= most && !out->failed;
  fclose(f);
  return whole;
}

static uint32_t cache_u32(const MpBuf *cache, size_t at) {
  uint32_t v;
  memcpy(&v, cache->data + at, sizeof v);
  return v;
}

/*
** Where the new format begins: at once, or behind the old one, aligned to 8;
** (size_t)-1: nowhere.
*/
static size_t cache_start(const MpBuf *cache) {
  size_t start = 0;
  if (cache->len < 48) return (size_t)-1;
  if (memcmp(cache->data, CACHE_OLD, sizeof CACHE_OLD - 1) == 0) {
    start = (16 + (size_t)cache_u32(cache, 12) * 12 + 7) & ~(size_t)7;
    if (start > cache->len - 48) return (size_t)-1;
  }
  return memcmp(cache->data + start, CACHE_MAGIC, sizeof CACHE_MAGIC - 1) == 0 ? start : (size_t)-1;
}

/*
** The string at an offset from the new format's start; NULL when it doesn't
** end in the file.
*/
static const char *cache_string(const MpBuf *cache, size_t start, uint32_t at) {
  size_t from = start + at;
  if (from >= cache->len || memchr(cache->data + from, '\0', cache->len - from) == NULL)
    return NULL;
  return cache->data + from;
}

static void cache_search(Search *s, const MpBuf *cache) {
  size_t start = cache_start(cache), at, end;
  if (start == (size_t)-1) return;
  at = start + 48;
  end = at + (size_t)cache_u32(cache, start + 20) * 24;
  if (end > cache->len) return;
  for (; at < end; at += 24) {
    uint32_t flags = cache_u32(cache, at);
    const char *file = cache_string(cache, start, cache_u32(cache, at + 4));
    const char *path = cache_string(cache, start, cache_u32(cache, at + 8));
    if (CACHE_FLAGS != 0 && flags != CACHE_FLAGS) continue;
    if (file != NULL && path != NULL) soname_offer(s, file, NULL, path);
  }
}

static void soname_ask_cache(Search *s, const MpAlloc *alloc) {
  MpBuf cache;
  mp_buf_init(&cache, alloc);
  if (mp_soname_read(CACHE_FILE, CACHE_MOST, &cache)) cache_search(s, &cache);
  mp_buf_fini(&cache);
}

bool mp_soname_find(const MpAlloc *alloc, const char *name, MpBuf *path) {
  Search s;
  size_t i;
  bool found;
  s.name = name;
  mp_buf_init(&s.version, alloc);
  mp_buf_init(&s.path, alloc);
  soname_scan_list(&s, alloc, getenv("LD_LIBRARY_PATH"));
  if (s.path.len == 0) soname_ask_cache(&s, alloc);
  for (i = 0; s.path.len == 0 && usual_folders[i] != NULL; i++) soname_scan(&s, usual_folders[i]);
  found = s.path.len > 0 && !s.path.failed;
  if (found) mp_buf_add(path, s.path.data, s.path.len);
  mp_buf_fini(&s.version);
  mp_buf_fini(&s.path);
  return found;
}
