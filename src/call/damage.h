/*
** damage.h: what happens when the debug hooks find damage: a smashed byte
** around a block, a write after its end.
*/

#ifndef MP_CALL_DAMAGE_H
#define MP_CALL_DAMAGE_H

#include "mem/debug.h"
#include "value/state.h"

/* `on_corruption`. */
typedef enum MpDamage {
  MP_DAMAGE_DEFAULT, /* an error where one can be raised, else the end of the process */
  MP_DAMAGE_ABORT,   /* the end of the process */
  MP_DAMAGE_ERROR,   /* an error where one can be raised, else a report */
  MP_DAMAGE_CALL     /* a Lua function gets the report */
} MpDamage;

/* Once at open. */
void mp_damage_open(lua_State *L, MpState *E);

/* From now on so; with MP_DAMAGE_CALL the function is at idx. */
void mp_damage_choose(lua_State *L, MpState *E, MpDamage how, int idx);

/* The handler, for the hooks' options. */
void mp_damage_handler(MpState *E, MpDebugOptions *o);

/*
** A call of Lua found damage, and nothing has happened yet: does what is to be
** done. True: the report is to be raised.
*/
bool mp_damage_found(MpState *E, const char *report);

/* Damage that is found from here on waits for mp_damage_raise, where it is to be an error. */
void mp_damage_await(MpState *E);

/* Raises the damage that was found since then. */
void mp_damage_raise(lua_State *L, MpState *E);

#endif
