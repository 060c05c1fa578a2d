-- face/lua_typed: counted objects of a C type.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local ffi = engine.new()
local mem = ffi.mem

ffi.cdef [[
  struct fixed { long a; int b; };
  struct flexible { long n; int items[]; };
  struct deep { struct flexible f; };
  struct padded { long a; char b; char items[]; };
  struct opaque;
]]

-- A pointer that C gave: nothing is known of it but its type.
local function raw(o)
  return ffi.cast(ffi.typeof(o), ffi.cast("uintptr_t", o))
end

describe("mem.generic_alloc", function()
  it("makes a zeroed object in OBJ, a pointer to it", function()
    local blocks, bytes = mem.live(mem.OBJ)
    local o = mem.generic_alloc "struct fixed"
    local more_blocks, more_bytes = mem.live(mem.OBJ)
    assert.equal(ffi.typeof "struct fixed *", ffi.typeof(o))
    assert.same({ 0, 0 }, { o.a, o.b })
    assert.is_true(more_blocks > blocks and more_bytes >= bytes + 16)
    o.a = 7
    assert.equal(7, o[0].a)
    raises("cdata 'struct fixed *' can only be indexed by 0", function() return o[1] end)
    mem.deallocate(o)
  end)

  it("has a hidden item more than its flexible member shows", function()
    local _, bytes = mem.live(mem.OBJ)
    local o = mem.generic_alloc("struct flexible", 3)
    local _, more = mem.live(mem.OBJ)
    local record = more - bytes - 24
    assert.is_true(record >= 0)
    assert.equal(3, #o.items)
    assert.equal(8 + 3 * 4, ffi.sizeof(o[0]))
    o.items[2] = 5
    raises("index too large", function() o.items[3] = 1 end)
    local empty = mem.generic_alloc("struct flexible")
    assert.equal(0, #empty.items)
    assert.equal(2, #mem.generic_alloc("struct deep", 2).f.items)
    mem.deallocate(o)
    mem.deallocate(empty)
    collectgarbage()
  end)

  it("shows as many items as it was asked for where they begin in the padding", function()
    for n = 0, 9 do
      local o = mem.generic_alloc("struct padded", n)
      assert.equal(n, #o.items)
      o.a, o.b = 1, 2
      assert.equal(2, o[0].b:byte())
    end
  end)

  it("ignores the number for a type of one size", function()
    assert.equal(16, ffi.sizeof(mem.generic_alloc("struct fixed", 100)[0]))
    assert.equal(3, #mem.generic_alloc("int[3]")[0])
    assert.equal(0, mem.generic_alloc("int")[0])
  end)

  it("refuses negative and impossible numbers, and incomplete types", function()
    raises("negative nitems", function() mem.generic_alloc("struct flexible", -1) end)
    raises("size out of range", function()
      mem.generic_alloc("struct flexible", math.maxinteger)
    end)
    raises("size out of range", function() mem.generic_alloc("struct flexible", 1 << 61) end)
    raises("not enough memory", function() mem.generic_alloc("struct flexible", 1 << 58) end)
    raises("nitems must be an integer, not string", function()
      mem.generic_alloc("struct flexible", "x")
    end)
    raises("cannot instantiate ctype 'struct opaque' of unknown size", function()
      mem.generic_alloc "struct opaque"
    end)
  end)

  it("goes with its cdata", function()
    local before = mem.live(mem.OBJ)
    do
      local made = {}
      for i = 1, 10 do made[i] = mem.generic_alloc("struct flexible", i) end
      assert.is_true(mem.live(mem.OBJ) >= before + 10 and #made == 10)
    end
    collectgarbage()
    collectgarbage()
    assert.is_true(mem.live(mem.OBJ) <= before + 1)
  end)
end)

describe("the count", function()
  it("starts at one, and goes up and down", function()
    local o = mem.generic_alloc "struct fixed"
    assert.equal(1, mem.refcount(o))
    assert.equal(o, mem.retain(o))
    assert.equal(2, mem.refcount(o))
    assert.is_false(mem.release(o))
    assert.equal(1, mem.refcount(o))
    assert.is_true(mem.release(o))
    raises("cdata was released", function() return o.a end)
    raises("cdata was released", function() mem.refcount(o) end)
  end)

  it("keeps an object whose cdata is gone, for those who retained it", function()
    local o = mem.retain(mem.generic_alloc "struct fixed")
    o.a = 42
    local c = raw(o)
    o = nil
    collectgarbage()
    collectgarbage()
    assert.equal(1, mem.refcount(c))
    assert.equal(42, c.a)
    assert.is_true(mem.release(c))
    raises("cdata 'struct fixed *' wasn't made by mem.generic_alloc", function()
      mem.refcount(c)
    end)
    return o
  end)

  it("is the object's, whatever pointer leads to it", function()
    local o = mem.generic_alloc "struct fixed"
    mem.retain(raw(o))
    assert.equal(2, mem.refcount(o))
    mem.release(raw(o))
    assert.is_true(mem.release(raw(o)))
    raises("cdata was released", function() return o.a end)
  end)

  it("gives back the cdata's own reference at its release", function()
    local o = mem.generic_alloc "struct fixed"
    local c = raw(o)
    mem.retain(o)
    ffi.release(o)
    raises("cdata was released", function() return o.a end)
    assert.equal(1, mem.refcount(c))
    assert.is_true(mem.release(c))
  end)

  it("is the concern of counted objects alone", function()
    for _, f in ipairs { "refcount", "retain", "release", "immortal", "deallocate" } do
      raises("cdata 'int *' wasn't made by mem.generic_alloc", function()
        mem[f](ffi.new "int *")
      end)
      raises("expected a pointer, not string", function() mem[f] "x" end)
    end
    raises("cdata 'void *' wasn't made by mem.generic_alloc", function() mem.refcount(nil) end)
  end)
end)

describe("mem.deallocate", function()
  it("ends an object now, whatever its count", function()
    local o = mem.generic_alloc "struct fixed"
    local view = ffi.addressof(o, "b")
    mem.retain(o)
    mem.retain(o)
    assert.is_true(mem.deallocate(o))
    raises("cdata was released", function() return view[0] end)
  end)

  it("runs the type's __gc once", function()
    local mine = engine.new()
    local ended = {}
    mine.cdef "struct s { int x; };"
    mine.metatype("struct s", { __gc = function(o) ended[#ended + 1] = o.x end })
    local o = mine.mem.generic_alloc "struct s"
    o.x = 1
    mine.mem.deallocate(o)
    assert.same({ 1 }, ended)
    local c
    do
      local retained = mine.mem.retain(mine.mem.generic_alloc "struct s")
      retained.x = 2
      c = mine.cast("struct s *", mine.cast("uintptr_t", retained))
    end
    collectgarbage()
    collectgarbage()
    assert.same({ 1 }, ended)
    mine.mem.release(c)
    assert.same({ 1, 2 }, ended)
    o = mine.mem.generic_alloc "struct s"
    o.x = 3
    mine.release(o)
    assert.same({ 1, 2, 3 }, ended)
  end)
end)

describe("a type that is aligned to more than 16", function()
  it("is so, too, in the memory of an allocator of ffi.new_allocator", function()
    local mine = engine.new()
    mine.cdef "struct wide { _Alignas(64) int x; char *p; };"
    for _, domain in ipairs { mine.mem.raw, mine.mem.mem, mine.mem.obj } do
      local new = mine.new_allocator(domain)
      for _ = 1, 20 do
        local p <close> = new("struct wide[2]", { { x = 1 }, { x = 2 } })
        assert.equal(0, mine.cast("uintptr_t", mine.cast("void *", p)) % 64)
        assert.equal(2, p[1].x)
      end
    end
  end)

  it("has its objects so", function()
    local mine = engine.new()
    mine.cdef [[
      struct wide { _Alignas(64) int x; char *p; };
      struct row { int n; _Alignas(32) int items[]; };
    ]]
    for hooks = 0, 1 do
      if hooks == 1 then mine.mem.setup_debug_hooks() end
      for _ = 1, 20 do
        local o = mine.mem.generic_alloc "struct wide"
        local row = mine.mem.generic_alloc("struct row", 5)
        assert.equal(0, mine.cast("uintptr_t", o) % 64)
        assert.equal(0, mine.cast("uintptr_t", row) % 32)
        assert.equal(5, #row.items)
        o.x, row.items[4] = 7, 8
        assert.equal(1, mine.mem.refcount(mine.cast("void *", mine.cast("uintptr_t", o))))
        assert.is_true(mine.mem.release(o))
        mine.release(row)
      end
      mine.mem.remove_debug_hooks()
    end
  end)
end)

describe("mem.immortal", function()
  it("makes an object that no release ends", function()
    local output, code = engine.run_lua [[
      local ffi = require "moonpool"
      local mem = ffi.mem
      local o = mem.immortal(mem.generic_alloc "int")
      assert(mem.refcount(o) == mem.IMMORTAL_REFCNT and mem.IMMORTAL_REFCNT == 0xFFFFFFFF)
      assert(not mem.release(o) and not mem.deallocate(o))
      assert(mem.retain(o) == o and mem.refcount(o) == 0xFFFFFFFF)
      local c = ffi.cast("int *", ffi.cast("uintptr_t", o))
      o[0] = 42
      o = nil
      collectgarbage()
      collectgarbage()
      assert(c[0] == 42 and mem.refcount(c) == 0xFFFFFFFF)
      local ok, why = pcall(mem.obj.free, c)
      assert(not ok and why:find "isn't memory of mem's", why)
      io.write "fine"
    ]]
    assert.equal("fine", output)
    assert.equal(0, code)
  end)
end)
