# `make` lists what can be made.

# The shop's plugins, and the components that only tests and benchmarks use: each a crate named
# as its folder.
PLUGINS := customer order payment product
FIXTURES := $(patsubst plugins/fixtures/%/Cargo.toml,%,$(wildcard plugins/fixtures/*/Cargo.toml))

# The one fixture that is not Rust.
JS := plugins/fixtures/standard-js
JS_COMPONENT := target/wasm32-wasip2/plugin/standard-js.wasm

# What to install, as program=package, where it is missing.
SERVERS := mariadbd=mariadb-server mariadb-install-db=mariadb-server mariadb=mariadb-client \
	redis-server=redis-server docker-registry=docker-registry promtool=prometheus
LOAD := wrk=wrk

COMPONENTS := cargo build --locked --target wasm32-wasip2 --profile plugin

# Manifests name their components by paths into this folder.
export CARGO_TARGET_DIR := $(CURDIR)/target

.PHONY: help run plugins fixtures fixture-js test lint bench clean wasm-target servers load
.DELETE_ON_ERROR:

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' Makefile

run: plugins ## Build the plugins and the host, and serve the shop
	cargo build --release --locked -p edge-host
	target/release/edge serve

plugins: wasm-target ## Build the shop's plugins
	$(COMPONENTS) $(PLUGINS:%=-p %)

fixtures: wasm-target fixture-js ## Build the components of the tests and benchmarks
	$(COMPONENTS) $(FIXTURES:%=-p %)

test: servers plugins fixtures lint ## Run every check and test
	cargo test --workspace --exclude edge-host --locked
	cargo test -p edge-host --doc --locked
	cargo test -p edge-host --tests --locked

lint: ## Check format and style
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

bench: servers load plugins fixtures ## Measure speed
	cargo bench --locked -p edge-host --bench platform

clean: ## Remove what was built
	cargo clean
	rm -rf $(JS)/node_modules

wasm-target:
	@test -d "$$(rustc --print sysroot)/lib/rustlib/wasm32-wasip2" || rustup target add wasm32-wasip2

servers:
	@.ci/test-deps.sh $(SERVERS)

load:
	@.ci/test-deps.sh $(LOAD)

fixture-js:
	@if command -v npm >/dev/null && node -e 'process.exitCode = parseInt(process.versions.node) < 20 ? 1 : 0'; \
	then $(MAKE) -s $(JS_COMPONENT); \
	else echo 'skipped: $(JS), which needs npm and node 20 or newer'; \
	fi

$(JS_COMPONENT): $(JS)/package-lock.json $(JS)/build.mjs $(JS)/src/app.js $(JS)/wit/world.wit
	cd $(JS) && npm ci --no-audit --no-fund && npm run build
