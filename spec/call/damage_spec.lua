-- call/damage: what happens when the debug hooks find damage.

local engine = require "spec.support.engine"

-- Runs a script that smashes the byte behind a block of 8 and then does `action` with it.
local function smash(how, action)
  return engine.run_lua(([[
    local ffi = require "moonpool"
    local mem = ffi.mem
    mem.setup_debug_hooks { on_corruption = %s }
    local function raw(p) return ffi.cast("char *", ffi.cast("uintptr_t", p)) end
    local p = %s
    raw(p)[8] = 1
    %s
    io.write "on"
  ]]):format(how, action[1], action[2]))
end

local by_call = { "mem.malloc(8)",
  "local ok, why = pcall(mem.free, p); io.write(ok and 'freed ' or 'raised ')" }
local by_release = { "ffi.new 'char[8]'", "ffi.release(p)" }
local by_collector = { "ffi.new 'char[8]'", "p = nil; collectgarbage()" }

describe("damage", function()
  it("is an error of the call by default, else the end of the process", function()
    assert.same({ "raised on", 0 }, { smash("nil", by_call) })
    for _, action in ipairs { by_release, by_collector } do
      local output, code = smash("nil", action)
      assert.equal(134, code)
      assert.is_truthy(output:find "^moonpool: buffer overflow in block #1: 1 byte past")
    end
  end)

  it("always ends the process with 'abort'", function()
    for _, action in ipairs { by_call, by_release, by_collector } do
      local output, code = smash("'abort'", action)
      assert.equal(134, code)
      assert.is_truthy(output:find "^moonpool: buffer overflow in block #1: 1 byte past")
    end
  end)

  it("never ends the process with 'error'", function()
    assert.same({ "raised on", 0 }, { smash("'error'", by_call) })
    for _, action in ipairs { by_release, by_collector } do
      local output, code = smash("'error'", action)
      assert.equal(0, code)
      assert.is_truthy(output:find "buffer overflow in block #1: 1 byte past", output)
      assert.is_truthy(output:find "on", 1, true)
    end
  end)

  it("goes to a function, once, and the program goes on", function()
    local f = "function(text) io.write(text:match 'buffer %l+', ' ') end"
    assert.same({ "buffer overflow freed on", 0 }, { smash(f, by_call) })
    assert.same({ "buffer overflow on", 0 }, { smash(f, by_release) })
    assert.same({ "buffer overflow on", 0 }, { smash(f, by_collector) })
  end)

  it("is a report when that function fails", function()
    local output, code = smash("function() error('oops', 0) end", by_release)
    assert.equal(0, code)
    assert.is_truthy(output:find("moonpool: oops\n", 1, true), output)
  end)
end)
