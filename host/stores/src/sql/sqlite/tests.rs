//! Tests of SQLite's authorizer alone: the texts here have not passed the guard
//! of statements.

use std::sync::Arc;

use rusqlite::Connection;

use super::connection::{GuestConnection, Mode};
use super::failure::Failure;
use crate::sql::Error;
use crate::sql::guard::TableGrant;

const SCHEMA: &str = "
    CREATE TABLE tax (tax_id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE Orders (order_id INTEGER PRIMARY KEY, name TEXT UNIQUE, big INT);
    CREATE TABLE customer (customer_id INTEGER PRIMARY KEY, password TEXT);
    CREATE VIEW every_customer AS SELECT * FROM customer;
    CREATE TABLE logged (a INT);
    CREATE TRIGGER log AFTER INSERT ON logged BEGIN INSERT INTO customer (password) VALUES ('x'); END;
    INSERT INTO customer (password) VALUES ('hash');
    INSERT INTO tax (name) VALUES ('a'), ('b');
";

struct File {
    guest: GuestConnection,
    host: Connection,
    _folder: tempfile::TempDir,
}

impl File {
    fn open(mode: Mode) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("test.db");
        let host = Connection::open(&path).expect("a file");
        host.execute_batch(SCHEMA).expect("tables");
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let grant = Arc::new(TableGrant {
            read: set(&["tax"]),
            write: set(&["orders", "line", "logged"]),
        });
        Self {
            guest: GuestConnection::open(&path, grant, mode).expect("a connection"),
            host,
            _folder: folder,
        }
    }

    fn run(&self, text: &str) -> Result<(), Failure> {
        let mut statement = self.guest.prepare(text)?;
        let mut rows = statement.raw_query();
        while rows.next()?.is_some() {}
        Ok(())
    }

    /// Returns all data that is not the plugin's.
    fn others(&self) -> String {
        let text = "SELECT group_concat(x, ';') FROM (SELECT password AS x FROM customer \
            UNION ALL SELECT name || sql FROM sqlite_master WHERE sql IS NOT NULL)";
        let found = self.host.query_row(text, [], |row| row.get(0));
        found.expect("a text")
    }
}

fn is_denied(done: &Result<(), Failure>) -> bool {
    match done {
        Err(Failure::Typed(error)) => matches!(error, Error::Denied(_)),
        _ => false,
    }
}

#[test]
fn statements_within_the_grant_run() {
    let file = File::open(Mode::Write);
    for text in [
        "SELECT * FROM tax t JOIN orders o ON o.name = t.name",
        "SELECT COUNT(*) FROM tax",
        "SELECT COUNT(*) FROM Orders",
        "WITH recent AS (SELECT * FROM orders) SELECT COUNT(*) FROM recent",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT i FROM n",
        "WITH a AS (SELECT 1 AS x) SELECT COUNT(*) FROM a, (SELECT 2 AS y) b",
        "SELECT value FROM json_each('[1, 2]')",
        "SELECT json_extract('{\"a\": 1}', '$.a'), '{\"a\": 1}' ->> 'a', 'a' LIKE 'A', CURRENT_TIMESTAMP",
        "SELECT name, ROW_NUMBER() OVER (ORDER BY tax_id) FROM tax GROUP BY name HAVING COUNT(*) > 0",
        "INSERT INTO orders (name) VALUES ('a'), ('b')",
        "INSERT INTO orders (name) VALUES ('a') ON CONFLICT (name) DO UPDATE SET big = 1",
        "INSERT OR REPLACE INTO orders (name) VALUES ('a')",
        "INSERT INTO orders (name) SELECT name || 'x' FROM tax RETURNING order_id",
        "UPDATE orders SET big = (SELECT MAX(tax_id) FROM tax) WHERE name IN (SELECT name FROM tax)",
        "DELETE FROM orders WHERE name = 'b'",
        "DELETE FROM orders",
    ] {
        let done = file.run(text);
        assert!(done.is_ok(), "{text}: {done:?}");
    }
}

