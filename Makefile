# Everything a developer does, from a machine that has Go only. `make help` lists it.
SHELL       := /bin/bash
export CGO_ENABLED ?= 0
BIN         := $(CURDIR)/bin
TOOLS       := $(BIN)/tools
GOLANGCI    := v2.5.0
GOFUMPT     := v0.9.2
GOTESTSUM   := v1.13.0
TFLINT      := v0.55.1
RUNS        ?= 100
SEEDS       ?= 20000
MINUTES     ?= 10
SEED        ?= 0
EVENTS      ?= 100000000
LIMIT       ?= 512m
LEAST       ?= 300000
BROKERS     ?= localhost:9092
ROWS        ?= 30000000
CORPORA     ?= $(if $(WADI_CORPORA),$(WADI_CORPORA),../shared/corpora)
SHOW        := --format pkgname-and-test-fails --format-hide-empty-pkg
PLATFORMS   := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64
VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS     := -s -w -X main.version=$(VERSION)
# The race detector needs a C compiler and cgo; the packages in which goroutines meet are enough for it.
RACE        := ./engine/... ./coordinator/... ./vector/mem/... ./internal/objstore/

.PHONY: help demo demo-functions build lambda deploy-lint cross test test-services ui-test race check lint fmt docs golden sim sim-mutants crash chaos bench bench-flink bench-memory bench-cost bench-ingest interop interop-flink corpora fuzz clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: build ## backfill and stream into Iceberg, kill it in the middle, prove every row is there once
	$(BIN)/wadi demo

demo-functions: build ## a job that is functions, nothing, or workers, as it has to do; proof and costs
	$(BIN)/wadi demo --functions

build: ## the static binary bin/wadi
	@mkdir -p $(BIN)
	go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/wadi ./cmd/wadi

lambda: ## what AWS Lambda and Azure Functions run: bin/lambda-arm64.zip, bin/lambda-amd64.zip, bin/azure-function.zip, the same bytes whenever they are built
	@set -e; for a in arm64 amd64; do \
	GOOS=linux GOARCH=$$a go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o $(BIN)/lambda-$$a/bootstrap ./cmd/wadi; \
	go run ./internal/bundle $(BIN)/lambda-$$a.zip bootstrap=$(BIN)/lambda-$$a/bootstrap; \
	ls -l $(BIN)/lambda-$$a.zip | awk '{printf "%s %.1f MB\n", $$NF, $$5/1e6}'; done
	@go run ./internal/bundle $(BIN)/azure-function.zip wadi=$(BIN)/lambda-amd64/bootstrap host.json=deploy/azure/function/host.json \
	tasks/function.json=deploy/azure/function/tasks/function.json timer/function.json=deploy/azure/function/timer/function.json \
	objects/function.json=deploy/azure/function/objects/function.json

deploy-lint: ## the templates in deploy, by cfn-lint, tflint and others that registries have; what cannot be had is skipped
	@test -x $(TOOLS)/tflint || GOBIN=$(TOOLS) go install github.com/terraform-linters/tflint@$(TFLINT) 2>/dev/null || true
	@if command -v python3 >/dev/null; then PATH=$(TOOLS):$$PATH python3 deploy/lint.py $(BIN)/deploy; else echo "templates not linted: no Python is here"; fi

cross: ## the binary compiles for every platform that we build for
	@set -e; for p in $(PLATFORMS); do echo $$p; GOOS=$${p%/*} GOARCH=$${p#*/} go build -trimpath -o /dev/null ./cmd/wadi; done

test: race $(TOOLS)/gotestsum ## all tests, with the servers that Go alone can build; with a C compiler, first the race detector over the concurrent packages
	@rm -f $(BIN)/servers
	@if command -v python3 >/dev/null; then PATH=$(TOOLS):$$PATH python3 deploy/lint.py $(BIN)/deploy; else echo "templates not linted: no Python is here"; fi
	@go run ./internal/testserver/cmd -install -only s3,gcs,promtool
	WADI_TEST_USED=$(BIN)/servers $(TOOLS)/gotestsum $(SHOW) -- -timeout 20m ./...; status=$$?; \
	echo "servers that tests used: $$(if test -s $(BIN)/servers; then cut -f2 $(BIN)/servers | sort -u | paste -sd, | sed 's/,/, /g'; else echo none; fi)"; exit $$status

test-services: ## start S3, Azure, Glue, PostgreSQL, REST, Hive and Kafka from package registries, and run the tests that need them; ONLY=rest,kafka
	go run ./internal/testserver/cmd -only '$(ONLY)' $(PACKAGES)

ui-test: ## every page of the web UI in Chromium, with pictures in bin/ui; skipped where there is no Chromium
	@if command -v chromium chromium-browser google-chrome google-chrome-stable >/dev/null; then \
	go test -count=1 -timeout 10m -v ./internal/uitest -ui $(BIN)/ui | grep -v '^=== \|^    --- PASS'; exit $${PIPESTATUS[0]}; \
	else echo "ui-test skipped: no Chromium is here (apt-get install chromium)"; fi

