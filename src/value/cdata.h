/*
** cdata.h: the userdata that stands for C data. Three shapes share a header:
**
**   inline   the data lie in the userdata: plain owned memory, boxes. No
**            finalizer. Released by a flag alone.
**   pointer  an address, and the block that it looks into, if known: views,
**            pointers, functions. A view keeps its block by user value 1.
**   block    memory (or a resource) with an end: in the MEM domain, behind a
**            destructor, from an allocator, another object's bytes. Finalized.
**
** A block is what views look into: an inline owner or an MpBlock.
*/

#ifndef MP_VALUE_CDATA_H
#define MP_VALUE_CDATA_H

#include "value/state.h"

typedef struct MpCdata {
  const MpCtype *ct;
  uint32_t tag; /* the engine's */
  uint16_t flags;
  uint16_t at; /* inline: bytes from the start of the userdata to the data */
} MpCdata;

#define MP_CD_INLINE 1      /* data at `at`; else an MpPointer or MpBlock */
#define MP_CD_OWNER 2       /* a block: views look into it */
#define MP_CD_RELEASED 4    /* of a block: its memory is gone */
#define MP_CD_BOX 8         /* holds a scalar's value */
#define MP_CD_VARLEN 16     /* inline: a size_t before the data says how long they are */
#define MP_CD_KEEPS 32      /* of a block: user value 1 is for the targets of its pointers */
#define MP_CD_WEAKKEEPS 64  /* of a block without that: the engine's weak table has an entry */
#define MP_CD_READONLY 128  /* of a block: a Lua string's bytes */
#define MP_CD_WRAPPED 256   /* of a block: a block was made over it by gc */
#define MP_CD_DEFERRED 4096 /* a block whose end waits for a call into C */
#define MP_CD_OVER 2048 /* a block over another's memory: that one is what pointers are kept for */
#define MP_CD_KEEPING 16384 /* with MP_CD_KEEPS: it keeps something */
#define MP_CD_SINGLE 1024   /* an owning pointer: index 0 alone */
#define MP_CD_WHOLE 8192    /* a block that is initialized: its type's __gc is due */
#define MP_CD_LENGTH 512    /* an MpPointer of type T[] that knows its length */

#define MP_CD_INLINE_MAX 512 /* bytes of plain data that lie in the userdata */

typedef struct MpPointer {
  MpCdata head;
  char *to;
  MpCdata *block; /* NULL: unknown, trusted as C does; else user value 1 keeps it */
  size_t length;  /* only with MP_CD_LENGTH: elements of a slice or open array */
} MpPointer;

#define MP_CD_POINTER_SIZE offsetof(MpPointer, length)

#define MP_CD_UNBOUNDED ((size_t)-1) /* the size of a block that C alone knows */

/* User values of an MpBlock. */
#define MP_BLOCK_KEPT 1   /* targets of its pointers */
#define MP_BLOCK_UNDER 2  /* the object whose memory this is */
#define MP_BLOCK_ACTION 3 /* destructor, `free` */
#define MP_BLOCK_UVS 3

/*
** Ends a block: calls the destructor, frees the memory. Runs once, the block
** at `idx` still readable. May raise; the caller protects it.
*/
typedef void (*MpBlockEnd)(lua_State *L, MpState *E, MpBlock *b, int idx);

struct MpBlock {
  MpCdata head;
  char *to;
  size_t before;  /* bytes in front of `to` that belong to it: what gc made of a pointer */
  size_t size;    /* of all, or MP_CD_UNBOUNDED */
  MpCdata *under; /* with MP_CD_OVER: the block whose memory this is, */
  struct MpWrapper *wrapper; /* and what the engine knows of that (value/wrapper) */
  MpBlockEnd end;            /* NULL: nothing to do */
  void *own;                 /* the maker's record */
  size_t own_size;           /* its size, for the maker */
  uint32_t pins;             /* calls into C that use it: an end waits for them */
  uint32_t late;             /* made by a finalizer, as so manieth; 0: not */
  bool begun;                /* its end, or there is none to come */
  bool quiet;                /* the end raises nothing, and needs no protection */
  bool loose;                /* isn't finalized: its memory lives until somebody ends it */
  bool shown;                /* `own_size` says where its flexible array ends */
  bool host;                 /* over memory of the host's: anchored once it keeps something */
};

