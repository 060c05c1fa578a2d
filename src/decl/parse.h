/*
** parse.h: C text to declarations. The whole of a text is taken or nothing.
*/

#ifndef MP_DECL_PARSE_H
#define MP_DECL_PARSE_H

#include "type/space.h"

typedef struct MpParseOptions {
  const char *name; /* for messages; NULL: "cdef" */
  bool override;    /* a redefinition that disagrees replaces */
  bool packed;      /* every record of the text is packed */
  uint32_t pack;    /* #pragma pack(n) from the start; 0: none */
} MpParseOptions;

/*
** Declares everything in `text` (C11 6.7, GNU extensions, as `cc -E -P` prints
** it, and #define, #pragma pack, line markers). Errors: `name:line:col: what,
** near 'token'`; the space is then as it was.
*/
MP_CHECKED MpStatus mp_parse_cdef(MpSpace *sp, const char *text, size_t len,
                                  const MpParseOptions *options, MpErr *e);

/*
** A type name (C11 6.7.7), such as "struct point *" or "int(*)(char)". An
** unknown tag makes an opaque type. Errors: `'text':col: what, near 'token'`, all or nothing.
*/
MP_CHECKED MpStatus mp_parse_type(MpSpace *sp, const char *text, size_t len, const MpCtype **out,
                                  MpErr *e);

#endif
