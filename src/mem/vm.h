/*
** vm.h: Lua's own blocks where there is more to them than the heap: hooks, C
** layers, a limit, injected failures, blocks from before the state was moved
** here. lua_Alloc hands their size back, so none has a record of its own but those of
** layers. Under hooks they lie in a heap of their own, and wait in a quarantine.
*/

#ifndef MP_MEM_VM_H
#define MP_MEM_VM_H

#include "mem/domain.h"

/* lua_Alloc for a set whose `vm.slow` is set. */
void *mp_vm_resize(MpDomains *set, void *ptr, size_t osize, size_t nsize);

/* Blocks in quarantine that were written to: said, and how many. For homes of OBJ; others have none. */
size_t mp_vm_verify(MpDomain *home);

/* Verifies the quarantine and empties it: the hooks are off. */
void mp_vm_release(MpDomain *home);

/* The hooks' quarantine has another size. */
void mp_vm_setlimit(MpDomain *home, size_t bytes);

/* Says what was found while Lua's allocator ran, where a handler mustn't. */
void mp_vm_flush(MpDomain *home);

/* The set goes; its quarantine was released. */
void mp_vm_fini(MpDomains *set);

#endif
