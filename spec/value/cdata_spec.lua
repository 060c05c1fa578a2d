-- value/cdata: owners, views and blocks, and how they end.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local function collect()
  collectgarbage()
  collectgarbage()
end

describe("mp_cdata_pushowner", function()
  local ffi = engine.new()
  ffi.cdef "typedef struct { int x; } __attribute__((aligned(64))) cell; struct none {};"

  it("owns memory of every size, zeroed and aligned", function()
    for _, size in ipairs { 0, 1, 7, 8, 100, 511, 512, 513, 4096, 100000 } do
      local a = ffi.new("char[]", size)
      assert.equal(size, #a)
      assert.equal(("\0"):rep(size), ffi.unpack(a, size))
      local d = ffi.new("long double[]", size)
      assert.equal(0, ffi.addr(d) % 16)
      local c = ffi.new("cell[]", size)
      assert.equal(0, ffi.addr(c) % 64)
    end
    ffi.new "struct none *"
  end)

  it("doesn't let owners overlap", function()
    local all = {}
    for i = 1, 500 do
      all[i] = ffi.new("unsigned char[]", i)
      ffi.fill(all[i], i, i % 256)
    end
    for i = 1, 500 do
      for _, at in ipairs { 0, i // 2, i - 1 } do assert.equal(i % 256, all[i][at]) end
    end
  end)
end)

describe("mp_cdata_checkspan", function()
  local ffi = engine.new()

  it("checks against the block, whichever pointer it comes through", function()
    local a = ffi.new "int[4]"
    local views = {
      ffi.cast("int *", a), ffi.addressof(a, 0), ffi.cast("int *", ffi.cast("void *", a)),
      ffi.cast("int *", a) + 2 - 2, ffi.new("int *[1]", { a })[0],
    }
    for _, view in ipairs(views) do
      view[3] = 7
      assert.equal(7, a[3])
      raises("access of 4 bytes at offset 16 is outside its block of 16 bytes", function()
        view[4] = 1
      end)
      raises("", function() ffi.fill(view, 17) end)
      raises("", function() ffi.unpack(view, 5) end)
      raises("", function() ffi.memmove(view, a, 17) end)
      raises("", function() ffi.buffer(view, 17) end)
    end
  end)

  it("lets arithmetic leave the block, and access not", function()
    local p = ffi.cast("int *", ffi.new("int[2]", { 1, 2 }))
    local far = p + 1000
    raises("", function() local _ = far[0] end)
    assert.equal(2, (far - 999)[0])
    assert.equal(1, far[-1000])
  end)

  -- Random operations on random views of a block, beside a model of its bytes.
  it("never reads or writes a byte outside", function()
    math.randomseed(42)
    local types = { char = 1, short = 2, int = 4, ["long long"] = 8 }
    for _ = 1, 40 do
      local size = math.random(0, 64)
      local block, model = ffi.new("unsigned char[]", size), {}
      for i = 0, size - 1 do model[i] = 0 end
      for _ = 1, 100 do
        local ctype = ({ "char", "short", "int", "long long" })[math.random(4)]
        local width, at = types[ctype], math.random(-10, size + 10)
        local view = ffi.cast("unsigned " .. ctype .. " *", ffi.cast("char *", block) + at)
        local inside = at >= 0 and at + width <= size
        local value = math.random(0, 255)
        local ok = pcall(function() view[0] = value end)
        assert.equal(inside, ok)
        if inside then
          model[at] = value
          for i = 1, width - 1 do model[at + i] = 0 end
          assert.equal(value, view[0])
        end
      end
      for i = 0, size - 1 do assert.equal(model[i], block[i]) end
    end
  end)
end)

describe("mp_cdata_release", function()
  local ffi = engine.new()
  ffi.cdef "struct point { int x, y; };"

  it("ends large and small owners, and every view of them", function()
    for _, size in ipairs { 10, 100000 } do
      local a = ffi.new("int[]", size)
      local view, element, slice = ffi.cast("char *", a), ffi.addressof(a, 1), ffi.slice(a, 1, 2)
      ffi.release(a)
      for _, x in ipairs { a, view, element, slice } do
        raises("cdata was released", function() local _ = x[0] end)
        raises("cdata was released", function() x[0] = 1 end)
        raises("cdata was released", function() ffi.fill(x, 1) end)
        raises("cdata was released", function() ffi.unpack(x, 1) end)
        raises("cdata was released", function() ffi.buffer(x) end)
      end
    end
  end)

  it("gives memory back at once", function()
    local function bytes() return (select(2, ffi.mem.live(ffi.mem.MEM))) end
    local before = bytes()
    local a = ffi.new "char[100000]"
    assert.is_true(bytes() - before >= 100000)
    ffi.release(a)
    assert.equal(before, bytes())
  end)

  it("runs a destructor that releases, errors or resurrects once", function()
    local reports, runs, saved = 0, 0, nil
    ffi.onreport(function() reports = reports + 1 end)
    local p
    p = ffi.gc(ffi.new "int *", function(q)
      runs = runs + 1
      saved = q
      ffi.release(p)
      error "still"
    end)
    ffi.release(p)
    ffi.release(p)
    p = nil
    collect()
    ffi.onreport(nil)
    assert.equal(1, runs)
    assert.equal(1, reports)
    assert.equal(0, saved[0])
  end)

  it("ends all that gc made over it, also when others of those are gone", function()
    local ended, over, block = 0, {}, ffi.new "int[1000]"
    for i = 1, 50 do over[i] = ffi.gc(block, function() ended = ended + 1 end) end
    for i = 1, 50 do
      if i % 3 > 0 then over[i] = nil end
    end
    collect()
    assert.equal(34, ended)
    ffi.release(block)
    assert.equal(50, ended)
    for i = 3, 50, 3 do raises("cdata was released", function() local _ = over[i][0] end) end
  end)

  it("ends what gc made over it even while that is being finalized", function()
    for _, size in ipairs { 64, 4096 } do
      local seen = {}
      do
        local block = ffi.new("char[]", size)
        local over = ffi.gc(block, function() end)
        setmetatable({}, { __gc = function()
          ffi.release(block)
          seen[1], seen[2] = pcall(function() return over[0] end)
          seen[3] = pcall(function() return (over + 1)[0] end)
        end })
      end
      collect()
      assert.is_false(seen[1])
      assert.matches("cdata was released", seen[2], 1, true)
      assert.is_false(seen[3])
    end
  end)

  it("comes to an end when a destructor makes another over the same", function()
    local runs, block = 0, ffi.new "int[4]"
    local function again(x)
      runs = runs + 1
      ffi.gc(x, again)
    end
    ffi.gc(block, again)
    local kept = ffi.gc(block, again)
    ffi.onreport(function() end)
    ffi.release(block)
    collect()
    ffi.onreport(nil)
    assert.is_true(runs >= 2 and runs < 10)
    raises("cdata was released", function() local _ = kept[0] end)
  end)

  it("keeps the destructor's errors out of the collector's way", function()
    local reports = 0
    ffi.onreport(function() reports = reports + 1 end)
    for _ = 1, 50 do ffi.gc(ffi.new "int *", function() error "x" end) end
    collect()
    ffi.onreport(nil)
    assert.equal(50, reports)
  end)
end)

describe("views", function()
  local ffi = engine.new()
  ffi.cdef "struct point { int x, y; }; struct line { struct point p[2]; };"

  it("keep their block alive, in chains too", function()
    local y = ffi.addressof(ffi.new("struct line *", { { { 1, 2 }, { 3, 4 } } }).p[1], "y")
    collect()
    assert.equal(4, y[0])
    assert.equal(1, y[-3])
    local p = ffi.cast("char *", ffi.cast("void *", ffi.new("char[]", ("x"):rep(5000)) + 100)) + 50
    collect()
    assert.equal("x", p[0])
    assert.equal("x", p[-150])
  end)

  it("are what gc makes a result of: that and no more", function()
    local a = ffi.new("int[4]", { 1, 2, 3, 4 })
    local slice = ffi.gc(ffi.slice(a, 1, 3), function() end)
    assert.same({ 2, 8, 3 }, { #slice, ffi.sizeof(slice), slice[1] })
    raises("index too large for cdata 'int[]' (expected 2 < 2)", function() local _ = slice[2] end)
    local element = ffi.gc(ffi.new("struct line[3]")[1], function() end)
    assert.equal(16, ffi.sizeof(element))
    raises("17 bytes are too many: only 16 are known", function() ffi.fill(element, 17) end)
  end)

  it("are what gc makes a pointer of: into the same block, both ways", function()
    local p = ffi.gc(ffi.new("int[4]", { 1, 2, 3, 4 }) + 2, function() end)
    assert.same({ 1, 3, 4 }, { p[-2], p[0], p[1] })
    raises("access of 4 bytes at offset 16 is outside its block of 16 bytes", function() local _ = p[2] end)
    raises("access of 4 bytes at offset -4 is outside", function() local _ = p[-3] end)
  end)

  it("let their block go when they are gone", function()
    local ended = 0
    local managed = ffi.gc(ffi.new "struct line *", function() ended = ended + 1 end)
    local view = managed.p[1]
    managed = nil -- luacheck: ignore 311
    collect()
    assert.equal(0, ended)
    assert.equal(0, view.x)
    view = nil -- luacheck: ignore 311
    collect()
    assert.equal(1, ended)
  end)
end)

describe("memory that is released while C uses it", function()
  local ffi = engine.new()
  ffi.cdef "void qsort(void *, size_t, size_t, int (*)(const void *, const void *));"

  it("ends when C returns, what gc made over it first and still readable", function()
    for _, size in ipairs { 16, 4000 } do
      local seen = {}
      local block = ffi.new("int[]", size)
      local inner = ffi.gc(block, function(x) seen[#seen + 1] = x[1] end)
      local outer = ffi.gc(inner, function(x) seen[#seen + 1] = x[1] + 1 end)
      ffi.fill(block, 8, 1)
      ffi.C.qsort(outer, 2, 4, function(a)
        ffi.release(block)
        assert(#seen == 0)
        return ffi.cast("const int *", a)[0]
      end)
      assert.same({ 0x01010102, 0x01010101 }, seen)
      for _, x in ipairs { block, inner, outer } do
        raises("cdata was released", function() local _ = x[0] end)
      end
    end
  end)
end)

describe("memory that a finalizer releases during a use of it", function()
  local ffi = engine.new()
  ffi.cdef "struct deep { struct { void *p[400]; } a[2]; };"

  -- use(block) with a collector that comes at its first allocation, and releases the block.
  local function released_during(ctype, use)
    collect()
    collectgarbage "stop"
    local block = ffi.new(ctype)
    ffi.fill(block, ffi.sizeof(block), 0x41)
    local list, text = {}, "cdata was released"
    for i = 1, 600 do list[i] = ffi.NULL end
    list[600], list[1] = ffi.new "int *", ffi.new "int *"
    local buffer = ffi.buffer(block)
    do setmetatable({}, { __gc = function() ffi.release(block) end }) end
    collectgarbage("incremental", 0, 1000, 40)
    collectgarbage "restart"
    local ok, message = pcall(use, block, list, buffer)
    collectgarbage("incremental", 200, 100, 13)
    assert.is_false(ok)
    assert.matches(text, message, 1, true)
  end

  it("is an error, whatever the use", function()
    released_during("int *[600]", function(block, list) ffi.assign(block, 0, 600, list) end)
    released_during("int *[600]", function(block, list) block[0], block[1] = list[1], list[600] end)
    released_during("unsigned __int128[300]", function(block) ffi.unpack(block, 300) end)
    released_during("struct deep[1]", function(block) ffi.totable(block) end)
    released_during("char[5000]", function(_, _, buffer) ffi.from_buffer(buffer) end)
    released_during("char[5000]", function(block) ffi.gc(block, print) end)
    released_during("int (*[500])(int)", function(block) block[3] = function() end end)
    ffi.cdef [[
      void qsort(void *, size_t, size_t, int (*)(const void *, const void *));
      char *strcpy(char *, const char *);
    ]]
    local qsort, strcpy = ffi.C.qsort, ffi.C.strcpy
    released_during("int[2000]", function(block) qsort(block, 2000, 4, function() return 0 end) end)
    released_during("char[5000]", function(block) strcpy(block, { 65, 0 }) end)
    released_during("char[5000]", function(_, _, buffer) buffer:write(0, tostring(5) .. "x") end)
  end)
end)

describe("memory that Lua doesn't count", function()
  -- What a loop of megabytes leaves resident at its highest, by the kernel's count.
  local script = [[
    local ffi = require "moonpool"
    ffi.cdef "void *malloc(size_t); void free(void *); struct large { char bytes[1048576]; };"
    local malloc, free = ffi.C.malloc, ffi.C.free
    local make, new = {}, ffi.new_allocator(function(n) return malloc(n) end, free)
    function make.owned() return ffi.new("char[]", 1048576) end
    function make.struct() return ffi.new "struct large *" end
    function make.allocator() return new("char[]", 1048576) end
    function make.gc() return ffi.gc(ffi.cast("char *", malloc(1048576)), free, 1048576) end
    collectgarbage "%s"
    for _ = 1, 500 do ffi.fill(make["%s"](), 1048576, 1) end
    for line in io.lines "/proc/self/status" do
      local kb = line:match "VmHWM:%%s*(%%d+)"
      if kb then print(tonumber(kb) < 65536 and "small" or kb) end
    end
  ]]
  local linux = io.open "/proc/self/status"

  it("is known to the collector", function()
    if not linux then return end
    for _, mode in ipairs { "incremental", "generational" } do
      for _, how in ipairs { "owned", "struct", "allocator", "gc" } do
        local output, code = engine.run_lua(script:format(mode, how))
        assert.equal(0, code)
        if engine.mode ~= "asan" and engine.mode ~= "debug" then assert.equal("small\n", output, mode .. " " .. how) end
      end
    end
  end)

  it("lets a collector that was stopped rest", function()
    if engine.mode == "gcstress" then return end
    local ended = 0
    collectgarbage "stop"
    for _ = 1, 3 do
      local ffi = engine.new()
      ffi.gc(ffi.new "char[100000]", function() ended = ended + 1 end)
      ffi.new "char[1000000]"
    end
    assert.equal(0, ended)
    collectgarbage "restart"
  end)
end)

describe("mp_cdata_self", function()
  local ffi = engine.new()
  ffi.cdef "struct self { int x; };"
  local names = { "__index", "__newindex", "__len", "__pairs", "__tostring", "__close", "__call", "__gc" }

  it("lets metamethods that are called by hand take cdata alone", function()
    local p = ffi.gc(ffi.new "struct self *", function() end)
    local meta = debug.getmetatable(p)
    local wrong = { false, 1, "x", {}, print, coroutine.create(print), io.stdout, ffi.typeof "int" }
    for _, name in ipairs(names) do
      for _, value in ipairs(wrong) do
        raises("expected a cdata, not " .. type(value), function()
          meta[name](value, "x", 1)
          return
        end)
      end
      raises("expected a cdata, not no value", function() meta[name]() return end)
    end
    ffi.release(p)
  end)

  it("holds for userdata that were given a cdata's metatable", function()
    local meta = debug.getmetatable(ffi.new "struct self *")
    local foreign = io.tmpfile()
    local own = debug.getmetatable(foreign)
    debug.setmetatable(foreign, meta)
    local ok, message = pcall(function() return foreign.x end)
    debug.setmetatable(foreign, own)
    foreign:close()
    assert.is_false(ok)
    assert.matches("expected a cdata, not userdata", message, 1, true)
  end)

  it("ends nothing that isn't a block", function()
    local p = ffi.gc(ffi.new "struct self *", function() end)
    local gc, view = debug.getmetatable(p).__gc, p[0]
    gc(view)
    view.x = 3
    assert.equal(3, p.x)
    ffi.release(p)
  end)
end)
