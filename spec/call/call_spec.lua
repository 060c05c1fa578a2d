-- call/call: Lua calls C.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local function collect()
  collectgarbage()
  collectgarbage()
end

describe("scalars", function()
  local ffi = engine.new()
  ffi.cdef [[
    _Bool number_bool(_Bool); char number_char(char);
    int8_t number_int8(int8_t); uint8_t number_uint8(uint8_t);
    int16_t number_int16(int16_t); uint16_t number_uint16(uint16_t);
    int32_t number_int32(int32_t); uint32_t number_uint32(uint32_t);
    int64_t number_int64(int64_t); uint64_t number_uint64(uint64_t);
    long number_long(long); size_t number_size(size_t); wchar_t number_wchar(wchar_t);
    float number_float(float); double number_double(double); long double number_ldouble(long double);
    enum color { RED, GREEN = 5, BLUE };
    enum color number_color(enum color);
    int number_add(int, int); int number_none(void); void number_nothing(void);
    double number_mix(int, double, float, long long);
    double number_many(int, double, int, double, int, double, int, double, int, double,
                       int, double, int, double, int, double, int, double, int, double);
  ]]
  local lib = ffi.dlopen(engine.fixture "number")

  it("go and come back at the limits of each width", function()
    for bits = 8, 32, 8 do
      if bits ~= 24 then
        local signed, unsigned = lib["number_int" .. bits], lib["number_uint" .. bits]
        for _, n in ipairs { 0, 1, -1, (1 << bits - 1) - 1, -(1 << bits - 1) } do
          assert.equal(n, signed(n))
        end
        for _, n in ipairs { 0, 1, (1 << bits) - 1 } do assert.equal(n, unsigned(n)) end
      end
    end
    for _, n in ipairs { math.mininteger, -1, 0, math.maxinteger } do
      assert.equal(n, lib.number_int64(n))
      assert.equal(n, lib.number_long(n))
    end
  end)

  it("are refused one beyond", function()
    raises("integer 128 does not fit 'signed char'", function() lib.number_int8(128) end)
    raises("integer -129 does not fit 'signed char'", function() lib.number_int8(-129) end)
    raises("integer 60000 does not fit 'short'", function() lib.number_int16(60000) end)
    raises("integer 65536 does not fit 'unsigned short'", function() lib.number_uint16(65536) end)
    raises("integer 2147483648 does not fit 'int'", function() lib.number_int32(1 << 31) end)
    raises("can't convert negative number to unsigned: -1 does not fit 'unsigned int'", function()
      lib.number_uint32(-1)
    end)
    raises("can't convert negative number to unsigned", function() lib.number_uint64(-1) end)
  end)

  it("keep every bit of uint64_t", function()
    local max = ffi.cast("uint64_t", -1)
    assert.equal("18446744073709551615", tostring(lib.number_uint64(max)))
    assert.equal("integer", math.type(lib.number_uint64(5)))
    raises("", function() lib.number_int64(max) end)
  end)

  it("take integral floats for integers, and no others", function()
    assert.equal(3, lib.number_int32(3.0))
    raises("", function() lib.number_int32(3.5) end)
    raises("", function() lib.number_int32(0 / 0) end)
    raises("", function() lib.number_int32(1e300) end)
  end)

  it("take no strings for numbers", function()
    raises("", function() lib.number_int32 "5" end)
    raises("", function() lib.number_double "5" end)
    raises("", function() lib.number_int32(nil) end)
    raises("", function() lib.number_int32 {} end)
    raises("", function() lib.number_int32(true) end)
  end)

  it("round to float, and refuse what would become infinite", function()
    assert.equal(0.5, lib.number_float(0.5))
    assert.equal(string.unpack("f", string.pack("f", 0.1)), lib.number_float(0.1))
    raises("", function() lib.number_float(1e300) end)
    assert.equal(math.huge, lib.number_float(math.huge))
    assert.equal(0.1, lib.number_double(0.1))
    assert.equal("float", math.type(lib.number_double(3)))
    assert.equal(0.1, lib.number_ldouble(0.1))
    local nan = lib.number_double(0 / 0)
    assert.is_true(nan ~= nan)
  end)

  it("map _Bool and char", function()
    assert.is_true(lib.number_bool(true))
    assert.is_false(lib.number_bool(false))
    assert.is_true(lib.number_bool(1))
    raises("", function() lib.number_bool(2) end)
    assert.equal("a", lib.number_char "a")
    assert.equal("a", lib.number_char(97))
    assert.equal("\xFF", lib.number_char "\xFF")
    raises("", function() lib.number_char "ab" end)
    raises("", function() lib.number_char "" end)
  end)

  it("take an enumerator's name or number", function()
    assert.equal(5, lib.number_color "GREEN")
    assert.equal(6, lib.number_color(6))
    raises("", function() lib.number_color "PURPLE" end)
  end)

  it("go in registers and on the stack", function()
    assert.equal(10.75, lib.number_mix(1, 2.5, 0.25, 7))
    local args, sum = {}, 0
    for i = 1, 20 do
      args[i] = i % 2 == 1 and i * 3 or i + 0.5
      sum = sum + i * args[i]
    end
    assert.equal(sum, lib.number_many(table.unpack(args)))
  end)

  it("return nothing for void", function()
    assert.equal(0, select("#", lib.number_nothing()))
    assert.equal(42, lib.number_none())
  end)

  it("are counted", function()
    raises("'int(int, int)' expects 2 arguments, got 1", function() lib.number_add(1) end)
    raises("'int(int, int)' expects 2 arguments, got 3", function() lib.number_add(1, 2, 3) end)
    raises("'int(void)' expects 0 arguments, got 1", function() lib.number_none(nil) end)
    raises("'int(int)' expects 1 argument, got 2", function() lib.number_int32(1, 2) end)
  end)

  it("leave the engine usable after an error", function()
    for _ = 1, 100 do pcall(lib.number_add, 1, "x") end
    assert.equal(3, lib.number_add(1, 2))
  end)
end)

