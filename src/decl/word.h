/*
** word.h: what a name is to the lexer: a keyword, or any other.
*/

#ifndef MP_DECL_WORD_H
#define MP_DECL_WORD_H

#include "base/name.h"

/* Sets `word` and `builtin` of a name (C11 6.4.1; GCC "Alternate Keywords"; CFFI's predefined types). */
void mp_word_classify(MpName *name);

#endif
