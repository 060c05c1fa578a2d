-- Each program in examples/, run as a user runs it, and what it prints.

local lfs = require "lfs"

local engine = require "spec.support.engine"

-- Runs examples/<name>.lua with one argument or none, and further environment variables.
-- Returns what it writes, and its exit code.
local function start(name, argument, env)
  local path = ("%s/examples/%s.lua"):format(engine.root, name)
  return engine.run_lua(("arg = { [0] = %q, %q } dofile(arg[0])"):format(path, argument), env)
end

-- The same; returns its lines. It must end with exit code 0.
local function run(name, argument, env)
  local output, code = start(name, argument, env)
  assert.equal(0, code, output)
  local lines = {}
  for line in output:gmatch "[^\n]+" do lines[#lines + 1] = line end
  return lines
end

describe("sqlite.lua", function()
  it("inserts 10,000 rows, queries them both ways, and shows sqlite's own message", function()
    assert.same({
      "10000 rows inserted",
      "parity=even  count(*)=5000  sum(n)=25005000",
      "parity=odd  count(*)=5000  sum(n)=25000000",
      "10000\teven",
      "9999\todd",
      "9998\teven",
      'sqlite says: near "SELEC": syntax error',
      "database closed",
    }, run "sqlite")
  end)
end)

describe("zlib.lua", function()
  -- What the example says of a file.
  local function check(lines)
    assert.equal(3, #lines)
    assert.matches("^zlib %d+%.%d+", lines[1])
    local size, small, ratio = lines[2]:match ": (%d+) bytes, deflated to (%d+): ([%d.]+) %%$"
    assert.is_truthy(size, lines[2])
    assert.near(100 * small / size, tonumber(ratio), 0.06)
    assert.equal("inflated again: the same, byte by byte", lines[3])
    return tonumber(size), tonumber(small)
  end

  it("deflates and inflates a file of the system", function()
    local size, small = check(run "zlib")
    assert.is_true(size > 100000)
    assert.is_true(small < size)
  end)

  it("takes a file's name", function()
    local size = check(run("zlib", engine.root .. "/spec/examples_spec.lua"))
    assert.equal(lfs.attributes(engine.root .. "/spec/examples_spec.lua").size, size)
  end)
end)

describe("qsort.lua", function()
  it("sorts 100,000 integers by a Lua function", function()
    local lines = run "qsort"
    assert.equal(3, #lines)
    assert.matches("^100000 integers sorted in [%d.]+ s$", lines[1])
    local calls = tonumber(lines[2]:match "^C called the Lua function (%d+) times$")
    assert.is_true(calls > 1000000)
    local from, to = lines[3]:match "^from (%-?%d+) to (%-?%d+)$"
    assert.is_true(tonumber(from) < tonumber(to))
  end)
end)

describe("dir.lua", function()
  local dir, bin

  local function write(path, content)
    local file <close> = assert(io.open(path, "w"))
    file:write(content)
  end

  local function mkdir()
    local path = os.tmpname()
    os.remove(path)
    assert(lfs.mkdir(path))
    return path
  end

  -- A directory to list, and a compiler that isn't run under the specs' sanitizer: that
  -- would report the compiler's own leaks.
  before_each(function()
    dir, bin = mkdir(), mkdir()
    write(dir .. "/a.txt", "12345")
    write(dir .. "/b b.txt", ("x"):rep(1000))
    write(dir .. "/empty", "")
    assert(lfs.mkdir(dir .. "/sub"))
    write(bin .. "/cc", ("#!/bin/sh\nunset LD_PRELOAD\nPATH='%s' exec cc \"$@\"\n"):format(os.getenv "PATH"))
    assert(os.execute(("chmod +x '%s/cc'"):format(bin)))
  end)

  after_each(function()
    os.execute(("rm -r '%s' '%s'"):format(dir, bin))
  end)

  local function env() return { PATH = bin .. ":" .. os.getenv "PATH" } end

  it("lists a directory's entries by name, with sizes", function()
    local lines = run("dir", dir, env())
    assert.equal(7, #lines)
    assert.matches("^ +%d+  %./$", lines[1])
    assert.matches("^ +%d+  %.%./$", lines[2])
    assert.equal(("%12d  a.txt"):format(5), lines[3])
    assert.equal(("%12d  b b.txt"):format(1000), lines[4])
    assert.equal(("%12d  empty"):format(0), lines[5])
    assert.matches("^ +%d+  sub/$", lines[6])
    assert.equal("6 entries, 1005 bytes", lines[7])
  end)

  it("says what the system says of a directory that isn't there", function()
    local output, code = start("dir", dir .. "/none", env())
    assert.not_equal(0, code)
    assert.matches("none: No such file or directory", output, 1, true)
  end)
end)

describe("embed/", function()
  local dir

  -- The host and its scripts in a folder of their own, where they may be changed.
  before_each(function()
    dir = os.tmpname()
    os.remove(dir)
    local output, code = engine.run((
      "cp -R '%s/examples/embed' %s && %s -Werror -o %s/host %s/host.c '%s/libmoonpool.a' "
      .. "$(pkg-config --libs lua5.4 libffi) -ldl -lm -pthread"
    ):format(engine.root, dir, engine.cc, dir, dir, engine.build))
    assert.equal(0, code, output)
  end)

  after_each(function() engine.run("rm -r " .. dir) end)

  local function host(command)
    local output, code = engine.run(("cd %s; %s"):format(dir, command))
    assert.equal(0, code, output)
    return output
  end

  it("runs its frames, and outlives five scripts that misbehave", function()
    local lines = {}
    for line in host "./host 100":gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.equal("rules.lua: loaded at frame 0", lines[1])
    assert.equal("frame 100, energy 4.6:  sun (0.00, 0.00)  earth (9.50, 2.95)  comet (2.40, -24.92)", lines[2])
    assert.matches("^trouble 1: trouble.lua:%d+: index too large for cdata 'struct body%[4%]'", lines[3])
    assert.matches("^trouble 2: trouble.lua:%d+: cdata was released$", lines[4])
    assert.matches("^trouble 3: the script takes too long$", lines[5])
    assert.matches("^trouble 4: trouble.lua:%d+: memory limit of 16777216 bytes reached$", lines[6])
    assert.matches("^report: trouble.lua:%d+: no order$", lines[7])
    assert.equal("trouble 5: passed", lines[8])
    assert.matches("^frame 200, ", lines[9])
    assert.equal(9, #lines)
  end)

  it("loads changed rules while it runs, and stays with the old ones when they are wrong", function()
    local output = host [[
      ./host 200 5 >out &
      sleep .2; echo 'return {' >rules.lua
      sleep .2; echo 'return { step = function(w) w.body[1].name = "mars" end }' >rules.lua
      wait; cat out]]
    assert.matches("\nrules.lua: rules.lua:%d: unexpected symbol near <eof>\n", output)
    local at = tonumber(output:match "\nrules.lua: loaded at frame (%d+)\n")
    assert.is_true(at > 0)
    assert.matches("  mars %(", output)
    assert.matches("\nframe 300, ", output)
  end)
end)
