#!/usr/bin/env bash
# Proves that the shop's OpenAPI document is of use to generators: lints it,
# generates clients of it, and lets each buy something on a running node.
#
# Usage: .ci/openapi-clients.sh EDGE
#
# EDGE is the command `edge`. host/edge/tests/clients has the journeys and the tools'
# versions; the tools, and what they make, live under target/tools/clients.
set -euo pipefail
cd "$(dirname "$0")/.."

SOURCES=host/edge/tests/clients
TOOLS=target/tools/clients
VENV=$TOOLS/venv

# Models of the generators write no documents and no tests.
QUIET=apiDocs=false,modelDocs=false,apiTests=false,modelTests=false

edge=$(realpath "$1")

.ci/test-deps.sh curl=curl python3=python3 python3:ensurepip=python3-venv

# Run a command that downloads. Where it fails, tell what is missing, and end with 75 (EX_TEMPFAIL).
download() {
    local log=$TOOLS/download.log
    if ! "$@" >"$log" 2>&1; then
        cat "$log" >&2
        echo "the generators of API clients cannot be installed: $1 failed (is there a network?)" >&2
        exit 75
    fi
}

# Whether a file is as it was when the tools were installed.
is_installed() {
    cmp -s "$SOURCES/$1" "$TOOLS/$1.installed"
}

mkdir -p "$TOOLS"
cp "$SOURCES"/*.* "$TOOLS"
rm -rf "$TOOLS/journeys" "$TOOLS/generated" "$TOOLS/compiled"
cp -r "$SOURCES/journeys" "$TOOLS"
mkdir "$TOOLS/generated"
if ! is_installed requirements.txt || [ ! -x "$VENV/bin/python" ]; then
    rm -rf "$VENV"
    download python3 -m venv "$VENV"
    download "$VENV/bin/pip" install --disable-pip-version-check -r "$SOURCES/requirements.txt"
    cp "$SOURCES/requirements.txt" "$TOOLS/requirements.txt.installed"
fi
# Node comes with the Python packages: what a machine has may be too old.
PATH=$PWD/$TOOLS/node_modules/.bin:$PWD/$VENV/bin:$PATH
if ! is_installed package-lock.json; then
    download npm ci --prefix "$TOOLS" --no-audit --no-fund
    cp "$SOURCES/package-lock.json" "$TOOLS/package-lock.json.installed"
fi

# shellcheck source=.ci/shop.sh
source .ci/shop.sh
start_shop "$edge"

# Run a step in the tools' folder; what it says is shown only if it fails.
step() {
    local name=$1 log
    shift
    log=$PWD/$TOOLS/step.log
    echo "== $name"
    if ! (cd "$TOOLS" && "$@") >"$log" 2>&1; then
        cat "$log" >&2
        echo "$name: failed" >&2
        exit 1
    fi
}

"$edge" openapi --title Shop --format json >"$TOOLS/shop.json"
"$edge" openapi --title Shop >"$TOOLS/shop.yaml"
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true

step 'the same document as YAML and as JSON' python same.py shop.yaml shop.json
step 'meta-schema of OpenAPI 3.1' openapi-spec-validator --schema 3.1 shop.json
step 'redocly lint' redocly lint --config redocly.yaml shop.yaml
step 'spectral lint' spectral lint --ruleset spectral.yaml --fail-severity warn shop.yaml
for plugin in customer order payment product; do
    step "spectral lint of plugin $plugin" \
        spectral lint --ruleset spectral.yaml --fail-severity warn "$PWD/plugins/$plugin/openapi.yaml"
done

step "redocly lint of the operators' API" \
    redocly lint --config redocly.yaml "$PWD/host/edge/src/admin/openapi.yaml"

step 'openapi-typescript' openapi-typescript shop.json -o generated/shop.ts
step 'openapi-generator typescript-axios' openapi-generator-cli generate -i shop.json \
    -g typescript-axios -o generated/axios --global-property "$QUIET"
step 'openapi-generator python' openapi-generator-cli generate -i shop.json \
    -g python -o generated/python --global-property "$QUIET" \
    --additional-properties packageName=shop_client
step 'openapi-python-client' openapi-python-client generate --path shop.json --meta none \
    --config python-client.yaml --fail-on-warning --output-path generated/shop_api
step 'tsc --strict' tsc --project .

export PYTHONPATH=generated/python:generated
step 'a purchase through openapi-fetch' node compiled/journeys/fetch.js "$url"
step 'a purchase through typescript-axios' node compiled/journeys/axios.js "$url"
step "a purchase through openapi-generator's python" python journeys/generator.py "$url"
step 'a purchase through openapi-python-client' python journeys/python_client.py "$url"
