-- mem/heap, with its parts region, slab, small and large: every size, every kind of address,
-- a random model, statistics that add up, want of memory at each call, memory given back.

local tests = require "moonpool.tests"

local KB, MB = 1024, 1024 * 1024
local ARENA, SLAB = 4 * MB, 64 * KB
local sizes = { 1, 2, 7, 8, 9, 15, 16, 17, 24, 40, 56, 63, 64, 65, 100, 256, 504, 505, 511, 512, 513,
  1000, 4096, SLAB - 1, SLAB, SLAB + 1, 3 * MB, 5 * MB }

-- A heap that is told to end with the spec, and must leave nothing in its system.
local heaps = {}
local function new(budget)
  local h = tests.heap(budget)
  heaps[#heaps + 1] = h
  return h
end

-- One whose start regions are used up: what comes now has slabs.
local function crowded()
  local h = new()
  for _ = 1, SLAB // 512 do
    h:resize(nil, 0, 512)
    h:malloc(2, 512)
  end
  return h
end

after_each(function()
  for _, h in ipairs(heaps) do assert.are.equal(0, h:fini()) end
  heaps = {}
  collectgarbage()
end)

-- Is the heap in order, and what do its statistics say?
local function agree(h)
  assert.is_true(h:check())
  local s = h:stats()
  assert.are.equal(s.reserved,
    s.allocated + s.rounding + s.available + s.unused + s.metadata + s.large)
  return s
end

local function place(h, address) return (h:find(address)) end

describe("mp_heap_new", function()
  it("starts with nothing allocated", function()
    local s = agree(new())
    assert.are.equal(0, s.allocated + s.rounding + s.available + s.large)
    assert.are.equal(ARENA, s.unused + 256 * KB)
    assert.are.equal(64 + 32, #s.classes)
    for i = 1, 64 do assert.are.equal(i * 8, s.classes[i].size) end
    for i = 1, 32 do assert.are.equal(i * 16, s.classes[64 + i].size) end
  end)

  it("leaves nothing behind when the system has no memory", function()
    local h, left = tests.heap(0)
    assert.is_nil(h)
    assert.are.equal(0, left)
  end)
end)

describe("mp_heap_free", function()
  it("gives everything back at once, live blocks too", function()
    local h = tests.heap()
    local small = {}
    for i = 1, 100000 do small[i] = h:resize(nil, 0, 64) end
    for i = 1, 100 do h:malloc(1, 10000 + i) end
    assert.is_true(h:stats().reserved > 7 * MB)
    assert.are.equal(0, h:fini())
    for i = 1, 100000, 1000 do assert.is_false(tests.is_arena(small[i])) end
  end)
end)

describe("mp_heap_resize", function()
  it("serves every size, aligned to 8, all bytes one's own", function()
    local h = new()
    local blocks = {}
    for round = 1, 3 do
      for _, size in ipairs(sizes) do
        local p = h:resize(nil, round, size) -- the old size says nothing when there's no block
        assert.are.equal(0, p % 8)
        h:fill(p, size, #blocks % 251)
        blocks[#blocks + 1] = { p, size }
      end
    end
    agree(h)
    for i, b in ipairs(blocks) do
      assert.is_true(h:isfilled(b[1], b[2], (i - 1) % 251))
      assert.is_nil(h:resize(b[1], b[2], 0))
    end
    assert.are.equal(0, agree(h).allocated)
  end)

  it("does nothing for a free of NULL, and for no bytes", function()
    local h = new()
    assert.is_nil(h:resize(nil, 0, 0))
    assert.is_nil(h:resize(nil, 8, 0))
    assert.are.equal(0, agree(h).allocated)
  end)

  it("keeps the bytes from every size to every other", function()
    local h = new()
    for _, from in ipairs(sizes) do
      for _, to in ipairs(sizes) do
        local p = h:resize(nil, 0, from)
        h:fill(p, from, 77)
        p = h:resize(p, from, to)
        assert.is_true(h:isfilled(p, math.min(from, to), 77))
        h:resize(p, to, 0)
      end
    end
    assert.are.equal(0, agree(h).allocated + h:stats().large)
  end)

  it("stays in place within a class", function()
    local h = new()
    local p = h:resize(nil, 0, 50)
    assert.are.equal(p, h:resize(p, 50, 56))
    assert.are.equal(p, h:resize(p, 56, 49))
    assert.are_not.equal(p, h:resize(p, 49, 57))
  end)

  it("gives the block that was freed last", function()
    local h = new()
    for _, size in ipairs { 8, 56, 512 } do
      for _, before in ipairs { 0, SLAB } do -- in the start region, and in slabs
        for _ = 1, before // 8 do h:resize(nil, 0, size) end
        local p, q = h:resize(nil, 0, size), h:resize(nil, 0, size)
        h:resize(p, size, 0)
        h:resize(q, size, 0)
        assert.are.equal(q, h:resize(nil, 0, size))
        assert.are.equal(p, h:resize(nil, 0, size))
      end
    end
    agree(h)
  end)

  it("knows the blocks that it serves", function()
    local h, other = new(), new()
    for _, size in ipairs(sizes) do
      local p = h:resize(nil, 0, size)
      assert.is_true(h:has(p, size))
      assert.is_false(other:has(p, size))
    end
  end)

  it("refuses what the system refuses", function()
    local h = new()
    assert.is_nil(h:resize(nil, 0, math.maxinteger))
    assert.is_nil(h:resize(nil, 0, -1))
    local p = h:resize(nil, 0, 600)
    assert.is_nil(h:resize(p, 600, math.maxinteger))
    assert.is_nil(h:resize(p, 600, -1))
    h:resize(p, 600, 0)
    p = h:resize(nil, 0, 60)
    assert.is_nil(h:resize(p, 60, math.maxinteger))
    h:resize(p, 60, 0)
    assert.are.equal(0, agree(h).allocated)
  end)
end)

describe("labelled blocks", function()
  it("have every size, are aligned to 16, and tell size and label", function()
    local h = new()
    for label = 0, 2 do
      for _, size in ipairs(sizes) do
        local p = h:malloc(label, size)
        assert.are.equal(0, p % 16)
        assert.are.same({ "live", p, label, size }, { h:find(p) })
        h:fill(p, size, 0xEE)
        assert.are.equal(size, h:release(p))
      end
    end
    assert.are.equal(0, agree(h).allocated)
  end)

  it("are zeroed by calloc, after reuse too", function()
    local h = new()
    for _, size in ipairs(sizes) do
      local p = h:malloc(0, size)
      h:fill(p, size, 0xEE)
      h:release(p)
      p = h:calloc(0, size)
      assert.is_true(h:isfilled(p, size, 0))
    end
    agree(h)
  end)

  it("keep bytes, label and mark when they are resized", function()
    local h = new()
    for _, from in ipairs(sizes) do
      for i, to in ipairs(sizes) do
        local p = h:malloc(i % 3, from)
        h:fill(p, from, 33)
        h:mark(p, i % 2 == 0)
        p = h:realloc(p, to)
        assert.is_true(h:isfilled(p, math.min(from, to), 33))
        assert.are.same({ "live", p, i % 3, to }, { h:find(p) })
        assert.are.equal(i % 2 == 0, h:mark(p))
        assert.are.equal(to, h:release(p))
      end
    end
    assert.are.equal(0, agree(h).allocated)
  end)

  it("have no mark at first, and lose it with the block", function()
    local h = new()
    for _, size in ipairs { 1, 16, 512, 513 } do
      local p = h:malloc(0, size)
      assert.is_false(h:mark(p, true))
      assert.is_true(h:mark(p))
      assert.are.equal(size, h:release(p))
      assert.is_false(h:mark(h:malloc(0, size)))
    end
  end)

  it("stay as they were when a resize fails", function()
    local h = new()
    for _, size in ipairs { 100, 1000 } do
      local p = h:malloc(2, size)
      h:fill(p, size, 5)
      assert.is_nil(h:realloc(p, math.maxinteger))
      assert.is_true(h:isfilled(p, size, 5))
      assert.are.same({ "live", p, 2, size }, { h:find(p) })
    end
    agree(h)
  end)

  it("are not resized when they don't live", function()
    local h = new()
    local p = h:malloc(0, 100)
    assert.is_nil(h:realloc(p + 16, 10))
    h:release(p)
    assert.is_nil(h:realloc(p, 10))
  end)
end)

describe("mp_heap_find", function()
  for _, kind in ipairs { { "in the start region", new }, { "in slabs", crowded } } do
    it("tells the inside of a block from its first byte, " .. kind[1], function()
      local h = kind[2]()
      for _, size in ipairs { 2, 16, 40, 112, 512, 513, SLAB, 5 * MB } do
        h:malloc(1, size)
        local p = h:malloc(1, size)
        for _, at in ipairs { 1, size // 2, size - 1 } do
          assert.are.same({ "interior", p, 1, size }, { h:find(p + at) })
        end
      end
    end)

    it("tells blocks that were freed, and that never were, " .. kind[1], function()
      local h = kind[2]()
      for _, size in ipairs { 1, 40, 112, 512 } do
        local p = h:malloc(0, size)
        local q = h:malloc(0, size)
        h:release(p)
        assert.are.equal("dead", place(h, p))
        assert.are.equal("dead", place(h, p + size - 1))
        assert.are.equal("live", place(h, q))
        assert.are.equal("dead", place(h, q + 20000))
      end
      local p = h:malloc(0, 513)
      h:release(p)
      assert.are.equal("foreign", place(h, p))
    end)
  end

  it("tells what isn't a block of this heap", function()
    local h, other = new(), new()
    local a, b = other:malloc(0, 100), other:malloc(0, 1000)
    assert.are.equal("sized", place(h, a))
    assert.are.equal("foreign", place(h, b))
    for _, at in ipairs { 0, 1, 4096, math.maxinteger, math.mininteger, -1, 1 << 47, 1 << 48 } do
      assert.are.equal("foreign", place(h, at))
    end
    local p = h:malloc(0, 1000)
    assert.are.equal("foreign", place(h, p + 1000))
    assert.are.equal("foreign", place(h, p - 1))
  end)

  it("tells sized blocks and the heap's own records", function()
    local h = new()
    local p
    for _, size in ipairs { 8, 512, 513 } do
      for _ = 1, 200 do p = h:resize(nil, 0, size) end
      assert.are.equal("sized", place(h, p))
      assert.are.equal("sized", place(h, p + 1))
    end
    local q = h:malloc(0, 10)
    assert.are.equal("sized", place(h, q & -ARENA))
    assert.are.equal("sized", place(h, (q & -ARENA) + 256 * KB - 1))
    assert.are.equal("dead", place(h, (q & -ARENA) + ARENA - 1))
  end)

  it("says which addresses lie in an arena of any heap", function()
    local h = tests.heap()
    local p, q = h:resize(nil, 0, 10), h:resize(nil, 0, 1000)
    assert.is_true(tests.is_arena(p))
    assert.is_true(tests.is_arena((p & -ARENA) + ARENA - 1))
    assert.is_false(tests.is_arena(q))
    h:fini()
    assert.is_false(tests.is_arena(p))
  end)
end)

describe("mp_heap_walk", function()
  it("visits live labelled blocks alone, small and large", function()
    local h = new()
    local wanted, freed = {}, {}
    for i = 1, 3000 do
      local size = i % 700 + 1
      local p = h:malloc(i % 3, size)
      wanted[p] = { i % 3, size }
      if i % 3 == 0 then freed[#freed + 1] = p end
      h:resize(nil, 0, size)
    end
    for _, p in ipairs(freed) do
      h:release(p)
      wanted[p] = nil
    end
    assert.are.same(wanted, h:walk())
  end)
end)

-- == A random model =======================================================================

-- Steps of one kind of block against a table of what must be there.
local function model(h, seed, steps, largest)
  math.randomseed(seed)
  local live, walked, bytes, before = {}, h:walk(), 0, h:stats().allocated
  local function size()
    local dice = math.random(10)
    return dice == 1 and math.random(largest) or dice < 6 and math.random(64) or math.random(512)
  end
  local function add(sized)
    local n, label = size(), math.random(0, 2)
    local b = { size = n, byte = math.random(0, 255), label = not sized and label or nil }
    if sized then b.at = h:resize(nil, 0, n)
    elseif math.random(2) == 1 then b.at = h:malloc(label, n)
    else
      b.at = h:calloc(label, n)
      assert(h:isfilled(b.at, n, 0))
    end
    assert(b.at and b.at % (sized and 8 or 16) == 0)
    h:fill(b.at, n, b.byte)
    live[#live + 1] = b
    bytes = bytes + n
  end
  local function take()
    local i = math.random(#live)
    local b = live[i]
    live[i] = live[#live]
    live[#live] = nil
    assert(h:isfilled(b.at, b.size, b.byte))
    bytes = bytes - b.size
    return b
  end
  for step = 1, steps do
    local dice = math.random(100)
    local growing = step // 2000 % 2 == 0
    if #live == 0 or dice <= (growing and 60 or 30) then
      add(math.random(2) == 1)
    elseif dice <= 85 then
      local b = take()
      if b.label then assert(h:release(b.at) == b.size) else h:resize(b.at, b.size, 0) end
    else
      local b, n = take(), size()
      b.at = b.label and h:realloc(b.at, n) or not b.label and h:resize(b.at, b.size, n)
      assert(h:isfilled(b.at, math.min(n, b.size), b.byte))
      b.size = n
      h:fill(b.at, n, b.byte)
      live[#live + 1] = b
      bytes = bytes + n
    end
    if step % 500 == 0 then
      local s = agree(h)
      assert(s.allocated + s.rounding + s.large >= bytes)
      if step % 2000 == 0 then h:trim() end
    end
  end
  -- No two overlap: each still has its own byte.
  table.sort(live, function(a, b) return a.at < b.at end)
  for i, b in ipairs(live) do
    assert(i == 1 or live[i - 1].at + live[i - 1].size <= b.at)
    assert(h:isfilled(b.at, b.size, b.byte))
    walked[b.at] = b.label and { b.label, b.size } or nil
  end
  assert.are.same(walked, h:walk())
  while #live > 0 do
    local b = take()
    if b.label then h:release(b.at) else h:resize(b.at, b.size, 0) end
  end
  local s = agree(h)
  assert.are.equal(before, s.allocated + s.large)
end

describe("a heap in random use", function()
  for seed = 1, 4 do
    it(("holds what was written, seed %d"):format(seed), function()
      model(seed == 2 and crowded() or new(), seed, 12000, seed == 1 and 200000 or 2000)
    end)
  end
end)

-- == Statistics ===========================================================================

describe("mp_heap_stats", function()
  it("adds up after every step", function()
    local h = new()
    local live = {}
    for i = 1, 400 do
      local size = (i * 37) % 600 + 1
      live[i] = { h:resize(nil, 0, size), size, h:malloc(i % 3, size) }
      agree(h)
    end
    for i = 1, 400 do
      h:resize(live[i][1], live[i][2], 0)
      agree(h)
      h:release(live[i][3])
      agree(h)
    end
    assert.are.equal(0, h:stats().allocated)
  end)

  it("counts labelled blocks as asked for, sized ones as their class", function()
    local h = new()
    h:malloc(0, 17)
    h:resize(nil, 0, 17)
    local s = agree(h)
    assert.are.equal(17 + 24, s.allocated)
    assert.are.equal(1, s.classes[3].used)
    assert.are.equal(1, s.classes[64 + 2].used)
    assert.are.same({ 0, 0 }, { s.classes[64 + 2].slabs, s.classes[64 + 2].free })
  end)

  it("counts blocks and slabs of a class over the labels", function()
    local h = crowded()
    local before = agree(h).classes
    h:resize(nil, 0, 17)
    for label = 0, 2 do h:malloc(label, 17) end
    local s = agree(h).classes
    assert.are.same({ 1, 1, SLAB // 24 - 1 },
      { s[3].used, s[3].slabs - before[3].slabs, s[3].free })
    assert.are.same({ 3, 3, 3 * (SLAB // 32 - 1) },
      { s[66].used, s[66].slabs - before[66].slabs, s[66].free })
  end)

  it("counts large blocks", function()
    local h = new()
    local p = h:resize(nil, 0, 1000)
    h:malloc(1, 5000)
    local s = agree(h)
    assert.are.same({ 6000, 2 }, { s.large, s.nlarge })
    h:resize(p, 1000, 3000)
    assert.are.equal(8000, agree(h).large)
  end)
end)

-- == Memory that goes back ================================================================

describe("memory", function()
  it("goes back to the system as arenas run empty", function()
    local h = new()
    local blocks = {}
    for i = 1, 300000 do blocks[i] = h:resize(nil, 0, 56) end
    assert.is_true(agree(h).reserved >= 16 * MB)
    for i = 1, 300000 do h:resize(blocks[i], 56, 0) end
    assert.is_true(agree(h).reserved <= 3 * ARENA + KB) -- the first, an empty, one slab
  end)

  it("serves other sizes when phases shift", function()
    local h = new()
    local most = 0
    for phase = 1, 12 do
      local size = phase * 40
      local blocks = {}
      for i = 1, 2 * MB // size do blocks[i] = h:resize(nil, 0, size) end
      most = math.max(most, h:stats().reserved)
      for i = 1, #blocks do
        local j = (i * 7919) % #blocks + 1
        if blocks[j] then
          h:resize(blocks[j], size, 0)
          blocks[j] = false
        end
      end
      for i = 1, #blocks do
        if blocks[i] then h:resize(blocks[i], size, 0) end
      end
    end
    assert.is_true(most <= 2 * ARENA)
    assert.are.equal(0, agree(h).allocated)
  end)

  it("of few survivors is bounded by their slabs", function()
    local h = new()
    local blocks = {}
    for i = 1, 200000 do blocks[i] = h:resize(nil, 0, 64) end
    for i = 1, 200000 do
      if i % 50000 ~= 0 then h:resize(blocks[i], 64, 0) end
    end
    assert.is_true(agree(h).available <= 6 * SLAB)
  end)

  it("goes back on request", function()
    local h = new()
    local blocks = {}
    for i = 1, 100000 do blocks[i] = h:malloc(0, i % 512 + 1) end
    for i = 1, 100000 do h:release(blocks[i]) end
    assert.is_true(h:trim() > 2 * MB)
    local s = agree(h)
    assert.are.same({ 0, SLAB }, { s.allocated, s.available }) -- the start region stays
    assert.is_true(s.reserved <= ARENA + KB)
    assert.are.equal(0, h:trim())
    local p = h:calloc(0, 100)
    assert.is_true(h:isfilled(p, 100, 0))
  end)

  it("is each heap's own, 200 at once", function()
    local many, blocks = {}, {}
    for i = 1, 200 do many[i] = new() end
    for round = 1, 20 do
      for i, h in ipairs(many) do
        local p = h:resize(nil, 0, 56)
        h:fill(p, 56, i % 256)
        blocks[#blocks + 1] = { h, p, i % 256 }
      end
      assert.are.equal(round * 200, #blocks)
    end
    for _, b in ipairs(blocks) do assert.is_true(b[1]:isfilled(b[2], 56, b[3])) end
    for _, h in ipairs(many) do agree(h) end
  end)
end)

describe("the map of arenas", function()
  it("is shared by heaps on many threads", function()
    assert.are.equal(0, tests.heap_threads(8, 40))
  end)
end)

describe("want of memory", function()
  -- One run of all that asks the system; every failure must leave what there was.
  local function run(h)
    local failures, sized = 0, {}
    for i = 1, 60 do
      local size = i % 5 == 0 and 70000 + i or i % 3 == 0 and 600 + i or 512
      for _ = 1, size > 512 and 1 or 300 do
        local p = h:resize(nil, 0, size)
        if p then sized[#sized + 1] = { p, size } else failures = failures + 1 end
      end
      local q = h:calloc(i % 3, size)
      if not (q and h:realloc(q, size * 3)) then failures = failures + 1 end
    end
    agree(h)
    for _, b in ipairs(sized) do h:resize(b[1], b[2], 0) end
    for p in pairs(h:walk()) do h:release(p) end
    local s = agree(h)
    assert.are.equal(0, s.allocated + s.large)
    return failures
  end

  it("at any call of the system leaves the heap in order", function()
    local h = new()
    assert.are.equal(0, run(h))
    local calls = h:budget(-1)
    assert.is_true(calls > 100)
    for n = 1, calls - 1 do
      local starved, left = tests.heap(n)
      if starved then
        assert.is_true(run(starved) > 0)
        left = starved:fini()
      end
      assert.are.equal(0, left)
    end
  end)

  it("is over when there is memory again", function()
    local h = new()
    h:budget(0)
    while h:resize(nil, 0, 512) do end
    assert.is_nil(h:malloc(0, 513))
    agree(h)
    h:budget(-1)
    assert.is_truthy(h:resize(nil, 0, 512))
    assert.is_truthy(h:malloc(0, 513))
    agree(h)
  end)
end)
