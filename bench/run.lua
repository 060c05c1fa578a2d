-- make bench: measures every row of bench/rows.lua in each peer that is installed, each
-- measurement in a process of its own, interleaved, and prints one table: medians (minima) and
-- ratios. Leaves build/bench/bench.md and bench.svg. Usage: lua run.lua REPETITIONS [PART OF A NAME]

package.path = "./?.lua;" .. package.path
local peers = require "bench.peers"
local plot = require "bench.plot"
local report = require "bench.report"
local machine = require "bench.machine"

local repetitions, wanted = tonumber(arg[1]) or 7, arg[2]
local rows = dofile "bench/rows.lua"
local installed = peers.installed()
local script = "build/bench/row"

-- How often a row's operation runs, that a measurement takes some 50 ms.
local count = 1000000

-- == Measuring ============================================================================

-- Calls measure(peer) for each peer in turn, `repetitions` times over. A peer for which it
-- gives nil is out; `false` says that the peer can't.
local function interleaved(row, measure)
  local result = { row = row, median = {}, least = {}, failed = {} }
  local found = {}
  for _ = 1, repetitions do
    for _, peer in ipairs(installed) do
      local value = not result.failed[peer.name] and measure(peer)
      if value then
        found[peer.name] = found[peer.name] or {}
        table.insert(found[peer.name], value)
      elseif value == false then
        result.failed[peer.name] = true
      end
    end
  end
  for name, list in pairs(found) do result.median[name], result.least[name] = report.median(list) end
  return result
end

-- What the preprocessor makes of a row's header; nil when it isn't installed.
local function preprocess(row)
  local path = "build/bench/header.i"
  local command = "printf '#include <%s>\\n' | cc -E -P %s $(pkg-config --cflags %s 2>/dev/null) - >%s 2>/dev/null"
  return os.execute(command:format(row.include, row.flags, row.modules, path)) and path or nil
end

local function measure_row(row)
  if row.include then
    row.header = preprocess(row)
    if not row.header then return nil end
  end
  return interleaved(row, function(peer)
    local program = peers.program(peer, row, row.count or count)
    if not program then return nil end
    local value, said = peers.run(peer, program, script)
    if not value and row.include then return false end -- a peer may refuse a header
    return value or error(("%s in %s: %s"):format(row.name, peer.name, said), 0)
  end)
end

-- A process that loads a peer, less one of the bare interpreter: µs of the processor, from
-- its start until that is done; the median of several pairs.
local function startup()
  return interleaved({ name = "start-up", unit = "µs", group = "memory" }, function(peer)
    local loading, bare = peers.startup(peer)
    local list = {}
    for i = 1, 15 do
      list[i] = (assert(peers.run(peer, loading, script)) - assert(peers.run(peer, bare, script))) * 1e6
    end
    return (report.median(list))
  end)
end

-- == Showing ==============================================================================

-- Says how far it is; the table comes at the end.
local function progress(result)
  io.stderr:write(("%-24s moonpool %s\n"):format(result.row.name,
    report.number(result.median.moonpool or 0)))
end

local function drawing(results)
  local drawn, with = {}, {}
  for _, peer in ipairs(installed) do
    if peer.name ~= "floor" then with[#with + 1] = peer end
  end
  for _, result in ipairs(results) do
    local row = { name = result.row.name, ratios = {} }
    for _, peer in ipairs(with) do row.ratios[peer.name] = report.ratio(result, peer.name, "floor") end
    local reach = result.row.reach
    if reach and result.median[reach[1]] and result.median.floor then
      row.reach = reach[2] * result.median[reach[1]] / result.median.floor
    elseif reach and reach[1] == "=" then
      row.reach = reach[2] / result.median.floor
    end
    if row.ratios.moonpool then drawn[#drawn + 1] = row end
  end
  return plot.draw("Times by those of a hand-written binding (floor); shorter is faster", drawn, with)
end

local results = {}
local function take(result)
  results[#results + 1] = result
  if result then progress(result) end
end
for _, row in ipairs(rows) do
  if not wanted or row.name:find(wanted, 1, true) then take(measure_row(row)) end
end
if ("start-up"):find(wanted or "", 1, true) then take(startup()) end
os.remove(script)

local lines = report.cells(results, installed)
print(report.aligned(lines))
local svg = drawing(results)
report.write("build/bench/bench.svg", svg)
report.keep("bench", report.markdown(lines))
if (os.getenv "DOC" or "") ~= "" then
  report.write("doc/speed.svg", svg)
  report.keep("machine", machine())
end
