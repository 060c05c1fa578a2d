-- decl/parser: places in messages, and the bound on nesting.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("mp_parser_fail", function()
  it("counts lines and columns from 1, in bytes", function()
    local ffi = engine.new()
    raises("cdef:1:1: ", function() ffi.cdef "?" end)
    raises("cdef:3:4: ", function() ffi.cdef "int a;\r\n\n   ?" end)
    raises("cdef:1:10: ", function() ffi.cdef "/* ä */ ?" end)
    raises("cdef:2:2: ", function() ffi.cdef "int x; \\\n ?" end)
  end)

  it("shows the token as it stands in the text", function()
    local ffi = engine.new()
    raises("cdef:1:7: ';' expected, near '0x1F'", function() ffi.cdef "int x 0x1F;" end)
    raises("cdef:1:7: ';' expected, near '\"a b\"'", function() ffi.cdef 'int x "a b";' end)
    raises("cdef:1:7: ';' expected, near '->'", function() ffi.cdef "int x ->;" end)
  end)

  it("puts the place before what the lower floors say", function()
    local ffi = engine.new()
    raises("cdef:1:24: array of the incomplete type 'struct o', near ';'", function()
      ffi.cdef "struct o; struct o x[3];" end)
    raises("cdef:1:8: duplicate member 'a', near 's'", function() ffi.cdef "struct s { int a, a; };" end)
  end)
end)

describe("mp_parser_enter", function()
  it("lets 100 levels through, and stops 100,000 of any kind", function()
    local function nested(n)
      return {
        ("("):rep(n) .. "x" .. (")"):rep(n), "x" .. ("(int (*f)"):rep(n) .. "(void)" .. (")"):rep(n),
        "x = 1, y[" .. ("("):rep(n) .. "1" .. (")"):rep(n) .. "]",
      }
    end
    for _, text in ipairs(nested(100)) do engine.new().cdef("extern int " .. text .. ";") end
    for _, text in ipairs(nested(100000)) do
      local ok, message = pcall(engine.new().cdef, "extern int " .. text .. ";")
      assert.is_false(ok)
      assert.is_truthy(message:find("nested too deep", 1, true), message)
    end
  end)
end)

describe("mp_parser_qualify", function()
  it("stops at arrays of too many dimensions", function()
    local ffi = engine.new()
    ffi.cdef("typedef int deep" .. ("[1]"):rep(100000) .. ";")
    raises("cdef:1:12: nested too deep", function() ffi.cdef "const deep x[2] ;" end)
  end)
end)
