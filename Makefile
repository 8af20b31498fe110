# Two commands matter: `make serve` and `make test`. Everything else is a part of
# them or of the checks. Each brings what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python

# Real servers and browsers, which mostly wait; and what is judged by how smoothly
# video plays, which has the machine for itself.
CLIENTS := tests/integration tests/browser tests/firefox
ALONE := tests/network

.PHONY: serve test test-units test-clients lint types bench check clean

serve: $(VENV)/.runtime
	@exec $(RUN) manage.py serve

test: $(VENV)/.dev
	@sh tests/setup.sh
	@$(MAKE) --no-print-directory -j2 --output-sync=target test-units test-clients
	$(BIN)/pytest $(ALONE)

test-units:
	$(BIN)/pytest tests $(addprefix --ignore=,$(CLIENTS) $(ALONE))

test-clients:
	$(BIN)/pytest $(CLIENTS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy .

bench: $(VENV)/.dev
	@sh tests/setup.sh
	$(RUN) -m bench

check: test lint types

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.runtime

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
