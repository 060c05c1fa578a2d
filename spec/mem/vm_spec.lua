-- mem/vm: Lua's own blocks in a set, by lua_Alloc's contract.

local tests = require "moonpool.tests"

local SIZES = { 1, 8, 16, 24, 40, 56, 200, 512, 513, 5000, 70000 }

-- Blocks and bytes of OBJ.
local function live(s)
  local c = s:counts "obj"
  return { c.blocks, c.bytes }
end

-- Allocates all sizes, resizes each to each and frees them; the bytes must stay.
local function exercise(s)
  for _, from in ipairs(SIZES) do
    for _, to in ipairs(SIZES) do
      local before = live(s)
      local p = assert(s:lua(nil, 5, from))
      s:poke(p, 11)
      s:poke(p + from - 1, 22)
      assert.same({ before[1] + 1, before[2] + from }, live(s))
      p = assert(s:lua(p, from, to))
      assert.same({ before[1] + 1, before[2] + to }, live(s))
      assert.equal(from == 1 and 22 or 11, tests.peek(p, 1):byte())
      if to >= from then assert.equal(22, tests.peek(p + from - 1, 1):byte()) end
      assert.is_nil(s:lua(p, to, 0))
      assert.same(before, live(s))
    end
  end
end

describe("Lua's own blocks", function()
  it("are OBJ's, counted as asked for", function()
    local s = tests.set()
    exercise(s)
    local calls = s:counts("obj").calls
    local p = s:lua(nil, 4, 100) -- 4 is a type's tag
    assert.same({ blocks = 1, bytes = 100, peak = 70000, calls = calls + 1, failures = 0 }, s:counts "obj")
    assert.is_nil(s:lua(nil, 0, 0))
    s:lua(p, 100, 0)
    assert.is_nil(s:lua(nil, 0, math.maxinteger))
    assert.equal(1, s:counts("obj").failures)
    s:fini()
  end)

  it("get the hooks' bytes, and keep what they hold", function()
    local s = tests.set()
    s:hooks "obj"
    local p = s:lua(nil, 0, 20)
    assert.equal((">I8"):pack(20) .. "o" .. ("\xfd"):rep(7), tests.peek(p - 16, 16))
    assert.equal(("\xcd"):rep(20) .. ("\xfd"):rep(8), tests.peek(p, 28))
    s:lua(p, 20, 0)
    assert.equal(("\xdd"):rep(20), tests.peek(p, 20))
    exercise(s)
    assert.equal("", s:fini())
  end)

  it("are known for what they are when hooks come and go", function()
    local s = tests.set()
    local list = {}
    local function more()
      for _, size in ipairs(SIZES) do list[#list + 1] = { assert(s:lua(nil, 0, size)), size } end
    end
    more()
    s:hooks "obj"
    more()
    s:unhook "obj"
    more()
    s:hooks "obj"
    for i, block in ipairs(list) do
      if i % 3 == 0 then list[i] = { assert(s:lua(block[1], block[2], block[2] + 10)), block[2] + 10 } end
    end
    for i = 1, #list, 2 do s:lua(list[i][1], list[i][2], 0) end
    s:unhook "obj"
    for i = 2, #list, 2 do s:lua(list[i][1], list[i][2], 0) end
    assert.same({ 0, 0 }, live(s))
    assert.equal("", s:fini())
  end)

  it("that are overrun, underrun or written to when dead are told later, outside of Lua's allocator", function()
    local s = tests.set()
    s:hooks "obj"
    s:at("app.lua:5", "mem.verify")
    local p = s:lua(nil, 0, 20)
    s:poke(p + 20, 1)
    s:lua(p, 20, 0)
    assert.equal("", s:reports())
    assert.equal(0, s:verify "obj")
    assert.equal("moonpool: buffer overflow in a block of Lua's own: 1 byte past the end of 20 bytes (obj domain)\n"
      .. "  found      app.lua:5, by mem.verify\n"
      .. "  tail+0: 0x01, expected 0xfd      data: cd cd cd cd cd cd cd cd …\n", s:reports())
    p = s:lua(nil, 0, 20)
    s:poke(p - 9, 1)
    s:lua(p, 20, 0)
    s:free("obj", s:malloc("obj", 1))
    assert.matches("^moonpool: buffer underflow in a block of Lua's own: 9 bytes before the start of 20 bytes",
      s:reports())
    p = s:lua(nil, 0, 20)
    s:lua(p, 20, 0)
    s:poke(p + 4, 1)
    assert.equal(1, s:verify "obj")
    assert.matches("^moonpool: write after free in a block of Lua's own: 1 byte changed of 20 bytes", s:reports())
    assert.equal(0, s:verify "obj")
    p = s:lua(nil, 0, 20)
    s:lua(p, 20, 0)
    s:poke(p, 1)
    assert.matches("^moonpool: write after free in a block of Lua's own", s:fini())
  end)

  it("are no blocks that a script can free", function()
    local s = tests.set()
    local plain = s:lua(nil, 0, 20)
    s:hooks "obj"
    local hooked = s:lua(nil, 0, 20)
    assert.matches("^moonpool: foreign pointer", s:check("obj", plain))
    assert.matches("^moonpool: foreign pointer", s:check("obj", hooked))
    assert.equal("", (s:leaks()))
    s:lua(plain, 20, 0)
    s:lua(hooked, 20, 0)
    s:fini()
  end)
end)

describe("Lua's own blocks and allocators", function()
  it("written in C meet", function()
    local s = tests.set()
    local base, probe = s:get "obj", s:probe("obj", {})
    local older = s:lua(nil, 0, 30)
    s:install("obj", probe)
    local p = s:lua(nil, 0, 50)
    assert.equal(1, probe.mallocs)
    older = s:lua(older, 30, 40)
    assert.same({ 2, 90 }, live(s))
    assert.matches("^moonpool: foreign pointer", s:check("obj", p))
    s:put("obj", base)
    p = s:lua(p, 50, 60)
    assert.same({ 2, 1 }, { probe.mallocs, probe.frees })
    s:lua(older, 40, 0)
    s:lua(p, 60, 0)
    assert.same({ 2, 1 }, { probe.frees, probe.dropped })
    assert.same({ 0, 0 }, live(s))
    s:install("obj", probe)
    exercise(s)
    s:put("obj", base)
    s:fini()
  end)

  it("written in Lua never meet", function()
    local s = tests.set()
    local base, probe = s:get "obj", s:probe("obj", {})
    s:install("obj", probe, "lua")
    exercise(s)
    assert.equal(0, probe.mallocs)
    s:put("obj", base)
    s:fini()
  end)

  it("in C under the hooks get their bytes too", function()
    local s = tests.set()
    local base, probe = s:get "obj", s:probe("obj", {})
    s:install("obj", probe)
    s:hooks("obj", 0)
    local p = s:lua(nil, 0, 20)
    assert.equal(1, probe.mallocs)
    assert.equal((">I8"):pack(20) .. "o", tests.peek(p - 16, 9))
    assert.equal("", (s:leaks()))
    s:lua(p, 20, 0)
    assert.equal(1, probe.frees)
    exercise(s)
    s:unhook "obj"
    s:put("obj", base)
    assert.equal("", s:fini())
  end)

  it("that fail leave them as they were", function()
    local s = tests.set()
    local base, probe = s:get "obj", s:probe("obj", {})
    s:install("obj", probe)
    local p = s:lua(nil, 0, 20)
    s:poke(p, 1)
    probe.budget = 0
    assert.is_nil(s:lua(nil, 0, 20))
    assert.is_nil(s:lua(p, 20, 30))
    assert.equal("\1", tests.peek(p, 1))
    assert.same({ 1, 20 }, live(s))
    s:lua(p, 20, 0)
    s:put("obj", base)
    s:fini()
  end)
end)

describe("a state that was moved here", function()
  it("has its older blocks freed by who made them", function()
    local s = tests.set()
    local p = s:adopt()
    assert.same({ 0, 0 }, live(s))
    local q = s:adopt()
    p = s:lua(p, 100, 200)
    assert.same({ 1, 200 }, live(s))
    assert.equal(1, s:collected()) -- calls of the former allocator
    s:lua(q, 100, 0)
    assert.equal(2, s:collected())
    s:lua(p, 200, 0)
    exercise(s)
    assert.equal(2, s:collected())
    s:fini()
  end)

  it("under the hooks, too", function()
    local s = tests.set()
    local p, q = s:adopt(), s:adopt()
    s:hooks "obj"
    p = s:lua(p, 100, 200)
    s:lua(q, 100, 0)
    exercise(s)
    s:unhook "obj"
    s:lua(p, 200, 0)
    assert.equal(2, s:collected())
    assert.same({ 0, 0 }, live(s))
    assert.equal("", s:fini())
  end)
end)
