-- type/space: declared names, included ones, and taking a declaration back.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("mp_space_declare", function()
  it("keeps two name spaces: tags, and the rest", function()
    local ffi = engine.new()
    ffi.cdef [[
      struct stat { int x; }; int stat(const char *, struct stat *);
      typedef double name; struct name { char c; };
    ]]
    assert.equal(4, ffi.sizeof "struct stat")
    assert.equal(8, ffi.sizeof "name")
    assert.equal(1, ffi.sizeof "struct name")
  end)

  it("keeps thousands of names", function()
    local ffi, text = engine.new(), {}
    for i = 1, 5000 do text[i] = ("typedef char t%d[%d]; struct s%d { t%d x; };"):format(i, i, i, i) end
    ffi.cdef(table.concat(text, "\n"))
    for i = 1, 5000, 37 do
      assert.equal(i, ffi.sizeof("t" .. i))
      assert.equal(i, ffi.sizeof("struct s" .. i))
    end
  end)

  it("says that a tag is of another kind", function()
    local ffi = engine.new()
    ffi.cdef "struct s { int x; };"
    local said = raises("", function() ffi.typeof "union s" end)
    assert.matches("s", said, 1, true)
    raises("", function() ffi.cdef "enum s { A };" end)
  end)
end)

describe("mp_space_rollback", function()
  it("takes back names, tags, enumerators and types", function()
    local ffi = engine.new()
    ffi.cdef "typedef int before; struct kept { int x; };"
    for _, bad in ipairs {
      "typedef long gone; @",
      "enum gone_enum { GONE }; int x",
      "struct gone_tag { int a; }; struct kept { long y; };",
      "typedef struct gone_tag gone2; typedef nosuch t;",
      "int gone_f(int); #define GONE_MACRO 1\nint int;",
    } do
      assert.is_false(pcall(ffi.cdef, bad), bad)
    end
    assert.same({ { "before" }, { "kept" }, {} }, { ffi.list_types() })
    for _, name in ipairs { "GONE", "gone_f", "GONE_MACRO" } do
      assert.is_false(pcall(function() return ffi.C[name] end), name)
    end
    assert.equal(4, ffi.sizeof "struct kept")
    ffi.cdef "typedef char gone; struct gone_tag { char c; }; enum gone_enum { GONE = 9 };"
    assert.equal(1, ffi.sizeof "gone")
    assert.equal(1, ffi.sizeof "struct gone_tag")
    assert.equal(9, ffi.C.GONE)
  end)

  it("brings back what was hidden, once or twice, and takes away what was new", function()
    local ffi = engine.new()
    ffi.cdef "typedef int t; struct s { int x; }; enum { A = 1 }; extern int v;"
    for _ = 1, 2 do
      assert.is_false((pcall(ffi.cdef, [[
        typedef long t; typedef char t; typedef short fresh; typedef long fresh;
        struct s { long y, z; }; struct s { char c; }; struct f { long l; }; struct f { char c; };
        enum { A = 2 }; enum { A = 3 }; extern t v; @
      ]], { override = true })))
      assert.equal(4, ffi.sizeof "t")
      assert.equal(4, ffi.sizeof "struct s")
      assert.equal(1, ffi.C.A)
      assert.equal("int", ffi.getctype "__typeof__(v)")
      assert.is_false((pcall(ffi.typeof, "fresh")))
      assert.is_false((pcall(ffi.sizeof, "struct f")))
    end
    ffi.cdef("typedef double t; typedef double fresh; struct s { double d[2]; };", { override = true })
    assert.equal(8, ffi.sizeof "t")
    assert.equal(8, ffi.sizeof "fresh")
    assert.equal(16, ffi.sizeof "struct s")
  end)

  it("doesn't grow with declarations that fail", function()
    local output, code = engine.run_lua [[
      local ffi = require "moonpool"
      local f = ffi.FFI()
      local function fail(n)
        for i = 1, n do
          local k = i % 50
          pcall(f.cdef, ("struct s%d { int x[%d]; }; typedef struct s%d *p%d; int f("):format(k, k + 1, k, k))
        end
        collectgarbage() collectgarbage()
        for line in io.lines "/proc/self/status" do
          local kb = line:match "VmRSS:%s*(%d+)"
          if kb then return tonumber(kb) end
        end
        return 0
      end
      fail(2000)
      local before = fail(2000)
      print(fail(20000) - before < 2000 and "small" or "grows")
    ]]
    assert.equal(0, code)
    if engine.mode == "release" then assert.equal("small\n", output) end
  end)
end)

describe("mp_space_find", function()
  it("prefers own names, then included ones in order", function()
    local a, b, ffi = engine.new(), engine.new(), engine.new()
    a.cdef "typedef char one; typedef char two; typedef char three;"
    b.cdef "typedef short two; typedef short three; typedef short four;"
    ffi.include(a)
    ffi.include(b)
    ffi.cdef("typedef int three;", { override = true })
    assert.same({ 1, 1, 4, 2 },
      { ffi.sizeof "one", ffi.sizeof "two", ffi.sizeof "three", ffi.sizeof "four" })
  end)
end)

describe("mp_space_include", function()
  it("refuses itself and circles at whatever distance", function()
    local list = {}
    for i = 1, 10 do list[i] = engine.new() end
    for i = 2, 10 do list[i].include(list[i - 1]) end
    raises("an instance can't include one that includes it", function() list[1].include(list[10]) end)
    raises("an instance can't include itself", function() list[5].include(list[5]) end)
    list[10].include(list[1]) -- no circle: 10 sees 1 already
  end)
end)

describe("mp_space_version", function()
  it("makes cached type strings look again, after an included instance's cdef too", function()
    local base, ffi = engine.new(), engine.new()
    ffi.include(base)
    base.cdef "typedef char t;"
    assert.equal(1, ffi.sizeof "t")
    base.cdef("typedef double t;", { override = true })
    assert.equal(8, ffi.sizeof "t")
    ffi.cdef("typedef short t;", { override = true })
    assert.equal(2, ffi.sizeof "t")
    assert.equal(8, base.sizeof "t")
  end)
end)
