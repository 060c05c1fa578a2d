-- mem/raw: the process's domain, on many threads. `make tsan` runs these under ThreadSanitizer.

local engine = require "spec.support.engine"

describe("RAW on 8 threads", function()
  -- Under valgrind the threads take turns.
  local ROUNDS = engine.mode == "debug" and 200 or 2000

  local function run(how)
    local out, code = engine.run_lua(([[
      local tests = require "moonpool.tests"
      local s = tests.set()
      local before = s:counts "raw"
      %s
      tests.rawthreads(8, %d)
      local now = s:counts "raw"
      print(now.blocks - before.blocks, now.bytes - before.bytes, now.calls - before.calls)
    ]]):format(how, ROUNDS))
    assert.equal(0, code, out)
    assert.equal(("0\t0\t%d\n"):format(8 * ROUNDS * 2), out)
  end

  it("adds up", function() run "" end)
  it("adds up under the hooks", function() run [[ s:hooks("raw", 10000) ]] end)
  it("adds up with an allocator", function()
    run [[ local probe = s:probe("raw", { wraps = true }) s:install("raw", probe) ]]
  end)
  it("adds up while allocators come and go", function()
    local out, code = engine.run_lua(([[
      local tests = require "moonpool.tests"
      local s = tests.set()
      local before, base = s:counts "raw", s:get "raw"
      tests.rawstart(8, %d)
      local n = 0
      repeat
        local probe = s:probe("raw", {})
        s:install("raw", probe)
        s:hooks("raw", 100)
        s:unhook "raw"
        s:put("raw", base)
        n = n + 1
      until tests.rawrunning() == 0
      tests.rawjoin()
      local now = s:counts "raw"
      print(now.blocks - before.blocks, now.bytes - before.bytes)
    ]]):format(ROUNDS // 4))
    assert.equal(0, code, out)
    assert.equal("0\t0\n", out)
  end)
end)
