-- face/lua_core: opening, instances, and what concerns the whole engine.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("require", function()
  it("gives one table a state", function()
    local ffi = require "moonpool"
    assert.is_table(ffi)
    assert.is_true(rawequal(ffi, require "moonpool"))
  end)

  it("works again after package.loaded was cleared, with the same types and declarations", function()
    local output, code = engine.run_lua [[
      local one = require "moonpool"
      one.cdef "struct again { int x; };"
      local p = one.new("struct again *", { 7 })
      for name in pairs(package.loaded) do
        if name:find "^moonpool" then package.loaded[name] = nil end
      end
      local two = require "moonpool"
      assert(two.typeof "int" == one.typeof "int")
      assert(two.typeof "struct again *" == one.typeof(p))
      assert(two.sizeof "struct again" == 4)
      print(p.x, two.new("int[2]", { 1, 2 })[1])
    ]]
    assert.equal("7\t2\n", output)
    assert.equal(0, code)
  end)

  it("works in a coroutine", function()
    local output, code = engine.run_lua [[
      local ffi = coroutine.wrap(function() return require "moonpool" end)()
      collectgarbage()
      print(ffi.sizeof "int")
    ]]
    assert.equal("4\n", output)
    assert.equal(0, code)
  end)

  it("runs the example of the first page", function()
    local output, code = engine.run_lua [==[
      local ffi = require "moonpool"
      ffi.cdef [[
        struct point { int x, y; };
        int abs(int);
      ]]
      print(ffi.C.abs(-3))
      local p = ffi.new("struct point *", { x = 10, y = 20 })
      p.x = p.x + 1
      print(p.x, p[0].y, p)
    ]==]
    assert.equal("3\n11\t20\tcdata<struct point *> owning 8 bytes\n", output)
    assert.equal(0, code)
  end)
end)

describe("ffi.FFI", function()
  it("makes an instance with its own declarations", function()
    local one, two = engine.new(), engine.new()
    one.cdef "struct s { int a; }; typedef int number;"
    two.cdef "struct s { double a, b; }; typedef double number;"
    assert.equal(4, one.sizeof "struct s")
    assert.equal(16, two.sizeof "struct s")
    assert.equal(4, one.sizeof "number")
    assert.equal(8, two.sizeof "number")
    assert.not_equal(one.typeof "struct s", two.typeof "struct s")
  end)

  it("shares the types without a tag", function()
    local one, two = engine.new(), engine.new()
    assert.equal(one.typeof "int(*)[3]", two.typeof "int(*)[3]")
    assert.equal(one.typeof "unsigned char *", two.typeof "unsigned char *")
  end)

  it("has the functions of the default instance", function()
    local ffi = engine.new()
    for name, value in pairs(require "moonpool") do
      assert.equal(type(value), type(ffi[name]), name)
    end
  end)

  it("makes instances that are collected when nothing uses them", function()
    local weak = setmetatable({}, { __mode = "k" })
    do
      local ffi = engine.new()
      ffi.cdef "struct s { int x; }; typedef struct s *sp;"
      assert.equal(0, ffi.new("sp").x)
      weak[ffi] = true
    end
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(weak))
  end)

  it("makes instances that live as long as a cdata of their types", function()
    local p
    do
      local ffi = engine.new()
      ffi.cdef "struct s { int x; struct s *next; };"
      p = ffi.new("struct s *", { x = 5 })
    end
    collectgarbage()
    collectgarbage()
    assert.equal(5, p.x)
    p.next = p
    assert.equal(5, p.next.next.x)
    assert.matches("cdata<struct s *>", tostring(p), 1, true)
  end)
end)

