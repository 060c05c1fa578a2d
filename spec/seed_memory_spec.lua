-- Every example of the second specification (CPython's memory interface, seen from Java),
-- in its order and its own words, in Lua.

local engine = require "spec.support.engine"

local ffi = engine.new()
local mem = ffi.mem

local function is_over(x)
  return not pcall(ffi.cast, "char *", x)
end

ffi.cdef [[
  typedef struct list { long length; struct item *items[]; } list;
  typedef struct item { long value; } item;
  typedef struct list_type { int unused; } list_type;
]]

-- PyList_New(n): an object of the OBJ domain, with room for n pointers.
local function list_new(n)
  local list = mem.generic_alloc("list", n)
  list.length = n
  return list
end

describe("raw memory allocation", function()
  it("has malloc, calloc, realloc and free, for sizes in bytes", function()
    local p = assert(mem.raw.malloc(16))
    local q = assert(mem.raw.calloc(4, 4))
    assert.equal(("\0"):rep(16), ffi.unpack(ffi.cast("char *", q), 16))
    p = assert(mem.raw.realloc(p, 32))
    mem.raw.free(p)
    mem.raw.free(q)
    mem.raw.free(nil) -- NULL safe
  end)

  it("gives NULL on failure", function()
    assert.is_nil((mem.raw.malloc(mem.INVALID_SIZE)))
    assert.is_nil((mem.raw.calloc(1 << 40, 1 << 40)))
    local p = mem.raw.malloc(8)
    assert.is_nil((mem.raw.realloc(p, math.maxinteger)))
    mem.raw.free(p)
  end)

  it("usage example", function()
    -- Allocate raw memory (no lock required)
    local buffer = mem.raw.malloc(1024)
    if buffer ~= nil then
      -- Use buffer
      ffi.fill(buffer, 1024, 0x55)
      -- Resize if needed
      buffer = mem.raw.realloc(buffer, 2048)
      assert.equal(("U"):rep(1024), ffi.unpack(ffi.cast("char *", buffer), 1024))
      ffi.fill(buffer, 2048, 0xAA)
      -- Always free when done
      mem.raw.free(buffer)
    end
    assert.is_true(is_over(buffer))
  end)
end)

describe("memory allocation", function()
  it("has malloc, calloc, realloc and free", function()
    local p = mem.mem.malloc(10)
    local q = mem.mem.calloc(2, 5)
    p = mem.mem.realloc(p, 100)
    mem.mem.free(p)
    mem.mem.free(q)
    mem.mem.free(nil)
    assert.is_nil((mem.mem.malloc(-1)))
  end)

  it("usage example", function()
    local memory = mem.malloc(512)
    local ok = pcall(function()
      if memory ~= nil then
        ffi.fill(memory, 512)
        mem.free(memory)
      end
    end)
    assert.is_true(ok and is_over(memory))
  end)
end)

describe("memory allocator management", function()
  it("gets, sets and hooks the allocators of domains", function()
    for domain = mem.RAW, mem.OBJ do
      local allocator = mem.get_allocator(domain)
      for _, name in ipairs { "malloc", "calloc", "realloc", "free" } do
        assert.is_truthy(allocator[name])
      end
      mem.set_allocator(domain, allocator)
    end
    mem.setup_debug_hooks()
    mem.remove_debug_hooks()
  end)
end)

describe("object memory management", function()
  it("generic allocation of a type's instances", function()
    local list_type = ffi.typeof "list_type"
    local new_list = mem.generic_alloc(list_type, 0)
    assert.is_truthy(new_list)
    assert.equal(0, new_list.unused)
    assert.equal(1, mem.refcount(new_list))
    mem.release(new_list)
    assert.is_true(is_over(new_list))
  end)
end)

describe("memory constants and utilities", function()
  it("an immortal count, and an invalid size", function()
    assert.equal(-1, mem.INVALID_SIZE)
    assert.equal(0xFFFFFFFF, mem.IMMORTAL_REFCNT)
  end)
end)

describe("memory allocator structure", function()
  it("holds four functions and a context", function()
    local seen
    local saved = mem.get_allocator(mem.MEM)
    mem.set_allocator(mem.MEM, {
      ctx = "context",
      malloc = function(ctx, size) seen = { ctx, size }; return saved.malloc(saved.ctx, size) end,
      calloc = function(_, n, size) return saved.calloc(saved.ctx, n, size) end,
      realloc = function(_, p, size) return saved.realloc(saved.ctx, p, size) end,
      free = function(_, p) saved.free(saved.ctx, p) end,
    })
    mem.free(mem.malloc(3))
    mem.set_allocator(mem.MEM, saved)
    assert.same({ "context", 3 }, seen)
  end)
end)

describe("memory domains", function()
  it("are numbered", function()
    assert.same({ 0, 1, 2 }, { mem.RAW, mem.MEM, mem.OBJ })
  end)
end)

describe("advanced memory management patterns", function()
  it("custom allocator setup", function()
    -- Get current allocator
    local current = mem.get_allocator(mem.MEM)
    assert.is_truthy(current.malloc)
    -- Save for restoration later
    local saved = mem.get_allocator(mem.MEM)
    -- Set debug allocator
    mem.setup_debug_hooks()
    -- ... use it with debug memory tracking ...
    local p = mem.malloc(10)
    local q = ffi.new("int[3]", { 1, 2, 3 })
    assert.equal(2, #select(2, mem.leaks()))
    -- Restore original allocator
    mem.set_allocator(mem.MEM, saved)
    -- What was made meanwhile is freed by the hooks that made it.
    mem.free(p)
    assert.equal(2, q[1])
    ffi.release(q)
    mem.remove_debug_hooks()
  end)

  it("memory usage monitoring", function()
    -- Enable debug hooks to track memory usage
    mem.setup_debug_hooks()
    -- Allocate some objects
    local list = list_new(1000)
    for i = 0, 999 do
      local item = mem.generic_alloc "item"
      item.value = i
      list.items[i] = item
    end
    -- Debug hooks will track allocations and detect leaks
    local text, groups = mem.leaks()
    assert.is_truthy(text:find "^moonpool: 1001 blocks not freed")
    assert.same({ "struct item", 1000, 8000 }, { groups[2].type, groups[2].blocks, groups[2].bytes })
    assert.equal("struct list", groups[1].type)
    assert.equal(999, list.items[999].value)
    mem.release(list)
    list = nil
    collectgarbage()
    collectgarbage()
    assert.equal("", (mem.leaks()))
    mem.remove_debug_hooks()
    return list
  end)

  it("large memory allocation", function()
    -- For large allocations, use RAW
    local large_size = 1024 * 1024 * 100 -- 100 MB
    local large_buffer = mem.raw.malloc(large_size)
    if large_buffer ~= nil then
      local ok = pcall(function()
        -- Use buffer for bulk operations
        ffi.fill(ffi.cast("char *", large_buffer) + (large_size - 10), 10, 1)
      end)
      mem.raw.free(large_buffer) -- finally
      assert.is_true(ok)
    end
  end)

  it("memory-efficient object creation", function()
    -- Pre-allocate containers to avoid repeated reallocations
    local list = list_new(1000) -- pre-size for expected items
    assert.equal(1000, #list.items)
    local items = list.items
    local item = mem.generic_alloc "item"
    for i = 0, 999 do items[i] = item end
    assert.equal(item.value, items[500].value)
  end)
end)

describe("memory management best practices", function()
  it("choose the right allocator", function()
    local before = mem.stats()
    local temp_buffer = mem.raw.malloc(4096)
    local script_buffer = mem.malloc(4096)
    local now = mem.stats()
    assert.equal(before.raw.bytes + 4096, now.raw.bytes)
    assert.equal(before.mem.bytes + 4096, now.mem.bytes)
    mem.raw.free(temp_buffer)
    mem.free(script_buffer)
  end)

  it("memory leak prevention", function()
    local memory
    do -- always free at the end of the scope
      local held <close> = mem.malloc(1024)
      memory = held
      if memory == nil then return end -- handle allocation failure
      ffi.fill(memory, 1024)
    end
    assert.is_true(is_over(memory))
  end)

  it("exception safety", function()
    local obj1, obj2
    local before = mem.live(mem.OBJ)
    local ok, why = pcall(function()
      local _ <close> = mem.scope()
      obj1 = list_new(10)
      mem.set_nomemory(0)
      obj2 = list_new(10) -- fails
    end)
    mem.remove_nomemory()
    assert.is_false(ok)
    assert.is_truthy(why:find("injected failure", 1, true))
    assert.is_nil(obj2)
    assert.is_true(is_over(obj1))
    assert.is_true(mem.live(mem.OBJ) <= before + 1)
  end)

  it("memory debugging", function()
    -- Enable memory debugging
    mem.setup_debug_hooks()
    -- Create objects that might leak
    local potential_leak = { list_new(3), mem.malloc(7) }
    local forgotten = mem.malloc(5)
    -- Force garbage collection to detect issues
    potential_leak[1] = nil
    collectgarbage()
    collectgarbage()
    -- Debug hooks will report any issues
    local text, groups = mem.leaks()
    assert.is_truthy(text:find "^moonpool: 2 blocks not freed, 12 bytes")
    assert.equal(2, #groups)
    mem.free(potential_leak[2])
    mem.free(forgotten)
    mem.remove_debug_hooks()
  end)
end)

describe("integration with the host language's memory management", function()
  it("native memory is cleaned up, with a custom cleanup", function()
    local order = {}
    local mine = engine.new()
    mine.cdef "struct object { int x; };"
    mine.metatype("struct object", {
      __gc = function() order[#order + 1] = "custom cleanup" end,
    })
    local obj = mine.mem.generic_alloc "struct object"
    mine.mem.deallocate(obj)
    assert(mine.mem.generic_alloc "struct object")
    collectgarbage()
    assert.same({ "custom cleanup", "custom cleanup" }, order)
  end)

  it("Lua to C: copy data; C to Lua: copy it before it is freed", function()
    -- 1. Lua → C: copy data or ensure the object's lifetime
    local data = "bytes of Lua"
    local buffer = mem.malloc(#data)
    ffi.memmove(buffer, data, #data)
    -- 2. C → Lua: copy data before the memory is freed
    local copy = ffi.string(ffi.cast("char *", buffer), #data)
    mem.free(buffer)
    assert.equal(data, copy)
  end)
end)
