//! The `wasi:http` handlers: any component that serves `wasi:http` is a plugin.

use std::path::Path;
use std::time::Duration;

use http::Method;

use crate::harness::{PluginFolder, TestNode, Wire, fixture, get, post, variant};

/// Those written in Rust, and their greetings.
const STANDARD: [(&str, &str); 2] = [
    ("standard-p2", "hello from wasi:http 0.2\n"),
    ("standard-p3", "hello from wasi:http 0.3\n"),
];

async fn greets_and_echoes(name: &str, greeting: &str) {
    let node = TestNode::start(&[fixture(name)], |_| {}).await;
    let path = format!("/{name}");

    let reply = node.get(&path).await;
    reply.assert_status(200);
    assert_eq!(reply.text(), greeting);
    assert_eq!(
        reply.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(
        reply.header("edge-release"),
        Some(format!("{name}@0.1.0").as_str())
    );
    assert!(reply.header("edge-request-id").is_some());
    for name in ["access-control-allow-origin", "set-cookie"] {
        assert_eq!(reply.header(name), None, "the host's to write");
    }

    for length in [0, 1, 60_000] {
        let body: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
        let reply = node.post(&format!("/api/v1{path}"), body.clone()).await;
        reply.assert_status(200);
        assert!(
            reply.body == body,
            "{length} bytes came back as {}",
            reply.body.len()
        );
    }

    let reply = node.request(Method::DELETE, &path).await;
    reply.assert_status(405);
    assert_eq!(reply.header("allow"), Some("GET, POST"));
}

#[tokio::test]
async fn wasi_http_0_2_greets_and_echoes() {
    let [(name, greeting), _] = STANDARD;
    greets_and_echoes(name, greeting).await;
}

#[tokio::test]
async fn wasi_http_0_3_greets_and_echoes() {
    let [_, (name, greeting)] = STANDARD;
    greets_and_echoes(name, greeting).await;
}

/// Its toolchain is not everyone's, so it is built on request only.
#[tokio::test]
async fn javascript_greets_and_echoes() {
    let component = "../../target/wasm32-wasip2/plugin/standard-js.wasm";
    if !Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(component)
        .exists()
    {
        eprintln!("skipped: standard-js.wasm is not built");
        return;
    }
    greets_and_echoes("standard-js", "hello from JavaScript\n").await;
}

/// Both kinds of handlers, each plugin with the same changes to its manifest.
fn both(changes: &str) -> Vec<PluginFolder> {
    STANDARD.map(|(name, _)| variant(name, changes)).into()
}

#[tokio::test]
async fn an_instance_is_free_again_after_each_request() {
    let node = TestNode::start(&both("[limits]\ninstances = 1"), |_| {}).await;
    for (name, _) in STANDARD {
        for _ in 0..20 {
            node.get(&format!("/{name}")).await.assert_status(200);
            node.post(&format!("/{name}"), "body")
                .await
                .assert_status(200);
        }
    }
}

#[tokio::test]
async fn pooled_instances_serve_one_request_after_another() {
    let pooled = "isolation = 'pooled'\n[limits]\ninstances = 2\nrequests-per-instance = 5";
    let node = TestNode::start(&both(pooled), |_| {}).await;
    for (name, greeting) in STANDARD {
        for _ in 0..12 {
            let reply = node.get(&format!("/{name}")).await;
            reply.assert_status(200);
            assert_eq!(reply.text(), greeting);
        }
    }
}

#[tokio::test]
async fn a_crowd_is_answered_or_sent_away() {
    let node = TestNode::start(&both("[limits]\ninstances = 4"), |_| {}).await;
    for (name, _) in STANDARD {
        let asking: Vec<_> = (0..100)
            .map(|_| node.spawn_get(&format!("/{name}")))
            .collect();
        for reply in asking {
            let reply = reply.await.expect("a reply");
            assert!([200, 503].contains(&reply.status), "{name}: {reply:?}");
        }
        node.until_status(&format!("/{name}"), 200).await;
    }
}

#[tokio::test]
async fn a_reply_over_the_limit_breaks_off() {
    let node = TestNode::start(&both("[limits]\ninstances = 1\nresponse = '1 KiB'"), |_| {}).await;
    for (name, _) in STANDARD {
        let mut wire = node.wire().await;
        wire.send(post(&format!("/{name}"), "content-length: 2048"))
            .await;
        wire.send([b'x'; 2048]).await;
        let received = wire.rest().await;
        let bytes = received.iter().filter(|byte| **byte == b'x').count();
        assert!(bytes < 2048, "{name}: all of it came");
        assert!(!received.ends_with(b"0\r\n\r\n"), "{name}: it looks whole");
        node.until_status(&format!("/{name}"), 200).await;
    }
}

/// A body on its way needs its instance in WASI 0.2; in 0.3 it is handed over.
#[tokio::test]
async fn a_client_that_does_not_read_holds_no_instance_past_the_deadline() {
    const LENGTH: usize = 24 << 20;
    let patient = "[limits]\ninstances = 1\ndeadline = '1s'\n\
                   body = '24 MiB'\nresponse = '24 MiB'\nmemory = '64 MiB'";
    let node = TestNode::start(&[variant("standard-p2", patient)], |settings| {
        settings.queue_timeout = Duration::from_millis(50);
    })
    .await;
    let mut wire = Wire::connect_with_window(node.address(), 4096).await;
    wire.send(post("/standard-p2", &format!("content-length: {LENGTH}")))
        .await;
    wire.send(vec![b'x'; LENGTH]).await;
    node.until_status("/standard-p2", 503).await;
    node.until_status("/standard-p2", 200).await;
}

#[tokio::test]
async fn clients_that_leave_give_their_instances_back() {
    let node = TestNode::start(&both("[limits]\ninstances = 1"), |_| {}).await;
    for (name, _) in STANDARD {
        for _ in 0..20 {
            let mut wire = node.wire().await;
            wire.send(get(&format!("/{name}"))).await;
        }
        node.until_status(&format!("/{name}"), 200).await;
    }
}
