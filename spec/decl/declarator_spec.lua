-- decl/declarator: declarators and type names, of any depth.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("mp_declarator_parse", function()
  local ffi
  before_each(function() ffi = engine.new() end)

  it("reads C's declarators inside out", function()
    for text, expected in pairs {
      ["int *x"] = "int *", ["int **x"] = "int * *", ["int *x[3]"] = "int *[3]",
      ["int (*x)[3]"] = "int(*)[3]", ["int x[2][3]"] = "int[2][3]", ["int (*x)(void)"] = "int(*)(void)",
      ["int (*x[3])(char)"] = "int(*[3])(char)", ["int (*(*x)(char))(long)"] = "int(*(*)(char))(long)",
      ["int (*(*x[2])(void))[4]"] = "int(*(*[2])(void))[4]", ["int (x)"] = "int", ["int ((*x))"] = "int *",
      ["int *const *volatile x"] = "int *const *volatile", ["char *restrict x"] = "char *restrict",
      ["int (*(**x[8])(void))[]"] = "int(*(* *[8])(void))[]", ["void (*signal(int, void (*)(int)))(int)"] =
        "void(*(int, void(*)(int)))(int)", ["int *_Atomic x"] = "int *_Atomic", ["int * __const x"] = "int *const",
    } do
      ffi = engine.new()
      ffi.cdef("extern " .. text .. ";")
      local name = text:find "signal" and "signal" or "x"
      assert.equal(expected, ffi.getctype("typeof(" .. name .. ")"), text)
    end
  end)

  it("adjusts parameters as C does", function()
    for text, expected in pairs {
      ["int f(int a[3])"] = "int(int *)", ["int f(int a[2][3])"] = "int(int(*)[3])",
        ["int f(int g(char))"] = "int(int(*)(char))",
      ["int f(const int a)"] = "int(int)", ["int f(int a[static 3])"] = "int(int *)",
        ["int f(int a[const])"] = "int(int *)",
      ["int f(int a[restrict static 3])"] = "int(int *)", ["int f(int n, int a[n])"] = "int(int, int *)",
      ["int f(int n, int a[n][n + 1])"] = "int(int, int(*)[])",
        ["int f(int n, int a[n][n][3])"] = "int(int, int(*)[][3])", ["int f(int a[*])"] = "int(int *)",
      ["int f(void)"] = "int(void)", ["int f()"] = "int()", ["int f(int, ...)"] = "int(int, ...)",
        ["int f(...)"] = "int(...)",
      ["int f(char *const)"] = "int(char *)", ["int f(register int x)"] = "int(int)", ["int f(int (x))"] = "int(int)",
      ["int f(int (size_t))"] = "int(int(*)(unsigned long))", ["int f(va_list)"] = "int(__builtin_va_list)",
      ["int f(__builtin_va_list *)"] = "int(__builtin_va_list *)", ["int f(const char *)"] = "int(const char *)",
      ["int f(struct q *a, enum r *b)"] = "int(struct q *, enum r *)",
    } do
      ffi = engine.new()
      ffi.cdef(text .. ";")
      assert.equal(expected, ffi.getctype "typeof(f)", text)
    end
  end)

  it("takes functions declared by a typedef", function()
    ffi.cdef "typedef int fn(char); fn f, *g; struct s { fn *h; };"
    assert.equal("int(char)", ffi.getctype "typeof(f)")
    assert.equal("int(*)(char)", ffi.getctype "typeof(g)")
  end)

  it("takes old definitions", function()
    ffi.cdef "int f(a, b) int a; char *b; { return a; } int g(a) { return a; } int after(void);"
    assert.equal("int()", ffi.getctype "typeof(f)")
    assert.equal("int(void)", ffi.getctype "typeof(after)")
    raises("cdef:1:7: unknown type 'nope', near 'nope'", function() ffi.cdef "int h(nope);" end)
  end)

  it("takes attributes, qualifiers and asm names where they may stand", function()
    ffi.cdef [[
      extern int __attribute__((unused)) *a __asm__("a_" "symbol") __attribute__((weak)), b;
      int (__attribute__((noreturn)) *c)(int) __attribute__((nonnull(1), format(printf, 1, 2)));
      void d(int __attribute__((unused)) x, char *y __attribute__((unused))) __asm("d_symbol");
      int * __attribute__((may_alias)) e; int (__stdcall_like)(void);]]
    assert.equal("int *", ffi.getctype "typeof(a)")
    assert.equal("int(*)(int)", ffi.getctype "typeof(c)")
  end)

  it("refuses what C can't declare", function()
    raises("cdef:1:11: function returning an array", function() ffi.cdef "int f()[3];" end)
    raises("cdef:1:10: function returning a function", function() ffi.cdef "int f()();" end)
    raises("cdef:1:11: array of functions", function() ffi.cdef "int f[3]();" end)
    raises("cdef:1:7: negative array length, near '-'", function() ffi.cdef "int x[-1];" end)
    raises("cdef:1:7: type is too large", function() ffi.cdef "int x[0x7fffffffffffffff];" end)
    raises("cdef:1:33: type is too large", function() ffi.cdef "int x[0x7fffffff][0x7fffffff][9];" end)
    raises("cdef:1:12: 'void' must be the only parameter, near 'void'", function() ffi.cdef "int f(int, void);" end)
    raises("cdef:1:7: 'void' must be the only parameter", function() ffi.cdef "int f(void, int);" end)
    raises("cdef:1:21: array of the incomplete type", function() ffi.cdef "extern struct o x[3];" end)
    raises("cdef:1:6: name expected, near ';'", function() ffi.cdef "int *;" end)
    raises("cdef:1:8: ']' expected, near ';'", function() ffi.cdef "int x[3;" end)
    raises("cdef:1:11: ')' expected, near ';'", function() ffi.cdef "int f(int ;" end)
    raises("cdef:1:8: ';' expected, near 'x'", function() ffi.cdef "int f()x;" end)
  end)

  it("takes 100,000 steps that don't nest, and refuses nesting beyond its bound", function()
    ffi.cdef("extern int " .. ("*"):rep(100000) .. "deep;")
    for _, text in ipairs { ("("):rep(100000) .. "x" .. (")"):rep(100000), "f" .. ("(int (*)"):rep(100000) } do
      local ok, message = pcall(ffi.cdef, "int " .. text .. ";")
      assert.is_false(ok)
      assert.is_truthy(message:find("nested too deep", 1, true), message)
    end
  end)
end)

