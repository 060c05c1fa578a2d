-- face/lua_ctype: declarations, types and questions about them.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("ffi.cdef", function()
  it("takes everyday C", function()
    local ffi = engine.new()
    ffi.cdef [[
      typedef unsigned int u32, *u32p;
      struct point { int x, y; };
      typedef struct { struct point from, to; const char *label; } line;
      union value { int i; float f; char bytes[4]; };
      enum color { RED, GREEN = 5, BLUE };
      struct flags { unsigned a : 3, b : 5; int : 0; signed c : 7; };
      typedef int (*binary)(int, int);
      int printf(const char *format, ...);
      extern int counter;
      #define LIMIT (1 << 10)
      static const int TWICE = 2 * LIMIT;
      int abs(int), atoi(const char *);
    ]]
    assert.equal(4, ffi.sizeof "u32")
    assert.equal(8, ffi.sizeof "u32p")
    assert.equal(24, ffi.sizeof "line")
    assert.equal(4, ffi.sizeof "union value")
    assert.equal(5, ffi.C.GREEN)
    assert.equal(6, ffi.C.BLUE)
    assert.equal(8, ffi.sizeof "struct flags")
    assert.equal("pointer", ffi.typeof("binary").kind)
    assert.equal(1024, ffi.C.LIMIT)
    assert.equal(2048, ffi.C.TWICE)
    assert.equal(12, ffi.C.atoi "12")
  end)

  it("says where a syntax error is, and near which token", function()
    local ffi = engine.new()
    local said = raises("cdef:2:22: ", function()
      ffi.cdef "int ok(int);\nstruct point { int x y; };"
    end)
    assert.matches(", near 'y'", said, 1, true)
  end)

  it("names the text as asked", function()
    local ffi = engine.new()
    raises("my.h:1:", function() ffi.cdef("int int;", { name = "my.h" }) end)
  end)

  it("leaves no trace of a text that fails", function()
    local ffi = engine.new()
    assert.is_false(pcall(ffi.cdef, "typedef int gone; struct half { int x; }; int f(; "))
    raises("", function() ffi.typeof "gone" end)
    assert.same({ {}, {}, {} }, { ffi.list_types() })
    ffi.cdef "typedef double gone; struct half { double x; };"
    assert.equal(8, ffi.sizeof "gone")
    assert.equal(8, ffi.sizeof "struct half")
  end)

  it("says that a type is unknown", function()
    local ffi = engine.new()
    local said = raises("cdef:1:1: ", function() ffi.cdef "nosuch f(void);" end)
    assert.matches("unknown type 'nosuch'", said, 1, true)
  end)

  it("takes a redefinition that agrees, and refuses one that doesn't, naming both places", function()
    local ffi = engine.new()
    ffi.cdef("\nstruct s { int x; }; int f(int);", { name = "one.h" })
    ffi.cdef("struct s { int x; }; int f(int);", { name = "two.h" })
    local said = raises("three.h:1:", function()
      ffi.cdef("struct s { long x; };", { name = "three.h" })
    end)
    assert.matches("redefinition of 'struct s' disagrees with the one at one.h:2", said, 1, true)
    said = raises("four.h:1:", function() ffi.cdef("int f(long);", { name = "four.h" }) end)
    assert.matches("redefinition of 'f' disagrees with the one at one.h:2", said, 1, true)
    assert.equal(4, ffi.sizeof "struct s")
  end)

  it("replaces with `override`", function()
    local ffi = engine.new()
    ffi.cdef "struct s { int x; }; typedef int t;"
    ffi.cdef("struct s { double x, y; }; typedef double t;", { override = true })
    assert.equal(16, ffi.sizeof "struct s")
    assert.equal(8, ffi.sizeof "t")
  end)

  it("packs with `packed` and `pack`", function()
    local text = "struct s { char c; int i; double d; };"
    local plain, packed, pack2 = engine.new(), engine.new(), engine.new()
    plain.cdef(text)
    packed.cdef(text, { packed = true })
    pack2.cdef(text, { pack = 2 })
    assert.equal(16, plain.sizeof "struct s")
    assert.equal(13, packed.sizeof "struct s")
    assert.equal(14, pack2.sizeof "struct s")
    local said = raises("bad argument #2 to 'cdef'", function() pack2.cdef("int x;", { pack = 3 }) end)
    assert.matches("pack must be a power of two from 1 to 128", said, 1, true)
  end)

  it("looks cached type strings up again", function()
    local ffi = engine.new()
    raises("", function() ffi.sizeof "struct late" end)
    ffi.cdef "struct late { int x; };"
    assert.equal(4, ffi.sizeof "struct late")
  end)

  it("takes strings only", function()
    local ffi = engine.new()
    raises("bad argument #1 to 'cdef'", function() ffi.cdef(nil) end)
    raises("bad argument #1 to 'cdef'", function() ffi.cdef {} end)
    raises("bad argument #2 to 'cdef'", function() ffi.cdef("int x;", 5) end)
  end)
end)

