//! Which release a rollback leads to, in which regions.

use edge_host::config::Settings;
use http::Method;
use serde_json::{Value, json};

use super::commands::run;
use crate::harness::{PluginFolder, TestNode, eventually, variant};
use crate::servers::MariaDb;

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

async fn regions_of_log(node: &TestNode) -> Vec<String> {
    let releases = node.operator().get("/v1/plugins/hello/releases").await;
    let log = releases["log"].as_array().expect("a log").iter();
    let mut regions: Vec<_> = log
        .map(|entry| entry["region"].as_str().expect("a region").to_owned())
        .collect();
    regions.sort();
    regions.dedup();
    regions
}

/// One region never ran the plugin, and from another it was undone: neither
/// gets it by a rollback of the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_leads_only_regions_that_run_the_plugin() {
    let database = MariaDb::shared().database();
    let first = node(&database, "a", &[hello(0)]).await;
    let without = node(&database, "b", &[]).await;
    let operator = first.operator();
    let order = |regions: &[&str], pause_ms: u64| json!({ "regions": regions, "pause_ms": pause_ms });
    operator.begin(&hello(0), order(&["a"], 0)).await;
    let rollout = operator.begin(&hello(1), order(&["a"], 0)).await;
    operator.end_of(&rollout).await;
    let rollout = operator.begin(&hello(1), order(&["c"], 60_000)).await;
    eventually("an entry of region c", async || {
        (regions_of_log(&first).await == ["a", "c"]).then_some(())
    })
    .await;
    operator.decide("hello", "abort").await;
    operator.end_of(&rollout).await;

    let (code, said) = roll_back(&first, &[]).await;
    assert_eq!(code, Some(0), "{said}");
    until_serves(&first, 0).await;
    assert_eq!(regions_of_log(&first).await, ["a", "c"]);
    without.get("/hello").await.assert_status(404);
    let releases = operator.get("/v1/plugins/hello/releases").await;
    let log = releases["log"].as_array().expect("a log").iter();
    let undone = log.clone().filter(|entry| entry["region"] == "c");
    assert_eq!(undone.clone().count(), 2, "{releases}");
    assert_eq!(undone.clone().next().expect("it")["active"], Value::Null);
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
