/*
** clib.c: names of an open library. `ffi.C` and what `ffi.dlopen` returns. The
** engine owns the handle and closes it when the state ends; the collector
** never does, since C may hold pointers into the library.
*/

#include "call/clib.h"

#include <string.h>

#include "call/call.h"
#include "value/toc.h"
#include "value/tolua.h"

/* Fields of a library's metatable. */
#define CLIB_VARIABLES 1 /* declaration → block over the variable; library → its own block */
#define CLIB_INSTANCE 2

/* {===== finding ===== */

MpLib *mp_clib_test(lua_State *L, MpState *E, int idx) {
  MpLib *lib;
  if (lua_type(L, idx) != LUA_TTABLE || !lua_getmetatable(L, idx)) return NULL;
  lua_rawgetp(L, -1, E);
  lib = (MpLib *)lua_touserdata(L, -1);
  lua_pop(L, 2);
  return lib;
}

static MpLib *clib_check(lua_State *L, MpState *E, int idx) {
  MpLib *lib = mp_clib_test(L, E, idx);
  if (lib == NULL) mp_state_error(L, MP_MSG_WANT_LIBRARY, mp_toc_describe(L, E, idx));
  if (E->closed) mp_state_error(L, MP_MSG_CLOSED);
  if (lib->closed) mp_state_error(L, MP_MSG_LIB_CLOSED, lib->name);
  return lib;
}

/* Pushes the instance whose names the library at idx has. */
static void push_instance(lua_State *L, int idx) {
  lua_getmetatable(L, idx);
  lua_rawgeti(L, -1, CLIB_INSTANCE);
  lua_remove(L, -2);
}

static MpInstance *clib_instance(lua_State *L, int idx) {
  MpInstance *in;
  push_instance(L, idx);
  in = *(MpInstance **)lua_touserdata(L, -1);
  lua_pop(L, 1);
  return in;
}

/* The declaration of the name at stack index `name`, or NULL. */
static const MpDecl *clib_find(lua_State *L, MpState *E, int idx, int name) {
  size_t len;
  const MpName *n;
  const char *s;
  if (lua_type(L, name) != LUA_TSTRING)
    mp_state_error(L, MP_MSG_WANT_SYMBOL, mp_toc_describe(L, E, name));
  s = lua_tolstring(L, name, &len);
  n = mp_name_find(&E->names, s, len);
  return n ? mp_space_find(&clib_instance(L, idx)->space, n) : NULL;
}

/* The same; raises when there is none that has a value. */
static const MpDecl *clib_decl(lua_State *L, MpState *E, int idx, int name) {
  const MpDecl *d = clib_find(L, E, idx, name);
  const char *s = lua_tostring(L, name);
  if (d == NULL) mp_state_error(L, MP_MSG_NO_NAME, s);
  if (mp_space_is_tentative(&E->root, d)) mp_state_error(L, MP_MSG_BUSY);
  if (d->kind == MP_DECL_TYPEDEF) mp_state_error(L, MP_MSG_NO_VALUE, s);
  if (d->kind == MP_DECL_MACRO) mp_state_error(L, MP_MSG_MACRO, s);
  return d;
}

static MpStatus clib_symbol(const MpLib *lib, const MpDecl *d, void **address, MpErr *e) {
  const MpName *symbol = d->symbol ? d->symbol : d->name;
  if (d->is_inline) return mp_err_set(e, MP_MSG_INLINE, d->name->text);
  return mp_dl_symbol(lib->handle, symbol->text, address, e);
}

static void *clib_address(lua_State *L, const MpLib *lib, const MpDecl *d) {
  MpErr e;
  void *address;
  if (clib_symbol(lib, d, &address, &e) != MP_OK) mp_state_raise(L, &e);
  return address;
}

/* }===== */

/* {===== variables ===== */

