/*
** lua_malloc.c: the four functions of each domain. What they give is a
** `void *` over a block that no finalizer ends: the memory lives until it is
** freed, or the state's close takes the heap. The engine's table of memory
** says which cdata holds an address, so that a pointer which went through C
** ends it too.
*/

#include "face/lua_malloc.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/num.h"
#include "call/damage.h"
#include "face/lua_mem.h"
#include "value/toc.h"
#include "value/trace.h"

#define UP_DOMAIN lua_upvalueindex(3)
#define REPORT 2048 /* bytes of a report; a longer one is cut */

enum { VERB_MALLOC, VERB_CALLOC, VERB_REALLOC, VERB_FREE, VERBS };

static const char *const memory_names[VERBS] = {"malloc", "calloc", "realloc", "free"};

/* How reports call them; mem.malloc is MEM's. */
static const char *const memory_verbs[MP_DOMAIN_COUNT][VERBS] = {
    {"mem.raw.malloc", "mem.raw.calloc", "mem.raw.realloc", "mem.raw.free"},
    {"mem.malloc", "mem.calloc", "mem.realloc", "mem.free"},
    {"mem.obj.malloc", "mem.obj.calloc", "mem.obj.realloc", "mem.obj.free"}};

/* {===== arguments ===== */

bool mp_lua_malloc_size(lua_State *L, const MpState *E, int idx, const char *what, size_t *out) {
  MpInt128 v = 0;
  switch (mp_toc_integer(L, E, idx, &v)) {
    case MP_INTEGER_NOT: mp_state_error(L, MP_MSG_WANT_INTEGER, what, mp_toc_describe(L, E, idx));
    case MP_INTEGER_HUGE: return false;
    case MP_INTEGER_FRACTION: {
      lua_Number x = lua_tonumber(L, idx);
      if (x == floor(x)) return false; /* beyond 128 bits */
      mp_state_error(L, MP_MSG_NO_INTEGER, luaL_tolstring(L, idx, NULL), what);
    }
    case MP_INTEGER_OK: break;
  }
  if (v < 0 || v > (MpInt128)MP_DOMAIN_MAX) return false;
  *out = (size_t)v;
  return true;
}

/* The cdata at idx if it can be freed at all; NULL for light userdata; raises for anything else. */
static const MpCdata *memory_cdata(lua_State *L, const MpState *E, int idx) {
  const MpCdata *c = mp_cdata_test(L, E, idx);
  if (c == NULL && lua_islightuserdata(L, idx)) return NULL;
  if (c == NULL || (c->ct->kind != MP_KIND_POINTER && c->ct->kind != MP_KIND_ARRAY))
    mp_state_error(L, MP_MSG_WANT_POINTER, mp_toc_describe(L, E, idx));
  return c;
}

void *mp_lua_malloc_address(lua_State *L, const MpState *E, int idx) {
  const MpCdata *c;
  luaL_checkany(L, idx);
  if (lua_isnil(L, idx)) return NULL;
  c = memory_cdata(L, E, idx);
  return c != NULL ? mp_cdata_address(c) : lua_touserdata(L, idx);
}

/* }===== */

/* {===== which cdata holds an address ===== */

static void memory_end(lua_State *L, MpState *E, MpBlock *b, int idx);

/*
** Notes that the block on the top holds `p`. One that did before, and whose
** memory C has freed meanwhile, ends; an allocator written in Lua may have got
** `p` from this very domain, and goes on using its own.
*/
static void memory_note(lua_State *L, const MpState *E, const MpDomain *d, const void *p) {
  const MpLayer *top = d->home->top;
  mp_state_pushuv(L, MP_STATE_MEMORY);
  if (lua_rawgetp(L, -1, p) == LUA_TUSERDATA && !(top != NULL && top->kind == MP_LAYER_LUA)) {
    MpBlock *was = mp_cdata_asblock(mp_cdata_test(L, E, -1));
    if (was->own == p && was->own_size == (size_t)d->id && was->loose) {
      was->own = NULL;
      was->head.flags |= MP_CD_RELEASED;
    }
  }
  lua_pushvalue(L, -3);
  lua_rawsetp(L, -3, p);
  lua_pop(L, 2);
}

