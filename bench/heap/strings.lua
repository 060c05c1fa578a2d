-- Strings: joined, cut, replaced, split, collected in tables.
local scale = ...

local words = {}
for i = 1, 200 do words[i] = ("word%d"):format(i * 7919) end
local total = 0
for i = 1, scale * 100 do
  local line = table.concat(words, " ", i % 100 + 1, i % 100 + 40)
  for word in line:gmatch "%w+" do total = total + #word end
  local key = words[i % 200 + 1] .. ":" .. i
  total = total + #key:upper():rep(3, "-") + #line:gsub("word", "w")
  total = total + #line:sub(i % 50, -i % 50 - 1):reverse()
end
assert(total > 0)
