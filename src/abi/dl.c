/*
** dl.c: opens libraries. Called by call/clib and face/lua_clib; a handle
** belongs to who opened it. Memory is taken for names alone and given back.
**
** A name is tried in several ways. Their errors differ in what they tell: that
** a file isn't there says little, that one is there and won't load says all.
*/

#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE 1 /* dlinfo */
#endif

#include "abi/dl.h"

#include <ctype.h>
#include <dlfcn.h>
#include <string.h>
#if defined(__linux__)
#include <link.h>
#endif

#include "abi/soname.h"

const MpDlFlag mp_dl_flags[] = {{"NOW", RTLD_NOW},
                                {"LAZY", RTLD_LAZY},
                                {"GLOBAL", RTLD_GLOBAL},
                                {"LOCAL", RTLD_LOCAL},
#if defined(RTLD_NODELETE)
                                {"NODELETE", RTLD_NODELETE},
#endif
                                {NULL, 0}};

int mp_dl_defaults(void) { return RTLD_NOW | RTLD_LOCAL; }

#define SCRIPT_MOST ((size_t)64 << 10)
#define SCRIPT_DEPTH 5 /* scripts that lead to scripts */

/* One search for a library. */
typedef struct Open {
  const MpAlloc *alloc;
  int flags;
  void *handle;
  MpErr text;   /* the most telling of the linker's texts; "" before the first failure */
  bool telling; /* it says more than that a file isn't there */
} Open;

static bool open_script(Open *o, const char *path, int depth);

/*
** Does the text say only that there is no such file (ENOENT's text, in glibc's
** and musl's frame)?
*/
static bool open_is_missing(const char *text) {
  return strstr(text, "No such file") != NULL || strstr(text, "no such file") != NULL;
}

static void open_note(Open *o, const char *text) {
  bool telling = !open_is_missing(text);
  if (o->text.text[0] != '\0' && (o->telling || !telling)) return;
  (void)mp_err_set(&o->text, "%s", text);
  o->telling = telling;
}

/*
** The file that an error speaks of: glibc's text begins with its path and a
** colon; else what was asked for, if that is a path.
*/
static bool open_culprit(const char *text, const char *name, MpBuf *path) {
  const char *colon = strstr(text, ": ");
  if (text[0] == '/' && colon != NULL) {
    mp_buf_add(path, text, (size_t)(colon - text));
  } else if (name != NULL && strchr(name, '/') != NULL) {
    mp_buf_addstr(path, name);
  } else {
    return false;
  }
  return mp_buf_cstr(path) != NULL;
}

/* Opens this very name; a linker script that stands there is followed. */
static bool open_try(Open *o, const char *name, int depth) {
  const char *text;
  MpErr said; /* a copy, as the linker's own text lasts until the next dlopen */
  MpBuf culprit;
  o->handle = dlopen(name, o->flags);
  if (o->handle != NULL) return true;
  text = dlerror();
  (void)mp_err_set(&said, "%s", text != NULL ? text : "");
  mp_buf_init(&culprit, o->alloc);
  if (depth < SCRIPT_DEPTH && open_culprit(said.text, name, &culprit)) {
    (void)open_script(o, culprit.data, depth + 1);
  }
  mp_buf_fini(&culprit);
  if (o->handle == NULL) open_note(o, said.text);
  return o->handle != NULL;
}

/* {===== linker scripts (ld's manual, "File Commands") ===== */

/*
** The next word at `*at`: a name, or one of "(", ")" and ","; 0 at the end.
** Comments are skipped.
*/
static size_t script_word(const char **at) {
  const char *s = *at;
  for (;;) {
    while (isspace((unsigned char)*s)) s++;
    if (s[0] != '/' || s[1] != '*') break;
    s = strstr(s + 2, "*/");
    if (s == NULL) return 0;
    s += 2;
  }
  *at = s;
  if (*s == '\0') return 0;
  return strchr("(),", *s) != NULL ? 1 : strcspn(s, "(), \t\r\n");
}

static bool script_is(const char *word, size_t n, const char *text) {
  return strlen(text) == n && memcmp(word, text, n) == 0;
}

/*
** A file of a script: -lNAME, a path, or a name beside the script. Archives
** are not for us.
*/
static bool script_open(Open *o, const char *script, const char *word, size_t n, int depth) {
  MpBuf name;
  const char *slash = strrchr(script, '/'), *text;
  bool opened = false;
  if (n > 2 && memcmp(word + n - 2, ".a", 2) == 0) return false;
  mp_buf_init(&name, o->alloc);
  if (n > 2 && memcmp(word, "-l", 2) == 0) {
    mp_buf_addf(&name, "lib%.*s.so", (int)(n - 2), word + 2);
  } else {
    if (word[0] != '/' && slash != NULL) mp_buf_add(&name, script, (size_t)(slash - script) + 1);
    mp_buf_add(&name, word, n);
  }
  text = mp_buf_cstr(&name);
  if (text != NULL) opened = open_try(o, text, depth);
  mp_buf_fini(&name);
  return opened;
}

