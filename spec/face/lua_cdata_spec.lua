-- face/lua_cdata: what cdata do in expressions, and the functions that use memory.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local function collect()
  collectgarbage()
  collectgarbage()
end

local CDEF = [[
  struct point { int x, y; };
  struct line { struct point from, to; char name[8]; };
  struct list { struct list *next; int value; };
  union value { int i; unsigned char bytes[4]; };
  struct fields { int a; struct { int b; short c; }; unsigned d : 3; };
  enum color { RED, GREEN = 5 };
]]

describe("indexing", function()
  local ffi = engine.new()
  ffi.cdef(CDEF)

  it("is from 0, within an array", function()
    local a = ffi.new("int[3]", { 1, 2, 3 })
    assert.same({ 1, 2, 3 }, { a[0], a[1], a[2] })
    a[1] = 20
    assert.equal(20, a[1])
    raises("index too large for cdata 'int[3]' (expected 3 < 3)", function() local _ = a[3] end)
    raises("index too large for cdata 'int[3]' (expected 3 < 3)", function() a[3] = 1 end)
    raises("negative index", function() local _ = a[-1] end)
  end)

  it("takes integral floats and integer boxes, nothing else", function()
    local a = ffi.new("int[3]", { 1, 2, 3 })
    assert.equal(2, a[1.0])
    raises("", function() local _ = a[1.5] end)
    raises("", function() local _ = a["1"] end)
    raises("", function() local _ = a[true] end)
    raises("", function() local _ = a[0 / 0] end)
    raises("", function() local _ = a[math.maxinteger] end)
  end)

  it("takes only 0 on an owning pointer", function()
    local p = ffi.new("int *", 5)
    assert.equal(5, p[0])
    raises("cdata 'int *' can only be indexed by 0", function() local _ = p[1] end)
    raises("cdata 'int *' can only be indexed by 0", function() p[-1] = 1 end)
  end)

  it("stays inside the block that a pointer looks into", function()
    local a = ffi.new("int[3]", { 1, 2, 3 })
    local p = ffi.cast("int *", a) + 1
    assert.same({ 1, 2, 3 }, { p[-1], p[0], p[1] })
    raises("", function() local _ = p[2] end)
    raises("", function() local _ = p[-2] end)
    raises("", function() p[2] = 1 end)
    raises("", function() local _ = p[1 << 62] end)
  end)

  it("is free on a raw pointer", function()
    local a = ffi.new("int[3]", { 1, 2, 3 })
    local raw = ffi.cast("int *", ffi.addr(a) + 4)
    assert.same({ 1, 2, 3 }, { raw[-1], raw[0], raw[1] })
  end)

  it("gives views of aggregates", function()
    local line = ffi.new "struct line *"
    local from = line.from
    from.x = 7
    assert.equal(7, line.from.x)
    local rows = ffi.new "int[2][3]"
    rows[1][2] = 5
    assert.equal(5, rows[1][2])
    raises("index too large for cdata 'int[3]' (expected 3 < 3)", function() local _ = rows[1][3] end)
  end)

  it("goes through one pointer for fields", function()
    local p = ffi.new("struct point *", { 1, 2 })
    assert.equal(1, p.x)
    assert.equal(1, p[0].x)
    local pp = ffi.new("struct point *[1]", { p })
    assert.equal(2, pp[0].y)
    raises("", function() local _ = ffi.new("struct point **", p).x end)
  end)

  it("says which field isn't there", function()
    local p = ffi.new "struct point *"
    local said = raises("", function() local _ = p.z end)
    assert.matches("'z'", said, 1, true)
    assert.matches("struct point", said, 1, true)
    raises("", function() p.z = 1 end)
    raises("", function() local _ = ffi.new("int *").x end)
    raises("", function() local _ = p[{}] end)
  end)

  it("keeps the block of each view", function()
    local name = ffi.new("struct line *", { name = "kept" }).name
    local row = ffi.new("int[2][2]", { { 1, 2 }, { 3, 4 } })[1]
    collect()
    assert.equal("kept", ffi.string(name))
    assert.equal(4, row[1])
  end)

  it("refuses void and unknown sizes", function()
    local p = ffi.cast("void *", ffi.new "int *")
    raises("cdata 'void' is opaque", function() local _ = p[0] end)
    local opaque = ffi.cast("struct nobody *", p)
    raises("", function() local _ = opaque[0] end)
    raises("", function() local _ = opaque.x end)
  end)

  it("refuses a field of NULL", function()
    local p = ffi.new "struct list *"
    assert.is_nil(p.next)
    raises("", function() local _ = p.next.value end)
  end)

  it("reads NULL as nil and writes nil as NULL", function()
    local p = ffi.new("struct list *", { value = 1 })
    p.next = p
    assert.equal(1, p.next.next.value)
    p.next = nil
    assert.is_nil(p.next)
    assert.is_nil(ffi.NULL)
  end)
end)