/*
** The engine's tag: foreign userdata can't have it by accident. It is the one
** of the library whose code opened the engine, and whose closures run in it.
*/
#define MP_CDATA_TAG ((uint32_t)(uintptr_t)mp_state_open)

/* Raises: what was called with the value at idx is for cdata. */
MP_NORETURN void mp_cdata_wrong(lua_State *L, int idx);

/*
** Of a running metamethod: the cdata at 1. Lua gives it no other value, but a
** program that has the debug library may.
*/
static inline MpCdata *mp_cdata_self(lua_State *L) {
  MpCdata *c = (MpCdata *)lua_touserdata(L, 1);
  if (MP_UNLIKELY(c == NULL || lua_rawlen(L, 1) < sizeof(MpCdata) || c->tag != MP_CDATA_TAG))
    mp_cdata_wrong(L, 1);
  return c;
}

/* Once at open. */
void mp_cdata_open(lua_State *L, MpState *E);

/* The cdata at idx, or NULL for anything else. */
static inline MpCdata *mp_cdata_test(lua_State *L, const MpState *E, int idx) {
  MpCdata *c = (MpCdata *)lua_touserdata(L, idx);
  if (c == NULL || lua_rawlen(L, idx) < sizeof(MpCdata)) return NULL; /* light ones have length 0 */
  return c->tag == E->tag ? c : NULL;
}

static inline MpPointer *mp_cdata_pointer(const MpCdata *c) { return (MpPointer *)c; }
static inline MpBlock *mp_cdata_asblock(const MpCdata *c) { return (MpBlock *)c; }

/*
** The address that a cdata stands for: where an aggregate or box lies, what a
** pointer points to, where a function begins.
*/
static inline char *mp_cdata_address(const MpCdata *c) {
  if (c->flags & MP_CD_INLINE) return (char *)c + c->at;
  return ((const MpPointer *)c)->to;
}

/* With MP_CD_VARLEN: bytes of data. */
static inline size_t mp_cdata_inlinelength(const MpCdata *c) {
  return *((const size_t *)(const void *)((const char *)c + c->at) - 1);
}

/* The block that it looks into (itself for an owner), or NULL. */
static inline MpCdata *mp_cdata_block(const MpCdata *c) {
  if (c->flags & MP_CD_OWNER) return (MpCdata *)c;
  return c->flags & MP_CD_INLINE ? NULL : ((const MpPointer *)c)->block;
}

/* Is the memory of a block gone? What gc made over another goes with that. */
static inline bool mp_cdata_has_ended(const MpCdata *block) {
  while ((block->flags & (MP_CD_RELEASED | MP_CD_OVER)) == MP_CD_OVER)
    block = mp_cdata_asblock(block)->under;
  return block->flags & MP_CD_RELEASED;
}

static inline bool mp_cdata_is_released(const MpCdata *c) {
  const MpCdata *block = mp_cdata_block(c);
  return block != NULL && mp_cdata_has_ended(block);
}

/* First byte and size (or MP_CD_UNBOUNDED) of a block. */
void mp_cdata_extent(const MpCdata *block, char **base, size_t *size);

/* Bytes from `at` to the end of a block: 0 outside, or MP_CD_UNBOUNDED. */
size_t mp_cdata_rest(const MpCdata *block, const char *at);

/* The same for what a flexible array shows: mem.generic_alloc's has fewer elements than have room. */
size_t mp_cdata_shown(const MpCdata *block, const char *at);

/* Bytes that the cdata itself owns or spans: a pointer's target block, an array, a struct. */
size_t mp_cdata_size(const MpCdata *c);

/* Are the `n` bytes from `at` live and inside the block? Never asks beyond MP_CD_UNBOUNDED. */
bool mp_cdata_holds(const MpCdata *block, const char *at, size_t n);

/* Raises `cdata was released` when it was. */
void mp_cdata_checklive(lua_State *L, const MpCdata *c);

