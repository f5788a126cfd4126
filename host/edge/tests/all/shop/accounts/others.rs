//! Customers that others write into the same table, beside the node.

use std::sync::Arc;

use edge::bindings::accounts::exports::edge::platform::accounts::Error as AccountError;
use edge::config::Settings;
use edge::runtime::AccountTask;
use serde_json::json;

use super::{HASH, assert_refused, legacy_table, log_in, register, stores, token_of};
use crate::shop::{PASSWORD, Shop};

fn unlimited(settings: &mut Settings) {
    settings.rate_limits = false;
}

/// A row as another back end writes it, which knows its own columns alone.
fn row(email: &str) -> String {
    format!("INSERT INTO customer (name, email, password) VALUES ('Bob', '{email}', '{HASH}')")
}

/// A customer who left no address, which is given in SQL.
fn guest_row(email: &str) -> String {
    format!("INSERT INTO customer (name, email) VALUES ('Guest', {email})")
}

/// The id of the account that a login opens.
async fn id_of(shop: &Shop, email: &str) -> i64 {
    let reply = log_in(&shop.guest(), email, PASSWORD).await;
    token_of(&reply);
    reply.json()["customer"]["customer_id"]
        .as_i64()
        .expect("an id")
}

#[tokio::test]
async fn a_customer_that_somebody_wrote_logs_in_and_is_registered_once() {
    for shop in Shop::everywhere_with(unlimited).await {
        let guest = shop.guest();
        let database = &shop.stores.database;
        database.execute(&row("Bob@Example.com")).await;
        for email in ["Bob@Example.com", "bob@example.com", "BOB@EXAMPLE.COM"] {
            token_of(&log_in(&guest, email, PASSWORD).await);
            assert_refused(&log_in(&guest, email, "wrong horse").await, 400, "USR_01");
            assert_refused(&register(&guest, email).await, 400, "USR_04");
        }
        // Nor can another customer take the address.
        let customer = shop.customer().await;
        let fields = json!({ "name": "Eve", "email": "boB@example.com" });
        let taken = customer.put("/customer", &fields).await;
        assert_refused(&taken, 400, "USR_04");
        assert_eq!(database.count("customer").await, 2);
    }
}

#[tokio::test]
async fn the_database_itself_refuses_an_address_in_another_case() {
    for shop in Shop::everywhere_with(unlimited).await {
        let database = &shop.stores.database;
        let customer = shop.customer().await;
        let upper = customer.email.to_uppercase();
        assert!(database.refuses_duplicate(&row(&upper)).await);
        assert!(
            database
                .refuses_duplicate(&row(&format!(" {upper} ")))
                .await
        );
        database.execute(&row("carol@example.com")).await;
        assert!(database.refuses_duplicate(&row("CAROL@example.com")).await);
        let rename = "UPDATE customer SET email = 'Carol@Example.com' WHERE name <> 'Bob'";
        assert!(database.refuses_duplicate(rename).await);
        // An older release of this plugin, which runs beside this one during a
        // rollout, writes `email_key` and knows nothing of the other key.
        let older = "INSERT INTO customer (name, email, email_key, password) \
            VALUES ('Ada', 'CAROL@example.com', 'carol@example.com', 'x')";
        assert!(database.refuses_duplicate(older).await);
    }
}

#[tokio::test]
async fn an_address_that_somebody_changed_counts_at_once() {
    for shop in Shop::everywhere_with(unlimited).await {
        let guest = shop.guest();
        let database = &shop.stores.database;
        let customer = shop.customer().await;
        let old = customer.email.clone();
        let id = id_of(&shop, &old).await;
        let rename = format!("UPDATE customer SET email = 'New-{old}' WHERE email = '{old}'");
        database.execute(&rename).await;

        assert_refused(&log_in(&guest, &old, PASSWORD).await, 400, "USR_05");
        assert_eq!(id_of(&shop, &format!("new-{old}")).await, id);
        let taken = register(&guest, &format!("NEW-{old}")).await;
        assert_refused(&taken, 400, "USR_04");
        // Whose address it was, nobody's is it now.
        token_of(&register(&guest, &old).await);
        assert_eq!(id_of(&shop, &format!("new-{old}")).await, id);
        // And the customer may change it as any other.
        let fields = json!({ "name": "Ada", "email": format!("newer-{old}") });
        customer.put("/customer", &fields).await.assert_status(200);
        assert_eq!(id_of(&shop, &format!("newer-{old}")).await, id);
    }
}

#[tokio::test]
async fn letters_beyond_ascii_are_told_apart_and_found() {
    for shop in Shop::everywhere_with(unlimited).await {
        let guest = shop.guest();
        let database = &shop.stores.database;
        database.execute(&row("Zoë@example.com")).await;
        token_of(&log_in(&guest, "zoë@EXAMPLE.com", PASSWORD).await);
        assert_refused(
            &log_in(&guest, "zoe@example.com", PASSWORD).await,
            400,
            "USR_05",
        );
        for other in [
            "zoe@example.com",
            "i@example.com",
            "İ@example.com",
            "ı@example.com",
        ] {
            token_of(&register(&guest, other).await);
        }
        for taken in ["zoë@example.com", "ZOE@example.com", "I@example.com"] {
            assert_refused(&register(&guest, taken).await, 400, "USR_04");
        }
    }
}

/// Before there was the second key, a table could hold one address in several
/// cases.
#[tokio::test]
async fn of_rows_with_one_address_the_first_keeps_it() {
    for stores in stores() {
        let database = &stores.database;
        database.execute(&legacy_table(database.store)).await;
        for email in [
            "Bob@Example.com",
            "bob@example.com",
            "carol@example.com",
            "BOB@example.com",
        ] {
            database.execute(&row(email)).await;
        }
        // Customers without any address are no duplicates of one another.
        for email in ["''", "''", "NULL", "NULL"] {
            database.execute(&guest_row(email)).await;
        }
        let shop = Shop::open(Arc::new(stores), unlimited).await;
        let database = &shop.stores.database;
        for email in ["Bob@Example.com", "bob@example.com", "BOB@EXAMPLE.COM"] {
            assert_eq!(id_of(&shop, email).await, 1);
        }
        assert_eq!(id_of(&shop, "carol@example.com").await, 3);
        assert_refused(
            &register(&shop.guest(), "boB@example.com").await,
            400,
            "USR_04",
        );
        database.execute(&guest_row("''")).await;
        database.execute(&guest_row("NULL")).await;
        assert_eq!(database.count("customer").await, 10, "none is lost");
        // A row whose address is another by now has it for itself.
        let rename = "UPDATE customer SET email = 'bob-4@example.com' WHERE customer_id = 4";
        database.execute(rename).await;
        assert_eq!(id_of(&shop, "BOB-4@example.com").await, 4);
    }
}

#[tokio::test]
async fn an_operator_changes_an_account_that_somebody_wrote() {
    for shop in Shop::everywhere_with(unlimited).await {
        let mut merchant = shop.guest();
        shop.stores
            .database
            .execute(&row(&merchant.email.to_uppercase()))
            .await;
        let refused = shop
            .keep_account(&merchant, "merchant", AccountTask::Add)
            .await;
        assert!(matches!(refused, Err(AccountError::Exists)), "{refused:?}");
        let changed = shop
            .keep_account(&merchant, "merchant", AccountTask::Change)
            .await;
        assert_eq!(changed.ok(), Some(1));
        merchant.login().await;
        merchant.get("/admin/orders").await.assert_status(200);
    }
}