describe("strings", function()
  local ffi = engine.new()
  ffi.cdef [[
    size_t text_length(const char *s); char *text_upper(char *s);
    const char *text_find(const char *s, int c); const char *text_hello(void);
    const char *text_none(void); char text_first(const char *s);
    void text_copy(char *to, const char *from);
    unsigned text_bytes(const unsigned char *s, size_t n); size_t text_wide(const wchar_t *s);
  ]]
  local lib = ffi.dlopen(engine.fixture "text")

  it("go as pointers to their bytes", function()
    assert.equal(5, lib.text_length "hello")
    assert.equal(0, lib.text_length "")
    assert.equal(2, lib.text_length "ab\0cd")
    assert.equal(294, lib.text_bytes("abc", 3))
  end)

  it("come back as pointers, NULL as nil", function()
    assert.equal("hello", ffi.string(lib.text_hello()))
    assert.is_nil(lib.text_none())
  end)

  it("never lend Lua's own bytes to a char *", function()
    local text = ("moon"):rep(20)
    local upper = lib.text_upper(text)
    assert.equal(("MOON"):rep(20), ffi.string(upper))
    assert.equal(("moon"):rep(20), text)
  end)

  it("are kept by a result that lies in them", function()
    local found
    do
      local text = ("x"):rep(100) .. "yz"
      found = lib.text_find(text, 121)
    end
    collect()
    assert.equal("yz", ffi.string(found))
    assert.equal("", ffi.string(lib.text_find("abc", 0)))
    assert.is_nil(lib.text_find("abc", 122))
  end)

  it("are kept in a block that is passed", function()
    local found = lib.text_find(ffi.new("char[]", "look here"), 104)
    collect()
    assert.equal("here", ffi.string(found))
    raises("", function() local _ = found[5] end)
  end)

  it("take arrays of every char type, and nil", function()
    assert.equal(3, lib.text_length(ffi.new("char[]", "abc")))
    assert.equal(3, lib.text_length(ffi.new("unsigned char[]", "abc")))
    local to = ffi.new "char[8]"
    lib.text_copy(to, "seven..")
    assert.equal("seven..", ffi.string(to))
  end)

  it("don't go where they aren't asked for", function()
    raises("", function() lib.text_wide "abc" end)
    raises("", function() lib.text_length(5) end)
    raises("", function() lib.text_length(ffi.new "int[2]") end)
    raises("", function() lib.text_length(true) end)
    assert.equal(2, lib.text_wide(ffi.new("wchar_t[]", "aé")))
  end)
end)

