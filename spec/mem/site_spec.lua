-- mem/site: texts of lines and types, one record each.

local tests = require "moonpool.tests"

describe("mp_site_intern", function()
  it("gives one record a text", function()
    local s = tests.set()
    assert.same({ true, "app.lua:17", 10 }, { s:same("app.lua:17", "app.lua:" .. 17) })
    assert.same({ false, "app.lua:17", 10 }, { s:same("app.lua:17", "app.lua:1") })
    assert.same({ false, "app.lua:17", 10 }, { s:same("app.lua:17", "app.lua:18") })
    assert.same({ true, "", 0 }, { s:same("", "") })
    assert.same({ true, "a\nb", 3 }, { s:same("a\nb", "a\nb") })
    s:fini()
  end)

  it("keeps many", function()
    local s = tests.set()
    for i = 1, 5000 do s:same("line " .. i, "type " .. i) end
    for i = 1, 5000 do assert.is_true((s:same("line " .. i, "line " .. i))) end
    s:fini()
  end)
end)
