# `make demo` and `make test` are all that a newcomer needs; both set up a virtual environment first.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
SERVER := $(VENV)/.installed-llm-test
# Skipped by `make test`, whose environment has neither PyTorch nor Optuna.
EXTRA_TESTS := tests/rates/test_frameworks.py tests/llm/test_trainer.py tests/docs/test_examples.py \
	tests/benchmarks/test_importance_benchmark.py

VERSION = $(shell git describe --always --dirty)

.PHONY: demo demo-llm test test-all fuzz lint bench bench-search bench-fidelity bench-honest bench-llm clean

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $(STAMP)

# A real server for language models: PyTorch and Transformers, a gigabyte. Only the long stories and demo-llm need it.
$(SERVER): $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev,llm-test]'
	touch $(SERVER)

demo: $(STAMP)            ## the main job on real data: digits, two workers, verdict and report
	$(BIN)/python examples/digits.py

demo-llm: $(SERVER)       ## a language model's dials: trains a tiny model, serves it, tunes it within a budget of calls
	$(BIN)/python examples/llm/demo.py

test: $(STAMP)            ## all tests but the long stories, under eight minutes on two cores
	$(BIN)/python -m pytest -n 2 -m 'not slow'

test-all: $(SERVER)       ## the long stories, pages in a real browser, and what needs PyTorch or Optuna
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[browser,bench]'
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && apt-get install -y -qq chromium >/dev/null; } \
		|| echo "no chromium: tests of pages in a browser will be skipped; apt install chromium"
	$(BIN)/python -m pytest -n 2 -m slow
	$(BIN)/python -m pytest -n 2 -m 'not slow' $(EXTRA_TESTS)

fuzz: $(STAMP)            ## properties on examples that no run had before, four times as many
	HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest -n 2 -m 'hypothesis and not slow'

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)           ## store and startup beside Optuna, in one run
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/store.py

bench-search: $(STAMP)    ## how good the search is, what noise, workers and long studies cost it; up to an hour
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(BIN)/python benchmarks/search.py --seeds 3 --jobs 2 --out build/search-runs.jsonl --tag "$(VERSION)"
	$(BIN)/python benchmarks/noise.py --peers optuna-tpe --jobs 2 --out build/noise-runs.jsonl --tag "$(VERSION)"
	$(BIN)/python benchmarks/parallel.py --jobs 2 --out build/parallel-runs.jsonl --tag "$(VERSION)"
	$(BIN)/python benchmarks/overhead.py --peers optuna-tpe --trials 10 100 1000 --dials 7

bench-fidelity: $(STAMP)  ## what cheap looks are worth, where early epochs mislead too; ten minutes
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(BIN)/python benchmarks/fidelity.py --jobs 2 --out build/fidelity-runs.jsonl --tag "$(VERSION)"

bench-honest: $(STAMP)    ## how honest the end of a study is: coverage, choices, racing, leaks, beside others; an hour on two cores
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(BIN)/python benchmarks/honest.py --only coverage,racing,leaks
	$(BIN)/python benchmarks/honest.py --only studies -- --jobs 2 --tag "$(VERSION)"
	$(BIN)/python benchmarks/honest.py --only beside -- --jobs 2 --tag "$(VERSION)"

bench-llm: $(STAMP)       ## language models: the tiny model's grid, verdicts, finding, racing, budgets, kills; half an hour, no server
	$(BIN)/python benchmarks/llm.py

clean:
	rm -rf $(VENV) build dist .hypothesis .mypy_cache .ruff_cache .import_linter_cache
