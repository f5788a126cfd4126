//! A node that is killed at one step of an activation after another comes back
//! with what the release log says, and the release can be deployed then.

use std::time::Duration;

use bundle::Bundle;
use serde_json::{Value, json};
use sqlx::{Connection, MySqlConnection};
use tempfile::TempDir;
use test_servers::MariaDb;
use tokio::task::JoinHandle;

use crate::catalog::database::waits_for_a_lock;
use crate::harness::{
    Operator, PluginFolder, Running, SECRET, TOKENS, data_folder, edge, empty_data_folder,
    eventually, get, variant,
};

/// A node with one plugin, in a process that is killed.
struct Node {
    data: TempDir,
    plugin: PluginFolder,
    database: String,
    /// What shows the plugin.
    target: &'static str,
    process: Running,
}

impl Node {
    async fn start(data: TempDir, plugin: PluginFolder, target: &'static str) -> Self {
        let database = MariaDb::shared().database();
        let process = spawn(&data, &plugin, &database).await;
        Self {
            data,
            plugin,
            database,
            target,
            process,
        }
    }

    fn operator(&self) -> Operator {
        Operator::at(self.process.admin_address())
    }

    /// Deploy in the background: it is cut off.
    fn begin(&self, plugin: &PluginFolder) -> JoinHandle<()> {
        let operator = self.operator();
        let bundle = Bundle::pack(plugin.path()).expect("a bundle");
        tokio::spawn(async move {
            operator.add(&bundle, "").await.assert_status(200);
            let order = json!({ "digest": bundle.digest() }).to_string();
            operator
                .send(http::Method::POST, "/v1/rollouts", order)
                .await;
        })
    }

    async fn kill_and_restart(&mut self) {
        self.process.kill();
        self.restart().await;
    }

    async fn restart(&mut self) {
        self.process = spawn(&self.data, &self.plugin, &self.database).await;
    }

    async fn release(&self) -> String {
        let mut wire = self.process.wire().await;
        wire.send(get(self.target)).await;
        let reply = wire.reply().await;
        reply.assert_status(200);
        reply.header("edge-release").expect("a release").to_owned()
    }

    /// The old release serves, nothing is on its way, and `next` can be
    /// deployed all the same.
    async fn has_converged(&self, old: &str, next: &PluginFolder, new: &str) {
        assert_eq!(self.release().await, old);
        let status = self.operator().get("/v1/status").await;
        assert_eq!(status["rollouts"], json!([]), "{status}");
        self.operator().deploy(next).await;
        assert_eq!(self.release().await, new);
    }
}

async fn spawn(data: &TempDir, plugin: &PluginFolder, database: &str) -> Running {
    let mut command = edge(data.path());
    command
        .arg("serve")
        .env("EDGE_DATA_DIR", data.path())
        .env("EDGE_SECRET", SECRET)
        .env("EDGE_PLUGINS", plugin.path())
        .env("EDGE_ADMIN_TOKENS", TOKENS)
        .env("DATABASE_URL", database);
    let mut process = Running::start(&mut command);
    process.banner();
    drop(process.wire().await);
    process
}

/// It is cut off, or it is not: both may be.
async fn end(deploying: JoinHandle<()>) {
    deploying.abort();
    let _ = deploying.await;
}

fn hello(version: u32) -> PluginFolder {
    variant("hello", &format!("version = \"0.{version}.0\""))
}

