-- value/init: initializers of arrays, structs and unions.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("mp_init_aggregate", function()
  local ffi = engine.new()
  ffi.cdef [[
    struct point { int x, y; };
    struct nested { struct point p[2]; union { int i; float f; }; char name[4]; };
    union u { struct point p; int i; };
    struct shadow { int a; struct { int b; }; };
  ]]

  it("goes as deep as the type", function()
    local p = ffi.new("struct nested *", { p = { { 1, 2 }, { y = 4 } }, f = 0.5, name = "abc" })
    assert.same({ p = { { x = 1, y = 2 }, { x = 0, y = 4 } }, i = p.i, f = 0.5, name = "abc" },
      ffi.totable(p[0]))
  end)

  it("says which initializers are too many", function()
    raises("too many initializers for 'struct point[2]' (got 3)", function()
      ffi.new("struct nested *", { p = { {}, {}, {} } })
    end)
    raises("too many initializers for 'struct point' (got 3)", function()
      ffi.new("struct nested *", { p = { { 1, 2, 3 } } })
    end)
    raises("initializer string is too long for 'char[4]' (got 5 characters)", function()
      ffi.new("struct nested *", { name = "abcde" })
    end)
  end)

  it("says which key isn't a field", function()
    raises("'struct point' has no field 'z'", function() ffi.new("struct point *", { z = 1 }) end)
    raises("initializer for 'int[2]' has the key 'x'", function() ffi.new("int[2]", { x = 1 }) end)
    raises("", function() ffi.new("struct point *", { [true] = 1 }) end)
    raises("", function() ffi.new("int[2]", { [1.5] = 1 }) end)
    raises("", function() ffi.new("int[2]", { [-1] = 1 }) end)
  end)

  it("gives an anonymous union one position, its first alternative's", function()
    ffi.cdef [[
      struct variant { int kind; union { int i; double d; char text[4]; }; int last; };
      struct pair { union { struct { int a, b; }; int v[2]; }; int c; };
    ]]
    local v = ffi.new("struct variant *", { 1, 2, 3 })
    assert.same({ 1, 2, 3 }, { v.kind, v.i, v.last })
    local p = ffi.new("struct pair *", { 1, 2, 3 })
    assert.same({ 1, 2, 3 }, { p.a, p.b, p.c })
    raises("too many initializers for 'struct variant' (got 4)", function()
      ffi.new("struct variant *", { 1, 2, 3, 4 })
    end)
  end)

  it("doesn't mix positions and names", function()
    raises("initializer for 'struct point' mixes positions and names", function()
      ffi.new("struct point *", { 1, y = 2 })
    end)
  end)

  it("refuses text that is no UTF-8 for wide arrays", function()
    raises("string is not valid UTF-8", function() ffi.new("wchar_t[]", "a\xFF") end)
    raises("string is not valid UTF-8", function() ffi.new("char16_t[4]", "\xC3") end)
  end)

  it("copies an array of the same type and length", function()
    local a = ffi.new("int[2]", { 1, 2 })
    assert.equal(2, ffi.new("int[2]", a)[1])
    raises("", function() ffi.new("int[3]", a) end)
    raises("", function() ffi.new("short[2]", a) end)
  end)

  it("takes no table of a metatable's making for more than it is", function()
    local proxy = setmetatable({ 1, 2 }, { __index = function() return 9 end })
    assert.same({ 1, 2, 0 }, ffi.unpack(ffi.new("int[3]", proxy), 3))
  end)
end)

describe("mp_init_size", function()
  local ffi = engine.new()
  ffi.cdef "struct tail { int n; short v[]; };"

  it("sizes flexible arrays by table, length or text", function()
    assert.equal(4 + 6, #ffi.buffer(ffi.new("struct tail *", { 1, { 1, 2, 3 } })))
    assert.equal(4, #ffi.new("struct tail *", { 1, 4 }).v)
    ffi.cdef "struct text { int n; char s[]; };"
    local t = ffi.new("struct text *", { 5, "hello" })
    assert.equal("hello", ffi.string(t.s))
    raises("index too large", function() local _ = t.s[#t.s] end)
  end)

  it("writes a flexible array to its block's end, and no further", function()
    ffi.cdef "struct tailed { int n; int v[]; };"
    local p = ffi.new("struct tailed *", { 3, { 1, 2, 3 } })
    p.v = { 7, 8 }
    assert.same({ 7, 8, 3 }, ffi.unpack(p.v))
    p[0] = { v = { 9 } }
    assert.same({ 9, 8, 3 }, ffi.unpack(p.v))
    raises("too many initializers for 'int[]' (got 4)", function() p.v = { 1, 2, 3, 4 } end)
    raises("initializer for ctype 'int[]' must be a table or array cdata, not number", function() p.v = 3 end)
    assert.same({ n = 3, v = { 9, 8, 3 } }, ffi.totable(p))
  end)

  it("leaves none without an initializer", function()
    local t = ffi.new "struct tail *"
    assert.equal(0, #t.v)
    raises("index too large", function() t.v[0] = 1 end)
  end)
end)

describe("mp_init_length", function()
  local ffi = engine.new()

  it("says what an open array needs", function()
    raises("'int[]' needs a length, a table or a string", function() ffi.new("int[]", nil) end)
    raises("negative array length", function() ffi.new("int[]", -1) end)
    raises("", function() ffi.new("int[]", "text") end)
    raises("2.5 is no array length", function() ffi.new("int[]", 2.5) end)
  end)
end)

describe("mp_init_positional", function()
  local ffi = engine.new()
  ffi.cdef "struct point { int x, y; };"

  it("takes several arguments as positions", function()
    assert.equal(2, ffi.new("struct point *", 1, 2).y)
    assert.equal(4, ffi.new("int[2][2]", { 1, 2 }, { 3, 4 })[1][1])
    raises("too many initializers for 'struct point' (got 3)", function()
      ffi.new("struct point *", 1, 2, 3)
    end)
  end)
end)
