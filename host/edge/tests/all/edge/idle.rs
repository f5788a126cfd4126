//! What a connection costs that does nothing.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::harness::{Running, Wire, data_folder, edge, fixture, get};

/// As many as there may be without a node noticing: the least, where the system
/// lets a process have no more files, and as many as a node takes by default.
const LEAST: usize = 2000;
const CONNECTIONS: usize = 10_000;

/// Files that a process has besides.
const OTHERS: usize = 500;

/// Bytes that an idle connection may keep in the node: the library's buffers,
/// and what surrounds them.
const MOST_BYTES: u64 = 64 * 1024;

/// Let this process, and those that it starts, have as many files as they may.
/// Returns how many connections that is enough for.
fn raise_files() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum.or(current),
        maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("no more than the system allows");
    let files = raised.current.and_then(|most| usize::try_from(most).ok());
    let room = files.unwrap_or(usize::MAX).saturating_sub(OTHERS);
    assert!(room >= LEAST, "raise the limit of open files: `ulimit -Hn`");
    room.min(CONNECTIONS)
}

async fn connect(node: &Running, count: usize, used: bool) -> Vec<Wire> {
    let mut wires = Vec::with_capacity(count);
    for _ in 0..count {
        let mut wire = Wire::connect(node.address()).await;
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
    let count = raise_files();
    let hello = fixture("hello");
    for used in [false, true] {
        let folder = data_folder();
        let mut command = edge(folder.path());
        command
            .env("EDGE_PLUGINS", hello.path())
            .env("EDGE_ACCESS_LOG", "off")
            .env("EDGE_RATE_LIMIT", "off")
            // One more is the one that must be answered meanwhile.
            .env("EDGE_MAX_CONNECTIONS", (CONNECTIONS + OTHERS).to_string());
        let mut node = Running::start(command.arg("serve"));
        node.banner();
        let mut other = node.wire().await;
        other.send(get("/hello")).await;
        other.reply().await.assert_status(200);

        let before = node.resident_bytes();
        let _idle = connect(&node, count, used).await;
        other.send(get("/hello")).await;
        other.reply().await.assert_status(200);
        let grown = node.resident_bytes().saturating_sub(before);
        let each = grown / count as u64;
        eprintln!("{count} idle connections, used before: {used}: {each} bytes each");
        assert!(each < MOST_BYTES, "{each} bytes for each connection");
    }
}
