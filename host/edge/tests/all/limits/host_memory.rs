//! What the host keeps for an instance: bounded for each, given back with it,
//! and of no consequence to others.

use crate::harness::{Running, TestNode, data_folder, edge, fixture, get, variant};
use crate::outbound::server::Server;

/// Everything that can be leaked: what the host would keep of each, and how
/// many bytes are asked for.
const LEAKS: [(&str, u64); 8] = [
    ("fields", 60_000),
    ("fields", 1 << 20),
    ("timers", 0),
    ("bodies", 1 << 20),
    ("methods", 8 << 20),
    ("authorities", 8 << 20),
    ("paths", 60_000),
    ("tcp", 0),
];

/// Requests for each.
const ROUNDS: usize = 6;

/// Growth that will do: a few instances at their limits, and what the node
/// itself takes while it is busy.
const MOST_GROWTH: u64 = 320 << 20;

async fn hostile(changes: &str) -> TestNode {
    TestNode::start(&[fixture("hello"), variant("hostile", changes)], |_| {}).await
}

#[tokio::test]
async fn leaked_resources_do_not_make_the_node_grow() {
    let leaky = variant(
        "hostile",
        "[limits]\ncpu-time = '2s'\ndeadline = '4s'\ninstances = 4",
    );
    let hello = fixture("hello");
    let folder = data_folder();
    let plugins = [&leaky, &hello].map(|plugin| plugin.path().display().to_string());
    let mut command = edge(folder.path());
    command.env("EDGE_PLUGINS", plugins.join(","));
    let mut node = Running::start(command.arg("serve"));
    node.banner();
    let mut wire = node.wire().await;
    for target in ["/hello", "/hostile/count"] {
        wire.send(get(target)).await;
        wire.reply().await.assert_status(200);
    }
    let before = node.resident_bytes();
    for (what, bytes) in LEAKS {
        for _ in 0..ROUNDS {
            wire.send(get(&format!("/hostile/leak?what={what}&bytes={bytes}")))
                .await;
            let reply = wire.reply().await;
            assert!([200, 500, 504].contains(&reply.status), "{what}: {reply:?}");
            wire.send(get("/hello")).await;
            wire.reply().await.assert_status(200);
        }
        let grown = node.peak_bytes().saturating_sub(before);
        assert!(
            grown < MOST_GROWTH,
            "{what} of {bytes}: {} MiB",
            grown >> 20
        );
    }
}

#[tokio::test]
async fn a_request_that_holds_too_much_ends() {
    let node = hostile("").await;
    for what in ["fields", "timers", "bodies"] {
        let few = format!("/hostile/leak?what={what}&n=100&bytes=100");
        let reply = node.get(&few).await;
        reply.assert_status(200);
        assert_eq!(reply.text(), "100", "{what}");
        let many = format!("/hostile/leak?what={what}&n=1000&bytes=100");
        node.get(&many).await.assert_refusal(500);
        node.get("/hello").await.assert_status(200);
    }
}

/// What an instance holds is bounded by what each of its resources may hold.
#[tokio::test]
async fn no_resource_holds_more_than_a_little() {
    let node = hostile("").await;
    for (what, bytes, got) in [
        ("methods", 64, "1"),
        ("methods", 65, "0"),
        ("authorities", 1 << 10, "1"),
        ("authorities", 1025, "0"),
        ("paths", 8000, "1"),
        ("paths", 8200, "0"),
        ("fields", 60_000, "1"),
    ] {
        let leak = format!("/hostile/leak?what={what}&n=1&bytes={bytes}");
        let reply = node.get(&leak).await;
        reply.assert_status(200);
        assert_eq!(reply.text(), got, "{what} of {bytes} bytes");
    }
    let long = "/hostile/leak?what=fields&n=1&bytes=70000";
    node.get(long).await.assert_refusal(500);
}

#[tokio::test]
async fn there_are_no_sockets_to_leak() {
    let node = hostile("").await;
    for what in ["tcp", "udp"] {
        let reply = node.get(&format!("/hostile/leak?what={what}&n=1")).await;
        reply.assert_status(200);
        assert_eq!(reply.text(), "0", "{what}");
    }
}

/// Each open call is a connection.
#[tokio::test]
async fn calls_out_that_are_open_at_once_are_bounded() {
    let server = Server::start().await;
    let node = hostile(&format!("[grants]\noutbound = ['{}']", server.origin())).await;
    for (n, got) in [(64, "64"), (100, "64"), (10, "10")] {
        let calls = format!("/hostile/calls?n={n}&authority=127.0.0.1:{}", server.port());
        let reply = node.get(&calls).await;
        reply.assert_status(200);
        assert_eq!(reply.text(), got, "of {n}");
    }
}

#[tokio::test]
async fn an_instance_that_leaked_answers_no_other_request() {
    let node = hostile("[limits]\ninstances = 1").await;
    let count = async || node.get("/hostile/count").await.text().to_owned();
    assert_eq!(count().await, "1");
    // Its standard streams would be as many.
    node.get("/hostile/leak?what=timers&n=4")
        .await
        .assert_status(200);
    assert_eq!(count().await, "2");
    node.get("/hostile/leak?what=timers&n=10")
        .await
        .assert_status(200);
    assert_eq!(count().await, "1", "a fresh one");
}

#[tokio::test]
async fn an_instance_that_grew_to_its_limit_answers_no_other_request() {
    let node = hostile("[limits]\ninstances = 1\nmemory = '16 MiB'\nresponse = '16 MiB'").await;
    let count = async || node.get("/hostile/count").await.text().to_owned();
    assert_eq!(count().await, "1");
    node.get("/hostile/huge?bytes=1000000")
        .await
        .assert_status(200);
    assert_eq!(count().await, "2");
    node.get("/hostile/huge?bytes=13631488")
        .await
        .assert_status(200);
    assert_eq!(count().await, "1", "a fresh one");
}

#[tokio::test]
async fn wasis_functions_are_calls_into_the_host_too() {
    let node = hostile("[limits]\nhost-calls = 10").await;
    for _ in 0..3 {
        let reply = node.get("/hostile/clock?n=800").await;
        reply.assert_status(200);
        assert_eq!(reply.text(), "800");
    }
    node.get("/hostile/clock?n=2000").await.assert_refusal(500);
    node.get("/hostile/clock?n=800").await.assert_status(200);
}

#[tokio::test]
async fn one_call_brings_no_more_than_a_little() {
    let node = hostile("").await;
    let reply = node.get("/hostile/random?bytes=1048576").await;
    reply.assert_status(200);
    assert_eq!(reply.text(), "1048576");
    node.get("/hostile/random?bytes=2097152")
        .await
        .assert_refusal(500);
    node.get("/hostile/wait?n=5000").await.assert_status(200);
    node.get("/hostile/wait?n=100000").await.assert_refusal(500);
    node.get("/hello").await.assert_status(200);
}

/// Of what the component model keeps for concurrent calls.
#[tokio::test]
async fn streams_and_tasks_are_bounded() {
    for isolation in ["request", "pooled"] {
        let changes = format!("isolation = '{isolation}'\n[limits]\ndeadline = '2s'");
        let plugins = [fixture("standard-p2"), variant("standard-p3", &changes)];
        let node = TestNode::start(&plugins, |_| {}).await;
        for what in ["streams", "timers"] {
            for _ in 0..3 {
                let leak = format!("/standard-p3/leak/{what}");
                node.get(&leak).await.assert_refusal(500);
            }
            for target in ["/standard-p2", "/standard-p3"] {
                node.get(target).await.assert_status(200);
            }
        }
    }
}
