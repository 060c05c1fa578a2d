-- call/tail: the variadic part of a call.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("variadic calls", function()
  local ffi = engine.new()
  ffi.cdef [[
    int variadic_int(int n, ...); long long variadic_llong(int n, ...);
    double variadic_double(int n, ...); const char *variadic_text(int n, ...);
    int variadic_is_null(int n, ...); struct point { int x, y; }; int variadic_point(int n, ...);
    int variadic_format(char *to, size_t size, const char *format, ...);
  ]]
  local lib = ffi.dlopen(engine.fixture "variadic")

  it("pass integers of any width, floats as double", function()
    assert.equal(6, lib.variadic_int(3, 1, 2, 3))
    assert.equal(-6, lib.variadic_int(3, -1, -2, -3))
    assert.equal(0, lib.variadic_int(0))
    assert.equal((1 << 40) + 1, lib.variadic_llong(2, 1 << 40, 1))
    assert.equal(4, lib.variadic_double(3, 0.5, 1.5, 2.0))
    assert.equal(66, lib.variadic_double(11, 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11.))
  end)

  it("pass strings, nil and booleans", function()
    assert.equal("two", ffi.string(lib.variadic_text(1, "one", "two", "three")))
    assert.equal(1, lib.variadic_is_null(0, nil))
    assert.equal(0, lib.variadic_is_null(0, "x"))
    assert.equal(1, lib.variadic_int(2, true, false))
  end)

  it("pass cdata as what they are", function()
    assert.equal(5, lib.variadic_int(1, ffi.box("short", 5)))
    assert.equal(0.5, lib.variadic_double(1, ffi.box("float", 0.5)))
    assert.equal("text", ffi.string(lib.variadic_text(0, ffi.new("char[]", "text"))))
    assert.equal(304, lib.variadic_point(0, ffi.new("struct point *", { 3, 4 })[0]))
  end)

  it("format as C does", function()
    local to = ffi.new "char[64]"
    local n = lib.variadic_format(to, 64, "%d %5.2f %s %c %lld", 42, 2.5, "text", 65, 1 << 40)
    assert.equal("42  2.50 text A 1099511627776", ffi.string(to))
    assert.equal(29, n)
    assert.equal(4, lib.variadic_format(to, 3, "%s", "long"))
    assert.equal("lo", ffi.string(to))
  end)

  it("leave nothing behind for a type of another instance, which may go first", function()
    local other = engine.new()
    other.cdef "struct point { int x, y; };"
    local p, before = other.new("struct point *", { 3, 4 })[0], nil
    for round = 1, 2 do
      for _ = 1, 300 do assert.equal(304, lib.variadic_point(0, p, "x", 1.5)) end
      before = before or select(2, ffi.mem.live(2))
      assert(round == 1 or select(2, ffi.mem.live(2)) == before)
    end
  end)

  it("need the fixed arguments", function()
    local said = raises("'int(int, ...)' expects", function() lib.variadic_int() end)
    assert.matches("got 0", said, 1, true)
    raises("", function() lib.variadic_int "x" end)
  end)

  it("refuse what has no C type", function()
    raises("argument 2 in the variadic part can't be a table", function() lib.variadic_int(1, {}) end)
    raises("argument 3 in the variadic part can't be a Lua function: make a callback of it with ffi.callback",
      function() lib.variadic_int(1, 1, print) end)
  end)
end)

