-- face/lua_new: making memory.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local function collect()
  collectgarbage()
  collectgarbage()
end

describe("ffi.new", function()
  local ffi = engine.new()
  ffi.cdef [[
    struct point { int x, y; };
    struct line { struct point from, to; char name[8]; };
    struct anonymous { int a; union { int i; float f; }; int z; };
    union value { int i; double d; };
    struct tail { int n; short v[]; };
    struct list { struct list *next; int value; };
    struct flags { unsigned a : 3; int b : 4; };
    struct opaque;
    enum color { RED, GREEN = 5 };
  ]]

  it("takes pointers and arrays only", function()
    raises("expected a pointer or array ctype, got 'int'", function() ffi.new "int" end)
    raises("expected a pointer or array ctype, got 'struct point'", function()
      ffi.new "struct point"
    end)
    raises("cannot instantiate ctype 'struct opaque' of unknown size", function()
      ffi.new "struct opaque *"
    end)
    raises("cannot instantiate ctype 'void' of unknown size", function() ffi.new "void *" end)
  end)

  it("fills with zeros", function()
    local a = ffi.new "int[100]"
    for i = 0, 99 do assert.equal(0, a[i]) end
    local p = ffi.new "struct line *"
    assert.equal(0, p.to.y)
    assert.equal("", ffi.string(p.name))
    local large = ffi.new "char[100000]"
    assert.equal(("\0"):rep(100000), ffi.unpack(large, 100000))
  end)

  it("says what it owns", function()
    assert.equal("cdata<int *> owning 4 bytes", tostring(ffi.new "int *"))
    assert.equal("cdata<struct line *> owning 24 bytes", tostring(ffi.new "struct line *"))
    assert.equal("cdata<int[]> owning 40 bytes", tostring(ffi.new("int[]", 10)))
  end)

  it("initializes a scalar", function()
    assert.equal(7, ffi.new("int *", 7)[0])
    assert.equal(2.5, ffi.new("double *", 2.5)[0])
    assert.equal("x", ffi.new("char *", "x")[0])
    assert.is_true(ffi.new("_Bool *", true)[0])
    assert.equal(5, ffi.new("enum color *", "GREEN")[0])
  end)

  it("leaves room for a NUL behind a char", function()
    assert.equal("x", ffi.string(ffi.new("char *", "x")))
  end)

  it("initializes by position, nested", function()
    local line = ffi.new("struct line *", { { 1, 2 }, { 3, 4 }, "abc" })
    assert.same({ 1, 2, 3, 4 }, { line.from.x, line.from.y, line.to.x, line.to.y })
    assert.equal("abc", ffi.string(line.name))
    assert.equal(0, ffi.new("struct point *", { 5 }).y)
    assert.equal(0, ffi.new("struct point *", {}).x)
  end)

  it("initializes by name, nested", function()
    local line = ffi.new("struct line *", { to = { y = 4 }, name = "n" })
    assert.same({ 0, 0, 0, 4 }, { line.from.x, line.from.y, line.to.x, line.to.y })
    assert.equal("n", ffi.string(line.name))
  end)

  it("takes several arguments as positions", function()
    local p = ffi.new("struct point *", 1, 2)
    assert.same({ 1, 2 }, { p.x, p.y })
    local a = ffi.new("int[3]", 7, 8, 9)
    assert.same({ 7, 8, 9 }, { a[0], a[1], a[2] })
  end)

  it("flattens anonymous members", function()
    local p = ffi.new("struct anonymous *", { a = 1, f = 0.5, z = 3 })
    assert.same({ 1, 0.5, 3 }, { p.a, p.f, p.z })
  end)

  it("initializes a union by its first field or by name", function()
    assert.equal(7, ffi.new("union value *", { 7 }).i)
    assert.equal(2.5, ffi.new("union value *", { d = 2.5 }).d)
    assert.equal(0, ffi.new("union value *", {}).i)
    raises("too many initializers for 'union value' (got 2)", function()
      ffi.new("union value *", { 1, 2 })
    end)
  end)

  it("initializes bit-fields, within their range", function()
    local p = ffi.new("struct flags *", { a = 7, b = -8 })
    assert.same({ 7, -8 }, { p.a, p.b })
    raises("value 8 outside the range allowed by the bit field width: 0 <= x <= 7", function()
      ffi.new("struct flags *", { a = 8 })
    end)
    raises("value 8 outside the range allowed by the bit field width: -8 <= x <= 7", function()
      ffi.new("struct flags *", { b = 8 })
    end)
  end)

  it("copies a cdata of the same type", function()
    local p = ffi.new("struct point *", { 1, 2 })
    local q = ffi.new("struct point *", p[0])
    p.x = 9
    assert.same({ 1, 2 }, { q.x, q.y })
    local a = ffi.new("int[3]", { 1, 2, 3 })
    local b = ffi.new("int[3]", a)
    a[0] = 9
    assert.equal(1, b[0])
    local c = ffi.new("int[]", a)
    assert.equal(3, #c)
    assert.equal(9, c[0])
  end)

  it("initializes arrays: tables from 1, or from 0 where that is set", function()
    local a = ffi.new("int[4]", { 1, 2, 3 })
    assert.same({ 1, 2, 3, 0 }, { a[0], a[1], a[2], a[3] })
    a = ffi.new("int[4]", { [0] = 1, 2, 3 })
    assert.same({ 1, 2, 3, 0 }, { a[0], a[1], a[2], a[3] })
  end)

  it("takes nil in a table as zero, and `n` as its length", function()
    local a = ffi.new("int[]", { 1, nil, 3 })
    assert.equal(3, #a)
    assert.same({ 1, 0, 3 }, { a[0], a[1], a[2] })
    a = ffi.new("int[]", { 1, n = 5 })
    assert.equal(5, #a)
    assert.equal(0, a[4])
  end)

  it("takes a length for an open array, then initializers", function()
    assert.equal(5, #ffi.new("int[]", 5))
    assert.equal(0, #ffi.new("int[]", 0))
    assert.equal(5, #ffi.new("int[]", 5.0))
    local a = ffi.new("int[]", 4, { 1, 2 })
    assert.equal(4, #a)
    assert.same({ 1, 2, 0 }, { a[0], a[1], a[2] })
    a = ffi.new("int[]", 4, 1, 2)
    assert.same({ 1, 2, 0, 4 }, { a[0], a[1], a[2], #a })
  end)

  it("refuses lengths that are none", function()
    raises("negative array length", function() ffi.new("int[]", -1) end)
    raises("", function() ffi.new "int[]" end)
    raises("", function() ffi.new("int[]", 1.5) end)
    raises("", function() ffi.new("int[]", nil) end)
    raises("", function() ffi.new("int[]", math.maxinteger) end)
  end)

  it("takes text for character arrays", function()
    assert.equal(6, #ffi.new("char[]", "hello"))
    assert.equal("hello", ffi.string(ffi.new("char[]", "hello")))
    assert.equal("ab\0c", ffi.unpack(ffi.new("char[]", "ab\0c"), 4))
    assert.equal("abc", ffi.unpack(ffi.new("char[3]", "abc"), 3))
    raises("", function() ffi.new("char[3]", "abcd") end)
    assert.equal(98, ffi.new("unsigned char[4]", "abc")[1])
    assert.equal(98, ffi.new("signed char[]", "abc")[1])
  end)

  it("takes UTF-8 text for wide arrays", function()
    local w = ffi.new("wchar_t[]", "aé€")
    assert.equal(4, #w)
    assert.same({ 0x61, 0xE9, 0x20AC, 0 }, { w[0], w[1], w[2], w[3] })
    local u = ffi.new("char16_t[]", "😀")
    assert.equal(3, #u)
    assert.same({ 0xD83D, 0xDE00, 0 }, { u[0], u[1], u[2] })
  end)

  it("sizes a flexible array by its initializer", function()
    local p = ffi.new("struct tail *", { 3, { 1, 2, 3 } })
    assert.equal(3, #p.v)
    assert.equal(3, p.v[2])
    assert.equal(5, #ffi.new("struct tail *", { 1, 5 }).v)
    assert.equal(2, #ffi.new("struct tail *", { v = { 8, 9 } }).v)
  end)

  it("refuses what is too many, unknown, mixed or of a wrong type", function()
    raises("too many initializers for 'int[3]' (got 4)", function()
      ffi.new("int[3]", { 1, 2, 3, 4 })
    end)
    raises("too many initializers for 'struct point' (got 3)", function()
      ffi.new("struct point *", { 1, 2, 3 })
    end)
    local said = raises("", function() ffi.new("struct point *", { z = 1 }) end)
    assert.matches("'z'", said, 1, true)
    assert.matches("struct point", said, 1, true)
    raises("", function() ffi.new("struct point *", { 1, y = 2 }) end)
    raises("", function() ffi.new("struct point *", { x = "1" }) end)
    raises("", function() ffi.new("struct point *", ffi.new "struct line *"[0]) end)
    raises("", function() ffi.new("int *", {}, {}) end)
    raises("", function() ffi.new("int[2]", { 1, "x" }) end)
  end)

  it("keeps what pointers in its initializer point to", function()
    local first = ffi.new("struct list *", { nil, 1 })
    local second = ffi.new("struct list *", { first, 2 })
    first = nil -- luacheck: ignore 311
    collect()
    assert.equal(1, second.next.value)
  end)

  it("raises when memory is out, and goes on", function()
    raises("not enough memory", function() ffi.new("char[]", 1 << 60) end)
    assert.equal(1, ffi.new("int *", 1)[0])
  end)

  it("aligns as the type asks", function()
    for _, text in ipairs { "long double", "__int128", "double" } do
      for n = 1, 40 do
        local a = ffi.new(text .. "[]", n)
        assert.equal(0, ffi.addr(a) % ffi.alignof(text))
      end
    end
  end)
end)

describe("ffi.new_allocator", function()
  local ffi = engine.new()
  ffi.cdef "void *malloc(size_t); void free(void *); void *calloc(size_t, size_t);"

  it("takes memory from alloc and gives it back with free", function()
    local log = {}
    local new = ffi.new_allocator(function(size)
      log[#log + 1] = "alloc " .. size
      return ffi.C.malloc(size)
    end, function(p)
      log[#log + 1] = "free"
      ffi.C.free(p)
    end)
    local a = new("int[10]", { 1, 2, 3 })
    assert.same({ "alloc 40" }, log)
    assert.same({ 1, 2, 3, 0 }, { a[0], a[1], a[2], a[9] })
    ffi.release(a)
    ffi.release(a)
    assert.same({ "alloc 40", "free" }, log)
    raises("cdata was released", function() local _ = a[0] end)
  end)

  it("takes C functions, and a table of names", function()
    local new = ffi.new_allocator { alloc = function(n) return ffi.C.malloc(n) end, free = ffi.C.free }
    local p = new("int *", 5)
    assert.equal(5, p[0])
    p = nil -- luacheck: ignore 311
    collect()
  end)

  it("clears, unless told not to", function()
    local memory = ffi.new("char[]", ("x"):rep(8))
    local function alloc() return memory end
    assert.equal(0x78787878, ffi.new_allocator(alloc, nil, false) "int *"[0])
    assert.equal(0, ffi.new_allocator(alloc) "int *"[0])
    assert.equal(0, ffi.new_allocator { alloc = alloc } "int *"[0])
  end)

  it("is ffi.new without functions", function()
    assert.equal(3, ffi.new_allocator()("int *", 3)[0])
  end)

  it("says what alloc must return", function()
    raises("alloc() must return a cdata pointer (got number)", function()
      ffi.new_allocator(function() return 5 end) "int *"
    end)
    raises("alloc() returned NULL", function()
      ffi.new_allocator(function() return nil end) "int *"
    end)
  end)

  it("refuses free without alloc, and what isn't callable", function()
    raises("alloc and free must be callable, not number", function() ffi.new_allocator(5) end)
    raises("alloc and free must be callable, not string", function() ffi.new_allocator(print, "x") end)
    raises("cannot pass 'free' without 'alloc'", function() ffi.new_allocator(nil, function() end) end)
    raises("cannot pass 'free' without 'alloc'", function()
      ffi.new_allocator { free = function() end }
    end)
  end)

  it("ends with the memory that alloc gave", function()
    for _, size in ipairs { 64, 4096 } do
      local memory = ffi.new("char[]", size)
      local p = ffi.new_allocator(function() return memory end)("int *", 5)
      assert.equal(5, p[0])
      ffi.release(memory)
      raises("cdata was released", function() local _ = p[0] end)
    end
  end)

  it("gives the memory back when the initializer fails", function()
    local live = 0
    local new = ffi.new_allocator(function(size)
      live = live + 1
      return ffi.C.malloc(size)
    end, function(p)
      live = live - 1
      ffi.C.free(p)
    end)
    assert.is_false(pcall(new, "int[2]", { 1, 2, 3 }))
    collect()
    assert.equal(0, live)
  end)

  it("lets an error in alloc through", function()
    assert.error_matches(function()
      ffi.new_allocator(function() error "no more" end) "int *"
    end, "no more")
  end)
end)

describe("ffi.cast", function()
  local ffi = engine.new()
  ffi.cdef "enum color { RED, GREEN = 5 }; struct s { int x; }; int abs(int);"

  it("gives characters and truth as Lua has them", function()
    assert.equal("a", ffi.cast("char", 97))
    assert.equal(97, ffi.cast("int", "a"))
    assert.is_true(ffi.cast("_Bool", 2))
    assert.is_false(ffi.cast("_Bool", 0))
    assert.is_true(ffi.cast("_Bool", 0.5))
    assert.equal(1, ffi.cast("int", true))
  end)

  it("turns pointers into integers and back", function()
    local p = ffi.new("int *", 3)
    local n = ffi.cast("uintptr_t", p)
    assert.equal(ffi.addr(p), n)
    assert.equal(3, ffi.cast("int *", n)[0])
    assert.is_nil(ffi.cast("int *", 0))
    assert.is_nil(ffi.cast("int *", nil))
    assert.equal(0, ffi.cast("intptr_t", nil))
  end)

  it("lets arrays decay", function()
    local a = ffi.new("int[3]", { 1, 2, 3 })
    assert.equal(ffi.addr(a), ffi.addr(ffi.cast("int *", a)))
    assert.equal(ffi.addr(a), ffi.addr(ffi.cast("void *", a)))
  end)

  it("takes library functions as the pointers they stand for", function()
    local f = ffi.cast("int(*)(int)", ffi.C.abs)
    assert.equal(4, f(-4))
    assert.is_true(ffi.cast("uintptr_t", ffi.C.abs) ~= 0)
  end)

  it("keeps the block alive, and owns nothing", function()
    local p = ffi.cast("char *", ffi.new("int *", 0x41))
    collect()
    assert.equal("A", p[0])
    raises("", function() ffi.release(p) end)
  end)

  it("refuses structs and what isn't a C value", function()
    raises("", function() ffi.cast("struct s", 1) end)
    raises("", function() ffi.cast("int", {}) end)
    raises("", function() ffi.cast("int", ffi.new "struct s *"[0]) end)
    raises("", function() ffi.cast("int[3]", ffi.new "int[3]") end)
  end)
end)

describe("ffi.box", function()
  local ffi = engine.new()
  ffi.cdef "enum color { RED, GREEN = 5 };"

  it("makes a cdata of exactly the type", function()
    local b = ffi.box("int", 7)
    assert.equal("userdata", type(b))
    assert.equal(ffi.typeof "int", ffi.typeof(b))
    assert.equal(7, ffi.tonumber(b))
    assert.equal("7", tostring(b))
    assert.equal(4, ffi.sizeof(b))
    assert.equal("GREEN", ffi.string(ffi.box("enum color", 5)))
  end)

  it("takes what a write takes", function()
    assert.equal("0.5", tostring(ffi.box("double", 0.5)))
    assert.equal(97, ffi.tonumber(ffi.box("char", "a")))
    assert.equal(5, ffi.tonumber(ffi.box("enum color", "GREEN")))
    raises("integer 300 does not fit 'unsigned char'", function() ffi.box("unsigned char", 300) end)
    raises("", function() ffi.box("int", "5") end)
  end)

  it("takes arithmetic and enum types only", function()
    raises("", function() ffi.box("int *", nil) end)
    raises("", function() ffi.box("int[2]", {}) end)
    raises("", function() ffi.box("void", 1) end)
  end)
end)

describe("ffi.gc", function()
  local ffi = engine.new()

  it("runs the destructor once, with the object that it was given for", function()
    local p, seen = ffi.new("int *", 7), {}
    local managed = ffi.gc(p, function(x) seen[#seen + 1] = x end)
    assert.equal(7, managed[0])
    ffi.release(managed)
    ffi.release(managed)
    collect()
    assert.equal(1, #seen)
    assert.is_true(rawequal(p, seen[1]))
  end)

  it("runs it when collected", function()
    local ended = 0
    ffi.gc(ffi.new "int *", function() ended = ended + 1 end)
    collect()
    assert.equal(1, ended)
  end)

  it("runs it at the end of a scope", function()
    local log = {}
    do
      local p <close> = ffi.gc(ffi.new "int *", function() log[#log + 1] = "end" end)
      p[0] = 1
      log[#log + 1] = "in"
    end
    assert.same({ "in", "end" }, log)
  end)

  it("runs nested ones outermost first", function()
    local log = {}
    local inner = ffi.gc(ffi.new "int *", function() log[#log + 1] = "inner" end)
    local outer = ffi.gc(inner, function() log[#log + 1] = "outer" end)
    assert.equal(0, outer[0])
    outer, inner = nil, nil -- luacheck: ignore 311
    collect()
    collect()
    assert.same({ "outer", "inner" }, log)
  end)

  it("ends the result and not what it was made of", function()
    local p = ffi.new("int *", 5)
    local managed = ffi.gc(p, function() end)
    local view = ffi.cast("char *", managed)
    ffi.release(managed)
    raises("cdata was released", function() local _ = managed[0] end)
    raises("cdata was released", function() local _ = view[0] end)
    assert.equal(5, p[0])
  end)

  it("ends before what it was made of is released", function()
    local log = {}
    local p = ffi.new("int *", 5)
    local managed = ffi.gc(p, function(x) log[#log + 1] = x[0] end)
    ffi.release(p)
    assert.same({ 5 }, log)
    raises("cdata was released", function() local _ = managed[0] end)
  end)

  it("takes the destructor off with nil", function()
    local ended = 0
    local managed = ffi.gc(ffi.new("int *", 3), function() ended = ended + 1 end)
    ffi.gc(managed, nil)
    assert.equal(3, managed[0])
    managed = nil -- luacheck: ignore 311
    collect()
    assert.equal(0, ended)
    raises("can remove the destructor only of what ffi.gc returned", function()
      ffi.gc(ffi.new "int *", nil)
    end)
  end)

  it("takes anything callable", function()
    local called = 0
    local callable = setmetatable({}, { __call = function() called = called + 1 end })
    ffi.release(ffi.gc(ffi.new "int *", callable))
    assert.equal(1, called)
    raises("a destructor must be callable, not a number", function() ffi.gc(ffi.new "int *", 5) end)
  end)

  it("is nil for nil", function()
    assert.is_nil(ffi.gc(nil, print))
  end)

  it("takes raw pointers", function()
    local seen
    local p = ffi.gc(ffi.cast("int *", 0x1000), function(x) seen = ffi.addr(x) end)
    assert.equal(0x1000, ffi.addr(p))
    ffi.release(p)
    assert.equal(0x1000, seen)
  end)

  it("reports an error in a destructor", function()
    local reports = {}
    ffi.onreport(function(text) reports[#reports + 1] = text end)
    ffi.release(ffi.gc(ffi.new "int *", function() error "went wrong" end))
    ffi.gc(ffi.new "int *", function() error "went wrong later" end)
    collect()
    ffi.onreport(nil)
    assert.equal(2, #reports)
    assert.matches("went wrong", reports[1], 1, true)
    assert.matches("went wrong later", reports[2], 1, true)
  end)

  it("refuses what is no pointer or aggregate", function()
    raises("expected a cdata, not number", function() ffi.gc(5, print) end)
    raises("expected a cdata, not string", function() ffi.gc("x", print) end)
    raises("cdata 'int' is a number: it can't have a destructor", function()
      ffi.gc(ffi.box("int", 1), print)
    end)
    raises("negative size", function() ffi.gc(ffi.new "int *", print, -1) end)
  end)
end)

describe("ffi.release", function()
  local ffi = engine.new()
  ffi.cdef "struct s { int x; struct { int y; } in; };"

  it("ends what new made, and each view of it", function()
    local p = ffi.new("struct s *", { x = 1 })
    local view, inner, field = p[0], p["in"], ffi.addressof(p, "x")
    ffi.release(p)
    raises("cdata was released", function() local _ = p.x end)
    raises("cdata was released", function() p.x = 1 end)
    raises("cdata was released", function() local _ = view.x end)
    raises("cdata was released", function() local _ = inner.y end)
    raises("cdata was released", function() local _ = field[0] end)
    raises("cdata was released", function() field[0] = 1 end)
  end)

  it("is idempotent", function()
    local p = ffi.new "int[1000]"
    ffi.release(p)
    ffi.release(p)
  end)

  it("ends a <close> variable", function()
    local view
    do
      local p <close> = ffi.new("int *", 1)
      view = ffi.cast("char *", p)
      assert.equal("\1", view[0])
    end
    raises("cdata was released", function() local _ = view[0] end)
  end)

  it("refuses views, casts and boxes", function()
    local p = ffi.new "struct s *"
    raises("cdata 'struct s *' is a view or a raw pointer: only what owns can be released", function()
      ffi.release(ffi.cast("struct s *", p))
    end)
    raises("", function() ffi.release(p["in"]) end)
    raises("", function() ffi.release(ffi.addressof(p, "x")) end)
    raises("expected a cdata, not number", function() ffi.release(5) end)
  end)

  it("stops stores and calls with what it ended", function()
    ffi.cdef "size_t strlen(const char *);"
    local text = ffi.new("char[]", "abc")
    local slot = ffi.new "char *[1]"
    ffi.release(text)
    raises("cdata was released", function() slot[0] = text end)
    raises("cdata was released", function() ffi.C.strlen(text) end)
  end)
end)

describe("ffi.new_handle, ffi.from_handle", function()
  local ffi = engine.new()

  it("stand for any Lua value while the handle lives", function()
    local value = { "any" }
    local handle = ffi.new_handle(value)
    assert.equal(ffi.typeof "void *", ffi.typeof(handle))
    assert.is_true(rawequal(value, ffi.from_handle(handle)))
    assert.is_true(rawequal(value, ffi.from_handle(ffi.cast("char *", handle))))
    assert.is_true(rawequal(value, ffi.from_handle(ffi.cast("void *", ffi.addr(handle)))))
    local other = ffi.new_handle(value)
    assert.not_equal(ffi.addr(handle), ffi.addr(other))
    assert.is_nil(ffi.from_handle(ffi.new_handle(nil)))
  end)

  it("keep the value", function()
    local handle = ffi.new_handle { 42 }
    collect()
    assert.equal(42, ffi.from_handle(handle)[1])
  end)

  it("are errors when dead or foreign", function()
    local handle = ffi.new_handle "x"
    local raw = ffi.cast("void *", ffi.addr(handle))
    ffi.release(handle)
    raises("not a live handle", function() ffi.from_handle(raw) end)
    raises("cdata was released", function() ffi.from_handle(handle) end)
    raises("not a live handle", function() ffi.from_handle(ffi.new "int *") end)
    raises("not a live handle", function() ffi.from_handle(ffi.cast("void *", 0x1234)) end)
    for _ = 1, 1000 do ffi.new_handle "y" end
    collect()
    for _ = 1, 1000 do ffi.new_handle "z" end
    raises("not a live handle", function() ffi.from_handle(raw) end)
    raises("cannot use from_handle() on NULL", function() ffi.from_handle(nil) end)
    raises("expected a cdata, not number", function() ffi.from_handle(5) end)
  end)
end)
