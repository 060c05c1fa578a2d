-- value/aside: Lua in the middle of a call, on a coroutine of the engine's own.

local engine = require "spec.support.engine"

local ffi = engine.new()
local mem = ffi.mem

-- Runs f in the middle of mem.malloc; returns what that gave.
local function inside(f)
  local saved = mem.get_allocator(mem.MEM)
  mem.set_allocator(mem.MEM, {
    malloc = function(_, n) f(); return saved.malloc(saved.ctx, n) end,
    calloc = saved.calloc, realloc = saved.realloc,
    free = function(_, p) saved.free(saved.ctx, p) end,
  })
  local p, why = mem.malloc(1)
  mem.set_allocator(mem.MEM, saved)
  if p then mem.free(p) end
  return p, why
end

describe("what runs aside", function()
  it("has a coroutine of its own", function()
    local mine, main = nil, nil
    local here = coroutine.running()
    inside(function() mine, main = coroutine.running() end)
    assert.equal("thread", type(mine))
    assert.is_false(main)
    assert.not_equal(here, mine)
    local again
    coroutine.wrap(function() inside(function() again = coroutine.running() end) end)()
    assert.equal(mine, again)
  end)

  it("leaves errno as it was", function()
    ffi.errno(7)
    inside(function() ffi.errno(9) end)
    assert.equal(7, ffi.errno(0))
  end)

  it("fails for want of C stack, and no more", function()
    local function deep() return inside(deep) end
    local p, why = inside(function() assert(#string.rep("x", 1e6) == 1e6) end)
    assert.is_truthy(p, why)
    local function recurse() return 1 + recurse() end
    p, why = inside(recurse)
    assert.is_nil(p)
    assert.is_truthy(why:find "stack overflow", why)
    assert.is_truthy((inside(function() end)))
    return deep
  end)

  it("may call C, and be called back", function()
    local lib = engine.new()
    lib.cdef "void qsort(void *, size_t, size_t, int (*)(const void *, const void *));"
    local seen
    inside(function()
      local a = lib.new("int[2]", { 2, 1 })
      lib.C.qsort(a, 2, 4, function(x, y)
        return lib.cast("const int *", x)[0] - lib.cast("const int *", y)[0]
      end)
      seen = lib.totable(a)
    end)
    assert.same({ 1, 2 }, seen)
  end)
end)

describe("a collection for want of memory", function()
  it("runs finalizers, and frees what they free", function()
    mem.max_bytes(mem.total_bytes() + 150000)
    local ended = 0
    for _ = 1, 20 do
      ffi.gc(ffi.new "char[100000]", function() ended = ended + 1 end)
    end
    mem.max_bytes(0)
    assert.is_true(ended >= 10)
    collectgarbage()
  end)
end)
