-- face/lua_stats: counts, limits and injected failures.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local ffi = engine.new()
local mem = ffi.mem

describe("mem.live", function()
  it("counts blocks and bytes of data that ffi.new takes from MEM", function()
    local blocks, bytes = mem.live(mem.MEM)
    local a = ffi.new "char[10000]"
    local more_blocks, more_bytes = mem.live(mem.MEM)
    assert.equal(blocks + 1, more_blocks)
    assert.equal(bytes + 10000, more_bytes)
    ffi.release(a)
    assert.same({ blocks, bytes }, { mem.live(mem.MEM) })
  end)

  it("counts moonpool's own records in OBJ", function()
    local _, before = mem.live(mem.OBJ)
    local declared = engine.new()
    declared.cdef "struct s { int x; }; typedef struct s *sp;"
    local _, after = mem.live(mem.OBJ)
    assert.is_true(after > before)
  end)

  it("refuses other domains", function()
    raises("no memory domain 3", function() mem.live(3) end)
    raises("no memory domain -1", function() mem.live(-1) end)
    raises("domain must be an integer, not string", function() mem.live "MEM" end)
  end)
end)

describe("mem.total_bytes", function()
  it("counts each block of the three domains once", function()
    local before = mem.total_bytes()
    local p, q, r = mem.raw.malloc(100), mem.malloc(20), mem.obj.malloc(3)
    assert.equal(before + 123, mem.total_bytes())
    mem.raw.free(p)
    mem.free(q)
    mem.obj.free(r)
    assert.equal(before, mem.total_bytes())
  end)
end)

describe("mem.physical_bytes", function()
  it("sees memory that is used", function()
    local before = mem.physical_bytes()
    assert.is_true(before > 100000)
    local p = mem.raw.malloc(1 << 26) -- so much is always mapped anew
    ffi.fill(p, 1 << 26, 1)
    assert.is_true(mem.physical_bytes() > before + (1 << 25))
    mem.raw.free(p)
  end)
end)

describe("mem.trim", function()
  it("gives free arenas back", function()
    local kept = {}
    for i = 1, 20000 do kept[i] = mem.malloc(512) end
    local reserved = mem.stats().heap.reserved
    for i = 1, 20000 do mem.free(kept[i]) end
    assert.is_true(mem.trim() >= 0)
    assert.is_true(mem.stats().heap.reserved < reserved)
  end)
end)

describe("mem.max_bytes", function()
  it("is a limit that collections come before", function()
    assert.equal(0, mem.max_bytes())
    assert.equal(0, mem.max_bytes(mem.total_bytes() + 100000))
    for _ = 1, 10 do -- garbage goes
      assert(ffi.new "char[60000]")
    end
    local p, why = mem.malloc(200000)
    assert.is_nil(p)
    assert.is_truthy(why:find "^memory limit of %d+ bytes reached$")
    local ok, message = pcall(ffi.new, "char[200000]")
    assert.is_false(ok)
    assert.is_truthy(message:find "memory limit of %d+ bytes reached$")
    assert.is_true(mem.max_bytes(0) > 0)
    mem.free(assert(mem.malloc(200000)))
  end)

  it("refuses what is no size", function()
    raises("size out of range", function() mem.max_bytes(-1) end)
    raises("limit must be an integer, not string", function() mem.max_bytes "x" end)
  end)
end)

describe("mem.set_nomemory", function()
  after_each(function() mem.remove_nomemory() end)

  it("lets the first ones through, and then none", function()
    mem.set_nomemory(2)
    local p, q = mem.malloc(1), mem.raw.malloc(1)
    assert.same({ nil, "injected failure" }, { mem.malloc(1) })
    assert.same({ nil, "injected failure" }, { mem.obj.calloc(1, 1) })
    assert.same({ nil, "injected failure" }, { mem.realloc(p, 10) })
    raises("injected failure", function() ffi.new "char[1000]" end)
    mem.remove_nomemory()
    mem.free(p)
    mem.raw.free(q)
    mem.free(mem.malloc(1))
  end)

  it("fails from the first to the second", function()
    mem.set_nomemory(1, 3)
    local got = {}
    for i = 1, 5 do got[i] = mem.malloc(1) or false end
    assert.is_truthy(got[1])
    assert.same({ false, false }, { got[2], got[3] })
    assert.is_truthy(got[4] and got[5])
    for i = 1, 5 do if got[i] then mem.free(got[i]) end end
  end)

  it("refuses what is no number of calls", function()
    raises("negative start", function() mem.set_nomemory(-1) end)
    raises("negative stop", function() mem.set_nomemory(0, -1) end)
    raises("start must be an integer, not nil", function() mem.set_nomemory(nil) end)
  end)
end)

describe("mem.stats", function()
  it("has the counts of each domain", function()
    local before = mem.stats()
    local p = mem.malloc(100)
    p = mem.realloc(p, 1000)
    mem.malloc(-1)
    local with = mem.stats()
    mem.free(p)
    local after = mem.stats()
    for _, name in ipairs { "raw", "mem", "obj" } do
      for _, field in ipairs { "blocks", "bytes", "peak", "calls", "failures" } do
        assert.equal("integer", math.type(before[name][field]))
      end
    end
    assert.equal(before.mem.blocks + 1, with.mem.blocks)
    assert.equal(before.mem.bytes + 1000, with.mem.bytes)
    assert.equal(before.mem.calls + 2, with.mem.calls)
    assert.is_true(with.mem.peak >= with.mem.bytes)
    assert.equal(before.mem.bytes, after.mem.bytes)
    assert.equal(before.raw.blocks, after.raw.blocks)
  end)

  it("has parts of the heap that add up to the byte", function()
    local kept = {}
    for i = 1, 300 do kept[i] = mem.malloc(i * 7) end
    local heap = mem.stats().heap
    assert.equal(heap.reserved, heap.allocated + heap.available + heap.unused + heap.metadata
      + heap.rounding + heap.large)
    assert.is_true(heap.nlarge > 0 and #heap.classes > 0)
    for _, class in ipairs(heap.classes) do
      assert.is_true(class.size > 0 and class.size <= 512 and class.slabs >= 1)
      assert.is_true(class.used + class.free > 0)
    end
    for i = 1, 300 do mem.free(kept[i]) end
  end)

  it("can be read", function()
    local text = mem.stats_text()
    for _, name in ipairs { "raw", "mem", "obj", "peak", "reserved", "available" } do
      assert.is_truthy(text:find(name, 1, true))
    end
  end)
end)
