PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" --quiet --upgrade
.PHONY: help setup mic whisper telephony demo serve test test-full test-live conformance attack faults soak abuse resume rooms bench bench-quick check format docs lock clean
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-12s %s\n", $$1, $$2}'
setup: .venv/.ready ## Make .venv from the lock
.venv/.ready: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: expected Python 3.11 or newer as $(PYTHON); name another: make PYTHON=python3.12 ..."; exit 2; }
	@echo "installing into .venv: a minute or two, once" && $(PYTHON) -m venv .venv && $(INSTALL) -r requirements.lock && touch $@
mic: ## Add what interpret --mic needs
whisper: ## Add what WHISPER_MODEL needs
telephony: ## Add what calls by telephone need
mic whisper telephony: setup
	$(INSTALL) -r requirements-$@.lock
demo: setup ## Interpret three speech samples without a key; leaves speech and transcripts in out/
	$(BIN)/python server.py demo
serve: setup ## Serve, with the settings of .env
	$(BIN)/python server.py
test: setup ## Run the tests, the slow ones aside
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile -m "not slow and not live"
test-full: setup ## Run the slow tests, too
	$(BIN)/python -m pytest -m "not live"
test-live: setup ## Ask Google itself, with GEMINI_API_KEY; costs a few cents
	$(BIN)/python -m pytest -m live tests/contract
conformance: setup ## Try the protocol's rules on a running server: make conformance URL=ws://...
	$(BIN)/python -m tests.conformance --url $(or $(URL),ws://localhost:8000/ws)
attack: setup ## Send a server 100,000 hostile messages, and fuzz the pure parts for 20 minutes
	$(BIN)/python -m tests.hostile && for target in wire pcm events turns; do $(BIN)/python -m tests.fuzz $$target --seconds 300 || exit 1; done
faults: ## The loss audit: every fault of the upstream, at every moment, once to three times
soak: ## Let 20 sessions talk for half an hour, with faults and lost connections
abuse: ## Measure what clients that do not read, flood or never begin do to the others
rooms: ## Let people talk in ten rooms at once for two minutes, and check every turn
resume: ## Lose 1,000 connections of clients, and audit every message and sample
bench: ## Compare the cost of a session with a bare relay's and stock pipecat's: 25 minutes
bench-quick: ## The same with few sessions, in two minutes
faults soak abuse resume rooms bench bench-quick: setup
	$(BIN)/python -m $(if $(filter bench%,$@),benchmarks $(if $(filter bench,$@),full,quick),tests.$@)
check: setup ## Format, lint, strict types, tests
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/python -m pytest --numprocesses 3 --dist loadfile -m "not slow and not live"
format: setup ## Format the code
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .
docs: setup ; $(BIN)/python -m reference ## Write the documents that are made from the models
lock: setup ## Pin the newest versions that pyproject.toml allows
	$(LOCK) pyproject.toml --group dev -o requirements.lock
	for group in mic whisper telephony; do $(LOCK) --group $$group --constraint requirements.lock -o requirements-$$group.lock || exit; done
clean: ## Remove what was made here
	rm -rf .venv out .pytest_cache .mypy_cache .ruff_cache .hypothesis
