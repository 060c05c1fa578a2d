/*
** regs.c: calls whose arguments all travel in registers. Called by cif.c;
** keeps nothing, allocates nothing.
**
** Why the cast holds on System V x86-64 (psABI 3.2.3), though ISO C leaves it
** undefined (C11 6.3.2.3p8):
** - integer arguments take rdi, rsi, rdx, rcx, r8, r9 in order and others
**   xmm0 to xmm7 in order, each row for itself: `f(int, double, int)` finds
**   its arguments where a call of `g(long, long, double)` puts them;
** - a register that carries no argument belongs to nobody, so a call may fill
**   more of them than the callee looks at; the caller cleans up, and nothing
**   lies on the stack;
** - results come in rax and rdx, xmm0 and xmm1; reading one that wasn't
**   set gives garbage that nobody asks for;
** - bits above a value in its register are undefined (a float in a double's
**   register, an int in a long's); what compilers expect all the same, small
**   integers extended to an int, cif.c has done;
** - a variadic callee is told in al how many vector registers are used at most
**   (3.5.7). The prototypes below are variadic, so that the compiler sets it;
**   others don't look.
** The generator in spec/abi/ runs all it makes through here and through libffi.
*/

#include "abi/regs.h"

#if MP_ABI_REGS

#include <string.h>
#include <xmmintrin.h>

/*
** The frame's bytes as what the registers hold: written as other types, so
** they may alias.
*/
typedef uint64_t __attribute__((may_alias)) Gpr;
typedef double __attribute__((may_alias)) Xmm;
typedef __m128 __attribute__((may_alias)) Vec;

/* What a call returns, by the registers that it comes in. */
typedef struct PairII {
  Gpr a, b;
} PairII;
typedef struct PairIX {
  Gpr a;
  Xmm b;
} PairIX;
typedef struct PairXI {
  Xmm a;
  Gpr b;
} PairXI;
typedef struct PairXX {
  Xmm a, b;
} PairXX;

#if defined(__clang__)
/* function types are wrong on purpose */
#define NO_CHECK __attribute__((no_sanitize("undefined")))
#else
#define NO_CHECK
#endif

/* Parameter lists and arguments: so many integer registers, so many others. */
#define P_G2 Gpr, Gpr
#define P_G4 P_G2, Gpr, Gpr
#define P_G6 P_G4, Gpr, Gpr
#define P_X0
#define P_X2 , Xmm, Xmm
#define P_X8 P_X2 P_X2 P_X2 P_X2
#define P_V8 , Vec, Vec, Vec, Vec, Vec, Vec, Vec, Vec
#define A_G2 g[0], g[1]
#define A_G4 A_G2, g[2], g[3]
#define A_G6 A_G4, g[4], g[5]
#define A_X0
#define A_X2 , x[0], x[1]
#define A_X8 A_X2, x[2], x[3], x[4], x[5], x[6], x[7]
#define A_V8 , v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]

/* One function for a kind of result and a shape of arguments. */
#define DEFINE(R, type, G, X)                                                \
  NO_CHECK static void regs_##R##_##G##_##X(void (*fn)(void), char *frame) { \
    const Gpr *g = (const Gpr *)(const void *)(frame + MP_REGS_GPR);         \
    const Xmm *x = (const Xmm *)(const void *)(frame + MP_REGS_XMM);         \
    const Vec *v = (const Vec *)(const void *)(frame + MP_REGS_VECTOR);      \
    type r = ((type(*)(P_##G P_##X, ...))fn)(A_##G A_##X);                   \
    memcpy(frame + MP_REGS_RESULT, &r, sizeof r);                            \
    (void)x;                                                                 \
    (void)v;                                                                 \
  }

/* clang-format off */
#define DEFINE_SHAPES(R, type)                                               \
  DEFINE(R, type, G2, X0) DEFINE(R, type, G4, X0) DEFINE(R, type, G6, X0)    \
  DEFINE(R, type, G2, X2) DEFINE(R, type, G4, X2) DEFINE(R, type, G6, X2)    \
  DEFINE(R, type, G2, X8) DEFINE(R, type, G4, X8) DEFINE(R, type, G6, X8)    \
  DEFINE(R, type, G6, V8)

#define SHAPES(R)                                                            \
  {regs_##R##_G2_X0, regs_##R##_G4_X0, regs_##R##_G6_X0, regs_##R##_G2_X2,   \
   regs_##R##_G4_X2, regs_##R##_G6_X2, regs_##R##_G2_X8, regs_##R##_G4_X8,   \
   regs_##R##_G6_X8, regs_##R##_G6_V8}
/* clang-format on */

DEFINE_SHAPES(I, Gpr)
DEFINE_SHAPES(X, Xmm)
DEFINE_SHAPES(II, PairII)
DEFINE_SHAPES(IX, PairIX)
DEFINE_SHAPES(XI, PairXI)
DEFINE_SHAPES(XX, PairXX)
DEFINE_SHAPES(V, Vec)

/* Kinds of result, in the order of the table. */
enum { RESULT_I, RESULT_X, RESULT_II, RESULT_IX, RESULT_XI, RESULT_XX, RESULT_V, RESULT_OTHER };

#define SHAPE_V 9

static const MpRegsCall regs_calls[RESULT_OTHER][10] = {
    SHAPES(I), SHAPES(X), SHAPES(II), SHAPES(IX), SHAPES(XI), SHAPES(XX), SHAPES(V)};

static bool regs_is_xmm(const ffi_type *type) {
  return type->type == FFI_TYPE_DOUBLE || type->type == FFI_TYPE_FLOAT;
}

/* By what signature.c told libffi of the result. */
static int regs_result(const MpSignature *sig) {
  const ffi_type *type = sig->cif.rtype;
  if (sig->result == MP_RESULT_VECTOR) return RESULT_V;
  if (type->type == FFI_TYPE_LONGDOUBLE || type->type == FFI_TYPE_COMPLEX) return RESULT_OTHER;
  if (type->type != FFI_TYPE_STRUCT) return regs_is_xmm(type) ? RESULT_X : RESULT_I;
  return RESULT_II + (regs_is_xmm(type->elements[0]) ? 2 : 0) +
         (regs_is_xmm(type->elements[1]) ? 1 : 0);
}

/* The smallest shape that loads so many registers. */
static int regs_shape(unsigned gprs, unsigned xmms, bool vectors) {
  int g = gprs <= 2 ? 0 : gprs <= 4 ? 1 : 2;
  if (vectors) return SHAPE_V;
  return g + (xmms == 0 ? 0 : xmms <= 2 ? 3 : 6);
}

MpRegsCall mp_regs_find(const MpSignature *sig, uint32_t *image_at) {
  unsigned gprs = 0, xmms = 0;
  uint32_t i;
  int result = regs_result(sig);
  if (result == RESULT_OTHER) return NULL;
  for (i = 0; i < sig->nparts; i++) {
    switch (sig->parts[i].place) {
      case MP_IN_GPR: image_at[i] = MP_REGS_GPR + 8 * gprs++; break;
      case MP_IN_XMM:
      case MP_IN_VECTOR:
        image_at[i] = sig->has_vector ? MP_REGS_VECTOR + 16 * xmms : MP_REGS_XMM + 8 * xmms;
        xmms++;
        break;
      default: return NULL;
    }
  }
  return regs_calls[result][regs_shape(gprs, xmms, sig->has_vector)];
}

#else

MpRegsCall mp_regs_find(const MpSignature *sig, uint32_t *image_at) {
  (void)sig;
  (void)image_at;
  return NULL;
}

#endif
