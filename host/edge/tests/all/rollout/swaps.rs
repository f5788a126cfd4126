//! One release after another, while clients ask.

use http::Method;
use serde_json::json;

use super::load::Load;
use crate::harness::{TestNode, eventually, fixture, variant};

/// Swaps under load.
const SWAPS: u32 = 60;

/// Descriptors of this process, which other tests share: a leak of one for
/// each swap would show all the same.
const NOISE: usize = 40;

fn hello(version: u32) -> crate::harness::PluginFolder {
    variant("hello", &format!("version = \"0.{version}.0\""))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_releases_are_swapped() {
    let node = TestNode::start(&[hello(0)], |_| {}).await;
    let operator = node.operator();
    let load = Load::start(&node, "/hello", 4);
    for swap in 1..=SWAPS {
        operator.deploy(&hello(swap)).await;
        let release = node.get("/hello").await;
        let version = format!("hello@0.{swap}.0");
        assert_eq!(release.header("edge-release"), Some(&*version));
    }
    let replies = load.stop().await;
    assert!(replies.len() > 1, "{replies:?}");
}

/// The same two releases of a plugin with a database, again and again: what a
/// release holds is gone with it.
#[tokio::test(flavor = "multi_thread")]
async fn what_old_releases_held_is_gone() {
    let releases = [0, 1].map(|version| variant("ledger", &format!("version = \"0.{version}.0\"")));
    let node = TestNode::start(&releases[..1], |_| {}).await;
    let operator = node.operator();
    let descriptors = || std::fs::read_dir("/proc/self/fd").expect("them").count();
    let swap = async |count: usize| {
        for number in 1..=count {
            operator.deploy(&releases[number % 2]).await;
        }
    };
    swap(10).await;
    let before = descriptors();
    swap(SWAPS as usize).await;
    eventually("few descriptors", async || {
        (descriptors() < before + NOISE).then_some(())
    })
    .await;
}

/// A release that is deployed while it serves is not kept besides: its slots
/// would never come back, and soon there would be no room for any.
#[tokio::test]
async fn a_release_that_is_deployed_twice_is_gone_like_any_other() {
    let node = TestNode::start(&[hello(0)], |settings| {
        settings.releases.spare_instances = 64
    })
    .await;
    let operator = node.operator();
    for _ in 0..8 {
        for version in [1, 1, 2, 1, 2] {
            operator.deploy(&hello(version)).await;
        }
    }
}

#[tokio::test]
async fn a_plugin_that_nobody_knew_comes_and_goes() {
    let node = TestNode::start(&[fixture("hello")], |_| {}).await;
    let operator = node.operator();
    node.get("/ledger/entries").await.assert_status(404);
    node.get("/standard-p3").await.assert_status(404);

    operator.deploy(&fixture("ledger")).await;
    operator.deploy(&fixture("standard-p3")).await;
    node.get("/ledger/entries").await.assert_status(200);
    node.get("/standard-p3").await.assert_status(200);
    assert_eq!(
        node.get("/hello").await.header("edge-region"),
        Some("local")
    );

    let removed = operator
        .send(Method::DELETE, "/v1/plugins/ledger", "")
        .await;
    let rollout = removed.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(operator.end_of(&rollout).await["phase"], "done");
    node.get("/ledger/entries").await.assert_status(404);
    node.get("/hello").await.assert_status(200);
}

/// Who calls another plugin may come before it, and not after it has gone.
#[tokio::test]
async fn plugins_that_call_each_other_come_one_after_the_other() {
    let node = TestNode::start(&[], |_| {}).await;
    let operator = node.operator();
    operator.deploy(&fixture("asker")).await;
    node.get("/asker/words?ids=1").await.assert_status(503);
    operator.deploy(&fixture("answerer")).await;
    node.get("/asker/words?ids=1").await.assert_status(200);
    let remove = operator
        .send(Method::DELETE, "/v1/plugins/answerer", "")
        .await;
    remove.assert_status(422);
}

#[tokio::test]
async fn what_was_active_before_can_be_had_back() {
    let node = TestNode::start(&[hello(0)], |_| {}).await;
    let operator = node.operator();
    for version in [1, 2] {
        operator.deploy(&hello(version)).await;
    }
    let serves = async |version: &str| {
        let release = node.get("/hello").await;
        assert_eq!(release.header("edge-release"), Some(version));
    };
    let rollout = operator.decide("hello", "rollback").await;
    operator.end_of(&rollout).await;
    serves("hello@0.1.0").await;

    let back = json!({ "to": "0.0.0" }).to_string();
    let reply = operator
        .send(Method::POST, "/v1/plugins/hello/rollback", back)
        .await;
    reply.assert_status(200);
    operator
        .end_of(reply.json()["id"].as_str().expect("an id"))
        .await;
    serves("hello@0.0.0").await;

    let unknown = json!({ "to": "9.9.9" }).to_string();
    let reply = operator
        .send(Method::POST, "/v1/plugins/hello/rollback", unknown)
        .await;
    reply.assert_status(404);

    let releases = operator.get("/v1/plugins/hello/releases").await;
    assert_eq!(releases["bundles"].as_array().expect("them").len(), 3);
    let log = releases["log"].as_array().expect("it");
    assert_eq!(log.len(), 5);
    assert_eq!(log[0]["author"], "tester");
}

#[tokio::test]
async fn what_was_aborted_was_never_active() {
    let node = TestNode::start(&[hello(0)], |_| {}).await;
    let operator = node.operator();
    operator.deploy(&hello(1)).await;
    let rollout = operator
        .begin(&hello(2), json!({ "pause_ms": 60_000 }))
        .await;
    eventually("the new release", async || {
        let reply = node.get("/hello").await;
        (reply.header("edge-release") == Some("hello@0.2.0")).then_some(())
    })
    .await;
    operator.decide("hello", "abort").await;
    assert_eq!(operator.end_of(&rollout).await["phase"], "aborted");
    let rollout = operator.decide("hello", "rollback").await;
    operator.end_of(&rollout).await;
    let reply = node.get("/hello").await;
    assert_eq!(reply.header("edge-release"), Some("hello@0.0.0"));

    // There is nothing to try of what serves already.
    let same = operator
        .begin(&hello(0), json!({ "canary_percent": 10 }))
        .await;
    assert_eq!(operator.end_of(&same).await["phase"], "done");
}

#[tokio::test]
async fn of_two_rollouts_at_once_one_wins_and_the_other_is_told() {
    let node = TestNode::start(&[hello(0)], |_| {}).await;
    let operator = node.operator();
    let rollout = operator
        .begin(&hello(1), json!({ "canary_percent": 10 }))
        .await;
    operator.until(&rollout, |phase| phase == "canary").await;
    let refused = operator.try_deploy(&hello(2), json!({})).await;
    refused.assert_status(409);
    let detail = refused.json()["detail"]
        .as_str()
        .expect("a reason")
        .to_owned();
    assert!(
        detail.contains("tester") && detail.contains(&rollout),
        "{detail}"
    );

    let rollout = operator.decide("hello", "abort").await;
    assert_eq!(operator.end_of(&rollout).await["phase"], "aborted");
    let (one, other) = (hello(3), hello(4));
    let both = tokio::join!(
        operator.try_deploy(&one, json!({})),
        operator.try_deploy(&other, json!({}))
    );
    let mut statuses = [both.0.status, both.1.status];
    statuses.sort_unstable();
    // The first may be over before the second begins.
    assert!(matches!(statuses, [200, 200 | 409]), "{statuses:?}");
}

#[tokio::test]
async fn a_release_names_what_it_changes() {
    let node = TestNode::start(&[hello(0)], |_| {}).await;
    let operator = node.operator();
    let changed = "version = \"0.1.0\"\n[limits]\ninstances = 3";
    operator.deploy(&variant("hello", changed)).await;
    let diff = operator
        .get("/v1/plugins/hello/diff?from=0.0.0&to=0.1.0")
        .await;
    let manifest = &diff["sections"][0];
    assert_eq!(manifest["name"], "manifest");
    let added = manifest["added"].to_string();
    assert!(added.contains("limits.instances = 3"), "{diff}");
    assert!(added.contains("version"), "{diff}");
}
