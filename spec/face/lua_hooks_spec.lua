-- face/lua_hooks: the debug hooks in Lua: reports, leaks, snapshots, MOONPOOL_MALLOC.

local lfs = require "lfs"
local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local ffi = engine.new()
local mem = ffi.mem

-- The build under test, and the one without optimization that `make test` makes beside it.
local builds = { engine.build }
local plain = engine.build:gsub("[^/]+$", "plain")
if engine.mode == "release" and lfs.attributes(plain .. "/moonpool/core.so") then
  builds[2] = plain
end

-- Runs lines of Lua as the file app.lua in an interpreter of its own, by each build.
-- It must write `expected`, and end so.
local function says(expected, exit, lines, malloc)
  for _, build in ipairs(builds) do
    local script = ("local chunk = assert(load(%q, '=app.lua'))\nchunk()"):format(lines)
    local output, code = engine.run_lua(script,
      { LUA_CPATH = build .. "/?.so;;", MOONPOOL_MALLOC = malloc })
    output = output:gsub("0x%x%x%x%x+", "0xADDRESS")
    output = output:gsub("Aborted[^\n]*\n$", "") -- the shell's word
    assert.equal(expected, output)
    assert.equal(exit, code)
  end
end

-- What every script begins with: line 1.
local start = "ffi = require 'moonpool'; mem = ffi.mem; "
  .. "function raw(p) return ffi.cast('char *', ffi.cast('uintptr_t', p)) end "
  .. "function say(_, why) io.write(tostring(why), '\\n') end\n"

