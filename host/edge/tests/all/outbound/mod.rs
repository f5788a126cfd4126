//! Calls out of a plugin, to servers of the tests' own.

mod failures;
mod grants;
pub mod server;

use serde_json::Value;
use url::form_urlencoded;

use self::server::Server;
use crate::harness::{PluginFolder, TestNode, variant};

/// The fixture with these origins granted, and `changes` made besides.
fn granted(origins: &[&str], changes: &str) -> PluginFolder {
    variant(
        "fetch",
        &format!("{changes}\n[grants]\noutbound = {origins:?}"),
    )
}

/// A node whose plugin may call `server`.
async fn node(server: &Server, changes: &str) -> TestNode {
    TestNode::start(&[granted(&[&server.origin()], changes)], |_| {}).await
}

/// What came of a call to `url`.
async fn fetch(node: &TestNode, url: &str) -> Value {
    fetch_with(node, url, "").await
}

/// The same, with more for the fixture to know: `&times=2`.
async fn fetch_with(node: &TestNode, url: &str, more: &str) -> Value {
    let url: String = form_urlencoded::byte_serialize(url.as_bytes()).collect();
    let reply = node.get(&format!("/fetch?url={url}{more}")).await;
    reply.assert_status(200);
    reply.json()
}

#[tokio::test]
async fn a_granted_server_answers() {
    let server = Server::start().await;
    let node = node(&server, "").await;
    let answer = fetch(&node, &server.url("/hello")).await;
    assert_eq!(answer["status"], 200, "{answer}");
    assert_eq!(answer["start"], "hello", "{answer}");
    let missing = fetch(&node, &server.url("/missing")).await;
    assert_eq!(missing["status"], 404, "{missing}");
}

#[tokio::test]
async fn one_connection_serves_many_calls() {
    let server = Server::start().await;
    let node = node(&server, "").await;
    let answer = fetch_with(&node, &server.url("/hello"), "&times=5").await;
    assert_eq!(answer["start"], "hello", "{answer}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_body_goes_out_whole() {
    let server = Server::start().await;
    let node = node(&server, "").await;
    let url: String = form_urlencoded::byte_serialize(server.url("/count").as_bytes()).collect();
    for bytes in [0, 1, 60_000] {
        let reply = node
            .post(&format!("/fetch?url={url}"), "x".repeat(bytes))
            .await;
        reply.assert_status(200);
        assert_eq!(reply.json()["start"], bytes.to_string(), "{reply:?}");
    }
}

#[tokio::test]
async fn a_server_may_require_the_length_of_a_body() {
    let server = Server::start().await;
    let node = node(&server, "").await;
    let url = server.url("/length-required");
    let url: String = form_urlencoded::byte_serialize(url.as_bytes()).collect();
    for bytes in [0, 1, 60_000] {
        let reply = node
            .post(&format!("/fetch?url={url}"), "x".repeat(bytes))
            .await;
        assert_eq!(reply.json()["start"], bytes.to_string(), "{reply:?}");
    }
}

#[tokio::test]
async fn redirects_are_the_plugins_to_follow() {
    let server = Server::start().await;
    let node = node(&server, "").await;
    let answer = fetch(&node, &server.url("/redirect")).await;
    assert_eq!(answer["status"], 302, "{answer}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_call_out_is_a_call_into_the_host() {
    let server = Server::start().await;
    let node = node(&server, "[limits]\nhost-calls = 3").await;
    let within = fetch_with(&node, &server.url("/hello"), "&times=3").await;
    assert_eq!(within["status"], 200, "{within}");
    let past = fetch_with(&node, &server.url("/hello"), "&times=4").await;
    assert_eq!(past["error"], "unreachable", "{past}");
}
