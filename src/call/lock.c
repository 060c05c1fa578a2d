/*
** lock.c: the state lock. Called by call.c, callback.c and owner.c, by the face,
** and by hosts through moonpool.h. A lock's memory is the C library's, for
** good; the records of threads lie on their own stacks, and are linked only
** while these wait or are inside.
**
** `word` says whether it is free, and whether more than that has to be looked at.
** As long as nobody waits, giving and taking it are one step each, there. All
** else goes under the mutex, where it is handed on, so that nobody overtakes.
** The visits and what is said of the holder are the holder's, and, once the
** state closes or for good, the mutex's.
**
** Of MpState, `running` and `nested` are the thread's that holds it: each takes
** its own with it, and brings it back.
*/

#include "call/lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "call/guest.h"

typedef enum WaitEnd { WAIT_NOT_OVER, WAIT_GRANTED, WAIT_OFF, WAIT_CLOSING } WaitEnd;

/* A thread that waits for its turn, on its own stack. */
typedef struct Waiter {
  struct Waiter *next;
  MpThread thread;
  pthread_cond_t turn;
  WaitEnd end;
} Waiter;

/* More to look at: somebody waits, the state closes, or the lock is off. */
enum { WORD_FREE, WORD_HELD, WORD_MORE };

struct MpLock {
  _Atomic(unsigned) word;
  _Atomic(MpThread) holder; /* only whether it's oneself is of use */
  pthread_mutex_t mutex;
  pthread_cond_t left; /* for the thread that closes: nobody holds it */
  MpState *engine;     /* NULL: it serves none */
  const void *registry;
  uint64_t reign; /* counts the engines that it has served */
  bool on;
  bool closing;         /* nobody new gets in */
  bool alone;           /* and nobody is inside but the thread that closes, which keeps it */
  bool held;            /* what of WORD_MORE is to be known */
  bool guest;           /* the holder has come in by a callback or mp_lock_hold */
  unsigned depth;       /* how often it would have to be dropped */
  Waiter *first, **end; /* in order of coming */
  MpVisit *visits;      /* newest first */
};

static void lock_in(MpLock *k) { pthread_mutex_lock(&k->mutex); }
static void lock_out(MpLock *k) { pthread_mutex_unlock(&k->mutex); }

MpLock *mp_lock_new(void) {
  MpLock *k = (MpLock *)calloc(1, sizeof(MpLock));
  if (k == NULL) return NULL;
  pthread_mutex_init(&k->mutex, NULL);
  pthread_cond_init(&k->left, NULL);
  k->end = &k->first;
  k->word = WORD_MORE;
  return k;
}

/* {===== whose it is ===== */

static bool lock_mine(MpLock *k) {
  return mp_owner_same(atomic_load_explicit(&k->holder, memory_order_relaxed), mp_owner_thread());
}

static void lock_own(MpLock *k) {
  atomic_store_explicit(&k->holder, mp_owner_thread(), memory_order_relaxed);
}

/* Takes it if it's free, and open to all. */
static inline bool lock_try(MpLock *k) {
  unsigned was = WORD_FREE;
  if (!atomic_compare_exchange_strong_explicit(&k->word, &was, WORD_HELD, memory_order_acquire,
                                               memory_order_relaxed))
    return false;
  lock_own(k);
  return true;
}

/*
** The state has come to this thread: whatever is kept by thread is looked at
** here. `in`: the coroutine of this thread that is in C.
*/
static void lock_arrive(MpLock *k, lua_State *in, int nested) {
  mp_domain_enter(k->engine->domains);
  k->engine->running = in;
  k->engine->nested = nested;
}

/* That thread's innermost visit, or NULL. */
static MpVisit *lock_visit(const MpLock *k, MpThread thread) {
  MpVisit *v;
  for (v = k->visits; v != NULL; v = v->next)
    if (mp_owner_same(v->thread, thread)) return v;
  return NULL;
}

/* Are other threads inside? `guests`: those that will leave by themselves alone. */
static bool lock_others(const MpLock *k, bool guests) {
  const MpVisit *v;
  for (v = k->visits; v != NULL; v = v->next)
    if ((v->guest || !guests) && !mp_owner_same(v->thread, mp_owner_thread())) return true;
  return false;
}

/* }===== */

/* {===== waiting: all under the mutex ===== */

/* Takes a waiter out of the line and wakes it. */
static void waiter_end(MpLock *k, Waiter **link, WaitEnd end) {
  Waiter *w = *link;
  *link = w->next;
  if (w->next == NULL) k->end = link;
  w->end = end;
  pthread_cond_signal(&w->turn);
}

/* From now on, who gives it or wants it comes under the mutex. */
static void lock_watch(MpLock *k) {
  unsigned was = atomic_exchange_explicit(&k->word, WORD_MORE, memory_order_acquire);
  if (was != WORD_MORE) k->held = was == WORD_HELD;
}

