-- base/name: interned names.

local tests = require "moonpool.tests"

describe("mp_name_intern", function()
  it("gives one address a text", function()
    local t = tests.names()
    local one, text = t:intern "point"
    assert.equal("point", text)
    assert.equal(one, (t:intern "point"))
    assert.not_equal(one, (t:intern "poin"))
    assert.not_equal(one, (t:intern "points"))
  end)

  it("tells texts apart by all their bytes", function()
    local t = tests.names()
    local addresses = {}
    for _, text in ipairs { "", "\0", "\0\0", "a\0", "a\0b", "a" } do
      local address, stored = t:intern(text)
      assert.equal(text, stored)
      assert.is_nil(addresses[address])
      addresses[address] = text
    end
  end)

  it("keeps addresses while the table grows", function()
    local t, addresses = tests.names(), {}
    for i = 1, 5000 do addresses[i] = t:intern("name" .. i) end
    for i = 1, 5000 do assert.equal(addresses[i], (t:intern("name" .. i))) end
  end)

  it("is NULL when memory is out, and the table stays usable", function()
    local t = tests.names(2)
    local known = t:intern "known"
    local i = 0
    repeat
      i = i + 1
    until not t:intern(("long name %d "):format(i):rep(20))
    assert.equal(known, (t:find "known"))
    assert.is_nil((t:find(("long name %d "):format(i):rep(20))))
  end)
end)

describe("mp_name_find", function()
  it("finds what was interned, and makes nothing", function()
    local t = tests.names()
    assert.is_nil((t:find "x"))
    assert.is_nil((t:find "x"))
    local x = t:intern "x"
    assert.equal(x, (t:find "x"))
  end)
end)

describe("mp_name_fini", function()
  it("gives everything back", function()
    local t = tests.names()
    for i = 1, 1000 do t:intern("name" .. i) end
    assert.same({ 0, 0 }, { t:fini() })
  end)
end)
