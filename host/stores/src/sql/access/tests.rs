//! Queries whose results can be kept, on a SQLite file.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{DatabaseAccess, Databases, MaxAge};
use crate::sql::guard::TableGrant;
use crate::sql::versions::{ResultVersion, Untracked};
use crate::sql::{CallLimits, Rows, Value};

const LIMITS: CallLimits = CallLimits {
    rows: 100,
    bytes: 1 << 20,
};

const TABLES: [&str; 6] = ["item", "watched", "child", "replacing", "shown", "derived"];

const SCHEMA: &str = "
    CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, stock INT);
    CREATE TABLE watched (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TRIGGER noted AFTER INSERT ON item BEGIN UPDATE watched SET name = new.name; END;
    CREATE TABLE child (id INTEGER PRIMARY KEY, item REFERENCES item (id) ON DELETE CASCADE);
    CREATE TABLE replacing (id INTEGER PRIMARY KEY, name TEXT UNIQUE ON CONFLICT REPLACE);
    CREATE VIEW shown AS SELECT id, name FROM item;
    CREATE TABLE derived (id INTEGER PRIMARY KEY, name TEXT, upper_name TEXT AS (upper(name)));
    INSERT INTO derived (id, name) VALUES (1, 'a');";

/// No age, where changes could not be followed.
const NOW: MaxAge = MaxAge {
    kept: Duration::ZERO,
    may_be_stale: false,
};

struct Opened {
    access: Arc<DatabaseAccess>,
    databases: Databases,
    url: String,
    _folder: TempDir,
}

impl Opened {
    /// A file whose table `item` no trigger touches unless `with_others` makes all tables.
    async fn new(with_others: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}/items.sqlite?mode=rwc", folder.path().display());
        let databases = Databases::default();
        let access = databases
            .open(&url, grant(), 2, LIMITS)
            .await
            .expect("a file");
        let schema = match with_others {
            true => SCHEMA.to_owned(),
            false => SCHEMA.split(';').next().expect("a table").to_owned(),
        };
        let super::Database::Sqlite(sqlite) = &access.database else {
            panic!("a file");
        };
        sqlite.execute_as_host(schema).await.expect("a schema");
        access.read_schema().await.expect("facts");
        Self {
            access: Arc::new(access),
            databases,
            url,
            _folder: folder,
        }
    }

    async fn read(&self, text: &str) -> Result<ResultVersion, Untracked> {
        let reading = self.access.query_tracked::<Rows>(text, Vec::new(), soon());
        reading.await.expect("rows").1
    }

    async fn change(&self, text: &str) {
        let changing = self.access.execute(text, Vec::new(), soon());
        changing.await.expect("a change");
    }
}

