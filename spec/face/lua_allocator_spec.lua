-- face/lua_allocator: mem.get_allocator and mem.set_allocator.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local ffi = engine.new()
local mem = ffi.mem

-- Runs f with the allocator installed, and puts back what was there.
local function with(domain, t, f)
  local saved = mem.get_allocator(domain)
  mem.set_allocator(domain, t)
  local ok, why = pcall(f)
  mem.set_allocator(domain, saved)
  if not ok then error(why, 0) end
end

-- An allocator that hands on to what is there, and notes what it is asked.
local function noting(domain, log)
  local below = mem.get_allocator(domain)
  local t = { ctx = log }
  for _, name in ipairs { "malloc", "calloc", "realloc", "free" } do
    t[name] = function(ctx, ...)
      ctx[#ctx + 1] = name
      return below[name](below.ctx, ...)
    end
  end
  return t
end

describe("mem.get_allocator", function()
  it("gives functions that can be called", function()
    for domain = mem.RAW, mem.OBJ do
      local blocks = mem.live(domain)
      local a = mem.get_allocator(domain)
      local p = a.malloc(a.ctx, 10)
      ffi.fill(ffi.cast("char *", p), 10, 1)
      p = a.realloc(a.ctx, p, 1000)
      assert.equal("\1", ffi.cast("char *", p)[9])
      assert.equal(blocks, (mem.live(domain)), "they aren't counted")
      a.free(a.ctx, p)
      p = a.calloc(a.ctx, 3, 5)
      assert.equal(("\0"):rep(15), ffi.unpack(ffi.cast("char *", p), 15))
      a.free(a.ctx, p)
    end
  end)

  it("gives what was set, as it was set", function()
    local log = {}
    local t = noting(mem.MEM, log)
    with(mem.MEM, t, function()
      local got = mem.get_allocator(mem.MEM)
      assert.same(t, got)
      assert.equal(log, got.ctx)
      assert.equal(t.free, got.free)
    end)
  end)

  it("knows three domains", function()
    raises("no memory domain 3", function() mem.get_allocator(3) end)
    raises("no memory domain -1", function() mem.get_allocator(-1) end)
    raises("domain must be an integer, not string", function() mem.get_allocator "mem" end)
    raises("no memory domain 7", function() mem.set_allocator(7, {}) end)
  end)
end)

describe("mem.set_allocator", function()
  for name, id in pairs { raw = 0, mem = 1, obj = 2 } do
    it("has Lua functions serve the domain " .. name, function()
      local log = {}
      local domain = mem[name]
      with(id, noting(id, log), function()
        local p = domain.malloc(10)
        p = domain.realloc(p, 20)
        local q = domain.calloc(2, 8)
        domain.free(p)
        domain.free(q)
      end)
      local asked = {}
      for _, what in ipairs(log) do asked[what] = (asked[what] or 0) + 1 end
      if id == mem.OBJ then -- moonpool's own records come on top
        assert.is_true(asked.malloc >= 1 and asked.realloc >= 1 and asked.free >= 2)
        assert.equal(1, asked.calloc)
      else
        assert.same({ "malloc", "realloc", "calloc", "free", "free" }, log)
      end
    end)

    it("has C functions serve the domain " .. name, function()
      local lib = engine.new()
      local target = lib.dlopen(engine.fixture "allocator")
      lib.cdef [[
        void *counting_malloc(void *ctx, size_t size);
        void *counting_calloc(void *ctx, size_t n, size_t size);
        void *counting_realloc(void *ctx, void *p, size_t size);
        void counting_free(void *ctx, void *p);
      ]]
      local counts = lib.gc(lib.cast("int *", lib.mem.raw.calloc(4, 4)), function() end)
      local domain = lib.mem[name]
      local saved = mem.get_allocator(id)
      mem.set_allocator(id, { ctx = counts, malloc = target.counting_malloc,
        calloc = target.counting_calloc, realloc = target.counting_realloc,
        free = lib.addressof(target, "counting_free") })
      local p = domain.malloc(10)
      p = domain.realloc(p, 20)
      local q = domain.calloc(2, 8)
      domain.free(p)
      domain.free(q)
      mem.set_allocator(id, saved)
      local seen = lib.totable(lib.cast("int (*)[4]", counts)[0])
      assert.is_true(seen[1] >= 1 and seen[2] == 1 and seen[3] >= 1 and seen[4] >= 2)
      if id ~= mem.OBJ then assert.same({ 1, 1, 1, 2 }, seen) end
      lib.mem.raw.free(lib.cast("void *", lib.cast("uintptr_t", counts)))
    end)
  end

  it("leaves blocks with the allocator that made them", function()
    local log = {}
    local before = mem.malloc(10)
    local p
    with(mem.MEM, noting(mem.MEM, log), function()
      p = mem.malloc(20)
      mem.free(before)
      assert.same({ "malloc" }, log)
    end)
    local after = mem.malloc(10)
    p = mem.realloc(p, 1000)
    mem.free(after)
    mem.free(p)
    assert.same({ "malloc", "realloc", "free" }, log)
  end)

  it("takes wraps off in any order", function()
    local first, second = {}, {}
    local base = mem.get_allocator(mem.MEM)
    mem.set_allocator(mem.MEM, noting(mem.MEM, first))
    local a = mem.malloc(1)
    local inner = mem.get_allocator(mem.MEM)
    mem.set_allocator(mem.MEM, noting(mem.MEM, second))
    local b = mem.malloc(2)
    mem.set_allocator(mem.MEM, base)
    local c = mem.malloc(3)
    mem.free(b)
    mem.set_allocator(mem.MEM, inner)
    local d = mem.malloc(4)
    mem.free(c)
    mem.set_allocator(mem.MEM, base)
    mem.free(a)
    mem.free(d)
    assert.same({ "malloc", "malloc", "free", "malloc", "free", "free" }, first)
    assert.same({ "malloc", "free" }, second)
  end)

  it("keeps a wrapped allocator alive for as long as it has blocks", function()
    local log = setmetatable({}, { __mode = "k" })
    local p
    do
      local ctx = {}
      log[ctx] = true
      local below = mem.get_allocator(mem.MEM)
      with(mem.MEM, { ctx = ctx, malloc = function(_, n) return below.malloc(below.ctx, n) end,
        calloc = below.calloc, realloc = below.realloc,
        free = function(_, q) below.free(below.ctx, q) end }, function() p = mem.malloc(10) end)
    end
    collectgarbage()
    assert.is_truthy(next(log))
    mem.free(p)
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(log))
  end)

  it("shows ffi.new, small data too", function()
    local log = {}
    with(mem.MEM, noting(mem.MEM, log), function()
      local p = ffi.new "int *"
      p[0] = 1
      ffi.release(p)
      p = ffi.new("char[]", "text")
      assert.equal("text", ffi.string(p))
      ffi.release(p)
    end)
    assert.equal(4, #log)
  end)

  it("refuses what isn't an allocator", function()
    local a = mem.get_allocator(mem.MEM)
    local function without(field, value)
      local t = {}
      for k, v in pairs(a) do t[k] = v end
      t[field] = value
      return function() mem.set_allocator(mem.MEM, t) end
    end
    raises("an allocator needs a 'realloc'", function() without("realloc")() end)
    raises("an allocator's 'free' must be callable, not a number", function()
      without("free", 1)()
    end)
    raises("an allocator's 'malloc' can't be a 'void(void *, void *)'", function()
      without("malloc", a.free)()
    end)
    raises("the ctx of C functions must be nil or a pointer, not string", function()
      without("ctx", "x")()
    end)
    raises("bad argument #2 to", function() mem.set_allocator(mem.MEM) end)
  end)
end)
