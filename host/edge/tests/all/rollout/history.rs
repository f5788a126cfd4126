//! Long histories: what a look-up by region, version or digest finds does not
//! depend on how much happened since, or elsewhere.

use serde_json::{Value, json};
use sqlx::{Connection, MySqlConnection};
use test_servers::MariaDb;

use super::commands::{path, run};
use crate::harness::{PluginFolder, TestNode, eventually, variant};

fn hello(version: u32) -> PluginFolder {
    variant("hello", &format!("version = \"0.{version}.0\""))
}

/// A node whose control database can be looked into.
async fn node() -> (TestNode, MySqlConnection) {
    let url = MariaDb::shared().database();
    let node = TestNode::start(&[hello(0)], |settings| {
        settings.control_url.clone_from(&url);
    })
    .await;
    (node, MySqlConnection::connect(&url).await.expect("MariaDB"))
}

async fn execute(control: &mut MySqlConnection, statement: &'static str) {
    let done = sqlx::query(statement).execute(control).await;
    done.expect(statement);
}

/// 600 entries of another region, all newer.
async fn much_happens_elsewhere(control: &mut MySqlConnection) {
    execute(
        control,
        "INSERT INTO edge_release_log (region, plugin, revision, active, canary, canary_percent, \
         rollout, author, reason, written_at) \
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600) \
         SELECT 'elsewhere', plugin, i, active, NULL, 0, '', 'ops', '', written_at + 3600000 + i \
         FROM edge_release_log, n WHERE plugin = 'hello' AND region = 'local' AND revision = 1",
    )
    .await;
}

async fn answers(node: &TestNode) -> String {
    let reply = node.get("/hello").await;
    reply.assert_status(200);
    reply.header("edge-release").expect("a release").to_owned()
}

#[tokio::test]
async fn an_aborted_canary_leaves_what_ran_before() {
    let (node, mut control) = node().await;
    let operator = node.operator();
    let canary = json!({ "canary_percent": 50 });
    let rollout = operator.begin(&hello(1), canary).await;
    operator.until(&rollout, |phase| phase == "canary").await;
    much_happens_elsewhere(&mut control).await;
    let aborted = operator.decide("hello", "abort").await;
    assert_eq!(operator.end_of(&aborted).await["phase"], "aborted");
    assert_eq!(answers(&node).await, "hello@0.0.0");
}

#[tokio::test]
async fn a_region_goes_back_to_what_it_ran_before() {
    let (node, mut control) = node().await;
    node.operator().deploy(&hello(1)).await;
    much_happens_elsewhere(&mut control).await;
    let (code, output, error) = run(
        &node,
        &["rollback", "hello", "--regions", "local", "--wait"],
    )
    .await;
    assert_eq!(code, Some(0), "{output}{error}");
    assert_eq!(answers(&node).await, "hello@0.0.0");
}

/// A log without the entries that say what ran before removes nothing.
#[tokio::test]
async fn a_log_with_a_gap_removes_nothing() {
    let (node, mut control) = node().await;
    let operator = node.operator();
    let rollout = operator
        .begin(&hello(1), json!({ "canary_percent": 50 }))
        .await;
    operator.until(&rollout, |phase| phase == "canary").await;
    execute(
        &mut control,
        "DELETE FROM edge_release_log WHERE plugin = 'hello' AND rollout = ''",
    )
    .await;
    operator.decide("hello", "abort").await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    node.get("/hello").await.assert_status(200);
    let removed = "SELECT COUNT(*) FROM edge_release_log \
        WHERE plugin = 'hello' AND region = 'local' AND active IS NULL";
    let removed: i64 = sqlx::query_scalar(removed)
        .fetch_one(&mut control)
        .await
        .expect("a count");
    assert_eq!(removed, 0);
}

