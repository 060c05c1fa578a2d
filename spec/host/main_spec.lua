-- host/main: the command's options, arguments, exit codes and messages.

local command = require "spec.support.command"
local engine = require "spec.support.engine"

local run, folder = command.folder {
  ["args.lua"] = [[
    local t = {}
    for i = -9, 9 do if arg[i] then t[#t + 1] = i .. "=" .. arg[i] end end
    print(table.concat(t, " "), "...", ...)
  ]],
  ["a.lua"] = "x = (x or '') .. 'a' print(x) return {x}",
  ["mod.lua"] = "print('mod', ...) return {name = 'mod'}",
  ["fail.lua"] = "\nlocal function f() error 'no good' end\nf()",
  ["syntax.lua"] = "x = = 1",
  ["exit.lua"] = "os.exit(...)",
  ["init.lua"] = "initialized = 'by file'",
  ["overflow.lua"] = [[
    local ffi = require "ffi"
    ffi.cdef "void *memset(void *, int, size_t);"
    local p = ffi.new "char[16]"
    ffi.C.memset(p, 120, 17)
    ffi.release(p)
  ]],
  ["shebang"] = "#!/usr/bin/env moonpool\nprint 'after the first line'",
  ["-x"] = "print 'a file named -x'",
}

teardown(function() engine.run("rm -rf '" .. folder .. "'") end)

-- Runs with these arguments; everything went well.
local function prints(expected, arguments)
  local r = run(arguments)
  assert.equal("", r.err)
  assert.equal(expected, r.out)
  assert.equal(0, r.code)
end

local function fails(expected, arguments)
  local r = run(arguments)
  assert.equal(expected, r.err:sub(1, #expected))
  assert.equal(1, r.code)
  return r.err
end

local VERSION = "moonpool " .. require "moonpool".version .. " on Lua 5.4"

describe("options of moonpool:", function()
  it("-e runs a statement, in its own word or the next", function()
    prints("1\n2\n", { "-eprint(1)", "-e", "print(2)" })
  end)

  it("-l requires a module into a global", function()
    prints("mod\tmod\t./mod.lua\nmod\n", { "-lmod", "-e", "print(mod.name)" })
    prints("mod\tmod\t./mod.lua\nmod\tnil\n", { "-l", "m=mod", "-e", "print(m.name, mod)" })
  end)

  it("run in their order, before the script", function()
    prints("1\nmod\tmod\t./mod.lua\nmod\nba\n",
      { "-e", "print(1)", "-l", "mod", "-e", "print(mod.name)", "-e", "x = 'b'", "a.lua" })
  end)

  it("-v prints the version, and then there is no reading of stdin", function()
    local r = run { "-v", input = "print 'never'" }
    assert.equal(VERSION, r.out:sub(1, #VERSION))
    assert.is_nil(r.out:find("never", 1, true))
    assert.equal(0, r.code)
  end)

  it("-v goes with a script", function()
    local r = run { "-v", "a.lua" }
    assert.matches("\na\n$", r.out)
  end)

  it("-W turns warnings on", function()
    local r = run { "-W", "-e", "warn('look ', 'out')" }
    assert.equal("Lua warning: look out\n", r.err)
    assert.equal("", run { "-e", "warn 'unheard'" }.err)
    assert.equal("Lua warning: b\n", run { "-e", "warn 'a'", "-W", "-e", "warn 'b'" }.err)
  end)

  it("-E ignores the environment", function()
    local env = { LUA_INIT = "error 'init'", LUA_PATH = "nowhere" }
    prints("true\n", { "-E", "-e", "print(package.path ~= 'nowhere')", env = env })
  end)

  it("-i goes on with the terminal after the script", function()
    local r = run { "-i", "a.lua", input = "x\n" }
    assert.equal(0, r.code)
    assert.matches("\na\n> x\na\n> \n$", r.out)
  end)

  it("-- ends the options", function()
    prints("a file named -x\n", { "--", "-x" })
    prints("1\n", { "-e", "print(1)", "--" })
  end)

  it("- is a script from stdin", function()
    prints("moonpool\t-\ta\tb\n", { "-", "a", "b", input = "print(arg[-1], arg[0], ...)" })
    fails("moonpool: cannot open -", { "--", "-", input = "print 'never'" })
  end)

  it("without a script, stdin is one", function()
    prints("from stdin\n", { input = "print 'from stdin'" })
  end)

  it("an error of such a script leaves the exit code at 0, as the stock interpreter does", function()
    local r = run { input = "x = )" }
    assert.equal("moonpool: stdin:1: unexpected symbol near ')'\n", r.err)
    assert.equal(0, r.code)
    fails("moonpool: stdin:1: unexpected symbol near ')'\n", { "-", input = "x = )" })
  end)

  it("after -e, stdin isn't read", function()
    prints("", { "-e", "x = 1", input = "print 'never'" })
  end)

  it("--help shows them", function()
    local r = run { "--help" }
    assert.equal(0, r.code)
    assert.equal("usage: moonpool [options] [script [args]]\n", r.out:match "^[^\n]*\n")
  end)

  it("that are none are named, with the usage", function()
    for _, option in ipairs { "-x", "-h", "--x", "-ve", "-Ex", "-Wx", "-i1", "---", "-vv", "--helpx" } do
      local err = fails("moonpool: unrecognized option '" .. option .. "'\nusage: moonpool ", { option, "a.lua" })
      assert.is_truthy(err:find("  -e stat   execute string 'stat'\n", 1, true))
    end
  end)

  it("that lack an argument are named", function()
    fails("moonpool: '-e' needs argument\nusage: ", { "-e" })
    fails("moonpool: '-l' needs argument\nusage: ", { "-v", "-l" })
    fails("moonpool: '-e' needs argument\nusage: ", { "-e", "-v" })
  end)
end)

describe("memory:", function()
  it("--mem picks where it comes from", function()
    for _, word in ipairs { "default", "malloc", "debug", "malloc_debug" } do
      prints("4\n", { "--mem=" .. word, "-e", "print(require 'ffi'.sizeof 'int')" })
    end
    fails("moonpool: unrecognized option '--mem=none'\nusage: ", { "--mem=none" })
    fails("moonpool: unrecognized option '--mem'\nusage: ", { "--mem" })
  end)

  it("MOONPOOL_MALLOC does too, unless --mem or -E is there", function()
    local script = "print(require 'ffi'.buffer(require 'mem'.malloc(8))[0] == 0xCD)"
    local env = { MOONPOOL_MALLOC = "debug" }
    assert.equal("true\n", run({ "-e", script, env = env }).out)
    assert.equal("false\n", run({ "--mem=default", "-e", script, env = env }).out)
    assert.equal("false\n", run({ "-E", "-e", script, env = env }).out)
    fails("moonpool: MOONPOOL_MALLOC is 'none': it must be default, malloc, debug or malloc_debug\n",
      { "-e", "", env = { MOONPOOL_MALLOC = "none" } })
  end)

  it("a write past the end is reported with the script's line", function()
    local r = run { "--mem=debug", "overflow.lua" }
    assert.is_true(r.code ~= 0)
    assert.is_truthy(r.err:find("buffer overflow in block #%d+: 1 byte past the end of \"char%[16%]\""), r.err)
    assert.is_truthy(r.err:find("allocated  overflow.lua:3", 1, true), r.err)
  end)

  it("--max-mem limits it", function()
    for _, size in ipairs { "4000000", "4000K", "4M" } do
      fails("moonpool: not enough memory\n", { "--max-mem=" .. size, "-e", "x = ('x'):rep(3000000) .. 'y'" })
      prints("1\n", { "--max-mem=" .. size, "-e", "print(1)" })
    end
    prints("1\n", { "--max-mem=1G", "-e", "print(1)" })
    fails("moonpool: cannot create state: not enough memory\n", { "--max-mem=1K" })
    for _, size in ipairs { "", "x", "0", "-1", "1T", "1KB", "99999999999G", "18446744073709551616" } do
      fails("moonpool: unrecognized option '--max-mem=" .. size .. "'\n", { "--max-mem=" .. size })
    end
  end)

  it("--leaks lists what wasn't freed, however the script ends", function()
    for _, ending in ipairs { "", "os.exit()", "os.exit(true, true)", "error 'x'" } do
      local r = run { "--leaks", "-e", "x = require 'mem'.malloc(100) y = require 'ffi'.new 'char[999]' " .. ending }
      assert.is_truthy(r.err:find("moonpool: 1 block not freed, 100 bytes\n", 1, true), r.err)
      assert.is_truthy(r.err:find("(command line):1", 1, true))
    end
    prints("", { "--leaks", "-e", "require 'mem'.free(require 'mem'.malloc(100))" })
  end)

  it("--mem-stats prints numbers at the end, however that comes", function()
    local text = run({ "--mem-stats", "-e", "x = require 'mem'.malloc(5000)" }).err
    assert.is_truthy(text:find("5000", 1, true), text)
    local r = run { "--mem-stats", "-e", "x = require 'mem'.malloc(5000) os.exit(3)" }
    assert.is_truthy(r.err:find("5000", 1, true))
    assert.equal(3, r.code)
    assert.equal("", run({ "-e", "x = require 'mem'.malloc(5000)" }).err)
  end)
end)

describe("arguments of a script", function()
  it("are `...` and the table arg", function()
    prints("-1=moonpool 0=args.lua 1=x 2=y\t...\tx\ty\n", { "args.lua", "x", "y" })
    prints("-1=moonpool 0=args.lua\t...\n", { "args.lua" })
  end)

  it("have the options below 0", function()
    prints("-3=moonpool -2=-e -1= 0=args.lua 1=-v\t...\t-v\n", { "-e", "", "args.lua", "-v" })
  end)

  it("count from the program without a script", function()
    prints("moonpool\t-e\tnil\n", { "-e", "print(arg[0], arg[1], arg[-1])" })
  end)

  it("are what is in arg when the script starts", function()
    prints("-1=m 0=s 1=changed\t...\tchanged\n",
      { "-e", "arg = {[-1] = 'm', [0] = 's', 'changed'}", "args.lua", "x" })
    fails("moonpool: 'arg' is not a table", { "-e", "arg = 1", "args.lua" })
  end)

  it("are many", function()
    local words = { "args.lua" }
    for i = 1, 3000 do words[#words + 1] = i end
    local r = run(words)
    assert.matches("\t3000\n$", r.out)
  end)
end)

describe("LUA_INIT", function()
  it("is run before everything", function()
    prints("init\n1\n", { "-e", "print(1)", env = { LUA_INIT = "print 'init'" } })
  end)

  it("gives way to the one of the version", function()
    prints("5.4\n", { "-e", "", env = { LUA_INIT = "print 'any'", LUA_INIT_5_4 = "print '5.4'" } })
  end)

  it("names a file behind @", function()
    prints("by file\n", { "-e", "print(initialized)", env = { LUA_INIT = "@init.lua" } })
  end)

  it("fails under its name", function()
    fails("moonpool: LUA_INIT:1:", { "-e", "print 'never'", env = { LUA_INIT = "x =" } })
    fails("moonpool: LUA_INIT_5_4:1: bad\nstack traceback:", { "-e", "", env = { LUA_INIT_5_4 = "error 'bad'" } })
    fails("moonpool: cannot open nowhere", { "-e", "", env = { LUA_INIT = "@nowhere" } })
  end)
end)

describe("the exit code", function()
  it("is 1 also for a script that leaves no memory behind", function()
    fails("moonpool: not enough memory\n",
      { "-e", "require 'mem'.set_nomemory(0) local s = ('x'):rep(100)" })
  end)

  it("is what os.exit says", function()
    for argument, code in pairs { ["true"] = 0, ["false"] = 1, ["3"] = 3, ["0, true"] = 0, ["7, true"] = 7 } do
      assert.equal(code, run { "-e", "os.exit(" .. argument .. ")" }.code)
    end
  end)

  it("is 1 for a missing script, a syntax error, an error", function()
    fails("moonpool: cannot open nowhere.lua", { "nowhere.lua" })
    fails("moonpool: syntax.lua:1: unexpected symbol near '='", { "syntax.lua" })
    fails("moonpool: fail.lua:2: no good\nstack traceback:\n\t[C]: in function 'error'\n\tfail.lua:2: in local 'f'",
      { "fail.lua" })
  end)

  it("is 0 after a session, whatever was typed", function()
    assert.equal(0, run { "-i", input = "error 'x'\n" }.code)
  end)

  it("stops at the first option that fails", function()
    local r = run { "-e", "error 'one'", "-e", "print 'two'", "a.lua" }
    assert.equal(1, r.code)
    assert.equal("", r.out)
    fails("moonpool: module 'nowhere' not found:", { "-l", "nowhere", "a.lua" })
  end)
end)

describe("error messages", function()
  it("of objects are what their __tostring says, without a traceback", function()
    local r = run { "-e", "error(setmetatable({}, {__tostring = function() return 'my object' end}))" }
    assert.equal("moonpool: my object\n", r.err)
    assert.equal(1, r.code)
  end)

  it("of other values say which kind they are", function()
    fails("moonpool: (error object is a table value)\n", { "-e", "error {}" })
    fails("moonpool: (error object is a nil value)\n", { "-e", "error()" })
  end)

  it("of numbers are these", function()
    fails("moonpool: 12\n", { "-e", "error(12)" })
  end)

  it("name the command line", function()
    fails("moonpool: (command line):1: no\nstack traceback:\n\t[C]: in function 'error'\n"
      .. "\t(command line):1: in main chunk\n\t[C]: in ?",
      { "-e", "error 'no'" })
  end)
end)

describe("a script", function()
  it("has moonpool under short and long names", function()
    prints("true\ttrue\t4\n", { "-e",
      "print(require 'ffi' == require 'moonpool', require 'mem' == require 'moonpool.mem', "
      .. "require 'ffi'.sizeof 'int')" })
  end)

  it("has the standard libraries, and modules in C", function()
    prints("true\n", { "-e",
      "print(string and table and math and io and os and utf8 and debug and coroutine and true)" })
  end)

  it("may start with a line of the shell's", function()
    prints("after the first line\n", { "shebang" })
  end)

  it("closes its variables and collects its objects at the end", function()
    prints("end\ngc\n", { "-e", "setmetatable({}, {__gc = function() print 'gc' end}) print 'end'" })
  end)

  it("stops at an interrupt, with a traceback", function()
    local r = run { "-e", [[
      local ffi = require "ffi"
      ffi.cdef "int raise(int);"
      ffi.C.raise(2)
      while true do end
    ]] }
    assert.matches("^moonpool: .*interrupted!\nstack traceback:", r.err)
    assert.equal(1, r.code)
  end)

  it("may catch an interrupt; another one ends the process", function()
    local r = run { "-e", [[
      local ffi = require "ffi"
      ffi.cdef "int raise(int);"
      local ok, text = pcall(function() ffi.C.raise(2) while true do end end)
      io.stderr:write(tostring(ok), " ", text, "\n")
      ffi.C.raise(2)
      while true do end
    ]] }
    assert.matches("^false .*interrupted!\n$", r.err)
    assert.equal(130, r.code)
  end)
end)
