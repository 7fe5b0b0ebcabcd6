# The commands of a fresh clone. Everything lives in .venv and run/; nothing needs root but missing test servers.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Programs start from bytecode here, as they do where they are installed.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test simulate lint bench bench-journal fuzz clean

help:
	@echo "make demo [ONCE=1]  play a few stories against the simulated cabinet and stay (ONCE=1: end after them)"
	@echo "make test           lint, types, import contracts, the whole suite"
	@echo "make simulate [SEED=N HOURS=H] [MINUTES=M]  days with faults, and crashes; with MINUTES further seeds until then"
	@echo "make fuzz [SECONDS=N SEED=N]  every decoder on inputs that are wrong in small ways"
	@echo "make bench [PARTS=\"badge latency\"]  measure, print ratios, write bench/results.json (all parts)"
	@echo "make bench-journal  full check, proofs, receipt, export and start of a journal of a million leaves (15 minutes)"
	@echo "make clean          remove what these commands made"

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

# Where no mosquitto is installed, a small broker from PyPI takes its place.
demo: $(VENV)/installed
	@PATH="$$PATH:/usr/sbin" command -v mosquitto >/dev/null || $(BIN)/python -c 'import amqtt' 2>/dev/null \
		|| $(BIN)/pip install --quiet --disable-pip-version-check -e '.[demo]'
	@$(BIN)/python -m simulator demo $(if $(ONCE),--once)

test: $(VENV)/installed-dev
	@sh tests/prerequisites.sh
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -q -n 3 --dist worksteal

simulate: $(VENV)/installed
	@$(BIN)/python -m simulator simulate $(if $(SEED),--seed $(SEED)) $(if $(HOURS),--hours $(HOURS)) \
		$(if $(MINUTES),--minutes $(MINUTES))

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fuzz: $(VENV)/installed-dev
	@$(BIN)/python -m tests.fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

bench: $(VENV)/installed-dev
	$(BIN)/python -m bench $(PARTS)

# Builds the journal first, 650 MB in BENCH_DIR or the temporary folder.
bench-journal: $(VENV)/installed-dev
	$(BIN)/python -m bench.journal

clean:
	rm -rf $(VENV) run dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
