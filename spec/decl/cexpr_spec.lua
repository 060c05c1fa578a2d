-- decl/cexpr: expressions by precedence; the comma, ?: and the logical operators.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local function value(expression, before)
  local ffi = engine.new()
  ffi.cdef((before or "") .. "\nenum { V = " .. expression .. " };")
  return ffi.C.V
end

describe("mp_cexpr_conditional", function()
  it("binds operators as C does", function()
    for text, expected in pairs {
      ["1 + 2 * 3"] = 7, ["(1 + 2) * 3"] = 9, ["10 - 3 - 2"] = 5, ["1 << 2 + 1"] = 8,
      ["1 | 2 ^ 3 & 2"] = 1, ["1 || 0 && 0"] = 1, ["2 > 1 == 1"] = 1, ["5 & 3 == 3"] = 1,
      ["100 / 10 / 2"] = 5, ["7 % 4 * 2"] = 6, ["!1 + 1"] = 1, ["- 2 * - 3"] = 6, ["~1 & 3"] = 2,
      ["1 ? 2 : 3"] = 2, ["0 ? 2 : 1 ? 4 : 5"] = 4, ["5 ?: 6"] = 5, ["0 ?: 6"] = 6,
      ["1 ? 2, 3 : 4"] = 3, ["(1, 2)"] = 2,
    } do
      assert.equal(expected, value(text), text)
    end
  end)

  it("doesn't evaluate the side that isn't taken", function()
    assert.equal(2, value "1 ? 2 : 1 / 0")
    assert.equal(1, value "1 || 1 / 0")
    assert.equal(0, value "0 && 1 / 0")
  end)

  it("knows earlier constants", function()
    assert.equal(12, value("A + B + K", "enum { A = 3 };\n#define B (A + 2)\nstatic const int K = 4;"))
  end)

  it("has the type of both sides", function()
    local ffi = engine.new()
    ffi.cdef "int *p; void *v;"
    assert.equal("double", ffi.getctype "__typeof__(1 ? 1 : 2.0)")
    assert.equal("int *", ffi.getctype "__typeof__(1 ? p : 0)")
    assert.equal("int *", ffi.getctype "__typeof__(1 ? (void *)0 : p)")
    assert.equal("void *", ffi.getctype "__typeof__(1 ? (void *)1 : p)")
  end)

  it("computes with pointers of known address", function()
    assert.equal(8, value("(long)((int *)0 + 2)"))
    assert.equal(3, value("(int *)12 - (int *)0"))
    assert.equal(1, value("(char *)8 > (char *)0"))
    assert.equal(1, value("!(void *)0"))
  end)
end)

describe("mp_cexpr_integer", function()
  it("refuses what isn't constant, or no integer", function()
    raises("cdef:1:19: constant expression expected, near 'x'", function()
      engine.new().cdef "int x; enum { A = x };" end)
    raises("cdef:1:12: constant expression expected, near '1'", function()
      engine.new().cdef "enum { A = 1 / 0 };" end)
    raises("cdef:1:7: integer constant expression expected, near '1.5'", function()
      engine.new().cdef "int x[1.5];" end)
    raises("cdef:1:12: constant expression expected", function()
      engine.new().cdef "enum { A = \"s\" };" end)
  end)

  it("refuses operands of the wrong type", function()
    raises("cdef:1:61: operand of the wrong type", function()
      engine.new().cdef "struct s { int x; } s, t; enum { A = sizeof(__typeof__(s + t)) };" end)
    raises("cdef:1:32: operand of the wrong type", function()
      engine.new().cdef "int *p; enum { A = sizeof(p * 2) };" end)
  end)
end)

describe("mp_cexpr_expression", function()
  it("refuses nesting beyond its bound, whatever nests", function()
    local n = 100000
    for _, text in ipairs {
      ("("):rep(n) .. "1" .. (")"):rep(n), ("- "):rep(n) .. "1", ("sizeof "):rep(n) .. "1",
      ("1?1:"):rep(n) .. "1", ("(int)"):rep(n) .. "1", ("sizeof("):rep(n),
    } do
      local ok, message = pcall(engine.new().cdef, "enum { A = " .. text .. " };")
      assert.is_false(ok)
      assert.is_truthy(message:find("nested too deep", 1, true), message)
    end
  end)

  it("has no bound on what doesn't nest", function()
    assert.equal(100001, value(("1+"):rep(100000) .. "1"))
  end)
end)
