-- type/layout: sizes, alignments and offsets are the compiler's.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"
local judge = require "spec.headers.judge"
local random_structs = require "spec.type.random_structs"
local lfs = require "lfs"

describe("mp_layout_record", function()
  local ffi
  before_each(function() ffi = engine.new() end)

  it("places bit-fields as C programmers count them: unit, position, width", function()
    ffi.cdef [[struct s { int a : 3, b : 5; unsigned c : 25; long d : 40; char e : 4; _Bool f : 1; };
      struct p { char a; int b : 30; int c : 7; } __attribute__((packed)); union u { int a : 3; long b : 33; };]]
    local function at(tag, field) return { ffi.offsetof(tag, field) } end
    assert.are.same({ 0, 0, 3 }, at("struct s", "a"))
    assert.are.same({ 0, 3, 5 }, at("struct s", "b"))
    assert.are.same({ 4, 0, 25 }, at("struct s", "c"))
    assert.are.same({ 8, 0, 40 }, at("struct s", "d"))
    assert.are.same({ 13, 0, 4 }, at("struct s", "e"))
    assert.are.same({ 13, 4, 1 }, at("struct s", "f"))
    assert.are.same({ 1, 0, 30 }, at("struct p", "b"))
    assert.are.same({ 4, 6, 7 }, at("struct p", "c"))
    assert.are.same({ 0, 0, 33 }, at("union u", "b"))
  end)

  it("reads every bit-field within its record", function()
    ffi.cdef("struct s { unsigned char a : 5; unsigned __int128 b : 127; unsigned char c : 4; " ..
      "} __attribute__((packed));")
    local p = ffi.new("struct s *", { a = 21, c = 9 })
    assert.equal(17, ffi.sizeof "struct s")
    assert.equal(21, p.a)
    assert.equal(9, p.c)
    assert.equal(0, p.b)
    p.b = 12345678901234567
    assert.are.same({ 21, 12345678901234567, 9 }, { p.a, p.b, p.c })
  end)

  it("ends units at zero width, without raising the alignment", function()
    ffi.cdef("struct s { char a : 3; int : 0; char b : 3; }; struct t { char a; long : 0; char b; }; " ..
      "struct u { char a; int : 5; };")
    assert.are.same({ 5, 1 }, { ffi.sizeof "struct s", ffi.alignof "struct s" })
    assert.are.same({ 9, 1 }, { ffi.sizeof "struct t", ffi.alignof "struct t" })
    assert.are.same({ 2, 1 }, { ffi.sizeof "struct u", ffi.alignof "struct u" })
  end)

  it("takes flexible and zero-length arrays", function()
    ffi.cdef [[struct s { int n; double d[]; }; struct t { char c; int a[0]; char e; }; union u { int a[0]; char c; };
      struct v { struct s s; }; struct w { int a; struct s last; };]]
    assert.are.same({ 8, 8 }, { ffi.sizeof "struct s", (ffi.offsetof("struct s", "d")) })
    assert.are.same({ 8, 4 }, { ffi.sizeof "struct t", (ffi.offsetof("struct t", "e")) })
    assert.are.same({ 4, 4 }, { ffi.sizeof "union u", ffi.alignof "union u" })
    assert.equal(16, ffi.sizeof "struct w")
  end)

  it("refuses what has no layout", function()
    local function refused(message, text)
      raises(message, function() ffi.cdef(text) end)
    end
    refused("cdef:1:18: member 'a' has an incomplete type", "struct o; struct s { struct o a; };")
    refused("cdef:1:8: member 's' has an incomplete type", "struct t { struct t s; };")
    refused("cdef:1:8: member 'v' has an incomplete type", "struct s { void v; };")
    refused("cdef:1:8: member 'f' is a function", "struct s { int f(void); };")
    refused("cdef:1:8: duplicate member 'a'", "struct s { int a; char a; };")
    refused("cdef:1:8: duplicate member 'a'", "struct s { int a; struct { int b; union { int a; }; }; };")
    refused("cdef:1:8: member 'a' is an open array and not the last", "struct s { int a[]; int b; };")
    refused("cdef:1:8: bit-field 'a' is not of an integer type", "struct s { float a : 3; };")
    refused("cdef:1:8: bit-field 'a' is not of an integer type", "struct s { int *a : 3; };")
    refused("cdef:1:8: width of bit-field 'a' exceeds its type", "struct s { int a : 33; };")
    refused("cdef:1:8: width of bit-field 'a' exceeds its type", "struct s { _Bool a : 2; };")
    refused("cdef:1:8: bit-field 'a' has no width", "struct s { int a : 0; };")
    refused("cdef:1:19: type is too large", "struct s { char a[0x7fffffffffffffff], b[2]; };")
    refused("cdef:1:8: type is too large", "struct s { char a[0x7ffffffffffffffe], b[2]; };")
  end)

  it("finds the duplicate among many members", function()
    local members = {}
    for i = 1, 5000 do members[i] = ("int m%d;"):format(i) end
    ffi.cdef("struct s {" .. table.concat(members) .. "};")
    assert.equal(20000, ffi.sizeof "struct s")
    members[5001] = "int m1234;"
    raises("cdef:1:8: duplicate member 'm1234'", function()
      ffi.cdef("struct t {" .. table.concat(members) .. "};") end)
  end)

  it("agrees with the compiler on hundreds of random records", function()
    -- Clang goes its own way where over-aligned types, pack and bit-fields meet.
    if engine.run((os.getenv "CC" or "cc") .. " --version"):find "clang" then return end
    local seed = tonumber(os.getenv "MOONPOOL_SEED") or os.time() % 1000000
    local text = random_structs(seed, 300)
    local folder = engine.build .. "/layout"
    lfs.mkdir(folder)
    ffi.cdef(text)
    local result = judge.text(ffi, text, { stem = folder .. "/random" })
    assert.is_true(result.facts > 1000)
    assert.is_true(#result.wrong == 0, ("seed %d:\n%s"):format(seed, table.concat(result.wrong, "\n", 1,
      math.min(10, #result.wrong))))
  end)
end)
