# The ways to run, test and check policyc. Everything happens in .venv; nothing else is touched.
#
#   make demo     set up and judge the example traces with the example policies
#   make test     all tests; `make test T=tests/cli` only some
#   make check    what must be clean before a change is proposed
#   make docs     write the pages of docs/reference from the program
#
# Another interpreter: make test PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
T ?= tests

.DEFAULT_GOAL := help
.PHONY: help demo test check format-check lint layers types fmt docs bench clean

help:
	@sed -n 's/^#   \(make [a-z]*\) */\1\t/p' Makefile

# --- set-up, each step once -------------------------------------------------------------------

$(VENV)/made: .ci/venv
	@PYTHON="$(PYTHON)" .ci/venv $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/made pyproject.toml
	@echo "installing policyc into $(VENV)"
	@$(PIP) install --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/made pyproject.toml
	@echo "installing policyc and its tools into $(VENV)"
	@$(PIP) install --editable '.[dev]'
	@touch $(VENV)/installed $@

# --- what people run --------------------------------------------------------------------------

demo: $(VENV)/installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" examples/demo

test: $(VENV)/installed-dev
	$(BIN)/pytest -n auto --dist loadgroup $(T)

check: format-check lint layers types test

format-check: $(VENV)/installed-dev
	$(BIN)/ruff format --check .

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .

layers: $(VENV)/installed-dev
	$(BIN)/lint-imports

types: $(VENV)/installed-dev
	$(BIN)/mypy

fmt: $(VENV)/installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/installed-dev
	$(BIN)/python -m tests.docs.reference

bench: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build dist policyc.egg-info src/policyc.egg-info
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
