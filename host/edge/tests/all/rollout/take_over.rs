//! Runs of migrations whose node ended, and nodes that must not go on with
//! them.

use serde_json::Value;
use sqlx::{Connection, MySqlConnection};
use test_servers::MariaDb;

use super::migrations::{ALTER, Shop, begin, end_of, entry, ledger, migrating};
use crate::harness::{Operator, PluginFolder, Running, data_folder, edge, eventually};

/// A shop in which a node was killed in the middle of a run.
struct Abandoned {
    shop: Shop,
    begun: Value,
}

/// Let a node be killed in the middle of a run, when `bystander` is there.
async fn abandoned(bystander: impl FnOnce(&Shop) -> Running) -> (Abandoned, Running) {
    let mut shop = Shop::gated().await;
    let data = data_folder();
    let mut first = shop.process(&data, &ledger(0));
    let next = migrating(1, &[&entry("before"), ALTER, &entry("after")]);
    let begun = begin(&Operator::at(first.admin_address()), &next).await;
    shop.until_it_waits().await;
    let bystander = bystander(&shop);
    first.kill();
    shop.run("UNLOCK TABLES").await;
    (Abandoned { shop, begun }, bystander)
}

/// Wait until the audit says that a node left the run alone.
async fn refusal(operator: &Operator) -> String {
    eventually("a refusal in the audit", async || {
        let audit = operator.get("/v1/audit").await;
        let records = audit.as_array().expect("a list").clone();
        let mut details = records
            .iter()
            .filter(|record| record["action"] == "refused")
            .map(|record| record["detail"].as_str().expect("text").to_owned());
        details.find(|detail| detail.contains("is not taken over"))
    })
    .await
}

impl Abandoned {
    /// Nobody has gone on; a node that may does.
    async fn finish_by_another(mut self, operator: &Operator) {
        let id = self.begun["run"]["id"].as_str().expect("an id");
        let run = operator.get(&format!("/v1/migrations/{id}")).await;
        assert_eq!(run["state"], "running", "{run}");
        assert_eq!(run["node"], self.begun["run"]["node"], "{run}");
        assert_eq!(self.shop.count("ledger_entry").await, 1);
        let data = data_folder();
        let third = self.shop.process(&data, &ledger(0));
        let run = end_of(operator, &self.begun).await;
        assert_eq!(run["state"], "done", "{run}");
        assert_eq!(self.shop.count("ledger_entry").await, 2, "each row once");
        third.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_another_database_does_not_go_on_with_a_run() {
    let other = MariaDb::shared().database();
    let data = data_folder();
    let variables = [("DATABASE_URL", other.as_str())];
    let start = |shop: &Shop| shop.process_with(&data, &ledger(0), &variables);
    let (abandoned, bystander) = abandoned(start).await;
    let operator = Operator::at(bystander.admin_address());
    let refusal = refusal(&operator).await;
    assert!(refusal.contains("is not the one of the run"), "{refusal}");
    abandoned.finish_by_another(&operator).await;
    let mut own = MySqlConnection::connect(&other).await.expect("MariaDB");
    let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM ledger_entry")
        .fetch_one(&mut own)
        .await
        .expect("a count");
    assert_eq!(rows, 0, "nothing was done in the other database");
    bystander.end().await;
}

/// A key that signs releases, as `edge keygen` makes one.
fn key() -> String {
    let folder = data_folder();
    let output = edge(folder.path())
        .args(["keygen", "release.key"])
        .output()
        .expect("it runs");
    let key = String::from_utf8(output.stdout).expect("text");
    key.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_trusts_no_unsigned_release_does_not_go_on_with_its_run() {
    let (data, key) = (data_folder(), key());
    let variables = [
        ("EDGE_TRUSTED_KEYS", key.as_str()),
        // The log has nothing for it that it would have to trust.
        ("EDGE_REGION", "elsewhere"),
    ];
    let start = |shop: &Shop| shop.process_with(&data, &PluginFolder::none(), &variables);
    let (abandoned, bystander) = abandoned(start).await;
    let operator = Operator::at(bystander.admin_address());
    let refusal = refusal(&operator).await;
    assert!(refusal.contains("the bundle is not signed"), "{refusal}");
    abandoned.finish_by_another(&operator).await;
    bystander.end().await;
}
