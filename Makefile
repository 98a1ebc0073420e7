# `make help` lists the targets. PYTHON=python3.13 chooses another interpreter.
PYTHON ?= python3
ARGS ?=

SHELL := /bin/sh
PROOFS := $(patsubst tools/prove/%.sh,prove-%,$(filter-out %/common.sh,$(wildcard tools/prove/*.sh)))
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test bench kernels lint format clean FORCE wheels-local wheel-twice $(PROOFS)

# Whatever is run sees the installed package, never the directory it is run from.
export PYTHONSAFEPATH := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

DEMO := .venv
TEST := build/venv-test
BENCH := build/venv-bench
LINT := build/venv-lint
KERNELS = build/kernels
KERNEL_FLAGS = -O3 -DNDEBUG

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-20s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "PYTHON=python3.13 chooses the interpreter, here $(PYTHON). ARGS is passed on to pytest, in place of the"
	@echo "measurement of coverage, and to the benchmark: make test ARGS='-k gradients', make bench ARGS=--short."

demo: $(DEMO)/installed  ## Install into .venv and train a network on 1797 handwritten digits
	@mkdir -p demo
	$(DEMO)/bin/scratchnn train examples/data/digits.csv --target digit --output demo/digits.snn --curve demo/digits.png
	@echo
	@echo "Made:      demo/digits.snn   the network, with what it needs to read other tables and to train on"
	@echo "           demo/digits.png   its learning curve"
	@echo "Try next:  $(DEMO)/bin/scratchnn info demo/digits.snn"
	@echo "           $(DEMO)/bin/scratchnn predict demo/digits.snn examples/data/digits.csv | head"
	@echo "           $(DEMO)/bin/scratchnn train YOUR.csv --target COLUMN"
	@echo "           $(DEMO)/bin/python examples/xor.py"

test: $(TEST)/installed  ## Build, install and run all tests against the installed package
	$(TEST)/bin/python -m pytest -q $(or $(ARGS),--cov)

bench: $(BENCH)/installed  ## Measure speed beside other libraries, which it installs (2 GB)
	PYTHONPATH=benchmarks $(BENCH)/bin/python benchmarks/compare.py $(ARGS)
	@echo "Made: build/bench/table.md, results.json, results.csv, results.png"

kernels:  ## Build csrc/ as a static library without Python: build/kernels/libscratchnn_kernels.a
	@rm -rf $(KERNELS) && mkdir -p $(KERNELS)
	csrc=$$PWD/csrc && cd $(KERNELS) && find $$csrc -name '*.c' ! -name '*.inc.c' | xargs -n 1 -P 4 \
		$(CC) $(KERNEL_FLAGS) -std=c11 -fno-math-errno -fno-trapping-math -ffp-contract=off -I $$csrc -c
	cd $(KERNELS) && $(AR) rcs libscratchnn_kernels.a *.o && rm -f *.o

lint: $(LINT)/installed  ## Check style, types, C format and workflows
	$(LINT)/bin/ruff check
	$(LINT)/bin/ruff format --check
	$(LINT)/bin/mypy
	PATH="$$PWD/$(LINT)/bin:$$PATH" cython-lint scratchnn
	$(LINT)/bin/clang-format --dry-run --Werror $(C_FILES)
	$(LINT)/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(LINT)/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(LINT)/bin/zizmor --offline --quiet .github

format: $(LINT)/installed  ## Put Python and C into the house style
	$(LINT)/bin/ruff check --fix
	$(LINT)/bin/ruff format
	$(LINT)/bin/clang-format -i $(C_FILES)

wheels-local: build/venv-cibuildwheel/installed  ## Wheels for CPython 3.11 to 3.15 by cibuildwheel, tested (Debian 12, root; 30 min)
	CIBUILDWHEEL="$$PWD/build/venv-cibuildwheel/bin/cibuildwheel" tools/wheels_local.sh build

wheel-twice:  ## Build a wheel twice, and compare the bytes (3 min)
	PYTHON=$(PYTHON) tools/wheel_twice.sh

prove-bounds:  ## Tests with indices, overflow and references checked (6 min)
prove-fuzz:  ## Readers of files and tables fed by libFuzzer, FUZZ_SECONDS=60 for each (8 min)
prove-asan:  ## Tests with the address and undefined-behaviour sanitizers (5 min)
prove-tsan:  ## What has to do with threads under ThreadSanitizer (9 min; once 23 for interpreters)
prove-free-threaded:  ## The wheel on free-threaded Python, in many threads (12 min; once 7 for the interpreter)
prove-valgrind:  ## The C kernels under valgrind (1 min)
prove-cpus:  ## Tests on an emulated Haswell, with AVX2 and without (3 min)
prove-windows:  ## The C kernels under wine, and compiled as clang-cl does (2 min)
prove-zig:  ## The C kernels linked for eight systems, NEON run under qemu (7 min)
prove-aarch64:  ## A wheel for 64-bit Arm, with NEON, installed and tested under qemu (Debian 12, root; 16 min)
prove-s390x:  ## The same for big-endian s390x, and model files to and fro (Debian 12, root; 9 min)
$(PROOFS): prove-%:
	PYTHON=$(PYTHON) tools/prove/$*.sh

clean:  ## Remove all that was made
	rm -rf build dist demo .venv .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache scratchnn.egg-info
	find benchmarks csrc scratchnn tests \( -name '*.so' -o -name '*.pyd' -o -name __pycache__ \) -prune -exec rm -rf {} +
	find scratchnn -name '*.c' -exec rm -f {} +

# coefficients.h is as tools/coefficients.py writes it, sine_network.h as scratchnn does.
C_FILES = $(shell find csrc benchmarks scratchnn/include examples -name '*.[ch]' ! -name coefficients.h ! -name sine_network.h)
SOURCES = find csrc scratchnn -type f \( -name '*.[ch]' -o -name '*.py*' -o -name '*.pxd' \) \
	! -path '*/__pycache__/*' ! -path 'scratchnn/*.c' ! -name '*.pyd'

have-python = $(PYTHON) -c '' || { echo "Missing: Python 3.11 or newer; if it has another name: make PYTHON=..."; exit 1; }

# What an installation is made from: the interpreter, the compiler and the sources, by checksum. The files
# change where their contents do, and nothing is built or installed again as long as they stay.
build/inputs: FORCE
	@mkdir -p build
	@$(have-python)
	@$(PYTHON) tools/prerequisites.py > $@.new
	@echo "CC=$$CC CFLAGS=$$CFLAGS" >> $@.new
	@$(SOURCES) -exec cksum {} + | LC_ALL=C sort >> $@.new
	@cksum setup.py pyproject.toml LICENSE >> $@.new
	@cmp -s $@.new $@ || cp $@.new $@

build/lint-inputs: FORCE
	@mkdir -p build
	@$(have-python)
	@$(PYTHON) tools/prerequisites.py --lint > $@.new
	@cmp -s $@.new $@ || cp $@.new $@

# Built from nothing, so that no file of an older build can slip in.
build/wheel/built: build/inputs
	rm -rf build/wheel build/lib* build/temp* build/bdist* build/venv-build
	$(PYTHON) -m venv build/venv-build
	build/venv-build/bin/python -m pip wheel --quiet --no-deps --wheel-dir build/wheel .
	@touch $@

# A new environment; one that somebody else put there is left alone.
define environment
@test ! -e $(@D) || test -e $(@D)/made-by-make || { echo "$(@D) is not of make's making: move it away first"; exit 1; }
@rm -rf $(@D) && mkdir -p $(@D) && touch $(@D)/made-by-make
$(PYTHON) -m venv $(@D)
endef

$(DEMO)/installed: EXTRA = cli
$(TEST)/installed: EXTRA = test
$(DEMO)/installed $(TEST)/installed: build/wheel/built
	$(environment)
	$(@D)/bin/python -m pip install --quiet "$$(echo build/wheel/*.whl)[$(EXTRA)]"
	@test $(EXTRA) != test || $(call one-by-one,polars tensorboard onnx onnxruntime skl2onnx safetensors)
	@touch $@

# Large, and not there for every Python: the tests of what has to do with them are skipped without.
one-by-one = for library in $(1); do \
	$(@D)/bin/python -m pip install --quiet --only-binary :all: "$$library" || echo "Not installed: $$library"; done

# One by one: a rival that this machine cannot have is one less, and the benchmark names it.
$(BENCH)/installed: build/wheel/built benchmarks/requirements.txt
	$(environment)
	$(@D)/bin/python -m pip install --quiet build/wheel/*.whl
	@while read -r library; do \
		$(@D)/bin/python -m pip install --quiet "$$library" || echo "Not installed: $$library"; \
	done < benchmarks/requirements.txt
	@touch $@

build/venv-cibuildwheel/installed: tools/cibuildwheel.txt
	$(environment)
	$(@D)/bin/python -m pip install --quiet --no-deps --require-hashes --requirement tools/cibuildwheel.txt
	@touch $@

$(LINT)/installed: build/lint-inputs
	$(environment)
	$(@D)/bin/python -m pip install --quiet --requirement build/lint-inputs
	@touch $@
