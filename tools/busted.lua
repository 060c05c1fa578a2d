-- Runs busted under the interpreter that runs this file; the command `busted` may belong
-- to another Lua. Called by the Makefile, with busted's own arguments.

require "busted.runner" { standalone = false }
