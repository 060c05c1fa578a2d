-- call/owner: callbacks and threads. `make tsan` runs these under ThreadSanitizer.

local engine = require "spec.support.engine"

local CDEF = [[
  int thread_call(int (*f)(int), int threads, int calls);
  void thread_offer(int (*f)(int)); int thread_start(int threads, int calls);
  int thread_running(void); void thread_stop(void);
  long long thread_states(const char *script, int threads);
  long long thread_state(const char *script);
  long long thread_move(const char *before, const char *after);
]]

-- Runs a script in an interpreter of its own, with `ffi`, and `lib` for the fixture; returns
-- its output without the reports, and how many there were that start with `text`.
local function run(script, text)
  local output, code = engine.run_lua(([[
    local ffi = require "moonpool"
    ffi.cdef %q
    local lib = ffi.dlopen %q
    %s
  ]]):format(CDEF, engine.fixture "thread", script))
  assert.equal(0, code, output)
  local reports, others = 0, {}
  for line in output:gmatch "([^\n]*)\n" do
    local said = line:match "^moonpool: (.*)"
    if not said then others[#others + 1] = line elseif said:sub(1, #text) == text then
      reports = reports + 1
    else
      error("another report: " .. line)
    end
  end
  return table.concat(others, " "), reports
end

local FOREIGN = "callback of type 'int(*)(int)' was called on a thread that doesn't own the state"
local DEAD = "callback of type 'int(*)(int)' was called after its end"

describe("a callback on threads that aren't the state's", function()
  it("returns `error` on each of 8 at once, with a report a call", function()
    local printed, reports = run([[
      local called = 0
      local f <close> = ffi.callback("int(int)", function(x) called = called + 1 return x end, { error = -5 })
      print(lib.thread_call(f, 8, 20), called)
      print(f(3), called)
    ]], FOREIGN)
    assert.equal("-800\t0 3\t1", printed)
    assert.equal(160, reports)
  end)

  it("returns 0 without `error`, and never calls onerror or onreport", function()
    local printed, reports = run([[
      ffi.onreport(function() print "onreport" end)
      local f <close> = ffi.callback("int(int)", function(x) return x end, { onerror = print })
      print(lib.thread_call(f, 2, 2))
    ]], FOREIGN)
    assert.equal("0", printed)
    assert.equal(4, reports)
  end)

  it("may end meanwhile, and its record be used again", function()
    local output, code = engine.run_lua(([[
      local ffi = require "moonpool"
      ffi.cdef %q
      local lib = ffi.dlopen %q
      local function new() return ffi.callback("int(int)", function(x) return x end, { error = 7 }) end
      local f = new()
      lib.thread_offer(f)
      lib.thread_start(8, 400)
      while lib.thread_running() == 1 do
        local g = new()
        lib.thread_offer(g)
        ffi.release(f)
        f = g
        assert(f(5) == 5)
      end
      lib.thread_stop()
      print "done"
    ]]):format(CDEF, engine.fixture "thread"))
    assert.equal(0, code, output)
    assert.matches("done\n", output, 1, true)
    local _, foreign = output:gsub("moonpool: callback of type[^\n]*own the state", "")
    local _, dead = output:gsub("moonpool: callback of type[^\n]*after its end", "")
    assert.is_true(foreign + dead >= 400, foreign + dead)
  end)

  it("isn't the callback of another state that runs there", function()
    local printed, reports = run([[
      local f <close> = ffi.callback("int(int)", function(x) return x + 1 end)
      local script = ("local ffi = require 'moonpool'; return ffi.cast('int(*)(int)', %d)(41)"):format(ffi.addr(f))
      print(lib.thread_states(script, 1)) -- another thread
      print(lib.thread_state(script)) -- this one
      print(f(1))
    ]], FOREIGN)
    assert.equal("0 42 2", printed)
    assert.equal(1, reports)
  end)
end)

describe("many states on many threads", function()
  it("declare, call and are called back at once, each for itself", function()
    local printed = run(([[
      print(lib.thread_states(%q, 8))
      collectgarbage()
      print(lib.thread_states(%q, 8))
    ]]):format(([[
      local ffi = require "moonpool"
      ffi.cdef "int number_add(int, int); struct s { int x; double y[4]; };"
      ffi.cdef "void qsort(void *, size_t, size_t, int (*)(const int *, const int *));"
      local lib = ffi.dlopen %q
      local sum = 0
      for i = 1, 100 do
        local s = ffi.new("struct s *", { i, { 1, 2, 3, 4 } })
        sum = lib.number_add(sum, s.x)
        local f <close> = ffi.callback("int(int)", function(x) return x - i end)
        assert(f(i) == 0)
        ffi.callback("int(int)", function() end) -- for the collector
      end
      local a = ffi.new("int[5]", { 5, 3, 1, 4, 2 })
      ffi.C.qsort(a, 5, 4, function(x, y) return x[0] - y[0] end)
      for i = 0, 4 do assert(a[i] == i + 1) end
      ffi.errno(sum)
      return ffi.errno()
    ]]):format(engine.fixture "number"), "return 1"), "")
    assert.equal("40400 8", printed)
  end)

  it("may move to another thread, which they are on once moonpool is entered there", function()
    local printed, reports = run(([[
      local before = %q
      print(lib.thread_move(before, "require 'moonpool'.sizeof 'int'"))
      print(lib.thread_move(before, "return 1"))
    ]]):format(([[
      ffi = require "moonpool"
      f = ffi.callback("int(int)", function(x) return x + 41 end)
      ffi.cdef "void thread_offer(int (*f)(int));"
      ffi.dlopen(%q).thread_offer(f)
    ]]):format(engine.fixture "thread")), FOREIGN)
    assert.equal("42 0", printed)
    assert.equal(1, reports)
  end)

  it("may be one after the other on the same seat", function()
    local printed = run([[
      local script = "local ffi = require 'moonpool'; return ffi.callback('int(int)', function(x) return x * 2 end)(21)"
      local sum = 0
      for i = 1, 5 do sum = sum + lib.thread_state(script) + lib.thread_states(script, 3) end
      print(sum)
    ]], "")
    assert.equal("840", printed)
  end)
end)

describe("a dead callback's report", function()
  it("goes to the state whose call is under way, else to stderr", function()
    local printed, reports = run([[
      ffi.cdef "void callback_keep(int (*f)(int)); int callback_use(int);"
      local other = ffi.dlopen "]] .. engine.fixture "callback" .. [["
      local f = ffi.callback("int(int)", function(x) return x end)
      other.callback_keep(f)
      local address = ffi.addr(f)
      ffi.release(f)
      ffi.onreport(function(text) print("got " .. text) end)
      print(other.callback_use(1))
      -- two states are inside now: it isn't clear which to ask
      print(lib.thread_state(("return require 'moonpool'.cast('int(*)(int)', %d)(1)"):format(address)))
      ffi.onreport(nil)
      print(other.callback_use(1))
    ]], DEAD)
    assert.equal("got " .. DEAD .. " 0 0 0", printed)
    assert.equal(2, reports)
  end)
end)

describe("callbacks in number", function()
  -- debug is what valgrind runs. It and asan hold on to what was freed; gcstress collects all the time.
  local FEW = { debug = 10000, gcstress = 100 }
  local MANY = FEW[engine.mode] or 100000
  local GROWTH = (FEW[engine.mode] or engine.mode == "asan") and math.maxinteger or MANY // 10 -- KB

  it("are as many as memory holds, and give it back", function()
    local output, code = engine.run_lua(([[
      local ffi = require "moonpool"
      ffi.cdef "int callback_apply(int (*f)(int), int x); long sysconf(int);"
      local lib, MANY, GROWTH = ffi.dlopen %q, %d, %d
      local function resident()
        local file <close> = assert(io.open "/proc/self/statm")
        return select(2, file:read("n", "n")) * 4
      end
      local function round()
        local all, seen = {}, {}
        for i = 1, MANY do
          all[i] = ffi.callback("int(int)", function(x) return x + i end)
          seen[ffi.addr(all[i])] = true
        end
        local n = 0
        for _ in pairs(seen) do n = n + 1 end
        for i = 1, MANY, 99 do assert(lib.callback_apply(all[i], 1) == i + 1) end
        return n
      end
      print(round())
      collectgarbage() collectgarbage()
      round()
      collectgarbage() collectgarbage()
      local after = resident()
      for _ = 1, 2 do
        round()
        collectgarbage() collectgarbage()
      end
      print(resident() - after < GROWTH)
    ]]):format(engine.fixture "callback", MANY, GROWTH))
    assert.equal(MANY .. "\ntrue\n", output)
    assert.equal(0, code)
  end)
end)

describe("a callback and the end of the state", function()
  -- Runs a script with the fixture "callback"; returns its output and code.
  local function ended(script)
    return engine.run_lua(([[
      local ffi = require "moonpool"
      ffi.cdef "int callback_apply(int (*f)(int), int x); void callback_keep(int (*f)(int)); int callback_use(int x);"
      local lib = ffi.dlopen %q
      %s
    ]]):format(engine.fixture "callback", script))
  end

  it("may come inside it", function()
    local output, code = ended [[
      gone = ffi.gc(ffi.new "int *", function() print "ended" end)
      lib.callback_apply(function() os.exit(3, true) end, 1)
    ]]
    assert.equal("ended\n", output)
    assert.equal(3, code)
  end)

  it("may have destructors that are called back", function()
    local output, code = ended [[
      gone = ffi.gc(ffi.new "int *", function() print(lib.callback_apply(function(x) return x + 1 end, 1)) end)
    ]]
    assert.equal("2\n", output)
    assert.equal(0, code)
  end)

  it("leaves C with a dead one, which reports", function()
    local output, code = ended [[
      gone = ffi.gc(ffi.new "int *", function() print(lib.callback_use(1)) end)
      lib.callback_keep(ffi.callback("int(int)", function(x) return x end))
      collectgarbage() collectgarbage()
    ]]
    assert.equal("moonpool: callback of type 'int(*)(int)' was called after its end\n0\n", output)
    assert.equal(0, code)
  end)
end)

describe("RAW with an allocator written in Lua", function()
  it("is other threads' too: Lua never sees them, and their frees reach it later", function()
    local program = engine.build .. "/luaalloc_threads"
    local output, code = engine.run(("%s -o '%s' spec/call/luaalloc_threads.c "
      .. "'%s/libmoonpool.a' $(pkg-config --libs lua5.4 libffi) -ldl -lm -pthread")
      :format(engine.cc, program, engine.build))
    assert.is_true(code == 0, output)
    output, code = engine.run(("ASAN_OPTIONS=detect_leaks=0 '%s'"):format(program))
    -- 200 were handed to the threads, 2000 and one were made and freed in the meantime.
    assert.equal("2201 made, 2201 freed\n0 live\n", output)
    assert.equal(0, code)
  end)
end)
