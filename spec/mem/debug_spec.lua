-- mem/debug: the hooks, what they write around blocks, and what they say.

local tests = require "moonpool.tests"

local DOMAINS = { "raw", "mem", "obj" }
local ID = { raw = "r", mem = "m", obj = "o" }
local SIZES = { 0, 1, 8, 16, 512, 513, 65535, 65536, 65537 }

-- Runs f(set, domain) under hooks; nothing may be left, nor unsaid.
local function each(f, quarantine)
  for _, d in ipairs(DOMAINS) do
    local s = tests.set()
    local before = s:counts(d)
    assert.is_true(s:hooks(d, quarantine))
    f(s, d)
    s:at()
    s:unhook(d)
    assert.is_false(s:hooked(d))
    local now = s:counts(d)
    assert.same({ before.blocks, before.bytes }, { now.blocks, now.bytes })
    assert.equal("", s:fini())
  end
end

local function lines(...) return table.concat({ ... }, "\n") end

-- A block of `type`, made at app.lua:17; the next calls are mem.free's at app.lua:31.
local function made(s, d, size, type)
  s:at("app.lua:17 in function 'load'", "mem.malloc")
  local p = s:malloc(d, size)
  if type then s:describe(d, p, type) end
  s:at("app.lua:31", "mem.free")
  return p
end

-- The number of a block, from the bytes behind it.
local function serial(p, size) return (">I8"):unpack(tests.peek(p + size + 8, 8)) end

describe("a block under the hooks", function()
  it("has CPython's bytes around it", function()
    each(function(s, d)
      for _, size in ipairs(SIZES) do
        local p = s:malloc(d, size)
        assert.equal((">I8"):pack(size) .. ID[d] .. ("\xfd"):rep(7), tests.peek(p - 16, 16))
        assert.equal(("\xcd"):rep(size), tests.peek(p, size))
        assert.equal(("\xfd"):rep(8), tests.peek(p + size, 8))
        local q = s:malloc(d, size)
        assert.equal(serial(p, size) + 1, serial(q, size))
        s:free(d, p)
        assert.equal(("\xdd"):rep(size), tests.peek(p, size))
        s:free(d, q)
      end
    end, 1 << 30)
  end)

  it("is zeroed by calloc, grows by 0xCD, and moves when it is resized", function()
    each(function(s, d)
      local p = s:calloc(d, 5, 2)
      assert.equal(("\0"):rep(10), tests.peek(p, 10))
      local q = s:realloc(d, p, 20)
      assert.are_not.equal(p, q)
      assert.equal(("\0"):rep(10) .. ("\xcd"):rep(10), tests.peek(q, 20))
      assert.equal(("\xdd"):rep(10), tests.peek(p, 10))
      s:free(d, q)
    end)
  end)

  it("counts as asked for", function()
    each(function(s, d)
      local before = s:counts(d)
      local p = s:malloc(d, 100)
      assert.equal(before.bytes + 100, s:counts(d).bytes)
      assert.equal(100, s:size(d, p))
      s:free(d, p)
      assert.equal(before.bytes, s:counts(d).bytes)
    end)
  end)
end)

