-- face/lua_clib: opening and closing libraries.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("ffi.C", function()
  it("is the process itself", function()
    local ffi = engine.new()
    ffi.cdef "int abs(int); size_t strlen(const char *); double fabs(double);"
    assert.equal(3, ffi.C.abs(-3))
    assert.equal(5, ffi.C.strlen "hello")
  end)
end)

describe("ffi.dlopen", function()
  it("opens a path", function()
    local ffi = engine.new()
    ffi.cdef "int number_add(int, int);"
    assert.equal(5, ffi.dlopen(engine.fixture "number").number_add(2, 3))
  end)

  it("opens a bare name whose soname is versioned", function()
    local ffi = engine.new()
    ffi.cdef "const char *zlibVersion(void);"
    assert.matches("^%d+%.%d+", ffi.string(ffi.dlopen "z".zlibVersion()))
  end)

  it("opens the process for nil", function()
    local ffi = engine.new()
    ffi.cdef "int abs(int);"
    assert.equal(3, ffi.dlopen(nil).abs(-3))
  end)

  it("takes the system's flags", function()
    local ffi = engine.new()
    ffi.cdef "int number_none(void);"
    for _, name in ipairs { "RTLD_NOW", "RTLD_LAZY", "RTLD_GLOBAL", "RTLD_LOCAL", "RTLD_NODELETE" } do
      assert.equal("integer", math.type(ffi[name]), name)
    end
    local lib = ffi.dlopen(engine.fixture "number", ffi.RTLD_NOW | ffi.RTLD_LOCAL)
    assert.equal(42, lib.number_none())
  end)

  it("raises with the linker's text", function()
    local ffi = engine.new()
    local said = raises("cannot load library 'no_such_library': ", function()
      ffi.dlopen "no_such_library"
    end)
    assert.matches("No such file", said, 1, true)
    said = raises("cannot load library", function() ffi.dlopen "/no/such/lib.so" end)
    assert.matches("/no/such/lib.so", said, 1, true)
    raises("a library's name must be a string, not table", function() ffi.dlopen {} end)
  end)

  it("gives two objects for two opens, closed apart", function()
    local ffi = engine.new()
    ffi.cdef "int number_none(void);"
    local one, two = ffi.dlopen(engine.fixture "number"), ffi.dlopen(engine.fixture "number")
    assert.is_false(rawequal(one, two))
    ffi.dlclose(one)
    assert.equal(42, two.number_none())
    ffi.dlclose(two)
  end)
end)

describe("ffi.dlclose", function()
  it("is idempotent", function()
    local ffi = engine.new()
    local lib = ffi.dlopen(engine.fixture "number")
    ffi.dlclose(lib)
    ffi.dlclose(lib)
    raises("expected a library, not number", function() ffi.dlclose(5) end)
    raises("expected a library, not table", function() ffi.dlclose {} end)
  end)

  it("makes use of the library an error", function()
    local ffi = engine.new()
    ffi.cdef "int number_none(void); int number_add(int, int); int variable_int;"
    local path = engine.fixture "number"
    local lib = ffi.dlopen(path)
    local f = lib.number_none
    assert.equal(42, f())
    ffi.dlclose(lib)
    local closed = ("library '%s' has already been closed"):format(path)
    raises(closed, function() f() end)
    raises(closed, function() local _ = lib.number_add end)
    raises(closed, function() lib.number_none() end)
    raises(closed, function() lib.variable_int = 1 end)
    raises(closed, function() ffi.addressof(lib, "number_add") end)
  end)

  it("makes use of what came from it an error, never a crash", function()
    local ffi = engine.new()
    ffi.cdef "extern int variable_int, variable_array[4];"
    local lib = ffi.dlopen(engine.fixture "variable")
    local array, pointer = lib.variable_array, ffi.addressof(lib, "variable_int")
    assert.equal(20, array[1])
    assert.equal(7, pointer[0])
    ffi.dlclose(lib)
    raises("", function() local _ = array[1] end)
    raises("", function() local _ = pointer[0] end)
    raises("", function() pointer[0] = 1 end)
  end)
end)

