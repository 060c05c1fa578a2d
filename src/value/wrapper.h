/*
** wrapper.h: which blocks were made over another's memory (by gc, by an
** allocator, by a host): the end of that ends them first. Called by whoever
** makes such a block, and by cdata.c when a block ends.
*/

#ifndef MP_VALUE_WRAPPER_H
#define MP_VALUE_WRAPPER_H

#include "value/cdata.h"

/*
** Notes that the block at `idx` was made over the block `under`. The caller has
** stored what it was made of at MP_BLOCK_UNDER, which keeps `under`. Raises for
** want of memory, with nothing noted.
*/
void mp_wrapper_add(lua_State *L, MpState *E, MpCdata *under, int idx);

/*
** Ends what was made over the block, newest first, before the block itself ends.
** What a destructor makes over it meanwhile has its end later.
*/
void mp_wrapper_endall(lua_State *L, MpState *E, const MpCdata *under);

/* The block, which was made over another, has ended. */
void mp_wrapper_drop(MpState *E, MpBlock *b);

/* The engine ends: gives the records back. */
void mp_wrapper_fini(MpState *E);

#endif
