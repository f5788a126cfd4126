//! Long lists are read page by page, and a list that was cut says so.

use std::collections::BTreeSet;

use http::Method;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use test_servers::MariaDb;

use super::commands::run;
use super::fleet::hello;
use super::numbers::numbers;
use crate::harness::TestNode;

/// Rows of each list, several hundred of them within each millisecond, so that
/// pages end between such.
const ROWS: usize = 2500;

/// Numbers from 1 on, and the time of each row: after all that happens here.
fn rows() -> String {
    let numbers = numbers(1, 2500);
    format!("WITH t (i, at) AS (SELECT i, 4102444800000 + i DIV 700 FROM {numbers} n)")
}

/// A node whose `hello` has a long history.
async fn node() -> TestNode {
    let database = MariaDb::shared().database();
    let node = TestNode::start(&[hello(0)], |settings| {
        settings.control_url.clone_from(&database);
    })
    .await;
    let mut control = MySqlConnection::connect(&database).await.expect("MariaDB");
    let rows = rows();
    for insert in [
        &format!(
            "INSERT INTO edge_bundle (digest, plugin, version, parts, signature, author, added_at) \
             {rows} SELECT CONCAT('sha256:', SHA2(i, 256)), 'hello', CONCAT('1.0.', i), 0, '', \
             'ops', at FROM t"
        ),
        &format!(
            "INSERT INTO edge_release_log (region, plugin, revision, active, canary, \
             canary_percent, rollout, author, reason, written_at) {rows} SELECT \
             ELT(1 + i MOD 2, 'far-off', 'abroad'), 'hello', i, NULL, NULL, 0, '', 'ops', '', at \
             FROM t"
        ),
        &format!(
            "INSERT INTO edge_rollout (id, plugin, open_plugin, digest, regions, canary_percent, \
             pause_ms, phase, reason, author, started_at, changed_at) {rows} SELECT LEFT(SHA2(i, 256), 32), \
             'hello', NULL, NULL, '[]', 0, 0, 'done', '', 'ops', at, at FROM t"
        ),
        &format!(
            "INSERT INTO edge_migration_run (id, open_target, plugin, version, digest, node, region, \
             database_url, author, state, statement, statements, doing, reason, started_at, \
             changed_at) {rows} SELECT LEFT(SHA2(i, 256), 32), NULL, 'hello', '1.0.0', CONCAT('sha256:', \
             SHA2(i, 256)), 'x', 'x', 'mysql://x', 'ops', 'done', 1, 1, '', '', at, at FROM t"
        ),
    ] {
        let statement = sqlx::raw_sql(AssertSqlSafe(insert.to_owned()));
        statement.execute(&mut control).await.expect(insert);
    }
    node
}

/// What a command prints as JSON, and says besides.
async fn listed(node: &TestNode, arguments: &[&str]) -> (Value, String) {
    let arguments = [arguments, &["--json"]].concat();
    let (code, output, error) = run(node, &arguments).await;
    assert_eq!(code, Some(0), "{arguments:?}: {error}");
    (serde_json::from_str(&output).expect("JSON"), error)
}

/// Each record is there once, and none is newer than the one before it.
#[track_caller]
fn assert_whole(list: &Value, time: &str, keys: &[&str], least: usize) {
    let list = list.as_array().expect("a list");
    let names: BTreeSet<_> = list
        .iter()
        .map(|record| {
            keys.iter()
                .map(|key| record[key].to_string())
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(names.len(), list.len(), "each once");
    assert!(list.len() >= least, "{} of {least}", list.len());
    let times = list
        .iter()
        .map(|record| record[time].as_i64().expect("a time"));
    assert!(times.is_sorted_by(|one, next| one >= next), "newest first");
}

fn length(list: &Value) -> usize {
    list.as_array().expect("a list").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_is_shown_whole_or_is_said_to_be_cut() {
    let node = node().await;
    let (all, said) = listed(&node, &["releases", "hello", "--all"]).await;
    assert_eq!(said, "");
    assert_whole(&all["bundles"], "added_at", &["digest"], ROWS + 1);
    assert_whole(&all["log"], "written_at", &["region", "revision"], ROWS + 1);
    assert_whole(&all["rollouts"], "started_at", &["id"], ROWS);

    let (newest, said) = listed(&node, &["releases", "hello"]).await;
    for (list, what) in [
        ("bundles", "releases"),
        ("log", "entries of the log"),
        ("rollouts", "rollouts"),
    ] {
        assert_eq!(length(&newest[list]), 500);
        assert_eq!(newest["more"][list], true);
        assert!(said.contains(&format!("the newest 500 {what}")), "{said}");
    }
    let (some, said) = listed(&node, &["releases", "hello", "--limit", "1234"]).await;
    assert_eq!(length(&some["log"]), 1234);
    assert!(
        said.contains("the newest 1234 entries of the log"),
        "{said}"
    );
    // Those of this node's own start are older than all others.
    let (old, said) = listed(&node, &["releases", "hello", "--before", "2099-01-01"]).await;
    assert_eq!(said, "");
    assert_eq!(length(&old["bundles"]), 1, "{old}");
    assert_eq!(length(&old["log"]), 1, "{old}");
    let (_, table, said) = run(&node, &["releases", "hello", "--limit", "3"]).await;
    assert_eq!(
        table.lines().filter(|line| line.contains("1.0.")).count(),
        3
    );
    assert!(said.contains("the newest 3 releases"), "{said}");

    // However many are newer, a release is found by its version.
    let (code, output, error) = run(&node, &["migrate", "hello", "--to", "0.0.0"]).await;
    assert_eq!(
        (code, output.as_str()),
        (Some(0), "nothing is pending\n"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rollouts_and_runs_are_listed_page_by_page() {
    let node = node().await;
    let rollouts = ["rollout", "list", "hello"];
    for (command, name, usual) in [
        (&rollouts[..], "rollouts", 50),
        (&["migrations"], "runs", 20),
        (&["migrations", "hello"], "runs", 20),
    ] {
        let (all, said) = listed(&node, &[command, &["--all"]].concat()).await;
        assert_whole(&all, "started_at", &["id"], ROWS);
        assert_eq!(said, "");
        let (newest, said) = listed(&node, command).await;
        assert_eq!(length(&newest), usual);
        let cut = format!("the newest {usual} {name}");
        assert!(said.contains(&cut), "{said}");
    }
    let operator = node.operator();
    for list in [
        "/v1/plugins/hello/bundles",
        "/v1/plugins/hello/log",
        "/v1/plugins/hello/rollouts",
        "/v1/migrations",
    ] {
        for wrong in ["limit=0", "limit=1001", "after=x", "before=x"] {
            let path = format!("{list}?{wrong}");
            operator
                .send(Method::GET, &path, "")
                .await
                .assert_status(400);
        }
    }
    let path = "/v1/plugins/hello/log?after=1-x";
    operator
        .send(Method::GET, path, "")
        .await
        .assert_status(400);
}
