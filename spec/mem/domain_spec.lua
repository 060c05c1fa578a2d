-- mem/domain: the doors of the three domains, CPython's contract.

local tests = require "moonpool.tests"

local DOMAINS = { "raw", "mem", "obj" }
local MAX = math.maxinteger -- PTRDIFF_MAX
local SIZES = { 0, 1, 8, 16, 512, 513, 65535, 65536, 65537 }
local OUTSIDE = { MAX + 1, -1, -16 } -- as sizes of 64 bits: above PTRDIFF_MAX

-- What a domain's numbers have grown by since `before`.
local function grown(s, d, before)
  local now = s:counts(d)
  return { now.blocks - before.blocks, now.bytes - before.bytes }
end

-- Runs f(set, domain) for each domain, without hooks and with them; nothing may be left.
local function each(f)
  for _, hooked in ipairs { false, true } do
    for _, d in ipairs(DOMAINS) do
      local s = tests.set()
      if hooked then s:hooks(d) end
      local before = s:counts(d)
      f(s, d)
      assert.same({ 0, 0 }, grown(s, d, before))
      if hooked then s:unhook(d) end
      assert.equal("", s:fini())
    end
  end
end

local function bytes(n) return tests.peek(n, 1) end

describe("malloc", function()
  it("gives a block of every size, distinct and aligned to 16", function()
    each(function(s, d)
      local seen, list = {}, {}
      for _, size in ipairs(SIZES) do
        for _ = 1, 3 do
          local p = assert(s:malloc(d, size))
          assert.equal(0, p % 16)
          assert.is_nil(seen[p])
          seen[p] = true
          list[#list + 1] = p
          if size > 0 then
            s:poke(p, 1)
            s:poke(p + size - 1, 2)
          end
          assert.equal(math.max(size, 1), s:size(d, p))
          assert.is_nil(s:check(d, p))
        end
      end
      for _, p in ipairs(list) do s:free(d, p) end
    end)
  end)

  it("fails for sizes that no object can have, and asks no allocator", function()
    each(function(s, d)
      local saved, probe = s:get(d), s:probe(d, { wraps = true })
      s:install(d, probe)
      for _, size in ipairs(OUTSIDE) do
        assert.is_nil(s:malloc(d, size))
        assert.equal("size out of range", s:reason(d))
      end
      assert.equal(0, probe.mallocs)
      s:put(d, saved)
    end)
  end)

  it("fails for sizes that no machine has", function()
    each(function(s, d)
      assert.is_nil(s:malloc(d, MAX))
      assert.is_nil(s:malloc(d, MAX - 1))
      assert.equal("", s:reason(d))
    end)
  end)
end)

describe("calloc", function()
  it("gives zeroed blocks, of products without elements too", function()
    each(function(s, d)
      for _, size in ipairs(SIZES) do
        local p = assert(s:malloc(d, size))
        for i = 0, size - 1, math.max(size // 7, 1) do s:poke(p + i, 0xAA) end
        s:free(d, p)
        for _, n in ipairs { { 1, size }, { size, 1 } } do
          local q = assert(s:calloc(d, n[1], n[2]))
          assert.equal(("\0"):rep(size), tests.peek(q, size))
          assert.is_nil(s:check(d, q))
          s:free(d, q)
        end
      end
      local p, q = s:calloc(d, 0, 8), s:calloc(d, 8, 0)
      assert.is_true(p ~= nil and q ~= nil and p ~= q)
      s:free(d, p)
      s:free(d, q)
    end)
  end)

  it("fails when the product overflows, and asks no allocator", function()
    each(function(s, d)
      local saved, probe = s:get(d), s:probe(d, { wraps = true })
      s:install(d, probe)
      for _, n in ipairs { { 2, MAX }, { MAX, MAX }, { 1 << 32, 1 << 32 }, { 1 << 32, 1 << 31 }, { -1, 1 }, { 1, -1 },
        { -1, -1 } } do
        assert.is_nil(s:calloc(d, n[1], n[2]))
        assert.equal("size out of range", s:reason(d))
      end
      assert.equal(0, probe.callocs)
      s:put(d, saved)
    end)
  end)
end)

describe("realloc", function()
  it("is malloc for NULL", function()
    each(function(s, d)
      local p = s:realloc(d, nil, 10)
      assert.equal(10, s:size(d, p))
      s:free(d, p)
    end)
  end)

  it("to 0 gives a minimal block and frees nothing", function()
    each(function(s, d)
      local before = s:counts(d)
      local p = s:malloc(d, 100)
      p = assert(s:realloc(d, p, 0))
      assert.same({ 1, 1 }, grown(s, d, before))
      assert.is_nil(s:check(d, p))
      s:free(d, p)
    end)
  end)

  it("keeps what was there, between all sizes", function()
    each(function(s, d)
      for _, from in ipairs(SIZES) do
        for _, to in ipairs(SIZES) do
          local p = s:malloc(d, from)
          local n = math.min(from, to)
          for i = 0, n - 1, math.max(n // 5, 1) do s:poke(p + i, i % 251) end
          if n > 0 then s:poke(p + n - 1, 7) end
          local q = assert(s:realloc(d, p, to))
          for i = 0, n - 2, math.max(n // 5, 1) do assert.equal(i % 251, bytes(q + i):byte()) end
          if n > 0 then assert.equal(7, bytes(q + n - 1):byte()) end
          assert.equal(math.max(to, 1), s:size(d, q))
          s:free(d, q)
        end
      end
    end)
  end)

  it("that fails leaves the block as it was", function()
    each(function(s, d)
      local p = s:malloc(d, 10)
      s:poke(p, 42)
      local before = s:counts(d)
      for _, size in ipairs { MAX, MAX - 1, MAX + 1, -1 } do
        assert.is_nil(s:realloc(d, p, size))
      end
      assert.same({ 0, 0 }, grown(s, d, before))
      assert.equal("*", bytes(p))
      assert.is_nil(s:check(d, p))
      s:free(d, p)
    end)
  end)
end)

describe("free", function()
  it("of NULL does nothing", function()
    each(function(s, d)
      s:free(d, nil)
      assert.is_nil(s:check(d, nil))
    end)
  end)
end)

describe("the numbers", function()
  it("are as asked for, with the most bytes that there were", function()
    local s = tests.set()
    assert.same({ blocks = 0, bytes = 0, peak = 0, calls = 0, failures = 0 }, s:counts "mem")
    local a, b = s:malloc("mem", 100), s:calloc("mem", 7, 4)
    s:free("mem", a)
    b = s:realloc("mem", b, 50)
    s:malloc("mem", -1)
    assert.same({ blocks = 1, bytes = 50, peak = 128, calls = 4, failures = 1 }, s:counts "mem")
    assert.same({ blocks = 0, bytes = 0, peak = 0, calls = 0, failures = 0 }, s:counts "obj")
    s:free("mem", b)
    s:fini()
  end)

  it("add up over the domains", function()
    local s = tests.set()
    local before = s:total()
    local a, b, c = s:malloc("raw", 100), s:malloc("mem", 20), s:malloc("obj", 3)
    local d = s:lua(nil, 5, 1000)
    assert.equal(before + 1123, s:total())
    s:free("raw", a)
    s:free("mem", b)
    s:free("obj", c)
    s:lua(d, 1000, 0)
    assert.equal(before, s:total())
    s:fini()
  end)

  it("of the sized door are moonpool's own", function()
    local s = tests.set()
    for _, d in ipairs { "mem", "obj" } do
      local a, b = s:resize(d, nil, 0, 10), s:malloc(d, 10)
      assert.equal(1, s:own(d))
      a = s:resize(d, a, 10, 500)
      assert.same({ 2, 510 }, { s:counts(d).blocks, s:counts(d).bytes })
      assert.is_nil(s:resize(d, a, 500, -1))
      assert.is_nil(s:resize(d, a, 500, 0))
      assert.equal(0, s:own(d))
      assert.is_nil(s:resize(d, nil, 0, 0))
      s:free(d, b)
      assert.equal(0, s:counts(d).blocks)
    end
    s:fini()
  end)
end)

describe("a limit", function()
  it("is reached to the byte", function()
    local s = tests.set()
    s:limit(s:total() + 100)
    local a = assert(s:malloc("mem", 100))
    for _, d in ipairs(DOMAINS) do
      assert.is_nil(s:malloc(d, 1))
      assert.matches("^memory limit of %d+ bytes reached$", s:reason(d))
      assert.is_nil(s:calloc(d, 1, 1))
    end
    assert.is_nil(s:realloc("mem", a, 101))
    a = assert(s:realloc("mem", a, 90))
    local b = assert(s:malloc("raw", 10))
    s:limit(0)
    s:free("mem", a)
    s:free("raw", b)
    assert.is_true(s:malloc("mem", 1000) ~= nil)
    s:fini()
  end)

  it("has the collector run once before it fails", function()
    local s = tests.set()
    s:limit(s:total() + 100)
    s:collector(s:malloc("mem", 60))
    local p = assert(s:malloc("mem", 80)) -- when those 60 are gone
    assert.equal(1, s:collected())
    assert.is_nil(s:malloc("mem", 30))
    assert.equal(2, s:collected())
    s:free("mem", p)
    s:fini()
  end)

  it("never has it run for Lua's own blocks, nor for moonpool's records", function()
    local s = tests.set()
    s:limit(s:total() + 100)
    s:collector(s:malloc("mem", 60))
    assert.is_nil(s:lua(nil, 0, 80))
    assert.is_nil(s:resize("obj", nil, 0, 80))
    assert.equal(0, s:collected())
    local p = assert(s:lua(nil, 0, 40))
    assert.is_nil(s:lua(p, 40, 41))
    assert.equal(p, s:lua(p, 40, 20) and p)
    s:fini()
  end)

  it("isn't another set's", function()
    local s, other = tests.set(), tests.set()
    s:limit(1)
    local p = assert(other:malloc("raw", 10))
    assert.is_nil(s:malloc("raw", 10))
    other:free("raw", p)
    s:fini()
    other:fini()
  end)
end)

describe("set_nomemory", function()
  -- Which of 8 calls over all domains succeed.
  local function calls(s)
    local got = {}
    local function note(d, p)
      got[#got + 1] = p and "1" or "0"
      return d and p and s:free(d, p)
    end
    note("raw", s:malloc("raw", 1))
    note("mem", s:calloc("mem", 1, 1))
    note("obj", s:realloc("obj", nil, 1))
    local p = s:lua(nil, 0, 8)
    note(nil, p)
    if p then s:lua(p, 8, 0) end
    for _, d in ipairs { "raw", "mem", "obj", "mem" } do note(d, s:malloc(d, 1)) end
    return table.concat(got)
  end

  it("lets the first calls through, and fails up to the last", function()
    local s = tests.set()
    s:nomemory(3, 5)
    assert.equal("11100111", calls(s))
    s:nomemory(0, 1)
    assert.equal("01111111", calls(s))
    s:nomemory(0, 0)
    assert.equal("00000000", calls(s))
    assert.equal("injected failure", s:reason "mem")
    s:nomemory(6)
    assert.equal("11111100", calls(s))
    s:nomemory()
    assert.equal("11111111", calls(s))
    s:fini()
  end)

  it("never fails a shrink of Lua's", function()
    local s = tests.set()
    local p = s:lua(nil, 0, 100)
    s:nomemory(0)
    p = assert(s:lua(p, 100, 10))
    assert.is_nil(s:lua(p, 10, 100))
    s:lua(p, 10, 0)
    assert.equal(0, s:counts("obj").blocks)
    s:fini()
  end)
end)

describe("RAW", function()
  it("is one for all sets, behind a door for each", function()
    local s, other = tests.set(), tests.set()
    local p = s:malloc("raw", 10)
    assert.is_nil(other:check("raw", p))
    other:free("raw", p)
    s:fini()
    local q = other:malloc("raw", 10)
    other:fini() -- a block outlives its set
    local third = tests.set()
    assert.equal(10, third:size("raw", q))
    third:free("raw", q)
    third:fini()
  end)
end)

describe("RAW's base", function()
  it("tells its blocks from other memory", function()
    local s = tests.set()
    local p = s:malloc("raw", 100)
    assert.equal(100, s:size("raw", p))
    p = s:realloc("raw", p, 100000)
    assert.equal(100000, s:size("raw", p))
    assert.is_nil(s:check("raw", p))
    assert.is_string(s:check("raw", p + 16))
    assert.is_string(s:check("raw", p + 1))
    s:free("raw", p)
    s:fini()
  end)

  it("knows what its functions made when they were called directly", function()
    local s = tests.set()
    local base, before = s:get "raw", s:counts "raw"
    local p = base:malloc(10)
    p = base:realloc(p, 1000)
    assert.equal(before.bytes, s:counts("raw").bytes)
    p = s:realloc("raw", p, 2000)
    assert.equal(before.bytes, s:counts("raw").bytes)
    s:free("raw", p)
    assert.equal(before.bytes, s:counts("raw").bytes)
    s:fini()
  end)
end)

describe("a set that goes", function()
  it("takes along what lives in it", function()
    local s = tests.set()
    for _, size in ipairs(SIZES) do
      s:malloc("mem", size)
      s:malloc("obj", size)
      s:lua(nil, 0, size + 1)
    end
    assert.equal("", s:fini())
  end)
end)
