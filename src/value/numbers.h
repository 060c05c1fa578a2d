/*
** numbers.h: the short way for tables that hold numbers and booleans alone, as
** arrays and records mostly get them.
*/

#ifndef MP_VALUE_NUMBERS_H
#define MP_VALUE_NUMBERS_H

#include "value/toc.h"

/*
** Writes the table at idx, whose border is `n`, as `n` scalars `item` to `at`,
** if it is a sequence of so many values and nothing else. False when it isn't:
** then some may have been written.
*/
bool mp_numbers_sequence(MpDest *d, const MpCtype *item, char *at, int idx, size_t n);

/*
** Fills the fresh, zeroed struct or union `ct` at `at` from the table at idx,
** if that has numbers and booleans by name or position, and nothing else.
** False when it has: then what was written is to be written again.
*/
bool mp_numbers_record(lua_State *L, const MpCtype *ct, char *at, int idx);

/* The same from the values at stack indexes first … last, by position. */
bool mp_numbers_arguments(lua_State *L, const MpCtype *ct, char *at, int first, int last);

#endif
