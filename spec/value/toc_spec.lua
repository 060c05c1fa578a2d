-- value/toc: Lua values to C values: what fits is written, what would lose something is refused.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("mp_toc_write", function()
  local ffi = engine.new()
  ffi.cdef [[
    enum color { RED, GREEN = 5 };
    enum wide { FAR = 0x100000000 };
    struct point { int x, y; }; struct other { int x, y; };
    struct list { struct list *next; };
    typedef int (*function)(int);
    int abs(int); double fabs(double);
  ]]

  -- Writes to a fresh cell of the type; returns what is read back.
  local function write(ctype, value)
    local cell = ffi.new(ffi.getctype(ctype, "[1]"))
    cell[0] = value
    return cell[0]
  end

  it("takes integers in a type's range and refuses one beyond", function()
    for ctype, bits in pairs { ["signed char"] = 8, short = 16, int = 32 } do
      local least, most = -(1 << bits - 1), (1 << bits - 1) - 1
      assert.equal(least, write(ctype, least))
      assert.equal(most, write(ctype, most))
      raises(("integer %d does not fit '%s'"):format(most + 1, ctype), function()
        write(ctype, most + 1)
      end)
      raises(("integer %d does not fit '%s'"):format(least - 1, ctype), function()
        write(ctype, least - 1)
      end)
    end
    for ctype, bits in pairs { ["unsigned char"] = 8, ["unsigned short"] = 16, ["unsigned int"] = 32 } do
      local most = (1 << bits) - 1
      assert.equal(most, write(ctype, most))
      raises(("integer %d does not fit '%s'"):format(most + 1, ctype), function()
        write(ctype, most + 1)
      end)
      local said = raises("can't convert negative number to unsigned", function() write(ctype, -1) end)
      assert.matches("-1", said, 1, true)
      assert.matches(ctype, said, 1, true)
    end
  end)

  it("takes every 64-bit integer", function()
    assert.equal(math.mininteger, write("int64_t", math.mininteger))
    assert.equal(math.maxinteger, write("uint64_t", math.maxinteger))
    raises("can't convert negative number to unsigned", function() write("uint64_t", -1) end)
    local max = ffi.cast("uint64_t", -1)
    assert.equal("18446744073709551615", tostring(write("uint64_t", max)))
    raises("integer 18446744073709551615 does not fit", function() write("int64_t", max) end)
  end)

  it("takes 128-bit integers as boxes", function()
    local max = ffi.cast("unsigned __int128", -1)
    assert.equal(tostring(max), tostring(write("unsigned __int128", max)))
    raises("integer 340282366920938463463374607431768211455 does not fit '__int128'", function()
      write("__int128", max)
    end)
    assert.equal(-7, write("__int128", -7))
  end)

  it("takes integral floats for integers", function()
    assert.equal(3, write("int", 3.0))
    assert.equal("18446744073709549568", tostring(write("uint64_t", 18446744073709549568.0)))
    raises("", function() write("int", 3.5) end)
    raises("", function() write("int", 0 / 0) end)
    raises("", function() write("int", math.huge) end)
    raises("", function() write("int", 1e10) end)
    raises("", function() write("uint64_t", 2.0 ^ 64) end)
  end)

  it("says what it wanted and what it got", function()
    raises("initializer for ctype 'int' must be", function() write("int", "5") end)
    local said = raises("initializer for ctype 'int'", function() write("int", {}) end)
    assert.matches("table", said, 1, true)
    said = raises("initializer for ctype 'int'", function() write("int", nil) end)
    assert.matches("nil", said, 1, true)
    raises("initializer for ctype 'double'", function() write("double", "0.5") end)
    raises("initializer for ctype 'int'", function() write("int", true) end)
    said = raises("initializer for ctype 'int'", function() write("int", ffi.new "int *") end)
    assert.matches("cdata 'int *'", said, 1, true)
  end)

  it("rounds to floating types, never to infinity", function()
    assert.equal(string.unpack("f", string.pack("f", 0.1)), write("float", 0.1))
    assert.equal(0.1, write("double", 0.1))
    assert.equal(3.0, write("float", 3))
    assert.equal(2.0 ^ 63, write("double", math.maxinteger))
    assert.equal(2.0 ^ 64, write("double", ffi.cast("uint64_t", -1)))
    assert.equal(-math.huge, write("float", -math.huge))
    raises("number 1e+300 does not fit 'float'", function() write("float", 1e300) end)
    raises("", function() write("_Float16", 1e6) end)
  end)

  it("copies a box of the same floating type to the last bit", function()
    local from, to = ffi.new "__float128[1]", ffi.new "__float128[1]"
    local bytes = ffi.cast("unsigned char *", from)
    for i = 0, 15 do bytes[i] = i * 7 end -- more mantissa than a long double has
    to[0] = from[0]
    assert.equal(ffi.buffer(from):read(0, 16), ffi.buffer(to):read(0, 16))
  end)

  it("takes a boolean, 0 or 1 for _Bool", function()
    assert.is_true(write("_Bool", true))
    assert.is_false(write("_Bool", false))
    assert.is_true(write("_Bool", 1))
    assert.is_false(write("_Bool", 0.0))
    raises("", function() write("_Bool", 2) end)
    raises("", function() write("_Bool", -1) end)
    raises("", function() write("_Bool", nil) end)
    raises("", function() write("_Bool", "true") end)
  end)

  it("takes a one-byte string or an integer for char", function()
    assert.equal("x", write("char", "x"))
    assert.equal("\0", write("char", "\0"))
    assert.equal("A", write("char", 65))
    raises("", function() write("char", "xy") end)
    raises("", function() write("char", "") end)
    raises("", function() write("char", 256) end)
    raises("", function() write("unsigned char", "xy") end)
  end)

  it("takes an integer or an enumerator's name for an enum", function()
    assert.equal(5, write("enum color", "GREEN"))
    assert.equal(0, write("enum color", 0))
    assert.equal(77, write("enum color", 77))
    assert.equal(0x100000000, write("enum wide", "FAR"))
    raises("'enum color' has no enumerator 'PURPLE'", function() write("enum color", "PURPLE") end)
    raises("", function() write("enum color", 2.5) end)
  end)

  it("takes pointers of the same type, void * both ways, char types among each other", function()
    local p = ffi.new("int *", 5)
    assert.equal(5, write("int *", p)[0])
    assert.equal(5, write("const int *", p)[0])
    assert.equal(ffi.addr(p), ffi.addr(write("void *", p)))
    assert.equal(5, write("int *", ffi.cast("void *", p))[0])
    local text = ffi.new("char[]", "abc")
    for _, ctype in ipairs { "char *", "signed char *", "unsigned char *", "const char *" } do
      assert.equal("abc", ffi.string(write(ctype, text)))
    end
    assert.is_nil(write("int *", nil))
    local said = raises("initializer for ctype 'int *'", function() write("int *", ffi.new "double *") end)
    assert.matches("cdata 'double *'", said, 1, true)
    raises("", function() write("struct point *", ffi.new "struct other *") end)
    raises("", function() write("int *", ffi.new "char *") end)
    raises("", function() write("int **", ffi.new "void **") end)
    raises("", function() write("int *", 5) end)
    raises("", function() write("int *", "x") end)
    raises("", function() write("char *", "x") end)
    raises("", function() write("const char *", "x") end)
  end)

  it("takes arrays that decay", function()
    assert.equal(2, write("int *", ffi.new("int[2]", { 1, 2 }))[1])
    assert.equal(4, write("int(*)[2]", ffi.new("int[2][2]", { { 1, 2 }, { 3, 4 } }))[1][1])
  end)

  it("takes an open file for a FILE *", function()
    ffi.cdef "int fputs(const char *, FILE *); int fflush(FILE *);"
    local file = assert(io.tmpfile())
    assert.is_true(ffi.C.fputs("written by C", file) >= 0)
    ffi.C.fflush(file)
    file:seek "set"
    assert.equal("written by C", file:read "a")
    file:close()
    raises("attempt to use a closed file", function() ffi.C.fputs("x", file) end)
    raises("", function() write("int *", io.stdout) end)
  end)

  it("keeps an open file that was stored", function()
    ffi.cdef "typedef struct _IO_FILE FILE; struct log { FILE *file; }; int fputs(const char *, FILE *);"
    local log = ffi.new("struct log *", { io.tmpfile() })
    collectgarbage()
    collectgarbage()
    assert.is_true(ffi.C.fputs("text", log.file) >= 0)
    log.file = nil
  end)

  it("takes for a transparent union what one of its members takes", function()
    ffi.cdef [[
      typedef union { const char *text; const struct point *point; int *numbers; } any
        __attribute__((transparent_union));
      size_t strlen(any);
    ]]
    local strlen = ffi.C.strlen
    assert.equal(5, strlen "hello")
    assert.equal(2, strlen(ffi.new("char[]", "ab")))
    assert.equal(1, strlen(ffi.new("int[2]", { 65 })))
    assert.equal(2, strlen(ffi.new("struct point *", { 0x4141, 0 })))
    assert.equal(1, strlen { x = 65 })
    assert.equal(3, strlen { text = ffi.new("char[]", "abc") })
    assert.equal(5, strlen(ffi.new("any *", { ffi.new("char[]", "union") })[0]))
    raises("initializer for ctype 'any' must be a table or struct cdata, not number (argument 1 of",
      function() strlen(5) end)
    raises("initializer for ctype 'any'", function() strlen(ffi.new "double *") end)
  end)

  it("passes a struct with const members by value", function()
    ffi.cdef "struct div { const int quot; int rem; }; struct div div(int, int);"
    assert.same({ 3, 1 }, { ffi.C.div(7, 2).quot, ffi.C.div(7, 2).rem })
  end)

  it("keeps const: added freely, never dropped", function()
    local c = ffi.cast("const int *", ffi.new("int *", 5))
    assert.equal(5, write("const int *", c)[0])
    assert.equal(5, ffi.cast("const int *", write("const void *", c))[0])
    raises("", function() write("int *", c) end)
    raises("", function() write("void *", c) end)
  end)

  it("takes a library's function and a callback for a function pointer", function()
    assert.equal(3, write("function", ffi.C.abs)(-3))
    assert.is_nil(write("function", nil))
    raises("", function() write("function", ffi.C.fabs) end)
    raises("", function() write("function", 5) end)
  end)

  it("takes a struct of the same type, or a table that names members and leaves others", function()
    local a = ffi.new("struct point[2]", { { 1, 2 }, { 3, 4 } })
    a[0] = a[1]
    assert.same({ 3, 4 }, { a[0].x, a[0].y })
    a[0] = { y = 9 }
    assert.same({ 3, 9 }, { a[0].x, a[0].y })
    a[0] = { 7 }
    assert.same({ 7, 9 }, { a[0].x, a[0].y })
    raises("", function() a[0] = ffi.new "struct other *"[0] end)
    raises("", function() a[0] = 5 end)
    raises("", function() a[0] = nil end)
  end)
end)

