/*
** main.c: the command `moonpool`: lua5.4's options, arguments and exit codes,
** with moonpool in the state and its heap behind it. It uses the public header
** alone, so that it shows a host what to do.
*/

#include "moonpool.h"

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/line.h"
#include "host/repl.h"
#include "host/run.h"

#define VERSIONED_INIT "LUA_INIT_" LUA_VERSION_MAJOR "_" LUA_VERSION_MINOR

/* What the command line says. */
typedef struct Options {
  const char *name; /* of the program, for messages */
  char **argv;
  int script;      /* index of the script, or argc */
  bool statements; /* -e */
  bool interactive, version, bare, help;
  bool stats, leaks;     /* --mem-stats, --leaks */
  const char *allocator; /* --mem */
  size_t max_bytes;      /* --max-mem; 0: none */
  char *wrong;           /* the option that isn't one, or lacks its argument */
} Options;

/* {===== options ===== */

static const char usage[] = "usage: %s [options] [script [args]]\n"
                            "Available options are:\n"
                            "  -e stat   execute string 'stat'\n"
                            "  -i        enter interactive mode after executing 'script'\n"
                            "  -l mod    require library 'mod' into global 'mod'\n"
                            "  -l g=mod  require library 'mod' into global 'g'\n"
                            "  -v        show version information\n"
                            "  -E        ignore environment variables\n"
                            "  -W        turn warnings on\n"
                            "  --mem=default|malloc|debug|malloc_debug\n"
                            "            where memory comes from, as MOONPOOL_MALLOC\n"
                            "  --max-mem=SIZE\n"
                            "            limit of all memory, in bytes, or with K, M or G\n"
                            "  --mem-stats\n"
                            "            print statistics of memory at the end\n"
                            "  --leaks   print what was allocated and not freed at the end\n"
                            "  --help    show this and exit\n"
                            "  --        stop handling options\n"
                            "  -         stop handling options and execute stdin\n";

static void complain(const Options *o) {
  bool lacks = o->wrong[1] == 'e' || o->wrong[1] == 'l';
  fprintf(stderr, lacks ? "%s: '%s' needs argument\n" : "%s: unrecognized option '%s'\n", o->name,
          o->wrong);
  fprintf(stderr, usage, o->name);
}

/* An option of one letter, not the last of the line's; false: it is none. */
static bool take_letter(Options *o, const char *option) {
  switch (option[1]) {
    case 'E': o->bare = true; break;
    case 'W': break; /* its place among the others matters: run_options */
    case 'i': o->interactive = o->version = true; break;
    case 'v': o->version = true; break;
    default: return false;
  }
  return option[2] == '\0';
}

static bool is_allocator(const char *word) {
  return strcmp(word, "default") == 0 || strcmp(word, "malloc") == 0 ||
         strcmp(word, "debug") == 0 || strcmp(word, "malloc_debug") == 0;
}

/* A number of bytes, or of K, M or G of them. */
static bool read_size(const char *text, size_t *out) {
  static const char units[] = "KMG";
  char *end;
  const char *unit;
  unsigned long long n;
  int shift = 0;
  errno = 0;
  n = strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || n == 0) return false;
  if (*end != '\0') {
    unit = strchr(units, *end);
    if (unit == NULL || end[1] != '\0') return false;
    shift = 10 * (int)(unit - units + 1);
  }
  if (errno == ERANGE || n > (SIZE_MAX >> shift)) return false;
  *out = (size_t)n << shift;
  return true;
}

/* What is behind `--name=`, or NULL for another option. */
static const char *value_of(const char *option, const char *name) {
  size_t n = strlen(name);
  return strncmp(option, name, n) == 0 ? option + n : NULL;
}

/* An option with two dashes. */
static bool take_word(Options *o, const char *option) {
  const char *value;
  if ((value = value_of(option, "--mem=")) != NULL) {
    o->allocator = value;
    return is_allocator(value);
  }
  if ((value = value_of(option, "--max-mem=")) != NULL) return read_size(value, &o->max_bytes);
  if (strcmp(option, "--mem-stats") == 0)
    o->stats = true;
  else if (strcmp(option, "--leaks") == 0)
    o->leaks = true;
  else if (strcmp(option, "--help") == 0)
    o->help = true;
  else
    return false;
  return true;
}

/* Reads the options; stops at the script, or at what is wrong. */
static void read_options(Options *o) {
  char **argv = o->argv;
  int i;
  for (i = 1; argv[i] != NULL && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
    char *option = argv[i];
    bool taken;
    if (strcmp(option, "--") == 0) {
      i++;
      break;
    }
    if (option[1] == 'e' || option[1] == 'l') {
      o->statements = o->statements || option[1] == 'e';
      taken = option[2] != '\0' || (argv[i + 1] != NULL && argv[i + 1][0] != '-');
      if (taken && option[2] == '\0') i++;
    } else {
      taken = option[1] == '-' ? take_word(o, option) : take_letter(o, option);
    }
    if (!taken) {
      o->wrong = option;
      return;
    }
  }
  o->script = i;
}

