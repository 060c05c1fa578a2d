-- value/keep: a pointer stored into memory that moonpool owns keeps its target alive.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

local function collect()
  collectgarbage()
  collectgarbage()
end

local CDEF = "struct node { struct node *next; int value; char pad[600]; };"

-- A node that says in `log` when it ends.
local function watched(ffi, log, value)
  local node = ffi.new("struct node *", { value = value })
  return ffi.gc(node, function() log[#log + 1] = value end)
end

describe("mp_keep_set", function()
  it("keeps the target until it is overwritten", function()
    local ffi, log = engine.new(), {}
    ffi.cdef(CDEF)
    local a = ffi.new "struct node *"
    a.next = watched(ffi, log, 1)
    collect()
    assert.same({}, log)
    assert.equal(1, a.next.value)
    a.next = watched(ffi, log, 2)
    collect()
    assert.same({ 1 }, log)
    a.next = nil
    collect()
    assert.same({ 1, 2 }, log)
  end)

  it("keeps it until the holder ends", function()
    local ffi, log = engine.new(), {}
    ffi.cdef(CDEF)
    local a = ffi.new "struct node *"
    a.next = watched(ffi, log, 1)
    ffi.release(a)
    collect()
    assert.same({ 1 }, log)
  end)

  it("keeps what views and casts look into", function()
    local ffi = engine.new()
    local slots = ffi.new "char *[2]"
    slots[0] = ffi.cast("char *", ffi.new("char[]", "hello")) + 1
    slots[1] = ffi.new("char[]", "world")
    collect()
    assert.same({ "ello", "world" }, { ffi.string(slots[0]), ffi.string(slots[1]) })
  end)

  it("works through a view of the holder", function()
    local ffi = engine.new()
    ffi.cdef "struct pair { struct { int *p; } in[2]; };"
    local pair = ffi.new "struct pair *"
    pair["in"][1].p = ffi.new("int *", 42)
    collect()
    assert.equal(42, pair["in"][1].p[0])
    ffi.addressof(pair, "in", 0, "p")[0] = ffi.new("int *", 43)
    collect()
    assert.equal(43, pair["in"][0].p[0])
  end)

  it("lets cycles be collected", function()
    local ffi, log = engine.new(), {}
    ffi.cdef(CDEF)
    do
      local a, b = watched(ffi, log, 1), watched(ffi, log, 2)
      a.next, b.next = b, a
      local own = ffi.new "struct node *"
      own.next = own
    end
    collect()
    table.sort(log)
    assert.same({ 1, 2 }, log)
  end)
end)

describe("mp_keep_push", function()
  it("reads a pointer back as a view of its target", function()
    local ffi = engine.new()
    local slot = ffi.new "int *[1]"
    slot[0] = ffi.new("int[3]", { 1, 2, 3 })
    collect()
    assert.equal(3, slot[0][2])
    assert.is_false(pcall(function() return slot[0][3] end))
  end)

  it("knows when the target was released, small and large", function()
    local ffi = engine.new()
    ffi.cdef "size_t strlen(const char *);"
    for _, size in ipairs { 8, 4096 } do
      local slot, target = ffi.new "char *[1]", ffi.new("char[]", size)
      slot[0] = target
      ffi.release(target)
      raises("cdata was released", function() local _ = slot[0][0] end)
      raises("cdata was released", function() slot[0][0] = 1 end)
      raises("cdata was released", function() ffi.C.strlen(slot[0]) end)
    end
  end)

  it("trusts a pointer that C has changed", function()
    local ffi = engine.new()
    ffi.cdef "void array_out(int **out);"
    local lib = ffi.dlopen(engine.fixture "array")
    local slot = ffi.new("int *[1]", { ffi.new("int *", 5) })
    lib.array_out(slot)
    assert.equal(40, slot[0][3])
  end)
end)

describe("mp_keep_move", function()
  it("goes along with struct assignment", function()
    local ffi, log = engine.new(), {}
    ffi.cdef(CDEF)
    local nodes = ffi.new "struct node[2]"
    nodes[0].next = watched(ffi, log, 1)
    nodes[1] = nodes[0]
    nodes[0].next = nil
    collect()
    assert.same({}, log)
    assert.equal(1, nodes[1].next.value)
    nodes[1] = nodes[0]
    collect()
    assert.same({ 1 }, log)
  end)

  it("goes along with ffi.new of a struct, and memmove, overlapping too", function()
    local ffi, log = engine.new(), {}
    ffi.cdef(CDEF)
    local a = ffi.new "struct node *"
    a.next = watched(ffi, log, 1)
    local b = ffi.new("struct node *", a[0])
    a = nil -- luacheck: ignore 311
    collect()
    assert.equal(1, b.next.value)
    b = nil -- luacheck: ignore 311
    collect()
    assert.same({ 1 }, log)

    local slots = ffi.new "struct node *[4]"
    for i = 0, 3 do slots[i] = watched(ffi, log, 10 + i) end
    ffi.memmove(ffi.addressof(slots, 1), slots, 3 * ffi.sizeof "void *")
    collect()
    assert.same({ 1, 13 }, log)
    assert.same({ 10, 10, 11, 12 },
      { slots[0].value, slots[1].value, slots[2].value, slots[3].value })
    ffi.fill(slots, ffi.sizeof(slots))
    collect()
    assert.equal(5, #log)
  end)
end)

describe("a holder that a finalizer ends while it is written", function()
  it("keeps nothing, and is left alone", function()
    local out, code = engine.run_lua [[
      local ffi = require "moonpool"
      ffi.cdef "struct two { int *a, *b; };"
      local new, target = ffi.typeof "struct two *", ffi.new "int *"
      local source, released = ffi.new(new), 0
      source.a = target
      for i = 1, 1000 do -- the collector comes to it at another place each time
        collectgarbage("incremental", 100, 40 + i % 400, i % 9)
        local p = ffi.new(new)
        p.a = target
        setmetatable({}, { __gc = function() released = released + 1 ffi.release(p) end })
        local _ = ("x"):rep(i * 37 % 101 + 41)
        while pcall(function() p[0] = source[0] end) do _ = ("x"):rep(i * 31 % 97 + 41) end
      end
      print(released > 900)
    ]]
    assert.same({ "true\n", 0 }, { out, code })
  end)
end)

describe("what is kept in a range of a large block", function()
  it("moves and goes whole, whatever the sizes of range and block", function()
    local ffi = engine.new()
    local size = ffi.sizeof "void *"
    for _, count in ipairs { 3, 8, 9, 13, 40, 300 } do
      local from, to = ffi.new "int *[300]", ffi.new "int *[300]"
      local log = {}
      for i = 0, 299 do
        from[i] = ffi.gc(ffi.new("int *", i), function() log[#log + 1] = i end)
        to[i] = ffi.gc(ffi.new("int *", -i), function() log[#log + 1] = -i end)
      end
      local first = (300 - count) // 2
      ffi.memmove(ffi.addressof(to, first), ffi.addressof(from, first), count * size)
      collect()
      assert.equal(count, #log) -- what lay there
      for i = 0, 299 do
        assert.equal(i >= first and i < first + count and i or -i, to[i][0])
      end
      ffi.fill(ffi.addressof(from, first), count * size)
      collect()
      assert.equal(count, #log)
      ffi.fill(to, count * size)
      ffi.fill(ffi.addressof(to, first), count * size)
      collect()
      assert.is_true(#log > count)
      for i = first + count, 299 do assert.equal(-i, to[i][0]) end
    end
  end)
end)

describe("a union's member written over a pointer", function()
  it("lets the pointer's target go", function()
    local ffi, ended = engine.new(), 0
    ffi.cdef "union both { int *p; long v; };"
    local u = ffi.new "union both *"
    u.p = ffi.gc(ffi.new "int *", function() ended = ended + 1 end)
    collectgarbage() collectgarbage()
    assert.equal(0, ended)
    u.v = 0
    collectgarbage() collectgarbage()
    assert.equal(1, ended)
  end)
end)
