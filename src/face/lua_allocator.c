/*
** lua_allocator.c: what serves a domain, as a table `{ctx, malloc, calloc,
** realloc, free}`, both ways. C's functions come as pointers to functions, which
** Lua can call, and go back as the addresses that they are.
*/

#include "face/lua_allocator.h"

#include <string.h>

#include "call/call.h"
#include "call/luaalloc.h"
#include "face/lua_mem.h"
#include "value/cdata.h"
#include "value/toc.h"
#include "value/tolua.h"

typedef void (*Code)(void);

/* {===== get ===== */

/* The types of the four functions, letter by letter: result and parameters; p `void *`, n `size_t`, v `void`. */
static const char *const signatures[MP_LUAALLOC_FUNCTIONS] = {"ppn", "ppnn", "pppn", "vpp"};

static const MpCtype *letter_type(MpState *E, char letter, const MpCtype *pointer) {
  if (letter == 'n') return E->root.prims[sizeof(size_t) == 8 ? MP_PRIM_ULONG : MP_PRIM_UINT];
  return letter == 'v' ? E->root.void_type : pointer;
}

/* Pushes C's function as a pointer of the type that the letters say. */
static void push_code(lua_State *L, MpState *E, const char *letters, const MpCtype *pointer,
                      Code code) {
  const MpCtype *params[4], *ct;
  MpFunction proto;
  MpErr e;
  char *address;
  uint32_t i;
  memset(&proto, 0, sizeof proto);
  proto.params = params;
  proto.nparams = (uint32_t)strlen(letters) - 1;
  for (i = 0; i < proto.nparams; i++) params[i] = letter_type(E, letters[i + 1], pointer);
  if (mp_ctype_function(&E->root, letter_type(E, letters[0], pointer), &proto, &ct, &e) != MP_OK ||
      mp_ctype_pointer(&E->root, ct, &ct, &e) != MP_OK)
    mp_state_raise(L, &e);
  memcpy(&address, &code, sizeof address);
  mp_tolua_pointer(L, E, ct, address, 0);
}

/* Pushes ctx and the four functions of an allocator in C. */
static void push_c(lua_State *L, MpState *E, const MpAllocator *a) {
  const MpCtype *pointer;
  MpErr e;
  if (mp_ctype_pointer(&E->root, E->root.void_type, &pointer, &e) != MP_OK) mp_state_raise(L, &e);
  mp_tolua_pointer(L, E, pointer, (char *)a->ctx, 0);
  push_code(L, E, signatures[MP_LUAALLOC_MALLOC], pointer, (Code)a->malloc);
  push_code(L, E, signatures[MP_LUAALLOC_CALLOC], pointer, (Code)a->calloc);
  push_code(L, E, signatures[MP_LUAALLOC_REALLOC], pointer, (Code)a->realloc);
  push_code(L, E, signatures[MP_LUAALLOC_FREE], pointer, (Code)a->free);
}

/* mem.get_allocator(domain) */
static int allocator_get(lua_State *L) {
  MpState *E = mp_lua_mem_self(L);
  MpDomain *d = mp_lua_mem_domain(L, E, 1);
  int i;
  luaL_checkstack(L, 16, NULL);
  lua_settop(L, 1);
  lua_createtable(L, 0, 5);
  if (!mp_luaalloc_push(L, E, d)) {
    MpAllocator a;
    mp_domain_get(d, &a);
    push_c(L, E, &a);
  }
  for (i = MP_LUAALLOC_FUNCTIONS - 1; i >= 0; i--) lua_setfield(L, 2, mp_luaalloc_names[i]);
  lua_setfield(L, 2, "ctx");
  return 1;
}

/* }===== */

/* {===== set ===== */

/*
** Is the value at idx C's own function? A callback isn't: Lua is behind it,
** and so it is called as Lua's functions are.
*/
static bool is_code(lua_State *L, const MpState *E, int idx, const MpCtype **fn, Code *code) {
  const MpCdata *c = mp_cdata_test(L, E, idx);
  char *address;
  if (mp_call_is(L, idx, fn, code)) {
    lua_pop(L, 1);
    return true;
  }
  if (c == NULL || !mp_ctype_is_function_pointer(c->ct) || mp_cdata_block(c) != NULL) return false;
  *fn = c->ct->item;
  address = mp_cdata_address(c);
  memcpy(code, &address, sizeof *code);
  return true;
}

static bool is_callable(lua_State *L, int idx) {
  if (lua_isfunction(L, idx)) return true;
  if (luaL_getmetafield(L, idx, "__call") == LUA_TNIL) return false;
  lua_pop(L, 1);
  return true;
}

