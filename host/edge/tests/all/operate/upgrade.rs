//! Nodes of this version beside one of a newer version, which writes more into
//! the control database than this one knows, and beside one of the first version
//! that reported, which writes less.

use bundle::Bundle;
use http::Method;
use serde_json::{Value, json};
use test_servers::MariaDb;

use super::estate::{Estate, Member};
use crate::harness::{eventually, fixture, variant};

/// Run a statement in the shop's database.
fn run(estate: &Estate, statement: &str) {
    let (_, name) = estate.database.rsplit_once('/').expect("a name");
    MariaDb::shared().run(&format!("USE {name}; {statement}"));
}

/// Columns with defaults, a table, and rows with what this version never writes.
fn write_as_a_newer_version(estate: &Estate) {
    for table in [
        "edge_node",
        "edge_rollout",
        "edge_release_log",
        "edge_bundle",
        "edge_audit",
        "edge_secret",
        "edge_schedule",
        "edge_token_revocation",
    ] {
        run(
            estate,
            &format!("ALTER TABLE {table} ADD COLUMN added_later VARCHAR(40) NOT NULL DEFAULT 'x'"),
        );
    }
    run(estate, "CREATE TABLE edge_later (id BIGINT PRIMARY KEY)");
    run(
        estate,
        "INSERT INTO edge_rollout (id, plugin, open_plugin, digest, regions, canary_percent, \
         pause_ms, phase, reason, author, started_at, changed_at) VALUES ('feed', 'later', \
         'later', NULL, '[\"local\"]', 0, 0, 'shadowing', '', 'somebody', 0, 0)",
    );
}

/// The report of a node of a newer version, under a name of its own.
async fn report_as_a_newer_version(estate: &Estate, of: &Member) {
    let status = of.operator().get("/v1/status").await;
    let mut report = status["nodes"][0].clone();
    report["version"] = "99.0.0".into();
    report["cache"] = json!({ "hits": 7 });
    let plugins = report["plugins"].as_object_mut().expect("plugins");
    for plugin in plugins.values_mut() {
        plugin["state"] = "draining".into();
        plugin["cohorts"] = json!(["a", "b"]);
    }
    for absent in ["node", "region", "age_ms"] {
        report.as_object_mut().expect("a report").remove(absent);
    }
    let text = report.to_string().replace('\'', "''").replace('\\', "\\\\");
    run(
        estate,
        &format!(
            "INSERT INTO edge_node (node, region, report, seen_at) VALUES ('99999999', 'abroad', \
             '{text}', (UNIX_TIMESTAMP() + 3600) * 1000)"
        ),
    );
}

fn rollout<'a>(status: &'a Value, plugin: &str) -> Option<&'a Value> {
    let rollouts = status["rollouts"].as_array().expect("a list");
    rollouts.iter().find(|rollout| rollout["plugin"] == plugin)
}

