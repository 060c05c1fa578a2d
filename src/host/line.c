/*
** line.c: reads lines. The library that edits is looked for when the first
** line is read from a terminal, so that the program needs none to be built or
** to run.
*/

#include "host/line.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is used of an editing library; NULL where there is none. */
static struct {
  bool looked_for;
  char *(*read)(const char *prompt);
  void (*remember)(const char *line);
} editor;

bool mp_line_is_terminal(void) { return isatty(STDIN_FILENO); }

static void editor_load(void *library) {
  void *read = dlsym(library, "readline"), *remember = dlsym(library, "add_history");
  const char **name = (const char **)dlsym(library, "rl_readline_name");
  if (read == NULL || remember == NULL) return;
  memcpy(&editor.read, &read, sizeof read);
  memcpy(&editor.remember, &remember, sizeof remember);
  if (name != NULL) *name = "moonpool"; /* for conditions in the user's inputrc */
}

static void editor_find(void) {
  static const char *const names[] = {"libreadline.so.8", "libreadline.so",  "libedit.so.2",
                                      "libedit.so.0",     "libedit.so",      "libreadline.dylib",
                                      "libedit.dylib",    "libedit.3.dylib", NULL};
  const char *const *name;
  editor.looked_for = true;
  if (!mp_line_is_terminal() || !isatty(STDOUT_FILENO)) return;
  for (name = names; *name != NULL && editor.read == NULL; name++) {
    void *library = dlopen(*name, RTLD_NOW | RTLD_LOCAL);
    if (library != NULL) editor_load(library);
  }
}

/* A line of any length, its newline dropped. */
static char *line_plain(size_t *len) {
  char *line = NULL;
  size_t room = 0;
  ssize_t n = getline(&line, &room, stdin);
  if (n < 0) {
    free(line);
    return NULL;
  }
  if (n > 0 && line[n - 1] == '\n') line[--n] = '\0';
  *len = (size_t)n;
  return line;
}

/* What isn't typed is shown nevertheless, as a terminal and an editing library show it. */
static void line_show(const char *line, size_t len) {
  fwrite(line, 1, len, stdout);
  fputs("\n", stdout);
  fflush(stdout);
}

char *mp_line_read(const char *prompt, size_t *len) {
  char *line;
  if (!editor.looked_for) editor_find();
  if (editor.read == NULL) {
    fputs(prompt, stdout);
    fflush(stdout);
    line = line_plain(len);
    if (line != NULL && !mp_line_is_terminal()) line_show(line, *len);
    return line;
  }
  line = editor.read(prompt);
  if (line != NULL) *len = strlen(line);
  return line;
}

void mp_line_remember(const char *line) {
  if (editor.remember != NULL && line[0] != '\0') editor.remember(line);
}