describe("mp_toc_field", function()
  local ffi = engine.new()
  ffi.cdef [[
    struct bits { unsigned a : 3; int b : 5; _Bool c : 1; unsigned d : 1; };
    struct fixed { const int c; int v; const struct { int x; } in; };
    struct view { const int *p; int *const q; };
  ]]

  it("keeps a bit-field's range, and its neighbours", function()
    local p = ffi.new("struct bits *", { 7, -16, true, 1 })
    p.a = 0
    assert.same({ 0, -16, true, 1 }, { p.a, p.b, p.c, p.d })
    p.b = 15
    assert.same({ 0, 15, true, 1 }, { p.a, p.b, p.c, p.d })
    raises("value 8 outside the range allowed by the bit field width: 0 <= x <= 7", function()
      p.a = 8
    end)
    raises("value -1 outside the range allowed by the bit field width: 0 <= x <= 7", function()
      p.a = -1
    end)
    raises("value -17 outside the range allowed by the bit field width: -16 <= x <= 15", function()
      p.b = -17
    end)
    raises("", function() p.a = 1.5 end)
    raises("", function() p.c = 2 end)
    assert.same({ 0, 15, true, 1 }, { p.a, p.b, p.c, p.d })
  end)

  it("refuses to write what is const", function()
    local p = ffi.new("struct fixed *", { 1, 2, { 3 } })
    assert.same({ 1, 2, 3 }, { p.c, p.v, p["in"].x })
    raises("field 'c' is const", function() p.c = 5 end)
    raises("", function() p["in"].x = 5 end)
    raises("", function() p["in"] = { 5 } end)
    p.v = 5
    local v = ffi.new "struct view *"
    v.p = ffi.new("int *", 7)
    raises("", function() v.p[0] = 8 end)
    raises("field 'q' is const", function() v.q = nil end)
    raises("", function() ffi.cast("const int *", ffi.new "int *")[0] = 1 end)
    raises("", function() ffi.new("const int[2]")[0] = 1 end)
  end)
end)

describe("mp_toc_fail", function()
  it("says which argument of which function", function()
    local ffi = engine.new()
    ffi.cdef "int number_add(int, int);"
    local lib = ffi.dlopen(engine.fixture "number")
    local said = raises("initializer for ctype 'int'", function() lib.number_add(1, "x") end)
    assert.matches(" (argument 2 of 'int(int, int)')", said, 1, true)
    said = raises("integer 4294967296 does not fit 'int'", function() lib.number_add(1 << 32, 1) end)
    assert.matches(" (argument 1 of 'int(int, int)')", said, 1, true)
  end)
end)