describe("an overrun", function()
  it("by one byte is reported word by word", function()
    each(function(s, d)
      local p = made(s, d, 64, "struct point[4]")
      s:poke(p + 64, 0x78)
      assert.equal(lines(
        ('moonpool: buffer overflow in block #%d: 1 byte past the end of "struct point[4]" (64 bytes, %s domain)')
          :format(serial(p, 64), d),
        "  allocated  app.lua:17 in function 'load'",
        "  found      app.lua:31, by mem.free",
        "  tail+0: 0x78, expected 0xfd      data: cd cd cd cd cd cd cd cd …"), s:check(d, p))
      assert.is_nil(s:check(d, p)) -- once a block
      s:free(d, p)
      assert.equal("", s:reports())
    end)
  end)

  it("is found at every byte of the pad, whatever the size", function()
    each(function(s, d)
      for _, size in ipairs(SIZES) do
        for at = 0, 15 do
          local p = made(s, d, size)
          local n = serial(p, size)
          local was = tests.peek(p + size + at, 1):byte()
          s:poke(p + size + at, was ~ 0x41)
          assert.equal(lines(
            ("moonpool: buffer overflow in block #%d: %d byte%s past the end of %d byte%s (%s domain)"):format(n,
              at + 1, at == 0 and "" or "s", size, size == 1 and "" or "s", d),
            "  allocated  app.lua:17 in function 'load'",
            "  found      app.lua:31, by mem.free",
            ("  tail+%d: 0x%02x, expected 0x%02x"):format(at, was ~ 0x41, was)),
            (s:check(d, p):gsub("      data:.*", "")))
          s:free(d, p)
        end
      end
    end)
  end)

  it("shows each byte, up to eight", function()
    each(function(s, d)
      local p = made(s, d, 3)
      for i = 0, 9 do s:poke(p + 3 + i, 0x61 + i) end
      local text = s:check(d, p)
      assert.equal(lines("  tail+0: 0x61, expected 0xfd      data: cd cd cd", "  tail+1: 0x62, expected 0xfd"),
        text:match "(  tail%+0.-)\n  tail%+2")
      assert.matches("\n  tail%+7: 0x68, expected 0xfd\n  … and 2 more$", text)
      s:free(d, p)
    end)
  end)

  it("found by free, where no error can be raised, goes to the handler; the block is free", function()
    each(function(s, d)
      local p = made(s, d, 8, "int[2]")
      local n = serial(p, 8)
      s:poke(p + 8, 0)
      s:free(d, p)
      assert.equal(lines(
        ('moonpool: buffer overflow in block #%d: 1 byte past the end of "int[2]" (8 bytes, %s domain)'):format(n, d),
        "  allocated  app.lua:17 in function 'load'",
        "  found      app.lua:31, by mem.free",
        "  tail+0: 0x00, expected 0xfd      data: cd cd cd cd cd cd cd cd", ""), s:reports())
    end)
  end)

  it("found by realloc keeps the data", function()
    each(function(s, d)
      local p = made(s, d, 4)
      s:poke(p, 9)
      s:poke(p + 4, 0)
      p = s:realloc(d, p, 8)
      assert.matches("^moonpool: buffer overflow", s:reports())
      assert.equal("\9", tests.peek(p, 1))
      s:free(d, p)
    end)
  end)
end)

describe("an underrun", function()
  it("is found at every byte in front, the size and the id among them", function()
    each(function(s, d)
      for _, size in ipairs(SIZES) do
        for at = 1, 16 do
          local p = made(s, d, size)
          local n = serial(p, size)
          local was = tests.peek(p - at, 1):byte()
          s:poke(p - at, was ~ 0x80)
          assert.equal(lines(
            ("moonpool: buffer underflow in block #%d: %d byte%s before the start of %d byte%s (%s domain)"):format(
              n, at, at == 1 and "" or "s", size, size == 1 and "" or "s", d),
            "  allocated  app.lua:17 in function 'load'",
            "  found      app.lua:31, by mem.free",
            ("  head-%d: 0x%02x, expected 0x%02x"):format(at, was ~ 0x80, was)),
            (s:check(d, p):gsub("      data:.*", "")))
          s:free(d, p)
        end
      end
    end)
  end)

  it("that smashes the size field can't hurt the reporter", function()
    each(function(s, d)
      local p = made(s, d, 32)
      for i = -16, 47 do s:poke(p + i, 0xff) end
      assert.matches("^moonpool: buffer overflow in block #%d+: 16 bytes past the end of 32 bytes", s:check(d, p))
      s:free(d, p)
      assert.equal("", s:reports())
    end)
  end)
end)

