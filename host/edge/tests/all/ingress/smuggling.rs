//! Requests in which another one hides, for a server in front of the node, or
//! for the node itself, to be read as a request of its own.

use super::node;
use crate::harness::{TestNode, Wire, fixture, get, variant};

/// A request that leaves a trace: the instance counts it.
const HIDDEN: &str = "GET /hostile/count HTTP/1.1\r\nhost: shop\r\n\r\n";

/// A node whose one instance counts, and knows each request that reached it.
async fn counting() -> TestNode {
    let single = variant("hostile", "[limits]\ninstances = 1");
    TestNode::start(&[fixture("hello"), single], |_| {}).await
}

/// Check that nothing but this request has ever been counted.
async fn assert_first(node: &TestNode) {
    let reply = node.get("/hostile/count").await;
    reply.assert_status(200);
    assert_eq!(reply.text(), "1", "a hidden request was answered");
}

/// What is sent before the end of the head, and must make it no request: two
/// readers could tell the body's length differently.
const HEADS: [&str; 31] = [
    "transfer-encoding : chunked",
    "transfer-encoding\t: chunked",
    " transfer-encoding: chunked",
    "x: y\r\n transfer-encoding: chunked",
    "transfer-encoding: chunked\r\ntransfer-encoding: identity",
    "transfer-encoding: identity, chunked, identity",
    "transfer-encoding: \"chunked\"",
    "transfer-encoding: chunked;q=1",
    "transfer-encoding: \u{b}chunked",
    "transfer-encoding: chunke\u{17f}",
    "transfer-encoding: gzip, chunked",
    "transfer-encoding: gzip,chunked",
    "transfer-encoding: gzip\r\ntransfer-encoding: chunked",
    "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
    "transfer-encoding: chunked, chunked",
    "transfer-encoding: identity, chunked",
    "transfer-encoding: identity",
    "transfer-encoding: xchunked",
    "transfer-encoding: x, chunked",
    "transfer-encoding: , chunked",
    "transfer-encoding: chunked,",
    "transfer-encoding: gzip,\r\n chunked",
    "transfer-encoding:",
    "content-length: 4\r\ncontent-length: 5",
    "content-length: 4, 5",
    "content-length: 4 5",
    "content-length: 0x4",
    "content-length: 4.0",
    "content-length: ٤",
    "content-length: 18446744073709551617",
    "content-length : 4",
];

#[tokio::test]
async fn a_length_that_can_be_told_in_two_ways_is_refused() {
    let node = counting().await;
    for head in HEADS {
        eprintln!("{head:?}");
        let mut wire = node.wire().await;
        let request = format!("POST /hello HTTP/1.1\r\nhost: shop\r\n{head}\r\n\r\n");
        wire.send(format!("{request}0\r\n\r\n{HIDDEN}")).await;
        let reply = wire.reply().await;
        reply.assert_refusal(400);
        reply.assert_closes();
        wire.assert_closed().await;
    }
    assert_first(&node).await;
}

/// Also of the paths that no plugin serves.
#[tokio::test]
async fn only_chunked_is_a_transfer_coding() {
    let node = counting().await;
    for target in ["/hello", "/hostile/echo", "/livez", "/readyz", "/nowhere"] {
        for (version, head) in [
            ("HTTP/1.1", "transfer-encoding: gzip, chunked"),
            ("HTTP/1.0", "transfer-encoding: chunked"),
            ("HTTP/1.0", "transfer-encoding: gzip, chunked"),
        ] {
            let mut wire = node.wire().await;
            let request = format!("GET {target} {version}\r\nhost: shop\r\n{head}\r\n\r\n");
            wire.send(format!("{request}0\r\n\r\n{HIDDEN}")).await;
            let reply = wire.reply().await;
            assert_eq!(reply.status, 400, "{target} {version} {head}");
            wire.assert_closed().await;
        }
    }
    for coding in ["chunked", "Chunked", "CHUNKED", "\tchunked  "] {
        let mut wire = node.wire().await;
        let head =
            format!("POST /hostile/echo HTTP/1.1\r\nhost: shop\r\ntransfer-encoding:{coding}");
        wire.send(format!("{head}\r\n\r\n2\r\nhi\r\n0\r\n\r\n"))
            .await;
        let reply = wire.reply().await;
        reply.assert_status(200);
        assert_eq!(reply.text(), "hi", "{coding}");
    }
    assert_first(&node).await;
}

#[tokio::test]
async fn the_operators_port_takes_no_other_coding_either() {
    let node = node().await;
    for head in [
        "transfer-encoding: gzip, chunked",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
    ] {
        let mut wire = Wire::connect(node.admin_address()).await;
        let request = format!("GET /v1/openapi.yaml HTTP/1.1\r\nhost: shop\r\n{head}\r\n\r\n");
        wire.send(format!("{request}0\r\n\r\n")).await;
        let reply = wire.reply().await;
        assert_eq!(reply.status, 400, "{head}");
        wire.assert_closed().await;
    }
}

/// A carriage return alone ends nothing, and is in no value.
#[tokio::test]
async fn a_bare_carriage_return_is_refused() {
    let node = counting().await;
    for request in [
        "GET /hello HTTP/1.1\rhost: shop\r\r",
        "GET /hello HTTP/1.1\r\nhost: shop\r\nx: a\rtransfer-encoding: chunked\r\n\r\n",
        "GET /hello HTTP/1.1\r\nhost: shop\r\nx: a\r\r\n\r\n",
        "GET /hello\r HTTP/1.1\r\nhost: shop\r\n\r\n",
    ] {
        let mut wire = node.wire().await;
        wire.send(format!("{request}\r\n\r\n")).await;
        let reply = wire.reply().await;
        reply.assert_refusal(400);
        wire.assert_closed().await;
    }
    assert_first(&node).await;
}