describe("a report", function()
  it("of an overflow names block, size, lines and bytes", function()
    says([[
app.lua:8: moonpool: buffer overflow in block #1: 1 byte past the end of 24 bytes (mem domain)
  allocated  app.lua:4 in function 'load'
  found      app.lua:8 in main chunk, by mem.free
  tail+0: 0x78, expected 0xfd      data: cd cd cd cd cd cd cd cd …
]], 0, start .. [[
mem.setup_debug_hooks()
local function load()
  local p = mem.malloc(24) return p
end
local p = load()
raw(p)[24] = 0x78
say(pcall(mem.free, p))
]])
  end)

  it("of an overflow names the type", function()
    says([[
moonpool: buffer overflow in block #1: 1 byte past the end of "struct point[4]" (64 bytes, mem domain)
  allocated  app.lua:4 in main chunk
  found      app.lua:6 in main chunk, by the end of its cdata
  tail+0: 0x01, expected 0xfd      data: 00 00 00 00 00 00 00 00 …
]], 134, start .. [[
mem.setup_debug_hooks()
ffi.cdef "struct point { double x, y; };"
local p = ffi.new "struct point[4]"
raw(p)[64] = 1
ffi.release(p)
]])
  end)

  it("of an underflow", function()
    says([[
app.lua:5: moonpool: buffer underflow in block #1: 1 byte before the start of 8 bytes (raw domain)
  allocated  app.lua:3 in main chunk
  found      app.lua:5 in main chunk, by mem.raw.free
  head-1: 0x01, expected 0xfd      data: cd cd cd cd cd cd cd cd
]], 0, start .. [[
mem.setup_debug_hooks()
local p = mem.raw.malloc(8)
raw(p)[-1] = 1
say(pcall(mem.raw.free, p))
]])
  end)

  it("of a double free", function()
    says([[
app.lua:5: moonpool: double free of block #1: 8 bytes (mem domain)
  allocated  app.lua:3 in main chunk
  freed      app.lua:4 in main chunk, by mem.free
  found      app.lua:5 in main chunk, by mem.free
app.lua:7: moonpool: double free of block #2: 8 bytes (mem domain)
  allocated  app.lua:6 in main chunk
  freed      app.lua:6 in main chunk, by mem.realloc
  found      app.lua:7 in main chunk, by mem.free
]], 0, start .. [[
mem.setup_debug_hooks()
local p = mem.malloc(8)
mem.free(p)
say(pcall(mem.free, p))
p = mem.malloc(8); local q = mem.realloc(p, 100000)
say(pcall(mem.free, p))
mem.free(q)
]])
  end)

  it("of a double free without hooks", function()
    says([[
app.lua:4: moonpool: double free of 0xADDRESS: it was freed already, or never given out (mem domain)
  found      app.lua:4 in main chunk, by mem.free
]], 0, start .. [[
local p = mem.malloc(8)
mem.free(p)
say(pcall(mem.free, p))
]])
  end)

  it("of a wrong domain, with and without hooks", function()
    says([[
app.lua:3: moonpool: wrong domain: block 0xADDRESS given to the raw domain: 8 bytes (mem domain)
  found      app.lua:3 in main chunk, by mem.raw.free
app.lua:6: moonpool: wrong domain: block #1 given to the obj domain: 8 bytes (mem domain)
  allocated  app.lua:5 in main chunk
  found      app.lua:6 in main chunk, by mem.obj.free
]], 0, start .. [[
local p = mem.malloc(8)
say(pcall(mem.raw.free, p))
mem.setup_debug_hooks()
local q = mem.malloc(8)
say(pcall(mem.obj.free, q))
]])
  end)

  it("of a write after the end", function()
    says([[
app.lua:7: moonpool: write after free in block #1: 1 byte changed of 8 bytes (mem domain)
  allocated  app.lua:3 in main chunk
  freed      app.lua:5 in main chunk, by mem.free
  found      app.lua:7 in main chunk, by mem.leaks
  data+2: 0x07, expected 0xdd      data: dd dd 07 dd dd dd dd dd
]], 0, start .. [[
mem.setup_debug_hooks { on_corruption = "error" }
local p = mem.malloc(8)
local r = raw(p)
mem.free(p)
r[2] = 7
say(pcall(mem.leaks))
]])
  end)

  it("of interior and foreign pointers", function()
    says([[
app.lua:4: moonpool: interior pointer: 0xADDRESS is 8 bytes inside block #1: 16 bytes (mem domain)
  allocated  app.lua:3 in main chunk
  found      app.lua:4 in main chunk, by mem.free
app.lua:5: moonpool: foreign pointer: 0xADDRESS is no block that moonpool gave out (obj domain)
  found      app.lua:5 in main chunk, by mem.obj.free
]], 0, start .. [[
mem.setup_debug_hooks()
local p = mem.malloc(16)
say(pcall(mem.free, raw(p) + 8))
say(pcall(mem.obj.free, ffi.cast("void *", 0x12340)))
]])
  end)

  it("of leaks at the exit", function()
    says([[
moonpool: 4 blocks not freed, 123 bytes
  1 × block (99 bytes)   app.lua:5 in function 'load'   #4
  2 × block (16 bytes)   app.lua:2 in main chunk        #1 #2
  1 × block (8 bytes)    app.lua:7 in main chunk        #1
]], 0, start .. [[
for _ = 1, 2 do mem.malloc(8) end
keep = ffi.new "char[1000]" -- the collector's
local function load()
  return (mem.calloc(9, 11))
end
load(); mem.raw.malloc(8)
]], "debug")
  end)
end)

