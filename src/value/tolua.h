/*
** tolua.h: C values to Lua values. A C value becomes the plain Lua value that
** holds it exactly, else a cdata.
*/

#ifndef MP_VALUE_TOLUA_H
#define MP_VALUE_TOLUA_H

#include "value/cdata.h"

/*
** Pushes the value of type `ct` at `at`. `via` (at stack index `via_idx`) is
** the cdata through which that memory is reached: aggregates come as views
** into it, and a pointer as a view of what is kept for it. NULL: the memory is
** temporary, and aggregates are copied into an owner.
*/
void mp_tolua_push(lua_State *L, MpState *E, const MpCtype *ct, const char *at, MpCdata *via,
                   int via_idx);

/* The same for a field of the record at `record`, bit-fields included. */
void mp_tolua_field(lua_State *L, MpState *E, const MpField *f, const char *record, MpCdata *via,
                    int via_idx);

/* Pushes an owner with a copy of the struct or union at `at`. */
void mp_tolua_record(lua_State *L, MpState *E, const MpCtype *ct, const char *at);

/* An integer of type `ct`: a Lua integer where it fits, else a box. */
void mp_tolua_integer(lua_State *L, MpState *E, const MpCtype *ct, MpInt128 value);

/* Pushes a pointer of type `ct` to `to`: nil for NULL. `block_idx`: the block that it looks into, or 0. */
void mp_tolua_pointer(lua_State *L, MpState *E, const MpCtype *ct, char *to, int block_idx);

/* A constant that was declared. */
void mp_tolua_const(lua_State *L, MpState *E, const MpConst *k);

#endif
