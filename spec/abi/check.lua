-- The Lua side of the generator: calls the functions of a batch with the baked values, and is
-- called back by them. For cif_spec, closure_spec and many.lua.

local check = {}

-- The steps of a path: ".m0[1].m2" gives {"m0", 1, "m2"}.
local function steps(path)
  local list = {}
  for name, index in path:gmatch "%.?([%w_]*)%[?(%d*)%]?" do
    if name ~= "" then list[#list + 1] = name end
    if index ~= "" then list[#list + 1] = math.tointeger(tonumber(index)) end
  end
  return list
end

-- The Lua value that is written for a leaf. `bare`: to a variadic parameter, which has no type.
local function to_write(ffi, leaf, bare)
  local t, v = leaf.type, leaf.value
  if t.class == "complex" then return ffi.new(t.c .. " *", v)[0] end
  if t.class == "pointer" then return ffi.cast(t.c, v) end
  if bare and t.box then return ffi.box(t.c, v) end
  return v
end

-- What an argument is given as: a scalar, or a struct or union filled leaf by leaf.
local function build(ffi, argument, bare)
  local t = argument.type
  if t.class ~= "record" and t.class ~= "vector" then return to_write(ffi, argument.leaves[1], bare) end
  local whole = ffi.new(t.c .. " *")
  for _, leaf in ipairs(argument.leaves) do
    local at, path = t.class == "vector" and whole[0] or whole, steps(leaf.path)
    for i = 1, #path - 1 do at = at[path[i]] end
    at[path[#path]] = to_write(ffi, leaf)
  end
  return whole[0]
end

local function shown(x)
  return type(x) == "number" and ("%.17g"):format(x) or tostring(x)
end

local function same(ffi, leaf, x)
  local t, v = leaf.type, leaf.value
  if t.class == "complex" then return x.re == v.re and x.im == v.im end
  if t.class == "pointer" then return v == 0 and x == nil or v ~= 0 and x ~= nil and ffi.addr(x) == v end
  if t.class == "char" then return x == string.char(v & 255) end
  return x == v
end

-- Compares what C gave with the baked value; returns a complaint or nil.
local function complain(ffi, argument, x, what)
  for _, leaf in ipairs(argument.leaves) do
    local at = x
    for _, step in ipairs(steps(leaf.path)) do at = at[step] end
    if not same(ffi, leaf, at) then
      return ("%s: %s%s is %s, not %s"):format(what, argument.type.c, leaf.path, shown(at), shown(leaf.value))
    end
  end
end

local function c_side(ffi, lib)
  local text = lib.failure()
  return text and ffi.string(text)
end

--- Calls the case's function: a complaint, or nil when both sides agree.
function check.call(ffi, lib, case)
  local name = "f" .. case.index
  local values, n = {}, 0
  for _, a in ipairs(case.args) do n = n + 1; values[n] = build(ffi, a) end
  for _, a in ipairs(case.tail) do n = n + 1; values[n] = build(ffi, a, true) end
  local result = lib[name](table.unpack(values, 1, n))
  return c_side(ffi, lib) or case.result and complain(ffi, case.result, result, name .. " result")
end

--- Lets the case's function call back: the same.
function check.callback(ffi, lib, case)
  local name, wrong, called = "g" .. case.index, nil, false
  lib[name](function(...)
    called = true
    local n = select("#", ...)
    if n ~= #case.args then wrong = ("%s: the callback got %d arguments"):format(name, n) end
    for k, a in ipairs(case.args) do
      wrong = wrong or complain(ffi, a, (select(k, ...)), ("%s argument %d"):format(name, k))
    end
    return case.result and build(ffi, case.result)
  end)
  return wrong or c_side(ffi, lib) or not called and name .. ": not called"
end

--- Declares and opens a compiled batch; runs `one` on each case that it's for. Returns how many were
--- right, how many refused as C can't pass them through libffi (batches with extended types), and a
--- list of complaints.
function check.batch(ffi, batch, path, one)
  ffi.cdef(batch.cdef)
  local lib = ffi.dlopen(path)
  local right, refused, wrong = 0, 0, {}
  for _, case in ipairs(batch.cases) do
    if one == check.call or #case.tail == 0 then
      local ok, complaint = pcall(one, ffi, lib, case)
      if ok and not complaint then
        right = right + 1
      elseif not ok and batch.extended and tostring(complaint):find "can't be passed by value" then
        refused = refused + 1
      else
        wrong[#wrong + 1] = ("seed %d: %s"):format(batch.seed, tostring(complaint))
      end
    end
  end
  ffi.dlclose(lib)
  return right, refused, wrong
end

return check
