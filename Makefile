# kho: `make demo` and `make test` do everything on a fresh Debian machine with Rust, Node and git.
# Run them as root or as somebody who may sudo: they install Debian packages that are missing.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CACHE ?= $(HOME)/.cache/kho
# Outside the checkout, so that every clone of one machine shares the warm build.
export CARGO_TARGET_DIR ?= $(CACHE)/target
VENV := $(CACHE)/venv
KHO := $(CARGO_TARGET_DIR)/debug/kho
DEMO ?= $(CACHE)/demo
DEMO_PARCELS ?= 20000
LISTEN ?= 127.0.0.1:8080

BUILD_PACKAGES := build-essential clang cmake libgdal-dev libproj-dev mold pkg-config protobuf-compiler
TEST_PACKAGES := chromium gdal-bin postgresql-15 postgresql-15-postgis-3 python3-venv
BENCH_PACKAGES := curl nginx-light time util-linux wrk
MARTIN := 1.14.0
CARGO_TEST := $(shell cargo nextest --version >/dev/null 2>&1 && echo nextest run || echo test)

.PHONY: help
help: ## What there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: demo
demo: build ## Build, make the sample city, publish it, serve it on loopback
	rm -rf "$(DEMO)"
	$(KHO) sample "$(DEMO)/deliveries" --parcels $(DEMO_PARCELS) --seed 1
	$(KHO) init "$(DEMO)/city" --synthetic
	$(KHO) --city "$(DEMO)/city" ingest --all "$(DEMO)/deliveries" --bake
	$(KHO) --city "$(DEMO)/city" serve --listen $(LISTEN)

.PHONY: build
build: setup web ## Build the binary with its pages
	@# The flags of `make test`: with others cargo would pick other features of shared dependencies
	@# and compile the stack a second time.
	cargo build --locked --workspace --bins --tests

.PHONY: web
web: web/dist/index.html ## Build the pages

WEB_SOURCES := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*' 2>/dev/null)
web/dist/index.html: web/node_modules/.stamp $(WEB_SOURCES)
	cd web && npm run build
	touch $@

web/node_modules/.stamp: web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	touch $@

.PHONY: test
test: build setup-test ## Run every test
	! cargo fmt --version >/dev/null 2>&1 || cargo fmt --all --check
	cd web && npm run check && npm test
	@# insta would look for its files in the clone that compiled the tests, which may be another one.
	KHO_BIN="$(KHO)" KHO_VENV="$(VENV)" INSTA_WORKSPACE_ROOT="$(CURDIR)" cargo $(CARGO_TEST) --locked --workspace
	$(if $(findstring nextest,$(CARGO_TEST)),cargo test --locked --workspace --doc)

.PHONY: lint
lint: ## Formatting, clippy
	cargo fmt --all --check
	@# Clippy as the compiler's wrapper: dependencies are not compiled a second time for checking.
	RUSTC_WORKSPACE_WRAPPER="$$(rustup which clippy-driver 2>/dev/null || command -v clippy-driver)" \
	  CARGO_PROFILE_DEV_OPT_LEVEL=0 cargo build --locked --workspace --lib --bins --tests

.PHONY: doc
doc: setup ## The crates' documentation
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

.PHONY: setup
setup: ## Install what building needs
	@$(call packages,$(BUILD_PACKAGES))

.PHONY: setup-test
setup-test: $(VENV)/.stamp web/node_modules/.stamp ## Install what testing needs
	@$(call packages,$(TEST_PACKAGES))

$(VENV)/.stamp: tests/clients/requirements.txt
	@$(call packages,python3-venv)
	python3 -m venv "$(VENV)"
	"$(VENV)/bin/pip" install --quiet --disable-pip-version-check -r $<
	touch $@

.PHONY: setup-bench
setup-bench: setup-test $(VENV)/.stamp-bench ## Install the peers that benches compare with
	@$(call packages,$(BENCH_PACKAGES))

$(VENV)/.stamp-bench: benches/requirements.txt $(VENV)/.stamp
	"$(VENV)/bin/pip" install --quiet --disable-pip-version-check -r $<
	touch $@

# $(call packages,LIST): install those Debian packages of LIST that are missing.
define packages
missing=""; for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
if [ -n "$$missing" ]; then \
  if [ "$$(id -u)" = 0 ]; then as=""; else as=sudo; fi; \
  echo "installing$$missing"; \
  $$as apt-get update -qq; \
  DEBIAN_FRONTEND=noninteractive $$as apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
fi
endef

.PHONY: setup-martin
setup-martin: setup $(CACHE)/peers/.stamp-martin-$(MARTIN) ## Build Martin, the peer of bench-martin and bench-baked (takes long)

$(CACHE)/peers/.stamp-martin-$(MARTIN):
	env -u CARGO_TARGET_DIR cargo install martin --version $(MARTIN) --no-default-features --features postgres,pmtiles,mbtiles,metrics --locked --root "$(CACHE)/peers"
	touch $@

BENCHES := bench-ingest bench-tiles bench-sql bench-martin bench-bake bench-baked bench-scale bench-pictures bench-planning
.PHONY: $(BENCHES)
$(BENCHES): build setup-bench ## A comparison with peers; its result goes to benches/RESULTS.md
	KHO_CACHE="$(CACHE)" KHO_BIN="$(KHO)" "$(VENV)/bin/python" benches/$(@:bench-%=%).py

VALID_PARCELS ?= 1000000
VALID_ZOOMS ?= 8-18
.PHONY: bench-valid
bench-valid: build setup-bench ## Every tile of the large city, z8 to z18, read by two decoders and checked
	KHO_CACHE="$(CACHE)" KHO_BIN="$(KHO)" "$(VENV)/bin/python" benches/valid.py $(VALID_PARCELS) $(VALID_ZOOMS)
