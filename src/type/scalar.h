/*
** scalar.h: one scalar in memory: load, store, range. No Lua, no errors: the
** caller asks whether a value fits before it stores.
*/

#ifndef MP_TYPE_SCALAR_H
#define MP_TYPE_SCALAR_H

#include "type/ctype.h"

/* Any integer type but _BitInt wider than 128: its value (of unsigned __int128: its bits). */
MpInt128 mp_scalar_loadint(const MpCtype *ct, const void *at);
/* Stores the low bits (C's modular conversion; _Bool: is it non-zero). */
void mp_scalar_storeint(const MpCtype *ct, void *at, MpInt128 value);
/* Does an integer type hold the value (unsigned __int128 and wider: its bits)? */
bool mp_scalar_fits(const MpCtype *ct, MpInt128 value);

/* Neither infinite nor a NaN; by arithmetic, which holds where long double is emulated too. */
static inline bool mp_scalar_isfinite(long double v) { return v - v == 0; }

/* A real binary floating type, widened. */
long double mp_scalar_loadfloat(const MpCtype *ct, const void *at);
/* Stores it rounded to the type, to infinity beyond its range. */
void mp_scalar_storefloat(const MpCtype *ct, void *at, long double value);

/* A bit-field in the unit at `at`: value, sign-extended when the type is signed. */
MpInt128 mp_scalar_loadbits(const MpField *f, const void *at);
void mp_scalar_storebits(const MpField *f, void *at, MpInt128 value);
void mp_scalar_bitrange(const MpField *f, MpInt128 *least, MpInt128 *greatest);

#endif
