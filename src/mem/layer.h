/*
** layer.h: what doors and hooks need of the layers: calls of their functions,
** marked, so that re-entry is known; and the table of the blocks that they made.
** Functions here take the lock of RAW's home themselves unless they say otherwise.
*/

#ifndef MP_MEM_LAYER_H
#define MP_MEM_LAYER_H

#include "mem/domain.h"

/*
** A block that a layer made; or one of the base that the numbers don't have (layer NULL).
** A layer that got its block by calling the same domain again has its record above that one's.
*/
typedef struct MpMade {
  struct MpMade *under;
  MpLayer *layer;
  size_t size;  /* as asked for */
  bool counted; /* in the domain's numbers */
  bool vm;      /* Lua's own */
  bool moving;  /* a realloc is under way: its layer may call for what is under it */
} MpMade;

/* A call that this thread is in; lives on the C stack. */
typedef struct MpLayerCall {
  MpLayer *layer;
  struct MpLayerCall *outer;
} MpLayerCall;

/* What is asked for; malloc has an `n` of 1. */
typedef struct MpLayerAsk {
  size_t n, each;
  bool zero;
  bool vm;
} MpLayerAsk;

void mp_layer_lock(const MpDomain *home);
void mp_layer_unlock(const MpDomain *home);

/*
** The layer at `from` or below that serves a new block, entered; NULL: the base.
** mp_layer_leave follows for a layer.
*/
MpLayer *mp_layer_enter(MpDomain *home, MpLayer *from, bool vm, MpLayerCall *call);

void mp_layer_leave(MpLayerCall *call);

/* The functions of a layer that was entered, or of the base (NULL), whose blocks aren't counted. */
void *mp_layer_new(MpDomain *home, MpLayer *y, const MpLayerAsk *ask);

/* A layer's block is freed by its maker (NULL: the base); one of a layer that has ended is lost. */
void mp_layer_free(MpDomain *home, MpLayer *y, void *ptr);

/* A layer has one block more, or less: it lives as long. NULL: nothing. */
void mp_layer_hold(MpLayer *y, size_t bytes);
void mp_layer_unhold(MpLayer *y, size_t bytes);

/*
** The set whose door this thread comes through; returns the one so far. RAW's layers ask for
** it: their home has none.
*/
MpDomains *mp_layer_speak(MpDomains *set);
MpDomains *mp_layer_speaker(void);

/* A call of RAW that is no set's got a block: it may be inside a layer's, which returns it. */
void mp_layer_give(void *ptr);
bool mp_layer_isgiven(const void *ptr);

/* {===== the table ===== */

/*
** Asks the layer that serves for a block, which enters the table. False: none serves, the base
** has to. `*out` NULL: failed, and `*why` says why (NULL: it just did).
*/
bool mp_layer_make(MpDomain *home, const MpLayerAsk *ask, void **out, const char **why);

/* Is it in the table? A copy of its record. */
bool mp_layer_find(MpDomain *home, const void *ptr, MpMade *out);

/* Takes it from the table, if it is there. Its layer is held on to until mp_layer_unhold. */
bool mp_layer_take(MpDomain *home, const void *ptr, MpMade *out);

/* A block in the table gets another size by its maker, which hasn't ended; NULL: it stays as it was. */
void *mp_layer_resize(MpDomain *home, void *ptr, size_t size, const char **why);

/*
** Is it a block of the base that mp_layer_uncount took out of the numbers, so
** that it may end without touching them? With `take` its record goes.
*/
bool mp_layer_isexempt(MpDomain *home, const void *ptr, bool take);

/*
** A layer made its block of one that it got from another domain's door: that is counted in its
** own domain alone. Takes it out of `home`'s numbers; false: it isn't in them.
*/
bool mp_layer_uncount(MpDomain *home, const void *ptr);

/* }===== */

/* What the functions of domain.h of the same names do. */
void mp_layer_get(MpDomain *home, MpAllocator *out);
MP_CHECKED MpStatus mp_layer_set(MpDomain *home, const MpAllocator *a, MpLayerKind kind,
                                 void (*drop)(MpLayer *y), MpLayer **out);
void mp_layer_end(MpLayer *y);

/* What is below the top is it from now on. */
void mp_layer_pop(MpDomain *home);

/* Ends all layers of a set's domain and forgets their blocks: the set goes. */
void mp_layer_fini(MpDomain *home);

#endif
