-- busted's helper script (.busted names it): after every spec of every file there must be
-- as many live blocks in each domain as before it. What a spec leaves in an upvalue or a
-- global is a leak, too.

local busted = require "busted"
local engine = require "spec.support.engine"

local none = { RAW = "0 blocks, 0 bytes", MEM = "0 blocks, 0 bytes" }
local before, name

busted.subscribe({ "test", "start" }, function(element)
  name = element.name
  return nil, true -- other subscribers come next
end)

busted.before_each(function()
  before = engine.live() or none
end)

busted.after_each(function()
  local after = engine.live()
  if not after then return end
  for domain, was in pairs(before) do
    if after[domain] ~= was then
      error(("'%s' leaks: %s has %s live, had %s"):format(name, domain, after[domain], was), 0)
    end
  end
end)
