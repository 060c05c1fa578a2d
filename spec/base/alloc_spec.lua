-- base/alloc: the C library's allocator in the form that all floors take theirs in.

local tests = require "moonpool.tests"

describe("mp_alloc_system", function()
  it("allocates, resizes and frees", function()
    local p = tests.system(nil, 0, 100)
    assert.is_truthy(p)
    p = tests.system(p, 100, 100000)
    assert.is_truthy(p)
    assert.is_nil(tests.system(p, 100000, 0))
  end)

  it("fails without touching what there is", function()
    local p = tests.system(nil, 0, 100)
    assert.is_nil(tests.system(p, 100, math.maxinteger))
    assert.is_nil(tests.system(p, 100, 0))
  end)

  it("does nothing for a free of NULL", function()
    assert.is_nil(tests.system(nil, 0, 0))
  end)
end)
