-- abi/signature: what can't be passed is refused by name, and the engine goes on.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("a call is refused", function()
  local ffi = engine.new()

  -- Looks abs up as a function of the given type: its call is prepared, not made.
  local function refuses(text, declarations)
    local one = engine.new()
    one.cdef(declarations)
    local said = raises(text, function() local f = one.C.abs; f() end)
    return said
  end

  it("for an incomplete type", function()
    refuses("'struct nowhere' is incomplete and can't be passed by value",
      "struct nowhere; int abs(struct nowhere);")
    refuses("'struct nowhere' is incomplete and can't be passed by value",
      "struct nowhere; struct nowhere abs(int);")
  end)

  it("for a vector whose register depends on the compiler's flags", function()
    refuses("'wide' can't be passed by value on this machine",
      "typedef struct { int v __attribute__((vector_size(32))); } wide; int abs(wide);")
  end)

  it("for more than the C stack holds", function()
    refuses("'struct huge' is too large to be passed by value",
      "struct huge { char text[2000000]; }; int abs(struct huge);")
  end)

  it("for an alignment that libffi doesn't keep on the stack", function()
    refuses("'struct strict' can't be passed by value: it is aligned above 16 bytes and lies on the stack",
      "struct strict { double d[4]; } __attribute__((aligned(32))); int abs(struct strict);")
  end)

  it("for a 128-bit float when there are arguments on the stack", function()
    refuses("'_Float128' can't be passed by value beside what lies on the stack or returns in x87 registers",
      "struct s { char text[17]; }; int abs(_Float128, struct s);")
  end)

  it("and others still work", function()
    ffi.cdef "int abs(int);"
    assert.equal(3, ffi.C.abs(-3))
  end)
end)
