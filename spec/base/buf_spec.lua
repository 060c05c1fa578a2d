-- base/buf: growing bytes.

local tests = require "moonpool.tests"

describe("mp_buf_add", function()
  it("appends bytes, NULs too", function()
    local b = tests.buf()
    b:add "ab\0"
    b:add ""
    b:add "c"
    assert.equal("ab\0c", b:text())
  end)

  it("grows", function()
    local b, parts = tests.buf(), {}
    for i = 1, 500 do
      parts[i] = ("%d,"):format(i):rep(i % 7)
      b:add(parts[i])
    end
    assert.equal(table.concat(parts), b:text())
  end)
end)

describe("mp_buf_addchar", function()
  it("appends one byte at a time", function()
    local b = tests.buf()
    local text = ("abcdefghij"):rep(40)
    for c in text:gmatch "." do b:addchar(c) end
    assert.equal(text, b:text())
  end)
end)

describe("mp_buf_addstr", function()
  it("appends a C string", function()
    local b = tests.buf()
    b:addstr "one "
    b:addstr ""
    b:addstr "two"
    assert.equal("one two", b:text())
  end)
end)

describe("mp_buf_addf", function()
  it("formats", function()
    local b = tests.buf()
    b:addf("x", 1)
    b:addf((", y"):rep(100), -2)
    assert.equal("x=1" .. (", y"):rep(100) .. "=-2", b:text())
  end)
end)

describe("mp_buf_insert", function()
  it("puts text at the start, between, and at the end", function()
    local b = tests.buf()
    b:add "bd"
    b:insert(0, "a")
    b:insert(2, "c")
    b:insert(4, "e")
    b:insert(1, "")
    assert.equal("abcde", b:text())
  end)

  it("agrees with strings over random operations", function()
    math.randomseed(11)
    local b, model = tests.buf(), ""
    for _ = 1, 500 do
      local at, s = math.random(0, #model), tostring(math.random(1000))
      b:insert(at, s)
      model = model:sub(1, at) .. s .. model:sub(at + 1)
    end
    assert.equal(model, b:text())
  end)
end)

describe("mp_buf_cstr", function()
  it("is empty for an empty buffer", function()
    assert.equal("", tests.buf():text())
  end)

  it("is NULL when memory was out, and later appends do nothing", function()
    local b = tests.buf(1)
    b:add "short"
    assert.is_false(b:failed())
    b:add(("x"):rep(10000))
    assert.is_true(b:failed())
    b:add "y"
    b:addchar "y"
    b:addstr "y"
    b:addf("y", 1)
    b:insert(0, "y")
    assert.is_nil(b:text())
    assert.same({ 0, 0 }, { b:fini() })
  end)

  it("is NULL when there was no memory at all", function()
    local b = tests.buf(0)
    assert.is_nil(b:text())
  end)
end)

describe("mp_buf_fini", function()
  it("gives everything back; the buffer may be used again", function()
    local b = tests.buf()
    b:add(("x"):rep(1000))
    assert.same({ 0, 0 }, { b:fini() })
    b:add "again"
    assert.equal("again", b:text())
    assert.same({ 0, 0 }, { b:fini() })
  end)
end)
