-- base/arena: memory that is given back together.

local tests = require "moonpool.tests"

describe("mp_arena_new", function()
  it("gives zeroed, aligned bytes that don't overlap", function()
    math.randomseed(3)
    local a, blocks = tests.arena(), {}
    for i = 1, 300 do
      local size = math.random(2000)
      local at, zeroed = a:new(size, i % 256)
      assert.is_true(zeroed)
      assert.equal(0, at % 16)
      blocks[i] = { at = at, size = size }
    end
    for i, block in ipairs(blocks) do
      assert.equal(string.char(i % 256):rep(block.size), tests.peek(block.at, block.size))
    end
    assert.same({ 0, 0 }, { a:fini() })
  end)

  it("takes a block larger than a chunk", function()
    local a = tests.arena()
    local at, zeroed = a:new(1000000, 1)
    assert.is_truthy(at)
    assert.is_true(zeroed)
    assert.is_truthy(a:new(10))
    assert.same({ 0, 0 }, { a:fini() })
  end)

  it("is NULL when memory is out, and goes on with what there is", function()
    local a = tests.arena(1)
    assert.is_truthy(a:new(16))
    assert.is_nil((a:new(1000000)))
    assert.is_truthy(a:new(16))
  end)

  it("refuses a size that is none", function()
    local a = tests.arena()
    assert.is_nil((a:new(-1)))
    assert.is_nil((a:new(math.maxinteger)))
  end)
end)

describe("mp_arena_take", function()
  it("gives bytes aligned for pointers that don't overlap, among zeroed ones", function()
    math.randomseed(4)
    local a, blocks = tests.arena(), {}
    for i = 1, 300 do
      local size = math.random(0, 200)
      local at = a:take(size, i % 256)
      assert.equal(0, at % 8)
      blocks[i] = { at = at, size = size }
      if i % 5 == 0 then
        local new, zeroed = a:new(24, 0xFF)
        assert.equal(0, new % 16)
        assert.is_true(zeroed)
      end
    end
    for i, block in ipairs(blocks) do
      assert.equal(string.char(i % 256):rep(block.size), tests.peek(block.at, block.size))
    end
    assert.same({ 0, 0 }, { a:fini() })
  end)

  it("takes a block larger than a chunk, of any size", function()
    local a = tests.arena()
    for size = 100000, 100016 do assert.is_truthy(a:take(size)) end
    assert.is_nil((a:take(-1)))
    assert.is_nil((a:take(math.maxinteger)))
    assert.is_truthy(a:take(8))
    assert.same({ 0, 0 }, { a:fini() })
  end)
end)

describe("mp_arena_copy", function()
  it("copies bytes and puts a NUL behind", function()
    local a = tests.arena()
    assert.equal("a\0b\0", tests.peek(a:copy "a\0b", 4))
    assert.equal("\0", tests.peek(a:copy "", 1))
  end)
end)

describe("mp_arena_release", function()
  it("gives back what was taken since the mark, and nothing else", function()
    local a = tests.arena()
    local kept = a:new(100, 7)
    a:mark()
    local first = a:new(50)
    for _ = 1, 100 do a:new(1000) end
    a:release()
    assert.equal(("\7"):rep(100), tests.peek(kept, 100))
    local again, zeroed = a:new(50)
    assert.equal(first, again)
    assert.is_true(zeroed)
  end)

  it("nests", function()
    local a = tests.arena()
    a:new(10)
    a:mark()
    local outer = a:new(10, 1)
    a:mark()
    a:new(100000)
    a:release()
    assert.equal(("\1"):rep(10), tests.peek(outer, 10))
    a:release()
    assert.equal(outer, (a:new(10)))
  end)

  it("goes back to an empty arena", function()
    local a = tests.arena()
    a:mark()
    a:new(100)
    a:release()
    assert.same({ 0, 0 }, { a:fini() })
  end)
end)

describe("mp_arena_fini", function()
  it("gives everything back; the arena may be used again", function()
    local a = tests.arena()
    for _ = 1, 100 do a:new(1000) end
    assert.same({ 0, 0 }, { a:fini() })
    assert.is_truthy(a:new(8))
    assert.same({ 0, 0 }, { a:fini() })
  end)
end)
