#!/usr/bin/env bash
# Asks a node for everything that its plugins' openapi.yaml describes, well and
# badly, by schemathesis; fails if a reply is not as described.
#
# Usage: .ci/schemathesis.sh EDGE [OPTION...]
#
# EDGE is the command `edge`; options are schemathesis's own. The tool lives in
# a virtual environment under target/, and .ci/schemathesis.toml says which
# refusals are the contract's.
set -euo pipefail
cd "$(dirname "$0")/.."

VERSION=4.32.5
VENV=target/schemathesis
TOOL=$VENV/bin/schemathesis
PLUGINS="product customer order payment"
# A new password ends the token that everything is asked with, so it comes last.
ENDS_TOKENS=updateCustomer

edge=$(realpath "$1")
shift

if [ "$("$TOOL" --version 2>/dev/null)" != "schemathesis, version $VERSION" ]; then
    python3 -m venv "$VENV"
    "$VENV/bin/pip" install --quiet "schemathesis==$VERSION"
fi

# shellcheck source=.ci/shop.sh
source .ci/shop.sh

# Instead of Facebook: it knows nobody, and says so with 401.
python3 -u -c '
from http.server import BaseHTTPRequestHandler, HTTPServer
class Graph(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(401)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
server = HTTPServer(("127.0.0.1", 0), Graph)
print(server.server_port)
server.serve_forever()
' >"$work/graph.port" &
started+=($!)
until [ -s "$work/graph.port" ]; do
    sleep 0.1
done
FACEBOOK_GRAPH_BASE=http://127.0.0.1:$(cat "$work/graph.port")
export FACEBOOK_GRAPH_BASE FACEBOOK_APP_ID=1
export STRIPE_WEBHOOK_SECRET=whsec_of_this_run

(cd "$work" && echo 'correct horse' |
    "$edge" user add --offline --email merchant@example.com --name Merchant >user.log)
start_shop "$edge"
login='{"email":"merchant@example.com","password":"correct horse"}'
token=$(curl -sf "$url/customers/login" -H 'content-type: application/json' -d "$login" |
    sed 's/.*"accessToken":"//; s/".*//')
export USER_KEY=$token USER_TOKEN=${token#Bearer }

failed=
# Run the operations of a plugin that the other arguments choose.
check() {
    local plugin=$1
    shift
    echo "== $plugin"
    "$TOOL" --config-file .ci/schemathesis.toml run "plugins/$plugin/openapi.yaml" \
        --url "$url" "$@" || failed+=" $plugin"
}
for plugin in $PLUGINS; do
    check "$plugin" --exclude-operation-id "$ENDS_TOKENS" "$@"
done
check customer --include-operation-id "$ENDS_TOKENS" "$@"
if [ "$(curl -s -o "$work/reply" -w '%{http_code}' "$url/livez")" != 200 ]; then
    echo 'the node is gone' >&2
    failed+=" node"
fi
if [ -n "$failed" ]; then
    echo "findings:$failed" >&2
    exit 1
fi
