# `make demo` and `make test` set everything up themselves; nothing but Python 3.11+ is needed.

PYTHON ?= python3
BIN := .venv/bin
DEMO := examples/state-department-homes.pdf
QUESTION := How were the four executive office buildings painted?

.PHONY: demo test test-gpu lint format clean

demo: .venv/installed
	$(BIN)/dashdoc ask $(DEMO) "$(QUESTION)"

test: .venv/installed-dev
	$(BIN)/python -m pytest --numprocesses auto

test-gpu: .venv/installed-dev
	$(BIN)/python -m pytest tests/gpu tests/kernels/triton -rs

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv build dist

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "dashdoc needs Python 3.11 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@
