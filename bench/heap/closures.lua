-- Closures: composed, curried, kept in a ring for a while.
local scale = ...

local function compose(f, g) return function(x) return f(g(x)) end end
local function adder(n) return function(x) return x + n end end
local function counter()
  local n = 0
  return function() n = n + 1 return n end, function() return n end
end

local ring, total = {}, 0
for i = 1, scale * 1000 do
  local step, value = counter()
  step()
  local f = compose(adder(i), compose(adder(1), adder(2)))
  ring[i % 512 + 1] = f
  total = total + f(1) + value()
end
assert(total > 0 and #ring > 0)
