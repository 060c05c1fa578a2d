-- base/num.h: sizes that are checked.

local tests = require "moonpool.tests"

local LARGEST = math.maxinteger -- PTRDIFF_MAX

describe("mp_num_mul", function()
  it("multiplies", function()
    assert.equal(0, tests.mul(0, 7))
    assert.equal(42, tests.mul(6, 7))
    assert.equal(LARGEST, tests.mul(1, LARGEST))
  end)

  it("refuses a product beyond PTRDIFF_MAX", function()
    assert.is_nil(tests.mul(2, LARGEST))
    assert.is_nil(tests.mul(1 << 32, 1 << 31))
  end)

  it("refuses a product beyond size_t", function()
    assert.is_nil(tests.mul(1 << 32, 1 << 32))
    assert.is_nil(tests.mul(-1, -1)) -- SIZE_MAX each
  end)
end)

describe("mp_num_add", function()
  it("adds", function()
    assert.equal(5, tests.add(2, 3))
    assert.equal(LARGEST, tests.add(LARGEST - 1, 1))
  end)

  it("refuses a sum beyond PTRDIFF_MAX", function()
    assert.is_nil(tests.add(LARGEST, 1))
    assert.is_nil(tests.add(-1, 1))
  end)
end)

describe("mp_num_align", function()
  it("rounds up to a power of two", function()
    assert.equal(0, tests.align(0, 16))
    assert.equal(16, tests.align(1, 16))
    assert.equal(16, tests.align(16, 16))
    assert.equal(32, tests.align(17, 16))
    assert.equal(17, tests.align(17, 1))
  end)
end)

describe("mp_num_ispow2", function()
  it("knows the powers of two", function()
    for shift = 0, 63 do assert.is_true(tests.ispow2(1 << shift)) end
  end)

  it("takes neither 0 nor others", function()
    for _, n in ipairs { 0, 3, 6, 7, -1, LARGEST } do assert.is_false(tests.ispow2(n)) end
  end)
end)
