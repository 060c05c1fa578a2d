-- Programs in C and C++ that embed moonpool: spec/embed/*.c and .cpp. Each lists its tests;
-- each test runs in a process of its own, in the build under test.

local lfs = require "lfs"
local engine = require "spec.support.engine"

local function programs()
  local found = {}
  for entry in lfs.dir "spec/embed" do
    local name = entry:match "^(.*)%.c$" or entry:match "^(.*)%.cpp$"
    if name then found[#found + 1] = name end
  end
  table.sort(found)
  return found
end

-- ThreadSanitizer's shadow lies at fixed addresses, which some kernels scatter libraries over.
local under = ""
if engine.mode == "tsan" and select(2, engine.run "setarch -R true") == 0 then under = "setarch -R " end

for _, name in ipairs(programs()) do
  describe("a host: " .. name .. ":", function()
    local program = ("%s'%s/embed/%s'"):format(under, engine.build, name)
    local names, code = engine.run(program)
    assert(code == 0 and names ~= "", names)
    for test in names:gmatch "[^\n]+" do
      it(test, function()
        local output, status = engine.run(('%s "%s"'):format(program, test))
        assert.is_true(status == 0, output)
      end)
    end
  end)
end

describe("moonpool.h", function()
  -- Compiles in one language with every warning as an error.
  local function compile(command)
    local output, code = engine.run(("printf '#include <moonpool.h>\\n#include <moonpool.h>\\n' | "
      .. "%s -Wall -Wextra -Wpedantic -Werror -Isrc $(pkg-config --cflags lua5.4) -fsyntax-only -")
      :format(command))
    assert.is_true(code == 0, output)
  end

  local cc = engine.cc:match "^%S+"
  local cxx = os.getenv "MOONPOOL_CXX" or "c++"

  it("is C99", function() compile(cc .. " -std=c99 -Wstrict-prototypes -x c") end)
  it("is C++17", function() compile(cxx .. " -std=c++17 -x c++") end)

  it("declares each function that the libraries export, and no other", function()
    local declared = {}
    local file = assert(io.open("src/moonpool.h"))
    for name in file:read "a":gmatch "\nMOONPOOL_API [^;(]-([%w_]+)%(" do declared[name] = true end
    file:close()
    declared.luaopen_moonpool_core = true -- Lua's, for the module
    for _, library in ipairs { "moonpool/core.so", "libmoonpool.so.0" } do
      local output, code = engine.run(("nm -D --defined-only '%s/%s'"):format(engine.build, library))
      assert.is_true(code == 0, output)
      local exported = {}
      for name in output:gmatch "%x+ %a ([^\n]+)" do
        if not name:find "^_" then exported[name] = true end -- the linker's, the sanitizers'
      end
      assert.same(declared, exported)
    end
  end)
end)
