//! Servers that do not do what a server should: what a plugin learns of it,
//! above all whether its request may have had an effect.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Server, fetch, fetch_with, granted, node};
use crate::harness::TestNode;

/// Check that the call failed like this, and soon enough.
async fn assert_fails(node: &TestNode, url: &str, more: &str, error: &str) -> Value {
    let began = Instant::now();
    let answer = fetch_with(node, url, more).await;
    assert_eq!(answer["error"], error, "{url}: {answer}");
    assert!(began.elapsed() < Duration::from_secs(8), "{url}: {answer}");
    answer
}

#[tokio::test]
async fn what_cannot_be_reached_was_not_sent() {
    let closed = {
        let server = Server::start().await;
        server.origin()
    };
    let unknown = "http://name.invalid";
    let node = TestNode::start(&[granted(&[&closed, unknown], "")], |_| {}).await;
    assert_fails(&node, &format!("{closed}/"), "", "unreachable").await;
    assert_fails(&node, &format!("{unknown}/"), "", "unreachable").await;
}

#[tokio::test]
async fn without_tls_nothing_was_sent() {
    let server = Server::start().await;
    let origin = server.origin().replace("http:", "https:");
    let node = TestNode::start(&[granted(&[&origin], "")], |_| {}).await;
    // It answers in plain text, or waits for the end of a line for ever.
    assert_fails(
        &node,
        &format!("{origin}/hello"),
        "&timeout_ms=500",
        "unreachable",
    )
    .await;
}

#[tokio::test]
async fn what_was_sent_and_not_answered_is_unknown() {
    let server = Server::start().await;
    let node = node(&server, "").await;
    for path in ["/silent", "/stalled"] {
        assert_fails(&node, &server.url(path), "&timeout_ms=200", "unknown").await;
    }
    for path in ["/closed", "/cut", "/cut-chunk", "/garbage", "/long-head"] {
        assert_fails(&node, &server.url(path), "", "unknown").await;
    }
    // None of it harms the next call.
    let answer = fetch(&node, &server.url("/hello")).await;
    assert_eq!(answer["start"], "hello", "{answer}");
}

#[tokio::test]
async fn a_call_ends_before_its_request_does() {
    let server = Server::start().await;
    let node = node(&server, "[limits]\ndeadline = '1s'").await;
    for path in ["/silent", "/stalled"] {
        assert_fails(&node, &server.url(path), "&timeout_ms=60000", "unknown").await;
    }
}

#[tokio::test]
async fn a_reply_is_no_longer_than_eight_mebibytes() {
    let server = Server::start().await;
    let node = node(
        &server,
        "[limits]\nmemory = '128 MiB'\ncpu-time = '10s'\ndeadline = '20s'",
    )
    .await;
    let most = fetch(&node, &server.url("/bytes/8388608")).await;
    assert_eq!(most["bytes"], 8 << 20, "{most}");
    for path in ["/bytes/8388609", "/chunks/8388609"] {
        let answer = fetch(&node, &server.url(path)).await;
        assert_eq!(answer["error"], "unknown", "{path}: {answer}");
    }
}
