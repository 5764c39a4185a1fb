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
PYTHON_SOURCES := execution_environment plugins tests
WORDS := README.md awx changelogs docs inventories playbooks plugins roles tests/sandbox/README.md
SANDBOX := python -m tests.sandbox
INVENTORY := inventories/sandbox
# As `molecule test --all`, in an order that installs everything once only.
SCENARIOS := site failures operators kserve gateway namespace model cluster remove

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

.PHONY: test test-long mutants lint types sanity units unit coverage awx end-to-end molecule archive bench shellcheck format
# Molecule waits for a cluster more than it works, so it runs beside what needs none; each tells what it did at its end.
test: build system ## everything that CI checks
	@$(MAKE) --jobs=2 --output-sync=target molecule lint types sanity units coverage archive awx
	@$(MAKE) end-to-end

lint: venv shellcheck ## ruff, yamllint, ansible-lint, spelling
	@ruff check $(PYTHON_SOURCES)
	@ruff format --check $(PYTHON_SOURCES)
	@yamllint --strict .
	@ansible-lint --offline
	@antsibull-changelog lint
	@codespell $(WORDS)

shellcheck: venv ## the shell scripts
	@shellcheck .ci/run $$(git ls-files '*.sh')

types: venv ## mypy, strict
	@bash tests/types.sh

sanity: venv ## ansible-test's sanity tests, on the oldest, the pinned and the newest ansible-core
	@bash tests/ansible_cores/check.sh sanity

units: venv ## ansible-test's unit tests, on the oldest and the newest ansible-core
	@bash tests/ansible_cores/check.sh units

unit: build ## tests that need no cluster
	@pytest tests/unit --numprocesses=2

coverage: build ## how much of the plugins the unit tests run, and of what decides
	@mkdir -p .cache/coverage
	@COVERAGE_FILE=$(CURDIR)/.cache/coverage/data pytest tests/unit --numprocesses=2 --quiet \
	  --cov --cov-report=json:.cache/coverage/report.json
	@python -m tests.rooms_covered .cache/coverage/report.json

archive: venv ## build the collection's archive and install it in an empty folder
	@pytest tests/archive

awx: venv ## the data in awx/ applied to a controller that is played
	@pytest tests/awx

end-to-end: venv system ## tests on the sandbox
	@pytest tests/e2e --numprocesses=2 --durations=25

test-long: venv system ## slower tests on the sandbox, which no other word runs, and the mutants
	@pytest tests/long
	@$(MAKE) mutants

mutants: venv ## how many small errors in the TPU arithmetic and in the comparison their tests notice
	@bash tests/mutants.sh

# A prerequisite with a recipe would make it start last beside others.
molecule: venv ## one scenario a phase, on the sandbox
	@$(MAKE) system
	@molecule test $(SCENARIOS:%=--scenario-name=%)

bench: venv system ## the figures that are promised, measured beside kubectl and others
	@python -m tests.bench $(BENCH)

format: venv ## write Python in the house's format
	@ruff check --fix $(PYTHON_SOURCES)
	@ruff format $(PYTHON_SOURCES)

.PHONY: docs execution-environment requirements outdated release clean screenshots
execution-environment: venv ## the context of an image for AWX, in context/
	@bash execution_environment/create.sh context

docs: venv ## docs/findings.md anew from the checks, and the manual as HTML in .cache/manual/html
	@python -m tests.findings_page
	@python -m tests.manual

screenshots: venv system ## pictures of a report and a bundle's page in Chromium, in tests/output/screenshots
	@bash tests/screenshots/chromium.sh
	@python -m tests.screenshots

requirements: venv ## pin the Python packages anew, with hashes
	@bash tests/pin_requirements.sh
	@bash tests/ansible_cores/pin.sh

outdated: venv ## which Python packages are old, and which are known to be vulnerable
	@bash tests/outdated.sh

release: venv ## release a version: make release VERSION=0.2.0
	@bash tests/release.sh "$(VERSION)"

clean: ## stop everything and remove what was made in this checkout
	@if test -e .venv/ready; then for state in .sandbox*; do $(SANDBOX) clean --dir "$$state"; done; fi
	@rm -rf .venv .sandbox* .cache context .ansible .mypy_cache .ruff_cache .pytest_cache .hypothesis tests/output
