//! Who may change what serves.

use std::pin::pin;
use std::time::Duration;

use bundle::Bundle;
use futures_util::future::join_all;
use http::Method;
use serde_json::json;
use tokio::time::timeout;

use crate::harness::{TOKEN, TestNode, Wire, fixture};

const PATHS: [&str; 6] = [
    "/metrics",
    "/v1/status",
    "/v1/audit",
    "/v1/logs",
    "/v1/plugins/hello/releases",
    "/v1/rollouts/0",
];

#[tokio::test]
async fn nobody_gets_in_without_a_token() {
    let node = TestNode::start(&[fixture("hello")], |_| {}).await;
    let operator = node.operator();
    for token in [
        None,
        Some(""),
        Some("Bearer "),
        Some("Bearer x"),
        Some(TOKEN),
    ] {
        for path in PATHS {
            let mut request = operator.request(Method::GET, path);
            if let Some(token) = token {
                request = request.header("authorization", token);
            }
            let reply = operator.exchange(request, "").await;
            reply.assert_status(401);
            assert_eq!(
                reply.header("content-type"),
                Some("application/problem+json")
            );
        }
    }
    let open = operator.request(Method::GET, "/v1/openapi.yaml");
    operator.exchange(open, "").await.assert_status(200);
    operator
        .send(Method::GET, "/v1/nothing", "")
        .await
        .assert_status(404);
    operator
        .send(Method::POST, "/v1/status", "")
        .await
        .assert_status(405);
    operator
        .send(Method::POST, "/v1/rollouts", "{")
        .await
        .assert_status(400);
}

#[tokio::test]
async fn who_asks_for_nothing_is_sent_away() {
    let node = TestNode::start(&[fixture("hello")], |settings| {
        settings.client.idle_timeout = Duration::from_millis(300);
    })
    .await;
    for sent in ["", "GET /metrics HTTP/1.1\r\n", "GET"] {
        let mut wire = Wire::connect(node.admin_address()).await;
        wire.send(sent).await;
        wire.assert_closed().await;
    }
}

#[tokio::test]
async fn only_so_many_get_in_at_once() {
    const MOST: usize = 256;
    let node = TestNode::start(&[fixture("hello")], |_| {}).await;
    let connecting = (0..MOST).map(|_| Wire::connect(node.admin_address()));
    let mut inside = join_all(connecting).await;
    let operator = node.operator();
    let mut asking = pin!(operator.get("/v1/status"));
    let waited = timeout(Duration::from_millis(300), &mut asking).await;
    assert!(waited.is_err(), "there is room for more");
    inside.pop();
    asking.await;
}

#[tokio::test]
async fn nothing_of_it_is_at_the_shops_port() {
    let node = TestNode::start(&[fixture("hello")], |_| {}).await;
    for path in PATHS {
        let request = http::Request::get(node.url(path));
        let request = request.header("authorization", format!("Bearer {TOKEN}"));
        node.send(request, "").await.assert_status(404);
    }
}

#[tokio::test]
async fn every_change_is_written_down() {
    let node = TestNode::start(&[fixture("hello")], |_| {}).await;
    let operator = node.operator();
    operator
        .deploy(&crate::harness::variant("hello", "version = \"0.2.0\""))
        .await;
    let audit = operator.get("/v1/audit").await;
    let actions: Vec<_> = audit.as_array().expect("a list").iter().collect();
    assert_eq!(actions.len(), 2, "{audit}");
    for action in ["deploy", "add-bundle"] {
        let found = actions.iter().find(|record| record["action"] == action);
        let found = found.unwrap_or_else(|| panic!("{action}: {audit}"));
        assert_eq!(found["author"], "tester");
        assert_eq!(found["plugin"], "hello");
    }
    let status = operator.get("/v1/status").await;
    let node = &status["nodes"][0];
    assert_eq!(node["plugins"]["hello"]["state"], "serving", "{status}");
    assert_eq!(
        node["plugins"]["hello"]["active"]["version"], "0.2.0",
        "{status}"
    );
}

/// What was attempted in vain is in the audit as well, with the reason.
#[tokio::test]
async fn every_refusal_is_written_down() {
    let node = TestNode::start(&[fixture("hello")], |_| {}).await;
    let operator = node.operator();
    let variant = |version: &str| crate::harness::variant("hello", version);
    let next = variant("version = \"0.2.0\"");
    let trial = operator.begin(&next, json!({ "canary_percent": 10 })).await;
    operator.until(&trial, |phase| phase == "canary").await;

    let absent = format!("sha256:{}", "0".repeat(64));
    let bundle = format!("/v1/bundles/{absent}");
    let deploy = |digest: &str| json!({ "digest": digest }).to_string();
    let known = Bundle::pack(next.path()).expect("a bundle").digest();
    let attempts = [
        (
            Method::POST,
            "/v1/rollouts",
            deploy(&known.to_string()),
            409,
            "goes on",
        ),
        (
            Method::POST,
            "/v1/rollouts",
            deploy(&absent),
            404,
            "add it first",
        ),
        (
            Method::PUT,
            &bundle,
            "other".to_owned(),
            400,
            "cut or changed",
        ),
        (
            Method::POST,
            "/v1/plugins/none/promote",
            String::new(),
            409,
            "no rollout of none",
        ),
        (
            Method::POST,
            "/v1/plugins/none/abort",
            String::new(),
            409,
            "no rollout of none",
        ),
        (
            Method::DELETE,
            "/v1/plugins/none",
            String::new(),
            404,
            "no region runs none",
        ),
        (
            Method::POST,
            "/v1/plugins/hello/rollback",
            "{\"to\":\"9.9.9\"}".to_owned(),
            404,
            "9.9.9",
        ),
    ];
    for (method, path, body, status, reason) in attempts {
        let reply = operator.send(method.clone(), path, body).await;
        reply.assert_status(status);
        let audit = operator.get("/v1/audit").await;
        let records = audit.as_array().expect("a list").iter();
        let refused = records.filter(|record| record["action"] == "refused");
        let details: Vec<_> = refused.map(|record| record["detail"].to_string()).collect();
        let wanted =
            |detail: &&String| detail.contains(reason) && detail.contains(&format!("({status})"));
        let found = details.iter().filter(wanted).count();
        assert!(found > 0, "{method} {path}: {details:#?}");
    }
    let audit = operator.get("/v1/audit").await;
    let records = audit.as_array().expect("a list").iter();
    let refused = records.filter(|record| record["action"] == "refused");
    assert_eq!(refused.count(), 7, "{audit}");
}
