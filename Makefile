# The front door: every verb a person or CI needs. Each recipe is one line over a tool.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
PORT ?= 8400
EXAMPLE ?= rheintal-order-system
K ?=
KAFKA ?=
JAEGER ?=
SERVERS := $(if $(filter apache,$(KAFKA)),apache-kafka) $(if $(JAEGER),jaeger)
STACK = $(if $(KEEP),--keep) $(if $(KAFKA),--kafka $(KAFKA)) $(if $(JAEGER),--jaeger)
export THROUGHLINE_PORT := $(PORT)

# Every verb with a description, so that a folder of the same name never hides it.
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*\#\# .*/\1/p' $(firstword $(MAKEFILE_LIST)))

help: ## Show the verbs
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: ## Install everything into .venv; nothing to do where it is up to date
	@scripts/setup.sh

demo: setup $(SERVERS) ## Start everything, play one engagement end to end, show what came of it (EXAMPLE=, PORT=, KEEP=1, KAFKA=apache, JAEGER=1)
	@$(BIN)/throughline demo $(EXAMPLE) $(STACK)

up: setup $(SERVERS) ## Start the local stack and leave it running (PORT=, KEEP=1, JAEGER=1; KAFKA=apache keeps everything)
	@$(BIN)/throughline up --detach $(STACK)

apache-kafka: setup ## Put Apache Kafka into .tools, for KAFKA=apache (needs Java and Maven)
	@scripts/kafka.sh

jaeger: setup ## Build Jaeger into .tools, for JAEGER=1 (needs Go; some minutes, once)
	@scripts/jaeger.sh

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

simulate: setup ## Many simulated histories of the backbone (HISTORIES=20000, SEED= where to begin)
	@HISTORIES=$(or $(HISTORIES),2000) SEED=$(or $(SEED),0) $(BIN)/pytest tests/simulation/test_promises.py

test-real: setup ## The suites on other servers: Apache Kafka, mongo-java-server, Jaeger (needs a JDK, Maven and Go)
	@scripts/test-real.sh $(K)

check: lint types boundaries contracts alerts-check deploy-check test ## All of it, as CI runs it

lint: setup ## Style and likely mistakes
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

bench: setup ## Measure against named floors, in one run each (N="hop flow" for some, QUICK=1 to see that they run)
	@$(BIN)/python tests/benchmarks $(N) $(if $(QUICK),--quick --into .run/benchmarks) $(if $(QUICK),,&& $(BIN)/python tests/benchmarks/pages.py)

bench-check: setup ## Say which figure of docs/benchmarks misses what it has to reach
	@$(BIN)/python tests/benchmarks/check.py

fmt: setup ## Format, and mend what can be mended
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format . ; $(BIN)/python scripts/line_references.py --write

types: setup ## Types, strictly
	@$(BIN)/mypy schemas/src libs/*/src services/*/src

boundaries: setup ## Who may import whom
	@$(BIN)/lint-imports

contracts: setup ## Schemas, examples, SDL and generated documents are unchanged or acknowledged
	@$(BIN)/python -m schemas.contracts check && $(BIN)/pytest tests/contract

alerts-check: setup ## Alert rules, their tests and the dashboard's expressions, held against promtool
	@$(BIN)/python scripts/check_alerts.py

contracts-update: setup ## Write the generated contracts anew, for review
	@$(BIN)/python -m schemas.contracts update && $(BIN)/python -m gateway.sdl > services/gateway/schema.graphql && $(BIN)/python scripts/generate_reference.py && $(BIN)/python scripts/mongodb_page.py

deploy-check: setup ## Images, Compose and Kubernetes files as they would be applied (needs Go and Node)
	@scripts/deploy_tools.sh && $(BIN)/python deploy/check.py

lock: ## Resolve the dependencies anew into requirements.lock
	@scripts/lock.sh --upgrade

faults: setup $(SERVERS) ## A seeded load while everything is killed and stopped, then judged (SEED=1, SCALE=short|long, KAFKA=apache, BROKERS=3)
	@$(BIN)/python -m testkit.faults --seed $(or $(SEED),1) --scale $(or $(SCALE),short) --brokers $(if $(SERVERS),$(or $(BROKERS),3),0)

faults-prove: setup ## Seeded bugs, each in a run of its own, and which promise shows it (BUG=offsets-first for one)
	@$(BIN)/python -m testkit.faults.proofs $(BUG)

clean: ## Remove everything that was made here, the environment included
	@rm -rf .run .venv .venv-boot .tools .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