describe("parameters' lengths", function()
  it("are tried once, however they nest", function()
    local start = os.clock()
    for _, piece in ipairs { "int [ (int [ (int x)||]\n ( int y[ [ ", "int [ (int [ ", "int a[sizeof(int [" } do
      pcall(engine.new().cdef, "extern int f(" .. piece:rep(60))
      pcall(engine.new().cdef, "extern int f(" .. piece:rep(60) .. ("])"):rep(60) .. ";")
    end
    assert.is_true(os.clock() - start < 2)
  end)

  it("may be anything that ends in its bracket", function()
    local ffi = engine.new()
    ffi.cdef [=[int f(int n, int a[n * (n + 1)], char b[restrict n], int c["]"[n]], int d[sizeof(int[n])],
      int e[/* ] */ 3]);]=]
    assert.equal("int(int, int *, char *, int *, int *, int *)", ffi.getctype "typeof(f)")
    raises("cdef:1:13: bracket without its closing one", function() ffi.cdef "int g(int a[n (;" end)
  end)
end)

describe("mp_declarator_typename", function()
  it("reads abstract declarators", function()
    local ffi = engine.new()
    for text, expected in pairs {
      ["int *"] = "int *", ["int[3]"] = "int[3]", ["int (*)[3]"] = "int(*)[3]", ["int (*)(char)"] = "int(*)(char)",
      ["int (char)"] = "int(char)", ["int ()"] = "int()", ["int *(void)"] = "int *(void)",
      ["int (*(*)[3])(void)"] = "int(*(*)[3])(void)", ["int[]"] = "int[]", ["int[][4]"] = "int[][4]",
      ["char *const"] = "char *const", ["int[0]"] = "int[0]", ["int[sizeof(int)]"] = "int[4]",
    } do
      assert.equal(expected, ffi.getctype(text), text)
    end
  end)

  it("refuses a name, and what comes behind", function()
    local ffi = engine.new()
    raises("'int x':5: a type has no name here, near 'x'", function() ffi.typeof "int x" end)
    raises("'int;':4: unexpected text behind the type, near ';'", function() ffi.typeof "int;" end)
    raises("'int [':6: expression expected, near '<eof>'", function() ffi.typeof "int [" end)
    raises("'':1: type expected, near '<eof>'", function() ffi.typeof "" end)
  end)
end)
