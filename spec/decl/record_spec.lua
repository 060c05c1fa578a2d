-- decl/record: struct, union and enum specifiers, static assertions.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local function names(ctype)
  local list = {}
  for _, field in ipairs(ctype.fields) do list[#list + 1] = field.name end
  return table.concat(list, " ")
end

describe("mp_record_specifier", function()
  local ffi
  before_each(function() ffi = engine.new() end)

  it("takes members of every form", function()
    ffi.cdef [[struct s { int a, *b, c[2]; ; unsigned d : 3, : 2, e : 4; struct { int f; union { int g; float h; }; };
      _Static_assert(1, "fine"); __extension__ _Static_assert(1); __extension__ struct t { int i; } j;
        enum { K = 3 } k; int (*l)(void);
      _Alignas(8) char m; const volatile int n __attribute__((unused)), o; char p[] };]]
    assert.equal("a b c d e f g h j k l m n o p", names(ffi.typeof "struct s"))
    assert.equal(3, ffi.C.K)
    assert.equal(4, ffi.sizeof "struct t")
  end)

  it("makes no member of a tagged record without a declarator", function()
    ffi.cdef "struct s { int a; struct t { int b; }; struct u; enum e { F }; };"
    assert.equal("a", names(ffi.typeof "struct s"))
  end)

  it("completes what was declared before, also through pointers", function()
    ffi.cdef "struct s; struct l { struct l *next; struct s *s; }; struct s { int a; };"
    assert.equal(4, ffi.sizeof "struct s")
    assert.equal(4, ffi.typeof "struct l".fields[2].type.item.size)
  end)

  it("names a tagless record by its first typedef", function()
    ffi.cdef "typedef struct { int a; } first, second; typedef const struct { int b; } *third;"
    assert.equal("first", ffi.getctype "second")
    assert.equal("const struct <anonymous> *", ffi.getctype "third")
  end)

  it("takes an empty record, which has no size in GNU C", function()
    ffi.cdef "struct s { }; union u { }; struct t { struct s a; int b; };"
    assert.equal(0, ffi.sizeof "struct s")
    assert.equal(0, ffi.sizeof "union u")
    assert.equal(0, ffi.offsetof("struct t", "b"))
  end)

  it("accepts the same definition again, and refuses another", function()
    ffi.cdef("struct s { int a; struct { char b; } c; struct s *next; };\n", { name = "one.h" })
    local before = ffi.typeof "struct s"
    ffi.cdef "struct s { int a; struct { char b; } c; struct s *next; };"
    assert.equal(before, ffi.typeof "struct s")
    raises("two.h:2:8: redefinition of 'struct s' disagrees with the one at one.h:1, near 's'", function()
      ffi.cdef("\nstruct s { int a, b; };", { name = "two.h" }) end)
    assert.equal(before, ffi.typeof "struct s")
  end)

  it("replaces under override", function()
    ffi.cdef "struct s { int a; }; enum e { X = 1 };"
    ffi.cdef("struct s { int a, b; }; enum e { X = 2 };", { override = true })
    assert.equal(8, ffi.sizeof "struct s")
    assert.equal(2, ffi.C.X)
  end)

  it("refuses what no record can be", function()
    raises("cdef:1:8: tag or '{' expected, near ';'", function() ffi.cdef "struct ;" end)
    raises("cdef:1:19: 't' was declared as a tag of another kind: struct", function()
      ffi.cdef "struct t; union t *x; ; ;" end)
    raises("cdef:1:27: 't' was declared as a tag of another kind: struct", function()
      ffi.cdef "struct t { int a; }; enum t { A };" end)
    raises("cdef:1:8: nested redefinition of 'struct s'", function()
      ffi.cdef "struct s { struct s { int a; } b; };" end)
    raises("cdef:1:19: '}' expected, near '<eof>'", function() ffi.cdef "struct s { int a; " end)
    raises("cdef:1:17: name expected, near ';'", function() ffi.cdef "struct s { int *; };" end)
    raises("cdef:1:18: width of bit-field out of range", function() ffi.cdef "struct s { int a:-1; };" end)
    raises("cdef:1:18: unknown name 'n'", function() ffi.cdef "struct s { int a[n]; };" end)
  end)

  it("refuses nesting beyond its bound", function()
    local ok, message = pcall(ffi.cdef, ("struct {"):rep(100000))
    assert.is_false(ok)
    assert.is_truthy(message:find("nested too deep", 1, true), message)
  end)
end)

describe("mp_record_enum", function()
  local ffi
  before_each(function() ffi = engine.new() end)

  it("counts on from each value", function()
    ffi.cdef "enum e { A, B = 5, C, D = B + 10, E = -1, F, };"
    assert.are.same({ A = 0, B = 5, C = 6, D = 15, E = -1, F = 0 }, ffi.typeof "enum e".relements)
  end)

  it("is as wide and signed as GCC makes it", function()
    ffi.cdef [[enum a { A = 1 }; enum b { B = -1 }; enum c { C = 0xffffffff }; enum d { D = 0x100000000 };
      enum e { E = -1, E2 = 0x80000000 }; enum __attribute__((packed)) f { F = 255 };
      enum g { G = -128 } __attribute__((packed)); enum h { H = 1 } __attribute__((mode(DI)));
      enum i : short { I }; enum j { J = 0xffffffffffffffff };]]
    for tag, size in pairs { a = 4, b = 4, c = 4, d = 8, e = 8, f = 1, g = 1, h = 8, i = 2, j = 8 } do
      assert.equal(size, ffi.sizeof("enum " .. tag), tag)
    end
    assert.equal("unsigned int", ffi.getctype "typeof(C)")
    assert.equal("int", ffi.getctype "typeof(A)")
    assert.equal("long", ffi.getctype "typeof(E2)")
    assert.equal("int", ffi.getctype "typeof(E)")
    assert.equal(0xffffffff, ffi.C.C)
    assert.equal("18446744073709551615", tostring(ffi.C.J))
  end)

  it("takes attributes on enumerators, and unnamed bit-fields of enums", function()
    ffi.cdef("enum e { A __attribute__((deprecated(\"x\"))) = 2, B __attribute__((unused)), }; " ..
      "struct s { enum e : 3; enum e b : 2; };")
    assert.equal(3, ffi.C.B)
    assert.equal(3, (select(2, ffi.offsetof("struct s", "b"))))
  end)

  it("accepts the same again, and refuses another value", function()
    ffi.cdef("enum e { A, B };\n", { name = "one.h" })
    ffi.cdef "enum e { A, B }; enum { B = 1 };"
    raises("cdef:1:8: redefinition of 'B' disagrees with the one at one.h:1, near 'B'", function()
      ffi.cdef "enum { B = 2 };" end)
    raises("cdef:1:6: redefinition of 'enum e' disagrees with the one at one.h:1", function()
      ffi.cdef "enum e { A };" end)
  end)

  it("refuses what is no enumerator", function()
    raises("cdef:1:8: enumerator expected, near '5'", function() ffi.cdef "enum { 5 };" end)
    raises("cdef:1:10: '}' expected, near 'B'", function() ffi.cdef "enum { A B };" end)
    raises("cdef:1:16: an enum's type must be an integer type", function() ffi.cdef "enum e : float { A };" end)
  end)
end)

describe("mp_record_assert", function()
  it("judges", function()
    local ffi = engine.new()
    ffi.cdef [[_Static_assert(sizeof(int) == 4, "int"); _Static_assert(1); static_assert(2 > 1, "a" "b");]]
    raises("cdef:1:1: static assertion failed: so it is, near '_Static_assert'", function()
      ffi.cdef [[_Static_assert(1 == 2, "so " "it is");]] end)
    raises("cdef:1:19: string expected, near '5'", function() ffi.cdef "_Static_assert(1, 5);" end)
  end)
end)
