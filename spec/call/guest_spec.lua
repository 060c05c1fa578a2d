-- call/guest: the coroutines of threads that come into a state from outside.

local engine = require "spec.support.engine"

-- Runs a script in an interpreter of its own, in which the state lock is on.
local function run(script)
  local output, code = engine.run_lua(([[
    local ffi = require "moonpool"
    ffi.cdef "int thread_call(int (*f)(int), int threads, int calls); int callback_apply(int (*f)(int), int x);"
    local lib, other = ffi.dlopen %q, ffi.dlopen %q
    ffi.lock(true)
    %s
  ]]):format(engine.fixture "thread", engine.fixture "callback", script))
  assert.equal(0, code, output)
  return (output:gsub("\n", " "))
end

describe("a callback from another thread", function()
  it("runs on a coroutine that isn't another's, and that is used again", function()
    assert.equal("1 true false ", run [[
      local seen, n, main, yieldable = {}, 0, coroutine.running(), nil
      local f <close> = ffi.callback("int(int)", function()
        local co = coroutine.running()
        if not seen[co] then seen[co] = true n = n + 1 end
        yieldable = coroutine.isyieldable()
        return 0
      end)
      for _ = 1, 20 do lib.thread_call(f, 1, 3) end
      print(n)
      print(not seen[main])
      print(yieldable)
    ]])
  end)

  it("finds its stack as if nothing had run there", function()
    assert.equal("9 9 -1 9 ", run [[
      local wide = ffi.callback("int(int)", function(x)
        if x == 1 then error "no" end
        return select("#", table.unpack({}, 1, 200)) - 191
      end, { error = -1, onerror = function() end })
      print(lib.thread_call(wide, 1, 1))
      print(lib.thread_call(wide, 1, 2) + 1)
      print(lib.thread_call(wide, 1, 2) - 9)
      print(lib.thread_call(wide, 1, 1))
      ffi.release(wide)
    ]])
  end)

  it("has one that nobody else can run on", function()
    assert.equal("dead false false\tcannot resume dead coroutine 5 ", run [[
      local co
      local f <close> = ffi.callback("int(int)", function() co = coroutine.running() return 5 end)
      lib.thread_call(f, 1, 1)
      print(coroutine.status(co))
      print((coroutine.resume(co, print)))
      print(coroutine.resume(co, print))
      coroutine.close(co)
      print(lib.thread_call(f, 1, 1))
    ]])
  end)

  it("is kept from the collector, and counts for the state alone", function()
    assert.equal("4800 true ", run [[
      local f <close> = ffi.callback("int(int)", function(x)
        collectgarbage()
        return other.callback_apply(function(y) collectgarbage "step" return y end, 1) + 1
      end)
      print(lib.thread_call(f, 8, 100) * 3)
      collectgarbage() collectgarbage()
      local before = collectgarbage "count"
      lib.thread_call(f, 8, 100)
      collectgarbage() collectgarbage()
      print(collectgarbage "count" - before < 20)
    ]])
  end)

  it("leaves the collector running, or stopped", function()
    assert.equal("true true false ", run [[
      local running
      local f <close> = ffi.callback("int(int)", function() running = collectgarbage "isrunning" return 0 end)
      lib.thread_call(f, 1, 1)
      print(running)
      print(collectgarbage "isrunning")
      collectgarbage "stop"
      lib.thread_call(f, 8, 20)
      print(collectgarbage "isrunning")
    ]])
  end)
end)

describe("for want of memory", function()
  local MESSAGE = "moonpool: no stack is left for a callback of type 'int(*)(int)' "

  it("a callback gets `error` and a report, and the next one another chance", function()
    assert.equal(MESSAGE .. "7 8 0 ", run(([[
      ffi.cdef "int lock_apply(int (*)(int), int); int lock_starving(const char *script);"
      print(ffi.dlopen(%q).lock_starving(%q))
    ]]):format(engine.fixture "lock", ([[
      local ffi = require "moonpool"
      ffi.cdef "int thread_call(int (*f)(int), int threads, int calls);"
      ffi.cdef "void lock_starve(int most) __attribute__((nonblocking));"
      local lib, lock = ffi.dlopen %q, ffi.dlopen %q
      ffi.lock(true)
      local depth = 0
      local f
      f = ffi.callback("int(int)", function(x)
        depth = depth + 1
        if depth == 1 then
          lock.lock_starve(0)
          local r = lib.thread_call(f, 1, 1)
          depth = 0
          return r
        end
        return 8
      end, { error = 7 })
      lib.thread_call(f, 0, 0)
      lock.lock_starve(0) -- all that these take is there
      lock.lock_starve(300) -- less than a stack is
      local result = lib.thread_call(f, 1, 1)
      print(result)
      depth = 1
      print(lib.thread_call(f, 1, 1))
      ffi.release(f)
      return 0
    ]]):format(engine.fixture "thread", engine.fixture "lock"))))
  end)
end)
