/*
** owner.h: what stands behind the closure that C calls: the record of one
** callback, and the seat of its state, which says on which thread that runs.
** Both lie in memory of the process that is used again but never given back,
** as the closures themselves: a thread of C's may be looking at a record while
** the callback ends on another.
*/

#ifndef MP_CALL_OWNER_H
#define MP_CALL_OWNER_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "abi/closure.h"
#include "value/state.h"

/*
** A thread, as long as it runs. Where that is an address, errno lies at the
** same place beside it, whatever thread has it.
*/
#if defined(MP_THREAD_POINTER)
typedef const void *MpThread;
static inline MpThread mp_owner_thread(void) { return MP_THREAD_POINTER(); }
static inline bool mp_owner_same(MpThread a, MpThread b) { return a == b; }
#define MP_OWNER_ERRNO(E) ((E)->error)
#else
typedef pthread_t MpThread;
static inline MpThread mp_owner_thread(void) { return pthread_self(); }
static inline bool mp_owner_same(MpThread a, MpThread b) { return pthread_equal(a, b); }
#define MP_OWNER_ERRNO(E) (&errno)
#endif

/* No thread: of a state whose lock is on, any may be the one. */
#define MP_OWNER_NOBODY ((MpThread)0)

typedef struct MpLock MpLock;

/* One a state, while it lives. */
struct MpSeat {
  _Atomic(MpThread) thread; /* on which moonpool was last entered; nobody while the lock is on */
  MpLock *lock;             /* the state lock, for good */
  MpState *engine;          /* NULL: free. Under the pool's lock, but for the state's own thread */
  const void *registry;     /* mp_lock_key's. Under the pool's lock */
  MpSeat *next;             /* of all that were ever made */
};

/* The records that serve one C type: they are used again for no other. */
typedef struct MpOwnerKind MpOwnerKind;

typedef struct MpOwner {
  _Atomic(MpSeat *) seat;   /* any thread may read it */
  MpOwnerKind *kind;        /* for good */
  struct MpOwner *next;     /* among the free ones of its kind */
  bool live;                /* under the lock: its callback has not ended */
  _Atomic(uint64_t) serial; /* counts the callbacks that it has served */
  /* From here on for the state's thread alone. */
  MpState *engine;
  const MpCtype *fn;
  MpClosure *closure;
  MpBlock *block;
  int id;                        /* of its function among the engine's targets */
  unsigned running;              /* calls from C that are inside */
  const struct MpAnswer *answer; /* what is done with arguments and result */
  bool onerror;                  /* errors go to a function */
  char failure[1]; /* what C gets on an error: the result's bytes; written under the lock */
} MpOwner;

/* The seat of a new engine, from now on with this thread; false when memory is out. */
MP_CHECKED bool mp_owner_sit(MpState *E);

/* MpState.leave: the engine has no callbacks any more. */
void mp_owner_leave(MpState *E);

/* The seat of the engine with that registry (mp_lock_key); NULL: there is none. Any thread may ask. */
MpSeat *mp_owner_seat(const void *registry);

/* Is this thread the one that the seat says? No, while the state lock is on. */
static inline bool mp_owner_sits(const MpSeat *seat) {
  return mp_owner_same(atomic_load_explicit(&seat->thread, memory_order_relaxed),
                       mp_owner_thread());
}

/* From now on the seat says this thread. */
void mp_owner_move(MpState *E);

/* Moonpool is being entered: this thread is the state's. */
static inline void mp_owner_enter(MpState *E) {
  if (MP_UNLIKELY(!mp_owner_sits(E->seat)) && !E->locked) mp_owner_move(E);
}

/* Is this thread the state's? Any thread may ask, of a record that may have ended meanwhile. */
static inline bool mp_owner_is_here(MpOwner *o) {
  return mp_owner_sits(atomic_load_explicit(&o->seat, memory_order_acquire));
}

/*
** A thread that isn't the state's, or not yet: which callback the record serves
** as it comes in, and whether it still does. The answer lasts for whoever holds
** the lock of the seat.
*/
static inline uint64_t mp_owner_serial(MpOwner *o) {
  return atomic_load_explicit(&o->serial, memory_order_acquire);
}
MP_CHECKED bool mp_owner_serves(MpOwner *o, uint64_t serial, const MpSeat *seat);

/* The kind of a function type; fails as mp_closure_kind does. */
MP_CHECKED MpStatus mp_owner_kind(const MpCtype *fn, MpOwnerKind **out, MpErr *e);

/*
** A record of that kind and a closure that enters `handler` with it. `failure`
** has as many bytes as the result; NULL: zeros. Fails for want of memory.
*/
MP_CHECKED MpStatus mp_owner_new(MpState *E, MpOwnerKind *kind, MpClosureHandler handler,
                                 const char *failure, MpOwner **out, MpErr *e);

/*
** The callback has ended: C finds its closure dead. The record is given back,
** unless calls are still `inside`: the last one does it then.
*/
void mp_owner_end(MpOwner *o, bool inside);
void mp_owner_free(MpOwner *o);

/*
** Called on a thread that isn't the state's: writes what C gets on an error to
** `result`, unless the record serves another callback by now.
*/
void mp_owner_fail(MpOwner *o, uint64_t serial, void *result);

/*
** The engine whose call into C is under way on this thread; NULL when there is
** none, or more than one. Calls that have given the state lock up don't count.
*/
MpState *mp_owner_calling(void);

#endif
