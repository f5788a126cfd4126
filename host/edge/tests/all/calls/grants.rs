//! Which plugin may call which, as far as it is known when a release is made
//! ready: the caller's `calls`, and the callee's `callers`.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{PluginFolder, TestNode, fixture, start_error, variant};

const NO_CALLS: &str = "[grants]\ncalls = []";

/// The next release of the fixture `name`, with these changes.
fn next(name: &str, changes: &str) -> PluginFolder {
    variant(name, &format!("version = '0.9.0'\n{changes}"))
}

/// An answerer that these plugins may call; it calls itself, too.
fn answerer_for(callers: &[&str]) -> PluginFolder {
    let callers = format!("[exports.'fixture:words/words']\ncallers = {callers:?}");
    next("answerer", &callers)
}

/// Why the node refuses the release.
async fn refusal(node: &TestNode, plugin: &PluginFolder, more: Value) -> String {
    let reply = node.operator().try_deploy(plugin, more).await;
    reply.assert_status(422);
    reply.json()["detail"]
        .as_str()
        .expect("a reason")
        .to_owned()
}

#[tokio::test]
async fn an_interface_that_the_manifest_does_not_name_is_not_imported() {
    for calls in [
        "[]",
        "['fixture:words/other']",
        "['fixture:words/words@0.2.0']",
        "['fixture:words/words@0.1.1']",
    ] {
        let asker = variant("asker", &format!("[grants]\ncalls = {calls}"));
        let error = start_error(&[asker, fixture("answerer")], |_| {}).await;
        assert!(
            error.contains("imports fixture:words/words@0.1.0, which another plugin exports"),
            "{calls}: {error}"
        );
        assert!(error.contains("plugin asker"), "{calls}: {error}");
    }
    for calls in ["['fixture:words/words']", "['fixture:words/words@0.1.0']"] {
        let asker = variant("asker", &format!("[grants]\ncalls = {calls}"));
        let node = TestNode::start(&[asker, fixture("answerer")], |_| {}).await;
        node.get("/asker/words?ids=1").await.assert_status(200);
    }
}

/// Grants and callers are the same whichever way requests reach the caller.
#[tokio::test]
async fn a_component_of_wasi_http_needs_the_grants_too() {
    let without = variant("standard-asker", NO_CALLS);
    let error = start_error(&[without, fixture("answerer")], |_| {}).await;
    assert!(error.contains("`calls` in [grants]"), "{error}");

    let asker = || fixture("standard-asker");
    let error = start_error(&[asker(), answerer_for(&["answerer"])], |_| {}).await;
    assert!(error.contains("does not name standard-asker"), "{error}");

    let answerer = answerer_for(&["answerer", "standard-asker"]);
    let node = TestNode::start(&[asker(), answerer], |_| {}).await;
    let reply = node.get("/standard-asker").await;
    assert_eq!(reply.text(), "Ok([Some(\"standard-asker\")])");
}

#[tokio::test]
async fn only_named_plugins_call_what_the_manifest_protects() {
    let pair = |callers: &[&str]| [fixture("asker"), answerer_for(callers)];
    let node = TestNode::start(&pair(&["answerer", "asker"]), |_| {}).await;
    node.get("/asker/words?ids=1").await.assert_status(200);
    for (callers, named) in [
        (&["answerer"][..], "it names answerer"),
        (&["answerer", "asker-2"], "it names answerer, asker-2"),
    ] {
        let error = start_error(&pair(callers), |_| {}).await;
        assert!(
            error.contains(
                "plugin asker imports fixture:words/words@0.1.0, but `callers` in [exports] of \
                 answerer does not name asker"
            ),
            "{error}"
        );
        assert!(error.contains(named), "{error}");
    }
    let error = start_error(&pair(&[]), |_| {}).await;
    assert!(error.contains("it names nobody"), "{error}");
}

#[tokio::test]
async fn a_rule_for_what_is_not_exported_is_refused() {
    for name in ["fixture:word/words", "fixture:words/words@0.2.0"] {
        let rule = format!("[exports.'{name}']\ncallers = []");
        let error = start_error(&[variant("answerer", &rule)], |_| {}).await;
        assert!(error.contains(&format!("exports no {name}")), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_does_not_shut_out_a_plugin_that_calls_it() {
    let node = TestNode::start(&[fixture("asker"), fixture("answerer")], |_| {}).await;
    let shut = answerer_for(&["answerer"]);
    for more in [json!({}), json!({ "canary_percent": 10 })] {
        let reason = refusal(&node, &shut, more).await;
        assert!(reason.contains("does not name asker"), "{reason}");
    }
    node.get("/asker/words?ids=1").await.assert_status(200);
    node.operator()
        .deploy(&answerer_for(&["answerer", "asker"]))
        .await;
    node.get("/asker/words?ids=1").await.assert_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_does_not_call_what_shuts_it_out() {
    let old = [fixture("hello"), answerer_for(&["answerer"])];
    let node = TestNode::start(&old, |_| {}).await;
    let caller = variant("asker", "name = 'hello'\nversion = '0.9.0'");
    for more in [json!({}), json!({ "canary_percent": 10 })] {
        let reason = refusal(&node, &caller, more).await;
        assert!(reason.contains("does not name hello"), "{reason}");
    }
    let without = variant(
        "asker",
        &format!("name = 'hello'\nversion = '0.9.1'\n{NO_CALLS}"),
    );
    let reason = refusal(&node, &without, json!({})).await;
    assert!(reason.contains("`calls` in [grants]"), "{reason}");
    node.get("/hello").await.assert_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_that_comes_later_does_not_shut_out_its_caller() {
    let node = TestNode::start(&[fixture("hello")], |_| {}).await;
    node.operator().deploy(&fixture("asker")).await;
    node.get("/asker/words?ids=1").await.assert_status(503);
    let reason = refusal(&node, &answerer_for(&["answerer"]), json!({})).await;
    assert!(reason.contains("does not name asker"), "{reason}");
    let both = answerer_for(&["answerer", "asker"]);
    node.operator().deploy(&both).await;
    node.get("/asker/words?ids=1").await.assert_status(200);
}

/// What a release may call, and who may call it, is what an operator looks at
/// before it serves.
#[tokio::test(flavor = "multi_thread")]
async fn the_difference_of_two_releases_shows_calls_and_callers() {
    let node = TestNode::start(&[fixture("asker"), fixture("answerer")], |_| {}).await;
    let operator = node.operator();
    let more = "[grants]\nidentity = true\ncalls = ['shop:orders/orders']\n\
                [exports.'fixture:words/words']\ncallers = ['answerer', 'asker', 'stranger']";
    let bundle = bundle::Bundle::pack(next("answerer", more).path());
    operator
        .add(&bundle.expect("a bundle"), "")
        .await
        .assert_status(200);
    let path = "/v1/plugins/answerer/diff?from=0.1.0&to=0.9.0";
    let diff = operator
        .send(Method::GET, path, "")
        .await
        .json()
        .to_string();
    for line in [
        r#"grants.calls = [\"shop:orders/orders\"]"#,
        "grants.identity = true",
        r#"exports.fixture:words/words.callers = [\"answerer\", \"asker\", \"stranger\"]"#,
    ] {
        assert!(diff.contains(line), "{line} is missing in {diff}");
    }
}
