# Every target sets up .venv by itself: a fresh machine needs Python, make and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Two workers fit the tests into 8 GB; each holds one TensorFlow.
WORKERS ?= 2

.PHONY: demo test test-all check docs install bench clean

demo: $(VENV)/.installed
	$(BIN)/zoo demo --out demo

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile

test-all: $(VENV)/.installed-test
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile -m "slow or not slow"

check: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile tests --ignore=tests/engine --ignore=tests/plugins

docs: $(VENV)/.installed-docs
	$(BIN)/python docs/generate.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

install: $(VENV)/.installed

bench: $(VENV)/.installed-test
	$(BIN)/zoo bench --suite

clean:
	rm -rf $(VENV) dist build demo site

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-test: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[docs]"
	touch $@ $(VENV)/.installed
