# What a newcomer needs: `make demo` and `make test`. `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
# the system's own Python first: distributions build it with profiles, and then it starts in four fifths of the time
PYTHON ?= $(shell for p in /usr/bin/python3 python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
SOURCES := pyproject.toml hatch_build.py $(shell find runtime watcher schemas launchers -type f -not -path '*/__pycache__/*')
# runf's launcher names its interpreter, which no shell has to look for, by a link where it starts sooner (hatch_build.py)
LINK := $(VENV)/lib/runf/python3
PIP_INSTALL = RUNF_INTERPRETER=$(abspath $(LINK)) $(BIN)/pip install --quiet --disable-pip-version-check
WORKERS ?= auto
# what goes another way for an ordinary user; root runs these twice
OF_USERS := tests/containers tests/cli tests/watcher tests/kernel tests/unit/store
FUZZ_S ?= 60

CLIENTS := podman conmon netavark aardvark-dns catatonit podman-compose uidmap slirp4netns docker.io docker-compose \
	containerd buildah runc crun iptables iproute2 procps util-linux busybox-static

.PHONY: help install demo test test-crashes test-vm soak fuzz fuzz-create test-clients lint bench bench-scale docs clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

install: $(VENV)/.installed ## put runf and runf-watcher into .venv/bin

$(VENV)/bin/pip:
	@test -n "$(PYTHON)" || \
		{ echo "runf needs Python 3.11 or later with its venv module: apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(LINK): | $(VENV)/bin/pip
	@mkdir -p $(@D) && ln -s ../../bin/python3 $@

$(VENV)/.installed: $(SOURCES) | $(LINK)
	@$(PIP_INSTALL) '.[watcher]'
	@$(BIN)/python -m compileall -q $(dir $(LINK)) \
		$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/runf
	@rm -rf build && touch $@

$(VENV)/.tested: $(VENV)/.installed
	@$(PIP_INSTALL) '.[watcher,systemd,test]' && rm -rf build && touch $@

demo: install ## run a real container with the watcher, and show each notification as it comes
	@docs/demo.sh

test: $(VENV)/.tested ## run the tests, as root and as an ordinary user what each of them may
	$(BIN)/python -m pytest -q -n $(WORKERS) $(TESTS)
	@test "$$(id -u)" -ne 0 || { echo "Now as an ordinary user:"; \
		tests/as-ordinary-user $(VENV) -q -n $(WORKERS) $(or $(TESTS),$(OF_USERS)); }

test-crashes: $(VENV)/.tested ## kill each command, and fail it, at each of its system calls; prints how many
	$(BIN)/python -m pytest -q -s --in-full tests/crashes

test-vm: $(VENV)/.tested ## run what depends on the kernel on an emulated Debian: cgroup v2, systemd, criu (slow)
	PYTHON=$(BIN)/python tests/vm/run plain systemd hybrid $(if $(TESTS),-- $(TESTS))

soak: $(VENV)/.tested ## minutes of many lives at once, while commands and watcher are killed; prints what was seen
	$(BIN)/python -m pytest -q -s --in-full tests/soak

fuzz-create: $(VENV)/.tested ## as root: create, tried on thousands of configurations
	$(BIN)/python -m pytest -q -s --in-full tests/containers/test_any_config.py

fuzz: $(VENV)/.tested ## coverage-guided fuzzing of each parser, FUZZ_S seconds each; what it finds goes to tests/fuzz/corpus
	@$(PIP_INSTALL) '.[watcher,fuzz]' && rm -rf build
	@for target in $$($(BIN)/python -m tests.fuzz.run); do echo "fuzzing $$target"; \
		$(BIN)/python -m tests.fuzz.run $$target -max_total_time=$(FUZZ_S) -max_len=8192 -verbosity=0 -print_final_stats=1 \
			-artifact_prefix=tests/fuzz/corpus/$$target/ || exit 1; done

test-clients: $(VENV)/.tested ## install podman, Docker, containerd and buildah with apt, and run them with runf
	@test "$$(id -u)" -ne 0 || ! command -v apt-get >/dev/null || \
		{ apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $(CLIENTS); } >/dev/null
	@$(PIP_INSTALL) '.[watcher,test,clients]' && rm -rf build
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup tests/clients --client-results docs/clients/results.md

lint: $(VENV)/.tested ## ruff, mypy, import-linter
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: install ## runf beside runc and crun, as the table of what is aimed at
	@$(PIP_INSTALL) '.[watcher,bench]' && rm -rf build
	$(BIN)/python -m bench.targets --list 100 --list 1000

bench-watcher: $(VENV)/.tested ## the watcher before a crowd, and beside podman events and ctr events
	$(BIN)/python -m bench.crowd && $(BIN)/python -m bench.beside

bench-scale: $(VENV)/.tested ## as root: a thousand containers at once, ten thousand records; writes docs/scale.md and its plots
	$(BIN)/python -m bench.scale

docs: $(VENV)/.tested ## write what is generated: docs/cli.md and the validators
	$(BIN)/python -m schemas.generate && $(BIN)/python -m runtime.cli.reference

clean: ## remove what the targets above have made
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