/*
** Pushes the block that stands for the library while it is open: pointers to
** its functions look into it, and are errors once it is closed.
*/
static void push_image(lua_State *L, MpState *E, const MpLib *lib, int idx) {
  MpErr e;
  const MpCtype *ct;
  lua_getmetatable(L, idx);
  lua_rawgeti(L, -1, CLIB_VARIABLES);
  if (lua_rawgetp(L, -1, lib) == LUA_TNIL) {
    lua_pop(L, 1);
    if (mp_ctype_pointer(&E->root, E->root.void_type, &ct, &e) != MP_OK) mp_state_raise(L, &e);
    mp_cdata_pushblock(L, E, ct, (char *)lib, MP_CD_UNBOUNDED, NULL);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, -3, lib);
  }
  lua_replace(L, -3);
  lua_pop(L, 1);
}

/*
** Pushes the block over a variable, the same each time: it keeps what pointers
** stored in it point to.
*/
static MpCdata *push_variable(lua_State *L, MpState *E, const MpLib *lib, const MpDecl *d,
                              int idx) {
  MpErr e;
  const MpCtype *ct;
  char *address;
  MpBlock *b;
  lua_getmetatable(L, idx);
  lua_rawgeti(L, -1, CLIB_VARIABLES);
  if (lua_rawgetp(L, -1, d) == LUA_TNIL) {
    bool open = !mp_ctype_is_complete(d->type);
    lua_pop(L, 1);
    address = (char *)clib_address(L, lib, d);
    if (mp_ctype_pointer(&E->root, d->type, &ct, &e) != MP_OK) mp_state_raise(L, &e);
    b = mp_cdata_pushblock(L, E, ct, address, open ? MP_CD_UNBOUNDED : d->type->size, NULL);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, -3, d);
    (void)b;
  }
  lua_replace(L, -3);
  lua_pop(L, 1);
  return (MpCdata *)lua_touserdata(L, -1);
}

void mp_clib_pushfunction(lua_State *L, MpState *E, int idx, const MpCtype *fn,
                          void (*code)(void)) {
  MpLib *lib = clib_check(L, E, idx);
  push_instance(L, idx);
  push_image(L, E, lib, idx);
  mp_call_push(L, E, fn, code, lib);
}

/* }===== */

/* {===== the metamethods ===== */

static int clib_index(lua_State *L) {
  MpState *E = (MpState *)lua_touserdata(L, MP_UP_OWN);
  const MpLib *lib = clib_check(L, E, 1);
  const MpDecl *d = clib_decl(L, E, 1, 2);
  MpCdata *block;
  if (d->kind == MP_DECL_CONSTANT) {
    mp_tolua_const(L, E, d->value);
  } else if (d->kind == MP_DECL_VARIABLE) {
    block = push_variable(L, E, lib, d, 1);
    mp_tolua_push(L, E, d->type, mp_cdata_address(block), block, lua_gettop(L));
  } else {
    void *address = clib_address(L, lib, d);
    void (*code)(void);
    memcpy(&code, &address, sizeof code);
    mp_clib_pushfunction(L, E, 1, d->type, code);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
  }
  return 1;
}

static int clib_newindex(lua_State *L) {
  MpState *E = (MpState *)lua_touserdata(L, MP_UP_OWN);
  const MpLib *lib = clib_check(L, E, 1);
  const MpDecl *d = clib_decl(L, E, 1, 2);
  MpCdata *block;
  MpDest dest;
  lua_settop(L, 3);
  if (d->kind == MP_DECL_CONSTANT) mp_state_error(L, MP_MSG_CONSTANT, d->name->text);
  if (d->kind == MP_DECL_FUNCTION) {
    lua_rawset(L, 1);
    return 0;
  }
  if (d->type->quals & MP_QUAL_CONST)
    mp_state_error(L, MP_MSG_CONST, mp_state_pushrepr(L, d->type, NULL));
  block = push_variable(L, E, lib, d, 1);
  mp_toc_start(&dest, L, E, block, 4);
  mp_toc_write(&dest, d->type, mp_cdata_address(block), 3);
  return 0;
}

