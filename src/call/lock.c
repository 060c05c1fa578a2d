/*
** lock.c: the state lock. Called by call.c, callback.c and owner.c, by the face,
** and by hosts through moonpool.h. A lock's memory is the C library's, for
** good; the records of threads lie on their own stacks, and are linked only
** while these wait or are inside.
**
** The mutex guards the record and is held for a few instructions at a time. Who
** has the state lock itself is `held` and `holder`: it goes from hand to hand,
** so that nobody overtakes. Of MpState, `running` and `nested` are the thread's
** that holds it: each takes its own with it, and brings it back.
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
  const MpVisit *visit; /* it comes back from C; NULL: it comes in */
  pthread_cond_t turn;
  WaitEnd end;
} Waiter;

struct MpLock {
  pthread_mutex_t mutex;
  pthread_cond_t left; /* for the thread that closes: nobody holds it */
  MpState *engine;     /* NULL: it serves none */
  const void *registry;
  uint64_t reign; /* counts the engines that it has served */
  bool on;
  bool closing; /* nobody new gets in */
  bool alone;   /* and nobody is inside but the thread that closes, which keeps it */
  bool held;
  MpThread holder;
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
  return k;
}

/* {===== whose turn it is: all under the mutex ===== */

static bool lock_mine(const MpLock *k) {
  return k->held && mp_owner_same(k->holder, mp_owner_thread());
}

/* This thread's innermost visit, or NULL. */
static MpVisit *lock_visit(const MpLock *k) {
  MpVisit *v;
  for (v = k->visits; v != NULL; v = v->next)
    if (mp_owner_same(v->thread, mp_owner_thread())) return v;
  return NULL;
}

/*
** The state has come to this thread: whatever is kept by thread is looked at
** here. `in`: the coroutine of this thread that is in C.
*/
static void lock_arrive(MpLock *k, lua_State *in, int nested) {
  k->engine->running = in;
  k->engine->nested = nested;
}

/* Takes a waiter out of the line and wakes it. */
static void waiter_end(MpLock *k, Waiter **link, WaitEnd end) {
  Waiter *w = *link;
  *link = w->next;
  if (w->next == NULL) k->end = link;
  w->end = end;
  pthread_cond_signal(&w->turn);
}

/* The holder leaves: to the first who waits. */
static void lock_pass(MpLock *k) {
  if (k->first != NULL) {
    k->holder = k->first->thread;
    waiter_end(k, &k->first, WAIT_GRANTED);
    return;
  }
  k->held = false;
  if (k->closing) pthread_cond_signal(&k->left);
}

/* Waits for this thread's turn. `v`: it comes back from that one. */
static WaitEnd lock_wait(MpLock *k, const MpVisit *v) {
  Waiter w;
  if (!k->held) {
    k->held = true;
    k->holder = mp_owner_thread();
    return WAIT_GRANTED;
  }
  w.next = NULL;
  w.thread = mp_owner_thread();
  w.visit = v;
  w.end = WAIT_NOT_OVER;
  pthread_cond_init(&w.turn, NULL);
  *k->end = &w;
  k->end = &w.next;
  while (w.end == WAIT_NOT_OVER) pthread_cond_wait(&w.turn, &k->mutex);
  pthread_cond_destroy(&w.turn);
  return w.end;
}

/* Whoever waits is refused; guests that come back from C only if so said. */
static void lock_refuse(MpLock *k, WaitEnd end, bool guests) {
  Waiter **link = &k->first;
  while (*link != NULL) {
    if (!guests && (*link)->visit != NULL && (*link)->visit->guest)
      link = &(*link)->next;
    else
      waiter_end(k, link, end);
  }
}

/* May this thread get in, or in again, while the state ends? */
static bool lock_finishes(const MpLock *k, const MpVisit *v) {
  return !k->closing || (v != NULL && v->guest);
}

/* Are other threads inside? `guests`: those that will leave by themselves alone. */
static bool lock_others(const MpLock *k, bool guests) {
  const MpVisit *v;
  for (v = k->visits; v != NULL; v = v->next)
    if ((v->guest || !guests) && !mp_owner_same(v->thread, mp_owner_thread())) return true;
  return false;
}

/* }===== */

/* {===== on and off, open and closed ===== */

