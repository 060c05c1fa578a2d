-- call/luaalloc: allocators written in Lua.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local ffi = engine.new()
local mem = ffi.mem

local names = { "malloc", "calloc", "realloc", "free" }

-- An allocator over what is there now, with some functions replaced.
local function over(domain, replaced)
  local below = mem.get_allocator(domain)
  local t = {}
  for _, name in ipairs(names) do
    t[name] = replaced[name] or function(_, ...) return below[name](below.ctx, ...) end
  end
  return t, below
end

-- Runs f with that allocator, and puts back what was there.
local function with(domain, replaced, f)
  local saved = mem.get_allocator(domain)
  mem.set_allocator(domain, (over(domain, replaced)))
  local ok, why = pcall(f)
  mem.set_allocator(domain, saved)
  if not ok then error(why, 0) end
end

-- mem.malloc fails for this reason when an allocator's malloc is f.
local function fails(reason, f)
  for name, id in pairs { raw = 0, mem = 1, obj = 2 } do
    local p, why
    with(id, { malloc = f }, function()
      p, why = mem[name].malloc(32)
    end)
    assert.is_nil(p)
    assert.is_truthy(why:find(reason, 1, true), why)
  end
end

describe("an allocator written in Lua", function()
  it("fails when it raises", function()
    fails("out of luck", function() error "out of luck" end)
    fails("(error object is a table value)", function() error {} end)
  end)

  it("fails when it yields", function()
    fails("attempt to yield", function() coroutine.yield() end)
    local why
    coroutine.wrap(function()
      with(mem.MEM, { malloc = function() coroutine.yield() end }, function()
        why = select(2, mem.malloc(1))
      end)
    end)()
    assert.is_truthy(why:find("attempt to yield", 1, true))
  end)

  it("fails when it returns no pointer", function()
    fails("the allocator's malloc returned nil, not a pointer", function() end)
    fails("the allocator's malloc returned number, not a pointer", function() return 4096 end)
    fails("the allocator's malloc returned long, not a pointer", function()
      return ffi.box("long", 4096)
    end)
  end)

  it("fails when it returns what isn't aligned", function()
    fails(", which is not aligned to 16", function() return ffi.cast("char *", 0x12348) end)
  end)

  it("fails when it returns memory of the collector's", function()
    fails("the allocator's malloc returned memory that Lua's collector frees", function()
      return ffi.new "char[1000]"
    end)
  end)

  it("fails when it returns too little", function()
    local made = {}
    fails("the allocator's malloc returned 16 bytes, not 32", function()
      made[#made + 1] = mem.raw.malloc(16)
      return made[#made]
    end)
    for _, p in ipairs(made) do mem.raw.free(p) end
  end)

  it("fails when it returns what is live already", function()
    local first
    local t, below = over(mem.MEM, {})
    local saved = mem.get_allocator(mem.MEM)
    t.malloc = function(_, n)
      first = first or below.malloc(below.ctx, n)
      return first
    end
    mem.set_allocator(mem.MEM, t)
    local p = mem.malloc(32)
    local q, why = mem.malloc(32)
    mem.set_allocator(mem.MEM, saved)
    assert.is_nil(q)
    assert.is_truthy(why:find("live already", 1, true), why)
    mem.free(p)
  end)

  it("tells ffi.new why", function()
    with(mem.MEM, { malloc = function() error("out of luck", 0) end }, function()
      raises("out of luck", function() ffi.new "int *" end)
      raises("out of luck", function() ffi.new "char[10000]" end)
    end)
    ffi.new "char[10000]" [0] = 1
  end)

  it("tells new_allocator why", function()
    with(mem.MEM, { malloc = function() error("out of luck", 0) end }, function()
      local new = ffi.new_allocator(mem.mem)
      raises("alloc() returned NULL: out of luck", function() new "int *" end)
    end)
  end)

  it("leaves a block whose resize fails", function()
    with(mem.MEM, { realloc = function() error("no", 0) end }, function()
      local p = mem.malloc(8)
      ffi.fill(p, 8, 65)
      assert.same({ nil, "no" }, { mem.realloc(p, 16) })
      assert.equal("AAAAAAAA", ffi.unpack(ffi.cast("char *", p), 8))
      mem.free(p)
    end)
  end)

  it("reports an error in free, and goes on", function()
    local reports, lost = {}, nil
    ffi.onreport(function(text) reports[#reports + 1] = text end)
    with(mem.MEM, { free = function(_, p) lost = p; error("can't", 0) end }, function()
      mem.free(mem.malloc(8))
    end)
    ffi.onreport(nil)
    assert.same({ "a block is lost: can't" }, reports)
    local a = mem.get_allocator(mem.MEM)
    a.free(a.ctx, lost)
  end)

  it("can use the domain that it serves: what was there before answers", function()
    local calls, below = 0, mem.get_allocator(mem.MEM)
    with(mem.MEM, {
      malloc = function(_, n)
        calls = calls + 1
        local scratch = mem.malloc(100)
        mem.free(scratch)
        return below.malloc(below.ctx, n)
      end,
    }, function()
      local p = mem.malloc(10)
      assert.equal(1, calls)
      ffi.fill(p, 10, 1)
      mem.free(p)
    end)
  end)

  it("can serve one domain from another", function()
    local raw, bytes = mem.live(mem.RAW)
    with(mem.MEM, {
      malloc = function(_, n) return mem.raw.malloc(n) end,
      calloc = function(_, n, size) return mem.raw.calloc(n, size) end,
      realloc = function(_, p, n) return mem.raw.realloc(p, n) end,
      free = function(_, p) mem.raw.free(p) end,
    }, function()
      local p = mem.malloc(10)
      p = mem.realloc(p, 100)
      local q = ffi.new("char[]", ("x"):rep(1000))
      assert.equal(1000, #ffi.string(q))
      ffi.release(q)
      mem.free(p)
    end)
    assert.same({ raw, bytes }, { mem.live(mem.RAW) })
  end)

  it("can set another allocator inside itself", function()
    local saved = mem.get_allocator(mem.MEM)
    local other = {}
    local t = over(mem.MEM, {})
    local malloc = t.malloc
    t.malloc = function(ctx, n)
      mem.set_allocator(mem.MEM, (over(mem.MEM, { malloc = function(_, m)
        other[#other + 1] = m
        return saved.malloc(saved.ctx, m)
      end })))
      return malloc(ctx, n)
    end
    mem.set_allocator(mem.MEM, t)
    local p = mem.malloc(1)
    local q = mem.malloc(2)
    mem.set_allocator(mem.MEM, saved)
    assert.same({ 2 }, other)
    mem.free(p)
    mem.free(q)
  end)

  it("can take itself off inside itself", function()
    local saved = mem.get_allocator(mem.MEM)
    mem.set_allocator(mem.MEM, (over(mem.MEM, { malloc = function(_, n)
      mem.set_allocator(mem.MEM, saved)
      return saved.malloc(saved.ctx, n)
    end })))
    local p = mem.malloc(1)
    mem.free(p)
  end)

  it("is called from __gc, and collects nothing there", function()
    local freed = 0
    local below = mem.get_allocator(mem.MEM)
    with(mem.MEM, { free = function(_, p)
      freed = freed + 1
      local _ = {} -- garbage
      below.free(below.ctx, p)
    end }, function()
      for _ = 1, 10 do ffi.new "char[1000]" end
      collectgarbage()
      collectgarbage()
    end)
    assert.equal(10, freed)
  end)

  it("with functions of moonpool's beside it, but not their ctx, has no memory of theirs", function()
    for hooks = 0, 1 do
      if hooks == 1 then mem.setup_debug_hooks() end
      local below = mem.get_allocator(mem.MEM)
      mem.set_allocator(mem.MEM, {
        malloc = function(_, n) return below.malloc(below.ctx, n) end,
        calloc = below.calloc, realloc = below.realloc,
        free = function(_, p) below.free(below.ctx, p) end,
      })
      local zeroed = mem.calloc(1, 1)
      local p = mem.malloc(1)
      local larger = mem.realloc(p, 100)
      mem.free(p)
      mem.set_allocator(mem.MEM, below)
      mem.remove_debug_hooks()
      assert.is_nil(zeroed)
      assert.is_nil(larger)
    end
  end)

  it("is counted once, however its functions come to the memory", function()
    for name, id in pairs { raw = 0, mem = 1, obj = 2 } do
      local door, below = mem[name], mem.get_allocator(id)
      local function again(_, n) return door.malloc(n) end
      local function free(_, p) below.free(below.ctx, p) end
      local function realloc(_, p, n) return below.realloc(below.ctx, p, n) end
      local function live() return table.concat({ mem.live(id) }, " ") end
      for _, t in ipairs {
        { malloc = again, free = free, realloc = realloc },
        { malloc = again, free = below.free, realloc = below.realloc },
        { malloc = again, free = function(_, p) door.free(p) end,
          realloc = function(_, p, n) return door.realloc(p, n) end },
      } do
        t.ctx, t.calloc = below.ctx, below.calloc
        local before = live()
        local blocks, bytes = mem.live(id)
        mem.set_allocator(id, t)
        local p = door.malloc(32)
        assert.equal(("%d %d"):format(blocks + 1, bytes + 32), live())
        p = door.realloc(p, 700)
        assert.equal(("%d %d"):format(blocks + 1, bytes + 700), live())
        door.free(p)
        mem.set_allocator(id, below)
        assert.equal(before, live())
        door.free(door.malloc(32))
        assert.equal(before, live())
      end
    end
  end)

  it("makes blocks of its domain alone, wherever it has the memory from", function()
    local domains = { "raw", "mem", "obj" }
    for id, name in ipairs(domains) do
      local own = mem.get_allocator(id - 1)
      for source = 0, #domains do -- 0: what was there before
        local from = mem[domains[source]]
        local t = over(id - 1, from and {
          malloc = function(_, n) return from.malloc(n) end,
          free = function(_, p) from.free(p) end,
        } or {})
        mem.set_allocator(id - 1, t)
        local p = mem[name].malloc(40)
        mem.set_allocator(id - 1, own)
        for _, other in ipairs(domains) do
          if other ~= name then
            for _, verb in ipairs { "free", "realloc" } do
              local ok, why = pcall(mem[other][verb], p, 80)
              assert.is_false(ok)
              assert.is_truthy(why:find("wrong domain: block .- given to the " .. other
                .. " domain: 40 bytes %(" .. name .. " domain%)"), why)
            end
          end
        end
        mem[name].free(p)
      end
    end
  end)

  it("can be given any ctx, and callable objects", function()
    local below = mem.get_allocator(mem.MEM)
    local seen
    with(mem.MEM, { malloc = setmetatable({}, { __call = function(_, ctx, n)
      seen = ctx
      return below.malloc(below.ctx, n)
    end }) }, function() mem.free(mem.malloc(1)) end)
    assert.is_nil(seen)
  end)

  -- The first use of a type or a function makes records for it, beside those of the declaration.
  it("may use types for the first time during a declaration that fails", function()
    local output, code = engine.run_lua [[
      local ffi = require "moonpool"
      local mem = ffi.mem
      local saved = mem.get_allocator(mem.OBJ)
      ffi.cdef "struct fresh { int a; char *name; }; int abs(int); int snprintf(char *, size_t, const char *, ...);"
      local fresh, array = ffi.typeof "struct fresh *", ffi.typeof "short[5]"
      local snprintf, buffer = ffi.C.snprintf, ffi.new "char[16]"
      ffi.cast("const void *", buffer)
      local calls = 0
      mem.set_allocator(mem.OBJ, {
        malloc = function(_, size)
          calls = calls + 1
          if calls == 3 then
            local p = ffi.new(fresh, { a = 3 })
            p.a = p.a + #ffi.new(array)
            assert(p.a + ffi.C.abs(-2) == 10)
            assert(snprintf(buffer, 16, "%g", 2.5) == 3)
          end
          return saved.malloc(saved.ctx, size)
        end,
        calloc = saved.calloc, realloc = saved.realloc,
        free = function(_, p) return saved.free(saved.ctx, p) end,
      })
      local text = {}
      for i = 1, 300 do text[i] = ("struct outer%d { int a, b; };"):format(i) end
      assert(not pcall(ffi.cdef, table.concat(text) .. "nothing x;"))
      mem.set_allocator(mem.OBJ, saved)
      for i = 1, 300 do ffi.cdef(("struct again%d { long c, d; };"):format(i)) end
      local p = ffi.new(fresh, { a = 4 })
      assert(calls >= 3 and p.a == 4 and #ffi.new(array) == 5)
      assert(ffi.C.abs(-9) == 9 and snprintf(buffer, 16, "%g", 4.5) == 3 and ffi.string(buffer) == "4.5")
    ]]
    assert.equal("", (output:gsub("moonpool: an allocator of the obj domain [^\n]*\n", "")))
    assert.equal(0, code)
  end)

  it("sees nothing of a declaration before that is whole", function()
    local output, code = engine.run_lua [[
      local ffi = require "moonpool"
      local mem = ffi.mem
      local saved = mem.get_allocator(mem.OBJ)
      ffi.cdef "struct late;"
      local late = ffi.typeof "struct late *"
      local known = ffi.cast(late, ffi.new "char[64]")
      local busy = {}
      local function try(what, f, ...)
        local ok, why = pcall(f, ...)
        assert(not ok, what)
        if why:find "moonpool is busy$" then busy[what] = true end
      end
      mem.set_allocator(mem.OBJ, {
        malloc = function(_, size)
          try("new", ffi.new, late)
          try("field", function() return known.x end)
          try("element", function() known[0] = { 1, 2 } end)
          try("function", function() return ffi.C.labs end)
          try("variable", function() return ffi.C.environ end)
          try("constant", function() return ffi.C.LATE end)
          return saved.malloc(saved.ctx, size)
        end,
        calloc = saved.calloc, realloc = saved.realloc,
        free = function(_, p) return saved.free(saved.ctx, p) end,
      })
      local text = { "struct late { int x, y; }; long labs(long); extern char **environ; enum { LATE = 1 };" }
      for i = 1, 300 do text[#text + 1] = ("struct outer%d { int a, b; };"):format(i) end
      assert(not pcall(ffi.cdef, table.concat(text) .. "nothing x;"))
      mem.set_allocator(mem.OBJ, saved)
      for _, what in ipairs { "new", "field", "element", "function", "variable", "constant" } do
        assert(busy[what], what)
      end
      ffi.cdef "struct late { double d, e; }; long labs(long);"
      known.e = 1.5
      assert(ffi.new(late, { 1, 2.5 }).e == 2.5 and ffi.C.labs(-1) == 1 and known[0].e == 1.5)
    ]]
    assert.equal("", (output:gsub("moonpool: an allocator of the obj domain [^\n]*\n", "")))
    assert.equal(0, code)
  end)

  it("can't declare while moonpool takes memory for a declaration", function()
    local output, code = engine.run_lua [[
      local ffi = require "moonpool"
      local mem = ffi.mem
      local saved = mem.get_allocator(mem.OBJ)
      local called = {}
      local function try(what, ...)
        local ok, why = pcall(ffi[what], ...)
        assert(not ok and why:find "moonpool is busy$", why)
        called[what] = true
      end
      ffi.cdef "struct known { int x; };"
      local known = ffi.typeof "struct known *"
      ffi.new(known)[0].x = 1
      mem.set_allocator(mem.OBJ, {
        malloc = function(_, n)
          try("cdef", "struct inner { int x; };")
          try("typeof", "struct inner *[7]")
          try("include", ffi.FFI())
          ffi.new(known)[0].x = 2
          assert(not pcall(mem.generic_alloc, known))
          return saved.malloc(saved.ctx, n)
        end,
        calloc = saved.calloc, realloc = saved.realloc,
        free = function(_, p) return saved.free(saved.ctx, p) end,
      })
      for i = 1, 200 do ffi.cdef(("struct outer%d { int a, b; };"):format(i)) end
      mem.set_allocator(mem.OBJ, saved)
      assert(called.cdef and called.typeof)
      ffi.cdef "struct after { struct outer200 o; };"
      assert(ffi.sizeof "struct after" == 8)
      ffi.onreport(function() end)
      io.write "fine"
    ]]
    assert.equal("fine", output)
    assert.equal(0, code)
  end)

  it("may declare while an explicit call asks for memory", function()
    local lib = engine.new()
    with(mem.MEM, { malloc = function(_, n)
      lib.cdef(("struct s%d { char c[%d]; };"):format(n, n))
      return mem.raw.malloc(n)
    end, free = function(_, p) mem.raw.free(p) end }, function()
      mem.free(mem.malloc(24))
      ffi.release(ffi.new "char[40]")
    end)
    assert.same({ 24, 40 }, { lib.sizeof "struct s24", lib.sizeof "struct s40" })
  end)

  it("survives garbage collections inside it", function()
    local output, code = engine.run_lua [[
      local ffi = require "moonpool"
      local mem = ffi.mem
      ffi.onreport(function() end)
      mem.set_allocator(mem.OBJ, {
        malloc = function(_, n) collectgarbage(); return mem.raw.malloc(n) end,
        calloc = function(_, n, size) collectgarbage(); return mem.raw.calloc(n, size) end,
        realloc = function(_, p, n) collectgarbage(); return mem.raw.realloc(p, n) end,
        free = function(_, p) collectgarbage(); mem.raw.free(p) end,
      })
      for i = 1, 20 do
        local lib = ffi.FFI()
        lib.cdef "struct a { int x; struct a *next; }; typedef struct a *ap; int f(ap, double);"
        assert(lib.sizeof "struct a" == 16)
        lib.gc(lib.new "struct a *", function() end)
      end
      io.write "fine"
    ]]
    assert.equal("fine", output)
    assert.equal(0, code)
  end)
end)

describe("at the state's close, an allocator written in Lua", function()
  it("still serves finalizers, and what it holds then is said", function()
    local output, code = engine.run_lua [[
      local ffi = require "moonpool"
      local mem = ffi.mem
      local below = mem.get_allocator(mem.MEM)
      mem.set_allocator(mem.MEM, {
        malloc = function(_, n) return below.malloc(below.ctx, n) end,
        calloc = below.calloc, realloc = below.realloc,
        free = function(_, p) io.stderr:write "freed "; below.free(below.ctx, p) end,
      })
      kept = ffi.new "char[1000]"
      setmetatable({}, { __gc = function() ffi.new "char[600]"; mem.malloc(24) end })
      lost = mem.malloc(8)
    ]]
    assert.equal("freed freed moonpool: an allocator of the mem"
      .. " domain that is written in Lua still holds 2 blocks, 32 bytes\n", output)
    assert.equal(0, code)
  end)

  it("leaves moonpool's own records where they are", function()
    local output, code = engine.run_lua [[
      local ffi = require "moonpool"
      local mem = ffi.mem
      mem.set_allocator(mem.OBJ, {
        malloc = function(_, n) return mem.raw.malloc(n) end,
        calloc = function(_, n, size) return mem.raw.calloc(n, size) end,
        realloc = function(_, p, n) return mem.raw.realloc(p, n) end,
        free = function(_, p) return mem.raw.free(p) end,
      })
      ffi.cdef "struct s { int x; };"
      for i = 1, 100 do ffi.typeof("struct s[" .. i .. "]") end
    ]]
    assert.is_truthy(output:find("^moonpool: an allocator of the obj domain that is written in "
      .. "Lua still holds %d+ blocks?, %d+ bytes\n$"), output)
    assert.equal(0, code)
  end)
end)
