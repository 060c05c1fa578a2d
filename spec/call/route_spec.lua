-- call/route: values that a call converts at once, and those that need a closer look, are one
-- to C; and what a closer look finds is found whatever the function is called with otherwise.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local INTEGERS = { -- name of the fixture's function, type, bits, is it signed
  { "schar", "signed char", 8, true }, { "uchar", "unsigned char", 8 },
  { "short", "short", 16, true }, { "ushort", "unsigned short", 16 },
  { "int", "int", 32, true }, { "uint", "unsigned int", 32 },
  { "long", "long", 64, true }, { "ulong", "unsigned long", 64 },
  { "llong", "long long", 64, true }, { "ullong", "unsigned long long", 64 },
  { "wchar", "wchar_t", 32, true }, { "char16", "char16_t", 16 }, { "char32", "char32_t", 32 },
}

describe("a scalar argument", function()
  local ffi = engine.new()
  for _, t in ipairs(INTEGERS) do ffi.cdef(("%s number_%s(%s);"):format(t[2], t[1], t[2])) end
  ffi.cdef [[
    _Bool number_bool(_Bool); char number_char(char); float number_float(float);
    double number_double(double); enum color { RED, GREEN = 5, BLUE }; enum color number_color(enum color);
    double number_mix(int, double, float, long long); size_t number_size(size_t); int number_none(void);
  ]]
  local lib = ffi.dlopen(engine.fixture "number")

  it("is the same as an integer, as an integral float and as a box", function()
    for _, t in ipairs(INTEGERS) do
      local f = lib["number_" .. t[1]]
      local most = t[4] and (1 << t[3] - 1) - 1 or t[3] < 64 and (1 << t[3]) - 1 or math.maxinteger
      local least = t[4] and -(1 << t[3] - 1) or 0
      for _, n in ipairs { 0, 1, 100, most, most - 1, least, least + 1 } do
        assert.equal(n, f(n))
        assert.equal("integer", math.type(f(n)))
        if n == math.tointeger(n + 0.0) then assert.equal(n, f(n + 0.0)) end
        assert.equal(n, f(ffi.box(t[2], n)))
      end
      if most < math.maxinteger then raises("", function() f(most + 1) end) end
      if least > math.mininteger then raises("", function() f(least - 1) end) end
      for _, wrong in ipairs { "1", "x", {}, print, 0.5, 1e300 } do raises("", function() f(wrong) end) end
      raises("", function() f(nil) end)
      raises("", function() f(true) end)
      raises("", function() f() end)
      raises("", function() f(1, 2) end)
    end
  end)

  it("is rounded from an integer to a float once", function()
    for _, n in ipairs { (1 << 60) + (1 << 36) + 1, -(1 << 60) - (1 << 36) - 1, math.maxinteger } do
      assert.equal(lib.number_float(ffi.box("int64_t", n)), lib.number_float(n))
      assert.equal(ffi.new("float[1]", { n })[0], lib.number_float(n))
    end
  end)

  it("reaches C extended to an int, as compilers expect it", function()
    local narrow = engine.new() -- the function takes an int: it looks at all of the register's half
    narrow.cdef "int number_int(short); unsigned number_uint(_Bool); int number_add(signed char, unsigned char);"
    local fixture = narrow.dlopen(engine.fixture "number")
    local wide = engine.new()
    wide.cdef "long number_long(long);"
    local dirty = wide.dlopen(engine.fixture "number").number_long
    for _, n in ipairs { -5, 5, -32768, 32767 } do
      for _, given in ipairs { n, n + 0.0, ffi.box("short", n) } do
        dirty(wide.box("long", 0x5555555555555555))
        assert.equal(n, fixture.number_int(given))
      end
    end
    for _, given in ipairs { true, 1, 1.0 } do
      dirty(wide.box("long", -1))
      assert.equal(1, fixture.number_uint(given))
    end
    dirty(wide.box("long", 0x5555555555555555))
    assert.equal(-128 + 255, fixture.number_add(-128.0, 255.0))
    assert.equal(-128 + 255, fixture.number_add(-128, 255))
  end)

  it("keeps what Lua's integers don't hold", function()
    local max = ffi.cast("uint64_t", -1)
    assert.equal(max, lib.number_ulong(max))
    assert.equal("18446744073709551615", tostring(lib.number_size(max)))
  end)

  it("may be a float that fits one", function()
    assert.equal(0.5, lib.number_float(0.5))
    assert.equal(3.0, lib.number_float(3))
    assert.equal(1 / 0, lib.number_float(1 / 0))
    assert.equal(-1 / 0, lib.number_float(-1 / 0))
    assert.is_true(lib.number_float(0 / 0) ~= lib.number_float(0 / 0))
    assert.equal(0.25, lib.number_float(ffi.box("double", 0.25)))
    raises("number 1e+300 does not fit 'float'", function() lib.number_float(1e300) end)
    raises("", function() lib.number_float "0.5" end)
    assert.equal("float", math.type(lib.number_double(3)))
    assert.equal(2.0 ^ 62, lib.number_double(1 << 62))
    raises("", function() lib.number_double "0.5" end)
  end)

  it("may be a truth value, an enumerator, a character", function()
    assert.is_true(lib.number_bool(true))
    assert.is_false(lib.number_bool(false))
    assert.is_true(lib.number_bool(1))
    assert.is_false(lib.number_bool(0))
    raises("", function() lib.number_bool(2) end)
    raises("", function() lib.number_bool(nil) end)
    assert.equal(5, lib.number_color "GREEN")
    assert.equal(6, lib.number_color(6))
    assert.equal("A", lib.number_char "A")
    assert.equal("A", lib.number_char(65))
    raises("", function() lib.number_char "AB" end)
  end)

  it("is looked at closely beside others that needn't be", function()
    assert.equal(1 + 2.5 + 0.5 + 4, lib.number_mix(1, 2.5, 0.5, 4))
    assert.equal(1 + 2 + 3 + 4, lib.number_mix(1.0, 2, 3, 4.0))
    local said = raises("", function() lib.number_mix(1, 2.5, 0.5, "4") end)
    assert.matches("argument 4 of 'double(int, double, float, long long)'", said, 1, true)
    raises("'double(int, double, float, long long)' expects 4 arguments, got 5", function()
      lib.number_mix(1, 2.5, 0.5, 4, nil)
    end)
    raises("'int(void)' expects 0 arguments, got 1", function() lib.number_none(nil) end)
  end)

  it("goes through a pointer as by name", function()
    local f = ffi.cast("double(*)(int, double, float, long long)", ffi.addressof(lib, "number_mix"))
    assert.equal(1 + 2.5 + 0.5 + 4, f(1, 2.5, 0.5, 4))
    raises("", function() f(1, 2.5, 0.5, "4") end)
    raises("", function() f(1) end)
  end)
end)

