# Yizheng 一证: everything a newcomer types. `make help` prints this list.
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
PORT ?= 8700
PYTEST_ARGS ?= -n 5 --dist loadfile --no-loadscope-reorder

# Where bytecode is not kept, every command and every server that a test starts compiles what it imports: two seconds each.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help install dev demo run test lint style types suite bench scenarios docs lock clean services

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

install: $(STAMP)  ## the hub into .venv (.venv/bin/yizheng)

$(STAMP): deploy/core.lock pyproject.toml
	python3 -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --no-cache-dir --require-hashes -r deploy/core.lock
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(PY) -m compileall -q hub adapters certificates signing catalog
	@touch $@

dev: $(DEV_STAMP)  ## plus what tests, lint and bench need

$(DEV_STAMP): $(STAMP) deploy/dev.lock
	$(PY) -m pip install --quiet --disable-pip-version-check --no-cache-dir --require-hashes -r deploy/dev.lock
	@touch $@

demo: $(STAMP)  ## the main job in a throw-away home, then pages on port 8700 (ONCE=1: end after the walk)
	$(PY) -m hub.demo $(if $(ONCE),--once,) --port $(PORT)

run: $(STAMP)  ## serve ./yizheng-data, made with the sample city if absent
	@test -f yizheng-data/hub.json || $(VENV)/bin/yizheng init --sample
	$(VENV)/bin/yizheng serve --port $(PORT)

services:  ## install and start what the tests need (PostgreSQL, MariaDB, Redis, an S3 server, Chromium, …)
	bash deploy/test_services.sh start

test: $(DEV_STAMP) services  ## lint, types, layers and every test on the embedded and the real parts
	$(MAKE) --no-print-directory style
	$(MAKE) --no-print-directory --jobs=2 types suite

lint: style types  ## ruff, mypy, import layers

style: $(DEV_STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(DEV_STAMP)
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --config pyproject.toml

# Beside the types: a test that waits for a lease, a server or a browser leaves a core to them.
suite:
	@rm -f .pytest_cache/v/cache/lastfailed
	bash deploy/test_services.sh run $(VENV)/bin/pytest $(PYTEST_ARGS) || \
	  { [ $$? -eq 1 ] && bash deploy/test_services.sh run $(PY) deploy/once_more.py; }

bench: $(DEV_STAMP)  ## figures beside their physical limits, measured in the same run
	bash deploy/test_services.sh start
	bash deploy/test_services.sh durable
	bash deploy/test_services.sh run $(PY) -m benchmarks

scenarios: $(DEV_STAMP)  ## all nine packs on embedded stores, then with hub and sources on real servers; prints the waterfalls
	$(VENV)/bin/yizheng scenario run all
	bash deploy/test_services.sh start
	bash deploy/test_services.sh run $(PY) deploy/real_scenarios.py all

docs: $(STAMP)  ## regenerate what is made from code (CLI reference, problem pages)
	$(PY) deploy/generate_docs.py

lock:  ## compile the lock files (needs uv)
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --python-version 3.11 deploy/core.in -o deploy/core.lock
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --python-version 3.11 -c deploy/core.lock deploy/core.in deploy/dev.in -o deploy/dev.lock

clean:  ## remove everything that make made here
	bash deploy/test_services.sh stop
	rm -rf $(VENV) .test-services build dist
