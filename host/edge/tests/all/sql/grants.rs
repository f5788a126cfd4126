//! What a plugin may not do with its database.

use serde_json::json;

use super::{Ledger, Store, on_all_stores};

on_all_stores! {
    queries_outside_the_grant_are_denied,
    changes_outside_the_grant_are_denied,
    what_is_no_single_statement_is_invalid,
    granted_statements_run,
    a_grant_to_read_is_none_to_write,
    no_text_goes_on_after_a_statement,
    a_lock_needs_the_grant_to_change,
}

/// Denied on both databases, although each would run on one of them.
const QUERIES: &[&str] = &[
    // Tables of others: the host's, the system's, another plugin's.
    "SELECT * FROM edge_migrations_ledger",
    "SELECT * FROM customer",
    "SELECT * FROM ledger_entry, customer",
    "SELECT * FROM ledger_entry WHERE name IN (SELECT name FROM customer)",
    "SELECT (SELECT COUNT(*) FROM customer)",
    "SELECT * FROM ledger_entry UNION SELECT * FROM customer",
    "SELECT * FROM (SELECT * FROM customer) AS ledger_entry",
    "SELECT * FROM ledger_entry ORDER BY (SELECT 1 FROM customer)",
    "SELECT * FROM ledger_entry JOIN customer USING (name)",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM sqlite_schema",
    "SELECT * FROM pragma_table_info('ledger_entry')",
    // Other schemas, the own one among them.
    "SELECT * FROM mysql.user",
    "SELECT * FROM main.ledger_entry",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM temp.ledger_entry",
    // A name that WITH defines is one only where it is visible.
    "WITH customer AS (SELECT * FROM customer) SELECT * FROM customer",
    "SELECT * FROM (WITH customer AS (SELECT 1) SELECT * FROM customer) AS x, customer",
    "WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a",
    // Files, other sessions, time.
    "SELECT LOAD_FILE('/etc/passwd')",
    "SELECT `load_file`('/etc/passwd')",
    "SELECT load_extension('x')",
    "SELECT name FROM ledger_entry WHERE SLEEP(5) = 0",
    "SELECT BENCHMARK(1000000, SHA1('a'))",
    "SELECT GET_LOCK('edge', 1)",
    "SELECT NEXTVAL(ledger_sequence)",
    "SELECT NEXT VALUE FOR ledger_sequence",
    "SELECT MASTER_GTID_WAIT('0-1-1', 5)",
    "SELECT WAIT_FOR_EXECUTED_GTID_SET('a', 5)",
    "SELECT a_stored_function()",
    "SELECT mysql.a_stored_function()",
    "SELECT `lower`('a')",
    "SELECT USER()",
    "SELECT sqlite_compileoption_get(1)",
    "SELECT lower.name(1) FROM ledger_entry AS lower",
    // Names that one reader folds, or takes for another's.
    "WITH Customer AS (SELECT 1 AS a) SELECT * FROM customer",
    "WITH customer AS (SELECT 1 AS a) SELECT * FROM CUSTOMER",
    "WITH c AS (SELECT 1) SELECT * FROM C, customer",
    "SELECT * FROM stoc\u{212a}",
    "SELECT 1 FROM\u{feff}customer",
    "SELECT 1\u{feff}FROM customer",
    "SELECT 1\u{a0}FROM customer",
    "SELECT entry_id IN customer FROM ledger_entry",
    // What outlives the request on its connection.
    "SELECT @a := 1",
    "SELECT @@version",
    // Forms that read a table without saying FROM, or tell of others.
    "TABLE customer",
    "SHOW TABLES",
    "DESCRIBE customer",
    "EXPLAIN SELECT * FROM customer",
    "HANDLER ledger_entry OPEN",
    "VALUES ((SELECT COUNT(*) FROM customer))",
    // What only the server reads.
    "SELECT 1 /*! FROM customer */",
    "SELECT 1 /*M! FROM customer */",
];