describe("a pointer argument", function()
  local ffi = engine.new()
  ffi.cdef [[
    size_t text_length(const char *); const char *text_find(const char *, int); void *array_same(void *);
    int array_sum(const int *, size_t); int array_is_null(const void *); int *array_at(int *, size_t);
    unsigned text_bytes(const unsigned char *, size_t); void text_copy(char *to, const char *from);
    typedef long (*nine)(void *, void *, void *, void *, void *, void *, void *, void *, void *);
    long passing_longs6(void *, void *, void *, void *, void *, void *);
  ]]
  local text, array = ffi.dlopen(engine.fixture "text"), ffi.dlopen(engine.fixture "array")

  it("may be a string, a cdata, nil", function()
    assert.equal(5, text.text_length "hello")
    assert.equal(5, text.text_length(ffi.new("char[]", "hello")))
    assert.equal(2, text.text_length(ffi.cast("char *", ffi.new("char[]", "hello")) + 3))
    assert.equal(1, array.array_is_null(nil))
    assert.equal(0, array.array_is_null "")
    assert.equal(294, text.text_bytes("abc", 3))
    assert.equal("lo", ffi.string(text.text_find("hello", 108)):sub(2))
    for _, wrong in ipairs { 1, 0.5, true, print, io.stdout } do
      raises("", function() text.text_length(wrong) end)
    end
  end)

  it("is of the type, or goes where the type allows", function()
    local ints = ffi.new("int[3]", { 1, 2, 3 })
    assert.equal(6, array.array_sum(ints, 3))
    assert.equal(5, array.array_sum(ints + 1, 2))
    assert.equal(6, array.array_sum({ 1, 2, 3 }, 3))
    assert.equal(0, array.array_is_null(ints))
    raises("", function() array.array_sum(ffi.new "long[3]", 3) end)
    raises("", function() array.array_at(ffi.cast("const int *", ints), 0) end)
    raises("", function() text.text_copy(text.text_find("abc", 97), "x") end) -- Lua's own bytes
    raises("", function() array.array_sum(ffi.box("int", 1), 1) end)
  end)

  it("is refused once it was released", function()
    for _, n in ipairs { 3, 3000 } do -- in the object, and in memory of its own
      local ints = ffi.new(("int[%d]"):format(n))
      local view = ints + 1
      assert.equal(0, array.array_sum(view, 2))
      ffi.release(ints)
      raises("cdata was released", function() array.array_sum(ints, 2) end)
      raises("cdata was released", function() array.array_sum(view, 2) end)
    end
  end)

  it("may be one of many, all of which are kept", function()
    local lib = ffi.dlopen(engine.fixture "passing")
    local blocks = {}
    for i = 1, 9 do blocks[i] = ffi.new "char[2000]" end
    local six = ffi.cast("int(*)(void *, void *, void *, void *, void *, void *)",
      ffi.addressof(lib, "passing_longs6"))
    six(table.unpack(blocks, 1, 6))
    local nine = ffi.cast("nine", ffi.callback("nine", function(...)
      for _, b in ipairs(blocks) do ffi.release(b) end
      return select("#", ...)
    end))
    assert.equal(9, nine(table.unpack(blocks)))
    for i = 1, 9 do raises("cdata was released", function() local _ = blocks[i][0] end) end
  end)
end)

