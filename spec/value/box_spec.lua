-- value/box: C's casts, boxes of numbers, cdata as text.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("mp_box_cast", function()
  local ffi = engine.new()
  ffi.cdef "struct point { int x, y; }; enum color { RED, GREEN = 5 }; int abs(int);"

  it("wraps to each width", function()
    local cases = {
      { "signed char", 200, -56 }, { "unsigned char", -1, 255 }, { "short", 40000, -25536 },
      { "unsigned short", -1, 65535 }, { "int", 1 << 31, -2147483648 },
      { "unsigned int", -1, 4294967295 }, { "int64_t", -1, -1 }, { "long long", 1 << 63, 1 << 63 },
    }
    for _, case in ipairs(cases) do
      assert.equal(case[3], ffi.cast(case[1], case[2]), case[1])
    end
    assert.equal("18446744073709551615", tostring(ffi.cast("size_t", -1)))
    assert.equal(-1, ffi.cast("int64_t", ffi.cast("uint64_t", -1)))
    assert.equal(5, ffi.cast("enum color", 5))
  end)

  it("truncates floats, then wraps; has no meaning for NaN and infinities", function()
    assert.equal(-3, ffi.cast("int", -3.99))
    assert.equal(0, ffi.cast("unsigned char", 256.7))
    assert.equal("18446744073709549568", tostring(ffi.cast("uint64_t", 18446744073709549568.0)))
    for _, x in ipairs { 0 / 0, math.huge, -math.huge } do
      local said = raises("cannot cast", function() ffi.cast("int", x) end)
      assert.matches("to 'int': it has no integer part", said, 1, true)
    end
    assert.is_true(ffi.cast("_Bool", 0 / 0))
  end)

  it("rounds to floating types", function()
    assert.equal(0.1, ffi.cast("double", 0.1))
    assert.not_equal(0.1, ffi.cast("float", 0.1))
    assert.equal(math.huge, ffi.cast("float", 1e300))
    assert.equal("float", math.type(ffi.cast("double", 3)))
  end)

  it("keeps what a box holds", function()
    local max = ffi.cast("uint64_t", -1)
    assert.equal(255, ffi.cast("unsigned char", max))
    assert.equal(2.0 ^ 64, ffi.cast("double", max))
    assert.equal("18446744073709551615", tostring(ffi.cast("__int128", max)))
  end)

  it("takes the code of a one-byte string as Lua does", function()
    assert.equal(255, ffi.cast("int", "\xFF"))
    assert.equal(-1, ffi.cast("signed char", "\xFF"))
    assert.equal("\xFF", ffi.cast("char", "\xFF"))
    assert.equal(65, ffi.cast("int", "A"))
    assert.equal("A", ffi.cast("char", "A"))
    raises("cannot cast", function() ffi.cast("int", "AB") end)
  end)

  it("makes pointers of pointers, integers, arrays, structs' addresses and nil", function()
    local p = ffi.new("struct point *", { 1, 2 })
    assert.equal(2, ffi.cast("int *", p)[1])
    assert.equal(ffi.addr(p), ffi.cast("uintptr_t", p))
    assert.is_nil(ffi.cast("void *", 0))
    assert.is_nil(ffi.cast("int *", nil))
    assert.equal(0x7FFF, ffi.addr(ffi.cast("char *", 0x7FFF)))
    assert.equal(0xFF, ffi.addr(ffi.cast("char *", ffi.box("unsigned char", 0xFF))))
  end)

  it("narrows an address to a small integer", function()
    local p = ffi.cast("void *", 0x12345678)
    assert.equal(0x78, ffi.cast("unsigned char", p))
  end)

  it("drops const when asked to", function()
    local p = ffi.cast("const int *", ffi.new("int *", 5))
    ffi.cast("int *", p)[0] = 6
    assert.equal(6, p[0])
  end)

  it("refuses the rest, naming both", function()
    raises("cannot cast number to 'struct point'", function() ffi.cast("struct point", 1) end)
    raises("cannot cast table to 'int'", function() ffi.cast("int", {}) end)
    raises("cannot cast nil to 'double'", function() ffi.cast("double", nil) end)
    raises("cannot cast", function() ffi.cast("int", print) end)
    raises("cannot cast cdata 'struct point' to 'int'", function()
      ffi.cast("int", ffi.new "struct point *"[0])
    end)
    raises("cannot cast cdata 'int *' to 'double'", function() ffi.cast("double", ffi.new "int *") end)
    raises("cannot cast", function() ffi.cast("int *", {}) end)
    local said = raises("cannot cast", function() ffi.cast("int[3]", ffi.new "int[3]") end)
    assert.matches("int[3]", said, 1, true)
  end)
end)

describe("mp_box_push", function()
  local ffi = engine.new()
  ffi.cdef "enum color { RED, GREEN = 5 }; struct point { int x, y; };"

  it("makes a cdata of exactly the type", function()
    for _, ctype in ipairs { "char", "short", "unsigned long", "__int128", "float", "long double",
      "_Bool", "enum color", "wchar_t" } do
      local b = ffi.box(ctype, 1)
      assert.equal(ffi.typeof(ctype), ffi.typeof(b))
      assert.equal(1, ffi.tonumber(b))
      assert.equal(ffi.sizeof(ctype), ffi.sizeof(b))
    end
  end)

  it("checks as a write does", function()
    raises("integer 128 does not fit 'signed char'", function() ffi.box("signed char", 128) end)
    raises("initializer for ctype 'int'", function() ffi.box("int", {}) end)
  end)

  it("is for arithmetic and enum types", function()
    raises("cannot box ctype 'int *': it is neither arithmetic nor an enum", function()
      ffi.box("int *", nil)
    end)
    raises("cannot box ctype 'struct point'", function() ffi.box("struct point", {}) end)
    raises("cannot box ctype 'void'", function() ffi.box("void", 1) end)
  end)

  it("goes where its value fits", function()
    local cell = ffi.new "short[1]"
    cell[0] = ffi.box("int", 7)
    assert.equal(7, cell[0])
    raises("integer 100000 does not fit 'short'", function() cell[0] = ffi.box("int", 100000) end)
  end)
end)

describe("mp_box_tostring", function()
  local ffi = engine.new()
  ffi.cdef "struct point { int x, y; }; enum color { RED, GREEN = 5 };"

  it("is a box's number, exactly", function()
    assert.equal("-128", tostring(ffi.box("signed char", -128)))
    assert.equal("18446744073709551615", tostring(ffi.cast("uint64_t", -1)))
    assert.equal("0.5", tostring(ffi.box("float", 0.5)))
    assert.equal(0.1, tonumber(tostring(ffi.box("double", 0.1))))
    assert.equal("5", tostring(ffi.box("enum color", 5)))
  end)

  it("shows the type and what is owned or where it points", function()
    assert.equal("cdata<struct point *> owning 8 bytes", tostring(ffi.new "struct point *"))
    assert.equal("cdata<int[4]> owning 16 bytes", tostring(ffi.new "int[4]"))
    assert.equal("cdata<void *> 0x10", tostring(ffi.cast("void *", 16)))
    assert.matches("^cdata<struct point &> 0x%x+$", tostring(ffi.new "struct point[2]"[1]))
    assert.equal("cdata<int[]> sliced length 3", tostring(ffi.slice(ffi.new "int[4]", 1, 4)))
    assert.matches("^cdata<int%(%*%)%(int%)> calling ", tostring(ffi.callback("int(int)", print)))
    assert.matches("^cdata<void %*> handle to ", tostring(ffi.new_handle(print)))
  end)
end)
