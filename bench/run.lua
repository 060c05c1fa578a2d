-- make bench: times every row of bench/rows.lua in each peer that is installed, each
-- measurement in a process of its own, interleaved; prints medians in ns and their ratio to
-- the floor. Then how fast whole headers are declared. Usage: lua run.lua REPETITIONS

local repetitions = tonumber(arg[1]) or 7
local lua, build = assert(os.getenv "MOONPOOL_LUA"), assert(os.getenv "MOONPOOL_BUILD")
local rows = dofile "bench/rows.lua"

local function output(command)
  local pipe = io.popen(command .. " 2>&1")
  local text = pipe:read "a"
  return text, pipe:close()
end

-- name, command, module, which code of a row, how a new struct is asked for
local peers = {
  { "floor", lua, "floor", "floor" },
  { "strict", lua, "strict", "strict" },
  { "moonpool", lua, "moonpool", "ffi", "function(T) return T .. ' *' end" },
}
if select(2, output "luajit -v") then
  peers[#peers + 1] = { "luajit -joff", "luajit -joff", "ffi", "ffi", "function(T) return T end" }
end

local script = os.tmpname()

-- Runs a Lua program in a peer; its output as a number.
local function measure(peer, program)
  local file = assert(io.open(script, "w"))
  file:write(("local FFI, TARGET, ARG = %q, %q, %s\n"):format(
    peer[3], build .. "/bench/libtarget.so", peer[5] or "nil"), program)
  file:close()
  local text = output(("%s %s"):format(peer[2], script))
  return tonumber(text) or error(("%s: %s"):format(peer[1], text), 0)
end

-- ns an operation, the empty loop taken off.
local loop = [[
  %s
  local n, clock = %d, os.clock
  local t = clock() for i = 1, n do end local empty = clock() - t
  t = clock() for i = 1, n do %s end
  print((clock() - t - empty) / n * 1e9)
]]

local function median(list)
  table.sort(list)
  return list[(#list + 1) // 2]
end

-- Interleaved: each peer once, `repetitions` times over. Medians and minima by peer.
local function compare(program_of)
  local found = {}
  for _ = 1, repetitions do
    for _, peer in ipairs(peers) do
      local program = program_of(peer)
      if program then
        found[peer[1]] = found[peer[1]] or {}
        table.insert(found[peer[1]], measure(peer, program))
      end
    end
  end
  local medians, least = {}, {}
  for name, list in pairs(found) do medians[name], least[name] = median(list), list[1] end
  return medians, least
end

local function show(name, medians, least, unit)
  local cells = { ("%-14s"):format(name) }
  for _, peer in ipairs(peers) do
    local m = medians[peer[1]]
    local ratio = m and medians.floor and (" %5.2f"):format(m / medians.floor) or (" "):rep(6)
    cells[#cells + 1] = m and ("%8.1f (%7.1f)%s"):format(m, least[peer[1]], ratio) or (" "):rep(24)
  end
  print(table.concat(cells, "  ") .. "  " .. unit)
end

local heading = { ("%-14s"):format "" }
for _, peer in ipairs(peers) do
  heading[#heading + 1] = ("%-24s"):format(peer[1] .. ": median (min) ratio")
end
print(table.concat(heading, "  "))

for _, row in ipairs(rows) do
  local medians, least = compare(function(peer)
    local code = row[peer[4]]
    return code and loop:format(code[1], 1000000, code[2])
  end)
  show(row.name, medians, least, "ns")
end

-- == Whole headers ========================================================================

local declare = [[
  local ffi = require(FFI)
  local file = io.open(%q) local text = file:read "*a" file:close()
  local new, best = ffi.FFI or function() return ffi end, 1 / 0
  for i = 1, FFI == "ffi" and 1 or 5 do
    local t = os.clock() new().cdef(text) best = math.min(best, os.clock() - t)
  end
  print(best * 1e6)
]]

-- What the preprocessor makes of a header, in a file; nil when the header isn't installed.
local function preprocess(name, include, flags)
  local path = os.tmpname()
  local command = ("printf '#include <%s>\\n' | cc -E -P %s - >%s 2>/dev/null"):format(
    include, flags, path)
  if os.execute(command) then return path end
  print(name .. " is not installed")
  os.remove(path)
end

for _, header in ipairs {
  { "sqlite3.h", "sqlite3.h", "" },
  { "gtk/gtk.h", "gtk/gtk.h", "$(pkg-config --cflags gtk+-3.0 2>/dev/null)" },
} do
  local path = preprocess(header[1], header[2], header[3])
  if path then
    local file = assert(io.open(path))
    local bytes = file:seek "end"
    file:close()
    local program = declare:format(path)
    local medians, least = compare(function(peer) -- a peer may refuse the header
      return peer[4] == "ffi" and pcall(measure, peer, program) and program or nil
    end)
    show(header[1], medians, least, ("us for %d bytes"):format(bytes))
    for name, m in pairs(medians) do print(("  %s: %.1f MB/s"):format(name, bytes / m)) end
    os.remove(path)
  end
end
os.remove(script)
