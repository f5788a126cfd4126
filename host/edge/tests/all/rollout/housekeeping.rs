//! What grows is bounded, and what is gone is forgotten: bundles, nodes,
//! regions, the audit and the release log.

use std::collections::BTreeSet;

use bundle::Bundle;
use http::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use test_servers::MariaDb;

use super::commands::{path, run};
use super::numbers::numbers;
use crate::harness::{Operator, PluginFolder, TestNode, eventually, variant};

fn hello(version: u32) -> PluginFolder {
    variant("hello", &format!("version = \"0.{version}.0\""))
}

/// A node with `hello` on a shared control database, and a way into that.
async fn node() -> (TestNode, MySqlConnection) {
    node_of(MariaDb::shared().database(), "local").await
}

async fn node_of(database: String, region: &str) -> (TestNode, MySqlConnection) {
    let node = TestNode::start(&[hello(0)], |settings| {
        settings.control_url.clone_from(&database);
        settings.region = region.to_owned();
    })
    .await;
    let control = MySqlConnection::connect(&database).await.expect("MariaDB");
    (node, control)
}

async fn execute(control: &mut MySqlConnection, text: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(text.to_owned()))
        .execute(control)
        .await;
    done.expect("a statement");
}

async fn number(control: &mut MySqlConnection, text: &str) -> i64 {
    let found = sqlx::query_scalar(AssertSqlSafe(text.to_owned()))
        .fetch_one(control)
        .await;
    found.expect("a number")
}

/// How often the server did what this counter of its status counts.
async fn counted(control: &mut MySqlConnection, counter: &str) -> i64 {
    let shown = format!("SHOW GLOBAL STATUS LIKE '{counter}'");
    let (_, count): (String, String) = sqlx::query_as(AssertSqlSafe(shown))
        .fetch_one(control)
        .await
        .expect("the server's status");
    count.parse().expect("a count")
}

/// Rows that the server has read one after the other by an index. Those that it
/// read without one are those of its status, too.
async fn entries_read(control: &mut MySqlConnection) -> i64 {
    counted(control, "Handler_read_next").await + counted(control, "Handler_read_prev").await
}