describe("a freed block", function()
  it("that is freed again is told with its whole life", function()
    each(function(s, d)
      local p = made(s, d, 16, "struct point")
      local n = serial(p, 16)
      s:at("app.lua:20 in function 'drop'", "mem.free")
      s:free(d, p)
      s:at("app.lua:31", "mem.free")
      local text = lines(
        ('moonpool: double free of block #%d: "struct point" (16 bytes, %s domain)'):format(n, d),
        "  allocated  app.lua:17 in function 'load'",
        "  freed      app.lua:20 in function 'drop', by mem.free",
        "  found      app.lua:31, by mem.free")
      assert.equal(text, s:check(d, p))
      assert.equal(text, s:check(d, p)) -- each time
      s:at("app.lua:31", "mem.realloc")
      assert.equal(
        ('moonpool: use after free: realloc of block #%d: "struct point" (16 bytes, %s domain)'):format(n, d),
        s:check(d, p):match "^[^\n]*")
    end)
  end)

  it("isn't used again while it is in quarantine", function()
    each(function(s, d)
      local p = made(s, d, 16)
      s:free(d, p)
      for _ = 1, 100 do
        local q = s:malloc(d, 16)
        assert.are_not.equal(p, q)
        s:free(d, q)
      end
      assert.matches("^moonpool: double free", s:check(d, p))
    end)
  end)

  it("is told after a realloc too", function()
    each(function(s, d)
      local p = made(s, d, 16)
      s:at("app.lua:25", "mem.realloc")
      local q = s:realloc(d, p, 32)
      s:at("app.lua:31", "mem.free")
      assert.matches("\n  freed      app.lua:25, by mem.realloc\n", s:check(d, p))
      s:free(d, q)
    end)
  end)

  it("that is written to is told by verify, once", function()
    each(function(s, d)
      local p = made(s, d, 16, "struct point")
      local n = serial(p, 16)
      s:free(d, p)
      assert.equal(0, s:verify(d))
      s:poke(p + 3, 0x78)
      s:at("app.lua:40", "mem.leaks")
      assert.equal(1, s:verify(d))
      assert.equal(lines(
        ('moonpool: write after free in block #%d: 1 byte changed of "struct point" (16 bytes, %s domain)')
          :format(n, d),
        "  allocated  app.lua:17 in function 'load'",
        "  freed      app.lua:31, by mem.free",
        "  found      app.lua:40, by mem.leaks",
        "  data+3: 0x78, expected 0xdd      data: dd dd dd 78 dd dd dd dd …", ""), s:reports())
      assert.equal(0, s:verify(d))
    end)
  end)

  it("that is written to is told when it leaves the quarantine", function()
    each(function(s, d)
      local p = made(s, d, 600)
      s:free(d, p)
      s:poke(p + 599, 1)
      assert.equal("", s:reports())
      s:free(d, s:malloc(d, 600))
      assert.matches("^moonpool: write after free in block #%d+: 1 byte changed of 600 bytes", s:reports())
    end, 1000)
  end)

  it("is told at the set's close", function()
    for _, d in ipairs { "mem", "obj" } do
      local s = tests.set()
      s:hooks(d)
      local p = made(s, d, 10)
      s:free(d, p)
      s:poke(p, 1)
      assert.matches("^moonpool: write after free in block #1: 1 byte changed of 10 bytes %(" .. d, s:fini())
    end
  end)

  it("leaves at once when nothing is held back", function()
    each(function(s, d)
      local p = made(s, d, 10)
      s:free(d, p)
      assert.is_nil((s:check(d, p) or ""):find "app.lua:17")
    end, 0)
  end)

  it("leaves when the quarantine gets smaller", function()
    each(function(s, d)
      local p = made(s, d, 10)
      s:free(d, p)
      s:poke(p, 1)
      s:hooks(d, 0)
      assert.matches("^moonpool: write after free", s:reports())
    end)
  end)
end)

describe("verify", function()
  it("tells each damage of live blocks, once", function()
    each(function(s, d)
      local a, b, c = made(s, d, 10), made(s, d, 20), made(s, d, 30)
      s:poke(a + 10, 0)
      s:poke(c - 1, 0)
      assert.equal(2, s:verify(d))
      local text = s:reports()
      assert.matches("1 byte past the end of 10 bytes", text)
      assert.matches("1 byte before the start of 30 bytes", text)
      assert.equal(0, s:verify(d))
      for _, p in ipairs { a, b, c } do s:free(d, p) end
      assert.equal("", s:reports())
    end)
  end)
end)

