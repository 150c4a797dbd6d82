# Everything is one word: `make demo` shows the bot at work, `make test` proves the rest. Each does its whole set-up, and says so.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# A target may import only what Package.swift says it depends on.
CHECKED := --explicit-target-dependency-import-check error
SWIFT_SOURCES := Sources Tests Examples Package.swift
VENV := .venv
PYTHON := $(VENV)/bin/python
# Tests side by side; all at once they would starve one another of the few threads that Swift runs tasks on.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH ?= 8
# Sanitized builds stand beside the ordinary one, so that neither has to be made twice.
SANITIZED := -Xswiftc -DSANITIZED -Xswiftc -g

.PHONY: help
help: ## this list
	@echo "make demo   watch a conversation stream over a real TLS WebSocket; no account needed"
	@echo "make test   set up, build, run every test"
	@echo
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 18

.PHONY: setup
setup: ## install what the package needs and is missing (Debian packages)
	@./.ci/setup libwebsockets-dev libssl-dev libsqlite3-dev libhiredis-dev

# The server that tests start for themselves; one that the package starts does not matter.
.PHONY: setup-tests
setup-tests: setup
	@./.ci/setup redis-server

.PHONY: build
build: setup ## build everything, warnings being errors
	@echo "==> build"
	swift build $(CHECKED) --build-tests

.PHONY: demo
demo: setup ## run the streaming demo
	@echo "==> build streaming-demo"
	@swift build $(CHECKED) -c release --product streaming-demo
	@"$$(swift build -c release --show-bin-path)/streaming-demo"

.PHONY: test
test: build setup-tests ## run every test
	@echo "==> test"
	@./.ci/tests $(CHECKED) --skip-build

.PHONY: lint
lint: ## check the format of every Swift file
	@echo "==> lint"
	swift format lint --strict --recursive --parallel $(SWIFT_SOURCES)

.PHONY: format
format: ## rewrite every Swift file in the house format
	swift format --in-place --recursive --parallel $(SWIFT_SOURCES)

.PHONY: thread-sanitizer-build
thread-sanitizer-build: setup
	@swift build --build-tests --sanitize=thread --scratch-path .build/thread $(SANITIZED)

.PHONY: thread-sanitizer
thread-sanitizer: setup-tests ## run every test under the thread sanitizer
	@echo "==> thread sanitizer"
	@TEST_MINUTES=25 ./.ci/thread-sanitizer --sanitize=thread --scratch-path .build/thread $(SANITIZED)

.PHONY: address-sanitizer
address-sanitizer: setup-tests ## run every test under the address and leak sanitizers
	@echo "==> address sanitizer"
	@SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=1 TEST_MINUTES=25 \
	LSAN_OPTIONS=suppressions=$(CURDIR)/.ci/leak-suppressions:print_suppressions=0 \
	./.ci/tests --sanitize=address --scratch-path .build/address $(SANITIZED)

.PHONY: fuzz
fuzz: setup ## made-up input for whatever reads the bytes of others; SECONDS_EACH=60 for longer
	@echo "==> fuzz"
	@./.ci/fuzz

# Rebuilt when either list of packages changes.
$(VENV)/.installed: Tests/Conformance/requirements.txt Tests/Interoperability/requirements.txt
	@./.ci/setup --python
	@echo "==> Python packages into $(VENV)"
	@python3 -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check \
		-r Tests/Conformance/requirements.txt -r Tests/Interoperability/requirements.txt
	@touch $@

.PHONY: interoperability
interoperability: build $(VENV)/.installed ## the official Python SDK and wechatpy against our far and near ends
	@echo "==> interoperability"
	@WECOM_SDK_PYTHON=$(CURDIR)/$(PYTHON) ./.ci/tests $(CHECKED) --skip-build --filter Interoperability

.PHONY: conformance
conformance: setup $(VENV)/.installed ## echo-bot against an independent gateway; ONLY="name name" for some cases
	@echo "==> conformance"
	@swift build $(CHECKED) -c release --product echo-bot
	cd Tests/Conformance && $(CURDIR)/$(PYTHON) -m conformance $(if $(ONLY),--only $(ONLY))

.PHONY: faults
faults: setup ## bots over links that break, and echo-bot stopped and killed; ONLY="name name" for some cases
	@./.ci/setup openssl
	@echo "==> faults"
	@swift build $(CHECKED) -c release --product echo-bot
	@swift build $(CHECKED) -c release --product Faults
	@"$$(swift build -c release --show-bin-path)/Faults" $(if $(ONLY),--only $(ONLY))

# A report is a defect. A case that misses its time is to be run alone; the memory in large-files is the address sanitizer's own.
.PHONY: faults-sanitized
faults-sanitized: setup ## the same under the thread and the address sanitizer; ONLY="name name" for some cases
	@./.ci/setup openssl
	@failed=; \
	for sanitizer in thread address; do \
	    echo "==> faults under the $$sanitizer sanitizer"; \
	    options="--sanitize=$$sanitizer --scratch-path .build/$$sanitizer $(SANITIZED)"; \
	    for product in echo-bot Faults; do swift build $$options --product $$product; done; \
	    SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=1:quarantine_size_mb=1 \
	    LSAN_OPTIONS=suppressions=$(CURDIR)/.ci/leak-suppressions:print_suppressions=0 \
	    TSAN_OPTIONS="halt_on_error=1:atexit_sleep_ms=0:suppressions=$(CURDIR)/.ci/thread-suppressions" \
	    "$$(swift build $$options --show-bin-path)/Faults" $(if $(ONLY),--only $(ONLY)) || failed=1; \
	done; \
	[ -z "$$failed" ]

.PHONY: soak
soak: setup ## conversations under faults, and what they cost; MINUTES=10
	@echo "==> soak"
	@swift build $(CHECKED) -c release --product Faults
	@"$$(swift build -c release --show-bin-path)/Faults" soak --minutes $(or $(MINUTES),10)

.PHONY: smoke
smoke: setup ## the demo, quickly and piped
	@echo "==> smoke"
	@swift build $(CHECKED) -c release --product streaming-demo
	@"$$(swift build -c release --show-bin-path)/streaming-demo" --fast | cat

.PHONY: clean
clean: ## remove everything that was built
	rm -rf .build $(VENV)
