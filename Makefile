# Every target works from a fresh clone: the first one that needs it builds .venv from plain python3.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
DEV    := $(VENV)/.installed-dev
UV     := $(shell command -v uv 2>/dev/null)

.PHONY: install check test agent-test demo bench bench-dashboard bench-faults bench-growth soak soak-hosts snap clean

install: $(STAMP)
demo: $(STAMP)
	@$(BIN)/shraga demo

check: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy models queue shraga_tui tests scripts benchmarks
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_house.py

test: $(DEV)
	$(BIN)/pytest -n 4 --dist worksteal

# Fetches Claude Code from the registry that npm is configured for; its model's API is a stub on loopback.
agent-test: $(DEV)
	npm install --no-save --no-audit --no-fund --ignore-scripts --prefix .agents @anthropic-ai/claude-code
	$(BIN)/pytest tests/acceptance/test_claude_code.py

bench: $(DEV)
	$(BIN)/python -m benchmarks.alone
	$(BIN)/python -m benchmarks.peers $(BENCH)

bench-dashboard: $(DEV)
	$(BIN)/python benchmarks/dashboard.py

# A storm of 1,000 tasks (five minutes), then calm work for as long, which judges memory.
soak: $(DEV)
	$(BIN)/python benchmarks/soak.py
	$(BIN)/python benchmarks/soak.py --calm

bench-faults: $(DEV)
	$(BIN)/python benchmarks/faults.py

bench-growth: $(DEV)
	$(BIN)/python benchmarks/growth.py

# Redis and workers on hosts of their own; takes root on Linux. HOSTS="weather --seconds 60 --seed 7" runs a part.
soak-hosts: $(DEV)
	$(BIN)/python -m benchmarks.hosts $(HOSTS)

snap: $(DEV)
	$(BIN)/pytest tests/snapshots --snapshot-update

clean:
	rm -rf $(VENV) .bench build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(VENV)/pyvenv.cfg:
ifeq ($(UV),)
	$(PYTHON) -m venv $(VENV)
else
	uv venv --quiet --seed --python $(PYTHON) $(VENV)
endif

$(STAMP): $(VENV)/pyvenv.cfg pyproject.toml constraints.txt
ifeq ($(UV),)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
else
	uv pip install --quiet --python $(BIN)/python -c constraints.txt -e .
endif
	@touch $@

$(DEV): $(STAMP) scripts/dev_requirements.py
	@$(BIN)/python scripts/dev_requirements.py > $(VENV)/dev.txt
ifeq ($(UV),)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -r $(VENV)/dev.txt
else
	uv pip install --quiet --python $(BIN)/python -c constraints.txt -r $(VENV)/dev.txt
endif
	@touch $@
