-- bench/: every row runs in every peer that is installed, and what is made of the numbers is
-- right. How fast anything is decides nothing here.

local baseline = require "bench.baseline"
local peers = require "bench.peers"
local plot = require "bench.plot"
local report = require "bench.report"
local engine = require "spec.support.engine"

local rows = dofile "bench/rows.lua"

describe("the rows run, each 1,000 times, in", function()
  -- The programs of a peer for the rows that it has code for; whole headers are left out.
  local function programs(peer, counting)
    local found = {}
    for _, row in ipairs(rows) do
      if not row.include and not (counting and row.kind == "value") then
        found[#found + 1] = peers.program(peer, row, 1000, counting)
      end
    end
    return found
  end

  local function all_numbers(output, n)
    local count = 0
    for line in output:gmatch "[^\n]+" do
      assert(tonumber(line), output)
      count = count + 1
    end
    assert.equal(n, count)
  end

  -- All of them in one interpreter, which runs under what the specs run under.
  local function run_lua(list)
    local script = "do " .. table.concat(list, "\nend do ") .. "\nend"
    local output, code = engine.run_lua(script, {
      LUA_CPATH = ("%s/?.so;%s/bench/?.so;;"):format(engine.build, engine.build),
    })
    assert.equal(0, code, output)
    all_numbers(output, #list)
  end

  -- Each in a process of its own: LuaJIT doesn't take a declaration twice.
  local function run_other(peer, list)
    local path = os.tmpname()
    for _, program in ipairs(list) do
      report.write(path, program)
      all_numbers((engine.run(peers.command(peer, path))), 1)
    end
    os.remove(path)
  end

  for _, peer in ipairs(peers.installed()) do
    it(peer.title, function()
      local list = programs(peer)
      assert(#list > 20)
      if peer.name == "luajit" or peer.language then run_other(peer, list) else run_lua(list) end
    end)

    if not peer.language then
      it(peer.title .. ", for counting from outside", function()
        local list = programs(peer, true)
        if peer.name == "luajit" then run_other(peer, list) else run_lua(list) end
      end)
    end
  end
end)

describe("baseline:", function()
  local counts = {
    { name = "add", floor = 100, strict = 120, moonpool = 150 },
    { name = "new {x=, y=}", moonpool = 400 },
  }

  it("what is written is read again", function()
    local found = baseline.parse(baseline.format(counts, "- Lua: 5.4"))
    assert.same({ add = counts[1], ["new {x=, y=}"] = { name = "new {x=, y=}", moonpool = 400 } },
      { add = found.add, ["new {x=, y=}"] = found["new {x=, y=}"] })
  end)

  it("names the row that takes more than the tolerance, and by how much", function()
    local worse, better, alone = baseline.compare(
      { add = counts[1], ["new {x=, y=}"] = counts[2] },
      { { name = "add", moonpool = 156 }, { name = "new {x=, y=}", moonpool = 407 } }, .02)
    assert.same({ { name = "add", was = 150, is = 156, by = 156 / 150 - 1 } }, worse)
    assert.same({}, better)
    assert.same({}, alone)
  end)

  it("tells better from worse", function()
    local worse, better = baseline.compare({ add = counts[1] }, { { name = "add", moonpool = 140 } }, .02)
    assert.same({}, worse)
    assert.equal("add", better[1].name)
  end)

  it("names the rows that one side lacks", function()
    local _, _, alone = baseline.compare({ add = counts[1], mix = { name = "mix", moonpool = 9 } },
      { { name = "add", moonpool = 150 }, { name = "six", moonpool = 9 } }, .02)
    assert.same({ "mix", "six" }, alone)
  end)

  it("the recorded one has the rows that are counted", function()
    local found = baseline.parse(report.read "bench/baseline.txt")
    for _, row in ipairs(rows) do
      local counted = row.group ~= "bulk" and row.group ~= "memory" and row.group ~= "cdef"
      assert.equal(counted, found[row.name] ~= nil, row.name)
    end
  end)
end)

describe("report:", function()
  local peer_list = { { name = "floor", title = "floor" }, { name = "moonpool", title = "moonpool" } }
  local function result(median, reach)
    return { row = { name = "add", unit = "ns", group = "call", reach = reach }, median = median,
      least = median, failed = {} }
  end

  it("the median of odd and even numbers of values, and the least", function()
    assert.same({ 3, 1 }, { report.median { 5, 1, 3 } })
    assert.same({ 2.5, 1 }, { report.median { 4, 1, 3, 2 } })
  end)

  it("marks what is reached and what isn't", function()
    local function last(reach)
      return table.remove(report.line(result({ floor = 20, moonpool = 30 }, reach), peer_list))
    end
    assert.equal("✓ 1.50", last { "floor", 1.5 })
    assert.equal("✗ 1.50", last { "floor", 1.4 })
    assert.equal("✗ 30.00", last { "=", 20 })
    assert.equal("–", last { "luajit", 1 })
    assert.equal("", last(nil))
  end)

  it("says which peer refused", function()
    local refused = result { moonpool = 30 }
    refused.failed.floor = true
    assert.equal("refused", report.line(refused, peer_list)[2])
  end)

  it("aligns columns by characters, not bytes", function()
    assert.equal("a      b\n≤ x  ccc\n", report.aligned { { "a", "b" }, { "≤ x", "ccc" } })
  end)

  it("Markdown has a rule below the heading", function()
    assert.equal("| a | b |\n|---|---:|\n| 1 | 2 |\n", report.markdown { { "a", "b" }, { "1", "2" } })
  end)

  it("puts text between its markers, in place of what was there", function()
    local page = "x\n<!-- t -->\nold\n<!-- /t -->\ny\n"
    assert.equal("x\n<!-- t -->\nnew\n<!-- /t -->\ny\n", report.insert(page, "t", "new\n"))
    assert.has_error(function() report.insert(page, "u", "") end, "no place for 'u' in the document")
  end)

  it("doc/speed.md has a place for each table", function()
    local page = report.read "doc/speed.md"
    for _, name in ipairs { "machine", "bench", "bench-ir", "bench-scale" } do
      assert.truthy(report.insert(page, name, "here\n"):find("here", 1, true))
    end
  end)
end)

describe("plot:", function()
  -- The names of elements, in order; an error where the text is no well-formed XML.
  local function elements(xml)
    local found, open, at = {}, {}, 1
    while true do
      local from, to, close, name, attributes, single = xml:find("<(/?)([%a]+)([^<>]*)(/?)>", at)
      local between = xml:sub(at, (from or 0) - 1)
      assert(not between:find "[<>]" and not between:gsub("&%a+;", ""):find "&", between)
      if not from then break end
      if attributes:sub(-1) == "/" then attributes, single = attributes:sub(1, -2), "/" end
      assert.equal("", (attributes:gsub("%s+[%w:-]+=\"[^\"<&]*\"", "")))
      if close == "/" then
        assert.equal(name, table.remove(open))
      else
        found[#found + 1] = name
        if single ~= "/" then open[#open + 1] = name end
      end
      at = to + 1
    end
    assert.equal(0, #open)
    return found
  end

  local function draw(rows_of)
    return plot.draw("a < b & c", rows_of, { { name = "moonpool", title = "moonpool" } })
  end

  local function count(list, name)
    local n = 0
    for _, other in ipairs(list) do if other == name then n = n + 1 end end
    return n
  end

  it("is well-formed XML, whatever the names are", function()
    local xml = draw { { name = "new <x> & \"y\"", ratios = { moonpool = 1.5 }, reach = 1.2 } }
    assert.equal("svg", elements(xml)[1])
    assert.truthy(xml:find("new &lt;x&gt; &amp; &quot;y&quot;", 1, true))
  end)

  it("has a bar for each ratio that there is", function()
    local one = count(elements(draw { { name = "a", ratios = { moonpool = 2 } } }), "rect")
    local two = count(elements(draw {
      { name = "a", ratios = { moonpool = 2 } }, { name = "b", ratios = { moonpool = .5 } },
      { name = "c", ratios = {} },
    }), "rect")
    assert.equal(1, two - one)
  end)

  it("keeps what is off the axis on the picture", function()
    local xml = draw { { name = "a", ratios = { moonpool = 1000 } }, { name = "b", ratios = { moonpool = -3 } } }
    local width = tonumber(xml:match "width=\"(%d+)\"")
    for x, w in xml:gmatch "<rect x=\"([%d.]+)\" y=\"[%d.]+\" width=\"([%d.]+)\"" do
      assert(tonumber(x) >= 0 and x + w <= width, x)
    end
  end)
end)
