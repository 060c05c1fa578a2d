/*
** owner.c: records of callbacks and seats of states. Called by callback.c, on
** whatever thread. This is one of the few mutable globals: the pool outlives
** every state, so it takes its memory from the C library; one lock guards it.
**
** How a thread that isn't the state's can look at a record at all: the record
** is never freed, its seat neither, so that reading them is safe however late.
** The answer "this is my own thread" is right, since a thread is written to a
** seat by itself alone, and it can't do that while it asks. Any other thread
** takes the lock, and finds the record live or ended. A record serves one C
** type for good, so that even one that is in use again has a result of the
** size that C expects.
*/

#include "call/owner.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "call/lock.h"

struct MpOwnerKind {
  MpClosureKind *closures;
  size_t result_size;
  MpOwner *free;
};

static struct {
  pthread_mutex_t lock;
  MpSeat *seats;
  MpMap kinds; /* by MpClosureKind */
} pool = {PTHREAD_MUTEX_INITIALIZER, NULL, {&mp_alloc_system, NULL, 0, 0}};

static void pool_lock(void) { pthread_mutex_lock(&pool.lock); }
static void pool_unlock(void) { pthread_mutex_unlock(&pool.lock); }

/* {===== seats ===== */

/* A free seat, under the lock; NULL when memory is out. */
static MpSeat *seat_find(void) {
  MpSeat *s;
  for (s = pool.seats; s != NULL; s = s->next)
    if (s->engine == NULL) return s;
  s = (MpSeat *)calloc(1, sizeof(MpSeat));
  if (s == NULL || (s->lock = mp_lock_new()) == NULL) {
    free(s);
    return NULL;
  }
  s->next = pool.seats;
  pool.seats = s;
  return s;
}

/* MpState.enter */
static void owner_enter(MpState *E) { mp_owner_enter(E); }

bool mp_owner_sit(MpState *E) {
  pool_lock();
  E->seat = seat_find();
  if (E->seat != NULL) {
    E->seat->engine = E;
    E->seat->registry = mp_lock_key(E->main);
  }
  pool_unlock();
  if (E->seat == NULL) return false;
  mp_lock_serve(E->seat->lock, E);
  mp_owner_move(E);
  E->enter = owner_enter;
  return true;
}

void mp_owner_move(MpState *E) {
  atomic_store_explicit(&E->seat->thread, mp_owner_thread(), memory_order_relaxed);
  E->error = &errno;
  mp_domain_enter(E->domains);
}

void mp_owner_leave(MpState *E) {
  E->enter = NULL; /* the seat may be another's soon */
  mp_lock_serve(E->seat->lock, NULL);
  pool_lock();
  E->seat->engine = NULL;
  E->seat->registry = NULL;
  pool_unlock();
}

MpSeat *mp_owner_seat(const void *registry) {
  MpSeat *s;
  pool_lock();
  for (s = pool.seats; s != NULL && s->registry != registry; s = s->next) {}
  pool_unlock();
  return s;
}

MpState *mp_owner_calling(void) {
  const MpSeat *s;
  MpState *found = NULL;
  int n = 0;
  pool_lock();
  for (s = pool.seats; s != NULL; s = s->next) {
    /* The thread first: an engine may be looked into on its own alone. */
    if (s->engine == NULL || !mp_lock_has(s) || s->engine->running == NULL) continue;
    found = s->engine;
    n++;
  }
  pool_unlock();
  return n == 1 ? found : NULL;
}

/* }===== */

/* {===== records ===== */

/* Adds a kind under the lock. */
static MpOwnerKind *kind_add(MpClosureKind *closures, size_t result_size) {
  MpOwnerKind *kind = (MpOwnerKind *)calloc(1, sizeof(MpOwnerKind));
  if (kind == NULL || !mp_map_set(&pool.kinds, closures, kind)) {
    free(kind);
    return NULL;
  }
  kind->closures = closures;
  kind->result_size = result_size;
  return kind;
}

MpStatus mp_owner_kind(const MpCtype *fn, MpOwnerKind **out, MpErr *e) {
  MpClosureKind *closures;
  if (mp_closure_kind(fn, &closures, e) != MP_OK) return MP_FAIL;
  pool_lock();
  *out = (MpOwnerKind *)mp_map_get(&pool.kinds, closures);
  if (*out == NULL) *out = kind_add(closures, fn->item->size);
  pool_unlock();
  return *out != NULL ? MP_OK : mp_err_memory(e);
}

/* A record to fill in, under the lock; NULL when memory is out. */
static MpOwner *owner_take(MpOwnerKind *kind) {
  MpOwner *o = kind->free;
  if (o != NULL) {
    kind->free = o->next;
    return o;
  }
  o = (MpOwner *)calloc(1, sizeof(MpOwner) + kind->result_size);
  if (o != NULL) o->kind = kind;
  return o;
}

MpStatus mp_owner_new(MpState *E, MpOwnerKind *kind, MpClosureHandler handler, const char *failure,
                      MpOwner **out, MpErr *e) {
  MpOwner *o;
  pool_lock();
  o = owner_take(kind);
  if (o != NULL) {
    if (failure != NULL)
      memcpy(o->failure, failure, kind->result_size);
    else
      memset(o->failure, 0, kind->result_size);
    o->live = true;
    atomic_fetch_add_explicit(&o->serial, 1, memory_order_release);
  }
  pool_unlock();
  if (o == NULL) return mp_err_memory(e);
  o->engine = E;
  o->running = 0;
  atomic_store_explicit(&o->seat, E->seat, memory_order_release);
  if (mp_closure_take(kind->closures, handler, o, &o->closure, e) != MP_OK) {
    mp_owner_free(o);
    return MP_FAIL;
  }
  *out = o;
  return MP_OK;
}

/* Under the lock. */
static void owner_list(MpOwner *o) {
  o->next = o->kind->free;
  o->kind->free = o;
}

void mp_owner_end(MpOwner *o, bool inside) {
  mp_closure_kill(o->closure);
  pool_lock();
  o->live = false;
  if (!inside) owner_list(o);
  pool_unlock();
}

void mp_owner_free(MpOwner *o) {
  pool_lock();
  o->live = false;
  owner_list(o);
  pool_unlock();
}

void mp_owner_fail(MpOwner *o, uint64_t serial, void *result) {
  pool_lock();
  if (o->serial == serial) memcpy(result, o->failure, o->kind->result_size);
  pool_unlock();
}

bool mp_owner_serves(MpOwner *o, uint64_t serial, const MpSeat *seat) {
  bool serves;
  pool_lock();
  serves = o->live && o->serial == serial &&
           atomic_load_explicit(&o->seat, memory_order_relaxed) == seat;
  pool_unlock();
  return serves;
}

/* }===== */
