# make demo    the story: a shop's five days, from files to checked tables; make demo WITH=postgres has its orders in PostgreSQL
# make test    everything, with the services it needs
# make bench   the benchmarks; make bench CASE=csv-iceberg for one, SCALE=0.1 for less data
# make soak    the long versions of the tests that have one
# make lint    gofmt, vet, staticcheck
# make docs    writes the reference pages anew

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GO_MIN := 1.26

.PHONY: build demo test bench soak lint docs tools clean

build: tools
	go build -o weir ./cmd/weir

# What a fresh machine must have: Go and a C compiler (DuckDB is linked in).
tools:
	@command -v go >/dev/null || { echo "Go $(GO_MIN) or newer is missing: https://go.dev/dl/ (on Debian: apt-get install golang, if new enough)" >&2; exit 1; }
	@have=$$(go env GOVERSION | sed -E 's/^go([0-9]+\.[0-9]+).*/\1/'); \
	if [ "$$(printf '%s\n' "$(GO_MIN)" "$$have" | sort -V | head -n 1)" != "$(GO_MIN)" ]; then \
		echo "Go $$have is too old: Weir needs $(GO_MIN) or newer (https://go.dev/dl/)" >&2; exit 1; fi
	@[ "$$(go env CGO_ENABLED)" = 1 ] || { echo "cgo is off and DuckDB needs it: install a C compiler (on Debian: apt-get install gcc g++), or unset CGO_ENABLED" >&2; exit 1; }
	@for var in CC CXX; do \
		tool=$$(go env $$var); tool=$${tool%% *}; \
		command -v "$$tool" >/dev/null || { echo "the compiler $$tool ($$var) is missing; on Debian: apt-get install gcc g++; on macOS: xcode-select --install" >&2; exit 1; }; \
	done

demo: build
	@mkdir -p demo/bin
	@go build -o demo/bin/generate ./examples/retail/generate/cmd
	@go build -o demo/bin/check ./examples/retail/check
	@go build -o demo/bin/database ./examples/retail/database
	@scripts/demo.sh $(if $(WITH),--with $(WITH))

# The services of the tests are installed and started where they are not yet (test/services).
test: tools
	env=$$(test/services) && eval "$$env" && go test -timeout 30m ./...

bench: tools
	go run ./bench $(if $(CASE),-case $(CASE))

soak: tools
	env=$$(test/services) && eval "$$env" && WEIR_SOAK=1 go test -count=1 -timeout 3h ./...

lint: tools
	@bad=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$bad" ]; then echo "gofmt would change:"; echo "$$bad"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...

docs: build
	./weir docs docs/reference
	./weir schema --output docs/reference/schema.json

clean:
	test/services clean
	rm -rf weir demo
