-- call/luaalloc: allocators written in Lua.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local ffi = engine.new()
local mem = ffi.mem

local names = { "malloc", "calloc", "realloc", "free" }

-- An allocator over what is there now, with some functions replaced.
local function over(domain, replaced)
  local below = mem.get_allocator(domain)
  local t = {}
  for _, name in ipairs(names) do
    t[name] = replaced[name] or function(_, ...) return below[name](below.ctx, ...) end
  end
  return t, below
end

-- Runs f with that allocator, and puts back what was there.
local function with(domain, replaced, f)
  local saved = mem.get_allocator(domain)
  mem.set_allocator(domain, (over(domain, replaced)))
  local ok, why = pcall(f)
  mem.set_allocator(domain, saved)
  if not ok then error(why, 0) end
end

-- mem.malloc fails for this reason when an allocator's malloc is f.
local function fails(reason, f)
  for name, id in pairs { raw = 0, mem = 1, obj = 2 } do
    local p, why
    with(id, { malloc = f }, function()
      p, why = mem[name].malloc(32)
    end)
    assert.is_nil(p)
    assert.is_truthy(why:find(reason, 1, true), why)
  end
end

describe("an allocator written in Lua", function()
  it("fails when it raises", function()
    fails("out of luck", function() error "out of luck" end)
    fails("(error object is a table value)", function() error {} end)
  end)

  it("fails when it yields", function()
    fails("attempt to yield", function() coroutine.yield() end)
    local why
    coroutine.wrap(function()
      with(mem.MEM, { malloc = function() coroutine.yield() end }, function()
        why = select(2, mem.malloc(1))
      end)
    end)()
    assert.is_truthy(why:find("attempt to yield", 1, true))
  end)

  it("fails when it returns no pointer", function()
    fails("the allocator's malloc returned nil, not a pointer", function() end)
    fails("the allocator's malloc returned number, not a pointer", function() return 4096 end)
    fails("the allocator's malloc returned long, not a pointer", function()
      return ffi.box("long", 4096)
    end)
  end)

  it("fails when it returns what isn't aligned", function()
    fails(", which is not aligned to 16", function() return ffi.cast("char *", 0x12348) end)
  end)

  it("fails when it returns memory of the collector's", function()
    fails("the allocator's malloc returned memory that Lua's collector frees", function()
      return ffi.new "char[1000]"
    end)
  end)

  it("fails when it returns too little", function()
    local made = {}
    fails("the allocator's malloc returned 16 bytes, not 32", function()
      made[#made + 1] = mem.raw.malloc(16)
      return made[#made]
    end)
    for _, p in ipairs(made) do mem.raw.free(p) end
  end)

  it("fails when it returns what is live already", function()
    local first
    local t, below = over(mem.MEM, {})
    local saved = mem.get_allocator(mem.MEM)
    t.malloc = function(_, n)
      first = first or below.malloc(below.ctx, n)
      return first
    end
    mem.set_allocator(mem.MEM, t)
    local p = mem.malloc(32)
    local q, why = mem.malloc(32)
    mem.set_allocator(mem.MEM, saved)
    assert.is_nil(q)
    assert.is_truthy(why:find("live already", 1, true), why)
    mem.free(p)
  end)

  it("tells ffi.new why", function()
    with(mem.MEM, { malloc = function() error("out of luck", 0) end }, function()
      raises("out of luck", function() ffi.new "int *" end)
      raises("out of luck", function() ffi.new "char[10000]" end)
    end)
    ffi.new "char[10000]" [0] = 1
  end)

  it("tells new_allocator why", function()
    with(mem.MEM, { malloc = function() error("out of luck", 0) end }, function()
      local new = ffi.new_allocator(mem.mem)
      raises("alloc() returned NULL: out of luck", function() new "int *" end)
    end)
  end)

  it("leaves a block whose resize fails", function()
    with(mem.MEM, { realloc = function() error("no", 0) end }, function()
      local p = mem.malloc(8)
      ffi.fill(p, 8, 65)
      assert.same({ nil, "no" }, { mem.realloc(p, 16) })
      assert.equal("AAAAAAAA", ffi.unpack(ffi.cast("char *", p), 8))
      mem.free(p)
    end)
  end)

  it("reports an error in free, and goes on", function()
    local reports, lost = {}, nil
    ffi.onreport(function(text) reports[#reports + 1] = text end)
    with(mem.MEM, { free = function(_, p) lost = p; error("can't", 0) end }, function()
      mem.free(mem.malloc(8))
    end)
    ffi.onreport(nil)
    assert.same({ "a block is lost: can't" }, reports)
    local a = mem.get_allocator(mem.MEM)
    a.free(a.ctx, lost)
  end)

  it("can use the domain that it serves: what was there before answers", function()
    local calls, below = 0, mem.get_allocator(mem.MEM)
    with(mem.MEM, {
      malloc = function(_, n)
        calls = calls + 1
        local scratch = mem.malloc(100)
        mem.free(scratch)
        return below.malloc(below.ctx, n)
      end,
    }, function()
      local p = mem.malloc(10)
      assert.equal(1, calls)
      ffi.fill(p, 10, 1)
      mem.free(p)
    end)
  end)

  it("can serve one domain from another", function()
    local raw, bytes = mem.live(mem.RAW)
    with(mem.MEM, {
      malloc = function(_, n) return mem.raw.malloc(n) end,
      calloc = function(_, n, size) return mem.raw.calloc(n, size) end,
      realloc = function(_, p, n) return mem.raw.realloc(p, n) end,
      free = function(_, p) mem.raw.free(p) end,
    }, function()
      local p = mem.malloc(10)
      p = mem.realloc(p, 100)
      local q = ffi.new("char[]", ("x"):rep(1000))
      assert.equal(1000, #ffi.string(q))
      ffi.release(q)
      mem.free(p)
    end)
    assert.same({ raw, bytes }, { mem.live(mem.RAW) })
  end)

  it("can set another allocator inside itself", function()
    local saved = mem.get_allocator(mem.MEM)
    local other = {}
    local t = over(mem.MEM, {})
    local malloc = t.malloc
    t.malloc = function(ctx, n)
      mem.set_allocator(mem.MEM, (over(mem.MEM, { malloc = function(_, m)
        other[#other + 1] = m
        return saved.malloc(saved.ctx, m)
      end })))
      return malloc(ctx, n)
    end
    mem.set_allocator(mem.MEM, t)
    local p = mem.malloc(1)
    local q = mem.malloc(2)
    mem.set_allocator(mem.MEM, saved)
    assert.same({ 2 }, other)
    mem.free(p)
    mem.free(q)
  end)

  it("can take itself off inside itself", function()
    local saved = mem.get_allocator(mem.MEM)
    mem.set_allocator(mem.MEM, (over(mem.MEM, { malloc = function(_, n)
      mem.set_allocator(mem.MEM, saved)
      return saved.malloc(saved.ctx, n)
    end })))
    local p = mem.malloc(1)
    mem.free(p)
  end)

  it("is called from __gc, and collects nothing there", function()
    local freed = 0
    local below = mem.get_allocator(mem.MEM)
    with(mem.MEM, { free = function(_, p)
      freed = freed + 1
      local _ = {} -- garbage
      below.free(below.ctx, p)
    end }, function()
      for _ = 1, 10 do ffi.new "char[1000]" end
      collectgarbage()
      collectgarbage()
    end)
    assert.equal(10, freed)
  end)

  it("can be given any ctx, and callable objects", function()
    local below = mem.get_allocator(mem.MEM)
    local seen
    with(mem.MEM, { malloc = setmetatable({}, { __call = function(_, ctx, n)
      seen = ctx
      return below.malloc(below.ctx, n)
    end }) }, function() mem.free(mem.malloc(1)) end)
    assert.is_nil(seen)
  end)

  it("can't declare while moonpool takes memory for a declaration", function()
    local output, code = engine.run_lua [[
      local ffi = require "moonpool"
      local mem = ffi.mem
      local saved = mem.get_allocator(mem.OBJ)
      local called = {}
      local function try(what, ...)
        local ok, why = pcall(ffi[what], ...)
        assert(not ok and why:find "moonpool is busy$", why)
        called[what] = true
      end
      ffi.cdef "struct known { int x; };"
      local known = ffi.typeof "struct known *"
      ffi.new(known)[0].x = 1
      mem.set_allocator(mem.OBJ, {
        malloc = function(_, n)
          try("cdef", "struct inner { int x; };")
          try("typeof", "struct inner *[7]")
          try("include", ffi.FFI())
          ffi.new(known)[0].x = 2
          assert(not pcall(mem.generic_alloc, known))
          return saved.malloc(saved.ctx, n)
        end,
        calloc = saved.calloc, realloc = saved.realloc,
        free = function(_, p) return saved.free(saved.ctx, p) end,
      })
      for i = 1, 200 do ffi.cdef(("struct outer%d { int a, b; };"):format(i)) end
      mem.set_allocator(mem.OBJ, saved)
      assert(called.cdef and called.typeof)
      ffi.cdef "struct after { struct outer200 o; };"
      assert(ffi.sizeof "struct after" == 8)
      ffi.onreport(function() end)
      io.write "fine"
    ]]
    assert.equal("fine", output)
    assert.equal(0, code)
  end)

  it("may declare while an explicit call asks for memory", function()
    local lib = engine.new()
    with(mem.MEM, { malloc = function(_, n)
      lib.cdef(("struct s%d { char c[%d]; };"):format(n, n))
      return mem.raw.malloc(n)
    end, free = function(_, p) mem.raw.free(p) end }, function()
      mem.free(mem.malloc(24))
      ffi.release(ffi.new "char[40]")
    end)
    assert.same({ 24, 40 }, { lib.sizeof "struct s24", lib.sizeof "struct s40" })
  end)

  it("survives garbage collections inside it", function()
    local output, code = engine.run_lua [[
      local ffi = require "moonpool"
      local mem = ffi.mem
      ffi.onreport(function() end)
      mem.set_allocator(mem.OBJ, {
        malloc = function(_, n) collectgarbage(); return mem.raw.malloc(n) end,
        calloc = function(_, n, size) collectgarbage(); return mem.raw.calloc(n, size) end,
        realloc = function(_, p, n) collectgarbage(); return mem.raw.realloc(p, n) end,
        free = function(_, p) collectgarbage(); mem.raw.free(p) end,
      })
      for i = 1, 20 do
        local lib = ffi.FFI()
        lib.cdef "struct a { int x; struct a *next; }; typedef struct a *ap; int f(ap, double);"
        assert(lib.sizeof "struct a" == 16)
        lib.gc(lib.new "struct a *", function() end)
      end
      io.write "fine"
    ]]
    assert.equal("fine", output)
    assert.equal(0, code)
  end)
end)

describe("at the state's close, an allocator written in Lua", function()
  it("still serves finalizers, and what it holds then is said", function()
    local output, code = engine.run_lua [[
      local ffi = require "moonpool"
      local mem = ffi.mem
      local below = mem.get_allocator(mem.MEM)
      mem.set_allocator(mem.MEM, {
        malloc = function(_, n) return below.malloc(below.ctx, n) end,
        calloc = below.calloc, realloc = below.realloc,
        free = function(_, p) io.stderr:write "freed "; below.free(below.ctx, p) end,
      })
      kept = ffi.new "char[1000]"
      setmetatable({}, { __gc = function() ffi.new "char[600]"; mem.malloc(24) end })
      lost = mem.malloc(8)
    ]]
    assert.equal("freed freed moonpool: an allocator of the mem"
      .. " domain that is written in Lua still holds 2 blocks, 32 bytes\n", output)
    assert.equal(0, code)
  end)

  it("leaves moonpool's own records where they are", function()
    local output, code = engine.run_lua [[
      local ffi = require "moonpool"
      local mem = ffi.mem
      mem.set_allocator(mem.OBJ, {
        malloc = function(_, n) return mem.raw.malloc(n) end,
        calloc = function(_, n, size) return mem.raw.calloc(n, size) end,
        realloc = function(_, p, n) return mem.raw.realloc(p, n) end,
        free = function(_, p) return mem.raw.free(p) end,
      })
      ffi.cdef "struct s { int x; };"
      for i = 1, 100 do ffi.typeof("struct s[" .. i .. "]") end
    ]]
    assert.is_truthy(output:find("^moonpool: an allocator of the obj domain that is written in "
      .. "Lua still holds %d+ blocks?, %d+ bytes\n$"), output)
    assert.equal(0, code)
  end)
end)