/*
** Raises unless `n` bytes from `at`, reached through `c`, are inside its block
** (when known) and live. NULL is an error that names the type.
*/
void mp_cdata_checkspan(lua_State *L, const MpCdata *c, const char *at, size_t n);

/* The type of what `c` refers to: the item of a pointer, its own otherwise. */
static inline const MpCtype *mp_cdata_target(const MpCdata *c) {
  return c->ct->kind == MP_KIND_POINTER ? c->ct->item : c->ct;
}

/* Does an owner of `size` bytes of `data` have them in the userdata? */
static inline bool mp_cdata_is_inline(const MpCtype *data, size_t size) {
  return size <= MP_CD_INLINE_MAX && data->align <= 4096 &&
         !(mp_ctype_is_record(data) && data->u.record->ends);
}

/*
** Pushes an owner of `size` zeroed bytes of data; its type is `ct` (a pointer
** to what it owns, or an aggregate). Inline when plain and small, else a block
** in MEM. `varlen`: the size is not the type's own. Raises for want of memory.
*/
MpCdata *mp_cdata_pushowner(lua_State *L, MpState *E, const MpCtype *ct, size_t size, bool varlen);

/* Pushes a box of an arithmetic type with a copy of the value at `from`. */
MpCdata *mp_cdata_pushbox(lua_State *L, MpState *E, const MpCtype *ct, const void *from);

/* Pushes a pointer, view or function: `block` at stack index `block_idx` (0: none). `to` is not NULL. */
MpPointer *mp_cdata_pushview(lua_State *L, MpState *E, const MpCtype *ct, char *to, int block_idx);

/* Pushes a view of a part, at `to`, of what the cdata `via` at `via_idx` looks into. */
MpPointer *mp_cdata_pushpart(lua_State *L, const MpCtype *ct, char *to, MpCdata *via, int via_idx);

/* The same for an array of type T[] with a length. */
MpPointer *mp_cdata_pushslice(lua_State *L, MpState *E, const MpCtype *ct, char *to, size_t length,
                              int block_idx);

/* Pushes a block with an end (may be NULL). User values are the caller's to set. */
MpBlock *mp_cdata_pushblock(lua_State *L, MpState *E, const MpCtype *ct, char *to, size_t size,
                            MpBlockEnd end);

/*
** Pushes a block that no finalizer ends: mp_cdata_release does, or nobody (then
** what `end` would do is left undone). `own` and its size are the caller's to set.
*/
MpBlock *mp_cdata_pushloose(lua_State *L, MpState *E, const MpCtype *ct, MpBlockEnd end);

/*
** Pushes the block that `c`, at idx, looks into (for an owner itself) and
** returns it; pushes nothing and returns NULL for a raw pointer.
*/
MpCdata *mp_cdata_pushblockof(lua_State *L, MpCdata *c, int idx);

/*
** Ends the block at idx: destructor, then memory; its views error from then
** on. Idempotent. An error of the destructor becomes a report.
*/
void mp_cdata_release(lua_State *L, MpState *E, MpCdata *c, int idx);

/* `size` bytes that Lua doesn't count were taken: lets the collector work as if it did. */
void mp_cdata_pace(lua_State *L, size_t size);

/* C uses the block no more: ends it if that was put off. The cdata at idx looks into it. */
void mp_cdata_unpin(lua_State *L, MpState *E, MpBlock *b, int idx);

/* Raises once the engine ends what is left: no destructor that is made then would run. */
void mp_cdata_checkending(lua_State *L, const MpState *E);

/*
** Calls the __gc that the metatype of the block at idx has, if that is due
** (MP_CD_WHOLE), protected: pcall's status, with its error on the top.
*/
int mp_cdata_callgc(lua_State *L, const MpBlock *b, int idx);

/* MpBlockEnd: calls the value at MP_BLOCK_ACTION, unless that is nil, with the one at MP_BLOCK_UNDER. */
void mp_cdata_endaction(lua_State *L, MpState *E, MpBlock *b, int idx);

/* The metamethod __gc of blocks. */
int mp_cdata_gc(lua_State *L);

/* Ends everything that is left, newest first. For the engine's close. */
void mp_cdata_endall(lua_State *L, MpState *E);

#endif
