-- abi/cif: prepared calls, with what the generator makes up.

local engine = require "spec.support.engine"
local generator = require "spec.abi.generator"
local check = require "spec.abi.check"

describe("random calls", function()
  local folder

  setup(function() folder = generator.folder() end)
  teardown(function() os.remove(folder) end)

  local function batch_of(seed, n, options)
    local batch = generator.make(seed, n, options)
    local path = generator.compile(batch, folder)
    local right, refused, wrong = check.batch(engine.new(), batch, path, check.call)
    generator.remove(batch, folder)
    assert.equal("", table.concat(wrong, "\n"))
    return right, refused
  end

  it("find their arguments and results", function()
    assert.equal(200, (batch_of(1, 200)))
  end)

  it("do so with 128-bit floats and vectors where registers hold them", function()
    local right, refused = batch_of(2, 100, { extended = true })
    assert.equal(100, right + refused)
    assert.is_true(right >= 60)
  end)
end)

describe("a prepared call", function()
  local ffi = engine.new()
  ffi.cdef((require "spec.abi.passing"))
  local lib = ffi.dlopen(engine.fixture "passing")

  it("can be made again and again", function()
    local s = ffi.new "struct passing_big *"
    s.a[19] = 1
    for i = 1, 100 do assert.equal(i, lib.passing_big(s[0], i).a[19]) end
  end)

  it("can be made while it is being made", function()
    local function down(n)
      if n == 0 then return 0 end
      return lib.passing_calllong(function(x) return x + down(n - 1) end, n)
    end
    assert.equal(210, down(20))
  end)
end)
