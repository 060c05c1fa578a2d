/*
** world.h: what the host and its scripts share. The host's compiler reads this
** file, and so does ffi.cdef: it holds declarations, and nothing for the
** preprocessor but the line below.
*/

#pragma once

enum { WORLD_BODIES = 4, WORLD_NAME = 16 };

struct vec {
  double x, y;
};

struct body {
  char name[WORLD_NAME];
  double mass;
  struct vec at, speed;
};

/* What the sky did in one frame: made by the host for each frame, and taken back after it. */
struct weather {
  double wind[8];
};

struct world {
  int count;   /* bodies in use */
  int frame;   /* frames so far */
  double time; /* seconds */
  double pull; /* of a unit of mass at a unit's distance: scripts may change it */
  struct body body[WORLD_BODIES];
};

/* A script's function that the host calls each frame. */
typedef void world_step(struct world *world, const struct weather *weather, double dt);
