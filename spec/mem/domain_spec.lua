-- mem/domain: three domains that count what they have given out.

local tests = require "moonpool.tests"

local RAW, MEM, OBJ = 0, 1, 2

describe("mp_domain_init", function()
  it("starts with nothing given out", function()
    local d = tests.domains()
    for _, which in ipairs { RAW, MEM, OBJ } do assert.same({ 0, 0 }, { d:counts(which) }) end
  end)

  it("counts blocks and bytes, each domain its own", function()
    local d = tests.domains()
    local a = d:resize(MEM, nil, 0, 100)
    local b = d:resize(MEM, nil, 0, 28)
    local c = d:resize(OBJ, nil, 0, 5)
    assert.same({ 2, 128 }, { d:counts(MEM) })
    assert.same({ 1, 5 }, { d:counts(OBJ) })
    assert.same({ 0, 0 }, { d:counts(RAW) })
    d:resize(MEM, a, 100, 0)
    d:resize(MEM, b, 28, 0)
    d:resize(OBJ, c, 5, 0)
    assert.same({ 0, 0 }, { d:counts(MEM) })
    assert.same({ 0, 0 }, { d:counts(OBJ) })
  end)

  it("counts a resize, up and down", function()
    local d = tests.domains()
    local p = d:resize(RAW, nil, 0, 10)
    p = d:resize(RAW, p, 10, 1000)
    assert.same({ 1, 1000 }, { d:counts(RAW) })
    p = d:resize(RAW, p, 1000, 1)
    assert.same({ 1, 1 }, { d:counts(RAW) })
    assert.is_nil(d:resize(RAW, p, 1, 0))
    assert.same({ 0, 0 }, { d:counts(RAW) })
  end)

  it("counts nothing that failed", function()
    local d = tests.domains()
    assert.is_nil(d:resize(RAW, nil, 0, math.maxinteger))
    assert.same({ 0, 0 }, { d:counts(RAW) })
    local p = d:resize(RAW, nil, 0, 10)
    assert.is_nil(d:resize(RAW, p, 10, math.maxinteger))
    assert.same({ 1, 10 }, { d:counts(RAW) })
    d:resize(RAW, p, 10, 0)
  end)

  it("does nothing for a free of NULL", function()
    local d = tests.domains()
    assert.is_nil(d:resize(OBJ, nil, 0, 0))
    assert.same({ 0, 0 }, { d:counts(OBJ) })
  end)
end)
