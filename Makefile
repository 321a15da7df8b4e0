# Cairn: one plain Makefile. `make run`, `make check` and `make demo` are all a newcomer needs;
# CONTRIBUTING.md lists the rest. VARIANT chooses a build folder and its flags:
#   plain (default), asan, tsan, fp (failpoints), cov (coverage), clang, fuzz (clang with libFuzzer)
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash
ifeq ($(origin CC),default)
CC := gcc
endif
VARIANT ?= plain
B := build/$(VARIANT)

WARN := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror
HARD := -fstack-protector-strong -fstack-clash-protection -fPIE
SANITIZE_asan := -fsanitize=address,undefined
SANITIZE_tsan := -fsanitize=thread
SANITIZE_fuzz := -fsanitize=fuzzer-no-link,address,undefined
CFLAGS_plain := -O2 -D_FORTIFY_SOURCE=2
CFLAGS_clang := -O2 -D_FORTIFY_SOURCE=2
CFLAGS_fp    := -O1 -DCAIRN_FAILPOINTS
CFLAGS_asan  := -O1 $(SANITIZE_asan) -fno-sanitize-recover=undefined -fno-omit-frame-pointer \
	-DCAIRN_FAILPOINTS
CFLAGS_fuzz  := -O1 $(SANITIZE_fuzz) -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CFLAGS_tsan  := -O1 $(SANITIZE_tsan) -fno-omit-frame-pointer
CFLAGS_cov   := -O0 --coverage -DCAIRN_FAILPOINTS
LDFLAGS_asan := $(SANITIZE_asan)
LDFLAGS_tsan := $(SANITIZE_tsan)
LDFLAGS_fuzz := -fsanitize=address,undefined
LDFLAGS_cov  := --coverage
ifneq ($(filter clang fuzz,$(VARIANT)),)
CC := clang
endif

CPPFLAGS := -std=c17 -D_GNU_SOURCE -I. -I$(B)/gen -include server/base/banned.h \
	-isystem /usr/include/postgresql
CFLAGS := -g $(WARN) $(HARD) $(CFLAGS_$(VARIANT))
LDFLAGS := -pie -Wl,-z,relro,-z,now $(LDFLAGS_$(VARIANT))
LIBS_CORE := -ljansson -lsodium -lcrypto -lpthread
LIBS_CLIENT := -lcurl $(LIBS_CORE)
# libmicrohttpd is linked statically so that its recv() goes through our head guard (docs/listener.md).
LIBS_SERVER := -Wl,--wrap=recv -l:libmicrohttpd.a -lgnutls -lpq $(LIBS_CORE)

