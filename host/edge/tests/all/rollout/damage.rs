//! Disks that are full, and bundles that were changed where they are kept.

use std::path::Path;
use std::process::Command;

use bundle::Bundle;
use http::Method;
use serde_json::{Value, json};
use sqlx::{Connection, MySqlConnection};
use tempfile::TempDir;
use test_servers::MariaDb;

use super::load::Load;
use crate::harness::{
    Operator, PluginFolder, Running, TOKENS, TestNode, edge, edge_serve_with_files_of,
    empty_data_folder, eventually, variant,
};

/// What a file may have on a disk that is full: less than compiled code has,
/// and more than anything else that a node needs.
const FULL: u64 = 96 << 10;

fn hello(version: u32) -> PluginFolder {
    variant("hello", &format!("version = \"0.{version}.0\""))
}

/// A release of `hello` with other code.
fn other() -> PluginFolder {
    variant(
        "hostile",
        "name = \"hello\"\nversion = \"0.9.0\"\nroutes = [\"/hello\", \"/hostile\"]\n\
         health = \"/hostile/count\"",
    )
}

/// A node in a process of its own, which does not share what is compiled.
struct Node {
    data: TempDir,
    plugin: PluginFolder,
    database: Option<String>,
}

impl Node {
    fn new(database: Option<String>) -> Self {
        Self {
            data: empty_data_folder(),
            plugin: hello(0),
            database,
        }
    }

    async fn start(&self) -> Running {
        let mut command = edge(self.data.path());
        command.arg("serve");
        self.run(command).await
    }

    async fn start_on_a_full_disk(&self, bytes: u64) -> Running {
        self.run(edge_serve_with_files_of(bytes, self.data.path()))
            .await
    }

    async fn run(&self, mut command: Command) -> Running {
        command
            .env("EDGE_DATA_DIR", self.data.path())
            .env("EDGE_PLUGINS", self.plugin.path())
            .env("EDGE_RATE_LIMITS", "off")
            .env("EDGE_ADMIN_TOKENS", TOKENS);
        if let Some(database) = &self.database {
            command.env("DATABASE_URL", database);
        }
        let mut process = Running::start(&mut command);
        process.banner();
        drop(process.wire().await);
        process
    }
}

async fn stop(mut process: Running) {
    process.terminate();
    assert_eq!(process.exit_code().await, Some(0));
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).expect("a folder").count()
}

fn url(process: &Running, target: &str) -> String {
    format!("http://{}{target}", process.address())
}

