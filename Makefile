# The one vocabulary of this repository: people, CI and the README use these words. `make` lists them.
#
#   make test ONLY=tests/core          a part of the tests
#   make bench ONLY=charging           the benchmarks whose name contains the word
#   make prove ONLY=kill               the long proofs whose name contains the word

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
ONLY ?=
# A part is run in one process, so that it can be read and debugged; the whole in one process per core.
WORKERS ?= $(if $(ONLY),0,auto)
ARGS ?=

export UV_PYTHON_DOWNLOADS := never
export UV_CUSTOM_COMPILE_COMMAND := make lock
export PYTHONUTF8 := 1

.PHONY: help
help: ## list these words
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: .venv/.development ## bootstrap .venv with all that developing needs (done by the others when needed)

.venv/.runtime: requirements-build.lock requirements.lock pyproject.toml tools/bootstrap.sh
	@tools/bootstrap.sh runtime

.venv/.development: requirements-build.lock requirements-dev.lock pyproject.toml tools/bootstrap.sh
	@tools/bootstrap.sh development

.PHONY: demo
demo: .venv/.runtime ## see the whole job done: fund, charge a month of calls, report; writes into demo/
	@$(BIN)/talktime demo $(ARGS)

.PHONY: test
test: .venv/.development ## run the tests on SQLite and PostgreSQL [ONLY=path] [WORKERS=n] [ARGS=…]
	@started=$$SECONDS; status=0; \
	$(BIN)/python -m tests.postgresql_cluster -- \
	    $(BIN)/pytest -n $(WORKERS) -ra $(ARGS) $(ONLY) || status=$$?; \
	echo "make test: $$((SECONDS - started)) s; what was skipped, and why, stands above as SKIPPED"; \
	exit $$status

.PHONY: coverage
coverage: .venv/.development ## measure branch coverage; the core's aim is 100 %
	@$(BIN)/python -m tests.postgresql_cluster -- \
	    $(BIN)/pytest -n $(WORKERS) -ra --cov --cov-report= $(ARGS) $(ONLY)
	@$(BIN)/coverage report --skip-empty
	@$(BIN)/coverage report --include='src/talktime/core/*' --fail-under=100 > /dev/null \
	    || { echo "the core is not covered completely"; exit 1; }

.PHONY: check
check: .venv/.development ## format, lint, types, imports and sizes; changes nothing
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tools/sizes.py

.PHONY: format
format: .venv/.development ## format the code and apply the lint rules' safe repairs
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: sizes
sizes: .venv/.development ## print how large modules and functions are, and which to look at again
	@$(BIN)/python tools/sizes.py

.PHONY: bench
bench: .venv/.development ## measure; one JSON object a line [ONLY=name]
	@$(BIN)/python -m benchmarks $(ONLY) $(ARGS)

.PHONY: prove
prove: .venv/.development ## run the long proofs on both databases [ONLY=word]
	@$(BIN)/python -m tests.postgresql_cluster -- \
	    $(BIN)/pytest -m proof -rA --timeout=0 $(if $(ONLY),-k "$(ONLY)") $(ARGS)

UV_COMPILE := $(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes --no-emit-index-url

.PHONY: lock
lock: .venv/.development ## write the lock files anew after a change of pyproject.toml [ARGS=--upgrade]
	@$(UV_COMPILE) $(ARGS) -o requirements.lock pyproject.toml
	@$(UV_COMPILE) $(ARGS) -c requirements.lock --group dev -o requirements-dev.lock pyproject.toml
	@$(UV_COMPILE) $(ARGS) -c requirements.lock --extra cluster -o requirements-cluster.lock pyproject.toml
	@$(UV_COMPILE) $(ARGS) -c requirements-dev.lock --group build -o requirements-build.lock

.PHONY: clean
clean: ## remove what make made: .venv, caches, demo/
	rm -rf .venv demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.*
