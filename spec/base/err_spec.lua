-- base/err: the error record.

local tests = require "moonpool.tests"

describe("mp_err_set", function()
  it("fills the record and says that it failed", function()
    local failed, text = tests.err_set "what went wrong"
    assert.is_true(failed)
    assert.equal("what went wrong", text)
  end)

  it("cuts a text that doesn't fit", function()
    local long = ("x"):rep(2 * tests.ERR_TEXT)
    local _, text = tests.err_set(long)
    assert.equal(long:sub(1, tests.ERR_TEXT - 1), text)
  end)
end)

describe("mp_err_memory", function()
  it("says that memory is out", function()
    local failed, text = tests.err_memory()
    assert.is_true(failed)
    assert.equal("not enough memory", text)
  end)
end)