describe("the reports' checks", function()
  before_each(function() mem.setup_debug_hooks { on_corruption = "error" } end)
  after_each(function()
    mem.remove_debug_hooks()
    mem.setup_debug_hooks() -- the default again
    mem.remove_debug_hooks()
  end)

  local function raw(p) return ffi.cast("char *", ffi.cast("uintptr_t", p)) end
  local domains = { raw = mem.raw, mem = mem.mem, obj = mem.obj }

  it("find each byte around a block", function()
    for _, domain in pairs(domains) do
      for _, size in ipairs { 0, 1, 7, 8, 16, 512, 513, 100000 } do
        for at = -8, 7 do
          local p = domain.malloc(size)
          local byte = raw(p) + (at < 0 and at or size + at)
          local was = ffi.cast("unsigned char *", byte)[0]
          byte[0] = "x"
          local ok, why = pcall(domain.free, p)
          if at == -8 then -- the domain's letter
            assert.is_true(not ok and why:find "buffer underflow" ~= nil, why)
          else
            assert.equal(at < 0 and "buffer underflow" or "buffer overflow",
              ok or why:match "buffer %l+flow")
          end
          ffi.cast("unsigned char *", byte)[0] = was
          domain.free(p)
        end
      end
    end
  end)

  it("survive a smashed size", function()
    for _, domain in pairs(domains) do
      local p = domain.malloc(24)
      local size = ffi.cast("uint64_t *", raw(p) - 16)
      size[0] = 1 << 60
      local ok, why = pcall(domain.free, p)
      assert.is_false(ok)
      assert.is_truthy(why:find("in block #%d+.*24 bytes"), why)
      domain.free(p)
    end
  end)

  it("find all six wrong pairs of domains", function()
    for of, maker in pairs(domains) do
      for to, taker in pairs(domains) do
        if of ~= to then
          local p = maker.malloc(8)
          local ok, why = pcall(taker.free, p)
          assert.is_false(ok)
          assert.is_truthy(why:find(("wrong domain: block #%%d+ given to the %s domain: 8 bytes "
            .. "%%(%s domain%%)"):format(to, of)), why)
          assert.is_false((pcall(taker.realloc, p, 1)))
          maker.free(p)
        end
      end
    end
  end)

  it("find a double free at once, after reuse, and after a resize", function()
    for _, domain in pairs(domains) do
      local p = domain.malloc(40)
      local r = raw(p)
      domain.free(p)
      assert.is_truthy(select(2, pcall(domain.free, r)):find "double free of block")
      local others = {}
      for i = 1, 100 do others[i] = domain.malloc(40) end
      assert.is_truthy(select(2, pcall(domain.free, r)):find "double free of block")
      for _, q in ipairs(others) do domain.free(q) end
      p = domain.malloc(40)
      r = raw(p)
      p = domain.realloc(p, 4000)
      assert.is_truthy(select(2, pcall(domain.free, r)):find "double free of block")
      domain.free(p)
    end
  end)

  it("find pointers into a block, to the stack, and to nowhere", function()
    local p = mem.malloc(40)
    for _, at in ipairs { 1, 16, 39 } do
      assert.is_truthy(select(2, pcall(mem.free, raw(p) + at)):find "interior pointer")
    end
    mem.free(p)
    for _, q in ipairs { 16, 1 << 40, 0x7ffffffff000 } do
      assert.is_truthy(select(2, pcall(mem.free, ffi.cast("void *", q))):find "foreign pointer")
      assert.is_truthy(select(2, pcall(mem.obj.free, ffi.cast("void *", q)))
        :find "foreign pointer")
    end
  end)
end)

