//! Customers of an older shop whose rows have what no form of ours would have
//! written.

use serde_json::json;

use super::fork::{COLUMNS, run, stores};
use crate::servers::MariaDb;
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
            "SELECT CAST(customer_id AS CHAR) FROM customer WHERE email_shared IS NOT NULL";
        assert_eq!(stores.database.texts(shared).await, ["2"]);
    }
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
