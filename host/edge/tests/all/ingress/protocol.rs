//! HTTP/1.0, 1.1 and 2, and what a connection is used for more than once.

use bytes::Bytes;
use http::{Request, Version};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::node;
use crate::harness::{TestNode, Wire, exchange, get, post, variant};

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let node = node().await;
    let mut wire = node.wire().await;
    for _ in 0..3 {
        wire.send(get("/hello")).await;
        let reply = wire.reply().await;
        reply.assert_status(200);
        assert!(reply.header("connection").is_none());
    }
    wire.send("GET /hello HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n")
        .await;
    wire.reply().await.assert_closes();
    wire.assert_closed().await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let node = node().await;
    let mut wire = node.wire().await;
    let slow = get("/hostile/sleep?ms=100");
    wire.send(format!("{slow}{}{}", get("/nowhere"), get("/hello")))
        .await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(wire.reply().await.status);
    }
    assert_eq!(statuses, [200, 404, 200]);
}

#[tokio::test]
async fn http_1_0_gets_an_answer_and_the_end_of_its_connection() {
    let node = node().await;
    let mut wire = node.wire().await;
    wire.send("GET /hello HTTP/1.0\r\n\r\n").await;
    let reply = wire.reply().await;
    reply.assert_status(200);
    assert_eq!(reply.text(), "Hello, world!\n");
    wire.assert_closed().await;

    let mut wire = node.wire().await;
    for _ in 0..2 {
        wire.send("GET /hello HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
            .await;
        wire.reply().await.assert_status(200);
    }
}

#[tokio::test]
async fn a_target_may_name_the_host() {
    let node = node().await;
    let mut wire = node.wire().await;
    wire.send(get("http://shop/api/v1/hostile/request?a=b"))
        .await;
    let seen = wire.reply().await.json();
    assert_eq!(seen["path"], "/hostile/request");
    assert_eq!(seen["query"], "a=b");
}

#[tokio::test]
async fn a_request_has_exactly_one_host() {
    let node = node().await;
    for hosts in [
        "",
        "host: shop\r\nhost: other\r\n",
        "host: shop\r\nhost: shop\r\n",
    ] {
        let mut wire = node.wire().await;
        wire.send(format!("GET /hello HTTP/1.1\r\n{hosts}\r\n"))
            .await;
        wire.reply().await.assert_refusal(400);
    }
}

/// What a body holds is the plugin's business: the host may not take any of
/// it for a message of its own, however the system cuts it into pieces.
#[tokio::test]
async fn a_body_that_looks_like_an_error_is_sent_as_it_is() {
    let roomy = "[limits]\nbody = '16 MiB'\nresponse = '16 MiB'\ncpu-time = '5s'";
    let node = TestNode::start(&[variant("hostile", roomy)], |_| {}).await;
    let mut wire = Wire::connect_with_window(node.address(), 4096).await;
    // The system likes round numbers: shift what would have to stand there.
    for shift in 0..4 {
        let looks = "HTTP/1.1 400".repeat(1 << 20);
        let body = format!("{:shift$}{looks}\r\ncontent-length: 0\r\n", "");
        wire.send(post(
            "/hostile/echo",
            &format!("content-length: {}", body.len()),
        ))
        .await;
        wire.send(&body).await;
        let reply = wire.reply().await;
        reply.assert_status(200);
        assert!(reply.body == body, "the body was changed on its way");
    }
}

fn http2() -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http()
}

#[tokio::test]
async fn http_2_works_with_prior_knowledge() {
    let node = node().await;
    let client = http2();
    let ask = async |request: http::request::Builder, body: Bytes| {
        let request = request
            .version(Version::HTTP_2)
            .body(Full::new(body))
            .unwrap();
        exchange(&client, request).await.unwrap()
    };
    let reply = ask(Request::get(node.url("/hello")), Bytes::new()).await;
    reply.assert_status(200);
    assert_eq!(reply.text(), "Hello, world!\n");
    assert!(reply.header("edge-request-id").is_some());

    let body = Bytes::from(vec![7; 60_000]);
    let reply = ask(Request::post(node.url("/hostile/echo")), body.clone()).await;
    reply.assert_status(200);
    assert_eq!(reply.body, body);

    ask(Request::get(node.url("/nowhere")), Bytes::new())
        .await
        .assert_status(404);
    ask(Request::put(node.url("/hello")), Bytes::new())
        .await
        .assert_refusal(405);
    let large = Bytes::from(vec![7; 70_000]);
    ask(Request::post(node.url("/hostile/echo")), large)
        .await
        .assert_refusal(413);
    let long = Request::get(node.url(&format!("/hello?{}", "a".repeat(9000))));
    ask(long, Bytes::new()).await.assert_refusal(414);
    let fat = Request::get(node.url("/hello")).header("x-fat", "a".repeat(17_000));
    ask(fat, Bytes::new()).await.assert_refusal(431);
    ask(Request::get(node.url("/hostile/trap")), Bytes::new())
        .await
        .assert_refusal(500);
    ask(Request::get(node.url("/hello")), Bytes::new())
        .await
        .assert_status(200);
}

#[tokio::test]
async fn http_2_answers_many_requests_at_once() {
    let node = node().await;
    let client = http2();
    let asking: Vec<_> = (0..100)
        .map(|_| {
            let request = Request::get(node.url("/hello")).version(Version::HTTP_2);
            let request = request.body(Full::default()).unwrap();
            let client = client.clone();
            tokio::spawn(async move { exchange(&client, request).await.unwrap() })
        })
        .collect();
    for reply in asking {
        reply.await.unwrap().assert_status(200);
    }
}
