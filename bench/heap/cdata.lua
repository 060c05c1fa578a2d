-- C data that comes and goes: structs, arrays, views of fields.
local scale = ...

local ffi = require "moonpool"
ffi.cdef [[
  typedef struct bench_point { double x, y; } bench_point;
  typedef struct bench_line { bench_point from, to; int kind; } bench_line;
]]
local point, line = ffi.typeof "bench_point *", ffi.typeof "bench_line *"
local numbers = ffi.typeof "int[]"
local total, ring = 0, {}
for i = 1, scale * 1000 do
  local p, l = ffi.new(point), ffi.new(line)
  p.x, p.y = i, -i
  l.to = p[0]
  total = total + l.to.x
  local a = ffi.new(numbers, i % 16 + 1)
  a[0] = i
  ring[i % 256] = l
end
assert(total > 0 and #ring > 0)
