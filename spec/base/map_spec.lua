-- base/map: the hash map, beside a Lua table that does the same.

local tests = require "moonpool.tests"

-- The map's whole content is the model's.
local function same(model, map)
  local all, count = map:all()
  local expected = 0
  for key, value in pairs(model) do
    assert.equal(value, all[key])
    assert.equal(value, map:get(key))
    expected = expected + 1
  end
  for key in pairs(all) do assert.is_truthy(model[key]) end
  assert.equal(expected, count)
end

describe("mp_map_set", function()
  it("puts a value under a key, and another in its place", function()
    local map = tests.map()
    assert.is_true(map:set(1, 10))
    assert.is_true(map:set(2, 20))
    assert.is_true(map:set(1, 11))
    same({ 11, 20 }, map)
  end)

  it("leaves the map as it was when memory is out", function()
    local map, model = tests.map(1), {}
    local key = 0
    repeat
      key = key + 1
      local done = map:set(key, key + 100)
      if done then model[key] = key + 100 end
    until not done
    assert.is_true(key > 1)
    same(model, map)
  end)
end)

describe("mp_map_get", function()
  it("finds nothing in an empty map", function()
    assert.is_nil(tests.map():get(1))
  end)

  it("finds nothing under a key that was never set", function()
    local map = tests.map()
    map:set(1, 1)
    assert.is_nil(map:get(2))
  end)
end)

describe("mp_map_remove", function()
  it("removes, and does no harm where there is nothing", function()
    local map = tests.map()
    map:remove(1)
    map:set(1, 1)
    map:remove(2)
    map:remove(1)
    map:remove(1)
    same({}, map)
  end)

  it("agrees with a table over random operations", function()
    math.randomseed(20260101)
    local map, model = tests.map(), {}
    for step = 1, 20000 do
      local key = math.random(400)
      if math.random(5) <= 3 then
        local value = math.random(1000000)
        assert(map:set(key, value))
        model[key] = value
      else
        map:remove(key)
        model[key] = nil
      end
      if step % 500 == 0 then same(model, map) end
    end
    same(model, map)
  end)
end)

describe("mp_map_drop", function()
  -- Few hashes: everything collides, and chains run over the table's end.
  it("keeps what collides findable", function()
    math.randomseed(7)
    local map, model = tests.map(), {}
    local function hash(key) return key % 3 == 0 and 0xFFFFFFFF or key % 5 end
    for _ = 1, 20000 do
      local key = math.random(60)
      if math.random(2) == 1 then
        assert(map:set(key, key + 1, hash(key)))
        model[key] = key + 1
      else
        map:remove(key, hash(key))
        model[key] = nil
      end
      local probe = math.random(60)
      assert.equal(model[probe], map:get(probe, hash(probe)))
    end
  end)
end)

describe("mp_map_next", function()
  it("visits nothing in an empty map", function()
    local all, count = tests.map():all()
    assert.same({}, all)
    assert.equal(0, count)
  end)
end)

describe("mp_map_hash", function()
  it("is FNV-1a", function()
    assert.equal(0x811C9DC5, tests.hash(nil, ""))
    assert.equal(0xE40C292C, tests.hash(nil, "a"))
    assert.equal(0xBF9CF968, tests.hash(nil, "foobar"))
  end)

  it("chains", function()
    assert.equal(tests.hash(nil, "foobar"), tests.hash(tests.hash(nil, "foo"), "bar"))
  end)
end)

describe("mp_map_fini", function()
  it("gives everything back", function()
    local map = tests.map()
    for key = 1, 1000 do map:set(key, key) end
    assert.same({ 0, 0 }, { map:fini() })
    assert.same({ 0, 0 }, { map:fini() })
  end)
end)
