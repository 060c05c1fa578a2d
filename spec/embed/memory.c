/* memory.c: the memory domains in C. */

#include "host.h"

#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

/* One domain's four functions, with the state bound. */
typedef struct Domain {
  const char *name;
  moonpool_Domain number;
  void *(*malloc)(lua_State *, size_t);
  void *(*calloc)(lua_State *, size_t, size_t);
  void *(*realloc)(lua_State *, void *, size_t);
  void (*free)(lua_State *, void *);
} Domain;

static void *raw_malloc(lua_State *L, size_t n) { return (void)L, moonpool_raw_malloc(n); }
static void *raw_calloc(lua_State *L, size_t n, size_t s) {
  return (void)L, moonpool_raw_calloc(n, s);
}
static void *raw_realloc(lua_State *L, void *p, size_t n) {
  return (void)L, moonpool_raw_realloc(p, n);
}
static void raw_free(lua_State *L, void *p) { (void)L, moonpool_raw_free(p); }

static const Domain domains[] = {
    {"raw", MOONPOOL_RAW, raw_malloc, raw_calloc, raw_realloc, raw_free},
    {"mem", MOONPOOL_MEM, moonpool_mem_malloc, moonpool_mem_calloc, moonpool_mem_realloc,
     moonpool_mem_free},
    {"obj", MOONPOOL_OBJ, moonpool_obj_malloc, moonpool_obj_calloc, moonpool_obj_realloc,
     moonpool_obj_free}};

#define EACH(d) for (const Domain *d = domains; d < domains + 3; d++)

static void contract(lua_State *L) {
  static const size_t sizes[] = {0, 1, 8, 16, 512, 513, 65535, 65536, 65537, 1 << 20};
  EACH(d) {
    size_t i;
    for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      size_t n = sizes[i], k;
      char *p = (char *)d->malloc(L, n), *q = (char *)d->calloc(L, n, 1);
      CHECK(p != NULL && q != NULL && p != q && (uintptr_t)p % 16 == 0 && (uintptr_t)q % 16 == 0);
      for (k = 0; k < n; k++) CHECK(q[k] == 0);
      memset(p, 'p', n);
      p = (char *)d->realloc(L, p, n + 1000);
      CHECK(p != NULL);
      for (k = 0; k < n; k++) CHECK(p[k] == 'p');
      p = (char *)d->realloc(L, p, 0); /* not freed */
      CHECK(p != NULL);
      CHECK(d->realloc(L, p, SIZE_MAX / 2 + 2) == NULL);
      d->free(L, p);
      d->free(L, q);
    }
    CHECK(d->malloc(L, SIZE_MAX) == NULL && d->malloc(L, (size_t)PTRDIFF_MAX + 1) == NULL);
    CHECK(d->calloc(L, SIZE_MAX / 2, 3) == NULL);
    d->free(L, NULL);
    d->free(L, d->realloc(L, NULL, 10));
  }
}

static void test_contract(lua_State *L) { contract(L); }

static void test_contract_under_hooks(lua_State *L) {
  CHECK(moonpool_setup_debug_hooks(L) == 0);
  CHECK(moonpool_setup_debug_hooks(L) == 0);
  contract(L);
}

static void test_contract_on_own_heap(lua_State *host) {
  lua_State *L = moonpool_newstate(NULL);
  contract(L);
  moonpool_close(L);
  (void)host;
}

/* {===== allocators ===== */

typedef struct Wrapped {
  moonpool_Allocator under;
  int live, calls;
} Wrapped;

static void *wrapped_malloc(void *ctx, size_t n) {
  Wrapped *w = (Wrapped *)ctx;
  w->live++, w->calls++;
  return w->under.malloc(w->under.ctx, n);
}
static void *wrapped_calloc(void *ctx, size_t n, size_t s) {
  Wrapped *w = (Wrapped *)ctx;
  w->live++, w->calls++;
  return w->under.calloc(w->under.ctx, n, s);
}
static void *wrapped_realloc(void *ctx, void *p, size_t n) {
  Wrapped *w = (Wrapped *)ctx;
  w->calls++;
  return w->under.realloc(w->under.ctx, p, n);
}
static void wrapped_free(void *ctx, void *p) {
  Wrapped *w = (Wrapped *)ctx;
  w->live--, w->calls++;
  w->under.free(w->under.ctx, p);
}

static void test_allocators(lua_State *L) {
  EACH(d) {
    static Wrapped all[3];
    Wrapped *w = &all[d - domains];
    moonpool_Allocator a = {w, wrapped_malloc, wrapped_calloc, wrapped_realloc, wrapped_free, NULL};
    void *before = d->malloc(L, 100), *inside, *moved;
    PUSHES(L, 0, CHECK(moonpool_get_allocator(L, d->number, &w->under) == 0));
    PUSHES(L, 0, CHECK(moonpool_set_allocator(L, d->number, &a) == 0));
    inside = d->malloc(L, 100);
    CHECK(w->live >= 1);
    moved = d->calloc(L, 10, 10);
    moved = d->realloc(L, moved, 5000);
    CHECK(moved != NULL && w->calls >= 3);
    CHECK(moonpool_set_allocator(L, d->number, &w->under) == 0); /* with blocks live */
    d->free(L, before);
    d->free(L, inside);
    d->free(L, moved);
    CHECK(d->number == MOONPOOL_OBJ || w->live == 0);
  }
}

