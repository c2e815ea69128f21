# The JIT Portal: `make run` for the demo, `make test` for the tests. Python 3.11 with venv is all that must be there.

# Debian's own first: one that somebody has built beside it is often not optimised, and a quarter slower.
PYTHON ?= $(shell /usr/bin/python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo /usr/bin/python3 || echo python3)
PORT ?= 8800
DATA ?= data
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# Wherever it is set: each of the tests' processes would read and rewrite all sources anew, seconds at a time.
unexport PYTHONDONTWRITEBYTECODE

ASSETS := static/dist/manifest.json
ASSET_SOURCES := package-lock.json $(shell find static templates -name 'dist*' -prune -o -type f -print)
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard jit_portal/translations/*/LC_MESSAGES/*.po))

.PHONY: run disk-image verify-ledger break-glass test check format set-up wheel lock messages
.DELETE_ON_ERROR:

run: set-up ## start the whole portal on this machine: PORT=8800 DATA=data
	@exec $(BIN)/python -m jit_portal.demo --port $(PORT) --data "$(DATA)"

disk-image: $(VENV)/.installed ## send the case's disk image of 256 MiB into the running demo: it takes about a minute
	@$(BIN)/python -m jit_portal.demo.case disk-image --port $(PORT) --data "$(DATA)"

verify-ledger: $(VENV)/.installed ## compute every seal of the running demo's record again
	@$(BIN)/python -m jit_portal.demo --port $(PORT) --data "$(DATA)" -- verify-ledger $(if $(HEADS),--heads "$(HEADS)")

break-glass: $(VENV)/.installed ## the running demo's break-glass accounts, where it runs with JIT_BREAK_GLASS=1: ARGS="make NAME"
	@$(BIN)/python -m jit_portal.demo --port $(PORT) --data "$(DATA)" -- break-glass $(or $(ARGS),list)

test: set-up ## every test: ARGS="-k name" for some
	@sh .ci/browser
	@sh .ci/saml
	$(BIN)/python -m pytest --numprocesses=3 --no-loadscope-reorder $(ARGS)

check: set-up ## what must hold besides the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: set-up
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: set-up ## a wheel that carries the assets, the templates, the migrations and the catalogues
	rm -rf dist
	$(BIN)/python -m hatchling build --target wheel

set-up: $(VENV)/.installed $(ASSETS) $(CATALOGUES)

$(VENV)/.installed: requirements.lock
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed.")' \
		|| { echo 'Set PYTHON= to a Python 3.11 or newer with venv (on Debian: python3-venv).'; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
		--requirement requirements.lock
	@touch $@

# npm and its scripts find the Node of the virtual environment first, and the caller's environment (proxies, certificates).
node_modules/.installed: package-lock.json package.json .npmrc $(VENV)/.installed
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(ASSETS): $(ASSET_SOURCES) node_modules/.installed
	$(BIN)/node static/build.mjs
	@touch $@

%.mo: %.po $(VENV)/.installed
	$(BIN)/pybabel --quiet compile --input-file=$< --output-file=$@

lock: ## choose versions anew, within what pyproject.toml allows: ARGS=--upgrade
	$(BIN)/uv pip compile pyproject.toml --extra demo --extra saml --group dev --python-version 3.11 --universal --generate-hashes \
		--no-emit-index-url --no-header --no-annotate --quiet $(ARGS) --output-file requirements.lock
	$(BIN)/npm install --package-lock-only --ignore-scripts

messages: $(VENV)/.installed ## gather every text that people see into the catalogues
	$(BIN)/pybabel --quiet extract --mapping-file=deploy/babel.cfg --keywords=lazy_gettext --sort-by-file --no-location \
		--omit-header --output-file=jit_portal/translations/messages.pot .
	$(BIN)/pybabel --quiet update --no-fuzzy-matching --input-file=jit_portal/translations/messages.pot \
		--output-dir=jit_portal/translations
