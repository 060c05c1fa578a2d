/*
** keep.c: the tables by which blocks keep the targets of their pointers. A
** block whose type holds pointers has a user value for it; others (bytes that
** were cast) go into one weak-keyed table of the engine.
*/

#include "value/keep.h"

#include <string.h>

static lua_Integer keep_offset(const MpCdata *block, const char *at) {
  return (lua_Integer)((intptr_t)at - (intptr_t)mp_cdata_address(block));
}

/* Pushes the block's table and returns true; pushes nothing when it has none. */
static bool keep_find(lua_State *L, const MpCdata *block, int idx) {
  int t;
  if (block->flags & MP_CD_KEEPING) {
    t = lua_getiuservalue(L, idx, MP_BLOCK_KEPT);
  } else if (block->flags & MP_CD_WEAKKEEPS) {
    mp_state_pushuv(L, MP_STATE_KEEPS);
    lua_pushvalue(L, idx);
    t = lua_rawget(L, -2);
    lua_remove(L, -2);
  } else {
    return false;
  }
  if (t == LUA_TTABLE) return true;
  lua_pop(L, 1);
  return false;
}

/* Pushes the block's table, made if need be. */
static void keep_need(lua_State *L, MpCdata *block, int idx) {
  if (keep_find(L, block, idx)) return;
  if (!(block->flags & MP_CD_INLINE) &&
      mp_cdata_asblock(block)->host) { /* C has the memory, whatever Lua can reach */
    mp_state_pushuv(L, MP_STATE_HOSTS);
    lua_pushvalue(L, idx);
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
    lua_pop(L, 1);
  }
  lua_createtable(L, 0, 1);
  lua_pushvalue(L, -1);
  if (block->flags & MP_CD_KEEPS) {
    lua_setiuservalue(L, idx, MP_BLOCK_KEPT);
    block->flags |= MP_CD_KEEPING;
    return;
  }
  mp_state_pushuv(L, MP_STATE_KEEPS);
  lua_pushvalue(L, idx);
  lua_rotate(L, -3, -1);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  block->flags |= MP_CD_WEAKKEEPS;
}

/*
** The block whose memory it is: below what gc made over it. Its stack index
** replaces `*idx`; what is pushed on the way stays for the caller to drop.
*/
static MpCdata *keep_base(lua_State *L, MpCdata *block, int *idx) {
  *idx = lua_absindex(L, *idx);
  while (block->flags & MP_CD_OVER) {
    luaL_checkstack(L, 6, NULL);
    lua_getiuservalue(L, *idx, MP_BLOCK_UNDER);
    block = mp_cdata_pushblockof(L, (MpCdata *)lua_touserdata(L, -1), lua_gettop(L));
    *idx = lua_gettop(L);
  }
  return block;
}

/* As mp_keep_set, for a base. */
static void keep_write(lua_State *L, MpCdata *block, int idx, const char *at) {
  if (lua_isnil(L, -1)) {
    if (keep_find(L, block, idx)) {
      lua_pushnil(L);
      lua_rawseti(L, -2, keep_offset(block, at));
      lua_pop(L, 1);
    }
  } else {
    keep_need(L, block, idx);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, keep_offset(block, at));
    lua_pop(L, 1);
  }
}

void mp_keep_set(lua_State *L, MpCdata *block, int idx, const char *at) {
  int top;
  if ((block->flags & (MP_CD_KEEPING | MP_CD_OVER)) == MP_CD_KEEPING) { /* most are written again */
    lua_getiuservalue(L, idx, MP_BLOCK_KEPT);
    lua_insert(L, -2);
    lua_rawseti(L, -2, keep_offset(block, at));
    lua_pop(L, 1);
    return;
  }
  top = lua_gettop(L);
  luaL_checkstack(L, 12, NULL);
  block = keep_base(L, block, &idx);
  lua_pushvalue(L, top);
  keep_write(L, block, idx, at);
  lua_settop(L, top - 1);
}

