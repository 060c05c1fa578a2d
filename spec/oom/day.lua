-- What a program does with moonpool in a day, from opening it on: run by spec/oom/oom.c with
-- memory that runs out somewhere. Arguments: which requests to the domains fail (-1: none).

local start, count = ...

local ffi = require "moonpool"
local mem = ffi.mem
if start >= 0 then domains_fail(start, count) end -- luacheck: ignore

ffi.onreport(function() end)

-- Declarations: an instance of its own, so that the next run starts afresh.
local lib = ffi.FFI()
lib.cdef [[
  typedef struct point { double x, y; struct point *next; } point;
  struct bits { unsigned a : 3, b : 5; enum color { RED, GREEN = 7 } c; };
  union number { int i; float f; char bytes[16]; };
  struct flexible { long n; int items[]; };
  int abs(int);
  int snprintf(char *, size_t, const char *, ...);
  void qsort(void *, size_t, size_t, int (*)(const void *, const void *));
  #define LIMIT (1 << 4)
]]
local more = ffi.FFI()
more.include(lib)
more.cdef "struct segment { point from, to; };"
assert(more.sizeof "struct segment" == 48)
assert(not pcall(lib.cdef, "struct broken { int x; } int"))
assert(lib.getctype("int[3]", "*") == "int(*)[3]" and #lib.typeof("union number").fields == 3)

-- Memory.
local p = lib.new("point *", { x = 1, y = 2 })
p.next = lib.new("point *", { 3, 4 })
collectgarbage()
assert(p.next.y == 4)
local large = lib.new("char[]", ("x"):rep(5000))
assert(#lib.string(large) == 5000 and lib.totable(p[0]).x == 1)
local f = lib.new("struct flexible *", { 2, { 5, 6 } })
assert(f.items[1] == 6)
lib.gc(lib.new "int *", function() end)
lib.release(large)
local handle = lib.new_handle {}
assert(lib.from_handle(handle))

-- Calls and callbacks.
assert(lib.C.abs(-3) == 3 and lib.C.LIMIT == 16)
local buffer = lib.new "char[64]"
lib.C.snprintf(buffer, 64, "%d %s %g", 1, "two", 3.5)
assert(lib.string(buffer) == "1 two 3.5")
local numbers = lib.new("int[5]", { 3, 1, 2, 5, 4 })
lib.C.qsort(numbers, 5, 4, function(a, b)
  return lib.cast("const int *", a)[0] - lib.cast("const int *", b)[0]
end)
local callback = lib.callback("int (*)(int)", function(x) return x + 1 end)
callback(1)
lib.release(callback)

-- The domains.
for _, domain in ipairs { mem.raw, mem.mem, mem.obj } do
  local q = assert(domain.malloc(100))
  local grown <close> = domain.realloc(q, 3000) or q -- luacheck: ignore
  local z <close> = assert(domain.calloc(10, 10)) -- luacheck: ignore
end
do
  local _ <close> = mem.scope()
  lib.new "int[10]"
  mem.retain(lib.mem.generic_alloc("struct flexible", 3))
  mem.deallocate(lib.mem.generic_alloc("struct flexible", 3))
end
local new = lib.new_allocator(mem.raw)
new "int[100]"

-- An allocator written in Lua, and the hooks.
local below = mem.get_allocator(mem.MEM)
mem.set_allocator(mem.MEM, {
  malloc = function(_, n) return below.malloc(below.ctx, n) end,
  calloc = function(_, n, size) return below.calloc(below.ctx, n, size) end,
  realloc = function(_, q, n) return below.realloc(below.ctx, q, n) end,
  free = function(_, q) below.free(below.ctx, q) end,
})
local taken <close> = setmetatable({}, { __close = function() -- luacheck: ignore
  mem.set_allocator(mem.MEM, below)
  mem.remove_debug_hooks()
end })
lib.release(lib.new "int *")
mem.setup_debug_hooks { frames = 3 }
do
  local q <close> = assert(mem.malloc(10)) -- luacheck: ignore
  lib.new "double[3]"
  local a = mem.snapshot()
  mem.leaks()
  mem.compare(a, mem.snapshot())
end
mem.stats()
mem.stats_text()
collectgarbage()
