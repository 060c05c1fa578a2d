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
