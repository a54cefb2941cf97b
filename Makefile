# `make` or `make help` lists what there is. Everything but `make system` stays inside this folder.

PORT ?= 8000
PYTHON ?= python3
PYTEST = .venv/bin/python -m pytest
export PYTHON
# Each of the many processes compiles our 970 modules anew where the environment forbids to keep what was compiled.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test check system soak bench profiles lock clean run-environment dev-environment

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r target text; do printf '%-16s %s\n' "$$target" "$$text"; done

run: run-environment ## serve ten synthetic patients on 127.0.0.1:8000 (make run PORT=8080 for another port)
	@.venv/bin/zelfregie migrate
	@exec .venv/bin/zelfregie demo --serve --port $(PORT)

test: dev-environment ## the tests, on SQLite and PostgreSQL
	$(PYTEST) --numprocesses 2

check: dev-environment ## format, lint, types, import directions, packages, module sizes
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo
	.venv/bin/python -m pip --disable-pip-version-check check
	$(PYTEST) --quiet tests/architecture

system: ## (root) install what the tests need from the system
	@scripts/system

soak: dev-environment ## the long figures: kill rounds, random requests, imports
	$(PYTEST) -m soak --durable

bench: dev-environment ## measure beside the frozen floor; writes benchmarks/RESULTS.md
	.venv/bin/python -m benchmarks.run

profiles: dev-environment ## remake what is made of medmij_profiles: operations, snapshots, docs/profiles
	.venv/bin/python -m app.main.definitions
	.venv/bin/python -m app.careplan.templates
	.venv/bin/zelfregie profiles snapshot
	.venv/bin/zelfregie profiles pages

lock: dev-environment ## remake the lock files from pyproject.toml
	@scripts/lock

clean: ## remove what was built here; data in var/ stays
	rm -rf .venv tests/clients/javascript/node_modules tests/pages/node_modules build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

run-environment:
	@scripts/environment run

dev-environment:
	@scripts/environment dev
