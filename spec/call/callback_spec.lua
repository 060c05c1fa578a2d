-- call/callback: C calls Lua.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local CDEF = [[
  struct point { int x, y; };
  int callback_apply(int (*f)(int), int x);
  int callback_pair(int (*f)(int, int), int a, int b);
  double callback_double(double (*f)(double), double x);
  float callback_float(float (*f)(float), float x);
  _Bool callback_bool(_Bool (*f)(int), int x);
  unsigned char callback_uchar(unsigned char (*f)(unsigned char), unsigned char x);
  short callback_short(short (*f)(short), short x);
  long long callback_llong(long long (*f)(long long), long long x);
  char callback_char(char (*f)(char), char c);
  struct point callback_point(struct point (*f)(struct point), struct point p);
  void *callback_pointer(void *(*f)(void *), void *p);
  int callback_text(int (*f)(const char *), const char *s);
  void callback_times(void (*f)(int), int n);
  int callback_given(int (*f)(int));
  int callback_fold(int (*f)(int, int), const int *a, size_t n, int start);
  void callback_keep(int (*f)(int));
  int callback_use(int x);
  struct handler { int (*on)(void *ud, int x); void *ud; };
  int callback_handle(const struct handler *h, int x);
  int callback_errno(void (*f)(void), int before);
  typedef int (*callback_op)(int, int);
  callback_op callback_pick(char which);
]]

local function collect()
  collectgarbage()
  collectgarbage()
end

