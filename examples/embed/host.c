/*
** host.c: a small simulation that scripts rule. It shares its structs with
** them through world.h, calls a Lua function as a C function each frame, loads
** the rules again while it runs, and outlives scripts that misbehave.
**
**   host [frames [pause]]     in this folder; pause: milliseconds a frame
**
** Everything that talks to Lua runs under lua_pcall: in `start`, `load_rules`,
** `frame` and `trouble`, which are lua_CFunctions with the host as their
** argument.
*/

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <moonpool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "world.h"

#define HEADER "world.h"
#define RULES "rules.lua"
#define TROUBLE "trouble.lua"
#define MEMORY ((size_t)16 << 20) /* bytes that scripts may have */
#define BUDGET 10000000           /* instructions that a call of a script may take */

struct host {
  struct world world;
  world_step *step; /* the script's, while `rules` keeps it; NULL: there is none */
  int rules;        /* registry reference of its Lua function */
  struct timespec loaded;
};

/* {===== calling scripts ===== */

static void spent(lua_State *L, lua_Debug *ar) {
  (void)ar;
  luaL_error(L, "the script takes too long");
}

/* Runs `f` with the host as its argument. false: it failed, and what it said was printed. */
static int run(lua_State *L, lua_CFunction f, struct host *h, const char *what) {
  int status;
  lua_pushcfunction(L, f);
  lua_pushlightuserdata(L, h);
  lua_sethook(L, spent, LUA_MASKCOUNT, BUDGET);
  status = lua_pcall(L, 1, 0, 0);
  lua_sethook(L, NULL, 0, 0);
  if (status != LUA_OK) {
    const char *text = lua_tostring(L, -1);
    printf("%s: %s\n", what, text ? text : "(an error that is no text)");
    lua_pop(L, 1);
  }
  return status == LUA_OK;
}

static struct host *host_of(lua_State *L) { return (struct host *)lua_touserdata(L, 1); }

/* }===== */

/* {===== the start ===== */

/* What moonpool can't raise comes here: errors of a script's function that C has called. */
static void report(const char *text) {
  printf("report: %.*s\n", (int)strcspn(text, "\n"),
         text); /* the first line, without the traceback */
}

static double energy(const struct world *w) {
  double sum = 0;
  int i;
  for (i = 0; i < w->count; i++) {
    const struct body *b = &w->body[i];
    sum += b->mass * (b->speed.x * b->speed.x + b->speed.y * b->speed.y) / 2;
  }
  return sum;
}

/* Declares world.h to scripts: the file that this one was compiled with. */
static void declare(lua_State *L) {
  luaL_Buffer text;
  char part[1024];
  size_t n;
  FILE *file = fopen(HEADER, "r");
  if (file == NULL) luaL_error(L, "%s: %s", HEADER, strerror(errno));
  luaL_buffinit(L, &text);
  while ((n = fread(part, 1, sizeof part, file)) > 0) luaL_addlstring(&text, part, n);
  fclose(file);
  luaL_pushresult(&text);
  moonpool_cdef(L, lua_tostring(L, -1));
  lua_pop(L, 1);
}

/* Gives scripts the world, a function of the host's, and the place for reports. */
static int start(lua_State *L) {
  struct host *h = host_of(L);
  declare(L);
  moonpool_pushblock(L, "struct world *", &h->world, sizeof h->world, NULL, NULL);
  lua_setglobal(L, "world");
  moonpool_pushfunction(L, "double(const struct world *)", (void (*)(void))energy);
  lua_setglobal(L, "energy");
  lua_getglobal(L, "require");
  lua_pushliteral(L, "moonpool");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "onreport");
  moonpool_pushfunction(L, "void(const char *)", (void (*)(void))report);
  lua_call(L, 1, 0);
  return 0;
}

/* }===== */

/* {===== the rules ===== */

/* Has the file changed since it was loaded? */
static int is_new(struct host *h) {
  struct stat s;
  if (stat(RULES, &s) != 0) return 0;
  if (s.st_mtim.tv_sec == h->loaded.tv_sec && s.st_mtim.tv_nsec == h->loaded.tv_nsec) return 0;
  h->loaded = s.st_mtim;
  return 1;
}

