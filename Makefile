# ichreport: `make report` makes the whole report, `make test` checks everything.

PROFILE ?= demo
VENV    := .venv
BIN     := $(VENV)/bin
READY   := $(VENV)/.ready
TOOLS   := $(VENV)/.tools

# Where the jobs run: here, or on a cluster (docs/cluster.md).
RUN_ON ?= --cores all

# The first Python of 3.11 to 3.13 that really runs (a shim on the path may not).
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3 python; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$python && break; done)

export PATH := $(CURDIR)/$(BIN):$(PATH)

.DELETE_ON_ERROR:
.PHONY: help report test lint gpu-kernel lab clean lock bench

help:  ## list what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

report: $(READY)  ## make the report of PROFILE (demo, rsna, or another file in params/)
	@exec $(BIN)/ichreport report --with-parent 'params/$(PROFILE).yaml' -- $(RUN_ON)

test: lint  ## lint, types, layers and tests (TESTS="-m 'not slow'" for a fast part of them)
	$(BIN)/pytest -n 2 --dist loadscope $(TESTS)

lint: $(TOOLS)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/nbstripout --verify notebooks/*.ipynb

gpu-kernel: $(READY)  ## install the Jupyter kernel ichreport-gpu and check that a GPU computes in it
	$(BIN)/ichreport kernel install --backend $(or $(KERAS_BACKEND),tensorflow)
	$(BIN)/ichreport kernel check

bench: $(TOOLS)  ## measure speed beside what people use; figures go to benchmarks/results/
	$(BIN)/python benchmarks/run.py

lab: $(READY)  ## open JupyterLab in notebooks/, on this machine only
	$(BIN)/jupyter lab --ip=127.0.0.1 --notebook-dir=notebooks

# Only what we made: never a folder of data that somebody put there, never a key of pseudonyms.
clean:  ## remove synthetic heads, stores, features, reports, caches and .venv
	for made in data/*/*/.made-by-ichreport-phantom; do \
		if [ -e "$$made" ]; then rm -rf "$${made%/*}"; fi; done
	for manifest in data/*/store/manifest.json; do \
		if [ -e "$$manifest" ]; then rm -rf "$${manifest%/*}" "$${manifest%/store/*}/features" "$${manifest%/store/*}/trainings" \
		"$${manifest%/*}.parts"; fi; done
	find data -depth -type d -empty -delete 2>/dev/null || true
	find reports -mindepth 1 ! -name README.md -delete
	rm -rf $(VENV) .snakemake .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

lock: $(READY)  ## compile requirements.lock and requirements-dev.lock anew from pyproject.toml
	$(COMPILE) $(EXTRAS) -o requirements.lock
	$(COMPILE) $(EXTRAS) --extra dev --constraints requirements.lock -o requirements-dev.lock

EXTRAS := --extra setup --extra compressed --extra nifti --extra dicom --extra slurm --extra kubernetes
# One version of a package for all Pythons: what was tested on one is what the others get.
COMPILE = $(BIN)/uv pip compile pyproject.toml --universal --fork-strategy fewest --upgrade \
	--python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --quiet
INSTALLING := --quiet --compile-bytecode --python $(BIN)/python --require-hashes

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 to 3.13 found; install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	sed -n '/^uv==/,/^[^ ]/p' requirements.lock | sed '$$d' > $(VENV)/uv.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt
	$(BIN)/uv pip sync $(INSTALLING) requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

# What lint, tests and benchmarks need beside what a report needs; what else is there stays.
$(TOOLS): $(READY) requirements-dev.lock
	$(BIN)/uv pip install $(INSTALLING) -r requirements-dev.lock
	@touch $@
