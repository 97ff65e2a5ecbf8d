# Every command a person needs. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

FUNCTIONS := $(notdir $(patsubst %/main.go,%,$(wildcard functions/*/main.go)))
PROVIDERS := discord github gitlab jira mantisbt slack teams
GOARCH_TARGET ?= arm64
RACE := $(shell command -v $$(go env CC) >/dev/null 2>&1 && echo -race)
# jsii takes the major versions whose warning is not wanted.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20
export JSII_DEPRECATED := quiet

DIR ?= .local
USER_NAME = $(if $(filter command line,$(origin USER)),$(USER),owner)

# The race detector makes garbage collection dear: the heap of a test may grow
# to five times what is in use.
TEST_GOGC ?= 400
# What check adds: it has run go vet, so that go test need not.
TEST_FLAGS ?=

# What test runs: all packages, or PKG=./shared/store; all tests, or RUN=Name.
PKG ?= ./...
RUN ?=

SIZES ?= 1000,10000,100000

.PHONY: help run test check e2e bench build synth deploy token cli env invoke watch load event replay import live snapshot golden landed shape module fmt

help: ## list these commands
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

run: node_modules/.package-lock.json ## start the whole service on this machine (DIR=… MINUTE=… for another state folder or pace, FAULTS='github=rate_limited:times=3' for trouble: docs/faults.md)
	@go build -o build/local ./local/cmd/local && exec build/local run -dir $(DIR) $(if $(MINUTE),-minute $(MINUTE)) $(foreach f,$(FAULTS),-fault '$(f)') $(ARGS)

token: ## print a token: make -s token USER=manager [AUD=… EXPIRES=-1m]
	@go run ./local/cmd/local token -dir $(DIR) -user $(USER_NAME) $(if $(AUD),-audience $(AUD)) $(if $(EXPIRES),-expires $(EXPIRES))

cli: ## build the API's command line into build/integrations
	@go build -trimpath -o build/integrations ./client/cmd/integrations

env: ## print what build/integrations needs: eval "$(make -s env)" [USER=manager]
	@go run ./local/cmd/local env -dir $(DIR) -user $(USER_NAME)

invoke: ## call a function of the running service: make invoke FN=get EVENT=events/get.json
	@go run ./local/cmd/local invoke -dir $(DIR) -function $(FN) -event $(EVENT)

watch: ## follow a sync: make watch INTEGRATION=github [SYNC=id] (exit codes: build/local watch -h)
	@go build -o build/local ./local/cmd/local && build/local watch -dir $(DIR) -user $(USER_NAME) -integration '$(INTEGRATION)' $(if $(SYNC),-sync $(SYNC))

load: ## send a file of items through the bus: make load FILE=items.jsonl
	@go run ./local/cmd/local load -dir $(DIR) -file $(FILE)

event: ## send one event through the bus: make event FILE=events/samples/item.created/good-work-item.json
	@go run ./local/cmd/local event -dir $(DIR) -file '$(FILE)'

replay: ## play a file of changes: make replay FILE=changes.jsonl [RATE=a second] [ORGANISATION=id] [SEED=n DOUBLE=1 for disorder]
	@go run ./local/cmd/local replay -dir $(DIR) -file '$(FILE)' $(if $(RATE),-rate $(RATE)) $(if $(ORGANISATION),-organisation $(ORGANISATION)) $(if $(SEED),-seed $(SEED)) $(if $(DOUBLE),-double)

import: ## publish events on a real bus, resumable: make import FILE=all.jsonl BUS=integrations-prod (docs/events.md)
	@go run ./local/cmd/local import -file '$(FILE)' -bus '$(BUS)' $(if $(SOURCE),-source $(SOURCE))

live: ## try a connector's promises at a real account: make live PROVIDER=mantisbt CONFIG=file.json [RECORD=dir] [YES=1] [PERSON=1 or PERSON=second.json], or FAKE=mantisbt (docs/guides/live.md)
	@go run ./local/cmd/local live -dir $(DIR) $(if $(PROVIDER),-provider '$(PROVIDER)') $(if $(CONFIG),-config '$(CONFIG)') $(if $(FAKE),-fake '$(FAKE)') $(if $(RECORD),-record '$(RECORD)') $(if $(YES),-yes) $(if $(PERSON),-person '$(PERSON)')

test: node_modules/.package-lock.json ## set up and run all tests, with -race where there is a C compiler; PKG=./shared/store RUN=Name runs some
	@[ -n "$(RACE)" ] || echo "no C compiler: the tests run without the race detector"
	GOGC=$(TEST_GOGC) go test $(RACE) $(TEST_FLAGS) -shuffle=on -timeout 60m $(if $(RUN),-run '$(RUN)') $(PKG)

# vet and staticcheck read what the tests compile, with -race: nothing is compiled
# twice.
check: node_modules/.package-lock.json ## what CI runs: formatting, vet, staticcheck, module file, tests
	@bad=$$(git ls-files '*.go' | xargs gofmt -l); [ -z "$$bad" ] || { echo "not formatted (gofmt): $$bad"; exit 1; }
	go mod tidy -diff
	go vet $(RACE) ./...
	GOFLAGS="$$(go env GOFLAGS) $(RACE)" $$(go tool -n staticcheck) ./...
	$(MAKE) test TEST_FLAGS=-vet=off

build: ## build the functions for AWS into build/<goarch>/<function>/bootstrap
	@for f in $(FUNCTIONS); do echo "build/$(GOARCH_TARGET)/$$f"; \
	CGO_ENABLED=0 GOOS=linux GOARCH=$(GOARCH_TARGET) go build -buildvcs=false -trimpath -tags lambda.norpc -ldflags "-s -w" \
		-o build/$(GOARCH_TARGET)/$$f/bootstrap ./functions/$$f || exit 1; done

synth: node_modules/.package-lock.json build ## synthesize the stack into cdk.out
	npx cdk synth --quiet $(CONTEXT)

deploy: node_modules/.package-lock.json build ## deploy: make deploy CONTEXT='-c stage=… -c issuer=… -c audience=…'
	npx cdk deploy $(CONTEXT)

snapshot: ## write the reviewed snapshot of the template anew
	go test ./infra -update

golden: ## write all golden files anew: the template's snapshot and the tables in docs; review the difference
	go test ./infra -run 'TestSnapshot$$' -update
	go test ./shared/connector/answers -run 'TestSuccessTable$$' -update
	for p in $(PROVIDERS); do go test ./shared/connector/$$p -run 'PageShows' -update || exit 1; done

landed: ## hand the API's document over: what callers rely on from now on (docs/openapi)
	go test ./docs/openapi -run NothingBreaks -landed

# The race detector is slow, so that tests take a tenth of the real items under it. Here
# all of them go through, without it.
e2e: node_modules/.package-lock.json ## what must wait for real queues: the whole service, killed at five points, every fault at every provider (half an hour)
	go test -count=1 -timeout 60m ./shared/connector/... ./shared/markup/... ./local/providers/... ./local/conformance
	go test -tags e2e -count=1 -timeout 2h ./local/cmd/local
	go test -tags e2e -count=1 -timeout 20m ./docs/openapi -run GeneratedClients
	go test ./functions/providersync/worker -count=1 -run PublishedLimits -limit-items 5000

bench: node_modules/.package-lock.json ## count calls and memory of a worker: make bench SIZES=1000,10000 (100000 takes half an hour)
	go test ./functions/providersync/worker -run '^$$' -bench Sync -benchtime 1x -timeout 2h -sizes $(SIZES)

shape: ## measure how the code is built against its limits: make -s shape [LIST=1 for what is beyond]
	@go run ./local/cmd/shape $(if $(LIST),-list)

module: ## give the Go module a path of your own: make module NAME=git.example.org/team/integrations
	@go run ./local/cmd/module '$(NAME)'

fmt: ## format the code
	@git ls-files '*.go' | xargs gofmt -w