describe("frames", function()
  it("below the first line stand under it", function()
    each(function(s, d)
      s:at("app.lua:17 in function 'load'\napp.lua:3 in main chunk", "ffi.new")
      local p = s:malloc(d, 1)
      s:at("lib.lua:5\napp.lua:9", "mem.free")
      s:poke(p + 1, 0)
      assert.equal(lines(
        "  allocated  app.lua:17 in function 'load'",
        "             app.lua:3 in main chunk",
        "  found      lib.lua:5, by mem.free",
        "             app.lua:9"), s:check(d, p):match "\n(  alloc.*)\n  tail")
      s:free(d, p)
    end)
  end)

  it("aren't there for what C asked for", function()
    each(function(s, d)
      s:at()
      local p = s:malloc(d, 1)
      s:poke(p + 1, 0)
      assert.matches("\n  allocated  in C\n  found      in C\n", s:check(d, p))
      s:free(d, p)
    end)
  end)
end)

describe("the hooks", function()
  it("are put on with blocks live, and taken off", function()
    for _, d in ipairs(DOMAINS) do
      local s = tests.set()
      local before = s:counts(d)
      local a = s:malloc(d, 10)
      s:hooks(d)
      local b = s:malloc(d, 20)
      a = s:realloc(d, a, 15)
      s:unhook(d)
      local c = s:malloc(d, 30)
      assert.is_nil(s:check(d, b))
      b = s:realloc(d, b, 25) -- theirs still
      assert.equal(ID[d], tests.peek(b - 8, 1))
      s:poke(b + 25, 0)
      assert.matches("^moonpool: buffer overflow", s:check(d, b))
      s:hooks(d)
      for _, p in ipairs { a, b, c } do
        assert.is_nil(s:check(d, p))
        s:free(d, p)
      end
      s:unhook(d)
      assert.same({ before.blocks, before.bytes }, { s:counts(d).blocks, s:counts(d).bytes })
      assert.equal("", s:fini())
    end
  end)

  it("are one, however often they are put on", function()
    each(function(s, d)
      s:hooks(d)
      s:hooks(d, 100)
      local p = made(s, d, 10)
      assert.equal((">I8"):pack(10) .. ID[d], tests.peek(p - 16, 9))
      assert.is_nil(s:check(d, p))
      s:free(d, p)
    end)
  end)

  it("wrap an allocator, and are wrapped by one", function()
    for _, d in ipairs(DOMAINS) do
      local s = tests.set()
      local base = s:get(d)
      local lower = s:probe(d, {})
      s:install(d, lower)
      s:hooks(d)
      local p = made(s, d, 10)
      assert.equal(1, lower.mallocs)
      local upper = s:probe(d, { wraps = true })
      s:install(d, upper)
      assert.is_false(s:hooked(d))
      local q = made(s, d, 20)
      assert.same({ 2, 1 }, { lower.mallocs, upper.mallocs })
      s:poke(q + 20, 0)
      assert.matches("1 byte past the end of 20 bytes", s:check(d, q))
      s:put(d, base)
      s:free(d, q)
      s:free(d, p)
      assert.same({ 0, 1, 0 }, { lower.frees, upper.frees, lower.dropped }) -- the hooks hold them back
      s:hooks(d, 0)
      s:unhook(d)
      s:fini()
    end
  end)

  it("are replaced by an allocator that was saved before them, and serve their blocks on", function()
    for _, d in ipairs(DOMAINS) do
      local s = tests.set()
      local saved = s:get(d)
      s:hooks(d)
      local hooks = s:get(d)
      local p = made(s, d, 10)
      s:put(d, saved)
      s:poke(p + 10, 0)
      assert.matches("^moonpool: buffer overflow", s:check(d, p))
      s:free(d, p)
      assert.is_true(s:put(d, hooks)) -- and come back by what they gave
      assert.is_true(s:hooked(d))
      s:unhook(d)
      assert.is_true(s:put(d, hooks))
      s:unhook(d)
      s:fini()
    end
  end)

  it("called directly know their blocks", function()
    each(function(s, d)
      local hooks = s:get(d)
      local p = hooks:malloc(10)
      p = hooks:realloc(p, 20)
      local q = hooks:calloc(2, 4)
      assert.equal(("\0"):rep(8), tests.peek(q, 8))
      s:poke(p + 20, 0)
      hooks:free(p)
      assert.matches("^moonpool: buffer overflow", s:reports())
      hooks:free(p)
      assert.matches("^moonpool: double free", s:reports())
      assert.is_nil(hooks:realloc(p, 5))
      assert.matches("^moonpool: double free", s:reports())
      hooks:free(q)
      hooks:free(nil)
      assert.is_nil(hooks:malloc(-1))
      assert.is_nil(hooks:calloc(-1, -1))
    end)
  end)

  it("pass on blocks that are older, but in RAW when they are strict", function()
    each(function(s, d)
      s:unhook(d)
      local p, base = s:malloc(d, 10), s:get(d)
      local q = base:malloc(10)
      s:hooks(d)
      local hooks = s:get(d)
      q = hooks:realloc(q, 20)
      hooks:free(q)
      assert.is_nil(s:check(d, p))
      s:hooks(d, nil, true)
      local text = s:check(d, p)
      if d == "raw" then assert.matches("^moonpool: foreign pointer", text) else assert.is_nil(text) end
      s:hooks(d)
      s:free(d, p)
    end)
  end)

  it("fail when there is no memory, and leave the block", function()
    for _, d in ipairs(DOMAINS) do
      local s = tests.set()
      local base, lower = s:get(d), s:probe(d, {})
      s:install(d, lower)
      s:hooks(d)
      local p = made(s, d, 10)
      lower.budget = 0
      assert.is_nil(s:malloc(d, 10))
      assert.is_nil(s:realloc(d, p, 1000))
      assert.is_nil(s:check(d, p))
      assert.equal(("\xcd"):rep(10), tests.peek(p, 10))
      s:free(d, p)
      s:unhook(d)
      s:put(d, base)
      s:fini()
    end
  end)
end)

