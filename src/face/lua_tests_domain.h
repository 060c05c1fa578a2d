/*
** lua_tests_domain.h: sets of domains for specs, and what lua_tests_hooks.c
** shares of them. Linked into test builds alone.
*/

#ifndef MP_FACE_LUA_TESTS_DOMAIN_H
#define MP_FACE_LUA_TESTS_DOMAIN_H

#include <lauxlib.h>
#include <lua.h>

#include "base/buf.h"
#include "mem/domain.h"

typedef struct MpTestsSet {
  MpDomains *domains;
  MpBuf reports; /* that hooks' handlers got, each with a line's end */
  size_t collected;
  void *gift; /* what the collector frees, of MEM */
} MpTestsSet;

/* Adds `set` to the table of tests on the top. */
void mp_lua_tests_domain_open(lua_State *L);

/* The set at 1; the door that an argument names; an address, from an integer or nil; a site's text. */
MpTestsSet *mp_lua_tests_domain_check(lua_State *L);
MpDomain *mp_lua_tests_domain_door(lua_State *L, int arg);
void *mp_lua_tests_domain_address(lua_State *L, int arg);
const MpSite *mp_lua_tests_domain_site(lua_State *L, MpTestsSet *s, int arg);

/* An address, bytes that are freed then, numbers as a table; all return 1. */
int mp_lua_tests_domain_push(lua_State *L, const void *p);
int mp_lua_tests_domain_pushtext(lua_State *L, MpBuf *b);
int mp_lua_tests_domain_pushcounts(lua_State *L, const MpDomainCounts *c);

#endif