void mp_lock_serve(MpLock *k, MpState *E) {
  lock_in(k);
  lock_refuse(k, WAIT_CLOSING, true);
  k->engine = E;
  k->registry = E != NULL ? mp_lock_key(E->main) : NULL;
  k->reign++;
  k->on = k->closing = k->alone = k->held = false;
  k->visits = NULL; /* of threads that won't come back */
  lock_out(k);
}

static void turn_on(MpLock *k, MpState *E) {
  k->on = k->held = true;
  k->holder = mp_owner_thread();
  k->depth = 1;
  k->guest = false;
  E->locked = true;
  atomic_store_explicit(&E->seat->thread, MP_OWNER_NOBODY, memory_order_relaxed);
}

/* False when other threads would be left inside. */
static bool turn_off(MpLock *k, MpState *E) {
  if (!lock_mine(k) || lock_others(k, false)) return false;
  k->on = k->held = false;
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
  if (!lock_mine(k)) (void)lock_wait(k, NULL);
  k->closing = true;
  lock_refuse(k, WAIT_CLOSING, false);
  if (lock_others(k, true)) {
    lock_pass(k);
    while (k->held || lock_others(k, true)) pthread_cond_wait(&k->left, &k->mutex);
    k->held = true;
    k->holder = mp_owner_thread();
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
  lock_in(k);
  v->given = lock_mine(k) && !k->alone;
  if (v->given) {
    v->in = in;
    v->thread = k->holder;
    v->reign = k->reign;
    v->depth = k->depth;
    v->guest = k->guest;
    v->next = k->visits;
    k->visits = v;
    E->inside++;
    lock_pass(k);
  } else {
    E->running = in;
  }
  lock_out(k);
}

/* Its state has ended: there is nowhere to go. */
static MP_NORETURN void visit_park(MpLock *k) {
  lock_out(k);
  fputs("moonpool: " MP_MSG_LOCK_GONE "\n", stderr);
  for (;;) pause();
}

static void visit_end(MpLock *k, const MpVisit *v) {
  MpVisit **link = &k->visits;
  while (*link != v) link = &(*link)->next;
  *link = v->next;
  k->engine->inside--;
  k->depth = v->depth;
  k->guest = v->guest;
}

void mp_lock_take(MpState *E, MpVisit *v) {
  MpLock *k = v->lock;
  if (!v->given) {
    E->running = v->running;
    return;
  }
  lock_in(k);
  if (v->reign != k->reign || !lock_finishes(k, v)) visit_park(k);
  if (k->on && !lock_mine(k) && lock_wait(k, v) != WAIT_GRANTED) visit_park(k);
  visit_end(k, v);
  lock_arrive(k, v->running, v->nested);
  lock_out(k);
}

void mp_lock_yield(MpState *E) {
  MpLock *k = E->seat->lock;
  MpVisit v;
  int saved = E->saved_errno;
  bool wanted;
  if (!E->locked) return;
  lock_in(k);
  wanted = k->first != NULL;
  lock_out(k);
  if (!wanted) return;
  mp_lock_give(E, &v, NULL);
  mp_lock_take(E, &v);
  E->saved_errno = saved;
}

/* }===== */

/* {===== in from anywhere ===== */

/* This thread has got the lock; it may have been here before. */
static void lock_welcome(MpLock *k) {
  const MpVisit *v = lock_visit(k);
  k->depth = 1;
  k->guest = v == NULL || v->guest;
  lock_arrive(k, v != NULL ? v->in : NULL, v != NULL ? v->nested : 0);
}

static MpLockTurn lock_enter(MpLock *k) {
  if (!k->on) return MP_LOCK_OFF;
  if (lock_mine(k)) return MP_LOCK_MINE;
  if (!lock_finishes(k, lock_visit(k))) return MP_LOCK_CLOSING;
  switch (lock_wait(k, lock_visit(k))) {
    case WAIT_OFF: return MP_LOCK_OFF;
    case WAIT_CLOSING: return MP_LOCK_CLOSING;
    default: lock_welcome(k); return MP_LOCK_TAKEN;
  }
}

MpLockTurn mp_lock_enter(MpLock *k) {
  MpLockTurn turn;
  lock_in(k);
  turn = lock_enter(k);
  lock_out(k);
  return turn;
}

void mp_lock_leave(MpLock *k) {
  lock_in(k);
  if (k->on && lock_mine(k)) lock_pass(k);
  lock_out(k);
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
