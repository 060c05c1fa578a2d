-- abi/dl: names, linker scripts, symbols.

local engine = require "spec.support.engine"
local generator = require "spec.abi.generator"
local raises = require "spec.support.raises"

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

describe("opening", function()
  local ffi = engine.new()
  ffi.cdef "int passing_int(int); double fabs(double);"
  local folder

  setup(function() folder = generator.folder() end)
  teardown(function() assert(os.execute("rm -r '" .. folder .. "'")) end)

  it("takes a bare name as lib<name>.so, or as the versioned library", function()
    assert.equal(1.5, ffi.dlopen "m".fabs(-1.5))
    assert.equal(1.5, ffi.dlopen "libm.so.6".fabs(-1.5))
  end)

  it("follows linker scripts: comments, paths beside the script, lists in lists", function()
    local library = engine.fixture "passing"
    write(folder .. "/libdirect.so", ("/* a\nscript */ OUTPUT_FORMAT(elf64)\nGROUP ( %s )\n"):format(library))
    write(folder .. "/libnested.so", ("INPUT(libnone.a, libnone.so AS_NEEDED ( libdirect.so ))"))
    for _, name in ipairs { "direct", "nested" } do
      assert.equal(42, ffi.dlopen(("%s/lib%s.so"):format(folder, name)).passing_int(42))
    end
  end)

  it("says what the linker said of a file that is none", function()
    write(folder .. "/libjunk.so", ("this is no library at all. "):rep(100))
    write(folder .. "/libloop.so", "GROUP ( libloop.so )")
    write(folder .. "/libempty.so", "")
    for _, name in ipairs { "junk", "loop", "empty" } do
      local path = ("%s/lib%s.so"):format(folder, name)
      local said = raises("cannot load library '" .. path .. "': ", function() ffi.dlopen(path) end)
      assert.matches(": [%w ]+ELF header", (said:gsub("file too short", "invalid ELF header")))
    end
  end)

  it("prefers the error of a library that is there to one that isn't", function()
    write(folder .. "/libjunk.so", ("this is no library at all. "):rep(100))
    local out = engine.run_lua([[
      print(pcall(require "moonpool".dlopen, "junk"))
      print(pcall(require "moonpool".dlopen, "no_such_junk"))
    ]], { LD_LIBRARY_PATH = folder })
    assert.matches("libjunk.so: ", out, 1, true)
    assert.matches("no_such_junk: cannot open shared object file: No such file", out, 1, true)
  end)
end)

describe("symbols", function()
  local ffi = engine.new()
  ffi.cdef "int passing_nowhere(int); extern int passing_null;"
  local lib = ffi.dlopen(engine.fixture "passing")

  it("that are missing raise the linker's text", function()
    local said = raises("symbol 'passing_nowhere' not found: ", function() return (lib.passing_nowhere) end)
    assert.matches("undefined symbol: passing_nowhere", said, 1, true)
  end)

  it("whose address is NULL count as missing", function()
    local said = raises("symbol 'passing_null' not found: ", function() return (lib.passing_null) end)
    assert.matches("its address is NULL", said, 1, true)
  end)
end)
