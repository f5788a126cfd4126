//! Which release a rollback leads to, in which regions.

use edge::config::Settings;
use http::Method;
use serde_json::{Value, json};
use test_servers::MariaDb;

use super::commands::run;
use crate::harness::{Mode, PluginFolder, Proxy, TestNode, eventually, variant};

fn hello(version: u32) -> PluginFolder {
    variant("hello", &format!("version = \"0.{version}.0\""))
}

async fn node(database: &str, region: &str, plugins: &[PluginFolder]) -> TestNode {
    TestNode::start(plugins, |settings: &mut Settings| {
        settings.control_url = database.to_owned();
        settings.region = region.to_owned();
    })
    .await
}

async fn until_serves(node: &TestNode, version: u32) {
    let wanted = format!("hello@0.{version}.0");
    eventually(&wanted, async || {
        let reply = node.get("/hello").await;
        (reply.header("edge-release") == Some(&wanted)).then_some(())
    })
    .await;
}

async fn roll_back(node: &TestNode, more: &[&str]) -> (Option<i32>, String) {
    let arguments = [&["rollback", "hello", "--wait"], more].concat();
    let (code, output, error) = run(node, &arguments).await;
    (code, output + &error)
}

/// The region's entries of the log, newest first.
async fn entries_of(node: &TestNode, region: &str) -> Vec<Value> {
    let releases = node.operator().get("/v1/plugins/hello/releases").await;
    let log = releases["log"].as_array().expect("a log").clone();
    log.into_iter()
        .filter(|entry| entry["region"] == region)
        .collect()
}