race: $(TOOLS)/gotestsum
	@if command -v cc >/dev/null; then CGO_ENABLED=1 $(TOOLS)/gotestsum $(SHOW) -- -race -short -timeout 15m $(RACE); \
	else echo "race detector skipped: no C compiler"; fi

check: lint ## gofumpt, golangci-lint, floors, vet; no tests
	go vet ./...
	go test -count=1 ./internal/lint

lint: $(TOOLS)/golangci-lint $(TOOLS)/gofumpt
	@out=$$($(TOOLS)/gofumpt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "gofumpt -w these files:"; echo "$$out"; exit 1; }
	$(TOOLS)/golangci-lint run ./...

fmt: $(TOOLS)/gofumpt ## format every file
	$(TOOLS)/gofumpt -w $$(git ls-files '*.go')

$(TOOLS)/golangci-lint:
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI)

$(TOOLS)/gofumpt:
	GOBIN=$(TOOLS) go install mvdan.cc/gofumpt@$(GOFUMPT)

$(TOOLS)/gotestsum:
	GOBIN=$(TOOLS) go install gotest.tools/gotestsum@$(GOTESTSUM)

docs: ## write docs/configuration.md from the table of keys
	go test ./internal/config -run TestDocument -rewrite

golden: ## rewrite the golden files; read the diff
	go test ./internal/golden ./sql/... ./ops/... -rewrite

sim: ## the protocol under SEEDS simulated runs
	go test -count=1 -timeout 60m ./internal/sim -run 'Sim' -seeds $(SEEDS)

sim-mutants: ## every named bug of the protocol must be found
	go test -count=1 -timeout 60m -v ./internal/sim -run 'Mutants'

crash: build ## kill the real binary RUNS times and compare with the undisturbed run, as PyIceberg and DuckDB read it; CASE=Kafka
	readers=$$(python3 testdata/interop/install.py $(BIN)/interop pyiceberg,duckdb | paste -sd ' '); echo "readers: iceberg-go $$readers"; \
	go test -count=1 -timeout 120m -v ./internal/crash -run 'TestCrash$(CASE)' -args -wadi $(BIN)/wadi -runs $(RUNS) -readers "$$readers"

chaos: build ## faults happen to a cluster of real processes for MINUTES=10, whose tables must hold what the undisturbed run's hold; SEED= repeats a plan, FAULTS= is a pattern of them
	@go run ./internal/testserver/cmd -install -only s3
	go test -count=1 -timeout 4h -v ./internal/crash -run 'TestChaos$$' -args -wadi $(BIN)/wadi -minutes $(MINUTES) -seed $(SEED) -faults '$(FAULTS)'

bench: build ## Nexmark and flights, one JSON line per run
	$(BIN)/wadi bench nexmark --format json
	$(BIN)/wadi bench flights --format json

bench-memory: build ## state larger than memory: the limit is kept, measured from outside; EVENTS=100000000, LIMIT=512m, LEAST=300000
	$(BIN)/wadi bench memory --format json --events $(EVENTS) --limit $(LIMIT) --least $(LEAST)

corpora: ## third-party cases, and docs/conformance.md; SET= and CASE= pick some, V=1 shows failures in full, CORPORA= is where they are
	@mkdir -p $(BIN)
	go build -o $(BIN)/corpora ./internal/conformance/cmd
	$(BIN)/corpora -corpora '$(CORPORA)' -set '$(SET)' -case '$(CASE)' -v=$(if $(V),true,false)

bench-flink: ## Nexmark on real Flink; NEXMARK_JAR= is its connector, QUERIES= such as "q0:20000000 q5:10000000"
	python3 bench/flink/run.py --jar '$(NEXMARK_JAR)' $(or $(QUERIES),q0:20000000 q5:10000000)

bench-cost: build ## what an epoch in functions is predicted to use beside what is counted, and the study of two jobs
	$(BIN)/wadi bench cost
	$(BIN)/wadi bench cost --study

bench-ingest: build ## Kafka into Iceberg; BROKERS=localhost:9092 is a Kafka cluster, ROWS=30000000
	$(BIN)/wadi bench ingest --format json --brokers $(BROKERS) --rows $(ROWS)

interop: build ## PyIceberg, DuckDB and Spark read each kind of Iceberg table, and docs/interop.md; READERS=pyiceberg,duckdb,spark, ONLY= is a pattern of kinds
	python3 testdata/interop/run.py $(BIN)/wadi $(if $(READERS),--readers $(READERS)) $(if $(ONLY),--only '$(ONLY)') $(if $(READERS)$(ONLY),,--write docs/interop.md)

interop-flink: build ## Flink's own command line lists, stops, cancels and takes savepoints of jobs of ours; skipped without Java
	python3 testdata/interop/flink.py $(BIN)/wadi

clean: ## remove what was built
	rm -rf $(BIN)
