# Plain make prints what there is. Every target works on a fresh clone; once the modules are there, all work offline.

GO ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
export GOFLAGS := -buildvcs=false $(filter-out -buildvcs=false,$(GOFLAGS))

.DEFAULT_GOAL := help
.PHONY: help build run test check bench prove fuzz media images players clean

help: ## this list
	@grep -E '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9]+):.*## (.*)/  make \1\t\2/' | expand -t 16

build: ## bin/liveorigin, and bin/k6 with our extension
	$(GO) build -trimpath -o bin/liveorigin .
	cd xk6-liveorigin && $(GO) build -trimpath -o ../bin/k6 ./cmd/k6

run: build ## build, then run the region-loss scenario
	bin/liveorigin run region-loss

test: build ## every test of both modules, with the race detector, and with containers where there is an engine
	LIVEORIGIN_CONTAINERS=1 $(GO) test -race ./...
	$(GO) test ./sim/calibrate
	$(GO) test -run Alloc ./origin/originhttp
	cd xk6-liveorigin && $(GO) test -race ./...

check: ## gofmt, vet, staticcheck, what is below the seams, and go.mod
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	cd xk6-liveorigin && $(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	cd xk6-liveorigin && $(GO) run $(STATICCHECK) ./...
	$(GO) test -run "Tidy|MapOrder" ./sim
	$(GO) mod tidy -diff
	cd xk6-liveorigin && $(GO) mod tidy -diff

bench: ## benchmarks, event-65m among them; compare the ratios within one run
	LIVEORIGIN_CONTAINERS=1 $(GO) test -run '^$$' -bench . -benchtime 1s -timeout 60m ./...
	cd xk6-liveorigin && $(GO) test -run '^$$' -bench . -benchtime 1s ./...

prove: SHELL := bash
prove: .SHELLFLAGS := -o pipefail -c
prove: build ## what the simulator computes against arithmetic, and against the wall clock (half an hour)
	LIVEORIGIN_PROVE=1 $(GO) test -count=1 -p 1 -timeout 120m -v -run Prove ./sim/... | grep -v -e '^=== ' -e '^testing: ' -e 'no test files'

fuzz: ## every fuzz target for FUZZTIME each (default 300000x: inputs, not seconds, for go.dev/issue/75804)
	@sh -c 'set -e; for m in . xk6-liveorigin; do (cd $$m; for p in $$($(GO) list ./...); do \
	  for t in $$($(GO) test -list "^Fuzz" $$p | grep ^Fuzz || true); do \
	    echo "$$p $$t"; $(GO) test -run "^$$" -fuzz "^$$t$$" -fuzztime $${FUZZTIME:-300000x} -fuzzminimizetime 1x $$p; done; done); done'

media: ## make the looped media again (needs ffmpeg)
	encoders/media/make.sh

images: ## cassandra:5.0 and memcached:1.6 for the container stack: pulled, or made here where no registry answers
	sim/containers/images/make.sh

players: ## dash.js and hls.js, for the test that plays an event in chromium (needs npm)
	npm install --prefix bin/players --no-save --no-audit --no-fund --loglevel error dashjs@5.1.0 hls.js@1.6.13

clean: ## remove what was built and what was run
	rm -rf bin runs
