/*
** closure.c: the pool of executable closures. Called by call/callback. The
** pool is one of the few mutable globals: it outlives every state, so it takes
** its memory from the C library and never gives it back; one lock guards it.
**
** A slot is a piece of code and its record. Once made it stays of one kind (a C
** function type) for good, so that whoever calls a stale address calls it with
** the arguments that it expects. The code is one of entry.c's as long as there
** are any, else libffi's, which has as many as one wants and knows every ABI.
*/

#include "abi/closure.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "abi/entry.h"
#include "abi/signature.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/num.h"
#include "type/repr.h"

/*
** A slot rests for so many later deaths: stale pointers in C get noticed
** instead of misdirected.
*/
#define REST 1024

struct MpClosure {
  MpClosureCode code;
  ffi_closure *memory; /* NULL: the code is entry.c's */
  MpClosureKind *kind;
  _Atomic(void *) owner;             /* NULL: dead. Read by C's threads without the lock */
  _Atomic(MpClosureHandler) handler; /* the last one, which answers for a dead closure too */
  uint64_t died;                     /* count of deaths up to its own */
  MpClosure *next;                   /* among the dead of its kind, oldest first */
};

/* So many arguments a C function seldom has more than. */
#define SIMPLE_MOST 16

/* Where a result is written that is to be in registers. */
typedef enum MpSpot { MP_SPOT_GPR, MP_SPOT_XMM, MP_SPOT_GPR_XMM, MP_SPOT_XMM_GPR } MpSpot;

struct MpClosureKind {
  MpSignature *sig;
  char *key; /* the text of the type, a NUL, and how it is passed */
  size_t key_size;
  uint32_t hash;
  MpClosure *oldest, **newest; /* the dead */
  /* For entry.c's code: */
  uint32_t *places; /* of the parts, from the image; NULL: only libffi's code will do */
  MpSpot result;
  uint32_t
      simple; /* 0: there is something to put together; else where in the image the result is */
};

/* {===== the pool ===== */

static struct {
  pthread_mutex_t lock;
  uint64_t deaths;
  MpMap kinds; /* by key */
  unsigned entries;
  MpClosure
      *entered[MP_ENTRY_COUNT + 1]; /* by number; each is written once, before C has its code */
} pool = {PTHREAD_MUTEX_INITIALIZER, 0, {&mp_alloc_system, NULL, 0, 0}, 0, {NULL}};

static void pool_lock(void) { pthread_mutex_lock(&pool.lock); }
static void pool_unlock(void) { pthread_mutex_unlock(&pool.lock); }

/* }===== */

/* {===== entry ===== */

/*
** Where C's arguments are, from where libffi says that the parts are; `pairs`
** has 16 bytes an argument.
*/
static void closure_gather(const MpSignature *sig, void **parts, void **args, char *pairs) {
  uint32_t i, p = sig->result == MP_RESULT_MEMORY;
  for (i = 0; i < sig->nargs; i++, pairs += 16) {
    const MpPart *part = &sig->parts[p];
    unsigned n = sig->args[i].nparts;
    if (n == 1 && part->at == 0) {
      args[i] = parts[p];
    } else {
      unsigned k;
      for (k = 0; k < n; k++) memcpy(pairs + part[k].at, parts[p + k], 8);
      args[i] = pairs;
    }
    p += n;
  }
}

/*
** libffi wants an integer result as an ffi_arg. The handler has written it at
** the beginning of one: on a big-endian machine these are its upper bytes.
*/
static void closure_widen(const MpSignature *sig, void *result) {
  unsigned shift = 8 * (unsigned)(sizeof(ffi_arg) - sig->result_int);
  ffi_arg wide;
  memcpy(&wide, result, sizeof wide);
  if (!MP_BIG_ENDIAN) wide <<= shift;
  wide = sig->result_signed ? (ffi_arg)((ffi_sarg)wide >> shift) : wide >> shift;
  memcpy(result, &wide, sizeof wide);
}

static void closure_answer(MpClosure *c, void *result, void **args) {
  MpClosureHandler handler = atomic_load_explicit(&c->handler, memory_order_acquire);
  void *owner = atomic_load_explicit(&c->owner, memory_order_acquire);
  handler(owner, result, args, c->kind->key);
}