describe("ffi.typeof", function()
  local ffi = engine.new()
  ffi.cdef "struct point { int x, y; }; typedef struct point pt; int abs(int);"

  it("gives one ctype a type, whatever it is asked through", function()
    local int = ffi.typeof "int"
    assert.is_true(rawequal(int, ffi.typeof "int"))
    assert.is_true(rawequal(int, ffi.typeof "signed"))
    assert.is_true(rawequal(int, ffi.typeof "int32_t"))
    assert.is_true(rawequal(int, ffi.typeof(int)))
    assert.is_true(rawequal(ffi.typeof "struct point *", ffi.typeof(ffi.new "pt *")))
    assert.is_true(rawequal(ffi.typeof "int(int)", ffi.typeof(ffi.C.abs)))
    assert.equal("found", ({ [int] = "found" })[ffi.typeof "int"])
  end)

  it("survives a collection between two questions", function()
    local text = tostring(ffi.typeof "short(*)[7]")
    collectgarbage()
    assert.equal(text, tostring(ffi.typeof "short(*)[7]"))
  end)

  it("drops a parameter's own const", function()
    assert.equal(ffi.typeof "void(int)", ffi.typeof "void(const int)")
    assert.not_equal(ffi.typeof "void(char *)", ffi.typeof "void(const char *)")
  end)

  it("makes an opaque type of an unknown tag", function()
    local opaque = ffi.typeof "struct unheard_of"
    assert.equal("struct", opaque.kind)
    assert.is_nil(opaque.fields)
  end)

  it("names what it doesn't know", function()
    local said = raises("'nosuch *':1: ", function() ffi.typeof "nosuch *" end)
    assert.matches("unknown type 'nosuch'", said, 1, true)
    raises("'int[':5: ", function() ffi.typeof "int[" end)
    raises("'':1: ", function() ffi.typeof "" end)
    raises("'int x':5: ", function() ffi.typeof "int x" end)
  end)

  it("refuses what has no type", function()
    raises("expected a type: a string or a ctype, not number", function() ffi.typeof(5) end)
    raises("expected a type: a string or a ctype, not nil", function() ffi.typeof(nil) end)
    raises("expected a type: a string or a ctype, not function", function() ffi.typeof(print) end)
  end)

  it("prints", function()
    assert.equal("ctype<struct point *>", tostring(ffi.typeof "struct point*"))
    assert.equal("ctype<int(*)(char, ...)>", tostring(ffi.typeof "int (*)(char,...)"))
  end)
end)