describe("pointers", function()
  local ffi = engine.new()
  ffi.cdef [[
    int array_sum(const int *a, size_t n); double array_mean(const double *a, size_t n);
    void array_fill(int *a, size_t n, int value); int *array_at(int *a, size_t i);
    void *array_same(void *p); int *array_none(void); int array_is_null(const void *p);
    int array_words(const char *const *words); size_t array_letters(const char *const *words);
    int *array_static(void); void array_out(int **out);
  ]]
  local lib = ffi.dlopen(engine.fixture "array")

  it("take arrays, which decay", function()
    local a = ffi.new("int[4]", { 1, 2, 3, 4 })
    assert.equal(10, lib.array_sum(a, 4))
    lib.array_fill(a, 4, 7)
    assert.same({ 7, 7, 7, 7 }, ffi.unpack(a, 4))
  end)

  it("take tables as temporary arrays", function()
    assert.equal(6, lib.array_sum({ 1, 2, 3 }, 3))
    assert.equal(2, lib.array_mean({ 1, 2.5, 2.5 }, 3))
    assert.equal(2, lib.array_words { "one", "two", n = 3 })
    assert.equal(6, lib.array_letters { "one", "two", n = 3 })
    raises("", function() lib.array_sum({ 1, "x" }, 2) end)
  end)

  it("take nil as NULL", function()
    assert.equal(1, lib.array_is_null(nil))
    assert.equal(0, lib.array_is_null "x")
    assert.is_nil(lib.array_none())
    assert.is_nil(lib.array_same(nil))
  end)

  it("come back as views of the block that was passed", function()
    local p = lib.array_at(ffi.new("int[4]", { 1, 2, 3, 4 }), 2)
    collect()
    assert.equal(3, p[0])
    assert.equal(1, p[-2])
    raises("", function() local _ = p[2] end)
  end)

  it("come back raw when they are C's own", function()
    local p = lib.array_static()
    assert.same({ 10, 20, 30, 40 }, { p[0], p[1], p[2], p[3] })
    local out = ffi.new "int *[1]"
    lib.array_out(out)
    assert.equal(40, out[0][3])
  end)

  it("are typed: the same, void * both ways, const added", function()
    local p = ffi.new("int *", 5)
    assert.equal(5, lib.array_sum(p, 1))
    assert.equal(5, ffi.cast("int *", lib.array_same(p))[0])
    assert.equal(5, lib.array_sum(lib.array_same(p), 1))
    local said = raises("", function() lib.array_sum(ffi.new "double *", 1) end)
    assert.matches("int *", said, 1, true)
    assert.matches("double *", said, 1, true)
    raises("", function() lib.array_fill(ffi.cast("const int *", p), 1, 1) end)
    raises("", function() lib.array_sum("x", 1) end)
    raises("", function() lib.array_sum(5, 1) end)
  end)
end)

