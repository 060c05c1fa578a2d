-- The first seed: "Memory Management" of Python's CFFI. Each of its code blocks, in Lua,
-- with what the block says asserted: its comments, its printed lines, its pitfalls.

local engine = require "spec.support.engine"
local raises = require "spec.support.raises"

-- Python's print, into a list.
local function printer()
  local printed = {}
  return printed, function(line) printed[#printed + 1] = line end
end

local function collect()
  collectgarbage()
  collectgarbage()
end

describe("Memory Allocation", function()
  it("new(cdecl, init): allocates C data of a pointer or array type, owned and zeroed", function()
    local ffi = engine.new()
    assert.equal("cdata<int *> owning 4 bytes", tostring(ffi.new "int *"))
    assert.equal("cdata<int[3]> owning 12 bytes", tostring(ffi.new "int[3]"))
    assert.equal(0, ffi.new("int *")[0])
    assert.equal(7, ffi.new("int *", 7)[0])
    raises("expected a pointer or array ctype, got 'int'", function() ffi.new "int" end)
  end)

  it("usage: single values, initialization, arrays, structures", function()
    local ffi = engine.new()
    -- Allocate single values
    local p_int = ffi.new "int *"
    p_int[0] = 42
    assert.equal(42, p_int[0])

    -- Allocate with initialization
    local p_initialized = ffi.new("int *", 100)
    assert.equal(100, p_initialized[0])

    -- Allocate arrays
    local arr = ffi.new "int[10]" -- Fixed size array
    local dyn_arr = ffi.new("int[]", 5) -- Dynamic array with 5 elements
    assert.equal(10, #arr)
    assert.equal(5, #dyn_arr)

    -- Initialize arrays
    local data = ffi.new("int[]", { 1, 2, 3, 4, 5 })
    assert.equal(5, #data)
    for i = 0, 4 do assert.equal(i + 1, data[i]) end

    -- Allocate structures
    ffi.cdef "struct point { int x, y; };"
    local point = ffi.new "struct point *"
    point.x = 10
    point.y = 20
    assert.same({ 10, 20 }, { point.x, point.y })

    -- Initialize structures
    local point_init = ffi.new("struct point *", { x = 10, y = 20 })
    assert.same({ 10, 20 }, { point_init.x, point_init.y })
  end)
end)

describe("Custom Allocators", function()
  it("new_allocator(alloc, free, should_clear_after_alloc): a function that is used as new", function()
    local ffi = engine.new()
    local dirty = ffi.new("char[]", ("x"):rep(16))
    local function alloc() return dirty end
    local cleared = ffi.new_allocator(alloc, nil)
    assert.equal(0, cleared("int *")[0])
    ffi.fill(dirty, 16, 1)
    local uncleared = ffi.new_allocator(alloc, nil, false)
    assert.equal(0x01010101, uncleared("int *")[0])
    assert.equal(5, uncleared("int *", 5)[0])
    raises("expected a pointer or array ctype, got 'int'", function() cleared "int" end)
  end)

  it("usage: alloc and free written in Lua", function()
    local ffi = engine.new()
    local printed, print = printer()
    -- Create custom allocator
    local function my_alloc(size)
      print(("Allocating %d bytes"):format(size))
      return ffi.cast("void *", ffi.new("char[]", size))
    end
    local function my_free(_)
      print "Freeing memory"
      -- Memory automatically freed by moonpool
    end
    local allocator = ffi.new_allocator(my_alloc, my_free)

    -- Use custom allocator
    local data = allocator "int[100]"
    assert.same({ "Allocating 400 bytes" }, printed)
    collect() -- the cast keeps what it was made of
    for i = 0, 99 do data[i] = i end
    for i = 0, 99 do assert.equal(i, data[i]) end
    data = nil -- luacheck: ignore 311
    collect()
    assert.same({ "Allocating 400 bytes", "Freeing memory" }, printed)
  end)
end)

describe("Type Casting", function()
  it("cast(cdecl, source): converts cdata, integers and pointers to the type", function()
    local ffi = engine.new()
    local p = ffi.new("int *", 1)
    assert.equal(ffi.typeof "char *", ffi.typeof(ffi.cast("char *", p)))
    assert.equal(-1, ffi.cast("signed char", 255))
    assert.equal(ffi.addr(p), ffi.cast("intptr_t", p))
  end)

  it("usage: integers to pointers, pointer types, arrays, integer types", function()
    local ffi = engine.new()
    -- Cast integers to pointers
    local ptr = ffi.cast("void *", 0x12345678)
    assert.equal(0x12345678, ffi.addr(ptr))

    -- Cast between pointer types
    local int_ptr = ffi.new("int *", 42)
    local void_ptr = ffi.cast("void *", int_ptr)
    local back_to_int = ffi.cast("int *", void_ptr)
    assert.equal(42, back_to_int[0])

    -- Cast arrays to pointers
    local arr = ffi.new("int[5]", { 1, 2, 3, 4, 5 })
    ptr = ffi.cast("int *", arr)
    assert.equal(5, ptr[4])

    -- Cast to different integer types
    local value = ffi.cast("unsigned char", 256) -- Results in 0 (overflow)
    assert.equal(0, value)
  end)
end)

describe("Address Operations", function()
  it("addressof(cdata, fields_or_indexes): a pointer to the location", function()
    local ffi = engine.new()
    ffi.cdef "struct point { int x, y; };"
    local points = ffi.new "struct point[3]"
    assert.equal(ffi.typeof "struct point(*)[3]", ffi.typeof(ffi.addressof(points)))
    assert.equal(ffi.typeof "int *", ffi.typeof(ffi.addressof(points, 1, "y")))
    assert.equal(ffi.addr(points) + 12, ffi.addr(ffi.addressof(points, 1, "y")))
  end)

  it("usage: simple data; a number has no address, its place has", function()
    local ffi = engine.new()
    local x = ffi.new("int *", 42)
    -- x[0] is a number in Lua.
    local said = raises("", function() ffi.addressof(x[0]) end)
    assert.matches("ffi.addressof(x, 0)", said, 1, true)
    local addr = ffi.addressof(x, 0)
    assert.equal(42, addr[0])
    addr[0] = 43
    assert.equal(43, x[0])
  end)

  it("usage: structure fields, array elements, nested access", function()
    local ffi = engine.new()
    -- Get address of structure fields
    ffi.cdef "struct point { int x, y; };"
    local point = ffi.new("struct point *", { 1, 2 })
    local x_addr = ffi.addressof(point, "x")
    local y_addr = ffi.addressof(point, "y")
    assert.equal(1, x_addr[0])
    assert.equal(2, y_addr[0])
    assert.equal(1, y_addr - x_addr)

    -- Get address of array elements
    local arr = ffi.new "int[10]"
    local element_addr = ffi.addressof(arr, 5)
    element_addr[0] = 55
    assert.equal(55, arr[5])

    -- Nested structure access
    ffi.cdef [[
      struct inner { int value; };
      struct outer { struct inner data[5]; };
    ]]
    local outer = ffi.new "struct outer *"
    local inner_addr = ffi.addressof(outer, "data", 2, "value")
    inner_addr[0] = 7
    assert.equal(7, outer.data[2].value)
  end)
end)

describe("Garbage Collection Control", function()
  it("gc(cdata, destructor, size): new cdata of the same type with the destructor attached", function()
    local ffi = engine.new()
    local p, seen = ffi.new("int *", 5), {}
    local managed = ffi.gc(p, function(q) seen[#seen + 1] = q end, 1000)
    assert.is_false(rawequal(p, managed))
    assert.equal(ffi.typeof(p), ffi.typeof(managed))
    assert.equal(5, managed[0])
    ffi.release(managed)
    assert.equal(1, #seen)
    assert.is_true(rawequal(p, seen[1]))
  end)

  it("usage: a resource with cleanup", function()
    local ffi = engine.new()
    local printed, print = printer()
    local function cleanup_func(_)
      print "Cleaning up resource"
      -- Perform cleanup operations
    end

    -- Allocate resource with cleanup
    local resource = ffi.new "void **"
    local managed_resource = ffi.gc(resource, cleanup_func)
    assert.is_nil(managed_resource[0])
    collect()
    assert.same({}, printed)
    managed_resource = nil -- luacheck: ignore 311
    collect()
    assert.same({ "Cleaning up resource" }, printed)
    collect()
    assert.equal(1, #printed)
    assert.is_nil(resource[0])
  end)
end)

describe("Memory Safety Patterns", function()
  it("Automatic Memory Management: the string is a copy", function()
    local ffi = engine.new()
    local function process_data()
      -- Memory automatically freed when nothing refers to it
      local buffer = ffi.new "char[1024]"
      buffer[0], buffer[1] = "o", "k"
      return ffi.string(buffer) -- Safe: string is copied
    end
    local result = process_data()
    collect()
    assert.equal("ok", result)
  end)

  it("Long-lived References: an object that keeps its buffer, and cleans up once", function()
    local ffi = engine.new()
    local printed, print = printer()
    local DataProcessor = {}
    DataProcessor.__index = DataProcessor

    function DataProcessor.new()
      local self = setmetatable({}, DataProcessor)
      -- Keep reference to prevent garbage collection
      self.buffer = ffi.new "char[4096]"
      self.processed = ffi.gc(self.buffer, function(ptr) self:_cleanup(ptr) end)
      return self
    end

    function DataProcessor:_cleanup(ptr)
      assert.is_true(rawequal(self.buffer, ptr))
      print "Buffer cleaned up"
    end

    local processor = DataProcessor.new()
    collect()
    processor.processed[4095] = "x"
    assert.equal("x", processor.buffer[4095])
    assert.same({}, printed)
    processor = nil -- luacheck: ignore 311
    collect() -- a cycle through the destructor is collected
    assert.same({ "Buffer cleaned up" }, printed)
  end)

  it("Working with C Libraries that Manage Memory: destroy_object runs once", function()
    local ffi = engine.new()
    ffi.cdef [[
      void* create_object(int size);
      void destroy_object(void* obj);
      int object_count(void);
    ]]

    local lib = ffi.dlopen(engine.fixture "object")

    -- Create object managed by C library
    local obj = lib.create_object(1024)
    assert.equal(1, lib.object_count())

    -- Attach cleanup function
    local managed_obj = ffi.gc(obj, lib.destroy_object)
    assert.equal(ffi.addr(obj), ffi.addr(managed_obj))
    obj, managed_obj = nil, nil -- luacheck: ignore 311
    collect()
    assert.equal(0, lib.object_count())
  end)
end)

describe("Common Pitfalls and Solutions", function()
  it("Dangling Pointers: the pointer that get_pointer returns is safe here", function()
    local ffi = engine.new()
    local function get_pointer()
      local data = ffi.new("int *", 42)
      return ffi.addressof(data, 0)
    end
    local function get_data()
      local data = ffi.new("int *", 42)
      return data -- Safe: data stays alive
    end
    local pointer, data = get_pointer(), get_data()
    collect()
    local others = {}
    for i = 1, 1000 do others[i] = ffi.new("int *", 7) end -- would take the place of what is free
    assert.equal(1000, #others)
    assert.equal(42, pointer[0])
    assert.equal(42, data[0])
  end)

  it("Dangling Pointers: addressof(data[0]) is refused, not followed", function()
    local ffi = engine.new()
    raises("", function()
      local data = ffi.new("int *", 42)
      local _ = ffi.addressof(data[0])
    end)
  end)

  it("Memory Sharing: changes of a mutable buffer's view show in the buffer", function()
    local ffi = engine.new()
    -- Share memory between Lua and C
    local source = ffi.new("char[]", "Hello, World!")
    local c_buffer = ffi.from_buffer("char[]", ffi.buffer(source))

    -- Modifications to c_buffer affect source
    c_buffer[0] = "h"
    assert.equal("hello, World!", ffi.string(source))
  end)

  it("Memory Sharing: a Lua string is shared for reading", function()
    local ffi = engine.new()
    local c_buffer = ffi.from_buffer("char[]", "Hello, World!")
    assert.equal(13, #c_buffer)
    assert.equal("H", c_buffer[0])
    raises("", function() c_buffer[0] = "h" end)
    assert.equal("H", c_buffer[0])
  end)

  it("Array Bounds: they are checked", function()
    local ffi = engine.new()
    local arr = ffi.new "int[5]"
    raises("index too large for cdata 'int[5]' (expected 10 < 5)", function() arr[10] = 42 end)
    raises("negative index", function() arr[-1] = 42 end)

    -- Safe pattern: check bounds manually
    local function safe_set(array, index, value, size)
      if index >= 0 and index < size then
        array[index] = value
      else
        error "Array index out of range"
      end
    end
    safe_set(arr, 4, 42, #arr)
    assert.equal(42, arr[4])
    raises("Array index out of range", function() safe_set(arr, 5, 42, #arr) end)
  end)
end)