describe("ctype attributes", function()
  local ffi = engine.new()
  ffi.cdef [[
    struct point { int x, y; };
    struct outer { struct point p; union { int i; float f; }; unsigned bits : 3; };
    enum color { RED, GREEN = 5, BLUE = 5, LAST };
    struct opaque;
  ]]

  it("of a primitive", function()
    local t = ffi.typeof "unsigned short"
    assert.equal("primitive", t.kind)
    assert.equal("unsigned short", t.cname)
    assert.equal(2, t.size)
    assert.equal(2, t.align)
    assert.is_nil(t.item)
  end)

  it("of a pointer", function()
    local t = ffi.typeof "struct point *"
    assert.equal("pointer", t.kind)
    assert.equal("struct point *", t.cname)
    assert.equal(ffi.typeof "struct point", t.item)
    assert.equal("function", ffi.typeof("int(*)(int)").item.kind)
  end)

  it("of an array", function()
    local t = ffi.typeof "short[2][3]"
    assert.equal("array", t.kind)
    assert.equal(2, t.length)
    assert.equal(ffi.typeof "short[3]", t.item)
    assert.is_nil(ffi.typeof("short[]").length)
    assert.is_nil(ffi.typeof("short[]").size)
  end)

  it("of a struct: its fields in order, anonymous members flattened", function()
    local t = ffi.typeof "struct outer"
    assert.equal("struct", t.kind)
    local names, offsets = {}, {}
    for i, field in ipairs(t.fields) do
      names[i], offsets[i] = field.name, field.offset
    end
    assert.same({ "p", "i", "f", "bits" }, names)
    assert.same({ 0, 8, 8, 12 }, offsets)
    assert.equal(ffi.typeof "struct point", t.fields[1].type)
    assert.equal(0, t.fields[4].bitshift)
    assert.equal(3, t.fields[4].bitsize)
    assert.is_nil(ffi.typeof("struct opaque").fields)
    assert.is_nil(ffi.typeof("struct opaque").size)
  end)

  it("of an enum", function()
    local t = ffi.typeof "enum color"
    assert.equal("enum", t.kind)
    assert.equal("RED", t.elements[0])
    assert.same({ RED = 0, GREEN = 5, BLUE = 5, LAST = 6 }, t.relements)
  end)

  it("of a function", function()
    local t = ffi.typeof "int(const char *, double, ...)"
    assert.equal("function", t.kind)
    assert.equal(ffi.typeof "int", t.result)
    assert.same({ ffi.typeof "const char *", ffi.typeof "double" }, t.args)
    assert.is_true(t.ellipsis)
    assert.is_false(ffi.typeof("void(void)").ellipsis)
  end)

  it("of void", function()
    assert.equal("void", ffi.typeof("void").kind)
    assert.is_nil(ffi.typeof("void").size)
  end)
end)

