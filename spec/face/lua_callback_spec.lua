-- face/lua_callback: ffi.callback.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local CDEF = [[
  int callback_apply(int (*f)(int), int x);
  void callback_keep(int (*f)(int));
  int callback_use(int x);
]]

-- Runs f with reports collected; returns the list.
local function reported(ffi, f)
  local reports = {}
  ffi.onreport(function(text) reports[#reports + 1] = text end)
  local ok, message = pcall(f)
  ffi.onreport(nil)
  assert(ok, message)
  return reports
end

describe("ffi.callback", function()
  local ffi = engine.new()
  ffi.cdef(CDEF)
  local lib = ffi.dlopen(engine.fixture "callback")

  it("takes a function type or a pointer to it", function()
    for _, text in ipairs { "int(int)", "int(*)(int)" } do
      local f <close> = ffi.callback(text, function(x) return x * 2 end)
      assert.equal(ffi.typeof "int(*)(int)", ffi.typeof(f))
      assert.equal(8, lib.callback_apply(f, 4))
    end
    local f <close> = ffi.callback(ffi.typeof "int(int)", function(x) return x + 1 end)
    assert.equal(5, lib.callback_apply(f, 4))
  end)

  it("can be called from Lua", function()
    local f <close> = ffi.callback("double(double, int)", function(x, n) return x ^ n end)
    assert.equal(8, f(2, 3))
  end)

  it("lives as long as the cdata", function()
    local f <close> = ffi.callback("int(int)", function(x) return -x end)
    lib.callback_keep(f)
    collectgarbage()
    collectgarbage()
    assert.equal(-7, lib.callback_use(7))
  end)

  it("ends by release, once", function()
    local f = ffi.callback("int(int)", function(x) return x end)
    ffi.release(f)
    ffi.release(f)
    raises("cdata was released", function() f(1) end)
    raises("cdata was released", function() lib.callback_apply(f, 1) end)
  end)

  it("gives C zero, and a report, after its end", function()
    local output, code = engine.run_lua(([[
      local ffi = require "moonpool"
      ffi.cdef "void callback_keep(int (*f)(int)); int callback_use(int x);"
      local lib = ffi.dlopen %q
      local f = ffi.callback("int(int)", function(x) return x end)
      lib.callback_keep(f)
      print(lib.callback_use(7))
      ffi.release(f)
      print(lib.callback_use(7))
      lib.callback_keep(ffi.callback("int(int)", function(x) return x + 1 end))
      collectgarbage() collectgarbage()
      print(lib.callback_use(7))
    ]]):format(engine.fixture "callback"))
    assert.equal(0, code)
    local report = "moonpool: callback of type 'int%(%*%)%(int%)' was called after its end[^\n]*\n"
    local printed, reports = output:gsub(report, "")
    assert.equal(2, reports)
    assert.equal("7\n0\n0\n", printed)
  end)

  it("reports an error inside, with traceback, and gives C zero", function()
    local f <close> = ffi.callback("int(int)", function() error "inside" end)
    local result
    local reports = reported(ffi, function() result = lib.callback_apply(f, 4) end)
    assert.equal(0, result)
    assert.equal(1, #reports)
    assert.matches("inside", reports[1], 1, true)
    assert.matches("stack traceback", reports[1], 1, true)
  end)

  it("gives C `error` instead", function()
    local f <close> = ffi.callback("int(int)", function() error "inside" end, { error = -1 })
    local result
    reported(ffi, function() result = lib.callback_apply(f, 4) end)
    assert.equal(-1, result)
  end)

  it("gives the message to `onerror`, and makes no report", function()
    local messages = {}
    local f <close> = ffi.callback("int(int)", function() error "inside" end, {
      error = 9,
      onerror = function(message) messages[#messages + 1] = message end,
    })
    local result
    local reports = reported(ffi, function() result = lib.callback_apply(f, 4) end)
    assert.equal(9, result)
    assert.same({}, reports)
    assert.equal(1, #messages)
    assert.matches("inside", messages[1], 1, true)
  end)

  it("reports a result that doesn't fit", function()
    for _, bad in ipairs { "x", 2.5, 1 << 40, {} } do
      local f <close> = ffi.callback("int(int)", function() return bad end)
      local result
      local reports = reported(ffi, function() result = lib.callback_apply(f, 4) end)
      assert.equal(0, result)
      assert.equal(1, #reports)
    end
  end)

  it("has no limit on their number", function()
    local all = {}
    for i = 1, 3000 do all[i] = ffi.callback("int(int)", function(x) return x + i end) end
    for i = 1, 3000, 7 do assert.equal(10 + i, lib.callback_apply(all[i], 10)) end
    for i = 1, 3000 do ffi.release(all[i]) end
  end)

  it("refuses other types, variadic ones, and what isn't callable", function()
    raises("expected a function type or a pointer to one, got 'int'", function() ffi.callback("int", print) end)
    raises("expected a function type or a pointer to one, got 'int *'", function()
      ffi.callback("int *", print)
    end)
    raises("cannot make a callback for the variadic function type 'int(int, ...)'", function()
      ffi.callback("int(int, ...)", print)
    end)
    raises("a callback needs a Lua function, not a number", function() ffi.callback("int(int)", 5) end)
    raises("a callback needs a Lua function, not a nil", function() ffi.callback("int(int)", nil) end)
    raises("", function() ffi.callback("int(int)", print, { error = "x" }) end)
  end)
end)

describe("a callback's result", function()
  it("may be a struct with const members", function()
    local ffi = engine.new()
    ffi.cdef "struct fixed { const int a; }; typedef struct fixed made(void);"
    local make = ffi.callback("made *", function() return ffi.new("struct fixed *", { 7 })[0] end)
    assert.equal(7, make().a)
    ffi.release(make)
  end)
end)
