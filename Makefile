# The front door: every verb a person or CI needs. Each recipe is one line over a tool.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
PORT ?= 8400
EXAMPLE ?= rheintal-order-system
K ?=
export THROUGHLINE_PORT := $(PORT)

.PHONY: help setup demo up down logs ps doctor test test-real check lint fmt types boundaries contracts contracts-update lock clean

help: ## Show the verbs
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: ## Install everything into .venv; nothing to do where it is up to date
	@scripts/setup.sh

demo: setup ## Start everything, play one engagement end to end, show what came of it (EXAMPLE=, PORT=, KEEP=1)
	@$(BIN)/throughline demo $(EXAMPLE) $(if $(KEEP),--keep)

up: setup ## Start the local stack and leave it running (PORT=, KEEP=1)
	@$(BIN)/throughline up --detach $(if $(KEEP),--keep)

down: ## Stop the local stack
	@$(BIN)/throughline down

logs: ## Follow the logs of the local stack (S=intake for one service)
	@$(BIN)/throughline logs --follow $(S)

ps: ## Show what is running and whether it is healthy
	@$(BIN)/throughline ps

doctor: setup ## Check what a local stack needs from this machine
	@$(BIN)/throughline doctor

test: setup ## Everything that needs no server of yours (K=tests/unit/design for some)
	@$(BIN)/pytest $(K)

test-real: setup ## The suites on Apache Kafka: one broker, then three (needs Java and Maven)
	@scripts/test-real.sh $(K)

check: lint types boundaries contracts test ## All of it, as CI runs it

lint: setup ## Style and likely mistakes
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

fmt: setup ## Format, and mend what can be mended
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

types: setup ## Types, strictly
	@$(BIN)/mypy schemas/src libs/*/src services/*/src

boundaries: setup ## Who may import whom
	@$(BIN)/lint-imports

contracts: setup ## Schemas, examples, SDL and generated documents are unchanged or acknowledged
	@$(BIN)/python -m schemas.contracts check && $(BIN)/pytest tests/contract

contracts-update: setup ## Write the generated contracts anew, for review
	@$(BIN)/python -m schemas.contracts update && $(BIN)/python -m gateway.sdl > services/gateway/schema.graphql && $(BIN)/python scripts/generate_reference.py

lock: ## Resolve the dependencies anew into requirements.lock
	@scripts/lock.sh --upgrade

clean: ## Remove everything that was made here, the environment included
	@rm -rf .run .venv .venv-boot .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
