-- `make install` into a prefix of its own, and programs outside of the tree that build
-- against it by pkg-config alone.

local lfs = require "lfs"
local engine = require "spec.support.engine"

local prefix = engine.build .. "/installed"
local cxx = os.getenv "MOONPOOL_CXX" or "c++"
local cc = engine.cc:match "^%S+"

-- The sanitizers that the build under test has: a program that links it needs them.
local sanitizers = {}
for flag in engine.cc:gmatch "%-fsanitize=%S+" do sanitizers[#sanitizers + 1] = flag end
sanitizers = table.concat(sanitizers, " ")

local function run(format, ...)
  local output, code = engine.run(format:format(...))
  assert.is_true(code == 0, output)
  return output
end

-- Installs into `to`, through DESTDIR when that is given.
local function install(to, destdir)
  return run("rm -rf '%s/%s' && env -u MAKEFLAGS -u MAKELEVEL "
    .. "make install CC='%s' MODE=%s PREFIX='%s' DESTDIR='%s'",
    destdir or "", to, cc, engine.mode, to, destdir or "")
end

local program = [[
#include <moonpool.h>
#ifdef __cplusplus
#include <lua.hpp>
#else
#include <lauxlib.h>
#include <lualib.h>
#endif
#include <stdio.h>

struct point { int x, y; };

int main(void) {
  struct point p = {40, 2};
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  luaL_requiref(L, "moonpool", luaopen_moonpool, 0);
  moonpool_cdef(L, "struct point { int x, y; };");
  moonpool_push(L, "struct point *", &p);
  lua_setglobal(L, "p");
  if (luaL_dostring(L, "package.path, package.cpath = '', ''"
                       " p.x = p.x + p.y return require 'moonpool'.sizeof(p[0])"))
    puts(lua_tostring(L, -1));
  printf("%d %d %s\n", p.x, (int)lua_tointeger(L, -1), moonpool_version());
  lua_close(L);
  return 0;
}
]]

-- Compiles the program in another directory; `flags` is what pkg-config is asked for.
local function build(compiler, language, flags, from)
  local folder = os.tmpname()
  os.remove(folder)
  assert(lfs.mkdir(folder))
  finally(function() run("rm -rf '%s'", folder) end)
  local file = assert(io.open(folder .. "/program." .. language, "w"))
  file:write(program)
  file:close()
  run("cd '%s' && export PKG_CONFIG_PATH='%s/lib/pkgconfig' && %s -Wall -Werror -o program program.%s %s "
    .. "$(pkg-config %s --cflags --libs moonpool)", folder, from, compiler, language, sanitizers, flags)
  return folder .. "/program"
end

local version = require "moonpool".version

describe("make install", function()
  install(prefix)

  it("puts everything under the prefix", function()
    local found = run("cd '%s' && find . -type f -o -type l | sort", prefix)
    for _, path in ipairs { "bin/moonpool", "include/moonpool.h", "lib/libmoonpool.a", "lib/libmoonpool.so",
      "lib/libmoonpool.so.0", "lib/pkgconfig/moonpool.pc", "lib/lua/5.4/moonpool/core.so",
      "share/lua/5.4/moonpool/init.lua" } do
      assert.is_truthy(found:find("./" .. path .. "\n", 1, true), path .. "\n" .. found)
    end
    assert.equal("libmoonpool.so.0", lfs.symlinkattributes(prefix .. "/lib/libmoonpool.so", "target"))
  end)

  it("goes below DESTDIR without a trace of it", function()
    local destdir = engine.build .. "/staged"
    install("/opt/moonpool", destdir)
    local found = run("cd '%s' && find . -type f", destdir)
    assert.is_truthy(found:find("./opt/moonpool/include/moonpool.h", 1, true))
    local pc = run("cat '%s/opt/moonpool/lib/pkgconfig/moonpool.pc'", destdir)
    assert.is_nil(pc:find("staged", 1, true))
    run("rm -rf '%s'", destdir)
  end)

  it("gives pkg-config the version", function()
    assert.equal(version .. "\n",
      run("PKG_CONFIG_PATH='%s/lib/pkgconfig' pkg-config --modversion moonpool", prefix))
  end)

  it("gives the shell the command", function()
    assert.equal("12\n", run([['%s/bin/moonpool' -e 'print(require "ffi".sizeof "int[3]")']], prefix))
  end)

  it("gives Lua the module", function()
    local output, code = engine.run_lua([[print(require "moonpool".sizeof "int[3]")]], {
      LUA_PATH = prefix .. "/share/lua/5.4/?.lua;" .. prefix .. "/share/lua/5.4/?/init.lua",
      LUA_CPATH = prefix .. "/lib/lua/5.4/?.so",
    })
    assert.equal("12\n", output)
    assert.equal(0, code)
  end)
end)

describe("a program outside of the tree", function()
  local expected = "42 8 " .. version .. "\n"

  for language, compiler in pairs { c = cc, cpp = cxx } do
    it("links the shared library, in " .. language, function()
      local path = build(compiler, language, "", prefix)
      assert.is_truthy(run("readelf -d '%s'", path):find("libmoonpool.so.0", 1, true))
      assert.equal(expected, run("LD_LIBRARY_PATH='%s/lib' '%s'", prefix, path))
    end)

    it("links the static library, in " .. language, function()
      local static = prefix .. "-static"
      run("rm -rf '%s' && cp -R '%s' '%s' && rm '%s'/lib/libmoonpool.so*", static, prefix, static, static)
      finally(function() run("rm -rf '%s'", static) end)
      local path = build(compiler, language, "--static", static)
      assert.is_nil(run("readelf -d '%s'", path):find("libmoonpool", 1, true))
      assert.equal(expected, run("'%s'", path))
    end)
  end
end)
