//! A node makes the releases of several plugins ready beside each other.

use bundle::{Bundle, Digest};
use serde_json::Value;
use tempfile::TempDir;
use test_servers::MariaDb;

use super::fleet::{hello, release};
use crate::harness::{
    Operator, PluginFolder, Running, TOKENS, component, data_folder, edge, eventually, fixture,
    variant, with_ballast,
};

/// A node of the region `local`, and its control database.
struct Node {
    process: Running,
    database: String,
    data: TempDir,
}

impl Node {
    async fn start(plugins: &str) -> Self {
        Self::start_with(plugins, &[]).await
    }

    async fn start_with(plugins: &str, more: &[(&str, &str)]) -> Self {
        let (data, database) = (data_folder(), MariaDb::shared().database());
        let mut command = edge(data.path());
        command
            .arg("serve")
            .env("EDGE_DATA_DIR", data.path())
            .env("EDGE_REGION", "local")
            .env("EDGE_PLUGINS", plugins)
            .env("EDGE_ADMIN_TOKENS", TOKENS)
            .env("DATABASE_URL", &database)
            .envs(more.iter().copied());
        let mut process = Running::start(&mut command);
        process.banner();
        drop(process.wire().await);
        Self {
            process,
            database,
            data,
        }
    }

    fn operator(&self) -> Operator {
        Operator::at(self.process.admin_address())
    }

    /// Add a bundle, and return its digest.
    async fn add(&self, plugin: &PluginFolder) -> Digest {
        let bundle = Bundle::pack(plugin.path()).expect("a bundle");
        self.operator().add(&bundle, "").await.assert_status(200);
        bundle.digest()
    }

    /// Write entries into the region's log, by one statement: the node finds
    /// them there, and nobody has made the releases ready before.
    fn log(&self, entries: &[(&str, i64, Digest)]) {
        let (_, database) = self.database.rsplit_once('/').expect("a URL");
        let rows: Vec<_> = entries
            .iter()
            .map(|(plugin, revision, digest)| {
                format!("('local', '{plugin}', {revision}, '{digest}', NULL, 0, '', 'test', '', 0)")
            })
            .collect();
        let heads: Vec<_> = entries
            .iter()
            .map(|(plugin, revision, _)| format!("('local', '{plugin}', {revision})"))
            .collect();
        MariaDb::shared().run(&format!(
            "INSERT INTO {database}.edge_release_log VALUES {}; \
             REPLACE INTO {database}.edge_release_head VALUES {}",
            rows.join(", "),
            heads.join(", ")
        ));
    }

    /// What the node reports of a plugin, once `wanted` likes it.
    async fn until(&self, plugin: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let operator = self.operator();
        eventually(&format!("a report of {plugin}"), async || {
            let report = report(&operator, plugin).await;
            wanted(&report).then_some(report)
        })
        .await
    }

    async fn metric(&self, line: &str) -> u64 {
        let line = &line.replace('}', ",region=\"local\"}");
        let metrics = self
            .operator()
            .send(http::Method::GET, "/metrics", "")
            .await;
        let text = metrics.text().to_owned();
        let found = text.lines().find_map(|one| one.strip_prefix(line));
        let found = found.unwrap_or_else(|| panic!("no {line} in {text}"));
        found.trim().parse().expect("a number")
    }
}

async fn report(operator: &Operator, plugin: &str) -> Value {
    let status = operator.get("/v1/status").await;
    status["nodes"][0]["plugins"][plugin].clone()
}