describe("records", function()
  local ffi = engine.new()
  ffi.cdef [[
    struct point { int x, y; };
    struct point record_point(int x, int y); struct point record_add(struct point, struct point);
    int record_dot(struct point, struct point); void record_move(struct point *, int dx, int dy);
    int record_sum(const struct point *p, int n);
    struct small { char c; }; struct small record_small(struct small);
    struct floats { float x, y; }; struct floats record_floats(struct floats);
    struct mixed { double d; int i; char c; }; struct mixed record_mixed(struct mixed);
    struct big { double v[6]; struct point corner; }; struct big record_big(struct big, double by);
    union number { int i; double d; unsigned char bytes[8]; }; union number record_union(union number);
    struct bits { unsigned a : 3; int b : 5; unsigned long long c : 40; };
    struct bits record_bits(unsigned a, int b, unsigned long long c);
    unsigned long long record_bits_sum(struct bits *);
    struct node { struct node *next; int value; }; int record_list(const struct node *);
  ]]
  local lib = ffi.dlopen(engine.fixture "record")

  it("go and come back by value", function()
    local p = lib.record_point(3, 4)
    assert.same({ 3, 4 }, { p.x, p.y })
    local sum = lib.record_add(p, lib.record_point(10, 20))
    assert.same({ 13, 24 }, { sum.x, sum.y })
    assert.equal(25, lib.record_dot(p, p))
    assert.equal("b", lib.record_small({ "a" }).c)
    local f = lib.record_floats { 0.5, 1.5 }
    assert.same({ 1.5, 0.5 }, { f.x, f.y })
    local m = lib.record_mixed { 2.5, 3, "x" }
    assert.same({ 5.0, 4, "y" }, { m.d, m.i, m.c })
    local b = lib.record_big({ { 1, 2, 3, 4, 5, 6 }, { 7, 8 } }, 2)
    assert.same({ 2, 12, 8, 8 }, { b.v[0], b.v[5], b.corner.x, b.corner.y })
  end)

  it("are the caller's own copy", function()
    local p = lib.record_point(1, 2)
    local q = lib.record_add(p, { 0, 0 })
    q.x = 9
    assert.equal(1, p.x)
  end)

  it("may be unions and have bit-fields", function()
    assert.equal(3.5, lib.record_union({ d = 2.5 }).d)
    local bits = lib.record_bits(5, -3, 1 << 39)
    assert.same({ 5, -3, 1 << 39 }, { bits.a, bits.b, bits.c })
  end)

  it("may be given as a table", function()
    local p = ffi.new("struct point *", { 3, 4 })
    assert.equal(25, lib.record_dot(p[0], { x = 3, y = 4 }))
    raises("", function() lib.record_dot({ 1, 2, 3 }, p[0]) end)
    raises("", function() lib.record_dot({ z = 1 }, p[0]) end)
  end)

  it("go by address where a pointer is asked for", function()
    local p = ffi.new("struct point *", { 1, 2 })
    lib.record_move(p, 10, 20)
    assert.same({ 11, 22 }, { p.x, p.y })
    lib.record_move(p[0], 1, 1)
    assert.same({ 12, 23 }, { p.x, p.y })
    local points = ffi.new("struct point[2]", { { 1, 2 }, { 3, 4 } })
    lib.record_move(points[1], 1, 1)
    assert.equal(4, points[1].x)
    assert.equal(12, lib.record_sum(points, 2))
    assert.equal(10, lib.record_sum({ { 1, 2 }, { 3, 4 } }, 2))
  end)

  it("are linked by pointers that Lua set", function()
    local nodes = ffi.new("struct node[3]", { { nil, 1 }, { nil, 2 }, { nil, 3 } })
    nodes[0].next = ffi.addressof(nodes[1])
    nodes[1].next = ffi.addressof(nodes, 2)
    assert.equal(6, lib.record_list(nodes[0]))
    assert.equal(6, lib.record_list(nodes))
  end)

  it("are refused when they are of another type", function()
    local said = raises("", function() lib.record_dot(ffi.new "struct floats *"[0], { 1, 2 }) end)
    assert.matches("struct point", said, 1, true)
    raises("", function() lib.record_dot(5, 6) end)
    raises("", function() lib.record_dot(nil, { 1, 2 }) end)
  end)
end)

describe("errno", function()
  local ffi = engine.new()
  ffi.cdef "int errno_set(int); int errno_get(void);"
  local lib = ffi.dlopen(engine.fixture "errno")

  it("is as C left it", function()
    assert.equal(-1, lib.errno_set(2))
    assert.is_nil((io.open "/no/such/file")) -- Lua's own calls don't touch it
    assert.is_nil((os.remove "/no/such/file"))
    assert.equal(2, ffi.errno())
    lib.errno_set(13)
    collect()
    assert.equal(13, ffi.errno())
    assert.equal("Permission denied", ffi.strerror())
  end)

  it("is given to C before the next call", function()
    ffi.errno(5)
    assert.equal(5, lib.errno_get())
    ffi.errno(0)
    assert.equal(0, lib.errno_get())
  end)
end)

