rockspec_format = "3.0"
package = "moonpool"
version = "scm-1"

-- `luarocks make` builds the checkout that it is called in.
source = { url = "." }

description = {
  summary = "FFI engine for Lua 5.4",
  detailed = [[
Declare C types and functions in C, call libraries, make and hold C data from Lua. The
semantics are those of Python's CFFI; calls go through libffi.]],
  license = "MIT",
}

dependencies = { "lua >= 5.4, < 5.5" }
-- The library alone: Debian keeps ffi.h in a folder of its architecture, where the compiler
-- finds it and LuaRocks doesn't.
external_dependencies = { FFI = { library = "ffi" } }

build = {
  type = "builtin",
  modules = {
    moonpool = "lua/moonpool/init.lua",
    ["moonpool.core"] = {
      sources = {
        "src/abi/cif.c",
        "src/abi/closure.c",
        "src/abi/dl.c",
        "src/abi/entry.c",
        "src/abi/ffitype.c",
        "src/abi/regs.c",
        "src/abi/signature.c",
        "src/abi/soname.c",
        "src/abi/sysv.c",
        "src/base/arena.c",
        "src/base/buf.c",
        "src/base/err.c",
        "src/base/map.c",
        "src/base/name.c",
        "src/base/set.c",
        "src/call/answer.c",
        "src/call/call.c",
        "src/call/callback.c",
        "src/call/clib.c",
        "src/call/guest.c",
        "src/call/lock.c",
        "src/call/owner.c",
        "src/call/route.c",
        "src/call/tail.c",
        "src/decl/attr.c",
        "src/decl/cbuiltin.c",
        "src/decl/cexpr.c",
        "src/decl/cprimary.c",
        "src/decl/cval.c",
        "src/decl/declarator.c",
        "src/decl/declspec.c",
        "src/decl/lex.c",
        "src/decl/literal.c",
        "src/decl/parse.c",
        "src/decl/parser.c",
        "src/decl/pragma.c",
        "src/decl/record.c",
        "src/decl/redecl.c",
        "src/decl/word.c",
        "src/face/embed_lock.c",
        "src/face/lua_buffer.c",
        "src/face/lua_callback.c",
        "src/face/lua_cdata.c",
        "src/face/lua_clib.c",
        "src/face/lua_core.c",
        "src/face/lua_ctype.c",
        "src/face/lua_lock.c",
        "src/face/lua_mem.c",
        "src/face/lua_new.c",
        "src/mem/domain.c",
        "src/type/ctype.c",
        "src/type/layout.c",
        "src/type/relate.c",
        "src/type/repr.c",
        "src/type/scalar.c",
        "src/type/space.c",
        "src/value/access.c",
        "src/value/arith.c",
        "src/value/box.c",
        "src/value/cdata.c",
        "src/value/init.c",
        "src/value/keep.c",
        "src/value/metatype.c",
        "src/value/state.c",
        "src/value/toc.c",
        "src/value/tolua.c",
      },
      incdirs = { "src", "$(FFI_INCDIR)" },
      libdirs = { "$(FFI_LIBDIR)" },
      libraries = { "ffi" },
    },
  },
}