/* }===== */

/* {===== running ===== */

/* Runs the chunk on the top if it was loaded; what goes wrong is printed. */
static int run_chunk(lua_State *L, const Options *o, int status) {
  if (status == LUA_OK) status = mp_run_call(L, 0, 0);
  return mp_run_report(L, o->name, status);
}

static int run_string(lua_State *L, const Options *o, const char *text, const char *name) {
  return run_chunk(L, o, luaL_loadbuffer(L, text, strlen(text), name));
}

static int run_file(lua_State *L, const Options *o, const char *path) {
  return run_chunk(L, o, luaL_loadfile(L, path));
}

/* -l mod, -l g=mod */
static int run_library(lua_State *L, const Options *o, const char *argument) {
  const char *equals = strchr(argument, '='), *module = equals ? equals + 1 : argument;
  int status;
  lua_getglobal(L, "require");
  lua_pushstring(L, module);
  status = mp_run_call(L, 1, 1);
  if (status == LUA_OK) {
    lua_pushlstring(L, argument, equals ? (size_t)(equals - argument) : strlen(argument));
    lua_insert(L, -2);
    lua_pushglobaltable(L);
    lua_insert(L, -3);
    lua_settable(L, -3);
    lua_pop(L, 1);
  }
  return mp_run_report(L, o->name, status);
}

/* LUA_INIT_5_4, else LUA_INIT: a chunk, or @ and a file's name */
static int run_init(lua_State *L, const Options *o) {
  const char *name = "=" VERSIONED_INIT, *text = getenv(name + 1);
  if (text == NULL) text = getenv((name = "=LUA_INIT") + 1);
  if (text == NULL) return LUA_OK;
  return text[0] == '@' ? run_file(L, o, text + 1) : run_string(L, o, text, name);
}

/* What is to be done for each option, in their order. */
static int run_options(lua_State *L, const Options *o) {
  int i, status = LUA_OK;
  for (i = 1; i < o->script && status == LUA_OK; i++) {
    const char *option = o->argv[i];
    char letter = option[1];
    if (letter == 'W') lua_warning(L, "@on", 0);
    if (letter != 'e' && letter != 'l') continue;
    option = option[2] != '\0' ? option + 2 : o->argv[++i];
    status =
        letter == 'e' ? run_string(L, o, option, "=(command line)") : run_library(L, o, option);
  }
  return status;
}

/* Pushes the script's arguments, from the table `arg` as it is now. */
static int push_arguments(lua_State *L) {
  int i, n;
  if (lua_getglobal(L, "arg") != LUA_TTABLE) luaL_error(L, "'arg' is not a table");
  n = (int)luaL_len(L, -1);
  luaL_checkstack(L, n + 3, "too many arguments to script");
  for (i = 1; i <= n; i++) lua_rawgeti(L, -i, i);
  lua_remove(L, -(n + 1));
  return n;
}

static int run_script(lua_State *L, const Options *o) {
  const char *path = o->argv[o->script];
  int status;
  /* A dash is the standard input, unless -- made it a name. */
  if (strcmp(path, "-") == 0 && strcmp(o->argv[o->script - 1], "--") != 0) path = NULL;
  status = luaL_loadfile(L, path);
  if (status == LUA_OK) status = mp_run_call(L, push_arguments(L), LUA_MULTRET);
  return mp_run_report(L, o->name, status);
}

/* }===== */

/* {===== the state ===== */

/* The global `arg`: the script at 0, what is before it below, its arguments above. */
static void set_arguments(lua_State *L, const Options *o) {
  int i, zero = o->argv[o->script] != NULL ? o->script : 0;
  lua_newtable(L);
  for (i = 0; o->argv[i] != NULL; i++) {
    lua_pushstring(L, o->argv[i]);
    lua_rawseti(L, -2, i - zero);
  }
  lua_setglobal(L, "arg");
}

static void print_version(void) {
  printf("moonpool %s on %s\n", moonpool_version(), LUA_COPYRIGHT);
  fflush(stdout);
}

/* `require "ffi"` and `require "mem"` are short for moonpool and moonpool.mem. */
static void preload(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, luaopen_moonpool);
  lua_setfield(L, -2, "ffi");
  lua_pushcfunction(L, luaopen_moonpool_mem);
  lua_setfield(L, -2, "mem");
  lua_pop(L, 1);
}

/* For --mem-stats and --leaks: os.exit prints and closes the state, as the end does. */
static const char exit_code[] =
    "local report, exit = ..., os.exit\n"
    "function os.exit(code) report() if code == nil then code = true end exit(code, true) end";