describe("tostring", function()
  local ffi = engine.new()
  ffi.cdef(CDEF)

  it("says what an owner owns", function()
    assert.equal("cdata<struct point *> owning 8 bytes", tostring(ffi.new "struct point *"))
    assert.equal("cdata<char[]> owning 6 bytes", tostring(ffi.new("char[]", "hello")))
  end)

  it("says where a view is", function()
    local line = ffi.new "struct line *"
    assert.matches("^cdata<struct point &> 0x%x+$", tostring(line.to))
    local p = ffi.cast("int *", 0x1234)
    assert.equal("cdata<int *> 0x1234", tostring(p))
    assert.matches("^cdata<char%[8%]> 0x%x+$", tostring(line.name))
  end)

  it("says the length of a slice", function()
    assert.equal("cdata<int[]> sliced length 2", tostring(ffi.slice(ffi.new "int[5]", 1, 3)))
  end)

  it("is the number of a box, exactly", function()
    assert.equal("18446744073709551615", tostring(ffi.cast("uint64_t", -1)))
    assert.equal("-5", tostring(ffi.box("int", -5)))
  end)

  it("works on what was released", function()
    local p = ffi.new "int *"
    ffi.release(p)
    assert.is_string(tostring(p))
  end)
end)

describe("#", function()
  local ffi = engine.new()

  it("is an array's length", function()
    assert.equal(3, #ffi.new "int[3]")
    assert.equal(7, #ffi.new("int[]", 7))
    assert.equal(2, #ffi.new "int[2][5]")
    raises("", function() local _ = #ffi.new "int *" end)
  end)
end)

describe("pairs", function()
  local ffi = engine.new()
  ffi.cdef(CDEF)

  it("runs over an array from 0", function()
    local keys, values = {}, {}
    for i, v in pairs(ffi.new("int[3]", { 7, 8, 9 })) do
      keys[#keys + 1], values[#values + 1] = i, v
    end
    assert.same({ 0, 1, 2 }, keys)
    assert.same({ 7, 8, 9 }, values)
  end)

  it("runs over fields in order, anonymous members flattened, through a pointer too", function()
    local p = ffi.new("struct fields *", { a = 1, b = 2, c = 3, d = 4 })
    for _, x in ipairs { p, p[0] } do
      local keys, values = {}, {}
      for k, v in pairs(x) do
        keys[#keys + 1], values[#values + 1] = k, v
      end
      assert.same({ "a", "b", "c", "d" }, keys)
      assert.same({ 1, 2, 3, 4 }, values)
    end
  end)

  it("refuses a pointer to anything else", function()
    raises("", function() pairs(ffi.new "int *") end)
  end)

  it("is named by the error that ends ipairs", function()
    local said = raises("", function()
      for _ in ipairs(ffi.new "int[2]") do local _ = nil end
    end)
    assert.matches("(expected 2 < 2); pairs() runs over an array", said, 1, true)
  end)
end)

describe("==", function()
  local ffi = engine.new()

  it("compares pointers by address, whatever their types", function()
    local a = ffi.new "int[2]"
    local p = ffi.cast("int *", a)
    assert.is_true(p == ffi.cast("char *", a))
    assert.is_true(p == a)
    assert.is_true(p ~= p + 1)
    assert.is_false(p == nil)
    assert.is_false(p == 5)
  end)
end)

describe("calling", function()
  local ffi = engine.new()
  ffi.cdef "int abs(int);"

  it("calls a function pointer", function()
    local f = ffi.cast("int(*)(int)", ffi.C.abs)
    assert.equal(3, f(-3))
    local slot = ffi.new("int(*[1])(int)", { ffi.C.abs })
    assert.equal(4, slot[0](-4))
  end)

  it("refuses everything else", function()
    raises("cdata 'int *' is not callable", function() ffi.new "int *"() end)
    raises("cdata 'int[2]' is not callable", function() ffi.new "int[2]"(1) end)
  end)
end)

describe("ffi.addressof", function()
  local ffi = engine.new()
  ffi.cdef(CDEF)

  it("is a pointer to an aggregate", function()
    local line = ffi.new "struct line *"
    local p = ffi.addressof(line.to)
    assert.equal(ffi.typeof "struct point *", ffi.typeof(p))
    p.x = 6
    assert.equal(6, line.to.x)
    assert.equal(ffi.typeof "int(*)[3]", ffi.typeof(ffi.addressof(ffi.new "int[3]")))
  end)

  it("follows a path of names and indexes", function()
    local lines = ffi.new "struct line[3]"
    local p = ffi.addressof(lines, 1, "to", "y")
    assert.equal(ffi.typeof "int *", ffi.typeof(p))
    p[0] = 5
    assert.equal(5, lines[1].to.y)
    assert.equal(ffi.typeof "char(*)[8]", ffi.typeof(ffi.addressof(lines, 0, "name")))
    assert.equal(ffi.typeof "char *", ffi.typeof(ffi.addressof(lines, 0, "name", 1)))
  end)

  it("takes a library's function for the function that it stands for", function()
    ffi.cdef "int abs(int);"
    local f = ffi.addressof(ffi.C.abs)
    assert.equal(ffi.typeof "int(*)(int)", ffi.typeof(f))
    assert.equal(3, f(-3))
  end)

  it("takes an element of a pointer", function()
    local p = ffi.new("int *", 5)
    assert.equal(5, ffi.addressof(p, 0)[0])
  end)

  it("keeps the block", function()
    local p = ffi.addressof(ffi.new("struct line *", { to = { 3, 4 } }), "to", "y")
    collect()
    assert.equal(4, p[0])
  end)

  it("says how to write it for a number and a bit-field", function()
    local p = ffi.new "int *"
    raises("addressof(): expected an aggregate or a pointer with a path, not number: of x[0] take ffi.addressof(x, 0)",
      function() ffi.addressof(p[0]) end)
    raises("addressof(): a 'int *' needs a path: of its first element take ffi.addressof(p, 0)", function()
      ffi.addressof(p)
    end)
    raises("bit-field 'd' has no address", function() ffi.addressof(ffi.new "struct fields *", "d") end)
  end)

  it("refuses what isn't there", function()
    local a = ffi.new "int[3]"
    raises("index too large for 'int[3]' (expected 4 < 3)", function() ffi.addressof(a, 4) end)
    raises("", function() ffi.addressof(a, "x") end)
    raises("", function() ffi.addressof(ffi.new "struct point *", "z") end)
    raises("addressof(): expected an aggregate", function() ffi.addressof(nil) end)
  end)
end)

describe("ffi.string", function()
  local ffi = engine.new()
  ffi.cdef(CDEF)

  it("ends at the NUL, the array's end or the length given", function()
    assert.equal("hello", ffi.string(ffi.new("char[10]", "hello")))
    assert.equal("abc", ffi.string(ffi.new("char[3]", "abc")))
    assert.equal("he", ffi.string(ffi.new("char[10]", "hello"), 2))
    assert.equal("hello", ffi.string(ffi.new("char[10]", "hello"), 100))
    assert.equal("", ffi.string(ffi.new("char[10]", "hello"), 0))
    assert.equal("llo", ffi.string(ffi.cast("char *", ffi.new("char[10]", "hello")) + 2))
  end)

  it("takes signed and unsigned char", function()
    assert.equal("x", ffi.string(ffi.new("unsigned char[]", "x")))
    assert.equal("x", ffi.string(ffi.new("signed char[]", "x")))
  end)

  it("stays inside the block", function()
    local p = ffi.cast("char *", ffi.new("char[3]", "abc"))
    assert.equal("abc", ffi.string(p))
    assert.equal("bc", ffi.string(p + 1))
  end)

  it("gives wide text as UTF-8", function()
    assert.equal("aé€", ffi.string(ffi.new("wchar_t[]", "aé€")))
    assert.equal("😀", ffi.string(ffi.new("char16_t[]", "😀")))
    assert.equal("😀x", ffi.string(ffi.new("char32_t[]", "😀x")))
  end)

  it("names an enumerator", function()
    assert.equal("GREEN", ffi.string(ffi.box("enum color", 5)))
    assert.equal("7", ffi.string(ffi.box("enum color", 7)))
  end)

  it("refuses NULL and what isn't text", function()
    raises("cannot use string() or unpack() on NULL", function() ffi.string(nil) end)
    raises("string(): unexpected cdata 'int *'", function() ffi.string(ffi.new "int *") end)
    raises("string(): unexpected cdata 'void *'", function()
      ffi.string(ffi.cast("void *", ffi.new "int *"))
    end)
    raises("string(): unexpected number", function() ffi.string(5) end)
    raises("negative", function() ffi.string(ffi.new "char[3]", -1) end)
    raises("0xdc00 is no Unicode character", function()
      ffi.string(ffi.new("char32_t[]", { 0xDC00, 0 }))
    end)
  end)
end)

describe("ffi.unpack", function()
  local ffi = engine.new()

  it("gives n elements as a table", function()
    assert.same({ 1, 2 }, ffi.unpack(ffi.new("int[3]", { 1, 2, 3 }), 2))
    assert.same({}, ffi.unpack(ffi.new "int[3]", 0))
    assert.same({ 0.5 }, ffi.unpack(ffi.new("double *", 0.5), 1))
  end)

  it("gives n chars as a string, NULs too", function()
    assert.equal("a\0b", ffi.unpack(ffi.new("char[3]", "a\0b"), 3))
    assert.equal("", ffi.unpack(ffi.new "char[3]", 0))
  end)

  it("stays inside the block", function()
    local a = ffi.new "int[3]"
    raises("", function() ffi.unpack(a, 4) end)
    raises("", function() ffi.unpack(ffi.cast("int *", a) + 2, 2) end)
    raises("negative", function() ffi.unpack(a, -1) end)
    raises("cannot use string() or unpack() on NULL", function() ffi.unpack(nil, 1) end)
  end)
end)

describe("ffi.totable", function()
  local ffi = engine.new()
  ffi.cdef(CDEF)

  it("gives plain nested tables from 1, text without its trailing NULs", function()
    local line = ffi.new("struct line *", { { 1, 2 }, { 3, 4 }, "ab" })
    assert.same({ from = { x = 1, y = 2 }, to = { x = 3, y = 4 }, name = "ab" }, ffi.totable(line[0]))
    assert.same({ { 1, 2 }, { 3, 4 } }, ffi.totable(ffi.new("int[2][2]", { { 1, 2 }, { 3, 4 } })))
    assert.equal("a\0b", ffi.totable(ffi.new("char[5]", "a\0b")))
    assert.same({ 97 }, ffi.totable(ffi.new("unsigned char[1]", "a")))
    assert.same({ { re = 1, im = 2 } }, ffi.totable(ffi.new("double _Complex[1]", { { 1, 2 } })))
    ffi.cdef "typedef int pair __attribute__((vector_size(8)));"
    assert.same({ { 1, 2 } }, ffi.totable(ffi.new("pair[1]", { { 1, 2 } })))
  end)

  it("refuses what is no struct or array", function()
    raises("totable(): expected a struct or array, not cdata 'int *'", function()
      ffi.totable(ffi.new "int *")
    end)
    raises("", function() ffi.totable(5) end)
  end)
end)

describe("ffi.slice", function()
  local ffi = engine.new()

  it("is a half-open view", function()
    local a = ffi.new("int[5]", { 1, 2, 3, 4, 5 })
    local s = ffi.slice(a, 1, 3)
    assert.equal(2, #s)
    assert.same({ 2, 3 }, { s[0], s[1] })
    s[0] = 20
    assert.equal(20, a[1])
    raises("index too large for cdata 'int[]' (expected 2 < 2)", function() local _ = s[2] end)
    assert.equal(0, #ffi.slice(a, 5, 5))
    assert.equal(1, #ffi.slice(s, 1, 2))
  end)

  it("keeps the block", function()
    local s = ffi.slice(ffi.new("int[5]", { 1, 2, 3 }), 1, 3)
    collect()
    assert.equal(3, s[1])
  end)

  it("stays in the array", function()
    local a = ffi.new "int[3]"
    raises("index too large (expected 4 <= 3)", function() ffi.slice(a, 1, 4) end)
    raises("negative index", function() ffi.slice(a, -1, 2) end)
    raises("slice start > stop", function() ffi.slice(a, 2, 1) end)
    raises("index too large (expected 2 <= 1)", function() ffi.slice(ffi.slice(a, 1, 2), 0, 2) end)
    raises("expected a cdata, not number", function() ffi.slice(5, 1, 2) end)
    raises("expected a pointer or an array, not cdata 'struct point'", function()
      ffi.cdef(CDEF)
      ffi.slice(ffi.new "struct point *"[0], 0, 1)
    end)
  end)
end)

describe("ffi.assign", function()
  local ffi = engine.new()

  it("sets exactly the elements of a range", function()
    local a = ffi.new "int[5]"
    ffi.assign(a, 1, 3, { 7, 8 })
    assert.same({ 0, 7, 8, 0, 0 }, ffi.unpack(a, 5))
    ffi.assign(a, 3, 5, ffi.new("int[2]", { 1, 2 }))
    assert.same({ 0, 7, 8, 1, 2 }, ffi.unpack(a, 5))
    local s = ffi.new "char[5]"
    ffi.assign(s, 0, 3, "abc")
    assert.equal("abc", ffi.string(s))
    ffi.assign(a, 2, 2, {})
  end)

  it("needs the exact length", function()
    local a = ffi.new "int[5]"
    raises("need 2 values to unpack, got 1", function() ffi.assign(a, 0, 2, { 1 }) end)
    raises("", function() ffi.assign(a, 0, 2, { 1, 2, 3 }) end)
    raises("", function() ffi.assign(a, 0, 2, ffi.new "int[3]") end)
    raises("", function() ffi.assign(ffi.new "char[4]", 0, 2, "abc") end)
    raises("index too large (expected 6 <= 5)", function() ffi.assign(a, 4, 6, { 1, 2 }) end)
  end)
end)

describe("ffi.memmove", function()
  local ffi = engine.new()

  it("copies bytes, overlapping too, from strings too", function()
    local a = ffi.new("char[6]", "abcdef")
    ffi.memmove(a + 2, a, 4)
    assert.equal("ababcd", ffi.unpack(a, 6))
    ffi.memmove(a, "xyz", 3)
    assert.equal("xyzbcd", ffi.unpack(a, 6))
    local n = ffi.new("int[2]", { 1, 2 })
    ffi.memmove(n, ffi.new("int[2]", { 3, 4 }), 8)
    assert.same({ 3, 4 }, ffi.unpack(n, 2))
  end)

  it("is checked on both sides", function()
    local a, b = ffi.new "char[4]", ffi.new "char[8]"
    raises("5 bytes are too many: only 4 are known to be there", function() ffi.memmove(a, b, 5) end)
    raises("", function() ffi.memmove(b, a, 5) end)
    raises("", function() ffi.memmove(b, "abc", 4) end)
    raises("", function() ffi.memmove(b + 5, a, 4) end)
    raises("", function() ffi.memmove(b, a, -1) end)
    raises("", function() ffi.memmove("abc", a, 1) end)
    raises("", function() ffi.memmove(nil, a, 1) end)
    raises("", function() ffi.memmove(ffi.cast("const char *", a), b, 1) end)
  end)

  it("takes what the pointers among the bytes keep along", function()
    local to, from = ffi.new "int *[1]", ffi.new("int *[1]", { ffi.new("int *", 5) })
    ffi.memmove(to, from, 8)
    from = nil -- luacheck: ignore 311
    collect()
    assert.equal(5, to[0][0])
  end)
end)

describe("ffi.fill", function()
  local ffi = engine.new()

  it("sets bytes, 0 unless told", function()
    local a = ffi.new("char[4]", "abcd")
    ffi.fill(a, 2, 120)
    assert.equal("xxcd", ffi.unpack(a, 4))
    ffi.fill(a, 4)
    assert.equal("\0\0\0\0", ffi.unpack(a, 4))
  end)

  it("is checked", function()
    local a = ffi.new "char[4]"
    raises("", function() ffi.fill(a, 5) end)
    raises("", function() ffi.fill(a + 3, 2) end)
    raises("", function() ffi.fill(a, -1) end)
    raises("", function() ffi.fill(ffi.cast("const char *", a), 1) end)
    raises("", function() ffi.fill(nil, 1) end)
  end)
end)

describe("ffi.addr", function()
  local ffi = engine.new()
  ffi.cdef "int abs(int);"

  it("is the address as an integer", function()
    local a = ffi.new "int[3]"
    assert.equal("integer", math.type(ffi.addr(a)))
    assert.equal(ffi.addr(a) + 8, ffi.addr(ffi.addressof(a, 2)))
    assert.equal(0x1234, ffi.addr(ffi.cast("void *", 0x1234)))
    assert.equal(0, ffi.addr(nil))
  end)

  it("makes a table key of a pointer", function()
    local p = ffi.new "int *"
    local t = { [ffi.addr(p)] = "here" }
    assert.equal("here", t[ffi.addr(ffi.cast("char *", p))])
  end)
end)

describe("ffi.tonumber", function()
  local ffi = engine.new()

  it("gives a box as the nearest Lua number", function()
    assert.equal(5, ffi.tonumber(ffi.box("int", 5)))
    assert.equal("integer", math.type(ffi.tonumber(ffi.box("int", 5))))
    assert.equal(0.5, ffi.tonumber(ffi.box("double", 0.5)))
    assert.equal(2.0 ^ 64, ffi.tonumber(ffi.cast("uint64_t", -1)))
  end)

  it("gives a number as it is", function()
    assert.equal(7, ffi.tonumber(7))
    assert.equal(7.5, ffi.tonumber(7.5))
  end)
end)

describe("ffi.errno, ffi.strerror", function()
  local ffi = engine.new()

  it("get and set errno, and name it", function()
    ffi.errno(2)
    assert.equal(2, ffi.errno())
    assert.equal("No such file or directory", ffi.strerror())
    assert.equal("No such file or directory", ffi.strerror(2))
    assert.is_string(ffi.strerror(99999))
    ffi.errno(0)
    assert.equal(0, ffi.errno())
    raises("errno must be an integer, not string", function() ffi.errno "x" end)
  end)
end)
