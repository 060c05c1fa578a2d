-- call/answer: scalars that go between C and a Lua function at once, and those that don't.

local engine = require "spec.support.engine"

local INTEGERS = {
  { "signed char", 8, true }, { "unsigned char", 8 }, { "short", 16, true }, { "unsigned short", 16 },
  { "int", 32, true }, { "unsigned int", 32 }, { "long", 64, true }, { "long long", 64, true },
  { "unsigned long", 64 },
}

describe("a callback", function()
  local ffi = engine.new()

  -- Calls the Lua function through a C function pointer of that type; returns the result and the
  -- reports.
  local function answer(type, fn, ...)
    local reports = {}
    ffi.onreport(function(text) reports[#reports + 1] = text end)
    local f <close> = ffi.callback(type, fn)
    local result = f(...)
    ffi.onreport(nil)
    return result, reports
  end

  local function same(x) return x end

  it("gets and returns integers at the limits of each width", function()
    for _, t in ipairs(INTEGERS) do
      local type = ("%s(*)(%s)"):format(t[1], t[1])
      local most = t[3] and (1 << t[2] - 1) - 1 or t[2] < 64 and (1 << t[2]) - 1 or math.maxinteger
      local least = t[3] and -(1 << t[2] - 1) or 0
      for _, n in ipairs { 0, 1, most, least } do
        local result, reports = answer(type, same, n)
        assert.equal(n, result)
        assert.same({}, reports)
      end
    end
    assert.equal("18446744073709551615",
      tostring(answer("unsigned long(*)(unsigned long)", same, ffi.cast("uint64_t", -1))))
  end)

  it("returns what a result that is no plain number converts to", function()
    for _, t in ipairs(INTEGERS) do
      local type = t[1] .. "(*)(void)"
      assert.equal(3, (answer(type, function() return 3.0 end)))
      assert.equal(3, (answer(type, function() return ffi.box("int64_t", 3) end)))
    end
    assert.equal(3.0, (answer("double(*)(void)", function() return 3 end)))
    assert.equal(0.5, (answer("float(*)(float)", same, 0.5)))
    assert.equal(1 / 0, (answer("float(*)(void)", function() return 1 / 0 end)))
    assert.is_true((answer("_Bool(*)(void)", function() return 1 end)))
    assert.is_false((answer("_Bool(*)(void)", function() return false end)))
    assert.equal(0.5, (answer("double(*)(void)", function() return ffi.box("float", 0.5) end)))
    assert.is_true((answer("_Bool(*)(_Bool)", same, true)))
    assert.is_true((answer("_Bool(*)(int)", function(x) return x == 1 end, 1)))
    assert.equal("z", (answer("char(*)(char)", same, "z")))
    assert.is_nil((answer("void(*)(int)", same, 1)))
  end)

  it("rounds an integer to a float once", function()
    local n = (1 << 60) + (1 << 36) + 1 -- by way of a double it would become 2^60
    assert.equal(0x1.000002p+60, (answer("float(*)(void)", function() return n end)))
  end)

  it("reports a result that doesn't fit, and returns zero", function()
    for _, t in ipairs(INTEGERS) do
      local type = t[1] .. "(*)(void)"
      for _, wrong in ipairs { "1", 0.5, {}, t[2] < 64 and 1 << t[2] or "x", not t[3] and -1 or "-1" } do
        local result, reports = answer(type, function() return wrong end)
        assert.equal(0, result)
        assert.equal(1, #reports)
      end
    end
    for _, wrong in ipairs { 1e300, "0.5", true } do
      local result, reports = answer("float(*)(void)", function() return wrong end)
      assert.equal(0, result)
      assert.equal(1, #reports)
    end
    for _, wrong in ipairs { 2, "true", 0.5 } do
      local result, reports = answer("_Bool(*)(void)", function() return wrong end)
      assert.is_false(result)
      assert.equal(1, #reports)
    end
    local result, reports = answer("double(*)(void)", function() return "1.5" end)
    assert.equal(0, result)
    assert.equal(1, #reports)
  end)

  it("gets all its arguments, whatever registers have them", function()
    local got
    local sum = answer(
      "double(*)(char, short, float, int, double, long, _Bool, unsigned char, float, int, int, int, double)",
      function(...)
        got = { ... }
        return 1.25
      end, "c", -2, 0.5, 4, 5.25, 6, true, 255, 9.5, -10, 11, 12, 13.5)
    assert.equal(1.25, sum)
    assert.same({ "c", -2, 0.5, 4, 5.25, 6, true, 255, 9.5, -10, 11, 12, 13.5 }, got)
    sum = answer("long(*)(int, int, int, int, int, int, int, short, unsigned short)", function(...)
      got = { ... }
      return -1
    end, 1, 2, 3, 4, 5, 6, -7, -8, 65535)
    assert.equal(-1, sum)
    assert.same({ 1, 2, 3, 4, 5, 6, -7, -8, 65535 }, got)
  end)

  it("gets pointers beside numbers", function()
    local ints, got = ffi.new("int[2]", { 7, 8 }), nil
    assert.equal(15, (answer("int(*)(int *, int, const char *, void *)", function(p, n, s, none)
      got = none
      return p[0] + p[n] + #ffi.string(s) - 2
    end, ints, 1, "ab", nil)))
    assert.is_nil(got)
  end)

  it("ends in a report when it raises, and leaves the stack as it was", function()
    for _ = 1, 300 do
      local result, reports = answer("int(*)(int)", function() error "no" end, 1)
      assert.equal(0, result)
      assert.equal(1, #reports)
      assert.matches("no.*stack traceback", reports[1])
    end
  end)
end)
