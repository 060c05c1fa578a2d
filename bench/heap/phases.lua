-- Phases that each fill the heap with other sizes, and leave little of it alive.
local scale = ...

local kept = {}
for phase = 1, 12 do
  local live = {}
  for i = 1, scale * 100 do
    local item = {}
    if phase % 3 == 0 then
      for k = 1, phase do item[k] = k end
    elseif phase % 3 == 1 then
      for k = 1, phase do item["field" .. k] = k end
    else
      item[1] = ("x"):rep(phase * 25) .. i
      item[2] = function() return live, i end
    end
    live[i] = item
  end
  kept[phase] = live[#live]
  live = nil
  collectgarbage()
end
keep = kept -- luacheck: ignore
