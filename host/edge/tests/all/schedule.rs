//! Periodic work: one node of a region at a time, whatever happens to a piece.

use std::time::Duration;

use edge::config::Settings;
use stores::leases::Leases;
use stores::sql::Databases;
use test_servers::MariaDb;

use crate::harness::{TestNode, data_folder, eventually, fixture, start_error, variant};

/// Runs and overlaps of a task, as `node` sees them.
async fn seen(node: &TestNode, task: &str) -> (i64, i64) {
    let rows = node.get("/ticker").await.json();
    let rows = rows.as_array().expect("a list");
    let row = rows
        .iter()
        .find(|row| row["task"] == task)
        .expect("its row");
    let number = |name: &str| row[name].as_i64().expect("a number");
    (number("runs"), number("overlaps"))
}

async fn until_runs(node: &TestNode, task: &str, runs: i64) {
    eventually(&format!("{runs} runs of {task}"), async || {
        (seen(node, task).await.0 >= runs).then_some(())
    })
    .await;
}

async fn two_nodes_take_turns(url: &str) {
    let set = |settings: &mut Settings| settings.database_url = url.to_owned();
    let plugins = [fixture("ticker")];
    let one = TestNode::start(&plugins, set).await;
    let other = TestNode::start(&plugins, set).await;
    until_runs(&one, "count", 12).await;
    assert_eq!(seen(&other, "count").await.1, 0, "two at a time");

    // Who stays goes on alone.
    one.stop().await;
    let (runs, _) = seen(&other, "count").await;
    until_runs(&other, "count", runs + 3).await;
}

#[tokio::test]
async fn nodes_on_one_mariadb_take_turns() {
    two_nodes_take_turns(&MariaDb::shared().database()).await;
}

#[tokio::test]
async fn nodes_on_one_sqlite_file_take_turns() {
    let data = data_folder();
    let url = format!("sqlite://{}/shared.sqlite", data.path().display());
    two_nodes_take_turns(&url).await;
}

#[tokio::test]
async fn a_piece_that_fails_is_not_the_last() {
    let node = TestNode::start(&[fixture("ticker")], |_| {}).await;
    until_runs(&node, "trap", 3).await;
    until_runs(&node, "count", 3).await;
}

#[tokio::test]
async fn work_that_the_component_cannot_do_is_found_out_at_start() {
    let idle = variant("hello", "[[schedule]]\ntask = 'tidy'\nevery = '1s'");
    let error = start_error(&[idle], |_| {}).await;
    assert!(error.contains("[[schedule]]"), "{error}");
}

/// A node that is gone without a word keeps nobody waiting for ever.
async fn a_lease_runs_out(url: &str) {
    let databases = Databases::default();
    let one = Leases::open(&databases, url, "region")
        .await
        .expect("leases");
    let other = Leases::open(&databases, url, "region")
        .await
        .expect("leases");
    let abroad = Leases::open(&databases, url, "abroad")
        .await
        .expect("leases");
    for leases in [&one, &other, &abroad] {
        leases.add("plugin", "task").await.expect("a row");
    }
    let soon = Duration::from_millis(1);
    let take = async |leases: &Leases| {
        let length = Duration::from_millis(500);
        let taken = leases.take("plugin", "task", soon, length).await;
        taken.expect("an answer").is_some()
    };
    assert!(take(&one).await, "nobody has it");
    assert!(!take(&other).await, "another has it");
    assert!(take(&abroad).await, "another region's is another");
    // The first never gives it back.
    eventually("the end of a lease", async || {
        take(&other).await.then_some(())
    })
    .await;
    assert!(!take(&one).await, "it is another's by now");
}

#[tokio::test]
async fn a_lease_on_mariadb_runs_out() {
    a_lease_runs_out(&MariaDb::shared().database()).await;
}

#[tokio::test]
async fn a_lease_on_sqlite_runs_out() {
    let data = data_folder();
    a_lease_runs_out(&format!("sqlite://{}/leases.sqlite", data.path().display())).await;
}