/* Pushes the block of this domain that holds `p` and returns it; pushes nothing and returns NULL without one. */
static MpBlock *memory_find(lua_State *L, const MpState *E, const MpDomain *d, const void *p) {
  int top = lua_gettop(L);
  mp_state_pushuv(L, MP_STATE_MEMORY);
  if (lua_rawgetp(L, -1, p) == LUA_TUSERDATA) {
    MpBlock *b = mp_cdata_asblock(mp_cdata_test(L, E, -1));
    if (b->own == p && b->own_size == (size_t)d->id && b->loose) {
      lua_remove(L, -2);
      return b;
    }
  }
  lua_settop(L, top);
  return NULL;
}

/* }===== */

/* {===== judging a pointer ===== */

/* The domain's check, its report in `text`. */
static MpStatus check_once(MpState *E, MpDomain *d, const void *ptr, char *text, size_t room) {
  MpBuf report;
  MpStatus status;
  const char *said;
  mp_buf_init(&report, E->obj);
  status = mp_domain_check(d, ptr, &report);
  if (status != MP_OK) {
    said = mp_buf_cstr(&report);
    text[0] = '\0';
    strncat(text, said ? said : MP_MSG_NOMEM, room - 1);
  }
  mp_buf_fini(&report);
  return status;
}

/*
** Damage is said once a block: if a second check finds nothing, it was that,
** and the block may go on. The line is looked up for a report alone.
*/
static void malloc_check(lua_State *L, MpState *E, MpDomain *d, const void *ptr, const char *verb) {
  char text[REPORT];
  bool damage;
  mp_trace_begin(L, E, d, verb);
  if (MP_LIKELY(check_once(E, d, ptr, text, sizeof text) == MP_OK)) {
    mp_trace_end(E);
    return;
  }
  mp_trace_tell(L, E, verb);
  damage = check_once(E, d, ptr, text, sizeof text) == MP_OK;
  mp_trace_end(E);
  if (damage && !mp_damage_found(E, text)) return;
  lua_pushstring(L, text);
  mp_state_raisetop(L);
}

/*
** Is the block known without asking? In RAW without layers nothing but an
** address from elsewhere can be found out, and that takes the system's time.
*/
static bool is_ours(const MpDomain *d, const MpBlock *b, const void *p) {
  return d->id == MP_DOMAIN_RAW && !d->home->layered && b->own == p &&
         b->own_size == MP_DOMAIN_RAW && !(b->head.flags & MP_CD_RELEASED);
}

/*
** Raises unless the value at idx, which isn't nil, is a live block of the
** domain as a whole. Returns its address.
*/
static void *memory_check(lua_State *L, MpState *E, MpDomain *d, int idx, const char *verb) {
  void *p = mp_lua_malloc_address(L, E, idx);
  const MpCdata *c = mp_cdata_test(L, E, idx), *block = c ? mp_cdata_block(c) : NULL;
  if (block == NULL && mp_map_get(&E->objects, p) != NULL)
    mp_state_error(L, MP_MSG_FREE_OWNED, c ? mp_state_pushrepr(L, c->ct, NULL) : "void *");
  while (block != NULL && (block->flags & MP_CD_OVER)) block = mp_cdata_asblock(block)->under;
  if (block == NULL) {
    malloc_check(L, E, d, p, verb);
    return p;
  }
  if ((block->flags & MP_CD_INLINE) || mp_cdata_asblock(block)->end != memory_end)
    mp_state_error(L, MP_MSG_FREE_OWNED, mp_state_pushrepr(L, c->ct, NULL));
  if (is_ours(d, mp_cdata_asblock(block), p)) return p;
  malloc_check(L, E, d, p, verb);
  /* The memory is another's by now, or on its way to the end. */
  if ((block->flags & MP_CD_RELEASED) || mp_cdata_asblock(block)->own == NULL)
    mp_state_error(L, MP_MSG_RELEASED);
  return p;
}

