/*
** state.c: opens the engine of a lua_State and takes it down. Called by
** luaopen; read by everything above. The engine owns names, spaces and
** domains; Lua owns the engine.
*/

#include "value/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mem/stats.h"
#include "type/repr.h"
#include "value/cdata.h"
#include "value/metatype.h"
#include "value/wrapper.h"

#define STATE_KEY "moonpool.engine"

/* {===== errors and reports ===== */

/* pairs, pcall and such may stand between. */
const char *mp_state_pushposition(lua_State *L) {
  lua_Debug ar;
  int level;
  for (level = 1; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline <= 0) continue;
    return lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
  }
  return lua_pushliteral(L, "");
}

void mp_state_raisetop(lua_State *L) {
  mp_state_pushposition(L);
  lua_insert(L, -2);
  lua_concat(L, 2);
  lua_error(L);
  abort(); /* lua_error doesn't return */
}

void mp_state_raise(lua_State *L, const MpErr *e) {
  lua_pushstring(L, e->text);
  mp_state_raisetop(L);
}

void mp_state_error(lua_State *L, const char *format, ...) {
  MpErr e;
  va_list args;
  va_start(args, format);
  vsnprintf(e.text, sizeof e.text, format, args);
  va_end(args);
  mp_state_raise(L, &e);
}

void mp_state_checkopen(lua_State *L, const MpState *E) {
  if (E->closed) mp_state_error(L, MP_MSG_CLOSED);
}

/* Runs protected: the reporter, its text (light). */
static int report_call(lua_State *L) {
  const char *text = (const char *)lua_touserdata(L, 2);
  lua_settop(L, 1);
  lua_pushstring(L, text); /* may raise for want of memory */
  lua_call(L, 1, 0);
  return 0;
}

void mp_state_report(lua_State *L, MpState *E, const char *text) {
  if (E->reporter != LUA_NOREF && lua_checkstack(L, 4)) {
    int top = lua_gettop(L), saved = E->saved_errno, status;
    lua_pushcfunction(L, report_call);
    lua_rawgeti(L, LUA_REGISTRYINDEX, E->reporter);
    lua_pushlightuserdata(L, (void *)text);
    status = lua_pcall(L, 2, 0, 0);
    lua_settop(L, top);
    E->saved_errno = saved; /* the reporter may have called C */
    if (status == LUA_OK) return;
  }
  fprintf(stderr, "moonpool: %s\n", text);
  fflush(stderr);
}

const char *mp_state_pushrepr(lua_State *L, const MpCtype *ct, const char *extra) {
  MpState *E = mp_state_of(ct);
  const char *s = NULL;
  MpBuf buf;
  mp_buf_init(&buf, E->obj);
  mp_repr_type(&buf, ct, extra);
  /* The push may raise for want of memory, and the buffer would leak: so copy through the stack. */
  if (mp_buf_cstr(&buf) != NULL && buf.len < 1024) {
    char text[1024];
    memcpy(text, buf.data, buf.len + 1);
    mp_buf_fini(&buf);
    return lua_pushstring(L, text);
  }
  if (!buf.failed) s = lua_pushlstring(L, buf.data, buf.len);
  mp_buf_fini(&buf);
  return s ? s : lua_pushliteral(L, "?");
}

/* }===== */

/* {===== the engine in the registry ===== */

MpState *mp_state_find(lua_State *L) {
  MpState *E;
  lua_getfield(L, LUA_REGISTRYINDEX, STATE_KEY);
  E = (MpState *)lua_touserdata(L, -1);
  lua_pop(L, 1);
  return E;
}

void mp_state_pushuv(lua_State *L, int n) {
  lua_getfield(L, LUA_REGISTRYINDEX, STATE_KEY);
  lua_getiuservalue(L, -1, n);
  lua_remove(L, -2);
}

void mp_state_pushclosure(lua_State *L, lua_CFunction f, int n) {
  mp_state_pushuv(L, MP_STATE_TYPES);
  lua_insert(L, -(n + 1));
  lua_pushcclosure(L, f, n + 1);
}

/* }===== */

/* {===== instances ===== */