const CHANGES: &[&str] = &[
    "INSERT INTO customer (name) VALUES ('a')",
    "INSERT INTO edge_migrations_ledger (version) VALUES (99)",
    "INSERT INTO ledger_entry (name) SELECT name FROM customer",
    "UPDATE customer SET name = 'a'",
    "UPDATE ledger_entry SET name = (SELECT name FROM customer)",
    "DELETE FROM customer",
    "DELETE FROM ledger_entry WHERE name IN (SELECT name FROM customer)",
    "DELETE FROM main.ledger_entry",
    "REPLACE INTO customer (name) VALUES ('a')",
    "DROP TABLE ledger_entry",
    "CREATE TABLE mine (a INTEGER)",
    "CREATE TEMPORARY TABLE mine (a INTEGER)",
    "ALTER TABLE ledger_entry ADD COLUMN a INTEGER",
    "CREATE VIEW mine AS SELECT * FROM customer",
    "TRUNCATE TABLE ledger_entry",
    "ATTACH DATABASE '/tmp/other.sqlite' AS other",
    "PRAGMA journal_mode = DELETE",
    "SET @a = 1",
    "BEGIN",
    "COMMIT",
    "SAVEPOINT a",
    "SET GLOBAL max_connections = 1",
    "LOCK TABLES ledger_entry WRITE",
    "LOAD DATA INFILE '/etc/passwd' INTO TABLE ledger_entry",
    "GRANT ALL ON *.* TO 'nobody'@'%'",
    "KILL 1",
    "CALL anything()",
    "DO SLEEP(1)",
    "PREPARE s FROM 'DROP TABLE ledger_entry'",
    "VACUUM INTO '/tmp/edge-vacuum'",
    "ANALYZE TABLE ledger_entry",
    "DETACH DATABASE main",
];

/// Not SQL that the host reads, or more than one statement: refused before
/// any grant is asked.
const INVALID: [&str; 8] = [
    "",
    ";",
    "nonsense",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE ledger_entry",
    "SELECT * FROM ledger_entry INTO OUTFILE '/tmp/edge-outfile'",
    "SELECT 'open",
    "SELECT * FROM",
];

async fn queries_outside_the_grant_are_denied(store: Store) {
    let ledger = Ledger::start(store, "").await;
    for statement in QUERIES {
        let answer = ledger.query(statement).await;
        let name = answer["error"]["name"].as_str().unwrap_or_default();
        // The parser of one dialect may not know what the other's takes.
        assert!(
            ["denied", "invalid"].contains(&name),
            "{store:?}: {statement}: {answer}"
        );
    }
}

async fn changes_outside_the_grant_are_denied(store: Store) {
    let ledger = Ledger::start(store, "").await;
    ledger.add("kept", json!({})).await.assert_status(200);
    for statement in CHANGES {
        let answer = ledger.execute(statement).await;
        let name = answer["error"]["name"].as_str().unwrap_or_default();
        assert!(
            ["denied", "invalid"].contains(&name),
            "{store:?}: {statement}: {answer}"
        );
    }
    // A query is no way to change anything, nor a change one to read.
    let answer = ledger.query("DELETE FROM ledger_entry").await;
    assert_eq!(answer["error"]["name"], "denied", "{answer}");
    let answer = ledger.execute("SELECT 1").await;
    assert_eq!(answer["error"]["name"], "denied", "{answer}");
    assert_eq!(ledger.names().await, ["kept"]);
}

async fn what_is_no_single_statement_is_invalid(store: Store) {
    let ledger = Ledger::start(store, "").await;
    for statement in INVALID {
        for answer in [
            ledger.query(statement).await,
            ledger.execute(statement).await,
        ] {
            let name = answer["error"]["name"].as_str().unwrap_or_default();
            assert!(
                ["denied", "invalid"].contains(&name),
                "{store:?}: {statement:?}: {answer}"
            );
        }
    }
    assert!(!std::path::Path::new("/tmp/edge-outfile").exists());
    assert!(ledger.names().await.is_empty());
}

