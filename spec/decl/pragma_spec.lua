-- decl/pragma: #pragma pack, _Pragma, #define, #undef, and what else starts with '#'.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("#pragma pack", function()
  local ffi
  before_each(function() ffi = engine.new() end)

  local function size(text)
    local own = engine.new()
    own.cdef(text .. "\nstruct probe { char c; long l; };")
    return own.sizeof "struct probe"
  end

  it("is taken in every form", function()
    assert.equal(16, size "")
    for text, expected in pairs {
      ["#pragma pack(1)"] = 9, ["#pragma pack(2)"] = 10, ["#pragma pack(4)"] = 12, ["#pragma pack(8)"] = 16,
      ["#pragma pack(1)\n#pragma pack()"] = 16, ["#pragma pack(1)\n#pragma pack(0)"] = 16,
      ["#pragma pack(push, 1)"] = 9, ["#pragma pack(push, 1)\n#pragma pack(pop)"] = 16,
      ["#pragma pack(2)\n#pragma pack(push)\n#pragma pack(1)\n#pragma pack(pop)"] = 10,
      ["#pragma pack(push, a, 1)\n#pragma pack(push, 2)\n#pragma pack(pop, a)"] = 16,
      ["#pragma pack(push, a)\n#pragma pack(1)"] = 9, ["#pragma pack(pop)"] = 16, ["#pragma pack(show)"] = 16,
      ["#pragma pack(push, 1)\n#pragma pack(pop, b)"] = 9, ["# pragma  pack ( 1 ) "] = 9,
      ["#define P 1\n#pragma pack(P)"] = 9, ["_Pragma(\"pack(1)\")"] = 9,
      ["_Pragma(\"pack(push, 2)\") _Pragma(\"pack(pop)\")"] = 16,
      ["#pragma pack(push, 4)\n#pragma pack(push, 2)\n#pragma pack(pop)"] = 12,
    } do
      assert.equal(expected, size(text), text)
    end
  end)

  it("holds from a record's end on, and may stand anywhere", function()
    ffi.cdef "struct s { char c;\n#pragma pack(1)\nlong l; }\n#pragma pack()\n; struct t { char c; long l; };"
    assert.equal(9, ffi.sizeof "struct s")
    assert.equal(16, ffi.sizeof "struct t")
  end)

  it("caps, and never raises, alignment", function()
    ffi.cdef("#pragma pack(8)\nstruct s { char c; short x; };\n#pragma pack(2)\nstruct t { char c; " ..
      "int x __attribute__((aligned(16))); };")
    assert.equal(4, ffi.sizeof "struct s")
    assert.equal(6, ffi.sizeof "struct t")
  end)

  it("comes as an option too", function()
    ffi.cdef("struct s { char c; long l; };\n#pragma pack(1)\nstruct t { char c; long l; };\n" ..
      "#pragma pack()\nstruct u { char c; long l; };", { pack = 2 })
    assert.equal(10, ffi.sizeof "struct s")
    assert.equal(9, ffi.sizeof "struct t")
    assert.equal(10, ffi.sizeof "struct u")
    ffi.cdef("struct v { char c; long l; };", { packed = true })
    assert.equal(9, ffi.sizeof "struct v")
  end)

  it("refuses other numbers", function()
    raises("cdef:1:14: pack must be 0, 1, 2, 4, 8 or 16, near '3'", function() ffi.cdef "#pragma pack(3)\n" end)
    raises("cdef:1:20: pack must be 0, 1, 2, 4, 8 or 16, near '32'", function()
      ffi.cdef "#pragma pack(push, 32)\n" end)
    raises("cdef:1:", function() ffi.cdef "#pragma pack(\n" end)
    raises("cdef:1:9: string expected", function() ffi.cdef "_Pragma(5)" end)
  end)
end)

describe("other pragmas", function()
  it("mean nothing, but those that would change layout", function()
    local ffi = engine.new()
    ffi.cdef("#pragma once\n#pragma GCC visibility push(default)\n#pragma message(\"it's\")\n#pragma\n" ..
      "#pragma ms_struct off\n")
    ffi.cdef "#pragma scalar_storage_order little-endian\n#pragma scalar_storage_order default\nint f(void);"
    raises("cdef:1:9: pragma 'ms_struct' is not supported", function() ffi.cdef "#pragma ms_struct on\n" end)
    raises("cdef:1:9: pragma 'scalar_storage_order' is not supported", function()
      ffi.cdef "#pragma scalar_storage_order big-endian\n" end)
  end)
end)

