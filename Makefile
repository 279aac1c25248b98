# `make` alone lists what there is. Everything is installed into .venv, nothing anywhere else.
PYTHON ?= python3
CONSTRAINTS ?= constraints.txt
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check \
	$(if $(CONSTRAINTS),--constraint $(CONSTRAINTS))
LITE = hatchling anywidget jupyter_server jupyterlab_widgets $(shell sed -n 's/^ *"\(jupyterlite-[^"]*\)",/\1/p' pyproject.toml)
GRADER = $(shell sed -n 's/^teaching = \["\(.*\)"\]/\1/p' pyproject.toml)
LESSONS := $(wildcard notebooks/*.ipynb)

# Tests of one file stay together, for what they share, and the longest come first. Each of the
# processes has one thread, and what is tested is computed, not found in a cache.
PYTEST := NMFLAB_CACHE=off OMP_NUM_THREADS=1 $(BIN)/python -m pytest
SHARED := -n auto --dist loadscope --no-loadscope-reorder
NONE = $(if $(ARGS),|| [ $$? = 5 ]) # where ARGS choose, there may be no test left
NBVAL := $(if $(LESSONS),--nbval --nbval-current-env --nbval-cell-timeout=300 notebooks)

.DEFAULT_GOAL := help
.PHONY: help lab enhance check test soak oldest audit style check-js coverage \
	coverage-js notebooks site slides assignment nbgrader lite tour constraints clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

lab: $(VENV)/installed ## open the first notebook in JupyterLab (ARGS="--no-browser --port 9999")
	@$(BIN)/python -m jupyter trust notebooks/*.ipynb >/dev/null  # or the stored sounds are mute
	$(BIN)/python -m jupyterlab --ServerApp.root_dir=notebooks \
		--LabApp.default_url=/lab/tree/00_quickstart.ipynb $(ARGS)

enhance: $(VENV)/installed ## run the experiment on the embedded corpus (ARGS="--nmf_mode NMF_g")
	$(BIN)/nmflab enhance $(ARGS)

check: style check-js ## the quick checks: style, types, layers, unit tests (ARGS are pytest's)
	$(PYTEST) tests -m "not slow and not browser" $(SHARED) $(ARGS)

test: style check-js ## all checks: also commands, notebooks, browser (ARGS are pytest's)
	$(PYTEST) $(NBVAL) tests -m "not alone" $(SHARED) $(ARGS) $(NONE)
	$(PYTEST) tests -m alone $(ARGS) $(NONE)

soak: $(VENV)/installed-test ## drawn inputs, kills, fuzzing, mutants, guests, at length (ARGS="--parts kills")
	$(BIN)/python tools/soak.py $(ARGS)

oldest: $(BIN)/python ## the unit tests on the oldest versions that pyproject.toml lets in (ARGS are pytest's)
	$(BIN)/python -m venv --clear $(VENV)/oldest
	$(VENV)/oldest/bin/python -m pip install --quiet uv
	VIRTUAL_ENV=$(VENV)/oldest $(VENV)/oldest/bin/uv pip install --quiet \
		--resolution lowest-direct -e ".[test]"
	$(subst $(BIN),$(VENV)/oldest/bin,$(PYTEST)) tests -m "not slow and not browser" $(SHARED) $(ARGS)

audit: $(BIN)/python ## look up the pinned versions in the data base of known weaknesses (needs a network)
	$(BIN)/python -m venv --clear $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet pip-audit
	$(VENV)/audit/bin/pip-audit --strict --no-deps --disable-pip -r constraints.txt $(ARGS)

style: $(VENV)/installed-test ## check style, types, spelling, layers (see .pre-commit-config.yaml)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/lint-imports --no-logo --no-cache

coverage: $(VENV)/installed-test ## say which lines and branches no test runs (ARGS are pytest's)
	$(PYTEST) $(NBVAL) tests -m "not alone" $(SHARED) --cov=nmflab \
		--cov-report=term-missing:skip-covered $(if $(ARGS),,--cov-fail-under=95) $(ARGS)

coverage-js: $(VENV)/installed-test ## say which JavaScript the browser tests don't run (ARGS are pytest's)
	counted=$$(mktemp -d) && trap "rm -rf '$$counted'" EXIT && \
		NMFLAB_JS_COVERAGE=$$counted $(PYTEST) tests -m "browser and not alone" $(SHARED) $(ARGS)

# Node is for these checks alone, so where it is missing they are skipped, but not in CI.
check-js: ## check the JavaScript: types, style, unit tests
	@if ! command -v node >/dev/null || ! command -v npm >/dev/null; then \
		why="they need Node and its npm"; \
	elif ! $(MAKE) --no-print-directory node_modules/installed; then \
		why="npm can't install what package.json names"; \
	fi; \
	if [ -n "$$why" ]; then \
		echo "The JavaScript checks are skipped: $$why."; \
		[ "$$NMFLAB_REQUIRE_NODE" != 1 ]; exit; \
	fi; \
	node_modules/.bin/tsc && node_modules/.bin/biome check --error-on-warnings && \
		node --test --test-reporter=spec tests/js/*.test.js

node_modules/installed: package.json
	@npm install --no-audit --no-fund --no-package-lock --silent
	@touch $@

notebooks: $(VENV)/installed-test ## run the notebooks and store them with outputs (ARGS="00 05")
	NMFLAB_CACHE=off OMP_NUM_THREADS=1 $(BIN)/python tools/store_notebooks.py $(ARGS)

site: $(VENV)/installed-site ## build the lessons as pages (REPOSITORY=https://… adds live buttons)
	$(BIN)/python tools/build_site.py $(if $(REPOSITORY),--repository $(REPOSITORY)) $(ARGS)

slides: $(VENV)/installed-site node_modules/installed ## build slides of the lessons, for a lecture without a network
	$(BIN)/python tools/build_slides.py $(ARGS)

assignment: $(VENV)/installed ## write the lessons' questions as assignments for nbgrader
	$(BIN)/python tools/build_assignment.py $(ARGS)

nbgrader: $(VENV)/nbgrader/installed ## install nbgrader, which grades assignments, into .venv/nbgrader

lite: $(VENV)/installed $(VENV)/lite/installed ## build the lessons to run without a server (PYODIDE=path: without a network)
	OMP_NUM_THREADS=1 $(BIN)/python tools/ship_dictionaries.py $(VENV)/dictionaries
	$(VENV)/lite/bin/python tools/build_lite.py --dictionaries $(VENV)/dictionaries $(ARGS)

tour: $(VENV)/installed-test ## draw the README's small pictures of the notebooks in docs/tour
	$(BIN)/python tools/tour.py

# A fresh environment, so that only what the project needs is pinned.
constraints: $(BIN)/python ## pin the newest versions of all dependencies in constraints.txt
	rm -rf $(VENV)/fresh
	$(BIN)/python -m venv $(VENV)/fresh
	$(VENV)/fresh/bin/python -m pip install --quiet --disable-pip-version-check -e ".[test,site,lite,teaching,pesq]"
	{ sed -n '/^#/p' constraints.txt; \
	  $(VENV)/fresh/bin/python -m pip freeze --exclude-editable --disable-pip-version-check \
	    | sed -n 's/^\([A-Za-z0-9._-]*==[0-9][A-Za-z0-9.]*\).*$$/\1/p' \
	    | tr 'A-Z_' 'a-z-' | LC_ALL=C sort; } > $(VENV)/constraints.txt
	mv $(VENV)/constraints.txt constraints.txt
	rm -rf $(VENV)/fresh

clean: ## remove .venv, caches and builds (never data or output)
	rm -rf $(VENV) node_modules dist site lite slides assignments .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "nmflab needs Python 3.11 or newer, and $(PYTHON) is not:" \
			"name one that is, as in  make lab PYTHON=python3.12"; exit 1; }
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) cannot create a virtual environment: install its venv module" \
			"(on Debian and Ubuntu: apt install python3-venv) and try again."; exit 1; }

$(VENV)/installed: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	@echo "Installing nmflab into $(VENV): some minutes, once ..."
	@$(PIP_INSTALL) -e .
	@touch $@

$(VENV)/installed-test: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	@echo "Installing nmflab and its test tools into $(VENV): some minutes, once ..."
	@$(PIP_INSTALL) -e ".[test]"
	@touch $(VENV)/installed $@

$(VENV)/installed-site: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	@echo "Installing nmflab and Sphinx into $(VENV): some minutes, once ..."
	@$(PIP_INSTALL) -e ".[site]"
	@touch $(VENV)/installed $@

# An environment of its own: JupyterLite's part for JupyterLab would trouble a JupyterLab beside it.
$(VENV)/lite/installed: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	@echo "Installing JupyterLite into $(VENV)/lite: a minute, once ..."
	@$(BIN)/python -m venv $(VENV)/lite
	@$(subst $(BIN),$(VENV)/lite/bin,$(PIP_INSTALL)) $(LITE)
	@touch $@

# An environment of its own, as its notebook application would trouble JupyterLab; it sees ours.
$(VENV)/nbgrader/installed: pyproject.toml $(CONSTRAINTS) | $(VENV)/installed
	@echo "Installing nbgrader into $(VENV)/nbgrader: half a minute, once ..."
	@$(BIN)/python -m venv $(VENV)/nbgrader
	@packages=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
		echo "import site; site.addsitedir('$$packages')" > \
		"$$($(VENV)/nbgrader/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/ours.pth"
	@$(subst $(BIN),$(VENV)/nbgrader/bin,$(PIP_INSTALL)) '$(GRADER)'
	@touch $@
