-- A directory listed with opendir, readdir and stat.
-- Run it: lua5.4 examples/dir.lua [directory]
--
-- The fields of `struct stat` and `struct dirent` differ from system to
-- system. So nothing is written down here: cdef takes headers as the
-- preprocessor prints them, all of them.

local ffi = require "moonpool"

local headers <close> = assert(io.popen [[
cc -E -P - <<'END'
#include <dirent.h>
#include <sys/stat.h>
END
]])
ffi.cdef(headers:read "a")

-- Macros are gone after the preprocessor; POSIX fixes these two.
ffi.cdef [[
#define S_IFMT  0170000  /* these bits of st_mode are the file's type */
#define S_IFDIR 0040000
]]

local C = ffi.C
local path = arg[1] or "."

-- NULL is nil, so an `or` says what to do with it.
local dir = C.opendir(path) or error(path .. ": " .. ffi.strerror(), 0)
local listing <close> = ffi.gc(dir, C.closedir)

local names = {}
for entry in function() return C.readdir(listing) end do
  names[#names + 1] = ffi.string(entry.d_name)
end
table.sort(names)

local info = ffi.new "struct stat *"
local bytes = 0
for _, name in ipairs(names) do
  if C.stat(path .. "/" .. name, info) == 0 then
    local is_dir = info.st_mode & C.S_IFMT == C.S_IFDIR
    print(("%12d  %s%s"):format(info.st_size, name, is_dir and "/" or ""))
    if not is_dir then bytes = bytes + info.st_size end
  else
    print(("%12s  %s"):format("?", name .. ": " .. ffi.strerror()))
  end
end
print(("%d entries, %d bytes"):format(#names, bytes))