describe("#define", function()
  local ffi
  before_each(function() ffi = engine.new() end)

  it("makes constants of numbers, characters, strings and expressions", function()
    ffi.cdef [[
      #define A 1
      #define B (A << 4 | 0x0f) /* comment */
      #define C 1.5e3 // comment
      #define D "text" " joined"
      #define E 'x'
      #define F sizeof(long) * 2
      #define G (unsigned char)300
      #define H \
        (A + \
         B)
      enum { I = H };
      #define J -I]]
    local c = ffi.C
    assert.are.same({ 1, 31, 1500.0, "text joined", 120, 16, 44, 32, 32, -32 },
      { c.A, c.B, c.C, c.D, c.E, c.F, c.G, c.H, c.I, c.J })
  end)

  it("remembers the others", function()
    ffi.cdef("#define EMPTY\n#define CALL(x) x\n#define TYPE int *\n#define OTHER unknown_name\n" ..
      "#define POINTER ((void *)-1)\n")
    for _, name in ipairs { "EMPTY", "CALL", "TYPE", "OTHER", "POINTER" } do
      raises(name .. " is a macro without a constant value", function() local _ = ffi.C[name] end)
    end
  end)

  it("replaces an earlier one, and #undef takes it away", function()
    ffi.cdef "#define A 1\n#define A 2\n#define B 3\n#undef B\n#undef NEVER\n"
    assert.equal(2, ffi.C.A)
    assert.is_false((pcall(function() return ffi.C.B end)))
    ffi.cdef "enum { B = 4 };"
    assert.equal(4, ffi.C.B)
  end)

  it("is forgotten by #undef, whether it was a constant or not", function()
    ffi.cdef "#define A 1\n#define B (x)\n#define C(x) x\n#define D 4\n"
    raises("C is a macro without a constant value", function() return ffi.C.C end)
    ffi.cdef "#undef A\n#undef B\n#undef C\n"
    for _, name in ipairs { "A", "B", "C" } do
      raises(("'%s' is not declared"):format(name), function() return ffi.C[name] end)
    end
    raises("cdef:1:13: unknown name 'B', near 'B'", function() ffi.cdef "enum { E1 = B };" end)
    local names = {}
    for name in pairs(ffi.C) do names[#names + 1] = name end
    assert.same({ "D" }, names)
    ffi.cdef "typedef long A;\n#define B 6\n"
    assert.equal("long", ffi.getctype "A")
    assert.equal(6, ffi.C.B)
  end)

  it("comes back when the text that has the #undef fails", function()
    ffi.cdef "#define A 1\n"
    assert.is_false((pcall(ffi.cdef, "#undef A\n#define B 2\n#undef B\n#define B 3\n?")))
    assert.equal(1, ffi.C.A)
    raises("'B' is not declared", function() return ffi.C.B end)
  end)

  it("doesn't hide what is declared by that name", function()
    ffi.cdef("int abs(int);\n#define abs(x) x\n#define abs abs\nenum { A = 5 };\n#define A A\n" ..
      "typedef int t;\n#define t t\n#undef A\n")
    assert.equal(3, ffi.C.abs(-3))
    assert.equal(5, ffi.C.A)
    assert.equal("int", ffi.getctype "t")
  end)

  it("ends at the line's end, whatever stands there", function()
    ffi.cdef "#define A (1 +\n#define B \"unfinished\nint f(void);\n#define C 'x\nint g(void);"
    assert.equal("int(void)", ffi.getctype "typeof(f)")
    assert.equal("int(void)", ffi.getctype "typeof(g)")
  end)

  it("needs a name", function()
    raises("cdef:1:9: name expected, near '5'", function() ffi.cdef "#define 5\n" end)
    raises("cdef:1:7: name expected, near '<eof>'", function() ffi.cdef "#undef\n" end)
  end)
end)

describe("other directives", function()
  it("are the preprocessor's", function()
    local ffi = engine.new()
    ffi.cdef "#\n#ident \"x\"\n#warning it's fine\n  # 3 \"file.h\"\nint f(void);"
    for _, text in ipairs { "include <stdio.h>", "if 1", "ifdef X", "endif", "error no" } do
      local word = text:match "%a+"
      raises(("cdef:1:2: directive '#%s' is the preprocessor's: pass what it prints, near '%s'"):format(word, word),
        function() ffi.cdef("#" .. text .. "\n") end)
    end
    raises("cdef:1:3: directive expected, near '+'", function() ffi.cdef "# +\n" end)
    raises("cdef:1:5: ", function() ffi.cdef "int # define x 5\n" end)
  end)
end)
