# Everything that a person or CI calls. `make help` lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# The pipeline's commands are `python -m stages...`: they find the project's Python first on PATH.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true

.DEFAULT_GOAL := help
.PHONY: help setup repro run smoke test test-server check current claims plan profile sync ui report bench lint clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-28s %s\n", $$1 $$3, $$2}'

setup: $(READY) ## Create .venv with the locked packages (once: about 5 min, 7 GB of disk)

$(READY): requirements.lock
	@echo "Setting up .venv with the packages of requirements.lock: about 5 minutes and 7 GB of disk, once."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name it with PYTHON=...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@touch $@

repro: setup ## Regenerate every result (the whole pipeline; only what changed runs)
	@echo "Running the pipeline: 15 to 20 minutes on 2 cores the first time, and 2 GB of disk."
	@python -m stages.commands.repro

run: setup ## Run what one experiment needs: make run E=optimizers
	@test -n "$(E)" || { echo "Which experiment? make run E=<a name under experiments: in params.yaml>"; exit 1; }
	@python -m stages.commands.repro $(E)

smoke: setup ## Run the whole pipeline at a few steps in a temporary clone (about 3 min)
	@python -m pytest -q tests/test_smoke.py

test: setup ## Run the test-suite (about 15 min), the smoke pipeline included
	@echo "Running the tests: 12 to 17 minutes on 2 cores."
	@python -m pytest

test-server: $(VENV)/.ready-server ## Test docs/tracking-server.md (needs PostgreSQL; 1 min)
	@python -m pytest -m server

$(VENV)/.ready-server: requirements-server.lock $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -r $<
	@touch $@

check: setup ## Compare the metrics with the thresholds of params.yaml; exit 1 on a breach
	@python -m stages.commands.check

current: setup ## Check that dvc.lock agrees with the code and params.yaml; runs nothing
	@python -m stages.commands.current

claims: setup ## Write every statement and its verdict into README.md; CHECK=1 only compares
	@python -m stages.commands.claims $(if $(CHECK),--check)

plan: setup ## Say what the present params.yaml will fetch and compute
	@python -m stages.commands.plan

profile: setup ## Put a profile onto params.yaml: make profile NAME=smoke [FORCE=1]
	@test -n "$(NAME)" || { echo "Which profile? make profile NAME=<default or a file of profiles/>"; exit 1; }
	@python -m stages.commands.profile $(NAME) $(if $(FORCE),--force)

sync: setup ## Send what MLflow lacks
	@python -m stages.commands.track sync

ui: setup ## Bring MLflow up to date and open its UI on http://127.0.0.1:5000
	@python -m stages.commands.track ui

report: setup ## Draw the figures and pages again, training nothing
	@dvc repro --force --single-item $$(dvc stage list --name-only | grep -E '^(report@|site)')

bench: setup ## Time the sweep engine and its installed peers: reports/speed.json (10 min or more)
	@python -m benchmarks.sweep --out reports/speed.json

lint: setup ## Check format, lint and types
	@ruff format --check . && ruff check . && mypy

clean: ## Remove scratch and caches; never the MLflow store or the DVC cache
	@rm -rf .work .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
