/*
** embed_memory.c: moonpool.h's memory domains. Hosts call it; sets of domains
** belong to the engines of states. Nothing here raises: what is wrong with a
** block is said on stderr, and ends the process.
*/

#include "moonpool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call/damage.h"
#include "mem/debug.h"
#include "mem/raw.h"
#include "value/state.h"

_Static_assert(sizeof(moonpool_Allocator) == sizeof(MpAllocator) &&
                   offsetof(moonpool_Allocator, sized) == offsetof(MpAllocator, sized),
               "the public record is the private one");
_Static_assert((int)MOONPOOL_RAW == MP_DOMAIN_RAW && (int)MOONPOOL_MEM == MP_DOMAIN_MEM &&
                   (int)MOONPOOL_OBJ == MP_DOMAIN_OBJ,
               "so are the numbers of domains");

/* {===== doors ===== */

static MP_NORETURN void memory_abort(const char *report) {
  fprintf(stderr, "%s\n", report);
  fflush(stderr);
  abort();
}

/* The domains of the state; NULL when it has no moonpool, or not any more. */
static MpDomains *memory_find(lua_State *L) {
  MpState *E;
  if (L == NULL || !lua_checkstack(L, 1)) return NULL;
  E = mp_state_find(L); /* its key is in the state already where there is an engine */
  return E != NULL ? E->domains : NULL; /* none any more once it has ended */
}

static MpDomain *memory_door(lua_State *L, MpDomainId id) {
  MpDomains *set = memory_find(L);
  if (set == NULL) memory_abort("moonpool: " MP_MSG_NOT_OPEN);
  return mp_domain_of(set, id);
}

/* Aborts with the report unless the block is live and of that domain. */
static void memory_check(MpDomain *d, const void *ptr) {
  const char *text;
  MpBuf report;
  if (ptr == NULL) return;
  mp_buf_init(&report, &mp_alloc_system);
  if (mp_domain_check(d, ptr, &report) != MP_OK) {
    text = mp_buf_cstr(&report);
    memory_abort(text != NULL ? text : "moonpool: a block was misused");
  }
  mp_buf_fini(&report);
}

static void *memory_realloc(MpDomain *d, void *ptr, size_t size) {
  memory_check(d, ptr);
  return mp_domain_realloc(d, ptr, size);
}

static void memory_free(MpDomain *d, void *ptr) {
  memory_check(d, ptr);
  mp_domain_free(d, ptr);
}

/* }===== */

/* {===== the twelve functions ===== */

void *moonpool_raw_malloc(size_t size) { return mp_domain_malloc(mp_raw_domain(), size); }
void *moonpool_raw_calloc(size_t n, size_t size) {
  return mp_domain_calloc(mp_raw_domain(), n, size);
}
void *moonpool_raw_realloc(void *ptr, size_t size) {
  return memory_realloc(mp_raw_domain(), ptr, size);
}
void moonpool_raw_free(void *ptr) { memory_free(mp_raw_domain(), ptr); }

void *moonpool_mem_malloc(lua_State *L, size_t size) {
  return mp_domain_malloc(memory_door(L, MP_DOMAIN_MEM), size);
}
void *moonpool_mem_calloc(lua_State *L, size_t n, size_t size) {
  return mp_domain_calloc(memory_door(L, MP_DOMAIN_MEM), n, size);
}
void *moonpool_mem_realloc(lua_State *L, void *ptr, size_t size) {
  return memory_realloc(memory_door(L, MP_DOMAIN_MEM), ptr, size);
}
void moonpool_mem_free(lua_State *L, void *ptr) { memory_free(memory_door(L, MP_DOMAIN_MEM), ptr); }

void *moonpool_obj_malloc(lua_State *L, size_t size) {
  return mp_domain_malloc(memory_door(L, MP_DOMAIN_OBJ), size);
}
void *moonpool_obj_calloc(lua_State *L, size_t n, size_t size) {
  return mp_domain_calloc(memory_door(L, MP_DOMAIN_OBJ), n, size);
}
void *moonpool_obj_realloc(lua_State *L, void *ptr, size_t size) {
  return memory_realloc(memory_door(L, MP_DOMAIN_OBJ), ptr, size);
}
void moonpool_obj_free(lua_State *L, void *ptr) { memory_free(memory_door(L, MP_DOMAIN_OBJ), ptr); }

/* }===== */

/* {===== allocators ===== */

/* The door of that number; NULL when there is none. */
static MpDomain *memory_domain(lua_State *L, int domain) {
  MpDomains *set = memory_find(L);
  if (domain < 0 || domain >= MP_DOMAIN_COUNT) return NULL;
  return mp_domain_of(set, (MpDomainId)domain);
}

int moonpool_get_allocator(lua_State *L, moonpool_Domain domain, moonpool_Allocator *out) {
  MpDomain *d = memory_domain(L, (int)domain);
  MpAllocator a;
  if (d == NULL) return -1;
  mp_domain_get(d, &a);
  memcpy(out, &a, sizeof a);
  return 0;
}

int moonpool_set_allocator(lua_State *L, moonpool_Domain domain, const moonpool_Allocator *a) {
  MpDomain *d = memory_domain(L, (int)domain);
  MpAllocator copy;
  if (d == NULL || a->malloc == NULL || a->calloc == NULL || a->realloc == NULL || a->free == NULL)
    return -1;
  memcpy(&copy, a, sizeof copy);
  return mp_domain_set(d, &copy, MP_LAYER_C, NULL, NULL) == MP_OK ? 0 : -1;
}

int moonpool_setup_debug_hooks(lua_State *L) {
  MpDebugOptions options = {1, MP_DEBUG_QUARANTINE, false, NULL, NULL};
  MpDomains *set = memory_find(L);
  int id, last = set != NULL ? MP_DOMAIN_OBJ : MP_DOMAIN_RAW;
  if (set != NULL) {
    MpState *E = mp_state_find(L);
    options.frames = E->frames;
    mp_damage_handler(E, &options);
  }
  for (id = MP_DOMAIN_RAW; id <= last; id++)
    if (mp_debug_setup(mp_domain_of(set, (MpDomainId)id), &options) != MP_OK) return -1;
  return 0;
}

/* }===== */