async fn granted_statements_run(store: Store) {
    let ledger = Ledger::start(store, "").await;
    ledger.add("one", json!({})).await.assert_status(200);
    let queries = [
        "SELECT name FROM LEDGER_ENTRY",
        "SELECT e.name FROM ledger_entry AS e JOIN ledger_entry f ON f.entry_id = e.entry_id",
        "WITH recent AS (SELECT * FROM ledger_entry) SELECT name FROM recent",
        "SELECT name FROM ledger_entry WHERE name LIKE 'o%'",
        "SELECT name FROM ledger_entry WHERE name IN (SELECT name FROM ledger_entry) LIMIT 1",
        "SELECT DISTINCT name FROM ledger_entry GROUP BY name HAVING COUNT(*) = 1 ORDER BY name",
    ];
    for statement in queries {
        // A server's tables are files: their case matters on most systems.
        if store != Store::Sqlite && statement.contains("LEDGER") {
            continue;
        }
        let answer = ledger.query(statement).await;
        assert_eq!(
            answer["rows"],
            json!([[{ "text": "one" }]]),
            "{statement}: {answer}"
        );
    }
}

async fn a_grant_to_read_is_none_to_write(store: Store) {
    let (ledger, _data) = Ledger::start_reading(store).await;
    let changes = [
        "INSERT INTO ledger_entry (name, amount, booked_on) VALUES ('a', '1', '2019-07-21')",
        "UPDATE ledger_entry SET name = 'a'",
        "DELETE FROM ledger_entry",
    ];
    for statement in changes {
        let answer = ledger.execute(statement).await;
        assert_eq!(answer["error"]["name"], "denied", "{statement}: {answer}");
        let text = answer["error"]["text"].as_str().unwrap_or_default();
        assert!(text.contains("`ledger_entry`"), "{answer}");
    }
    assert!(ledger.names().await.is_empty());
}

/// The word `END` ends the parser's loop over statements, and to the databases
/// it is an alias.
async fn no_text_goes_on_after_a_statement(store: Store) {
    let ledger = Ledger::start(store, "").await;
    ledger.add("kept", json!({})).await.assert_status(200);
    let queries = [
        "SELECT 1 END",
        "SELECT 1 END UNION SELECT version FROM edge_migrations_ledger",
        "SELECT 1 AS a FROM ledger_entry END LIMIT 1; DELETE FROM ledger_entry",
        "SELECT 1 FROM ledger_entry END WHERE SLEEP(1) = 0",
        "SELECT 1 FROM ledger_entry END, edge_migrations_ledger",
        "SELECT 1 END; ATTACH DATABASE '/tmp/edge-attached' AS other",
        "SELECT 1 END END",
        "SELECT 1 end union select version from edge_migrations_ledger",
        "WITH x AS (SELECT 1 AS a) SELECT a FROM x END JOIN edge_migrations_ledger ON 1 = 1",
        "SELECT 1; END",
        "END; SELECT 1",
    ];
    for statement in queries {
        let answer = ledger.query(statement).await;
        assert!(
            answer["error"].is_object(),
            "{store:?}: {statement}: {answer}"
        );
    }
    let changes = [
        "DELETE FROM ledger_entry WHERE 1 = 0 END; DELETE FROM ledger_entry",
        "UPDATE ledger_entry SET name = 'a' WHERE 1 = 0 END OR 1 = 1",
        "INSERT INTO ledger_entry (name) SELECT 'a' END FROM edge_migrations_ledger",
    ];
    for statement in changes {
        let answer = ledger.execute(statement).await;
        assert!(
            answer["error"].is_object(),
            "{store:?}: {statement}: {answer}"
        );
    }
    assert!(!std::path::Path::new("/tmp/edge-attached").exists());
    assert_eq!(ledger.names().await, ["kept"]);
}

/// Whoever may only read keeps nobody from changing a row.
async fn a_lock_needs_the_grant_to_change(store: Store) {
    let locks = [
        "SELECT name FROM ledger_entry FOR UPDATE",
        "SELECT name FROM ledger_entry FOR SHARE",
        "SELECT name FROM (SELECT name FROM ledger_entry FOR UPDATE) AS x",
        "SELECT name FROM ledger_entry LOCK IN SHARE MODE",
        "SELECT name FROM ledger_entry FOR UPDATE NOWAIT",
    ];
    let (reading, _data) = Ledger::start_reading(store).await;
    for statement in locks {
        let answer = reading.query(statement).await;
        assert!(
            answer["error"].is_object(),
            "{store:?}: {statement}: {answer}"
        );
    }
    if store != Store::Sqlite {
        let ledger = Ledger::start(store, "").await;
        let answer = ledger.query(locks[0]).await;
        assert!(answer["error"].is_null(), "{answer}");
    }
}
