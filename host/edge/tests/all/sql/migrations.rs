//! Migrations are under the grant as statements are: what a plugin may not do
//! while it serves, it may not do when it is deployed.

use serde_json::json;
use test_servers::MariaDb;

use super::{Store, on_all_stores};
use crate::catalog::database::Database;
use crate::harness::{PluginFolder, TestNode, start_error, variant};

on_all_stores! {
    no_migration_reaches_past_the_grant,
    a_refused_migration_runs_not_even_in_part,
    a_text_that_ran_may_be_superseded,
}

/// Where the tables of somebody else are, and the host's own.
async fn database(store: Store) -> Database {
    let database = match store {
        Store::Sqlite => Database::new(crate::catalog::database::Store::Sqlite),
        Store::MariaDb => Database::of(MariaDb::shared()),
        Store::MySql => Database::of(MariaDb::shared_mysql()),
        Store::MariaDbAlways => Database::of(MariaDb::shared_mariadb()),
    };
    for statement in [
        "CREATE TABLE customer (email VARCHAR(100), password VARCHAR(100), role VARCHAR(20))",
        "INSERT INTO customer (email, password, role) VALUES ('ada@example.com', 'hash', 'customer')",
    ] {
        database.execute(statement).await;
    }
    database
}

/// The ledger with one more migration, on each dialect.
fn migrating(sql: &str) -> PluginFolder {
    variant("ledger", "")
        .with("migrations/sqlite/0002_more.sql", sql)
        .with("migrations/mysql/0002_more.sql", sql)
}

/// Why a node with this plugin does not start on the database.
async fn refusal(database: &Database, plugin: PluginFolder) -> String {
    start_error(&[plugin], |settings| {
        settings.database_url.clone_from(&database.url);
    })
    .await
}

async fn no_migration_reaches_past_the_grant(store: Store) {
    let database = database(store).await;
    let before = database.snapshot().await;
    for sql in [
        // Passwords are copied to where the plugin reads them.
        "INSERT INTO ledger_entry (name, amount, booked_on) SELECT password, '1', '2019-07-21' FROM customer",
        "CREATE TABLE ledger_entry2 AS SELECT * FROM customer",
        // Somebody becomes a merchant, now or with the next order.
        "UPDATE customer SET role = 'merchant'",
        "CREATE TRIGGER more AFTER INSERT ON ledger_entry FOR EACH ROW UPDATE customer SET role = 'merchant'",
        "CREATE TRIGGER more AFTER INSERT ON ledger_entry BEGIN UPDATE customer SET role = 'merchant'; END",
        "CREATE VIEW ledger_view AS SELECT * FROM customer",
        // The host's own records are forged or emptied.
        "INSERT INTO edge_migrations_customer (version) VALUES (1)",
        "DELETE FROM edge_audit",
        "ATTACH DATABASE '/tmp/edge-attached' AS other; DELETE FROM other.edge_audit",
        // A harmless statement goes first.
        "DELETE FROM ledger_entry; DROP TABLE customer",
        "DELETE FROM ledger_entry END; DROP TABLE customer",
        "DELETE FROM ledger_entry -- \n; /* x */ DROP TABLE customer",
        "ALTER TABLE customer RENAME TO ledger_entry2",
        "CREATE INDEX ledger_index ON customer (email)",
        "PRAGMA writable_schema = 1",
        "SET GLOBAL general_log = 1",
    ] {
        let message = refusal(&database, migrating(sql)).await;
        assert!(
            message.contains("0002_more.sql"),
            "{store:?}: {sql}: {message}"
        );
        let own = ["edge_", "ledger_"];
        let others = |(table, _): &(&String, &Vec<_>)| !own.iter().any(|it| table.starts_with(it));
        let after = database.snapshot().await;
        assert!(
            before.iter().filter(others).eq(after.iter().filter(others)),
            "{store:?}: {sql}: {before:?} became {after:?}"
        );
    }
    assert!(!std::path::Path::new("/tmp/edge-attached").exists());
}

async fn a_refused_migration_runs_not_even_in_part(store: Store) {
    let database = database(store).await;
    let sql = "CREATE INDEX ledger_amount ON ledger_entry (amount); DROP TABLE customer";
    let message = refusal(&database, migrating(sql)).await;
    assert!(message.contains("DROP TABLE customer"), "{message}");
    let tables: Vec<_> = database.snapshot().await.into_keys().collect();
    assert!(
        !tables.iter().any(|table| table == "ledger_entry"),
        "{store:?}: {tables:?}"
    );
}

async fn a_text_that_ran_may_be_superseded(store: Store) {
    let database = database(store).await;
    let first = "CREATE INDEX ledger_amount ON ledger_entry (amount);\n";
    let checksum = hex::encode(<sha2::Sha384 as sha2::Digest>::digest(first));
    let start = async |plugin| {
        let plugins = [plugin];
        let node = TestNode::start(&plugins, |settings| {
            settings.database_url.clone_from(&database.url);
        });
        node.await.stop().await
    };
    assert!(start(migrating(first)).await);
    let changed = "CREATE INDEX ledger_amount ON ledger_entry (amount, name);\n";
    let message = refusal(&database, migrating(changed)).await;
    assert!(message.contains("modified"), "{store:?}: {message}");
    let superseding = format!("-- supersedes: {checksum}\n{changed}");
    assert!(start(migrating(&superseding)).await);
    // One that did not run before runs as it stands.
    let fresh = self::database(store).await;
    let node = TestNode::start(&[migrating(&superseding)], |settings| {
        settings.database_url.clone_from(&fresh.url);
    })
    .await;
    let added = node
        .post(
            "/ledger/entries",
            json!({ "name": "a", "amount": "1.00", "booked_on": "2019-07-21T08:56:02.000Z" })
                .to_string(),
        )
        .await;
    added.assert_status(200);
}
