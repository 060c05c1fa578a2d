-- host/repl: the interactive mode, through a pipe.

local command = require "spec.support.command"
local engine = require "spec.support.engine"

local run, folder = command.folder {}

teardown(function() engine.run("rm -rf '" .. folder .. "'") end)

-- What a session prints after the version's line, but for the lines that it is given, and
-- what it prints to stderr.
local function session(input, ...)
  local r = run { "-i", input = input, ... }
  assert.equal(0, r.code)
  return command.without_echo(r.out:match "^[^\n]*\n(.*)$", input), r.err
end

describe("a session", function()
  it("shows the lines that it reads", function()
    local r = run { "-i", input = "1 + 2\ndo\n\nend\n\tx" }
    assert.equal("\n> 1 + 2\n3\n> do\n>> \n>> end\n> \tx\nnil\n> \n", r.out:match "\n.*")
  end)

  it("prints what expressions give", function()
    assert.equal("> 3\n> 1\tnil\tx\n> \n", (session "1 + 2\n1, nil, 'x'\n"))
  end)

  it("prints nothing for statements", function()
    assert.equal("> > 5\n> \n", (session "x = 5\nx\n"))
  end)

  it("takes = for return", function()
    assert.equal("> 7\n> \n", (session "= 3 + 4\n"))
  end)

  it("takes statements over lines", function()
    assert.equal("> >> >> 1\n2\n> \n", (session "for i = 1, 2 do\nprint(i)\nend\n"))
  end)

  it("takes a long string over lines", function()
    assert.equal("> >> a\nb\n> \n", (session "print [[a\nb]]\n"))
  end)

  it("says what is wrong, without a name, and goes on", function()
    local out, err = session "x y\nerror 'bad'\n1\n"
    assert.equal("> > > 1\n> \n", out)
    assert.matches("^stdin:1: syntax error near 'y'\nstdin:1: bad\nstack traceback:\n", err)
  end)

  it("says what is missing when the input ends", function()
    local out, err = session "f(\n"
    assert.equal("> >> > \n", out)
    assert.matches("^stdin:1: unexpected symbol near <eof>\n", err)
  end)

  it("takes a last line without a newline", function()
    assert.equal("> 1\n> \n", (session "1"))
  end)

  it("has the prompts that scripts set", function()
    assert.equal("> one two one \n", (session "_PROMPT, _PROMPT2 = 'one ', 'two '\ndo\n"))
    assert.equal("> <p>\n", (session "_PROMPT = setmetatable({}, {__tostring = function() return '<p>' end})\n"))
  end)

  it("says when print fails", function()
    local _, err = session "print = nil\n1\n"
    assert.matches("^error calling 'print' %(attempt to call a nil value%)\n", err)
  end)

  it("uses the script's print", function()
    assert.equal("> > <1>\n> \n", (session "function print(x) io.write('<', x, '>\\n') end\n1\n"))
  end)

  it("takes lines of any length", function()
    local out = session("#'" .. ("x"):rep(100000) .. "'\n")
    assert.equal("> 100000\n> \n", out)
  end)

  it("is interrupted without its end", function()
    local out, err = session "ffi = require 'ffi' ffi.cdef 'int raise(int);'\nffi.C.raise(2) while true do end\n'on'\n"
    assert.equal("> > > on\n> \n", out)
    assert.matches("interrupted!", err)
  end)
end)