/// One region never ran the plugin, and from another it was undone: neither
/// gets it by a rollback of the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_leads_only_regions_that_run_the_plugin() {
    let database = MariaDb::shared().database();
    let first = node(&database, "a", &[hello(0)]).await;
    let undone = node(&database, "b", &[]).await;
    let without = node(&database, "c", &[]).await;
    let operator = first.operator();
    eventually("three nodes", async || {
        let status = operator.get("/v1/status").await;
        (status["nodes"].as_array()?.len() == 3).then_some(())
    })
    .await;
    let order = |region: &str, pause_ms: u64| json!({ "regions": [region], "pause_ms": pause_ms });
    let rollout = operator.begin(&hello(1), order("a", 0)).await;
    assert_eq!(operator.end_of(&rollout).await["phase"], "done");
    let rollout = operator.begin(&hello(1), order("b", 60_000)).await;
    until_serves(&undone, 1).await;
    operator.decide("hello", "abort").await;
    assert_eq!(operator.end_of(&rollout).await["phase"], "aborted");

    let (code, said) = roll_back(&first, &[]).await;
    assert_eq!(code, Some(0), "{said}");
    until_serves(&first, 0).await;
    assert_eq!(entries_of(&first, "b").await.len(), 2);
    assert_eq!(entries_of(&first, "b").await[0]["active"], Value::Null);
    assert_eq!(entries_of(&first, "c").await.len(), 0);
    undone.get("/hello").await.assert_status(404);
    without.get("/hello").await.assert_status(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn regions_that_ran_different_releases_before_are_listed() {
    let database = MariaDb::shared().database();
    let plugins = [hello(0)];
    let (a, b) = (
        node(&database, "a", &plugins).await,
        node(&database, "b", &plugins).await,
    );
    a.operator().deploy(&hello(1)).await;
    let rollout = a
        .operator()
        .begin(&hello(2), json!({ "regions": ["b"] }))
        .await;
    a.operator().end_of(&rollout).await;

    let (code, said) = roll_back(&a, &[]).await;
    assert_eq!(code, Some(1), "{said}");
    for part in ["a 0.0.0 (", "b 0.1.0 (", "--regions", "--to"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    until_serves(&a, 1).await;
    until_serves(&b, 2).await;
    // The node of another region is asked: each goes to its own.
    let (code, said) = roll_back(&a, &["--regions", "b"]).await;
    assert_eq!(code, Some(0), "{said}");
    until_serves(&b, 1).await;
    until_serves(&a, 1).await;
    // Once more, and no region comes back to what was left.
    let (code, said) = roll_back(&a, &[]).await;
    assert_eq!(code, Some(0), "{said}");
    until_serves(&a, 0).await;
    until_serves(&b, 0).await;
    let reply = a
        .operator()
        .send(Method::POST, "/v1/plugins/hello/rollback", "{}")
        .await;
    reply.assert_status(409);
    assert!(reply.text().contains("ran no other release"), "{reply:?}");
    until_serves(&a, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_takes_a_removal_back() {
    let node = TestNode::start(&[hello(0)], |_| {}).await;
    node.operator().deploy(&hello(1)).await;
    let (code, _, error) = run(&node, &["remove", "hello", "--wait"]).await;
    assert_eq!(code, Some(0), "{error}");
    let (code, said) = roll_back(&node, &[]).await;
    assert_eq!(code, Some(0), "{said}");
    until_serves(&node, 1).await;
}

/// The second node of the region has no room for the earlier release. It is
/// named, and the others have it back.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_stays_where_a_node_cannot_follow() {
    let database = MariaDb::shared().database();
    let large = variant("hello", "version = \"0.0.0\"\n[limits]\ninstances = 80");
    let first = node(&database, "a", &[large]).await;
    first.operator().deploy(&hello(1)).await;
    let second = TestNode::start(&[], |settings| {
        settings.control_url.clone_from(&database);
        settings.region = "a".to_owned();
        settings.releases.spare_instances = 0;
    })
    .await;
    until_serves(&second, 1).await;
    let operator = first.operator();
    eventually("two nodes", async || {
        let status = operator.get("/v1/status").await;
        (status["nodes"].as_array()?.len() == 2).then_some(())
    })
    .await;
    let rollout = operator.decide("hello", "rollback").await;
    let end = operator.end_of(&rollout).await;
    assert_eq!(end["phase"], "done", "{end}");
    let reason = end["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("did not follow") && reason.contains("instances"),
        "{reason}"
    );
    until_serves(&first, 0).await;
    until_serves(&second, 1).await;
}

/// A store that does not answer one node says nothing about a release: the
/// rollout waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_for_a_while_fails_no_rollout() {
    let server = MariaDb::shared();
    let database = server.database();
    let proxy = Proxy::before(server.port()).await;
    let (_, name) = database.rsplit_once('/').expect("a database");
    let through = format!("mysql://root@{}/{name}", proxy.address());
    let ledger = |version: u32| variant("ledger", &format!("version = \"0.{version}.0\""));
    let plugins = [ledger(1)];
    let start = async |url: &str| {
        TestNode::start(&plugins, |settings| {
            settings.control_url.clone_from(&database);
            settings.database_url = url.to_owned();
            settings.region = "a".to_owned();
        })
        .await
    };
    let first = start(&database).await;
    let second = start(&through).await;
    second.get("/ledger/entries").await.assert_status(200);
    proxy.set(Mode::Refuse).await;
    let operator = first.operator();
    let rollout = operator.begin(&ledger(2), json!({})).await;
    eventually("a failure", async || {
        let status = operator.get("/v1/status").await;
        let nodes = status["nodes"].as_array()?.clone();
        let mut reports = nodes.iter().map(|node| &node["plugins"]["ledger"]);
        reports.find(|report| report["state"] == "failed" && report["transient"] == true)?;
        Some(())
    })
    .await;
    let open = operator.get(&format!("/v1/rollouts/{rollout}")).await;
    assert_eq!(open["phase"], "running", "{open}");
    proxy.set(Mode::Pass).await;
    let end = operator.end_of(&rollout).await;
    assert_eq!(end["phase"], "done", "{end}");
    let reply = second.get("/ledger/entries").await;
    assert_eq!(reply.header("edge-release"), Some("ledger@0.2.0"));
}
