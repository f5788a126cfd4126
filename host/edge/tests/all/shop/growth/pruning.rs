//! Rows that are deleted once their time has passed.

use super::{both_with_orders, insert};
use crate::catalog::database::Store;
use crate::harness::eventually;

const OFTEN: &str = r#"
[[schedule]]
task = "release"
every = "200ms"
"#;

/// More than one statement deletes.
const KEYS: usize = 1300;

#[tokio::test]
async fn old_keys_and_mails_are_deleted() {
    for shop in both_with_orders(OFTEN, |_| {}).await {
        let database = &shop.stores.database;
        let [old, young] = match database.store {
            Store::Sqlite => ["2020-01-01T00:00:00.000Z", "2099-01-01T00:00:00.000Z"],
            Store::MariaDb => ["2020-01-01 00:00:00", "2099-01-01 00:00:00"],
        };
        let key = |number: usize, time: &str| {
            format!("(1, 'key {number}', 'print', 1, '{time}', '{time}')")
        };
        let columns = "order_idempotency (customer_id, key_hash, fingerprint, lock_id, locked_on, created_on)";
        insert(database, columns, (0..KEYS).map(|number| key(number, old))).await;
        insert(database, columns, [key(KEYS, young)]).await;
        let mail =
            |order: u32, state: u8, time: &str| format!("({order}, {state}, '{young}', '{time}')");
        // Sent long ago, given up long ago, still to be sent, and sent just now.
        let mails = [
            mail(1, 1, old),
            mail(2, 2, old),
            mail(3, 0, old),
            mail(4, 1, young),
        ];
        insert(
            database,
            "mail_outbox (order_id, state, due_on, created_on)",
            mails,
        )
        .await;

        eventually("nothing old is left", async || {
            let keys = database.count("order_idempotency").await;
            let mails = database
                .texts("SELECT CONCAT('', order_id) FROM mail_outbox ORDER BY order_id")
                .await;
            (keys == 1 && mails == ["3", "4"]).then_some(())
        })
        .await;
    }
}
