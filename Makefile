# Two commands are enough: `make demo` and `make test`. Both set up .venv by themselves.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format e2e bench eval smoke mcpb lock clean

help: ## Show the targets
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

setup: .venv/.ready ## Make .venv with the command axonflow-hooks in it (uv where it is there, else venv and pip)

.venv/.ready: requirements/dev.txt pyproject.toml scripts/setup.sh
	@PYTHON="$(PYTHON)" sh scripts/setup.sh
	@touch $@

demo: setup ## Show the main job: deny, silence, redaction, audit trail, status
	@$(BIN)/python -m demo

test: setup ## Run the test suite
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest tests --ignore tests/e2e -n 4 --dist worksteal

lint: setup ## Check style, types and architecture
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup ## Rewrite the code in the house style
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

e2e: setup ## Run the end-to-end suite on the real Claude Code (fetched from npm) and a running agent
	@$(BIN)/python -m pytest tests/e2e

bench: setup ## Measure hook calls, the policy engine and the proxy, each side by side with what it is compared to
	@$(BIN)/python -m bench.hook_call
	@$(BIN)/python -m bench.policy_engine
	@$(BIN)/python -m bench.proxy
	@$(BIN)/python -m bench.agent_load

eval: setup ## Measure detection on labelled data, where there is some
	@$(BIN)/python -m eval.detection

smoke: setup ## Fire one injection at the agent of AXONFLOW_ENDPOINT (default: http://localhost:8080)
	@$(BIN)/python -m devtools.smoke

mcpb: setup ## Pack the proxy as Desktop Extensions into dist/ (needs node)
	@$(BIN)/python -m devtools.mcpb

lock: ## Renew the lock files from pyproject.toml (needs uv)
	@sh scripts/lock.sh

clean: ## Remove everything that make has made
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
