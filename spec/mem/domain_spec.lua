-- mem/domain: the doors of the three domains.

local tests = require "moonpool.tests"

local DOMAINS = { "raw", "mem", "obj" }

describe("a domain", function()
  it("counts what it gave out", function()
    local s = tests.set()
    for _, d in ipairs(DOMAINS) do
      local before = s:counts(d)
      local p = s:malloc(d, 100)
      local now = s:counts(d)
      assert.same({ 1, 100 }, { now.blocks - before.blocks, now.bytes - before.bytes })
      s:free(d, p)
      assert.equal(before.bytes, s:counts(d).bytes)
    end
    assert.equal("", s:fini())
  end)
end)
