-- type/repr: types as C text, which reads back as the same type.

local engine = require "spec.support.engine"

describe("mp_repr_type", function()
  local ffi
  before_each(function()
    ffi = engine.new()
    ffi.cdef [[struct s { int x; }; union u { int x; }; enum e { A }; typedef struct { int x; } tagless;
      typedef enum { B } en;
      typedef int over __attribute__((aligned(16))); typedef int v4 __attribute__((vector_size(16)));]]
  end)

  it("spells types as CFFI does", function()
    for text, expected in pairs {
      ["char*"] = "char *", ["int**"] = "int * *", ["int[3][4]"] = "int[3][4]", ["int*[3]"] = "int *[3]",
      ["int(*)[3]"] = "int(*)[3]", ["int(*)(int,...)"] = "int(*)(int, ...)", ["struct s*"] = "struct s *",
      ["char const*"] = "const char *", ["char*const"] = "char *const", ["int(*[2])(void)"] = "int(*[2])(void)",
      ["tagless*"] = "tagless *", ["en"] = "en", ["union u[2]"] = "union u[2]", ["enum e"] = "enum e",
      ["struct{int a;}"] = "struct <anonymous>", ["void(*)(void(*)(int),char[2])"] = "void(*)(void(*)(int), char *)",
      ["unsigned long int"] = "unsigned long", ["int()"] = "int()",
        ["const volatile int*restrict"] = "const volatile int *restrict",
      ["_Atomic(int)*"] = "_Atomic int *", ["double _Complex"] = "double _Complex", ["va_list"] = "__builtin_va_list",
      ["va_list*"] = "__builtin_va_list *", ["va_list[2]"] = "__builtin_va_list[2]",
        ["v4*"] = "int __attribute__((vector_size(16))) *",
      ["int[]"] = "int[]", ["over"] = "int __attribute__((aligned(16)))", ["const tagless"] = "const tagless",
      ["unsigned _BitInt(7)*"] = "unsigned _BitInt(7) *",
    } do
      assert.equal(expected, ffi.getctype(text), text)
    end
  end)

  it("places what is extra where the name would stand", function()
    for _, case in ipairs {
      { "int", "x", "int x" }, { "int *", "x", "int * x" }, { "int[3]", "x", "int x[3]" }, { "int[3]", "*",
        "int(*)[3]" },
      { "int", "*", "int *" }, { "int", "[3]", "int[3]" }, { "int[3]", "[2]", "int[2][3]" }, { "int(*)(int)",
        "x", "int(* x)(int)" },
      { "int(*)(int)", "*", "int(* *)(int)" }, { "int(int)", "*", "int(*)(int)" }, { "int(int)", "f", "int f(int)" },
      { "int", "  x", "int x" }, { "int", "", "int" }, { "int", "(*)(void)", "int(*)(void)" }, { "va_list", "*",
        "__builtin_va_list *" },
    } do
      assert.equal(case[3], ffi.getctype(case[1], case[2]), case[1] .. " " .. case[2])
    end
  end)

  it("reads back as the same type", function()
    for _, text in ipairs {
      "int *const *volatile *", "const int(*const)[3]", "int(*(*)(void))[3]", "void(*(*)(int, void(*)(int)))(int)",
      "over", "over *", "const over *const", "v4", "const v4 *", "_Atomic int *_Atomic", "char *restrict *",
        "int(*)(va_list, tagless *)",
      "struct s(*)(struct s, union u)", "long double _Complex", "const _BitInt(33)[2][3]", "int(*[2][3])(void)",
        "en(*)(en)",
      "int *__attribute__((aligned(32)))", "int(*)(over *)", "unsigned __int128", "_Float64x *", "int(*)()",
        "wchar_t[3]",
      "const char *const[2]", "int(*)(...)", "_Decimal64", "int[0]", "void(*)(void) __attribute__((nonblocking))",
    } do
      local ctype = ffi.typeof(text)
      assert.equal(ctype, ffi.typeof(ffi.getctype(ctype)), text .. " is printed as " .. ffi.getctype(ctype))
    end
  end)

  it("prints types of any depth", function()
    ffi.cdef("typedef int " .. ("*"):rep(100000) .. "deep; typedef int many" .. ("[1]"):rep(100000) .. ";")
    assert.equal(3 + 200000, #ffi.getctype "deep")
    assert.equal(3 + 300000, #ffi.getctype "many")
  end)

  it("keeps what doubles at each step at a bounded length", function()
    local text = { "typedef int (*f0)(int);" }
    for i = 1, 60 do text[#text + 1] = ("typedef int (*f%d)(f%d, f%d);"):format(i, i - 1, i - 1) end
    ffi.cdef(table.concat(text))
    assert.is_true(#ffi.getctype "f60" < 1000000)
  end)
end)
