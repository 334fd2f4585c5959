# Every target is an alias for commands that are in the README too.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

export CGO_ENABLED ?= 0
BIN     := bin
LDFLAGS := -s -w
SERVER  := internal/devserver/server
# The names of the Go files that we format and read.
GOFILES  = $(shell git ls-files '*.go')

.PHONY: help demo dev build programs server temporal nomad tools test test-nomad test-gateway check fmt lint bench bench-crawl server-postgres soak chaos record screenshots golden clean
.PHONY: test-docker images compose-up compose-down

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: programs ## build what is missing and play the six acts; URL=https://… crawls that site, ARGS=--exit ends
	$(BIN)/crawlfleet demo $(if $(URL),--url '$(URL)') $(ARGS)

dev: programs server ## the embedded fleet in the foreground
	$(BIN)/crawlfleet dev $(ARGS)

build: programs server ## all three programs

programs: ## crawlfleet and crawlfleet-crawler, about a minute cold
	@mkdir -p $(BIN)
	go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/ ./starter/crawlfleet ./workers/crawlfleet-crawler

server: ## crawlfleet-server with Temporal inside, five minutes cold, once
	@mkdir -p $(BIN)
	go build -C $(SERVER) -trimpath -tags release -ldflags '$(LDFLAGS)' -o $(CURDIR)/$(BIN)/crawlfleet-server .

temporal: ## the stock Temporal CLI, some minutes cold, once
	@mkdir -p $(BIN)
	go build -C tools/temporal -trimpath -ldflags '$(LDFLAGS) -X github.com/temporalio/cli/temporalcli.Version=1.5.1' \
		-o $(CURDIR)/$(BIN)/temporal github.com/temporalio/cli/cmd/temporal

nomad: ## the real Nomad for the tests and the demo, some minutes cold, once
	@mkdir -p $(BIN)
	go build -C tools/nomad -trimpath -ldflags '$(LDFLAGS)' -o $(CURDIR)/$(BIN)/nomad github.com/hashicorp/nomad

tools: ## formatter and linters
	@mkdir -p $(BIN)
	go build -C tools -trimpath -ldflags '$(LDFLAGS)' -o $(CURDIR)/$(BIN)/ tool

test: build temporal nomad ## all tests
	go test -timeout 20m ./...
	go test -C $(SERVER) -trimpath -tags release -timeout 10m ./...

test-nomad: build nomad ## crawlers on a real Nomad
	go test -timeout 20m ./providers/nomad ./internal/nomadagent
	go test -timeout 10m -run Nomad ./starter/crawlfleet ./internal/e2e

test-docker: build ## crawlers, images and a whole fleet on the Docker engine
	go test -timeout 20m ./providers/docker ./internal/image
	go test -timeout 10m -run OnDocker ./starter/crawlfleet
	go test -timeout 15m -run Compose ./internal/e2e

check: tools lint test ## what CI runs

test-gateway: build temporal ## the gateway: rules, seals, limits, a thief, restarts; part of test
	go test -timeout 5m ./internal/gateway ./internal/credential ./internal/dataplane ./crawler/remote
	go test -timeout 10m -run 'TestGateway_' ./internal/e2e

lint: tools ## formatting, vet, staticcheck, determinism of workflows, other platforms
	@out=$$($(BIN)/gofumpt -l $(GOFILES)); [ -z "$$out" ] || { echo "not formatted (make fmt):"; echo "$$out"; exit 1; }
	go vet ./...
	$(BIN)/staticcheck ./...
	$(BIN)/workflowcheck ./workflows/...
	GOOS=darwin go build -o /dev/null ./...

images: build ## container images of the three programs, FROM scratch; TAG=dev, ARGS='-save dir' for files
	go run ./internal/image/build -bin $(BIN) -tag $(or $(TAG),dev) $(ARGS)

COMPOSE = $(if $(shell docker compose version 2>/dev/null),docker compose,docker-compose)
DOCKER_SOCKET ?= /var/run/docker.sock
export DOCKER_SOCKET

compose-up: images ## a whole fleet as containers on this host: docker-compose.yml
	DOCKER_GID=$$(stat -c %g $(DOCKER_SOCKET)) $(COMPOSE) up -d

compose-down: ## end it and its crawlers; its volumes stay, ARGS=-v removes them
	docker ps -aq --filter label=crawlfleet.network=$${CRAWLFLEET_NAME:-crawlfleet}-crawlers | xargs -r docker rm -f
	DOCKER_GID=0 $(COMPOSE) down $(ARGS)

fmt: tools ## format
	$(BIN)/gofumpt -w $(GOFILES)

server-postgres: ## for the benchmark only: crawlfleet-server with Temporal's PostgreSQL driver
	@mkdir -p $(BIN)
	go build -C $(SERVER) -trimpath -tags release,postgres -ldflags '$(LDFLAGS)' -o $(CURDIR)/$(BIN)/crawlfleet-server-postgres .

bench: build temporal server-postgres ## ratios taken side by side in one run; ARGS='-only warm,cold' for parts
	go run ./internal/e2e/bench -bin $(BIN) $(ARGS)

bench-crawl: ## the crawl engine beside net/http, Colly and wget; ARGS='-only polite' for parts
	go run ./internal/e2e/crawlbench $(ARGS)

soak: build ## 20,000 tickets of 50 tenants: what grows
	go run ./internal/e2e/bench -bin $(BIN) -only soak -soak 20000 $(ARGS)

chaos: build ## kill parts of a loaded fleet at random; SEED=n repeats a run, MINUTES=m (10)
	go run ./internal/e2e/chaos -bin $(BIN) -seed $(or $(SEED),0) -minutes $(or $(MINUTES),10)

record: build ## record the histories that the replay tests read
	go run ./internal/record

screenshots: build temporal ## take the pictures of the docs; look at them
	go run ./internal/screenshots $(ARGS)

golden: ## rewrite the golden files; read the difference like code
	go test ./fleet ./starter/... ./internal/web -update

clean: ## remove what was built
	rm -rf $(BIN)
