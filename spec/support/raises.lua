-- raises(text, f): the Lua function f, called without arguments, fails with a message that
-- names the line of the spec, and whose text after that starts with `text`. Returns the
-- text. f must not end in a tail call: its frame is what the position is taken from.

return function(text, f)
  local ok, message = pcall(f)
  if ok then error("no error; expected: " .. text, 2) end
  local said = type(message) == "string" and message:match "^[^\n]-_spec%.lua:%d+: (.*)$"
  if not said then error("no position in the error: " .. tostring(message), 2) end
  if said:sub(1, #text) ~= text then
    error(("another error\nexpected: %s\ngot:      %s"):format(text, said), 2)
  end
  return said
end
