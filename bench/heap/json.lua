-- JSON: a document of records, written and read back.
local scale = ...

local function encode(value, out)
  local kind = type(value)
  if kind == "table" and value[1] then
    out[#out + 1] = "["
    for i, item in ipairs(value) do
      if i > 1 then out[#out + 1] = "," end
      encode(item, out)
    end
    out[#out + 1] = "]"
  elseif kind == "table" then
    local comma = ""
    out[#out + 1] = "{"
    for key, item in pairs(value) do
      out[#out + 1] = comma .. '"' .. key .. '":'
      encode(item, out)
      comma = ","
    end
    out[#out + 1] = "}"
  elseif kind == "string" then
    out[#out + 1] = '"' .. value .. '"'
  else
    out[#out + 1] = tostring(value)
  end
end

local decode

local function items(text, at, close, take)
  at = text:find("%S", at)
  if text:sub(at, at) == close then return at + 1 end
  while true do
    at = take(at)
    local mark = text:sub(at, at)
    at = at + 1
    if mark == close then return at end
  end
end

function decode(text, at)
  local first = text:sub(at, at)
  if first == "{" then
    local result = {}
    return result, items(text, at + 1, "}", function(here)
      local key, next_at = text:match('^"([^"]*)":()', here)
      result[key], next_at = decode(text, next_at)
      return next_at
    end)
  elseif first == "[" then
    local result = {}
    return result, items(text, at + 1, "]", function(here)
      result[#result + 1], here = decode(text, here)
      return here
    end)
  elseif first == '"' then
    local value, next_at = text:match('^"([^"]*)"()', at)
    return value, next_at
  end
  local word, next_at = text:match("^([%w%.%-]+)()", at)
  if word == "true" or word == "false" then return word == "true", next_at end
  return tonumber(word), next_at
end

local document = {}
for i = 1, 100 do
  document[i] = { id = i, name = "name " .. i, tags = { "a" .. i, "b", "c" }, ok = i % 2 == 0,
    at = { x = i * .5, y = -i } }
end
for _ = 1, scale do
  local out = {}
  encode(document, out)
  document = decode(table.concat(out), 1)
end
assert(document[100].name == "name 100")
