//! Paths, methods, and what every reply carries.

use http::{Method, Request};

use super::node;
use crate::harness::{TestNode, fixture, get};

#[tokio::test]
async fn an_unknown_path_has_the_contracts_body() {
    let node = node().await;
    let unknown = [
        "/",
        "/nowhere",
        "/hell",
        "/hellos",
        "//hello",
        "/Hellos",
        "/api/v1",
        "/api/v1/nowhere",
        "/api/v10/hello",
        "/api/v1/api/v1/hello",
        "/hostile/nowhere",
    ];
    for path in unknown {
        let reply = node.get(path).await;
        reply.assert_status(404);
        assert_eq!(
            reply.text(),
            r#"{"message":"Endpoint not found."}"#,
            "{path}"
        );
        assert_eq!(
            reply.header("content-type"),
            Some("application/json; charset=utf-8")
        );
        assert!(reply.header("edge-request-id").is_some(), "{path}");
    }
}

#[tokio::test]
async fn a_prefix_is_found_in_any_case() {
    let node = node().await;
    for path in ["/Hello", "/API/V1/HELLO"] {
        let reply = node.get(path).await;
        reply.assert_status(200);
        assert_eq!(reply.text(), "Hello, world!\n", "{path}");
    }
    let seen = node.get("/HOSTILE/request?A=b").await.json();
    assert_eq!(seen["path"], "/hostile/request");
    assert_eq!(seen["query"], "A=b");
    // Without a document, the rest of a path is the plugin's own affair.
    let reply = node.get("/hostile/Request").await;
    reply.assert_status(404);
}

#[tokio::test]
async fn every_reply_names_its_request_and_its_release() {
    let node = node().await;
    let (first, second) = (node.get("/hello").await, node.get("/hello").await);
    for reply in [&first, &second] {
        reply.assert_status(200);
        assert_eq!(reply.text(), "Hello, world!\n");
        assert_eq!(reply.header("edge-release"), Some("hello@0.1.0"));
        assert!(reply.header("date").is_some());
        assert!(reply.header("server").is_none());
    }
    assert_ne!(
        first.header("edge-request-id"),
        second.header("edge-request-id")
    );
    let refused = node.get("/hostile/trap").await;
    assert_eq!(refused.header("edge-release"), Some("hostile@0.1.0"));
}

#[tokio::test]
async fn the_mount_is_a_setting() {
    let node = TestNode::start(&[fixture("hello")], |settings| {
        settings.mount_path = Some("/shop".to_owned());
    })
    .await;
    for (path, status) in [
        ("/hello", 200),
        ("/shop/hello", 200),
        ("/api/v1/hello", 404),
    ] {
        node.get(path).await.assert_status(status);
    }
}

#[tokio::test]
async fn the_mount_leads_to_the_same_plugins() {
    let node = node().await;
    let reply = node.get("/api/v1/hello").await;
    reply.assert_status(200);
    let seen = node
        .get("/api/v1/hostile/request?page=2&mount=/api/v1")
        .await
        .json();
    assert_eq!(seen["path"], "/hostile/request");
    assert_eq!(seen["query"], "page=2&mount=/api/v1");
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let node = node().await;
    for (method, path) in [
        (Method::POST, "/hello"),
        (Method::DELETE, "/api/v1/hello/below"),
    ] {
        let reply = node.request(method, path).await;
        reply.assert_refusal(405);
        assert_eq!(reply.header("allow"), Some("GET, HEAD, OPTIONS"));
    }
    let reply = node.get("/hostile/echo").await;
    reply.assert_refusal(405);
    assert_eq!(reply.header("allow"), Some("POST, OPTIONS"));
}

#[tokio::test]
async fn a_method_that_no_plugin_may_be_asked_for_is_refused() {
    let node = node().await;
    let heads = [
        "TRACE /hello HTTP/1.1",
        "CONNECT shop:80 HTTP/1.1",
        "PROPFIND /hello HTTP/1.1",
        "get /hello HTTP/1.1",
        "Get /hello HTTP/1.1",
    ];
    for head in heads {
        let mut wire = node.wire().await;
        wire.send(format!("{head}\r\nhost: shop\r\n\r\n")).await;
        let reply = wire.reply().await;
        reply.assert_refusal(405);
        let allow = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
        assert_eq!(reply.header("allow"), Some(allow), "{head}");
    }
}

#[tokio::test]
async fn where_no_route_leads_no_method_is_wrong() {
    let node = node().await;
    for method in ["TRACE", "PROPFIND", "get"] {
        let mut wire = node.wire().await;
        wire.send(format!("{method} /nowhere HTTP/1.1\r\nhost: shop\r\n\r\n"))
            .await;
        wire.reply().await.assert_status(404);
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let node = node().await;
    let mut wire = node.wire().await;
    for (path, status, length) in [("/hello", 200, "14"), ("/nowhere", 404, "33")] {
        wire.send(format!("HEAD {path} HTTP/1.1\r\nhost: shop\r\n\r\n"))
            .await;
        let reply = wire.bare_reply().await;
        reply.assert_status(status);
        assert_eq!(reply.header("content-length"), Some(length));
    }
    // A body would stand before this reply.
    wire.send(get("/hello")).await;
    assert_eq!(wire.reply().await.text(), "Hello, world!\n");
}

#[tokio::test]
async fn options_lists_the_methods() {
    let node = node().await;
    let reply = node.request(Method::OPTIONS, "/hello").await;
    reply.assert_status(200);
    assert_eq!(reply.header("allow"), Some("GET, HEAD, OPTIONS"));
    assert!(reply.body.is_empty());
}

#[tokio::test]
async fn errors_come_as_problem_details_to_who_accepts_them() {
    let node = node().await;
    for (path, status) in [
        ("/nowhere", 404),
        ("/hostile/trap", 500),
        ("/hostile/echo", 405),
    ] {
        let request = Request::get(node.url(path))
            .header("accept", "application/json;q=0.5, application/problem+json");
        let reply = node.send(request, "").await;
        reply.assert_status(status);
        assert_eq!(
            reply.header("content-type"),
            Some("application/problem+json")
        );
        let problem = reply.json();
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["code"], format!("HTTP_{status}"), "{problem}");
        assert_eq!(
            problem["request_id"],
            reply.header("edge-request-id").unwrap(),
            "{problem}"
        );
        for text in ["type", "title", "detail"] {
            assert!(problem[text].is_string(), "{text} is missing: {problem}");
        }
    }
}

#[tokio::test]
async fn a_plugin_sees_the_request_as_it_was_sent() {
    let node = node().await;
    let mut wire = node.wire().await;
    wire.send("GET /hostile/request?a=%zz&b=%F0%9F%98%80&c=%00;+ HTTP/1.1\r\nHOST: shop\r\n")
        .await;
    wire.send(b"X-Bytes: a\xff\xe9b\r\nX-Twice: one\r\nx-twice: two\r\n\r\n")
        .await;
    let reply = wire.reply().await;
    reply.assert_status(200);
    let seen = reply.json();
    assert_eq!(seen["query"], "a=%zz&b=%F0%9F%98%80&c=%00;+");
    assert_eq!(seen["method"], "GET");
    assert_eq!(seen["client"], "127.0.0.1");
    assert_eq!(seen["id"], reply.header("edge-request-id").unwrap());
    let expected = serde_json::json!([
        ["host", "shop"],
        ["x-bytes", "a\u{fffd}\u{fffd}b"],
        ["x-twice", "one"],
        ["x-twice", "two"],
    ]);
    assert_eq!(seen["headers"], expected);
}
