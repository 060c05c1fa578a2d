-- Random operations on random views of random blocks, with a model beside them: what each
-- block's bytes must be, and whether an access must succeed. Bytes are the model's unit.

local views = {}

local sizes = { ["unsigned char"] = 1, ["uint16_t"] = 2, ["uint32_t"] = 4 }
local names = { "unsigned char", "uint16_t", "uint32_t" }

-- Little-endian value of `n` modelled bytes from `at` on.
local function model_load(bytes, at, n)
  local v = 0
  for i = n - 1, 0, -1 do v = v << 8 | bytes[at + i] end
  return v
end

local function model_store(bytes, at, n, v)
  for i = 0, n - 1 do bytes[at + i] = v >> 8 * i & 255 end
end

local makers = {
  function(ffi, n) return ffi.new("unsigned char[]", n) end,
  function(ffi, n) return ffi.new(("unsigned char[%d]"):format(n)) end,
  function(ffi, n) return ffi.gc(ffi.new("unsigned char[]", n), function() end) end,
  function(ffi, n)
    return ffi.new_allocator(function(size) return ffi.new("char[]", size) end)("unsigned char[]", n)
  end,
}

-- A world of `ffi` that draws from `random`; steps return what was wrong, or nil.
function views.world(ffi, random)
  local blocks, all = {}, {}
  local world = {}

  local function pick(list) return list[random(#list)] end

  local function new_block()
    local n = random(8) == 1 and random(513, 2000) or random(1, 40)
    local owner = pick(makers)(ffi, n)
    local block = { bytes = {}, size = n, live = true, owner = owner }
    for i = 0, n - 1 do block.bytes[i] = 0 end
    blocks[#blocks + 1] = block
    all[#all + 1] = {
      block = block, at = 0, type = "unsigned char", x = owner, length = n, low = 0, high = n,
    }
  end

  -- Adds the view `x`, made through `from`: it stays in what that stays in, from `low` to `high`.
  local function add(from, x, at, ctype, length)
    all[#all + 1] = {
      block = from.block, at = at, type = ctype, x = x, length = length, low = from.low, high = from.high,
    }
  end

  -- Does the access of `n` bytes at offset `at` through the view have to succeed?
  local function expected(view, at, n)
    if not view.block.live then return false, "cdata was released" end
    return n == 0 or at >= view.low and at + n <= view.high -- no bytes are nowhere
  end

  -- Compares success with what the model expects; `f` may run either way.
  local function attempt(view, at, n, f)
    local should, text = expected(view, at, n)
    local ok, result = pcall(f)
    if ok ~= should then return ("%s at %d, %d bytes of %d: %s"):format(
      ok and "got through" or "failed", at, n, view.block.size, tostring(result)) end
    if not ok and text and not result:find(text, 1, true) then return "another error: " .. result end
    return nil, ok, result
  end

  local steps = {}

  function steps.cast(view)
    if not view.block.live then return end
    local name = pick(names)
    add(view, ffi.cast(name .. " *", view.x), view.at, name)
  end

  function steps.move(view)
    if not view.block.live then return end
    local by = random(-4, 12)
    add(view, view.x + by, view.at + by * sizes[view.type], view.type)
  end

  -- What gc makes of an array is a block of that array alone.
  function steps.gc(view)
    if not view.block.live then return end
    add(view, ffi.gc(view.x, function() end), view.at, view.type, view.length)
    if view.length then
      local made = all[#all]
      made.low, made.high = view.at, view.at + view.length * sizes[view.type]
    end
  end

  function steps.slice(view)
    local i = random(0, 6)
    local j, size = i + random(0, 6), sizes[view.type]
    local at, n = view.at + i * size, (j - i) * size
    if view.length and j > view.length then return end -- the array's own length is another spec's
    local wrong, ok, x = attempt(view, at, n, function() return ffi.slice(view.x, i, j) end)
    if wrong then return "slice " .. wrong end
    if ok then add(view, x, at, view.type, j - i) end
  end

  function steps.read(view)
    local i, size = random(-2, 12), sizes[view.type]
    if view.length and (i < 0 or i >= view.length) then return end
    local at = view.at + i * size
    local wrong, ok, v = attempt(view, at, size, function() return view.x[i] end)
    if wrong then return "read " .. wrong end
    if ok and v ~= model_load(view.block.bytes, at, size) then return "read another value" end
  end

  function steps.write(view)
    local i, size = random(-2, 12), sizes[view.type]
    if view.length and (i < 0 or i >= view.length) then return end
    local at, v = view.at + i * size, random(0, 255)
    local wrong, ok = attempt(view, at, size, function() view.x[i] = v end)
    if wrong then return "write " .. wrong end
    if ok then model_store(view.block.bytes, at, size, v) end
  end

  function steps.fill(view)
    local n, byte = random(0, 20), random(0, 255)
    if view.length and n > view.length * sizes[view.type] then return end
    local wrong, ok = attempt(view, view.at, n, function() ffi.fill(view.x, n, byte) end)
    if wrong then return "fill " .. wrong end
    for i = 0, ok and n - 1 or -1 do view.block.bytes[view.at + i] = byte end
  end

  function steps.memmove(view)
    local from, n = pick(all), random(0, 20)
    local function short(v) return v.length and n > v.length * sizes[v.type] end
    if short(view) or short(from) then return end
    local should = expected(view, view.at, n) and expected(from, from.at, n)
    local ok, text = pcall(ffi.memmove, view.x, from.x, n)
    if ok ~= should then return "memmove " .. tostring(text) end
    if not ok then return end
    local copy = {}
    for i = 0, n - 1 do copy[i] = from.block.bytes[from.at + i] end
    for i = 0, n - 1 do view.block.bytes[view.at + i] = copy[i] end
  end

  function steps.unpack(view)
    local n, size = random(0, 6), sizes[view.type]
    if view.length and n > view.length then return end
    local wrong, ok, list = attempt(view, view.at, n * size, function() return ffi.unpack(view.x, n) end)
    if wrong then return "unpack " .. wrong end
    for i = 1, ok and n or 0 do
      if list[i] ~= model_load(view.block.bytes, view.at + (i - 1) * size, size) then
        return "unpacked another value"
      end
    end
  end

  function steps.string(view)
    if view.type ~= "unsigned char" or view.at < view.low or view.at > view.high then return end
    if not view.block.live then
      local ok, text = pcall(ffi.string, view.x)
      return (ok or not text:find("cdata was released", 1, true)) and "string of what was released" or nil
    end
    local s, n, most = ffi.string(view.x), 0, view.length or view.high - view.at
    while n < most and view.block.bytes[view.at + n] ~= 0 do n = n + 1 end
    return #s ~= n and ("string has %d bytes, not %d"):format(#s, n) or nil
  end

  function steps.buffer(view)
    local n = random(0, 20)
    if view.length and n > view.length * sizes[view.type] then return end
    local wrong, ok, b = attempt(view, view.at, n, function() return ffi.buffer(view.x, n) end)
    if wrong then return "buffer " .. wrong end
    local bytes = ok and b:read(0, n) or ""
    for i = 1, #bytes do
      if bytes:byte(i) ~= view.block.bytes[view.at + i - 1] then return "buffer has another byte" end
    end
  end

  function steps.release(view)
    if random(12) > 1 then return end
    ffi.release(view.block.owner)
    view.block.live = false
  end

  -- Lets go of the owner: views alone keep the block from here on.
  function steps.forget(view)
    if view.x == view.block.owner or not view.block.live then return end
    if random(4) == 1 then
      for i = #all, 1, -1 do
        if rawequal(all[i].x, view.block.owner) then table.remove(all, i) end
      end
      view.block.owner = nil
    end
  end

  function steps.collect() if random(20) == 1 then collectgarbage() end end

  local order = {}
  for name in pairs(steps) do order[#order + 1] = name end
  table.sort(order)

  -- One random operation on a random view.
  function world.step()
    if #all == 0 or random(15) == 1 then new_block() end
    local view, name = pick(all), pick(order)
    if name == "release" and not view.block.owner then return end
    local wrong = steps[name](view)
    if #all > 60 then table.remove(all, random(#all)) end
    return wrong and name .. ": " .. wrong
  end

  return world
end

return views