#[test]
fn nothing_else_does_whatever_the_text_is() {
    let file = File::open(Mode::Write);
    let before = file.others();
    for text in [
        "SELECT * FROM customer",
        "SELECT COUNT(*) FROM customer",
        "SELECT 1 FROM customer",
        "SELECT 1 FROM CUSTOMER",
        "SELECT 1 FROM main.customer",
        "SELECT 1 END UNION SELECT password FROM customer",
        "SELECT * FROM every_customer",
        "SELECT COUNT(*) FROM every_customer",
        "SELECT * FROM sqlite_master",
        "SELECT COUNT(*) FROM sqlite_schema",
        "SELECT COUNT(*) FROM sqlite_temp_master",
        "SELECT * FROM sqlite_sequence",
        "SELECT * FROM pragma_table_info('customer')",
        "SELECT COUNT(*) FROM pragma_database_list",
        "WITH customer AS (SELECT 1) SELECT COUNT(*) FROM main.customer",
        "SELECT tax_id IN customer FROM tax",
        "INSERT INTO customer (password) VALUES ('x')",
        "INSERT INTO tax (name) VALUES ('x')",
        "UPDATE tax SET name = 'x'",
        "DELETE FROM tax",
        "UPDATE customer SET password = 'x'",
        "DELETE FROM customer",
        "DELETE FROM sqlite_sequence",
        "INSERT INTO orders (name) SELECT password FROM customer",
        "UPDATE orders SET name = (SELECT password FROM customer)",
        "UPDATE sqlite_master SET sql = ''",
        // A trigger of the database's owner reaches further than the grant.
        "INSERT INTO logged (a) VALUES (1)",
        "CREATE TABLE line (a INT)",
        "CREATE TEMP TABLE t (a INT)",
        "CREATE TABLE line AS SELECT * FROM customer",
        "CREATE INDEX i ON orders (big)",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TEMP VIEW orders AS SELECT * FROM customer",
        "CREATE TRIGGER t AFTER INSERT ON orders BEGIN DELETE FROM customer; END",
        "CREATE VIRTUAL TABLE line USING fts5(a)",
        "DROP TABLE orders",
        "DROP VIEW every_customer",
        "DROP TRIGGER log",
        "ALTER TABLE orders ADD COLUMN x INT",
        "ALTER TABLE customer RENAME TO line",
        "ATTACH DATABASE '/tmp/never-written.sqlite' AS x",
        "DETACH DATABASE main",
        "VACUUM INTO '/tmp/never-written.sqlite'",
        "PRAGMA table_info(customer)",
        "PRAGMA writable_schema = 1",
        "PRAGMA user_version = 7",
        "REINDEX",
        "ANALYZE",
        "BEGIN",
        "COMMIT",
        "SAVEPOINT s",
        "SELECT load_extension('x')",
        "SELECT readfile('/etc/passwd')",
        "SELECT sqlite_version()",
        "SELECT 1; SELECT 2",
        "SELECT 1 FROM orders LIMIT 1; UPDATE customer SET password = 'x'",
        "SELECT 1; ATTACH DATABASE '/tmp/never-written.sqlite' AS x",
    ] {
        let done = file.run(text);
        // VACUUM INTO attaches a database internally; SQLite has no `readfile`
        // here.
        let is_refused = is_denied(&done) || matches!(done, Err(Failure::Sqlite(_)));
        assert!(is_refused, "{text}: {done:?}");
        assert!(file.guest.is_autocommit(), "{text}");
    }
    assert_eq!(file.others(), before);
    assert!(!std::path::Path::new("/tmp/never-written.sqlite").exists());
}

#[test]
fn a_refusal_is_not_forgotten_by_the_cache() {
    let file = File::open(Mode::Write);
    for _ in 0..3 {
        assert!(is_denied(&file.run("SELECT COUNT(*) FROM customer")));
        assert!(is_denied(&file.run("SELECT * FROM customer")));
    }
    // From now on the name is a table's, and the statement is prepared again.
    let count = "WITH later AS (SELECT 1 AS x) SELECT COUNT(*) FROM later";
    assert!(file.run(count).is_ok());
    let made = file.host.execute_batch("CREATE TABLE later (a INT)");
    made.expect("a table");
    assert!(is_denied(&file.run("SELECT COUNT(*) FROM later")));
}

