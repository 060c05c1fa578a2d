-- value/access: p.x, a[i], #a, pairs, and paths.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("mp_access_index", function()
  local ffi = engine.new()
  ffi.cdef "struct point { int x, y; }; union u { int i; };"

  it("says why an index is refused", function()
    local a = ffi.new "int[3]"
    raises("index too large for cdata 'int[3]' (expected 3 < 3)", function() local _ = a[3] end)
    raises("negative index", function() local _ = a[-1] end)
    raises("cdata 'int *' can only be indexed by 0", function() local _ = ffi.new "int *"[1] end)
    raises("cdata 'int[3]' cannot be indexed by a boolean", function() local _ = a[true] end)
    raises("cdata 'int[3]' cannot be indexed by a nil", function() local _ = a[nil] end)
    raises("cdata 'struct point *' cannot be indexed by a table", function()
      local _ = ffi.new "struct point *"[{}]
    end)
    raises("cdata 'struct point' cannot be indexed", function()
      local _ = ffi.new "struct point *"[0][0]
    end)
    raises("cdata 'int' cannot be indexed", function() local _ = ffi.box("int", 1)[0] end)
    raises("1.5 is no index", function() local _ = a[1.5] end)
  end)

  it("says which field is missing, and in what", function()
    raises("'struct point' has no field 'z'", function() local _ = ffi.new "struct point *".z end)
    raises("'union u' has no field 'z'", function() local _ = ffi.new "union u *".z end)
    raises("cdata 'int *' has no field 'x'", function() local _ = ffi.new "int *".x end)
    raises("cdata 'int[3]' has no field 'x'", function() local _ = ffi.new "int[3]".x end)
    raises("cdata 'struct point * *' has no field 'x'", function()
      local _ = ffi.new "struct point **".x
    end)
  end)

  it("says what is opaque", function()
    local p = ffi.cast("void *", ffi.new "int *")
    raises("cdata 'void' is opaque", function() local _ = p[0] end)
    raises("cdata 'struct nobody' is opaque", function() local _ = ffi.cast("struct nobody *", p)[0] end)
    raises("cdata 'struct nobody' is opaque", function() local _ = ffi.cast("struct nobody *", p).x end)
  end)

  it("says where an access is outside its block", function()
    local p = ffi.cast("int *", ffi.new "int[3]")
    raises("access of 4 bytes at offset 12 is outside its block of 12 bytes", function()
      local _ = p[3]
    end)
    raises("access of 4 bytes at offset -4 is outside its block of 12 bytes", function()
      local _ = p[-1]
    end)
    raises("access of 8 bytes at offset 8 is outside its block of 12 bytes", function()
      local _ = ffi.cast("double *", p)[1]
    end)
    raises("access of 4 bytes at offset 10 is outside its block of 12 bytes", function()
      ffi.cast("int *", ffi.cast("char *", p) + 10)[0] = 1
    end)
  end)

  it("finds a field among very many, and by a long name", function()
    local names, text = {}, {}
    for i = 1, 300 do
      names[i] = i % 3 == 0 and ("a_rather_long_name_of_a_field_"):rep(3) .. i or "f" .. i
      text[i] = "int " .. names[i] .. ";"
    end
    ffi.cdef("struct many {" .. table.concat(text) .. "};")
    local p = ffi.new "struct many *"
    for i, name in ipairs(names) do p[name] = i end
    for i, name in ipairs(names) do assert.equal(i, p[name]) end
    raises("'struct many' has no field 'f301'", function() local _ = p.f301 end)
  end)
end)

describe("mp_access_newindex", function()
  local ffi = engine.new()
  ffi.cdef "struct point { int x, y; }; struct array { int v[3]; };"

  it("writes fields, elements and whole arrays", function()
    local p = ffi.new "struct array *"
    p.v = { 1, 2, 3 }
    assert.same({ 1, 2, 3 }, ffi.unpack(p.v, 3))
    p.v[1] = 20
    p.v = { 7 }
    assert.same({ 7, 20, 3 }, ffi.unpack(p.v, 3))
    p.v = ffi.new("int[3]", { 4, 5, 6 })
    assert.same({ 4, 5, 6 }, ffi.unpack(p.v, 3))
    raises("too many initializers for 'int[3]' (got 4)", function() p.v = { 1, 2, 3, 4 } end)
  end)

  it("writes through p[0]", function()
    local p = ffi.new "struct point *"
    p[0] = { 3, 4 }
    assert.same({ 3, 4 }, { p.x, p.y })
  end)

  it("leaves things as they were when a value is refused", function()
    local p = ffi.new("struct point *", { 1, 2 })
    raises("", function() p.x = "x" end)
    raises("", function() p.x = 1 << 40 end)
    assert.same({ 1, 2 }, { p.x, p.y })
  end)
end)