/*
** An instance's space is freed when its userdata has left the weak-keyed set:
** that happens only when nothing can reach it any more, finalizers included
** (Lua manual 2.5.4), so that no cdata is left with a type whose memory is gone.
*/
static void state_sweep(lua_State *L, MpState *E) {
  MpInstance *in, **link;
  for (in = E->instances; in != NULL; in = in->next) in->seen = false;
  mp_state_pushuv(L, MP_STATE_INSTANCES);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    in = *(MpInstance **)lua_touserdata(L, -2);
    if (in != NULL) in->seen = true;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  for (link = &E->instances; (in = *link) != NULL;) {
    if (in->seen) {
      link = &in->next;
      continue;
    }
    mp_metatype_forget(L, E, in);
    *link = in->next;
    mp_space_fini(&in->space);
    mp_alloc_free(E->obj, in, sizeof *in);
  }
}

/* The sentinel: an unreachable object whose finalizer runs once a cycle and arms it again. */
static int sentinel_gc(lua_State *L) {
  MpState *E = *(MpState **)lua_touserdata(L, 1);
  if (E->closed) return 0;
  mp_state_enter(E);
  lua_getmetatable(L, 1);
  lua_setmetatable(L, 1);
  state_sweep(L, E);
  return 0;
}

static void state_newsentinel(lua_State *L, MpState *E) {
  *(MpState **)lua_newuserdatauv(L, sizeof(MpState *), 0) = E;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, sentinel_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_pop(L, 1);
}

/* The space of a new instance, listed in the engine; NULL when memory is out. */
static MpInstance *instance_new(MpState *E) {
  MpErr e;
  MpInstance *in = (MpInstance *)mp_alloc_new(E->obj, sizeof(MpInstance));
  if (in == NULL) return NULL;
  memset(in, 0, sizeof *in);
  if (mp_space_init(&in->space, E->obj, &E->names, &E->root, &e) != MP_OK) {
    mp_alloc_free(E->obj, in, sizeof *in);
    return NULL;
  }
  in->engine = E;
  in->next = E->instances;
  E->instances = in;
  return in;
}

MpInstance *mp_state_newinstance(lua_State *L, MpState *E) {
  MpInstance **ref = (MpInstance **)lua_newuserdatauv(L, sizeof(MpInstance *), MP_INSTANCE_UVS);
  int i;
  *ref = NULL;
  for (i = 1; i <= MP_INSTANCE_UVS; i++) {
    lua_newtable(L);
    lua_setiuservalue(L, -2, i);
  }
  mp_state_pushuv(L, MP_STATE_INSTANCES);
  lua_pushvalue(L, -2);
  lua_pushboolean(L, 1);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  *ref = instance_new(E); /* from here on the sweep owns it */
  if (*ref == NULL) mp_state_error(L, MP_MSG_NOMEM);
  mp_state_pushuv(L, MP_STATE_SPACES);
  lua_pushvalue(L, -2);
  lua_rawsetp(L, -2, &(*ref)->space);
  lua_pop(L, 1);
  return *ref;
}

/* Looks for a dying instance, which weak values have already lost: only a finalizer gets here. */
static bool state_pushdying(lua_State *L, const MpSpace *sp) {
  mp_state_pushuv(L, MP_STATE_INSTANCES);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    const MpInstance *in = *(MpInstance **)lua_touserdata(L, -2);
    lua_pop(L, 1);
    if (in != NULL && &in->space == sp) {
      lua_remove(L, -2);
      return true;
    }
  }
  lua_pop(L, 1);
  return false;
}

void mp_state_pushspace(lua_State *L, MpState *E, const MpSpace *sp) {
  if (sp == &E->root) {
    lua_getfield(L, LUA_REGISTRYINDEX, STATE_KEY);
    return;
  }
  mp_state_pushuv(L, MP_STATE_SPACES);
  if (lua_rawgetp(L, -1, sp) != LUA_TNIL) {
    lua_remove(L, -2);
    return;
  }
  lua_pop(L, 2);
  if (!state_pushdying(L, sp)) mp_state_error(L, MP_MSG_CLOSED);
}

void mp_state_include(lua_State *L, int idx, int other) {
  MpInstance *in = *(MpInstance **)lua_touserdata(L, idx);
  MpInstance *from = *(MpInstance **)lua_touserdata(L, other);
  MpErr e;
  lua_getiuservalue(L, idx, MP_INSTANCE_INCLUDES);
  lua_pushvalue(L, other);
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1); /* kept before it is used */
  lua_pop(L, 1);
  if (mp_space_include(&in->space, &from->space, &e) != MP_OK) mp_state_raise(L, &e);
}

/* }===== */

/* {===== open and close ===== */

static int closed_call(lua_State *L) { mp_state_error(L, MP_MSG_CLOSED); }

