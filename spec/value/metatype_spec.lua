-- value/metatype: the metatable of a type's cdata.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("mp_metatype_push", function()
  it("hides the metatable", function()
    local ffi = engine.new()
    assert.equal("moonpool", getmetatable(ffi.new "int *"))
    assert.is_false(pcall(setmetatable, ffi.new "int *", {}))
  end)

  it("keeps a type's instance while a cdata of it lives", function()
    local p
    do
      local ffi = engine.new()
      ffi.cdef "struct s { int a, b; };"
      p = ffi.new("struct s[2]", { { 1, 2 }, { 3, 4 } })
    end
    collectgarbage()
    collectgarbage()
    assert.equal(4, p[1].b)
    assert.matches("struct s", tostring(p), 1, true)
  end)

  it("is made again after a collection", function()
    local ffi = engine.new()
    ffi.cdef "struct s { int a; };"
    for i = 1, 3 do
      local p = ffi.new("struct s *", { i })
      assert.equal(i, p.a)
      p = nil -- luacheck: ignore 311
      collectgarbage()
      collectgarbage()
    end
  end)
end)

describe("mp_metatype_field", function()
  it("finds fields in structs of every size, short names and long ones", function()
    local ffi = engine.new()
    for _, n in ipairs { 1, 8, 9, 16, 17, 100 } do
      local text = {}
      for i = 1, n do text[i] = ("int %s%d;"):format(i % 2 == 0 and "f" or ("long"):rep(15), i) end
      ffi.cdef(("struct s%d { %s };"):format(n, table.concat(text)))
      local p = ffi.new(("struct s%d *"):format(n))
      for i = 1, n do p[(i % 2 == 0 and "f" or ("long"):rep(15)) .. i] = i end
      for i = 1, n do assert.equal(i, p[(i % 2 == 0 and "f" or ("long"):rep(15)) .. i]) end
      assert.is_false(pcall(function() return p.nosuch end))
      assert.is_false(pcall(function() return p[("long"):rep(15)] end))
    end
  end)

  it("ends what was whole, however it was made", function()
    local ffi = engine.new()
    ffi.cdef "struct counted { int a, b; }; typedef struct counted counted;"
    local ended = {}
    ffi.metatype("counted", { __gc = function(x) ended[#ended + 1] = x.a end })
    assert.is_false(pcall(ffi.new, "counted *", { 1, "x" }))
    collectgarbage()
    collectgarbage()
    assert.same({}, ended)
    local order = {}
    local new = ffi.new_allocator(function(n) return ffi.new("char[]", n) end,
      function() order[#order + 1] = #ended end)
    ffi.release(new("counted *", { 2 }))
    assert.same({ { 2 }, { 1 } }, { ended, order })
    assert.is_false(pcall(new, "counted *", { 1, "x" }))
    collectgarbage()
    collectgarbage()
    assert.same({ { 2 }, { 1, 1 } }, { ended, order })
  end)

  it("gives the memory back when __gc fails", function()
    local ffi = engine.new()
    ffi.cdef "struct failing { int a; };"
    ffi.metatype("struct failing", { __gc = function() error "in __gc" end })
    local reports, freed = {}, 0
    local new = ffi.new_allocator(function(n) return ffi.new("char[]", n) end, function() freed = freed + 1 end)
    ffi.onreport(function(text) reports[#reports + 1] = text:match "in __gc" end)
    ffi.release(ffi.new "struct failing *")
    ffi.release(new "struct failing *")
    ffi.onreport(nil)
    assert.same({ "in __gc", "in __gc" }, reports)
    assert.equal(1, freed)
  end)

  it("finds fields that are named as metamethods and keywords", function()
    local ffi = engine.new()
    ffi.cdef "struct s { int __index, __gc, end, type; };"
    local p = ffi.new("struct s *", { 1, 2, 3, 4 })
    assert.same({ 1, 2, 3, 4 }, { p.__index, p.__gc, p["end"], p.type })
  end)
end)

describe("the plan of a type", function()
  it("leaves what can't be made to its errors", function()
    local ffi = engine.new()
    ffi.cdef "struct point { int x, y; }; struct opaque;"
    local p = ffi.new "struct point *"
    local f = ffi.callback("int(*)(int)", function(i) return i end)
    for _, x in ipairs { p[0], f, ffi.cast("void *", p), ffi.cast("struct opaque *", p), ffi.box("int", 1) } do
      local ctype = ffi.typeof(x)
      assert.is_false(pcall(ffi.new, ctype))
      assert.is_false(pcall(ffi.new, ctype, { x = 1 }))
      assert.is_false(pcall(ffi.new, ctype, { 1 }))
    end
    ffi.release(f)
  end)

  it("follows a struct that is completed later", function()
    local ffi = engine.new()
    ffi.cdef "struct later; typedef struct later *later;"
    local bytes = ffi.new "int[4]"
    local p = ffi.cast("later", bytes)
    raises("cdata 'struct later' is opaque", function() local _ = p.x end)
    ffi.cdef "struct later { int w, x; };"
    p.x = 5
    assert.same({ 5, 5 }, { p.x, bytes[1] })
    p[1].w = 7
    assert.same({ 7, 7 }, { p[1].w, bytes[2] })
  end)

  it("serves many instances, one after another and at once", function()
    local kept = {}
    for i = 1, 60 do
      local ffi = engine.new()
      ffi.cdef(("struct s { int a%d; }; struct t { struct s s; };"):format(i))
      local p = ffi.new("struct t *", { { i } })
      assert.equal(i, p.s["a" .. i])
      if i % 7 == 0 then kept[i] = p end
      if i % 10 == 0 then collectgarbage() collectgarbage() end
    end
    for i, p in pairs(kept) do
      assert.equal(i, p.s["a" .. i])
      assert.is_false(pcall(function() return p.s["a" .. i + 1] end))
    end
  end)

  it("knows long names beside short ones, and no numbers", function()
    local ffi = engine.new()
    local long = ("long"):rep(15)
    ffi.cdef("struct s { int " .. long .. ", b; }; struct t { int a, b, c, d, e, f, g, h, i, " .. long .. "; };")
    for _, ctype in ipairs { "struct s *", "struct t *" } do
      local p = ffi.new(ctype)
      p[long], p.b = 3, 4
      assert.same({ 3, 4 }, { p[long], p.b })
      p = p[0]
      assert.same({ 3, 4 }, { p[long], p.b })
      for _, key in ipairs { 0, 1.5, true, print, p } do
        assert.is_false(pcall(function() return p[key] end))
      end
    end
  end)
end)

describe("mp_metatype_set", function()
  it("looks at the table alone, as Lua does at metatables: what that would inherit isn't asked for", function()
    local ffi = engine.new()
    ffi.cdef "struct heir { int x; };"
    ffi.metatype("struct heir", setmetatable({ __add = function() return 5 end }, { __index = error }))
    local heir = ffi.new "struct heir *"
    assert.equal(5, heir[0] + 1)
    raises("'struct heir' has no field 'y'", function() local _ = heir.y end)
    ffi.release(heir)
  end)

  it("holds for pointer types of every qualification, whether they were used before or not", function()
    local ffi = engine.new()
    ffi.cdef "struct ended { int a; };"
    local types = { "struct ended *", "struct ended * const", "const struct ended *", "struct ended * volatile" }
    for i = 1, 3 do ffi.release(ffi.new(types[i], { i })) end
    local ended = {}
    ffi.metatype("struct ended", { __gc = function(x) ended[#ended + 1] = x.a end,
      __add = function(a, b) return a.a + b.a end })
    for i, ctype in ipairs(types) do
      local p = ffi.new(ctype, { i })
      assert.equal(2 * i, p + p)
      ffi.release(p)
      ffi.release(ffi.new(ctype))
    end
    assert.same({ 1, 0, 2, 0, 3, 0, 4, 0 }, ended)
  end)
end)
