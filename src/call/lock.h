/*
** lock.h: the state lock: several threads use one state, one at a time. Off
** until somebody turns it on. While it is on, a thread gives it up for as long
** as C runs, and callbacks from any thread take it. It lies beside the state's
** seat, in memory of the process that is never given back, so that a thread
** may wait at it however late.
**
** It is fair: who waits gets it in the order of coming, handed over by the one
** before. There is no preemption: Lua that never calls C keeps it.
*/

#ifndef MP_CALL_LOCK_H
#define MP_CALL_LOCK_H

#include "call/owner.h"

/* A new one, off; NULL when memory is out. */
MpLock *mp_lock_new(void);

/* It serves this engine from now on, or (NULL) none: whoever waits is refused. */
void mp_lock_serve(MpLock *k, MpState *E);

/* {===== on the state's own way ===== */

/* Turns it on, held by this thread, or off. Raises when it's to go while other threads are inside. */
void mp_lock_turn(lua_State *L, MpState *E, bool on);

/*
** A thread that has Lua to go back to, while it doesn't hold the lock: it is in
** C, or waits. Lies on its C stack.
*/
typedef struct MpVisit {
  struct MpVisit *next;
  MpLock *lock;
  MpThread thread;
  uint64_t reign; /* the lock's, when it was given up */
  lua_State *in;  /* the coroutine whose call into C it is; callbacks run there */
  unsigned depth;
  bool given, guest;
  /* What of MpState is this thread's. */
  lua_State *running;
  int nested;
} MpVisit;

/*
** Gives it up for a call into C by the coroutine `in`, and takes it again.
** With it not held, or while the state ends, only notes the call. A thread that
** comes back when the state has ended without it has nowhere to go, and sleeps.
** C's errno is the caller's to save.
*/
void mp_lock_give(MpState *E, MpVisit *v, lua_State *in);
void mp_lock_take(MpState *E, MpVisit *v);

/* Lets each thread that waits have a turn. */
void mp_lock_yield(MpState *E);

/*
** The engine ends, on this thread. Nobody new gets in any more; threads that are
** inside by a callback or mp_lock_hold finish first.
*/
void mp_lock_close(MpState *E);

/* }===== */

/* {===== from anywhere ===== */

/* Does this thread have the state on that seat, by the lock or for want of one? */
bool mp_lock_has(const MpSeat *seat);

typedef enum MpLockTurn {
  MP_LOCK_OFF,     /* refused: there is no lock */
  MP_LOCK_CLOSING, /* refused: the state ends */
  MP_LOCK_MINE,    /* this thread has had it already */
  MP_LOCK_TAKEN    /* and must leave */
} MpLockTurn;

/*
** A callback has come in: waits for its turn. MpState.running is then the
** coroutine of this thread that is in C, NULL if there is none.
*/
MP_CHECKED MpLockTurn mp_lock_enter(MpLock *k);

/* The callback is over. The engine may be gone. */
void mp_lock_leave(MpLock *k);

/*
** For the host: takes it, again if need be, on whatever thread; false when it is
** off or the state ends. `registry` says which state: mp_lock_key's.
*/
MP_CHECKED bool mp_lock_hold(const void *registry);
/* Undoes one of these; false when this thread doesn't hold it. */
MP_CHECKED bool mp_lock_drop(const void *registry);

/* Tells states apart, without a look at what another thread may be changing. */
static inline const void *mp_lock_key(lua_State *L) { return lua_topointer(L, LUA_REGISTRYINDEX); }

/* }===== */

#endif
