/*
** state.h: the engine: what moonpool has in one lua_State. It lies in a full
** userdata that the registry anchors, so that its memory outlives every
** finalizer; what it owns is given back by its own, in order. There are no
** globals.
**
** Every C closure of moonpool has the table of metatables as its first
** upvalue (MP_UP_TYPES), its own data from the second on.
*/

#ifndef MP_VALUE_STATE_H
#define MP_VALUE_STATE_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>

#include "abi/dl.h"
#include "base/map.h"
#include "mem/domain.h"
#include "type/space.h"

#define MP_UP_TYPES lua_upvalueindex(1)
#define MP_UP_OWN lua_upvalueindex(2)

typedef struct MpState MpState;
typedef struct MpBlock MpBlock;
typedef struct MpInstance MpInstance;
typedef struct MpSeat MpSeat;

/* An instance (`ffi.FFI()`): its space, and a userdata that stands for it in Lua. */
struct MpInstance {
  MpSpace space;
  MpState *engine;
  MpInstance *next; /* of all instances of the state */
  void *plans;      /* of the types that are at home here, by value/metatype */
  bool seen;        /* by the sweep of dead instances */
  uint32_t version; /* of the names when the type strings were cached */
};

/* User values of an instance's userdata. */
#define MP_INSTANCE_ANCHORS 1  /* metatables of the types that are at home here, by type */
#define MP_INSTANCE_STRINGS 2  /* type strings that were parsed: text → type, light */
#define MP_INSTANCE_INCLUDES 3 /* the included instances */
#define MP_INSTANCE_UVS 3

/*
** An open library. The record lives as long as the state: functions that came
** from a closed one look here.
*/
typedef struct MpLib {
  struct MpLib *next;
  void *handle;
  bool closed;   /* by dlclose; the handle goes when no call is under way */
  bool borrowed; /* the handle is C's own: not closed here */
  char name[1];  /* as it was opened */
} MpLib;

/*
** Makes a callback of the Lua function at `idx` for the function type `fn`,
** pushes the cdata that owns it, and returns its code. call/callback fills it in at open.
*/
typedef void (*MpCallbackMaker(lua_State *L, MpState *E, const MpCtype *fn, int idx))(void);

/* What mem.generic_alloc made: the record outlives the cdata, for others may hold references. */
typedef struct MpTyped {
  const MpCtype *ct; /* a pointer to its type */
  size_t size;       /* that can be seen */
  size_t shift;      /* bytes of its block before it: of types that are aligned to more than 16 */
  lua_Integer count;
} MpTyped;

struct MpState {
  lua_State *main;
  uint32_t tag; /* in each cdata: it tells them from foreign userdata */
  bool closed;
  bool wary; /* it is closed, or a library is: functions look at both */
  bool
      ending; /* what finalizers made while the state closed is ended: nothing new has a destructor */
  int saved_errno; /* C's errno between calls */
  MpDomains *domains;
  bool guest; /* the domains are the whole state's heap, and outlive the engine */
  const MpAlloc *obj, *mem;
  MpNames names;
  MpSpace root;
  MpInstance *instances;
  uint32_t last_number, free_number; /* of metatables in MP_STATE_TYPES */
  uint32_t nlate;                    /* blocks that finalizers have made */
  size_t unended; /* blocks with a finalizer that hasn't run; Lua skips it for want of memory */
  MpMap over;     /* block → MpWrapper of the newest of those made over it */
  struct MpWrapper *free_wrappers; /* records to be used again, the older one next */
  uint64_t wrapped;                /* blocks made over others so far */
  uint32_t slots;                  /* records made, each with its own slot in MP_STATE_WRAPPERS */
  int wrappers;                    /* registry reference of MP_STATE_WRAPPERS */
  MpLib *libs;                     /* opened by dlopen, newest first */
  bool unclosed;                   /* of a closed one the handle may still be there */
  void *process;                   /* the handle of the process itself */
  lua_State *running;              /* the coroutine whose call into C is active; NULL: none */
  bool locked;               /* the state lock is on: `running` and `nested` are its holder's */
  unsigned inside;           /* calls of threads that have given it up */
  int *error;                /* the errno of the thread that `seat` says */
  void (*enter)(MpState *E); /* this thread is the state's now; call/owner fills it in */
  MpSeat *seat; /* says on which thread moonpool was last entered: callbacks run on no other */
  MpCallbackMaker *make_callback;
  /*
  ** Is the value at idx a library's function? Its type and address; pushes
  ** the block that stands for the open library. call/call fills it in.
  */
  bool (*library_function)(lua_State *L, int idx, const MpCtype **fn, void (**code)(void));
  uint64_t handles; /* made by ffi.new_handle so far */
  int reporter;     /* registry reference of ffi.onreport's function */
  int trampoline;   /* registry reference of what callbacks run in */
  int ender;        /* that of what ends of blocks run in */
  int targets;      /* that of MP_STATE_TARGETS */
  int ntargets;     /* numbers that callbacks have had */
  int freetarget;   /* one that is free, and has the next such in its place; 0: none */
  int nested;       /* callbacks that are running, one inside another */
  lua_State *aside; /* a coroutine of the engine's own: for what runs in the middle of a call */
  unsigned apart;   /* what runs there, one inside another; meanwhile the state lock is kept */
  bool asked;       /* a Lua function asks a domain for memory: no record is half made */
  bool frozen;      /* an allocator written in Lua runs in the middle of something: see space.h */
  unsigned frames;  /* lines that a site has */
  int on_damage;    /* MpDamage (call/damage) */
  bool raises;      /* the function that runs will ask for damage when it is done */
  /* Registry references: its function, what is to be raised, and what calls and keeps those. */
  int damage_function, damage_text, damage_call, damage_keep;
  int ask_allocator; /* that of what calls an allocator written in Lua */
  bool tells_leaks;  /* at the close, on stderr */
  int nscopes;       /* scopes that are open, in whatever coroutine (call/scope) */
  struct {           /* memory between a domain and the cdata that is to hold it */
    void *ptr;
    MpDomain *domain;
  } adrift;
  struct MpLuaAllocator *allocators; /* written in Lua (call/luaalloc), newest first */
  const void *judged; /* the block of mem's that passed the check, and is about to end */
  MpMap objects;      /* address → MpTyped */
  /* Takes the allocators written in Lua off, for the close; call/luaalloc fills it in. */
  void (*end_allocators)(MpState *E);
  int guests;           /* registry reference of the coroutines of threads from outside; 0: none */
  struct MpGuest *idle; /* those that nothing runs on */
  /*
  ** The engine is about to end: lets other threads finish. Then, without
  ** callbacks: ends what the process knows of it. call/callback fills them in.
  */
  void (*finish)(MpState *E);
  void (*leave)(MpState *E);
};