/* Raises unless C can call a `fn` with what the letters say. */
static void check_signature(lua_State *L, int which, const MpCtype *fn) {
  const char *letters = signatures[which];
  const MpFunction *f = fn->u.function;
  bool fits = f->nparams == strlen(letters) - 1 && !f->variadic &&
              (letters[0] == 'v' || fn->item->kind == MP_KIND_POINTER);
  uint32_t i;
  for (i = 0; fits && i < f->nparams; i++)
    fits = letters[i + 1] == 'p'
               ? f->params[i]->kind == MP_KIND_POINTER
               : mp_ctype_is_integer(f->params[i]) && f->params[i]->size == sizeof(size_t);
  if (!fits)
    mp_state_error(L, MP_MSG_ALLOCATOR_TYPE, mp_luaalloc_names[which],
                   mp_state_pushrepr(L, fn, NULL));
}

/* Pushes ctx and the four functions of the table at 2; are they all C's? Then they are in `a`. */
static bool read_table(lua_State *L, const MpState *E, MpAllocator *a) {
  Code codes[MP_LUAALLOC_FUNCTIONS];
  bool all = true;
  int i;
  memset(a, 0, sizeof *a);
  lua_getfield(L, 2, "ctx");
  for (i = 0; i < MP_LUAALLOC_FUNCTIONS; i++) {
    const MpCtype *fn;
    lua_getfield(L, 2, mp_luaalloc_names[i]);
    if (lua_isnil(L, -1)) mp_state_error(L, MP_MSG_ALLOCATOR_LACKS, mp_luaalloc_names[i]);
    if (is_code(L, E, lua_gettop(L), &fn, &codes[i]))
      check_signature(L, i, fn);
    else if (is_callable(L, -1))
      all = false;
    else
      mp_state_error(L, MP_MSG_ALLOCATOR_CALLABLE, mp_luaalloc_names[i], luaL_typename(L, -1));
  }
  if (!all) return false;
  a->malloc = (void *(*)(void *, size_t))codes[MP_LUAALLOC_MALLOC];
  a->calloc = (void *(*)(void *, size_t, size_t))codes[MP_LUAALLOC_CALLOC];
  a->realloc = (void *(*)(void *, void *, size_t))codes[MP_LUAALLOC_REALLOC];
  a->free = (void (*)(void *, void *))codes[MP_LUAALLOC_FREE];
  return true;
}

/* What C gets for the ctx at idx. */
static void *read_ctx(lua_State *L, const MpState *E, int idx) {
  const MpCdata *c = mp_cdata_test(L, E, idx);
  if (lua_isnil(L, idx)) return NULL;
  if (lua_islightuserdata(L, idx)) return lua_touserdata(L, idx);
  if (c == NULL || (c->ct->kind != MP_KIND_POINTER && c->ct->kind != MP_KIND_ARRAY))
    mp_state_error(L, MP_MSG_ALLOCATOR_CTX, mp_toc_describe(L, E, idx));
  mp_cdata_checklive(L, c);
  return mp_cdata_address(c);
}

/* What C's functions need lives as long as the state: the table of mem keeps the values behind `first`. */
static void keep_all(lua_State *L, int first) {
  int i;
  mp_state_pushuv(L, MP_STATE_KEPT);
  for (i = first; i < first + 1 + MP_LUAALLOC_FUNCTIONS; i++) {
    if (lua_isnil(L, i)) continue;
    lua_pushvalue(L, i);
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
  }
  lua_pop(L, 1);
}

/* mem.set_allocator(domain, {ctx=, malloc=, calloc=, realloc=, free=}) */
static int allocator_set(lua_State *L) {
  MpState *E = mp_lua_mem_self(L);
  MpDomain *d = mp_lua_mem_domain(L, E, 1);
  MpAllocator a;
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_checkstack(L, 16, NULL);
  mp_cdata_checkending(L, E);
  lua_settop(L, 2);
  if (!read_table(L, E, &a)) {
    mp_luaalloc_set(L, E, d, 3);
    return 0;
  }
  a.ctx = read_ctx(L, E, 3);
  keep_all(L, 3);
  if (mp_domain_set(d, &a, MP_LAYER_C, NULL, NULL) != MP_OK) mp_state_error(L, MP_MSG_NOMEM);
  return 0;
}

/* }===== */

const luaL_Reg mp_lua_allocator_functions[] = {
    {"get_allocator", allocator_get}, {"set_allocator", allocator_set}, {NULL, NULL}};
