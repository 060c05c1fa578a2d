-- make bench-scale: what an operation costs as the things around it grow in number, and by how
-- much it grows a decade. Each measurement is a process of its own, the median of three.
-- `hand` is the same with bench/floor.c, for what fills the caches whoever does it.
-- Usage: lua scale.lua REPETITIONS [PART OF A NAME]

package.path = "./?.lua;" .. package.path
local peers = require "bench.peers"
local report = require "bench.report"

local repetitions, wanted = tonumber(arg[1]) or 3, arg[2]
local script = "build/bench/scale"
-- Growth a decade up to which a cost counts as flat, and by which it may exceed the hand's.
local flat, beyond = 1.25, 1.1

local rows = {}

-- `code` runs with N things, and does `ops` operations between its marks <( and )>; by
-- default it does them a million times or so, whatever N.
local function row(name, sizes, code, hand)
  rows[#rows + 1] = { name = name, sizes = sizes, moonpool = code, floor = hand }
end

local to_million = { 1000, 10000, 100000, 1000000 }
local to_hundred_thousand = { 100, 1000, 10000, 100000 }

-- == Live objects =========================================================================

local live = "local t = {} for i = 1, N do t[i] = %s end "
local function among(body)
  return function(new) return live:format(new) .. body:gsub("NEW", new) end
end

local fresh = among "ops = 1000000 <( for _ = 1, ops do local _ = NEW end )>"
row("new, among N live", to_million, fresh "new(P)", fresh "lib.point()")

-- 7919 is prime: it visits all of them, in no order that a cache would like.
local spread = among "local j = 1 ops = 1000000 <( for _ = 1, ops do local _ = t[j].x j = (j + 7919) % N + 1 end )>"
row("field get, of N live", to_million, spread "new(P)", spread "lib.point()")

local function collecting(new, setup)
  return ([[
    %s local t = {} for i = 1, N do t[i] = false end
    local rounds = math.max(3, 1000000 // N)
    ops = rounds * N
    collectgarbage()
    local began = os.clock() for _ = 1, rounds do collectgarbage() end
    less = os.clock() - began
    for i = 1, N do t[i] = %s end
    collectgarbage()
    <( for _ = 1, rounds do collectgarbage() end )>]]):format(setup or "", new)
end
row("collect, a live object", to_million, collecting "new(P)", collecting "lib.point()")
row("collect, a live array, 1 KB", { 1000, 10000, 100000 }, collecting("new(A)", "local A = ffi.typeof 'int[256]'"),
  collecting "lib.ints(256)")
row("collect, a live view", to_million, collecting("l.b", "local l = new 'struct target_line *'"),
  collecting("l.b", "local l = lib.line()"))

-- == Stored pointers ======================================================================

local node = [[ffi.cdef "struct node { struct node *next; int value; };" local Node = ffi.typeof "struct node *" ]]
row("pointer store, into N", to_million, node .. [[
  local a, one, two = new("struct node *[]", N), new(Node), new(Node)
  local rounds = 1000000 // N
  ops = rounds * N
  <( for r = 1, rounds do
    local p = r % 2 == 0 and one or two
    for i = 0, N - 1 do a[i] = p end
  end )>]])
row("pointers to N kept, each", to_million, node .. [[
  local rounds = 1000000 // N
  ops = rounds * N
  <( for _ = 1, rounds do
    local a = new("struct node *[]", N)
    for i = 0, N - 1 do a[i] = new(Node) end
  end )>]])
local list = node .. [[
  local function build()
    local first
    for _ = 1, N do
      local p = new(Node)
      p.next = first
      first = p
    end
    return first
  end
  local rounds = 1000000 // N
  ops = rounds * N
]]
row("list of N, a node made", to_million, list .. "<( for _ = 1, rounds do build() end )>")
row("list of N, a step", to_million, list .. [[
  local first = build()
  <( for _ = 1, rounds do
    local p = first
    while p do p = p.next end
  end )>]])
row("collect, a live list node", to_million, [[
  collectgarbage()
  local began = os.clock() for _ = 1, 3 do collectgarbage() end less = os.clock() - began
]] .. list .. [[
  local first = build()
  collectgarbage()
  ops = 3 * N
  <( for _ = 1, 3 do collectgarbage() end )>
  assert(first)]])

-- == Declarations =========================================================================

local types = [[
  local text = {}
  for i = 1, N do text[i] = ("struct s%d { int a; double b; struct s%d *next; };"):format(i, i) end
  text = table.concat(text, "\n")
]]
row("cdef, one of N types", to_hundred_thousand, types .. "ops = N <( ffi.cdef(text) )>")
row("new by text, of N types", to_hundred_thousand, types .. [[
  ffi.cdef(text)
  local names = {}
  for i = 0, 99 do names[i] = ("struct s%d *"):format(1 + i * (N // 100)) end
  ops = 500000
  <( for i = 1, ops do new(names[i % 100]) end )>]])
local functions = [[
  local text = {}
  for i = 1, N do text[i] = ("int f%d(int) __asm__(\"abs\");"):format(i) end
  ffi.cdef(table.concat(text, "\n"))
  local C = ffi.C
]]
row("first look-up, of N functions", to_hundred_thousand, functions
  .. "ops = N <( for i = 1, N do local _ = C['f' .. i] end )>")
row("call, of N functions", to_hundred_thousand, functions .. [=[
  for i = 1, N do local _ = C["f" .. i] end
  local names = {}
  for i = 0, 99 do names[i] = "f" .. 1 + i * (N // 100) end
  ops = 1000000
  <( for i = 1, ops do C[names[i % 100]](1) end )>]=])
row("last of N fields", { 10, 100, 1000 }, [[
  local text = {}
  for i = 1, N do text[i] = ("int field%d;"):format(i) end
  ffi.cdef("struct wide { " .. table.concat(text) .. " };")
  local p, last = new "struct wide *", "field" .. N
  ops = 1000000
  <( for _ = 1, ops do local _ = p[last] end )>]])

-- == Instances and callbacks ==============================================================

local instances = [[
  local all = {}
  local function make(i)
    local own = ffi.FFI()
    own.cdef "struct own { int x; }; int abs(int);"
    all[i] = { own = own, C = own.C, p = own.new "struct own *" }
  end
]]
row("instance with a cdef, of N", { 10, 100, 1000, 10000 }, instances .. "ops = N <( for i = 1, N do make(i) end )>")
row("call and field, in N instances", { 10, 100, 1000, 10000 }, instances .. [[
  for i = 1, N do make(i) end
  for i = 1, N do all[i].C.abs(1) end
  local j = 1
  ops = 500000
  <( for _ = 1, ops do local one = all[j] one.p.x = one.C.abs(-1) j = (j + 7919) % N + 1 end )>]])
row("callback made, freed, of N live", { 10, 100, 1000, 10000 }, [[
  local T, all = ffi.typeof "int(int)", {}
  for i = 1, N do all[i] = ffi.callback(T, function(x) return x + i end) end
  local function f(x) return x end
  ops = 100000
  <( for _ = 1, ops do ffi.release(ffi.callback(T, f)) end )>]])

-- == Arrays ===============================================================================

local function elements(setup)
  return setup .. [[ local j = 0 ops = 1000000 <( for _ = 1, ops do local _ = a[j] j = (j + 7919) % N end )>]]
end
row("element of N", { 10, 1000, 100000, 10000000 }, elements "local a = new('int[]', N)",
  elements "local a = lib.ints(N)")
local function unpacking(setup, body)
  return setup .. ("local rounds = 1000000 // N ops = rounds * N <( for _ = 1, rounds do %s end )>"):format(body)
end
row("unpack of N, an element", to_million, unpacking("local a = new('int[]', N)", "ffi.unpack(a, N)"),
  unpacking("local a = lib.ints(N)", "lib.unpack(a, N)"))

-- == Measuring ============================================================================

local function program(peer, code, size)
  local marked = code:gsub("<%(", "local _began = os.clock()"):gsub("%)>", "local _took = os.clock() - _began")
  return peers.program(peer, { kind = "value", code = {
    [peer.name] = { ("local N, less = %d, 0"):format(size), marked .. " result = (_took - less) / ops * 1e9" },
  } }, 1)
end

local function measure(peer, code, size)
  local found = {}
  for i = 1, repetitions do
    local value, said = peers.run(peer, program(peer, code, size), script)
    found[i] = value or error(said, 0)
  end
  return (report.median(found))
end

-- The costs at each size, and the growth a decade from the first to the last.
local function series(peer, code, sizes)
  local costs = {}
  for i, size in ipairs(sizes) do costs[i] = measure(peer, code, size) end
  local decades = math.log(sizes[#sizes] / sizes[1], 10)
  return costs, (costs[#costs] / costs[1]) ^ (1 / decades)
end

local function verdict(growth, by_hand)
  if growth <= flat then return "flat" end
  if by_hand and growth <= by_hand * beyond then return "as by hand" end
  return "grows"
end

local function joined(values, format)
  local out = {}
  for i, value in ipairs(values) do out[i] = format(value) end
  return table.concat(out, " → ")
end

local function power(n)
  local exponent = math.floor(math.log(n, 10) + .5)
  return 10 ^ exponent == n and n >= 1000 and ("10^%d"):format(exponent) or ("%d"):format(n)
end

local by_name = {}
for _, peer in ipairs(peers.installed()) do by_name[peer.name] = peer end

local lines = { { "operation", "N", "ns", "a decade", "by hand, ns", "a decade", "growth" } }
for _, one in ipairs(rows) do
  if not wanted or one.name:find(wanted, 1, true) then
    io.stderr:write(one.name, "\n")
    local costs, growth = series(by_name.moonpool, one.moonpool, one.sizes)
    local hand_costs, hand_growth
    if one.floor then hand_costs, hand_growth = series(by_name.floor, one.floor, one.sizes) end
    lines[#lines + 1] = { one.name, joined(one.sizes, power), joined(costs, report.number),
      ("× %.2f"):format(growth), hand_costs and joined(hand_costs, report.number) or "",
      hand_growth and ("× %.2f"):format(hand_growth) or "", verdict(growth, hand_growth) }
  end
end
os.remove(script)
print(report.aligned(lines))
report.keep("bench-scale", report.markdown(lines))