/* Upvalue 3: the names; 4: the index of the next; 5: the library. */
static int clib_next(lua_State *L) {
  MpState *E = (MpState *)lua_touserdata(L, MP_UP_OWN);
  lua_Integer i = lua_tointeger(L, lua_upvalueindex(4));
  const MpDecl *d;
  MpErr e;
  const MpLib *lib;
  void *address;
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(5));
  lib = clib_check(L, E, 1);
  if (lua_rawgeti(L, lua_upvalueindex(3), i) == LUA_TNIL) return 0;
  lua_pushinteger(L, i + 1);
  lua_replace(L, lua_upvalueindex(4));
  d = clib_decl(L, E, 1, 2);
  if (d->kind != MP_DECL_CONSTANT && clib_symbol(lib, d, &address, &e) != MP_OK) {
    lua_pushnil(L);
  } else {
    lua_pushvalue(L, -1);
    lua_gettable(L, 1);
  }
  return 2;
}

/* Has it a value in a library: is it no type and no macro without one? */
static bool decl_has_value(const MpDecl *d) {
  return d->kind != MP_DECL_TYPEDEF && d->kind != MP_DECL_MACRO;
}

/* Adds the names of `sp` and of what it includes to the list at `list`, those that mean something else in `top` left out. */
static void add_names(lua_State *L, const MpSpace *top, const MpSpace *sp, int list) {
  const MpDecl *d;
  uint32_t i;
  for (d = sp->first; d != NULL; d = d->next) {
    if (!decl_has_value(d) || mp_space_find(top, d->name) != d ||
        lua_rawgetp(L, list, d) != LUA_TNIL) {
      lua_settop(L, list);
      continue;
    }
    lua_pushboolean(L, 1); /* an instance may be included by two ways */
    lua_rawsetp(L, list, d);
    lua_pushstring(L, d->name->text);
    lua_rawseti(L, list, (lua_Integer)lua_rawlen(L, list) + 1);
    lua_settop(L, list);
  }
  for (i = 0; i < sp->nincludes; i++) add_names(L, top, sp->includes[i], list);
}

static int clib_pairs(lua_State *L) {
  const MpSpace *sp;
  MpState *E = (MpState *)lua_touserdata(L, MP_UP_OWN);
  clib_check(L, E, 1);
  lua_settop(L, 1);
  lua_pushvalue(L, MP_UP_TYPES);
  lua_pushlightuserdata(L, E);
  lua_newtable(L);
  sp = &clib_instance(L, 1)->space;
  add_names(L, sp, sp, lua_gettop(L));
  lua_pushinteger(L, 1);
  lua_pushvalue(L, 1);
  lua_pushcclosure(L, clib_next, 5);
  return 1;
}

static int clib_tostring(lua_State *L) {
  MpState *E = (MpState *)lua_touserdata(L, MP_UP_OWN);
  const MpLib *lib = mp_clib_test(L, E, 1);
  mp_state_checkopen(L, E);
  if (lib == NULL) mp_state_error(L, MP_MSG_WANT_LIBRARY, mp_toc_describe(L, E, 1));
  lua_pushfstring(L, "library '%s'%s", lib->name, lib->closed ? " closed" : "");
  return 1;
}

static int clib_closevariable(lua_State *L) {
  MpState *E = (MpState *)lua_touserdata(L, MP_UP_OWN);
  mp_state_checkopen(L, E);
  mp_clib_close(L, E, 1);
  return 0;
}

/* }===== */

static const luaL_Reg clib_metamethods[] = {
    {"__index", clib_index},       {"__newindex", clib_newindex},   {"__pairs", clib_pairs},
    {"__tostring", clib_tostring}, {"__close", clib_closevariable}, {NULL, NULL}};

/* The engine's record of an open handle, listed; NULL when memory is out. */
static MpLib *lib_new(MpState *E, void *handle, const char *name) {
  MpLib *lib = (MpLib *)mp_alloc_new(E->obj, offsetof(MpLib, name) + strlen(name) + 1);
  if (lib == NULL) return NULL;
  memset(lib, 0, offsetof(MpLib, name)); /* the name may be shorter than the padding */
  strcpy(lib->name, name);
  lib->handle = handle;
  lib->next = E->libs;
  E->libs = lib;
  return lib;
}