/* }===== */

/* {===== giving and taking ===== */

static void malloc_land(MpState *E) {
  void *p = E->adrift.ptr;
  if (MP_LIKELY(p == NULL)) return;
  E->adrift.ptr = NULL;
  mp_domain_free(E->adrift.domain, p);
}

/* MpBlockEnd: the memory back. */
static void memory_end(lua_State *L, MpState *E, MpBlock *b, int idx) {
  MpDomain *d = mp_domain_of(E->domains, (MpDomainId)b->own_size);
  const char *verb = memory_verbs[d->id][VERB_FREE];
  void *p = b->own;
  bool judged = E->judged == p || is_ours(d, b, p);
  (void)idx;
  if (p == NULL) return; /* never given, or moved */
  b->own = NULL;
  if (!judged) malloc_check(L, E, d, p, verb); /* C may have freed it */
  E->judged = NULL;
  mp_trace_begin(L, E, d, verb);
  mp_domain_free(d, p);
  mp_trace_end(E);
}

/* The domain of the function that is running. */
static MpDomain *memory_self(lua_State *L, MpState **E) {
  *E = mp_lua_mem_self(L);
  malloc_land(*E);
  return mp_domain_of((*E)->domains, (MpDomainId)lua_tointeger(L, UP_DOMAIN));
}

/* nil and why */
static int memory_failed(lua_State *L, const char *why) {
  lua_pushnil(L);
  lua_pushstring(L, why[0] != '\0' ? why : MP_MSG_NOMEM);
  return 2;
}

/* Pushes the cdata that is to hold a block: first, so that nothing is lost if that fails. */
static MpBlock *memory_pushblock(lua_State *L, MpState *E, const MpDomain *d) {
  MpErr e;
  const MpCtype *ct;
  MpBlock *b;
  if (mp_ctype_pointer(&E->root, E->root.void_type, &ct, &e) != MP_OK) mp_state_raise(L, &e);
  b = mp_cdata_pushloose(L, E, ct, memory_end);
  b->own_size = (size_t)d->id;
  return b;
}

/* The block on the top holds `p`, if that isn't NULL; returns the results. */
static int memory_give(lua_State *L, MpState *E, MpDomain *d, MpBlock *b, void *p, size_t size) {
  if (p == NULL) return memory_failed(L, mp_domain_reason(d));
  E->adrift.ptr = p;
  E->adrift.domain = d;
  memory_note(L, E, d, p);
  b->own = p;
  b->to = (char *)p;
  b->size = size;
  E->adrift.ptr = NULL;
  return 1;
}

/* }===== */

/* {===== the functions ===== */

static int memory_new(lua_State *L, MpState *E, MpDomain *d, size_t size, int verb) {
  MpBlock *b = memory_pushblock(L, E, d);
  void *p;
  mp_trace_begin(L, E, d, memory_verbs[d->id][verb]);
  p = mp_domain_malloc(d, size);
  mp_trace_end(E);
  return memory_give(L, E, d, b, p, size);
}

/* mem.malloc(size) */
static int memory_malloc(lua_State *L) {
  MpState *E;
  MpDomain *d = memory_self(L, &E);
  size_t size;
  if (!mp_lua_malloc_size(L, E, 1, "size", &size)) return memory_failed(L, MP_MSG_SIZE_RANGE);
  return memory_new(L, E, d, size, VERB_MALLOC);
}

