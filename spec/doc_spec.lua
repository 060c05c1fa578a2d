-- The Lua in README.md and doc/*.md runs, and prints what its comments say.
--
-- A ```lua block that starts with `local ffi = require "moonpool"` begins a program; the
-- blocks behind it, up to the next such one, continue it. Each program has an instance of
-- its own. `--> text` is what the prints on its line write, `…` in it anything; a line of
-- such a comment alone continues the one above. Runs of white space count as one space.
--
-- A ```c block that starts with `/* name.c */` is a program: it is compiled against the
-- build, and the ```text block behind it is what it prints, `…` in it anything.

local lfs = require "lfs"

local engine = require "spec.support.engine"

local BEGIN = '^local ffi = require "moonpool"'

-- The programs of a Markdown text, as { line =, code =, expected = { [line] = text } }.
-- Empty lines stand in front of the code, so that its lines are those of the text.
local function programs(text)
  local found, program, inside, first, anchor = {}, nil, false, false, nil
  local n = 0
  for line in (text .. "\n"):gmatch "(.-)\n" do
    n = n + 1
    local code = ""
    if line:find "^```" then
      inside = not inside and line == "```lua"
      first = inside
    elseif inside then
      if not program or first and line:find(BEGIN) then
        program = { line = n, lines = {}, expected = {} }
        found[#found + 1] = program
        for i = 1, n - 1 do program.lines[i] = "" end
      end
      first = false
      code = line
      local said = line:match "%-%->%s*(.-)%s*$"
      if not line:find "^%s*%-%->" then anchor = n end
      if said then
        local before = program.expected[anchor]
        program.expected[anchor] = before and before .. " " .. said or said
      end
    end
    if program then program.lines[n] = code end
  end
  for _, p in ipairs(found) do p.code = table.concat(p.lines, "\n") end
  return found
end

local function squeezed(s)
  return (s:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", ""))
end

local function fits(written, expected)
  local pattern = squeezed(expected):gsub("%p", "%%%0"):gsub("…", ".*")
  return written ~= nil and squeezed(written):find("^" .. pattern .. "$") ~= nil
end

-- Runs a program; returns what it wrote by line, and its error.
local function run(program, name)
  local chunkname, written, ffi = "=" .. name, {}, engine.new()
  local function line_of_print()
    for level = 3, math.huge do
      local info = debug.getinfo(level, "Sl")
      if not info then return 0 end
      if info.source == chunkname and info.currentline > 0 then return info.currentline end
    end
  end
  local env = setmetatable({
    ffi = ffi,
    require = function(module) return module == "moonpool" and ffi or require(module) end,
    print = function(...)
      local words = table.pack(...)
      for i = 1, words.n do words[i] = tostring(words[i]) end
      local n = line_of_print()
      written[n] = (written[n] and written[n] .. " " or "") .. table.concat(words, "\t")
    end,
  }, { __index = _G })
  local chunk, message = load(program.code, chunkname, "t", env)
  if chunk then
    local ok, raised = xpcall(chunk, debug.traceback)
    message = not ok and raised or nil
  end
  ffi.onreport(nil)
  return written, message
end

-- What is wrong with a program: a list of texts.
local function judge(program, name)
  local wrong = {}
  local written, message = run(program, name)
  if message then wrong[1] = message end
  for line, expected in pairs(program.expected) do
    if not fits(written[line], expected) then
      wrong[#wrong + 1] = ("%s:%d: expected %s\n\tgot %s"):format(name, line, expected,
        written[line] or "nothing")
    end
  end
  table.sort(wrong)
  return wrong
end

-- The C programs of a Markdown text, as { name =, code =, expected = }.
local function c_programs(text)
  local found = {}
  for name, code, expected in text:gmatch "\n```c\n/%* (%w+%.c) %*/\n(.-)\n```\n+```text\n(.-)\n```\n" do
    found[#found + 1] = { name = name, code = code, expected = expected }
  end
  return found
end

-- Compiles and runs a C program; what the compiler says, or the program prints.
local function run_c(program)
  local path = os.tmpname()
  local file = assert(io.open(path .. ".c", "w"))
  file:write(program.code, "\n")
  file:close()
  local output, code = engine.run((
    "%s -Werror -o %s %s.c %s/libmoonpool.a $(pkg-config --libs lua5.4 libffi) -ldl -lm -pthread"
  ):format(engine.cc, path, path, engine.build))
  if code == 0 then output = engine.run("timeout 60 " .. path) end
  os.remove(path .. ".c")
  os.remove(path)
  return output
end

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local paths = { "README.md" }
for entry in lfs.dir "doc" do
  if entry:find "%.md$" then paths[#paths + 1] = "doc/" .. entry end
end
table.sort(paths)

for _, path in ipairs(paths) do
  local name = path:match "[^/]+$"
  describe(path, function()
    for _, program in ipairs(programs(read(path))) do
      it("runs, and prints what it says, from line " .. program.line, function()
        local wrong = judge(program, name)
        assert(#wrong == 0, "\n" .. table.concat(wrong, "\n"))
      end)
    end
    for _, program in ipairs(c_programs(read(path))) do
      it("compiles " .. program.name .. ", which prints what it says", function()
        local output = run_c(program)
        assert(fits(output, program.expected), output)
      end)
    end
  end)
end

describe("the guide", function()
  it("names everything in an instance", function()
    local text, missing = read "doc/guide.md", {}
    for name in pairs(engine.new()) do
      if not name:find "^RTLD_" and not text:find("ffi%." .. name .. "%f[^%w_]") then
        missing[#missing + 1] = name
      end
    end
    assert.same({}, missing)
  end)
end)

describe("this check", function()
  -- The complaints about a text of one program.
  local function complaints(...)
    local found = programs(table.concat({ "```lua", ... }, "\n") .. "\n```\n")
    assert.equal(1, #found)
    return judge(found[1], "x.md")
  end

  it("takes what is right", function()
    assert.same({}, complaints("print(1, nil) --> 1  nil", 'print("a\\nb") --> a', "  --> b"))
    assert.same({}, complaints("for i = 1, 3 do print(i) end --> 1 2 3"))
    assert.same({}, complaints 'print(pcall(error, "x.y: z")) --> false … z')
    assert.same({}, complaints("local a = ffi.sizeof 'int'", "```", "words", "```lua", "print(a) --> 4"))
  end)

  it("refuses another output, none, an error, and what doesn't compile", function()
    assert.same({ "x.md:2: expected 2\n\tgot 1" }, complaints "print(1) --> 2")
    assert.same({ "x.md:2: expected 1\n\tgot 11" }, complaints "print(11) --> 1")
    assert.same({ "x.md:2: expected 1\n\tgot nothing" }, complaints "local _ = 1 --> 1")
    assert.matches("^x.md:3: oops", complaints("", "error 'oops'")[1])
    assert.matches("^x.md:%d+: ", complaints "print(" [1])
  end)

  it("gives each program its own declarations", function()
    local block = '```lua\nlocal ffi = require "moonpool"\nffi.cdef "struct s { %s a; };"\n```\n'
    local found = programs(block:format "int" .. block:format "long")
    assert.equal(2, #found)
    assert.same({}, judge(found[1], "x.md"))
    assert.same({}, judge(found[2], "x.md"))
  end)
end)
