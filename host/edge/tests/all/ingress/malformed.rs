//! Bytes that are no HTTP request.

use super::node;
use crate::harness::get;

#[tokio::test]
async fn what_is_no_request_is_refused_and_its_connection_closed() {
    let node = node().await;
    let malformed: &[&[u8]] = &[
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0\0\0\0\0",
        b"nonsense\r\n\r\n",
        b"GET /hello\r\n\r\n",
        b"GET  /hello HTTP/1.1\r\nhost: shop\r\n\r\n",
        b"GET /hello HTTP/1.9\r\nhost: shop\r\n\r\n",
        b"GET /hello HTTP/3.0\r\nhost: shop\r\n\r\n",
        b"GET /hel\x01lo HTTP/1.1\r\nhost: shop\r\n\r\n",
        b"G\xc3\x84T /hello HTTP/1.1\r\nhost: shop\r\n\r\n",
        b"GET /hello HTTP/1.1\r\nhost: shop\r\nno colon\r\n\r\n",
        b"GET /hello HTTP/1.1\r\nhost: shop\r\nx-a : blank before colon\r\n\r\n",
        b"GET /hello HTTP/1.1\r\nhost: shop\r\n: no name\r\n\r\n",
        b"GET /hello HTTP/1.1\r\nhost: shop\r\nx-a: b\0c\r\n\r\n",
        b"GET /hello HTTP/1.1\r\nhost: shop\r\n folded: line\r\n\r\n",
        b"POST /hello HTTP/1.1\r\nhost: shop\r\ncontent-length: -1\r\n\r\n",
        b"POST /hello HTTP/1.1\r\nhost: shop\r\ncontent-length: +1\r\n\r\n",
        b"POST /hello HTTP/1.1\r\nhost: shop\r\ncontent-length: 1e3\r\n\r\n",
        b"POST /hello HTTP/1.1\r\nhost: shop\r\ncontent-length: \r\n\r\n",
        b"POST /hello HTTP/1.1\r\nhost: shop\r\ntransfer-encoding: gzip\r\n\r\n",
        b"POST /hello HTTP/1.1\r\nhost: shop\r\ntransfer-encoding: xchunked\r\n\r\n",
        b"POST /hello HTTP/1.1\r\nhost: shop\r\ntransfer-encoding: chunked, identity\r\n\r\n",
        b"POST /hello HTTP/1.0\r\nhost: shop\r\ntransfer-encoding: chunked\r\n\r\n",
    ];
    for bytes in malformed {
        eprintln!("{}", String::from_utf8_lossy(bytes));
        let mut wire = node.wire().await;
        wire.send(bytes).await;
        let reply = wire.reply().await;
        reply.assert_refusal(400);
        reply.assert_closes();
        wire.assert_closed().await;
    }
    node.get("/hello").await.assert_status(200);
}

#[tokio::test]
async fn a_target_without_a_path_is_refused() {
    let node = node().await;
    let mut wire = node.wire().await;
    for target in ["hello", "shop:80"] {
        wire.send(get(target)).await;
        wire.reply().await.assert_refusal(400);
    }
}

#[tokio::test]
async fn a_good_request_is_answered_before_a_malformed_one() {
    let node = node().await;
    for pause in [false, true] {
        let mut wire = node.wire().await;
        wire.send(get("/hello")).await;
        if pause {
            wire.reply().await.assert_status(200);
        }
        wire.send("nonsense\r\n\r\n").await;
        if !pause {
            wire.reply().await.assert_status(200);
        }
        let reply = wire.reply().await;
        reply.assert_refusal(400);
        reply.assert_closes();
        wire.assert_closed().await;
    }
}

#[tokio::test]
async fn a_malformed_request_right_behind_good_ones_is_refused_in_the_same_form() {
    let node = node().await;
    let mut wire = node.wire().await;
    wire.send(format!("{0}{0}nonsense\r\n\r\n", get("/hello")))
        .await;
    wire.reply().await.assert_status(200);
    wire.reply().await.assert_status(200);
    let reply = wire.reply().await;
    reply.assert_refusal(400);
    wire.assert_closed().await;
}

#[tokio::test]
async fn empty_lines_before_a_request_are_skipped() {
    let node = node().await;
    let mut wire = node.wire().await;
    wire.send(format!("\r\n\r\n{}", get("/hello"))).await;
    wire.reply().await.assert_status(200);
}
