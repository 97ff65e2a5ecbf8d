# Every command a person needs. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

FUNCTIONS := $(notdir $(patsubst %/main.go,%,$(wildcard functions/*/main.go)))
GOARCH_TARGET ?= arm64
RACE := $(shell command -v $$(go env CC) >/dev/null 2>&1 && echo -race)
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 1

.PHONY: help test check build fmt

help: ## list these commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

test: node_modules/.package-lock.json ## set up and run all tests (with -race where there is a C compiler)
	@[ -n "$(RACE)" ] || echo "no C compiler: the tests run without the race detector"
	go test $(RACE) -shuffle=on ./...

check: node_modules/.package-lock.json ## what CI runs: formatting, vet, staticcheck, module file, tests
	@bad=$$(git ls-files '*.go' | xargs gofmt -l); [ -z "$$bad" ] || { echo "not formatted (gofmt): $$bad"; exit 1; }
	go mod tidy -diff
	go vet ./...
	go tool staticcheck ./...
	$(MAKE) test

build: ## build the functions for AWS into build/<goarch>/<function>/bootstrap
	@for f in $(FUNCTIONS); do echo "build/$(GOARCH_TARGET)/$$f"; \
	CGO_ENABLED=0 GOOS=linux GOARCH=$(GOARCH_TARGET) go build -buildvcs=false -trimpath -tags lambda.norpc -ldflags "-s -w" \
		-o build/$(GOARCH_TARGET)/$$f/bootstrap ./functions/$$f || exit 1; done

fmt: ## format the code
	@git ls-files '*.go' | xargs gofmt -w