/* mem.stats_text(), on stderr */
static int print_stats(lua_State *L) {
  if (!lua_toboolean(L, lua_upvalueindex(1))) return 0;
  luaL_requiref(L, "moonpool.mem", luaopen_moonpool_mem, 0);
  lua_getfield(L, -1, "stats_text");
  lua_call(L, 0, 1);
  fputs(lua_tostring(L, -1), stderr);
  fflush(stderr);
  return 0;
}

static void push_report(lua_State *L, const Options *o) {
  lua_pushboolean(L, o->stats);
  lua_pushcclosure(L, print_stats, 1);
}

static void replace_exit(lua_State *L, const Options *o) {
  if (!o->stats && !o->leaks) return;
  if (luaL_loadbuffer(L, exit_code, sizeof exit_code - 1, "=moonpool") != LUA_OK) lua_error(L);
  push_report(L, o);
  lua_call(L, 1, 0);
}

/* What a session says of errors goes without the program's name, also if it ends by one. */
static void run_session(lua_State *L, Options *o) {
  const char *name = o->name;
  o->name = NULL;
  mp_repl_run(L);
  o->name = name;
}

/* Runs protected: light options. Returns whether all went well. */
static int host_main(lua_State *L) {
  Options *o = (Options *)lua_touserdata(L, 1);
  bool has_script = o->argv[o->script] != NULL;
  luaL_checkversion(L);
  if (o->version) print_version();
  if (o->bare) {
    lua_pushboolean(L, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV"); /* the package library looks there */
  }
  luaL_openlibs(L);
  preload(L);
  replace_exit(L, o);
  set_arguments(L, o);
  lua_gc(L, LUA_GCGEN, 0, 0); /* as the stock interpreter */
  if (!o->bare && run_init(L, o) != LUA_OK) return 0;
  if (run_options(L, o) != LUA_OK) return 0;
  if (has_script && run_script(L, o) != LUA_OK) return 0;
  if (o->interactive) {
    run_session(L, o);
  } else if (!has_script && !o->statements && !o->version) {
    if (mp_line_is_terminal()) {
      print_version();
      run_session(L, o);
    } else {
      run_file(L, o, NULL); /* as the stock interpreter, whose exit code is 0 then */
    }
  }
  lua_pushboolean(L, 1);
  return 1;
}

/* The state that the options ask for; NULL, said, when there is none. */
static lua_State *new_state(const Options *o) {
  const char *variable = o->bare ? NULL : getenv("MOONPOOL_MALLOC");
  moonpool_Config config;
  lua_State *L;
  memset(&config, 0, sizeof config);
  config.size = sizeof config;
  config.bare = 1; /* -E must be known before the libraries are opened */
  config.max_bytes = o->max_bytes;
  config.allocator = o->allocator != NULL ? o->allocator : variable != NULL ? variable : "default";
  if (!is_allocator(config.allocator)) {
    fprintf(stderr,
            "%s: MOONPOOL_MALLOC is '%s': it must be default, malloc, debug or malloc_debug\n",
            o->name, config.allocator);
    return NULL;
  }
  if (o->leaks) /* the hooks are what sees them */
    config.allocator = strncmp(config.allocator, "malloc", 6) == 0 ? "malloc_debug" : "debug";
  L = moonpool_newstate(&config);
  if (L == NULL) mp_run_say(o->name, "cannot create state: not enough memory");
  return L;
}

/*
** What comes at the end of a state that is still whole. A hook of the script isn't for it. There
** may be no memory left even for a closure.
*/
static void end_state(lua_State *L, const Options *o) {
  if (!o->stats) return;
  lua_sethook(L, NULL, 0, 0);
  push_report(L, o);
  mp_run_report(L, o->name, lua_pcall(L, 0, 0, 0));
}

int main(int argc, char **argv) {
  static char *nobody[] = {NULL, NULL}; /* called without even a name */
  Options o;
  lua_State *L;
  int status;
  bool well;
  memset(&o, 0, sizeof o);
  o.name = argc > 0 && argv[0][0] != '\0' ? argv[0] : "moonpool";
  o.argv = argc > 0 ? argv : nobody;
  read_options(&o);
  if (o.wrong != NULL) {
    complain(&o);
    return EXIT_FAILURE;
  }
  if (o.help) {
    printf(usage, o.name);
    return EXIT_SUCCESS;
  }
  L = new_state(&o);
  if (L == NULL) return EXIT_FAILURE;
  lua_pushcfunction(L, host_main);
  lua_pushlightuserdata(L, &o);
  status = lua_pcall(L, 1, 1, 0);
  well = lua_toboolean(L, -1);
  mp_run_report(L, o.name, status);
  end_state(L, &o);
  moonpool_close(L);
  return well && status == LUA_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* }===== */
