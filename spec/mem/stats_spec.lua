-- mem/stats: numbers and reports over a set.

local tests = require "moonpool.tests"

local function lines(...) return table.concat({ ... }, "\n") end

-- What the heap's parts lack of what was reserved.
local function missing(heap)
  return heap.reserved - heap.allocated - heap.rounding - heap.available - heap.unused - heap.metadata - heap.large
end

describe("mp_stats_take", function()
  it("has the numbers of the domains, and a heap whose parts add up", function()
    local s = tests.set()
    local list, raw = {}, s:counts("raw").bytes
    math.randomseed(5)
    for round = 1, 3 do
      for i = 1, 2000 do
        local size, old = math.random(0, i % 50 == 0 and 200000 or 700), list[i]
        if old then
          if old[1] == "lua" then s:lua(old[2], old[3], 0) else s:free(old[1], old[2]) end
        end
        local d = ({ "raw", "mem", "obj", "lua" })[math.random(4)]
        if d == "lua" then
          list[i] = { d, assert(s:lua(nil, 0, size + 1)), size + 1 }
        else
          list[i] = { d, assert(s:malloc(d, size)), math.max(size, 1) }
        end
      end
      if round == 2 then s:hooks "obj" end
      local sums = { raw = raw, mem = 0, obj = 0, lua = 0 }
      for _, block in ipairs(list) do sums[block[1]] = sums[block[1]] + block[3] end
      local stats = s:stats()
      assert.same({ sums.raw, sums.mem, sums.obj + sums.lua },
        { stats.raw.bytes, stats.mem.bytes, stats.obj.bytes })
      assert.equal(sums.raw + sums.mem + sums.obj + sums.lua, s:total())
      assert.equal(2000, stats.mem.blocks + stats.obj.blocks + stats.raw.blocks)
      assert.equal(0, missing(stats.heap))
    end
    for _, block in ipairs(list) do
      if block[1] == "lua" then s:lua(block[2], block[3], 0) else s:free(block[1], block[2]) end
    end
    s:unhook "obj"
    local stats = s:stats()
    assert.same({ raw, 0, 0, 0 }, { stats.raw.bytes, stats.mem.bytes, stats.obj.bytes, stats.heap.large })
    assert.equal(0, missing(stats.heap))
    s:fini()
  end)
end)

describe("mp_stats_text", function()
  it("is a table to read", function()
    local s = tests.set()
    local p, more = s:malloc("mem", 100), {}
    for i = 1, 2000 do more[i] = s:lua(nil, 0, 200) end -- more than a small state's
    local text = s:statstext()
    assert.matches("^domain +blocks +bytes +peak +calls +failures\nraw ", text)
    assert.matches("\nmem +1 +100 +100 +1 +0\nobj +2000 +400000 +400000 +2000 +0\n", text)
    assert.matches(
      "\nheap +bytes\n  allocated +400100\n  rounding +%d+\n  available +%d+\n  unused +%d+\n  metadata +%d+\n"
      .. "  large +0\n  reserved +%d+\n\nclass +slabs +used +free\n", text)
    assert.matches("\n200 +[1-9]%d* +%d+ +%d+\n", text)
    s:free("mem", p)
    for i = 1, 2000 do s:lua(more[i], 200, 0) end
    s:fini()
  end)
end)

