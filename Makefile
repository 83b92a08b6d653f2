# Two things a new user types: `make demo` and `make test`. Both set up what they need.
PYTHON ?= python3
CONSTRAINTS ?= constraints.txt
VENV := .venv
BIN := $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS)

.PHONY: demo demo-page test test-pythons stress fuzz lint types check docs dist release-notes gpu clean

demo: $(VENV)/.installed
	$(BIN)/gifnet demo --output demo

# The same street at camera rate in the browser, fused by lite, until Ctrl-C.
demo-page: $(VENV)/.installed
	$(BIN)/gifnet demo --output demo --page

# Processes of one thread each: threads of several would wait for each other. Three for two cores, since many tests
# wait for cameras and other processes. loadgroup hands out tests singly, in their order, and not in chunks.
test: $(VENV)/.test-tools
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadgroup --cov --cov-report=
	@echo "lines covered: $$($(BIN)/coverage report --format=total) %"

# The tests with every Python that is supported; says which are not here.
test-pythons:
	@for version in 3.11 3.12 3.13; do \
	  if python$$version -c '' 2> /dev/null; then \
	    $(MAKE) PYTHON=python$$version VENV=.venv-$$version test || exit 1; \
	  else \
	    echo "Python $$version: not on this machine, not tested"; \
	  fi; \
	done

# The end-to-end tests beside two busy loops: finds waits that only a fast and idle machine keeps.
stress: $(VENV)/.test-tools
	@$(BIN)/python -c 'while True: pass' & one=$$!; $(BIN)/python -c 'while True: pass' & two=$$!; \
	  trap "kill $$one $$two" EXIT; trap 'exit 130' INT TERM; \
	  OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/e2e

# Every reader with damaged and hostile input for ten minutes in all; `make fuzz MINUTES=60` for an hour.
MINUTES ?= 10
fuzz: $(VENV)/.test-tools
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz --minutes $(MINUTES)

lint: $(VENV)/.test-tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test-tools
	$(BIN)/mypy

check: lint types test

# The documentation as a site in build/site; a broken link or an undocumented name is an error.
docs: $(VENV)/.docs-tools
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "documentation: build/site/index.html"

# Wheel and source archive in dist/.
dist: $(VENV)/.test-tools
	$(BIN)/python -m build --outdir dist

# The notes of a release, from CHANGELOG.md: of the newest tag, or make release-notes VERSION=0.2.0.
VERSION ?= $(patsubst v%,%,$(shell git describe --tags --abbrev=0 2> /dev/null))
release-notes:
	@awk -v version="$(or $(VERSION),Unreleased)" '/^## / { on = index($$0, version) } on' CHANGELOG.md | grep . || \
	  { echo "CHANGELOG.md has no section $(VERSION)" >&2; exit 1; }

# Everything that needs a GPU, for a machine that has one with torch and CuPy for it: checks, then figures. A step
# that fails does not keep the next from running; see benchmarks/gpu/steps.py.
gpu:
	$(PYTHON) -m benchmarks.gpu --device cuda

$(VENV)/.installed: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	touch $@

$(VENV)/.test-tools: $(VENV)/.installed
	$(PIP) --editable '.[test]'
	touch $@

$(VENV)/.docs-tools: $(VENV)/.installed
	$(PIP) --editable '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
