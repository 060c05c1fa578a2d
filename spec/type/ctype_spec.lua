-- type/ctype: types are interned: one record a type, and what they know of themselves.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("mp_ctype_prim", function()
  local ffi = engine.new()

  it("has one type a spelling's meaning", function()
    local same = {
      { "int", "signed", "signed int", "int signed" },
      { "short", "short int", "signed short", "int short signed" },
      { "long", "long int", "signed long", "long signed int" },
      { "long long", "long long int", "long int long" },
      { "unsigned int", "unsigned", "int unsigned" },
      { "unsigned long", "long unsigned", "unsigned long int" },
      { "unsigned long long", "long unsigned long" },
    }
    for _, group in ipairs(same) do
      for _, text in ipairs(group) do assert.equal(ffi.typeof(group[1]), ffi.typeof(text), text) end
    end
    local distinct = { "char", "signed char", "unsigned char", "int", "long", "long long", "float",
      "double", "long double", "_Bool", "wchar_t", "char16_t", "char32_t" }
    for i, one in ipairs(distinct) do
      for j, other in ipairs(distinct) do
        assert.equal(i == j, ffi.typeof(one) == ffi.typeof(other), one .. ", " .. other)
      end
    end
  end)

  it("knows the names of stdint.h and stddef.h", function()
    for name, size in pairs {
      int8_t = 1, uint8_t = 1, int16_t = 2, uint16_t = 2, int32_t = 4, uint32_t = 4, int64_t = 8,
      uint64_t = 8, size_t = ffi.sizeof "void *", ssize_t = ffi.sizeof "void *",
      intptr_t = ffi.sizeof "void *", uintptr_t = ffi.sizeof "void *",
      ptrdiff_t = ffi.sizeof "void *", intmax_t = 8, uintmax_t = 8, bool = 1,
    } do
      assert.equal(size, ffi.sizeof(name), name)
    end
    assert.equal("signed char", ffi.getctype "int8_t")
    assert.equal("unsigned short", ffi.getctype "uint16_t")
    assert.equal("int", ffi.getctype "int32_t")
    assert.equal("_Bool", ffi.getctype "bool")
  end)
end)

describe("mp_ctype_pointer, mp_ctype_array, mp_ctype_function", function()
  local ffi = engine.new()

  it("give the same type for the same structure", function()
    for _, pair in ipairs {
      { "int *", "int*" }, { "int(*)[3]", "int (*) [3]" }, { "int *[3]", "int*[3]" },
      { "int(*(*)(void))[2]", "int (*(*)(void)) [2]" }, { "int(*)(int, char)", "int(*)(int a, char b)" },
      { "int(*)(int *)", "int(*)(int[5])" }, { "int(*)(int(*)(void))", "int(*)(int(void))" },
      { "const int *", "int const *" }, { "char[4]", "char[2 + 2]" },
    } do
      assert.equal(ffi.typeof(pair[1]), ffi.typeof(pair[2]), pair[2])
    end
  end)

  it("give others for others", function()
    for _, pair in ipairs {
      { "int *", "const int *" }, { "int *", "int *const" }, { "int *", "int **" },
      { "int[3]", "int[4]" }, { "int[]", "int[0]" }, { "int(*)[3]", "int *[3]" },
      { "int(*)(int)", "int(*)(int, ...)" }, { "int(*)(int)", "int(*)(long)" },
      { "int(*)(int)", "void(*)(int)" },
    } do
      assert.not_equal(ffi.typeof(pair[1]), ffi.typeof(pair[2]), pair[2])
    end
  end)

  it("refuse arrays of what has no size, and of functions", function()
    local said = raises("", function() ffi.typeof "void[3]" end)
    assert.matches("array of the incomplete type 'void'", said, 1, true)
    said = raises("", function() ffi.typeof "struct nobody[3]" end)
    assert.matches("array of the incomplete type 'struct nobody'", said, 1, true)
    said = raises("", function() ffi.cdef "typedef int f(int); f a[3];" end)
    assert.matches("array of functions", said, 1, true)
  end)

  it("refuse sizes beyond PTRDIFF_MAX", function()
    local said = raises("", function() ffi.typeof "int[0x4000000000000000]" end)
    assert.matches("type is too large", said, 1, true)
    said = raises("", function() ffi.typeof "char[0x7fffffff][0x7fffffff][0x7fffffff]" end)
    assert.matches("type is too large", said, 1, true)
    assert.equal(0x7fffffff * 0x7fffffff, ffi.sizeof "char[0x7fffffff][0x7fffffff]")
  end)
end)

describe("mp_ctype_complete_record", function()
  it("completes what was declared before, pointers to it too", function()
    local ffi = engine.new()
    ffi.cdef "struct s; typedef struct s *sp; typedef const struct s cs;"
    raises("", function() ffi.sizeof "struct s" end)
    local before = ffi.typeof "sp"
    ffi.cdef "struct s { int x, y; };"
    assert.equal(before, ffi.typeof "struct s *")
    assert.equal(8, ffi.sizeof "struct s")
    assert.equal(8, ffi.sizeof "cs")
    assert.equal(0, ffi.new("sp").y)
  end)

  it("is taken back when the text fails", function()
    local ffi = engine.new()
    ffi.cdef "struct s;"
    assert.is_false(pcall(ffi.cdef, "struct s { int x; }; typedef struct s t; int f(;"))
    raises("", function() ffi.sizeof "struct s" end)
    ffi.cdef "struct s { double x; };"
    assert.equal(8, ffi.sizeof "struct s")
  end)
end)

describe("mp_ctype_field", function()
  it("flattens anonymous members at every depth", function()
    local ffi = engine.new()
    ffi.cdef "struct s { int a; struct { int b; union { int c; struct { short d, e; }; }; }; int f; };"
    local names = {}
    for i, field in ipairs(ffi.typeof("struct s").fields) do
      names[i] = field.name .. "@" .. field.offset
    end
    assert.same({ "a@0", "b@4", "c@8", "d@8", "e@10", "f@12" }, names)
  end)
end)

describe("mp_ctype_enumerator", function()
  it("finds names and values in large enums", function()
    local ffi, list = engine.new(), {}
    for i = 1, 500 do list[i] = ("E%d = %d"):format(i, i * 3 - 750) end
    ffi.cdef("enum large { " .. table.concat(list, ", ") .. " };")
    local cell = ffi.new "enum large *"
    for i = 1, 500 do
      cell[0] = "E" .. i
      assert.equal(i * 3 - 750, cell[0])
      assert.equal("E" .. i, ffi.string(ffi.box("enum large", i * 3 - 750)))
    end
    assert.equal("-1000", ffi.string(ffi.box("enum large", -1000)))
  end)

  it("names the first of several with one value", function()
    local ffi = engine.new()
    ffi.cdef "enum e { A = 1, B = 1 };"
    assert.equal("A", ffi.string(ffi.box("enum e", 1)))
  end)
end)