describe("mp_stats_leaks", function()
  it("has a line a site and type, the most bytes first", function()
    local s = tests.set()
    for _, d in ipairs { "raw", "mem", "obj" } do s:hooks(d) end
    assert.equal("", (s:leaks()))
    s:at("app.lua:17", "ffi.new")
    local a, b = s:malloc("mem", 64), s:malloc("mem", 64)
    s:describe("mem", a, "struct point")
    s:describe("mem", b, "struct point")
    s:at("util.lua:9\napp.lua:20", "ffi.new")
    local c = s:malloc("mem", 64)
    s:describe("mem", c, "char[64]")
    local text, groups = s:leaks()
    assert.equal(lines("moonpool: 3 blocks not freed, 192 bytes",
      "  2 × struct point (128 bytes)   app.lua:17   #1 #2",
      "  1 × char[64]                   util.lua:9   #3"), text)
    assert.same({
      { domain = "mem", site = "app.lua:17", type = "struct point", blocks = 2, bytes = 128 },
      { domain = "mem", site = "util.lua:9\napp.lua:20", type = "char[64]", blocks = 1, bytes = 64 },
    }, groups)
    s:free("mem", a)
    s:free("mem", b)
    s:free("mem", c)
    assert.equal("", (s:leaks()))
    s:at()
    local list = {}
    for i = 1, 6 do list[i] = s:malloc("obj", 1) end
    assert.equal(lines("moonpool: 6 blocks not freed, 6 bytes", "  6 × block (6 bytes)   in C   #1 #2 #3 #4 …"),
      (s:leaks()))
    for i = 2, 6 do s:free("obj", list[i]) end
    assert.equal(lines("moonpool: 1 block not freed, 1 byte", "  1 × block (1 byte)   in C   #1"), (s:leaks()))
    s:free("obj", list[1])
    for _, d in ipairs { "raw", "mem", "obj" } do s:unhook(d) end
    s:fini()
  end)

  it("leaves moonpool's own records and Lua's blocks out, not its data", function()
    local s = tests.set()
    s:hooks "mem"
    s:hooks "obj"
    local record, block = s:resize("obj", nil, 0, 10), s:lua(nil, 0, 20)
    assert.equal("", (s:leaks()))
    local data = s:resize("mem", nil, 0, 10)
    assert.matches("^moonpool: 1 block not freed, 10 bytes\n", (s:leaks()))
    s:resize("obj", record, 10, 0)
    s:resize("mem", data, 10, 0)
    s:lua(block, 20, 0)
    s:fini()
  end)

  it("of RAW lasts longer than the state whose line it was", function()
    local s, other = tests.set(), tests.set()
    s:hooks "raw"
    s:at("gone.lua:1", "mem.raw.malloc")
    local p = s:malloc("raw", 10)
    s:describe("raw", p, "char[10]")
    s:fini()
    other:hooks "raw"
    assert.equal(lines("moonpool: 1 block not freed, 10 bytes", "  1 × char[10]   gone.lua:1   #"),
      (other:leaks():gsub("#%d+$", "#")))
    other:free("raw", p)
    other:unhook "raw"
    other:fini()
  end)
end)

describe("mp_stats_compare", function()
  it("has what grew, the most bytes first", function()
    local s = tests.set()
    s:hooks "mem"
    s:at("app.lua:1", "ffi.new")
    local a, b = s:malloc("mem", 10), s:malloc("mem", 10)
    s:at("app.lua:2", "ffi.new")
    local c = s:malloc("mem", 50)
    local more = {}
    assert.same({
      { domain = "mem", site = "app.lua:3", blocks = 2, bytes = 200 },
      { domain = "mem", site = "app.lua:1", blocks = 1, bytes = 30 },
    }, s:grown(function()
      s:at("app.lua:3", "ffi.new")
      more[1], more[2] = s:malloc("mem", 100), s:malloc("mem", 100)
      s:at("app.lua:1", "ffi.new")
      more[3], more[4] = s:malloc("mem", 20), s:malloc("mem", 20)
      s:free("mem", a)
      s:free("mem", c)
    end))
    assert.same({}, s:grown(function() end))
    for _, p in ipairs { b, table.unpack(more) } do s:free("mem", p) end
    s:unhook "mem"
    s:fini()
  end)
end)

describe("mp_stats_resident", function()
  it("is the process's size", function()
    local s = tests.set()
    local size = s:resident()
    local file <close> = assert(io.open "/proc/self/statm")
    local pages = select(2, file:read("n", "n"))
    assert.is_true(math.abs(size - pages * 4096) < 4 << 20)
    s:fini()
  end)
end)