/* The holder leaves: to the first who waits. */
static void lock_pass(MpLock *k) {
  atomic_store_explicit(&k->holder, MP_OWNER_NOBODY, memory_order_relaxed);
  lock_watch(k);
  if (k->first != NULL) {
    waiter_end(k, &k->first, WAIT_GRANTED);
    return;
  }
  k->held = false;
  if (k->closing)
    pthread_cond_signal(&k->left);
  else
    atomic_store_explicit(&k->word, WORD_FREE, memory_order_release);
}

/* Waits in line. */
static WaitEnd lock_queue(MpLock *k) {
  Waiter w;
  w.next = NULL;
  w.thread = mp_owner_thread();
  w.end = WAIT_NOT_OVER;
  pthread_cond_init(&w.turn, NULL);
  *k->end = &w;
  k->end = &w.next;
  while (w.end == WAIT_NOT_OVER) pthread_cond_wait(&w.turn, &k->mutex);
  pthread_cond_destroy(&w.turn);
  return w.end;
}

/* Waits for this thread's turn. */
static WaitEnd lock_wait(MpLock *k) {
  WaitEnd end = WAIT_GRANTED;
  lock_watch(k);
  if (k->held)
    end = lock_queue(k);
  else
    k->held = true;
  if (end == WAIT_GRANTED) lock_own(k);
  return end;
}

/* The holder leaves. */
static void lock_leave(MpLock *k) {
  unsigned was = WORD_HELD;
  atomic_store_explicit(&k->holder, MP_OWNER_NOBODY, memory_order_relaxed);
  if (atomic_compare_exchange_strong_explicit(&k->word, &was, WORD_FREE, memory_order_release,
                                              memory_order_relaxed))
    return;
  lock_in(k);
  lock_pass(k);
  lock_out(k);
}

/* Whoever waits is refused; guests that come back from C only if so said. */
static void lock_refuse(MpLock *k, WaitEnd end, bool guests) {
  Waiter **link = &k->first;
  while (*link != NULL) {
    const MpVisit *v = guests ? NULL : lock_visit(k, (*link)->thread);
    if (v != NULL && v->guest)
      link = &(*link)->next;
    else
      waiter_end(k, link, end);
  }
}

/* May a thread that has been here on `v` get in again, while the state ends? NULL: it is new. */
static bool lock_finishes(const MpLock *k, const MpVisit *v) {
  return !k->closing || (v != NULL && v->guest);
}

/* }===== */

/* {===== on and off, open and closed ===== */

void mp_lock_serve(MpLock *k, MpState *E) {
  lock_in(k);
  lock_watch(k);
  lock_refuse(k, WAIT_CLOSING, true);
  k->engine = E;
  k->registry = E != NULL ? mp_lock_key(E->main) : NULL;
  k->reign++;
  k->on = k->closing = k->alone = k->held = false;
  k->visits = NULL; /* of threads that won't come back */
  k->holder = MP_OWNER_NOBODY;
  lock_out(k);
}

static void turn_on(MpLock *k, MpState *E) {
  k->on = true;
  k->depth = 1;
  k->guest = false;
  lock_own(k);
  atomic_store_explicit(&k->word, WORD_HELD, memory_order_release);
  E->locked = true;
  atomic_store_explicit(&E->seat->thread, MP_OWNER_NOBODY, memory_order_relaxed);
}

/* False when other threads would be left inside. */
static bool turn_off(MpLock *k, MpState *E) {
  if (!lock_mine(k) || lock_others(k, false)) return false;
  lock_watch(k);
  k->on = k->held = false;
  k->holder = MP_OWNER_NOBODY;
  lock_refuse(k, WAIT_OFF, true);
  E->locked = false;
  mp_owner_move(E);
  return true;
}

void mp_lock_turn(lua_State *L, MpState *E, bool on) {
  MpLock *k = E->seat->lock;
  bool done = true;
  if (on) mp_guest_prepare(L, E);
  lock_in(k);
  if (on && !k->on)
    turn_on(k, E);
  else if (!on && k->on)
    done = turn_off(k, E);
  lock_out(k);
  if (!done) mp_state_error(L, MP_MSG_LOCK_INSIDE);
}

void mp_lock_close(MpState *E) {
  MpLock *k = E->seat->lock;
  lua_State *running = E->running;
  int nested = E->nested, saved = E->saved_errno;
  if (!E->locked) return;
  lock_in(k);
  if (!lock_mine(k)) (void)lock_wait(k);
  lock_watch(k);
  k->closing = true;
  lock_refuse(k, WAIT_CLOSING, false);
  if (lock_others(k, true)) {
    lock_pass(k);
    while (k->held || lock_others(k, true)) pthread_cond_wait(&k->left, &k->mutex);
    k->held = true;
    lock_own(k);
    lock_arrive(k, running, nested);
    E->saved_errno = saved;
  }
  k->alone = true;
  lock_out(k);
}

/* }===== */

/* {===== out to C, and back ===== */

