-- decl/parse: whole texts, type names; all or nothing.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("mp_parse_cdef", function()
  local ffi
  before_each(function() ffi = engine.new() end)

  it("takes declarations of every kind", function()
    ffi.cdef [[
      ; extern int v, *p, a[3]; int f(void), *g(int); typedef unsigned u, *pu; struct s; enum e { A };
      static inline int h(int x) { return x; } extern inline __attribute__((gnu_inline)) int i(void) { return 1; }
      _Static_assert(1, ""); __asm__("nop"); static int j; _Thread_local int k; inline int l(void); ]]
    assert.equal("unsigned int *", ffi.getctype "pu")
    assert.equal("int(int)", ffi.getctype "typeof(h)")
    assert.equal("int *(int)", ffi.getctype "typeof(g)")
  end)

  it("makes constants of static const numbers and strings", function()
    ffi.cdef [[static const int A = 1 << 4; static const double B = 2.5, C = -1; const static unsigned char D = 300;
      static const char E[] = "text"; static const char *const F = "pointer"; static const int G = unknown(1), H = 7;
      static const int I[] = { 1, 2 }; static const float J = 0.1f; static const _Bool K = 5;]]
    local c = ffi.C
    assert.are.same({ 16, 2.5, -1.0, 44, "text", 7 }, { c.A, c.B, c.C, c.D, c.E, c.H })
    assert.is_false((pcall(function() return c.G end)))
  end)

  it("refuses what is no declaration", function()
    raises("cdef:1:7: ';' expected, near 'y'", function() ffi.cdef "int x y;" end)
    raises("cdef:2:3: type expected, near '5'", function() ffi.cdef "int x;\n  5;" end)
    raises("cdef:1:6: ';' expected, near '<eof>'", function() ffi.cdef "int x" end)
    raises("cdef:1:1: unknown type 'x', near 'x'", function() ffi.cdef "x y;" end)
    raises("cdef:1:5: name expected, near ','", function() ffi.cdef "int , x;" end)
    raises("cdef:1:5: '(' expected", function() ffi.cdef "asm \"x\";" end)
    raises("cdef:1:1: type expected, near '}'", function() ffi.cdef "};" end)
  end)

  it("shows a long token cut, and names the text", function()
    raises("some/header.h:3:1: unknown type '" .. ("n"):rep(100) .. "', near '" .. ("n"):rep(40) .. "'", function()
      ffi.cdef("\n\n" .. ("n"):rep(100) .. " x;", { name = "some/header.h" }) end)
  end)

  it("forgets all of a text that fails", function()
    raises("cdef:3:2:", function()
      ffi.cdef "typedef int t; struct s { t x; }; enum { A = 1 }; extern t v; int f(t); \n#define M 1\n nope;" end)
    for _, text in ipairs { "t", "typeof(v)", "typeof(f)", "int[A]", "int[M]" } do
      assert.is_false((pcall(ffi.typeof, text)), text)
    end
    local typedefs, structs = ffi.list_types()
    assert.are.same({ 0, 0 }, { #typedefs, #structs })
  end)

  it("fails a hundred times without a trace", function()
    ffi.cdef "struct kept { int x; };"
    local before = ffi.typeof "struct kept *"
    for i = 1, 100 do
      pcall(ffi.cdef, ("struct s%d { struct kept *k; const struct kept a[3]; }; typedef struct s%d *p; " ..
        "nope;"):format(i, i))
    end
    assert.equal(before, ffi.typeof "struct kept *")
    assert.equal(12, ffi.sizeof "struct kept[3]")
  end)

  it("takes texts of any size in linear time", function()
    local function seconds(n)
      local text, own = {}, engine.new()
      for i = 1, n do
        text[i] = ("struct s%d { struct s%d *p; int a[%d]; }; int f%d(struct s%d *, ...);\n"):format(i, i - 1,
          i, i, i)
      end
      text = table.concat(text)
      local start = os.clock()
      own.cdef(text)
      return os.clock() - start
    end
    local small, large = seconds(4000), seconds(40000)
    assert.is_true(large < small * 40 + 0.2, ("%.3f s, %.3f s"):format(small, large))
  end)

  it("takes NUL bytes as what they are", function()
    raises("cdef:1:7: unexpected character", function() ffi.cdef "int x;\0int y;" end)
    raises("'int", function() ffi.typeof "int\0" end)
  end)
end)

describe("mp_parse_type", function()
  local ffi
  before_each(function() ffi = engine.new() end)

  it("makes an opaque type of an unknown tag", function()
    local opaque = ffi.typeof "struct unknown *"
    ffi.cdef "struct unknown { int a; };"
    assert.equal(opaque, ffi.typeof "struct unknown *")
    assert.equal(4, ffi.sizeof "struct unknown")
  end)

  it("defines what it is given a body for", function()
    assert.equal(8, ffi.sizeof "struct { int a, b; }")
    assert.equal(4, ffi.sizeof "enum { P, Q }")
  end)

  it("says where, and in which text", function()
    raises("'nope *':1: unknown type 'nope', near 'nope'", function() ffi.typeof "nope *" end)
    raises("'int(*':6: ')' expected, near '<eof>'", function() ffi.typeof "int(*" end)
    raises("'int\n, 3':1: ", function() ffi.typeof "int\n, 3" end)
  end)

  it("forgets tags of a type that fails", function()
    assert.is_false((pcall(ffi.typeof, "struct tag * nope")))
    local _, structs = ffi.list_types()
    assert.equal(0, #structs)
  end)
end)
