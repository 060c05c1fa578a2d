-- Runs the command `moonpool` of the build under test, in a folder of its own.
--
--   local command = require "spec.support.command"
--   local run = command.folder { ["a.lua"] = "print(...)" } -- the folder's files
--   local r = run { "a.lua", 1, 2, input = "", env = { LUA_INIT = "x = 1" } }
--   r.out, r.err, r.code

local lfs = require "lfs"
local engine = require "spec.support.engine"

local command = { path = engine.build .. "/bin/moonpool" }

local function quoted(s)
  return "'" .. tostring(s):gsub("'", "'\\''") .. "'"
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

-- Without what the caller's own environment would say.
command.plain = "env -u LUA_INIT -u LUA_INIT_5_4 -u LUA_PATH -u LUA_PATH_5_4 -u LUA_CPATH "
  .. "-u LUA_CPATH_5_4 -u MOONPOOL_MALLOC TERM=dumb"

--- What a session shows without the lines that it was given, which it shows too.
function command.without_echo(text, input)
  local at = 1
  for line in (input:sub(-1) == "\n" and input or input .. "\n"):gmatch "([^\n]*)\n" do
    local from, to = text:find(line .. "\n", at, true)
    assert(from, text)
    text, at = text:sub(1, from - 1) .. text:sub(to + 1), from
  end
  return text
end

function command.folder(files)
  local folder = os.tmpname()
  os.remove(folder)
  assert(lfs.mkdir(folder))
  for name, text in pairs(files or {}) do write(folder .. "/" .. name, text) end

  -- The program is called moonpool, as from PATH.
  local function run(arguments)
    local words = { "cd", quoted(folder), "&&", command.plain }
    for name, value in pairs(arguments.env or {}) do
      words[#words + 1] = name .. "=" .. quoted(value)
    end
    words[#words + 1] = ("bash -c 'exec -a moonpool \"$0\" \"$@\"' %s"):format(quoted(command.path))
    for _, argument in ipairs(arguments) do words[#words + 1] = quoted(argument) end
    write(folder .. "/.in", arguments.input or "")
    words[#words + 1] = "<.in >.out 2>.err"
    local _, code = engine.run(table.concat(words, " "))
    return { out = read(folder .. "/.out"), err = read(folder .. "/.err"), code = code }
  end

  return run, folder
end

return command
