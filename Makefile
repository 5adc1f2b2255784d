# make check test    what has to pass before a change goes in
GO        ?= go
PKG       ?= ./...
FUZZTIME  ?= 10s
BENCHTIME ?= 1s
GOLANGCI  ?= $(or $(wildcard .bin/golangci-lint),$(shell command -v golangci-lint))

.PHONY: all check fmt vet lint lint-tools tidy generated generate test bench fuzz soak

all: check test

check: fmt vet lint tidy generated ## everything that runs no tests

fmt:
	@files=$$(gofmt -l .); [ -z "$$files" ] || { echo "gofmt these:"; echo "$$files"; exit 1; }

vet:
	$(GO) vet ./...

lint:
ifeq ($(GOLANGCI),)
	@echo "golangci-lint is not here: make lint-tools builds it"
else
	$(GOLANGCI) run ./...
endif

lint-tools: ## takes about two minutes of CPU, once
	GOBIN=$(CURDIR)/.bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

tidy:
	$(GO) mod tidy -diff

generated:
	@.ci/generated

generate:
	$(GO) generate ./...

test: ## with PostgreSQL, Chromium and the Android tools, installed where that is possible
	@.ci/test $(PKG)

bench: ## PKG=./ledger/... for some
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) $(PKG)

fuzz: ## every fuzz target for FUZZTIME
	@FUZZTIME=$(FUZZTIME) .ci/fuzz

soak: ## the long runs
	ATLAS_SOAK=1 $(GO) test -count 1 -timeout 12h $(PKG)