/* mem.calloc(nelem, elsize) */
static int memory_calloc(lua_State *L) {
  MpState *E;
  MpDomain *d = memory_self(L, &E);
  size_t n, each, size;
  MpBlock *b;
  void *p;
  /* Both are looked at: what is no size is an error wherever it stands. */
  bool fits = mp_lua_malloc_size(L, E, 1, "nelem", &n);
  if (!mp_lua_malloc_size(L, E, 2, "elsize", &each) || !fits || !mp_num_mul(n, each, &size) ||
      size > MP_DOMAIN_MAX)
    return memory_failed(L, MP_MSG_SIZE_RANGE);
  b = memory_pushblock(L, E, d);
  mp_trace_begin(L, E, d, memory_verbs[d->id][VERB_CALLOC]);
  p = mp_domain_calloc(d, n, each);
  mp_trace_end(E);
  return memory_give(L, E, d, b, p, size);
}

/* mem.realloc(p, size): the old cdata ends, unless it fails */
static int memory_realloc(lua_State *L) {
  MpState *E;
  MpDomain *d = memory_self(L, &E);
  MpBlock *old, *b;
  size_t size;
  int results;
  void *p = mp_lua_malloc_address(L, E, 1);
  bool fits = mp_lua_malloc_size(L, E, 2, "size", &size);
  const char *verb = memory_verbs[d->id][VERB_REALLOC];
  lua_settop(L, 2);
  if (p == NULL)
    return fits ? memory_new(L, E, d, size, VERB_REALLOC) : memory_failed(L, MP_MSG_SIZE_RANGE);
  p = memory_check(L, E, d, 1, verb);
  if (!fits) return memory_failed(L, MP_MSG_SIZE_RANGE);
  old = memory_find(L, E, d, p);
  if (old != NULL && old->pins > 0) return memory_failed(L, MP_MSG_IN_USE);
  b = memory_pushblock(L, E, d);
  mp_damage_await(E);
  mp_trace_begin(L, E, d, verb);
  p = mp_domain_realloc(d, p, size);
  mp_trace_end(E);
  if (p == NULL || old == NULL) {
    results = memory_give(L, E, d, b, p, size);
    mp_damage_raise(L, E);
    return results;
  }
  old->own = NULL;                   /* it has moved, */
  old->head.flags |= MP_CD_RELEASED; /* and is over even if the next step fails */
  results = memory_give(L, E, d, b, p, size);
  old->head.flags &= (uint16_t)~MP_CD_RELEASED;
  mp_cdata_release(L, E, &old->head, 3);
  mp_damage_raise(L, E);
  return results;
}

/* mem.free(p) */
static int memory_free(lua_State *L) {
  MpState *E;
  MpDomain *d = memory_self(L, &E);
  const char *verb = memory_verbs[d->id][VERB_FREE];
  void *p;
  MpBlock *b;
  luaL_checkany(L, 1);
  if (mp_lua_malloc_address(L, E, 1) == NULL) return 0;
  p = memory_check(L, E, d, 1, verb);
  b = memory_find(L, E, d, p);
  mp_damage_await(E);
  if (b != NULL) {
    E->judged = p;
    mp_cdata_release(L, E, &b->head, -1);
    E->judged = NULL; /* C may be using it: that end comes later */
  } else {
    mp_trace_begin(L, E, d, verb);
    mp_domain_free(d, p);
    mp_trace_end(E);
  }
  mp_damage_raise(L, E);
  return 0;
}

static const lua_CFunction memory_functions[VERBS] = {memory_malloc, memory_calloc, memory_realloc,
                                                      memory_free};

void mp_lua_malloc_push(lua_State *L, MpState *E, MpDomainId id) {
  int i;
  lua_createtable(L, 0, VERBS);
  for (i = 0; i < VERBS; i++) {
    mp_state_pushspace(L, E, &E->root);
    lua_pushinteger(L, id);
    mp_state_pushclosure(L, memory_functions[i], 2);
    lua_setfield(L, -2, memory_names[i]);
  }
}

/* }===== */
