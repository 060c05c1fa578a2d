-- What specs share: instances of their own, the C fixtures, other interpreters and system
-- commands, and the counts of live blocks that each.lua compares around every spec.
--
--   local engine = require "spec.support.engine"
--   local ffi = engine.new()                          -- declarations of its own
--   local lib = ffi.dlopen(engine.fixture("structs")) -- spec/support/fixtures/structs.c
--   local out, code = engine.run_lua [[ print(require "moonpool".sizeof "int") ]]

local lfs = require "lfs"

local engine = {}

--- The checkout's root: busted runs there.
engine.root = lfs.currentdir()

--- The build under test, and the name of its mode ("release", "debug", "asan").
engine.build = os.getenv "MOONPOOL_BUILD" or engine.root .. "/build/release"
engine.mode = engine.build:match "[^/]+$"

--- The compiler with the flags that the sources are compiled with.
engine.cc = os.getenv "MOONPOOL_CC"
  or "cc -std=gnu11 -Isrc $(pkg-config --cflags lua5.4 libffi)"

--- A new instance: what one spec declares, no other sees.
function engine.new()
  return require "moonpool".FFI()
end

--- The path of the library made of spec/support/fixtures/<name>.c.
function engine.fixture(name)
  local path = ("%s/fixtures/lib%s.so"):format(engine.build, name)
  if not lfs.attributes(path) then
    error(("no fixture '%s': %s doesn't exist"):format(name, path), 2)
  end
  return path
end

local function quoted(s)
  return "'" .. s:gsub("'", "'\\''") .. "'"
end

-- Runs a shell command; returns what it wrote to either stream, and its exit code
-- (128 + n when signal n ended it, as shells count).
local function captured(command)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1 </dev/null"))
  local output = pipe:read "a"
  local _, how, code = pipe:close()
  return output, how == "signal" and 128 + code or code
end

--- Runs a command of the system (a compiler, nm) without the sanitizer that the specs run
--- under: it would report the command's own leaks. Returns output and exit code.
function engine.run(command)
  return captured("unset LD_PRELOAD; " .. command)
end

--- Runs Lua code in an interpreter of its own, which finds the same build and runs under
--- the same sanitizer or valgrind. `env` holds further environment variables. Returns output
--- and exit code, which a finding of those makes other than 0.
function engine.run_lua(script, env)
  local words = { "env -u LUA_PATH_5_4 -u LUA_CPATH_5_4" }
  local function set(name, value)
    words[#words + 1] = quoted(name .. "=" .. value)
  end
  set("LUA_PATH", ("%s/lua/?.lua;%s/lua/?/init.lua;;"):format(engine.root, engine.root))
  set("LUA_CPATH", engine.build .. "/?.so;;")
  for name, value in pairs(env or {}) do set(name, value) end
  words[#words + 1] = os.getenv "MOONPOOL_LUA" or "lua5.4"
  words[#words + 1] = "-e " .. quoted(script)
  return captured(table.concat(words, " "))
end

-- OBJ is left out: the default instance's types and cached type strings live there, and
-- grow with every new declaration as they should.
local domains = { RAW = 0, MEM = 1 }
local moonpool

--- Live blocks and bytes of the domains RAW and MEM as a table of "blocks, bytes" by name,
--- taken after two collections (the first one runs finalizers). nil while no spec has
--- loaded moonpool: a spec of the lower floors needs none.
function engine.live()
  -- Kept, since busted unloads what a file of specs loaded, and specs unload it themselves.
  moonpool = moonpool or package.loaded["moonpool"]
  if not moonpool then return nil end
  local mem = moonpool.mem
  if type(mem) ~= "table" or type(mem.live) ~= "function" then
    error "ffi.mem.live is missing: no spec can be checked for leaks"
  end
  collectgarbage()
  collectgarbage()
  local live = {}
  for name, domain in pairs(domains) do
    live[name] = ("%d blocks, %d bytes"):format(mem.live(domain))
  end
  return live
end

return engine
