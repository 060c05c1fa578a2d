-- abi/closure: C calls Lua, with what the generator makes up, and the pool's promises.

local engine = require "spec.support.engine"
local generator = require "spec.abi.generator"
local check = require "spec.abi.check"
local raises = require "spec.support.raises"

local REST = 1024 -- deaths before a slot is used again

describe("random callbacks", function()
  it("get their arguments, and C their results", function()
    local folder = generator.folder()
    local batch = generator.make(3, 200)
    local path = generator.compile(batch, folder)
    local right, _, wrong = check.batch(engine.new(), batch, path, check.callback)
    generator.remove(batch, folder)
    os.remove(folder)
    assert.equal("", table.concat(wrong, "\n"))
    assert.is_true(right > 100)
  end)
end)

describe("callbacks", function()
  local ffi = engine.new()
  ffi.cdef((require "spec.abi.passing"))
  local lib = ffi.dlopen(engine.fixture "passing")

  it("take records and small integers, and return them", function()
    assert.equal(42, lib.passing_call(function(u, s, c, b)
      assert.equal(1.5, u.f)
      assert.equal("x", s.c)
      assert.equal(2.25, s.d)
      assert.equal(-3, c)
      assert.is_true(b)
      return ffi.new("union passing_number *", { i = 42 })[0]
    end))
    assert.equal(-5, lib.passing_callsmall(function(x) return x // 100 end, -500))
    local both = lib.passing_callboth(function(s)
      return ffi.new("struct passing_both *", { i = s.i * 2, d = s.d * 3 })[0]
    end)
    assert.equal(8, both.i)
    assert.equal(1.5, both.d)
  end)

  it("return large records through memory", function()
    local s = lib.passing_callbig(function(n)
      local big = ffi.new "struct passing_big *"
      big.a[0], big.a[19] = n, n * n
      return big[0]
    end)
    assert.equal(3, s.a[0])
    assert.equal(9, s.a[19])
  end)

  it("take what is aligned above 16", function()
    local strict = engine.new()
    strict.cdef [[
      struct strict { double d[4]; } __attribute__((aligned(64)));
      int callstrict(int (*f)(struct strict, int, char, struct strict));
    ]]
    -- compiled here: GCC remarks on such a parameter, and generator.compile tells it not to
    local folder = generator.folder()
    local batch = { seed = "strict", c = [[
      struct strict { double d[4]; } __attribute__((aligned(64)));
      int callstrict(int (*f)(struct strict, int, char, struct strict)) {
        struct strict s = {{1, 2, 3, 4}}, t = {{10, 20, 30, 40}};
        return f(s, 5, 6, t);
      }
    ]] }
    local path = generator.compile(batch, folder)
    assert.equal(121, strict.dlopen(path).callstrict(function(s, n, c, t)
      return s.d[0] + s.d[1] + s.d[2] + s.d[3] + n + c:byte() + t.d[0] + t.d[1] + t.d[2] + t.d[3]
    end))
    generator.remove(batch, folder)
    os.remove(folder)
  end)

  it("are refused for variadic types", function()
    raises("cannot make a callback for the variadic function type 'int(int, ...)'", function()
      local f = ffi.callback("int(*)(int, ...)", function() return 0 end)
      ffi.release(f)
    end)
  end)

  it("are refused for results that libffi can't give back whole", function()
    raises("'_Float128' can't be passed by value on this machine", function()
      local f = ffi.callback("_Float128(*)(int)", function() return 0 end)
      ffi.release(f)
    end)
  end)

  it("are as many as one wants", function()
    local all = {}
    for i = 1, 5000 do all[i] = ffi.callback("long(*)(long)", function(x) return x + i end) end
    for i = 1, 5000, 97 do assert.equal(i + 1, lib.passing_calllong(all[i], 1)) end
    for i = 1, 5000 do ffi.release(all[i]) end
  end)
end)

describe("a dead callback's slot", function()
  local ffi = engine.new()
  -- Makes and ends one; returns its address.
  local function born_and_dead(type)
    local f = ffi.callback(type, function() return 1 end)
    local address = ffi.addr(f)
    ffi.release(f)
    return address
  end

  it("rests for 1,024 later deaths, then serves the same type again", function()
    local first = born_and_dead "short(*)(short, short)"
    for _ = 1, REST - 1 do
      assert.is_not.equal(first, (born_and_dead "short(*)(short, short)"))
    end
    for _ = 1, REST do born_and_dead "short(*)(short, char)" end
    local seen = false
    for _ = 1, REST do seen = seen or born_and_dead "short(*)(short, short)" == first end
    assert.is_true(seen)
  end)

  it("is never another type's", function()
    local of_long, of_int = {}, {}
    for _ = 1, 3 * REST do
      of_long[born_and_dead "long(*)(long, int, long)"] = true
      of_int[born_and_dead "int(*)(long, int, long)"] = true
    end
    for address in pairs(of_long) do assert.is_nil(of_int[address]) end
  end)

  it("is another's where a struct of the same name is another struct", function()
    local other = engine.new()
    ffi.cdef "struct twin { long a, b; };"
    other.cdef "struct twin { double a, b; };"
    local addresses = {}
    for _, instance in ipairs { ffi, other } do
      local f = instance.callback("struct twin(*)(void)", function()
        return instance.new("struct twin *", { a = 1, b = 2 })[0]
      end)
      addresses[#addresses + 1] = ffi.addr(f)
      local again = f()
      assert.equal(1, again.a)
      assert.equal(2, again.b)
      instance.release(f)
    end
    assert.is_not.equal(addresses[1], addresses[2])
  end)

  it("answers zero, and a report says whose it was", function()
    local out, code = engine.run_lua(([[
      local ffi = require "moonpool"
      ffi.cdef "long passing_calllong(long (*f)(long), long x);"
      local lib = ffi.dlopen "%s"
      local f = ffi.callback("long(*)(long)", function(x) return x end)
      local raw = ffi.cast("long(*)(long)", ffi.addr(f))
      print(lib.passing_calllong(raw, 7))
      ffi.release(f)
      print(lib.passing_calllong(raw, 7))
    ]]):format(engine.fixture "passing"))
    assert.equal(0, code, out)
    assert.matches("^7\n", (out:gsub("moonpool:[^\n]*\n", "")))
    assert.matches("\n0\n$", out)
    assert.matches("long(*)(long)", out, 1, true)
  end)
end)
