-- A generator of structs and unions for layout_spec: bit-fields, packing, alignment,
-- nesting, unions, arrays. The same seed gives the same text.
--
--   local text, records = random_structs(seed, n)
--
-- `records` lists what to ask for: { name = "struct s1", fields = { { name=, bits= }, … } };
-- a field's name is a path where it lies in a tagless member that has a name.

local prelude = [[
typedef int under_t __attribute__((aligned(1)));
typedef short over_t __attribute__((aligned(16)));
typedef long long half_t __attribute__((aligned(4)));
enum e_int { E_A = -1, E_B = 100 };
enum e_uns { E_C, E_D = 7 };
enum e_wide { E_E = 0x100000000 };
enum __attribute__((packed)) e_small { E_F, E_G = 200 };
struct nothing { };
]]

local scalars = {
  "char", "signed char", "unsigned char", "short", "unsigned short", "int", "unsigned", "long",
  "unsigned long", "long long", "float", "double", "long double", "_Bool", "__int128", "void *",
  "under_t", "over_t", "half_t", "enum e_int", "enum e_small", "enum e_wide", "struct nothing",
  "double _Complex", "__float128",
}

-- Types of bit-fields with the most bits that each holds.
local bit_types = {
  { "char", 8 }, { "signed char", 8 }, { "unsigned char", 8 }, { "short", 16 },
  { "unsigned short", 16 }, { "int", 32 }, { "unsigned", 32 }, { "long", 64 },
  { "unsigned long", 64 }, { "long long", 64 }, { "unsigned long long", 64 }, { "_Bool", 1 },
  { "__int128", 128 }, { "unsigned __int128", 128 }, { "enum e_int", 32 }, { "enum e_uns", 32 },
  { "enum e_small", 8 }, { "enum e_wide", 64 }, { "under_t", 32 }, { "half_t", 64 },
  { "over_t", 16 },
}

local function random_structs(seed, n)
  -- Lua's own generator differs between versions; this one (Park and Miller) doesn't.
  local state = seed % 2147483646 + 1
  local function below(limit)
    state = state * 48271 % 2147483647
    return state // 7 % limit
  end
  local function chance(percent) return below(100) < percent end
  local function pick(list) return list[below(#list) + 1] end

  local out, records = { prelude }, {}
  local function write(format, ...) out[#out + 1] = format:format(...) end

  local function attributes(packed, aligned)
    local text = ""
    if chance(packed) then text = text .. " __attribute__((packed))" end
    if chance(aligned) then
      text = text .. (" __attribute__((aligned(%d)))"):format(1 << below(6))
    end
    return text
  end

  local body

  -- One member, its fields added to `fields` with names behind `prefix`.
  local function member(fields, prefix, counter, depth)
    counter.n = counter.n + 1
    local name = "m" .. counter.n
    local kind = below(100)
    if kind < 45 then
      local bit_type = pick(bit_types)
      local width = chance(10) and bit_type[2] or below(bit_type[2]) + 1
      if chance(12) then
        write("%s : %d%s;", bit_type[1], chance(40) and 0 or width, attributes(0, 5))
      else
        write("%s %s : %d%s;", bit_type[1], name, width, attributes(8, 8))
        fields[#fields + 1] = { name = prefix .. name, bits = width }
      end
    elseif kind < 78 then
      local array = chance(15) and ("[%d]"):format(below(4)) or ""
      local scalar = pick(scalars)
      if scalar:find "er_t$" then array = "" end -- GCC has no arrays of over-aligned elements
      write("%s %s%s%s;", scalar, name, array, attributes(10, 10))
      fields[#fields + 1] = { name = prefix .. name }
    elseif kind < 90 and #records > 0 then
      local record = pick(records)
      write("%s %s%s;", record.name, name, attributes(10, 8))
      fields[#fields + 1] = { name = prefix .. name }
    elseif depth < 3 then
      local named = chance(50)
      write("%s%s {", pick { "struct", "union" }, attributes(10, 8))
      body(fields, named and prefix .. name .. "." or prefix, counter, depth + 1)
      write("}%s %s%s;", attributes(8, 6), named and name or "", named and attributes(6, 6) or "")
    end
  end

  function body(fields, prefix, counter, depth)
    for _ = 1, below(depth == 0 and 9 or 5) do member(fields, prefix, counter, depth) end
  end

  for i = 1, n do
    local kind = chance(80) and "struct" or "union"
    local record = { name = ("%s s%d"):format(kind, i), fields = {} }
    local pack = chance(25) and 1 << below(5)
    if pack then write("#pragma pack(push, %d)", pack) end
    write("%s%s s%d {", kind, attributes(8, 0), i)
    body(record.fields, "", { n = 0 }, 0)
    if kind == "struct" and #record.fields > 0 and chance(6) then write("int open[];") end
    write("}%s;", attributes(10, 10))
    if pack then write("#pragma pack(pop)") end
    records[i] = record
  end
  return table.concat(out, "\n") .. "\n", records
end

return random_structs
