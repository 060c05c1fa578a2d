/*
** toc.h: Lua values to C values, in place. Whatever would lose something is
** an error that names the type and the value.
*/

#ifndef MP_VALUE_TOC_H
#define MP_VALUE_TOC_H

#include "value/cdata.h"

/* A block in use by C: it must not end before the call does. */
typedef struct MpPin {
  MpBlock *block;
  int idx; /* stack index of an argument that looks into it */
} MpPin;

/* Where a conversion writes, and for whom. */
typedef struct MpDest {
  lua_State *L;
  MpState *E;
  MpCdata *block; /* the block that is written into: it keeps what its pointers get; NULL: none */
  int block_idx;  /* its stack index */
  char *end;      /* end of fresh memory, to which open arrays reach; NULL: the block's, if known */
  bool init;      /* fresh memory: const members are written too */
  const MpCtype *fn; /* the function whose argument this is; NULL: a plain write */
  int arg;           /* number of that argument */
  MpPin *pins;       /* of a call: blocks that its arguments look into, */
  int npins;         /* so many, */
  int room;          /* with room for so many */
} MpDest;

/* The destination for a write through the cdata at `idx`; pushes its block when it has one. */
void mp_toc_start(MpDest *d, lua_State *L, MpState *E, MpCdata *via, int idx);

/*
** Writes the Lua value at `idx` as a `ct` to `at`. Raises when it doesn't
** convert; what was written before stays. May leave values on the stack that
** must stay there while C uses an argument.
*/
void mp_toc_write(MpDest *d, const MpCtype *ct, char *at, int idx);

/* The same for a field of the record at `record`, bit-fields included. */
void mp_toc_field(MpDest *d, const MpField *f, char *record, int idx);

/* What a Lua value is as a C integer. */
typedef enum MpIntegerness {
  MP_INTEGER_OK,
  MP_INTEGER_HUGE,     /* ok, but at or above 2^127: `out` has its bits */
  MP_INTEGER_FRACTION, /* a number without an integer value */
  MP_INTEGER_NOT       /* no number at all */
} MpIntegerness;

/* An integer, an integral float, or a box of an integer type. */
MpIntegerness mp_toc_integer(lua_State *L, const MpState *E, int idx, MpInt128 *out);

/* A number or a box of an arithmetic type, widened; false for anything else. */
bool mp_toc_number(lua_State *L, const MpState *E, int idx, long double *out);

/* A size or an index of the user's: an integer or integral float. Raises with `what` in the text. */
lua_Integer mp_toc_index(lua_State *L, const MpState *E, int idx, const char *what);

/* The same for what C takes as an int. */
int mp_toc_int(lua_State *L, const MpState *E, int idx, const char *what);

/* Would a parameter of type `ct` take the value at idx, as far as its kind and its type tell? */
bool mp_toc_takes(const MpDest *d, const MpCtype *ct, int idx);

/* Raises when the block that is written into has ended meanwhile: a finalizer may run wherever Lua allocates. */
void mp_toc_checklive(const MpDest *d);

/* Raises: the value at `idx` should have been `expected` for a `ct`. */
MP_NORETURN void mp_toc_mismatch(MpDest *d, const MpCtype *ct, const char *expected, int idx);

/* Raises with the argument's number and the function's type behind the text. */
MP_NORETURN void mp_toc_fail(const MpDest *d, const char *format, ...) MP_FORMAT(2, 3);

/* How messages call the value at idx: "string", "cdata 'int *'"; pushed. */
const char *mp_toc_describe(lua_State *L, const MpState *E, int idx);

/* Pushes a read-only block over the bytes of the string at idx, of type `const char[]`. */
MpBlock *mp_toc_pushstring(lua_State *L, MpState *E, int idx);

#endif
