-- host/run, with main and repl: what the command does, lua5.4 does. Both run each row of
-- the table, both called `lua`: what they print, on either stream, and their exit codes agree.

local engine = require "spec.support.engine"
local command = require "spec.support.command"

-- The interpreter that runs the specs, without what may run it.
local stock = (os.getenv "MOONPOOL_LUA" or "lua5.4"):match "%S+$"

local files = {
  ["args.lua"] = [[
    local t = {}
    for i = -12, 12 do if arg[i] then t[#t + 1] = i .. "=" .. arg[i] end end
    print(table.concat(t, " "), #arg, select("#", ...), ...)
  ]],
  ["a.lua"] = "x = (x or '') .. 'a' print(x) return x, 2",
  ["mod.lua"] = "print('mod', ...) return {name = 'mod'}",
  ["silent.lua"] = "silent = 1",
  ["nothing.lua"] = "return false",
  ["broken.lua"] = "return = 1",
  ["raises.lua"] = "error 'raised while loading'",
  ["fail.lua"] = "\nlocal function f() error 'no good' end\nlocal function g() f() end\ng()",
  ["syntax.lua"] = "x = = 1",
  ["unfinished.lua"] = "for i = 1, 2 do",
  ["shebang"] = "#!/usr/bin/env lua\nprint 'after the first line'",
  ["shebang2"] = "#!/usr/bin/env lua\n\nerror 'line 3'",
  ["bom.lua"] = "\239\187\191print 'after the mark'",
  ["bombang.lua"] = "\239\187\191#!shebang\nprint 'after both'",
  ["bad1.lua"] = "\239", ["bad2.lua"] = "\239\187print(3)", ["bad3.lua"] = "\239print(3)",
  ["bang.luac"] = "#comment\n" .. string.dump(load "print 'bytes'"),
  ["empty.lua"] = "",
  ["binary.luac"] = string.dump(load "print('from bytes', ...)"),
  ["broken.luac"] = string.dump(load "return 1"):sub(1, 30),
  ["init.lua"] = "initialized = 'by file'",
  ["-x"] = "print 'a file named -x'",
  ["exit.lua"] = "local c <close> = setmetatable({}, {__close = function() print 'closed' end}) os.exit(3, true)",
}

-- What scripts say of objects that are in the way.
local object = "setmetatable({}, {__tostring = function() return 'my object' end})"
local silent = "setmetatable({}, {__tostring = function() error 'no text' end})"
local number = "setmetatable({}, {__tostring = function() return 12 end})"
local named = "setmetatable({}, {__name = 'Named'})"
local function closing(what) return "local c <close> = setmetatable({}, {__close = function() " .. what .. " end})" end
local function collected(what) return "setmetatable({}, {__gc = function() " .. what .. " end})" end

-- Groups of rows: the arguments, and `input`, `env`, `pipe` (a command that reads the output).
local e = function(code, rest)
  local row = rest or {}
  table.insert(row, 1, "-e")
  table.insert(row, 2, code)
  return row
end
local i = function(input, rest)
  local row = rest or {}
  row[#row + 1], row.input, row.session = "-i", input, true
  return row
end

local groups = {
  { "options",
    { "-e", "print(1)" }, { "-eprint(1)" }, { "-e", "print(1)", "-eprint(2)", "-e", "print(3)" }, { "-e", "" },
    { "-e", "print(1)", "a.lua" }, { "-e", "x = 'b'", "-l", "mod", "a.lua" }, { "-e" }, { "-e", "-v" },
    { "-e", "--" },
    { "-e", "-" }, { "-e", "return" }, { "-e", "x =" }, { "-e", "=1" }, { "-e", "print(...)", "a.lua", "y" },
    { "-l", "mod" }, { "-lmod", "-e", "print(mod.name)" }, { "-l", "g=mod", "-e", "print(g.name, mod)" },
    { "-lg=mod", "-e", "print(g.name)" }, { "-l", "=mod", "-e", "print(_G[''].name)" }, { "-l", "g=", "-e", "" },
    { "-l", "silent", "-e", "print(silent)" }, { "-l", "nothing", "-e", "print(nothing)" },
    { "-l", "none" }, { "-l", "broken" }, { "-l", "raises" }, { "-l" }, { "-l", "-e" }, { "-l", "g=mod=x" },
    { "-l", "s=string", "-e", "print(s == string)" }, { "-l", "a.b=mod", "-e", "print(_G['a.b'].name)" },
    { "-W", "-e", "warn('a', 'b')" }, { "-e", "warn 'a'", "-W", "-e", "warn 'b'" }, { "-W", "a.lua" },
    { "-e", "warn('@on') warn('x') warn('@off') warn('y') warn('@on', 'z') warn('@what')" },
    { "-W", "-e", "warn()" }, { "-W", "-e", "warn({})" },
    { "-E", "-e", "print(x)", env = { LUA_INIT = "x = 1", LUA_INIT_5_4 = "x = 2" } },
    { "-E", "-e", "print(package.path, package.cpath)", env = { LUA_PATH = "p", LUA_CPATH = "c" } },
    { "-e", "print(package.path, package.cpath)", "-E", env = { LUA_PATH_5_4 = "p", LUA_CPATH_5_4 = "c" } },
    { "-e", "print(os.getenv 'LUA_INIT')", "-E", env = { LUA_INIT = "x = 1" } },
    { "--", "a.lua" }, { "--", "-x" }, { "--" , input = "print 'stdin'" }, { "-e", "print(1)", "--" },
    { "-", "-h", input = "print(arg[1], ...)" }, e("debug.debug()", { input = "io.stderr:write(1000)\ncont\n" }),
    { "-", input = "print('stdin', ...)" }, { "-", "a", "b", input = "print(arg[-1], arg[0], ...)" },
    { "-e", "print(1)", "-", input = "print 'stdin'" }, { "--", "-", input = "print 'never'" },
    { "-x" }, { "-h" }, { "-ve" }, { "-vi" }, { "-Ex" }, { "-EW" }, { "-Wx" }, { "-i1" }, { "-i-" }, { "---" },
    { "--x" }, { "-vv", "a.lua" }, { "-e", "print(1)", "-x" }, { "a.lua", "-x" }, { "-\n" }, { "--e", "x" },
    { "", "x" }, { " " },
  },
  { "stdin",
    { input = "print('from stdin', ..., arg[0] ~= nil)" }, { input = "" }, { input = "x = )" },
    { input = "error 'x'" },
    { input = "#!/usr/bin/lua\nprint 'after it'" }, { input = "#!/usr/bin/lua\n\nerror 'line 3'" },
    { input = "# only" },
    { input = files["binary.luac"] }, { input = "\27Lua" }, { "-e", "x = 1", input = "print 'never'" },
    { "-v", "-e", "", input = "print 'never'" }, { "-l", "mod", input = "print(mod.name)" },
    { "-W", input = "warn 'w'" }, { "-", input = "print(io.read 'l')\nrest" }, { "-E", input = "print(1)" },
    e("print(io.read('n', 'l', 'a'))", { input = "12 x\nrest\n" }), { input = "os.exit(5)" },
    { input = ("print 'a long one'\n"):rep(2000) },
  },
  { "scripts",
    { "args.lua" }, { "args.lua", "x", "y z", "" }, { "-e", "", "args.lua", "-v", "--", "-e" },
    { "-W", "-E", "-l", "string", "--", "args.lua", "1" },
    { "-e", "arg = {'n', [0] = 's', [-1] = 'm'}", "args.lua", "x" },
    { "-e", "arg = nil", "args.lua" }, { "-e", "arg = 1", "args.lua" },
    { "-e", "arg[2] = nil", "args.lua", "1", "2", "3" },
    { "-e", "arg = setmetatable({}, {__len = function() return 3 end})", "args.lua" },
    { "-e", "arg = setmetatable({}, {__len = function() return 1e8 // 1 | 0 end})", "args.lua" },
    { "-e", "for k = -3, 3 do print(k, arg[k]) end" }, { "none.lua" }, { "syntax.lua" }, { "unfinished.lua" },
    { "fail.lua" },
    { "bad1.lua" }, { "bad2.lua" }, { "bad3.lua" }, { "bang.luac" }, { "-l", "./mod", "-e", "print(_G['./mod'].name)" },
    { "shebang" }, { "shebang2" }, { "bom.lua" }, { "bombang.lua" }, { "empty.lua" }, { "binary.luac", "x" },
    { "broken.luac" }, { "." }, { "exit.lua" }, { "./a.lua" }, { "none/none.lua" },
  },
  { "errors",
    e "error()", e "error(nil)", e "error({})", e("error(" .. object .. ")"), e("error(" .. silent .. ")"),
    e("error(" .. number .. ")"), e("error(" .. named .. ")"), e "error(12)", e "error(1.5)", e "error(true)",
    e "error(print)", e "error(io.stdout)", e "error('no position', 0)", e "error('two', 2)", e "error('')",
    e "error 'with\\0zero'", e "error 'lines\\nof text'", e "local x = nil + 1", e "x.y.z = 1", e "x = {} .. 's'",
    e "none()",
    e "local t = {} t.f()", e "string.rep()", e "('x'):bad()", e "local f = load 'x =' f()", e "assert(false)",
    e "assert(nil, 'm')",
    e "assert(false, {})", e "goto nowhere", e "break", e "local x <const> = 1 x = 2", e "x = 'unfinished",
    e "x = [[unfinished",
    e "x = 0x", e "return 1 1", e "x = '\\q'", e "local function f() return 1 + f() end f()",
    e "local function f(n) if n == 0 then error 'deep' end return (f(n - 1)) end f(60)",
    e "local function f(s) return s:gsub('.', f) end f 'x'", e "coroutine.wrap(function() error 'in it' end)()",
    e "coroutine.wrap(function() error({}) end)()", e "coroutine.yield()",
    e("x = " .. ("("):rep(300) .. "1" .. (")"):rep(300)), e "string.rep('x', 1 << 40)",
    e "error(setmetatable({}, {__tostring = 1}))",
    e "debug.traceback = nil error 'x'", e "error = nil error 'x'", e "load(function() error 'reader' end)()",
    e "dofile 'fail.lua'",
    e "dofile 'none.lua'", e "require 'fail'",
    e "local t = setmetatable({}, {__index = function() error 'index' end}) return t.x",
    e "xpcall(error, function(m) print(m) end, 'handled')", e "print(xpcall(error, error))",
    e "table.sort({3, 1, 2}, function() error 'compare' end)", e "-- a comment", e "error 'first'",
    { "-e", "error 'one'", "-e", "print(2)" },
    { "-e", "print(1)", "syntax.lua" }, { "-l", "none", "-e", "print(1)" },
  },
  { "ends",
    e "os.exit()", e "os.exit(true)", e "os.exit(false)", e "os.exit(3)", e "os.exit(256 + 7)",
    e "os.exit(0, true)",
    e "os.exit(-1)", e "os.exit('x')", e "os.exit(7.0)", e "os.exit(true, true)", e "os.exit(false, true)",
    e "os.exit(nil)",
    e("x = " .. collected "print 'gc'" .. " os.exit(2)"),
    e("x = " .. collected "print 'gc'" .. " os.exit(2, true)"),
    e("x = " .. collected "print 'gc'"), e("x = " .. collected "print 'gc'" .. " error 'x'"),
    e("x = " .. collected "error 'in gc'"), { "-W", "-e", "x = " .. collected "error 'in gc'" },
    { "-W", "-e", "x = " .. collected "error({})" },
    { "-W", "-e", "x = " .. collected "error(nil)" .. " collectgarbage()" },
    e("warn '@on' x = " .. collected "error 'in gc'" .. " x = nil collectgarbage() print 'on'"),
    e("x = " .. collected("x = " .. collected "print 'made late'") .. " "), e(closing "print 'closed'"),
    e(closing "print 'closed'" .. " error 'x'"), e(closing "error 'in close'"),
    e(closing "error 'in close'" .. " error 'x'"),
    e(closing "print 'closed'" .. " os.exit(4, true)"), e(closing "print 'closed'" .. " os.exit(4)"),
    e(closing "error 'in close'" .. " os.exit(4, true)"), e(closing "error({})"),
    e("coroutine.wrap(function() " .. closing "print 'closed'" .. " os.exit(5, true) end)()"),
    { "-W", "-e",
      "x = " .. collected("print(2) y = " .. collected "print(3)" .. " print(collectgarbage()) os.exit(0, true)") },
    e("x = " .. collected "print(1)" .. " y = " .. collected "error 'Y'", { "-W" }),
    e("c = coroutine.wrap(function() " .. closing "print 'never'" .. " coroutine.yield() end) c()"),
    e("x = " .. collected "os.exit(6)"), e("x = " .. collected "coroutine.yield()"),
    e "io.stdout:setvbuf 'full' io.write 'buffered'",
    e "io.stdout:close() print 'x'", e "io.stderr:write 'to stderr' io.stderr:close() error 'x'",
    e "io.write 'no newline' os.exit(true)",
    e "debug.sethook(function() error 'hook' end, 'c') print(1)",
    e "collectgarbage 'stop' collectgarbage 'generational' print(1)",
    e("for n = 1, 1e5 do io.write(n, ' numbers to nobody\\n') end", { pipe = "head -c 10" }),
    e("io.stdout:setvbuf 'no' for n = 1, 1e5 do io.write(n, '\\n') end", { pipe = "head -c 2" }),
    e("io.popen('sleep .2; kill -INT $PPID') while true do end"),
    e("io.popen('sleep .2; kill -INT $PPID') print(pcall(function() while true do end end)) print 'on'"),
    e("io.popen('sleep .2; kill -TERM $PPID') while true do end"),
    { "-e", "io.popen('sleep .2; kill -INT $PPID') pcall(load 'while true do end')", "-e", "print 'two'" },
  },
  { "the environment",
    e("print(x)", { env = { LUA_INIT = "x = 'init'" } }),
    e("print(x)", { env = { LUA_INIT = "x = 1", LUA_INIT_5_4 = "x = 2" } }),
    e("print(initialized)", { env = { LUA_INIT = "@init.lua" } }),
    e("print(initialized)", { env = { LUA_INIT_5_4 = "@init.lua" } }),
    e("print(1)", { env = { LUA_INIT = "@none.lua" } }),
    e("print(1)", { env = { LUA_INIT = "@" }, input = "print 'stdin'" }),
    e("print(1)", { env = { LUA_INIT = "x =" } }), e("print(1)", { env = { LUA_INIT_5_4 = "error 'bad'" } }),
    e("print(1)", { env = { LUA_INIT = "" } }), e("print(1)", { env = { LUA_INIT = "os.exit(8)" } }),
    e("print(x)", { env = { LUA_INIT = "x = 1", LUA_INIT_5_4 = "" } }),
    { env = { LUA_INIT = "print(arg[0], ...)" }, input = "" },
    { "a.lua", env = { LUA_INIT = "error({})" } }, { "-v", "-e", "", env = { LUA_INIT = "print 'init'" } },
    e("print(package.path)", { env = { LUA_PATH = "./?.x;;" } }),
    e("print(package.path)", { env = { LUA_PATH = "./?.x" } }),
    e("print(package.path)", { env = { LUA_PATH = "a", LUA_PATH_5_4 = ";;b" } }),
    e("print(package.path)", { env = { LUA_PATH = "" } }),
    e("print(package.cpath)", { env = { LUA_CPATH = ";;" } }),
    e("print(package.cpath)", { env = { LUA_CPATH_5_4 = "c;;d" } }),
    e("print(package.path, package.cpath, package.config)"),
    e("require 'none'", { env = { LUA_PATH = "x?y;z", LUA_CPATH = "" } }),
  },
  { "sessions",
    i "", i("--\na = 2\n",
      { "-e", "local n = 0 _PROMPT = setmetatable({}, {__tostring = function() n = n + 1 return n end})" }),
    i("(6 * 2 - 6) -- ===\na =\n10\nprint(a)\na", { "-e", "_PROMPT = '' _PROMPT2 = ''" }),
    i("function f ( x )\n\nlocal a = [[\nb\n]]\n\nif x == 11 then return 12 ,\n22 end --[[ more\n]]\nend\n"
      .. "do return f( 11 ) end"),
    i "\n", i "1 + 1\n", i "1, nil, 'x'\n", i "= 5\n", i "=\n", i "==1\n", i "=x,\n7\n", i "x = 5\nx\n",
    i "local y = 1\ny\n",
    i "for k = 1, 2 do\nprint(k)\nend\n", i "x = [[a\nb]]\n#x\n", i "x = {\n1}\n#x\n", i "f(\n1)\n",
    i "x = )\n'on'\n", i "error 'bad'\n'on'\n",
    i "error {}\n", i("error(" .. object .. ")\n"), i "error()\n", i "1 +\n2\n", i "return 1, 2\n", i "return\n",
    i "; ;\n", i "-- x\n",
    i "'no newline'", i "_PROMPT = '1> ' _PROMPT2 = '2> '\ndo\nend\n", i("_PROMPT = " .. object .. "\nprint 'x'\n"),
    i "_PROMPT = 12\nprint 'x'\n", i "_PROMPT = ''\nprint 'x'\n", i "_PROMPT = false\nprint 'x'\n",
    i("_PROMPT = " .. silent .. "\n"),
    i "_PROMPT2 = 7\ndo\nend\n", i "print = nil\n1\n", i "print = 1\n'x'\n", i "function print() error {} end\n1\n",
    i "function print(...) io.write('mine ', ...) end\n1\n", i "os.exit(3)\n", i "os.exit(true, true)\n",
    i("x\n", { "-e", "x = 'before'" }), i("x\n", { "-l", "mod" }), i("x, arg[0], ...\n", { "-W" }), i("", { "-v" }),
    { "-i", "a.lua", input = "x\n", session = true }, { "-i", "fail.lua", input = "'never'\n", session = true },
    { "-i", "args.lua", "u", "v", input = "#arg, arg[0], ...\n", session = true },
    { "-i", "--", "a.lua", input = "x\n", session = true },
    { "-i", "none.lua", input = "1\n", session = true }, { "-i", "-e", "error 'x'", input = "1\n", session = true },
    { "-i", "-", input = "print 'script'\n", session = true }, i("x\n", { "-E" }),
    i "x <const> = 1\n", i "goto x\n::x::\n", i "local a <close> = 1\n", i "if true then return 5 end\n",
    i "f = function() return f() + 1 end\n",
    i "io.popen('sleep .2; kill -INT $PPID') while true do end\n'on'\n", i "coroutine.yield()\n",
    i "warn '@on' warn 'w'\n",
    i "('x'):rep(5)\n", i "print 'x'; 5\n", i "5;\n", i "x = 1 x\n= 2\nx\n", i "table.unpack({}, 1, 3)\n",
    i "nil\n",
    i "table.unpack({}, 1, 1e5)\n", i "for k = 1, 3 do -- <eof>\nend\n", i "x = '<eof>\ny\n", i "error('<eof>')\n",
    i("x\n", { env = { LUA_INIT = "x = 'i'" } }),
  },
}

-- {===== running =====

local run, folder = command.folder(files)
assert(run)
teardown(function() engine.run("rm -rf '" .. folder .. "'") end)

local function quoted(s) return "'" .. tostring(s):gsub("'", "'\\''") .. "'" end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

-- The line of shell that runs a row by that program, and keeps what comes of it in files.
local function line_of(row, path, to)
  local words = { "(" }
  for name, value in pairs(row.env or {}) do words[#words + 1] = ("export %s=%s;"):format(name, quoted(value)) end
  words[#words + 1] = "exec -a lua " .. path
  for _, argument in ipairs(row) do words[#words + 1] = quoted(argument) end
  return ("%s) 2>%s.err <.in.%s %s >%s.out; echo ${PIPESTATUS[0]} >%s.code"):format(
    table.concat(words, " "), to, row.at, row.pipe and "| " .. row.pipe or "", to, to)
end

-- All rows in two shells, side by side.
local function run_all()
  local programs, scripts = { ours = quoted(command.path), stock = stock }, { ours = {}, stock = {} }
  for _, group in ipairs(groups) do
    for k = 2, #group do
      local row = group[k]
      row.at = #scripts.ours + 1
      write(("%s/.in.%d"):format(folder, row.at), row.input or "")
      for name, lines in pairs(scripts) do
        lines[row.at] = line_of(row, programs[name], (".%s.%d"):format(name, row.at))
      end
    end
  end
  for name, lines in pairs(scripts) do
    write(folder .. "/." .. name, table.concat(lines, "\n"))
  end
  local output, code = engine.run(("cd '%s' && %s bash -c 'bash .ours & bash .stock; wait'")
    :format(folder, command.plain))
  assert(code == 0, output)
end

-- }=====

-- {===== comparing =====

-- What differs by intent: the version's line, the list of options, addresses, how many calls a
-- stack holds above the host's own.
local function plain(text)
  return (text:gsub("moonpool [%w.]+ on (Lua 5%.4)", "%1"):gsub("(\nusage: [^\n]*\n).*", "%1")
    :gsub("0x%x+", "0x"):gsub("skipping %d+", "skipping"))
end

local function outcome(row, name)
  local path = ("%s/.%s.%d"):format(folder, name, row.at)
  return plain(read(path .. ".out")), ("%s-- exit code: %s"):format(plain(read(path .. ".err")), read(path .. ".code"))
end

-- A session shows the lines that it is given, as an interpreter with an editing library does;
-- one that was built without doesn't.
local function compare(row)
  local ours, our_end = outcome(row, "ours")
  local stocks, stocks_end = outcome(row, "stock")
  if row.session and ours ~= stocks then
    local first, rest = ours:match "^([^\n]*\n)(.*)$"
    ours = first .. command.without_echo(rest, row.input)
  end
  assert.equal(stocks, ours)
  assert.equal(stocks_end, our_end)
end

local function title(row)
  local words = {}
  for name, value in pairs(row.env or {}) do words[1] = name .. "=" .. value end
  for _, argument in ipairs(row) do words[#words + 1] = argument end
  if row.input then words[#words + 1] = "<<" .. row.input:sub(1, 60) end
  if row.pipe then words[#words + 1] = "| " .. row.pipe end
  return (table.concat(words, " "):gsub("%c", function(c) return ("\\%d"):format(c:byte()) end))
end

setup(run_all)

for _, group in ipairs(groups) do
  describe("as the stock interpreter, " .. group[1] .. ":", function()
    for k = 2, #group do
      it(title(group[k]), function()
        compare(group[k])
      end)
    end
  end)
end

-- }=====