describe("a struct by value", function()
  local ffi = engine.new()
  ffi.cdef [[
    struct point { int x, y; }; struct point record_add(struct point, struct point);
    struct other { int x, y; };
    union passing_number { int i; float f; }; union passing_number passing_number(union passing_number);
    struct passing_big { long a[20]; }; struct passing_big passing_big(struct passing_big, int);
  ]]
  local lib, passing = ffi.dlopen(engine.fixture "record"), ffi.dlopen(engine.fixture "passing")

  it("may be a result, a view, an element", function()
    local p, list = ffi.new("struct point *", { 1, 2 }), ffi.new("struct point[2]", { { 3, 4 }, { 5, 6 } })
    local sum = lib.record_add(p[0], list[1])
    assert.same({ 6, 8 }, { sum.x, sum.y })
    sum = lib.record_add(sum, list[0])
    assert.same({ 9, 12 }, { sum.x, sum.y })
    sum = lib.record_add(sum, { 1, 1 })
    assert.same({ 10, 13 }, { sum.x, sum.y })
    assert.equal(7, passing.passing_number(ffi.new("union passing_number *", { i = 7 })[0]).i)
    local big = ffi.new "struct passing_big *"
    big.a[19] = 2
    assert.equal(6, passing.passing_big(big[0], 3).a[19])
  end)

  it("is of that type, and there", function()
    local p = ffi.new("struct point *", { 1, 2 })
    local view = p[0]
    raises("", function() lib.record_add(view, ffi.new("struct other *")[0]) end)
    raises("", function() lib.record_add(view, 1) end)
    raises("", function() lib.record_add(view, p) end)
    ffi.release(p)
    raises("cdata was released", function() lib.record_add(view, view) end)
    local sum = lib.record_add({ 1, 1 }, { 1, 1 })
    ffi.release(sum)
    raises("cdata was released", function() lib.record_add(sum, sum) end)
  end)
end)

describe("a closed library's function", function()
  local ffi = engine.new()
  ffi.cdef "int number_add(int, int); size_t text_length(const char *); int callback_apply(int (*f)(int), int x);"

  it("is refused, and the others are called on", function()
    local number, text = ffi.dlopen(engine.fixture "number"), ffi.dlopen(engine.fixture "text")
    local add, length = number.number_add, text.text_length
    assert.equal(3, add(1, 2))
    ffi.dlclose(number)
    raises("library", function() add(1, 2) end)
    raises("library", function() add(1.0, 2) end)
    assert.equal(4, length "four")
    ffi.dlclose(text)
    raises("library", function() length "four" end)
  end)

  it("returns all the same when it is closed inside", function()
    local lib = ffi.dlopen(engine.fixture "callback")
    local apply = lib.callback_apply
    assert.equal(5, apply(function(x)
      ffi.dlclose(lib)
      return x + 1
    end, 4))
    raises("library", function() apply(nil, 4) end)
  end)
end)
