-- tools/modules.lua FILE...: prints the modules of lua/ as the table of bytes that
-- src/face/lua_modules.c includes. lua/moonpool/init.lua stands for luaopen_moonpool, which
-- is in C, so it is left out.

local names = {}
for i, path in ipairs(arg) do
  local name = path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")
  if name ~= "moonpool" then
    local file = assert(io.open(path, "rb"))
    local text = file:read "a"
    file:close()
    print(("static const char module_%d[] = {"):format(i))
    for first = 1, #text, 24 do
      local bytes = { text:byte(first, math.min(first + 23, #text)) }
      for k, byte in ipairs(bytes) do -- a char may be signed
        bytes[k] = byte < 128 and byte or ("(char)%d"):format(byte)
      end
      print(table.concat(bytes, ",") .. ",")
    end
    print "0};"
    names[#names + 1] = ('{"%s", module_%d, %d},'):format(name, i, #text)
  end
end
print "static const Module modules[] = {"
print(table.concat(names, "\n"))
print "{NULL, NULL, 0}};"
