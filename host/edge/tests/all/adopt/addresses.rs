//! Customers of an older shop whose rows have what no form of ours would have
//! written.

use serde_json::json;
use test_servers::MariaDb;

use super::fork::{COLUMNS, run, stores};
use crate::rollout::numbers::numbers;
use crate::shop::Shop;

/// An older back end may have kept whatever stood around an address.
#[tokio::test]
async fn blanks_around_an_address_do_not_count() {
    for server in [MariaDb::shared(), MariaDb::shared_mysql()] {
        let database = COLUMNS.restore(server).await;
        let blanks = "UPDATE customer SET email = CONCAT(CHAR(9), 'Ada@Example.com', CHAR(13), CHAR(10)) \
            WHERE customer_id = 1";
        run(&database, blanks).await;
        let no_break = "UPDATE customer SET email = CONCAT(email, CONVERT(UNHEX('C2A0') USING utf8mb4)) \
            WHERE customer_id = 2";
        run(&database, no_break).await;
        let stores = stores(database);
        let shop = Shop::open(stores.clone(), |_| {}).await;
        let mut ada = shop.guest();
        ada.email = "ada@example.com".to_owned();
        ada.login().await;
        for email in ["ada@example.com", "ADA@example.com", "grace@example.com"] {
            let fields =
                json!({ "name": "Eve", "email": email, "password": "correct horse battery" });
            let reply = shop.guest().post("/customers", &fields).await;
            assert_eq!(
                reply.json()["error"]["code"],
                "USR_04",
                "{email}: {reply:?}"
            );
        }
        // Somebody beside the nodes is told so by the database itself.
        let database = &stores.database;
        run(
            database,
            "INSERT INTO customer (name, email) VALUES ('Bob', 'bob@example.com\t')",
        )
        .await;
        let again = "INSERT IGNORE INTO customer (name, email) VALUES ('Bob', ' BOB@example.com')";
        run(database, again).await;
        let bobs = "SELECT name FROM customer WHERE name = 'Bob'";
        assert_eq!(database.texts(bobs).await.len(), 1);
    }
}

/// Of customers who share an address but for its blanks, the one that could log
/// in goes on.
#[tokio::test]
async fn an_address_that_differs_by_blanks_is_its_first_owners() {
    for server in [MariaDb::shared(), MariaDb::shared_mysql()] {
        let database = COLUMNS.restore(server).await;
        let twice =
            "UPDATE customer SET email = CONCAT('ada@example.com', CHAR(9)) WHERE customer_id = 2";
        run(&database, twice).await;
        // Ada's row comes last.
        let last = "SET foreign_key_checks = 0; UPDATE customer SET customer_id = 9 WHERE customer_id = 1; \
            UPDATE orders SET customer_id = 9 WHERE customer_id = 1";
        run(&database, last).await;
        let stores = stores(database);
        let shop = Shop::open(stores.clone(), |_| {}).await;
        let mut ada = shop.guest();
        ada.email = "ada@example.com".to_owned();
        ada.login().await;
        let shared =
            "SELECT CAST(customer_id AS CHAR) FROM customer WHERE email_plain_shared IS NOT NULL";
        assert_eq!(stores.database.texts(shared).await, ["2"]);
    }
}

/// Rows that one blank tells from each other, two of them with another one.
#[tokio::test]
async fn blanks_of_two_kinds_around_one_address_are_no_obstacle() {
    for server in [MariaDb::shared(), MariaDb::shared_mysql()] {
        let database = COLUMNS.restore(server).await;
        for number in 0..3 {
            let blanks = " ".repeat(number);
            let row = format!(
                "INSERT INTO customer (name, email) VALUES \
                 ('Joe {number}', CONCAT('{blanks}joe@example.com', CHAR(13)))"
            );
            run(&database, &row).await;
        }
        let stores = stores(database);
        Shop::open(stores.clone(), |_| {}).await;
        let keys = "SELECT name FROM customer WHERE email_plain = 'joe@example.com'";
        assert_eq!(stores.database.texts(keys).await.len(), 1);
    }
}

/// Rows are not compared with each other, two by two.
#[tokio::test]
async fn the_addresses_of_many_customers_are_looked_through_a_few_times() {
    const CUSTOMERS: u64 = 3_000;
    for server in [
        MariaDb::start_mariadb("").expect("MariaDB"),
        MariaDb::start_mysql("").expect("MySQL"),
    ] {
        let database = COLUMNS.restore(&server).await;
        let many = format!(
            "INSERT INTO customer (name, email) SELECT 'Many', CONCAT('many', i, '@example.com') \
             FROM {} n",
            numbers(1, 3_000)
        );
        run(&database, &many).await;
        let before = rows_read(&server);
        Shop::open(stores(database), |_| {}).await;
        let read = rows_read(&server) - before;
        assert!(read < 300 * CUSTOMERS, "{read} rows were read");
    }
}

/// Rows that the server has read, in whatever way.
fn rows_read(server: &MariaDb) -> u64 {
    let shown = server.run("SHOW GLOBAL STATUS LIKE 'Handler_read%'");
    let counts = shown
        .lines()
        .filter_map(|line| line.split_whitespace().last());
    counts.filter_map(|count| count.parse::<u64>().ok()).sum()
}

/// Columns of an older shop may be NULL where ours never are.
#[tokio::test]
async fn null_for_a_role_or_a_currency_gives_no_rights_and_fails_no_reading() {
    for server in [MariaDb::shared(), MariaDb::shared_mysql()] {
        let database = COLUMNS.restore(server).await;
        for statement in [
            "ALTER TABLE customer MODIFY COLUMN role ENUM('customer', 'staff') NULL",
            "UPDATE customer SET role = NULL",
            "ALTER TABLE orders MODIFY COLUMN currency CHAR(3) NULL",
            "UPDATE orders SET currency = NULL",
        ] {
            run(&database, statement).await;
        }
        let shop = Shop::open(stores(database), |_| {}).await;
        let mut ada = shop.guest();
        ada.email = "ada@example.com".to_owned();
        ada.login().await;
        let orders = ada.success(&ada.get("/orders/inCustomer").await);
        assert_eq!(orders.as_array().expect("orders").len(), 2, "{orders}");
        ada.success(&ada.get("/orders/shortDetail/1").await);
        assert_eq!(ada.get("/admin/orders").await.status, 403);
    }
}