void mp_lock_give(MpState *E, MpVisit *v, lua_State *in) {
  MpLock *k = E->seat->lock;
  v->lock = k;
  v->running = E->running;
  v->nested = E->nested;
  v->given = lock_mine(k) && !k->alone && E->apart == 0;
  if (!v->given) {
    E->running = in;
    return;
  }
  v->in = in;
  v->thread = mp_owner_thread();
  v->reign = k->reign;
  v->depth = k->depth;
  v->guest = k->guest;
  if (MP_UNLIKELY(k->closing)) lock_in(k); /* others look at the visits before they have the lock */
  v->next = k->visits;
  k->visits = v;
  if (MP_UNLIKELY(k->closing)) lock_out(k);
  E->inside++;
  lock_leave(k);
}

/* Its state has ended: there is nowhere to go. */
static MP_NORETURN void visit_park(MpLock *k) {
  lock_out(k);
  fputs("moonpool: " MP_MSG_LOCK_GONE "\n", stderr);
  for (;;) pause();
}

/* The lock is had again, or off. */
static void visit_end(MpLock *k, const MpVisit *v) {
  MpVisit **link = &k->visits;
  while (*link != v) link = &(*link)->next;
  *link = v->next;
  k->engine->inside--;
  k->depth = v->depth;
  k->guest = v->guest;
  lock_arrive(k, v->running, v->nested);
}

/* With more to look at than whether it is free. */
static void visit_return(MpLock *k, const MpVisit *v) {
  lock_in(k);
  if (v->reign != k->reign || !lock_finishes(k, v)) visit_park(k);
  if (k->on && !lock_mine(k) && lock_wait(k) != WAIT_GRANTED) visit_park(k);
  visit_end(k, v);
  lock_out(k);
}

void mp_lock_take(MpState *E, MpVisit *v) {
  MpLock *k = v->lock;
  if (!v->given) {
    E->running = v->running;
  } else if (MP_UNLIKELY(!lock_try(k))) {
    visit_return(k, v);
  } else if (MP_LIKELY(v->reign == k->reign)) {
    visit_end(k, v);
  } else {
    lock_leave(k); /* it's another state's */
    lock_in(k);
    visit_park(k);
  }
}

void mp_lock_yield(MpState *E) {
  MpLock *k = E->seat->lock;
  MpVisit v;
  int saved = E->saved_errno;
  if (!E->locked || atomic_load_explicit(&k->word, memory_order_relaxed) != WORD_MORE) return;
  mp_lock_give(E, &v, NULL);
  mp_lock_take(E, &v);
  E->saved_errno = saved;
}

/* }===== */

/* {===== in from anywhere ===== */

bool mp_lock_has(const MpSeat *seat) { return mp_owner_sits(seat) || lock_mine(seat->lock); }

/* This thread has got the lock; it may have been here before. */
static void lock_welcome(MpLock *k) {
  const MpVisit *v = lock_visit(k, mp_owner_thread());
  k->depth = 1;
  k->guest = v == NULL || v->guest;
  lock_arrive(k, v != NULL ? v->in : NULL, v != NULL ? v->nested : 0);
}

/* With more to look at than whether it is free; under the mutex. */
static MpLockTurn lock_enter(MpLock *k) {
  if (!k->on) return MP_LOCK_OFF;
  if (lock_mine(k)) return MP_LOCK_MINE;
  if (k->closing && !lock_finishes(k, lock_visit(k, mp_owner_thread()))) return MP_LOCK_CLOSING;
  switch (lock_wait(k)) {
    case WAIT_OFF: return MP_LOCK_OFF;
    case WAIT_CLOSING: return MP_LOCK_CLOSING;
    default: lock_welcome(k); return MP_LOCK_TAKEN;
  }
}

MpLockTurn mp_lock_enter(MpLock *k) {
  MpLockTurn turn;
  if (lock_try(k)) {
    lock_welcome(k);
    return MP_LOCK_TAKEN;
  }
  lock_in(k);
  turn = lock_enter(k);
  lock_out(k);
  return turn;
}

void mp_lock_leave(MpLock *k) {
  if (lock_mine(k)) lock_leave(k);
}

/* The lock of that state, its mutex had; NULL: there is none. */
static MpLock *lock_find(const void *registry) {
  MpSeat *seat = mp_owner_seat(registry);
  if (seat == NULL) return NULL;
  lock_in(seat->lock);
  if (seat->lock->registry == registry && seat->lock->on) return seat->lock;
  lock_out(seat->lock);
  return NULL;
}

bool mp_lock_hold(const void *registry) {
  MpLock *k = lock_find(registry);
  MpLockTurn turn;
  if (k == NULL) return false;
  turn = lock_enter(k);
  if (turn == MP_LOCK_MINE) k->depth++;
  lock_out(k);
  return turn >= MP_LOCK_MINE;
}

bool mp_lock_drop(const void *registry) {
  MpLock *k = lock_find(registry);
  bool mine;
  if (k == NULL) return false;
  mine = lock_mine(k);
  if (mine && --k->depth == 0) lock_pass(k);
  lock_out(k);
  return mine;
}

/* }===== */
