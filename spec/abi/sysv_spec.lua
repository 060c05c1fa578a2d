-- abi/sysv: shapes in whose class the ABI has a corner. That they come back whole shows that
-- C and moonpool looked for them in the same place; the generator (cif_spec) has the rest.

local engine = require "spec.support.engine"

describe("records by value:", function()
  local ffi = engine.new()
  ffi.cdef((require "spec.abi.passing"))
  local lib = ffi.dlopen(engine.fixture "passing")

  it("a union of an int and a float is an integer", function()
    assert.equal(1.5, lib.passing_number(ffi.new("union passing_number *", { f = 1.5 })[0]).f)
  end)

  it("an unaligned member sends the whole to memory", function()
    local s = lib.passing_packed(ffi.new("struct passing_packed *", { c = "x", d = 0.1 })[0])
    assert.equal("x", s.c)
    assert.equal(0.1, s.d)
  end)

  it("a bit-field is an integer, a nameless one too", function()
    local s = lib.passing_bits(ffi.new("struct passing_bits *", { f = 2.5, b = -77 })[0])
    assert.equal(2.5, s.f)
    assert.equal(-77, s.b)
  end)

  it("an array of length zero counts as the compiler counts it", function()
    assert.equal(2.5, lib.passing_hole(ffi.new("struct passing_hole *", { f = 2.5 })[0]).f)
  end)

  it("an empty struct takes no place", function()
    local e = ffi.new("struct passing_empty *")[0]
    assert.equal(4, lib.passing_empty(e, 7, e, 3))
    local seen = ffi.new "int[1]"
    assert.equal(0, ffi.sizeof(lib.passing_makeempty(seen)))
    assert.equal(1, seen[0])
  end)

  it("a struct of one long double comes back in st0", function()
    assert.equal(-0.75, lib.passing_x87(ffi.new("struct passing_x87 *", { x = -0.75 })[0]).x)
  end)

  it("an eightbyte of padding takes no register", function()
    local second = ffi.new "long[1]"
    local s = lib.passing_padded(ffi.new("struct passing_padded *", { c = "p" })[0], second, 99)
    assert.equal("p", s.c)
    assert.equal(99, second[0])
  end)

  it("large ones go through memory, both ways", function()
    local s = ffi.new "struct passing_big *"
    for i = 0, 19 do s.a[i] = i end
    local tripled = lib.passing_big(s[0], 3)
    for i = 0, 19 do
      assert.equal(3 * i, tripled.a[i])
      assert.equal(i, s.a[i])
    end
  end)

  it("a result aligned above 16 finds such memory", function()
    local s = lib.passing_makestrict(0.5)
    for i = 0, 3 do assert.equal(0.5 + i, s.d[i]) end
  end)
end)
