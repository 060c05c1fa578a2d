/*
** lua_mem.c: the memory module in Lua.
*/

#include "face/lua_mem.h"

#include "face/lua_core.h"
#include "value/toc.h"

static const char *const domain_names[MP_DOMAIN_COUNT] = {"RAW", "MEM", "OBJ"};

/* mem.live(domain): blocks and bytes that live in it */
static int mem_live(lua_State *L) {
  const MpState *E = mp_lua_core_self(L)->engine;
  lua_Integer id = mp_toc_index(L, E, 1, "domain");
  MpDomainCounts counts;
  if (id < 0 || id >= MP_DOMAIN_COUNT) mp_state_error(L, MP_MSG_NO_DOMAIN, (long long)id);
  mp_domain_counts(mp_domain_of(E->domains, (MpDomainId)id), &counts);
  lua_pushinteger(L, (lua_Integer)counts.blocks);
  lua_pushinteger(L, (lua_Integer)counts.bytes);
  return 2;
}

void mp_lua_mem_addfields(lua_State *L, MpState *E) {
  int i;
  (void)E;
  lua_createtable(L, 0, 4);
  for (i = 0; i < MP_DOMAIN_COUNT; i++) {
    lua_pushinteger(L, i);
    lua_setfield(L, -2, domain_names[i]);
  }
  lua_pushvalue(L, -2);
  mp_state_pushclosure(L, mem_live, 1);
  lua_setfield(L, -2, "live");
  lua_setfield(L, -3, "mem");
}
