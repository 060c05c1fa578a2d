-- call/clib: a library as a table of its declared names.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local function collect()
  collectgarbage()
  collectgarbage()
end

describe("a library's function", function()
  local ffi = engine.new()
  ffi.cdef "int number_add(int, int); int number_none(void); int number_missing(int);"
  local lib = ffi.dlopen(engine.fixture "number")

  it("is a Lua function, the same each time", function()
    assert.equal("function", type(lib.number_add))
    assert.is_true(rawequal(lib.number_add, lib.number_add))
    local add = lib.number_add
    collect()
    assert.equal(5, add(2, 3))
  end)

  it("is taken for the function that it stands for", function()
    assert.equal(ffi.typeof "int(int, int)", ffi.typeof(lib.number_add))
    local p = ffi.cast("int(*)(int, int)", lib.number_add)
    assert.equal(5, p(2, 3))
    local slot = ffi.new("int(*[1])(int, int)", { lib.number_add })
    assert.equal(9, slot[0](4, 5))
  end)

  it("is replaced by an assignment, in that table", function()
    local other = ffi.dlopen(engine.fixture "number")
    other.number_none = function() return "mine" end
    assert.equal("mine", other.number_none())
    assert.equal(42, lib.number_none())
  end)

  it("keeps its library open", function()
    local add
    do
      add = ffi.dlopen(engine.fixture "number").number_add
    end
    collect()
    assert.equal(3, add(1, 2))
  end)

  it("is an error with the linker's text when the symbol is missing", function()
    local said = raises("symbol 'number_missing' not found: ", function()
      local _ = lib.number_missing
    end)
    assert.matches("undefined symbol", said, 1, true)
  end)

  it("is found by its asm name", function()
    ffi.cdef [[int plus(int, int) __asm__("number_add");]]
    assert.equal(7, lib.plus(3, 4))
  end)
end)

describe("a name that wasn't declared", function()
  local ffi = engine.new()
  ffi.cdef "#define NAME_ONLY do_something()\nstruct s { int x; };"
  local lib = ffi.dlopen(engine.fixture "number")

  it("is an error that names it", function()
    raises("'never_declared' is not declared", function() local _ = lib.never_declared end)
    raises("'never_declared' is not declared", function() lib.never_declared = 1 end)
    raises("", function() local _ = lib[1] end)
  end)

  it("is an error of its own for a type", function()
    ffi.cdef "typedef int a_type;"
    raises("'a_type' is a type, not a function, variable or constant", function()
      local _ = lib.a_type
    end)
  end)

  it("is an error of its own for an inline function", function()
    ffi.cdef "static inline int twice(int x) { return 2 * x; }"
    raises("function 'twice' is inline: the library doesn't have it", function()
      local _ = lib.twice
    end)
  end)

  it("is an error of its own for a macro without a value", function()
    raises("NAME_ONLY is a macro without a constant value", function() local _ = lib.NAME_ONLY end)
  end)

  it("becomes usable when it is declared", function()
    assert.is_false(pcall(function() return lib.number_double end))
    ffi.cdef "double number_double(double);"
    assert.equal(0.5, lib.number_double(0.5))
  end)
end)

