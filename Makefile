# Two words do everything: `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The one folder outside the checkout: built programs, downloads and tools' own caches.
export LLMD_CACHE ?= $(HOME)/.cache/llmd-tpu
export ANSIBLE_HOME := $(LLMD_CACHE)/ansible
export HELM_CACHE_HOME := $(LLMD_CACHE)/helm
export KUBECACHEDIR := $(LLMD_CACHE)/kubectl
export PIP_CACHE_DIR := $(LLMD_CACHE)/pip
export XDG_CACHE_HOME := $(LLMD_CACHE)/xdg
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PATH := $(CURDIR)/.venv/bin:$(PATH)

PYTHON ?= python3
PYTHON_SOURCES := plugins tests
SANDBOX := python -m tests.sandbox
INVENTORY := inventories/sandbox

.PHONY: help
help: ## list the words
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 18

.venv/ready: tests/requirements.txt tests/link_collection.sh
	@echo "making the virtual environment .venv (about a minute)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; choose one with make PYTHON=...")'
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --no-compile --require-hashes --requirement tests/requirements.txt
	@bash tests/link_collection.sh
	@touch $@

.PHONY: venv system build sandbox sandbox-stop demo
venv: .venv/ready ## the virtual environment, .venv

system: ## programs that only the system can give: bubblewrap, nftables, iproute2
	@bash tests/sandbox/system.sh

build: venv ## build or find every component of the sandbox
	@$(SANDBOX) build

sandbox: venv system ## start the sandbox alone and leave it running
	@$(SANDBOX) up

sandbox-stop: venv ## stop the sandbox
	@$(SANDBOX) down

demo: sandbox ## from nothing to a served answer, on the sandbox
	@ansible-playbook playbooks/site.yml -i $(INVENTORY)
	@$(SANDBOX) status

.PHONY: test test-long lint types unit end-to-end molecule archive bench shellcheck format
test: lint types unit archive end-to-end molecule ## everything that CI checks

lint: venv shellcheck ## ruff, yamllint, ansible-lint
	@ruff check $(PYTHON_SOURCES)
	@ruff format --check $(PYTHON_SOURCES)
	@yamllint --strict .
	@ansible-lint --offline
	@antsibull-changelog lint

shellcheck: venv ## the shell scripts
	@shellcheck .ci/run $$(git ls-files '*.sh')

types: venv ## mypy, strict
	@bash tests/types.sh

unit: build ## tests that need no cluster
	@pytest tests/unit --numprocesses=2

archive: venv ## build the collection's archive and install it in an empty folder
	@pytest tests/archive

end-to-end: venv system ## tests on the sandbox
	@pytest tests/e2e --numprocesses=2 --dist=loadgroup

test-long: venv system ## slower tests on the sandbox, which no other word runs
	@pytest tests/long

molecule: venv system ## one scenario a phase, on the sandbox
	@molecule test --all

bench: venv system ## the figures that are promised, measured beside kubectl and others
	@python -m tests.bench $(BENCH)

format: venv ## write Python in the house's format
	@ruff check --fix $(PYTHON_SOURCES)
	@ruff format $(PYTHON_SOURCES)

.PHONY: docs requirements clean screenshots
docs: venv ## make docs/findings.md anew from the source of the checks
	@python -m tests.findings_page

screenshots: venv system ## pictures of a report and a bundle's page in Chromium, in tests/output/screenshots
	@bash tests/screenshots/chromium.sh
	@python -m tests.screenshots

requirements: venv ## pin the Python packages anew, with hashes
	@bash tests/pin_requirements.sh

clean: ## stop everything and remove what was made in this checkout
	@if test -e .venv/ready; then for state in .sandbox*; do $(SANDBOX) clean --dir "$$state"; done; fi
	@rm -rf .venv .sandbox* .cache .ansible .mypy_cache .ruff_cache .pytest_cache .hypothesis tests/output
