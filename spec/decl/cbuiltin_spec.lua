-- decl/cbuiltin: offsetof, _Generic and the built-in functions of constant expressions.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local before = "struct s { char c; struct { int x[4]; } in[2]; int b : 2; };\n"

local function value(expression)
  local ffi = engine.new()
  ffi.cdef(before .. "#define V " .. expression .. "\n")
  return ffi.C.V
end

describe("mp_cbuiltin_offsetof", function()
  it("takes members, elements and paths", function()
    assert.equal(4, value "__builtin_offsetof(struct s, in)")
    assert.equal(28, value "offsetof(struct s, in[1].x[2])")
    assert.equal(36, value "offsetof(struct s, in[2])")
  end)

  it("refuses bit-fields, unknown members and types", function()
    local function refused(text, expression)
      raises(text, function() engine.new().cdef(before .. "enum { A = " .. expression .. " };") end)
    end
    refused("cdef:2:32: size or address of a bit-field", "offsetof(struct s, b) ")
    refused("cdef:2:31: no member 'z', near 'z'", "offsetof(struct s, z)")
    refused("cdef:2:21: unknown type 'nope'", "offsetof(nope, z)")
    refused("cdef:2:35: operand of the wrong type", "offsetof(struct s, c[1])")
  end)
end)

describe("mp_cbuiltin_generic", function()
  it("chooses by type", function()
    assert.equal(1, value "_Generic(1, int: 1, long: 2, default: 3)")
    assert.equal(2, value "_Generic(1L, int: 1, long: 2, default: 3)")
    assert.equal(3, value "_Generic(1.0, int: 1, long: 2, default: 3)")
    assert.equal(4, value "_Generic(\"s\", default: 3, char *: 4)")
  end)
end)

describe("mp_cbuiltin_parse", function()
  it("knows those that constants are made of", function()
    for text, expected in pairs {
      ["__builtin_types_compatible_p(int, const int)"] = 1, ["__builtin_types_compatible_p(int, long)"] = 0,
      ["__builtin_choose_expr(1, 2, 3)"] = 2, ["__builtin_choose_expr(0, 2, 3)"] = 3,
      ["__builtin_constant_p(1)"] = 1, ["__builtin_expect(5, 1)"] = 5,
      ["__builtin_bswap16(0x1234)"] = 0x3412, ["__builtin_bswap32(1)"] = 0x1000000,
      ["__builtin_bswap64(1)"] = 0x100000000000000, ["__builtin_strlen(\"abc\")"] = 3,
      ["__builtin_clz(1)"] = 31, ["__builtin_clzl(1)"] = 63, ["__builtin_ctz(8)"] = 3,
      ["__builtin_popcount(255)"] = 8, ["__builtin_ffs(8)"] = 4,
      ["__builtin_inf()"] = math.huge, ["__builtin_huge_val()"] = math.huge,
    } do
      assert.equal(expected, value(text), text)
    end
  end)

  it("gives floats their type", function()
    local ffi = engine.new()
    assert.equal("float", ffi.getctype "__typeof__(__builtin_inff())")
    assert.equal("double", ffi.getctype "__typeof__(__builtin_huge_val())")
    assert.equal("long double", ffi.getctype "__typeof__(__builtin_nanl(\"\"))")
  end)

  it("says nothing of others", function()
    local ffi = engine.new()
    ffi.cdef "#define V __builtin_rotate(1, 2)\n"
    raises("V is a macro without a constant value", function() local _ = ffi.C.V end)
  end)
end)
