#!/usr/bin/env bash
# Fails where a crate of the node has other features in `make test` or `make bench` than in `make run`: cargo compiles
# it once for each set of features, and everything that is built on it.
#
# Usage: .ci/features.sh
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C

# List crates from registries, each with its features.
features() {
    cargo tree --locked --prefix none --format '{p} [{f}]' "$@" | sed 's/ (\*)$//; s/ (proc-macro)//' |
        grep -v ' (/' | sort -u
}

run=$(features --package edge --edges normal,build)
status=0
for others in '--package edge' '--workspace'; do
    # shellcheck disable=SC2086  # two words
    missing=$(comm -23 <(echo "$run") <(features $others --edges normal,build,dev))
    if [ -n "$missing" ]; then
        echo "compiled with other features by \`cargo test $others\` than by \`cargo build --package edge\`:"
        echo "$missing"
        status=1
    fi
done
exit $status