/* Pushes the table of a library's names, those of the instance at `instance`. */
static void push_namespace(lua_State *L, MpState *E, MpLib *lib, int instance) {
  const luaL_Reg *m;
  instance = lua_absindex(L, instance);
  lua_newtable(L);
  lua_createtable(L, 2, 8);
  lua_pushlightuserdata(L, lib);
  lua_rawsetp(L, -2, E);
  lua_newtable(L);
  lua_rawseti(L, -2, CLIB_VARIABLES);
  lua_pushvalue(L, instance);
  lua_rawseti(L, -2, CLIB_INSTANCE);
  for (m = clib_metamethods; m->name != NULL; m++) {
    lua_pushlightuserdata(L, E);
    mp_state_pushclosure(L, m->func, 1);
    lua_setfield(L, -2, m->name);
  }
  lua_pushliteral(L, "moonpool");
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
}

void mp_clib_push(lua_State *L, MpState *E, void *handle, const char *name, bool borrowed,
                  int instance) {
  MpLib *lib = lib_new(E, handle, name);
  if (lib == NULL) {
    if (!borrowed) mp_dl_close(handle);
    mp_state_error(L, MP_MSG_NOMEM);
  }
  lib->borrowed = borrowed;
  push_namespace(L, E, lib, instance);
}

void mp_clib_pushprocess(lua_State *L, MpState *E, int instance) {
  MpInstance *in = *(MpInstance **)lua_touserdata(L, instance);
  MpLib *lib = (MpLib *)mp_arena_new(mp_space_lasting(&in->space), sizeof(MpLib) + 1);
  MpErr e;
  if (lib == NULL) mp_state_error(L, MP_MSG_NOMEM);
  if (E->process == NULL && mp_dl_open(E->obj, NULL, mp_dl_defaults(), &E->process, &e) != MP_OK)
    mp_state_raise(L, &e);
  strcpy(lib->name, "C");
  lib->handle = E->process;
  lib->borrowed = true;
  push_namespace(L, E, lib, instance);
}

void mp_clib_close(lua_State *L, MpState *E, int idx) {
  MpLib *lib = mp_clib_test(L, E, idx);
  if (lib == NULL) mp_state_error(L, MP_MSG_WANT_LIBRARY, mp_toc_describe(L, E, idx));
  if (lib->handle == E->process) mp_state_error(L, MP_MSG_CLOSE_PROCESS);
  if (lib->closed) return;
  lua_getmetatable(L, idx);
  lua_rawgeti(L, -1, CLIB_VARIABLES);
  for (lua_pushnil(L); lua_next(L, -2);
       lua_pushnil(L)) { /* from the start: a destructor may use the library */
    lua_insert(L, -2);
    lua_pushnil(L);
    lua_rawset(L, -4);
    mp_cdata_release(L, E, (MpCdata *)lua_touserdata(L, -1), -1);
    lua_pop(L, 1);
  }
  lua_pop(L, 2);
  lib->closed = true;
  E->wary = true;
  E->unclosed = true;
  mp_state_closelibs(E);
}

void mp_clib_addressof(lua_State *L, MpState *E, int idx, int name) {
  MpErr e;
  const MpLib *lib = clib_check(L, E, idx);
  const MpDecl *d = clib_decl(L, E, idx, name);
  const MpCtype *ct;
  MpCdata *block;
  if (d->kind == MP_DECL_CONSTANT) mp_state_error(L, MP_MSG_ADDRESS_CONSTANT, d->name->text);
  if (mp_ctype_pointer(&E->root, d->type, &ct, &e) != MP_OK) mp_state_raise(L, &e);
  if (d->kind == MP_DECL_FUNCTION) {
    push_image(L, E, lib, idx);
    mp_cdata_pushview(L, E, ct, (char *)clib_address(L, lib, d), -1);
    return;
  }
  block = push_variable(L, E, lib, d, idx);
  mp_cdata_pushview(L, E, ct, mp_cdata_address(block), lua_gettop(L));
}

bool mp_clib_has(lua_State *L, MpState *E, int idx, int name) {
  MpErr e;
  void *address;
  const MpLib *lib = clib_check(L, E, idx);
  const MpDecl *d = clib_find(L, E, idx, name);
  if (d == NULL || !decl_has_value(d))
    return mp_dl_symbol(lib->handle, lua_tostring(L, name), &address, &e) == MP_OK;
  return d->kind == MP_DECL_CONSTANT || clib_symbol(lib, d, &address, &e) == MP_OK;
}
