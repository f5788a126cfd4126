//! Migrations run by themselves: written down first, in a task that no client
//! ends, statement by statement, and another node goes on where one ended.

use std::process::Stdio;

use bundle::Bundle;
use http::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use tempfile::TempDir;
use test_servers::MariaDb;

use super::commands::{path, run};
use crate::catalog::database::waits_for_a_lock;
use crate::harness::{
    Operator, PluginFolder, Running, SECRET, TOKEN, TOKENS, TestNode, data_folder, edge,
    eventually, fixture, start_error, variant,
};

const GRANT: &str = "[grants.database]\nwrite = ['ledger_entry', 'gate', 'later']";

/// A statement that cannot run while the gate is closed; it fails where it ran.
pub const ALTER: &str = "ALTER TABLE gate ADD COLUMN note INT";

pub fn ledger(version: u32) -> PluginFolder {
    variant("ledger", &format!("version = \"0.{version}.0\"\n{GRANT}"))
}

/// The ledger with one more migration of these statements.
pub fn migrating(version: u32, statements: &[&str]) -> PluginFolder {
    let sqlite = "DELETE FROM ledger_entry WHERE 0";
    ledger(version)
        .with("migrations/mysql/0099_gate.sql", statements.join(";\n"))
        .with("migrations/sqlite/0099_gate.sql", sqlite)
}

pub fn entry(name: &str) -> String {
    format!(
        "INSERT INTO ledger_entry (name, amount, booked_on) VALUES ('{name}', '1', '2019-07-21')"
    )
}

/// A database, and a connection of somebody else to it.
pub struct Shop {
    pub url: String,
    other: MySqlConnection,
}

impl Shop {
    async fn new() -> Self {
        let url = MariaDb::shared().database();
        let other = MySqlConnection::connect(&url).await.expect("MariaDB");
        Self { url, other }
    }

    /// With a table that somebody else uses for long.
    pub async fn gated() -> Self {
        let mut shop = Self::new().await;
        shop.run("CREATE TABLE gate (id INT)").await;
        shop.run("LOCK TABLES gate READ").await;
        shop
    }

    pub async fn run(&mut self, text: &str) {
        let text = AssertSqlSafe(text.to_owned());
        let done = sqlx::raw_sql(text).execute(&mut self.other).await;
        done.expect("a statement");
    }

    pub async fn count(&mut self, what: &str) -> i64 {
        let text = AssertSqlSafe(format!("SELECT COUNT(*) FROM {what}"));
        let counted = sqlx::query_scalar(text).fetch_one(&mut self.other).await;
        counted.expect("a count")
    }

    async fn node(&self, plugin: PluginFolder) -> TestNode {
        TestNode::start(&[plugin], |settings| {
            settings.database_url.clone_from(&self.url);
            settings.control_url.clone_from(&self.url);
        })
        .await
    }

    /// A node that can be killed.
    pub fn process(&self, data: &TempDir, plugin: &PluginFolder) -> Running {
        self.process_with(data, plugin, &[])
    }

    /// A node that can be killed, with more variables.
    pub fn process_with(
        &self,
        data: &TempDir,
        plugin: &PluginFolder,
        more: &[(&str, &str)],
    ) -> Running {
        let mut command = edge(data.path());
        command
            .arg("serve")
            .env("EDGE_DATA_DIR", data.path())
            .env("EDGE_PLUGINS", plugin.path())
            .env("EDGE_ADMIN_TOKENS", TOKENS)
            .env("EDGE_SECRET", SECRET)
            .env("EDGE_CONTROL_URL", &self.url)
            .env("DATABASE_URL", &self.url)
            .envs(more.iter().copied());
        let mut process = Running::start(&mut command);
        process.banner();
        process
    }

    pub async fn until_it_waits(&self) {
        eventually("the migration at the gate", async || {
            waits_for_a_lock(&self.url).await.then_some(())
        })
        .await;
    }
}

/// Begin to migrate to a release; the reply, whatever it is.
pub async fn begin(operator: &Operator, plugin: &PluginFolder) -> Value {
    let bundle = Bundle::pack(plugin.path()).expect("a bundle");
    operator.add(&bundle, "").await.assert_status(200);
    let order = json!({ "digest": bundle.digest() }).to_string();
    let reply = operator.send(Method::POST, "/v1/migrations", order).await;
    reply.json()
}

