//! Nodes and regions that are gone are forgotten by age.

use std::time::Duration;

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use test_servers::MariaDb;

use super::fleet::hello;
use crate::harness::{TestNode, eventually};

const NOW: &str = "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)";

async fn node(database: &str, change: impl FnOnce(&mut edge::config::ForgetAfter)) -> TestNode {
    TestNode::start(&[hello(0)], |settings| {
        settings.control_url = database.to_owned();
        settings.region = "here".to_owned();
        change(&mut settings.forget_after);
    })
    .await
}

async fn execute(control: &mut MySqlConnection, text: &str) {
    let statement = sqlx::raw_sql(AssertSqlSafe(text.replace("{now}", NOW)));
    statement.execute(control).await.expect(text);
}

async fn number(control: &mut MySqlConnection, text: &str) -> i64 {
    let found = sqlx::query_scalar(AssertSqlSafe(text.replace("{now}", NOW)));
    found.fetch_one(control).await.expect(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_listed_for_as_long_as_the_setting_says() {
    let database = MariaDb::shared().database();
    let usual = node(&database, |_| {}).await;
    let short = node(&database, |age| age.node = Duration::from_mins(1)).await;
    let long = node(&database, |age| age.node = Duration::from_hours(3)).await;
    let mut control = MySqlConnection::connect(&database).await.expect("MariaDB");
    for (name, minutes) in [("lately", 2), ("before", 120)] {
        let age = minutes * 60_000;
        let insert = format!(
            "INSERT INTO edge_node (node, region, report, seen_at) SELECT '{name}', 'here', report, \
             {{now}} - {age} FROM edge_node LIMIT 1"
        );
        execute(&mut control, &insert).await;
    }
    let dead = async |node: &TestNode| {
        let status = node.operator().get("/v1/status").await;
        let nodes = status["nodes"].as_array().expect("a list").clone();
        let name = |node: &Value| node["node"].as_str().expect("a name").to_owned();
        let names = nodes.iter().map(name);
        let mut names: Vec<_> = names.filter(|name| name.contains('e')).collect();
        names.retain(|name| ["lately", "before"].contains(&name.as_str()));
        names
    };
    assert_eq!(dead(&short).await, Vec::<String>::new());
    assert_eq!(dead(&usual).await, ["lately"]);
    assert_eq!(dead(&long).await, ["before", "lately"]);
}

/// A region without nodes goes once it was seen so for long, and not because a
/// shop was stopped or restored from a dump, nor in the middle of a rollout.
#[tokio::test(flavor = "multi_thread")]
async fn a_region_is_forgotten_that_was_seen_without_nodes_for_long() {
    let database = MariaDb::shared().database();
    assert!(node(&database, |_| {}).await.stop().await);
    let mut control = MySqlConnection::connect(&database).await.expect("MariaDB");
    for (region, since, observed) in [
        ("gone", 7_200_000, 0),
        ("unseen", 7_200_000, 7_200_000),
        ("wanted", 7_200_000, 0),
        ("lately", 60_000, 0),
    ] {
        let insert = format!(
            "INSERT INTO edge_release_log (region, plugin, revision, active, canary, \
             canary_percent, rollout, author, reason, written_at) SELECT '{region}', plugin, \
             revision, active, canary, canary_percent, rollout, author, reason, written_at \
             FROM edge_release_log WHERE region = 'here'"
        );
        execute(&mut control, &insert).await;
        let insert = format!(
            "INSERT INTO edge_region (region, empty_since, observed_at) VALUES ('{region}', \
             {{now}} - {since}, {{now}} - {observed})"
        );
        execute(&mut control, &insert).await;
    }
    // Nodes of this version leave it alone.
    execute(
        &mut control,
        "INSERT INTO edge_rollout (id, plugin, open_plugin, digest, regions, canary_percent, \
         pause_ms, phase, reason, author, started_at, changed_at) VALUES ('feed', 'later', \
         'later', NULL, '[\"wanted\"]', 0, 0, 'shadowing', '', 'somebody', 0, 0)",
    )
    .await;

    let node = node(&database, |age| age.region = Some(Duration::from_hours(1))).await;
    let entries = "SELECT COUNT(*) FROM edge_release_log WHERE region = ";
    eventually("the end of the region", async || {
        let left = number(&mut control, &format!("{entries}'gone'")).await;
        (left == 0).then_some(())
    })
    .await;
    let audit = node.operator().get("/v1/audit").await;
    let records = audit.as_array().expect("a list").iter();
    let forgotten: Vec<_> = records
        .filter(|record| record["action"] == "forget-region")
        .map(|record| record["detail"].as_str().expect("text"))
        .collect();
    assert_eq!(forgotten.len(), 1, "{forgotten:?}");
    assert!(
        forgotten[0].starts_with("region gone: without nodes for 2h"),
        "{forgotten:?}"
    );
    for region in ["here", "unseen", "wanted", "lately"] {
        let left = number(&mut control, &format!("{entries}'{region}'")).await;
        assert_eq!(left, 1, "{region}");
    }
    let recent = "SELECT COUNT(*) FROM edge_region \
        WHERE region = 'unseen' AND empty_since > {now} - 600000";
    assert_eq!(
        number(&mut control, recent).await,
        1,
        "its time begins anew"
    );
    let regions = "SELECT COUNT(*) FROM edge_region WHERE region IN ('gone', 'here')";
    assert_eq!(number(&mut control, regions).await, 0);
}

/// Without the setting, a region keeps what it is to run.
#[tokio::test(flavor = "multi_thread")]
async fn no_region_is_forgotten_unless_the_settings_say_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = edge::config::Settings::defaults(folder.path()).expect("defaults");
    assert_eq!(settings.forget_after.region, None);
    assert_eq!(settings.forget_after.node, Duration::from_hours(1));
}
