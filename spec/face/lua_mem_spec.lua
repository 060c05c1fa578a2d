-- face/lua_mem: ffi.mem.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("ffi.mem", function()
  local mem = engine.new().mem

  it("numbers the domains", function()
    assert.same({ 0, 1, 2 }, { mem.RAW, mem.MEM, mem.OBJ })
  end)
end)

describe("mem.live", function()
  local ffi = engine.new()
  local mem = ffi.mem

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
