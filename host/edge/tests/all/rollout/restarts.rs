//! What a node serves after it was started again, however it ended.

use std::time::Duration;

use rand::RngExt;
use serde_json::json;
use tempfile::TempDir;

use crate::harness::{
    Operator, PluginFolder, Running, TOKENS, TestNode, Wire, data_folder, edge, get, variant,
};

fn hello(version: u32) -> PluginFolder {
    variant("hello", &format!("version = \"0.{version}.0\""))
}

async fn serves(node: &TestNode, version: &str) {
    let reply = node.get("/hello").await;
    assert_eq!(reply.header("edge-release"), Some(version));
}

#[tokio::test]
async fn what_was_deployed_serves_after_a_restart_and_not_what_is_in_the_folder() {
    let data = data_folder();
    let folder = [hello(0)];
    let node = TestNode::start_in(data.path(), &folder, |_| {}).await;
    node.operator().deploy(&hello(1)).await;
    assert!(node.stop().await);

    let node = TestNode::start_in(data.path(), &folder, |_| {}).await;
    serves(&node, "hello@0.1.0").await;
    assert!(node.stop().await);

    // A plugin that came by deployment needs no folder at all.
    let node = TestNode::start_in(data.path(), &[], |_| {}).await;
    serves(&node, "hello@0.1.0").await;
    assert!(node.stop().await);

    // Who builds another release and starts the node means that one.
    let node = TestNode::start_in(data.path(), &[hello(2)], |_| {}).await;
    serves(&node, "hello@0.2.0").await;
    let releases = node.operator().get("/v1/plugins/hello/releases").await;
    assert_eq!(releases["log"][0]["author"], "folder", "{releases}");
}

#[tokio::test]
async fn a_restart_undoes_no_rollback() {
    let data = data_folder();
    let node = TestNode::start_in(data.path(), &[hello(0)], |_| {}).await;
    node.operator().deploy(&hello(1)).await;
    let rollout = node.operator().decide("hello", "rollback").await;
    node.operator().end_of(&rollout).await;
    assert!(node.stop().await);
    let node = TestNode::start_in(data.path(), &[hello(1)], |_| {}).await;
    serves(&node, "hello@0.0.0").await;
}

#[tokio::test]
async fn a_canary_is_still_one_after_a_restart() {
    let data = data_folder();
    let node = TestNode::start_in(data.path(), &[hello(0)], |_| {}).await;
    let operator = node.operator();
    let rollout = operator
        .begin(&hello(1), json!({ "canary_percent": 40 }))
        .await;
    operator.until(&rollout, |phase| phase == "canary").await;
    assert!(node.stop().await);

    let node = TestNode::start_in(data.path(), &[hello(0)], |_| {}).await;
    let operator = node.operator();
    assert_eq!(
        operator.get("/v1/status").await["rollouts"][0]["phase"],
        "canary"
    );
    let rollout = operator.decide("hello", "promote").await;
    assert_eq!(operator.end_of(&rollout).await["phase"], "done");
    serves(&node, "hello@0.1.0").await;
}

/// Killed at any time of a deployment, the node comes back with the old
/// release or the new one, and the next deployment is as good as any.
#[tokio::test(flavor = "multi_thread")]
async fn whenever_it_is_killed_it_comes_back_with_one_release() {
    const KILLS: u32 = 12;
    let data = data_folder();
    let folder = hello(0);
    let mut random = rand::rng();
    for kill in 1..=KILLS {
        let mut process = start(&data, &folder);
        process.banner();
        drop(process.wire().await);
        let operator = Operator::at(process.admin_address());
        let next = hello(kill);
        let deploying = tokio::spawn(async move {
            // It may be cut off anywhere.
            let _ = tokio::spawn(async move { operator.try_deploy(&next, json!({})).await }).await;
        });
        tokio::time::sleep(Duration::from_millis(random.random_range(0..150))).await;
        process.kill();
        let _ = deploying.await;
    }
    let mut process = start(&data, &folder);
    process.banner();
    let mut wire = process.wire().await;
    wire.send(get("/hello")).await;
    let reply = wire.reply().await;
    reply.assert_status(200);
    let release = reply.header("edge-release").expect("a release").to_owned();
    assert!(release.starts_with("hello@0."), "{release}");

    let operator = Operator::at(process.admin_address());
    // One that was begun goes on, and ends.
    for open in operator.get("/v1/status").await["rollouts"]
        .as_array()
        .expect("a list")
    {
        operator.end_of(open["id"].as_str().expect("an id")).await;
    }
    operator.deploy(&hello(99)).await;
    let mut wire = Wire::connect(process.address()).await;
    wire.send(get("/hello")).await;
    assert_eq!(
        wire.reply().await.header("edge-release"),
        Some("hello@0.99.0")
    );
}

fn start(data: &TempDir, folder: &PluginFolder) -> Running {
    let mut command = edge(data.path());
    command
        .arg("serve")
        .env("EDGE_DATA_DIR", data.path())
        .env("EDGE_PLUGINS", folder.path())
        .env("EDGE_ADMIN_TOKENS", TOKENS);
    Running::start(&mut command)
}
