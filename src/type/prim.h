/*
** prim.h: the primitive types, one line each. Whoever needs a table of them
** expands MP_PRIMS.
*/

#ifndef MP_TYPE_PRIM_H
#define MP_TYPE_PRIM_H

#include <wchar.h>
#include "base/config.h"

/* What kind of number a primitive is. */
typedef enum MpPrimClass {
  MP_CLASS_BOOL,
  MP_CLASS_INT,    /* signed */
  MP_CLASS_UINT,   /* unsigned */
  MP_CLASS_FLOAT,  /* binary floating point */
  MP_CLASS_DECIMAL /* _Decimal32 and so on: memory only */
} MpPrimClass;

#define MP_PRIM_CHARCLASS ((char)-1 < 0 ? MP_CLASS_INT : MP_CLASS_UINT)
#define MP_PRIM_WCHARCLASS ((wchar_t)-1 < (wchar_t)1 ? MP_CLASS_INT : MP_CLASS_UINT)

/*
** X(id, C name, class, size, alignment). Sizes and alignments come from the
** compiler where each compiler knows the type, else from its ABI: the
** interchange formats (TS 18661-3), decimals and bfloat16 are as wide as
** their names say and aligned to that.
*/
#define MP_PRIMS(X)                                                                      \
  X(BOOL, "_Bool", MP_CLASS_BOOL, sizeof(_Bool), _Alignof(_Bool))                        \
  X(CHAR, "char", MP_PRIM_CHARCLASS, 1, 1)                                               \
  X(SCHAR, "signed char", MP_CLASS_INT, 1, 1)                                            \
  X(UCHAR, "unsigned char", MP_CLASS_UINT, 1, 1)                                         \
  X(SHORT, "short", MP_CLASS_INT, sizeof(short), _Alignof(short))                        \
  X(USHORT, "unsigned short", MP_CLASS_UINT, sizeof(short), _Alignof(short))             \
  X(INT, "int", MP_CLASS_INT, sizeof(int), _Alignof(int))                                \
  X(UINT, "unsigned int", MP_CLASS_UINT, sizeof(int), _Alignof(int))                     \
  X(LONG, "long", MP_CLASS_INT, sizeof(long), _Alignof(long))                            \
  X(ULONG, "unsigned long", MP_CLASS_UINT, sizeof(long), _Alignof(long))                 \
  X(LLONG, "long long", MP_CLASS_INT, sizeof(long long), _Alignof(long long))            \
  X(ULLONG, "unsigned long long", MP_CLASS_UINT, sizeof(long long), _Alignof(long long)) \
  X(INT128, "__int128", MP_CLASS_INT, 16, _Alignof(MpInt128))                            \
  X(UINT128, "unsigned __int128", MP_CLASS_UINT, 16, _Alignof(MpInt128))                 \
  X(WCHAR, "wchar_t", MP_PRIM_WCHARCLASS, sizeof(wchar_t), _Alignof(wchar_t))            \
  X(CHAR16, "char16_t", MP_CLASS_UINT, 2, _Alignof(short))                               \
  X(CHAR32, "char32_t", MP_CLASS_UINT, 4, _Alignof(int))                                 \
  X(FLOAT, "float", MP_CLASS_FLOAT, sizeof(float), _Alignof(float))                      \
  X(DOUBLE, "double", MP_CLASS_FLOAT, sizeof(double), _Alignof(double))                  \
  X(LDOUBLE, "long double", MP_CLASS_FLOAT, sizeof(long double), _Alignof(long double))  \
  X(FLOAT16, "_Float16", MP_CLASS_FLOAT, 2, 2)                                           \
  X(BFLOAT16, "__bf16", MP_CLASS_FLOAT, 2, 2)                                            \
  X(FLOAT32, "_Float32", MP_CLASS_FLOAT, 4, 4)                                           \
  X(FLOAT64, "_Float64", MP_CLASS_FLOAT, 8, _Alignof(double))                            \
  X(FLOAT128, "_Float128", MP_CLASS_FLOAT, 16, 16)                                       \
  X(FLOAT32X, "_Float32x", MP_CLASS_FLOAT, 8, _Alignof(double))                          \
  X(FLOAT64X, "_Float64x", MP_CLASS_FLOAT, sizeof(long double), _Alignof(long double))   \
  X(DEC32, "_Decimal32", MP_CLASS_DECIMAL, 4, 4)                                         \
  X(DEC64, "_Decimal64", MP_CLASS_DECIMAL, 8, 8)                                         \
  X(DEC128, "_Decimal128", MP_CLASS_DECIMAL, 16, 16)

typedef enum MpPrim {
#define X(id, name, cls, size, align) MP_PRIM_##id,
  MP_PRIMS(X)
#undef X
      MP_PRIM_COUNT
} MpPrim;

typedef struct MpPrimInfo {
  const char *name;
  uint8_t cls, size, align;
} MpPrimInfo;

/* Indexed by MpPrim; defined in ctype.c. */
extern const MpPrimInfo mp_ctype_prims[MP_PRIM_COUNT];

#endif
