-- abi/ffitype: every scalar goes to C and comes back as itself.

local engine = require "spec.support.engine"

describe("scalars by value:", function()
  local ffi = engine.new()
  ffi.cdef((require "spec.abi.passing"))
  local lib = ffi.dlopen(engine.fixture "passing")

  local function echoes(name, values)
    it(name, function()
      for _, v in ipairs(values) do
        local got = lib["passing_" .. name](v)
        assert.equal(v, got)
        assert.equal(math.type(v), math.type(got))
      end
    end)
  end

  echoes("bool", { true, false })
  echoes("schar", { -128, -1, 0, 127 })
  echoes("uchar", { 0, 128, 255 })
  echoes("short", { -32768, -1, 32767 })
  echoes("ushort", { 0, 32768, 65535 })
  echoes("int", { -2147483648, -1, 2147483647 })
  echoes("uint", { 0, 2147483648, 4294967295 })
  echoes("long", { math.mininteger, -1, math.maxinteger })
  echoes("ulong", { 0, math.maxinteger })
  echoes("int128", { math.mininteger, -1, math.maxinteger })
  echoes("float", { 0.0, -1.5, 2.0 ^ 100 })
  echoes("double", { 0.1, -1.5, 1e300 })
  echoes("ldouble", { 0.1, -1.5, 1e300 })

  it("char", function()
    for _, v in ipairs { "a", "\0", "\255" } do assert.equal(v, lib.passing_char(v)) end
  end)

  it("complex numbers, of each part", function()
    for name, part in pairs { cfloat = "float", cdouble = "double", cldouble = "long double" } do
      local z = lib["passing_" .. name](ffi.new(part .. " _Complex *", { re = 1.5, im = -2.25 })[0])
      assert.equal(1.5, z.re)
      assert.equal(-2.25, z.im)
    end
  end)

  it("pointers", function()
    local block = ffi.new "int[4]"
    assert.equal(ffi.addr(block), ffi.addr(lib.passing_pointer(block)))
    assert.is_nil(lib.passing_pointer(nil))
  end)

  it("small integers on the stack are extended to an int", function()
    assert.equal(21 - 2 * 128 + 3 * 255 - 5 * 32768 + 7 * 65535 + 11,
      lib.passing_spilled(1, 2, 3, 4, 5, 6, -128, 255, -32768, 65535, true))
  end)
end)
