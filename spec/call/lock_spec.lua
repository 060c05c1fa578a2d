-- call/lock: the state lock. `make tsan` runs these under ThreadSanitizer.

local engine = require "spec.support.engine"

local CDEF = [[
  void lock_start(int (*f)(int), int threads, int calls) __attribute__((nonblocking));
  void lock_line(int (*f)(int), int threads) __attribute__((nonblocking)); long long lock_join(void);
  int lock_running(void) __attribute__((nonblocking)); void lock_atexit(int);
  void lock_await(int) __attribute__((nonblocking));
  int lock_sleep(int); int lock_apply(int (*f)(int), int x);
  void lock_by(void (*lock)(void), void (*unlock)(void)); long lock_host(int threads, int rounds);
  int lock_lock(void) __attribute__((nonblocking)); int lock_unlock(void) __attribute__((nonblocking));
]]

-- Runs a script in an interpreter of its own, in which the lock is on; `ffi`, `lib` for the
-- fixture, and `callback(f)`. Returns its lines, joined, and its reports' first ones in order.
local function run(script, expected)
  local output, code = engine.run_lua(([[
    local ffi = require "moonpool"
    ffi.cdef %q
    local lib = ffi.dlopen(%q, ffi.RTLD_NOW + ffi.RTLD_NODELETE)
    local function callback(f) return ffi.callback("int(int)", f, { error = -5 }) end
    ffi.lock(true)
    %s
  ]]):format(CDEF, engine.fixture "lock", script))
  assert.equal(expected or 0, code, output)
  local reports, others = {}, {}
  for line in output:gmatch "([^\n]*)\n" do
    local said = line:match "^moonpool: (.*)"
    local list = said and reports or others
    list[#list + 1] = said or line
  end
  return table.concat(others, " "), reports
end

local FOREIGN = "callback of type 'int(*)(int)' was called on a thread that doesn't own the state"
local DEAD = "callback of type 'int(*)(int)' was called after its end"
local CLOSING = "callback of type 'int(*)(int)' was called while its state closes"

-- Every one of the reports is `text`.
local function assert_reports(text, n, reports)
  assert.equal(n, #reports, table.concat(reports, "\n"))
  for _, report in ipairs(reports) do assert.equal(text, report) end
end

-- In a script: `critical()` counts, and finds out whether two threads are at it at once.
local CRITICAL = [[
  local counter, inside, clashes = 0, false, 0
  local function critical()
    if inside then clashes = clashes + 1 end
    inside = true
    local n = counter
    local t = {}
    for i = 1, 20 do t[i] = { tostring(i) } end
    counter = n + 1
    inside = false
  end
]]

describe("the state lock", function()
  it("lets 8 threads into a state that computes, yields and waits for them, one at a time", function()
    local printed, reports = run(CRITICAL .. [[
      local f <close> = callback(function(id) critical() return id end)
      local own = 0
      local function count() own = own + 1 critical() end
      lib.lock_start(f, 8, 250)
      while lib.lock_running() > 4 do count() ffi.yield() end
      while lib.lock_running() > 0 do count() lib.lock_sleep(0) end
      local sum = lib.lock_join()
      lib.lock_start(f, 8, 250)
      print(sum, lib.lock_join(), counter - own, clashes) -- this time C waits
    ]])
    assert.equal("7000\t7000\t4000\t0", printed)
    assert.same({}, reports)
  end)

  it("holds while callbacks allocate, collect and convert", function()
    local printed, reports = run(CRITICAL .. [[
      ffi.cdef "struct pair { int x; double y; };"
      local ended = 0
      local f <close> = callback(function(id)
        local p = ffi.new("struct pair *", { id, id / 2 })
        ffi.gc(ffi.new "int[4]", function() ended = ended + lib.lock_sleep(0) + 1 end)
        critical()
        if id % 3 == 0 then collectgarbage "step" end
        return p.x + lib.lock_apply(function(x) return x end, 0)
      end)
      lib.lock_start(f, 8, 60)
      while lib.lock_running() > 0 do critical() collectgarbage "step" ffi.yield() end
      -- Clashes aren't counted: a finalizer gives the lock up in the middle of whatever allocates.
      print(lib.lock_join())
      collectgarbage() collectgarbage()
      print(ended)
    ]])
    assert.equal("1680 480", printed)
    assert.same({}, reports)
  end)

  it("is one that callbacks may nest in, each thread on its coroutine", function()
    local printed, reports = run [[
      local main = coroutine.running()
      local depth, same, strange = {}, true, 0
      local f
      f = callback(function(n)
        local co = coroutine.running()
        if co == main then strange = strange + 1 end
        local level = depth[co] or 0
        depth[co] = level + 1
        local result = level < 3 and lib.lock_apply(f, n) + 1 or 0
        same = same and coroutine.running() == co and depth[co] == level + 1
        depth[co] = level
        return result
      end)
      lib.lock_start(f, 8, 25)
      print(lib.lock_join(), same, strange)
      print(lib.lock_apply(f, 0), strange) -- this thread's own run where its calls are
      ffi.release(f)
    ]]
    assert.equal("600\ttrue\t0 3\t4", printed)
    assert.same({}, reports)
  end)

  it("goes to others while a callback is in C", function()
    local printed = run [[
      local order = {}
      local function note(what) order[#order + 1] = what end
      local f <close> = callback(function(id)
        if id == 0 then
          note "sleeps"
          lib.lock_sleep(300)
          note "woke"
        else
          while not order[1] do ffi.yield() end
          note "other"
        end
        return 0
      end)
      lib.lock_start(f, 3, 1)
      lib.lock_join()
      print(table.concat(order, " "))
    ]]
    assert.equal("sleeps other other woke", printed)
  end)

  it("keeps what a coroutine has in C, whoever comes in", function()
    local printed = run [[
      local f <close> = callback(function(id)
        ffi.errno(id + 1)
        return coroutine.wrap(function() return coroutine.yield() or 1 end)() or 1
      end)
      lib.lock_start(f, 4, 50)
      local co = coroutine.wrap(function(...)
        ffi.errno(99)
        for i = 1, 100 do
          assert(lib.lock_sleep(0) == 0 and ffi.errno() == 99)
          assert(lib.lock_apply(function(x) assert(ffi.errno() == 99) return x end, i) == i)
          coroutine.yield(i)
        end
        return lib.lock_join()
      end)
      local last
      for _ = 1, 101 do last = co() ffi.yield() end
      print(last)
    ]]
    assert.equal("200", printed)
  end)

  it("comes to all in the order of their coming", function()
    local printed = run [[
      local order = {}
      local f <close> = callback(function(id)
        order[#order + 1] = id
        lib.lock_sleep(0) -- behind the others
        order[#order + 1] = id
        return 0
      end)
      lib.lock_line(f, 6)
      lib.lock_join()
      print(table.concat(order, " ", 1, 6))
      table.sort(order)
      print(table.concat(order, " "))
    ]]
    assert.equal("0 1 2 3 4 5 0 0 1 1 2 2 3 3 4 4 5 5", printed)
  end)

  it("stays where an error is: that is reported, and C gets `error`", function()
    local printed, reports = run [[
      local failed = 0
      local f <close> = callback(function(id) error("thread " .. id, 0) end)
      local g <close> = ffi.callback("int(int)", function() error { 3 } end,
        { error = 2, onerror = function(e) failed = failed + e[1] end })
      local y <close> = callback(function() coroutine.yield() end)
      ffi.onreport(function(text) print((text:match "[^\n]*")) end)
      lib.lock_start(f, 1, 2)
      print(lib.lock_join())
      lib.lock_start(g, 8, 10)
      print(lib.lock_join(), failed)
      lib.lock_start(y, 1, 1)
      print(lib.lock_join())
    ]]
    assert.equal("thread 0 thread 0 -10 160\t240 attempt to yield across a C-call boundary -5", printed)
    assert.same({}, reports)
  end)

  it("doesn't let a callback run that has ended while its threads waited, nor another in its place", function()
    local printed, reports = run [[
      local ran = 0
      local f = callback(function() ran = ran + 1 return 1 end)
      lib.lock_start(f, 4, 1)
      lib.lock_await(4)
      ffi.release(f)
      local others <const> = {}
      for i = 1, 10 do others[i] = callback(function() ran = ran + 1 return 1 end) end
      print(lib.lock_join(), ran)
    ]]
    assert.equal("0\t0", printed)
    assert_reports(DEAD, 4, reports)
  end)

  it("is kept by an allocator written in Lua, whatever that calls", function()
    local printed, reports = run [[
      local mem = ffi.mem
      local below = mem.get_allocator(mem.MEM)
      local inside, asked, clashes = false, 0, 0
      mem.set_allocator(mem.MEM, {
        malloc = function(_, n)
          if inside then clashes = clashes + 1 end
          inside, asked = true, asked + 1
          lib.lock_sleep(1)
          inside = false
          return below.malloc(below.ctx, n)
        end,
        calloc = function(_, n, size) return below.calloc(below.ctx, n, size) end,
        realloc = function(_, p, n) return below.realloc(below.ctx, p, n) end,
        free = function(_, p) below.free(below.ctx, p) end,
      })
      local f <close> = callback(function(id)
        local p = mem.malloc(100)
        lib.lock_sleep(0)
        mem.free(p)
        return id
      end)
      lib.lock_start(f, 4, 10)
      print(lib.lock_join(), asked, clashes)
      mem.set_allocator(mem.MEM, below)
    ]]
    assert.equal("60\t40\t0", printed)
    assert.same({}, reports)
  end)

  it("puts off what is released, and libraries that are closed, until every thread is out of C", function()
    local printed = run([[
      local other = ffi.dlopen(]] .. ("%q"):format(engine.fixture "number") .. [[)
      ffi.cdef "int number_add(int, int);"
      local add = other.number_add
      local block = ffi.gc(ffi.new "int[2]", function() print "released" end)
      ffi.cdef "int lock_use(int (*f)(int), const int *);"
      local use = ffi.cast("int (*)(int (*)(int), const int *)", ffi.addressof(lib, "lock_apply"))
      local f <close> = callback(function(id)
        if id ~= 0 then return 0 end
        use(function() lib.lock_sleep(200) print "used" return 0 end, block)
        return 0
      end)
      lib.lock_start(f, 1, 1)
      lib.lock_sleep(100)
      ffi.release(block)
      ffi.dlclose(other)
      print(pcall(add, 1, 2))
      lib.lock_join()
    ]])
    assert.equal("false\tlibrary '" .. engine.fixture "number" .. "' has already been closed used released",
      (printed:gsub("%(command line%):%d+: ", "")))
  end)
end)

describe("a nonblocking function", function()
  -- `entered` is how many callbacks another thread has made, whose first one waits.
  local WAITING = [[
    local entered = 0
    local f <close> = callback(function() entered = entered + 1 return 0 end)
    lib.lock_start(f, 1, 1)
    lib.lock_await(1)
  ]]

  it("keeps the lock, by its declaration", function()
    local printed = run(WAITING .. [[
      print(entered)
      lib.lock_sleep(1)
      print(entered)
      lib.lock_join()
    ]])
    assert.equal("0 1", printed)
  end)

  it("is made of any other by ffi.nonblocking", function()
    local printed = run(WAITING .. [[
      local sleep = ffi.nonblocking(lib.lock_sleep)
      local pointer = ffi.cast("int(*)(int)", ffi.addressof(lib, "lock_sleep"))
      local quiet = ffi.nonblocking(pointer)
      print(sleep(20), quiet(20), ffi.nonblocking(sleep)(20), entered)
      print(pointer(1), entered)
      lib.lock_join()
    ]])
    assert.equal("20\t20\t20\t0 1\t1", printed)
  end)

  it("may call back on its thread", function()
    local printed = run(WAITING .. [[
      local main = coroutine.running()
      local apply = ffi.nonblocking(lib.lock_apply)
      print(apply(function(x) assert(coroutine.running() == main) return x + entered end, 7))
      print(apply(function(x) lib.lock_sleep(1) return x + entered end, 7)) -- that gives it up
      lib.lock_join()
    ]])
    assert.equal("7 8", printed)
  end)
end)

describe("ffi.yield", function()
  it("hands the state over to all that wait", function()
    local printed = run [[
      local entered = 0
      local f <close> = callback(function() entered = entered + 1 return 0 end)
      lib.lock_start(f, 5, 1)
      lib.lock_await(5)
      local before = entered
      ffi.errno(12)
      ffi.yield()
      print(before, entered, ffi.errno())
      lib.lock_join()
    ]]
    assert.equal("0\t5\t12", printed)
  end)
end)

describe("without the lock", function()
  it("other threads are refused, those that waited for it too", function()
    local printed, reports = run [[
      local f <close> = callback(function(id) return id end)
      lib.lock_start(f, 4, 1)
      lib.lock_await(4)
      ffi.lock(false)
      print(lib.lock_join())
      lib.lock_start(f, 1, 1)
      print(lib.lock_join(), lib.lock_apply(f, 3))
      ffi.lock(true)
      lib.lock_start(f, 4, 1)
      print(lib.lock_join())
    ]]
    assert.equal("-20 -5\t3 6", printed)
    assert_reports(FOREIGN, 5, reports)
  end)

  it("no thread is left inside", function()
    local printed = run [[
      local f <close> = callback(function() lib.lock_sleep(100) return 1 end)
      lib.lock_start(f, 1, 1)
      lib.lock_await(1)
      ffi.yield()
      print(select(2, pcall(ffi.lock, false)))
      print(ffi.lock(), lib.lock_join())
    ]]
    assert.equal("the state lock can't be turned off: another thread is inside true\t1",
      (printed:gsub("%(command line%):%d+: ", "")))
  end)

  it("goes on a callback that has turned it off, or on", function()
    local printed = run [[
      local main = coroutine.running()
      print(lib.lock_apply(function(x) ffi.lock(false) return x + 1 end, 1), ffi.lock())
      print(lib.lock_apply(function(x) ffi.lock(true) return x + 1 end, 1), ffi.lock())
      print(lib.lock_apply(function(x) ffi.lock(false) ffi.lock(true) return x + 1 end, 1), ffi.lock())
      print(lib.lock_apply(function() return coroutine.running() == main and 1 or 0 end, 1))
    ]]
    assert.equal("2\tfalse 2\ttrue 2\ttrue 1", printed)
  end)
end)

describe("threads of a host", function()
  -- In a script: moonpool_lock and moonpool_unlock are the fixture's.
  local HOST = ([[
    local module = ffi.dlopen(%q)
    ffi.cdef "int moonpool_lock(void *); int moonpool_unlock(void *);"
    assert(package.loadlib(%q, "lock_here"))()
    lib.lock_by(ffi.cast("void(*)(void)", ffi.addressof(module, "moonpool_lock")),
      ffi.cast("void(*)(void)", ffi.addressof(module, "moonpool_unlock")))
  ]]):format(engine.build .. "/moonpool/core.so", engine.fixture "lock")

  it("take the state, again too, and give it back", function()
    local printed, reports = run(HOST .. CRITICAL .. [[
      local main = coroutine.running()
      function enter()
        assert(coroutine.running() ~= main)
        critical()
        assert(lib.lock_apply(function(x) return x + 1 end, 1) == 2)
      end
      print(lib.lock_host(8, 50), counter, clashes)
      local f <close> = callback(function(id) critical() return id end)
      lib.lock_start(f, 4, 50)
      print(lib.lock_host(4, 50), lib.lock_join(), counter, clashes)
    ]])
    assert.equal("400\t400\t0 200\t300\t800\t0", printed)
    assert.same({}, reports)
  end)

  it("don't get it when it is off", function()
    local printed = run(HOST .. [[
      print(lib.lock_lock(), lib.lock_unlock(), lib.lock_lock(), lib.lock_unlock())
      ffi.lock(false)
      print(lib.lock_lock(), lib.lock_unlock(), lib.lock_host(2, 2))
    ]])
    assert.equal("0\t0\t0\t0 -1\t-1\t0", printed)
  end)

  it("may take it inside a call into C", function()
    local printed = run(HOST .. [[
      ffi.cdef "int lock_within(void);"
      function enter() entered = true end
      print(lib.lock_within(), entered)
    ]])
    assert.equal("0\ttrue", printed)
  end)
end)

describe("the end of a state", function()
  it("refuses the threads that wait", function()
    local printed, reports = run [[
      f = callback(function() return 1 end)
      lib.lock_atexit(0)
      lib.lock_start(f, 8, 1)
      lib.lock_await(8)
    ]]
    assert.equal("sum -40", printed)
    assert_reports(CLOSING, 8, reports)
  end)

  it("lets callbacks that are under way finish", function()
    local printed, reports = run [[
      f = callback(function(id)
        lib.lock_sleep(100)
        local r = lib.lock_apply(function(x) lib.lock_sleep(50) return x end, 10)
        print "done"
        return r
      end)
      lib.lock_atexit(0)
      lib.lock_start(f, 3, 1)
      lib.lock_await(3)
      ffi.yield()
    ]]
    assert.equal("done done done sum 30", printed)
    assert.same({}, reports)
  end)

  it("may come at any time, and another state on the same seat", function()
    local printed, reports = run(([[
      ffi.cdef "int lock_starving(const char *script);"
      for i = 1, 30 do
        if lib.lock_starving(("wait = %%d "):format(i %% 5) .. %q) ~= 0 then print "failed" end
        local sum = lib.lock_join()
        if sum %% 5 ~= 0 or sum > 4 * 20 * 5 or sum < 4 * 20 * -5 then print(sum) end
      end
    ]]):format(([[
      local ffi = require "moonpool"
      ffi.cdef %q
      local lib = ffi.dlopen %q
      f = ffi.callback("int(int)", function(id)
        if id == 1 then ffi.yield() end
        local ok <close> = ffi.gc(ffi.new "int[2]", function() lib.lock_sleep(0) end)
        return lib.lock_apply(function() return 5 end, 1)
      end, { error = -5 })
      ffi.lock(true)
      lib.lock_start(f, 4, 20)
      lib.lock_sleep(wait)
    ]]):format(CDEF, engine.fixture "lock")))
    assert.equal("", printed)
    for _, report in ipairs(reports) do
      assert.is_true(report == CLOSING or report == DEAD, report)
    end
  end)

  it("leaves a thread that comes back to it asleep", function()
    local printed, reports = run([[
      f = callback(function() os.exit(7, true) end)
      lib.lock_atexit(300)
      lib.lock_start(f, 1, 1)
      lib.lock_sleep(100)
      print "not here"
    ]], 7)
    assert.equal("", printed)
    assert.same({ "a thread came back to a state that has ended: it sleeps from now on" }, reports)
  end)
end)
