-- A generator of random C functions and callbacks, for cif_spec, closure_spec and `make abi`.
--
-- It makes C source whose functions check each argument against values baked into them and
-- return a baked result; the Lua side (check.lua) holds the same values. Everything follows from the
-- seed, so that a failure can be had again: `make abi SEED=… N=…`.
--
-- A value is a list of leaves: {path, type, value}, one a scalar, with the path that reaches it
-- from the argument, in C and in Lua alike (".m0[1].m2").

local generator = {}

-- Park and Miller's minimal standard generator: the same numbers everywhere.
local function random_source(seed)
  local state = seed % 2147483646 + 1
  local self = {}
  function self.below(n) -- 0 … n - 1
    state = state * 48271 % 2147483647
    return (state >> 7) % n
  end
  function self.between(a, b) return a + self.below(b - a + 1) end
  function self.chance(percent) return self.below(100) < percent end
  function self.pick(list) return list[self.below(#list) + 1] end
  return self
end

-- What the machine's compiler says to some arguments and a source; whether it went well.
local function compiler(arguments, source)
  local pipe = assert(io.popen(("unset LD_PRELOAD; echo '%s' | %s %s 2>&1"):format(
    source or "", os.getenv "CC" or "cc", arguments)))
  local text = pipe:read "a"
  return text, pipe:close()
end

-- {===== scalar types =====

local function integer(c, bits, signed, extra)
  local t = { c = c, class = "int", bits = bits, signed = signed }
  for k, v in pairs(extra or {}) do t[k] = v end
  return t
end

-- `promotes`: not the type of a variadic argument (C11 6.5.2.2p7). `box`: a bare Lua number would go
-- as another type there. `nobits`: not for bit-fields. `align16`: see is_strict.
local SCALARS = {
  integer("_Bool", 1, false, { class = "bool", promotes = true }),
  integer("char", 8, true, { class = "char", promotes = true }),
  integer("signed char", 8, true, { promotes = true }),
  integer("unsigned char", 8, false, { promotes = true }),
  integer("short", 16, true, { promotes = true }),
  integer("unsigned short", 16, false, { promotes = true }),
  integer("int", 32, true),
  integer("unsigned int", 32, false),
  integer("long", 64, true),
  integer("unsigned long", 63, false),
  integer("long long", 64, true),
  integer("unsigned long long", 63, false),
  integer("int8_t", 8, true, { promotes = true }),
  integer("uint16_t", 16, false, { promotes = true }),
  integer("size_t", 63, false),
  integer("wchar_t", 31, false, { nobits = true }),
  integer("enum color", 2, false, { nobits = true, class = "int" }),
  integer("__int128", 64, true, { box = true, nobits = true, align16 = true }),
  integer("unsigned __int128", 63, false, { box = true, nobits = true, align16 = true }),
  { c = "float", class = "float", promotes = true },
  { c = "double", class = "float" },
  { c = "long double", class = "float", box = true },
  { c = "float", class = "float", promotes = true },
  { c = "double", class = "float" },
  { c = "void *", class = "pointer" },
  { c = "const char *", class = "pointer" },
  { c = "struct opaque *", class = "pointer" },
  { c = "float _Complex", class = "complex", part = "float" },
  { c = "double _Complex", class = "complex", part = "double" },
  { c = "long double _Complex", class = "complex", part = "long double" },
}

-- Types that not every compiler has, and whole vector registers, which libffi knows nothing of.
local EXTENDED = {
  { c = "_Float16", class = "float", promotes = true },
  { c = "_Float128", class = "float", box = true, align16 = true },
  { c = "v4si", class = "vector", item = SCALARS[7], length = 4, align16 = true },
  { c = "v2df", class = "vector", item = SCALARS[21], length = 2, align16 = true },
  { c = "v8qi", class = "vector", item = SCALARS[3], length = 8 },
  { c = "v2sf", class = "vector", item = SCALARS[20], length = 2 },
}

-- Does the compiler know it? The typedefs it does.
local function knows(t)
  return not t.c:find "^_" or select(2, compiler("-w -fsyntax-only -x c -", t.c .. " x;"))
end

local EXTENDED_TEXT = [[
typedef int v4si __attribute__((vector_size(16)));
typedef double v2df __attribute__((vector_size(16)));
typedef signed char v8qi __attribute__((vector_size(8)));
typedef float v2sf __attribute__((vector_size(8)));
]]

local FLOATS = { SCALARS[20], SCALARS[21], SCALARS[28] }
local INTEGERS = {}
for _, t in ipairs(SCALARS) do
  if (t.class == "int" or t.class == "bool") and not t.nobits then INTEGERS[#INTEGERS + 1] = t end
end

-- }=====

-- {===== records =====

-- Shapes that decide something in the ABI, always among the records.
local FIXED = {
  { "struct", "" },
  { "struct", "char a;" },
  { "struct", "float a; float b;" },
  { "struct", "float a; float b; float c;" },
  { "struct", "float a[4];" },
  { "struct", "double a; double b;" },
  { "struct", "double a; double b; double c;" },
  { "struct", "long a; double b;" },
  { "struct", "double a; long b;" },
  { "struct", "float a; int b; double c;" },
  { "struct", "long double a;" },
  { "struct", "int a; int b; int c;" },
  { "struct", "char a[3];" },
  { "struct", "char a[16];" },
  { "struct", "char a[17];" },
  { "struct", "long a[25];" },
  { "union", "long double a; int b;" },
  { "union", "long double a; float b;" },
  { "union", "float a; int b;" },
  { "union", "double a; float b[4];" },
  { "union", "double a; long b; char c[12];" },
}

-- The scalar leaves of fixed shapes, by the text of a member.
local function fixed_members(text)
  local list = {}
  for ctype, name, n in text:gmatch("%s*([%a ]-)%s+(%a)%[?(%d*)%]?;") do
    local t
    for _, s in ipairs(SCALARS) do
      if s.c == ctype then t = s; break end
    end
    list[#list + 1] = { name = name, type = t, length = tonumber(n) }
  end
  return list
end

local Records = {}
Records.__index = Records

local function fixed_record(i, shape)
  return { c = ("%s k%d"):format(shape[1], i), class = "record", kind = shape[1],
    members = fixed_members(shape[2]) }
end

-- A member: bit-field, array, nested record or scalar, of the record's flavour.
function Records:member(i, flavour, union)
  local r = self.random
  local m = { name = "m" .. i }
  if flavour ~= "float" and r.chance(12) then
    m.type = r.pick(INTEGERS)
    m.width = m.type.class == "bool" and 1 or r.between(1, m.type.bits == 63 and 62 or m.type.bits)
    if r.chance(10) and not union and not self.named then m.name = nil end
    return m
  end
  if flavour == "float" then
    m.type = r.pick(FLOATS)
  elseif flavour == "int" then
    m.type = r.pick(INTEGERS)
  elseif #self.list > 0 and r.chance(25) then
    m.type = r.pick(self.list)
    if m.type.flexible then m.type = SCALARS[7] end
  else
    m.type = r.pick(self.scalars)
  end
  if r.chance(20) then m.length = r.chance(8) and 0 or r.between(1, 4) end
  if r.chance(3) then m.align = r.pick({ 4, 8, 16 }) end
  return m
end

function Records:make(i)
  local r = self.random
  local kind = r.chance(25) and "union" or "struct"
  local flavour = r.pick({ "float", "int", "any", "any" })
  local rec = { c = ("%s r%d"):format(kind, i), class = "record", kind = kind, members = {} }
  for k = 0, r.chance(4) and -1 or r.pick({ 0, 0, 1, 1, 1, 2, 2, 3, 5 }) do
    rec.members[k + 1] = self:member(k, flavour, kind == "union")
  end
  if r.chance(10) then rec.attribute = "packed" end
  if r.chance(4) then rec.attribute = "aligned(16)" end
  if kind == "struct" and #rec.members > 0 and rec.members[1].name and r.chance(2) then
    rec.flexible = true
    rec.members[#rec.members + 1] = { name = "flex", type = SCALARS[7], length = -1 }
  end
  return rec
end

local function member_text(m)
  local length = not m.length and "" or m.length < 0 and "[]" or ("[%d]"):format(m.length)
  local width = m.width and (" : %d"):format(m.width) or ""
  local align = m.align and (" __attribute__((aligned(%d)))"):format(m.align) or ""
  return ("%s %s%s%s%s;"):format(m.type.c, m.name or "", length, width, align)
end

local function record_text(rec)
  local out = {}
  for _, m in ipairs(rec.members) do out[#out + 1] = member_text(m) end
  local attribute = rec.attribute and (" __attribute__((%s))"):format(rec.attribute) or ""
  return ("%s { %s }%s;"):format(rec.c, table.concat(out, " "), attribute)
end

-- }=====

-- {===== values =====

local Values = {}
Values.__index = Values

function Values:scalar(t, width)
  local r = self.random
  if t.class == "bool" then return r.chance(50) end
  if t.class == "float" then return (r.below(1601) - 800) / 8 end
  if t.class == "complex" then return { re = (r.below(1601) - 800) / 8, im = (r.below(1601) - 800) / 8 } end
  if t.class == "pointer" then return r.chance(15) and 0 or (r.below(1 << 20) << 20 | r.below(1 << 20)) + 1 end
  local bits = width or t.bits
  local v = r.below(1 << 22) << 44 ~ r.below(1 << 22) << 22 ~ r.below(1 << 22)
  if bits == 64 then return v end
  if t.signed then return (v & ((1 << bits) - 1)) - (1 << (bits - 1)) end
  return v & ((1 << bits) - 1)
end

-- Appends the leaves of a value; of a union one member alone.
function Values:leaves(t, path, out, width)
  if t.class == "vector" then
    for i = 0, t.length - 1 do self:leaves(t.item, ("%s[%d]"):format(path, i), out) end
    return out
  end
  if t.class ~= "record" then
    out[#out + 1] = { path = path, type = t, value = self:scalar(t, width) }
    return out
  end
  local chosen = t.kind == "union" and #t.members > 0 and self.random.pick(t.members)
  for _, m in ipairs(t.members) do
    if m.name and (not chosen or chosen == m) then
      local at = path .. "." .. m.name
      if not m.length then self:leaves(m.type, at, out, m.width) end
      for i = 0, (m.length or 0) - 1 do self:leaves(m.type, ("%s[%d]"):format(at, i), out) end
    end
  end
  return out
end

local function literal_float(v, suffix) return ("%.17g%s"):format(v, suffix or ""):gsub("^(-?%d+)$", "%1.0") end

-- A leaf's value as a C expression of its type.
local function literal(leaf)
  local t, v = leaf.type, leaf.value
  if t.class == "bool" then return v and "1" or "0" end
  if t.class == "float" then return ("(%s)%s"):format(t.c, (literal_float(v))) end
  if t.class == "pointer" then return ("(%s)%dL"):format(t.c, v) end
  if v == math.mininteger then return ("(%s)(-9223372036854775807L - 1)"):format(t.c) end
  return ("(%s)%dL"):format(t.c, v)
end

-- C statements that store the leaf in `name`, and a C condition that it's there.
local function store(name, leaf)
  local t, v = leaf.type, leaf.value
  if t.class == "complex" then
    return ("%s%s = __builtin_complex((%s)%s, (%s)%s);"):format(name, leaf.path,
      t.part, (literal_float(v.re)), t.part, (literal_float(v.im)))
  end
  return ("%s%s = %s;"):format(name, leaf.path, literal(leaf))
end

local function holds(name, leaf)
  local t, v, x = leaf.type, leaf.value, name .. leaf.path
  if t.class == "complex" then
    return ("__real__ %s == %s && __imag__ %s == %s"):format(x, (literal_float(v.re)), x, (literal_float(v.im)))
  end
  return ("%s == %s"):format(x, literal(leaf))
end

generator.store, generator.holds = store, holds

-- }=====

-- {===== functions =====

local Cases = {}
Cases.__index = Cases

-- Has it a member aligned to 16 that goes in integer registers? GCC's va_arg (12 to 15) reads such a
-- record as if its registers were saved aligned, and crashes.
local function is_strict(t)
  if t.class ~= "record" then return t.align16 end
  for _, m in ipairs(t.members) do
    if m.align == 16 or is_strict(m.type) then return true end
  end
  return t.attribute == "aligned(16)"
end

-- Has it nothing but nameless bit-fields? GCC's callers and its va_arg disagree about these.
local function is_nameless(t)
  if t.class ~= "record" then return false end
  for _, m in ipairs(t.members) do
    if m.name and not is_nameless(m.type) then return false end
  end
  return true
end

function Cases:type(variadic)
  local r = self.random
  if r.chance(40) then
    local rec = r.pick(self.records)
    if not (variadic and (is_nameless(rec) or is_strict(rec))) then return rec end
  end
  while true do
    local t = r.pick(self.scalars)
    local splits = self.splits_int128 and t.c:find "__int128"
    if not splits and not (variadic and t.promotes) then return t end
  end
end

-- Clang before 18 passed half of an __int128 in the last register and half on the stack, or there aligned
-- to 8, against the psABI (3.2.3). Within a struct it goes right.
local function splits_int128()
  local version = compiler "--version":match "clang version (%d+)"
  return version ~= nil and tonumber(version) < 18
end

function Cases:argument(variadic)
  local t = self:type(variadic)
  return { type = t, leaves = self.values:leaves(t, "", {}) }
end

function Cases:make(i)
  local r = self.random
  local case = { index = i, args = {}, tail = {} }
  local most = r.chance(10) and 40 or r.chance(30) and 14 or 6
  local nameless = false
  for k = 1, r.between(0, most) do
    case.args[k] = self:argument()
    nameless = nameless or is_nameless(case.args[k].type)
  end
  if #case.args > 0 and not nameless and r.chance(22) then
    for k = 1, r.between(1, 10) do case.tail[k] = self:argument(true) end
  end
  if not r.chance(10) then case.result = self:argument() end
  return case
end

local function parameters(case, names)
  local out = {}
  for k, a in ipairs(case.args) do out[k] = a.type.c .. (names and (" a%d"):format(k) or "") end
  if #case.tail > 0 then out[#out + 1] = "..." end
  return #out > 0 and table.concat(out, ", ") or "void"
end

local function result_type(case) return case.result and case.result.type.c or "void" end

-- Statements that declare `name` and give it the argument's value.
local function emit_value(out, name, a)
  out[#out + 1] = ("  %s %s; memset(&%s, 0, sizeof %s);"):format(a.type.c, name, name, name)
  for _, leaf in ipairs(a.leaves) do out[#out + 1] = "  " .. store(name, leaf) end
end

local function emit_checks(out, name, a, what)
  for _, leaf in ipairs(a.leaves) do
    out[#out + 1] = ('  if (!(%s)) bad("%s, %s%s");'):format(holds(name, leaf), what, a.type.c, leaf.path)
  end
end

generator.emit_value, generator.emit_checks = emit_value, emit_checks

-- A function that checks its arguments and returns the baked result.
local function emit_function(out, case)
  out[#out + 1] = ("EXPORT %s f%d(%s) {"):format(result_type(case), case.index, parameters(case, true))
  if case.result then emit_value(out, "r", case.result) end
  for k, a in ipairs(case.args) do emit_checks(out, "a" .. k, a, ("f%d argument %d"):format(case.index, k)) end
  if #case.tail > 0 then
    out[#out + 1] = ("  va_list ap; va_start(ap, a%d);"):format(#case.args)
    for k, a in ipairs(case.tail) do
      out[#out + 1] = ("  { %s v = va_arg(ap, %s); (void)v;"):format(a.type.c, a.type.c)
      emit_checks(out, "v", a, ("f%d variadic argument %d"):format(case.index, k))
      out[#out + 1] = "  }"
    end
    out[#out + 1] = "  va_end(ap);"
  end
  if case.result then out[#out + 1] = "  return r;" end
  out[#out + 1] = "}"
end

-- A function that calls a callback of the same type with the baked arguments and checks its result.
local function emit_caller(out, case)
  local names = {}
  out[#out + 1] = ("EXPORT void g%d(%s (*cb)(%s)) {"):format(case.index, result_type(case), parameters(case))
  for k, a in ipairs(case.args) do
    names[k] = "a" .. k
    emit_value(out, names[k], a)
  end
  local call = ("cb(%s);"):format(table.concat(names, ", "))
  if case.result then
    out[#out + 1] = ("  %s r = %s (void)r;"):format(result_type(case), call)
    emit_checks(out, "r", case.result, ("g%d result"):format(case.index))
  else
    out[#out + 1] = "  " .. call
  end
  out[#out + 1] = "}"
end

local function declare(out, case)
  out[#out + 1] = ("%s f%d(%s);"):format(result_type(case), case.index, parameters(case))
  if #case.tail == 0 then
    out[#out + 1] = ("void g%d(%s (*)(%s));"):format(case.index, result_type(case), parameters(case))
  end
end

-- }=====

local PRELUDE = [[
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#define EXPORT __attribute__((visibility("default")))
static char failure_text[200];
static void bad(const char *what) { if (!failure_text[0]) snprintf(failure_text, sizeof failure_text, "%s", what); }
EXPORT const char *failure(void) {
  static char copy[200];
  strcpy(copy, failure_text);
  failure_text[0] = 0;
  return copy[0] ? copy : NULL;
}
]]

local SHARED = "enum color { RED, GREEN, BLUE, BLACK };\nstruct opaque;\n"

-- Returns {c = source, cdef = declarations, cases = {…}, records = {…}}. `options.extended`: with types
-- that only some compilers have.
function generator.make(seed, n, options)
  options = options or {}
  local random = random_source(seed)
  local values = setmetatable({ random = random }, Values)
  local scalars = table.move(SCALARS, 1, #SCALARS, 1, {})
  if options.extended then
    for _, t in ipairs(EXTENDED) do
      if knows(t) then scalars[#scalars + 1] = t end
    end
  end
  local records = setmetatable({ random = random, scalars = scalars, list = {}, named = options.named }, Records)
  for i, shape in ipairs(FIXED) do records.list[i] = fixed_record(i, shape) end
  for i = 1, math.max(20, n // 2) do records.list[#records.list + 1] = records:make(i) end
  local cases = setmetatable({ random = random, values = values, records = records.list, scalars = scalars,
    splits_int128 = splits_int128() }, Cases)
  local shared = SHARED .. (options.extended and EXTENDED_TEXT or "")
  local c, cdef, list = { PRELUDE, shared }, { shared, "const char *failure(void);" }, {}
  for _, rec in ipairs(records.list) do
    c[#c + 1] = record_text(rec)
    cdef[#cdef + 1] = record_text(rec)
  end
  for i = 1, n do
    list[i] = cases:make(i)
    emit_function(c, list[i])
    if #list[i].tail == 0 then emit_caller(c, list[i]) end
    declare(cdef, list[i])
  end
  return { c = table.concat(c, "\n") .. "\n", cdef = table.concat(cdef, "\n") .. "\n",
    cases = list, records = records.list, seed = seed, extended = options.extended }
end

--- A new temporary folder.
function generator.folder()
  local name = os.tmpname()
  os.remove(name)
  assert(os.execute("mkdir '" .. name .. "'"))
  return name
end

local function base_name(batch, folder) return ("%s/batch%s"):format(folder, batch.seed) end

--- Compiles a batch with the machine's compiler; returns the library's path. `flags` go to the compiler.
function generator.compile(batch, folder, flags)
  local base = base_name(batch, folder)
  local file = assert(io.open(base .. ".c", "w"))
  file:write(batch.c)
  file:close()
  local command = ("unset LD_PRELOAD; %s -std=gnu11 -w -Wno-psabi %s -fPIC -shared -o %s.so %s.c"):format(
    os.getenv "CC" or "cc", flags or "-O0", base, base)
  assert(os.execute(command), "the C compiler failed: " .. command)
  return base .. ".so"
end

--- Removes what compile made.
function generator.remove(batch, folder)
  os.remove(base_name(batch, folder) .. ".c")
  os.remove(base_name(batch, folder) .. ".so")
end

return generator
