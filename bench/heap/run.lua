-- Lua programs and raw patterns under several allocators: times, instructions, memory, what
-- closing takes. Prints a table and writes it: run.lua HOST OUTPUT REPETITIONS [program].
-- The host (host.c) is the same for all; a peer is loaded in front of the C library.

local host, output, repetitions, only = arg[1], arg[2], tonumber(arg[3]) or 7, arg[4]

-- Programs with the scales to time and to count instructions at; `mean`: in the geometric mean.
local programs = {
  { name = "trees", title = "binary trees, depth 15", scale = 4, few = 1, mean = true },
  { name = "strings", title = "strings", scale = 100, few = 10, mean = true },
  { name = "queens", title = "n-queens", scale = 40, few = 4, mean = true },
  { name = "closures", title = "closures", scale = 200, few = 30, mean = true },
  { name = "objects", title = "objects", scale = 120, few = 15, mean = true },
  { name = "json", title = "json encode/decode", scale = 120, few = 15, mean = true },
  { name = "cdata", title = "cdata churn", scale = 120, few = 15, mean = true },
  { name = "live", title = "large live heap", scale = 100, few = 5 },
  { name = "phases", title = "shifting phases", scale = 150, few = 10 },
}

-- == Whom to measure ======================================================================

local function lines_of(command)
  local pipe = assert(io.popen(command))
  local lines = {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  assert(pipe:close(), command)
  return lines
end

local function library(pattern)
  for _, line in ipairs(lines_of "ldconfig -p") do
    local path = line:find(pattern) and line:match "=> (%S+)"
    if path then return path end
  end
end

local peers = { { name = "C library", allocator = "system" } }
for _, peer in ipairs { { "mimalloc", "libmimalloc%.so" }, { "jemalloc", "libjemalloc%.so" } } do
  local path = library(peer[2])
  if path then
    peers[#peers + 1] = { name = peer[1], allocator = "system", preload = path }
  else
    io.stderr:write(peer[1], " isn't installed\n")
  end
end
peers[#peers + 1] = { name = "moonpool", allocator = "moonpool" }

local function run(peer, mode, rest)
  local preload = peer.preload and "LD_PRELOAD=" .. peer.preload .. " " or ""
  return lines_of(("%s%s %s %s %s"):format(preload, host, mode, peer.allocator, rest or ""))
end

local function numbers(line)
  local found = {}
  for word in line:gmatch "%S+" do found[#found + 1] = tonumber(word) end
  return found
end

local function median(list)
  table.sort(list)
  local half = #list // 2
  return #list % 2 == 1 and list[half + 1] or (list[half] + list[half + 1]) / 2
end

-- == The table ============================================================================

local out = assert(io.open(output, "w"))

local function put(format, ...)
  local line = format:format(...)
  print(line)
  out:write(line, "\n")
end

local function row(...) put("| %s |", table.concat({ ... }, " | ")) end

local function head(...)
  row(...)
  row(table.unpack({ "---", "---:", "---:", "---:", "---:", "---:", "---:", "---:" }, 1,
    select("#", ...)))
end

local function names(...)
  local list = { ... }
  for _, peer in ipairs(peers) do list[#list + 1] = peer.name end
  return table.unpack(list)
end

-- == Programs =============================================================================

-- Interleaved runs of one program: medians, a peer each, of times, of each run's ratios and of
-- resident sizes; and the least time, which a busy machine disturbs least.
local function time_program(program)
  local samples = {}
  for k = 1, #peers do samples[k] = { time = {}, ratio = {}, memory = {} } end
  for _ = 1, repetitions do
    local base
    for k, peer in ipairs(peers) do
      local s = samples[k]
      local found = numbers(run(peer, "run",
        ("bench/heap/%s.lua %d"):format(program.name, program.scale))[1])
      base = base or found[1]
      table.insert(s.time, found[1])
      table.insert(s.ratio, found[1] / base)
      table.insert(s.memory, found[2])
    end
  end
  for _, s in ipairs(samples) do
    s.least = math.min(table.unpack(s.time))
    s.time, s.ratio, s.memory = median(s.time), median(s.ratio), median(s.memory)
  end
  return samples
end

local function instructions(allocator, program)
  local command = ("valgrind --tool=callgrind --callgrind-out-file=/dev/null " ..
    "%s run %s bench/heap/%s.lua %d 2>&1"):format(host, allocator, program.name, program.few)
  for _, line in ipairs(lines_of(command)) do
    local n = line:match "Collected : (%d+)"
    if n then return tonumber(n) end
  end
  error("callgrind says nothing: " .. command)
end

local function programs_tables()
  local results = {}
  local log, log_least, counted = {}, {}, 0
  for i, program in ipairs(programs) do
    if not only or only == program.name then
      io.stderr:write(program.title, "\n")
      results[i] = time_program(program)
    end
  end

  put("## Time, to the C library's: median of %d interleaved runs (least times)\n", repetitions)
  head(names("program", "C library, s"))
  for i, program in ipairs(programs) do
    local samples = results[i]
    if samples then
      local cells = {}
      for k, s in ipairs(samples) do
        local least = s.least / samples[1].least
        cells[k] = ("%.2f (%.2f)"):format(s.ratio, least)
        if program.mean then
          log[k], log_least[k] = (log[k] or 0) + math.log(s.ratio),
            (log_least[k] or 0) + math.log(least)
        end
      end
      if program.mean then counted = counted + 1 end
      row(program.title, ("%.3f"):format(samples[1].time), table.unpack(cells))
    end
  end
  if counted > 0 then
    local cells = {}
    for k, sum in ipairs(log) do
      cells[k] = ("%.3f (%.3f)"):format(math.exp(sum / counted), math.exp(log_least[k] / counted))
    end
    row(("geometric mean of the first %d"):format(counted), "", table.unpack(cells))
  end

  put "\n## Resident size when the program ends, KB\n"
  head(names "program")
  for i, program in ipairs(programs) do
    if results[i] then
      local cells = {}
      for k, s in ipairs(results[i]) do cells[k] = ("%d"):format(s.memory) end
      row(program.title, table.unpack(cells))
    end
  end
end

local function instructions_table()
  put "\n## Instructions (callgrind), to an allocator that never frees\n"
  head("program", "never frees, millions", "C library", "moonpool")
  local log, counted = { 0, 0 }, 0
  for _, program in ipairs(programs) do
    if not only or only == program.name then
      io.stderr:write("instructions: ", program.title, "\n")
      local bump = instructions("bump", program)
      local c, ours = instructions("system", program) / bump,
        instructions("moonpool", program) / bump
      if program.mean then
        log[1], log[2], counted = log[1] + math.log(c), log[2] + math.log(ours), counted + 1
      end
      row(program.title, ("%.1f"):format(bump / 1e6), ("%.3f"):format(c), ("%.3f"):format(ours))
    end
  end
  if counted > 0 then
    row(("geometric mean of the first %d"):format(counted), "",
      ("%.3f"):format(math.exp(log[1] / counted)), ("%.3f"):format(math.exp(log[2] / counted)))
  end
end

-- == States and patterns ==================================================================

local function states_table()
  local small, close, drop = {}, {}, {}
  for k, peer in ipairs(peers) do
    io.stderr:write("states: ", peer.name, "\n")
    small[k] = ("%.1f"):format(numbers(run(peer, "small")[1])[1])
    close[k] = {}
  end
  local mb
  for _ = 1, math.max(3, repetitions // 2) do
    for k, peer in ipairs(peers) do
      local found = numbers(run(peer, "close")[1])
      mb = found[1]
      table.insert(close[k], found[2])
      if found[3] then table.insert(drop, found[3]) end
    end
  end
  for k in ipairs(peers) do close[k] = ("%.1f"):format(median(close[k])) end
  put "\n## States\n"
  head(names "")
  row("a small state (libraries, 50 tables), anonymous KB", table.unpack(small))
  row(("closing one with %d MB, ms"):format(mb), table.unpack(close))
  local last = {}
  for k in ipairs(peers) do last[k] = k == #peers and ("%.1f"):format(median(drop)) or "" end
  row("dropping it with its heap, ms", table.unpack(last))
end

local function raw_table()
  local times, order = {}, {}
  io.stderr:write "raw patterns\n"
  for _ = 1, repetitions do
    for k, peer in ipairs(peers) do
      for _, line in ipairs(run(peer, "raw")) do
        local key, ns = line:match "^(%S+ %d+) (%S+)$"
        if not times[key] then
          times[key] = {}
          order[#order + 1] = key
        end
        times[key][k] = times[key][k] or {}
        table.insert(times[key][k], tonumber(ns))
      end
    end
  end
  put "\n## Raw patterns, ns for a block and its free\n"
  head(names("pattern", "bytes"))
  for _, key in ipairs(order) do
    local cells = {}
    for k in ipairs(peers) do cells[k] = ("%.1f"):format(median(times[key][k])) end
    local pattern, size = key:match "(%S+) (%S+)"
    row(pattern, size, table.unpack(cells))
  end
end

put("# moonpool's heap beside other allocators, under Lua %s\n", _VERSION:match "%S+$")
programs_tables()
instructions_table()
if not only then
  states_table()
  raw_table()
end
out:close()
