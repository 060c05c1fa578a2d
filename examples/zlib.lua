-- zlib from Lua: a file of about 2 MB is deflated and inflated again through
-- the streaming functions, 64 KB at a time, and compared with itself.
-- Run it: lua5.4 examples/zlib.lua [file]
--
-- The declarations are those of zlib.h, as many as are used here.

local ffi = require "moonpool"

ffi.cdef [[
#define Z_NO_FLUSH 0
#define Z_FINISH 4
#define Z_OK 0
#define Z_STREAM_END 1
#define Z_BUF_ERROR (-5)
#define Z_BEST_COMPRESSION 9

typedef unsigned char Bytef;
typedef unsigned int uInt;
typedef unsigned long uLong;
typedef void *voidpf;
typedef voidpf (*alloc_func)(voidpf opaque, uInt items, uInt size);
typedef void (*free_func)(voidpf opaque, voidpf address);

typedef struct z_stream_s {
  const Bytef *next_in;  /* next input byte */
  uInt avail_in;         /* number of bytes available at next_in */
  uLong total_in;        /* total number of input bytes read so far */

  Bytef *next_out;       /* next output byte will go here */
  uInt avail_out;        /* remaining free space at next_out */
  uLong total_out;       /* total number of bytes output so far */

  const char *msg;       /* last error message, NULL if no error */
  struct internal_state *state;

  alloc_func zalloc;     /* used to allocate the internal state */
  free_func zfree;       /* used to free the internal state */
  voidpf opaque;         /* private data object passed to zalloc and zfree */

  int data_type;
  uLong adler;           /* Adler-32 or CRC-32 value of the uncompressed data */
  uLong reserved;
} z_stream;
typedef z_stream *z_streamp;

const char *zlibVersion(void);
int deflateInit_(z_streamp strm, int level, const char *version, int stream_size);
int deflate(z_streamp strm, int flush);
int deflateEnd(z_streamp strm);
int inflateInit_(z_streamp strm, const char *version, int stream_size);
int inflate(z_streamp strm, int flush);
int inflateEnd(z_streamp strm);
]]

local z = ffi.dlopen "z"
local CHUNK = 65536

-- Raises zlib's own message unless `code` is one of success. (Z_BUF_ERROR
-- says that there was nothing to do, which is none here.)
local function check(stream, code)
  if code ~= z.Z_OK and code ~= z.Z_STREAM_END and code ~= z.Z_BUF_ERROR then
    error(stream.msg and ffi.string(stream.msg) or "zlib error " .. code)
  end
end

-- Sends `input` through `step` (deflate or inflate) in chunks; returns what came out.
local function pump(stream, step, input)
  local room, out = ffi.new("char[]", CHUNK), {}
  for from = 1, #input, CHUNK do
    -- A pointer stored in the struct keeps what it points to: `chunk` can't
    -- be collected while zlib reads it.
    local chunk = input:sub(from, from + CHUNK - 1)
    stream.next_in = ffi.from_buffer("const Bytef[]", chunk)
    stream.avail_in = #chunk
    local flush = from + CHUNK > #input and z.Z_FINISH or z.Z_NO_FLUSH
    repeat
      stream.next_out = room
      stream.avail_out = CHUNK
      check(stream, step(stream, flush))
      out[#out + 1] = ffi.unpack(room, CHUNK - stream.avail_out)
    until stream.avail_out > 0 -- zlib wanted no more room: the chunk is done
  end
  return table.concat(out)
end

local function deflate(input)
  local stream <close> = ffi.gc(ffi.new "z_stream *", z.deflateEnd)
  local size = ffi.sizeof "z_stream"
  check(stream, z.deflateInit_(stream, z.Z_BEST_COMPRESSION, z.zlibVersion(), size))
  return pump(stream, z.deflate, input)
end

local function inflate(input)
  local stream <close> = ffi.gc(ffi.new "z_stream *", z.inflateEnd)
  check(stream, z.inflateInit_(stream, z.zlibVersion(), ffi.sizeof "z_stream"))
  return pump(stream, z.inflate, input)
end

-- A file that each system has: the C library (or the one that you name).
local path = arg[1] or ffi.find_library "c" or "/proc/self/exe"
local file <close> = assert(io.open(path, "rb"))
local input = file:read "a"

local small = deflate(input)
local again = inflate(small)

print("zlib " .. ffi.string(z.zlibVersion()))
print(("%s: %d bytes, deflated to %d: %.1f %%"):format(path, #input, #small, 100 * #small / #input))
assert(again == input, "inflated to something else")
print "inflated again: the same, byte by byte"
