-- face/lua_buffer: raw bytes as an object, and cdata over other objects' bytes.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local function collect()
  collectgarbage()
  collectgarbage()
end

describe("ffi.buffer", function()
  local ffi = engine.new()

  it("shows the bytes of a cdata", function()
    local a = ffi.new("char[]", "hello")
    local b = ffi.buffer(a)
    assert.equal(6, #b)
    assert.equal(104, b[0])
    assert.equal(0, b[5])
    assert.equal("ell", b:read(1, 3))
    assert.equal(8, #ffi.buffer(ffi.new "int[2]"))
    assert.equal(4, #ffi.buffer(ffi.new "int *"))
  end)

  it("takes a size, inside the block", function()
    local a = ffi.new "char[8]"
    assert.equal(3, #ffi.buffer(a, 3))
    raises("access of 9 bytes at offset 0 is outside its block of 8 bytes", function() ffi.buffer(a, 9) end)
    raises("negative size", function() ffi.buffer(a, -1) end)
    raises("expected a cdata, not number", function() ffi.buffer(5) end)
    raises("expected a pointer, array or aggregate, not cdata 'int'", function()
      ffi.buffer(ffi.box("int", 1))
    end)
  end)

  it("writes", function()
    local a = ffi.new "char[6]"
    local b = ffi.buffer(a)
    b[0] = 104
    b:write(1, "ello")
    assert.equal("hello", ffi.string(a))
    raises("byte 256 is not between 0 and 255", function() b[0] = 256 end)
    raises("byte -1 is not between 0 and 255", function() b[0] = -1 end)
    raises("", function() b[0] = "x" end)
  end)

  it("stays inside", function()
    local b = ffi.buffer(ffi.new "char[4]")
    raises("1 bytes at offset 4 are outside the buffer of 4 bytes", function() local _ = b[4] end)
    raises("1 bytes at offset -1 are outside the buffer of 4 bytes", function() local _ = b[-1] end)
    raises("1 bytes at offset 4 are outside the buffer of 4 bytes", function() b[4] = 1 end)
    raises("3 bytes at offset 2 are outside the buffer of 4 bytes", function() b:read(2, 3) end)
    raises("1 bytes at offset -1 are outside the buffer of 4 bytes", function() b:read(-1, 1) end)
    raises("2 bytes at offset 3 are outside the buffer of 4 bytes", function() b:write(3, "ab") end)
    raises("expected a buffer, not table", function() b.read({}, 0, 1) end)
    assert.equal("", b:read(4, 0))
  end)

  it("takes strings alone to write", function()
    local b = ffi.buffer(ffi.new "char[4]")
    raises("bad argument #2 to 'write' (string expected, got number)", function() b:write(0, 7) end)
  end)

  it("lets go of what pointers kept that it writes over", function()
    local ended = 0
    local slot = ffi.new("int *[1]", { ffi.gc(ffi.new "int *", function() ended = ended + 1 end) })
    ffi.buffer(slot):write(0, ("\0"):rep(8))
    collect()
    assert.equal(1, ended)
    assert.is_nil(slot[0])
  end)

  it("keeps the block, and knows when it was released", function()
    local b = ffi.buffer(ffi.new("char[]", "kept"))
    collect()
    assert.equal("kept", b:read(0, 4))
    local a = ffi.new "char[4]"
    b = ffi.buffer(a)
    ffi.release(a)
    raises("cdata was released", function() local _ = b[0] end)
    raises("cdata was released", function() b:write(0, "x") end)
  end)
end)

describe("ffi.from_buffer", function()
  local ffi = engine.new()
  ffi.cdef "size_t strlen(const char *); char *strcpy(char *, const char *);"

  it("reads a string's own bytes", function()
    local text = ("abc"):rep(100)
    local a = ffi.from_buffer(text)
    assert.equal(ffi.typeof "char[]", ffi.typeof(a))
    assert.equal(300, #a)
    assert.equal("c", a[299])
    assert.equal(98, ffi.from_buffer("const unsigned char[]", text)[1])
    assert.equal(75, #ffi.from_buffer("int[]", text))
  end)

  it("keeps the object", function()
    local a = ffi.from_buffer(("x"):rep(1000) .. "y")
    collect()
    assert.equal("y", a[1000])
  end)

  it("is read-only over a string, whatever it is cast to", function()
    local a = ffi.from_buffer "text"
    raises("cdata is read-only: it lies in a Lua string", function() ffi.cast("char *", a)[0] = "x" end)
    raises("", function() a[0] = "x" end)
    raises("", function() ffi.fill(a, 1) end)
    raises("", function() ffi.memmove(a, "x", 1) end)
    raises("", function() ffi.from_buffer("char[]", "text", true) end)
    assert.equal("text", ffi.unpack(a, 4))
  end)

  it("is refused where C may write through it", function()
    local a = ffi.from_buffer "text"
    raises("", function() ffi.C.strcpy(a, "x") end)
    raises("", function() ffi.new("char *[1]")[0] = a end)
    ffi.new("const char *[1]")[0] = a
  end)

  it("shares a mutable buffer", function()
    local a = ffi.new("char[]", "Hello")
    local view = ffi.from_buffer("char[]", ffi.buffer(a), true)
    assert.equal(6, #view)
    view[0] = "h"
    assert.equal("hello", ffi.string(a))
    ffi.release(a)
    raises("cdata was released", function() local _ = view[0] end)
  end)

  it("takes a full userdata", function()
    local file <close> = assert(io.tmpfile())
    assert.is_true(#ffi.from_buffer(file) > 0)
  end)

  it("can be released", function()
    local a = ffi.from_buffer "text"
    ffi.release(a)
    raises("cdata was released", function() local _ = a[0] end)
  end)

  it("refuses other objects, and types that are no array or pointer", function()
    raises("expected a string, a buffer or another library's userdata, not table", function()
      ffi.from_buffer {}
    end)
    raises("expected a string, a buffer or another library's userdata, not number", function()
      ffi.from_buffer(5)
    end)
    raises("expected a pointer or array ctype, got 'int'", function() ffi.from_buffer("int", "text") end)
    raises("buffer of 4 bytes is too small for 'int[2]' (8 bytes)", function()
      ffi.from_buffer("int[2]", "text")
    end)
  end)
end)
