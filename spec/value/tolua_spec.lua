-- value/tolua: C values become the plain Lua values that hold them exactly, else cdata.

local engine = require "spec.support.engine"

-- The Lua value of the bytes of `packed`, read as the C type.
local function read(ffi, ctype, packed)
  local bytes = ffi.new("char[16]", packed)
  return ffi.cast(ctype .. " *", bytes)[0]
end

describe("mp_tolua_push", function()
  local ffi = engine.new()
  ffi.cdef [[
    enum small { RED, GREEN = 5, MINUS = -1 };
    struct point { int x, y; }; union u { int i; float f; };
    typedef int (*function)(int);
  ]]

  it("gives integers for the integer types, at their limits", function()
    local limits = {
      ["signed char"] = { "b", -128, 127 },
      ["unsigned char"] = { "B", 0, 255 },
      ["short"] = { "h", -32768, 32767 },
      ["unsigned short"] = { "H", 0, 65535 },
      ["int"] = { "i", -2147483648, 2147483647 },
      ["unsigned int"] = { "I", 0, 4294967295 },
      ["long"] = { "l", math.mininteger, math.maxinteger },
      ["long long"] = { "j", math.mininteger, math.maxinteger },
      ["unsigned long"] = { "J", 0, math.maxinteger },
      ["wchar_t"] = { "i", -2147483648, 2147483647 },
      ["char16_t"] = { "H", 0, 65535 },
      ["char32_t"] = { "I", 0, 4294967295 },
      ["enum small"] = { "i", -1, 5 },
    }
    for ctype, limit in pairs(limits) do
      for i = 2, 3 do
        local value = read(ffi, ctype, string.pack(limit[1], limit[i]))
        assert.equal("integer", math.type(value), ctype)
        assert.equal(limit[i], value, ctype)
      end
    end
  end)

  it("boxes an unsigned 64-bit integer that doesn't fit", function()
    local value = read(ffi, "uint64_t", ("\xFF"):rep(8))
    assert.equal("userdata", type(value))
    assert.equal(ffi.typeof "uint64_t", ffi.typeof(value))
    assert.equal("18446744073709551615", tostring(value))
    assert.equal("9223372036854775808", tostring(read(ffi, "uint64_t", ("\0"):rep(7) .. "\x80")))
    assert.equal(math.maxinteger, read(ffi, "uint64_t", string.pack("j", math.maxinteger)))
  end)

  it("boxes a 128-bit integer that doesn't fit", function()
    assert.equal(5, read(ffi, "__int128", string.pack("jj", 5, 0)))
    assert.equal(-5, read(ffi, "__int128", string.pack("jj", -5, -1)))
    assert.equal("340282366920938463463374607431768211455",
      tostring(read(ffi, "unsigned __int128", ("\xFF"):rep(16))))
    assert.equal("-170141183460469231731687303715884105728",
      tostring(read(ffi, "__int128", ("\0"):rep(15) .. "\x80")))
    assert.equal("18446744073709551616", tostring(read(ffi, "__int128", string.pack("jj", 0, 1))))
  end)

  it("gives floats for float, double and the like", function()
    assert.equal(0.5, read(ffi, "float", string.pack("f", 0.5)))
    assert.equal("float", math.type(read(ffi, "double", string.pack("d", 3))))
    assert.equal(0.1, read(ffi, "double", string.pack("d", 0.1)))
    assert.equal(0.5, read(ffi, "_Float32", string.pack("f", 0.5)))
    assert.equal(0.5, read(ffi, "_Float64", string.pack("d", 0.5)))
    assert.equal(1.5, read(ffi, "_Float16", "\0\x3E"))
    local nan = read(ffi, "double", string.pack("d", 0 / 0))
    assert.is_true(nan ~= nan)
  end)

  it("gives a float for a long double that is one, else a box", function()
    local p = ffi.new("long double *", 0.1)
    assert.equal(0.1, p[0])
    -- One bit more than a double holds: 1 + 2^-60.
    if ffi.arch == "x64" then
      ffi.buffer(p):write(0, string.pack("jh", 1 << 63 | 1 << 3, 16383))
      assert.equal("userdata", type(p[0]))
      assert.equal(1.0, ffi.tonumber(p[0]))
    end
  end)

  it("gives booleans for _Bool and strings for char", function()
    assert.is_false(read(ffi, "_Bool", "\0"))
    assert.is_true(read(ffi, "_Bool", "\1"))
    assert.equal("a", read(ffi, "char", "a"))
    assert.equal("\0", read(ffi, "char", "\0"))
    assert.equal("\xFF", read(ffi, "char", "\xFF"))
  end)

  it("gives nil for NULL of every pointer type", function()
    for _, ctype in ipairs { "int *", "void *", "char *", "struct point *", "function" } do
      assert.is_nil(read(ffi, ctype, ("\0"):rep(8)))
    end
  end)

  it("gives cdata for pointers, structs, arrays and functions", function()
    local a = ffi.new "struct point[2]"
    assert.equal(ffi.typeof "struct point", ffi.typeof(a[1]))
    assert.equal(ffi.typeof "int[3]", ffi.typeof(ffi.new("int[2][3]")[1]))
    assert.equal(ffi.typeof "union u", ffi.typeof(ffi.new("union u[2]")[1]))
    assert.equal(ffi.typeof "int *", ffi.typeof(read(ffi, "int *", string.pack("J", 4096))))
  end)

  it("gives a complex number with its parts", function()
    local c = ffi.new("double _Complex[1]")[0]
    c.re, c.im = 1.5, -2
    assert.same({ 1.5, -2.0 }, { c.re, c.im })
  end)
end)

describe("mp_tolua_field", function()
  it("reads bit-fields, signed and unsigned, at their limits", function()
    local ffi = engine.new()
    ffi.cdef [[
      struct bits { unsigned a : 3; int b : 5; unsigned long long c : 64; _Bool d : 1; long long e : 40; };
    ]]
    local p = ffi.new("struct bits *", { a = 7, b = -16, c = ffi.cast("uint64_t", -1), d = true, e = -(1 << 39) })
    assert.same({ 7, -16, true, -(1 << 39) }, { p.a, p.b, p.d, p.e })
    assert.equal("18446744073709551615", tostring(p.c))
    p.b, p.e = 15, (1 << 39) - 1
    assert.same({ 15, (1 << 39) - 1 }, { p.b, p.e })
  end)
end)

describe("mp_tolua_const", function()
  it("gives integers, floats and strings", function()
    local ffi = engine.new()
    ffi.cdef '#define I -3\n#define F 2.5\n#define S "a\\0b"\n#define U 0x8000000000000000u\n'
    assert.equal(-3, ffi.C.I)
    assert.equal(2.5, ffi.C.F)
    assert.equal("a\0b", ffi.C.S)
    assert.equal("9223372036854775808", tostring(ffi.C.U))
  end)
end)
