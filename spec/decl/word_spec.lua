-- decl/word: which names are keywords, and which are types that nobody has to declare.

local engine = require "spec.support.engine"

describe("mp_word_classify", function()
  it("finds every word of its table", function()
    local file = assert(io.open "src/decl/word.c")
    local source = file:read "a"
    file:close()
    local ffi, count, last = engine.new(), 0, ""
    for word, token in source:gmatch 'W%("([%w_]+)", MP_TOK_([%u%d]+)' do
      count = count + 1
      assert.is_true(last < word, word .. " is out of order")
      last = word
      if token == "NAME" then
        assert.is_truthy(ffi.typeof(word), word)
      else -- a keyword is no enumerator
        assert.is_false((pcall(ffi.typeof, ("enum { %s }"):format(word))), word)
      end
    end
    assert.is_true(count > 100)
  end)

  it("takes no other name for one", function()
    local ffi = engine.new()
    for _, word in ipairs { "Int", "int_", "_int", "structs", "INT", "__const_", "uint8", "size", "file",
      "restrict_", "Bool", "alignof", "pragma", "offsetof", "asm_", "sizeof_", "u", "L", "u8", "U" } do
      assert.equal(4, ffi.sizeof(("struct { int %s; }"):format(word)), word)
    end
  end)
end)
