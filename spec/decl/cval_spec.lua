-- decl/cval: arithmetic of constant expressions in C's types.

local engine = require "spec.support.engine"

local function value(expression)
  local ffi = engine.new()
  ffi.cdef("#define V " .. expression .. "\n")
  return ffi.C.V
end

local function type_of(expression)
  return engine.new().getctype("__typeof__(" .. expression .. ")")
end

describe("mp_cval_binary", function()
  it("wraps in the operands' type", function()
    for text, expected in pairs {
      ["2147483647 + 1"] = -2147483648, ["0u - 1"] = 4294967295, ["0x7fffffffffffffff + 1"] = math.mininteger,
      ["-1 / 2"] = 0, ["-7 / 2"] = -3, ["-7 % 2"] = -1, ["-1 % 2u"] = 1, ["-1 < 0u"] = 0,
      ["-1L < 0u"] = 1, ["1 << 31"] = -2147483648, ["1u << 31"] = 2147483648, ["-8 >> 1"] = -4,
      ["0xf0 & 0x3c"] = 0x30, ["0xf0 | 0x0f"] = 0xff, ["0xff ^ 0x0f"] = 0xf0, ["7 * -6"] = -42,
      ["(-2147483647 - 1) / -1"] = -2147483648, ["1 == 1.0"] = 1, ["3 > 2.5"] = 1,
    } do
      assert.equal(expected, value(text), text)
    end
  end)

  it("has the common type of its operands", function()
    for text, expected in pairs {
      ["1 + 1L"] = "long", ["1u + 1L"] = "long", ["1ul + 1"] = "unsigned long",
      ["1LL + 1ul"] = "unsigned long long", ["'a' + 'b'"] = "int", ["(char)1 + (short)1"] = "int",
      ["1.0f + 1"] = "float", ["1.0f + 1.0"] = "double", ["1.0L + 1.0f"] = "long double",
      ["1 << 2L"] = "int", ["1.0 < 2"] = "int", ["(unsigned char)1 + 0"] = "int",
      ["(_Bool)1 + (_Bool)1"] = "int", ["(__int128)1 + 1ul"] = "__int128",
      ["1.0f16 + 1"] = "_Float16", ["(wchar_t)1 + 1"] = "int",
    } do
      assert.equal(expected, type_of(text), text)
    end
  end)

  it("computes floats in their own type", function()
    assert.equal(0.1 + 0.2, value "0.1 + 0.2")
    assert.equal(1 / 3, value "1.0 / 3")
    assert.equal(string.unpack("f", string.pack("f", 1 / 3)), value "1.0f / 3.0f")
    assert.equal(math.huge, value "1.0 / 0.0")
  end)

  it("compares NaN with nothing", function()
    assert.equal(0, value "__builtin_nan(\"\") == __builtin_nan(\"\")")
    assert.equal(1, value "__builtin_nan(\"\") != __builtin_nan(\"\")")
  end)

  it("computes in 128 bits where it is asked to", function()
    assert.equal(1, value "((__int128)1 << 100) >> 100")
    assert.equal(1, value "~(unsigned __int128)0 > 0xffffffffffffffff")
  end)
end)

describe("mp_cval_unary", function()
  it("promotes, negates, inverts", function()
    assert.equal(-5, value "-5")
    assert.equal(4294967291, value "-5u")
    assert.equal(-1, value "~0")
    assert.equal(0, value "!5")
    assert.equal(1, value "!0.0")
    assert.equal(-1.5, value "-1.5")
    assert.equal("int", type_of "-(char)1")
  end)
end)

describe("mp_cval_convert", function()
  it("casts as C does", function()
    for text, expected in pairs {
      ["(unsigned char)300"] = 44, ["(signed char)200"] = -56, ["(_Bool)256"] = 1, ["(_Bool)0.5"] = 1,
      ["(int)3.99"] = 3, ["(int)-3.99"] = -3, ["(double)1 / 2"] = 0.5, ["(short)0x12345"] = 0x2345,
      ["(float)16777217"] = 16777216.0, ["(unsigned)-1"] = 4294967295, ["(long)(int)-1"] = -1,
      ["(unsigned long)1e3"] = 1000, ["(int)(char)'\\377'"] = -1,
    } do
      assert.equal(expected, value(text), text)
    end
  end)

  it("leaves open what C leaves open", function()
    local ffi = engine.new()
    ffi.cdef "#define A (int)1e300L\n#define B 1 << 40\n#define C 1 / 0\n"
    for _, name in ipairs { "A", "B", "C" } do
      local ok, v = pcall(function() return ffi.C[name] end)
      assert.is_true(not ok or name == "A", tostring(v)) -- C says nothing of A's value
    end
  end)
end)