/// Let all bundles be older than those whose rollout may begin yet.
async fn grow_old(control: &mut MySqlConnection) {
    execute(
        control,
        "UPDATE edge_bundle SET added_at = added_at - 7200000",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_needs_is_collected_and_can_come_back() {
    let (node, mut control) = node().await;
    let operator = node.operator();
    for version in 1..=8 {
        operator.deploy(&hello(version)).await;
    }
    let canary = hello(9);
    let rollout = operator
        .begin(&canary, json!({ "canary_percent": 10 }))
        .await;
    operator.until(&rollout, |phase| phase == "canary").await;
    let (_, output, _) = run(&node, &["gc", "--keep", "1", "--dry-run"]).await;
    assert!(
        output.starts_with("nothing to collect"),
        "all are recent: {output}"
    );
    grow_old(&mut control).await;

    let parts = "SELECT COUNT(DISTINCT bundle) FROM edge_bundle_blob";
    assert_eq!(number(&mut control, parts).await, 10);
    let (code, output, _) = run(&node, &["gc", "--keep", "1", "--dry-run"]).await;
    assert_eq!(code, Some(0));
    assert!(output.contains("would be collected"), "{output}");
    assert_eq!(number(&mut control, parts).await, 10, "nothing was");

    let (code, output, error) = run(&node, &["gc", "--keep", "1", "--json"]).await;
    assert_eq!(code, Some(0), "{error}");
    let found: Value = serde_json::from_str(&output).expect("JSON");
    let collected = found["collected"].as_array().expect("a list");
    let versions: BTreeSet<_> = collected
        .iter()
        .map(|it| it["version"].as_str().expect("text"))
        .collect();
    // The last five entries of the log have the canary and 0.5.0 to 0.8.0.
    assert_eq!(
        versions,
        BTreeSet::from(["0.0.0", "0.1.0", "0.2.0", "0.3.0", "0.4.0"]),
        "{found}"
    );
    assert_eq!(number(&mut control, parts).await, 5);

    let (code, _, error) = run(&node, &["abort", "hello", "--wait"]).await;
    assert_eq!(code, Some(0), "{error}");
    let (code, _, error) = run(&node, &["rollback", "hello", "--to", "0.2.0", "--wait"]).await;
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("was collected by `edge gc`"), "{error}");
    let (code, _, error) = run(&node, &["rollback", "hello", "--to", "0.5.0", "--wait"]).await;
    assert_eq!(code, Some(0), "{error}");
    let (_, output, _) = run(&node, &["releases", "hello"]).await;
    assert!(output.contains("(collected)"), "{output}");

    let (code, _, error) = run(&node, &["deploy", path(&hello(2)), "--wait"]).await;
    assert_eq!(code, Some(0), "it is added again: {error}");
    let reply = node.get("/hello").await;
    assert_eq!(reply.header("edge-release"), Some("hello@0.2.0"));
    let audit = operator.get("/v1/audit").await;
    let records = audit.as_array().expect("a list").iter();
    assert_eq!(
        records.filter(|record| record["action"] == "gc").count(),
        5,
        "{audit}"
    );
    let (code, _, _) = run(&node, &["gc", "--keep", "0"]).await;
    assert_eq!(code, Some(2));
}

/// A collection that began before the rollout did takes its bundle: the rollout
/// says so, and is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_of_a_collected_bundle_is_refused() {
    let (node, mut control) = node().await;
    let operator = node.operator();
    operator.deploy(&hello(1)).await;
    let digest = Bundle::pack(hello(1).path()).expect("a bundle").digest();
    // It serves, so that nothing of it has to be read.
    execute(
        &mut control,
        &format!("UPDATE edge_bundle SET parts = -1 WHERE digest = '{digest}'"),
    )
    .await;
    let order = json!({ "digest": digest }).to_string();
    let reply = operator.send(Method::POST, "/v1/rollouts", order).await;
    reply.assert_status(409);
    eventually("the end of a rollout that cannot be", async || {
        let status = operator.get("/v1/status").await;
        (status["rollouts"] == json!([])).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_is_read_page_by_page() {
    let (node, mut control) = node().await;
    // Many within one millisecond: a page may end between them.
    execute(
        &mut control,
        &format!(
            "INSERT INTO edge_audit (id, author, action, plugin, detail, written_at) \
             SELECT LEFT(SHA2(i, 256), 32), 'ada', 'deploy', 'hello', CONCAT('entry ', i), \
             86400000 + i DIV 700 FROM {} n",
            numbers(1, 2500)
        ),
    )
    .await;
    let export = [
        "audit",
        "--since",
        "1970-01-02",
        "--until",
        "1970-01-03",
        "--format",
        "jsonl",
    ];
    let (code, output, error) = run(&node, &export).await;
    assert_eq!((code, error.as_str()), (Some(0), ""));
    let records: Vec<Value> = output
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let details: BTreeSet<_> = records.iter().map(|it| it["detail"].to_string()).collect();
    assert_eq!((records.len(), details.len()), (2500, 2500), "each once");
    let times: Vec<_> = records
        .iter()
        .map(|it| it["written_at"].as_i64().expect("a time"))
        .collect();
    assert!(times.is_sorted_by(|one, next| one >= next), "newest first");

    let limited = [&export[..], &["--limit", "7"]].concat();
    let (_, output, error) = run(&node, &limited).await;
    assert_eq!(output.lines().count(), 7);
    assert!(error.contains("these are the newest 7"), "{error}");
    let (_, output, error) = run(&node, &["audit", "--limit", "5000"]).await;
    assert!(output.lines().count() > 2500, "{}", output.lines().count());
    assert_eq!(error, "");
    let (_, output, error) = run(&node, &["audit"]).await;
    assert_eq!(output.lines().count(), 501, "with the headings");
    assert!(error.contains("these are the newest 500"), "{error}");
    let operator = node.operator();
    for wrong in ["limit=0", "limit=1001", "after=x", "after=1-zz", "since=x"] {
        let reply = operator
            .send(Method::GET, &format!("/v1/audit?{wrong}"), "")
            .await;
        reply.assert_status(400);
    }
    assert_eq!(
        run(&node, &["audit", "--since", "yesterday"]).await.0,
        Some(2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_and_regions_that_are_gone_are_forgotten() {
    let database = MariaDb::shared().database();
    let (node, mut control) = node_of(database.clone(), "here").await;
    let (mut gone, _) = node_of(database.clone(), "there").await;
    let operator = node.operator();
    let named = async |region: &str| {
        let status = operator.get("/v1/status").await;
        let nodes = status["nodes"].as_array().expect("a list").clone();
        let found = nodes.iter().find(|node| node["region"] == region);
        found.map(|node| node["node"].as_str().expect("a name").to_owned())
    };
    let other = eventually("the other node", async || named("there").await).await;
    let (code, _, error) = run(&node, &["node", "forget", &other]).await;
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("is there"), "{error}");
    let (code, _, error) = run(&node, &["region", "forget", "there"]).await;
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("stop the region's nodes first"), "{error}");

    gone.begin_stop();
    eventually("its end", async || {
        named("there").await.is_none().then_some(())
    })
    .await;
    // One that was killed says nothing.
    execute(
        &mut control,
        "INSERT INTO edge_node (node, region, report, seen_at) \
         SELECT 'dead', 'there', report, seen_at - 60000 FROM edge_node LIMIT 1",
    )
    .await;
    let (_, output, _) = run(&node, &["status"]).await;
    assert!(output.contains("down: there dead"), "{output}");
    let (code, _, error) = run(&node, &["node", "forget", "dead"]).await;
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(named("there").await, None);
    assert_eq!(run(&node, &["node", "forget", "dead"]).await.0, Some(1));

    let rollout = operator
        .begin(&hello(1), json!({ "canary_percent": 10 }))
        .await;
    operator.until(&rollout, |phase| phase == "canary").await;
    let (code, _, error) = run(&node, &["region", "forget", "there"]).await;
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("goes to region there"), "{error}");
    operator.decide("hello", "promote").await;
    operator.end_of(&rollout).await;
    let (code, output, error) = run(&node, &["region", "forget", "there"]).await;
    assert_eq!(code, Some(0), "{error}");
    assert!(output.contains("entries of the release log"), "{output}");
    let rollout = operator.begin(&hello(2), json!({})).await;
    assert_eq!(operator.end_of(&rollout).await["regions"], json!(["here"]));
    assert_eq!(run(&node, &["region", "forget", "there"]).await.0, Some(1));
}

/// Puts entries up to the revision `last` into the log of `hello` in region
/// `local`, as a host of an older version writes them: without their head.
async fn lengthen_log(control: &mut MySqlConnection, last: u32) {
    let first = "SELECT MAX(revision) + 1 FROM edge_release_log WHERE plugin = 'hello'";
    let first = number(control, first).await.try_into().expect("a revision");
    execute(
        control,
        &format!(
            "INSERT INTO edge_release_log (region, plugin, revision, active, canary, \
             canary_percent, rollout, author, reason, written_at) \
             SELECT 'local', 'hello', i, l.active, NULL, 0, CONCAT('r', i), 'ops', '', \
             l.written_at FROM {} n \
             JOIN edge_release_log l ON l.plugin = 'hello' AND l.revision = 1 + i MOD ({first} - 1)",
            numbers(first, last)
        ),
    )
    .await;
}

async fn followed(operator: &Operator, last: u32) {
    eventually("the last entry to be followed", async || {
        let status = operator.get("/v1/status").await;
        let revision = &status["nodes"][0]["plugins"]["hello"]["revision"];
        (*revision == last).then_some(())
    })
    .await;
}

/// A rollout, a rollback, a canary that is aborted and a collection read a few
/// entries each, and so does a node of a region that runs nothing. The server
/// takes no statistics of the log after it grew.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_does_not_read_a_long_log() {
    const ENTRIES: u32 = 30_000;
    let server = MariaDb::start().expect("MariaDB");
    let database = server.database();
    let (node, mut control) = node_of(database.clone(), "local").await;
    let operator = node.operator();
    operator.deploy(&hello(1)).await;
    lengthen_log(&mut control, ENTRIES).await;
    followed(&operator, ENTRIES).await;
    let empty = TestNode::start(&[], |settings| {
        settings.control_url.clone_from(&database);
        settings.region = "empty".to_owned();
    })
    .await;
    let before = entries_read(&mut control).await;

    let rollout = operator.begin(&hello(2), json!({})).await;
    assert_eq!(operator.end_of(&rollout).await["phase"], "done");
    // The other region ran none before.
    let order = json!({ "regions": ["local"] }).to_string();
    let path = "/v1/plugins/hello/rollback";
    let begun = operator.send(Method::POST, path, order).await;
    let rollout = begun.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(operator.end_of(&rollout).await["phase"], "done");
    let order = json!({ "canary_percent": 10, "regions": ["local"] });
    let rollout = operator.begin(&hello(3), order).await;
    operator.until(&rollout, |phase| phase == "canary").await;
    operator.decide("hello", "abort").await;
    operator.end_of(&rollout).await;
    let (code, _, error) = run(&node, &["releases", "hello", "--limit", "20"]).await;
    assert_eq!(code, Some(0), "{error}");
    empty.until_status("/readyz", 200).await;
    let read = entries_read(&mut control).await - before;
    println!("{read} rows were read");
    assert!(read < i64::from(ENTRIES), "{read} rows were read");
}

/// However long the log is, looking at it reads a few entries.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_release_log_is_not_read_whole() {
    const ENTRIES: u32 = 10_000;
    let server = MariaDb::start().expect("MariaDB");
    let (node, mut control) = node_of(server.database(), "local").await;
    lengthen_log(&mut control, ENTRIES).await;
    let operator = node.operator();
    followed(&operator, ENTRIES).await;
    let statements = "Com_stmt_execute";
    let asked = counted(&mut control, statements).await;
    let read = entries_read(&mut control).await;
    eventually("some looks at the log", async || {
        let now = counted(&mut control, statements).await;
        (now > asked + 40).then_some(())
    })
    .await;
    let read = entries_read(&mut control).await - read;
    assert!(read < ENTRIES.into(), "{read} rows were read");
    operator.deploy(&hello(1)).await;
}

/// Hosts of older versions write entries without a head, and delete a region's
/// entries alone.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_decides_where_heads_differ() {
    let (node, mut control) = node().await;
    let operator = node.operator();
    operator.deploy(&hello(1)).await;
    lengthen_log(&mut control, 7).await;
    operator.deploy(&hello(2)).await;
    let head = "SELECT revision FROM edge_release_head WHERE plugin = 'hello'";
    assert_eq!(number(&mut control, head).await, 8);

    execute(
        &mut control,
        "DELETE FROM edge_release_head; \
         INSERT INTO edge_release_head (region, plugin, revision) VALUES ('gone', 'hello', 3)",
    )
    .await;
    let older = "INSERT INTO edge_node (node, region, report, seen_at) \
        SELECT 'older', 'elsewhere', JSON_REMOVE(report, '$.writes_heads'), seen_at - 60000 \
        FROM edge_node LIMIT 1";
    eventually("a report to change", async || {
        execute(&mut control, older).await;
        let nodes = number(&mut control, "SELECT COUNT(*) FROM edge_node").await;
        (nodes == 2).then_some(())
    })
    .await;
    eventually("the heads that the log has", async || {
        let heads = "SELECT COUNT(*) FROM edge_release_head \
            WHERE region = 'local' AND plugin = 'hello' AND revision = 8";
        let others = "SELECT COUNT(*) FROM edge_release_head WHERE region = 'gone'";
        let found = number(&mut control, heads).await - number(&mut control, others).await;
        (found == 1).then_some(())
    })
    .await;
    let rollout = operator.begin(&hello(3), json!({})).await;
    assert_eq!(operator.end_of(&rollout).await["phase"], "done");
}