-- Runs f with reports collected; returns the list.
local function reported(ffi, f)
  local reports = {}
  ffi.onreport(function(text) reports[#reports + 1] = text end)
  local ok, message = pcall(f)
  ffi.onreport(nil)
  assert(ok, message)
  return reports
end

describe("a Lua function passed to C", function()
  local ffi = engine.new()
  ffi.cdef(CDEF)
  local lib = ffi.dlopen(engine.fixture "callback")

  it("gets and returns each kind of scalar", function()
    assert.equal(10, lib.callback_apply(function(x) return x * 2 end, 5))
    assert.equal(-7, lib.callback_pair(function(a, b) return a - b end, 3, 10))
    assert.equal(2.25, lib.callback_double(function(x) return x * x end, 1.5))
    assert.equal(0.25, lib.callback_float(function(x) return x / 2 end, 0.5))
    assert.is_true(lib.callback_bool(function(x) return x > 3 end, 5))
    assert.equal(255, lib.callback_uchar(function(x) return x end, 255))
    assert.equal(-32768, lib.callback_short(function(x) return x end, -32768))
    assert.equal(math.mininteger, lib.callback_llong(function(x) return x end, math.mininteger))
    assert.equal("b", lib.callback_char(function(c) return string.char(c:byte() + 1) end, "a"))
  end)

  it("gets and returns structs by value", function()
    local seen
    local p = lib.callback_point(function(q)
      seen = { q.x, q.y }
      return ffi.new("struct point *", { q.y, q.x })[0]
    end, { 3, 4 })
    assert.same({ 3, 4 }, seen)
    assert.same({ 4, 3 }, { p.x, p.y })
    p = lib.callback_point(function(q) return { x = q.x + 1, y = 0 } end, { 3, 4 })
    assert.same({ 4, 0 }, { p.x, p.y })
  end)

  it("gets a struct that is its own", function()
    local kept
    lib.callback_point(function(q)
      kept = q
      return q
    end, { 3, 4 })
    collect()
    assert.same({ 3, 4 }, { kept.x, kept.y })
  end)

  it("gets pointers, NULL as nil", function()
    local p = ffi.new("int *", 42)
    local q = lib.callback_pointer(function(x) return x end, p)
    assert.equal(ffi.addr(p), ffi.addr(q))
    local seen = false
    assert.is_nil(lib.callback_pointer(function(x)
      seen = x == nil
      return nil
    end, nil))
    assert.is_true(seen)
    assert.equal(5, lib.callback_text(function(s) return #ffi.string(s) end, "hello"))
  end)

  it("may ignore arguments and return extra results", function()
    assert.equal(1, lib.callback_apply(function() return 1, 2, 3 end, 5))
  end)

  it("is called as often as C likes", function()
    local seen = {}
    lib.callback_times(function(i) seen[#seen + 1] = i end, 5)
    assert.same({ 0, 1, 2, 3, 4 }, seen)
    local a = ffi.new("int[4]", { 1, 2, 3, 4 })
    assert.equal(24, lib.callback_fold(function(x, y) return x * y end, a, 4, 1))
  end)

  it("may call C that calls Lua", function()
    local function down(n)
      if n == 0 then return 0 end
      return n + lib.callback_apply(down, n - 1)
    end
    assert.equal(55, lib.callback_apply(down, 10))
  end)

  it("lives as long as the Lua function", function()
    local function f(x) return x + 1 end
    lib.callback_keep(f)
    collect()
    assert.equal(6, lib.callback_use(5))
    lib.callback_keep(f)
    collect()
    assert.equal(7, lib.callback_use(6))
  end)

  it("may be nil", function()
    assert.equal(0, lib.callback_given(nil))
    assert.equal(1, lib.callback_given(function() return 0 end))
  end)

  it("may be a library's function", function()
    ffi.cdef "int abs(int);"
    assert.equal(5, lib.callback_apply(ffi.C.abs, -5))
  end)

  it("refuses what is no function, and a function of another type", function()
    raises("", function() lib.callback_apply(5, 1) end)
    raises("", function() lib.callback_apply("x", 1) end)
    raises("", function() lib.callback_apply(ffi.new "int *", 1) end)
    ffi.cdef "double fabs(double);"
    raises("", function() lib.callback_apply(ffi.C.fabs, 1) end)
  end)
end)

describe("an error in a callback", function()
  local ffi = engine.new()
  ffi.cdef(CDEF)
  local lib = ffi.dlopen(engine.fixture "callback")

  it("is a report, and C gets zero; no Lua error unwinds through C", function()
    local result, calls = nil, 0
    local reports = reported(ffi, function()
      result = lib.callback_fold(function()
        calls = calls + 1
        error "inside"
      end, { 1, 2, 3 }, 3, 7)
    end)
    assert.equal(0, result)
    assert.equal(3, calls)
    assert.equal(3, #reports)
    assert.matches("inside", reports[1], 1, true)
    assert.matches("stack traceback", reports[1], 1, true)
  end)

  it("may be any value", function()
    for _, value in ipairs { 42, {}, true } do
      assert.equal(1, #reported(ffi, function()
        lib.callback_apply(function() error(value) end, 1)
      end))
    end
    assert.equal(1, #reported(ffi, function() lib.callback_apply(function() error() end, 1) end))
  end)

  it("is a report for a result that doesn't convert", function()
    local reports = reported(ffi, function()
      assert.equal(0, lib.callback_apply(function() return "text" end, 1))
      assert.equal(0, lib.callback_uchar(function() return 300 end, 1))
      assert.is_nil(lib.callback_pointer(function() return "text" end, nil))
    end)
    assert.equal(3, #reports)
    assert.matches("integer 300 does not fit 'unsigned char'", reports[2], 1, true)
  end)

  it("is a report for a result that is missing, but for void", function()
    assert.equal(1, #reported(ffi, function()
      assert.equal(0, lib.callback_apply(function() end, 1))
    end))
    assert.equal(0, #reported(ffi, function() lib.callback_times(function() end, 2) end))
  end)

  it("doesn't end a loop of the caller's", function()
    local output, code = engine.run_lua(([[
      local ffi = require "moonpool"
      ffi.cdef "int callback_apply(int (*f)(int), int x);"
      local lib = ffi.dlopen %q
      for i = 1, 3 do print(lib.callback_apply(function() error("at " .. i) end, i)) end
    ]]):format(engine.fixture "callback"))
    assert.equal(0, code)
    for i = 1, 3 do assert.matches("moonpool: [^\n]*at " .. i, output) end
    local _, zeros = output:gsub("\n?0\n", "")
    assert.equal(3, zeros)
  end)
end)

describe("a callback that ends while it runs", function()
  it("finishes its call", function()
    local output, code = engine.run_lua(([[
      local ffi = require "moonpool"
      ffi.cdef "int callback_fold(int (*f)(int, int), const int *a, size_t n, int start);"
      local lib = ffi.dlopen %q
      local f
      f = ffi.callback("int(int, int)", function(a, b)
        ffi.release(f)
        collectgarbage()
        for i = 1, 100 do ffi.callback("int(int, int)", print) end
        return a + b
      end)
      print(lib.callback_fold(f, { 5 }, 1, 2))
    ]]):format(engine.fixture "callback"))
    assert.equal("7\n", output)
    assert.equal(0, code)
  end)
end)

describe("a function pointer in memory", function()
  local ffi = engine.new()
  ffi.cdef(CDEF)
  local lib = ffi.dlopen(engine.fixture "callback")

  it("takes a Lua function, which the memory keeps", function()
    local h = ffi.new "struct handler *"
    assert.equal(-1, lib.callback_handle(h, 5))
    h.on = function(ud, x)
      assert(ud == nil)
      return x * 3
    end
    collect()
    assert.equal(15, lib.callback_handle(h, 5))
    h.on = nil
    assert.equal(-1, lib.callback_handle(h, 5))
  end)

  it("takes one in an initializer", function()
    local h = ffi.new("struct handler *", { on = function(_, x) return x + 1 end })
    collect()
    assert.equal(6, lib.callback_handle(h, 5))
    assert.equal(8, h.on(nil, 7))
  end)

  it("refuses one in raw memory, and names ffi.callback", function()
    local h = ffi.new "struct handler *"
    local raw = ffi.cast("struct handler *", ffi.addr(h))
    local said = raises("a Lua function can't be kept by memory that moonpool doesn't own: make '", function()
      raw.on = function() end
    end)
    assert.matches("' of it with ffi.callback", said, 1, true)
  end)

  it("is called through", function()
    assert.equal(3, lib.callback_pick "-"(5, 2))
    assert.equal(10, lib.callback_pick "*"(5, 2))
    assert.is_nil(lib.callback_pick "?")
    raises("'int(int, int)' expects 2 arguments, got 1", function() lib.callback_pick "-"(5) end)
  end)
end)

describe("a callback on a thread that isn't the state's", function()
  it("reports on stderr, and returns `error`", function()
    local output, code = engine.run_lua(([[
      local ffi = require "moonpool"
      ffi.cdef "int callback_thread(int (*f)(int), int x); int callback_apply(int (*f)(int), int x);"
      local lib = ffi.dlopen %q
      local f = ffi.callback("int(int)", function(x) return x + 1 end, { error = -5 })
      print(lib.callback_apply(f, 1))
      print(lib.callback_thread(f, 1))
      print(lib.callback_apply(f, 2))
    ]]):format(engine.fixture "callback"))
    assert.equal(0, code)
    assert.matches("callback of type 'int(*)(int)' was called on a thread that doesn't own the state",
      output, 1, true)
    for _, line in ipairs { "2", "-5", "3" } do
      assert.matches("\n" .. line .. "\n", "\n" .. output, 1, true)
    end
  end)
end)

describe("errno in a callback", function()
  local ffi = engine.new()
  ffi.cdef(CDEF)
  local lib = ffi.dlopen(engine.fixture "callback")

  it("is C's, and what is set there is what C sees", function()
    local seen
    assert.equal(9, lib.callback_errno(function()
      seen = ffi.errno()
      ffi.errno(9)
    end, 4))
    assert.equal(4, seen)
    assert.equal(4, lib.callback_errno(function() end, 4))
  end)
end)

describe("coroutines", function()
  local ffi = engine.new()
  ffi.cdef(CDEF)
  local lib = ffi.dlopen(engine.fixture "callback")

  it("run a callback on the coroutine whose call it answers", function()
    local co, inside
    co = coroutine.create(function()
      lib.callback_times(function() inside = coroutine.running() end, 1)
    end)
    assert(coroutine.resume(co))
    assert.equal(co, inside)
  end)

  it("don't matter once they are dead", function()
    assert.is_true(coroutine.resume(coroutine.create(function()
      lib.callback_keep(ffi.callback("int(int)", function(x) return x + 1 end))
      lib.callback_use(1)
    end)))
    local f <close> = ffi.callback("int(int)", function(x) return x + 2 end)
    lib.callback_keep(f)
    collect()
    assert.equal(9, lib.callback_use(7))
  end)

  it("can't be yielded across C", function()
    local reports = reported(ffi, function()
      coroutine.wrap(function()
        lib.callback_times(function() coroutine.yield() end, 1)
      end)()
    end)
    assert.equal(1, #reports)
    assert.matches("yield across", reports[1], 1, true)
  end)
end)

describe("the option `error`", function()
  local ffi = engine.new()
  ffi.cdef(CDEF)
  local lib = ffi.dlopen(engine.fixture "callback")

  -- What C gets from a callback of that type whose function fails.
  local function failed(name, type, value, ...)
    local f <close> = ffi.callback(type, function() error "fails" end, { error = value })
    local args, result = table.pack(...), nil
    assert.equal(1, #reported(ffi, function() result = lib[name](f, table.unpack(args)) end))
    return result
  end

  it("is what C gets, whatever the result's type", function()
    assert.equal(-7, failed("callback_apply", "int(int)", -7, 1))
    assert.equal(2.5, failed("callback_double", "double(double)", 2.5, 1))
    assert.equal(0.5, failed("callback_float", "float(float)", 0.5, 1))
    assert.is_true(failed("callback_bool", "_Bool(int)", true, 1))
    assert.equal(200, failed("callback_uchar", "unsigned char(unsigned char)", 200, 1))
    assert.equal(-2, failed("callback_short", "short(short)", -2, 1))
    assert.equal(math.mininteger, failed("callback_llong", "long long(long long)", math.mininteger, 1))
    assert.equal("x", failed("callback_char", "char(char)", "x", "a"))
    local p = failed("callback_point", "struct point(struct point)", { 3, 4 }, { 0, 0 })
    assert.same({ 3, 4 }, { p.x, p.y })
  end)

  it("may be wide, or an enumerator, or large", function()
    ffi.cdef "enum color { RED, GREEN = 5 }; struct large { long v[9]; };"
    reported(ffi, function()
      for type, value in pairs { ["long double"] = 1.5, __int128 = -5, ["enum color"] = 5 } do
        assert.equal(value, ffi.callback(type .. "(void)", error, { error = value })())
      end
      assert.equal(7, ffi.callback("struct large(void)", error, { error = { { [8] = 7 } } })().v[7])
    end)
  end)

  it("keeps what it points to", function()
    local f <close> = ffi.callback("void *(void *)", function() error "fails" end,
      { error = ffi.new("int *", 42) })
    collect()
    reported(ffi, function() assert.equal(42, ffi.cast("int *", lib.callback_pointer(f, nil))[0]) end)
  end)

  it("must convert as a result does", function()
    raises("integer 300 does not fit 'unsigned char'", function()
      ffi.callback("unsigned char(int)", print, { error = 300 })
    end)
    raises("initializer for ctype 'const char *' must be a cdata pointer, not string", function()
      ffi.callback("const char *(int)", print, { error = "text" })
    end)
  end)
end)

describe("the option `onerror`", function()
  local ffi = engine.new()
  ffi.cdef(CDEF)
  local lib = ffi.dlopen(engine.fixture "callback")

  it("gets the error value as it was raised, and there is no report", function()
    local object, seen = {}, nil
    local f <close> = ffi.callback("int(int)", function() error(object) end,
      { error = 3, onerror = function(e) seen = e end })
    assert.equal(0, #reported(ffi, function() assert.equal(3, lib.callback_apply(f, 1)) end))
    assert.is_true(rawequal(object, seen))
  end)

  it("gets what a result that doesn't convert raises", function()
    local seen
    local f <close> = ffi.callback("int(int)", function() return "text" end,
      { onerror = function(e) seen = e end })
    assert.equal(0, lib.callback_apply(f, 1))
    assert.matches("must be an integer, not string", seen, 1, true)
  end)

  it("may fail itself: then both errors are reports", function()
    local f <close> = ffi.callback("int(int)", function() error "first" end,
      { error = 3, onerror = function() error "second" end })
    local reports = reported(ffi, function() assert.equal(3, lib.callback_apply(f, 1)) end)
    assert.equal(2, #reports)
    assert.matches("first", reports[1], 1, true)
    assert.matches("second", reports[2], 1, true)
    assert.matches("stack traceback", reports[2], 1, true)
  end)

  it("still answers for a callback that ended inside", function()
    local f, seen
    f = ffi.callback("int(int)", function()
      ffi.release(f)
      for _ = 1, 3 do -- none of these takes its place
        ffi.callback("int(int)", print, { onerror = function() seen = "another's" end })
      end
      collect()
      error "own"
    end, { error = 9, onerror = function(e) seen = e end })
    lib.callback_keep(f)
    assert.equal(9, lib.callback_use(1))
    assert.matches("own$", seen)
  end)
end)

describe("an error that can't be told", function()
  local ffi = engine.new()
  local DOZEN = "int(int, int, int, int, int, int, int, int, int, int, int, int)"
  ffi.cdef(CDEF .. "typedef " .. DOZEN:gsub("int", "int dozen", 1) .. "; int callback_dozen(dozen *);")
  local lib = ffi.dlopen(engine.fixture "callback")

  it("is a report all the same", function()
    local reports = reported(ffi, function()
      local evil = setmetatable({}, { __tostring = function() error "no text" end })
      assert.equal(0, lib.callback_apply(function() error(evil) end, 1))
    end)
    assert.equal(1, #reports)
    assert.matches("(error object is a table value)", reports[1], 1, true)
  end)

  it("is a report when memory is out", function()
    if engine.mode == "asan" then return end -- whose own memory the limit would hit
    local output, code = engine.run_lua(([[
      local ffi = require "moonpool"
      ffi.cdef "int callback_apply(int (*f)(int), int x); int setrlimit(int what, const long limits[2]);"
      local lib = ffi.dlopen %q
      ffi.onreport(function(text) print(text) end)
      assert(ffi.C.setrlimit(9, { 1 << 28, 1 << 28 }) == 0) -- RLIMIT_AS
      print(lib.callback_apply(function() return ("x"):rep(1 << 29) end, 1))
    ]]):format(engine.fixture "callback"))
    assert.equal("not enough memory\n0\n", output)
    assert.equal(0, code)
  end)

  it("ends in a report where Lua's stack is full", function()
    local result
    local reports = reported(ffi, function()
      local f <close> = ffi.callback(DOZEN, function() return 1 end, { error = -3 })
      local dozen, nothing = lib.callback_dozen, {}
      local function deep(...)
        result = dozen(f)
        local _ = ...
      end
      coroutine.wrap(function() -- whose stack is empty
        for n = 999900, 1000000 do -- somewhere C is reached, and Lua isn't any more
          if not pcall(deep, table.unpack(nothing, 1, n)) or result == -3 then break end
        end
      end)()
    end)
    assert.equal(-3, result)
    assert.equal(1, #reports)
    assert.matches("no stack is left for a callback of type 'int(*)(int, int", reports[1], 1, true)
  end)
end)

describe("calls that nest", function()
  local ffi = engine.new()
  ffi.cdef(CDEF)
  local lib = ffi.dlopen(engine.fixture "callback")

  -- Goes from Lua to C to Lua … 1,000 deep with `call`; returns the levels that were entered
  -- and left, and the reports.
  local function dive(call)
    local entered, left = 0, 0
    local function down(n)
      entered = entered + 1
      if n > 0 then call(down, n - 1) end
      left = left + 1
      return n
    end
    local reports = reported(ffi, function() down(1000) end)
    return entered, left, reports
  end

  it("end in a report of Lua's, and each outer call returns", function()
    local entered, left, reports = dive(lib.callback_apply)
    assert.equal(entered, left)
    assert.is_true(entered > 50 and entered < 1000)
    assert.equal(1, #reports)
    assert.matches("C stack overflow", reports[1], 1, true)
  end)

  it("do so from coroutine to coroutine, and with structs", function()
    local entered, left, reports = dive(function(f, n)
      return coroutine.wrap(function() return lib.callback_apply(f, n) end)()
    end)
    assert.equal(1, #reports)
    assert.matches("C stack overflow", reports[1], 1, true)
    assert.is_true(entered - left <= 1 and left > 20)
    entered, left, reports = dive(function(f, n)
      return lib.callback_point(function(p)
        f(n)
        return p
      end, { 1, 2 })
    end)
    assert.equal(1, #reports)
    assert.is_true(entered - left <= 1 and left > 50)
  end)

  it("end when the reporter's own callbacks fail", function()
    local output, code = engine.run_lua(([[
      local ffi = require "moonpool"
      ffi.cdef "int callback_apply(int (*f)(int), int x);"
      local lib = ffi.dlopen %q
      local count = 0
      ffi.onreport(function()
        count = count + 1
        lib.callback_apply(function() error "again" end, 1)
      end)
      lib.callback_apply(function() error "first" end, 1)
      print(count > 20)
    ]]):format(engine.fixture "callback"))
    assert.equal(0, code)
    assert.matches("\ntrue\n", "\n" .. output, 1, true)
  end)
end)

describe("a callback that C calls of its own accord", function()
  local ffi = engine.new()
  ffi.cdef "void thread_offer(int (*f)(int));"
  local lib = ffi.dlopen(engine.fixture "thread")
  local direct = assert(package.loadlib(engine.fixture "thread", "thread_direct"))

  it("runs on the main state, whatever coroutine runs", function()
    local thread, main
    local f <close> = ffi.callback("int(int)", function()
      thread, main = coroutine.running()
      return 0
    end)
    lib.thread_offer(f)
    direct()
    assert.is_true(main)
    thread = nil
    coroutine.wrap(function() coroutine.wrap(direct)() end)()
    assert.equal("thread", type(thread))
    assert.is_true(main)
    lib.thread_offer(nil)
  end)

  it("may fail there, and yield no more than elsewhere", function()
    local f <close> = ffi.callback("int(int)", function(x) coroutine.yield(x) end)
    lib.thread_offer(f)
    local reports = reported(ffi, function() coroutine.wrap(direct)() end)
    lib.thread_offer(nil)
    assert.equal(1, #reports)
    assert.matches("attempt to yield", reports[1], 1, true)
  end)
end)

describe("callbacks", function()
  it("leave nothing when nothing refers to them, not even in a circle", function()
    local ffi = engine.new()
    local gone = setmetatable({}, { __mode = "k" })
    for _ = 1, 10 do
      local f
      local function own() return f end
      f = ffi.callback("int(int)", own)
      gone[own] = true
    end
    collect()
    collect()
    assert.is_nil(next(gone))
  end)
end)
