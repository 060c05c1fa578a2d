-- The house's rules that a program can check: which floor includes which, what a file must
-- hold, how long things are, what is exported, and that spec/ and the rockspec mirror src/.
-- Each check collects everything that is wrong, and says it in one failure.

local lfs = require "lfs"
local c_source = require "spec.support.c_source"
local engine = require "spec.support.engine"

-- == The rules' tables ====================================================================

local floor_of = {
  base = 1, mem = 2, type = 2, decl = 3, abi = 3, value = 4, call = 5, face = 6, host = 7,
}
local lua_headers = { ["lua.h"] = true, ["lauxlib.h"] = true, ["lualib.h"] = true }

-- Files that open with the public header instead of one of their own.
local opens_with = {
  ["src/face/embed.c"] = "moonpool.h",
  ["src/face/embed_lock.c"] = "moonpool.h",
  ["src/face/embed_memory.c"] = "moonpool.h",
  ["src/face/embed_state.c"] = "moonpool.h",
  ["src/host/main.c"] = "moonpool.h",
}

-- Sources that the spec of another name covers: each with that spec, and why.
local covered_by = {
  -- What hosts call, they test.
  ["src/face/embed.c"] = "spec/embed_spec.lua",
  ["src/face/embed_lock.c"] = "spec/call/lock_spec.lua", -- and spec/embed
  ["src/face/embed_memory.c"] = "spec/embed_spec.lua",
  ["src/face/embed_state.c"] = "spec/embed_spec.lua",
  ["src/face/lua_modules.c"] = "spec/embed_spec.lua",
  ["src/host/run.c"] = "spec/host/main_spec.lua",
  -- A heap's parts, each of which works for the others alone.
  ["src/mem/large.c"] = "spec/mem/heap_spec.lua",
  ["src/mem/region.c"] = "spec/mem/heap_spec.lua",
  ["src/mem/slab.c"] = "spec/mem/heap_spec.lua",
  ["src/mem/small.c"] = "spec/mem/heap_spec.lua",
  -- What is under the layers; what the hooks write and say.
  ["src/mem/bottom.c"] = "spec/mem/layer_spec.lua",
  ["src/mem/guard.c"] = "spec/mem/debug_spec.lua",
  ["src/mem/report.c"] = "spec/mem/debug_spec.lua",
}

-- Functions over 100 lines: dispatch switches alone, as "file: function".
local dispatch = {}

-- Variables that are not constant, as "file: variable": what outlives states, locked or atomic.
local mutable = {
  ["src/abi/closure.c: pool"] = true,
  ["src/call/owner.c: pool"] = true,
  ["src/face/lua_tests_raw.c: race"] = true, -- threads of a spec
  ["src/mem/raw.c: raw"] = true,
  ["src/mem/layer.c: calls"] = true, -- a thread's own
  ["src/mem/layer.c: given"] = true, -- a thread's own
  ["src/mem/layer.c: speaker"] = true, -- a thread's own
  ["src/mem/region.c: region_map"] = true,
}

local file_lines_max, function_lines_max = 600, 100

-- == Reading the tree =====================================================================

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

local function exists(path)
  return lfs.attributes(path, "mode") ~= nil
end

