-- make headers: every header of list.txt that is installed, whole, in one cdef; each fact
-- judged by the compiler. Prints one line a header, and fails when a fact is wrong.
--
--   lua5.4 spec/headers/run.lua [NAME…]        (from the checkout's root, under `make env`)

local moonpool = require "moonpool"
local judge = require "spec.headers.judge"

local function trimmed(s) return s:match "^%s*(.-)%s*$" end

local function entries()
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
  entry.all_flags = flags
  local path = ("%s/%s.c"):format(folder, entry.name)
  local file = assert(io.open(path, "w"))
  for header in entry.headers:gmatch "%S+" do file:write("#include <", header, ">\n") end
  file:close()
  local ok, text = output_of(("%s -E -P %s '%s'"):format(os.getenv "CC" or "cc", flags, path))
  return ok and text or nil
end

local function check(entry, folder)
  local text = preprocess(entry, folder)
  if not text then return nil, "not installed" end
  local ffi = moonpool.FFI()
  local start = os.clock()
  ffi.cdef(text, { name = entry.name })
  local took = os.clock() - start
  local result = judge.text(ffi, text, { stem = folder .. "/" .. entry.name })
  return result, ("%d/%d facts, %d KB in %.1f ms"):format(result.facts - #result.wrong,
    result.facts, #text // 1024, took * 1000)
end

local folder = os.getenv "MOONPOOL_HEADERS" or "build/headers"
os.execute("mkdir -p '" .. folder .. "'")
local wanted = {}
for _, name in ipairs(arg) do wanted[name] = true end

local failed = false
for _, entry in ipairs(entries()) do
  if #arg == 0 or wanted[entry.name] then
    local ok, result, text = pcall(check, entry, folder)
    print(("%-10s %s"):format(entry.name, ok and text or "FAILED: " .. tostring(result):match "[^\n]*"))
    io.stdout:flush()
    failed = failed or not ok
    for i, line in ipairs(ok and result and result.wrong or {}) do
      failed = true
      if i <= 10 then print("           " .. line) end
    end
  end
end
os.exit(not failed)
