//! `optional-calls`: what a plugin calls where it is there, and does without
//! where it is not.

use http::Method;
use serde_json::json;

use crate::harness::{PluginFolder, TestNode, fixture, start_error, variant};

/// A target that calls the interface.
const WORDS: &str = "/asker/words?ids=1";

/// An asker that serves without an answerer, too.
fn asker() -> PluginFolder {
    let grants = "[grants]\ncalls = []\noptional-calls = ['fixture:words/words']";
    variant("asker", grants)
}

/// An answerer of another version, with these changes to its manifest.
fn answerer(changes: &str) -> PluginFolder {
    variant("answerer", &format!("version = '0.9.0'\n{changes}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_serves_without_what_it_may_do_without() {
    let node = TestNode::start(&[asker()], |_| {}).await;
    let reply = node.get(WORDS).await;
    reply.assert_status(503);
    assert_eq!(reply.json()["error"]["field"], "service");

    node.operator().deploy(&fixture("answerer")).await;
    node.get(WORDS).await.assert_status(200);

    // It goes as it came: nobody needs it.
    let operator = node.operator();
    let reply = operator
        .send(Method::DELETE, "/v1/plugins/answerer", "")
        .await;
    let rollout = reply.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(operator.end_of(&rollout).await["phase"], "done");
    node.get(WORDS).await.assert_status(503);
}

/// To do without is no right to call.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_kept_out_is_kept_out_of_what_is_optional_too() {
    let shut = answerer("[exports.'fixture:words/words']\ncallers = ['answerer']");
    let error = start_error(&[asker(), shut], |_| {}).await;
    assert!(error.contains("does not name asker"), "{error}");

    let node = TestNode::start(&[asker()], |_| {}).await;
    let shut = answerer("[exports.'fixture:words/words']\ncallers = ['answerer']");
    let reply = node.operator().try_deploy(&shut, json!({})).await;
    reply.assert_status(422);
    assert!(reply.text().contains("does not name asker"), "{reply:?}");
}

#[tokio::test]
async fn what_is_optional_is_named_in_full_as_well() {
    let other = variant(
        "asker",
        "[grants]\ncalls = []\noptional-calls = ['fixture:words/other']",
    );
    let error = start_error(&[other, fixture("answerer")], |_| {}).await;
    assert!(
        error.contains("imports fixture:words/words@0.1.0"),
        "{error}"
    );
}