static void test_scripts_use_them(lua_State *L) {
  static Wrapped w;
  moonpool_Allocator a = {&w, wrapped_malloc, wrapped_calloc, wrapped_realloc, wrapped_free, NULL};
  CHECK(moonpool_get_allocator(L, MOONPOOL_MEM, &w.under) == 0);
  CHECK(moonpool_set_allocator(L, MOONPOOL_MEM, &a) == 0);
  RUN(L, 0, "x = ffi.new 'char[10000]'");
  CHECK(w.live == 1);
  RUN(L, 0, "ffi.release(x)");
  CHECK(w.live == 0);
  CHECK(moonpool_set_allocator(L, MOONPOOL_MEM, &w.under) == 0);
}

static void test_wrong_allocators(lua_State *L) {
  moonpool_Allocator a;
  CHECK(moonpool_get_allocator(L, (moonpool_Domain)3, &a) == -1);
  CHECK(moonpool_get_allocator(L, (moonpool_Domain)-1, &a) == -1);
  CHECK(moonpool_get_allocator(NULL, MOONPOOL_MEM, &a) == -1);
  CHECK(moonpool_get_allocator(NULL, MOONPOOL_RAW, &a) == 0);
  CHECK(moonpool_set_allocator(NULL, MOONPOOL_RAW, &a) == 0);
  CHECK(moonpool_set_allocator(L, (moonpool_Domain)3, &a) == -1);
  a.free = NULL;
  CHECK(moonpool_set_allocator(L, MOONPOOL_MEM, &a) == -1);
}

static void test_hooks_without_a_state(lua_State *L) {
  void *p;
  CHECK(moonpool_setup_debug_hooks(NULL) == 0);
  p = moonpool_raw_malloc(10);
  CHECK(((unsigned char *)p)[0] == 0xCD);
  CHECK(((unsigned char *)p)[10] == 0xFD);
  moonpool_raw_free(p);
  (void)L;
}

/* }===== */

/* {===== misuse ===== */

/* Runs it in another process, which is to abort with a report that has `text` in it. */
static void aborts(void (*misuse)(lua_State *), const char *text) {
  char report[4096];
  int ends[2], status, n;
  pid_t child;
  CHECK(pipe(ends) == 0);
  child = fork();
  if (child == 0) {
    dup2(ends[1], 2);
    misuse(host_open());
    _exit(0);
  }
  close(ends[1]);
  for (n = 0;;) {
    int more = (int)read(ends[0], report + n, sizeof report - 1 - (size_t)n);
    if (more <= 0) break;
    n += more;
  }
  report[n] = '\0';
  close(ends[0]);
  CHECK(waitpid(child, &status, 0) == child);
  if (!WIFSIGNALED(status) || strncmp(report, "moonpool: ", 10) != 0 ||
      strstr(report, text) == NULL) {
    fprintf(stderr, "expected: moonpool: … %s\ngot: %s\n", text, report);
    exit(1);
  }
}

static void wrong_domain(lua_State *L) { moonpool_mem_free(L, moonpool_obj_malloc(L, 10)); }
static void wrong_domain_again(lua_State *L) {
  moonpool_obj_realloc(L, moonpool_mem_malloc(L, 10), 20);
}
static void raw_of_mem(lua_State *L) { moonpool_raw_free(moonpool_mem_malloc(L, 10)); }
static void twice(lua_State *L) {
  void *p = moonpool_mem_malloc(L, 10);
  moonpool_mem_free(L, p);
  moonpool_mem_free(L, p);
}
static void interior(lua_State *L) {
  moonpool_mem_free(L, (char *)moonpool_mem_malloc(L, 100) + 16);
}
static void no_state(lua_State *L) {
  (void)L;
  moonpool_mem_malloc(luaL_newstate(), 10);
}
static void past_the_end(lua_State *L) {
  char *p;
  moonpool_setup_debug_hooks(L);
  p = (char *)moonpool_mem_malloc(L, 10);
  p[10] = 'x';
  moonpool_mem_free(L, p);
}
static void after_free(lua_State *L) {
  char *p;
  moonpool_setup_debug_hooks(L);
  p = (char *)moonpool_mem_malloc(L, 10);
  moonpool_mem_free(L, p);
  p[0] = 'x';
  lua_close(L);
}

static void test_misuse(lua_State *L) {
  aborts(wrong_domain, "domain");
  aborts(wrong_domain_again, "domain");
  aborts(raw_of_mem, "domain");
  aborts(twice, "freed");
  aborts(interior, "inside");
  aborts(no_state, "moonpool is not open in this state");
  (void)L;
}

static void test_damage_under_hooks(lua_State *L) {
  aborts(past_the_end, "buffer overflow");
  aborts(after_free, "after");
  (void)L;
}

/* }===== */

static const HostTest tests[] = {
    {"keeps the contract in each domain", test_contract},
    {"keeps the contract under the debug hooks", test_contract_under_hooks},
    {"keeps the contract in a state on its own heap", test_contract_on_own_heap},
    {"has allocators that are set and set back", test_allocators},
    {"serves scripts by the host's allocator", test_scripts_use_them},
    {"refuses wrong allocators", test_wrong_allocators},
    {"has hooks over RAW without a state", test_hooks_without_a_state},
    {"reports misuse and aborts", test_misuse},
    {"reports damage under the debug hooks", test_damage_under_hooks},
    {NULL, NULL}};

int main(int argc, char **argv) { return host_main(argc, argv, tests); }
