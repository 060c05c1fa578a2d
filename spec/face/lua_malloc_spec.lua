-- face/lua_malloc: malloc, calloc, realloc and free of the three domains.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local ffi = engine.new()
local mem = ffi.mem

local function address(p) return ffi.addr(p) end

-- Every domain, hooks off and on.
for _, hooks in ipairs { "without hooks", "with hooks" } do
  for name, domain in pairs { raw = mem.raw, mem = mem.mem, obj = mem.obj } do
    describe(("mem.%s %s:"):format(name, hooks), function()
      if hooks == "with hooks" then
        before_each(function() mem.setup_debug_hooks() end)
        after_each(function() mem.remove_debug_hooks() end)
      end

      for _, n in ipairs { 0, 1, 8, 16, 512, 513, 65535, 65536, 65537 } do
        it(("gives %d bytes"):format(n), function()
          local p = assert(domain.malloc(n))
          local q = assert(domain.malloc(n))
          assert.not_equal(address(p), address(q))
          assert.equal(0, address(p) % 16)
          assert.equal("cdata<void *>", tostring(p):match "^cdata<void %*>")
          ffi.fill(p, n, 0xAB)
          assert.equal(("\xAB"):rep(n), ffi.unpack(ffi.cast("char *", p), n))
          domain.free(p)
          domain.free(q)
        end)

        it(("gives %d zeroed bytes"):format(n), function()
          local p = assert(domain.calloc(n, 1))
          assert.equal(("\0"):rep(n), ffi.unpack(ffi.cast("char *", p), n))
          domain.free(p)
          p = assert(domain.calloc(1, n))
          assert.equal(("\0"):rep(n), ffi.unpack(ffi.cast("char *", p), n))
          domain.free(p)
        end)

        it(("resizes to %d bytes"):format(n), function()
          local p = assert(domain.malloc(40))
          ffi.fill(p, 40, 7)
          local q = assert(domain.realloc(p, n))
          local kept = math.min(n, 40)
          assert.equal(("\7"):rep(kept), ffi.unpack(ffi.cast("char *", q), kept))
          domain.free(q)
        end)
      end

      it("takes integral floats and boxes as sizes", function()
        domain.free(assert(domain.malloc(16.0)))
        domain.free(assert(domain.malloc(ffi.box("uint64_t", 16))))
      end)

      it("has no block of a size that is out of range", function()
        for _, n in ipairs { mem.INVALID_SIZE, math.mininteger, 2.0 ^ 63, 1e300, math.huge,
          ffi.cast("uint64_t", -1) } do
          assert.same({ nil, "size out of range" }, { domain.malloc(n) })
          assert.same({ nil, "size out of range" }, { domain.calloc(n, 1) })
          assert.same({ nil, "size out of range" }, { domain.calloc(1, n) })
          assert.same({ nil, "size out of range" }, { domain.realloc(nil, n) })
        end
        assert.same({ nil, "size out of range" }, { domain.calloc(1 << 40, 1 << 40) })
        assert.same({ nil, "size out of range" }, { domain.calloc(1 << 62, 2) })
      end)

      it("has no memory for what no machine has", function()
        for _, n in ipairs { math.maxinteger, math.maxinteger - 1, 2 ^ 60 } do
          local p, why = domain.malloc(n)
          assert.is_nil(p)
          assert.equal("not enough memory", why)
        end
      end)

      it("refuses what is no size", function()
        raises("number has no integer representation", function()
          ffi.new("int[1]")[0] = 1 << 1.5 -- Lua's own words, for comparison
        end)
        raises("1.5 is no size", function() domain.malloc(1.5) end)
        raises("nan is no size", function() domain.malloc(math.abs(0 / 0)) end)
        raises("size must be an integer, not string", function() domain.malloc "x" end)
        raises("size must be an integer, not no value", function() domain.malloc() end)
        raises("elsize must be an integer, not table", function() domain.calloc(1, {}) end)
        raises("1.5 is no nelem", function() domain.calloc(1.5, -1) end)
      end)

      it("takes nil for a pointer", function()
        domain.free(nil)
        local p = assert(domain.realloc(nil, 10))
        assert.equal(10, ffi.sizeof(ffi.cast("char (*)[10]", p)[0]))
        domain.free(p)
      end)

      it("refuses what is no pointer", function()
        raises("expected a pointer, not string", function() domain.free "x" end)
        raises("expected a pointer, not number", function() domain.free(1) end)
        raises("expected a pointer, not table", function() domain.realloc({}, 1) end)
        raises("bad argument #1 to", function() domain.free() end)
        raises("expected a pointer, not cdata", function() domain.free(ffi.box("long", 1)) end)
      end)

      it("shrinks to no bytes without freeing", function()
        local p = assert(domain.malloc(100))
        local q = assert(domain.realloc(p, 0))
        raises("cdata was released", function() ffi.cast("char *", p)[0] = 1 end)
        domain.free(q)
      end)

      it("ends the old cdata and its views when a block is resized", function()
        local p = assert(domain.malloc(8))
        local view = ffi.cast("char *", p)
        view[0] = 65
        local q = assert(domain.realloc(p, 100000))
        raises("cdata was released", function() return view[0] end)
        assert.equal("A", ffi.cast("char *", q)[0])
        domain.free(q)
      end)

      it("leaves the old block when a resize fails", function()
        local p = assert(domain.malloc(8))
        ffi.fill(p, 8, 66)
        assert.same({ nil, "size out of range" }, { domain.realloc(p, -1) })
        assert.is_nil((domain.realloc(p, 2 ^ 60)))
        assert.equal("BBBBBBBB", ffi.unpack(ffi.cast("char *", p), 8))
        domain.free(p)
      end)

      it("ends all views when a block is freed by a pointer that went through C", function()
        local p = assert(domain.malloc(8))
        local view = ffi.cast("int *", p)
        local raw = ffi.cast("void *", ffi.cast("uintptr_t", p))
        domain.free(raw)
        raises("cdata was released", function() view[0] = 1 end)
        raises("cdata was released", function() return (ffi.cast("int *", p)) end)
      end)

      it("knows the size of a block", function()
        local p = assert(domain.malloc(8))
        local a = ffi.cast("int *", p)
        a[1] = 1
        raises("access of 4 bytes at offset 8 is outside its block of 8 bytes", function()
          a[2] = 1
        end)
        domain.free(p)
      end)

      it("keeps a block that nothing refers to any more", function()
        local at
        do
          local p = assert(domain.malloc(8))
          ffi.cast("int *", p)[0] = 42
          at = ffi.cast("uintptr_t", p)
        end
        collectgarbage()
        collectgarbage()
        local again = ffi.cast("int *", at)
        assert.equal(42, again[0])
        domain.free(again)
      end)

      it("ends a block once", function()
        local p = assert(domain.malloc(8))
        domain.free(p)
        assert.is_false((pcall(domain.free, p)))
        local others = {}
        for i = 1, 64 do others[i] = domain.malloc(8) end -- one of them has its address
        assert.is_false((pcall(domain.free, p)))
        assert.is_false((pcall(domain.realloc, p, 1)))
        for i = 1, 64 do domain.free(others[i]) end
      end)

      it("can be released, and closed by a scope", function()
        local p = assert(domain.malloc(8))
        ffi.release(p)
        ffi.release(p)
        do local q <close> = assert(domain.malloc(8)); p = q end
        raises("cdata was released", function() ffi.cast("char *", p)[0] = 1 end)
      end)

      it("can be freed by a destructor", function()
        do
          local p = ffi.gc(assert(domain.malloc(8)), domain.free)
          ffi.cast("int *", p)[0] = 1
        end
        collectgarbage()
        local q = ffi.gc(assert(domain.malloc(8)), domain.free)
        ffi.release(q)
        local r = ffi.gc(assert(domain.malloc(8)), function() end)
        domain.free(r)
        raises("cdata was released", function() ffi.cast("char *", r)[0] = 1 end)
      end)

      it("frees no memory of ffi.new", function()
        raises("cdata 'int *' isn't memory of mem's: ffi.release ends it", function()
          domain.free(ffi.new "int *")
        end)
        raises("cdata 'char[10000]' isn't memory of mem's", function()
          domain.free(ffi.new "char[10000]")
        end)
      end)
    end)
  end