#[tokio::test]
async fn every_release_is_found_by_version_and_digest() {
    let (node, mut control) = node().await;
    let operator = node.operator();
    operator.deploy(&hello(1)).await;
    let releases = operator.get("/v1/plugins/hello/releases").await;
    let first = releases["bundles"].as_array().expect("bundles");
    let first = first.iter().find(|bundle| bundle["version"] == "0.0.0");
    let digest = first.expect("the first")["digest"]
        .as_str()
        .expect("a digest")
        .to_owned();
    execute(
        &mut control,
        "INSERT INTO edge_bundle (digest, plugin, version, parts, signature, author, added_at) \
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) \
         SELECT CONCAT('sha256:', SHA2(i, 256)), plugin, CONCAT('9.0.', i), 1, '', 'ops', \
         added_at + 3600000 + i FROM edge_bundle, n WHERE plugin = 'hello' AND version = '0.0.0'",
    )
    .await;
    let prefix = digest.get(..16).expect("digits");
    for to in ["0.0.0", &digest, prefix] {
        let (code, output, error) = run(&node, &["rollback", "hello", "--to", to, "--wait"]).await;
        assert_eq!(code, Some(0), "{to}: {output}{error}");
        assert_eq!(answers(&node).await, "hello@0.0.0", "{to}");
        let back = ["rollback", "hello", "--to", "0.1.0", "--wait"];
        assert_eq!(run(&node, &back).await.0, Some(0));
    }
    for to in ["%", "sha256:%", "______", "sha256:______", "0.0"] {
        let (code, output, _) = run(&node, &["rollback", "hello", "--to", to]).await;
        assert_ne!(code, Some(0), "{to}: {output}");
    }
}

/// What a canary answered is part of what nodes report.
#[tokio::test]
async fn every_command_works_while_a_canary_answers() {
    let (node, _control) = node().await;
    let next = hello(1);
    let deploying = ["deploy", path(&next), "--canary", "50%", "--wait"];
    let (code, output, error) = run(&node, &deploying).await;
    assert_eq!(code, Some(0), "{output}{error}");
    for agent in 0..40 {
        let request =
            http::Request::get(node.url("/hello")).header("user-agent", agent.to_string());
        node.send(request, "").await.assert_status(200);
    }
    // Nodes report once a second.
    let operator = node.operator();
    eventually("a report of the trial", async || {
        let status = operator.get("/v1/status").await;
        let trial = &status["nodes"][0]["plugins"]["hello"]["trial"]["canary"]["requests"];
        (trial.as_u64() > Some(0)).then_some(())
    })
    .await;
    for command in [
        &["status"][..],
        &["status", "--wide"],
        &["status", "--json"],
        &["releases", "hello"],
        &["releases", "hello", "--json"],
        &["diff", "hello", "0.0.0", "0.1.0"],
        &["audit"],
        &["promote", "hello", "--wait"],
        &["status"],
        &["rollback", "hello", "--wait"],
    ] {
        let (code, output, error) = run(&node, command).await;
        assert_eq!(code, Some(0), "{command:?}: {output}{error}");
    }
}

/// A node of another version may report a state or a field more.
#[tokio::test]
async fn reports_of_other_versions_are_read() {
    let (node, mut control) = node().await;
    let operator = node.operator();
    eventually("a report", async || {
        let status = operator.get("/v1/status").await;
        let reported = status["nodes"].as_array().map(|nodes| !nodes.is_empty());
        reported.filter(|is_there| *is_there)
    })
    .await;
    let reported: String = sqlx::query_scalar("SELECT report FROM edge_node LIMIT 1")
        .fetch_one(&mut control)
        .await
        .expect("a report");
    let mut report: Value = serde_json::from_str(&reported).expect("JSON");
    report["new"] = json!({ "x": [1] });
    report["version"] = json!("9.0.0");
    report["plugins"]["hello"]["state"] = json!("meditating");
    report["plugins"]["hello"]["new"] = json!(1);
    let other = "INSERT INTO edge_node (node, region, report, seen_at) \
        SELECT 'other', 'elsewhere', ?, seen_at + 3600000 FROM edge_node LIMIT 1";
    sqlx::query(other)
        .bind(report.to_string())
        .execute(&mut control)
        .await
        .expect("another node");
    let (code, output, error) = run(&node, &["status"]).await;
    assert_eq!(code, Some(0), "{output}{error}");
    assert!(output.contains("unknown to this version"), "{output}");
    let (code, output, error) = run(&node, &["status", "--wide"]).await;
    assert_eq!(code, Some(0), "{output}{error}");
    assert!(output.contains("unknown to this version"), "{output}");
}
