-- value/state: one engine a Lua state; errors, reports, and the end.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

-- Runs a script in an interpreter of its own; returns its lines. It must end with code 0.
local function lines(script)
  local output, code = engine.run_lua(script)
  assert.equal(0, code, output)
  local list = {}
  for line in output:gmatch "[^\n]+" do list[#list + 1] = line end
  return list
end

describe("mp_state_error", function()
  it("carries the position of the caller's line", function()
    local ffi = engine.new()
    local ok, message = pcall(function()
      local a = ffi.new "int[1]"
      a[1] = 5
    end)
    assert.is_false(ok)
    local line = debug.getinfo(1, "l").currentline - 3
    assert.matches(("state_spec.lua:%d: index too large"):format(line), message, 1, true)
  end)

  it("is a string, for functions and metamethods alike", function()
    local ffi = engine.new()
    ffi.cdef "int abs(int);"
    for _, f in ipairs {
      function() ffi.new "nosuch *" end,
      function() ffi.cdef "int" end,
      function() local _ = ffi.new "int[1]"[1] end,
      function() local _ = #ffi.new "int *" end,
      function() ffi.C.abs "x" end,
      function() local _ = ffi.C.nosuch end,
      function() ffi.new "int *"() end,
    } do
      raises("", f)
    end
  end)
end)

describe("mp_state_open", function()
  it("makes one engine a state, whatever is cleared", function()
    assert.same({ "true", "true" }, lines [[
      local one = require "moonpool"
      local int = one.typeof "int"
      package.loaded["moonpool"], package.loaded["moonpool.core"] = nil, nil
      local two = require "moonpool"
      print(rawequal(int, two.typeof "int"))
      print(rawequal(one.typeof "int[3]", two.typeof(one.new "int[3]")))
    ]])
  end)

  it("leaves no global behind", function()
    assert.same({ "none" }, lines [[
      local before = {}
      for name in pairs(_G) do before[name] = true end
      local ffi = require "moonpool"
      ffi.cdef "struct s { int x; }; int abs(int);"
      ffi.C.abs(ffi.new("struct s *").x)
      for name in pairs(_G) do if not before[name] then print(name) end end
      print "none"
    ]])
  end)
end)

describe("mp_state_newinstance", function()
  it("makes many, and forgets those that nothing uses", function()
    assert.same({ "small" }, lines [[
      local ffi = require "moonpool"
      local function many()
        for i = 1, 2000 do
          local f = ffi.FFI()
          f.cdef("struct s { int x[" .. i .. "]; }; typedef struct s t;")
          assert(f.sizeof "t" == 4 * i)
        end
        collectgarbage() collectgarbage()
      end
      many()
      local before = collectgarbage "count"
      many()
      print(collectgarbage "count" - before < 200 and "small" or "grows")
    ]])
  end)
end)

describe("mp_state_include", function()
  it("refuses circles", function()
    local a, b = engine.new(), engine.new()
    a.include(b)
    raises("an instance can't include one that includes it", function() b.include(a) end)
    raises("an instance can't include itself", function() b.include(b) end)
  end)
end)

describe("mp_state_report", function()
  it("goes to stderr with `moonpool: ` in front, or to the function that is set", function()
    local output, code = engine.run_lua [[
      local ffi = require "moonpool"
      local function fail() ffi.release(ffi.gc(ffi.new "int *", function() error "boom" end)) end
      fail()
      ffi.onreport(function(text) print("got " .. text:match "[^\n]*") end)
      fail()
      ffi.onreport(nil)
      fail()
    ]]
    assert.equal(0, code)
    local _, stderr = output:gsub("moonpool: [^\n]*boom", "")
    local _, got = output:gsub("got [^\n]*boom", "")
    assert.equal(2, stderr)
    assert.equal(1, got)
  end)
end)

describe("the state's end", function()
  it("runs each destructor once, those of gc before what they were made of", function()
    assert.same({ "main done", "outer", "inner" }, lines [[
      local ffi = require "moonpool"
      inner = ffi.gc(ffi.new("int *", 1), function(p) assert(p[0] == 1) print "inner" end)
      outer = ffi.gc(inner, function(p) assert(p[0] == 1) print "outer" end)
      print "main done"
    ]])
  end)

  it("lets destructors use libraries, and each other's memory", function()
    local list = lines(([[
      local ffi = require "moonpool"
      ffi.cdef "void *create_object(int); void destroy_object(void *); int object_count(void);"
      local lib = ffi.dlopen %q
      objects = {}
      for i = 1, 10 do objects[i] = ffi.gc(lib.create_object(i), lib.destroy_object) end
      last = ffi.gc(ffi.new "int *", function() print(lib.object_count() <= 10) end)
      print(lib.object_count())
    ]]):format(engine.fixture "object"))
    assert.same({ "10", "true" }, list)
  end)

  it("comes, whatever destructors make anew", function()
    assert.same({ "done" }, lines [[
      local ffi = require "moonpool"
      ffi.cdef "struct again { int x; };"
      ffi.metatype("struct again", { __gc = function() ffi.new "struct again *" end })
      local function again(x) ffi.gc(x, again) end
      local new
      new = ffi.new_allocator(function(n) return ffi.new("char[]", n) end, function() new "int *" end)
      kept = { ffi.new "struct again *", ffi.gc(ffi.new "int *", again), new "int *" }
      ffi.onreport(function() end)
      print "done"
    ]])
  end)

  it("makes later use an error, not a crash", function()
    assert.same({ " moonpool is closed" }, lines [[
      -- Finalizers run in the reverse order of their marking: this one after the engine's.
      last = setmetatable({}, { __gc = function()
        local ok, message = pcall(ffi.new, "int *")
        print(ok and "works" or message:match "[^:]*$")
      end })
      ffi = require "moonpool"
    ]])
  end)

  it("makes an error of loops over cdata too", function()
    assert.same({ " moonpool is closed", " moonpool is closed" }, lines [[
      local loops = {}
      last = setmetatable({}, { __gc = function()
        for _, step in ipairs(loops) do print(select(2, pcall(step)):match "[^:]*$") end
      end })
      local ffi = require "moonpool"
      ffi.cdef "struct one { int x; };"
      loops[1], loops[2] = pairs(ffi.new "int[1]"), pairs(ffi.new("struct one *")[0])
      loops[1]()
      loops[2]()
    ]])
  end)

  it("copes with os.exit, closing or not", function()
    for _, close in ipairs { "true", "false" } do
      local output, code = engine.run_lua(([[
        local ffi = require "moonpool"
        p = ffi.gc(ffi.new "int[1000]", function() print "ended" end)
        os.exit(3, %s)
      ]]):format(close))
      assert.equal(3, code)
      assert.equal(close == "true" and "ended\n" or "", output)
    end
  end)
end)
