//! What the node that leads tells of all nodes.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use test_servers::MariaDb;

use super::Metrics;
use crate::harness::{PluginFolder, TestNode, eventually, fixture, variant};

async fn execute(control: &mut MySqlConnection, text: &str) {
    let statement = sqlx::raw_sql(AssertSqlSafe(text.to_owned()));
    statement.execute(control).await.expect(text);
}

async fn node(database: &str, plugins: &[PluginFolder], region: &str) -> TestNode {
    TestNode::start(plugins, |settings| {
        settings.control_url = database.to_owned();
        settings.region = region.to_owned();
        settings.canary.requests = 5;
        settings.canary.warm_up = 0;
    })
    .await
}

/// Wait until a metric has this value.
async fn until(node: &TestNode, name: &str, expected: f64) {
    eventually(name, async || {
        let metrics = Metrics::of(node).await;
        (metrics.value(name, &[]) == Some(expected)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_differ_and_migrations_that_do_not_get_on_are_shown() {
    let database = MariaDb::shared().database();
    let node = node(&database, &[fixture("hello")], "here").await;
    until(&node, "edge_key_mismatches", 0.0).await;
    let metrics = Metrics::of(&node).await;
    for name in [
        "edge_nodes_refused",
        "edge_migrations_running",
        "edge_migration_progress_age_seconds",
        "edge_migration_report_age_seconds",
        "edge_migrations_failed",
    ] {
        metrics.assert(name, &[], 0.0);
    }

    let mut control = MySqlConnection::connect(&database).await.expect("MariaDB");
    let report: String = sqlx::query_scalar("SELECT report FROM edge_node LIMIT 1")
        .fetch_one(&mut control)
        .await
        .expect("a report");
    let mut report: Value = serde_json::from_str(&report).expect("JSON");
    report["keys"]["secret"] = json!({ "signs": "another", "verifies": [] });
    // It counts as heard of for longer than the test takes.
    let other = "INSERT INTO edge_node (node, region, report, seen_at) \
        SELECT 'other', 'there', ?, seen_at + 3600000 FROM edge_node LIMIT 1";
    sqlx::query(other)
        .bind(report.to_string())
        .execute(&mut control)
        .await
        .expect("another node");
    for (id, target, state, version) in [
        ("a", "'hello x'", "running", "2.0.0"),
        ("b", "NULL", "failed", "1.0.0"),
    ] {
        let digest = "0".repeat(64);
        let insert = format!(
            "INSERT INTO edge_migration_run (id, open_target, plugin, version, digest, node, region, \
             database_url, author, state, statement, statements, doing, reason, started_at, \
             changed_at) SELECT '{id}', {target}, 'hello', '{version}', 'sha256:{digest}', 'x', 'x', \
             'mysql://{id}', 'ops', '{state}', 1, 2, 'ALTER', '', seen_at, seen_at + 3600000 \
             FROM edge_node WHERE node <> 'other' LIMIT 1"
        );
        execute(&mut control, &insert).await;
    }
    until(&node, "edge_migrations_failed", 1.0).await;
    let metrics = Metrics::of(&node).await;
    metrics.assert("edge_migrations_running", &[], 1.0);
    // Each of the two does not know what the other signs with.
    metrics.assert("edge_key_mismatches", &[], 2.0);
    eventually("the age of the run", async || {
        let age = Metrics::of(&node)
            .await
            .value("edge_migration_progress_age_seconds", &[]);
        (age? > 5.0).then_some(())
    })
    .await;
    metrics.assert_sound();
}

/// The node that leads decides about canaries of plugins that it does not serve.
#[tokio::test(flavor = "multi_thread")]
async fn verdicts_are_counted_where_the_plugin_does_not_serve() {
    let database = MariaDb::shared().database();
    let leader = node(&database, &[], "a").await;
    until(&leader, "edge_migrations_running", 0.0).await;
    let serving = node(&database, &[fixture("hello")], "b").await;
    let operator = serving.operator();
    let plan = json!({ "canary_percent": 40, "regions": ["b"], "promote_after_ms": 1 });
    let next = variant("hello", "version = \"0.9.0\"");
    let rollout = operator.begin(&next, plan).await;
    operator.until(&rollout, |phase| phase == "canary").await;
    let promoted = ["plugin=\"hello\"", "verdict=\"promoted\""];
    let verdicts = "edge_rollout_verdicts_total";
    // There before anything is decided, so that its growth is seen.
    Metrics::of(&leader).await.assert(verdicts, &promoted, 0.0);
    let path = format!("/v1/rollouts/{rollout}");
    let mut client = 0;
    eventually("the end", async || {
        for _ in 0..20 {
            client += 1;
            let request = http::Request::get(serving.url("/hello"));
            let request = request.header("user-agent", client.to_string());
            serving.send(request, "").await.assert_status(200);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        (operator.get(&path).await["phase"] == "done").then_some(())
    })
    .await;
    Metrics::of(&leader).await.assert(verdicts, &promoted, 1.0);
}