describe("a ctype, called", function()
  local ffi = engine.new()
  ffi.cdef "struct point { int x, y; };"

  it("is ffi.new of it", function()
    assert.equal(3, #ffi.typeof "int[3]" ())
    assert.equal(9, ffi.typeof "int *"(9)[0])
    assert.equal(5, #ffi.typeof "int[]"(5))
    raises("expected a pointer or array ctype, got 'int'", function() ffi.typeof "int"(1) end)
  end)

  it("makes a pointer to a struct of a struct", function()
    local p = ffi.typeof "struct point"(3, 4)
    assert.equal(ffi.typeof "struct point *", ffi.typeof(p))
    assert.same({ 3, 4 }, { p.x, p.y })
    assert.equal(7, ffi.typeof "struct point" { y = 7 }.y)
  end)
end)

describe("ffi.sizeof, ffi.alignof", function()
  local ffi = engine.new()
  ffi.cdef [[
    struct mixed { char c; double d; short s; };
    struct opaque;
    struct tail { int n; int v[]; };
  ]]

  it("answer for type strings, ctypes and cdata", function()
    assert.equal(4, ffi.sizeof "int")
    assert.equal(24, ffi.sizeof "struct mixed")
    assert.equal(8, ffi.alignof "struct mixed")
    assert.equal(24, ffi.sizeof(ffi.typeof "int[6]"))
    assert.equal(1, ffi.alignof(ffi.typeof "char[3]"))
    assert.equal(40, ffi.sizeof(ffi.new("int[]", 10)))
    assert.equal(8, ffi.sizeof(ffi.new "int *"))
    assert.equal(24, ffi.sizeof(ffi.new("struct mixed *")[0]))
    assert.equal(8, ffi.alignof(ffi.new "double[2]"))
  end)

  it("count a flexible array that was allocated", function()
    local p = ffi.new("struct tail *", { 3, { 1, 2, 3 } })
    assert.equal(4, ffi.sizeof "struct tail")
    assert.equal(16, ffi.sizeof(p[0]))
    assert.equal(3, #p.v)
  end)

  it("refuse incomplete types", function()
    for _, text in ipairs { "struct opaque", "void", "int[]", "int(int)" } do
      raises(("ctype '%s' is of unknown size"):format(text), function() ffi.sizeof(text) end)
    end
    raises("ctype 'struct opaque' is of unknown size", function() ffi.alignof "struct opaque" end)
  end)

  it("refuse what is neither type nor cdata", function()
    raises("expected a type", function() ffi.sizeof(5) end)
    raises("expected a type", function() ffi.alignof(nil) end)
  end)
end)

describe("ffi.offsetof", function()
  local ffi = engine.new()
  ffi.cdef [[
    struct inner { char c; int value; };
    struct outer { short s; struct inner data[5]; union { int i; double d; }; };
    struct bits { int x; unsigned a : 3, b : 5; };
  ]]

  it("follows names and indexes", function()
    assert.equal(0, ffi.offsetof("struct outer", "s"))
    assert.equal(4, ffi.offsetof("struct outer", "data"))
    assert.equal(4 + 2 * 8 + 4, ffi.offsetof("struct outer", "data", 2, "value"))
    assert.equal(48, ffi.offsetof("struct outer", "d"))
    assert.equal(12, ffi.offsetof("int[5]", 3))
  end)

  it("takes an index one past the end, and none beyond", function()
    assert.equal(20, ffi.offsetof("int[5]", 5))
    raises("index too large for 'int[5]' (expected 6 <= 5)", function() ffi.offsetof("int[5]", 6) end)
    raises("", function() ffi.offsetof("int[5]", -1) end)
  end)

  it("gives unit, position and width of a bit-field", function()
    assert.same({ 4, 0, 3 }, { ffi.offsetof("struct bits", "a") })
    assert.same({ 4, 3, 5 }, { ffi.offsetof("struct bits", "b") })
  end)

  it("says which field isn't there", function()
    raises("'struct outer' has no field 'nosuch'", function() ffi.offsetof("struct outer", "nosuch") end)
    raises("", function() ffi.offsetof("int", "x") end)
    raises("offsetof needs a field or an index", function() ffi.offsetof "struct outer" end)
  end)
end)

describe("ffi.getctype", function()
  local ffi = engine.new()

  it("is the C text of a type", function()
    assert.equal("unsigned int", ffi.getctype "unsigned")
    assert.equal("const char *", ffi.getctype "char const*")
    assert.equal("int(*)(int, ...)", ffi.getctype "int (*)(int, ...)")
    assert.equal("int[3]", ffi.getctype(ffi.typeof "int[3]"))
    assert.equal("int[3]", ffi.getctype(ffi.new "int[3]"))
  end)

  it("places a declarator", function()
    assert.equal("int(*)[3]", ffi.getctype("int[3]", "*"))
    assert.equal("int x[3]", ffi.getctype("int[3]", "x"))
    assert.equal("int[5][3]", ffi.getctype("int[3]", "[5]"))
  end)
end)

describe("ffi.list_types", function()
  it("gives three sorted lists: typedefs, structs, unions", function()
    local ffi = engine.new()
    assert.same({ {}, {}, {} }, { ffi.list_types() })
    ffi.cdef [[
      typedef int zeta; typedef int alpha;
      struct b { int x; }; struct a { int x; };
      union u { int x; };
    ]]
    assert.same({ { "alpha", "zeta" }, { "a", "b" }, { "u" } }, { ffi.list_types() })
  end)
end)

describe("ffi.istype", function()
  local ffi = engine.new()
  ffi.cdef "struct point { int x, y; }; struct other { int x, y; }; typedef struct point pt;"
  local p = ffi.new "struct point *"

  it("asks for exactly this type, const aside", function()
    assert.is_true(ffi.istype("struct point *", p))
    assert.is_true(ffi.istype("pt *const", p))
    assert.is_true(ffi.istype("const struct point", p[0]))
    assert.is_false(ffi.istype("struct other *", p))
    assert.is_false(ffi.istype("void *", p))
    assert.is_true(ffi.istype("int[3]", ffi.new "int[3]"))
    assert.is_false(ffi.istype("int[4]", ffi.new "int[3]"))
  end)

  it("takes a pointer to a struct for the struct", function()
    assert.is_true(ffi.istype("struct point", p))
    assert.is_false(ffi.istype("struct other", p))
  end)

  it("is false for what is no cdata", function()
    for _, x in ipairs { 1, "x", {}, print, true } do assert.is_false(ffi.istype("int", x)) end
    assert.is_false(ffi.istype("int *", nil))
  end)
end)

describe("ffi.metatype", function()
  local ffi

  before_each(function()
    ffi = engine.new()
    ffi.cdef "struct vec { double x, y; int len; };"
  end)

  after_each(function() ffi = nil end)

  it("gives methods to a struct, through pointers and views alike", function()
    local T = ffi.metatype("struct vec", {
      __index = { norm = function(self) return (self.x ^ 2 + self.y ^ 2) ^ 0.5 end },
    })
    assert.equal(ffi.typeof "struct vec", T)
    assert.equal(5, ffi.new("struct vec *", { 3, 4 }):norm())
    assert.equal(5, ffi.new("struct vec[2]", { { 0, 0 }, { 3, 4 } })[1]:norm())
    assert.equal(10, T(6, 8):norm())
  end)

  it("lets a C field win over a method", function()
    ffi.metatype("struct vec", { __index = { len = "method" } })
    assert.equal(7, ffi.new("struct vec *", { len = 7 }).len)
  end)

  it("gives operators", function()
    local T
    T = ffi.metatype("struct vec", {
      __add = function(a, b) return T(a.x + b.x, a.y + b.y) end,
      __eq = function(a, b) return a.x == b.x and a.y == b.y end,
      __len = function() return 2 end,
      __call = function(self, by) return self.x * by end,
      __unm = function(a) return T(-a.x, -a.y) end,
      __tostring = function(self) return ("(%g, %g)"):format(self.x, self.y) end,
    })
    local a, b = T(1, 2), T(3, 4)
    assert.equal(4, (a + b).x)
    assert.equal(6, (a + b).y)
    assert.is_true(a == T(1, 2))
    assert.is_false(a == b)
    assert.equal(2, #a)
    assert.equal(10, a(10))
    assert.equal(-1, (-a).x)
    assert.equal("(1, 2)", tostring(a))
  end)

  it("asks __index and __newindex functions for what isn't a field", function()
    local written = {}
    ffi.metatype("struct vec", {
      __index = function(_, key) return "no " .. tostring(key) end,
      __newindex = function(_, key, value) written[key] = value end,
    })
    local v = ffi.new("struct vec *", { 1, 2 })
    assert.equal("no z", v.z)
    v.z, v.x = 3, 10
    assert.same({ z = 3 }, written)
    assert.equal(10, v.x)
  end)

  it("runs __gc once, by release too", function()
    local ended = 0
    ffi.metatype("struct vec", { __gc = function() ended = ended + 1 end })
    local v = ffi.new "struct vec *"
    ffi.release(v)
    ffi.release(v)
    assert.equal(1, ended)
    v = ffi.new "struct vec *"
    assert.equal(0, v.len)
    v = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    assert.equal(2, ended)
  end)

  it("is set once, for a struct or union, with a table", function()
    ffi.metatype("struct vec", {})
    raises("'struct vec' has a metatype already", function() ffi.metatype("struct vec", {}) end)
    raises("a metatype is for a struct or union, not 'int'", function() ffi.metatype("int", {}) end)
    ffi.cdef "struct w { int x; };"
    raises("bad argument #2 to 'metatype'", function() ffi.metatype("struct w", 1) end)
  end)
end)

describe("a ctype object's metamethod that is called by hand", function()
  it("takes ctype objects alone", function()
    local ffi = engine.new()
    local meta = debug.getmetatable(ffi.typeof "int")
    for _, name in ipairs { "__index", "__tostring", "__call" } do
      for _, value in ipairs { false, 1, "x", {}, print, io.stdout, ffi.new "int *", ffi.C } do
        raises("expected a type: a string or a ctype, not " .. type(value), function()
          meta[name](value, "size")
          return
        end)
      end
      raises("expected a type: a string or a ctype, not no value", function() meta[name]() return end)
    end
    assert.equal(4, meta.__index(ffi.typeof "int", "size"))
  end)
end)
