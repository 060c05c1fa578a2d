-- face/lua_scope: mem.scope().

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local ffi = engine.new()
local mem = ffi.mem

local function is_over(x)
  return not pcall(ffi.cast, "char *", x)
end

describe("mem.scope", function()
  it("ends what new made inside, small and large", function()
    local small, large
    do
      local _ <close> = mem.scope()
      small, large = ffi.new "int *", ffi.new "char[10000]"
      small[0] = 1
      large[9999] = 1
    end
    assert.is_true(is_over(small))
    assert.is_true(is_over(large))
    raises("cdata was released", function() return small[0] end)
  end)

  it("ends what allocators, gc and generic_alloc made, newest first", function()
    local order, made = {}, {}
    local new = ffi.new_allocator(mem.raw)
    do
      local _ <close> = mem.scope()
      made[1] = ffi.gc(ffi.new "int *", function() order[#order + 1] = "first" end)
      made[2] = new "int[3]"
      made[3] = ffi.gc(ffi.new "int *", function() order[#order + 1] = "second" end)
      made[4] = mem.generic_alloc "int[4]"
      assert.same({}, order)
    end
    assert.same({ "second", "first" }, order)
    for _, x in ipairs(made) do assert.is_true(is_over(x)) end
  end)

  it("leaves blocks of mem.malloc alone", function()
    local p
    do
      local _ <close> = mem.scope()
      p = mem.malloc(10)
    end
    ffi.fill(p, 10)
    mem.free(p)
  end)

  it("leaves what was made before and after", function()
    local before = ffi.new "int *"
    do local _ <close> = mem.scope() end
    local after = ffi.new "int *"
    before[0], after[0] = 1, 2
  end)

  it("nests", function()
    local outer, inner
    do
      local _ <close> = mem.scope()
      outer = ffi.new "int *"
      do
        local _ <close> = mem.scope()
        inner = ffi.new "int *"
      end
      assert.is_true(is_over(inner))
      outer[0] = 1
      inner = ffi.new "int *"
    end
    assert.is_true(is_over(outer))
    assert.is_true(is_over(inner))
  end)

  it("ends what was made when an error leaves it", function()
    local p
    pcall(function()
      local _ <close> = mem.scope()
      p = ffi.new "int *"
      error "oops"
    end)
    assert.is_true(is_over(p))
  end)

  it("is its coroutine's", function()
    local p
    local co = coroutine.wrap(function()
      p = ffi.new "int *"
    end)
    do
      local _ <close> = mem.scope()
      co()
    end
    p[0] = 1
    local inside
    co = coroutine.create(function()
      local _ <close> = mem.scope()
      inside = ffi.new "int *"
      coroutine.yield()
    end)
    coroutine.resume(co)
    local outside = ffi.new "int *"
    coroutine.close(co)
    assert.is_true(is_over(inside))
    outside[0] = 1
  end)

  it("takes things in and lets them out", function()
    local s = mem.scope()
    local kept = s:detach(ffi.new "int *")
    s:close()
    kept[0] = 1
    s = mem.scope()
    s:close()
    raises("the scope has ended", function() s:attach(kept) end)
    s = mem.scope()
    assert.equal(kept, s:attach(kept))
    s:attach(kept)
    s:close()
    assert.is_true(is_over(kept))
  end)

  it("takes one more end when it is extended", function()
    local s = mem.scope()
    local p = ffi.new "int *"
    assert.equal(s, s:extend())
    s:close()
    p[0] = 1
    local later = ffi.new "int *" -- it is no longer open
    s:close()
    assert.is_true(is_over(p))
    later[0] = 1
    s:close()
    raises("the scope has ended", function() s:extend() end)
  end)

  it("can be ended out of order", function()
    local a = mem.scope()
    local b = mem.scope()
    local c = mem.scope()
    b:close()
    local p = ffi.new "int *"
    c:close()
    assert.is_true(is_over(p))
    p = ffi.new "int *"
    a:close()
    assert.is_true(is_over(p))
    ffi.new "int *" [0] = 1
  end)

  it("ends nothing when it is forgotten", function()
    local p
    coroutine.wrap(function()
      mem.scope()
      p = ffi.new "int *"
    end)()
    collectgarbage()
    collectgarbage()
    p[0] = 1
  end)

  it("takes owners alone, of scopes alone", function()
    local s <close> = mem.scope()
    raises("expected a cdata, not string", function() s:attach "x" end)
    raises("cdata 'char *' is a view or a raw pointer: only what owns can be released", function()
      s:attach(ffi.cast("char *", 8))
    end)
    raises("expected a scope, as mem.scope() returns it, not table", function()
      s.attach({}, ffi.new "int *")
    end)
  end)
end)
