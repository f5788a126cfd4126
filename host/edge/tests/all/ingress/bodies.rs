//! Request bodies: how their length is told, and how it must not be.

use super::node;
use crate::harness::{get, post};

#[tokio::test]
async fn a_body_comes_through_by_length_and_in_chunks() {
    let node = node().await;
    let mut wire = node.wire().await;
    wire.send(post("/hostile/echo", "content-length: 5")).await;
    wire.send([0, 255, 13, 10, 65]).await;
    assert_eq!(wire.reply().await.body.as_ref(), [0, 255, 13, 10, 65]);

    wire.send(post("/hostile/echo", "transfer-encoding: chunked"))
        .await;
    wire.send("3;name=value\r\nabc\r\n2\r\nde\r\n0\r\nx-trailer: yes\r\n\r\n")
        .await;
    assert_eq!(wire.reply().await.text(), "abcde");
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_taken() {
    let node = node().await;
    let body = vec![b'x'; 64 * 1024];
    let reply = node.post("/hostile/echo", body.clone()).await;
    reply.assert_status(200);
    assert_eq!(reply.body, body);
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_refused_unread() {
    let node = node().await;
    for announced in ["65537", "9223372036854775807"] {
        let mut wire = node.wire().await;
        wire.send(post(
            "/hostile/echo",
            &format!("content-length: {announced}"),
        ))
        .await;
        let reply = wire.reply().await;
        reply.assert_refusal(413);
        reply.assert_closes();
        wire.assert_closed().await;
    }
}

#[tokio::test]
async fn a_chunked_body_is_refused_once_it_is_too_large() {
    let node = node().await;
    let mut wire = node.wire().await;
    wire.send(post("/hostile/echo", "transfer-encoding: chunked"))
        .await;
    let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
    for _ in 0..3 {
        wire.try_send(&chunk).await;
    }
    let reply = wire.reply().await;
    reply.assert_refusal(413);
    reply.assert_closes();
    wire.assert_closed().await;
}

#[tokio::test]
async fn a_client_that_waits_for_100_is_told_to_go_on() {
    let node = node().await;
    let mut wire = node.wire().await;
    wire.send(post(
        "/hostile/echo",
        "content-length: 2\r\nexpect: 100-continue",
    ))
    .await;
    wire.bare_reply().await.assert_status(100);
    wire.send("hi").await;
    assert_eq!(wire.reply().await.text(), "hi");
}

#[tokio::test]
async fn a_client_that_waits_for_100_is_spared_a_body_that_is_too_large() {
    let node = node().await;
    let mut wire = node.wire().await;
    wire.send(post(
        "/hostile/echo",
        "content-length: 65537\r\nexpect: 100-continue",
    ))
    .await;
    let reply = wire.reply().await;
    reply.assert_refusal(413);
    reply.assert_closes();
    wire.assert_closed().await;
}

/// Two servers in a row that read such a request differently let one client
/// put a request into another's mouth (RFC 9112 section 11.2).
#[tokio::test]
async fn a_length_besides_chunks_smuggles_nothing() {
    let node = node().await;
    let hidden = get("/hostile/trap");
    let both = [
        "content-length: 5\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 5",
    ];
    for lengths in both {
        let mut wire = node.wire().await;
        wire.send(format!(
            "{}0\r\n\r\n{hidden}",
            post("/hostile/echo", lengths)
        ))
        .await;
        let reply = wire.reply().await;
        reply.assert_status(200);
        reply.assert_closes();
        wire.assert_closed().await;
    }
}

#[tokio::test]
async fn two_lengths_are_refused_unless_they_agree() {
    let node = node().await;
    let mut wire = node.wire().await;
    wire.send(post(
        "/hostile/echo",
        "content-length: 2\r\ncontent-length: 2",
    ))
    .await;
    wire.send("hi").await;
    assert_eq!(wire.reply().await.text(), "hi");

    for lengths in [
        "content-length: 2\r\ncontent-length: 3",
        "content-length: 2, 3",
    ] {
        let mut wire = node.wire().await;
        wire.send(post("/hostile/echo", lengths)).await;
        let reply = wire.reply().await;
        reply.assert_refusal(400);
        reply.assert_closes();
        wire.assert_closed().await;
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_request() {
    let node = node().await;
    let mut wire = node.wire().await;
    wire.send(post("/hostile/echo", "content-length: 10")).await;
    wire.send("half").await;
    wire.finish().await;
    // Whoever stopped sending may not be there to read that it was refused.
    let rest = String::from_utf8(wire.rest().await).unwrap();
    assert!(
        rest.is_empty() || rest.starts_with("HTTP/1.1 400 "),
        "{rest}"
    );
    node.get("/hello").await.assert_status(200);
}

#[tokio::test]
async fn a_malformed_chunk_is_refused() {
    let node = node().await;
    for chunk in [
        "zz\r\nabc\r\n",
        "-1\r\nabc\r\n",
        "3\r\nabcdef\r\n",
        "fffffffffffffffff\r\nabc",
    ] {
        let mut wire = node.wire().await;
        wire.send(post("/hostile/echo", "transfer-encoding: chunked"))
            .await;
        wire.send(chunk).await;
        let reply = wire.reply().await;
        reply.assert_refusal(400);
        wire.assert_closed().await;
    }
}
