//! Statements that nobody waits for any more.

use std::time::Duration;

use edge::config::Settings;
use http::Method;
use serde_json::json;
use sqlx::{Connection, MySqlConnection, Row};
use test_servers::MariaDb;
use url::form_urlencoded;

use super::{Ledger, Store, on_all_stores};
use crate::catalog::database::waits_for_a_lock;
use crate::harness::{TestNode, eventually, variant};

on_all_stores! {
    sqlite Sqlite
    a_query_without_end_costs_its_caller_and_no_other
    a_change_without_end_costs_its_caller_and_no_other
    a_change_without_end_takes_its_transaction_with_it
}

on_all_stores! {
    mariadb MariaDbAlways
    a_query_without_end_costs_its_caller_and_no_other
    a_change_without_end_costs_its_caller_and_no_other
    a_change_without_end_takes_its_transaction_with_it
}

on_all_stores! {
    mysql MySql
    a_query_without_end_costs_its_caller_and_no_other
    a_change_without_end_costs_its_caller_and_no_other
    a_change_without_end_takes_its_transaction_with_it
}

/// One connection, so that whoever keeps it keeps it from the next.
const ONE: &str = "[limits]\ndeadline = '1s'\n[grants.database]\nconnections = 1";

/// Ten thousand million rows to count.
const COUNT: &str = "WITH RECURSIVE digit (d) AS \
    (SELECT 0 UNION ALL SELECT d + 1 FROM digit WHERE d < 99) \
    SELECT COUNT(*) FROM digit a, digit b, digit c, digit d, digit e";

/// Run a statement that comes to no end in time.
async fn give_up_on(node: &TestNode, method: Method, statement: &str) {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("sql", statement)
        .finish();
    let reply = node.request(method, &format!("/ledger/run?{query}")).await;
    match reply.status {
        // The plugin was told, and could still say so.
        200 => assert_eq!(reply.json()["error"]["name"], "timeout", "{reply:?}"),
        _ => reply.assert_refusal(504),
    }
}

/// Wait until the database is there for others again.
async fn until_added(ledger: &Ledger, name: &str) {
    let what = format!("the entry {name}");
    eventually(&what, async || {
        (ledger.add(name, json!({})).await.status == 200).then_some(())
    })
    .await;
}

async fn a_query_without_end_costs_its_caller_and_no_other(store: Store) {
    let ledger = Ledger::start(store, ONE).await;
    ledger.add("first", json!({})).await.assert_status(200);
    for _ in 0..3 {
        give_up_on(&ledger.node, Method::GET, COUNT).await;
    }
    ledger.node.until_status("/ledger/entries", 200).await;
    assert_eq!(ledger.names().await, ["first"]);
}

async fn a_change_without_end_costs_its_caller_and_no_other(store: Store) {
    let ledger = Ledger::start(store, ONE).await;
    ledger.add("first", json!({})).await.assert_status(200);
    let change = format!("UPDATE ledger_entry SET big = ({COUNT})");
    give_up_on(&ledger.node, Method::POST, &change).await;
    until_added(&ledger, "second").await;
    let entries = ledger.entries().await;
    assert_eq!(entries.len(), 2);
    assert!(entries.iter().all(|entry| entry["big"].is_null()));
}

async fn a_change_without_end_takes_its_transaction_with_it(store: Store) {
    let ledger = Ledger::start(store, ONE).await;
    for _ in 0..2 {
        let reply = ledger.two("lost", "endless").await;
        assert!(matches!(reply.status, 503 | 504), "{reply:?}");
    }
    until_added(&ledger, "first").await;
    eventually("a transaction", async || {
        (ledger.two("kept", "commit").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(ledger.names().await, ["first", "kept-1", "kept-2"]);
}

/// By the bound in the text, by that of the connection, or told to by the host.
async fn the_server_stops_working_on_it(server: &MariaDb) {
    let change = format!("UPDATE ledger_entry SET big = ({COUNT})");
    for (deadline, method, statement) in [
        ("1s", Method::GET, COUNT),
        ("5s", Method::GET, COUNT),
        ("1s", Method::POST, &change),
    ] {
        let url = server.database();
        let plugins = [variant(
            "ledger",
            &format!("[limits]\ndeadline = '{deadline}'"),
        )];
        let node = TestNode::start(&plugins, |settings| settings.database_url = url.clone()).await;
        let ledger = Ledger { node };
        ledger.add("first", json!({})).await.assert_status(200);
        give_up_on(&ledger.node, method, statement).await;
        let mut server = MySqlConnection::connect(&url).await.expect("the server");
        eventually("no statement that runs", async || {
            let running = "SELECT COUNT(*) FROM information_schema.processlist \
                WHERE db = DATABASE() AND id <> CONNECTION_ID() AND command = 'Execute'";
            let row = sqlx::query(running).fetch_one(&mut server).await;
            (row.expect("a row").get::<i64, _>(0) == 0).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn mariadb_stops_working_on_it() {
    the_server_stops_working_on_it(MariaDb::shared_mariadb()).await;
}

#[tokio::test]
async fn mysql_stops_working_on_it() {
    the_server_stops_working_on_it(MariaDb::shared_mysql()).await;
}

/// It waits for a lock for longer than any statement of a request may take.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_has_no_bound() {
    const NOTE: &str = "ALTER TABLE ledger_entry ADD COLUMN more INT";
    let url = MariaDb::shared().database();
    let start = async |plugin| {
        let set = |settings: &mut Settings| settings.database_url.clone_from(&url);
        TestNode::start(&[plugin], set).await
    };
    start(variant("ledger", "")).await.stop().await;
    let mut gate = MySqlConnection::connect(&url).await.expect("the server");
    let locked = sqlx::raw_sql("LOCK TABLES ledger_entry READ")
        .execute(&mut gate)
        .await;
    locked.expect("a lock");
    let opening = async {
        eventually("the migration at the lock", async || {
            waits_for_a_lock(&url).await.then_some(())
        })
        .await;
        tokio::time::sleep(Duration::from_secs(7)).await;
        let unlocked = sqlx::raw_sql("UNLOCK TABLES").execute(&mut gate).await;
        unlocked.expect("no lock");
    };
    let noting = variant("ledger", "").with("migrations/mysql/0002_note.sql", NOTE);
    let (node, ()) = tokio::join!(start(noting), opening);
    let ledger = Ledger { node };
    let answer = ledger.query("SELECT more FROM ledger_entry").await;
    assert!(answer["error"].is_null(), "{answer}");
}
