//! A newer host has written how a rollout goes on: this one does not
//! understand it, and leads the others.

use serde_json::json;
use test_servers::MariaDb;

use super::commands::run;
use crate::harness::{PluginFolder, TestNode, eventually, fixture, variant};

fn hello(version: u32) -> PluginFolder {
    variant("hello", &format!("version = \"0.{version}.0\""))
}

/// A node with a canary of `hello` whose plan is `plan`, and its rollout.
async fn node_with_plan(plan: &str) -> (TestNode, String) {
    let database = MariaDb::shared().database();
    let node = TestNode::start(&[hello(0), fixture("answerer")], |settings| {
        settings.control_url.clone_from(&database);
    })
    .await;
    let operator = node.operator();
    let rollout = operator
        .begin(&hello(1), json!({ "canary_percent": 50 }))
        .await;
    operator.until(&rollout, |phase| phase == "canary").await;
    let (_, name) = database.rsplit_once('/').expect("a database");
    MariaDb::shared().run(&format!(
        "UPDATE {name}.edge_rollout_plan SET plan = '{plan}' WHERE rollout = '{rollout}'"
    ));
    (node, rollout)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_that_cannot_be_read_stops_no_other() {
    let (node, rollout) = node_with_plan("{\"steps\":\"by the moon\"}").await;
    let operator = node.operator();
    operator
        .deploy(&variant("answerer", "version = \"0.9.0\""))
        .await;
    let (code, output, error) = run(&node, &["status"]).await;
    assert_eq!(code, Some(0), "{error}");
    assert!(
        output.contains("this node cannot lead it") && output.contains("by the moon"),
        "{output}"
    );
    // It can be ended all the same.
    operator.decide("hello", "abort").await;
    assert_eq!(operator.end_of(&rollout).await["phase"], "aborted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_of_another_kind_holds_the_canary() {
    let plan = "{\"steps\":[50],\"promote_after_ms\":1,\"check\":{\"oracle\":{\"url\":\"o\"}}}";
    let (node, rollout) = node_with_plan(plan).await;
    let operator = node.operator();
    operator
        .deploy(&variant("answerer", "version = \"0.9.0\""))
        .await;
    eventually("requests that were compared", async || {
        for agent in 0..20 {
            let request =
                http::Request::get(node.url("/hello")).header("user-agent", agent.to_string());
            node.send(request, "").await.assert_status(200);
        }
        let (code, output, error) = run(&node, &["status"]).await;
        assert_eq!(code, Some(0), "{error}");
        output
            .contains("the check of a kind that this version")
            .then_some(())
    })
    .await;
    let open = operator.get(&format!("/v1/rollouts/{rollout}")).await;
    assert_eq!(open["phase"], "canary", "{open}");
}