/// Requests that are refused before their body is read.
fn refused_early() -> Vec<String> {
    let post =
        |target: &str, field: &str| format!("POST {target} HTTP/1.1\r\nhost: shop\r\n{field}");
    vec![
        post("/nowhere", ""),
        post("/hello", ""),
        post(&format!("/hello?{}", "a".repeat(9000)), ""),
        post("/hostile/echo", "content-encoding: gzip\r\n"),
        post(
            "/hostile/echo",
            &format!("x-long: {}\r\n", "a".repeat(17_000)),
        ),
        post("/hostile/echo", "host: other\r\n"),
        post("/hostile/echo", "expect: 100-continue\r\n"),
        "PROPFIND /hostile/echo HTTP/1.1\r\nhost: shop\r\n".to_owned(),
        "TRACE /hostile/echo HTTP/1.1\r\nhost: shop\r\n".to_owned(),
        "GET /hello HTTP/1.1\r\nhost: shop\r\n".to_owned(),
        "HEAD /hello HTTP/1.1\r\nhost: shop\r\n".to_owned(),
        "DELETE /hello HTTP/1.1\r\nhost: shop\r\n".to_owned(),
        "GET /livez HTTP/1.1\r\nhost: shop\r\n".to_owned(),
    ]
}

/// Everything that comes back, until the node closes or has answered `last`.
async fn answers(mut wire: Wire, last: &str) -> String {
    let mut said = String::new();
    while let Some(bytes) = wire.some().await {
        said += &String::from_utf8_lossy(&bytes);
        if said.contains(last) {
            break;
        }
    }
    said
}

#[tokio::test]
async fn the_body_of_a_request_is_never_the_next_request() {
    let node = counting().await;
    let chunked = format!("{:x}\r\n{HIDDEN}\r\n0\r\n\r\n", HIDDEN.len());
    let lengths = [
        (format!("content-length: {}", HIDDEN.len()), HIDDEN),
        ("transfer-encoding: chunked".to_owned(), chunked.as_str()),
    ];
    for head in refused_early() {
        for (length, body) in &lengths {
            let mut wire = node.wire().await;
            // And a request of its own behind it, which may be answered.
            let next = get("/hello");
            wire.send(format!("{head}{length}\r\n\r\n")).await;
            wire.try_send(format!("{body}{next}")).await;
            let said = answers(wire, "Hello, world!\n").await;
            let shown: String = head.chars().take(100).collect();
            assert!(said.starts_with("HTTP/1.1 "), "{shown}: {said}");
        }
    }
    assert_first(&node).await;
}

#[tokio::test]
async fn a_target_in_absolute_form_says_nothing_of_who_answers() {
    let node = node().await;
    for target in [
        "http://other.example/hello",
        "http://127.0.0.1:1/hello",
        "https://shop/hello",
        "HTTP://SHOP/hello",
        "http://user:password@shop/hello",
        "http://[::1]:99/hello",
    ] {
        let mut wire = node.wire().await;
        wire.send(get(target)).await;
        let reply = wire.reply().await;
        reply.assert_status(200);
        assert_eq!(reply.text(), "Hello, world!\n", "{target}");
    }
    for target in [
        "http://",
        "http:///hello",
        "http:hello",
        "://shop/hello",
        "ftp://shop/hello",
        "x://shop/hello",
        "file:///etc/passwd",
        "http://sh op/hello",
        "*",
    ] {
        let mut wire = node.wire().await;
        wire.send(get(target)).await;
        let reply = wire.reply().await;
        assert!((400..500).contains(&reply.status), "{target}: {reply:?}");
    }
}

#[tokio::test]
async fn no_client_waits_for_ever_whatever_it_expects() {
    let node = node().await;
    for expectation in ["100-continue, x", "200-ok", "x", ""] {
        let mut wire = node.wire().await;
        wire.send(format!(
            "POST /hostile/echo HTTP/1.1\r\nhost: shop\r\ncontent-length: 2\r\nexpect: {expectation}\r\n\r\n"
        ))
        .await;
        wire.send("hi").await;
        let reply = wire.reply().await;
        assert!(
            [200, 417].contains(&reply.status),
            "{expectation}: {reply:?}"
        );
    }
}

#[tokio::test]
async fn fields_of_no_sense_are_no_failure() {
    let node = node().await;
    for field in [
        "range: bytes=0-0,1-1,2-2",
        "range: bytes=18446744073709551615-",
        "if-none-match: \"",
        "if-modified-since: yesterday",
        "accept: ,;q=,*/*;q=nan",
        "accept-encoding: gzip;q=1e9",
        "cookie: edge-draw=;;;=;\u{ff}",
        "authorization: ",
        "user-key: Bearer \u{ff}",
        "x-forwarded-for: 127.0.0.1, , unknown, [::1",
        "forwarded: for=\"_hidden\"",
        "connection: close, host",
        "upgrade: h2c\r\nconnection: upgrade, http2-settings\r\nhttp2-settings: AAMAAABkAAQAAP__",
        "upgrade: websocket\r\nconnection: upgrade",
        "te: trailers, deflate;q=0.5",
        "trailer: content-length",
        "content-type: multipart/form-data; boundary=",
    ] {
        let mut wire = node.wire().await;
        wire.send(format!(
            "GET /hello HTTP/1.1\r\nhost: shop\r\n{field}\r\n\r\n"
        ))
        .await;
        let reply = wire.reply().await;
        reply.assert_status(200);
    }
}
