# `make` lists what there is. The two that matter: `make demo` and `make test`.

# The Python that setup starts from; it needs nothing installed but itself.
PYTHON ?= python3
BIN := .venv/bin
# Options for the command behind demo and run: make demo ARGS="--port 8600"
ARGS ?=
# The stack that up, down and config are about.
STACK ?= dev

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo up down config test test-fast lint bench components lock clean distclean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

setup: ## install everything that running needs (once; needs the network)
	@$(PYTHON) -m infra.bootstrap

setup-dev: ## the same, and what tests and checks need
	@$(PYTHON) -m infra.bootstrap --dev

demo: setup ## start everything and show live trades at http://127.0.0.1:8501
	@exec $(BIN)/tapehouse demo $(ARGS)

up: setup ## provision everything in containers (needs Docker and the Pulumi command)
	@exec $(BIN)/python -m infra.provision up --stack $(STACK) $(ARGS)

down: setup ## take it all away again
	@exec $(BIN)/python -m infra.provision down --stack $(STACK) $(ARGS)

config: setup ## what `pulumi config` does: make config ARGS="set workers 2" && make up
	@exec $(BIN)/python -m infra.provision config --stack $(STACK) $(ARGS)

test: setup-dev ## every test that this machine can run
	@$(BIN)/pytest -m "not screen" $(ARGS)

test-fast: setup-dev ## only those that start no server, no browser and no container
	@$(BIN)/pytest -m "not integration and not browser and not stack" -n auto --dist loadfile $(ARGS)

lint: setup-dev ## format, style, types and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup-dev ## measure speed, freshness and memory; takes more than two hours
	@$(BIN)/python -m tests.bench $(ARGS)

components: ## build the page's components anew (needs Node; the built files are in the repository)
	cd serving/components && npm ci && npm run build

lock: setup-dev ## resolve packages and jars anew
	uv lock
	$(BIN)/python -m infra.jars --lock

clean: ## remove the data of the demo
	@if [ -e .tapehouse/lock ] && ! flock -n .tapehouse/lock true; then \
		echo "The demo still runs: stop it with Ctrl-C first."; exit 1; fi
	rm -rf .tapehouse

distclean: clean ## remove what setup installed, too
	rm -rf .venv .jars .tools
