-- decl/literal: numbers, character constants and strings.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local function value(expression)
  local ffi = engine.new()
  ffi.cdef("#define V " .. expression .. "\n")
  return ffi.C.V
end

local function type_of(expression)
  return engine.new().getctype("__typeof__(" .. expression .. ")")
end

describe("mp_literal_number", function()
  it("reads each base", function()
    for text, expected in pairs { ["0"] = 0, ["017"] = 15, ["0x1F"] = 31, ["0b101"] = 5,
      ["4294967295"] = 4294967295, ["0XfFuLL"] = 255 } do
      assert.equal(expected, value(text), text)
    end
  end)

  it("gives the type that C gives", function()
    for text, expected in pairs {
      ["1"] = "int", ["1u"] = "unsigned int", ["1L"] = "long", ["1ul"] = "unsigned long",
      ["1LL"] = "long long", ["1llu"] = "unsigned long long", ["2147483648"] = "long",
      ["0x80000000"] = "unsigned int", ["0xffffffffffffffff"] = "unsigned long",
      ["9223372036854775808"] = "__int128", ["1.0"] = "double", ["1.f"] = "float",
      ["1e3L"] = "long double", ["1.0f128"] = "_Float128", ["1.0q"] = "_Float128",
      ["0x1p3"] = "double", [".5f32"] = "_Float32", ["1.5f16"] = "_Float16", ["1.0dd"] = "_Decimal64",
    } do
      assert.equal(expected, type_of(text), text)
    end
  end)

  it("reads floating constants", function()
    assert.equal(1.5, value "1.5")
    assert.equal(1000.0, value "1e3")
    assert.equal(0.75, value "0x.cp0")
    assert.equal(math.huge, value "1e999")
    assert.equal(string.unpack("f", string.pack("f", 0.1)), value "0.1f")
  end)

  it("refuses malformed ones", function()
    for _, text in ipairs { "08", "0b2", "0x", "1uu", "1lul", "1lL", "1.0z", "0xg", "1e", "12abc" } do
      raises("cdef:1:12: malformed number, near '", function()
        engine.new().cdef("enum { A = " .. text .. " };") end)
    end
    raises("cdef:1:7: malformed number", function()
      engine.new().cdef("int x[" .. ("9"):rep(60) .. "];") end)
  end)
end)

describe("mp_literal_char", function()
  it("reads characters and escapes", function()
    for text, expected in pairs { ["'a'"] = 97, ["'\\n'"] = 10, ["'\\0'"] = 0, ["'\\x41'"] = 65,
      ["'\\101'"] = 65, ["'\\''"] = 39, ["'\\\\'"] = 92, ["'\"'"] = 34, ["'\\e'"] = 27,
      ["'\\377'"] = -1, ["'ab'"] = 97 * 256 + 98, ["L'\\x1234'"] = 0x1234, ["L'ä'"] = 0xe4,
      ["u'€'"] = 0x20ac, ["U'\\U0001F600'"] = 0x1f600 } do
      assert.equal(expected, value(text), text)
    end
  end)

  it("gives int, or the wide type of the prefix", function()
    assert.equal("int", type_of "'a'")
    assert.equal("wchar_t", type_of "L'a'")
    assert.equal("char16_t", type_of "u'a'")
    assert.equal("char32_t", type_of "U'a'")
  end)

  it("refuses empty ones and unknown escapes", function()
    for _, text in ipairs { "''", "'\\q'", "'\\x'", "'\\u'" } do
      raises("cdef:1:12: malformed escape or character constant", function()
        engine.new().cdef("enum { A = " .. text .. " };") end)
    end
  end)
end)

describe("mp_literal_string", function()
  it("decodes and joins", function()
    assert.equal("abc", value [["a" "b" "c"]])
    assert.equal("a\nb\0c\"", value [["a\nb\0c\""]])
    assert.equal("é€😀", value [["\u00e9\u20ac\U0001F600"]])
    assert.equal("\1A", value [["\1" "\x41"]])
  end)

  it("has the size and type that C gives it", function()
    local ffi = engine.new()
    ffi.cdef [[enum { A = sizeof "abc", B = sizeof L"ab" "c", C = sizeof u"€", D = sizeof u8"€",
      E = sizeof U"", F = sizeof u"\U0001F600" };]]
    local c = ffi.C
    assert.are.same({ 4, 16, 4, 4, 4, 6 }, { c.A, c.B, c.C, c.D, c.E, c.F })
  end)

  it("refuses unknown escapes", function()
    raises("cdef:1:19: malformed escape or character constant", function()
      engine.new().cdef [[enum { A = sizeof "\q" };]] end)
  end)
end)
