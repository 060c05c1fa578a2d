-- value/wrapper: blocks made over others end before them, newest first.

local engine = require "spec.support.engine"

local ffi = engine.new()

-- A block of 2 KB, and a list of what destructors over it were told.
local function block()
  local ended = {}
  local function over(x, name)
    return ffi.gc(x, function() ended[#ended + 1] = name end)
  end
  return ffi.new "char[2048]", over, ended
end

describe("blocks over a block", function()
  it("end before it, newest first", function()
    local a, over, ended = block()
    local kept = { over(a, 1), over(a, 2), over(a, 3) }
    ffi.release(a)
    assert.same({ 3, 2, 1 }, ended)
    for _, x in ipairs(kept) do
      assert.has_error(function() return x[0] end, "cdata was released")
    end
  end)

  it("end once, those that have ended already not again", function()
    local a, over, ended = block()
    local x, y, z = over(a, 1), over(a, 2), over(a, 3)
    ffi.release(y)
    ffi.release(x)
    ffi.release(a)
    ffi.release(z)
    assert.same({ 2, 1, 3 }, ended)
  end)

  it("end the ones over themselves before", function()
    local a, over, ended = block()
    local x = over(a, "x")
    local on_x = over(x, "on x")
    local y = over(a, "y")
    ffi.release(a)
    assert.same({ "y", "on x", "x" }, ended)
    return on_x, y
  end)

  it("don't touch those over another block", function()
    local a, over, ended = block()
    local b = ffi.new "char[2048]"
    local x, y = over(a, "a"), over(b, "b")
    ffi.release(a)
    assert.same({ "a" }, ended)
    assert.equal("\0", y[0])
    ffi.release(y)
    return x
  end)

  it("end later when they are made by a destructor meanwhile", function()
    local a, _, ended = block()
    local late
    local x = ffi.gc(a, function(whole)
      ended[#ended + 1] = "first"
      late = ffi.gc(whole, function() ended[#ended + 1] = "late" end)
    end)
    ffi.release(a)
    assert.equal("first", ended[1])
    late = nil
    collectgarbage()
    collectgarbage()
    assert.same({ "first", "late" }, ended)
    return x, late
  end)

  it("are as cheap to end for many as for few, in any order", function()
    local a = ffi.new "char[2048]"
    local count, made = 0, {}
    for i = 1, 20000 do made[i] = ffi.gc(a, function() count = count + 1 end) end
    for i = 1, 20000, 2 do ffi.release(made[i]) end
    assert.equal(10000, count)
    ffi.release(a)
    assert.equal(20000, count)
  end)

  it("are forgotten when the collector has ended them", function()
    local a, over, ended = block()
    for i = 1, 1000 do over(a, i) end
    collectgarbage()
    collectgarbage()
    assert.equal(1000, #ended)
    ffi.release(a)
    assert.equal(1000, #ended)
  end)
end)
