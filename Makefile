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

.PHONY: help demo dev build programs server temporal tools test check fmt lint bench soak chaos record screenshots golden clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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

tools: ## formatter and linters
	@mkdir -p $(BIN)
	go build -C tools -trimpath -ldflags '$(LDFLAGS)' -o $(CURDIR)/$(BIN)/ tool

test: build temporal ## all tests
	go test -timeout 20m ./...
	go test -C $(SERVER) -trimpath -tags release -timeout 10m ./...

check: tools lint test ## what CI runs

lint: tools ## formatting, vet, staticcheck, determinism of workflows, other platforms
	@out=$$($(BIN)/gofumpt -l $(GOFILES)); [ -z "$$out" ] || { echo "not formatted (make fmt):"; echo "$$out"; exit 1; }
	go vet ./...
	$(BIN)/staticcheck ./...
	$(BIN)/workflowcheck ./workflows/...
	GOOS=darwin go build -o /dev/null ./...

fmt: tools ## format
	$(BIN)/gofumpt -w $(GOFILES)

bench: build temporal ## ratios taken side by side in one run; ARGS='-only warm,cold' for parts
	go run ./internal/e2e/bench -bin $(BIN) $(ARGS)

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
