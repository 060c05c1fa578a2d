/* target.h: the C functions that every peer calls. */

#ifndef BENCH_TARGET_H
#define BENCH_TARGET_H

#include <stddef.h>

struct target_point {
  int x, y;
};

int target_add(int a, int b);
double target_mix(int a, double b, int c, double d);
size_t target_strlen(const char *s);

#endif
