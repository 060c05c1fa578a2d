/*
** closure.h: C function pointers that enter a handler of ours. Executable
** memory is pooled for the whole process, locked, and outlives states: C may
** call a dead closure, and must then land somewhere harmless.
*/

#ifndef MP_ABI_CLOSURE_H
#define MP_ABI_CLOSURE_H

#include "abi/entry.h"
#include "base/alloc.h"
#include "type/ctype.h"

typedef struct MpClosure MpClosure;

/*
** A C function type as the pool knows it; the same record for the same type of
** any state. Lives for good.
*/
typedef struct MpClosureKind MpClosureKind;

/*
** What C's call runs. `args[i]` points to argument i as its C type lies in
** memory; the handler writes the result at `result` as its C type lies there
** (zeroed before; an integer may be written with its sign to 8 bytes). `owner`
** is NULL when the closure is dead. Runs on whatever thread C called on.
** `type_text` is the C text of a pointer to the function type, for a report.
*/
typedef void (*MpClosureHandler)(void *owner, void *result, void **args, const char *type_text);

/*
** The kind of the function type `fn`: worth keeping where many closures of one
** type are made. Fails for want of memory, for a variadic function, or a type
** that can't be passed.
*/
MP_CHECKED MpStatus mp_closure_kind(const MpCtype *fn, MpClosureKind **out, MpErr *e);

/*
** A live closure of that kind, entering `handler` with `owner` (not NULL).
** Fails for want of memory.
*/
MP_CHECKED MpStatus mp_closure_take(MpClosureKind *kind, MpClosureHandler handler, void *owner,
                                    MpClosure **out, MpErr *e);

/*
** What entry.c's code calls: the number says which closure it is, and behind the
** image follow, 16 bytes on, the arguments that no register has.
*/
void mp_closure_answer(MpEntryImage *image, unsigned number);

/* The address that C calls, as that of some function. */
typedef void (*MpClosureCode)(void);
MpClosureCode mp_closure_code(const MpClosure *c);

/*
** Ends it: from now on its code enters the handler with owner NULL. The slot is
** used again only for the same C type, oldest first, after at least 1,024
** later deaths. The record itself must not be touched by the caller any more.
*/
void mp_closure_kill(MpClosure *c);

#endif
