//! The host reads a statement's text, and so does the database: where the two
//! would read it differently, a table could hide from the grant.

use super::{Ledger, Store, on_all_stores};

on_all_stores! {
    no_reading_of_a_text_hides_a_table,
    no_reading_of_a_text_hides_a_change,
}

/// All of these name a table that is there and not granted: in a place that
/// one reader may take for a comment, a string or a name.
const QUERIES: [&str; 28] = [
    "SELECT version FROM edge_migrations_ledger",
    "SELECT version FROM EDGE_MIGRATIONS_LEDGER",
    "SELECT version FROM `edge_migrations_ledger`",
    "SELECT version FROM \"edge_migrations_ledger\"",
    "SELECT version FROM [edge_migrations_ledger]",
    "SELECT version FROM 'edge_migrations_ledger'",
    "SELECT version FROM(edge_migrations_ledger)",
    "SELECT version FROM/**/edge_migrations_ledger",
    "SELECT 1 FROM ledger_entry,edge_migrations_ledger",
    "SELECT 1e0FROM edge_migrations_ledger",
    "SELECT 1.FROM edge_migrations_ledger",
    // Comments that do not nest, or are none.
    "SELECT 1 /* /* */ FROM edge_migrations_ledger -- */",
    "SELECT 1 --\u{a0} FROM (SELECT 1 AS \u{a0}) AS x, edge_migrations_ledger",
    "SELECT 1 --\u{3000} FROM (SELECT 1 AS \u{3000}) AS x, edge_migrations_ledger",
    "SELECT 1 --\u{1680} FROM (SELECT 1 AS \u{1680}) AS x, edge_migrations_ledger",
    "SELECT 1 --1 FROM edge_migrations_ledger",
    "SELECT 1 --\r + 1 FROM edge_migrations_ledger",
    "SELECT 1 #\r FROM edge_migrations_ledger",
    "SELECT 1 // FROM edge_migrations_ledger",
    // Strings of other databases.
    "SELECT $$.version FROM edge_migrations_ledger AS $$",
    "SELECT $a$.version FROM edge_migrations_ledger AS $a$",
    "SELECT E'\\', version FROM edge_migrations_ledger -- '",
    "SELECT '\\', version FROM edge_migrations_ledger -- '",
    "SELECT '\\\\', version FROM edge_migrations_ledger -- '",
    "SELECT \"\\\", version FROM edge_migrations_ledger -- \"",
    "SELECT \"'\", version FROM edge_migrations_ledger -- \"'\"",
    "SELECT '''', version FROM edge_migrations_ledger -- '",
    "SELECT \"\"\", version FROM edge_migrations_ledger -- \"\"\"",
];

async fn no_reading_of_a_text_hides_a_table(store: Store) {
    let ledger = Ledger::start(store, "").await;
    for statement in QUERIES {
        let answer = ledger.query(statement).await;
        let hidden = answer["error"].is_null();
        assert!(!hidden, "{store:?}: {statement:?}: {answer}");
    }
}

const CHANGES: [&str; 8] = [
    "DELETE FROM`edge_migrations_ledger`",
    "DELETE e FROM ledger_entry AS l, edge_migrations_ledger AS e",
    "DELETE FROM ledger_entry --\u{a0}1\n, edge_migrations_ledger",
    "WITH x AS (SELECT 1) DELETE FROM edge_migrations_ledger",
    "WITH x AS (SELECT 1) UPDATE edge_migrations_ledger SET version = 9",
    "UPDATE edge_migrations_ledger AS ledger_entry SET version = 9",
    "UPDATE ledger_entry, edge_migrations_ledger SET version = 9",
    "INSERT INTO ledger_entry (name) SELECT $$.version FROM edge_migrations_ledger AS $$",
];

async fn no_reading_of_a_text_hides_a_change(store: Store) {
    let ledger = Ledger::start(store, "").await;
    for statement in CHANGES {
        let answer = ledger.execute(statement).await;
        assert!(
            answer["error"].is_object(),
            "{store:?}: {statement:?}: {answer}"
        );
    }
}
