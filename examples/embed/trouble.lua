-- Five scripts that misbehave, each in its own way. The host runs them one by one, says what
-- went wrong, and goes on.

local ffi = require "moonpool"
local kept

return {
  -- Writes past the end of the host's array.
  function(weather)
    kept = weather
    world.body[4].mass = 1
  end,

  -- Uses what the host has taken back meanwhile.
  function() return kept.wind[0] end,

  -- Never ends.
  function() while true do end end,

  -- Takes all the memory that there is.
  function()
    local hoard = {}
    while true do hoard[#hoard + 1] = ffi.new "char[65536]" end
  end,

  -- Fails where no error can go: in a function that C's qsort calls.
  function()
    ffi.cdef "void qsort(void *, size_t, size_t, int (*)(const void *, const void *));"
    ffi.C.qsort(ffi.new "int[2]", 2, 4, function() error "no order" end)
  end,
}