end

describe("mem.malloc", function()
  it("is the one of mem.mem", function()
    for _, name in ipairs { "malloc", "calloc", "realloc", "free" } do
      assert.equal(mem.mem[name], mem[name])
    end
    local blocks = mem.live(mem.MEM)
    local p = mem.malloc(10)
    assert.equal(blocks + 1, (mem.live(mem.MEM)))
    mem.free(p)
    assert.equal(blocks, (mem.live(mem.MEM)))
  end)

  it("gives memory that C can use while a call lasts", function()
    local lib = engine.new()
    lib.cdef [[
      void qsort(void *, size_t, size_t, int (*)(const void *, const void *));
    ]]
    local p = lib.mem.malloc(8)
    local numbers = lib.cast("int *", p)
    numbers[0], numbers[1] = 2, 1
    local freed, why
    lib.C.qsort(p, 2, 4, function()
      freed, why = lib.mem.realloc(p, 1)
      return 0
    end)
    assert.same({ nil, "the block is in use by a call into C" }, { freed, why })
    lib.C.qsort(p, 2, 4, function()
      if p then lib.mem.free(p) end -- when the call is over
      p = nil
      return 0
    end)
    raises("cdata was released", function() numbers[0] = 1 end)
  end)

  it("tells the reason of a failure", function()
    mem.set_nomemory(0)
    local p, why = mem.malloc(1)
    mem.remove_nomemory()
    assert.is_nil(p)
    assert.equal("injected failure", why)
  end)
end)