/* Opens the first file within GROUP ( … ) or INPUT ( … ) that can be. */
static bool script_follow(Open *o, const char *script, const char *at, int depth) {
  int level = 0;
  bool in_list = false;
  size_t n;
  for (; (n = script_word(&at)) > 0; at += n) {
    if (*at == '(') {
      level++;
    } else if (*at == ')') {
      if (--level <= 0) in_list = false;
    } else if (script_is(at, n, "GROUP") || script_is(at, n, "INPUT")) {
      in_list = true;
      level = 0;
    } else if (in_list && level > 0 && *at != ',' && !script_is(at, n, "AS_NEEDED")) {
      if (script_open(o, script, at, n, depth)) return true;
    }
  }
  return false;
}

static bool open_script(Open *o, const char *path, int depth) {
  MpBuf text;
  bool opened = false;
  mp_buf_init(&text, o->alloc);
  if (mp_soname_read(path, SCRIPT_MOST, &text) && text.len > 0 &&
      memchr(text.data, '\0', text.len) == NULL && mp_buf_cstr(&text) != NULL) {
    opened = script_follow(o, path, text.data, depth);
  }
  mp_buf_fini(&text);
  return opened;
}

/* }===== */

/* lib<name>.so, then the versioned one that the system knows. */
static bool open_by_name(Open *o, const char *name) {
  MpBuf file;
  const char *text;
  bool opened = false;
  mp_buf_init(&file, o->alloc);
#if defined(__APPLE__)
  mp_buf_addf(&file, "lib%s.dylib", name);
#else
  mp_buf_addf(&file, "lib%s.so", name);
#endif
  text = mp_buf_cstr(&file);
  if (text != NULL) opened = open_try(o, text, 0);
  file.len = 0;
  if (!opened && mp_soname_find(o->alloc, name, &file)) {
    text = mp_buf_cstr(&file);
    if (text != NULL) opened = open_try(o, text, 0);
  }
  mp_buf_fini(&file);
  return opened;
}

MpStatus mp_dl_open(const MpAlloc *alloc, const char *name, int flags, void **handle, MpErr *e) {
  Open o;
  o.alloc = alloc;
  o.flags = flags & (RTLD_NOW | RTLD_LAZY) ? flags : flags | RTLD_NOW; /* dlopen(3) asks for one */
  o.handle = NULL;
  o.text.text[0] = '\0';
  o.telling = false;
  if (open_try(&o, name, 0) ||
      (name != NULL && name[0] != '\0' && strchr(name, '/') == NULL && open_by_name(&o, name))) {
    *handle = o.handle;
    return MP_OK;
  }
  return mp_err_set(e, MP_MSG_DL_OPEN, name ? name : "",
                    o.text.text[0] ? o.text.text : MP_MSG_NOMEM);
}

/* The path of an open library, as the linker has it. */
static void dl_path(void *handle, const char *name, MpBuf *path) {
#if defined(__linux__)
  struct link_map *map = NULL;
  if (dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map != NULL && map->l_name[0] != '\0') {
    mp_buf_addstr(path, map->l_name);
    return;
  }
#else
  (void)handle;
#endif
  mp_buf_addstr(path, name);
}

MpStatus mp_dl_find(const MpAlloc *alloc, const char *name, MpBuf *path, MpErr *e) {
  void *handle;
  if (mp_dl_open(alloc, name, RTLD_LAZY | RTLD_LOCAL, &handle, e) != MP_OK) return MP_FAIL;
  dl_path(handle, name ? name : "", path);
  dlclose(handle);
  return path->failed ? mp_err_memory(e) : MP_OK;
}

MpStatus mp_dl_symbol(void *handle, const char *symbol, void **address, MpErr *e) {
  const char *text;
  (void)dlerror(); /* an old error isn't this one's */
  *address = dlsym(handle, symbol);
  if (*address != NULL) return MP_OK;
  text = dlerror();
  return mp_err_set(e, MP_MSG_DL_SYMBOL, symbol, text ? text : MP_MSG_DL_NULL);
}

void mp_dl_pin(const void *address) {
#if defined(RTLD_NODELETE) && defined(RTLD_NOLOAD)
  Dl_info info;
  if (dladdr(address, &info) && info.dli_fname != NULL)
    (void)dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
#else
  (void)address;
#endif
}

void mp_dl_close(void *handle) {
  if (handle != NULL) dlclose(handle);
}
