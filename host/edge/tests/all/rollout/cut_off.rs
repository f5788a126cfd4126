//! Orders of several steps whose node is killed half-way: the audit has what
//! was begun.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use test_servers::Redis;

use super::fleet::{Fleet, hello};
use crate::harness::{Operator, eventually};

/// Another client of the control database.
struct Control(MySqlConnection);

impl Control {
    async fn of(fleet: &Fleet) -> Self {
        let connection = MySqlConnection::connect(&fleet.database).await;
        Self(connection.expect("MariaDB"))
    }

    async fn run(&mut self, text: &str) {
        let statement = sqlx::raw_sql(AssertSqlSafe(text.to_owned()));
        statement.execute(&mut self.0).await.expect(text);
    }

    async fn number(&mut self, text: &str) -> i64 {
        let found = sqlx::query_scalar(AssertSqlSafe(text.to_owned()));
        found.fetch_one(&mut self.0).await.expect(text)
    }
}

/// The details of what the audit calls so.
async fn audited(operator: &Operator, action: &str) -> Vec<String> {
    let audit = operator.get("/v1/audit").await;
    let records = audit.as_array().expect("a list").iter();
    let of_action = records.filter(|record| record["action"] == action);
    let detail = |record: &Value| record["detail"].as_str().expect("text").to_owned();
    of_action.map(detail).collect()
}

/// Give an order that nobody waits for: its node dies over it.
fn order(operator: &Operator, path: &'static str, body: &Value) {
    let (operator, body) = (operator.clone(), body.to_string());
    tokio::spawn(async move { operator.send(http::Method::POST, path, body).await });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_was_half_filled_is_in_the_audit() {
    let mut fleet = Fleet::start(Redis::shared().database()).await;
    fleet.join("ap-south").await;
    // It follows its folder; what the log says of it is to come.
    let (mut control, mut other) = (Control::of(&fleet).await, Control::of(&fleet).await);
    control
        .run("DELETE FROM edge_release_log WHERE region = 'ap-south'")
        .await;
    // The rollouts are begun after the log was written.
    control.run("LOCK TABLES edge_rollout_plan WRITE").await;
    let fill = json!({ "from": "us-east" });
    order(&fleet.operator(0), "/v1/regions/ap-south/fill", &fill);
    eventually("the log of the new region", async || {
        let entries = "SELECT COUNT(*) FROM edge_release_log WHERE region = 'ap-south'";
        (other.number(entries).await > 0).then_some(())
    })
    .await;
    fleet.members[0].process.kill();
    control.run("UNLOCK TABLES").await;
    let begun = audited(&fleet.operator(1), "fill-region-begin").await;
    assert_eq!(begun.len(), 1, "{begun:?}");
    assert!(
        begun[0].starts_with("region ap-south from us-east: hello "),
        "{begun:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_that_was_cut_off_is_in_the_audit() {
    let mut fleet = Fleet::start(Redis::shared().database()).await;
    let operator = fleet.operator(0);
    for version in 1..=8 {
        operator.deploy(&hello(version)).await;
    }
    let (mut control, mut other) = (Control::of(&fleet).await, Control::of(&fleet).await);
    control
        .run("UPDATE edge_bundle SET added_at = added_at - 7200000")
        .await;
    control.run("LOCK TABLES edge_bundle_part WRITE").await;
    order(&operator, "/v1/gc", &json!({ "keep": 1 }));
    let collected = "SELECT COUNT(*) FROM edge_bundle WHERE parts < 0";
    // The oldest is the last, and then the content goes, which waits for the lock.
    let oldest = format!("{collected} AND version = '0.0.0'");
    eventually("what is collected", async || {
        (other.number(&oldest).await > 0).then_some(())
    })
    .await;
    fleet.members[0].process.kill();
    control.run("UNLOCK TABLES").await;
    let count = usize::try_from(other.number(collected).await).expect("a number");
    let entries = audited(&fleet.operator(1), "gc").await;
    assert!(
        entries.len() >= count,
        "{count} were collected: {entries:?}"
    );
    assert!(
        entries
            .iter()
            .any(|entry| entry.starts_with("hello@0.0.0 sha256:")),
        "{entries:?}"
    );
}
