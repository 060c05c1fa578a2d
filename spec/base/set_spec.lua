-- base/set: the hash set of records, beside a Lua table that does the same.

local tests = require "moonpool.tests"

-- Few hashes: everything collides, and chains run over the table's end.
local function colliding(item) return item % 3 == 0 and 0xFFFFFFFF or item % 5 end
local function spread(item) return item * 2654435761 & 0xFFFFFFFF end

-- The set holds those of 1 … n that the model has, and nothing else.
local function same(model, set, hash, n)
  local count = 0
  for item = 1, n do
    assert.equal(model[item] == true, set:has(item, hash(item)))
    if model[item] then count = count + 1 end
  end
  assert.equal(count, set:count())
end

describe("mp_set_add", function()
  it("adds, and keeps what is there while it grows", function()
    local set = tests.records()
    for item = 1, 20000 do assert.is_true(set:add(item, spread(item))) end
    for item = 1, 20000 do assert.is_true(set:has(item, spread(item))) end
    assert.is_false(set:has(20001, spread(20001)))
  end)

  it("takes any hash, 0 and equal ones as well", function()
    local set = tests.records()
    for item = 1, 100 do assert.is_true(set:add(item, 0)) end
    for item = 1, 100 do assert.is_true(set:has(item, 0)) end
    assert.is_false(set:has(101, 0))
  end)

  it("leaves the set as it was when memory is out", function()
    local set, model = tests.records(1), {}
    local item = 0
    repeat
      item = item + 1
      local done = set:add(item, spread(item))
      if done then model[item] = true end
    until not done
    assert.is_true(item > 1)
    same(model, set, spread, item)
  end)
end)

describe("mp_set_reserve", function()
  it("makes room once, and keeps what is there", function()
    local set = tests.records(2)
    for item = 1, 12 do assert.is_true(set:add(item, spread(item))) end
    set:reserve(1000)
    for item = 13, 1012 do assert.is_true(set:add(item, spread(item))) end
    for item = 1, 1012 do assert.is_true(set:has(item, spread(item))) end
    assert.equal(1012, set:count())
  end)

  it("does nothing where there is room, or no memory, or no end", function()
    local set = tests.records(1)
    assert.is_true(set:add(1, 1))
    set:reserve(11)
    set:reserve(12)
    set:reserve(math.maxinteger)
    set:reserve(-1)
    assert.is_true(set:has(1, 1))
    assert.equal(1, set:count())
  end)
end)

describe("mp_set_first", function()
  it("finds nothing in an empty set", function()
    assert.is_false(tests.records():has(1, 1))
  end)
end)

describe("mp_set_remove", function()
  it("removes, and does no harm where there is nothing", function()
    local set = tests.records()
    set:remove(1, 1)
    set:add(1, 1)
    set:remove(2, 1)
    set:remove(1, 1)
    set:remove(1, 1)
    same({}, set, function() return 1 end, 2)
  end)

  it("agrees with a table over random operations", function()
    math.randomseed(20260101)
    for _, hash in ipairs { colliding, spread } do
      local set, model = tests.records(), {}
      for step = 1, 10000 do
        local item = math.random(60)
        if model[item] then
          set:remove(item, hash(item))
          model[item] = nil
        else
          assert(set:add(item, hash(item)))
          model[item] = true
        end
        if step % 50 == 0 then same(model, set, hash, 60) end
      end
    end
  end)
end)

describe("mp_set_replace", function()
  it("puts one in the place of another of its hash", function()
    local set = tests.records()
    for item = 1, 5 do set:add(item, 7) end
    set:replace(3, 30, 7)
    assert.is_false(set:has(3, 7))
    for _, item in ipairs { 1, 2, 30, 4, 5 } do assert.is_true(set:has(item, 7)) end
    assert.equal(5, set:count())
  end)
end)

describe("mp_set_fini", function()
  it("gives everything back", function()
    local set = tests.records()
    for item = 1, 1000 do set:add(item, spread(item)) end
    assert.same({ 0, 0 }, { set:fini() })
    assert.same({ 0, 0 }, { set:fini() })
  end)
end)
