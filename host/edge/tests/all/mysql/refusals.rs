//! Refusals of a server that pass: the client is told to come again, by 503
//! and `retry-after`, whatever the number of the error.

use std::sync::Arc;

use http::Method;
use sqlx::{Connection, MySqlConnection};
use stores::sql::{ErrorKind, mysql_error_kinds};
use test_servers::MariaDb;

use super::{add, count, database_of, kill_connections_of, ledger, url_for};
use crate::catalog::database::Store;
use crate::harness::{TestNode, eventually};
use crate::shop::{Shop, Stores};

/// Make a server fail each insertion with the number that a table says, by a
/// trigger: the error takes the way of every other.
async fn arm(server: &MariaDb, url: &str) {
    let own = format!(
        "mysql://root@127.0.0.1:{}/{}",
        server.port(),
        database_of(url)
    );
    let mut root = MySqlConnection::connect(&own).await.expect("the server");
    for statement in [
        "CREATE TABLE fault (number INT NOT NULL)",
        "INSERT INTO fault VALUES (0)",
        "CREATE TRIGGER fails BEFORE INSERT ON ledger_entry FOR EACH ROW \
         IF (SELECT MAX(number) FROM fault) > 0 THEN \
             SET @number = (SELECT MAX(number) FROM fault); \
             SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = @number, MESSAGE_TEXT = 'as told'; \
         END IF",
    ] {
        let done = sqlx::raw_sql(statement).execute(&mut root).await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

fn fail_with(server: &MariaDb, url: &str, number: u16) {
    let database = database_of(url);
    server.run(&format!("UPDATE {database}.fault SET number = {number}"));
}

async fn every_refusal_of(server: &MariaDb) {
    let url = url_for(server, "shop:secret", "");
    let node = ledger(url.trim_end_matches('?')).await;
    arm(server, &url).await;
    let mut added = 0;
    for (number, kind, name) in mysql_error_kinds() {
        fail_with(server, &url, number);
        let reply = add(&node, "refused").await;
        let expected = match kind {
            ErrorKind::Unavailable => 503,
            ErrorKind::Timeout => 504,
            ErrorKind::Conflict => 409,
        };
        assert_eq!(reply.status, expected, "{number} {name}: {reply:?}");
        let retry = (expected == 503).then_some("1");
        assert_eq!(reply.header("retry-after"), retry, "{number} {name}");
        // What failed is over: nothing of it is left to the next one.
        fail_with(server, &url, 0);
        eventually("an answer", async || {
            (add(&node, &format!("{number}")).await.status == 200).then_some(())
        })
        .await;
        added += 1;
    }
    // No default for a column, no such table: mistakes, and nobody's values.
    for number in [1048, 1364, 1146] {
        fail_with(server, &url, number);
        add(&node, "refused").await.assert_refusal(500);
    }
    assert_eq!(count(server, &url), added.to_string());
}

#[tokio::test]
async fn every_refusal_that_passes_is_one_for_clients_of_mariadb() {
    let server = MariaDb::start_mariadb("").expect("a server");
    server.add_user("shop", "secret", "");
    every_refusal_of(&server).await;
}

#[tokio::test]
async fn every_refusal_that_passes_is_one_for_clients_of_mysql() {
    let server = MariaDb::start_mysql("").expect("a server");
    server.add_user("shop", "secret", "");
    every_refusal_of(&server).await;
}

/// A node that has lost its connections, and may have none.
async fn is_refused(node: &TestNode, why: &str) {
    let refused = eventually(why, async || {
        let reply = node.get("/ledger/entries").await;
        (reply.status != 200).then_some(reply)
    })
    .await;
    assert_eq!(refused.status, 503, "{why}: {refused:?}");
    assert_eq!(refused.header("retry-after"), Some("1"), "{why}");
}

/// The bounds and locks that administrators put on users, while a node is at
/// work, and their end.
async fn limits_of_users_on(server: &MariaDb) {
    let url = url_for(server, "shop:secret", "");
    let node = ledger(url.trim_end_matches('?')).await;
    add(&node, "before").await.assert_status(200);
    let user = "ALTER USER shop@'127.0.0.1'";
    for (on, off) in [
        ("ACCOUNT LOCK", "ACCOUNT UNLOCK"),
        ("PASSWORD EXPIRE", "IDENTIFIED BY 'secret'"),
        ("IDENTIFIED BY 'another'", "IDENTIFIED BY 'secret'"),
    ] {
        server.run(&format!("{user} {on}"));
        kill_connections_of(server, "shop");
        is_refused(&node, on).await;
        server.run(&format!("{user} {off}"));
        eventually(off, async || {
            (node.get("/ledger/entries").await.status == 200).then_some(())
        })
        .await;
    }
    let target = "/ledger/run?sql=SELECT%201";
    server.run("SET GLOBAL max_prepared_stmt_count = 0");
    let reply = node.request(Method::GET, target).await;
    let answer = reply.json();
    assert_eq!(answer["error"]["name"], "unavailable", "{answer}");
    server.run("SET GLOBAL max_prepared_stmt_count = DEFAULT");
    node.until_status("/ledger/entries", 200).await;
}

#[tokio::test]
async fn a_user_who_is_not_let_in_for_a_while_is_let_in_again_on_mariadb() {
    let server = MariaDb::start_mariadb("").expect("a server");
    server.add_user("shop", "secret", "");
    limits_of_users_on(&server).await;
}

#[tokio::test]
async fn a_user_who_is_not_let_in_for_a_while_is_let_in_again_on_mysql() {
    let server = MariaDb::start_mysql("").expect("a server");
    server.add_user("shop", "secret", "");
    limits_of_users_on(&server).await;
}

/// A column that somebody has added by hand, without a default: every new
/// customer lacks it, and nobody's address is taken.
#[tokio::test]
async fn a_column_without_a_default_is_not_an_address_that_is_taken() {
    for store in [Stores::new(Store::MariaDb), Stores::on_mysql()] {
        let shop = Shop::open(Arc::new(store), |_| {}).await;
        let database = &shop.stores.database;
        database
            .execute("ALTER TABLE customer ADD COLUMN vat VARCHAR(20) NOT NULL")
            .await;
        let customer = r#"{"name":"Ada","email":"ada@example.com","password":"correct horse"}"#;
        let refused = shop.node.post("/customers", customer).await;
        refused.assert_refusal(500);
    }
}