/// The run, once it is over.
pub async fn end_of(operator: &Operator, begun: &Value) -> Value {
    let id = begun["run"]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{begun}"));
    eventually("the end of a run", async || {
        let run = operator.get(&format!("/v1/migrations/{id}")).await;
        (run["state"] != "running").then_some(run)
    })
    .await
}

async fn actions(operator: &Operator) -> Vec<String> {
    let audit = operator.get("/v1/audit").await;
    let records = audit.as_array().expect("a list").iter();
    let action = |record: &Value| record["action"].as_str().expect("text").to_owned();
    records.map(action).collect()
}

/// `edge deploy` is killed half-way; its node finishes, and says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_without_its_client() {
    let mut shop = Shop::gated().await;
    let node = shop.node(ledger(0)).await;
    let next = migrating(1, &[&entry("before"), ALTER, &entry("after")]);
    let folder = data_folder();
    let mut client = edge(folder.path())
        .args(["deploy", path(&next), "--wait"])
        .env("EDGE_ADMIN_URL", node.admin_url())
        .env("EDGE_ADMIN_TOKEN", TOKEN)
        .stdout(Stdio::null())
        .spawn()
        .expect("it runs");
    shop.until_it_waits().await;
    client.kill().expect("it runs");
    client.wait().expect("a child");

    let operator = node.operator();
    let status = operator.get("/v1/status").await;
    let run = status["migrations"][0].clone();
    assert_eq!(
        (&run["state"], &run["statements"]),
        (&json!("running"), &json!(3)),
        "{run}"
    );
    let (code, output, _) = self::run(&node, &["status"]).await;
    assert_eq!(code, Some(0));
    assert!(output.contains("migrations of ledger@0.1.0"), "{output}");

    shop.run("UNLOCK TABLES").await;
    let run = end_of(&operator, &json!({ "run": run })).await;
    assert_eq!(
        (&run["state"], &run["statement"]),
        (&json!("done"), &json!(3)),
        "{run}"
    );
    assert_eq!(shop.count("ledger_entry").await, 2);
    let actions = actions(&operator).await;
    for action in ["migrate", "migrated"] {
        assert!(actions.iter().any(|it| it == action), "{actions:?}");
    }
    // Nobody asked for the rollout any more.
    let reply = node.get("/ledger/entries").await;
    assert_eq!(reply.header("edge-release"), Some("ledger@0.0.0"));
    let (code, output, error) = self::run(&node, &["deploy", path(&next), "--wait"]).await;
    assert_eq!(code, Some(0), "{output}{error}");
    assert!(!output.contains("migrating"), "{output}");
}

/// Whoever uses the table waits behind the statement, so that gives up soon and
/// comes again.
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_table_is_waited_for_in_short_turns() {
    let mut shop = Shop::gated().await;
    let node = shop.node(ledger(0)).await;
    let operator = node.operator();
    let begun = begin(&operator, &migrating(1, &[ALTER])).await;
    let id = begun["run"]["id"].as_str().expect("an id").to_owned();
    eventually("an attempt that was given up", async || {
        let run = operator.get(&format!("/v1/migrations/{id}")).await;
        let doing = run["doing"].as_str().expect("text");
        doing.contains("locked by others: attempt 2").then_some(())
    })
    .await;
    shop.run("UNLOCK TABLES").await;
    let run = end_of(&operator, &begun).await;
    assert_eq!(run["state"], "done", "{run}");
}

/// The statement that ran when the node was killed is run to its end by the
/// server, or it is not; both are the same to the node that goes on.
#[tokio::test(flavor = "multi_thread")]
async fn another_node_goes_on_with_a_run() {
    let mut shop = Shop::gated().await;
    let (first_data, second_data, plugin) = (data_folder(), data_folder(), ledger(0));
    let mut first = shop.process(&first_data, &plugin);
    let next = migrating(1, &[&entry("before"), ALTER, &entry("after")]);
    let begun = begin(&Operator::at(first.admin_address()), &next).await;
    shop.until_it_waits().await;
    // It has what its release needs, so no migration of another is in its way.
    let second = shop.process(&second_data, &plugin);
    let operator = Operator::at(second.admin_address());
    first.kill();
    shop.run("UNLOCK TABLES").await;
    let run = end_of(&operator, &begun).await;
    assert_eq!(run["state"], "done", "{run}");
    assert_ne!(run["node"], begun["run"]["node"], "{run}");
    assert_eq!(shop.count("ledger_entry").await, 2, "each row once");
    operator.deploy(&next).await;
    second.end().await;
}

