/*
** lua_scope.c: scopes (JavaCPP's PointerScope). Each coroutine has its own
** pile of open ones; the engine's table has the innermost. A scope that is
** forgotten ends nothing: what it holds is then the collector's.
*/

#include "face/lua_scope.h"

#include "face/lua_mem.h"
#include "value/cdata.h"
#include "value/toc.h"

#define SCOPE "moonpool.scope"

typedef struct Scope {
  MpState *engine;
  lua_Integer held; /* last index of its list */
  lua_Integer ends; /* that it takes until it lets go */
  bool open;        /* it is in its coroutine's pile */
} Scope;

/* User values. */
#define SCOPE_LIST 1   /* what it holds; false where something was taken out */
#define SCOPE_OUTER 2  /* the one below it in the pile */
#define SCOPE_THREAD 3 /* its coroutine */
#define SCOPE_UVS 3

static Scope *scope_check(lua_State *L) {
  Scope *s = (Scope *)luaL_testudata(L, 1, SCOPE);
  if (s == NULL) mp_state_error(L, MP_MSG_WANT_SCOPE, luaL_typename(L, 1));
  mp_state_checkopen(L, s->engine);
  mp_state_enter(s->engine);
  return s;
}

/* Puts the value on the top into the scope at `idx`, and pops it. */
static void scope_hold(lua_State *L, Scope *s, int idx) {
  lua_getiuservalue(L, idx, SCOPE_LIST);
  lua_insert(L, -2);
  lua_rawseti(L, -2, s->held + 1);
  s->held++;
  lua_pop(L, 1);
}

void mp_lua_scope_add(lua_State *L, MpState *E) {
  int top = lua_gettop(L);
  (void)E;
  luaL_checkstack(L, 8, NULL);
  mp_state_pushuv(L, MP_STATE_SCOPES);
  lua_pushthread(L);
  if (lua_rawget(L, -2) == LUA_TUSERDATA) {
    lua_pushvalue(L, top);
    scope_hold(L, (Scope *)lua_touserdata(L, top + 2), top + 2);
  }
  lua_settop(L, top);
}

/* {===== open and close ===== */

/* mem.scope() */
static int scope_scope(lua_State *L) {
  MpState *E = mp_lua_mem_self(L);
  Scope *s;
  lua_settop(L, 0);
  s = (Scope *)lua_newuserdatauv(L, sizeof(Scope), SCOPE_UVS);
  s->engine = E;
  s->held = 0;
  s->ends = 1;
  s->open = false;
  lua_newtable(L);
  lua_setiuservalue(L, 1, SCOPE_LIST);
  lua_pushthread(L);
  lua_setiuservalue(L, 1, SCOPE_THREAD);
  luaL_setmetatable(L, SCOPE);
  mp_state_pushuv(L, MP_STATE_SCOPES);
  lua_pushthread(L);
  lua_rawget(L, 2);
  lua_setiuservalue(L, 1, SCOPE_OUTER);
  lua_pushthread(L);
  lua_pushvalue(L, 1);
  lua_rawset(L, 2);
  s->open = true;
  E->nscopes++;
  lua_settop(L, 1);
  return 1;
}

/*
** Takes the scope at 1 out of its coroutine's pile: those that are above it
** stay, since they may be ended in any order.
*/
static void scope_leave(lua_State *L, Scope *s) {
  int top = lua_gettop(L);
  s->open = false;
  s->engine->nscopes--;
  mp_state_pushuv(L, MP_STATE_SCOPES);
  lua_getiuservalue(L, 1, SCOPE_THREAD);
  lua_pushvalue(L, -1);
  lua_rawget(L, top + 1); /* the innermost */
  if (lua_rawequal(L, -1, 1)) {
    lua_pop(L, 1);
    lua_getiuservalue(L, 1, SCOPE_OUTER);
    lua_rawset(L, top + 1);
  } else {
    while (lua_isuserdata(L, -1)) {
      lua_getiuservalue(L, -1, SCOPE_OUTER);
      if (lua_rawequal(L, -1, 1)) {
        lua_getiuservalue(L, 1, SCOPE_OUTER);
        lua_setiuservalue(L, -3, SCOPE_OUTER);
        break;
      }
      lua_remove(L, -2);
    }
  }
  lua_settop(L, top);
}

