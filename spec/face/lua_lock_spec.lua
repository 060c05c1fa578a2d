-- face/lua_lock: ffi.lock, ffi.yield, ffi.nonblocking. What the lock does: spec/call/lock_spec.lua.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("ffi.lock", function()
  local ffi = engine.new()

  after_each(function() ffi.lock(false) end)

  it("is off at first, and says what it was", function()
    assert.is_false(ffi.lock())
    assert.is_false(ffi.lock(true))
    assert.is_true(ffi.lock())
    assert.is_true(ffi.lock(true))
    assert.is_true(ffi.lock(false))
    assert.is_false(ffi.lock(false))
    assert.is_false(ffi.lock(nil))
  end)

  it("is the state's: one for all instances", function()
    ffi.lock(true)
    assert.is_true(engine.new().lock())
  end)

  it("wants a boolean", function()
    assert.error_matches(function() ffi.lock(1) end, "boolean expected, got number")
  end)

  it("leaves everything working on the state's thread", function()
    ffi.cdef "int abs(int); double atof(const char *); int snprintf(char *, size_t, const char *, ...);"
    ffi.cdef "void qsort(void *, size_t, size_t, int (*)(const int *, const int *));"
    ffi.lock(true)
    assert.equal(3, ffi.C.abs(-3))
    assert.equal(1.5, ffi.C.atof "1.5")
    local buffer = ffi.new "char[16]"
    assert.equal(5, ffi.C.snprintf(buffer, 16, "%d %s", ffi.box("int", 42), "ab"))
    assert.equal("42 ab", ffi.string(buffer))
    local a = ffi.new("int[4]", { 3, 1, 2, 0 })
    ffi.C.qsort(a, 4, 4, function(x, y) return x[0] - y[0] end)
    assert.same({ 0, 1, 2, 3 }, ffi.unpack(a))
    assert.equal(7, ffi.callback("int(int)", function(x) return x + 1 end)(6))
    ffi.errno(4)
    assert.equal(4, ffi.errno())
    ffi.yield()
    assert.equal(4, ffi.errno())
  end)
end)

describe("ffi.yield", function()
  it("does nothing without the lock", function()
    local ffi = engine.new()
    assert.equal(0, select("#", ffi.yield()))
  end)
end)

describe("ffi.nonblocking", function()
  local ffi = engine.new()
  ffi.cdef "int abs(int); int atoi(const char *) __attribute__((__nonblocking__)); int printf(const char *, ...);"

  it("gives a function of the same kind", function()
    local abs = ffi.nonblocking(ffi.C.abs)
    assert.equal("function", type(abs))
    assert.equal(5, abs(-5))
    assert.equal(5, ffi.nonblocking(abs)(-5))
    raises("'int(int) __attribute__((nonblocking))' expects 1 argument, got 2", function() abs(1, 2) end)
  end)

  it("gives one that goes where a function pointer does", function()
    local slot = ffi.new("int(*[2])(int)", { ffi.nonblocking(ffi.C.abs), ffi.C.abs })
    assert.equal(3, slot[0](-3))
    assert.is_true(slot[0] == slot[1])
  end)

  it("gives a pointer for a pointer, which keeps what that kept", function()
    local f = ffi.nonblocking(ffi.callback("int(int)", function(x) return x * 2 end))
    collectgarbage()
    assert.equal("cdata<int(*)(int) __attribute__((nonblocking))>", (tostring(f):gsub("> .*", ">")))
    assert.equal(8, f(4))
    local g <const> = ffi.callback("int(int)", function(x) return x end)
    local view = ffi.nonblocking(g)
    ffi.release(g)
    raises("cdata was released", function() view(1) end)
  end)

  it("takes a declaration's attribute for the same", function()
    assert.equal(12, ffi.C.atoi "12")
    assert.equal("int(*)(const char *) __attribute__((nonblocking))",
      ffi.getctype(ffi.typeof(ffi.addressof(ffi.C, "atoi"))))
    assert.is_true(ffi.typeof "int(*)(int) __attribute__((nonblocking))"
      == ffi.typeof(ffi.nonblocking(ffi.addressof(ffi.C, "abs"))))
  end)

  it("wants C", function()
    raises("expected a C function or a pointer to one, not function",
      function() ffi.nonblocking(print) end)
    raises("expected a C function or a pointer to one, not cdata 'int *'",
      function() ffi.nonblocking(ffi.new "int *") end)
    raises("expected a C function or a pointer to one, not nil", function() ffi.nonblocking() end)
  end)
end)
