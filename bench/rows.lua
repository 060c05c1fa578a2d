-- What is measured: rows of a name and, by peer, Lua code: what runs before, and the body of
-- the loop. `floor` and `strict` are bench/floor.c; `ffi` serves moonpool and LuaJIT alike.

local declared = [[
  local ffi = require(FFI)
  ffi.cdef "int target_add(int, int); double target_mix(int, double, int, double);"
  ffi.cdef "size_t target_strlen(const char *); struct target_point { int x, y; };"
  ffi.cdef "struct target_line { struct target_point a, b; };"
  local lib = (ffi.dlopen or ffi.load)(TARGET)
]]
local point = declared .. [[local p = ffi.new(ARG "struct target_point")]]
local line = declared .. [[local p = ffi.new(ARG "struct target_line")]]
local ints = declared .. "local a = ffi.new 'int[10]'"
local ctype = declared .. [[local new, T = ffi.new, ffi.typeof(ARG "struct target_point")]]
local text = declared .. [[local new, T = ffi.new, ARG "struct target_point"]]

-- A row whose hand-written code and body are `hand` and `body`; moonpool's body may differ.
local function row(name, hand, ffi, body, ffi_body)
  return { name = name, floor = hand and { hand, body }, strict = hand and { hand, body },
    ffi = { ffi, ffi_body or body } }
end

local function call(name, arguments)
  return row(name, ("local f = require(FFI).%s"):format(name),
    declared .. "local f = lib.target_" .. name, "f" .. arguments)
end

local hand_point, hand_ints = "local p = require(FFI).point()", "local a = require(FFI).ints(10)"
local hand_new = "local new = require(FFI).point"

return {
  call("add", "(1, 2)"),
  call("mix", "(1, 2.5, 3, 4.5)"),
  call("strlen", "('hello')"),
  row("lib.add", "local lib = require(FFI)", declared, "lib.add(1, 2)", "lib.target_add(1, 2)"),
  row("field get", hand_point, point, "local _ = p.x"),
  row("field set", hand_point, point, "p.x = i"),
  row("nested get", nil, line, "local _ = p.b.y"),
  row("int[] get", hand_ints, ints, "local _ = a[3]"),
  row("int[] set", hand_ints, ints, "a[3] = i"),
  row("new", hand_new, ctype, "new()", "new(T)"),
  row("new {x=, y=}", hand_new, ctype, "new { x = 1, y = 2 }", "new(T, { x = 1, y = 2 })"),
  row("new by text", nil, text, "new(T)"),
}
