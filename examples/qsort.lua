-- The C library's qsort with a Lua function that compares: 100,000 integers.
-- Run it: lua5.4 examples/qsort.lua
--
-- The declarations are those of stdlib.h.

local ffi = require "moonpool"

ffi.cdef [[
typedef int (*__compar_fn_t)(const void *, const void *);
void qsort(void *__base, size_t __nmemb, size_t __size, __compar_fn_t __compar);
]]

local COUNT = 100000

local numbers = ffi.new("int[]", COUNT)
for i = 0, COUNT - 1 do numbers[i] = math.random(-1000000, 1000000) end

-- qsort hands over two `const void *`; what they point to are ints.
local int_ptr = ffi.typeof "const int *"
local calls = 0

local function compare(a, b)
  calls = calls + 1
  local x, y = ffi.cast(int_ptr, a)[0], ffi.cast(int_ptr, b)[0]
  return x < y and -1 or x > y and 1 or 0
end

local start = os.clock()
ffi.C.qsort(numbers, COUNT, ffi.sizeof "int", compare)
local seconds = os.clock() - start

for i = 1, COUNT - 1 do assert(numbers[i - 1] <= numbers[i]) end

print(("%d integers sorted in %.2f s"):format(#numbers, seconds))
print(("C called the Lua function %d times"):format(calls))
print(("from %d to %d"):format(numbers[0], numbers[COUNT - 1]))
