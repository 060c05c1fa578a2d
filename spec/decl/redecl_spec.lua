-- decl/redecl: what a second declaration of a name means.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("mp_redecl_declare", function()
  local ffi
  before_each(function() ffi = engine.new() end)

  it("accepts what agrees", function()
    for _ = 1, 2 do
      ffi.cdef [[
        typedef int t; typedef struct { int a; struct { char b; } c; } anonymous; typedef struct s s;
          struct s { s *next; };
        typedef enum { A, B } e; extern int v; extern int v; int f(int, const char *); int f(int a, const char *b);
        static inline int g(void) { return 1; } enum named { C = 1 << 3 }; static const int K = 5;
          typedef int (*fp)(struct s *); typedef int (fn)(struct s *);
        extern int array[]; union u { int a : 3; float b; };]]
    end
    assert.equal(8, ffi.C.C)
  end)

  it("keeps what says more", function()
    ffi.cdef "extern int a[]; extern int a[5]; extern int a[]; int f(); int f(int); int f();"
    assert.equal("int[5]", ffi.getctype "typeof(a)")
    assert.equal("int(int)", ffi.getctype "typeof(f)")
  end)

  it("refuses what doesn't, naming both places", function()
    ffi.cdef("typedef int t;\nextern int v; int f(int); struct s { int a; };\ntypedef struct { int a; } T;",
      { name = "one.h" })
    local function refused(message, text)
      raises(message, function() ffi.cdef(text, { name = "two.h" }) end)
    end
    refused("two.h:1:14: redefinition of 't' disagrees with the one at one.h:1, near 't'", "typedef long t;")
    refused("two.h:1:13: redefinition of 'v' disagrees with the one at one.h:2", "extern long v;")
    refused("two.h:1:5: redefinition of 'f' disagrees with the one at one.h:2", "int f(long);")
    refused("two.h:1:5: redefinition of 'f' disagrees with the one at one.h:2", "int f(int, ...);")
    refused("two.h:1:5: redefinition of 'v' disagrees with the one at one.h:2", "int v(void);")
    refused("two.h:1:12: redefinition of 't' disagrees with the one at one.h:1", "extern int t;")
    refused("two.h:1:28: redefinition of 'T' disagrees with the one at one.h:3", "typedef struct { long a; } T;")
    refused("two.h:1:8: redefinition of 'v' disagrees with the one at one.h:2", "enum { v };")
  end)

  it("replaces under override", function()
    ffi.cdef "typedef int t; extern int v; enum { A = 1 };"
    ffi.cdef("typedef long t; extern t v; enum { A = 2 };", { override = true })
    assert.equal(8, ffi.sizeof "t")
    assert.equal("long", ffi.getctype "typeof(v)")
    assert.equal(2, ffi.C.A)
  end)

  it("refuses a variable of type void", function()
    raises("cdef:1:13: variable 'x' of type void", function() ffi.cdef "extern void x;" end)
  end)

  it("leaves nothing behind where the text fails", function()
    ffi.cdef "typedef int before; struct b;"
    raises("cdef:1:", function()
      ffi.cdef "typedef int after; struct a { int x; }; struct b { int y; }; enum { E }; nope;" end)
    for _, text in ipairs { "after", "sizeof(struct a)" } do
      assert.is_false((pcall(ffi.typeof, "int[sizeof(" .. text .. ")]")), text)
    end
    assert.is_false((pcall(ffi.sizeof, "struct b")))
    assert.is_false((pcall(function() return ffi.C.E end)))
    ffi.cdef "struct b { char z; };"
    assert.equal(1, ffi.sizeof "struct b")
  end)
end)

describe("included declarations", function()
  it("count as declared here", function()
    local base, ffi = engine.new(), engine.new()
    base.cdef("struct s { int a; }; typedef int t;\n", { name = "base.h" })
    ffi.include(base)
    ffi.cdef "struct s { int a; }; typedef int t; struct u { struct s s; t t; };"
    assert.equal(base.typeof "struct s", ffi.typeof "struct s")
    raises("cdef:1:8: redefinition of 'struct s' disagrees with the one at base.h:1", function()
      ffi.cdef "struct s { long a; };" end)
  end)
end)
