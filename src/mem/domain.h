/*
** domain.h: the three domains that memory comes from: RAW, MEM (data that
** scripts ask for) and OBJ (moonpool's own records). Each counts what it has
** given out. A set of domains belongs to one state.
*/

#ifndef MP_MEM_DOMAIN_H
#define MP_MEM_DOMAIN_H

#include "base/alloc.h"

typedef enum MpDomainId { MP_DOMAIN_RAW, MP_DOMAIN_MEM, MP_DOMAIN_OBJ, MP_DOMAIN_COUNT } MpDomainId;

typedef struct MpDomain {
  MpAlloc alloc;        /* hand this out; its `ud` is the domain */
  size_t blocks, bytes; /* live, as asked for */
} MpDomain;

typedef struct MpDomains {
  MpDomain of[MP_DOMAIN_COUNT];
} MpDomains;

/* The domains over the C library's allocator. `d` must not move afterwards. */
void mp_domain_init(MpDomains *d);

#endif
