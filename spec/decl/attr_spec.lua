-- decl/attr: attributes, wherever GCC lets them stand; what each one changes.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("mp_attr_list", function()
  local ffi
  before_each(function() ffi = engine.new() end)

  it("is read in every place", function()
    ffi.cdef [=[
      __attribute__((unused)) extern int a; extern __attribute__((unused)) int b;
        extern int __attribute__((unused)) c;
      extern int d __attribute__((unused)), __attribute__((unused)) e; int *__attribute__((unused)) f(void);
      struct __attribute__((unused)) s { int a __attribute__((unused)), b : 3 __attribute__((unused));
        } __attribute__((unused));
      enum __attribute__((unused)) n { X __attribute__((unused)) = 1, Y __attribute__((unused)) }
        __attribute__((unused));
      void g(int __attribute__((unused)) a, int b __attribute__((unused)), __attribute__((unused)) int c)
        __attribute__((unused));
      __attribute__((unused)) static inline __attribute__((always_inline)) int h(void) { label:
        __attribute__((unused)); return 0; }
      [[gnu::unused, deprecated("x")]] int i(void); __declspec(dllimport) int j(void); int k(void) __attribute__(());]=]
    assert.equal("int(void)", ffi.getctype "typeof(h)")
    assert.equal(2, ffi.C.Y)
  end)

  it("skips the arguments of those that it doesn't know", function()
    ffi.cdef [[int f(const char *, ...) __attribute__((format(printf, 1, 2), nonnull, what(("a)" ")"), '(',
      1 ? 2 : 3), const));]]
    assert.equal("int(const char *, ...)", ffi.getctype "typeof(f)")
  end)

  it("takes aligned on members, records, typedefs", function()
    ffi.cdef [[
      struct a { char c; int x __attribute__((aligned(16))); }; struct b { char c; } __attribute__((aligned(8)));
      struct __attribute__((__aligned__)) c { char c; }; typedef int d __attribute__((aligned(32)));
      struct e { char c; d x; }; typedef long f __attribute__((aligned(1))); struct g { char c; f x; };
      struct h { char c; _Alignas(double) char x; _Alignas(32) char y; }; struct i { _Alignas(0) char c; };]]
    local function layout(tag, field)
      return { ffi.sizeof("struct " .. tag), ffi.alignof("struct " .. tag), (ffi.offsetof("struct " .. tag, field)) }
    end
    assert.are.same({ 32, 16, 16 }, layout("a", "x"))
    assert.are.same({ 8, 8, 0 }, layout("b", "c"))
    assert.are.same({ 16, 16, 0 }, layout("c", "c"))
    assert.are.same({ 64, 32, 32 }, layout("e", "x"))
    assert.are.same({ 9, 1, 1 }, layout("g", "x"))
    assert.are.same({ 64, 32, 8 }, layout("h", "x"))
    assert.are.same({ 1, 1, 0 }, layout("i", "c"))
    assert.equal(32, ffi.alignof "d")
  end)

  it("takes packed on members and records", function()
    ffi.cdef("struct a { char c; int x __attribute__((packed)); int y; }; " ..
      "struct __attribute__((packed)) b { char c; int x; };")
    ffi.cdef("struct c { char c; int x; } __attribute__((__packed__)); struct d { char c; long x, y; " ..
      "} __attribute__((packed, aligned(4)));")
    assert.equal(1, (ffi.offsetof("struct a", "x")))
    assert.equal(8, (ffi.offsetof("struct a", "y")))
    assert.equal(5, ffi.sizeof "struct b")
    assert.equal(5, ffi.sizeof "struct c")
    assert.equal(20, ffi.sizeof "struct d")
  end)

  it("takes mode", function()
    ffi.cdef [[typedef int a __attribute__((mode(QI))); typedef unsigned b __attribute__((__mode__(__DI__)));
      typedef int c __attribute__((mode(word))); typedef float d __attribute__((mode(XF)));
        typedef int e __attribute__((mode(TI)));
      typedef _Complex float f __attribute__((mode(DC))); __attribute__((mode(HI))) typedef int g;]]
    ffi.cdef "typedef int v __attribute__((mode(V2SI)));"
    assert.equal("int __attribute__((vector_size(8)))", ffi.getctype "v")
    for name, text in pairs { a = "signed char", b = "unsigned long", c = "long", d = "long double", e = "__int128",
      f = "double _Complex", g = "short" } do
      assert.equal(text, ffi.getctype(name), name)
    end
  end)

  it("takes vector_size, through pointers, arrays and functions", function()
    ffi.cdef [[typedef int v4 __attribute__((vector_size(16))); typedef float __attribute__((vector_size(8))) v2;
      v4 f(v4 *); typedef int *p __attribute__((vector_size(16)));
        typedef float e __attribute__((ext_vector_type(4)));]]
    assert.equal(16, ffi.sizeof "v4")
    assert.equal(16, ffi.alignof "v4")
    assert.equal("float __attribute__((vector_size(8)))", ffi.getctype "v2")
    assert.equal(ffi.typeof "v4 *", ffi.typeof "p")
    assert.equal(ffi.typeof "float __attribute__((vector_size(16)))", ffi.typeof "e")
  end)

  it("takes transparent_union and nonblocking", function()
    ffi.cdef("typedef union { int *a; char *b; } u __attribute__((__transparent_union__)); " ..
      "int f(int) __attribute__((nonblocking));")
    assert.is_truthy(ffi.getctype "typeof(f)":find("nonblocking", 1, true))
    assert.equal(ffi.typeof "typeof(f)", ffi.typeof(ffi.getctype "typeof(f)"))
  end)

  it("refuses what it can't follow", function()
    raises("cdef:1:29: alignment must be a power of two, near '('", function()
      ffi.cdef "int x __attribute__((aligned(  3)));" end)
    raises("cdef:1:10: alignment must be a power of two", function() ffi.cdef "_Alignas(-4) int x;" end)
    raises("cdef:1:27: mode doesn't fit the type", function() ffi.cdef "int x __attribute__((mode(WI)));" end)
    raises("cdef:1:", function() ffi.cdef "float x __attribute__((mode(QI)));" end)
    local function vector(n, text)
      local ok, message = pcall(ffi.cdef, text)
      assert.is_false(ok, n)
      assert.is_truthy(message:find("not a size that a vector of this type can have", 1, true), message)
    end
    vector(1, "typedef int v __attribute__((vector_size(6)));")
    vector(2, "typedef int v __attribute__((vector_size(0)));")
    vector(3, "typedef int v __attribute__((vector_size(12)));")
    vector(4, "struct s { int a; }; typedef struct s v __attribute__((vector_size(16)));")
    raises("cdef:1:27: attribute 'scalar_storage_order' is not supported", function()
      ffi.cdef [[struct __attribute__((    scalar_storage_order("big-endian"))) s { int a; };]] end)
    raises("cdef:1:29: attribute 'ms_struct' is not supported", function()
      ffi.cdef "struct s { } __attribute__((__ms_struct__));" end)
    raises("cdef:1:22: attribute expected, near '5'", function() ffi.cdef "int x __attribute__((5));" end)
    raises("cdef:1:21: '(' expected", function() ffi.cdef "int x __attribute__(a);" end)
    raises("cdef:1:27: ')' expected, near ';'", function() ffi.cdef "int x __attribute__((a(b));" end)
  end)
end)

describe("mp_attr_asm", function()
  it("gives a declaration its symbol", function()
    local ffi = engine.new()
    ffi.cdef [[int my_abs(int) __asm__("" "abs"); extern int plain asm("a") __attribute__((weak));]]
    assert.equal(3, ffi.C.my_abs(-3))
    raises("cdef:1:17: asm name expected, near '5'", function() ffi.cdef "int x __asm__(  5);" end)
  end)

  it("may stand alone", function()
    local ffi = engine.new()
    ffi.cdef [[__asm__(".symver a, b"); asm(";)"); int after(void);]]
  end)
end)