fn grant() -> TableGrant {
    TableGrant {
        write: TABLES.map(str::to_owned).into(),
        ..TableGrant::default()
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

#[tokio::test]
async fn a_result_is_current_until_its_rows_change() {
    let opened = Opened::new(false).await;
    opened
        .change("INSERT INTO item VALUES (1, 'a', 5), (2, 'b', 5)")
        .await;
    let read = "SELECT id, name FROM item WHERE id = 1";
    let result = opened.read(read).await.expect("tracked");
    opened
        .change("UPDATE item SET stock = 4 WHERE id = 1")
        .await;
    opened
        .change("UPDATE item SET name = 'c' WHERE id = 2")
        .await;
    opened.change("INSERT INTO item VALUES (3, 'd', 5)").await;
    assert!(result.is_current());
    opened
        .change("UPDATE item SET name = 'c' WHERE id = 1")
        .await;
    assert!(!result.is_current());
}

#[tokio::test]
async fn another_grant_on_the_file_is_followed() {
    let opened = Opened::new(false).await;
    let result = opened
        .read("SELECT id, name FROM item")
        .await
        .expect("tracked");
    let other = opened.databases.open(&opened.url, grant(), 1, LIMITS).await;
    let other = other.expect("the same file");
    let insert = "INSERT INTO item VALUES (1, 'a', 5)";
    other
        .execute(insert, Vec::new(), soon())
        .await
        .expect("a change");
    assert!(!result.is_current());
}

#[tokio::test]
async fn another_program_is_noticed_between_writes_and_during_one() {
    let opened = Opened::new(false).await;
    let file = opened.url.trim_start_matches("sqlite:");
    let file = file.trim_end_matches("?mode=rwc");
    let other = rusqlite::Connection::open(file).expect("the file");
    let read = "SELECT name FROM item WHERE id = 1";
    opened.change("INSERT INTO item VALUES (1, 'a', 5)").await;
    // Own writes alone are nobody else's.
    let result = opened.read(read).await.expect("tracked");
    opened.change("INSERT INTO item VALUES (2, 'b', 5)").await;
    pause().await;
    assert!(result.is_current());
    let renaming = "UPDATE item SET name = 'other' WHERE id = 1";
    other.execute(renaming, []).expect("a change");
    pause().await;
    assert!(!result.is_current());
    // An own write waits for a transaction of the other program.
    let result = opened.read(read).await.expect("tracked");
    other
        .execute_batch("BEGIN IMMEDIATE")
        .expect("a transaction");
    let again = "UPDATE item SET name = 'again' WHERE id = 1";
    other.execute(again, []).expect("a change");
    let waiting = opened.change("INSERT INTO item VALUES (3, 'c', 5)");
    let committing = async {
        pause().await;
        other.execute_batch("COMMIT").expect("committed");
    };
    tokio::join!(waiting, committing);
    pause().await;
    assert!(!result.is_current());
}

/// Lets the file be read again.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

#[tokio::test]
async fn a_transaction_takes_effect_when_it_ends() {
    let opened = Opened::new(false).await;
    for commits in [true, false] {
        let result = opened
            .read("SELECT id, name FROM item")
            .await
            .expect("tracked");
        let mut transaction = opened.access.begin(soon()).await.expect("a transaction");
        let insert = "INSERT INTO item (name) VALUES ('a')";
        let inserting = transaction.execute(insert, Vec::new(), soon());
        inserting.await.expect("a change");
        assert!(result.is_current());
        match commits {
            true => transaction.commit(soon()).await.expect("committed"),
            false => drop(transaction),
        }
        // A transaction that is rolled back may have been committed, for all that is known of some.
        assert!(!result.is_current());
    }
}

#[tokio::test]
async fn what_the_schema_changes_by_itself_is_not_followed() {
    let opened = Opened::new(true).await;
    for (table, reason) in [
        ("item", Some(Untracked::Trigger)),
        ("watched", Some(Untracked::Trigger)),
        ("child", Some(Untracked::Cascade)),
        ("replacing", Some(Untracked::Replace)),
        ("shown", Some(Untracked::NoTable)),
        ("derived", None),
    ] {
        let read = opened.read(&format!("SELECT id FROM {table}")).await;
        assert_eq!(read.err(), reason, "{table}");
    }
    let derived = opened
        .read("SELECT upper_name FROM derived WHERE id = 1")
        .await;
    let derived = derived.expect("tracked");
    opened
        .change("UPDATE derived SET name = 'b' WHERE id = 1")
        .await;
    assert!(!derived.is_current());
    let random = opened.read("SELECT random() FROM derived").await;
    assert_eq!(random.err(), Some(Untracked::Volatile));
}

#[tokio::test]
async fn a_kept_result_is_read_again_after_a_change() {
    let opened = Opened::new(false).await;
    let count = async || {
        let text = "SELECT COUNT(*) FROM item";
        let counting = opened.access.query_kept(text, Vec::new(), NOW, soon());
        let (rows, version) = counting.await.expect("rows");
        (rows.into_bytes(), version.expect("tracked"))
    };
    let (none, version) = count().await;
    assert_eq!(count().await.0, none);
    opened.change("INSERT INTO item VALUES (1, 'a', 5)").await;
    assert!(!version.is_current());
    let (one, version) = count().await;
    assert_ne!(one, none);
    // Columns that the count does not read leave it as it is.
    opened.change("UPDATE item SET name = 'b'").await;
    assert!(version.is_current());
    let parameters = vec![Value::Integer(1)];
    let text = "SELECT COUNT(*) FROM item WHERE id = ?";
    let other = opened.access.query_kept(text, parameters, NOW, soon());
    assert!(other.await.expect("rows").1.expect("tracked").is_current());
}