/// A dump of an older version was restored, or somebody emptied the table.
#[tokio::test(flavor = "multi_thread")]
async fn heads_that_are_gone_come_back_from_the_log() {
    let (node, mut control) = node().await;
    let operator = node.operator();
    operator.deploy(&hello(1)).await;
    for (version, loss) in [
        (2, "DELETE FROM edge_release_head"),
        (3, "DROP TABLE edge_release_head"),
    ] {
        execute(&mut control, loss).await;
        let heads = "SELECT COUNT(*) FROM edge_release_head WHERE plugin = 'hello'";
        eventually("heads", async || {
            let found: Result<i64, _> = sqlx::query_scalar(heads).fetch_one(&mut control).await;
            (found.ok() == Some(1)).then_some(())
        })
        .await;
        node.until_status("/readyz", 200).await;
        operator.deploy(&hello(version)).await;
    }
}

/// Each writes the first entry of its region, all at once.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_of_many_regions_begin_a_shop_together() {
    for _ in 0..5 {
        let database = MariaDb::shared().database();
        let start = |region: usize| {
            let database = database.clone();
            async move {
                let plugins = [hello(0)];
                let node = TestNode::start(&plugins, |settings| {
                    settings.control_url = database;
                    settings.region = format!("region-{region}");
                });
                node.await.until_status("/readyz", 200).await;
            }
        };
        tokio::join!(start(1), start(2), start(3), start(4), start(5), start(6));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_of_many_nodes_is_short() {
    let (node, mut control) = node().await;
    let operator = node.operator();
    eventually("a report", async || {
        let status = operator.get("/v1/status").await;
        status["nodes"][0]["plugins"]["hello"]
            .is_object()
            .then_some(())
    })
    .await;
    // They count as heard of for longer than the test takes.
    execute(
        &mut control,
        "INSERT INTO edge_node (node, region, report, seen_at) \
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 19) \
         SELECT CONCAT('node', i), region, report, seen_at + 3600000 FROM edge_node, n",
    )
    .await;
    let (_, narrow, _) = run(&node, &["status"]).await;
    assert!(narrow.contains("20/20"), "{narrow}");
    assert!(narrow.lines().count() < 8, "{narrow}");
    assert!(narrow.lines().all(|line| line.len() < 110), "{narrow}");
    assert!(
        narrow.contains(concat!("host ", env!("CARGO_PKG_VERSION"))),
        "{narrow}"
    );
    let (_, wide, _) = run(&node, &["status", "--wide"]).await;
    let rows = wide.lines().filter(|line| line.contains(" hello ")).count();
    assert_eq!(rows, 20, "{wide}");
    assert!(wide.contains("HOST"), "{wide}");
    let (_, output, _) = run(&node, &["status", "--json"]).await;
    let status: Value = serde_json::from_str(&output).expect("JSON");
    assert_eq!(status["nodes"].as_array().map(Vec::len), Some(20));
}
