-- value/trace: the script's lines, for hooks and reports.

local engine = require "spec.support.engine"

local ffi = engine.new()
local mem = ffi.mem

-- Site and type of what f made.
local function made_by(f)
  mem.setup_debug_hooks { frames = 3 }
  local x = f()
  local _, list = mem.leaks()
  if ffi.istype("void *", x) then mem.free(x) else ffi.release(x) end
  mem.remove_debug_hooks()
  mem.setup_debug_hooks()
  mem.remove_debug_hooks()
  assert.equal(1, #list)
  return list[1].site, list[1].type
end

local function chunk(text)
  return assert(load(text, "=some.lua", "t", { mem = mem, ffi = ffi, pcall = pcall, select = select }))
end

describe("a site", function()
  it("names line and function", function()
    local site = made_by(chunk "local function f()\nlocal p = mem.malloc(1)\nreturn p end\nlocal p = f()\nreturn p")
    assert.equal("some.lua:2 in function 'f'\nsome.lua:4 in main chunk",
      site:match "^.-\n[^\n]*")
  end)

  it("knows the main chunk, and functions without a name", function()
    local site = made_by(chunk "local p = mem.malloc(1); return p")
    assert.equal("some.lua:1 in main chunk", site:match "[^\n]+")
    site = made_by(chunk [[
      local t = { function() local p = mem.malloc(1); return p end }
      return select(2, pcall(t[1]))]])
    assert.equal("some.lua:1 in function <some.lua:1>", site:match "[^\n]+")
  end)

  it("is the innermost line of Lua, whatever stands between", function()
    local site = made_by(chunk "local _, p = pcall(mem.malloc, 1); return p")
    assert.equal("some.lua:1 in main chunk", site:match "[^\n]+")
  end)
end)

describe("a type", function()
  it("is what was made, arrays with their lengths", function()
    ffi.cdef "struct traced { double a[80]; };"
    for declared, seen in pairs {
      ["int *"] = "int", ["struct traced *"] = "struct traced", ["int[5]"] = "int[5]",
      ["struct traced[2]"] = "struct traced[2]",
    } do
      local _, type = made_by(function() return (ffi.new(declared)) end)
      assert.equal(seen, type)
    end
    local _, type = made_by(function() return (ffi.new("char[]", "text")) end)
    assert.equal("char[5]", type)
    _, type = made_by(function() return (ffi.new("struct traced[]", 3)) end)
    assert.equal("struct traced[3]", type)
    _, type = made_by(function() return (ffi.new("char *(*[])(int)", 2)) end)
    assert.equal("char *(*[2])(int)", type)
  end)

  it("is nothing for memory without one", function()
    local _, type = made_by(function() return (mem.malloc(3)) end)
    assert.is_nil(type)
  end)
end)