/// MySQL undoes no change of a table: the next attempt begins with the
/// statement that failed.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_is_gone_on_with() {
    let mut shop = Shop::new().await;
    let node = shop.node(ledger(0)).await;
    let next = migrating(
        1,
        &[
            &entry("one"),
            "ALTER TABLE later ADD COLUMN a INT",
            &entry("two"),
        ],
    );
    let (code, _, error) = run(&node, &["migrate", path(&next)]).await;
    assert_eq!(code, Some(6), "{error}");
    assert!(
        error.contains("statement 2 of 3") && error.contains("0099_gate.sql"),
        "{error}"
    );
    assert_eq!(shop.count("ledger_entry").await, 1);
    let (_, output, _) = run(&node, &["migrate", path(&next), "--dry-run"]).await;
    assert!(
        output.contains("1 of 3  (done by an earlier attempt)"),
        "{output}"
    );

    shop.run("CREATE TABLE later (id INT)").await;
    let (code, output, error) = run(&node, &["migrate", path(&next)]).await;
    assert_eq!(code, Some(0), "{output}{error}");
    assert_eq!(shop.count("ledger_entry").await, 2);
    let (code, output, _) = run(&node, &["migrate", "ledger"]).await;
    assert_eq!((code, output.as_str()), (Some(0), "nothing is pending\n"));
    let (_, output, _) = run(&node, &["migrations", "ledger"]).await;
    assert!(
        output.contains("failed") && output.contains("done"),
        "{output}"
    );
    let actions = actions(&node.operator()).await;
    assert!(
        actions.iter().any(|action| action == "migration-failed"),
        "{actions:?}"
    );
}

/// A change of a table that is there already is left out: one that an attempt
/// began whose end nobody saw, and one that others made.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_may_have_run() {
    for record in [-2, -1] {
        let mut shop = Shop::new().await;
        shop.run("CREATE TABLE gate (id INT, note INT)").await;
        let node = shop.node(ledger(0)).await;
        let checksum = hex::encode(<sha2::Sha384 as sha2::Digest>::digest(ALTER));
        shop.run(&format!(
            "INSERT INTO edge_migrations_ledger (version, description, success, checksum, execution_time) \
             VALUES (99, 'gate', FALSE, X'{checksum}', {record})"
        ))
        .await;
        let operator = node.operator();
        let begun = begin(&operator, &migrating(1, &[ALTER])).await;
        let run = end_of(&operator, &begun).await;
        assert_eq!(run["state"], "done", "{run}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_statements_and_runs_none() {
    let mut shop = Shop::new().await;
    shop.run("CREATE TABLE gate (id INT)").await;
    let node = shop.node(ledger(0)).await;
    let next = migrating(1, &["-- Why.", &entry("one"), ALTER]);
    let (code, output, error) = run(&node, &["migrate", path(&next), "--dry-run"]).await;
    assert_eq!(code, Some(0), "{error}");
    assert!(output.contains("2 of 2\n    ALTER TABLE gate"), "{output}");
    assert_eq!(shop.count("ledger_entry").await, 0);
    let runs = node.operator().get("/v1/migrations").await;
    assert_eq!(
        runs.as_array().map(Vec::len),
        Some(1),
        "that of the start: {runs}"
    );

    let refused = migrating(2, &[&entry("one"), "DROP TABLE gate"]);
    for more in [&["--dry-run"][..], &[]] {
        let arguments = [&["migrate", path(&refused)], more].concat();
        let (code, _, error) = run(&node, &arguments).await;
        assert_eq!(code, Some(1), "{error}");
        assert!(error.contains("DROP TABLE gate"), "{error}");
    }
    assert_eq!(
        shop.count("ledger_entry").await,
        0,
        "nothing runs of what is refused"
    );
}

/// A release that nobody could serve changes no tables.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_cannot_serve_migrates_nothing() {
    let mut shop = Shop::new().await;
    let plugins = [ledger(0), fixture("hello")];
    let node = TestNode::start(&plugins, |settings| {
        settings.database_url.clone_from(&shop.url);
        settings.control_url.clone_from(&shop.url);
    })
    .await;
    let routes = format!("version = \"0.1.0\"\nroutes = [\"/ledger\", \"/hello\"]\n{GRANT}");
    let greedy = variant("ledger", &routes)
        .with("migrations/mysql/0099_gate.sql", entry("one"))
        .with(
            "migrations/sqlite/0099_gate.sql",
            "DELETE FROM ledger_entry",
        );
    for command in ["migrate", "deploy"] {
        let (code, _, error) = run(&node, &[command, path(&greedy)]).await;
        assert_eq!(code, Some(1), "{error}");
        assert!(error.contains("is claimed by both"), "{error}");
    }
    assert_eq!(shop.count("ledger_entry").await, 0);
}