static void closure_run(MpClosure *c, void *result, void **args, void **parts) {
  const MpSignature *sig = c->kind->sig;
  char none[16];
  if (sig->result == MP_RESULT_MEMORY) {
    void *to;
    memcpy(&to, parts[0], sizeof to);
    memset(to, 0, sig->result_size);
    closure_answer(c, to, args);
    memcpy(result, &to, sizeof to); /* returned in rax: psABI 3.2.3, "returning", 2 */
    return;
  }
  if (sig->result == MP_RESULT_NONE) {
    closure_answer(c, none, args);
    return;
  }
  if (sig->result_int) {
    memset(result, 0, sizeof(ffi_arg));
    closure_answer(c, result, args);
    closure_widen(sig, result);
    return;
  }
  memset(result, 0, sig->result_size);
  closure_answer(c, result, args);
}

/* With where the parts are, on C's thread and stack. */
static void closure_start(MpClosure *c, void *result, void **parts) {
  const MpSignature *sig = c->kind->sig;
  if (sig->direct) {
    closure_run(c, result, parts, parts);
  } else {
    /* as many as C passed by value: the stack has held them once already */
    void **args = (void **)__builtin_alloca((sig->nargs + 1) * sizeof(void *));
    char *pairs = (char *)__builtin_alloca((size_t)sig->nargs * 16 + 16);
    closure_gather(sig, parts, args, pairs);
    closure_run(c, result, args, parts);
  }
}

/* What libffi calls. */
static void closure_enter(ffi_cif *cif, void *result, void **parts, void *ud) {
  (void)cif;
  closure_start((MpClosure *)ud, result, parts);
}

#if MP_ABI_ENTRY

/*
** Where an argument is that no register has, seen from the image: behind that
** lie what the code has saved and the address that it returns to.
*/
#define ON_STACK (sizeof(MpEntryImage) + 16)

/* Arguments that are a part each, a result in a register or none: most functions are like that. */
static void closure_answer_simply(MpClosure *c, const MpClosureKind *kind, char *image) {
  uint32_t i, n = kind->sig->nparts;
  char *result = image + kind->simple;
  void *args[SIMPLE_MOST];
  for (i = 0; i < n; i++) args[i] = image + kind->places[i];
  memset(result, 0, 8);
  closure_answer(c, result, args);
  if (kind->sig->result_int) closure_widen(kind->sig, result);
}

void mp_closure_answer(MpEntryImage *image, unsigned number) {
  MpClosure *c = pool.entered[number];
  const MpClosureKind *kind = c->kind;
  void **parts;
  uint32_t i, n = kind->sig->nparts;
  if (MP_LIKELY(kind->simple)) {
    closure_answer_simply(c, kind, (char *)image);
    return;
  }
  parts = (void **)__builtin_alloca((n + 1) * sizeof(void *));
  for (i = 0; i < n; i++) parts[i] = (char *)image + kind->places[i];
  closure_start(c, kind->result == MP_SPOT_XMM ? image->xmm_result : image->gpr_result, parts);
  if (kind->result == MP_SPOT_GPR_XMM) {
    image->xmm_result[0] = image->gpr_result[1];
  } else if (kind->result == MP_SPOT_XMM_GPR) {
    image->xmm_result[0] = image->gpr_result[0];
    image->gpr_result[0] = image->gpr_result[1];
  }
}

/* Where the parts are at entry; false for a part that lies elsewhere from call to call. */
static bool kind_place_parts(const MpSignature *sig, uint32_t *places) {
  size_t stack = 0, gprs = 0, xmms = 0;
  uint32_t i;
  if (sig->overaligned != NULL) return false;
  for (i = 0; i < sig->nparts; i++) {
    switch (sig->parts[i].place) {
      case MP_IN_GPR: places[i] = (uint32_t)(offsetof(MpEntryImage, gpr) + 8 * gprs++); break;
      case MP_IN_XMM:
      case MP_IN_VECTOR: places[i] = (uint32_t)(offsetof(MpEntryImage, xmm) + 16 * xmms++); break;
      default:
        stack = mp_num_align(stack, sig->types[i]->alignment);
        places[i] = (uint32_t)(ON_STACK + stack);
        stack += sig->types[i]->size;
    }
  }
  return true;
}

static bool type_is_xmm(const ffi_type *type) {
  return type->type == FFI_TYPE_DOUBLE || type->type == FFI_TYPE_FLOAT;
}

