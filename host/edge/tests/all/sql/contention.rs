//! Changes that lose against others, and are tried again.

use std::time::Duration;

use edge::config::Settings;
use serde_json::json;
use sqlx::{Connection, MySqlConnection, Row, SqliteConnection};
use test_servers::MariaDb;

use super::Ledger;
use crate::harness::{TestNode, data_folder, eventually, variant};

/// Long enough to lose, and to win afterwards.
const PATIENT: &str = "[limits]\ndeadline = '25s'";

/// A ledger of its own server, and somebody else on it.
async fn ledger() -> (MariaDb, Ledger, MySqlConnection) {
    let server = MariaDb::start().expect("a server of one's own");
    let url = server.database();
    let mut other = MySqlConnection::connect(&url).await.expect("the server");
    // Those who wait for a lock lose after a second.
    run(&mut other, "SET GLOBAL innodb_lock_wait_timeout = 1").await;
    let plugins = [variant("ledger", PATIENT)];
    let node = TestNode::start(&plugins, |settings| settings.database_url = url).await;
    let ledger = Ledger { node };
    for name in ["a", "b"] {
        ledger.add(name, json!({})).await.assert_status(200);
    }
    (server, ledger, other)
}

async fn run(connection: &mut MySqlConnection, statement: &'static str) {
    let done = sqlx::raw_sql(statement).execute(connection).await;
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// How often the server has counted this.
async fn status(connection: &mut MySqlConnection, name: &str) -> u64 {
    let row = sqlx::query("SHOW GLOBAL STATUS WHERE Variable_name = ?").bind(name);
    let row = row.fetch_one(connection).await.expect("a row");
    row.get::<String, _>(1).parse().expect("a number")
}

/// How many deadlocks there have been. MariaDB counts them among its status,
/// MySQL among InnoDB's metrics.
async fn deadlocks(connection: &mut MySqlConnection) -> i64 {
    let shown = sqlx::query("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'");
    let shown = shown
        .fetch_optional(&mut *connection)
        .await
        .expect("an answer");
    if let Some(row) = shown {
        return row.get::<String, _>(1).parse().expect("a number");
    }
    let counted = "SELECT CAST(`count` AS SIGNED) FROM information_schema.innodb_metrics \
        WHERE name = 'lock_deadlocks'";
    let counted = sqlx::query_scalar(counted).fetch_one(connection).await;
    counted.expect("a count")
}

#[tokio::test]
async fn a_wait_for_a_lock_that_took_too_long_is_begun_again() {
    let (_server, ledger, mut other) = ledger().await;
    let before = status(&mut other, "Innodb_row_lock_waits").await;
    run(&mut other, "BEGIN").await;
    run(
        &mut other,
        "UPDATE ledger_entry SET note = 'theirs' WHERE name = 'a'",
    )
    .await;
    let ours = ledger.execute("UPDATE ledger_entry SET big = 1 WHERE name = 'a'");
    let theirs = async {
        eventually("a second wait", async || {
            let waits = status(&mut other, "Innodb_row_lock_waits").await;
            (waits >= before + 2).then_some(())
        })
        .await;
        run(&mut other, "COMMIT").await;
    };
    let (ours, ()) = tokio::join!(ours, theirs);
    assert_eq!(ours["rows_affected"], 1, "{ours}");
}

#[tokio::test]
async fn the_victim_of_a_deadlock_is_tried_again() {
    let (_server, ledger, mut other) = ledger().await;
    run(&mut other, "SET GLOBAL innodb_lock_wait_timeout = 20").await;
    run(&mut other, "SET SESSION innodb_lock_wait_timeout = 20").await;
    // Whoever has done more is let go on.
    run(&mut other, "CREATE TABLE heavy (n INT PRIMARY KEY)").await;
    run(&mut other, "BEGIN").await;
    run(
        &mut other,
        "INSERT INTO heavy WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT i FROM n",
    )
    .await;
    run(
        &mut other,
        "UPDATE ledger_entry SET note = 'theirs' WHERE name = 'b'",
    )
    .await;
    let before = status(&mut other, "Innodb_row_lock_waits").await;
    let ours = ledger.execute("UPDATE ledger_entry SET big = 1 WHERE name IN ('a', 'b')");
    let theirs = async {
        eventually("ours waits", async || {
            let waits = status(&mut other, "Innodb_row_lock_waits").await;
            (waits > before).then_some(())
        })
        .await;
        // Ours has the one and waits for the other: now both wait.
        run(
            &mut other,
            "UPDATE ledger_entry SET note = 'theirs' WHERE name = 'a'",
        )
        .await;
        run(&mut other, "COMMIT").await;
        deadlocks(&mut other).await
    };
    let (ours, deadlocks) = tokio::join!(ours, theirs);
    assert!(deadlocks >= 1, "they did not meet");
    assert_eq!(ours["rows_affected"], 2, "{ours}");
}

/// SQLite itself waits for five seconds.
#[tokio::test]
async fn a_file_that_another_process_writes_for_long_is_waited_for() {
    let data = data_folder();
    let plugins = [variant("ledger", PATIENT)];
    let patient = |settings: &mut Settings| settings.store_timeout = Duration::from_secs(15);
    let node = TestNode::start_in(data.path(), &plugins, patient).await;
    let ledger = Ledger { node };
    let url = format!("sqlite://{}", data.path().join("shop.sqlite").display());
    let mut other = SqliteConnection::connect(&url).await.expect("the file");
    let begun = sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await;
    begun.expect("the lock");
    let ours = ledger.add("ours", json!({}));
    let theirs = async {
        tokio::time::sleep(Duration::from_secs(8)).await;
        let ended = sqlx::raw_sql("COMMIT").execute(&mut other).await;
        ended.expect("an end");
    };
    let (ours, ()) = tokio::join!(ours, theirs);
    ours.assert_status(200);
}
