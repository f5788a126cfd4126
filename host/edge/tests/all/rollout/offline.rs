//! Going back without any node's help.

use std::process::Output;

use serde_json::{Value, json};
use test_servers::MariaDb;

use super::failures::next;
use crate::harness::{PluginFolder, TestNode, edge, empty_data_folder, eventually, variant};

fn hello(version: &str) -> PluginFolder {
    variant("hello", &format!("version = \"{version}\""))
}

/// `edge rollback --offline` on this control database.
fn roll_back(database: &str, arguments: &[&str]) -> Output {
    let folder = empty_data_folder();
    let mut command = edge(folder.path());
    command
        .args(["rollback", "--offline"])
        .args(arguments)
        .env("EDGE_CONTROL_URL", database)
        .env("USER", "ada");
    command.output().expect("it runs")
}

#[track_caller]
fn done(database: &str, arguments: &[&str]) -> String {
    let output = roll_back(database, arguments);
    let said = String::from_utf8(output.stdout).expect("text");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}{error}");
    said
}

#[track_caller]
fn refused(database: &str, arguments: &[&str]) -> String {
    let output = roll_back(database, arguments);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).expect("text")
}

async fn node(database: &str, region: &str) -> TestNode {
    TestNode::start(&[hello("0.1.0")], |settings| {
        settings.control_url = database.to_owned();
        settings.region = region.to_owned();
    })
    .await
}

async fn until_serves(node: &TestNode, release: &str) {
    eventually(release, async || {
        let reply = node.get("/hello").await;
        (reply.header("edge-release") == Some(release)).then_some(())
    })
    .await;
}

async fn audit(node: &TestNode) -> Vec<Value> {
    let audit = node.operator().get("/v1/audit").await;
    audit.as_array().expect("a list").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_goes_back_in_the_named_regions_and_in_the_audit() {
    let database = MariaDb::shared().database();
    let (first, second) = (node(&database, "a").await, node(&database, "b").await);
    let nothing = refused(&database, &["hello"]);
    assert!(
        nothing.contains("ran no other release of hello"),
        "{nothing}"
    );
    first.operator().deploy(&hello("0.2.0")).await;
    until_serves(&second, "hello@0.2.0").await;

    let said = done(&database, &["hello", "--region", "b"]);
    assert!(said.contains("1 live node(s)"), "{said}");
    until_serves(&second, "hello@0.1.0").await;
    until_serves(&first, "hello@0.2.0").await;
    let records = audit(&first).await;
    let record = records.iter().find(|one| one["action"] == "rollback");
    let record = record.expect("a record");
    let author = record["author"].as_str().expect("an author");
    assert!(author.starts_with("offline (ada@"), "{record}");
    assert!(author.contains("uid "), "{record}");
    assert!(
        record["detail"]
            .as_str()
            .expect("a text")
            .contains("offline: b to sha256:")
    );

    let again = refused(&database, &["hello", "--to", "0.1.0", "--region", "b"]);
    assert!(again.contains("already"), "{again}");
    for (arguments, part) in [
        (&["hello", "--to", "9.9.9"][..], "no release of hello"),
        (&["hello", "--region", "mars"][..], "there are: a, b"),
        (&["nobody"][..], "knows no plugin nobody"),
    ] {
        let said = refused(&database, arguments);
        assert!(said.contains(part), "{said}");
    }
    let refusals = audit(&first).await;
    let refusals = refusals.iter().filter(|one| one["action"] == "refused");
    assert_eq!(
        refusals.count(),
        5,
        "what was attempted in vain is there too"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_is_ended_without_a_node() {
    let database = MariaDb::shared().database();
    let node = node(&database, "a").await;
    let order = json!({ "canary_percent": 50 });
    let operator = node.operator();
    let rollout = operator.begin(&hello("0.2.0"), order).await;
    operator.until(&rollout, |phase| phase == "canary").await;
    let said = done(&database, &["hello"]);
    assert!(said.contains(&rollout), "{said}");
    assert_eq!(operator.end_of(&rollout).await["phase"], "aborted");
    let releases = operator.get("/v1/plugins/hello/releases").await;
    let head = &releases["log"][0];
    assert_eq!(head["canary"], Value::Null, "{releases}");
    until_serves(&node, "hello@0.1.0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_without_a_single_node_starts_with_the_earlier_release() {
    let database = MariaDb::shared().database();
    let one = node(&database, "a").await;
    one.operator().deploy(&next("hello", "")).await;
    until_serves(&one, "hello@0.9.0").await;
    assert!(one.stop().await);
    let said = done(&database, &["hello"]);
    assert!(said.contains("when it starts"), "{said}");
    until_serves(&node(&database, "a").await, "hello@0.1.0").await;
}

#[tokio::test]
async fn a_database_that_is_not_there_is_not_made() {
    let folder = empty_data_folder();
    let file = folder.path().join("control.sqlite");
    let said = refused(&format!("sqlite://{}", file.display()), &["hello"]);
    assert!(said.contains("there is no control database at"), "{said}");
    assert!(!file.exists());
}

async fn entries(node: &TestNode) -> usize {
    let releases = node.operator().get("/v1/plugins/hello/releases").await;
    releases["log"].as_array().expect("a log").len()
}

/// A second rollback goes one release further back, and the last one says that
/// there is none: never does one come back to the release that was left.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_rollback_does_not_bring_the_bad_release_back() {
    let database = MariaDb::shared().database();
    let node = node(&database, "a").await;
    let operator = node.operator();
    operator.deploy(&hello("0.2.0")).await;
    operator.deploy(&hello("0.3.0")).await;
    for earlier in ["hello@0.2.0", "hello@0.1.0"] {
        done(&database, &["hello"]);
        until_serves(&node, earlier).await;
    }
    let said = refused(&database, &["hello"]);
    assert!(said.contains("ran no other release of hello"), "{said}");
    until_serves(&node, "hello@0.1.0").await;
}

/// One region has nothing to go back to: no other is written to. Regions from
/// which the plugin was taken away get it by name alone.
#[tokio::test(flavor = "multi_thread")]
async fn all_regions_go_back_or_none_and_only_those_that_run_it() {
    let database = MariaDb::shared().database();
    let (first, second) = (node(&database, "a").await, node(&database, "b").await);
    let operator = first.operator();
    let rollout = operator
        .begin(&hello("0.2.0"), json!({ "regions": ["a"] }))
        .await;
    operator.end_of(&rollout).await;
    let before = entries(&first).await;
    let said = refused(&database, &["hello"]);
    assert!(said.contains("region b ran no other release"), "{said}");
    assert_eq!(entries(&first).await, before, "none is written");

    let (_, name) = database.rsplit_once('/').expect("a database");
    MariaDb::shared().run(&format!(
        "INSERT INTO {name}.edge_release_log VALUES \
         ('b', 'hello', 2, NULL, NULL, 0, '', 'test', '', 0)"
    ));
    let said = done(&database, &["hello"]);
    assert!(!said.contains("b:"), "{said}");
    until_serves(&first, "hello@0.1.0").await;
    second.until_status("/hello", 404).await;
    let said = done(&database, &["hello", "--region", "b"]);
    assert!(said.contains("b: nothing -> "), "{said}");
    until_serves(&second, "hello@0.1.0").await;
}
