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

describe("memory that Lua doesn't count", function()
  it("is known to the collector", function()
    local output, code = engine.run_lua [[
      local ffi = require "moonpool"
      for _ = 1, 2000 do ffi.fill(ffi.new "char[1048576]", 1048576, 1) end
      for line in io.lines "/proc/self/status" do
        local kb = line:match "VmHWM:%s*(%d+)"
        if kb then print(tonumber(kb) < 65536 and "small" or kb) end
      end
    ]]
    assert.equal(0, code)
    if engine.mode == "release" then assert.equal("small\n", output) end
  end)
end)