describe("mp_access_len", function()
  local ffi = engine.new()
  ffi.cdef "struct point { int x, y; };"

  it("is for arrays of known length", function()
    assert.equal(3, #ffi.new "int[3]")
    raises("cdata 'struct point *' has no length", function() local _ = #ffi.new "struct point *" end)
    raises("cdata 'int *' has no length", function() local _ = #ffi.new "int *" end)
  end)
end)

describe("mp_access_pairs", function()
  local ffi = engine.new()
  ffi.cdef "struct point { int x, y; };"

  it("is for arrays and structs", function()
    raises("cdata 'int *' has no elements or fields to run over", function() pairs(ffi.new "int *") end)
    local count = 0
    for _ in pairs(ffi.new "int[0]") do count = count + 1 end
    assert.equal(0, count)
  end)

  it("gives views of elements", function()
    local a = ffi.new("struct point[2]", { { 1, 2 }, { 3, 4 } })
    for i, p in pairs(a) do p.x = 10 * i end
    assert.same({ 0, 10 }, { a[0].x, a[1].x })
  end)
end)

describe("mp_access_path", function()
  local ffi = engine.new()
  ffi.cdef "struct point { int x, y; }; struct line { struct point p[2]; struct point *next; unsigned b : 2; };"

  it("adds up offsets", function()
    assert.equal(12, ffi.offsetof("struct line", "p", 1, "y"))
    assert.equal(16, ffi.offsetof("struct line", "next"))
  end)

  it("says which step isn't there", function()
    raises("'struct point' has no field 'z'", function() ffi.offsetof("struct line", "p", 1, "z") end)
    raises("", function() ffi.offsetof("struct line", "p", 3) end)
    raises("", function() ffi.offsetof("struct line", "p", "x") end)
    raises("", function() ffi.offsetof("struct line", "next", "x") end)
    raises("", function() ffi.offsetof("struct line", "b", "x") end)
  end)
end)

describe("every way to memory", function()
  local views = require "spec.support.views"

  it("agrees with a model over thousands of random operations on random views", function()
    for seed = 1, 3 do
      math.randomseed(seed)
      local world = views.world(engine.new(), math.random)
      for i = 1, 3000 do
        local wrong = world.step()
        assert(not wrong, ("seed %d, step %d: %s"):format(seed, i, wrong))
      end
    end
  end)
end)

describe("const", function()
  local ffi = engine.new()
  ffi.cdef [[
    struct fixed { int x; const int y; const int a[2]; };
    struct spot { int x, y; }; struct stroke { struct spot a, b; };
    struct flex { int n; double v[]; };
  ]]

  it("holds for whatever writes to an array of const", function()
    raises("'const char[3]' is const", function() ffi.fill(ffi.new "const char[3]", 2, 65) end)
    raises("'const char[3]' is const", function() ffi.memmove(ffi.new "const char[3]", "y", 1) end)
    raises("'const int[3]' is const", function() ffi.assign(ffi.new "const int[3]", 0, 1, { 5 }) end)
    raises("'const int' is const", function() ffi.buffer(ffi.new("const int *", 1))[0] = 9 end)
    raises("'const double _Complex' is const", function() ffi.new("const double _Complex *").re = 3 end)
  end)

  it("passes from a vector to its elements", function()
    ffi.cdef "typedef float quad __attribute__((vector_size(16)));"
    local v = ffi.new("const quad *", { 1, 2, 3, 4 })
    assert.equal(3, v[0][2])
    raises("'const float __attribute__((vector_size(16)))' is const", function() v[0][2] = 1 end)
    assert.equal(ffi.typeof "const float *", ffi.typeof(ffi.addressof(v[0], 2)))
  end)

  it("keeps a struct with const members from being copied over, not its other members", function()
    local s = ffi.new("struct fixed[2]", { { 1, 2, { 3, 4 } } })
    raises("'const int[2]' is const", function() s[0].a = { 3 } end)
    raises("field 'y' is const", function() s[0] = { 5, 6 } end)
    raises("'struct fixed' is const", function() s[0] = s[1] end)
    s[0] = { x = 9 }
    assert.same({ 9, 2, 4 }, { s[0].x, s[0].y, s[0].a[1] })
  end)

  it("passes from a struct to its members", function()
    local stroke = ffi.new("const struct stroke *", { { 1, 2 }, { 3, 4 } })
    local fixed = ffi.cast("const struct fixed *", ffi.new "struct fixed *")
    assert.equal(ffi.typeof "const int *", ffi.typeof(ffi.addressof(fixed, "x")))
    assert.equal(ffi.typeof "const int *", ffi.typeof(ffi.addressof(stroke, "a", "y")))
    assert.equal(ffi.typeof "const struct spot *", ffi.typeof(ffi.addressof(stroke.b)))
    raises("'const int' is const", function() ffi.addressof(stroke, "b", "y")[0] = 1 end)
    raises("'const struct spot' is const", function() stroke.a.x = 3 end)
    assert.equal(4, stroke.b.y)
  end)

  it("of several initializers the last sizes a flexible array", function()
    local flex = ffi.new("struct flex *", 2, { 1, 2 })
    assert.same({ 2, 2 }, { #flex.v, flex.v[1] })
  end)
end)

describe("scalars", function()
  local ffi = engine.new()
  local limits = {
    ["signed char"] = { -128, 127 }, ["unsigned char"] = { 0, 255 }, ["short"] = { -32768, 32767 },
    ["unsigned short"] = { 0, 65535 }, ["int"] = { -1 << 31, (1 << 31) - 1 },
    ["unsigned int"] = { 0, (1 << 32) - 1 }, ["long"] = { math.mininteger, math.maxinteger },
    ["unsigned long long"] = { 0, math.maxinteger }, ["enum e"] = { 0, (1 << 32) - 1 },
    ["unsigned int __attribute__((aligned(16)))"] = { 0, (1 << 32) - 1 },
    ["int b : 7; int :"] = { -64, 63 }, ["unsigned long b : 63; int :"] = { 0, math.maxinteger },
  }
  ffi.cdef "enum e { A, B };"

  -- Through each kind of cdata that has the field or element: its get and set.
  local function ways(ctype, n)
    local bits = ctype:find ":"
    local tag = "s" .. n
    ffi.cdef(("struct %s { char c; %s %s; };"):format(tag, ctype, bits and "5" or "b"))
    local owner, big = ffi.new("struct " .. tag .. " *"), ffi.new("struct " .. tag .. "[600]")
    local list = { owner, owner[0], big[599], ffi.addressof(big, 1), ffi.slice(big, 2, 4)[1],
      ffi.cast("struct " .. tag .. " *", ffi.addr(owner)) }
    for i, p in ipairs(list) do
      list[i] = { function() return p.b end, function(v) p.b = v end }
    end
    if bits or ctype:find "aligned" then return list end
    local fixed, open, large = ffi.new(ctype .. "[3]"), ffi.new(ctype .. "[]", 3), ffi.new(ctype .. "[]", 3000)
    for _, a in ipairs { fixed, open, large, ffi.slice(large, 1, 4), ffi.cast(ctype .. " *", large),
      ffi.gc(fixed, function() end), ffi.cast(ctype .. " *", ffi.addr(large)), ffi.new(ctype .. "[2][3]")[1] } do
      list[#list + 1] = { function() return a[2] end, function(v) a[2] = v end }
    end
    return list
  end

  it("go in and out whole through every kind of cdata, and not beyond their range", function()
    local n = 0
    for ctype, range in pairs(limits) do
      n = n + 1
      for _, way in ipairs(ways(ctype, n)) do
        local get, set = way[1], way[2]
        for _, v in ipairs { range[1], range[2], 1, 0 } do
          set(v)
          assert.equal(v, get(), ctype)
          assert.equal("integer", math.type(get()))
          local float = math.tointeger(v + 0.0) == v and v + 0.0 or 5.0
          set(float)
          assert.is_true(float == get(), ctype)
        end
        set(7)
        for _, v in ipairs { range[1] - 1, range[2] + 1, 1.5, "7", false, {} } do
          if v ~= math.maxinteger and v ~= math.mininteger then
            assert.is_false(pcall(set, v), ctype)
            assert.equal(7, get(), ctype)
          end
        end
      end
    end
  end)

  it("of floating types and booleans and characters too", function()
    for i, ctype in ipairs { "float", "double", "_Float32", "long double" } do
      for _, way in ipairs(ways(ctype, "f" .. i)) do
        local get, set = way[1], way[2]
        for _, v in ipairs { 1.5, -0.25, 3, 1 / 0 } do
          set(v)
          assert.equal(v, get())
          assert.equal("float", math.type(get()))
        end
        for _, v in ipairs { "1", true, i % 2 == 1 and i < 4 and 1e39 or {} } do
          assert.is_false(pcall(set, v), ctype)
          assert.equal(1 / 0, get())
        end
        set((1 << 53) + 1)
        assert.equal(ctype == "float" and 0x1p53 or ctype == "_Float32" and 0x1p53 or get(), get())
      end
    end
    for _, way in ipairs(ways("_Bool", "b")) do
      way[2](true)
      assert.is_true(way[1]())
      way[2](0)
      assert.is_false(way[1]())
      assert.is_false(pcall(way[2], 2))
      assert.is_false(pcall(way[2], "x"))
    end
    for _, way in ipairs(ways("char", "c")) do
      way[2] "x"
      assert.equal("x", way[1]())
      way[2](65)
      assert.equal("A", way[1]())
      assert.is_false(pcall(way[2], "xy"))
      assert.is_false(pcall(way[2], 300))
      assert.equal("A", way[1]())
    end
  end)

  it("of an enum are integers, whatever that is made of", function()
    ffi.cdef [[
      enum letter : char { LETTER_A = 65 }; enum truth : _Bool { NO, YES };
      struct of_enums { enum letter c; enum truth b; enum letter bc : 7; enum truth bb : 1; };
    ]]
    local s = ffi.new("struct of_enums *", { c = 65, b = "YES", bc = 1, bb = 1 })
    local letters, truths = ffi.new("enum letter[1]", { "LETTER_A" }), ffi.new("enum truth[1]", { 1 })
    assert.same({ 65, 1, 1, 1 }, { s.c, s.b, s.bc, s.bb })
    assert.same({ 65, 1 }, { letters[0], truths[0] })
    assert.same({ { 65 }, { 1 } }, { ffi.totable(letters), ffi.totable(truths) })
    raises("initializer for ctype 'enum truth' must be an integer or an enumerator's name, not boolean",
      function() s.b = true end)
  end)

  it("of const members and const records are read alone", function()
    ffi.cdef "struct part { const int a; int b; };"
    local p = ffi.new("struct part *", { 1, 2 })
    local q = ffi.cast("const struct part *", p)
    assert.same({ 1, 2, 1, 2 }, { p.a, p.b, q.a, q.b })
    raises("", function() p.a = 3 end)
    raises("", function() q.b = 3 end)
    raises("", function() ffi.cast("const int *", p)[0] = 3 end)
    assert.same({ 1, 2 }, { p.a, p.b })
  end)

  it("aren't read or written once the block was released", function()
    ffi.cdef "struct gone { int a, v[3]; struct { int b; } in; };"
    local p = ffi.new "struct gone *"
    local a, all = ffi.new "int[4]", {}
    local large = ffi.new("int[]", 1000)
    all[1], all[2], all[3], all[4] = p[0], p.v, p["in"], ffi.addressof(p, "a")
    all[5], all[6], all[7] = ffi.slice(a, 0, 2), ffi.cast("int *", a), ffi.slice(large, 3, 5)
    ffi.release(p)
    ffi.release(a)
    ffi.release(large)
    for _, x in ipairs { p, a, large, table.unpack(all) } do
      for _, key in ipairs { "a", "b", "v", "in", 0, 1 } do
        assert.is_false(pcall(function() return x[key] end))
        assert.is_false(pcall(function() x[key] = 1 end))
      end
    end
    raises("cdata was released", function() local _ = p.a end)
    raises("cdata was released", function() local _ = a[0] end)
    raises("cdata was released", function() all[3].b = 1 end)
    raises("cdata was released", function() all[7][0] = 1 end)
  end)
end)