/* By what signature.c told libffi of the result; false for those in x87 registers. */
static bool kind_place_result(const ffi_type *type, MpSpot *result) {
  static const MpSpot pairs[2][2] = {{MP_SPOT_GPR, MP_SPOT_GPR_XMM},
                                     {MP_SPOT_XMM_GPR, MP_SPOT_XMM}};
  if (type->type == FFI_TYPE_LONGDOUBLE || type->type == FFI_TYPE_COMPLEX) return false;
  if (type->type == FFI_TYPE_STRUCT)
    *result = pairs[type_is_xmm(type->elements[0])][type_is_xmm(type->elements[1])];
  else
    *result = type_is_xmm(type) ? MP_SPOT_XMM : MP_SPOT_GPR;
  return true;
}

/* Lets entry.c's code serve the kind if it can. */
static void kind_place(MpClosureKind *kind) {
  const MpSignature *sig = kind->sig;
  uint32_t *places = (uint32_t *)malloc((sig->nparts + 1) * sizeof *places);
  if (places != NULL && kind_place_result(sig->cif.rtype, &kind->result) &&
      kind_place_parts(sig, places)) {
    kind->places = places;
    if (sig->direct && sig->nparts <= SIMPLE_MOST && sig->result_size <= 8)
      kind->simple = kind->result == MP_SPOT_XMM ? offsetof(MpEntryImage, xmm_result)
                                                 : offsetof(MpEntryImage, gpr_result);
  } else {
    free(places);
  }
}

#else

static void kind_place(MpClosureKind *kind) { (void)kind; }

#endif

/* }===== */

/* {===== kinds ===== */

typedef struct KindKey {
  const char *bytes;
  size_t size;
} KindKey;

static bool kind_same(const void *stored, const void *sought) {
  const MpClosureKind *kind = (const MpClosureKind *)stored;
  const KindKey *key = (const KindKey *)sought;
  return kind->key_size == key->size && memcmp(kind->key, key->bytes, key->size) == 0;
}

static void kind_write_type(MpBuf *out, const ffi_type *type) {
  ffi_type **item = type->type == FFI_TYPE_STRUCT ? type->elements : NULL;
  mp_buf_addf(out, "%u/%zu/%u", (unsigned)type->type, type->size, (unsigned)type->alignment);
  for (; item != NULL && *item != NULL; item++)
    mp_buf_addf(out, "%c%u", item == type->elements ? '{' : ' ', (unsigned)(*item)->type);
}

/*
** A key: the text of a pointer to the type, for people, and behind its NUL what
** decides how it is passed, since `struct s` may be one thing here and another
** there.
*/
static void kind_write_key(MpBuf *out, const MpCtype *fn, const MpSignature *sig) {
  uint32_t i;
  mp_repr_type(out, fn, "*");
  mp_buf_addchar(out, '\0');
  mp_buf_addf(out, "%d:%zu:", (int)sig->result, sig->result_size);
  kind_write_type(out, sig->cif.rtype);
  for (i = 0; i < sig->nparts; i++) {
    mp_buf_addf(out, ",%u+%u:", (unsigned)sig->parts[i].arg, (unsigned)sig->parts[i].at);
    kind_write_type(out, sig->types[i]);
  }
}

/* Adds a kind under the lock; takes over the signature, copies the key. */
static MpStatus kind_add(const KindKey *key, uint32_t hash, MpSignature *sig, MpClosureKind **out,
                         MpErr *e) {
  MpClosureKind *kind = (MpClosureKind *)calloc(1, sizeof(MpClosureKind));
  char *copy = (char *)malloc(key->size);
  if (kind == NULL || copy == NULL || !mp_map_add(&pool.kinds, hash, kind, kind)) {
    free(kind);
    free(copy);
    return mp_err_memory(e);
  }
  memcpy(copy, key->bytes, key->size);
  kind->key = copy;
  kind->key_size = key->size;
  kind->hash = hash;
  kind->sig = sig;
  kind->newest = &kind->oldest;
  kind_place(kind);
  *out = kind;
  return MP_OK;
}