describe("mem.setup_debug_hooks", function()
  after_each(function()
    mem.setup_debug_hooks()
    mem.remove_debug_hooks()
  end)

  it("hold nothing back once they are off", function()
    mem.setup_debug_hooks()
    local p = mem.malloc(10000)
    mem.remove_debug_hooks()
    local large = mem.stats().heap.large
    mem.free(p)
    assert.is_true(mem.stats().heap.large <= large - 10000)
  end)

  it("writes CPython's bytes", function()
    mem.setup_debug_hooks()
    mem.setup_debug_hooks() -- wraps nothing twice
    for letter, domain in pairs { r = mem.raw, m = mem.mem, o = mem.obj } do
      local p = domain.malloc(5)
      local bytes = ffi.cast("char *", ffi.cast("uintptr_t", p))
      assert.equal("\0\0\0\0\0\0\0\5" .. letter .. ("\xFD"):rep(7) .. ("\xCD"):rep(5)
        .. ("\xFD"):rep(8), ffi.unpack(bytes - 16, 29))
      p = domain.realloc(p, 9)
      bytes = ffi.cast("char *", ffi.cast("uintptr_t", p))
      assert.equal(("\xCD"):rep(9) .. ("\xFD"):rep(8), ffi.unpack(bytes, 17))
      domain.free(p)
      assert.equal(("\xDD"):rep(9), ffi.unpack(bytes, 9))
      p = domain.calloc(3, 3)
      bytes = ffi.cast("char *", ffi.cast("uintptr_t", p))
      assert.equal(("\0"):rep(9), ffi.unpack(bytes, 9))
      domain.free(p)
    end
  end)

  it("can be put on and taken off while blocks live", function()
    local before = { mem.raw.malloc(8), mem.malloc(8), mem.obj.malloc(8), ffi.new "char[1000]" }
    mem.setup_debug_hooks()
    local inside = { mem.raw.malloc(8), mem.malloc(8), mem.obj.malloc(8), ffi.new "char[1000]" }
    mem.raw.free(before[1])
    before[2] = mem.realloc(before[2], 1000)
    mem.free(before[2])
    mem.obj.free(before[3])
    ffi.release(before[4])
    mem.remove_debug_hooks()
    mem.remove_debug_hooks()
    mem.raw.free(inside[1])
    inside[2] = mem.realloc(inside[2], 1000)
    mem.free(inside[2])
    mem.obj.free(inside[3])
    ffi.release(inside[4])
  end)

  it("has sites as deep as it is told", function()
    mem.setup_debug_hooks { frames = 2 }
    local function inner() local p = mem.malloc(77); return p end
    local function outer() local p = inner(); return p end
    local p = outer()
    local _, list = mem.leaks()
    mem.free(p)
    assert.equal(1, #list)
    assert.is_truthy(list[1].site:find("^%S+_spec.lua:%d+ in function 'inner'\n"
      .. "%S+_spec.lua:%d+ in function 'outer'$"), list[1].site)
  end)

  it("calls a function with what it finds, and goes on", function()
    local reports = {}
    mem.setup_debug_hooks { on_corruption = function(text) reports[#reports + 1] = text end }
    local p = mem.malloc(8)
    local bytes = ffi.cast("char *", ffi.cast("uintptr_t", p))
    bytes[8] = 1
    mem.free(p)
    assert.equal(1, #reports)
    assert.is_truthy(reports[1]:find "^moonpool: buffer overflow")
    local q = ffi.new "char[100]"
    bytes = ffi.cast("char *", ffi.cast("uintptr_t", q))
    bytes[-1] = 1
    q = nil
    collectgarbage()
    assert.equal(2, #reports)
    assert.is_truthy(reports[2]:find "^moonpool: buffer underflow.-\"char%[100%]\"")
    return q
  end)

  it("raises what a smaller quarantine lets out", function()
    mem.setup_debug_hooks { on_corruption = "error" }
    local p = mem.malloc(8)
    local bytes = ffi.cast("char *", ffi.cast("uintptr_t", p))
    mem.free(p)
    bytes[0] = 1
    raises("moonpool: write after free in block", function()
      mem.setup_debug_hooks { on_corruption = "error", quarantine = 0 }
    end)
  end)

  it("refuses what isn't an option", function()
    raises("on_corruption must be 'error', 'abort' or a function, not ignore", function()
      mem.setup_debug_hooks { on_corruption = "ignore" }
    end)
    raises("frames must be from 1 to 32", function() mem.setup_debug_hooks { frames = 0 } end)
    raises("frames must be from 1 to 32", function() mem.setup_debug_hooks { frames = 33 } end)
    raises("quarantine must be an integer, not string", function()
      mem.setup_debug_hooks { quarantine = "x" }
    end)
    raises("size out of range", function() mem.setup_debug_hooks { quarantine = -1 } end)
    raises("bad argument #1 to", function() mem.setup_debug_hooks(1) end)
  end)

  it("aborts where it is told to", function()
    local output, code = engine.run_lua [[
      local ffi = require "moonpool"
      ffi.mem.setup_debug_hooks { on_corruption = "abort" }
      local p = ffi.mem.malloc(8)
      ffi.cast("char *", ffi.cast("uintptr_t", p))[8] = 1
      pcall(ffi.mem.free, p)
    ]]
    assert.is_truthy(output:find "^moonpool: buffer overflow", output)
    assert.equal(134, code)
  end)
end)

describe("mem.leaks", function()
  before_each(function() mem.setup_debug_hooks() end)
  after_each(function() mem.remove_debug_hooks() end)

  it("says nothing when there is nothing", function()
    local text, list = mem.leaks()
    assert.equal("", text)
    assert.same({}, list)
  end)

  it("groups by site and type, the most bytes first", function()
    ffi.cdef "struct leaked { double x, y; };"
    local kept = {}
    for i = 1, 6 do kept[i] = ffi.new "struct leaked *" end
    kept[7] = mem.raw.malloc(5)
    local text, list = mem.leaks()
    local line = list[1].site:match "^%S+_spec%.lua:%d+ in .*$"
    assert.is_truthy(line)
    assert.same({ site = line, type = "struct leaked", blocks = 6, bytes = 96, domain = "mem" },
      list[1])
    assert.equal(5, list[2].bytes)
    assert.is_nil(list[2].type)
    assert.equal("raw", list[2].domain)
    assert.is_truthy(text:find("^moonpool: 7 blocks not freed, 101 bytes\n"
      .. "  6 × struct leaked %(96 bytes%) "), text)
    mem.raw.free(kept[7])
    for i = 1, 6 do ffi.release(kept[i]) end
  end)
end)

describe("mem.compare", function()
  it("lists what grew between two snapshots, the most bytes first", function()
    mem.setup_debug_hooks()
    local kept = { mem.malloc(1) }
    local a = mem.snapshot()
    for i = 2, 4 do kept[i] = mem.malloc(10) end
    kept[5] = ffi.new "int[25]"
    local b = mem.snapshot()
    local grown = mem.compare(a, b)
    assert.equal(2, #grown)
    assert.same({ "int[25]", 1, 100 }, { grown[1].type, grown[1].blocks, grown[1].bytes })
    assert.same({ 3, 30, "mem" }, { grown[2].blocks, grown[2].bytes, grown[2].domain })
    assert.same({}, mem.compare(b, a))
    assert.same({}, mem.compare(a, a))
    for i = 1, 4 do mem.free(kept[i]) end
    ffi.release(kept[5])
    mem.remove_debug_hooks()
    raises("bad argument #2 to", function() mem.compare(a, {}) end)
    a, b = nil, nil
    collectgarbage()
    return a, b
  end)
end)

describe("MOONPOOL_MALLOC", function()
  local function run(word, script)
    return engine.run_lua("local ffi = require 'moonpool'; local mem = ffi.mem; " .. script,
      { MOONPOOL_MALLOC = word })
  end

  it("takes four words", function()
    for _, word in ipairs { "default", "malloc", "debug", "malloc_debug" } do
      local output, code = run(word, [[
        ffi.cdef "struct s { int x; };"
        local p, q = mem.malloc(10), mem.obj.calloc(2, 3)
        mem.free(mem.realloc(p, 100000))
        mem.obj.free(q)
        local a = mem.get_allocator(mem.MEM)
        local head = mem.malloc(3)
        io.write(mem.leaks() ~= "" and "hooks" or "none")
        mem.free(head)
        assert(ffi.new("struct s[1000]")[999].x == 0)
      ]])
      assert.equal(word:find "debug" and "hooks" or "none", output)
      assert.equal(0, code)
    end
  end)

  it("refuses any other by name, and moonpool can't be opened", function()
    local output, code = engine.run_lua([[
      for _ = 1, 2 do
        local ok, why = pcall(require, "moonpool")
        assert(not ok)
        io.write(why:match "MOONPOOL_MALLOC.*", "\n")
      end
    ]], { MOONPOOL_MALLOC = "pymalloc" })
    assert.equal(("MOONPOOL_MALLOC is 'pymalloc"
      .. "': it must be default, malloc, debug or malloc_debug\n"):rep(2), output)
    assert.equal(0, code)
  end)

  it("counts blocks that RAW's hooks don't know as foreign", function()
    local output = run("debug", [[
      ffi.cdef "void *malloc(size_t); void free(void *);"
      local p = ffi.C.malloc(100)
      io.write(select(2, pcall(mem.raw.free, p)))
      ffi.C.free(p)
    ]])
    assert.is_truthy(output:find("foreign pointer: 0x%x+ is no block that moonpool gave out "
      .. "%(raw domain%)"), output)
  end)

  it("has an allocator that is set replace the hooks", function()
    local output, code = run("debug", [[
      local a = mem.get_allocator(mem.MEM)
      local raw = mem.get_allocator(mem.RAW)
      mem.set_allocator(mem.MEM, raw)
      local p = mem.malloc(8)
      assert(not mem.leaks():find "malloc")
      mem.free(p)
      mem.set_allocator(mem.MEM, a)
      p = mem.malloc(8)
      io.write(#select(2, mem.leaks()))
      mem.free(p)
    ]])
    assert.equal("1", output)
    assert.equal(0, code)
  end)
end)