describe("a library's variable", function()
  local ffi = engine.new()
  ffi.cdef [[
    struct point { int x, y; };
    extern int variable_int; extern const int variable_const; extern double variable_double;
    extern uint64_t variable_u64; extern char variable_char; extern struct point variable_point;
    extern int variable_array[4]; extern char variable_name[16]; extern const char *variable_text;
    extern int *variable_pointer; extern void *variable_null;
    extern int (*variable_function)(int, int);
    extern int variable_missing;
    int variable_get_int(void); int variable_get_x(void); int variable_get(void);
    int variable_call(int a, int b);
  ]]
  local lib = ffi.dlopen(engine.fixture "variable")

  it("reads and writes a scalar", function()
    assert.equal(7, lib.variable_int)
    lib.variable_int = 8
    assert.equal(8, lib.variable_get_int())
    lib.variable_int = 7
    assert.equal(2.5, lib.variable_double)
    assert.equal("c", lib.variable_char)
    assert.equal("18446744073709551615", tostring(lib.variable_u64))
    raises("integer 2147483648 does not fit 'int'", function() lib.variable_int = 1 << 31 end)
  end)

  it("refuses to write a const one", function()
    assert.equal(11, lib.variable_const)
    raises("", function() lib.variable_const = 12 end)
    assert.equal(11, lib.variable_const)
  end)

  it("is a view where it is an aggregate", function()
    assert.equal(1, lib.variable_point.x)
    lib.variable_point.x = 5
    assert.equal(5, lib.variable_get_x())
    lib.variable_point = { 1, 2 }
    assert.equal(1, lib.variable_get_x())
    assert.equal(4, #lib.variable_array)
    assert.equal(40, lib.variable_array[3])
    raises("index too large for cdata 'int[4]' (expected 4 < 4)", function()
      local _ = lib.variable_array[4]
    end)
    assert.equal("moonpool", ffi.string(lib.variable_name))
  end)

  it("may be a pointer", function()
    assert.equal("text", ffi.string(lib.variable_text))
    assert.is_nil(lib.variable_null)
    assert.equal(20, lib.variable_pointer[0])
    lib.variable_pointer = nil
    assert.equal(-1, lib.variable_get())
    lib.variable_pointer = lib.variable_array
    assert.equal(10, lib.variable_get())
    lib.variable_pointer = ffi.addressof(lib.variable_array, 1)
  end)

  it("keeps what is stored into it", function()
    lib.variable_pointer = ffi.new("int *", 99)
    collect()
    assert.equal(99, lib.variable_get())
    lib.variable_pointer = ffi.addressof(lib.variable_array, 1)
    assert.equal(20, lib.variable_get())
  end)

  it("may be a function pointer, which takes a Lua function", function()
    local add = lib.variable_function
    assert.equal(5, add(2, 3))
    lib.variable_function = function(a, b) return a * b end
    collect()
    assert.equal(6, lib.variable_call(2, 3))
    lib.variable_function = add
    assert.equal(5, lib.variable_call(2, 3))
  end)

  it("is an error when the symbol is missing", function()
    raises("symbol 'variable_missing' not found", function() local _ = lib.variable_missing end)
    raises("symbol 'variable_missing' not found", function() lib.variable_missing = 1 end)
  end)
end)

describe("a constant", function()
  local ffi = engine.new()
  ffi.cdef [[
    enum color { RED, GREEN = 5, BLUE };
    #define LIMIT (GREEN * 2)
    #define RATIO 0.5
    #define NAME "moon" "pool"
    #define LETTER 'x'
    #define LARGE 0xFFFFFFFFFFFFFFFFull
    static const int COUNT = 3;
  ]]

  it("is a field of every library", function()
    assert.same({ 0, 5, 6 }, { ffi.C.RED, ffi.C.GREEN, ffi.C.BLUE })
    assert.equal(10, ffi.C.LIMIT)
    assert.equal(0.5, ffi.C.RATIO)
    assert.equal("moonpool", ffi.C.NAME)
    assert.equal(120, ffi.C.LETTER)
    assert.equal(3, ffi.C.COUNT)
    assert.equal("18446744073709551615", tostring(ffi.C.LARGE))
    assert.equal(5, ffi.dlopen(engine.fixture "number").GREEN)
  end)

  it("isn't assignable", function()
    raises("constant 'RED' can't be assigned to", function() ffi.C.RED = 1 end)
    raises("constant 'LIMIT' can't be assigned to", function() ffi.C.LIMIT = 1 end)
    assert.equal(0, ffi.C.RED)
  end)
end)

describe("pairs", function()
  it("runs over the declared names, nil where the symbol is missing", function()
    local ffi = engine.new()
    ffi.cdef "extern int variable_int, variable_gone; int variable_get_int(void); enum { K = 3 }; typedef int t;"
    local lib = ffi.dlopen(engine.fixture "variable")
    local seen, count = {}, 0
    for name, value in pairs(lib) do
      seen[name] = value
      count = count + 1
    end
    assert.equal(4, count)
    assert.equal(7, seen.variable_int)
    assert.equal(3, seen.K)
    assert.equal(lib.variable_get_int, seen.variable_get_int)
    assert.is_nil(seen.variable_gone)
  end)

  it("runs over included names too, once, those that are hidden left out", function()
    local base, middle, ffi = engine.new(), engine.new(), engine.new()
    base.cdef "int abs(int); enum { K = 3 }; int puts(int);"
    middle.include(base)
    ffi.include(base)
    ffi.include(middle)
    ffi.cdef "int puts(const char *);"
    local names = {}
    for name in pairs(ffi.C) do names[#names + 1] = name end
    table.sort(names)
    assert.same({ "K", "abs", "puts" }, names)
  end)
end)

describe("function pointers", function()
  local ffi = engine.new()
  ffi.cdef [[
    typedef int (*operation)(int, int);
    int number_add(int, int);
    struct table { operation ops[2]; };
  ]]
  local lib = ffi.dlopen(engine.fixture "number")

  it("are compared by address, and cast", function()
    local p = ffi.addressof(lib, "number_add")
    assert.is_true(ffi.cast("operation", lib.number_add) == p)
    assert.is_true(ffi.cast("operation", ffi.addr(p)) == p)
    assert.equal(5, ffi.cast("int(*)(int, int)", ffi.cast("void *", p))(2, 3))
    assert.equal(ffi.addr(p), ffi.cast("uintptr_t", p))
  end)

  it("go into memory as they are, without a way through Lua", function()
    local t = ffi.new("struct table *", { ops = { lib.number_add, function(a, b) return a * b end } })
    assert.equal(ffi.addr(ffi.addressof(lib, "number_add")), ffi.addr(t.ops[0]))
    assert.same({ 7, 12 }, { t.ops[0](3, 4), t.ops[1](3, 4) })
  end)

  it("that are NULL can't be called", function()
    local t = ffi.new "struct table *"
    assert.is_nil(t.ops[0])
    raises("attempt to call a nil value", function() t.ops[0](1, 2) end)
    assert.is_nil(ffi.cast("operation", 0))
  end)
end)
