-- mem/misuse: what is said about an address that isn't a live block of a domain.

local tests = require "moonpool.tests"

local DOMAINS = { "raw", "mem", "obj" }
local SIZES = { 0, 1, 16, 512, 513, 65537 }

-- f(set, domain, hooked) for each domain, hooks off and on in all of them.
local function each(f)
  for _, hooked in ipairs { false, true } do
    for _, d in ipairs(DOMAINS) do
      local s = tests.set()
      for _, one in ipairs(DOMAINS) do if hooked then s:hooks(one) end end
      s:at("app.lua:31", "mem.free")
      f(s, d, hooked)
      for _, one in ipairs(DOMAINS) do if hooked then s:unhook(one) end end
      assert.equal("", s:fini())
    end
  end
end

-- How a block is named: by its number under hooks, by its address without.
local function named(p, size, hooked)
  if hooked then return "block #" .. (">I8"):unpack(tests.peek(p + size + 8, 8)) end
  return ("block 0x%x"):format(p)
end

-- The lines below the first: without hooks nobody knows who made it.
local function below(hooked)
  return (hooked and "\n  allocated  app.lua:31" or "") .. "\n  found      app.lua:31, by mem.free"
end

local function counted(size) return size == 1 and "1 byte" or size .. " bytes" end

describe("a block of another domain", function()
  it("is told from each to each, at every size", function()
    each(function(s, d, hooked)
      for _, other in ipairs(DOMAINS) do
        for _, size in ipairs(other ~= d and SIZES or {}) do
          local p = s:malloc(d, size)
          local known = hooked and size or math.max(size, 1)
          assert.equal(("moonpool: wrong domain: %s given to the %s domain: %s (%s domain)"):format(
            named(p, size, hooked), other, counted(known), d) .. below(hooked), s:check(other, p))
          assert.is_nil(s:check(d, p))
          s:free(d, p)
        end
      end
    end)
  end)

  it("that an allocator made is told too", function()
    for _, d in ipairs(DOMAINS) do
      for _, other in ipairs(DOMAINS) do
        local s = tests.set()
        local base = s:get(d)
        s:install(d, s:probe(d, {}))
        local p = s:malloc(d, 64)
        if other ~= d then
          assert.equal(("moonpool: wrong domain: block 0x%x given to the %s domain: 64 bytes (%s domain)"):format(p,
            other, d) .. "\n  found      in C", s:check(other, p))
          assert.matches("^moonpool: interior pointer: 0x%x+ is 8 bytes inside block", s:check(other, p + 8))
        end
        assert.is_nil(s:check(d, p))
        s:free(d, p)
        s:put(d, base)
        s:fini()
      end
    end
  end)

  it("that lies in some state's heap is told by RAW's own door", function()
    local s = tests.set()
    local p = s:malloc("mem", 100)
    assert.equal(
      ("moonpool: wrong domain: 0x%x lies in a state's heap, and was given to the raw domain\n  found      in C")
      :format(p), tests.rawcheck(p))
    local q = s:malloc("raw", 100)
    assert.is_nil(tests.rawcheck(q))
    s:free("raw", q)
    s:fini()
  end)
end)

describe("an address inside a block", function()
  it("is told with how far inside", function()
    each(function(s, d, hooked)
      if d == "raw" and not hooked then return end -- only C knows
      for _, size in ipairs { 16, 512, 513, 65537 } do
        local p = s:malloc(d, size)
        for _, at in ipairs { 1, 8, size - 1 } do
          assert.equal(("moonpool: interior pointer: 0x%x is %s inside %s: %s (%s domain)"):format(p + at, counted(at),
            named(p, size, hooked), counted(size), d) .. below(hooked), s:check(d, p + at))
        end
        s:free(d, p)
      end
    end)
  end)

  it("or where the hooks' bytes are, is none", function()
    for _, d in ipairs(DOMAINS) do
      local s = tests.set()
      s:hooks(d)
      local p = s:malloc(d, 100)
      assert.matches("^moonpool: interior pointer: 0x%x+ is 16 bytes before the start of block #%d+: 100 bytes",
        s:check(d, p - 16))
      assert.matches("^moonpool: interior pointer: 0x%x+ is 100 bytes inside block #%d+", s:check(d, p + 100))
      s:free(d, p)
      s:unhook(d)
      s:fini()
    end
  end)
end)

describe("a block that was freed", function()
  it("is told without hooks by the heap", function()
    for _, d in ipairs { "mem", "obj" } do
      local s = tests.set()
      for _, size in ipairs { 1, 16, 512 } do
        local p = s:malloc(d, size)
        s:free(d, p)
        s:at("app.lua:31", "mem.free")
        assert.equal(
          ("moonpool: double free of 0x%x: it was freed already, or never given out (%s domain)"):format(p, d)
          .. "\n  found      app.lua:31, by mem.free", s:check(d, p))
      end
      s:fini()
    end
  end)

  it("and whose address lives again is a live block", function()
    for _, d in ipairs { "mem", "obj" } do
      local s = tests.set()
      local p = s:malloc(d, 16)
      s:free(d, p)
      local q = s:malloc(d, 16)
      if p == q then assert.is_nil(s:check(d, p)) else assert.is_string(s:check(d, p)) end
      s:free(d, q)
      s:fini()
    end
  end)
end)

describe("an address that is no block", function()
  it("is told: the stack's, C's, Lua's own, another set's, nothing's", function()
    each(function(s, d)
      local own = s:lua(nil, 0, 64)
      local other = tests.set()
      local foreign = { s:stack(), own, 16, 4096, 0x7fffffffe000, 3 }
      if d ~= "raw" then foreign[#foreign + 1] = other:malloc(d, 64) end
      for _, p in ipairs(foreign) do
        assert.equal(("moonpool: foreign pointer: 0x%x is no block that moonpool gave out (%s domain)"):format(p, d)
          .. "\n  found      app.lua:31, by mem.free", s:check(d, p))
      end
      s:lua(own, 64, 0)
      other:fini()
    end)
  end)
end)

describe("misuse where no error can be raised", function()
  local engine = require "spec.support.engine"

  local function ended(script)
    local out, code = engine.run_lua([[
      local tests = require "moonpool.tests"
      local s = tests.set()
      s:at("app.lua:31", "a test")
    ]] .. script .. " print 'not reached'")
    assert.are_not.equal(0, code)
    assert.is_nil(out:find("not reached", 1, true))
    return out
  end

  it("is printed, and ends the process", function()
    for _, d in ipairs { "mem", "obj" } do
      assert.matches("moonpool: double free of 0x%x+: it was freed already, or never given out %(" .. d ..
        " domain%)\n  found      app.lua:31, by a test\n", ended(([[
        local p = s:malloc(%q, 8) s:free(%q, p) s:free(%q, p) ]]):format(d, d, d)))
      assert.matches("moonpool: interior pointer: ", ended(([[
        local p = s:malloc(%q, 32) s:realloc(%q, p + 16, 8) ]]):format(d, d)))
    end
    assert.matches("moonpool: interior pointer: ", ended [[ s:free("raw", s:malloc("mem", 100) + 16) ]])
    assert.matches("moonpool: foreign pointer: ", ended [[ s:free("mem", s:stack()) ]])
  end)
end)
