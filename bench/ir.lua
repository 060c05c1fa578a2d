-- make bench-ir: instructions per operation, counted by callgrind: the difference of two runs
-- with two numbers of operations, so that starting and declaring cancel out. They repeat to
-- a fraction of 1 %, whatever else the machine does. Usage: lua ir.lua JOBS [record|check|profile]
-- [PART OF A NAME]

package.path = "./?.lua;" .. package.path
local baseline = require "bench.baseline"
local machine = require "bench.machine"
local peers = require "bench.peers"
local report = require "bench.report"

local jobs, mode, wanted = tonumber(arg[1]) or 1, arg[2] or "", arg[3]
local folder, recorded_in = "build/bench/ir", "bench/baseline.txt"
local tolerance = .02
-- The second number less the first makes some thirty cycles of the collector.
local few, many = 5000, 30000

local groups = { call = true, access = true, new = true, callback = true }
local measured = { floor = true, strict = true, moonpool = true }

-- A loop around nothing, to be taken off.
local nothing = { name = "empty loop", kind = "loop", bare = true, code = { floor = { "", "" } } }

-- == Programs =============================================================================

local rows = { nothing }
for _, row in ipairs(dofile "bench/rows.lua") do
  if groups[row.group] and (not wanted or row.name:find(wanted, 1, true)) then rows[#rows + 1] = row end
end
local counted = {}
for _, peer in ipairs(peers.installed()) do
  if measured[peer.name] then counted[#counted + 1] = peer end
end

local function path_of(i, peer, n) return ("%s/%d-%s-%d"):format(folder, i, peer.name, n) end

-- Writes every program, and a list of the commands that count them.
local function prepare()
  os.execute(("rm -rf %s && mkdir -p %s"):format(folder, folder))
  local commands = {}
  for i, row in ipairs(rows) do
    for _, peer in ipairs(counted) do
      for _, n in ipairs { few, many } do
        local program, path = peers.program(peer, row, n, true), path_of(i, peer, n)
        if program then
          report.write(path, program)
          commands[#commands + 1] = ("%s >%s.out 2>%s.log"):format(peers.command(peer, path), path, path)
        end
      end
    end
  end
  report.write(folder .. "/commands", table.concat(commands, "\n") .. "\n")
end

local function callgrind(out)
  return ("LD_PRELOAD=%s/bench/seed.so valgrind --tool=callgrind --callgrind-out-file=%s"):format(
    os.getenv "MOONPOOL_BUILD", out)
end

local function count_all()
  local valgrind = callgrind "/dev/null"
  os.execute(("tr '\\n' '\\0' <%s/commands | xargs -0 -P %d -I@ sh -c '%s @'"):format(folder, jobs, valgrind))
end

-- == Counts ===============================================================================

-- Instructions and operations of one run.
local function read_run(path)
  local said = report.read(path .. ".log")
  local instructions = tonumber(said:match "Collected : (%d+)")
  local operations = tonumber((report.read(path .. ".out")))
  if not instructions or not operations then error(path .. ": " .. said, 0) end
  return instructions, operations
end

local function per_operation(i, peer)
  local little, of_little = read_run(path_of(i, peer, few))
  local much, of_much = read_run(path_of(i, peer, many))
  return (much - little) / (of_much - of_little)
end

local function counts()
  local list, empty = {}, per_operation(1, counted[1])
  for i = 2, #rows do
    local row = { name = rows[i].name }
    for _, peer in ipairs(counted) do
      if rows[i].code[peer.name] then
        row[peer.name] = per_operation(i, peer) - (rows[i].kind == "loop" and empty or 0)
      end
    end
    list[#list + 1] = row
  end
  return list
end

local function cell(value, format) return value and (format or "%.1f"):format(value) or "–" end

local function over(a, b) return a and b and a / b or nil end

local function cells(list)
  local lines = { { "operation", "floor", "strict", "moonpool", "× floor", "× strict" } }
  for _, row in ipairs(list) do
    lines[#lines + 1] = { row.name, cell(row.floor), cell(row.strict), cell(row.moonpool),
      cell(over(row.moonpool, row.floor), "%.2f"), cell(over(row.moonpool, row.strict), "%.2f") }
  end
  return lines
end

-- == Comparing ============================================================================

local function say(heading, list)
  for _, row in ipairs(list) do
    print(("%s: %s: %.1f instructions, were %.1f (%+.1f %%)"):format(
      heading, row.name, row.is, row.was, row.by * 100))
  end
end

-- Says where the recorded machine differs from this one.
local function compare_machines(text)
  local here = machine()
  for fact in text:gmatch "# (%- [^\n]+)" do
    if not here:find(fact, 1, true) then print("recorded with another: " .. fact:sub(3)) end
  end
end

-- Whether nothing is worse than recorded.
local function check(list)
  local text = report.read(recorded_in)
  local recorded = baseline.parse(text)
  compare_machines(text)
  if wanted then
    for name in pairs(recorded) do
      if not name:find(wanted, 1, true) then recorded[name] = nil end
    end
  end
  local worse, better, alone = baseline.compare(recorded, list, tolerance)
  say("worse", worse)
  say("better (RECORD=1 keeps it)", better)
  for _, name in ipairs(alone) do print(("not in both: %s"):format(name)) end
  if #worse + #better + #alone == 0 then print "as recorded" end
  return #worse + #alone == 0
end

-- == By function ==========================================================================

-- Where moonpool's instructions go: those of the greater number of operations, an operation.
local function profile(i, row)
  local peer
  for _, one in ipairs(counted) do if one.name == "moonpool" then peer = one end end
  local path = path_of(i, peer, many)
  report.write(path, peers.program(peer, row, many, true))
  peers.output(("%s %s"):format(callgrind(path .. ".callgrind"), peers.command(peer, path)))
  local lines = peers.output("callgrind_annotate --auto=no --threshold=100 " .. path .. ".callgrind")
  -- What is inlined from another file has a line of its own, under the same name.
  local of, within, names, total = {}, {}, {}, 0
  for count, name, object in lines:gmatch "\n%s*([%d,]+) %([^)]*%)%s+[^\n]*:([^:%s\n]+)([^\n]*)" do
    if not of[name] then names[#names + 1] = name end
    local each = tonumber((count:gsub(",", ""))) / many
    of[name], total = (of[name] or 0) + each, total + each
    within[name] = object:match "([^/%[]+)%]" or within[name]
  end
  table.sort(names, function(a, b) return of[a] > of[b] end)
  print(("%s: %.1f instructions an operation, starting and the loop included"):format(row.name, total))
  for _, name in ipairs(names) do
    if of[name] < total / 100 then break end
    print(("%9.1f  %s  %s"):format(of[name], name, within[name] or ""))
  end
end

if mode == "profile" then
  os.execute("mkdir -p " .. folder)
  for i = 2, #rows do profile(i, rows[i]) end
  return
end

prepare()
count_all()
local list = counts()
local lines = cells(list)
print(report.aligned(lines))
report.keep("bench-ir", report.markdown(lines))
if mode == "record" then report.write(recorded_in, baseline.format(list, machine())) end
if mode == "check" and not check(list) then os.exit(1) end
