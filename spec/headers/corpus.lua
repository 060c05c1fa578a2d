-- The headers of list.txt: preprocessed, declared whole in one cdef, and judged.
--
--   local corpus = require "spec.headers.corpus"
--   for _, entry in ipairs(corpus.entries()) do
--     local result = corpus.check(ffi, entry, folder)
--
-- `result` is nil for headers that aren't installed; else it has `facts` (how many), `wrong`
-- (a list of lines), `text` (what was declared) and `seconds` (what the cdef took).

local judge = require "spec.headers.judge"

local corpus = {}

local function trimmed(s) return s:match "^%s*(.-)%s*$" end

--- What list.txt names, in its order.
function corpus.entries()
  local list = {}
  for line in io.lines "spec/headers/list.txt" do
    if not line:find "^%s*#" and line:find "%S" then
      local name, _, modules, flags, headers =
        line:match "^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)$"
      list[#list + 1] = { name = trimmed(name), modules = trimmed(modules),
        flags = trimmed(flags), headers = trimmed(headers) }
    end
  end
  return list
end

local function output_of(command)
  local pipe = assert(io.popen("unset LD_PRELOAD; " .. command .. " 2>/dev/null"))
  local output = pipe:read "a"
  return pipe:close(), output
end

-- The preprocessed text, or nil when the headers aren't there.
local function preprocess(entry, folder)
  local flags = entry.flags
  if entry.modules ~= "" then
    local ok, more = output_of("pkg-config --cflags " .. entry.modules)
    if not ok then return nil end
    flags = flags .. " " .. trimmed(more)
  end
  local path = ("%s/%s.c"):format(folder, entry.name)
  local file = assert(io.open(path, "w"))
  for header in entry.headers:gmatch "%S+" do file:write("#include <", header, ">\n") end
  file:close()
  local ok, text = output_of(("%s -E -P %s '%s'"):format(os.getenv "CC" or "cc", flags, path))
  return ok and text or nil
end

--- Declares an entry's headers in `ffi`, an instance of their own, and has the compiler
--- judge; files go to `folder`.
function corpus.check(ffi, entry, folder)
  local text = preprocess(entry, folder)
  if not text then return nil end
  local start = os.clock()
  ffi.cdef(text, { name = entry.name })
  local seconds = os.clock() - start
  local result = judge.text(ffi, text, { stem = folder .. "/" .. entry.name })
  result.text, result.seconds = text, seconds
  return result
end

return corpus
