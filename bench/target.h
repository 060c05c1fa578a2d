/*
** target.h: the C functions that every peer calls. The rows declare from this very
** text, its # lines left out: keep it plain enough for the weakest parser.
*/

#ifndef BENCH_TARGET_H
#define BENCH_TARGET_H

#include <stddef.h>

struct target_point {
  int x, y;
};
struct target_line {
  struct target_point a, b;
};

int target_add(int a, int b);
double target_mix(int a, double b, int c, double d);
int target_six(int a, int b, int c, int d, int e, int f);
size_t target_strlen(const char *s);
int target_in(struct target_point p);
struct target_point target_out(int x, int y);
double target_total(int count, ...);
int target_times(int (*f)(int), int n);
void target_sort(int *a, size_t n, int (*compare)(const int *, const int *));

#endif
