/* target.c: a library of its own, so that no compiler sees through a call. */

#include "target.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int target_add(int a, int b) { return a + b; }
double target_mix(int a, double b, int c, double d) { return a + b + c + d; }
int target_six(int a, int b, int c, int d, int e, int f) { return a + b + c + d + e + f; }
size_t target_strlen(const char *s) { return strlen(s); }
int target_in(struct target_point p) { return p.x + p.y; }

struct target_point target_out(int x, int y) {
  struct target_point p = {x, y};
  return p;
}

/* The sum of `count` doubles. */
double target_total(int count, ...) {
  double sum = 0;
  va_list list;
  va_start(list, count);
  while (count-- > 0) sum += va_arg(list, double);
  va_end(list);
  return sum;
}

/* Calls f(0) … f(n-1); what they return, added up. */
int target_times(int (*f)(int), int n) {
  int i;
  unsigned sum = 0;
  for (i = 0; i < n; i++) sum += (unsigned)f(i);
  return (int)sum;
}

void target_sort(int *a, size_t n, int (*compare)(const int *, const int *)) {
  qsort(a, n, sizeof *a, (int (*)(const void *, const void *))compare);
}
