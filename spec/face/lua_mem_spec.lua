-- face/lua_mem: ffi.mem put together.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("ffi.mem", function()
  local ffi = engine.new()
  local mem = ffi.mem

  it("numbers the domains", function()
    assert.same({ 0, 1, 2 }, { mem.RAW, mem.MEM, mem.OBJ })
  end)

  it("has CPython's constants", function()
    assert.same({ -1, 0xFFFFFFFF }, { mem.INVALID_SIZE, mem.IMMORTAL_REFCNT })
  end)

  it("is the module moonpool.mem, for the default instance", function()
    assert.equal(require "moonpool".mem, require "moonpool.mem")
  end)

  it("has the state's functions in each instance, and the instance's types", function()
    local other = engine.new()
    assert.equal(mem.malloc, other.mem.malloc)
    assert.equal(mem.raw, other.mem.raw)
    other.cdef "struct only_here { int x; };"
    assert.equal(0, other.mem.generic_alloc("struct only_here").x)
    raises("cannot instantiate ctype 'struct only_here' of unknown size", function()
      ffi.sizeof(mem.generic_alloc "struct only_here")
    end)
  end)

  it("makes allocators of its domains", function()
    for name, id in pairs { raw = 0, mem = 1, obj = 2 } do
      local blocks, bytes = mem.live(id)
      local new = ffi.new_allocator(mem[name])
      local p = new("int[100]", { 1, 2, 3 })
      assert.same({ 1, 2, 3, 0 }, { p[0], p[1], p[2], p[99] })
      local _, more = mem.live(id)
      assert.is_true(more >= bytes + 400)
      ffi.release(p)
      assert(new "int *")
      collectgarbage()
      collectgarbage()
      if id ~= mem.OBJ then assert.same({ blocks, bytes }, { mem.live(id) }) end
    end
  end)
end)

describe("once moonpool is closed, ffi.mem", function()
  it("says so", function()
    local output = engine.run_lua [[
      keep = setmetatable({}, { __gc = function()
        for _, f in ipairs { mem.malloc, mem.scope, mem.stats, mem.leaks, mem.get_allocator } do
          io.stderr:write(select(2, pcall(f, 1)):match "moonpool is closed" or "?", "\n")
        end
      end })
      mem = require "moonpool".mem
    ]]
    assert.equal(("moonpool is closed\n"):rep(5), output)
  end)
end)