/// The release that answers.
async fn release(node: &Member) -> String {
    let reply = node.ask(Method::GET, "/hello", "", &Value::Null).await;
    reply.assert_status(200);
    reply.header("edge-release").expect("a release").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_serves_beside_one_of_a_newer_version() {
    let estate = Estate::with(vec![fixture("hello"), fixture("ticker")]);
    let node = estate.join(&[]).await;
    write_as_a_newer_version(&estate);
    report_as_a_newer_version(&estate, &node).await;

    // It is shown what it knows of the other.
    let operator = node.operator();
    let status = operator.get("/v1/status").await;
    let nodes = status["nodes"].as_array().expect("nodes");
    let newer = nodes.iter().find(|node| node["version"] == "99.0.0");
    let newer = newer.expect("the newer node");
    assert_eq!(newer["plugins"]["hello"]["state"], "other", "{newer}");
    let later = rollout(&status, "later").expect("its rollout");
    assert_eq!(later["phase"], "other", "{later}");

    // It serves, works and leads what it knows; the rest it leaves alone.
    assert_eq!(release(&node).await, "hello@0.1.0");
    let next = variant("hello", "version = \"0.9.0\"");
    let here = json!({ "regions": ["local"] });
    let rollout_id = operator.begin(&next, here).await;
    assert_eq!(operator.end_of(&rollout_id).await["phase"], "done");
    eventually("the new release", async || {
        (release(&node).await == "hello@0.9.0").then_some(())
    })
    .await;
    let status = operator.get("/v1/status").await;
    let later = rollout(&status, "later").expect("its rollout");
    assert_eq!(later["changed_at"], 0, "{later}");

    // One more joins, and this one starts again.
    let other = estate.join(&[]).await;
    assert_eq!(release(&other).await, "hello@0.9.0");
    let (data, _) = node.end().await;
    let node = estate.serve_in(data, &[]).await;
    assert_eq!(release(&node).await, "hello@0.9.0");
}

/// The report of a node of the first version that reported, with all that it
/// wrote and nothing else. It counts as heard of for longer than the test takes.
fn report_as_an_older_version(estate: &Estate, digest: &str) {
    let report = json!({
        "version": "0.0.9",
        "address": "127.0.0.1:1",
        "plugins": {
            "hello": {
                "revision": 1,
                "state": "serving",
                "for_ms": 1000,
                "active": {
                    "digest": digest,
                    "version": "0.1.0",
                    "requests": 10,
                    "errors": 0,
                    "p50_us": 500,
                    "p99_us": 900,
                    "per_second": 1.5,
                },
                "canary": null,
                "before": null,
            },
            "gone": {
                "revision": 3,
                "state": "failed",
                "reason": "it does not fit",
                "for_ms": 5,
                "active": null,
                "canary": null,
                "before": null,
            },
        },
    });
    run(
        estate,
        &format!(
            "INSERT INTO edge_node (node, region, report, seen_at) VALUES ('00000009', 'abroad', \
             '{report}', (UNIX_TIMESTAMP() + 3600) * 1000)"
        ),
    );
}

/// A rollout as that version began it: one row, and none of what today's writes
/// besides.
fn begin_as_an_older_version(estate: &Estate, id: &str, digest: &str, canary_percent: u8) {
    run(
        estate,
        &format!(
            "INSERT INTO edge_rollout (id, plugin, open_plugin, digest, regions, canary_percent, \
             pause_ms, phase, reason, author, started_at, changed_at) VALUES ('{id}', 'hello', \
             'hello', '{digest}', '[\"local\"]', {canary_percent}, 0, 'running', '', 'ops', \
             UNIX_TIMESTAMP() * 1000, UNIX_TIMESTAMP() * 1000)"
        ),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_serves_beside_one_of_an_older_version() {
    let estate = Estate::with(vec![fixture("hello")]);
    let node = estate.join(&[]).await;
    let operator = node.operator();
    let served = Bundle::pack(fixture("hello").path()).expect("a bundle");
    report_as_an_older_version(&estate, &served.digest().to_string());

    let status = operator.get("/v1/status").await;
    let nodes = status["nodes"].as_array().expect("nodes").iter();
    let older = nodes.clone().find(|node| node["version"] == "0.0.9");
    let older = older.expect("the older node");
    assert_eq!(older["plugins"]["hello"]["state"], "serving", "{older}");
    assert_eq!(older["plugins"]["gone"]["reason"], "it does not fit");

    // What it began is led to its end, with a canary and without.
    for (id, version, percent) in [("feed", "0.8.0", 0), ("beef", "0.9.0", 30)] {
        let next = variant("hello", &format!("version = \"{version}\""));
        let bundle = Bundle::pack(next.path()).expect("a bundle");
        operator.add(&bundle, "").await.assert_status(200);
        begin_as_an_older_version(&estate, id, &bundle.digest().to_string(), percent);
        if percent > 0 {
            operator.until(id, |phase| phase == "canary").await;
            let status = operator.get("/v1/status").await;
            let rollout = rollout(&status, "hello").expect("a rollout");
            assert_eq!(rollout["canary_percent"], percent, "{status}");
            operator.decide("hello", "promote").await;
        }
        assert_eq!(operator.end_of(id).await["phase"], "done");
        let release = format!("hello@{version}");
        eventually("the new release", async || {
            (self::release(&node).await == release).then_some(())
        })
        .await;
    }

    // One more joins beside it, which says nothing of its keys.
    let other = estate.join(&[]).await;
    assert_eq!(release(&other).await, "hello@0.9.0");
    let path = "/v1/plugins/hello/rollouts";
    let rollouts = operator.get(path).await;
    assert_eq!(rollouts.as_array().map(Vec::len), Some(2), "{rollouts}");
}
