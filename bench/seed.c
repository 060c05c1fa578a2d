/*
** seed.c: for bench-ir, loaded in front of the interpreter by LD_PRELOAD. Lua seeds its
** hashes with the time and with addresses on the heap and the stack, and how often two
** names of a metatable collide shows in the counts. Here the time stands still, and
** main's stack begins at a round address, whatever the environment's size. (The heap and
** the code lie at the same places in each run under valgrind.)
*/

#define _GNU_SOURCE
#include <alloca.h>
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

typedef int Main(int, char **, char **);
typedef int Start(Main *, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);

static Main *program;

time_t time(time_t *t) {
  if (t != NULL) *t = 0;
  return 0;
}

static int main_at_round_address(int argc, char **argv, char **envp) {
  size_t down = (uintptr_t)__builtin_frame_address(0) % (1 << 20);
  char *room = (char *)alloca(down + 16);
  *(volatile char *)room = 0; /* so that it is really there */
  return program(argc, argv, envp);
}

Start __libc_start_main;

int __libc_start_main(Main *m, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end) {
  Start *start;
  void *symbol = dlsym(RTLD_NEXT, "__libc_start_main");
  memcpy(&start, &symbol, sizeof start);
  program = m;
  return start(main_at_round_address, argc, argv, init, fini, rtld_fini, stack_end);
}