SRC_LIB := $(sort $(filter-out server/main.c,$(wildcard server/*.c server/*/*.c server/*/*/*.c)) \
	$(filter-out api/client/main.c,$(wildcard api/*.c api/http/*.c api/v1/*.c api/peer/*.c \
	api/client/*.c)))
OBJ_LIB := $(SRC_LIB:%.c=$(B)/%.o)
TEST_SRC := $(sort $(wildcard tests/unit/*.c tests/unit/*/*.c tests/unit/*/*/*.c))
TEST_BIN := $(TEST_SRC:%.c=$(B)/%)
TEST_LIB_SRC := $(sort $(wildcard tests/lib/*.c))
TEST_LIB := $(B)/tests/libtest.a
# Programs of the other test folders: one per source, linked like a unit test.
TOOL_SRC := $(sort $(wildcard tests/api/*.c tests/api/*/*.c tests/audit/*.c tests/bench/*.c tests/chaos/*.c \
	tests/chaos/federation/*.c tests/db/*.c tests/e2e/*.c tests/interop/*.c))
TOOL_BIN := $(TOOL_SRC:%.c=$(B)/%)
# The simulator of the federation (docs/simulator.md): one program over the core that ships, and one over
# the core with planted bugs.
SIM_SRC := $(sort $(wildcard tests/sim/*.c))
CORE_SRC := $(sort $(wildcard server/ledger/core/*.c))
SIM_BIN := $(B)/cairn-sim $(B)/cairn-sim-mutants
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_BIN := $(FUZZ_SRC:%.c=$(B)/%)
# Everything that some target compiles; tests/tidy calls a .c file dead that is not among them.
SOURCES := $(SRC_LIB) server/main.c api/client/main.c $(TEST_SRC) $(TEST_LIB_SRC) $(TOOL_SRC) $(SIM_SRC) $(FUZZ_SRC)
C_FILES = $(shell find server api tests -name node_modules -prune -o -name '*.[ch]' -print | sort)

.PHONY: all run demo check check-long bench fuzz tidy clean packages format install units tools sim \
	fuzzers analyse print-sources
.SECONDARY:
all: $(B)/cairnd $(B)/cairn
units: $(TEST_BIN)
tools: $(TOOL_BIN)
fuzzers: $(FUZZ_BIN)
sim: $(SIM_BIN)

$(B)/gen/migrations.inc: $(wildcard migrations/*.sql) server/store/embed.sh
	@mkdir -p $(@D)
	$(Q)server/store/embed.sh migrations > $@.tmp && mv $@.tmp $@

# One short line per step; V=1 shows the commands.
Q := $(if $(V),,@)
say = $(if $(V),,@echo "$(1) $@")

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@
$(B)/server/store/migrate.o: $(B)/gen/migrations.inc

$(B)/libcairn.a: $(OBJ_LIB)
	$(call say,AR)
	$(Q)rm -f $@ $@.tmp && ar rcs $@.tmp $^ && mv $@.tmp $@

# An archive, so that a test program takes only what it names.
$(TEST_LIB): $(TEST_LIB_SRC:%.c=$(B)/%.o)
	$(call say,AR)
	$(Q)rm -f $@ $@.tmp && ar rcs $@.tmp $^ && mv $@.tmp $@

$(B)/cairnd: $(B)/server/main.o $(B)/libcairn.a
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS_SERVER) -lcurl -o $@
$(B)/cairn: $(B)/api/client/main.o $(B)/libcairn.a
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS_CLIENT) -o $@
$(B)/tests/unit/%: $(B)/tests/unit/%.o $(TEST_LIB) $(B)/libcairn.a
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS_SERVER) -lcurl -lcmocka -o $@
$(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(B)/libcairn.a
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer $^ $(LIBS_SERVER) -lcurl -o $@
$(TOOL_BIN): $(B)/%: $(B)/%.o $(TEST_LIB) $(B)/libcairn.a
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS_SERVER) -lcurl -lcmocka -o $@

$(B)/cairn-sim: $(SIM_SRC:%.c=$(B)/%.o) $(CORE_SRC:%.c=$(B)/%.o) $(B)/libcairn.a
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS_CORE) -o $@
$(B)/mutants/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -DCORE_MUTANTS -MMD -MP -c $< -o $@
$(B)/cairn-sim-mutants: $(SIM_SRC:%.c=$(B)/mutants/%.o) $(CORE_SRC:%.c=$(B)/mutants/%.o) \
		$(B)/libcairn.a
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS_CORE) -o $@

# The peer that reads are measured beside: libmicrohttpd as Debian ships it, without our guard.
$(B)/tests/bench/bare_mhd: LIBS_SERVER := -l:libmicrohttpd.a -lgnutls $(LIBS_CORE)
# The link emulator of the chaos tests (docs/chaos.md).
$(B)/tests/chaos/federation/links: LIBS_SERVER := -lnetfilter_queue -lnfnetlink $(LIBS_CORE)

-include $(shell find build -name '*.d' 2>/dev/null)

# ---- what people type -------------------------------------------------------------------------------
# Packages first, then a second make: the wildcards and the compiler must see what was installed.
JOBS = -j$(shell nproc)
run:
	@.ci/install serve build
	@$(MAKE) --no-print-directory $(JOBS) all
	@exec server/run.sh $(B)

demo:
	@.ci/install serve build
	@$(MAKE) --no-print-directory $(JOBS) all
	@COHORT='$(COHORT)' server/demo.sh $(B)

check:
	@.ci/install serve build test
	@tests/run.sh check
check-long:
	@.ci/install serve build test
	@tests/run.sh check long
bench:
	@.ci/install serve build test
	@tests/run.sh bench
fuzz:
	@.ci/install serve build test
	@tests/fuzz/run.sh search 60
tidy:
	@.ci/install build test
	@tests/tidy/run.sh

packages:
	@.ci/install serve build test

format:
	@clang-format -i $(C_FILES)

# clang-tidy and cppcheck with their checked-in configuration; a minute or two, part of `make check`.
analyse: $(B)/gen/migrations.inc
	tests/tidy/analyse.sh "$(CPPFLAGS)" $(filter-out tests/%,$(SOURCES))

PREFIX ?= /usr/local
install: all
	install -D -m 755 $(B)/cairnd $(DESTDIR)$(PREFIX)/bin/cairnd
	install -D -m 755 $(B)/cairn $(DESTDIR)$(PREFIX)/bin/cairn

print-sources:
	@printf '%s\n' $(SOURCES)

clean:
	rm -rf build
