# Functions for scripts that ask a node: `source` this.
#
# The environment is that of a shop with an empty database, in a folder `work`
# that goes away. One client asks faster than the limits for one allow, so
# there are none.
#
# start_shop EDGE: starts a node, and sets `url` to its address once it serves.

work=$(mktemp -d)
started=()
stop_all() {
    local process
    for process in "${started[@]}"; do
        kill "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap stop_all EXIT

folders=
for plugin in product customer order payment; do
    folders+=",$PWD/plugins/$plugin"
done
export EDGE_PLUGINS=${folders#,} EDGE_DATA_DIR=$work/data EDGE_LISTEN=127.0.0.1:0
export EDGE_ADMIN_LISTEN=127.0.0.1:0 EDGE_ACCESS_LOG=errors
export EDGE_RATE_LIMIT=off EDGE_RATE_LIMITS=off

start_shop() {
    local edge=$1 node _
    : >"$work/ready"
    (cd "$work" && exec "$edge" serve --ready-fd 3) >"$work/serve.log" 2>&1 3>>"$work/ready" &
    node=$!
    started+=("$node")
    for _ in $(seq 300); do
        if [ -s "$work/ready" ]; then
            url=http://$(sed -n 's/.*"http":"\([^"]*\)".*/\1/p' "$work/ready")
            curl -sf "$url/readyz" >/dev/null && return
        fi
        if ! kill -0 "$node" 2>/dev/null; then
            break
        fi
        sleep 0.2
    done
    cat "$work/serve.log" >&2
    echo 'the node does not serve' >&2
    exit 1
}