describe("a block that C is using", function()
  local ffi = engine.new()
  ffi.cdef "void qsort(void *, size_t, size_t, int (*)(const void *, const void *));"

  it("ends after the call when a callback releases it", function()
    local block, seen = ffi.new "int[2000]", nil
    ffi.C.qsort(block, 2000, 4, function()
      ffi.release(block)
      seen = pcall(function() return block[0] end)
      return 0
    end)
    assert.is_false(seen)
    raises("cdata was released", function() local _ = block[0] end)
  end)

  it("runs its destructor after the call, once", function()
    local ended, during = 0, nil
    local block = ffi.gc(ffi.new "int[2000]", function() ended = ended + 1 end)
    ffi.C.qsort(block, 2000, 4, function()
      ffi.release(block)
      during = ended
      return 0
    end)
    assert.equal(0, during)
    assert.equal(1, ended)
  end)
end)

describe("errno that nobody disturbs", function()
  local ffi = engine.new()
  ffi.cdef "int errno_set(int); int errno_get(void); long errno_interrupted(void); long long atoll(const char *);"
  local lib = ffi.dlopen(engine.fixture "errno")

  it("comes back from a blocking call that a signal ended", function()
    assert.equal(-1, lib.errno_interrupted())
    assert.equal(4, ffi.errno()) -- EINTR
  end)

  it("stays what it was through all that moonpool does", function()
    lib.errno_set(33)
    pcall(ffi.dlopen, "/no/such/library.so")
    pcall(function() return ffi.C.no_such_function end)
    pcall(ffi.new, "char[?]", 1 << 60)
    pcall(ffi.cdef, "syntax error")
    local _ = ffi.new("int[100000]")
    ffi.find_library "nosuch"
    assert.equal(33, ffi.errno())
    assert.equal(33, lib.errno_get())
  end)

  it("stays what it was when destructors call C", function()
    for _ = 1, 10 do ffi.gc(ffi.new "int *", function() lib.errno_set(5) end) end
    lib.errno_set(34)
    collect()
    assert.equal(34, ffi.errno())
    ffi.release(ffi.gc(ffi.new "int *", function() lib.errno_set(5) end)) -- the program's own call
    assert.equal(5, ffi.errno())
  end)

  it("is one for all coroutines of a state", function()
    coroutine.wrap(function() lib.errno_set(7) end)()
    assert.equal(7, ffi.errno())
  end)

  it("is returned as it was when it is set", function()
    lib.errno_set(7)
    assert.equal(7, ffi.errno(8))
    assert.equal(8, ffi.errno())
    raises("", function() ffi.errno "x" end)
    raises("4294967296 is no errno", function() ffi.errno(1 << 32) end)
    assert.equal(8, ffi.errno())
  end)
end)

describe("a pointer that comes back", function()
  local ffi = engine.new()
  ffi.cdef [[
    typedef struct _IO_FILE FILE;
    char *fgets(char *, int, FILE *); char *strtok(char *, const char *); char *strchr(const char *, int);
    void *mempcpy(void *, const void *, size_t); void *memchr(const void *, int, size_t);
  ]]
  local C = ffi.C

  it("is a view of the block that was passed, and keeps it", function()
    local file <close> = assert(io.tmpfile())
    file:write "line one\nline two\n"
    file:seek "set"
    local line = C.fgets(ffi.new "char[32]", 32, file)
    collect()
    assert.equal("line one\n", ffi.string(line))
    raises("", function() local _ = line[32] end)
    local word = C.strtok(ffi.new("char[]", "one two"), " ")
    assert.equal("one", ffi.string(word))
    assert.equal("two", ffi.string(C.strtok(nil, " ")))
    assert.equal("two", ffi.string(word + 4))
  end)

  it("may be of a string, or of its copy, or lie at the end", function()
    local found = C.strchr("some text", 116)
    collect()
    assert.equal("text", ffi.string(found))
    raises("", function() found[0] = 65 end) -- Lua's own bytes
    assert.equal("", ffi.string(C.strchr("abc", 0)))
    local block = ffi.new "char[4]"
    local last = C.mempcpy(block, "abcd", 4)
    assert.equal(4, ffi.cast("char *", last) - block)
    raises("", function() local _ = ffi.cast("char *", last)[0] end)
  end)
end)