/* User values of the engine's userdata. */
#define MP_STATE_TYPES \
  1 /* metatable's number → metatable, weak values; value/metatype gives them */
#define MP_STATE_ANCHORS 2   /* metatables of the root's types */
#define MP_STATE_SPACES 3    /* space → instance, weak values */
#define MP_STATE_INSTANCES 4 /* set of instances, weak keys: gone only when really dead */
#define MP_STATE_KEEPS 5  /* block → what it keeps, weak keys: for those without a user value */
#define MP_STATE_PROTO 6  /* metamethod name → closure, for new metatables */
#define MP_STATE_MODULE 7 /* the default instance's table, once it is open */
#define MP_STATE_CALLBACKS 8 /* Lua function → (type → callback), weak keys */
#define MP_STATE_LATE 9      /* block, light → its userdata, weak values: made by finalizers */
#define MP_STATE_WRAPPERS 10 /* slot of a block made over another → its userdata, weak values */
#define MP_STATE_TARGETS \
  11 /* callback's number → its Lua function, weak values; see MpState.freetarget */
#define MP_STATE_HANDLERS 12 /* callback's number → its onerror, weak values */
#define MP_STATE_TABLES 13   /* instance's table of functions → its userdata, weak keys */
#define MP_STATE_CTYPES 14   /* type, light → the object that ffi.typeof gives, weak values */
#define MP_STATE_HANDLES 15  /* address of a handle, light → its block, weak values */
#define MP_STATE_MEMORY \
  16 /* address of a block of mem's functions, light → its cdata, weak values */
#define MP_STATE_SCOPES 17 /* coroutine → its innermost open scope, weak keys */
#define MP_STATE_KNOWN 18  /* ffi.mem's functions, for each instance's table */
#define MP_STATE_KEPT 19   /* set of what C's allocators need */
#define MP_STATE_DOOR 20   /* the closure through which moonpool.h's functions enter */
#define MP_STATE_PUSHED 21 /* address in the host's memory, light → its block, weak values */
#define MP_STATE_HOSTS 22  /* set of those blocks that keep something: until they are revoked */
#define MP_STATE_UVS 22

/* Lua runs moonpool on this thread, by whatever door: it is the state's. */
static inline void mp_state_enter(MpState *E) {
  if (E->enter != NULL) E->enter(E);
}

/* The engine of L, or NULL. */
MpState *mp_state_find(lua_State *L);

/* Makes the engine of L and leaves its userdata on the stack. Raises for want of memory. */
MpState *mp_state_open(lua_State *L);

/* Takes an engine down that couldn't be opened to the end: L has none then. */
void mp_state_abandon(lua_State *L);

/* Pushes user value `n` of the engine. */
void mp_state_pushuv(lua_State *L, int n);

/* A new instance, its userdata pushed. */
MpInstance *mp_state_newinstance(lua_State *L, MpState *E);

/* Pushes the userdata of the instance that owns `sp` (the engine's for the root). */
void mp_state_pushspace(lua_State *L, MpState *E, const MpSpace *sp);

/* Gives the handles of closed libraries back to the linker, unless a call is under way. */
void mp_state_closelibs(MpState *E);

/* The instance `other` becomes visible in the one at idx (userdata both); raises as mp_space_include fails. */
void mp_state_include(lua_State *L, int idx, int other);

static inline MpState *mp_state_of(const MpCtype *ct) { return (MpState *)ct->home->engine; }

/* Pushes the closure of `f` with the table of types and the `n` values on the stack as upvalues. */
void mp_state_pushclosure(lua_State *L, lua_CFunction f, int n);

/*
** The one door through which errors leave for Lua: position of the caller's
** line, then the text. Formats are message.h's.
*/
MP_NORETURN void mp_state_raise(lua_State *L, const MpErr *e);
MP_NORETURN void mp_state_error(lua_State *L, const char *format, ...) MP_FORMAT(2, 3);
/* The same for the text on the top, of any length. */
MP_NORETURN void mp_state_raisetop(lua_State *L);
/* Raises "moonpool is closed" once the engine has ended. */
void mp_state_checkopen(lua_State *L, const MpState *E);

/* Pushes `file:line: ` of the innermost Lua function, which errors start with; "" without one. */
const char *mp_state_pushposition(lua_State *L);

/* Text of a type, pushed; the address is good while it is on the stack. */
const char *mp_state_pushrepr(lua_State *L, const MpCtype *ct, const char *extra);

/*
** Says what can't be raised: through ffi.onreport's function, else on stderr.
** Pops nothing; never raises.
*/
void mp_state_report(lua_State *L, MpState *E, const char *text);

#endif
