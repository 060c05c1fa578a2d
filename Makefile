# moonpool's makefile (GNU make). `make help` lists the targets.
# Each mode has a build folder of its own: build/<mode>/.

MODE = release
PREFIX = /usr/local
SPEC = spec
ARGS =

# == What the system has ==================================================================

# Lua 5.4 has many names; tools/deps looks for the same ones in the same order.
ifndef LUA
LUA := $(shell for l in lua5.4 lua54 lua-5.4 lua; do \
  "$$l" -e 'os.exit(_VERSION == "Lua 5.4")' 2>/dev/null && echo "$$l" && break; done)
endif
LUA_PC := $(shell for p in lua5.4 lua-5.4 lua54 lua; do \
  pkg-config --exists "$$p >= 5.4 $$p < 5.5" 2>/dev/null && echo "$$p" && break; done)
ifneq ($(LUA_PC),)
LUA_CFLAGS := $(shell pkg-config --cflags $(LUA_PC))
LUA_LIBS := $(shell pkg-config --libs $(LUA_PC))
endif
FFI_CFLAGS := $(shell pkg-config --cflags libffi 2>/dev/null)
FFI_LIBS := $(shell pkg-config --libs libffi 2>/dev/null || echo -lffi)
LUAROCKS = $(shell command -v luarocks-5.4 || echo luarocks) --lua-version=5.4

# A module takes Lua's functions from the program that loads it, so nothing links liblua.
ifeq ($(shell uname -s),Darwin)
MODULE = -bundle -undefined dynamic_lookup
SHARED = -dynamiclib -undefined dynamic_lookup
SONAME = libmoonpool.0.dylib
SOLINK = libmoonpool.dylib
LINK_SONAME = -install_name @rpath/$(SONAME)
else
MODULE = -shared
SHARED = -shared
SONAME = libmoonpool.so.0
SOLINK = libmoonpool.so
LINK_SONAME = -Wl,-soname,$(SONAME)
endif
ifeq ($(shell uname -s),Linux)
SYSTEM_LIBS = -ldl
endif

# == Flags ================================================================================

FLAGS_release = -O2
FLAGS_plain = -O0
FLAGS_debug = -O1 -DMP_ASSERT_LEVEL=2
FLAGS_asan = -O1 -DMP_ASSERT_LEVEL=3 -fno-omit-frame-pointer \
  -fsanitize=address,undefined -fno-sanitize-recover=undefined
FLAGS_gcstress = -O1 -DMP_ASSERT_LEVEL=2 -DMP_GCSTRESS=1
FLAGS_tsan = -O1 -fno-omit-frame-pointer -fsanitize=thread
# The module stays mapped, so that reports of leaks at the exit can name its functions.
LDFLAGS_asan = -Wl,-z,nodelete
LDFLAGS_debug = -Wl,-z,nodelete
# clang links its runtime into programs, not into modules, unless told to, and hides it.
ifneq ($(findstring clang,$(shell $(CC) --version 2>/dev/null)),)
ASAN_RUNTIME = $(shell $(CC) -print-file-name=libclang_rt.asan-$(shell uname -m).so)
FLAGS_asan += -shared-libasan
LDFLAGS_asan += -Wl,-rpath,$(dir $(ASAN_RUNTIME))
endif

WARNINGS_HOST = -Wall -Wextra
WARNINGS = -Wall -Wextra -Wshadow -Wundef -Wwrite-strings -Wredundant-decls \
  -Wdisabled-optimization -Wdouble-promotion -Wmissing-prototypes -Wmissing-declarations \
  -Wstrict-prototypes -Wnested-externs -Wold-style-definition -Wc++-compat
ifdef CI
WARNINGS += -Werror
WARNINGS_HOST += -Werror
endif