#[tokio::test(flavor = "multi_thread")]
async fn where_compiled_code_cannot_be_kept_a_release_serves_all_the_same() {
    let node = Node::new(Some(MariaDb::shared().database()));
    stop(node.start().await).await;
    let cache = node.data.path().join("cache");
    let before = files(&cache);

    let process = node.start_on_a_full_disk(FULL).await;
    let operator = Operator::at(process.admin_address());
    operator.deploy(&other()).await;
    let reported = eventually("a warning in the node's report", async || {
        let status = operator.get("/v1/status").await.to_string();
        status.contains("File too large").then_some(status)
    })
    .await;
    assert!(
        reported.contains("compiled code is kept in memory"),
        "{reported}"
    );
    let logs = operator.send(Method::GET, "/v1/logs", "").await;
    assert!(logs.text().contains("File too large"), "{logs:?}");
    let metrics = operator.send(Method::GET, "/metrics", "").await;
    let failed = "edge_cache_errors_total{operation=\"write\",region=\"local\"} 1";
    assert!(metrics.text().contains(failed), "{metrics:?}");
    assert_eq!(files(&cache), before, "no half of a file is left");
    stop(process).await;

    let process = node.start().await;
    let operator = Operator::at(process.admin_address());
    let status = operator.get("/v1/status").await;
    assert_eq!(status["nodes"][0]["warnings"], Value::Null, "{status}");
    assert_eq!(files(&cache), before + 1, "it is kept now");
    stop(process).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_bundles_cannot_be_kept_the_old_release_serves_on() {
    let node = Node::new(None);
    stop(node.start().await).await;

    let process = node.start_on_a_full_disk(1 << 20).await;
    let operator = Operator::at(process.admin_address());
    let load = Load::at(&url(&process, "/hello"), 2);
    let large = hello(1).with("openapi.yaml", "x: y\n".repeat(1 << 19));
    let reply = operator.try_deploy(&large, json!({})).await;
    reply.assert_status(503);
    assert!(reply.text().contains("disk"), "{reply:?}");
    // A small one still fits.
    let seen = load.stop().await;
    assert_eq!(seen.len(), 1, "one release serves throughout: {seen:?}");
    stop(process).await;

    let process = node.start().await;
    Operator::at(process.admin_address()).deploy(&large).await;
    stop(process).await;
}

/// Change a bundle where it is kept, as a broken disk or a stranger would.
async fn change(database: &str, bundle: &Bundle) {
    let mut connection = MySqlConnection::connect(database).await.expect("MariaDB");
    let statement = "UPDATE edge_blob_part SET content = CONCAT(content, 'x') WHERE upload IN \
        (SELECT b.upload FROM edge_blob b JOIN edge_bundle_blob s ON s.blob_digest = b.digest \
        WHERE s.bundle = ?)";
    let changed = sqlx::query(statement)
        .bind(bundle.digest().to_string())
        .execute(&mut connection)
        .await
        .expect("a change");
    assert!(changed.rows_affected() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_was_changed_is_refused_and_can_be_brought_again() {
    let database = MariaDb::shared().database();
    let node = TestNode::start(&[hello(0)], |settings| {
        settings.control_url.clone_from(&database);
    })
    .await;
    let operator = node.operator();
    let load = Load::start(&node, "/hello", 2);
    let bundle = Bundle::pack(hello(1).path()).expect("a bundle");
    operator.add(&bundle, "").await.assert_status(200);
    change(&database, &bundle).await;

    let order = json!({ "digest": bundle.digest(), "pause_ms": 0 }).to_string();
    let reply = operator
        .send(Method::POST, "/v1/rollouts", order.clone())
        .await;
    reply.assert_status(422);
    assert!(
        reply.text().contains("was changed in the control database"),
        "{reply:?}"
    );
    let audit = operator.get("/v1/audit").await;
    let records = audit.as_array().expect("a list").iter();
    let mut refused = records.filter(|record| record["action"] == "refused");
    assert_eq!(refused.next().expect("one")["plugin"], "hello", "{audit}");
    assert_eq!(load.stop().await.len(), 1, "one release serves throughout");

    operator.add(&bundle, "").await.assert_status(200);
    let reply = operator.send(Method::POST, "/v1/rollouts", order).await;
    reply.assert_status(200);
    let rollout = reply.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(operator.end_of(&rollout).await["phase"], "done");
    let audit = operator.get("/v1/audit").await.to_string();
    assert!(audit.contains("mend-bundle"), "{audit}");
}

/// The first region has it ready when it is changed; the second has not.
#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_is_changed_midway_stops_the_rollout() {
    let database = MariaDb::shared().database();
    let node = async |region: &str| {
        TestNode::start(&[hello(0)], |settings| {
            settings.control_url.clone_from(&database);
            settings.region = region.to_owned();
        })
        .await
    };
    let (first, second) = (node("a").await, node("b").await);
    let operator = first.operator();
    let load = Load::start(&second, "/hello", 2);
    let bundle = Bundle::pack(hello(1).path()).expect("a bundle");
    let order = json!({ "pause_ms": 2000, "regions": ["a", "b"] });
    let rollout = operator.begin(&hello(1), order).await;
    eventually("the new release in the first region", async || {
        let reply = first.get("/hello").await;
        (reply.header("edge-release") == Some("hello@0.1.0")).then_some(())
    })
    .await;
    change(&database, &bundle).await;
    let end = operator.end_of(&rollout).await;
    assert_eq!(end["phase"], "failed", "{end}");
    let reason = end["reason"].as_str().expect("a reason");
    assert!(reason.contains("region b"), "{reason}");
    assert!(
        reason.contains("was changed in the control database"),
        "{reason}"
    );
    assert_eq!(load.stop().await.len(), 1, "one release serves throughout");
    let reply = second.get("/hello").await;
    assert_eq!(reply.header("edge-release"), Some("hello@0.0.0"));
}
