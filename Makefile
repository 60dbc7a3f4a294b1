# The two commands of the README are `make run` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Outside the hashed lock: its CPU build has another hash on every platform, its default build brings gigabytes of CUDA.
TORCH := torch==2.13.0
CPU_INDEX := https://download.pytorch.org/whl/cpu
CATALOGUES := $(wildcard hub/web/translations/*/LC_MESSAGES/messages.po)
COMPILED := $(CATALOGUES:.po=.mo)
PORT ?= 8000

.DEFAULT_GOAL := help
.PHONY: help setup run test check format reindex relevance lock messages clean

help: ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /\1\t/' | expand -t 12

setup: $(VENV)/.installed $(COMPILED) ## Create the virtual environment and install everything, the CPU build of torch included

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes --no-deps -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --retries 0 --timeout 10 --index-url $(CPU_INDEX) $(TORCH) \
		|| $(BIN)/pip install --quiet --no-deps $(TORCH)
	$(BIN)/pip install --quiet --no-deps --editable .
	touch $@

%.mo: %.po | $(VENV)/.installed
	$(BIN)/pybabel --quiet compile --input-file $< --output-file $@ --locale $(notdir $(patsubst %/LC_MESSAGES/,%,$(dir $<)))

run: setup ## Set up what is missing (database, corpus, model, index, demo accounts) and serve on 127.0.0.1:8000
	$(BIN)/hub init --demo
	$(BIN)/hub serve --port $(PORT)

test: setup ## Run the whole test suite
	$(BIN)/pytest --numprocesses auto --dist loadfile

check: setup ## What a commit must pass: format, lint, types, the fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/pytest -q -m "not slow and not browser and not model and not elasticsearch and not postgres"

format: setup ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

reindex: setup ## Build the search index anew from the database
	$(BIN)/python -m indexer rebuild

relevance: setup ## Judge search and matching by the judgements of corpus/ (and EVAL=FOLDER of BEIR-style folders)
	$(BIN)/hub eval hub corpus/judgements/queries_dev.jsonl
	$(BIN)/hub eval match corpus/judgements/requests_dev.jsonl
	$(if $(EVAL),for folder in $(EVAL)/*/; do $(BIN)/hub eval search $$folder || exit 1; done)

lock: ## Renew requirements.lock from pyproject.toml (needs uv)
	printf 'torch ; sys_platform == "never"\n' > .lock-override
	uv pip compile pyproject.toml --quiet --extra dev --extra torch-needs --universal --python-version 3.11 \
		--generate-hashes --override .lock-override --no-emit-package torch --no-emit-index-url --no-annotate \
		--custom-compile-command 'make lock' --output-file requirements.lock
	rm .lock-override

messages: setup ## Collect the words of pages into the translation catalogues
	mkdir -p build
	$(BIN)/pybabel --quiet extract -F babel.cfg -k lazy_gettext --no-location --omit-header -o build/messages.pot .
	$(BIN)/pybabel --quiet update -i build/messages.pot -d hub/web/translations --no-fuzzy-matching --ignore-pot-creation-date

clean: ## Remove the virtual environment and everything built; keeps var/
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .hypothesis
	rm -f $(COMPILED)
