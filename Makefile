# One word for each thing; the same here and in CI. `make demo` and `make test` set everything up by themselves.
BUILD ?= build
JOBS ?= $(shell nproc)
CMAKE = cmake -G Ninja -DCMAKE_CXX_COMPILER=clang++-19
# They wait more than they compute: one more than there are cores.
CTEST_ONCE = ctest --output-on-failure --no-tests=error -j $$(($(JOBS) + 1))
# A second try for a test that failed: on a busy machine a deadline may pass. What needed it is shown.
CTEST = $(CTEST_ONCE) --repeat until-pass:2

.PHONY: help deps build static test unit integration e2e chaos sites asan tsan fuzz lint fmt bench demo demo-down clean

help:
	@echo "make demo        a Slurm of four nodes on this host, in kubectl (make demo-down ends it)"
	@echo "make test        everything that CI runs"
	@echo "make build       build/slipway          make static   build/static/slipway"
	@echo "make unit        unit tests only        make bench    the limits, measured"
	@echo "make sites       Debian roots with other versions of Slurm, for the tests on them"
	@echo "make asan tsan   unit tests with sanitizers            make fuzz     each fuzz target for a short while"
	@echo "make lint fmt    check or mend the formatting"

deps:
	@tools/deps.sh

build:
	@tools/deps.sh build
	@mkdir -p $(BUILD)
	@$(CMAKE) -S . -B $(BUILD)/release -DCMAKE_BUILD_TYPE=Release -DSLIPWAY_UNITY=ON >$(BUILD)/cmake.log 2>&1 || { cat $(BUILD)/cmake.log; exit 1; }
	@ninja -C $(BUILD)/release slipway
	@ln -f $(BUILD)/release/slipway $(BUILD)/slipway

static: build
	@ninja -C $(BUILD)/release slipway_static
	@mkdir -p $(BUILD)/static
	@strip -o $(BUILD)/static/slipway $(BUILD)/release/slipway_static

unit: build
	@ninja -C $(BUILD)/release
	@cd $(BUILD)/release && $(CTEST) -L unit

integration e2e chaos: deps build static
	@ninja -C $(BUILD)/release fake_slurm
	@cd $(BUILD)/release && $(CTEST) -L $@

# Roots of other Debians, for tests on their versions of Slurm (as root, with network).
sites: deps
	@python3 tools/sites.py

# Unit tests run with ASan and UBSan; everything that drives processes runs the binary that users get. The roots of other
# Debians are made while the compiler runs.
test: deps lint
	@mkdir -p $(BUILD); set -e; \
	python3 tools/sites.py --optional --within 900 >$(BUILD)/sites.log 2>&1 & sites=$$!; \
	trap 'kill $$sites 2>/dev/null || true' EXIT; \
	$(MAKE) --no-print-directory static asan; \
	ninja -C $(BUILD)/release fake_slurm; \
	wait $$sites || true; cat $(BUILD)/sites.log; \
	cd $(BUILD)/release && $(CTEST) -L 'integration|e2e|chaos'

asan: deps
	@mkdir -p $(BUILD)
	@$(CMAKE) -S . -B $(BUILD)/asan -DCMAKE_BUILD_TYPE=Debug -DSLIPWAY_SANITIZE=address,undefined -DSLIPWAY_UNITY=ON >/dev/null
	@ninja -C $(BUILD)/asan unit_tests
	@cd $(BUILD)/asan && $(CTEST) -L unit

# No second try: a race shows now and then, and would be hidden by it.
tsan: deps
	@mkdir -p $(BUILD)
	@$(CMAKE) -S . -B $(BUILD)/tsan -DCMAKE_BUILD_TYPE=Debug -DSLIPWAY_SANITIZE=thread -DSLIPWAY_UNITY=ON >/dev/null
	@ninja -C $(BUILD)/tsan unit_tests
	@cd $(BUILD)/tsan && $(CTEST_ONCE) -L unit

fuzz:
	@$(CMAKE) -S . -B $(BUILD)/fuzz -DCMAKE_BUILD_TYPE=Debug -DSLIPWAY_FUZZ=ON -DSLIPWAY_UNITY=ON >/dev/null
	@ninja -C $(BUILD)/fuzz fuzz_all
	@fuzz/run.sh $(BUILD)/fuzz

lint: deps
	@git ls-files '*.cc' '*.h' | xargs clang-format-19 --dry-run --Werror

fmt:
	@git ls-files '*.cc' '*.h' | xargs clang-format-19 -i

bench: deps build
	@ninja -C $(BUILD)/release fake_slurm parse_bench apiserver_bench
	@python3 bench/run.py $(BUILD)

demo:
	@tools/deps.sh build demo
	@$(MAKE) --no-print-directory build
	@python3 tools/demo.py up --build $(BUILD)

demo-down:
	@python3 tools/demo.py down --build $(BUILD)

clean:
	@rm -rf $(BUILD)