describe("libc's variadic functions", function()
  local ffi = engine.new()
  ffi.cdef [[
    int snprintf(char *to, size_t size, const char *format, ...);
    int sscanf(const char *from, const char *format, ...);
    int open(const char *path, int flags, ...); int fcntl(int fd, int command, ...); int close(int fd);
    enum { O_CREAT = 0100, O_RDWR = 2, F_GETFD = 1, F_SETFD = 2 };
  ]]
  local C = ffi.C

  local function format(...)
    local to = ffi.new "char[256]"
    C.snprintf(to, 256, ...)
    return ffi.string(to)
  end

  it("format every kind of argument", function()
    assert.equal("-1 4294967295 ff", format("%d %u %x", -1, 0xFFFFFFFF, 255))
    assert.equal("-9223372036854775808 x 1.5", format("%lld %s %g", math.mininteger, "x", 1.5))
    assert.equal("18446744073709551615", format("%llu", ffi.cast("uint64_t", -1)))
    assert.equal("1.25", format("%Lg", ffi.box("long double", 1.25)))
    assert.equal("-3 200 A", format("%hd %hhu %c", ffi.box("short", -3), ffi.box("unsigned char", 200), 65))
    assert.equal("(nil) 1 0", format("%p %d %d", nil, true, false))
    assert.equal("text from an array", format("%s", ffi.new("char[]", "text from an array")))
    local p = ffi.new "int *"
    assert.equal(("0x%x"):format(ffi.addr(p)), format("%p", p))
    local many, thirty = {}, ("%d "):rep(30)
    for i = 1, 30 do many[i] = i end
    assert.equal(thirty:format(table.unpack(many)), format(thirty, table.unpack(many)))
  end)

  it("write through pointers", function()
    local n, d, word = ffi.new "int *", ffi.new "double *", ffi.new "char[16]"
    assert.equal(3, C.sscanf("42 2.5 word", "%d %lf %15s", n, d, word))
    assert.same({ 42, 2.5, "word" }, { n[0], d[0], ffi.string(word) })
  end)

  it("open files and set flags", function()
    local path = os.tmpname()
    local fd = C.open(path, C.O_RDWR | C.O_CREAT, 420)
    assert.is_true(fd >= 0)
    assert.equal(0, C.fcntl(fd, C.F_GETFD))
    assert.equal(0, C.fcntl(fd, C.F_SETFD, 1))
    assert.equal(1, C.fcntl(fd, C.F_GETFD))
    assert.equal(0, C.close(fd))
    os.remove(path)
    assert.equal(-1, C.open("/no/such/file", 0))
    assert.equal("No such file or directory", ffi.strerror())
  end)
end)

describe("a variadic call after others", function()
  local ffi = engine.new()
  ffi.cdef [[
    long long variadic_llong(int n, ...); double variadic_double(int n, ...);
    const char *variadic_text(int n, ...); struct point { int x, y; }; int variadic_point(int n, ...);
    int snprintf(char *to, size_t size, const char *format, ...);
  ]]
  local lib = ffi.dlopen(engine.fixture "variadic")

  it("goes by the types of its own values", function()
    local to = ffi.new "char[64]"
    local function format(...)
      ffi.C.snprintf(to, 64, ...)
      return ffi.string(to)
    end
    for _ = 1, 3 do
      assert.equal("1 2", format("%lld %lld", 1, 2))
      assert.equal("1 2.5", format("%lld %g", 1, 2.5))
      assert.equal("1.5 2", format("%g %lld", 1.5, 2))
      assert.equal("2 2.5", format("%g %g", 2.0, 2.5))
      assert.equal("a 2", format("%s %lld", "a", 2))
      assert.equal("b c", format("%s %s", "b", ffi.new("char[]", "c")))
      assert.equal("1 (nil)", format("%d %p", true, nil))
      assert.equal("7 2", format("%hd %lld", ffi.box("short", 7), 2))
      assert.equal("text", format "text")
    end
  end)

  it("passes a struct by value after a pointer, and the other way round", function()
    local p = ffi.new("struct point *", { 3, 4 })
    local text = ffi.new("char[]", "one")
    for _ = 1, 2 do
      assert.equal("one", ffi.string(lib.variadic_text(0, text)))
      assert.equal(304, lib.variadic_point(0, p[0]))
    end
  end)

  it("refuses what the one before it did not", function()
    assert.equal(3, lib.variadic_llong(2, 1, 2))
    raises("argument 3 in the variadic part can't be a table", function() lib.variadic_llong(2, 1, {}) end)
    raises("", function() lib.variadic_llong("2", 1, 2) end)
    assert.equal(3, lib.variadic_llong(2, 1, 2))
    assert.equal(3, lib.variadic_double(2, 1.5, 1.5))
  end)

  it("counts its arguments through a pointer too", function()
    local f = ffi.cast("long long(*)(int, ...)", ffi.addressof(lib, "variadic_llong"))
    assert.equal(6, f(3, 1, 2, 3))
    raises("argument 2 in the variadic part can't be a table", function() f(1, {}) end)
    raises("'long long(int, ...)' expects at least 1 argument", function() f() end)
  end)
end)
