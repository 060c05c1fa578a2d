-- Binary trees of depth 15: small tables that die young, beside one that lives.
local scale = ...

local function grow(depth)
  if depth == 0 then return {} end
  return { grow(depth - 1), grow(depth - 1) }
end

local function count(tree)
  return tree[1] and 1 + count(tree[1]) + count(tree[2]) or 1
end

local long = grow(15)
for depth = 4, 15, 4 do
  local n = 0
  for _ = 1, scale << (15 - depth) do n = n + count(grow(depth)) end
  assert(n > 0)
end
assert(count(long) == 65535)