/*
** Loads the rules. The world stays: only if all went well, the new function
** takes the old one's place.
*/
static int load_rules(lua_State *L) {
  struct host *h = host_of(L);
  world_step *step;
  if (luaL_dofile(L, RULES) != LUA_OK) return lua_error(L);
  luaL_checktype(L, -1, LUA_TTABLE);
  lua_getfield(L, -1, "step");
  step = (world_step *)moonpool_check(L, lua_gettop(L),
                                      "world_step *"); /* lives as long as that Lua function */
  if (h->world.frame == 0) {
    lua_getfield(L, -2, "start");
    lua_call(L, 0, 0);
  }
  luaL_unref(L, LUA_REGISTRYINDEX, h->rules);
  h->rules = luaL_ref(L, LUA_REGISTRYINDEX);
  h->step = step;
  return 0;
}

/* }===== */

/* {===== frames ===== */

/* One frame. The weather is on the C stack: no script can look at it afterwards. */
static int frame(lua_State *L) {
  struct host *h = host_of(L);
  struct weather weather;
  memset(&weather, 0, sizeof weather);
  weather.wind[1] = h->world.frame % 100 < 50 ? .01 : -.01;
  if (h->step != NULL) h->step(&h->world, &weather, .01);
  h->world.frame++;
  h->world.time += .01;
  return 0;
}

static void show(const struct host *h) {
  int i;
  printf("frame %d, energy %.1f:", h->world.frame, energy(&h->world));
  for (i = 0; i < h->world.count; i++)
    printf("  %.*s (%.2f, %.2f)", WORLD_NAME, h->world.body[i].name, h->world.body[i].at.x,
           h->world.body[i].at.y);
  printf("\n");
}

static void simulate(lua_State *L, struct host *h, int frames, long pause) {
  struct timespec t = {pause / 1000, pause % 1000 * 1000000};
  int i;
  for (i = 0; i < frames; i++) {
    if (is_new(h) && run(L, load_rules, h, RULES))
      printf("%s: loaded at frame %d\n", RULES, h->world.frame);
    run(L, frame, h, "frame");
    if (h->world.frame % 100 == 0) show(h);
    fflush(stdout);
    if (pause > 0) nanosleep(&t, NULL);
  }
}

/* }===== */

/* {===== trouble ===== */

/* One of the scripts in TROUBLE, whose function is in the registry, with weather that is then taken back. */
static int one_trouble(lua_State *L) {
  struct host *h = host_of(L);
  struct weather weather = {{1}};
  int failed;
  lua_rawgetp(L, LUA_REGISTRYINDEX, h);
  moonpool_push(L, "struct weather *", &weather);
  failed = lua_pcall(L, 1, 0, 0) != LUA_OK;
  moonpool_revoke(L, &weather);
  return failed ? lua_error(L) : 0;
}

static int load_trouble(lua_State *L) {
  if (luaL_dofile(L, TROUBLE) != LUA_OK) return lua_error(L);
  lua_setglobal(L, "trouble");
  return 0;
}

static void trouble(lua_State *L, struct host *h) {
  int i, n;
  if (!run(L, load_trouble, h, TROUBLE)) return;
  lua_getglobal(L, "trouble");
  n = (int)lua_rawlen(L, -1);
  for (i = 1; i <= n; i++) {
    char what[32];
    snprintf(what, sizeof what, "trouble %d", i);
    lua_rawgeti(L, -1, i);
    lua_rawsetp(L, LUA_REGISTRYINDEX, h);
    if (run(L, one_trouble, h, what)) printf("%s: passed\n", what);
  }
  lua_pop(L, 1);
}

/* }===== */

int main(int argc, char **argv) {
  struct host h;
  lua_State *L;
  moonpool_Config config;
  int ok;
  memset(&config, 0, sizeof config);
  config.size = sizeof config;
  config.max_bytes = MEMORY;
  memset(&h, 0, sizeof h);
  h.rules = LUA_NOREF;
  L = moonpool_newstate(&config);
  if (L == NULL) {
    fprintf(stderr, "not enough memory\n");
    return 1;
  }
  ok = run(L, start, &h, "start");
  if (ok) {
    simulate(L, &h, argc > 1 ? atoi(argv[1]) : 300, argc > 2 ? atol(argv[2]) : 0);
    trouble(L, &h);
    simulate(L, &h, 100, 0);
  }
  moonpool_close(L);
  return ok ? 0 : 1;
}
