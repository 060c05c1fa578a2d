-- The machine and the programs that something was measured with, as Markdown: read from the
-- system, so that no table goes without. Neither names nor paths of the machine are in it.

local peers = require "bench.peers"

local function first_line(command)
  local text, worked = peers.output(command)
  return worked and text:match "[^\n]+" or nil
end

local function processor()
  local file = io.open "/proc/cpuinfo"
  local text = file and file:read "a" or ""
  if file then file:close() end
  local model = text:match "model name%s*:%s*([^\n]+)" or first_line "uname -m" or "unknown"
  return ("%s, %s cores"):format(model, first_line "nproc" or "?")
end

return function()
  local lua = os.getenv "MOONPOOL_LUA" or "lua5.4"
  local facts = {
    { "processor", processor() },
    { "system", first_line "uname -sr" },
    { "Lua", first_line(lua .. " -v") },
    { "compiler", first_line "cc --version" },
    { "libffi", first_line "pkg-config --modversion libffi" },
    { "LuaJIT", first_line "luajit -v" },
    { "Python", first_line "python3 -c 'import sys, cffi; print(sys.version.split()[0], \"CFFI\", cffi.__version__)'" },
  }
  local out = {}
  for _, fact in ipairs(facts) do
    if fact[2] then out[#out + 1] = ("- %s: %s\n"):format(fact[1], (fact[2]:gsub("[%s-]+Copyright.*", ""))) end
  end
  return table.concat(out)
end
