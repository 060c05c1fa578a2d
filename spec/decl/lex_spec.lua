-- decl/lex: C text to tokens, as far as declarations show it.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

describe("mp_lex_next", function()
  local ffi
  before_each(function() ffi = engine.new() end)

  it("passes spaces, comments, spliced lines and form feeds", function()
    ffi.cdef "/* a */ enum // b\n { /* ** / */ LEX_A\f=\t1 \\\n + 2 }; // no newline at the end"
    assert.equal(3, ffi.C.LEX_A)
  end)

  it("passes a byte order mark, and ends of lines of every system", function()
    ffi.cdef "\xEF\xBB\xBF#pragma pack(1)\r\nstruct s { char c; int i; };\r\n#define A \\\r\n 5\r\n"
    assert.equal(5, ffi.sizeof "struct s")
    assert.equal(5, ffi.C.A)
  end)

  it("takes names of UTF-8, dollars and digits", function()
    ffi.cdef "enum { größe = 1, $x = 2, a1_ = 3 };"
    assert.equal(1, ffi.C["größe"])
    assert.equal(2, ffi.C["$x"])
    assert.equal(3, ffi.C.a1_)
  end)

  it("knows every spelling of a keyword", function()
    for _, text in ipairs {
      "__const int", "__const__ int", "int __volatile__ *", "int *__restrict", "int *__restrict__",
      "__signed__ char", "__signed char", "__extension__ int", "__complex__ double",
      "__typeof__(int)", "__typeof(int)", "typeof(int)", "__inline int", "_Noreturn void",
    } do
      assert.is_truthy(ffi.typeof(text), text)
    end
  end)

  it("doesn't take a keyword for part of a name", function()
    ffi.cdef "typedef int integer; integer int_; struct structure { int unsigned_; };"
    assert.equal(4, ffi.sizeof "struct structure")
  end)

  it("takes numbers of every form, and dots that are none", function()
    ffi.cdef "enum { LEX_N = 0x1e +1, LEX_E = (int)1e+1 }; int f(int, ...); struct s { int a[2]; };"
    assert.equal(0x1f, ffi.C.LEX_N)
    assert.equal(10, ffi.C.LEX_E)
    raises("cdef:1:12: malformed number, near '0x1e+1'", function() ffi.cdef "enum { A = 0x1e+1 };" end)
  end)

  it("tells punctuators apart", function()
    ffi.cdef "enum { P = 1<<2|8>>1, Q = 1<2, R = 2<=2, S = 3!=3, T = 1&&0||1, U = -(-1) };"
    local c = ffi.C
    assert.are.same({ 4, 1, 1, 0, 1, 1 }, { c.P, c.Q, c.R, c.S, c.T, c.U })
  end)

  it("refuses what no token starts with", function()
    raises("cdef:1:5: unexpected character, near '@'", function() ffi.cdef "int @x;" end)
    raises("cdef:1:4: unexpected character, near '?'", function() ffi.cdef "int\0 x;" end)
    raises("cdef:1:4: unexpected character, near '?'", function() ffi.cdef "int\1x;" end)
  end)

  it("refuses what has no end", function()
    raises("cdef:2:1: unfinished comment", function() ffi.cdef "\n/* int x;" end)
    raises("cdef:1:9: unfinished string", function() ffi.cdef 'int x = "abc;' end)
    raises("cdef:1:9: unfinished string", function() ffi.cdef 'int x = "abc\n";' end)
    raises("cdef:1:10: unfinished character constant", function() ffi.cdef "enum { A='a };" end)
  end)

  it("refuses a text that is cut at any byte, or takes it", function()
    local text = [[struct s { int a : 3; char b[sizeof "x\x41"]; /* c */ } __attribute__((packed));
# 7 "file.h"
#define N ('a' + 0x1fUL)
static inline int f(int x) { return "}"[x]; } enum { E = 1 ? 2 : 3 };]]
    for n = 0, #text do
      local ok, message = pcall(engine.new().cdef, text:sub(1, n))
      if not ok then assert.is_truthy(message:find ":%d+:%d+: ", message) end
    end
  end)
end)

describe("line markers", function()
  local ffi
  before_each(function() ffi = engine.new() end)

  it("lead errors to the file that they name", function()
    raises("/usr/include/a.h:12:1: unknown type 'what', near 'what'", function()
      ffi.cdef '# 12 "/usr/include/a.h" 3 4\nwhat x;'
    end)
  end)

  it("count the lines behind them", function()
    raises("b.h:3:7: ';' expected, near 'y'", function()
      ffi.cdef '#line 1 "b.h"\nint a;\n\nint y y;\n' end)
  end)

  it("are read inside skipped bodies", function()
    raises("c.h:41:1: unknown type 'what'", function()
      ffi.cdef '# 1 "c.h"\nstatic int f(void) {\n# 40 "c.h"\n}\nwhat x;' end)
  end)

  it("may have quotes and backslashes in the name", function()
    raises([[a"b\c.h:1:1: unknown type]], function() ffi.cdef '# 1 "a\\"b\\\\c.h"\nwhat x;' end)
  end)
end)

describe("mp_lex_skip_bracket", function()
  local ffi
  before_each(function() ffi = engine.new() end)

  it("passes bodies with strings, comments and nested braces", function()
    ffi.cdef [[
      static inline int f(int x) {
        const char *s = "}{\"}"; char c = '}'; char d = '\'';
        /* } */ // }
        if (x) { while (x) { x--; } } else { return ({ int y = 1; y; }); }
      label: __attribute__((unused));
        return x;
      }
      enum { AFTER = 5 };]]
    assert.equal(5, ffi.C.AFTER)
  end)

  it("refuses a body without an end, where it starts", function()
    raises("cdef:1:13: bracket without its closing one, near '{'", function()
      ffi.cdef "int f(void) { { }\n" end)
    raises("cdef:1:10: unfinished string", function() ffi.cdef 'int f(){ "\n }' end)
  end)
end)

describe("mp_lex_skip_initializer", function()
  it("passes initializers of every kind", function()
    local ffi = engine.new()
    ffi.cdef [[
      int a = 1, b[2] = { 1, 2 }, c = (1, 2);
      struct { int x, y; } d = { .x = 1, .y = f(2, 3) }, *e[] = { &d, 0 };
      const char *s = "a;b,c" "d", t = ';';
      int (*g)(int) = 0, h = ({ int i = 0; i; });
      enum { AFTER = 6 };]]
    assert.equal(6, ffi.C.AFTER)
    assert.equal("int", ffi.getctype "__typeof__(h)")
  end)
end)
