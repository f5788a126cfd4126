//! Whatever is wrong with a release, the old one serves on, and the operator
//! is told what it is.

use std::time::Duration;

use bundle::{Bundle, SecretKey};
use edge::config::Settings;
use http::Method;
use serde_json::json;
use sqlx::{Connection, SqliteConnection};
use test_servers::MariaDb;

use super::load::Load;
use crate::harness::{PluginFolder, TestNode, data_folder, eventually, fixture, variant};

/// Deploy `plugin` on a node that serves `old`, and return why it is refused.
pub async fn refusal_of(old: &[PluginFolder], target: &str, plugin: &PluginFolder) -> String {
    let node = TestNode::start(old, |_| {}).await;
    let before = node.get(target).await;
    before.assert_status(200);
    let load = Load::start(&node, target, 2);
    let reply = node.operator().try_deploy(plugin, json!({})).await;
    assert!((400..500).contains(&reply.status), "{reply:?}");
    assert_eq!(load.stop().await.len(), 1, "one release serves throughout");
    let after = node.get(target).await;
    assert_eq!(after.header("edge-release"), before.header("edge-release"));
    reply.json()["detail"]
        .as_str()
        .expect("a reason")
        .to_owned()
}

pub(super) fn next(name: &str, more: &str) -> PluginFolder {
    variant(name, &format!("version = \"0.9.0\"\n{more}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_code_is_refused() {
    let broken = next("hello", "component = \"broken.wasm\"").with("broken.wasm", b"no component");
    let reason = refusal_of(&[fixture("hello")], "/hello", &broken).await;
    assert!(reason.contains("plugin hello"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_need_that_is_not_granted_is_refused() {
    let ungranted = variant("ungranted", "name = \"hello\"\nversion = \"0.9.0\"");
    let reason = refusal_of(&[fixture("hello")], "/hello", &ungranted).await;
    assert!(reason.contains("grants"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_of_another_plugin_is_refused() {
    let old = [fixture("hello"), fixture("answerer")];
    let greedy = next("hello", "routes = [\"/hello\", \"/answerer\"]");
    let reason = refusal_of(&old, "/hello", &greedy).await;
    assert!(
        reason.contains("/answerer") && reason.contains("claimed"),
        "{reason}"
    );
}

/// The asker's calls would fail if the answerer became something else.
#[tokio::test(flavor = "multi_thread")]
async fn an_interface_that_others_need_cannot_go() {
    let old = [fixture("asker"), fixture("answerer")];
    let other = variant("hello", "name = \"answerer\"\nversion = \"0.9.0\"");
    let reason = refusal_of(&old, "/asker/words?ids=1", &other).await;
    assert!(reason.contains("asker imports fixture:words"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_others_need_cannot_be_removed() {
    let node = TestNode::start(&[fixture("asker"), fixture("answerer")], |_| {}).await;
    let reply = node
        .operator()
        .send(Method::DELETE, "/v1/plugins/answerer", "")
        .await;
    reply.assert_status(422);
    node.get("/asker/words?ids=1").await.assert_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_migration_is_refused() {
    let failing = next("ledger", "")
        .with(
            "migrations/sqlite/0099_broken.sql",
            "CREATE TABLE ledger_entry (x INTEGER)",
        )
        .with(
            "migrations/mysql/0099_broken.sql",
            "DELETE FROM ledger_entry WHERE 0",
        );
    let reason = refusal_of(&[fixture("ledger")], "/ledger/entries", &failing).await;
    assert!(reason.contains("migrations"), "{reason}");
}

/// What serves needs no control database, and what was begun goes on once it
/// is back.
#[tokio::test]
async fn without_the_control_database_everything_serves_on() {
    let mut server = MariaDb::start().expect("MariaDB");
    let node = TestNode::start(&[fixture("hello")], |settings| {
        settings.control_url = server.database();
    })
    .await;
    let operator = node.operator();
    let next = next("hello", "");
    let rollout = operator.begin(&next, json!({ "pause_ms": 2000 })).await;
    server.stop().expect("it ends");
    for _ in 0..20 {
        node.get("/hello").await.assert_status(200);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let refused = operator.send(Method::GET, "/v1/status", "").await;
    refused.assert_status(503);
    server.restart().expect("it starts");
    let end = eventually("an answer", async || {
        let path = format!("/v1/rollouts/{rollout}");
        let reply = operator.send(Method::GET, &path, "").await;
        let ended = reply.status == 200 && reply.json()["phase"] == "done";
        ended.then(|| reply.json())
    })
    .await;
    assert_eq!(end["phase"], "done");
    let reply = node.get("/hello").await;
    assert_eq!(reply.header("edge-release"), Some("hello@0.9.0"));
}

/// MySQL undoes no change of a table, and sqlx runs nothing after a failure.
#[tokio::test]
async fn a_migration_that_failed_is_in_nobodys_way() {
    let database = MariaDb::shared().database();
    let set = |settings: &mut Settings| {
        settings.database_url.clone_from(&database);
        settings.control_url.clone_from(&database);
    };
    let node = TestNode::start(&[fixture("ledger")], set).await;
    let operator = node.operator();
    let failing = next("ledger", "").with(
        "migrations/mysql/0099_broken.sql",
        "UPDATE ledger_entry SET nothing = 1",
    );
    let reply = operator.try_deploy(&failing, json!({})).await;
    reply.assert_status(422);
    assert!(reply.text().contains("migrations/mysql"), "{reply:?}");
    operator
        .deploy(&variant("ledger", "version = \"0.9.1\""))
        .await;
    assert!(node.stop().await);
    let node = TestNode::start(&[fixture("ledger")], set).await;
    let reply = node.get("/ledger/entries").await;
    assert_eq!(reply.header("edge-release"), Some("ledger@0.9.1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_smoke_check_is_refused() {
    for (health, reason) in [
        ("/hostile/trap", "trap"),
        ("/hostile/nothing", "404"),
        ("/hostile/bad-status", "invalid reply"),
    ] {
        let failing = next("hostile", &format!("health = \"{health}\""));
        let told = refusal_of(&[fixture("hostile")], "/hostile/count", &failing).await;
        assert!(
            told.contains("smoke check") && told.contains(reason),
            "{told}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_instances_than_are_left_are_refused() {
    let greedy = next("hello", "[limits]\ninstances = 1000");
    let reason = refusal_of(&[fixture("hello")], "/hello", &greedy).await;
    assert!(reason.contains("spare_instances"), "{reason}");
}

#[tokio::test]
async fn a_bundle_that_was_changed_on_its_way_is_refused() {
    let node = TestNode::start(&[fixture("hello")], |_| {}).await;
    let operator = node.operator();
    let bundle = Bundle::pack(next("hello", "").path()).expect("a bundle");
    let path = format!("/v1/bundles/{}", bundle.digest());
    let mut bytes = bundle.bytes().to_vec();
    bytes[600] ^= 1;
    let reply = operator.send(Method::PUT, &path, bytes).await;
    reply.assert_status(400);
    assert!(reply.text().contains("changed"), "{reply:?}");
    operator
        .send(Method::PUT, &path, "")
        .await
        .assert_status(400);

    let unknown = json!({ "digest": bundle.digest() }).to_string();
    operator
        .send(Method::POST, "/v1/rollouts", unknown)
        .await
        .assert_status(404);
}

#[tokio::test]
async fn a_node_with_trusted_keys_takes_only_what_they_signed() {
    let (ours, theirs) = (SecretKey::generate(), SecretKey::generate());
    let node = TestNode::start(&[], |settings| {
        settings.releases.trusted_keys = vec![ours.public().to_string()];
    })
    .await;
    let operator = node.operator();
    let bundle = Bundle::pack(fixture("hello").path()).expect("a bundle");
    for (signature, reason) in [
        (String::new(), "not signed"),
        ("ed25519:zz:zz".to_owned(), "malformed"),
        (theirs.sign(bundle.digest()), "does not trust"),
    ] {
        let reply = operator.add(&bundle, &signature).await;
        reply.assert_status(422);
        assert!(reply.text().contains(reason), "{reply:?}");
    }
    let signature = ours.sign(bundle.digest());
    operator.add(&bundle, &signature).await.assert_status(200);
    // Another trusted one may take its place; one that is none may not.
    operator.add(&bundle, "x").await.assert_status(422);
    let order = json!({ "digest": bundle.digest() }).to_string();
    let reply = operator.send(Method::POST, "/v1/rollouts", order).await;
    reply.assert_status(200);
    operator
        .end_of(reply.json()["id"].as_str().expect("an id"))
        .await;
    node.get("/hello").await.assert_status(200);
}

/// A release that took another plugin's name would have what that name is
/// granted: its callers, its buckets, its secrets.
#[tokio::test]
async fn a_key_that_is_trusted_with_one_plugin_signs_no_other() {
    let vendors = SecretKey::generate();
    let node = TestNode::start(&[], |settings| {
        settings.releases.trusted_keys = vec![format!("answerer={}", vendors.public())];
    })
    .await;
    let operator = node.operator();
    let add = async |plugin: &PluginFolder| {
        let bundle = Bundle::pack(plugin.path()).expect("a bundle");
        operator.add(&bundle, &vendors.sign(bundle.digest())).await
    };
    add(&fixture("answerer")).await.assert_status(200);
    for plugin in [
        fixture("hello"),
        variant("answerer", "name = \"hello\""),
        variant("answerer", "name = \"answerer-2\""),
    ] {
        let reply = add(&plugin).await;
        reply.assert_status(422);
        assert!(reply.text().contains("does not trust with"), "{reply:?}");
    }
}

/// Whoever can write into the release log cannot give a plugin's name to
/// another plugin's release.
#[tokio::test]
async fn a_name_in_the_release_log_is_the_name_of_its_release() {
    let data = data_folder();
    let plugins = [fixture("hello"), fixture("answerer")];
    TestNode::start_in(data.path(), &plugins, |_| {})
        .await
        .stop()
        .await;
    let url = format!("sqlite://{}", data.path().join("control.sqlite").display());
    let mut control = SqliteConnection::connect(&url).await.expect("the file");
    let forge = "UPDATE edge_release_log SET active = \
        (SELECT digest FROM edge_bundle WHERE plugin = 'answerer') WHERE plugin = 'hello'";
    let forged = sqlx::query(forge).execute(&mut control).await;
    assert_eq!(forged.expect("an update").rows_affected(), 1);
    control.close().await.expect("a file that is closed");
    // The other plugin serves, and this one does not.
    let node = TestNode::start_in(data.path(), &[], |_| {}).await;
    assert_ne!(node.get("/answerer").await.status, 404);
    node.get("/hello").await.assert_status(404);
    eventually("the cause in the node's report", async || {
        let status = node.operator().get("/v1/status").await;
        let report = &status["nodes"][0]["plugins"]["hello"];
        let reason = report["reason"].as_str()?;
        let is_told = reason.contains("is of the plugin answerer, not of hello");
        (report["state"] == "failed" && is_told).then_some(())
    })
    .await;
}

/// It has room on the first node and not on the second: there, nothing is to
/// serve again, as before.
#[tokio::test]
async fn a_new_plugin_that_fails_in_a_region_is_gone_from_there() {
    let database = MariaDb::shared().database();
    let node = async |region: &str, spare: u32| {
        TestNode::start(&[fixture("hello")], |settings| {
            settings.control_url.clone_from(&database);
            settings.region = region.to_owned();
            settings.releases.spare_instances = spare;
        })
        .await
    };
    let (first, second) = (node("a", 256).await, node("b", 0).await);
    let operator = first.operator();
    let plugin = variant("standard-p3", "[limits]\ninstances = 80");
    let order = json!({ "regions": ["a", "b"] });
    let rollout = operator.begin(&plugin, order).await;
    let end = operator.end_of(&rollout).await;
    assert_eq!(end["phase"], "failed", "{end}");
    let reason = end["reason"].as_str().expect("a reason");
    assert!(reason.contains("region b"), "{reason}");
    assert!(!reason.contains("did not go back"), "{reason}");
    first.get("/standard-p3").await.assert_status(200);
    second.get("/standard-p3").await.assert_status(404);
}
