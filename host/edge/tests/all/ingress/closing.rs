//! A connection that the node closes while its client is still sending.

use std::time::Duration;

use super::node;
use crate::harness::{TestNode, fixture, get, post};

/// More than the node reads before it refuses, and more than a socket holds.
const REST: usize = 8 << 20;

/// A reset could take the reply with it (RFC 9112, section 9.6).
#[tokio::test]
async fn a_client_in_the_middle_of_its_body_gets_its_reply_and_no_reset() {
    let node = node().await;
    for target in ["/nowhere", "/hostile/echo"] {
        let mut wire = node.wire().await;
        wire.send(post(target, &format!("content-length: {REST}")))
            .await;
        assert!(wire.is_taken(&vec![b'x'; REST]).await, "{target}: a reset");
        let reply = wire.reply().await;
        assert!((400..500).contains(&reply.status), "{target}: {reply:?}");
        wire.assert_ended().await;
    }
}

#[tokio::test]
async fn a_client_that_never_closes_keeps_no_place() {
    let plugins = [fixture("hello"), fixture("hostile")];
    let node = TestNode::start(&plugins, |settings| settings.client.max_connections = 1).await;
    let mut stays = node.wire().await;
    let head = post("/hostile/echo", &format!("content-length: {REST}"));
    stays.send(head).await;
    stays.reply().await.assert_refusal(413);
    let mut next = node.wire().await;
    next.send(get("/hello")).await;
    next.reply().await.assert_status(200);
    stays.assert_closed().await;
}

#[tokio::test]
async fn a_node_that_stops_waits_for_no_client_to_close() {
    let short = |settings: &mut edge::config::Settings| {
        settings.stop.drain_timeout = Duration::from_secs(1);
    };
    let node = TestNode::start(&[fixture("hello")], short).await;
    let mut stays = node.wire().await;
    stays.send(get("/hello")).await;
    stays.reply().await.assert_status(200);
    assert!(node.stop().await, "nothing was in flight");
    stays.assert_closed().await;
}
