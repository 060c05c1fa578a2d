-- Who is measured, and how: makes the program that measures rows of bench/rows.lua in a
-- peer, and runs it in a process of its own.

local peers = {}

local lua = os.getenv "MOONPOOL_LUA" or "lua5.4"
local build = os.getenv "MOONPOOL_BUILD" or "build/release"

--- Runs a command; what it wrote, and whether it succeeded.
function peers.output(command)
  local pipe = io.popen(command .. " 2>&1")
  local text = pipe:read "a"
  return text, pipe:close()
end

local function quoted(s) return "'" .. s:gsub("'", "'\\''") .. "'" end

-- The interpreter itself: what pyenv and its like put in front of it takes longer than it.
local function find_python()
  local path, found = peers.output "python3 -c 'import cffi, sys; print(sys.executable)'"
  return found and path:match "%S+" or nil
end

local languages = {}

-- == Programs in Lua ======================================================================

local function hand_prelude(peer)
  return ("local lib = require %q"):format(peer.module)
end

local ffi_prelude = [[
local ffi = require %q
local new = ffi.new
]]
local ffi_declared = ffi_prelude .. [[
ffi.cdef %q
local lib = (ffi.dlopen or ffi.load)(%q)
local T = ffi.typeof "struct target_point"
local P = ffi.typeof "struct target_point *"
]]

-- The declarations in bench/target.h.
local function declarations()
  local file = assert(io.open "bench/target.h")
  local text = file:read "a"
  file:close()
  return (("\n" .. text):gsub("\n#[^\n]*", ""):gsub("/%*.-%*/", ""))
end

function languages.lua(peer, row, n, shape)
  local code = row.code[peer.name]
  local prelude = hand_prelude(peer)
  if peer.ffi then
    prelude = row.bare and ffi_prelude:format(peer.module)
      or ffi_declared:format(peer.module, declarations(), build .. "/bench/libtarget.so")
  end
  local head = ("local n, ops, result, clock = %d, %d, nil, os.clock\n%s\n%s\n"):format(
    n, n, prelude, code[1])
  return head .. shape:gsub("BODY", function() return code[2] end)
end

local lua_shapes = {
  value = "BODY print(result)",
  once = "local began = clock() BODY print((clock() - began) / ops * 1e9)",
  loop = [[
    local began = clock() for i = 1, n do end local empty = clock() - began
    began = clock() for i = 1, n do BODY end
    print((clock() - began - empty) / n * 1e9)]],
  -- Nothing but the operations, for those who count instructions from outside.
  count_once = "BODY print(ops)",
  count_loop = "for i = 1, n do BODY end print(n)",
}

-- == Programs in Python ===================================================================

local function indented(text, by) return (text:gsub("[^\n]+", by .. "%0")) end

local python_shapes = {
  value = "BODY\nprint(result)",
  once = "began = clock()\nBODY\nprint((clock() - began) / ops * 1e9)",
  loop = "r = range(n)\nbegan = clock()\nfor i in r: pass\nempty = clock() - began\n"
    .. "began = clock()\nfor i in r: BODY\nprint((clock() - began - empty) / n * 1e9)",
}

-- Everything is in a function, so that names are locals, as they are in the Lua programs.
function languages.python(peer, row, n, shape)
  local code = row.code[peer.name]
  local lines = { "import cffi, resource", "from time import process_time as clock",
    ("HEADER = %q"):format(row.header or "") , "def run(n):", "  ops = n", "  ffi = cffi.FFI()" }
  if not row.bare then
    lines[#lines + 1] = ("  ffi.cdef('''%s''')"):format(declarations())
    lines[#lines + 1] = ("  lib = ffi.dlopen(%q)"):format(build .. "/bench/libtarget.so")
  end
  lines[#lines + 1] = indented(code[1], "  ")
  lines[#lines + 1] = indented(shape:gsub("BODY", function() return code[2] end), "  ")
  lines[#lines + 1] = ("run(%d)\n"):format(n)
  return table.concat(lines, "\n")
end

-- == The peers ============================================================================

local all = {
  { name = "floor", title = "floor", command = lua, module = "floor" },
  { name = "strict", title = "strict", command = lua, module = "strict" },
  { name = "moonpool", title = "moonpool", command = lua, module = "moonpool", ffi = true },
  { name = "luajit", title = "LuaJIT -joff", command = "luajit -joff", module = "ffi", ffi = true },
  { name = "cffi", title = "Python CFFI", language = "python" },
}

--- The peers that this machine has, in the order in which they are shown.
function peers.installed()
  local found = {}
  for _, peer in ipairs(all) do
    if peer.name == "cffi" then peer.command = find_python() end
    if peer.command and (peer.name ~= "luajit" or select(2, peers.output "luajit -v")) then
      found[#found + 1] = peer
    end
  end
  return found
end

--- A program that loads a peer, and one that doesn't: each prints the processor's time, in
--- seconds, that its process has taken so far.
function peers.startup(peer)
  local load, say = ("require %q\n"):format(peer.module), "print(os.clock())"
  if peer.language then
    load, say = "import cffi\ncffi.FFI()\n", "import time\nprint(time.process_time())"
  end
  return load .. say, say
end

--- The program that measures a row in a peer and prints the number; nil where the peer has
--- no code for it. `counting`: it runs the operations alone, and prints how many.
function peers.program(peer, row, n, counting)
  if not row.code[peer.name] then return nil end
  local language = peer.language or "lua"
  local shapes = language == "lua" and lua_shapes or python_shapes
  local text = languages[language](peer, row, n, shapes[(counting and "count_" or "") .. row.kind])
  if language == "lua" then text = ("local HEADER = %q\n"):format(row.header or "") .. text end
  return text
end

--- The command that runs the program in file `path`.
function peers.command(peer, path)
  return peer.command .. " " .. quoted(path)
end

--- Writes a program and runs it; the number that it prints, or nil and what it said.
function peers.run(peer, program, path)
  local file = assert(io.open(path, "w"))
  file:write(program)
  file:close()
  local text = peers.output(peers.command(peer, path))
  return tonumber(text), text
end

return peers
