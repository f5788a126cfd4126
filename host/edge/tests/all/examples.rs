//! The example plugins in a node, as a client meets them: what their READMEs and docs/plugins.md say.

use http::{Method, Request};
use serde_json::json;
use test_servers::MariaDb;

use crate::harness::{PluginFolder, TestNode, eventually, fixture, start_error, variant};
use crate::outbound::server::Server;

/// Returns the example plugin `name` as it stands.
fn example(name: &str) -> PluginFolder {
    fixture(&format!("../examples/{name}"))
}

/// Starts a node that serves one example with the default settings.
async fn node(name: &str) -> TestNode {
    TestNode::start(&[example(name)], |_| {}).await
}

/// Starts a node that serves one example with a database of its own in MariaDB.
async fn node_with_mariadb(name: &str) -> TestNode {
    let url = MariaDb::shared().database();
    TestNode::start(&[example(name)], |settings| settings.database_url = url).await
}

#[tokio::test]
async fn hello_greets_by_name() {
    let node = node("hello").await;
    let reply = node.get("/hello/Ada").await;
    reply.assert_status(200);
    assert_eq!(reply.text(), "Hello, Ada!\n");
    node.get("/hello/%ff").await.assert_status(400);
}

/// Adds notes to a new table, and reads them back by pages.
async fn notes_are_added_and_listed(node: TestNode) {
    for (id, title) in [(1, "First"), (2, "Second")] {
        let body = json!({ "title": title }).to_string();
        let added = node.post("/notes", body).await;
        added.assert_status(200);
        assert_eq!(added.json(), json!({ "note_id": id, "title": title }));
    }
    let first = node.get("/notes?limit=1").await;
    let expected = json!({ "count": 2, "rows": [{ "note_id": 1, "title": "First" }] });
    assert_eq!(first.json(), expected);
    let links = first.header("link").expect("links");
    assert!(
        links.contains(r#"<?page=2&limit=1>; rel="next""#),
        "{links}"
    );
    let refused = node.post("/notes", r#"{"title": " "}"#).await;
    refused.assert_status(400);
    assert_eq!(refused.json()["error"]["field"], "title");
}

#[tokio::test]
async fn table_keeps_notes_in_sqlite() {
    notes_are_added_and_listed(node("table").await).await;
}

#[tokio::test]
async fn table_keeps_notes_in_mariadb() {
    notes_are_added_and_listed(node_with_mariadb("table").await).await;
}

/// Has the fixture `caller` issue a token for a principal with this role.
async fn token(node: &TestNode, role: &str) -> String {
    let body = json!({ "id": 7, "name": "Ada", "role": role });
    let issued = node.post("/caller/token", body.to_string()).await.json();
    issued["token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn who_admits_the_callers_of_each_route() {
    let issuer = variant(
        "caller",
        "[grants.identity]\nroles = ['customer', 'merchant']",
    );
    let node = TestNode::start(&[example("who"), issuer], |_| {}).await;
    let customer = token(&node, "customer").await;
    let merchant = token(&node, "merchant").await;
    let status = async |path: &str, token: &str| {
        let request = Request::get(node.url(path));
        let request = match token {
            "" => request,
            token => request.header("authorization", format!("Bearer {token}")),
        };
        node.send(request, "").await.status
    };
    for (path, expected) in [
        ("/who", [200, 200, 200, 200]),
        ("/who/me", [401, 401, 200, 200]),
        ("/who/merchants", [401, 401, 403, 200]),
    ] {
        for (token, expected) in ["", "x", &customer, &merchant].into_iter().zip(expected) {
            assert_eq!(status(path, token).await, expected, "{path} {token}");
        }
    }
}

#[tokio::test]
async fn call_asks_callee_for_a_price() {
    let node = TestNode::start(&[example("call"), example("callee")], |_| {}).await;
    let total = node.get("/total?item=mug&count=2").await;
    total.assert_status(200);
    assert_eq!(total.json(), json!({ "cents": 2980 }));
    let unknown = node.get("/total?item=castle").await;
    unknown.assert_status(404);
    assert_eq!(unknown.json()["error"]["code"], "TOTAL_01");
    node.get("/total").await.assert_status(400);
    assert_eq!(node.get("/prices/mug").await.json(), json!(1490));
}

#[tokio::test]
async fn call_does_not_start_without_callee() {
    let error = start_error(&[example("call")], |_| {}).await;
    assert_eq!(
        error,
        "plugin call imports example:prices/prices@0.1.0, which no plugin exports"
    );
}

/// Holds a ticket, and waits until the scheduled task has released it.
async fn tickets_are_held_and_released(node: TestNode) {
    let held = async || node.get("/tickets").await.json()["held"].clone();
    eventually("a ticket that is held", async || {
        let request = node.request(Method::POST, "/tickets").await;
        request.assert_status(200);
        (held().await != 0).then_some(())
    })
    .await;
    eventually("no ticket that is held", async || {
        (held().await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn schedule_releases_tickets_in_sqlite() {
    tickets_are_held_and_released(node("schedule").await).await;
}

#[tokio::test]
async fn schedule_releases_tickets_in_mariadb() {
    tickets_are_held_and_released(node_with_mariadb("schedule").await).await;
}

#[tokio::test]
async fn bucket_keeps_values_and_counts() {
    let node = node("bucket").await;
    node.get("/values/greeting").await.assert_status(404);
    let put = Request::put(node.url("/values/greeting"));
    node.send(put, "hi").await.assert_status(200);
    assert_eq!(node.get("/values/greeting").await.text(), "hi");
    let deleted = node.request(Method::DELETE, "/values/greeting").await;
    deleted.assert_status(200);
    node.get("/values/greeting").await.assert_status(404);
    for count in 1..=2 {
        let counted = node.request(Method::POST, "/counters/visits").await;
        assert_eq!(counted.json(), json!({ "count": count }));
    }
}

/// Starts a node whose plugin asks for quotes at `url`.
async fn node_with_quotes(url: String) -> TestNode {
    TestNode::start(&[example("fetch")], |settings| {
        let set = &mut settings.plugin_config.0;
        set.insert("QUOTE_URL".into(), url);
    })
    .await
}

#[tokio::test]
async fn fetch_passes_a_quote_on() {
    let server = Server::start().await;
    let node = node_with_quotes(server.url("/hello")).await;
    let quote = node.get("/quote").await;
    quote.assert_status(200);
    assert_eq!(quote.text(), "hello");
}

#[tokio::test]
async fn fetch_turns_a_failure_into_a_502() {
    let server = Server::start().await;
    let node = node_with_quotes(server.url("/missing")).await;
    let failed = node.get("/quote").await;
    failed.assert_status(502);
    assert_eq!(failed.json()["error"]["code"], "QUOTE_02");
}

#[tokio::test]
async fn fetch_without_a_server_of_quotes_is_a_503() {
    let node = node("fetch").await;
    let unset = node.get("/quote").await;
    unset.assert_status(503);
    assert_eq!(unset.json()["error"]["code"], "QUOTE_01");
}
