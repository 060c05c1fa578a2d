-- type/relate: which types agree, and what may be assigned to what.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("mp_relate_same", function()
  it("asks past qualifiers", function()
    local ffi = engine.new()
    local p = ffi.new "int *"
    assert.is_true(ffi.istype("int *", p))
    assert.is_true(ffi.istype("int *const", p))
    assert.is_false(ffi.istype("unsigned *", p))
  end)
end)

describe("mp_relate_compatible", function()
  -- Both declarations in one instance, the second in a text of its own.
  local function twice(one, two)
    local ffi = engine.new()
    ffi.cdef(one)
    return pcall(ffi.cdef, two)
  end

  it("takes redeclarations that agree", function()
    for _, pair in ipairs {
      { "int f(int);", "int f(int x);" },
      { "int f(int);", "extern int f(const int);" },
      { "int f();", "int f(int, char *);" },
      { "int f(int[3]);", "int f(int *);" },
      { "typedef int t;", "typedef signed t;" },
      { "extern int a[];", "extern int a[3];" },
      { "struct s;", "struct s { int x; };" },
      { "struct s { int x; char *p; };", "struct s { int x; char *p; };" },
      { "enum e { A, B };", "enum e { A, B };" },
      { "union u { int i; float f; };", "union u { int i; float f; };" },
      { "#define N 3", "#define N 3" },
      { "typedef wchar_t w;", "typedef int w;" },
    } do
      local ok, message = twice(pair[1], pair[2])
      assert.is_true(ok, pair[2] .. ": " .. tostring(message))
    end
  end)

  it("refuses those that don't", function()
    for _, pair in ipairs {
      { "int f(int);", "int f(long);" },
      { "int f(int);", "long f(int);" },
      { "int f(int);", "int f(int, ...);" },
      { "typedef int t;", "typedef unsigned t;" },
      { "extern int a[2];", "extern int a[3];" },
      { "struct s { int x; };", "struct s { int y; };" },
      { "struct s { int x; };", "struct s { int x, y; };" },
      { "struct s { int x; };", "union s { int x; };" },
      { "enum e { A, B };", "enum e { A, C };" },
      { "enum e { A };", "enum e { A = 1 };" },
      { "int x;", "typedef int x;" },
      { "enum { N };", "int N(void);" },
    } do
      assert.is_false((twice(pair[1], pair[2])), pair[1] .. " / " .. pair[2])
    end
  end)
end)

describe("mp_relate_pointers", function()
  local ffi = engine.new()
  ffi.cdef "struct s { int x; }; struct t { int x; };"

  -- May a pointer of type `from` be stored into one of type `to`?
  local function stores(to, from)
    local target = ffi.cast(from, ffi.new "long long[4]")
    local cell = ffi.new(ffi.getctype(to, "[1]"))
    local ok = pcall(function() cell[0] = target end)
    return ok
  end

  it("takes the same type, void * both ways, char types mutually, more const", function()
    for _, pair in ipairs {
      { "int *", "int *" }, { "const int *", "int *" }, { "void *", "int *" }, { "int *", "void *" },
      { "const void *", "int *" }, { "char *", "unsigned char *" }, { "signed char *", "char *" },
      { "const char *", "unsigned char *" }, { "int **", "int **" }, { "struct s *", "struct s *" },
      { "const int *const *", "int **" }, { "int(*)[2]", "int(*)[2]" },
    } do
      assert.is_true(stores(pair[1], pair[2]), pair[1] .. " = " .. pair[2])
    end
  end)

  it("takes nothing else", function()
    for _, pair in ipairs {
      { "int *", "unsigned *" }, { "int *", "long *" }, { "int *", "char *" }, { "char *", "int *" },
      { "struct s *", "struct t *" }, { "int **", "int *" }, { "int **", "void **" },
      { "char **", "unsigned char **" }, { "int(*)[2]", "int(*)[3]" }, { "int *", "const int *" },
      { "void *", "const int *" }, { "int **", "const int **" }, { "int **", "int *const *" },
    } do
      assert.is_false(stores(pair[1], pair[2]), pair[1] .. " = " .. pair[2])
    end
  end)

  it("says which types don't go together", function()
    local cell = ffi.new "struct s *[1]"
    local said = raises("initializer for ctype 'struct s *'", function() cell[0] = ffi.new "struct t *" end)
    assert.matches("cdata 'struct t *'", said, 1, true)
  end)
end)
