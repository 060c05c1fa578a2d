-- host/line: lines that are typed at a terminal: a pseudo-terminal, with the command at it.

local lfs = require "lfs"
local command = require "spec.support.command"
local engine = require "spec.support.engine"

local ffi = engine.new()
ffi.cdef [[
  int forkpty(int *terminal, char *name, const void *modes, const void *size);
  int execv(const char *path, char *const words[]);
  int setenv(const char *, const char *, int);
  void _exit(int);
  long read(int, void *, size_t); long write(int, const void *, size_t); int close(int);
  int waitpid(int, int *status, int);
]]
local C = ffi.dlopen(ffi.find_library "util" or ffi.find_library "c")

-- Types the keys one after another, each when the terminal shows the text before it. Returns
-- what was shown, and the exit code.
local function type_in(steps)
  local terminal, status = ffi.new "int[1]", ffi.new "int[1]"
  local child = C.forkpty(terminal, nil, nil, nil)
  if child == 0 then
    C.setenv("TERM", "dumb", 1)
    C.setenv("INPUTRC", "/dev/null", 1)
    C.execv(command.path, { "moonpool", "-E" })
    C._exit(127)
  end
  assert(child > 0)
  local shown, seen, buffer = "", 1, ffi.new "char[4096]"
  for _, step in ipairs(steps) do
    local found
    repeat
      found = select(2, shown:find(step[1], seen, true))
      if not found then
        local n = C.read(terminal[0], buffer, 4096)
        assert(n > 0, "the terminal closed; it showed: " .. shown)
        shown = shown .. ffi.string(buffer, n)
      end
    until found
    seen = found + 1
    C.write(terminal[0], step[2], #step[2])
  end
  repeat
    local n = C.read(terminal[0], buffer, 4096)
    if n > 0 then shown = shown .. ffi.string(buffer, n) end
  until n <= 0
  C.close(terminal[0])
  assert(C.waitpid(child, status, 0) == child)
  return shown, status[0] >> 8
end

-- Is there a library that edits lines?
local function has_editor()
  for _, name in ipairs { "libreadline.so.8", "libreadline.so", "libedit.so.2", "libedit.so" } do
    if pcall(ffi.dlopen, name) then return true end
  end
  return false
end

describe("at a terminal", function()
  if not lfs.attributes "/dev/pts/ptmx" then
    pending "there are no pseudo-terminals here (/dev/pts)"
    return
  end

  it("a session starts with the version, and ends at the end of the input", function()
    local shown, code = type_in { { "> ", "6 * 7\n" }, { "42\r\n> ", "\4" } }
    assert.matches("^moonpool %d", shown)
    assert.equal(0, code)
  end)

  it("an interrupt stops what runs, and the session goes on", function()
    local shown, code = type_in { { "> ", "io.write 'running\\n' while true do end\n" }, { "running\r\n", "\3" },
      { "interrupted!", "" }, { "> ", "os.exit(5)\n" } }
    assert.is_truthy(shown:find("stack traceback:", 1, true))
    assert.equal(5, code)
  end)

  it("earlier lines come back, where a library edits them", function()
    local up = "\16" -- control-P
    local shown = type_in { { "> ", "'line ' .. 1\n" }, { "line 1\r\n> ", up .. "\n" }, { "\n> ", "\4" } }
    local _, times = shown:gsub("\nline 1\r\n", "")
    assert.equal(has_editor() and 2 or 1, times)
  end)
end)