/* The pool's kind of that key, with this signature if it's a new one. */
static MpStatus kind_find(const KindKey *key, MpSignature *sig, MpClosureKind **out, MpErr *e) {
  uint32_t hash = mp_map_hash(MP_MAP_SEED, key->bytes, key->size);
  MpStatus status = MP_OK;
  pool_lock();
  *out = (MpClosureKind *)mp_map_find(&pool.kinds, hash, key, kind_same);
  if (*out == NULL) status = kind_add(key, hash, sig, out, e);
  pool_unlock();
  return status;
}

/* What a closure can't do: libffi hands half of a vector register back. */
static MpStatus kind_check(const MpCtype *fn, MpErr *e) {
  if (fn->u.function->variadic)
    return mp_signature_refuse(&mp_alloc_system, fn, MP_MSG_ABI_VARIADIC, e);
  return MP_OK;
}

MpStatus mp_closure_kind(const MpCtype *fn, MpClosureKind **out, MpErr *e) {
  MpSignature *sig;
  MpBuf buf;
  KindKey key;
  MpStatus status;
  if (kind_check(fn, e) != MP_OK) return MP_FAIL;
  if (mp_signature_new(&mp_alloc_system, fn, NULL, 0, &sig, e) != MP_OK) return MP_FAIL;
  if (sig->result == MP_RESULT_VECTOR) {
    mp_signature_free(&mp_alloc_system, sig);
    return mp_signature_refuse(&mp_alloc_system, fn->item, MP_MSG_ABI_PASS, e);
  }
  mp_buf_init(&buf, &mp_alloc_system);
  kind_write_key(&buf, fn, sig);
  key.bytes = mp_buf_cstr(&buf);
  key.size = buf.len;
  status = key.bytes == NULL ? mp_err_memory(e) : kind_find(&key, sig, out, e);
  if (status != MP_OK || (*out)->sig != sig) mp_signature_free(&mp_alloc_system, sig);
  mp_buf_fini(&buf);
  return status;
}

/* }===== */

/* {===== closures ===== */

/* Code of libffi's for a new slot. */
static bool closure_prepare(MpClosure *c) {
  void *code = NULL;
  c->memory = (ffi_closure *)ffi_closure_alloc(sizeof(ffi_closure), &code);
  if (c->memory == NULL) return false;
  if (ffi_prep_closure_loc(c->memory, &c->kind->sig->cif, closure_enter, c, code) != FFI_OK) {
    ffi_closure_free(c->memory);
    return false;
  }
  memcpy(&c->code, &code, sizeof code); /* ISO C has no cast from object to function pointers */
  return true;
}

/* A new slot, under the lock. */
static MpClosure *closure_make(MpClosureKind *kind) {
  MpClosure *c = (MpClosure *)calloc(1, sizeof(MpClosure));
  if (c == NULL) return NULL;
  c->kind = kind;
  if (kind->places != NULL && pool.entries < MP_ENTRY_COUNT) {
    pool.entered[pool.entries] = c;
    c->code = mp_entry_code(pool.entries++);
  } else if (!closure_prepare(c)) {
    free(c);
    return NULL;
  }
  return c;
}

/* The oldest dead one of its kind, if it has rested. */
static MpClosure *closure_revive(MpClosureKind *kind) {
  MpClosure *c = kind->oldest;
  if (c == NULL || pool.deaths - c->died < REST) return NULL;
  kind->oldest = c->next;
  if (kind->oldest == NULL) kind->newest = &kind->oldest;
  c->next = NULL;
  return c;
}

MpStatus mp_closure_take(MpClosureKind *kind, MpClosureHandler handler, void *owner,
                         MpClosure **out, MpErr *e) {
  MpClosure *c;
  mp_assert(owner != NULL);
  pool_lock();
  c = closure_revive(kind);
  if (c == NULL) c = closure_make(kind);
  if (c != NULL) {
    atomic_store_explicit(&c->handler, handler, memory_order_release);
    atomic_store_explicit(&c->owner, owner, memory_order_release);
  }
  pool_unlock();
  if (c == NULL) return mp_err_memory(e);
  *out = c;
  return MP_OK;
}

MpClosureCode mp_closure_code(const MpClosure *c) { return c->code; }

void mp_closure_kill(MpClosure *c) {
  pool_lock();
  atomic_store_explicit(&c->owner, NULL, memory_order_release);
  c->died = ++pool.deaths;
  c->next = NULL;
  *c->kind->newest = c;
  c->kind->newest = &c->next;
  pool_unlock();
}

/* }===== */
