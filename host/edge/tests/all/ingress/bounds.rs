//! Heads that are too large, by the host's own bounds and by those behind
//! them that hyper has.

use super::node;
use crate::harness::{Reply, TestNode, get};

/// The reply to a head, and the end of its connection.
async fn last_reply(node: &TestNode, head: impl AsRef<[u8]>) -> Reply {
    let mut wire = node.wire().await;
    wire.try_send(head).await;
    let reply = wire.reply().await;
    reply.assert_closes();
    wire.assert_closed().await;
    reply
}

fn with_field(length: usize) -> String {
    format!(
        "GET /hello HTTP/1.1\r\nhost: shop\r\nx-long: {}\r\n\r\n",
        "a".repeat(length)
    )
}

#[tokio::test]
async fn a_long_target_is_refused() {
    let node = node().await;
    let fits = format!("/hello?{}", "a".repeat(8 * 1024 - 7));
    node.get(&fits).await.assert_status(200);
    let mut wire = node.wire().await;
    wire.send(get(&format!("{fits}a"))).await;
    wire.reply().await.assert_refusal(414);
    // Nothing is wrong with the connection.
    wire.send(get("/hello")).await;
    wire.reply().await.assert_status(200);
}

#[tokio::test]
async fn a_target_too_long_for_hyper_is_refused_in_the_same_form() {
    let node = node().await;
    let target = format!("/hello?{}", "a".repeat(70_000));
    last_reply(&node, get(&target)).await.assert_refusal(414);
    node.get("/hello").await.assert_status(200);
}

#[tokio::test]
async fn large_header_fields_are_refused() {
    let node = node().await;
    let mut wire = node.wire().await;
    wire.send(with_field(16 * 1024)).await;
    wire.reply().await.assert_refusal(431);
    wire.send(with_field(15 * 1024)).await;
    wire.reply().await.assert_status(200);
}

#[tokio::test]
async fn header_fields_too_large_for_hyper_are_refused_in_the_same_form() {
    let node = node().await;
    last_reply(&node, with_field(200 * 1024))
        .await
        .assert_refusal(431);
    node.get("/hello").await.assert_status(200);
}

#[tokio::test]
async fn more_than_100_header_fields_are_refused() {
    let node = node().await;
    let fields =
        |count: usize| -> String { (0..count).map(|i| format!("x-{i}: {i}\r\n")).collect() };
    let mut wire = node.wire().await;
    wire.send(format!(
        "GET /hello HTTP/1.1\r\nhost: shop\r\n{}\r\n",
        fields(99)
    ))
    .await;
    wire.reply().await.assert_status(200);
    let many = format!("GET /hello HTTP/1.1\r\nhost: shop\r\n{}\r\n", fields(100));
    last_reply(&node, many).await.assert_refusal(431);
    node.get("/hello").await.assert_status(200);
}

#[tokio::test]
async fn connections_past_the_bound_wait_for_another_to_end() {
    let plugins = [crate::harness::fixture("hello")];
    let node = TestNode::start(&plugins, |settings| settings.client.max_connections = 1).await;
    // The one that the harness tried the port with may still be counted.
    let mut first = node.wire().await;
    first.send(get("/hello")).await;
    first.reply().await.assert_status(200);
    let mut second = node.wire().await;
    second.send(get("/hello")).await;
    let waiting = tokio::spawn(async move { second.reply().await });
    first.send(get("/hello")).await;
    first.reply().await.assert_status(200);
    assert!(!waiting.is_finished(), "the bound is passed");
    drop(first);
    waiting.await.unwrap().assert_status(200);
}
