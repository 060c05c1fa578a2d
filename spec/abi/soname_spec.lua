-- abi/soname: bare names of libraries that only the system's linker knows.

local engine = require "spec.support.engine"
local generator = require "spec.abi.generator"

describe("find_library", function()
  local ffi = engine.new()

  it("gives a path that the linker opens", function()
    for _, name in ipairs { "m", "c", "z", "pthread" } do
      local path = assert(ffi.find_library(name))
      assert.matches("^/.*lib" .. name .. "%.so", path)
      ffi.dlclose(ffi.dlopen(path))
    end
  end)

  it("gives nil and a message for what isn't there", function()
    local path, message = ffi.find_library "no_such_library"
    assert.is_nil(path)
    assert.matches("cannot load library 'no_such_library'", message, 1, true)
  end)

  it("takes the highest version, by numbers, of LD_LIBRARY_PATH before the system's", function()
    local folder = generator.folder()
    for _, file in ipairs { "libversioned.so.2", "libversioned.so.10", "libversioned.so.9.8", "libz.so.0.5",
      "libversioned.so.old", "libversionedtoo.so.11" } do
      assert(os.execute(("cp '%s' '%s/%s'"):format(engine.fixture "passing", folder, file)))
    end
    local out = engine.run_lua([[
      local ffi = require "moonpool"
      print(ffi.find_library "versioned")
    ]], { LD_LIBRARY_PATH = "/nowhere::" .. folder })
    assert(os.execute("rm -r '" .. folder .. "'"))
    assert.equal(folder .. "/libversioned.so.10\n", out)
  end)
end)
