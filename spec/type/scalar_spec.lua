-- type/scalar: loading and storing one scalar, whatever its width and place.

local engine = require "spec.support.engine"

describe("mp_scalar_loadint, mp_scalar_storeint", function()
  local ffi = engine.new()

  it("go round for every width, against string.pack", function()
    math.randomseed(5)
    for ctype, format in pairs {
      ["signed char"] = "b", ["unsigned char"] = "B", short = "h", ["unsigned short"] = "H",
      int = "i", ["unsigned int"] = "I", long = "l", ["long long"] = "j",
    } do
      local size = ffi.sizeof(ctype)
      local cell = ffi.new(ctype .. "[1]")
      for _ = 1, 200 do
        local bytes = {}
        for i = 1, size do bytes[i] = string.char(math.random(0, 255)) end
        local packed = table.concat(bytes)
        local n = string.unpack(format, packed)
        ffi.memmove(cell, packed, size)
        assert.equal(n, cell[0])
        ffi.fill(cell, size)
        cell[0] = n
        assert.equal(packed, ffi.buffer(cell):read(0, size))
      end
    end
  end)

  it("work at addresses that aren't aligned", function()
    local bytes = ffi.new "char[32]"
    for at = 0, 7 do
      local p = ffi.cast("long long *", bytes + at)
      p[0] = 0x0102030405060708 + at
      assert.equal(0x0102030405060708 + at, p[0])
      local d = ffi.cast("double *", bytes + at)
      d[0] = at + 0.5
      assert.equal(at + 0.5, d[0])
    end
  end)
end)

describe("mp_scalar_loadfloat, mp_scalar_storefloat", function()
  local ffi = engine.new()

  it("go round for float and double", function()
    for _, x in ipairs { 0.0, -0.0, 1.5, -1e-300, 1e300, math.huge, -math.huge, 5e-324 } do
      assert.equal(string.pack("d", x), ffi.buffer(ffi.new("double *", x)):read(0, 8))
    end
    for _, x in ipairs { 0.1, 1e30, -2.5, 1e-45 } do
      assert.equal(string.pack("f", x), ffi.buffer(ffi.new("float *", x)):read(0, 4))
    end
  end)

  it("round to half precision", function()
    for _, case in ipairs { { 1.0, 0x3C00 }, { -2.0, 0xC000 }, { 65504.0, 0x7BFF }, { 0.1, 0x2E66 },
      { 5.960464477539063e-08, 0x0001 }, { 1.0009765625, 0x3C01 }, { 1.00048828125, 0x3C00 },
      { math.huge, 0x7C00 } } do
      local cell = ffi.new("_Float16 *", case[1])
      assert.equal(case[2], string.unpack("H", ffi.buffer(cell):read(0, 2)), case[1])
    end
  end)

  it("keep what a wider type holds", function()
    for _, ctype in ipairs { "long double", "_Float64", "_Float32x", "_Float128" } do
      for _, x in ipairs { 0.1, -1e300, 3.0, math.huge } do
        assert.equal(x, ffi.new(ctype .. " *", x)[0], ctype)
      end
    end
  end)
end)

describe("mp_scalar_loadbits, mp_scalar_storebits", function()
  it("agree with a model over random bit-fields", function()
    math.randomseed(9)
    local bases = { "unsigned int", "int", "unsigned long long", "long long", "unsigned short",
      "signed char" }
    for round = 1, 60 do
      local ffi, text, fields = engine.new(), {}, {}
      for i = 1, math.random(1, 12) do
        local base = bases[math.random(#bases)]
        local width = math.random(1, ffi.sizeof(base) * 8)
        fields[i] = { name = "f" .. i, width = width, signed = not base:find "unsigned" }
        text[i] = ("%s f%d : %d;"):format(base, i, width)
      end
      local attribute = round % 3 == 0 and "__attribute__((packed))" or ""
      ffi.cdef(("struct s { %s } %s;"):format(table.concat(text), attribute))
      local p, model = ffi.new "struct s *", {}
      for _, field in ipairs(fields) do model[field.name] = 0 end
      for _ = 1, 100 do
        local field = fields[math.random(#fields)]
        local n = math.random(0)
        if field.width < 64 then
          n = n & (1 << field.width) - 1
          if field.signed and n >> field.width - 1 == 1 then n = n - (1 << field.width) end
        elseif not field.signed then
          n = n & math.maxinteger
        end
        p[field.name] = n
        model[field.name] = n
        local probe = fields[math.random(#fields)]
        assert.equal(model[probe.name], p[probe.name])
      end
      for name, n in pairs(model) do assert.equal(n, p[name]) end
    end
  end)
end)