/// What SQLite cannot store is refused before anything runs, so that the mended
/// text takes its place.
#[tokio::test]
async fn a_refused_decimal_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}/shop.sqlite?mode=rwc", folder.path().display());
    let with = |sql: &str| {
        ledger(1)
            .with(
                "migrations/sqlite/0002_later.sql",
                "CREATE TABLE later (a INT)",
            )
            .with("migrations/sqlite/0003_gate.sql", sql)
    };
    let inexact = with("CREATE TABLE gate (amount DECIMAL(10, 2))");
    let message = start_error(&[inexact], |settings| {
        settings.database_url.clone_from(&url)
    })
    .await;
    assert!(message.contains("DECIMAL(10, 2)"), "{message}");
    let mut file = sqlx::SqliteConnection::connect(&url)
        .await
        .expect("the file");
    let tables = "SELECT COUNT(*) FROM sqlite_master WHERE name IN ('later', 'ledger_entry')";
    let tables: i64 = sqlx::query_scalar(tables)
        .fetch_one(&mut file)
        .await
        .expect("a count");
    assert_eq!(tables, 0, "no migration ran");
    file.close().await.expect("a closed file");

    let exact = with("CREATE TABLE gate (amount TEXT)");
    let node = TestNode::start(&[exact], |settings| settings.database_url.clone_from(&url)).await;
    node.get("/ledger/entries").await.assert_status(200);
}

/// One plugin at a time, and no plugin in another's way: not with a canary, nor
/// with migrations that wait.
#[tokio::test(flavor = "multi_thread")]
async fn plugins_do_not_wait_for_each_other() {
    let mut shop = Shop::gated().await;
    let plugins = [ledger(0), variant("hello", "version = \"0.0.0\"")];
    let node = TestNode::start(&plugins, |settings| {
        settings.database_url.clone_from(&shop.url);
        settings.control_url.clone_from(&shop.url);
    })
    .await;
    let operator = node.operator();
    let canary = variant("hello", "version = \"0.1.0\"");
    let rollout = operator
        .begin(&canary, json!({ "canary_percent": 10 }))
        .await;
    operator.until(&rollout, |phase| phase == "canary").await;
    let begun = begin(&operator, &migrating(1, &[ALTER])).await;
    assert!(begun["run"]["id"].is_string(), "{begun}");
    shop.until_it_waits().await;

    let other = begin(&operator, &migrating(2, &[ALTER, &entry("one")])).await;
    let detail = other["detail"].as_str().expect("a reason");
    assert!(detail.contains("migrations of ledger@0.1.0 run"), "{other}");
    let same = begin(&operator, &migrating(1, &[ALTER])).await;
    assert_eq!(same["run"]["id"], begun["run"]["id"], "joined");
    operator.deploy(&fixture("answerer")).await;
    assert_eq!(operator.decide("hello", "promote").await, rollout);
    assert_eq!(operator.end_of(&rollout).await["phase"], "done");

    shop.run("UNLOCK TABLES").await;
    assert_eq!(end_of(&operator, &begun).await["state"], "done");
}

/// A release is checked before its migrations run, and made ready after them:
/// there is room for it once.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_leaves_the_room_to_the_rollout() {
    let node = TestNode::start(&[variant("hello", "version = \"0.0.0\"")], |settings| {
        settings.releases.spare_instances = 0;
    })
    .await;
    let next = variant("hello", "version = \"0.1.0\"");
    let (code, output, error) = run(&node, &["deploy", path(&next), "--wait"]).await;
    assert_eq!(code, Some(0), "{output}{error}");
}
