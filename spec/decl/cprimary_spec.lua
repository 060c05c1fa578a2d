-- decl/cprimary: casts, unary and postfix operators, names, sizeof.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local before = [[
  struct s { char c; int a[3]; struct { short x, y; } in; unsigned bits : 3; };
  extern struct s object, *pointer; int function(char); extern int array[7]; extern double real;
]]

local function value(expression)
  local ffi = engine.new()
  ffi.cdef(before .. "enum { V = " .. expression .. " };")
  return ffi.C.V
end

local function type_of(expression)
  local ffi = engine.new()
  ffi.cdef(before)
  return ffi.getctype("__typeof__(" .. expression .. ")")
end

describe("sizeof and _Alignof", function()
  it("take types and expressions", function()
    for text, expected in pairs {
      ["sizeof(int)"] = 4, ["sizeof(int[3])"] = 12, ["sizeof(struct s)"] = 24, ["sizeof object"] = 24,
      ["sizeof(object)"] = 24, ["sizeof pointer->a"] = 12, ["sizeof pointer->a[0]"] = 4,
      ["sizeof array / sizeof array[0]"] = 7, ["sizeof(((struct s *)0)->in)"] = 4, ["sizeof 1L"] = 8,
      ["sizeof function('a')"] = 4, ["sizeof(void)"] = 1, ["sizeof function"] = 1,
      ["_Alignof(double)"] = 8, ["__alignof__(struct s)"] = 4, ["_Alignof(real)"] = 8,
      ["sizeof(int[]){ 1, 2 }[0]"] = 4, ["sizeof (struct s){ 0 }.in"] = 4, ["sizeof *pointer"] = 24,
      ["sizeof &object"] = 8, ["sizeof(real + 1)"] = 8, ["sizeof -'a'"] = 4, ["sizeof __extension__ 1"] = 4,
    } do
      assert.equal(expected, value(text), text)
    end
  end)

  -- The compiler that builds moonpool is asked.
  it("say of wide vectors what the compiler says", function()
    local types = [[
      typedef int v8 __attribute__((vector_size(8))), v16 __attribute__((vector_size(16)));
      typedef int v32 __attribute__((vector_size(32))), v128 __attribute__((vector_size(128)));
      typedef v32 low __attribute__((aligned(8))), same __attribute__((aligned(32)));
      typedef v32 high __attribute__((aligned(64)));
      typedef v128 half __attribute__((aligned(64)));
      struct holds { char c; v32 v; };
      struct packed { char c; v32 v; } __attribute__((packed));
      struct asked { char c; high v; };
      struct deep { struct asked a[2]; v32 v; };
      struct member { v128 v; int i __attribute__((aligned(8))); };
      struct whole { v128 v; } __attribute__((aligned(8)));
      union either { char c; struct holds h; };
      extern v32 object; extern v128 *pointer; extern struct holds holder;
    ]]
    local questions = {}
    for type in ("v8,v16,v32,v128,low,same,high,half,struct holds,struct packed,struct asked,struct deep," ..
      "struct member,struct whole,union either,const v32,v32[3],struct asked[2],v128 *,__typeof__(object)," ..
      "__typeof__(holder.v),struct { v128 v; },long double,__int128,double"):gmatch "[^,]+" do
      questions[#questions + 1] = ("_Alignof(%s)"):format(type)
      questions[#questions + 1] = ("__alignof__(%s)"):format(type)
    end
    for place in ("object,*pointer,pointer[1],holder,holder.v"):gmatch "[^,]+" do
      questions[#questions + 1] = ("_Alignof(%s)"):format(place)
      questions[#questions + 1] = ("__alignof__(%s)"):format(place)
    end
    local ffi, text, c = engine.new(), types, { types }
    for i, question in ipairs(questions) do text = text .. ("enum { Q%d = %s };\n"):format(i, question) end
    ffi.cdef(text)
    for i, question in ipairs(questions) do
      c[i + 1] = ('_Static_assert(%s == %d, "%s");'):format(question, ffi.C["Q" .. i], question)
    end
    local command = ("%s -w -fsyntax-only -x c - <<'END'\n%s\nEND"):format(engine.cc, table.concat(c, "\n"))
    assert.equal("", (engine.run(command)))
  end)

  it("refuse what has no size", function()
    raises("cdef:1:22: size of an incomplete type, near 'sizeof'", function()
      engine.new().cdef "struct o; enum { A = sizeof(struct o) };" end)
    raises("cdef:1:39: size or address of a bit-field, near 'sizeof'", function()
      engine.new().cdef "struct o { int b : 1; } o; enum { A = sizeof o.b };" end)
  end)
end)

describe("operators on places", function()
  it("have the types that C gives", function()
    for text, expected in pairs {
      ["object.a"] = "int[3]", ["pointer->a[1]"] = "int", ["&object"] = "struct s *", ["*pointer"] = "struct s",
      ["&object.a"] = "int(*)[3]", ["*array"] = "int", ["&array"] = "int(*)[7]", ["function('a')"] = "int",
      ["function"] = "int(char)", ["&function"] = "int(*)(char)", ["*function"] = "int(char)",
      ["(char *)pointer"] = "char *", ["array + 1"] = "int *", ["&array[1] - array"] = "long",
      ["object.in.x"] = "short", ["object.bits"] = "unsigned int", ["real++"] = "double",
      ["(const int)1"] = "int", ["+object.c"] = "int",
    } do
      assert.equal(expected, type_of(text), text)
    end
  end)

  it("let the classic offsetof work", function()
    assert.equal(4, value "(long)&((struct s *)0)->a")
    assert.equal(12, value "(char *)&((struct s *)0)->a[2] - (char *)0")
    assert.equal(18, value "(unsigned long)&((struct s *)0)->in.y")
  end)

  it("refuse what doesn't fit", function()
    local function fails(text, expression)
      local ok, message = pcall(type_of, expression)
      assert.is_false(ok)
      assert.is_truthy(message:find(text, 1, true), message)
    end
    fails("pointer expected", "*real")
    fails("struct or union expected", "real.x")
    fails("no member 'nope'", "object.nope")
    fails("operand of the wrong type", "real[1]")
    fails("operand of the wrong type", "real(1)")
    fails("size or address of a bit-field", "&object.bits")
    fails("unknown name 'nope'", "nope + 1")
    fails("expression expected", "1 +")
    fails("statements in expressions are not supported", "({ 1; })")
    fails("name expected", "object.[1]")
  end)

  it("refuse macros without a value, and types", function()
    local ffi = engine.new()
    ffi.cdef "#define NOTHING\ntypedef int t;"
    raises("cdef:1:12: NOTHING is a macro without a constant value, near 'NOTHING'", function()
      ffi.cdef "enum { A = NOTHING };" end)
    raises("cdef:1:12: expression expected, near 't'", function() ffi.cdef "enum { A = t };" end)
  end)
end)

describe("__real__ and __imag__", function()
  it("give the parts' type", function()
    assert.equal("float", type_of "__real__ (float _Complex)1")
    assert.equal("double", type_of "__imag__ (_Complex double)1")
  end)
end)