describe("ffi.include", function()
  it("makes types, constants and functions of the other visible", function()
    local base, ffi = engine.new(), engine.new()
    base.cdef "struct s { int x; }; typedef struct s s_t; enum { K = 12 }; int abs(int);"
    ffi.include(base)
    assert.equal(base.typeof "struct s", ffi.typeof "struct s")
    assert.equal(base.typeof "s_t", ffi.typeof "s_t")
    assert.equal(12, ffi.C.K)
    assert.equal(3, ffi.C.abs(-3))
  end)

  it("shows what is declared later, too", function()
    local base, ffi = engine.new(), engine.new()
    ffi.include(base)
    base.cdef "typedef short later;"
    assert.equal(2, ffi.sizeof "later")
  end)

  it("reaches through several", function()
    local a, b, c = engine.new(), engine.new(), engine.new()
    b.include(a)
    c.include(b)
    a.cdef "typedef short deep;"
    assert.equal(2, c.sizeof "deep")
  end)

  it("keeps the other alive", function()
    local ffi = engine.new()
    do
      local base = engine.new()
      base.cdef "typedef short kept;"
      ffi.include(base)
    end
    collectgarbage()
    collectgarbage()
    assert.equal(2, ffi.sizeof "kept")
  end)

  it("lets own declarations build on included ones, one way", function()
    local base, ffi = engine.new(), engine.new()
    base.cdef "struct s { int x; };"
    ffi.include(base)
    ffi.cdef "struct t { struct s s; int y; };"
    assert.equal(8, ffi.sizeof "struct t")
    raises("", function() base.sizeof "struct t" end)
  end)

  it("refuses itself and circles", function()
    local a, b, c = engine.new(), engine.new(), engine.new()
    raises("an instance can't include itself", function() a.include(a) end)
    b.include(a)
    raises("an instance can't include one that includes it", function() a.include(b) end)
    c.include(b)
    raises("an instance can't include one that includes it", function() a.include(c) end)
  end)

  it("takes an instance and nothing else", function()
    local ffi = engine.new()
    raises("expected an instance, as ffi.FFI() returns it, not nil", function() ffi.include(nil) end)
    raises("expected an instance, as ffi.FFI() returns it, not table", function() ffi.include {} end)
    raises("expected an instance, as ffi.FFI() returns it, not string", function() ffi.include "int" end)
  end)
end)

describe("ffi.os, ffi.arch, ffi.abi", function()
  local ffi = engine.new()

  it("name the system and the machine", function()
    assert.is_string(ffi.os)
    assert.is_string(ffi.arch)
    assert.is_true(({ Linux = true, OSX = true, BSD = true, POSIX = true, Other = true })[ffi.os])
  end)

  it("answer as in LuaJIT", function()
    assert.is_true(ffi.abi "64bit" ~= ffi.abi "32bit")
    assert.equal(ffi.sizeof "void *" == 8, ffi.abi "64bit")
    assert.is_true(ffi.abi "le" ~= ffi.abi "be")
    assert.equal(string.pack("=I2", 1) == "\1\0", ffi.abi "le")
    assert.is_true(ffi.abi "fpu")
    assert.is_false(ffi.abi "win")
    assert.is_false(ffi.abi "no such thing")
  end)
end)

describe("ffi.onreport", function()
  it("gets what can't be raised, traceback included", function()
    local ffi = engine.new()
    local reports = {}
    ffi.onreport(function(text) reports[#reports + 1] = text end)
    ffi.release(ffi.gc(ffi.new "int *", function() error "the destructor failed" end))
    ffi.onreport(nil)
    assert.equal(1, #reports)
    assert.matches("the destructor failed", reports[1], 1, true)
    assert.matches("stack traceback", reports[1], 1, true)
  end)

  it("writes to stderr when none is set", function()
    local output, code = engine.run_lua [[
      local ffi = require "moonpool"
      ffi.release(ffi.gc(ffi.new "int *", function() error "no one listens" end))
      print "goes on"
    ]]
    assert.matches("^moonpool: .*no one listens", output)
    assert.matches("stack traceback", output, 1, true)
    assert.matches("goes on", output, 1, true)
    assert.equal(0, code)
  end)

  it("takes a function that fails itself", function()
    local output, code = engine.run_lua [[
      local ffi = require "moonpool"
      ffi.onreport(function() error "reporter" end)
      ffi.release(ffi.gc(ffi.new "int *", function() error "destructor" end))
      print "goes on"
    ]]
    assert.matches("goes on", output, 1, true)
    assert.equal(0, code)
  end)
end)
