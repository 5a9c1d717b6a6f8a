# The ways to run, test and check policyc. Everything happens in .venv and in .venv-NAME; nothing else is touched.
#
#   make demo     set up and judge the example traces with the example policies
#   make test     all tests; `make test T=tests/cli` only some
#   make check    what must be clean before a change is proposed
#   make oracle   set up what the differential tests compare with; `make test` does it too
#   make agentdojo  set up what `python -m benchmarks.agentdojo` plays
#   make candidates  set up what `python -m benchmarks.detectors` compares the time of detectors with
#   make docs     write the pages of docs/reference from the program
#
# Another interpreter: make test PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
ORACLE := .venv-oracle
AGENTDOJO := .venv-agentdojo
CANDIDATES := .venv-candidates
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
T ?= tests policies
# One more than there are cores: many tests wait for containers and deadlines.
WORKERS ?= $(shell expr $$(nproc) + 1)

.DEFAULT_GOAL := help
.PHONY: help demo test oracle agentdojo candidates check format-check lint layers types fmt docs bench clean

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

# The reference implementation has dependencies of its own. Tests that compare with it are skipped where it is missing.
$(ORACLE)/installed: .ci/venv pyproject.toml
	@echo "installing invariant-ai into $(ORACLE), for the tests that compare with it"
	@PYTHON="$(PYTHON)" .ci/venv $(ORACLE)
	@$(ORACLE)/bin/python -m pip --disable-pip-version-check --quiet install --editable '.[oracle]' \
		&& touch $@ || echo "invariant-ai cannot be installed: the tests that compare with it will be skipped" >&2

$(AGENTDOJO)/installed:
	@PYTHON="$(PYTHON)" .ci/venv $(AGENTDOJO)
	@$(AGENTDOJO)/bin/python -m pip --disable-pip-version-check --quiet install agentdojo==0.1.35 && touch $@

$(CANDIDATES)/installed: benchmarks/detectors/candidates.txt
	@PYTHON="$(PYTHON)" .ci/venv $(CANDIDATES)
	@$(CANDIDATES)/bin/python -m pip --disable-pip-version-check --quiet install --requirement $< && touch $@

# --- what people run --------------------------------------------------------------------------

demo: $(VENV)/installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" examples/demo

oracle: $(ORACLE)/installed

agentdojo: $(AGENTDOJO)/installed

candidates: $(CANDIDATES)/installed

test: $(VENV)/installed-dev $(if $(filter tests,$(T)),oracle)
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup $(T)

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
	rm -rf $(VENV) $(ORACLE) $(AGENTDOJO) $(CANDIDATES) build dist policyc.egg-info src/policyc.egg-info
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