#[test]
fn migrations_change_the_schema_of_granted_tables_alone() {
    let file = File::open(Mode::Write);
    for text in [
        "CREATE TABLE line (line_id INTEGER PRIMARY KEY AUTOINCREMENT, order_id INT REFERENCES orders \
         (order_id), a TEXT UNIQUE DEFAULT 'x' CHECK (LENGTH(a) > 0))",
        "CREATE TABLE IF NOT EXISTS line (a INT)",
        "INSERT INTO line (a) VALUES ('first')",
        "CREATE INDEX line_a ON line (a, order_id)",
        "CREATE UNIQUE INDEX line_lower ON line (LOWER(a)) WHERE a IS NOT NULL",
        "ALTER TABLE line ADD COLUMN b INT NOT NULL DEFAULT 0",
        "ALTER TABLE line ADD COLUMN c INT CHECK (c > 0)",
        "ALTER TABLE line RENAME COLUMN b TO d",
        "ALTER TABLE line DROP COLUMN c",
        "INSERT INTO line (order_id, a) SELECT NULL, name FROM tax",
        "UPDATE line SET d = 7",
        "DELETE FROM line",
    ] {
        let done = file.guest.migrate(text);
        assert!(done.is_ok(), "{text}: {done:?}");
    }
    let before = file.others();
    for text in [
        "CREATE TABLE mine (a INT)",
        "CREATE TEMP TABLE line2 (a INT)",
        "CREATE TRIGGER t AFTER INSERT ON orders BEGIN DELETE FROM customer; END",
        "CREATE VIEW v AS SELECT * FROM customer",
        "CREATE INDEX i ON customer (password)",
        "CREATE TABLE logged2 AS SELECT * FROM customer",
        "ALTER TABLE customer ADD COLUMN x INT",
        "ALTER TABLE customer RENAME TO customer2",
        "DROP TABLE orders",
        "DROP INDEX line_a",
        "INSERT INTO orders (name) SELECT password FROM customer",
        "UPDATE customer SET password = 'x'",
        "DELETE FROM customer",
        "INSERT INTO tax (name) VALUES ('x')",
        "UPDATE sqlite_master SET sql = 'x'",
        "ATTACH DATABASE '/tmp/never-written.sqlite' AS x",
        "PRAGMA writable_schema = 1",
        "VACUUM",
        "BEGIN",
        "SELECT load_extension('x')",
        "DELETE FROM line; DELETE FROM customer",
    ] {
        let done = file.guest.migrate(text);
        assert!(done.is_err(), "{text}");
    }
    assert_eq!(file.others(), before);
}

#[test]
fn a_reader_changes_nothing() {
    let file = File::open(Mode::Read);
    assert!(file.run("SELECT name FROM tax").is_ok());
    assert!(file.run("DELETE FROM orders").is_err());
}

/// One value for each of many columns would take all memory, and no deadline
/// could end that, since SQLite's machine has no instruction between two of
/// them.
#[test]
fn a_statement_is_bounded_in_what_it_holds() {
    let file = File::open(Mode::Read);
    let columns = |most: usize| vec!["1"; most].join(", ");
    assert!(file.run(&format!("SELECT {}", columns(128))).is_ok());
    for text in [
        format!("SELECT {}", columns(129)),
        "SELECT zeroblob(8388609)".to_owned(),
        "SELECT hex(zeroblob(5000000))".to_owned(),
        format!("SELECT char({})", columns(101)),
        "SELECT name LIKE hex(zeroblob(300)) FROM tax".to_owned(),
        "SELECT name GLOB hex(zeroblob(300)) FROM tax".to_owned(),
        "SELECT COUNT(*) FROM dbstat".to_owned(),
    ] {
        assert!(file.run(&text).is_err(), "{text}");
    }
}

/// The text functions of this connection are those of [`texts`](super::texts).
#[test]
fn functions_on_texts_end_soon() {
    let file = File::open(Mode::Read);
    let text = "SELECT instr(zeroblob(8000000), zeroblob(4000000) || x'01')";
    assert!(file.run(text).is_ok());
}
