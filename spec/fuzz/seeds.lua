-- Cuts preprocessed headers into seeds for parse_fuzz: lua5.4 spec/fuzz/seeds.lua FOLDER
-- [HEADER…]. Each seed is a run of whole lines of at most 2,000 bytes, behind the two bytes
-- that choose what parse_fuzz does with it. Headers that aren't installed are left out.

local folder = assert(arg[1], "usage: seeds.lua FOLDER [HEADER…]")
local headers = { table.unpack(arg, 2) }
if #headers == 0 then
  headers = { "stdio.h", "stdlib.h", "signal.h", "netinet/in.h", "pthread.h", "link.h", "zlib.h",
    "sqlite3.h", "linux/bpf.h", "linux/kvm.h", "uv.h", "complex.h", "immintrin.h" }
end

local function quoted(s) return "'" .. s:gsub("'", "'\\''") .. "'" end

local function preprocessed(header)
  local source = os.tmpname()
  local file = assert(io.open(source, "w"))
  file:write("#define _GNU_SOURCE\n#include <", header, ">\n")
  file:close()
  local pipe = assert(io.popen("cc -x c -E -P " .. quoted(source) .. " 2>/dev/null"))
  local text = pipe:read "a"
  local ok = pipe:close()
  os.remove(source)
  return ok and text or ""
end

local count = 0
local function write_seed(text)
  count = count + 1
  local file = assert(io.open(("%s/seed%04d"):format(folder, count), "wb"))
  file:write("\0\255", text)
  file:close()
end

for _, header in ipairs(headers) do
  local lines, size, kept = {}, 0, 0
  for line in preprocessed(header):gmatch "[^\n]*\n" do
    if size + #line > 2000 and size > 0 then
      write_seed(table.concat(lines))
      lines, size, kept = {}, 0, kept + 1
      if kept == 60 then break end -- enough of one header
    end
    lines[#lines + 1], size = line, size + #line
  end
  if size > 0 then write_seed(table.concat(lines)) end
end
print(count .. " seeds")
