//! How long a client is waited for.

use std::time::{Duration, Instant};

use edge::config::Settings;

use crate::harness::{TestNode, Wire, fixture, get, post, variant};

/// Short enough to wait for in a test, and longer than any of these requests
/// takes by itself.
const SHORT: Duration = Duration::from_millis(400);
const STEP: Duration = Duration::from_millis(50);

async fn node(change: impl FnOnce(&mut Settings)) -> TestNode {
    TestNode::start(&[fixture("hello"), fixture("hostile")], change).await
}

#[tokio::test]
async fn a_head_that_does_not_end_is_told_so() {
    let node = node(|settings| settings.client.head_timeout = SHORT).await;
    for begun in [
        "G",
        "GET /hello HTTP/1.1\r\nhost: sh",
        "GET /hello HTTP/1.1\r\nhost: shop\r\n",
    ] {
        let mut wire = node.wire().await;
        wire.send(begun).await;
        let reply = wire.reply().await;
        reply.assert_refusal(408);
        reply.assert_closes();
        wire.assert_closed().await;
    }
}

#[tokio::test]
async fn a_head_that_drips_gains_no_time() {
    let node = node(|settings| settings.client.head_timeout = SHORT).await;
    let mut wire = node.wire().await;
    wire.send("GET /hello HTTP/1.1\r\nx-drip: ").await;
    for _ in 0..2 * SHORT.as_millis() / STEP.as_millis() {
        wire.try_send("a").await;
        tokio::time::sleep(STEP).await;
    }
    wire.reply().await.assert_refusal(408);
}

#[tokio::test]
async fn the_second_head_of_a_connection_is_waited_for_no_longer() {
    let node = node(|settings| settings.client.head_timeout = SHORT).await;
    let mut wire = node.wire().await;
    wire.send(get("/hello")).await;
    wire.reply().await.assert_status(200);
    wire.send("GET /hello").await;
    wire.reply().await.assert_refusal(408);
    wire.assert_closed().await;
}

/// The first bytes of HTTP/2 are no way around the time-out.
#[tokio::test]
async fn a_beginning_of_http_2_that_does_not_go_on_is_given_up() {
    let node = node(|settings| {
        settings.client.head_timeout = SHORT;
        settings.client.idle_timeout = SHORT;
    })
    .await;
    let mut fresh = node.wire().await;
    fresh.send("PRI ").await;
    fresh.rest().await;

    let mut used = node.wire().await;
    used.send(get("/hello")).await;
    used.reply().await.assert_status(200);
    used.send("PRI ").await;
    used.rest().await;
}

#[tokio::test]
async fn a_body_that_does_not_end_is_told_so() {
    let node = node(|settings| settings.client.body_timeout = SHORT).await;
    for field in ["content-length: 10", "transfer-encoding: chunked"] {
        let mut wire = node.wire().await;
        wire.send(post("/hostile/echo", field)).await;
        wire.send("5\r\n").await;
        let reply = wire.reply().await;
        reply.assert_refusal(408);
        reply.assert_closes();
        wire.assert_closed().await;
    }
}

#[tokio::test]
async fn a_slow_body_is_waited_for_within_its_time() {
    let node = node(|settings| settings.client.idle_timeout = SHORT).await;
    let mut wire = node.wire().await;
    wire.send(post("/hostile/echo", "content-length: 2")).await;
    wire.send("h").await;
    tokio::time::sleep(3 * SHORT).await;
    wire.send("i").await;
    assert_eq!(wire.reply().await.text(), "hi");
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_a_word() {
    let node = node(|settings| settings.client.idle_timeout = SHORT).await;
    node.wire().await.assert_closed().await;

    let mut used = node.wire().await;
    used.send(get("/hello")).await;
    used.reply().await.assert_status(200);
    used.assert_closed().await;
}

#[tokio::test]
async fn an_idle_connection_of_http_2_is_closed_as_well() {
    let node = node(|settings| settings.client.idle_timeout = SHORT).await;
    let mut wire = node.wire().await;
    // The preface, and a frame of settings with none in it.
    wire.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    wire.send([0, 0, 0, 4, 0, 0, 0, 0, 0]).await;
    let began = Instant::now();
    wire.rest().await;
    // A client that answers no ping is given up as well, but only after this.
    assert!(began.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn a_client_that_waits_for_its_answer_is_not_idle() {
    let node = node(|settings| settings.client.idle_timeout = SHORT).await;
    let mut wire = node.wire().await;
    let longer = 3 * SHORT.as_millis();
    wire.send(get(&format!("/hostile/sleep?ms={longer}"))).await;
    wire.reply().await.assert_status(200);
}

/// More than the system holds for a client that does not read.
const LARGE: usize = 32 << 20;

/// A node that gives large replies, and a client to which one is under way,
/// and which takes few bytes at once.
async fn large_reply(idle_timeout: Duration) -> (TestNode, Wire) {
    let roomy = "[limits]\nresponse = '32 MiB'\ncpu-time = '5s'";
    let node = TestNode::start(&[variant("hostile", roomy)], |settings| {
        settings.client.idle_timeout = idle_timeout;
    })
    .await;
    let mut wire = Wire::connect_with_window(node.address(), 64 * 1024).await;
    wire.send(get(&format!("/hostile/huge?bytes={LARGE}")))
        .await;
    wire.bare_reply().await.assert_status(200);
    (node, wire)
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_its_whole_answer() {
    let idle_timeout = 2 * SHORT;
    let (_node, mut wire) = large_reply(idle_timeout).await;
    let began = Instant::now();
    let mut read = 0;
    while read < LARGE {
        let bytes = wire.some().await;
        read += bytes
            .unwrap_or_else(|| panic!("broke off after {read}"))
            .len();
        if began.elapsed() < 2 * idle_timeout {
            tokio::time::sleep(STEP / 10).await;
        }
    }
    assert_eq!(read, LARGE);
    assert!(began.elapsed() > idle_timeout, "it was not slow");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_given_up() {
    let (_node, wire) = large_reply(SHORT).await;
    tokio::time::sleep(4 * SHORT).await;
    let read = wire.rest().await.len();
    assert!(read < LARGE, "the connection was kept");
}