describe("closing a library", function()
  it("runs destructors of what gc made of its variables while it is open", function()
    local ffi = engine.new()
    ffi.cdef "extern int variable_int, variable_array[3]; int variable_get_int(void);"
    local lib = ffi.dlopen(engine.fixture "variable")
    local p, seen, kept = ffi.addressof(lib, "variable_int"), {}, {}
    for i = 1, 3 do
      kept[i] = ffi.gc(p, function() seen[#seen + 1] = lib.variable_get_int() + #lib.variable_array end)
    end
    ffi.dlclose(lib)
    assert.same({ 10, 10, 10 }, seen)
    for i = 1, 3 do raises("cdata was released", function() local _ = kept[i][0] end) end
    raises("cdata was released", function() local _ = p[0] end)
  end)
end)

describe("a function of a closed library", function()
  it("is an error to call, however it is held", function()
    local output, code = engine.run_lua(([[
      local ffi = require "moonpool"
      ffi.cdef "int number_none(void);"
      local lib = ffi.dlopen %q
      local held = {
        lib.number_none, ffi.cast("int(*)(void)", lib.number_none), ffi.addressof(lib, "number_none"),
        ffi.new("int(*[1])(void)", { lib.number_none })[0],
      }
      for i = 1, 4 do assert(held[i]() == 42) end
      ffi.dlclose(lib)
      for i = 1, 4 do print(i, (pcall(held[i]))) end
    ]]):format(engine.fixture "number"))
    assert.equal(0, code)
    assert.equal("1\tfalse\n2\tfalse\n3\tfalse\n4\tfalse\n", output)
  end)
end)

describe("ffi.find_library", function()
  local ffi = engine.new()

  it("gives a path", function()
    local path = ffi.find_library "z"
    assert.matches("libz.so", path, 1, true)
    local file <close> = assert(io.open(path, "rb"))
    assert.equal("\127ELF", file:read(4))
  end)

  it("follows a linker script", function()
    local file <close> = assert(io.open(assert(ffi.find_library "c"), "rb"))
    assert.equal("\127ELF", file:read(4))
  end)

  it("gives nil and a message", function()
    local path, message = ffi.find_library "no_such_library"
    assert.is_nil(path)
    assert.matches("no_such_library", message, 1, true)
  end)
end)

describe("ffi.has", function()
  it("says whether the symbol is there", function()
    local ffi = engine.new()
    ffi.cdef "int number_none(void); int number_missing(void); int abs(int);"
    local lib = ffi.dlopen(engine.fixture "number")
    assert.is_true(ffi.has(lib, "number_none"))
    assert.is_false(ffi.has(lib, "number_missing"))
    assert.is_true(ffi.has(ffi.C, "abs"))
    ffi.cdef "enum { NUMBER_K = 1 }; typedef int number_t;"
    assert.is_true(ffi.has(lib, "NUMBER_K"))
    assert.is_false(ffi.has(lib, "number_t"))
  end)

  it("needs no declaration", function()
    local ffi = engine.new()
    assert.is_true(ffi.has(ffi.C, "strlen"))
    assert.is_false(ffi.has(ffi.C, "no_such_symbol"))
  end)

  it("refuses what is no library or name", function()
    local ffi = engine.new()
    raises("a library's names are strings, not nil", function() ffi.has(ffi.C, nil) end)
    raises("expected a library, not number", function() ffi.has(5, "abs") end)
    raises("a library's names are strings, not number", function() local _ = ffi.C[5] end)
  end)
end)

describe("ffi.addressof of a library's name", function()
  it("is a pointer to the variable or function", function()
    local ffi = engine.new()
    ffi.cdef "extern int variable_int; int variable_get_int(void); enum { K = 1 };"
    local lib = ffi.dlopen(engine.fixture "variable")
    local p = ffi.addressof(lib, "variable_int")
    assert.equal(ffi.typeof "int *", ffi.typeof(p))
    p[0] = 8
    assert.equal(8, lib.variable_get_int())
    p[0] = 7
    local f = ffi.addressof(lib, "variable_get_int")
    assert.equal(ffi.typeof "int(*)(void)", ffi.typeof(f))
    assert.equal(7, f())
    raises("constant 'K' has no address", function() ffi.addressof(lib, "K") end)
    raises("'nosuch' is not declared", function() ffi.addressof(lib, "nosuch") end)
  end)
end)

describe("ffi.C", function()
  it("can't be closed, and still works", function()
    local ffi = engine.new()
    ffi.cdef "int abs(int);"
    raises("ffi.C is the process itself: it can't be closed", function() ffi.dlclose(ffi.C) end)
    assert.equal(3, ffi.C.abs(-3))
  end)
end)

describe("a library's metamethod that is called by hand", function()
  it("takes libraries alone", function()
    local ffi = engine.new()
    local meta = debug.getmetatable(ffi.C)
    for _, name in ipairs { "__index", "__newindex", "__pairs", "__tostring", "__close" } do
      for _, value in ipairs { false, 1, "x", {}, setmetatable({}, {}), print, io.stdout, ffi.new "int *" } do
        raises("expected a library, not ", function() meta[name](value, "abs", 1) return end)
      end
      raises("expected a library, not no value", function() meta[name]() return end)
    end
  end)
end)
