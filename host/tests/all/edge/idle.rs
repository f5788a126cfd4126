//! What a connection costs that does nothing.

use crate::harness::{Running, Wire, data_folder, edge, fixture, get};

/// As many as there may be without a node noticing.
const CONNECTIONS: usize = 2000;

/// Bytes that an idle connection may keep in the node: the library's buffers,
/// and what surrounds them.
const MOST_BYTES: u64 = 64 * 1024;

async fn connect(node: &Running, used: bool) -> Vec<Wire> {
    let mut wires = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        let mut wire = node.wire().await;
        if used {
            wire.send(get("/hello")).await;
            wire.reply().await.assert_status(200);
        }
        wires.push(wire);
    }
    wires
}

#[tokio::test]
async fn thousands_of_idle_connections_cost_little_and_stop_nobody() {
    let hello = fixture("hello");
    for used in [false, true] {
        let folder = data_folder();
        let mut command = edge(folder.path());
        command
            .env("EDGE_PLUGINS", hello.path())
            .env("EDGE_ACCESS_LOG", "off")
            .env("EDGE_RATE_LIMIT", "off");
        let mut node = Running::start(command.arg("serve"));
        node.banner();
        let mut other = node.wire().await;
        other.send(get("/hello")).await;
        other.reply().await.assert_status(200);

        let before = node.resident_bytes();
        let _idle = connect(&node, used).await;
        other.send(get("/hello")).await;
        other.reply().await.assert_status(200);
        let grown = node.resident_bytes().saturating_sub(before);
        let each = grown / CONNECTIONS as u64;
        eprintln!("{CONNECTIONS} idle connections, used before: {used}: {each} bytes each");
        assert!(each < MOST_BYTES, "{each} bytes for each connection");
    }
}
