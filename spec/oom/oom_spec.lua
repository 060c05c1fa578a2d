-- Out of memory at some points of a program's day; `make oom` goes through all of them.

local engine = require "spec.support.engine"

describe("out of memory", function()
  for name, malloc in pairs { ["without hooks"] = "default", ["with hooks"] = "debug" } do
    it("crashes nothing and loses nothing, " .. name, function()
      local output, code = engine.run(("ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 "
        .. "MOONPOOL_MALLOC=%s '%s/oom' spec/oom/day.lua 37 2>/dev/null"):format(malloc,
        engine.build))
      assert.is_truthy(output:find "^%d+ points\n$", output)
      assert.equal(0, code)
    end)
  end
end)
