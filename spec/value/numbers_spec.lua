-- value/numbers: arrays and records from tables of numbers.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("mp_numbers_arguments", function()
  it("counts positions, not names: a union has one, what has no name none", function()
    local ffi = engine.new()
    ffi.cdef [[
      struct bits { union { int a; float b; }; int : 3; };
      struct hollow { struct {}; union { int a; float b; }; };
    ]]
    for _, tag in ipairs { "bits", "hollow" } do
      local new = ffi.typeof(("struct %s *"):format(tag))
      assert.equal(0, ffi.new(new).a) -- from here on there is a plan to go by
      raises("too many initializers", function() ffi.new(new, 1, 2) end)
      raises("too many initializers", function() ffi.new(new, { 1, 2 }) end)
    end
  end)
end)

describe("mp_numbers_sequence", function()
  local ffi = engine.new()
  local hash = { 1, 2, 3, nil, nil, 6 } -- a border that Lua may find at 3 or at 6
  local many = {}
  for i = 1, 1000 do many[i] = i end

  -- The ways to give a table to an array of three ints; each returns what the array then is.
  local ways = {
    function(t) return ffi.totable(ffi.new("int[]", t)) end,
    function(t) return ffi.totable(ffi.new("int[3]", t)) end,
    function(t) local p = ffi.new "int[3]" p[0] = 9 ffi.assign(p, 0, 3, t) return ffi.totable(p) end,
    function(t) local p = ffi.new "int[2][3]" p[1] = t return ffi.totable(p[1]) end,
  }

  it("writes sequences, from whatever they were made", function()
    local backwards, sparse = {}, { 1, nil, 3 }
    for i = 3, 1, -1 do backwards[i] = i end
    local thinned = { 1, 2, 3, 4, x = 1 }
    thinned[4], thinned.x = nil, nil
    for _, way in ipairs(ways) do
      for _, t in ipairs { { 1, 2, 3 }, backwards, thinned, { [0] = 1, 2, 3 }, { 1, 2, 3, n = 3 },
        { 1.0, 2.0, 3.0 }, { 1, 2, ffi.box("int", 3) }, setmetatable({ 1, 2, 3 }, { __index = error }) } do
        assert.same({ 1, 2, 3 }, way(t))
      end
      assert.same({ 1, 0, 3 }, way(sparse))
      assert.same({ 1, 0, 3 }, way { [1] = 1, [3] = 3 })
    end
    assert.same(many, ffi.totable(ffi.new("int[]", many)))
    assert.same({ 1, 2, 3, 0, 0, 6 }, ffi.totable(ffi.new("int[]", hash)))
    assert.same({ 1, 0, 3, 0, 0, 0, 7 }, ffi.totable(ffi.new("int[]", { [1] = 1, [3] = 3, [7] = 7 })))
    assert.equal(0, #ffi.new("int[]", {}))
  end)

  it("refuses keys and values that don't belong, wherever they are", function()
    for _, way in ipairs(ways) do
      raises("", function() way { 1, 2, 3, x = 1 } return end)
      raises("", function() way { 1, 2, ["3"] = 3 } return end)
      raises("", function() way { 1, 2, [2.5] = 3 } return end)
      raises("", function() way { 1, 2, [-1] = 3 } return end)
      raises("", function() way { 1, 2, "3" } return end)
      raises("", function() way { 1, 2, 1 << 31 } return end)
      raises("", function() way { 1, 2, 2.5 } return end)
      raises("", function() way { 1, 2, true } return end)
    end
    for i = 2, 4 do raises("", function() ways[i] { 1, 2, 3, 4 } return end) end
    raises("need 3 values to unpack, got 2", function() ffi.assign(ffi.new "int[3]", 0, 3, { 1, 2 }) end)
    many.x = 1
    raises("", function() ffi.new("int[]", many) end)
    many.x = nil
  end)

  it("takes each scalar", function()
    for ctype, list in pairs { ["double"] = { 1.5, -2.0, 3.0 }, ["float"] = { 1.5, 2.0 }, ["_Bool"] = { true, false },
      ["unsigned char"] = { 0, 255 }, ["int64_t"] = { math.mininteger, math.maxinteger }, ["uint64_t"] = { 0, 5 },
      ["short"] = { -32768, 32767 } } do
      assert.same(list, ffi.totable(ffi.new(ctype .. "[]", list)))
    end
    assert.equal("ab", ffi.totable(ffi.new("char[]", { "a", 98 })))
    ffi.cdef "enum fruit { APPLE, PEAR };"
    assert.same({ 1, 0 }, ffi.totable(ffi.new("enum fruit[]", { "PEAR", 0 })))
    local wide = ffi.totable(ffi.new("uint64_t[]", { 1, ffi.cast("uint64_t", -1) }))
    assert.same({ "1", "18446744073709551615" }, { tostring(wide[1]), tostring(wide[2]) })
  end)
end)

describe("mp_numbers_record", function()
  local ffi = engine.new()
  ffi.cdef [[
    struct quick { int a; double b; unsigned char c; _Bool d; };
    struct mixed { int a; struct mixed *next; const int k; char s[4]; int bits : 3; };
    struct wide { int a, b, c, d, e, f, g, h, i, j; };
    union quick_u { int i; double d; };
  ]]

  it("takes members by name, by position, from a table and one by one", function()
    local function of(...)
      local p = ffi.new("struct quick *", ...)
      return { p.a, p.b, p.c, p.d }
    end
    assert.same({ 1, 2.5, 3, true }, of { a = 1, b = 2.5, c = 3, d = true })
    assert.same({ 1, 2.5, 3, true }, of { 1, 2.5, 3, true })
    assert.same({ 1, 2.5, 3, true }, of(1, 2.5, 3, true))
    assert.same({ 1, 2.0, 0, false }, of(1, 2))
    assert.same({ 1, 0.0, 3, false }, of(1, nil, 3))
    assert.same({ 0, 0.0, 3, false }, of { [3] = 3 })
    assert.same({ 7, 8.0, 0, false }, of { [0] = 7, 8 })
    assert.same({ 0, 0.0, 0, false }, of {})
    assert.same({ 0, 0.0, 0, false }, of(nil))
    local p = ffi.new("struct wide *", { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 })
    assert.equal(10, p.j)
    assert.equal(10, ffi.new("struct wide *", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10).j)
    assert.equal(4, ffi.new("struct wide *", { d = 4 }).d)
    assert.equal(2.5, ffi.new("union quick_u *", { d = 2.5 }).d)
    assert.equal(3, ffi.new("union quick_u *", 3).i)
  end)

  it("goes on where a member asks for more", function()
    local first = ffi.new("struct mixed *", { a = 1, k = 2, s = "abc", bits = -1 })
    assert.same({ 1, 2, "abc", -1 }, { first.a, first.k, ffi.string(first.s), first.bits })
    local second = ffi.new("struct mixed *", { next = first, a = 3, k = 4 })
    assert.same({ 3, 4, 1 }, { second.a, second.k, second.next.a })
    local third = ffi.new("struct mixed *", { 5, second, 6, "xyz" })
    assert.same({ 5, 6, "xyz", 4 }, { third.a, third.k, ffi.string(third.s), third.next.k })
    first, second = nil, nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    assert.equal(1, third.next.next.a)
    assert.equal(7, ffi.new("struct mixed *", 7, nil, 8).a)
  end)

  it("refuses what doesn't belong", function()
    for _, init in ipairs { { z = 1 }, { a = 1, z = 1 }, { a = 1, 2 }, { a = "x" }, { a = 1.5 }, { c = 256 }, { d = 2 },
      { 1, 2, 3, true, 5 }, { 1, "2" }, { 1, 2, -1 }, { [-1] = 1 }, { [1.5] = 1 }, { [true] = 1 }, { a = {} } } do
      assert.is_false(pcall(ffi.new, "struct quick *", init))
      assert.is_false(pcall(ffi.new, ffi.typeof "struct quick *", init))
    end
    raises("too many initializers", function() ffi.new("struct quick *", 1, 2, 3, true, 5) return end)
    raises("", function() ffi.new("struct quick *", 1, "2") return end)
    raises("", function() ffi.new("union quick_u *", 1, 2) return end)
  end)
end)
