-- abi/regs: calls whose arguments just fit in registers, and those with one more, which go
-- through libffi. The generator (cif_spec) has the mass; `make abi` runs it with either.

local engine = require "spec.support.engine"

describe("register images:", function()
  local ffi = engine.new()
  ffi.cdef((require "spec.abi.passing"))
  local lib = ffi.dlopen(engine.fixture "passing")

  it("six integers, and eight", function()
    assert.equal(1 + 4 + 9 + 16 + 25 + 36, lib.passing_longs6(1, 2, 3, 4, 5, 6))
    assert.equal(91 + 49 + 64, lib.passing_longs8(1, 2, 3, 4, 5, 6, 7, 8))
  end)

  it("eight doubles, and nine", function()
    assert.equal(204.0, lib.passing_doubles8(1, 2, 3, 4, 5, 6, 7, 8))
    assert.equal(285.0, lib.passing_doubles9(1, 2, 3, 4, 5, 6, 7, 8, 9))
  end)

  it("each kind in a row of its own", function()
    assert.equal(1 + 1.0 + 9 + 2 + 25 + 1.5 + 7 * 65 - 4, lib.passing_mixed(1, 0.5, 3, 0.5, 5, 0.25, "A", -0.5))
  end)

  it("a struct in registers of both kinds, and one that none is left for", function()
    local s = ffi.new("struct passing_both *", { i = 10, d = 0.5 })[0]
    assert.equal(0.25 + 15 + 20 + 1.5, lib.passing_both6(0.25, 1, 2, 3, 4, 5, s))
    assert.equal(0.25 + 21 + 20 + 1.5 + 5, lib.passing_both7(0.25, 1, 2, 3, 4, 5, 6, s, 1))
    local made = lib.passing_makeboth(-3, 0.125)
    assert.equal(-3, made.i)
    assert.equal(0.125, made.d)
  end)

  it("variadic calls say how many vector registers they use", function()
    assert.equal(0.0, lib.passing_sum(0))
    assert.equal(1 + 0.5 + 2 + 0.25, lib.passing_sum(4, 1, 0.5, 2, 0.25))
    assert.equal(6 * 1 + 6 * 0.5, lib.passing_sum(12, 1, 0.5, 1, 0.5, 1, 0.5, 1, 0.5, 1, 0.5, 1, 0.5))
  end)
end)
