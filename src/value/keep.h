/*
** keep.h: a pointer stored into a block keeps what it points into. Each block
** has a table, made when first needed: offset of the pointer → block that it
** points into.
*/

#ifndef MP_VALUE_KEEP_H
#define MP_VALUE_KEEP_H

#include "value/cdata.h"

/*
** The pointer at `at` inside the block (`block` at stack index `idx`) was
** written: it now keeps the block on the top of the stack, or nothing when
** that is nil. Pops it.
*/
void mp_keep_set(lua_State *L, MpCdata *block, int idx, const char *at);

/* Pushes the block that the pointer at `at` keeps if `to` still lies in it; else pushes nothing. */
MpCdata *mp_keep_push(lua_State *L, MpCdata *block, int idx, const char *at, const char *to);

/*
** `n` bytes were moved from `from` in the block at `from_idx` (0: not in a
** block) to `at` in the block at `idx`: what the pointers among them keep moves
** along, and what was kept there is dropped. Regions may overlap.
*/
void mp_keep_move(lua_State *L, MpCdata *block, int idx, const char *at, MpCdata *from_block,
                  int from_idx, const char *from, size_t n);

#endif