# A mode without flags of its own (MODE=ci, say) is a release in another folder.
MODE_FLAGS = -g $(or $(FLAGS_$(MODE)),$(FLAGS_release))
ALL_CFLAGS = -std=gnu11 -fPIC -fvisibility=hidden $(WARNINGS) $(MODE_FLAGS) -Isrc \
  $(LUA_CFLAGS) $(FFI_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(MODE_FLAGS) $(LDFLAGS_$(MODE)) $(LDFLAGS)
LIBS = $(FFI_LIBS) $(SYSTEM_LIBS) -lm -pthread

# == What is built ========================================================================

B = build/$(MODE)
FLOORS = base mem type decl abi value call face
BELOW_LUA = base mem type decl
TESTS_C = $(wildcard src/face/lua_tests*.c)

sources = $(filter-out $(TESTS_C),$(wildcard $(1:%=src/%/*.c)))
objects = $(patsubst src/%.c,$(B)/obj/%.o,$(1))

SOURCES := $(call sources,$(FLOORS))
OBJECTS := $(call objects,$(SOURCES))
TESTS_OBJECTS := $(call objects,$(call sources,$(BELOW_LUA)) $(TESTS_C))
FIXTURES := $(patsubst spec/support/fixtures/%.c,$(B)/fixtures/lib%.so,\
  $(wildcard spec/support/fixtures/*.c))
BENCH = $(B)/bench
BENCH_MODULES = $(BENCH)/floor.so $(BENCH)/strict.so
CORE = $(B)/moonpool/core.so
LIBRARIES = $(B)/libmoonpool.a $(B)/$(SONAME) $(B)/$(SOLINK) $(B)/moonpool.pc

# The command needs a Lua to link with; modules in C that scripts require use its copy.
HOST_OBJECTS := $(call objects,$(wildcard src/host/*.c))
COMMAND = $(B)/bin/moonpool
ifeq ($(shell printf 'int luaL_newstate(void); int main(void) { return luaL_newstate(); }' | \
  $(CC) -x c -w -o /dev/null - $(LUA_LIBS) 2>/dev/null && echo yes),yes)
HOST = $(COMMAND)
else
HOST = no-command
endif
ifeq ($(shell uname -s),Linux)
EXPORT = -Wl,-E -Wl,--whole-archive
EXPORT_END = -Wl,--no-whole-archive
endif

all: $(CORE) $(LIBRARIES) $(HOST) ## build the Lua module, the library and the command

$(COMMAND): $(HOST_OBJECTS) $(B)/libmoonpool.a
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $(HOST_OBJECTS) $(B)/libmoonpool.a $(EXPORT) $(LUA_LIBS) \
	  $(EXPORT_END) $(LIBS)

no-command:
	@echo "  no liblua for Lua 5.4 to link: the command moonpool is left out"

$(B)/obj/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# What lua/ holds is in the library too; the Lua module in the tree reads the files.
LUA_MODULES := $(shell find lua -name '*.lua' | sort)
$(B)/lua_modules.h: tools/modules.lua $(LUA_MODULES) Makefile
	@mkdir -p $(@D)
	@$(LUA) tools/modules.lua $(LUA_MODULES) >$@.new && mv $@.new $@

$(B)/obj/face/lua_modules.o: ALL_CFLAGS += -DMP_MODULES_H='"$(CURDIR)/$(B)/lua_modules.h"'
$(B)/obj/face/lua_modules.o: $(B)/lua_modules.h

$(CORE): $(OBJECTS)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(MODULE) $(ALL_LDFLAGS) -o $@ $(OBJECTS) $(LIBS)

# Internals of the lower floors for the specs; never installed.
$(B)/moonpool/tests.so: $(TESTS_OBJECTS)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(MODULE) $(ALL_LDFLAGS) -o $@ $(TESTS_OBJECTS) $(LIBS)

$(B)/libmoonpool.a: $(OBJECTS)
	@echo "  AR    $@"
	@rm -f $@
	@$(AR) rcs $@ $(OBJECTS)

$(B)/$(SONAME): $(OBJECTS)
	@echo "  LINK  $@"
	@$(CC) $(SHARED) $(LINK_SONAME) $(ALL_LDFLAGS) -o $@ $(OBJECTS) $(LIBS)

$(B)/$(SOLINK): $(B)/$(SONAME)
	@ln -sf $(SONAME) $@

# For programs that embed moonpool: from this tree, and from where it is installed. Paths are
# relative to the file itself, so that a prefix may be moved.
VERSION := $(shell sed -n 's/^\#define MP_VERSION "\(.*\)"/\1/p' src/base/config.h)
pc = printf '%s\n' 'Name: moonpool' 'Description: FFI engine for Lua 5.4' \
  'Version: $(VERSION)' 'Requires: $(LUA_PC)' 'Requires.private: libffi' \
  'Cflags: -I$${pcfiledir}/$(1)' 'Libs: -L$${pcfiledir}/$(2) -lmoonpool' \
  'Libs.private: $(SYSTEM_LIBS) -lm -pthread'

$(B)/moonpool.pc: src/base/config.h Makefile
	@mkdir -p $(@D)
	@$(call pc,../../src,.) >$@

# The C side of specs: plain libraries, each one file, as a user of moonpool has them.
$(B)/fixtures/lib%.so: spec/support/fixtures/%.c Makefile
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) -std=gnu11 -fPIC -Wall $(SHARED) $(MODE_FLAGS) $(CFLAGS) -MMD -MP -MT $@ \
	  -MF $(@:.so=.d) -o $@ $< -lm -pthread

# Hosts, each a program of tests (spec/embed_spec.lua runs them).
EMBED := $(patsubst spec/%,$(B)/%,$(basename $(wildcard spec/embed/*.c spec/embed/*.cpp)))
EMBED_FLAGS = $(WARNINGS_HOST) $(MODE_FLAGS) -Isrc $(LUA_CFLAGS) $(CFLAGS) -MMD -MP -MT $@ -MF $@.d
# They export what they have, as hosts do whose modules use their Lua.
EMBED_LIBS = -rdynamic $(B)/libmoonpool.a $(ALL_LDFLAGS) $(LUA_LIBS) $(LIBS)

$(B)/embed/%: spec/embed/%.c $(B)/libmoonpool.a Makefile
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) -std=gnu11 $(EMBED_FLAGS) -o $@ $< $(EMBED_LIBS)

$(B)/embed/%: spec/embed/%.cpp $(B)/libmoonpool.a Makefile
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CXX) -std=c++17 $(EMBED_FLAGS) -o $@ $< $(EMBED_LIBS)


# A host of its own, whose allocators fail when they are told to.
comma := ,
OOM_WRAPPED = malloc calloc realloc free aligned_alloc posix_memalign mmap
$(B)/oom: spec/oom/oom.c $(B)/libmoonpool.a
	@echo "  LINK  $@"
	@$(CC) $(ALL_CFLAGS) -Wno-missing-prototypes -Wno-missing-declarations $(ALL_LDFLAGS) -o $@ $< \
	  $(B)/libmoonpool.a $(LUA_LIBS) $(LIBS) $(OOM_WRAPPED:%=-Wl$(comma)--wrap=%)

-include $(wildcard $(B)/obj/*/*.d $(B)/fixtures/*.d $(B)/embed/*.d)

# == Specs and the demo ===================================================================

# Lua with the build in the tree, in front of what the caller has set. Lua looks at the
# variables that carry its version first, so these are folded in.
LUA_PATH_TREE = $(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;
LUA_CPATH_TREE = $(CURDIR)/$(B)/?.so;
IN_TREE = env -u LUA_PATH_5_4 -u LUA_CPATH_5_4 \
  LUA_PATH='$(LUA_PATH_TREE)$(or $(LUA_PATH_5_4),$(LUA_PATH),;)' \
  LUA_CPATH='$(LUA_CPATH_TREE)$(or $(LUA_CPATH_5_4),$(LUA_CPATH),;)' \
  MOONPOOL_BUILD='$(CURDIR)/$(B)' MOONPOOL_CC='$(CC) $(ALL_CFLAGS)' MOONPOOL_CXX='$(CXX)'

VALGRIND = valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
  --errors-for-leak-kinds=definite --keep-debuginfo=yes --num-callers=30

# UNDER runs the interpreter of the specs; specs that start another run it by MOONPOOL_LUA.
UNDER =
UNDER_LUA = $(UNDER)
run-specs: all $(B)/moonpool/tests.so $(FIXTURES) $(EMBED) $(BENCH_MODULES) $(B)/oom
	@MOONPOOL_LUA='$(strip $(UNDER_LUA) $(LUA))' $(IN_TREE) \
	  $(UNDER) $(LUA) tools/busted.lua --ignore-lua $(ARGS) $(SPEC)

run-examples: all
	@set -e; for example in examples/*.lua; do echo "== $$example"; \
	  $(IN_TREE) $(LUA) $$example; done

# The second make looks at the system again, after tools/deps may have changed it.
test: ## run the specs; SPEC=spec/type picks some, ARGS= goes to busted
	@tools/deps test
	@$(MAKE) --no-print-directory MODE=plain build/plain/moonpool/core.so
	@$(MAKE) --no-print-directory run-specs

demo: ## run the examples, on real libraries
	@tools/deps demo
	@$(MAKE) --no-print-directory run-examples

asan: ## run the specs under AddressSanitizer and UBSan
	@tools/deps test asan
	@$(MAKE) --no-print-directory MODE=asan run-specs \
	  UNDER='tools/under-asan build/asan/moonpool/core.so'

# Shells crash with its runtime in them, so only the interpreters that specs start run under
# it; Lua itself isn't built with it: moonpool's own code and the C side are what it sees.
TSAN_SPEC = spec/call/owner_spec.lua spec/call/lock_spec.lua spec/call/guest_spec.lua \
  spec/mem/raw_spec.lua spec/embed_spec.lua
tsan: ## run the specs of threads under ThreadSanitizer
	@tools/deps test tsan
	@$(MAKE) --no-print-directory MODE=tsan run-specs SPEC='$(TSAN_SPEC)' \
	  UNDER_LUA='tools/under-tsan build/tsan/moonpool/core.so'

valgrind: ## run the specs under valgrind
	@tools/deps test valgrind
	@$(MAKE) --no-print-directory MODE=debug run-specs UNDER='$(VALGRIND)'

# Full collections take the time of what is alive: each folder runs in an interpreter of its
# own, and the floors that make no cdata are left out.
GCSTRESS_SPECS = $(if $(filter-out spec,$(SPEC)),$(SPEC),\
  spec/value spec/face spec/call spec/seed_cffi_spec.lua spec/embed_spec.lua)
gcstress: ## run the specs with a full collection before each new cdata
	@tools/deps test
	@set -e; for specs in $(GCSTRESS_SPECS); do \
	  $(MAKE) --no-print-directory MODE=gcstress run-specs SPEC=$$specs; done

STEP = 1
oom: ## out of memory at every point (every STEP=th) from newstate or require to close, without hooks and with
	@tools/deps test
	@$(MAKE) --no-print-directory run-oom

run-oom: $(B)/oom
	@$(B)/oom spec/oom/day.lua $(STEP) 2>/dev/null
	@MOONPOOL_MALLOC=debug $(B)/oom spec/oom/day.lua $(STEP) 2>/dev/null

# By register image where that goes, then the same through libffi alone (src/abi/regs.c).
N = 5000
SEED = 1
ABI_CFLAGS = -O1
abi: ## random calls and callbacks: N= of them, from SEED=, the C side built with ABI_CFLAGS=
	@tools/deps test
	@$(MAKE) --no-print-directory run-abi
	@$(MAKE) --no-print-directory run-abi MODE=libffi CFLAGS='$(CFLAGS) -DMP_ABI_REGS=0'

run-abi: all
	@ABI_CFLAGS='$(ABI_CFLAGS)' $(IN_TREE) $(UNDER) $(LUA) spec/abi/many.lua $(N) $(SEED)

# == The parser, on real headers and on noise =============================================

headers: ## whole system headers, each fact judged by the compiler
	@tools/deps test headers
	@$(MAKE) --no-print-directory run-headers

# HEADERS= picks some of spec/headers/list.txt by name.
run-headers: all
	@MOONPOOL_HEADERS='$(B)/headers' CC='$(CC)' $(IN_TREE) $(UNDER) $(LUA) spec/headers/run.lua $(HEADERS)

# With libFuzzer where clang has it, else with the mutator of parse_fuzz.c. A finding is left
# in build/fuzz.
FUZZ_S = 60
FUZZ_SEED = 1
FUZZ_CLANG := $(shell command -v clang)
FUZZ_FLAGS = -std=gnu11 -g -O1 -DMP_ASSERT_LEVEL=2 -Isrc -fsanitize=address,undefined \
  -fno-sanitize-recover=undefined
FUZZ_C = spec/fuzz/parse_fuzz.c $(wildcard src/base/*.c src/type/*.c src/decl/*.c)
fuzz: ## throw bytes at the parser for FUZZ_S= seconds
	@tools/deps build
	@mkdir -p build/fuzz/seeds build/fuzz/corpus
	@$(LUA) spec/fuzz/seeds.lua build/fuzz/seeds
	@if [ -n '$(FUZZ_CLANG)' ] && echo 'int LLVMFuzzerTestOneInput(const char *, long); \
	    int LLVMFuzzerTestOneInput(const char *s, long n) { return s && n < 0; }' | \
	    $(FUZZ_CLANG) -fsanitize=fuzzer -x c - -o build/fuzz/probe 2>/dev/null; then \
	  $(FUZZ_CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer $(FUZZ_C) -lm -o build/fuzz/parse_fuzz && \
	  cd build/fuzz && ./parse_fuzz -max_total_time=$(FUZZ_S) -max_len=4096 -timeout=20 -verbosity=0 \
	    -rss_limit_mb=4096 -print_final_stats=1 -dict=../../spec/fuzz/parse.dict corpus seeds && \
	  echo 'no finding'; \
	else \
	  $(CC) $(FUZZ_FLAGS) -DFUZZ_MAIN $(FUZZ_C) -lm -o build/fuzz/parse_fuzz && \
	  cd build/fuzz && FUZZ_KEEP=last ./parse_fuzz $(FUZZ_S) $(FUZZ_SEED) ../../spec/fuzz/parse.dict seeds/*; \
	fi

# == Measuring ============================================================================

REPETITIONS = 7

$(BENCH)/libtarget.so: bench/target.c bench/target.h
	@mkdir -p $(@D)
	@$(CC) -O2 -fPIC $(SHARED) -o $@ $<

$(BENCH_MODULES): bench/floor.c bench/floor_data.c bench/floor.h bench/target.h $(BENCH)/libtarget.so
	@$(CC) -O2 -fPIC -Wall -Wextra $(if $(findstring strict,$@),-DBENCH_STRICT) \
	  $(LUA_CFLAGS) $(MODULE) -o $@ $(filter %.c,$^) $(BENCH)/libtarget.so -Wl,-rpath,$(CURDIR)/$(BENCH)

$(BENCH)/seed.so: bench/seed.c
	@mkdir -p $(@D)
	@$(CC) -O2 -fPIC -Wall -Wextra $(SHARED) -o $@ $< $(SYSTEM_LIBS)

BENCH_LUA = mkdir -p build/bench && MOONPOOL_LUA='$(LUA)' $(IN_TREE) DOC='$(DOC)' \
  LUA_CPATH='$(LUA_CPATH_TREE)$(CURDIR)/$(BENCH)/?.so;;' $(LUA)

# DOC=1 writes the tables into doc/speed.md too, and the plot beside it.
bench: ## times beside a hand-written binding, LuaJIT's interpreter and CFFI; ROW= picks, DOC=1 keeps
	@tools/deps test bench
	@$(MAKE) --no-print-directory run-bench

run-bench: all $(BENCH_MODULES)
	@$(BENCH_LUA) bench/run.lua $(REPETITIONS) $(if $(ROW),'$(ROW)')

JOBS := $(shell nproc 2>/dev/null || echo 1)
# PROFILE=1 shows instead where the instructions go, by function.
bench-ir: ## instructions an operation; CHECK=1 compares with bench/baseline.txt, RECORD=1 writes it
	@tools/deps test valgrind
	@$(MAKE) --no-print-directory run-bench-ir

run-bench-ir: all $(BENCH_MODULES) $(BENCH)/seed.so
	@$(BENCH_LUA) bench/ir.lua $(JOBS) '$(if $(RECORD),record,$(if $(CHECK),check,$(if $(PROFILE),profile)))' $(if $(ROW),'$(ROW)')

bench-scale: ## what operations cost among 10^3 to 10^7 things; ROW= picks, DOC=1 keeps
	@tools/deps test
	@$(MAKE) --no-print-directory run-bench-scale

run-bench-scale: REPETITIONS = 3
run-bench-scale: all $(BENCH_MODULES)
	@$(BENCH_LUA) bench/scale.lua $(REPETITIONS) $(if $(ROW),'$(ROW)')

# Lua is linked in, so that all runs have the same but for their allocator; the module finds
# its functions in the host. ROW= picks a program.
LUA_STATIC = $(wildcard $(shell pkg-config --variable=libdir $(LUA_PC) 2>/dev/null)/lib$(LUA_PC).a)
HEAP_OBJECTS = $(filter $(B)/obj/mem/%,$(OBJECTS)) $(filter $(B)/obj/base/%,$(OBJECTS))
$(BENCH)/host: bench/heap/host.c $(HEAP_OBJECTS)
	@mkdir -p $(@D)
	@$(CC) -O2 -Wall -Wextra -Isrc $(LUA_CFLAGS) -rdynamic -o $@ $^ \
	  $(or $(LUA_STATIC),$(shell pkg-config --libs $(LUA_PC))) -lm $(SYSTEM_LIBS) -pthread

bench-heap: ## Lua programs on moonpool's heap, beside other allocators; ROW= picks one
	@tools/deps test valgrind
	-@tools/deps allocators
	@$(MAKE) --no-print-directory run-bench-heap

run-bench-heap: all $(BENCH)/host
	@mkdir -p build/bench
	@$(IN_TREE) $(LUA) bench/heap/run.lua $(BENCH)/host build/bench/heap.md $(REPETITIONS) $(ROW)

# == Checking the sources =================================================================

LUA_FILES = $(wildcard lua spec examples bench tools/*.lua)
C_FILES = $(wildcard src/*.h src/*/*.[ch] spec/support/fixtures/*.[ch] spec/embed/* \
  bench/*.[ch] bench/heap/*.[ch] examples/embed/*.[ch])

lint: ## luacheck, and the compiler's warnings as errors
	@tools/deps lint
	@luacheck --quiet $(LUA_FILES)
	@$(MAKE) --no-print-directory lint-c

lint-c:
	@$(CC) $(ALL_CFLAGS) -Werror -fsyntax-only $(SOURCES) $(wildcard src/host/*.c $(TESTS_C))

format: ## clang-format, in place
	@tools/deps format
	clang-format -i $(C_FILES)

compile-commands: ## build/compile_commands.json, for editors
	@mkdir -p build
	@{ printf '['; comma=; for c in $(SOURCES) $(wildcard $(TESTS_C)); do \
	  printf '%s\n{"directory": "%s", "file": "%s", "command": "%s"}' "$$comma" \
	    '$(CURDIR)' "$$c" "$(CC) $(ALL_CFLAGS) -c $$c"; comma=,; \
	done; printf '\n]\n'; } >build/compile_commands.json

# == Installing ===========================================================================

DEST = $(DESTDIR)$(PREFIX)
LMOD = $(DEST)/share/lua/5.4
CMOD = $(DEST)/lib/lua/5.4
# Installs one file: mode, source, target.
put = install -m $(1) $(2) "$(3)" && echo "  $(3)"

install: all ## install module, library, header and command under PREFIX (and DESTDIR)
	@for f in $$(cd lua && find moonpool -name '*.lua'); do \
	  mkdir -p "$(LMOD)/$$(dirname $$f)" && \
	  install -m 644 lua/$$f "$(LMOD)/$$f" && echo "  $(LMOD)/$$f" || exit 1; done
	@mkdir -p "$(CMOD)/moonpool"
	@$(call put,755,$(CORE),$(CMOD)/moonpool/core.so)
	@mkdir -p "$(DEST)/include" "$(DEST)/lib/pkgconfig" "$(DEST)/bin"
	@[ '$(HOST)' = no-command ] || { $(call put,755,$(COMMAND),$(DEST)/bin/moonpool); }
	@$(call put,644,src/moonpool.h,$(DEST)/include/moonpool.h)
	@$(call put,644,$(B)/libmoonpool.a,$(DEST)/lib/libmoonpool.a)
	@$(call put,755,$(B)/$(SONAME),$(DEST)/lib/$(SONAME))
	@ln -sf $(SONAME) "$(DEST)/lib/$(SOLINK)" && echo "  $(DEST)/lib/$(SOLINK)"
	@$(call pc,../../include,..) >"$(DEST)/lib/pkgconfig/moonpool.pc" && \
	  echo "  $(DEST)/lib/pkgconfig/moonpool.pc"

# From a copy, for LuaRocks leaves objects beside the sources; then required from elsewhere.
ROCK = $(CURDIR)/build/rock
rock: ## build the rock into build/rock/tree, and require it from there
	@tools/deps rock
	@$(MAKE) --no-print-directory run-rock

run-rock:
	@rm -rf build/rock && mkdir -p build/rock/source build/rock/elsewhere
	@cp -R lua src rockspec LICENSE build/rock/source
	cd build/rock/source && $(LUAROCKS) --tree='$(ROCK)/tree' make rockspec/*.rockspec
	@cd build/rock/elsewhere && env -u LUA_PATH_5_4 -u LUA_CPATH_5_4 \
	  LUA_PATH='$(ROCK)/tree/share/lua/5.4/?.lua;$(ROCK)/tree/share/lua/5.4/?/init.lua' \
	  LUA_CPATH='$(ROCK)/tree/lib/lua/5.4/?.so' \
	  $(LUA) -e 'print(require "moonpool".new "int[3]")'

env: ## print the exports with which lua5.4 and pkg-config find the build: eval "$(make -s env)"
	@printf '%s\n' 'unset LUA_PATH_5_4 LUA_CPATH_5_4' \
	  "export LUA_PATH='$(LUA_PATH_TREE);'" \
	  "export LUA_CPATH='$(LUA_CPATH_TREE);'" \
	  "export PKG_CONFIG_PATH='$(CURDIR)/$(B)'\$${PKG_CONFIG_PATH:+:\$$PKG_CONFIG_PATH}" \
	  "export LD_LIBRARY_PATH='$(CURDIR)/$(B)'\$${LD_LIBRARY_PATH:+:\$$LD_LIBRARY_PATH}"

clean: ## remove build/
	rm -rf build

help: ## print this
	@sed -n 's/^\([a-z-]*\):.* ## /\1\t/p' Makefile | expand -t 20

.PHONY: bench-heap run-bench-heap
.PHONY: all test demo abi headers fuzz asan tsan valgrind oom lint format rock install compile-commands env help clean \
  no-command bench bench-ir bench-scale run-specs run-examples run-oom run-abi run-headers lint-c run-rock \
  run-bench run-bench-ir run-bench-scale
.DEFAULT_GOAL = all