/// A plugin whose compilation takes as long as so many functions do.
fn slow(name: &str, changes: &str, functions: u32) -> PluginFolder {
    let large = with_ballast(&component(name), functions);
    variant(name, &format!("component = \"large.wasm\"\n{changes}")).with("large.wasm", large)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_does_not_wait_for_another_plugins_compilation() {
    let first = hello(0);
    let node = Node::start(first.path().to_str().expect("a path")).await;
    let operator = node.operator();
    operator.deploy(&hello(1)).await;
    let large = node.add(&slow("standard-p3", "", 8_000)).await;
    node.log(&[("standard-p3", 1, large)]);
    node.until("standard-p3", |report| report["state"] == "preparing")
        .await;

    let rollout = operator.decide("hello", "rollback").await;
    assert_eq!(operator.end_of(&rollout).await["phase"], "done");
    assert_eq!(release(node.process.address()).await, "hello@0.0.0");
    let report = report(&operator, "standard-p3").await;
    assert_eq!(report["state"], "preparing", "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_of_a_release_that_is_ready_too_late() {
    let first = hello(0);
    let node = Node::start(first.path().to_str().expect("a path")).await;
    let old = Bundle::pack(first.path()).expect("a bundle").digest();
    let abandoned = "edge_release_preparations_total{outcome=\"abandoned\"}";
    let large = node
        .add(&slow("hello", "version = \"0.66.0\"", 4_000))
        .await;
    node.log(&[("hello", 2, large)]);
    node.until("hello", |report| report["revision"] == 2).await;

    node.log(&[("hello", 3, old)]);
    let serves = |report: &Value| report["revision"] == 3 && report["state"] == "serving";
    node.until("hello", serves).await;
    eventually("the end of the preparation", async || {
        (node.metric(abandoned).await == 1).then_some(())
    })
    .await;
    assert_eq!(release(node.process.address()).await, "hello@0.0.0");
    assert!(serves(&report(&node.operator(), "hello").await));
}

/// Files of the node's cache of compiled code.
fn compiled(node: &Node) -> Vec<std::path::PathBuf> {
    let files = std::fs::read_dir(node.data.path().join("cache")).expect("the cache");
    files.map(|file| file.expect("a file").path()).collect()
}

/// The release that the shop goes back to is not in the cache, and there is no
/// room for a third one beside that which serves and that which is compiled.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_does_not_wait_for_the_same_plugins_compilation() {
    let first = slow("hello", "version = \"0.1.0\"", 20);
    let node = Node::start_with(
        first.path().to_str().expect("a path"),
        &[("EDGE_SPARE_INSTANCES", "0")],
    )
    .await;
    let old = Bundle::pack(first.path()).expect("a bundle").digest();
    node.operator().deploy(&hello(2)).await;
    for file in compiled(&node) {
        std::fs::remove_file(file).expect("a file");
    }
    let large = node
        .add(&slow("hello", "version = \"0.66.0\"", 8_000))
        .await;
    node.log(&[("hello", 3, large)]);
    let prepares = |report: &Value| report["revision"] == 3 && report["state"] == "preparing";
    node.until("hello", prepares).await;

    node.log(&[("hello", 4, old)]);
    let serves = |report: &Value| report["revision"] == 4 && report["state"] == "serving";
    node.until("hello", serves).await;
    assert_eq!(
        compiled(&node).len(),
        1,
        "what was begun before is not done"
    );
    assert_eq!(release(node.process.address()).await, "hello@0.1.0");
    eventually("the end of the compilation, which is kept", async || {
        (compiled(&node).len() == 2).then_some(())
    })
    .await;
}

/// The one that calls is ready before the one that it calls, and both are new.
#[tokio::test(flavor = "multi_thread")]
async fn an_importer_waits_for_its_exporter() {
    let node = Node::start("none").await;
    let asker = node.add(&fixture("asker")).await;
    let answerer = node.add(&slow("answerer", "", 1_500)).await;
    node.log(&[("asker", 1, asker), ("answerer", 1, answerer)]);
    let serves = |report: &Value| report["state"] == "serving";
    node.until("asker", serves).await;
    node.until("answerer", serves).await;
    let failed = "edge_release_activations_total{outcome=\"failed\"}";
    assert_eq!(node.metric(failed).await, 0);
}