/* Ends what the scope at 1 holds, newest first. */
static void scope_let(lua_State *L, Scope *s) {
  luaL_checkstack(L, 8, NULL);
  lua_getiuservalue(L, 1, SCOPE_LIST);
  for (; s->held > 0; s->held--) {
    lua_rawgeti(L, -1, s->held);
    lua_pushnil(L);
    lua_rawseti(L, -3, s->held);
    if (lua_isuserdata(L, -1)) mp_cdata_release(L, s->engine, (MpCdata *)lua_touserdata(L, -1), -1);
    lua_pop(L, 1);
  }
}

/* s:close(), __close: one end */
static int scope_close(lua_State *L) {
  Scope *s = scope_check(L);
  lua_settop(L, 1);
  if (s->open) scope_leave(L, s);
  if (s->ends > 0 && --s->ends == 0) scope_let(L, s);
  return 0;
}

/* __gc: forgotten while it was open */
static int scope_gc(lua_State *L) {
  Scope *s = (Scope *)lua_touserdata(L, 1);
  if (s->open && !s->engine->closed) s->engine->nscopes--;
  s->open = false;
  return 0;
}

/* }===== */

/* {===== methods ===== */

/* The owner at 2; raises for anything else. */
static void check_owner(lua_State *L, const MpState *E) {
  const MpCdata *c = mp_cdata_test(L, E, 2);
  if (c == NULL) mp_state_error(L, MP_MSG_WANT_CDATA, luaL_typename(L, 2));
  if (!(c->flags & MP_CD_OWNER))
    mp_state_error(L, MP_MSG_RELEASE, mp_state_pushrepr(L, c->ct, NULL));
}

/* s:attach(o): the scope ends it, too; gives o */
static int scope_attach(lua_State *L) {
  Scope *s = scope_check(L);
  lua_settop(L, 2);
  check_owner(L, s->engine);
  if (s->ends == 0) mp_state_error(L, MP_MSG_SCOPE_ENDED);
  lua_pushvalue(L, 2);
  scope_hold(L, s, 1);
  return 1;
}

/* s:detach(o): the scope ends it no more; gives o */
static int scope_detach(lua_State *L) {
  Scope *s = scope_check(L);
  lua_Integer i;
  lua_settop(L, 2);
  check_owner(L, s->engine);
  lua_getiuservalue(L, 1, SCOPE_LIST);
  for (i = s->held; i > 0; i--) {
    lua_rawgeti(L, 3, i);
    if (lua_rawequal(L, -1, 2)) {
      lua_pushboolean(L, 0);
      lua_rawseti(L, 3, i);
    }
    lua_pop(L, 1);
  }
  lua_settop(L, 2);
  return 1;
}

/* s:extend(): it takes one more end; gives s */
static int scope_extend(lua_State *L) {
  Scope *s = scope_check(L);
  if (s->ends == 0) mp_state_error(L, MP_MSG_SCOPE_ENDED);
  s->ends++;
  lua_settop(L, 1);
  return 1;
}

static const luaL_Reg scope_methods[] = {{"attach", scope_attach},
                                         {"detach", scope_detach},
                                         {"extend", scope_extend},
                                         {"close", scope_close},
                                         {NULL, NULL}};

void mp_lua_scope_open(lua_State *L) {
  luaL_newmetatable(L, SCOPE);
  luaL_newlib(L, scope_methods);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, scope_close);
  lua_setfield(L, -2, "__close");
  lua_pushcfunction(L, scope_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}

/* }===== */

const luaL_Reg mp_lua_scope_functions[] = {{"scope", scope_scope}, {NULL, NULL}};