/* Every metamethod of every metatable at `anchors` (on the top) says from now on that moonpool is closed. */
static void state_deaden(lua_State *L) {
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (lua_type(L, -1) == LUA_TTABLE) lua_pushnil(L); /* others are keys of fields */
    while (lua_type(L, -2) == LUA_TTABLE && lua_next(L, -2)) {
      lua_pop(L, 1);
      if (lua_type(L, -1) == LUA_TSTRING && lua_tostring(L, -1)[0] == '_') {
        lua_pushvalue(L, -1);
        lua_rawget(L, -3);
        if (lua_iscfunction(L, -1)) {
          lua_pushvalue(L, -2);
          lua_pushcfunction(L, closed_call);
          lua_rawset(L, -5);
        }
        lua_pop(L, 1);
      }
    }
    lua_pop(L, 1);
  }
}

/* Of the engine at `idx`, which the registry may not have any more: it couldn't be opened to the end. */
static void state_deadenall(lua_State *L, int idx) {
  lua_getiuservalue(L, idx, MP_STATE_ANCHORS);
  state_deaden(L);
  lua_pop(L, 1);
  lua_getiuservalue(L, idx, MP_STATE_INSTANCES);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pop(L, 1);
    *(MpInstance **)lua_touserdata(L, -1) = NULL;
    lua_getiuservalue(L, -1, MP_INSTANCE_ANCHORS);
    if (lua_istable(L, -1)) state_deaden(L);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static void state_closehandle(MpLib *lib) {
  if (lib->handle != NULL && !lib->borrowed) mp_dl_close(lib->handle);
  lib->handle = NULL;
}

void mp_state_closelibs(MpState *E) {
  MpLib *lib;
  if (E->running != NULL || E->inside > 0) return; /* it may be inside one, by whatever way */
  E->unclosed = false;
  for (lib = E->libs; lib != NULL; lib = lib->next)
    if (lib->closed) state_closehandle(lib);
}

static void state_freelibs(MpState *E) {
  MpLib *lib;
  if (E->process != NULL) mp_dl_close(E->process);
  while ((lib = E->libs) != NULL) {
    E->libs = lib->next;
    state_closehandle(lib);
    mp_alloc_free(E->obj, lib, offsetof(MpLib, name) + strlen(lib->name) + 1);
  }
}

/* The engine's own set goes; that of a state on moonpool's heap is its heap's until lua_close ends. */
static void state_leavedomains(MpState *E) {
  E->domains->collect = NULL;
  if (!E->guest) mp_domain_freeset(E->domains);
  E->domains = NULL;
  E->obj = E->mem = NULL;
}

/* Takes the set that the whole state lives on, or makes one. */
static void state_enterdomains(lua_State *L, MpState *E) {
  void *ud;
  E->guest = lua_getallocf(L, &ud) == mp_domain_luaalloc;
  E->domains = E->guest ? (MpDomains *)ud : mp_domain_newset();
  if (E->domains == NULL) mp_state_error(L, MP_MSG_NOMEM);
  E->obj = &E->domains->obj.alloc;
  E->mem = &E->domains->mem.alloc;
}

/* Records of counted objects that live on, and what was on its way to a cdata. */
static void state_forget(MpState *E) {
  const void *key;
  void *value;
  uint32_t at = 0;
  while (mp_map_next(&E->objects, &at, &key, &value)) mp_alloc_free(E->obj, value, sizeof(MpTyped));
  mp_map_fini(&E->objects);
  if (E->adrift.ptr != NULL) mp_domain_free(E->adrift.domain, E->adrift.ptr);
}

/* What hooks have seen and nobody has freed, on stderr. */
static void state_tellleaks(MpState *E) {
  MpStatsGroups groups;
  MpBuf text;
  mp_buf_init(&text, E->obj);
  if (mp_stats_groups(E->domains, E->obj, &groups) == MP_OK) mp_stats_leaks(&groups, &text);
  if (text.len > 0 && mp_buf_cstr(&text) != NULL) fprintf(stderr, "%s\n", text.data);
  mp_buf_fini(&text);
  mp_stats_fini(&groups);
}

/*
** The engine's finalizer. Objects that are older than the engine are
** finalized after it, so all metatables are deadened before types are freed.
*/
static void state_end(lua_State *L, int idx) {
  MpState *E = (MpState *)lua_touserdata(L, idx);
  MpInstance *in;
  if (E->closed) return;
  mp_state_enter(E);
  if (E->finish != NULL) E->finish(E);
  mp_cdata_endall(L, E);
  if (E->end_allocators != NULL) E->end_allocators(E);
  if (E->leave != NULL) E->leave(E);
  state_deadenall(L, idx);
  E->closed = true;
  E->wary = true;
  state_freelibs(E);
  while ((in = E->instances) != NULL) {
    E->instances = in->next;
    mp_space_fini(&in->space);
    mp_alloc_free(E->obj, in, sizeof *in);
  }
  mp_space_fini(&E->root);
  mp_name_fini(&E->names);
  mp_wrapper_fini(E);
  state_forget(E);
  /* What scripts took by mem.malloc and never freed may be left, but nothing of moonpool's own. */
  mp_assert(E->unended > 0 || (E->domains->mem.own == 0 && E->domains->obj.own == 0));
  if (E->tells_leaks) state_tellleaks(E);
  state_leavedomains(E);
}

static int state_gc(lua_State *L) {
  state_end(L, 1);
  return 0;
}

void mp_state_abandon(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, STATE_KEY);
  if (lua_isuserdata(L, -1)) {
    state_end(L, lua_gettop(L)); /* not by a call: there may be no memory for its stack */
    lua_pushnil(L);
    lua_setfield(L, LUA_REGISTRYINDEX, STATE_KEY);
  }
  lua_pop(L, 1);
}

