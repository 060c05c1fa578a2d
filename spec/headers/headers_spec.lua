-- The headers of list.txt that are installed: each whole in one cdef, each fact the
-- compiler's. `make headers` installs them all, and prints the counts.

local corpus = require "spec.headers.corpus"
local engine = require "spec.support.engine"
local lfs = require "lfs"

-- Under sanitizers and valgrind the small ones do.
local small = { posix = true, kvm = true, zlib = true, sqlite3 = true }

describe("headers:", function()
  local folder = engine.build .. "/headers"
  lfs.mkdir(folder)
  for _, entry in ipairs(corpus.entries()) do
    if engine.mode == "release" or small[entry.name] then
      it(entry.name, function()
        local ffi = engine.new()
        local result = corpus.check(ffi, entry, folder)
        if not result then return end -- not installed
        assert.is_true(result.facts > 500)
        assert.is_true(#result.wrong == 0,
          table.concat(result.wrong, "\n", 1, math.min(10, #result.wrong)))
        ffi.cdef(result.text) -- once more: it agrees with itself
      end)
    end
  end
end)
