-- decl/declspec: declaration specifiers in any order, typedef names, predefined types.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("mp_declspec_parse", function()
  local ffi
  before_each(function() ffi = engine.new() end)

  it("takes specifiers in any order", function()
    for text, expected in pairs {
      ["long int unsigned long"] = "unsigned long long", ["const long"] = "const long",
      ["long const"] = "const long", ["int short"] = "short", ["char unsigned"] = "unsigned char",
      ["double long"] = "long double", ["double _Complex long"] = "long double _Complex",
      ["_Complex float"] = "float _Complex", ["_Complex"] = "double _Complex",
      ["__int128 unsigned"] = "unsigned __int128", ["volatile int const"] = "const volatile int",
      ["unsigned _BitInt(9)"] = "unsigned _BitInt(9)", ["_BitInt(200)"] = "_BitInt(200)",
      ["_Atomic int"] = "_Atomic int", ["_Atomic(int)"] = "_Atomic int", ["_Complex int"] = "int _Complex",
      ["struct s const"] = "const struct s", ["size_t const"] = "const unsigned long",
    } do
      assert.equal(expected, ffi.getctype(text), text)
    end
  end)

  it("takes the types that GCC and Clang add", function()
    for text, size in pairs {
      _Float16 = 2, __bf16 = 2, _Float32 = 4, _Float64 = 8, _Float128 = 16, __float128 = 16,
      _Float32x = 8, _Float64x = 16, __float80 = 16, _Decimal32 = 4, _Decimal64 = 8,
      _Decimal128 = 16, __int128 = 16, __int128_t = 16, __builtin_va_list = 24,
      ["_BitInt(3)"] = 1, ["_BitInt(65)"] = 16,
    } do
      assert.equal(size, ffi.sizeof(text), text)
    end
  end)

  it("takes storage classes and function specifiers between", function()
    ffi.cdef [[
      int typedef unsigned spec_a; extern __thread int spec_b; static _Thread_local int spec_c;
      _Noreturn void spec_d(void); inline static int spec_e(void); register int spec_f;
      _Alignas(16) char spec_g; __extension__ typedef long long spec_h; auto int spec_i;
      const _Nonnull int *spec_j;]]
    assert.equal("unsigned int", ffi.getctype "spec_a")
    assert.equal(8, ffi.sizeof "spec_h")
  end)

  it("lets a typedef's name be declared again where a type stands before it", function()
    ffi.cdef "typedef int name; struct s { name name; unsigned short name_; }; int f(char name);"
    assert.equal("int", ffi.typeof "struct s".fields[1].type.cname)
  end)

  it("takes typeof of types and expressions", function()
    ffi.cdef "extern int v[3]; typedef typeof(v) tv; typedef __typeof__(v[0] + 1.0) te; typeof(const char *) tp;"
    assert.equal("int[3]", ffi.getctype "tv")
    assert.equal("double", ffi.getctype "te")
    assert.equal("const char *", ffi.getctype "typeof(tp)")
  end)

  it("refuses what doesn't go together", function()
    for _, text in ipairs { "long char", "unsigned float", "short long", "signed unsigned", "int double",
      "long long long", "unsigned size_t", "int struct s", "void int", "_Bool char", "long float",
      "struct s struct s", "unsigned _Float32", "short _BitInt(3)", "int typeof(int)" } do
      local ok, message = pcall(ffi.typeof, text)
      assert.is_false(ok, text)
      assert.is_truthy(message:find("type specifiers don't go together", 1, true)
        or message:find("unexpected text behind the type", 1, true)
        or message:find("a type has no name here", 1, true), message)
    end
    raises("cdef:1:13: type specifiers don't go together, near 'x'", function()
      ffi.cdef "char double x;" end)
  end)

  it("refuses unknown names and missing types", function()
    raises("cdef:1:1: unknown type 'nope', near 'nope'", function() ffi.cdef "nope x;" end)
    raises("cdef:1:9: type expected, near ';'", function() ffi.cdef "typedef ;" end)
    raises("cdef:1:14: unknown type 'x', near 'x'", function() ffi.cdef "static const x = 5;" end)
    raises("cdef:1:1: __auto_type has no type here", function() ffi.cdef "__auto_type x = 5;" end)
  end)

  it("refuses widths that _BitInt can't have", function()
    for _, text in ipairs { "_BitInt(0)", "_BitInt(1)", "unsigned _BitInt(0)", "_BitInt(100000000)" } do
      raises("'" .. text .. "'", function() ffi.typeof(text) end)
    end
    raises("cdef:1:12: width of _BitInt out of range", function() ffi.cdef "_BitInt(1) x;" end)
    assert.equal(1, ffi.sizeof "unsigned _BitInt(1)")
  end)
end)

describe("predefined types", function()
  it("are there without a declaration", function()
    local ffi = engine.new()
    for text, expected in pairs {
      uint8_t = "unsigned char", int64_t = "long", size_t = "unsigned long", bool = "_Bool",
      wchar_t = "wchar_t", FILE = "struct _IO_FILE", va_list = "__builtin_va_list",
      int_fast16_t = "long", uint_least8_t = "unsigned char", ssize_t = "long", intmax_t = "long",
    } do
      assert.equal(expected, ffi.getctype(text), text)
    end
  end)

  it("may be declared by a header's own typedef, and stay what they are", function()
    local ffi = engine.new()
    ffi.cdef [[typedef int wchar_t; typedef unsigned short char16_t; typedef unsigned long size_t;
      typedef struct _IO_FILE FILE; typedef __builtin_va_list va_list; typedef signed char int8_t;
      int put(wchar_t c, FILE *f);]]
    assert.equal("int(wchar_t, struct _IO_FILE *)", ffi.getctype "typeof(put)")
    assert.equal("char16_t", ffi.getctype "char16_t")
  end)

  it("may be declared as something else", function()
    local ffi = engine.new()
    ffi.cdef "typedef enum { no, yes } bool; typedef long long int8_t;"
    assert.equal("enum", ffi.typeof "bool".kind)
    assert.equal(8, ffi.sizeof "int8_t")
  end)

  it("aren't hidden by a macro of that name", function()
    local ffi = engine.new()
    ffi.cdef "#define bool _Bool\n#define true 1\nbool b(void);"
    assert.equal("_Bool(void)", ffi.getctype "typeof(b)")
    assert.equal(1, ffi.C["true"])
  end)
end)