static void state_newtable(lua_State *L, int uv, const char *mode) {
  lua_newtable(L);
  if (mode != NULL) {
    lua_createtable(L, 0, 1);
    lua_pushstring(L, mode);
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
  }
  lua_setiuservalue(L, -2, uv);
}

static void state_main(lua_State *L, MpState *E) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  E->main = lua_tothread(L, -1);
  lua_pop(L, 1);
}

MpState *mp_state_open(lua_State *L) {
  MpErr e;
  MpState *E = (MpState *)lua_newuserdatauv(L, sizeof(MpState), MP_STATE_UVS);
  memset(E, 0, sizeof *E);
  E->closed = true; /* until it is whole */
  E->reporter = E->damage_function = E->damage_text = LUA_NOREF;
  E->frames = 1;
  E->tag = MP_CDATA_TAG;
  state_newtable(L, MP_STATE_TYPES, "v");
  state_newtable(L, MP_STATE_ANCHORS, NULL);
  state_newtable(L, MP_STATE_SPACES, "v");
  state_newtable(L, MP_STATE_INSTANCES, "k");
  state_newtable(L, MP_STATE_KEEPS, "k");
  state_newtable(L, MP_STATE_PROTO, NULL);
  state_newtable(L, MP_STATE_CALLBACKS, "k");
  state_newtable(L, MP_STATE_LATE, "v");
  state_newtable(L, MP_STATE_TARGETS, "v");
  state_newtable(L, MP_STATE_HANDLERS, "v");
  state_newtable(L, MP_STATE_TABLES, "k");
  state_newtable(L, MP_STATE_CTYPES, "v");
  state_newtable(L, MP_STATE_HANDLES, "v");
  state_newtable(L, MP_STATE_WRAPPERS, "v");
  lua_getiuservalue(L, -1, MP_STATE_WRAPPERS);
  E->wrappers = luaL_ref(L, LUA_REGISTRYINDEX);
  state_newtable(L, MP_STATE_PUSHED, "v");
  state_newtable(L, MP_STATE_HOSTS, NULL);
  state_newtable(L, MP_STATE_MEMORY, "v");
  state_newtable(L, MP_STATE_SCOPES, "k");
  state_newtable(L, MP_STATE_KNOWN, NULL);
  state_newtable(L, MP_STATE_KEPT, NULL);
  state_main(L, E);
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, state_gc);
  lua_setfield(L, -2, "__gc");
  lua_pushliteral(L, "moonpool");
  lua_setfield(L, -2, "__metatable");
  lua_pushvalue(L, -2);
  lua_setfield(L, LUA_REGISTRYINDEX, STATE_KEY);
  state_enterdomains(L, E); /* nothing raises from here on but what gives it back */
  mp_map_init(&E->objects, E->obj);
  mp_name_init(&E->names, E->obj);
  mp_map_init(&E->over, E->obj);
  E->root.engine = E;
  if (mp_space_init(&E->root, E->obj, &E->names, NULL, &e) != MP_OK) {
    mp_space_fini(&E->root);
    mp_name_fini(&E->names);
    state_leavedomains(E);
    mp_state_raise(L, &e);
  }
  E->root.engine = E;
  E->root.frozen = &E->frozen;
  E->closed = false; /* the finalizer has something to do from here on */
  lua_setmetatable(L, -2);
  state_newsentinel(L, E);
  return E;
}

/* }===== */
