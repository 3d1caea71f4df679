# `make` alone prints what it can do.
PYTHON ?= python3
BIN := $(if $(filter Windows_NT,$(OS)),.venv/Scripts,.venv/bin)
READY := .venv/.ready
# A process more than there are cores: one that waits for kernels uses none.
JOBS ?= $(shell $(PYTHON) -c "import os; print(1 + (os.cpu_count() or 1))")
PYTEST = $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder
CONSTRAINTS ?= constraints.txt
# Tests start many processes: with this set, each of them would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE
LAB ?= lab3_word2vec_autoencoder
# What runs on a student's own machine, whatever its system: no engine, no gradebook.
STUDENT_TESTS := $(addprefix tests/,answers cells compat data session utils labs/test_alt_text.py \
	labs/test_released.py)
# What a GPU can change.
GPU_TESTS := $(addprefix tests/,answers data session utils)

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-term demo-service test test-fast test-all test-student test-gpu test-colab mutants lint bench scaling build check site release collect grade report clean

help:  ## Print this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(READY)  ## Make .venv with all that the kit needs (done once)

$(READY): pyproject.toml $(CONSTRAINTS)
	@echo "Setting up .venv: a few minutes the first time."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -c $(CONSTRAINTS) -e '.[dev]'
	@sh .ci/bubblewrap
	@touch $(READY)

demo: setup  ## Build, release, collect, grade and report on an example class
	$(BIN)/python -m tests.demo

demo-term: setup  ## Give a whole term to a made-up class of 60: LMSs, deadlines, pages, archive
	$(BIN)/python -m tests.demo_term

demo-service: setup  ## Hand in from three notebooks to the service, kill a worker, read the marks
	$(BIN)/python -m tests.demo_service

test: setup  ## Run the tests
	$(PYTEST) -m "not heavy"

# One process a core, as none waits for kernels.
test-fast: JOBS = logical
test-fast: setup  ## Run what is quick, without labs, engine and service
	$(PYTEST) -m "not heavy and not kernels and not slow" $(addprefix --ignore=tests/,labs engine service marking)

test-all: setup  ## Run the tests, the heavy ones included
	$(PYTEST)

test-student: setup  ## Run the tests of the student's side, which macOS and Windows run, too
	$(PYTEST) -m "not heavy" $(STUDENT_TESTS)

test-gpu: setup  ## Run what a CUDA GPU can: the pure tests, then lab 4 beside the textbook
	$(PYTEST) $(GPU_TESTS)
	$(BIN)/python -m benchmarks gpu

test-colab: setup  ## Run the student notebooks as Colab does: make test-colab [LABS=lab1_mlp] [PYTHON=...] [PINS=...]
	$(BIN)/python -m tests.colab $(LABS) \
		$(if $(filter command line environment,$(origin PYTHON)),--python $(PYTHON)) \
		$(if $(PINS),--pins $(PINS))

mutants: setup  ## Measure what the checks of a lab, or of all, refuse: make mutants [LAB=lab1_mlp]
	$(BIN)/python -m grading mutants $(if $(filter command line environment,$(origin LAB)),$(LAB)) \
		--json benchmarks/mutants.json

lint: setup  ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What follows `bench` names benchmarks, and is nothing to be made.
ifeq (bench,$(firstword $(MAKECMDGOALS)))
BENCHMARKS := $(wordlist 2,$(words $(MAKECMDGOALS)),$(MAKECMDGOALS))
$(eval $(BENCHMARKS):;@:)
endif

bench: setup  ## Measure the benchmarks, each beside its baseline: make bench [marking]
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[bench]'
	$(BIN)/python -m benchmarks $(BENCHMARKS)

scaling: setup  ## Simulate a class, a faculty and a MOOC from what was measured: make scaling [PRICE=0.05]
	$(BIN)/python -m benchmarks.scaling $(if $(PRICE),--price $(PRICE))

build: setup  ## Build the student notebooks and keys from their sources
	$(BIN)/python -m grading build

check: setup  ## Check that what is built matches its sources
	$(BIN)/python -m grading build --check

site: setup  ## Build the course's site: make site; with rubrics, for instructors: make site PRIVATE=1
	$(BIN)/python -m docs.site $(if $(PRIVATE),--private)

release: setup  ## Release LAB to students: make release LAB=lab3_word2vec_autoencoder
	$(BIN)/python -m grading release $(LAB)

collect: setup  ## Collect hand-ins: make collect LAB=... FROM=zip HANDIN=path
	$(BIN)/python -m grading collect $(LAB) $(HANDIN) --from $(or $(FROM),folder)

grade: setup  ## Grade LAB's collected submissions
	$(BIN)/python -m grading grade $(LAB)

report: setup  ## Print LAB's marks and write the report page
	$(BIN)/python -m grading report $(LAB)

clean:  ## Remove caches and the demos, never course/ or .venv
	rm -rf demo demo-term demo-service build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
