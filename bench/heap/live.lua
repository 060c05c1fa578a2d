-- A large heap that lives, with some of it replaced all the time.
local scale = ...

local live = {}
for i = 1, scale * 1000 do
  live[i] = { id = i, name = "item " .. i, next = live[i - 1], list = { i, i + 1 } }
end
for i = 1, scale * 1000 do
  local at = i * 7919 % #live + 1
  live[at] = { id = i, name = "new " .. i, list = { i } }
end
for _, item in ipairs(live) do item.next = nil end
keep = live -- luacheck: ignore
collectgarbage()