describe("a call on another thread", function()
  it("is reported in MEM and OBJ, and served", function()
    for _, d in ipairs { "mem", "obj" } do
      local s = tests.set()
      s:hooks(d)
      local p = s:elsewhere(d)
      assert.equal("moonpool: memory allocator called without holding the state\n  found      in C\n", s:reports())
      s:free(d, p)
      assert.equal("", s:fini())
    end
  end)

  it("is RAW's right", function()
    local s = tests.set()
    s:hooks "raw"
    s:free("raw", s:elsewhere "raw")
    s:unhook "raw"
    assert.equal("", s:fini())
  end)
end)

describe("damage without a handler", function()
  it("is printed, and ends the process", function()
    local engine = require "spec.support.engine"
    local out, code = engine.run_lua [[
      local tests = require "moonpool.tests"
      local s = tests.set()
      s:hooks("mem", nil, false, false)
      s:at("app.lua:17", "mem.malloc")
      local p = s:malloc("mem", 4)
      s:poke(p + 4, 0)
      s:at("app.lua:31", "ffi.gc")
      s:free("mem", p)
      print "not reached"
    ]]
    assert.are_not.equal(0, code)
    assert.equal(lines("moonpool: buffer overflow in block #1: 1 byte past the end of 4 bytes (mem domain)",
      "  allocated  app.lua:17", "  found      app.lua:31, by ffi.gc",
      "  tail+0: 0x00, expected 0xfd      data: cd cd cd cd"), out:match "^(.-)\n[^\n]*Abort" or out:gsub("\n$", ""))
  end)
end)
