-- abi/entry: callbacks beyond what there is code for in the library are libffi's, and alike.

local engine = require "spec.support.engine"

describe("callbacks when the library's own code is used up", function()
  -- Types that no other code has served: what is made here is new, and stays for good.
  it("get and return what those before them do", function()
    local out, code = engine.run_lua(([[
      local ffi = require "moonpool"
      ffi.cdef((require "spec.abi.passing"))
      local lib = ffi.dlopen %q
      local alive = {}
      local function all()
        local s = lib.passing_callboth(function(x)
          return ffi.new("struct passing_both *", { i = x.i * 2, d = x.d * 3 })[0]
        end)
        local big = lib.passing_callbig(function(n)
          local b = ffi.new "struct passing_big *"
          b.a[19] = n
          return b[0]
        end)
        local small = lib.passing_callsmall(function(x) return x // 100 end, -500)
        local long = lib.passing_calllong(function(x) return x + 1 end, 41)
        local d = ffi.callback("double(*)(double, int, float)", function(a, b, c) return a + b + c end)
        local l = ffi.callback("long double(*)(long double)", function(a) return a * 2 end)
        local sum, twice = d(0.5, 2, 0.25), l(1.5)
        alive[#alive + 1] = d
        alive[#alive + 1] = l
        return table.concat({ s.i, s.d, big.a[19], small, long, sum, twice }, " ")
      end
      local before = all()
      for i = 1, 5000 do alive[#alive + 1] = ffi.callback("int(*)(int, long)", function(x) return x + i end) end
      print(before)
      print(all() == before, alive[3](1, 2), alive[5002](1, 2))
    ]]):format(engine.fixture "passing"))
    assert.equal(0, code, out)
    assert.matches("^8 1.5 3 %-5 42 2.75 3.0\ntrue\t2\t5001\n$", out)
  end)

  it("are taken apart alike when both live", function()
    local generator, check = require "spec.abi.generator", require "spec.abi.check"
    local folder = generator.folder()
    local batch = generator.make(77, 60)
    local path = generator.compile(batch, folder)
    local ffi, alive = engine.new(), {}
    for round = 1, 2 do
      local right, _, wrong = check.batch(engine.new(), batch, path, check.callback)
      assert.equal("", table.concat(wrong, "\n"))
      assert.is_true(right > 30)
      if round == 1 then
        for i = 1, 5000 do alive[i] = ffi.callback("int(*)(int, long, short)", function(x) return x end) end
      end
    end
    for i = 1, 5000 do ffi.release(alive[i]) end
    generator.remove(batch, folder)
    os.remove(folder)
  end)
end)
