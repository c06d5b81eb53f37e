# `make demo` and `make test` do all the set-up on a machine with Python 3.11 (or newer) and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: demo test lint types wheel check lock clean

demo: $(VENV)/.installed
	$(BIN)/panelctl demo --home demo-data

test: $(VENV)/.installed
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed
	$(BIN)/mypy

wheel:   ## the wheel, installed in a clean environment, run from another folder
	bash .ci/wheel $(PYTHON)

check: test lint types wheel

lock: $(VENV)/.installed    ## the exact set that passed, without index addresses
	$(BIN)/pip freeze --exclude-editable | grep -E '^[A-Za-z0-9_.-]+==' > requirements.lock

clean:
	rm -rf $(VENV) build dist demo-data src/*.egg-info .pytest_cache .mypy_cache .ruff_cache

$(VENV)/.installed: pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint requirements.lock --editable ".[test,lint]"
	touch $@
