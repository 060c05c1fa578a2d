-- What is measured: rows of a name and, by peer, Lua code: what runs before, and the body of
-- the loop. `floor` and `strict` are bench/floor.c; `ffi` serves moonpool and LuaJIT alike,
-- unless a row has code for one of them.

local declared = [[
  local ffi = require(FFI)
  ffi.cdef "int target_add(int, int); double target_mix(int, double, int, double);"
  ffi.cdef "size_t target_strlen(const char *); struct target_point { int x, y; };"
  ffi.cdef "struct target_line { struct target_point a, b; };"
  local lib = (ffi.dlopen or ffi.load)(TARGET)
]]

local function call(name, arguments)
  local hand = ("local f = require(FFI).%s"):format(name)
  return {
    name = name, floor = { hand, "f" .. arguments }, strict = { hand, "f" .. arguments },
    ffi = { declared .. "local f = lib.target_" .. name, "f" .. arguments },
  }
end

local hand_point, hand_ints = "local p = require(FFI).point()", "local a = require(FFI).ints(10)"
local point = declared .. [[local p = ffi.new(ARG "struct target_point")]]
local ints = declared .. "local a = ffi.new 'int[10]'"

return {
  call("add", "(1, 2)"), call("mix", "(1, 2.5, 3, 4.5)"), call("strlen", "('hello')"),
  { name = "lib.add", ffi = { declared, "lib.target_add(1, 2)" },
    floor = { "local lib = require(FFI)", "lib.add(1, 2)" },
    strict = { "local lib = require(FFI)", "lib.add(1, 2)" } },
  { name = "field get", floor = { hand_point, "local _ = p.x" }, strict = { hand_point, "local _ = p.x" },
    ffi = { point, "local _ = p.x" } },
  { name = "field set", floor = { hand_point, "p.x = i" }, strict = { hand_point, "p.x = i" },
    ffi = { point, "p.x = i" } },
  { name = "nested get", ffi = { declared .. [[local p = ffi.new(ARG "struct target_line")]],
    "local _ = p.b.y" } },
  { name = "int[] get", floor = { hand_ints, "local _ = a[3]" }, strict = { hand_ints, "local _ = a[3]" },
    ffi = { ints, "local _ = a[3]" } },
  { name = "int[] set", floor = { hand_ints, "a[3] = i" }, strict = { hand_ints, "a[3] = i" },
    ffi = { ints, "a[3] = i" } },
  { name = "new", floor = { "local new = require(FFI).point", "new()" },
    strict = { "local new = require(FFI).point", "new()" },
    ffi = { declared .. [[local T, new = ffi.typeof(ARG "struct target_point"), ffi.new]], "new(T)" } },
  { name = "new {x=, y=}", floor = { "local new = require(FFI).point", "new { x = 1, y = 2 }" },
    strict = { "local new = require(FFI).point", "new { x = 1, y = 2 }" },
    ffi = { declared .. [[local T, new = ffi.typeof(ARG "struct target_point"), ffi.new]],
      "new(T, { x = 1, y = 2 })" } },
  { name = "new by text", ffi = { declared .. [[local new, text = ffi.new, ARG "struct target_point"]],
    "new(text)" } },
}
