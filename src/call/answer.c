/*
** answer.c: makes answers. Called by callback.c, once a function type.
*/

#include "call/answer.h"

#include "value/tolua.h"

static MpHow way_how(const MpCtype *ct) {
  if (ct->kind == MP_KIND_VOID) return MP_HOW_VOID;
  if (ct->kind == MP_KIND_POINTER) return MP_HOW_POINTER;
  if (MP_BIG_ENDIAN || (ct->kind != MP_KIND_PRIM && ct->kind != MP_KIND_ENUM)) return MP_HOW_OTHER;
  if (mp_ctype_is_prim(ct, MP_PRIM_CHAR)) return MP_HOW_OTHER; /* a string */
  if (mp_ctype_is_prim(ct, MP_PRIM_BOOL)) return MP_HOW_BOOL;
  if (mp_ctype_is_prim(ct, MP_PRIM_DOUBLE)) return MP_HOW_DOUBLE;
  if (mp_ctype_is_prim(ct, MP_PRIM_FLOAT)) return MP_HOW_FLOAT;
  if (!mp_ctype_is_integer(ct) || ct->size > 8) return MP_HOW_OTHER;
  return mp_ctype_is_unsigned(ct) ? MP_HOW_UNSIGNED : MP_HOW_SIGNED;
}

static MpWay way_of(const MpCtype *ct) {
  MpWay w;
  w.how = (uint8_t)way_how(ct);
  w.shift = ct->size < 8 ? (uint8_t)(64 - 8 * ct->size) : 0;
  return w;
}

/* Large unsigned numbers become boxes. */
static bool way_takes_memory(MpWay w) {
  return w.how >= MP_HOW_POINTER || (w.how == MP_HOW_UNSIGNED && w.shift == 0);
}

const MpAnswer *mp_answer_find(lua_State *L, const MpCtype *fn) {
  MpErr e;
  const MpFunction *f = fn->u.function;
  MpAnswer *a = (MpAnswer *)f->answered;
  uint32_t i;
  if (a != NULL) return a;
  a = (MpAnswer *)mp_arena_new(mp_space_lasting(fn->home),
                               sizeof(MpAnswer) + f->nparams * sizeof(MpWay));
  if (a == NULL) mp_state_error(L, MP_MSG_NOMEM);
  if (mp_owner_kind(fn, &a->kind, &e) != MP_OK) mp_state_raise(L, &e);
  a->n = (int)f->nparams;
  a->quick = true;
  a->result = way_of(fn->item);
  for (i = 0; i < f->nparams; i++) {
    a->params[i] = way_of(f->params[i]);
    if (way_takes_memory(a->params[i])) a->quick = false;
  }
  fn->u.function->answered = a;
  return a;
}

void mp_answer_pushany(lua_State *L, MpState *E, MpWay way, const MpCtype *ct, const char *at) {
  char *address;
  if (way.how == MP_HOW_POINTER) {
    memcpy(&address, at, sizeof address);
    mp_tolua_pointer(L, E, ct->plain, address, 0);
  } else if (way_takes_memory(way)) {
    mp_tolua_push(L, E, ct, at, NULL, 0);
  } else {
    mp_answer_push(L, way, at);
  }
}
