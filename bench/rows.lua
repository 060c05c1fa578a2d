-- What is measured. A row has a name, its group, what to reach, and code by peer: what runs
-- before, and what is timed. `hand` is the code for both forms of bench/floor.c, `ffi` for
-- moonpool and LuaJIT where one text serves both; peers without code are left out.
--
-- kind "loop": the body is one operation; it runs n times, and the empty loop is taken off
-- kind "once": the body itself makes `ops` operations, about n of them
-- kind "value": the code sets `result`; nothing is timed
-- reach = { peer, ratio }: moonpool's number is at most so many times the peer's;
-- { "=", number }: it is at most that number
--
-- bench/peers.lua has what every peer's code may use: lib, ffi, T, n.

local rows = {}

local function add(group, kind, name, reach, code)
  local row = { group = group, kind = kind, name = name, reach = reach, unit = code.unit or "ns",
    bare = code.bare, count = code.count, code = {
      floor = code.hand, strict = code.hand,
      moonpool = code.moonpool or code.ffi, luajit = code.luajit or code.ffi,
      cffi = code.cffi,
    } }
  rows[#rows + 1] = row
end

local function loop(group, name, reach, code) add(group, "loop", name, reach, code) end
local function once(group, name, reach, code) add(group, "once", name, reach, code) end

-- == Calls ================================================================================

-- A function called with numbers, alike in every language.
local function call(name, ratio, arguments)
  local body = "f(" .. arguments .. ")"
  loop("call", name, { "strict", ratio }, {
    hand = { "local f = lib." .. name, body },
    ffi = { "local f = lib.target_" .. name, body },
    cffi = { "f = lib.target_" .. name, body },
  })
end

call("add", 1.15, "1, 2")
loop("call", "lib.add", { "strict", 1.2 }, {
  hand = { "", "lib.add(1, 2)" },
  ffi = { "", "lib.target_add(1, 2)" },
  cffi = { "", "lib.target_add(1, 2)" },
})
-- What another thread may come in beside: Python gives its lock up around every call.
loop("call", "add, state lock on", nil, {
  hand = { "local f = lib.add", "f(1, 2)" },
  moonpool = { "ffi.lock(true) local f = lib.target_add", "f(1, 2)" },
  cffi = { "f = lib.target_add", "f(1, 2)" },
})
call("mix", 1.15, "1, 2.5, 3, 4.5")
call("six", 1.15, "1, 2, 3, 4, 5, 6")
loop("call", "strlen", { "strict", 1.3 }, {
  hand = { "local f = lib.strlen", "f('hello')" },
  ffi = { "local f = lib.target_strlen", "f('hello')" },
  cffi = { "f = lib.target_strlen", "f(b'hello')" },
})
loop("call", "struct in", { "floor", .7 }, {
  hand = { "local f, p = lib.in_, lib.point()", "f(p)" },
  moonpool = { "local f, p = lib.target_in, new(P)[0]", "f(p)" },
  luajit = { "local f, p = lib.target_in, new(T)", "f(p)" },
  cffi = { "f, p = lib.target_in, ffi.new('struct target_point *')[0]", "f(p)" },
})
loop("call", "struct out", { "floor", 1 }, {
  hand = { "local f = lib.out", "f(1, 2)" },
  ffi = { "local f = lib.target_out", "f(1, 2)" },
  cffi = { "f = lib.target_out", "f(1, 2)" },
})
loop("call", "variadic", { "floor", 1.4 }, {
  hand = { "local f = lib.total", "f(2, 1.5, 2.5)" },
  ffi = { "local f = lib.target_total", "f(2, 1.5, 2.5)" },
  cffi = { "f, a, b = lib.target_total, ffi.cast('double', 1.5), ffi.cast('double', 2.5)", "f(2, a, b)" },
})

-- == Fields and elements ==================================================================

-- Reading and writing one place.
local function place(name, ratio, setup, expression)
  for _, way in ipairs { "get", "set" } do
    local body = way == "get" and "local _ = " .. expression or expression .. " = i"
    loop("access", name .. " " .. way, { "floor", ratio }, {
      hand = { setup.hand, body },
      moonpool = { setup.moonpool or setup.ffi, body },
      luajit = { setup.luajit or setup.ffi, body },
      cffi = { setup.cffi, (body:gsub("^local ", "")) },
    })
  end
end

local point = {
  hand = "local p = lib.point()",
  moonpool = "local p = new(P)",
  luajit = "local p = new(T)",
  cffi = "p = ffi.new('struct target_point *')",
}
place("field", .58, point, "p.x")
loop("access", "nested get", { "floor", .7 }, {
  hand = { "local l = lib.line()", "local _ = l.b.y" },
  moonpool = { "local l = new 'struct target_line *'", "local _ = l.b.y" },
  luajit = { "local l = new 'struct target_line'", "local _ = l.b.y" },
  cffi = { "l = ffi.new('struct target_line *')", "_ = l.b.y" },
})
place("int[]", .58, {
  hand = "local a = lib.ints(10)",
  ffi = "local a = new 'int[10]'",
  cffi = "a = ffi.new('int[10]')",
}, "a[3]")

-- == New objects ==========================================================================

loop("new", "new", { "floor", 1 }, {
  hand = { "local new = lib.point", "new()" },
  moonpool = { "", "new(P)" },
  luajit = { "", "new(T)" },
  cffi = { "new, P = ffi.new, ffi.typeof('struct target_point *')", "new(P)" },
})
loop("new", "new {x=, y=}", { "floor", .95 }, {
  hand = { "local new = lib.point", "new { x = 1, y = 2 }" },
  moonpool = { "", "new(P, { x = 1, y = 2 })" },
  luajit = { "", "new(T, { x = 1, y = 2 })" },
  cffi = { "new, P = ffi.new, ffi.typeof('struct target_point *')", "new(P, {'x': 1, 'y': 2})" },
})
loop("new", "new by text", { "luajit", 1 }, {
  moonpool = { "", "new 'struct target_point *'" },
  luajit = { "", "new 'struct target_point'" },
  cffi = { "new = ffi.new", "new('struct target_point *')" },
})

-- == Callbacks and destructors ============================================================

once("callback", "C to Lua", { "floor", 1.7 }, {
  hand = { "local f = lib.callback(function(x) return x end)", "lib.times(f, n)" },
  moonpool = { "local f = ffi.callback('int(int)', function(x) return x end)", "lib.target_times(f, n)" },
  luajit = { "local f = ffi.cast('int(*)(int)', function(x) return x end)", "lib.target_times(f, n)" },
  cffi = { "f = ffi.callback('int(int)', lambda x: x)", "lib.target_times(f, n)" },
})
loop("callback", "made, freed", { "floor", .7 }, {
  hand = { "local make, free = lib.callback, lib.free local function f(x) return x end", "free(make(f))" },
  moonpool = { [[
    local make, free, F = ffi.callback, ffi.release, ffi.typeof "int(*)(int)"
    local function f(x) return x end]], "free(make(F, f))" },
  luajit = { [[
    local cast, F = ffi.cast, ffi.typeof "int(*)(int)"
    local function f(x) return x end]], "cast(F, f):free()" },
  cffi = { "make, F, f = ffi.callback, ffi.typeof('int(*)(int)'), (lambda x: x)", "make(F, f)" },
})

-- How often C compares depends on the array alone: sorted already, it stays as it is. The
-- first sort counts.
local function sorting(setup, compare, sort)
  return { setup .. ([[

    local compares = 0
    for i = 0, 999 do a[i] = i end
    local function count(x, y) compares = compares + 1 return %s end
    local function compare(x, y) return %s end
    do local compare = count %s end
    ops = math.ceil(n / compares) * compares]]):format(compare, compare, sort),
    ("for _ = 1, ops / compares do %s end"):format(sort) }
end
once("callback", "qsort, a compare", { "floor", 3 }, {
  hand = sorting("local a = lib.ints(1000)", "x - y", "lib.sort(a, compare)"),
  moonpool = sorting("local a = new 'int[1000]'", "x[0] - y[0]", "lib.target_sort(a, 1000, compare)"),
  luajit = sorting([[
    local a, F = new 'int[1000]', ffi.typeof "int (*)(const int *, const int *)"]],
    "x[0] - y[0]",
    "local c = ffi.cast(F, compare) lib.target_sort(a, 1000, c) c:free()"),
  cffi = { [[
a, compares = ffi.new('int[]', list(range(1000))), 0
def count(x, y):
  nonlocal compares
  compares += 1
  return x[0] - y[0]
F = 'int(const int *, const int *)'
lib.target_sort(a, 1000, ffi.callback(F, count))
compare = ffi.callback(F, lambda x, y: x[0] - y[0])
ops = -(-n // compares) * compares]], "for _ in range(ops // compares): lib.target_sort(a, 1000, compare)" },
})

-- An object that calls a Lua function when it is collected; all of them are before the time
-- is taken. By hand and in LuaJIT that is the object itself, elsewhere one that is made for it.
local function collecting(body) return ("for _ = 1, n do %s end collectgarbage()"):format(body) end
once("callback", "gc attach", { "floor", 1.3 }, {
  hand = { "local owned = lib.owned local function f() end", collecting "owned(f)" },
  moonpool = { "local p, gc = new(P), ffi.gc local function f() end", collecting "gc(p, f)" },
  luajit = { "local gc = ffi.gc local function f() end", collecting "gc(new(T), f)" },
  cffi = { "p, gc, f = ffi.new('struct target_point *'), ffi.gc, (lambda p: None)",
    "for _ in range(n): gc(p, f)" },
})

-- == Many elements at once ================================================================

-- A body that handles `size` elements (or KiB) at once, often enough to make n of them.
local function bulk(name, unit, size, code)
  for peer, pair in pairs(code) do
    local setup, body = pair[1], pair[2]
    if peer == "cffi" then
      pair[1] = ("%s\nrounds = -(-n // %d)\nops = rounds * %d"):format(setup, size, size)
      pair[2] = "for _ in range(rounds): " .. body
    else
      pair[1] = ("%s local rounds = math.ceil(n / %d) ops = rounds * %d"):format(setup, size, size)
      pair[2] = ("for _ = 1, rounds do %s end"):format(body)
    end
  end
  code.unit = unit
  once("bulk", name, { "floor", 1.2 }, code)
end

local numbers = "local t = {} for i = 1, 1000 do t[i] = i end "
bulk("unpack", "ns/element", 1000, {
  hand = { "local a = lib.ints(1000)", "lib.unpack(a, 1000)" },
  moonpool = { "local a, unpack = new 'int[1000]', ffi.unpack", "unpack(a, 1000)" },
  cffi = { "a, unpack = ffi.new('int[1000]'), ffi.unpack", "unpack(a, 1000)" },
})
bulk("totable", "ns/element", 1000, {
  hand = { "local a = lib.ints(1000)", "lib.unpack(a, 1000)" },
  moonpool = { "local a, totable = new 'int[1000]', ffi.totable", "totable(a)" },
  cffi = { "a = ffi.new('int[1000]')", "list(a)" },
})
bulk("assign", "ns/element", 1000, {
  hand = { numbers .. "local a = lib.ints(1000)", "lib.assign(a, 0, 1000, t)" },
  moonpool = { numbers .. "local a, assign = new 'int[1000]', ffi.assign", "assign(a, 0, 1000, t)" },
  cffi = { "t, a = list(range(1, 1001)), ffi.new('int[1000]')", "a[0:1000] = t" },
})
bulk("new from table", "ns/element", 1000, {
  hand = { numbers .. "local ints = lib.ints", "ints(t)" },
  moonpool = { numbers .. "local A = ffi.typeof 'int[]'", "new(A, t)" },
  luajit = { numbers .. "local A = ffi.typeof 'int[1000]'", "new(A, t)" },
  cffi = { "t, new, A = list(range(1, 1001)), ffi.new, ffi.typeof('int[]')", "new(A, t)" },
})
bulk("string", "ns/KiB", 16, {
  hand = { "local a = lib.ints(4096) for i = 0, 4095 do a[i] = 0x20202020 end", "lib.string(a, 16384)" },
  moonpool = { "local a, string = new('char[16384]', (' '):rep(16384)), ffi.string", "string(a)" },
  luajit = { "local a, string = new('char[16384]', (' '):rep(16384)), ffi.string", "string(a, 16384)" },
  cffi = { "a, string = ffi.new('char[16384]', b' ' * 16384), ffi.string", "string(a)" },
})
bulk("memmove", "ns/KiB", 16, {
  hand = { "local a, b = lib.ints(4096), lib.ints(4096)", "lib.memmove(a, b, 16384)" },
  moonpool = { "local a, b, move = new 'char[16384]', new 'char[16384]', ffi.memmove", "move(a, b, 16384)" },
  luajit = { "local a, b, move = new 'char[16384]', new 'char[16384]', ffi.copy", "move(a, b, 16384)" },
  cffi = { "a, b, move = ffi.new('char[16384]'), ffi.new('char[16384]'), ffi.memmove", "move(a, b, 16384)" },
})

-- == Memory ===============================================================================

-- What the collector counts, and moonpool's own domains, for each of many live objects.
local function heap(setup, new, more)
  return { setup, ([[
    local t, extra = {}, %s
    for i = 1, n do t[i] = %s end -- whatever is made once is made now
    for i = 1, n do t[i] = false end
    collectgarbage() collectgarbage()
    local before = collectgarbage "count" * 1024 + extra()
    for i = 1, n do t[i] = %s end
    collectgarbage() collectgarbage()
    result = (collectgarbage "count" * 1024 + extra() - before) / n]]):format(
    more or "function() return 0 end", new, new) }
end
-- Python's objects aren't its tracer's: what the process grows by.
add("memory", "value", "heap of 8-byte struct", { "=", 56 }, {
  unit = "bytes", count = 100000,
  hand = heap("", "lib.point()"),
  moonpool = heap("", "new(P)", [[function()
    local sum = 0
    for _, domain in ipairs { ffi.mem.RAW, ffi.mem.MEM, ffi.mem.OBJ } do
      sum = sum + select(2, ffi.mem.live(domain))
    end
    return sum
  end]]),
  luajit = heap("", "new(T)"),
  cffi = { "P, t, page = ffi.typeof('struct target_point *'), [None] * n, resource.getpagesize()", [[
def resident(): return int(open('/proc/self/statm').read().split()[1]) * page
before = resident()
for i in range(n): t[i] = ffi.new(P)
result = (resident() - before) / n]] },
})
local resident = { "", [[
  local status = io.open "/proc/self/status"
  result = status and tonumber(status:read("*a"):match "VmRSS:%s*(%d+)") or 0]] }
add("memory", "value", "resident, loaded", nil, {
  unit = "KB", bare = true, hand = resident, ffi = resident,
  cffi = { "", "result = int(open('/proc/self/statm').read().split()[1]) * resource.getpagesize() // 1024" },
})

-- == Whole headers ========================================================================

-- HEADER is the preprocessed text's file. One cdef a process, so that nobody's caches help.
local declare = { "local file = io.open(HEADER) local text = file:read '*a' file:close()",
  "local t = os.clock() ffi.cdef(text) result = (os.clock() - t) * 1e3" }
local function header(name, include, modules, flags, reach)
  add("cdef", "value", "cdef " .. name, reach, {
    unit = "ms", bare = true, ffi = declare,
    cffi = { "text = open(HEADER).read()",
      "began = clock()\nffi.cdef(text)\nresult = (clock() - began) * 1e3" },
  })
  local row = rows[#rows]
  row.include, row.modules, row.flags = include, modules, flags
end
-- CFFI knows no compiler's own types; LuaJIT refuses some attributes of GTK's.
header("sqlite3.h", "sqlite3.h", "sqlite3", "'-D__builtin_va_list=char *'", { "luajit", 1 })
header("gtk.h", "gtk/gtk.h", "gtk+-3.0", "")
header("gtk.h, no attributes", "gtk/gtk.h", "gtk+-3.0",
  "'-D__attribute__(x)=' '-D_Pragma(x)=' -D__extension__=", { "luajit", 1 })

return rows
