-- The compiler as judge of a cdef: what moonpool knows of a preprocessed text is written into
-- a C program behind that text; the program, compiled, says which facts hold.
--
--   local judge = require "spec.headers.judge"
--   local result = judge.text(ffi, text, { stem = "build/headers/zlib", flags = "" })
--   result.facts, result.wrong      -- how many; a list of lines
--
-- Facts: size and alignment of each complete type with a name, offset, size, position and
-- type of each field, value of each enumerator, type of each function and variable. And
-- without the compiler: the text of each type, read back, is that type.

local judge = {}

local function write_file(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function run(command)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1"))
  local output = pipe:read "a"
  return pipe:close(), output
end

local harness = [[
#if defined(__clang__) /* it knows the type by its older name only */
#define _Float128 __float128
#endif
extern int printf(const char *, ...);
struct mp_fact { const char *what; long long compiler, moonpool; };
static unsigned long mp_good, mp_bad;
static void mp_judge(const char *what, long long compiler, long long moonpool) {
  if (compiler == moonpool) { mp_good++; return; }
  mp_bad++;
  printf("WRONG %s: %lld, moonpool says %lld\n", what, compiler, moonpool);
}
static void mp_bits(const char *what, const unsigned char *b, unsigned long n,
                    long long start, long long width) {
  long long first = -1, count = 0;
  unsigned long i;
  for (i = 0; i < n * 8; i++)
    if (b[i / 8] >> (i % 8) & 1) { if (first < 0) first = (long long)i; count++; }
  mp_judge(what, first, start);
  mp_judge(what, count, width);
}
#define MP_TYPE(type, ...) __builtin_types_compatible_p(type, __VA_ARGS__)
]]

-- Collects facts as lines of C.
local function collector()
  local constants, code = {}, {}
  local c = { constants = constants, code = code, trips = 0, broken = {} }
  function c.fact(what, value)
    constants[#constants + 1] = ('{"%s",(long long)(%s),%s}'):format(what:gsub('[\\"]', "\\%0"), what, value)
  end
  function c.bits(type, path, start, width)
    code[#code + 1] = ("{ union { %s t; unsigned char b[sizeof(%s)]; } u; __builtin_memset(&u, 0, sizeof u); " ..
      "u.t.%s = -1; mp_bits(\"%s.%s\", u.b, sizeof u.b, %d, %d); }")
      :format(type, type, path, type, path, start, width)
  end
  return c
end

-- May the text of a type stand in C's type names? GCC refuses `aligned` there, and a record
-- without any name has none.
local function is_speakable(text)
  return not text:find("<anonymous>", 1, true) and not text:find("aligned", 1, true)
end

local function attribute(ctype, name)
  local ok, value = pcall(function() return ctype[name] end)
  return ok and value or nil
end

local function round_trip(ffi, c, ctype)
  local text = ffi.getctype(ctype)
  if text:find("<anonymous>", 1, true) then return text end
  c.trips = c.trips + 1
  local ok, again = pcall(ffi.typeof, text)
  if not ok or again ~= ctype then c.broken[#c.broken + 1] = "read back: " .. text end
  return text
end

local function is_tagless(ctype)
  return (ctype.kind == "struct" or ctype.kind == "union")
    and ctype.cname:find("<anonymous>", 1, true)
end

local function fields_of(ffi, c, ctype, type, prefix, base)
  for _, field in ipairs(attribute(ctype, "fields") or {}) do
    local path = prefix .. field.name
    local place = ("((%s *)0)->%s"):format(type, path)
    if field.bitsize >= 0 then
      c.bits(type, path, (base + field.offset) * 8 + field.bitshift, field.bitsize)
    else
      c.fact(("__builtin_offsetof(%s, %s)"):format(type, path), base + field.offset)
      local size = attribute(field.type, "size")
      if size and size >= 0 and not ffi.getctype(field.type):find("[]", 1, true) then
        c.fact(("sizeof(%s)"):format(place), size)
      end
      local text = round_trip(ffi, c, field.type)
      if is_speakable(text) then c.fact(("MP_TYPE(__typeof__(%s), %s)"):format(place, text), 1) end
      if is_tagless(field.type) then
        fields_of(ffi, c, field.type, type, path .. ".", base + field.offset)
      end
    end
  end
end

local function measure(ffi, c, name)
  local ok, size = pcall(ffi.sizeof, name)
  if not ok then return nil end
  c.fact(("sizeof(%s)"):format(name), size)
  -- _Alignof caps a vector's alignment at the machine's usual one; layout doesn't
  c.fact(("__alignof__(%s)"):format(name), ffi.alignof(name))
  return true
end

-- Names of all enumerators in a preprocessed text.
local function enumerators(text)
  local names = {}
  text = text:gsub("__attribute__%s*%b()", ""):gsub("'[^'\n]*'", "0")
  for body in text:gmatch "%f[%w_]enum%f[^%w_][%s%w_]*(%b{})" do
    body = body:sub(2, -2):gsub("%b()", "0") .. ","
    for name in body:gmatch "%s*([%a_][%w_]*)[^,]*," do names[#names + 1] = name end
  end
  return names
end

local function value_text(v)
  if math.type(v) ~= "integer" then return tostring(v) .. "ULL" end
  if v == math.mininteger then return "(-9223372036854775807LL - 1)" end
  return v .. "LL"
end

local function collect_types(ffi, c)
  local typedefs, structs, unions = ffi.list_types()
  for kind, list in pairs { struct = structs, union = unions } do
    for _, tag in ipairs(list) do
      local name = tag:find("^" .. kind .. " ") and tag or kind .. " " .. tag
      if measure(ffi, c, name) then fields_of(ffi, c, ffi.typeof(name), name, "", 0) end
    end
  end
  for _, name in ipairs(typedefs) do
    local ctype = ffi.typeof(name)
    local text = round_trip(ffi, c, ctype)
    if ctype.kind ~= "function" then measure(ffi, c, name) end
    if text == name then
      fields_of(ffi, c, ctype, name, "", 0)
    elseif is_speakable(text) and ctype.kind ~= "void" then
      c.fact(("MP_TYPE(%s, %s)"):format(name, text), 1)
    end
  end
end

local function collect_values(ffi, c, text)
  local seen = {}
  for _, name in ipairs(enumerators(text)) do
    local ok, value = pcall(function() return ffi.C[name] end)
    if ok and not seen[name] then c.fact(name, value_text(value)) end
    seen[name] = true
  end
  -- every word of the text that has a type and names none: functions and variables
  for name in text:gmatch "%f[%w_][%a_][%w_]*" do
    if not seen[name] then
      seen[name] = true
      local ok, ctype = pcall(ffi.typeof, ("__typeof__(%s)"):format(name))
      local of = ok and not pcall(ffi.typeof, name) and round_trip(ffi, c, ctype)
      if of and is_speakable(of) then
        c.fact(("MP_TYPE(__typeof__(%s), %s)"):format(name, of), 1)
      end
    end
  end
end

local function program(text, c)
  local out = { text, harness, "static const struct mp_fact mp_facts[] = {" }
  out[#out + 1] = table.concat(c.constants, ",\n")
  out[#out + 1] = "};"
  for i = 1, #c.code, 200 do -- functions of a size that compiles fast
    out[#out + 1] = ("static void mp_part%d(void) {"):format(i)
    out[#out + 1] = table.concat(c.code, "\n", i, math.min(i + 199, #c.code))
    out[#out + 1] = "}"
  end
  out[#out + 1] = "int main(void) { unsigned long i; for (i = 0; i < sizeof mp_facts / sizeof mp_facts[0]; i++)"
  out[#out + 1] = "mp_judge(mp_facts[i].what, mp_facts[i].compiler, mp_facts[i].moonpool);"
  for i = 1, #c.code, 200 do out[#out + 1] = ("mp_part%d();"):format(i) end
  out[#out + 1] = 'printf("GOOD %lu BAD %lu\\n", mp_good, mp_bad); return 0; }'
  return table.concat(out, "\n")
end

--- Judges what `ffi` knows, to which `text` and nothing else was declared. `options.stem` is
--- a path for the files that it writes, `options.flags` for the compiler. Raises when the
--- program doesn't compile.
function judge.text(ffi, text, options)
  local c = collector()
  collect_types(ffi, c)
  collect_values(ffi, c, text)
  local source, binary = options.stem .. "_facts.c", options.stem .. "_facts"
  write_file(source, program(text, c))
  local ok, output = run(("unset LD_PRELOAD; %s -w -O0 %s -o '%s' '%s'")
    :format(os.getenv "CC" or "cc", options.flags or "", binary, source))
  if not ok then error("the program of facts doesn't compile:\n" .. output:sub(1, 2000), 0) end
  ok, output = run("unset LD_PRELOAD; '" .. binary .. "'")
  local good, bad = output:match "GOOD (%d+) BAD (%d+)"
  if not ok or not good then error("the program of facts failed:\n" .. output:sub(1, 2000), 0) end
  local wrong = c.broken
  for line in output:gmatch "WRONG ([^\n]*)" do wrong[#wrong + 1] = line end
  return { facts = good + bad + c.trips, wrong = wrong }
end

return judge