fn hostile(version: u32, more: &str) -> PluginFolder {
    variant("hostile", &format!("version = \"0.{version}.0\"\n{more}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn once_the_bundle_is_there() {
    let mut node = Node::start(data_folder(), hello(0), "/hello").await;
    let bundle = Bundle::pack(hello(1).path()).expect("a bundle");
    let added = node.operator().add(&bundle, "").await;
    added.assert_status(200);
    node.kill_and_restart().await;
    node.has_converged("hello@0.0.0", &hello(1), "hello@0.1.0")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_compiles() {
    // Nothing is compiled but what serves.
    let mut node = Node::start(empty_data_folder(), hello(0), "/hello").await;
    let other = variant(
        "hostile",
        "name = \"hello\"\nversion = \"0.1.0\"\nroutes = [\"/hello\", \"/hostile\"]",
    );
    let deploying = node.begin(&other);
    eventually("the compiler at work", async || {
        busy_compilers(&node.process).then_some(())
    })
    .await;
    node.kill_and_restart().await;
    end(deploying).await;
    assert_eq!(node.release().await, "hello@0.0.0");
    node.operator().deploy(&other).await;
    node.target = "/hostile/count";
    assert_eq!(node.release().await, "hello@0.1.0");
}

/// Whether a thread that compiles has anything to do.
fn busy_compilers(process: &Running) -> bool {
    let tasks = format!("/proc/{}/task", process.pid());
    let tasks = std::fs::read_dir(tasks).expect("its threads");
    let mut stats = tasks.filter_map(|task| {
        let path = task.expect("a thread").path().join("stat");
        std::fs::read_to_string(path).ok()
    });
    // The state follows the name, in brackets.
    stats.any(|stat| stat.contains("(compile-") && stat.contains(") R "))
}

/// The statement waits for a lock that the test holds.
#[tokio::test(flavor = "multi_thread")]
async fn while_it_migrates() {
    const GRANT: &str = "[grants.database]\nwrite = ['ledger_entry', 'gate']";
    let ledger = |version: u32| variant("ledger", &format!("version = \"0.{version}.0\"\n{GRANT}"));
    let mut node = Node::start(data_folder(), ledger(0), "/ledger/entries").await;
    let mut gate = MySqlConnection::connect(&node.database)
        .await
        .expect("MariaDB");
    for statement in ["CREATE TABLE gate (id INT)", "LOCK TABLES gate READ"] {
        let done = sqlx::raw_sql(statement).execute(&mut gate).await;
        done.expect("a gate");
    }
    let sql = "ALTER TABLE gate ADD COLUMN note INT";
    let next = ledger(1).with("migrations/mysql/0099_gate.sql", sql).with(
        "migrations/sqlite/0099_gate.sql",
        "DELETE FROM ledger_entry WHERE 0",
    );
    let deploying = node.begin(&next);
    eventually("the migration at the gate", async || {
        waits_for_a_lock(&node.database).await.then_some(())
    })
    .await;
    assert_eq!(
        node.release().await,
        "ledger@0.0.0",
        "the old one serves meanwhile"
    );
    node.process.kill();
    end(deploying).await;
    // What the server was told to do it does, once it can, for nobody.
    let unlocked = sqlx::raw_sql("UNLOCK TABLES").execute(&mut gate).await;
    unlocked.expect("an open gate");
    node.restart().await;
    node.has_converged("ledger@0.0.0", &next, "ledger@0.1.0")
        .await;
}

/// The health path sleeps longer than the test waits.
#[tokio::test(flavor = "multi_thread")]
async fn while_its_health_is_asked() {
    let mut node = Node::start(data_folder(), hostile(0, ""), "/hostile/count").await;
    let deploying = node.begin(&hostile(1, "health = \"/hostile/sleep?ms=4000\""));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(node.release().await, "hostile@0.0.0");
    node.kill_and_restart().await;
    end(deploying).await;
    let next = hostile(2, "health = \"/hostile/count\"");
    node.has_converged("hostile@0.0.0", &next, "hostile@0.2.0")
        .await;
}

/// The log has its entry, and the rollout is not over: it serves after the
/// restart, and can still be taken back.
#[tokio::test(flavor = "multi_thread")]
async fn once_the_log_wants_it() {
    let mut node = Node::start(data_folder(), hello(0), "/hello").await;
    let order = json!({ "pause_ms": 600_000 });
    let rollout = node.operator().begin(&hello(1), order).await;
    eventually("the new release", async || {
        (node.release().await == "hello@0.1.0").then_some(())
    })
    .await;
    node.kill_and_restart().await;
    assert_eq!(node.release().await, "hello@0.1.0");
    let operator = node.operator();
    assert_eq!(operator.decide("hello", "abort").await, rollout);
    let end: Value = operator.end_of(&rollout).await;
    assert_eq!(end["phase"], "aborted", "{end}");
    assert_eq!(node.release().await, "hello@0.0.0");
}

/// The rollout is over, and then the node is killed.
#[tokio::test(flavor = "multi_thread")]
async fn once_it_serves() {
    let mut node = Node::start(data_folder(), hello(0), "/hello").await;
    node.operator().deploy(&hello(1)).await;
    node.kill_and_restart().await;
    node.has_converged("hello@0.1.0", &hello(2), "hello@0.2.0")
        .await;
}
