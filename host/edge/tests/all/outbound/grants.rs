//! Where a plugin may call, and by which names.

use serde_json::Value;

use super::{Server, fetch, granted};
use crate::harness::{TestNode, fixture, start_error, variant};

/// Granted by what an operator set as `FETCH_BASE`.
const BY_SETTING: &str = "[grants]\nconfig = ['FETCH_BASE']\noutbound = ['config:FETCH_BASE']";

fn is_denied(answer: &Value) -> bool {
    answer["error"] == "denied"
}

#[tokio::test]
async fn without_a_grant_there_is_no_call() {
    let server = Server::start().await;
    let node = TestNode::start(&[fixture("fetch")], |_| {}).await;
    let answer = fetch(&node, &server.url("/hello")).await;
    assert!(is_denied(&answer), "{answer}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn only_the_granted_origin_is_called() {
    let (server, other) = (Server::start().await, Server::start().await);
    let node = super::node(&server, "").await;
    let port = server.port();
    for url in [
        other.url("/hello"),
        format!("https://127.0.0.1:{port}/hello"),
        format!("http://localhost:{port}/hello"),
        format!("http://127.1:{port}/hello"),
        format!("http://2130706433:{port}/hello"),
        format!("http://[::ffff:127.0.0.1]:{port}/hello"),
        "http://127.0.0.1/hello".to_owned(),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        format!("http://127.0.0.1:{port}@127.0.0.1:{}/hello", other.port()),
        format!("http://user@127.0.0.1:{port}/hello"),
    ] {
        let answer = fetch(&node, &url).await;
        assert!(
            is_denied(&answer) || answer["error"] == "invalid",
            "{url}: {answer}"
        );
    }
    assert_eq!((server.connections(), other.connections()), (0, 0));
}

#[tokio::test]
async fn localhost_is_a_name_that_may_be_granted() {
    let server = Server::start().await;
    let origin = format!("http://localhost:{}", server.port());
    let node = TestNode::start(&[granted(&[&origin], "")], |_| {}).await;
    let answer = fetch(&node, &format!("{origin}/hello")).await;
    assert_eq!(answer["start"], "hello", "{answer}");
}

#[tokio::test]
async fn a_granted_name_of_a_private_address_is_refused() {
    let server = Server::start_on("0.0.0.0").await;
    // This machine's own name: of a loopback or a private address, or, where
    // nobody knows it, of none.
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .to_lowercase();
    let origin = format!("http://{name}:{}", server.port());
    let node = TestNode::start(&[granted(&[&origin], "")], |_| {}).await;
    let answer = fetch(&node, &format!("{origin}/hello")).await;
    assert!(
        is_denied(&answer) || answer["error"] == "unreachable",
        "{answer}"
    );
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn an_operator_sets_the_origin() {
    let server = Server::start().await;
    let plugin = variant("fetch", BY_SETTING);
    let base = server.url("/v1");
    let node = TestNode::start(&[plugin], |settings| {
        let set = &mut settings.plugin_config.0;
        set.insert("FETCH_BASE".into(), base);
    })
    .await;
    let answer = fetch(&node, &server.url("/hello")).await;
    assert_eq!(answer["start"], "hello", "{answer}");
}

#[tokio::test]
async fn a_setting_that_is_absent_grants_nothing() {
    let server = Server::start().await;
    let node = TestNode::start(&[variant("fetch", BY_SETTING)], |_| {}).await;
    let answer = fetch(&node, &server.url("/hello")).await;
    assert!(is_denied(&answer), "{answer}");
}

#[tokio::test]
async fn a_setting_that_is_no_url_ends_the_start() {
    let error = start_error(&[variant("fetch", BY_SETTING)], |settings| {
        let set = &mut settings.plugin_config.0;
        set.insert("FETCH_BASE".into(), "hunter2".into());
    })
    .await;
    assert!(error.contains("config:FETCH_BASE"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}