MpCdata *mp_keep_push(lua_State *L, MpCdata *block, int idx, const char *at, const char *to) {
  int top = lua_gettop(L);
  MpCdata *target = NULL;
  char *base;
  size_t size;
  block = keep_base(L, block, &idx);
  if (keep_find(L, block, idx)) {
    lua_rawgeti(L, -1, keep_offset(block, at));
    target = mp_cdata_test(L, mp_state_of(block->ct), -1);
  }
  if (target != NULL) {
    mp_cdata_extent(target, &base, &size);
    if (size == MP_CD_UNBOUNDED ||
        ((uintptr_t)to >= (uintptr_t)base && (uintptr_t)to - (uintptr_t)base <= size)) {
      lua_replace(L, top + 1);
      lua_settop(L, top + 1);
      return target;
    }
  }
  lua_settop(L, top);
  return NULL;
}

/*
** Entries of a table with offsets in [first, first + n): a range of few bytes
** is asked for byte by byte, a longer one by a walk over the table, until that
** has taken as many steps as there are bytes. So neither a large table nor a
** large range makes the other dear.
*/
typedef struct KeepWalk {
  int table;
  lua_Integer first;
  size_t n;
  bool bytewise;
  size_t step; /* entries, or bytes, seen so far */
} KeepWalk;

#define KEEP_BYTES 64 /* so few are asked for at once */

static void walk_start(lua_State *L, KeepWalk *w, int table, lua_Integer first, size_t n) {
  w->table = table;
  w->first = first;
  w->n = n;
  w->bytewise = n <= KEEP_BYTES;
  w->step = 0;
  if (!w->bytewise) lua_pushnil(L);
}

/* By a walk over the table, with the last key on the top. */
static bool walk_entries(lua_State *L, KeepWalk *w, lua_Integer *off) {
  while (lua_next(L, w->table)) {
    *off = lua_tointeger(L, -2) - w->first;
    if (*off >= 0 && (size_t)*off < w->n) return true;
    lua_pop(L, 1);
    if (++w->step <= w->n) continue;
    lua_pop(L, 1);
    w->bytewise = true;
    w->step = 0;
    break;
  }
  return false;
}

/*
** Pushes the next one (above a key, on a walk over the table) and sets its
** offset in the range; false at the end. An entry may come twice. The caller
** pops what it gets.
*/
static bool walk_next(lua_State *L, KeepWalk *w, lua_Integer *off) {
  if (!w->bytewise) {
    if (walk_entries(L, w, off)) return true;
    if (!w->bytewise) return false;
  }
  while (w->step < w->n) {
    *off = (lua_Integer)w->step++;
    if (lua_rawgeti(L, w->table, w->first + *off) != LUA_TNIL) return true;
    lua_pop(L, 1);
  }
  return false;
}

/* Copies the entries to the new table at `list`, by offset in the range. */
static void keep_collect(lua_State *L, int from, int list, lua_Integer first, size_t n) {
  KeepWalk w;
  lua_Integer off;
  walk_start(L, &w, from, first, n);
  while (walk_next(L, &w, &off)) lua_rawseti(L, list, off);
}

/* Drops the entries. */
static void keep_drop(lua_State *L, int from, lua_Integer first, size_t n) {
  KeepWalk w;
  lua_Integer off;
  walk_start(L, &w, from, first, n);
  while (walk_next(L, &w, &off)) {
    lua_pop(L, 1);
    lua_pushnil(L);
    lua_rawseti(L, from, first + off);
  }
}

void mp_keep_move(lua_State *L, MpCdata *block, int idx, const char *at, MpCdata *from_block,
                  int from_idx, const char *from, size_t n) {
  int top = lua_gettop(L), list = 0;
  if (n == 0) return;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  block = keep_base(L, block, &idx);
  if (from_block != NULL) from_block = keep_base(L, from_block, &from_idx);
  if (from_block != NULL && keep_find(L, from_block, from_idx)) {
    int source = lua_gettop(L);
    lua_newtable(L);
    list = source + 1;
    keep_collect(L, source, list, keep_offset(from_block, from), n);
  }
  if (keep_find(L, block, idx)) keep_drop(L, lua_gettop(L), keep_offset(block, at), n);
  if (list != 0) {
    lua_pushnil(L);
    while (lua_next(L, list)) mp_keep_set(L, block, idx, at + lua_tointeger(L, -2));
  }
  lua_settop(L, top);
}