-- The files under a folder, sorted; none when it doesn't exist.
local function files_under(folder)
  local found = {}
  local function walk(path)
    for entry in lfs.dir(path) do
      local inside = path .. "/" .. entry
      if entry ~= "." and entry ~= ".." then
        local mode = lfs.attributes(inside, "mode")
        if mode == "directory" then walk(inside) elseif mode == "file" then
          found[#found + 1] = inside
        end
      end
    end
  end
  if exists(folder) then walk(folder) end
  table.sort(found)
  return found
end

local function matching(files, pattern)
  local found = {}
  for _, path in ipairs(files) do
    if path:find(pattern) then found[#found + 1] = path end
  end
  return found
end

-- Everything that is written by hand.
local function tree()
  local found = {}
  for entry in lfs.dir "." do
    if lfs.attributes(entry, "mode") == "file" then found[#found + 1] = entry end
  end
  for _, folder in ipairs { ".ci", "bench", "doc", "examples", "lua", "rockspec", "spec",
    "src", "tools" } do
    for _, path in ipairs(files_under(folder)) do found[#found + 1] = path end
  end
  return found
end

local sources = matching(files_under "src", "%.[ch]$")

-- "src/type/ctype.c" → "type", "ctype", "c"; src/moonpool.h has no floor.
local function parts_of(path)
  return path:match "^src/(%l+)/([^/]+)%.([ch])$"
end

-- A list of what is wrong, and the assertion that it is empty.
local function complaints()
  local list = {}
  return function(format, ...)
    list[#list + 1] = format:format(...)
  end, function()
    table.sort(list)
    assert(#list == 0, "\n" .. table.concat(list, "\n"))
  end
end

-- == The specs ============================================================================

describe("floors:", function()
  -- What is wrong with an include, or nil.
  local function judge(path, include)
    local floor = parts_of(path)
    local name = include.name
    if floor and not floor_of[floor] then return nil end -- judged above
    if not include.quoted then
      if lua_headers[name] and floor and floor_of[floor] < floor_of.value then
        return "nothing below value/ knows Lua"
      elseif name == "ffi.h" and floor ~= "abi" then
        return "only abi/ knows libffi"
      end
    elseif name == "moonpool.h" then
      if floor ~= "face" and floor ~= "host" then return "only face/ and host/ may" end
    else
      local target = name:match "^(%l+)/[^/]+%.h$"
      if not floor_of[target] then return "an include names its floor" end
      if floor == "host" and target ~= "host" then return "host/ uses the public header only" end
      if not floor then return "the public header includes no floor" end
      if target ~= floor and floor_of[target] >= floor_of[floor] then
        return "a file includes only lower floors, and its own folder"
      end
      if not exists("src/" .. name) then return "there is no such file" end
    end
  end

  it("every folder of src/ is one", function()
    local complain, finish = complaints()
    assert.is_true(#sources > 0)
    for _, path in ipairs(sources) do
      if not floor_of[parts_of(path)] and path ~= "src/moonpool.h" then
        complain("%s lies on no floor", path)
      end
    end
    finish()
  end)

  it("includes run only downwards", function()
    local complain, finish = complaints()
    for _, path in ipairs(sources) do
      for _, include in ipairs(c_source.includes(read(path))) do
        local wrong = judge(path, include)
        if wrong then complain("%s:%d: %s: %s", path, include.line, include.name, wrong) end
      end
    end
    finish()
  end)

  it("judges as the house says", function()
    local function ask(path, name, quoted)
      return judge(path, { name = name, quoted = quoted })
    end
    assert.is_nil(ask("src/type/ctype.c", "base/err.h", true))
    assert.is_nil(ask("src/type/ctype.c", "type/ctype.h", true))
    assert.is_nil(ask("src/value/toc.c", "lua.h", false))
    assert.is_nil(ask("src/abi/cif.c", "ffi.h", false))
    assert.is_string(ask("src/base/err.c", "type/ctype.h", true))
    assert.is_string(ask("src/decl/parse.c", "abi/cif.h", true))
    assert.is_string(ask("src/mem/heap.c", "type/ctype.h", true))
    assert.is_string(ask("src/decl/parse.c", "parser.h", true))
    assert.is_string(ask("src/abi/cif.c", "lauxlib.h", false))
    assert.is_string(ask("src/call/call.c", "ffi.h", false))
    assert.is_string(ask("src/host/main.c", "base/err.h", true))
    assert.is_nil(ask("src/host/main.c", "host/run.h", true))
  end)
end)

describe("C files:", function()
  it("each .c includes its own header first", function()
    local complain, finish = complaints()
    for _, path in ipairs(matching(sources, "%.c$")) do
      local floor, stem = parts_of(path)
      local own = opens_with[path] or ("%s/%s.h"):format(floor, stem)
      local first = c_source.includes(read(path))[1]
      if not first or first.name ~= own then complain("%s must include %s first", path, own) end
    end
    finish()
  end)

  it("each header compiles alone", function()
    local headers = table.concat(matching(sources, "%.h$"), " ")
    -- clang calls an inline function that the file itself doesn't use a mistake.
    local flags = " -Wno-unused-function -fsyntax-only -x c "
    local output, code = engine.run(engine.cc .. flags .. headers)
    assert.is_true(code == 0, output)
  end)

  it("functions that leave a file bear its name", function()
    local complain, finish = complaints()
    for _, path in ipairs(sources) do
      local _, stem, kind = parts_of(path)
      local functions, unread = c_source.functions(read(path))
      if unread then complain("%s: %s", path, unread) end
      for _, f in ipairs(functions) do
        local own = stem and f.name:find("mp_" .. stem .. "_", 1, true) == 1
        local public = f.name:find "^moonpool_" or f.name:find "^luaopen_"
        local main = path == "src/host/main.c" and f.name == "main"
        if not (own or public or main) and (not f.static or kind == "h") then
          complain("%s:%d: %s", path, f.line, f.name)
        end
      end
    end
    finish()
  end)
end)

describe("sizes:", function()
  it("no file is over 600 lines", function()
    local complain, finish = complaints()
    for _, path in ipairs(tree()) do
      if path:find "%.[ch]$" or path:find "%.lua$" or path:find "^tools/" then
        local _, lines = read(path):gsub("\n", "")
        if lines > file_lines_max then complain("%s has %d lines", path, lines) end
      end
    end
    finish()
  end)

  it("no function is over 100 lines", function()
    local complain, finish = complaints()
    for _, path in ipairs(sources) do
      for _, f in ipairs((c_source.functions(read(path)))) do
        if f.lines > function_lines_max and not dispatch[path .. ": " .. f.name] then
          complain("%s:%d: %s has %d lines", path, f.line, f.name, f.lines)
        end
      end
    end
    finish()
  end)

  it("are measured right", function()
    local functions = c_source.functions [[
static const int table[] = {1, 2};
typedef struct MpX { int (*f)(void); } MpX;
#define LIST(x) { x }
int mp_x_one(void)
{ return '{'; }
MP_FORMAT(1, 2) static void two(const char *format,
                                ...) {
  if (1) { /* } */ }
  puts("}");
}
DEFINE(1)

/* Three. */
void (*mp_x_three(int a))(void) {}
]]
    assert.are.same({
      { name = "mp_x_one", static = false, line = 4, lines = 2 },
      { name = "two", static = true, line = 6, lines = 5 },
      { name = "mp_x_three", static = false, line = 14, lines = 1 },
    }, functions)
    assert.is_string(select(2, c_source.functions "int f(void) { {"))
    assert.is_string(select(2, c_source.functions "int f(void) attribute { }"))
  end)
end)

describe("symbols:", function()
  local function symbols(command)
    local output, code = engine.run(command)
    assert.is_true(code == 0, output)
    return output
  end

  it("the module exports luaopen_* and moonpool_* alone", function()
    local complain, finish = complaints()
    local output = symbols(("nm -D --defined-only '%s/moonpool/core.so'"):format(engine.build))
    assert.is_truthy(output:find(" luaopen_moonpool_core\n", 1, true))
    for name in output:gmatch "%x+ %a ([^\n]+)" do
      -- Names with an underscore in front are the linker's and the sanitizers'.
      if not (name:find "^luaopen_" or name:find "^moonpool_" or name:find "^_") then
        complain("%s", name)
      end
    end
    finish()
  end)

  it("there are no mutable globals", function()
    local complain, finish = complaints()
    local variables = 0
    for _, path in ipairs(matching(sources, "%.c$")) do
      local object = engine.build .. path:gsub("^src", "/obj"):gsub("%.c$", ".o")
      local listing = path:find "^src/host/" and "" or symbols("objdump -t '" .. object .. "'")
      -- 0000000000000000 l     O .bss  0000000000000008 name
      for kind, section, name in listing:gmatch
        "\n%x+ .....(..) (%S+)\t[^\n]-(%S+)%f[\n]" do
        local writable = section:find "^%.t?bss" or
          section:find "^%.t?data" and not section:find "^%.data%.rel%.ro"
        if kind == " O" then variables = variables + 1 end -- thread-local ones have no O
        local instrumented = name:find "^__odr_asan" -- the sanitizer's own, one a global
        if writable and kind ~= "d " and not instrumented and not mutable[path .. ": " .. name] then
          complain("%s: %s", path, name)
        end
      end
    end
    assert.is_true(variables > 0) -- tables of constants, at the least
    finish()
  end)
end)

describe("mirrors:", function()
  local specs = matching(files_under "spec", "_spec%.lua$")

  it("each spec of a floor has its source", function()
    local complain, finish = complaints()
    for _, path in ipairs(specs) do
      local floor, stem = path:match "^spec/(%l+)/([^/]+)_spec%.lua$"
      local source = ("src/%s/%s"):format(floor, stem)
      if floor_of[floor] and not (exists(source .. ".c") or exists(source .. ".h")) then
        complain("%s: there is no %s.c or .h", path, source)
      end
    end
    finish()
  end)

  it("each source has its spec", function()
    local complain, finish = complaints()
    for _, path in ipairs(matching(sources, "%.c$")) do
      local floor, stem = parts_of(path)
      local spec = covered_by[path] or ("spec/%s/%s_spec.lua"):format(floor, stem)
      if not path:find "^src/face/lua_tests" and not exists(spec) then
        complain("%s: there is no %s", path, spec)
      end
    end
    for path in pairs(covered_by) do
      if not exists(path) then complain("covered_by names %s, which is gone", path) end
    end
    finish()
  end)

  it("the rockspec lists the tree", function()
    local complain, finish = complaints()
    local path = matching(files_under "rockspec", "%.rockspec$")[1]
    local rock = {}
    assert(loadfile(path, "t", rock))()
    local listed, wanted = {}, {}
    for name, module in pairs(rock.build.modules) do
      if type(module) == "string" then listed[name .. " = " .. module] = true end
    end
    local core = rock.build.modules["moonpool.core"]
    for _, source in ipairs(core.sources) do listed[source] = true end
    for _, source in ipairs(matching(sources, "%.c$")) do
      if not source:find "^src/host/" and not source:find "^src/face/lua_tests" then
        wanted[source] = true
      end
    end
    for _, file in ipairs(matching(files_under "lua", "%.lua$")) do
      local name = file:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")
      wanted[name .. " = " .. file] = true
    end
    for item in pairs(wanted) do
      if not listed[item] then complain("the rockspec lacks %s", item) end
    end
    for item in pairs(listed) do
      if not wanted[item] then complain("the rockspec lists %s", item) end
    end
    assert.are.equal("src", core.incdirs[1])
    finish()
  end)

  it("each message is asserted in a spec, and used", function()
    local complain, finish = complaints()
    local asserted, used = {}, {}
    for _, path in ipairs(specs) do
      if path ~= "spec/house_spec.lua" then
        local text = read(path)
        asserted[#asserted + 1] = text
        asserted[#asserted + 1] = text:gsub("%%(%p)", "%1") -- as in Lua's patterns
      end
    end
    for _, path in ipairs(matching(files_under "spec/embed", "%.c$")) do
      asserted[#asserted + 1] = read(path)
    end
    for _, path in ipairs(sources) do
      if path ~= "src/base/message.h" then used[#used + 1] = read(path) end
    end
    asserted, used = table.concat(asserted, "\n"), table.concat(used, "\n")
    local messages = c_source.messages(read "src/base/message.h")
    assert.is_truthy(next(messages))
    for name, text in pairs(messages) do
      local fixed = c_source.fixed_part(text)
      -- A format without a word of its own only joins others.
      if fixed:find "%a%a" and not asserted:find(fixed, 1, true) then
        complain("no spec asserts %s: %q", name, fixed)
      end
      if not used:find("%f[%w_]" .. name .. "%f[^%w_]") then complain("nothing uses %s", name) end
    end
    finish()
  end)

  it("reads messages right", function()
    local messages = c_source.messages [[
#define MP_MSG_A "bad '%s': \"%-3d\" " \
  "goes past %" PRId64 " 100%%!" /* "not this" */
#define MP_MSG_B "%s: %s"
]]
    assert.are.same({ MP_MSG_A = "bad '%s': \"%-3d\" goes past %d 100%%!", MP_MSG_B = "%s: %s" },
      messages)
    assert.are.equal("\" goes past ", c_source.fixed_part(messages.MP_MSG_A))
    assert.are.equal(": ", c_source.fixed_part(messages.MP_MSG_B))
    assert.are.equal(" is 100% ", c_source.fixed_part "%5.1f is 100%% %s")
  end)
end)

describe("words:", function()
  it("no file is named after nothing", function()
    local complain, finish = complaints()
    for _, path in ipairs(tree()) do
      for _, word in ipairs { "util", "misc", "helper", "common" } do
        if path:lower():find(word, 1, true) then complain("%s says %s", path, word) end
      end
    end
    finish()
  end)

  it("nothing is left for later", function()
    local complain, finish = complaints()
    local marks = { "TO" .. "DO", "FIX" .. "ME", "X" .. "XX" }
    for _, path in ipairs(tree()) do
      local text = read(path)
      for _, mark in ipairs(marks) do
        if text:find("%f[%w_]" .. mark .. "%f[^%w_]") then complain("%s: %s", path, mark) end
      end
    end
    finish()
  end)
end)
