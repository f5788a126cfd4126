# `make` lists what can be made.

# The shop's plugins, and the components that only tests and benchmarks use: each a crate named
# as its folder.
PLUGINS := customer order payment product
FIXTURES := $(patsubst plugins/fixtures/%/Cargo.toml,%,$(wildcard plugins/fixtures/*/Cargo.toml))

# The plugins that docs/plugins.md walks through. Fixtures have some of their names, so the crates' begin with example-.
EXAMPLE_PLUGINS := $(patsubst plugins/examples/%/Cargo.toml,example-%,$(wildcard plugins/examples/*/Cargo.toml))

# The one fixture that is not Rust.
JS := plugins/fixtures/standard-js
JS_COMPONENT := target/wasm32-wasip2/plugin/standard-js.wasm

# What to install, as program=package, where it is missing.
SERVERS := mariadbd=mariadb-server mariadb-install-db=mariadb-server mariadb=mariadb-client mariadb-dump=mariadb-client \
	redis-server=redis-server docker-registry=docker-registry promtool=prometheus \
	faketime=faketime
LOAD := wrk=wrk

COMPONENTS := cargo build --locked --target wasm32-wasip2 --profile plugin

# Tests wait for servers and nodes more than they compute.
export RUST_TEST_THREADS ?= $(shell expr 2 \* $$(getconf _NPROCESSORS_ONLN))

# Manifests name their components by paths into this folder.
export CARGO_TARGET_DIR := $(CURDIR)/target

# How long `make soak` goes on, and each target of `make fuzz`.
MINUTES := 10
FUZZ_SECONDS := 30

# What `make fuzz` fuzzes: all targets, or those that are named.
FUZZ := $(patsubst fuzz/fuzz_targets/%.rs,%,$(wildcard fuzz/fuzz_targets/*.rs))

# cargo-fuzz is a program of its own, and not every machine has it.
CARGO_FUZZ_VERSION := 0.13.2
CARGO_FUZZ := target/tools/bin/cargo-fuzz

# How many requests `make schemathesis` makes of each operation, at most.
EXAMPLES := 60

# Oracle's MySQL, which the tests start beside MariaDB.
MYSQL := target/tools/mysql

.PHONY: help run plugins fixtures fixture-js check test test-plugin test-host test-mysql mysql-server lint deny bench soak fuzz fuzz-sql schemathesis openapi-clients clean wasm-target servers load
.DELETE_ON_ERROR:

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-15s %s\n", $$1, $$2 }' Makefile

run: plugins ## Build the plugins and the host, and serve the shop
	cargo build --release --locked -p edge
	target/release/edge serve

plugins: wasm-target ## Build the shop's plugins
	$(COMPONENTS) $(PLUGINS:%=-p %)

fixtures: wasm-target fixture-js ## Build the example plugins, and the components of the tests and benchmarks
	$(COMPONENTS) $(FIXTURES:%=-p %) $(EXAMPLE_PLUGINS:%=-p %)

test: servers mysql-server plugins fixtures lint ## Run every check and test
	@# 75: without a network something was not checked, which the scripts say. `make deny` and `make openapi-clients`
	@# fail then. Advisories are for `make deny` alone: they appear without a change of the code.
	.ci/deny.sh bans licenses sources || [ $$? = 75 ]
	cargo test --workspace --locked --no-run
	.ci/openapi-clients.sh target/debug/edge || [ $$? = 75 ]
	cargo test --workspace --locked

check: wasm-target lint ## Run what needs no server: format, style, unit tests
	cargo test --workspace --exclude test-servers --lib --test layers --test plugin_guide --locked

test-plugin: servers mysql-server ## Run the tests of one plugin: make test-plugin P=order
	@test -n "$(P)" || { echo 'name a plugin: make test-plugin P=order'; exit 2; }
	cargo test -p $(P) --locked

test-host: servers mysql-server plugins fixtures ## Run some of the host's tests: make test-host T=shop::money
	@test -n "$(T)" || { echo 'name tests: make test-host T=shop::money'; exit 2; }
	cargo test -p edge --test all --locked -- $(T)

test-mysql: servers mysql-server plugins fixtures ## Run the tests that use MariaDB on MySQL
	TEST_DATABASE=mysql cargo test -p order -p payment --locked
	TEST_DATABASE=mysql cargo test -p edge --test all --locked

mysql-server: ## Unpack a MySQL server for the tests
	@.ci/mysql-server.sh $(MYSQL)

lint: ## Check format and style
	.ci/features.sh
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

deny: ## Check licences, duplicates, sources and advisories of dependencies
	.ci/deny.sh

bench: servers load plugins fixtures ## Measure speed
	cargo bench --locked -p edge --bench platform

soak: servers plugins ## Keep a shop busy for MINUTES=10, and fail if a request does or the node grows
	cargo bench --locked -p edge --bench platform -- soak $(MINUTES)

fuzz: $(CARGO_FUZZ) fuzz-sql ## Fuzz what reads from outside, FUZZ_SECONDS=30 for each target
	set -e; for target in $(FUZZ); do \
		mkdir -p fuzz/corpus/$$target; \
		$(FUZZER) run -s none $$target fuzz/corpus/$$target fuzz/seeds/$$target -- \
			-max_total_time=$(FUZZ_SECONDS) -max_len=8192 -timeout=10; \
	done

# Statements made by chance, which running SQLite, MariaDB and MySQL judge.
fuzz-sql: servers mysql-server
	SQL_FUZZ_SECONDS=$(FUZZ_SECONDS) cargo test -p edge --test all --locked -- sql::generated

# Without a sanitizer: there is no unsafe code to find faults in, and coverage
# alone works with the stable toolchain.
FUZZER := CARGO_TARGET_DIR=$(CURDIR)/target/fuzz $(CARGO_FUZZ)

schemathesis: plugins ## Hold a node's replies against the openapi.yaml of its plugins
	cargo build --release --locked -p edge
	.ci/schemathesis.sh target/release/edge --max-examples $(EXAMPLES)

# The command as the tests build it, so that nothing is compiled twice.
openapi-clients: plugins ## Generate clients of the shop's API, and let each buy something
	cargo test -p edge --test all --locked --no-run
	.ci/openapi-clients.sh target/debug/edge

clean: ## Remove what was built
	cargo clean
	rm -rf $(JS)/node_modules

wasm-target:
	@test -d "$$(rustc --print sysroot)/lib/rustlib/wasm32-wasip2" || rustup target add wasm32-wasip2

servers:
	@.ci/test-deps.sh $(SERVERS)

load:
	@.ci/test-deps.sh $(LOAD)

$(CARGO_FUZZ):
	cargo install --quiet --locked --root target/tools cargo-fuzz@$(CARGO_FUZZ_VERSION)

fixture-js:
	@if command -v npm >/dev/null && node -e 'process.exitCode = parseInt(process.versions.node) < 20 ? 1 : 0'; \
	then $(MAKE) -s $(JS_COMPONENT); \
	else echo 'skipped: $(JS), which needs npm and node 20 or newer'; \
	fi

$(JS_COMPONENT): $(JS)/package-lock.json $(JS)/build.mjs $(JS)/src/app.js $(JS)/wit/world.wit
	cd $(JS) && npm ci --no-audit --no-fund && npm run build
