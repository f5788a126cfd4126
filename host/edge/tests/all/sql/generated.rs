//! Texts that nobody thought of, made from ordinary statements by chance. What
//! the host lets pass, the database itself judges: SQLite by its authorizer,
//! MariaDB by the rights of a user who has those of the grant alone.
//!
//! `SQL_FUZZ_SECONDS` makes it go on for so long; by default it makes a fixed
//! number of texts, always the same.

mod texts;

use std::time::{Duration, Instant};

use stores::sql::{CallLimits, DatabaseAccess, Databases, TableGrant};
use stores::sql::{Error, Rows};
use test_servers::MariaDb;

use self::texts::Texts;
use crate::catalog::database::{self, Database, Snapshot};

/// Texts of one run.
const TEXTS: u64 = 20_000;

/// How many of them pass at least: chance that makes only nonsense finds
/// nothing.
const PASSED: usize = 200;

/// Stands in every row that no statement may see.
const SECRET: &str = "classified";

const LIMITS: CallLimits = CallLimits {
    rows: 1000,
    bytes: 1 << 20,
};

/// One table may be read, one changed, and one is nobody's business.
const SCHEMA: [&str; 6] = [
    "CREATE TABLE tax (tax_id INT, name VARCHAR(100))",
    "CREATE TABLE orders (order_id INT, name VARCHAR(100))",
    "CREATE TABLE secret (secret_id INT, name VARCHAR(100))",
    "INSERT INTO tax (tax_id, name) VALUES (1, 'a'), (2, 'b')",
    "INSERT INTO secret (secret_id, name) VALUES (1, 'classified')",
    "CREATE VIEW every_secret AS SELECT * FROM secret",
];

/// What only MariaDB has: a function that runs with its maker's rights, and a
/// sequence.
const MARIADB: &str = "CREATE FUNCTION leak() RETURNS VARCHAR(100) READS SQL DATA SQL SECURITY DEFINER \
    RETURN (SELECT name FROM secret LIMIT 1); CREATE SEQUENCE counter;";

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_finds_no_more_than_the_grant() {
    let database = prepared(Database::new(database::Store::Sqlite)).await;
    let access = open(&database.url).await;
    judge(&database, &access).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_finds_no_more_than_the_grant() {
    // Of its own: the one that tests share may be MySQL.
    let server = MariaDb::start_mariadb("").expect("a server");
    let database = prepared(Database::of(&server)).await;
    let name = database.url.rsplit('/').next().expect("a name");
    server.run(&format!(
        "USE {name}; {MARIADB} CREATE USER judge IDENTIFIED BY 'judge'; \
         GRANT SELECT ON {name}.tax TO judge; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.orders TO judge;"
    ));
    let access = open(&database.url.replace("root@", "judge:judge@")).await;
    judge(&database, &access).await;
}

/// What only MySQL has: optimizer hints as comments, and functions of its own.
#[tokio::test(flavor = "multi_thread")]
async fn mysql_finds_no_more_than_the_grant() {
    let server = MariaDb::shared_mysql();
    let database = prepared(Database::of(server)).await;
    let name = database.url.rsplit('/').next().expect("a name");
    server.run(&format!(
        "CREATE USER judge IDENTIFIED BY 'judge'; GRANT SELECT ON {name}.tax TO judge; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.orders TO judge;"
    ));
    let access = open(&database.url.replace("root@", "judge:judge@")).await;
    judge(&database, &access).await;
}

async fn prepared(database: Database) -> Database {
    for statement in SCHEMA {
        database.execute(statement).await;
    }
    database
}

async fn open(url: &str) -> DatabaseAccess {
    let grant = TableGrant {
        read: ["tax".to_owned()].into(),
        write: ["orders".to_owned()].into(),
    };
    let opened = Databases::default().open(url, grant, 2, LIMITS).await;
    opened.expect("the database")
}

/// How long to go on, if anybody says so.
fn until() -> Option<Instant> {
    let seconds = std::env::var("SQL_FUZZ_SECONDS").ok()?;
    let seconds = seconds.parse().expect("SQL_FUZZ_SECONDS is a number");
    Some(Instant::now() + Duration::from_secs(seconds))
}

async fn judge(database: &Database, access: &DatabaseAccess) {
    let before = others(database).await;
    let until = until();
    let mut texts = Texts::new(if until.is_some() { rand::random() } else { 7 });
    let mut passed = 0;
    let mut made = 0;
    while until.map_or(made < TEXTS, |until| Instant::now() < until) {
        let text = texts.next_text();
        made += 1;
        passed += usize::from(ask(access, &text).await);
        passed += usize::from(change(access, &text).await);
        // Its own table stays small.
        if made % 500 == 0 {
            database.execute("DELETE FROM orders").await;
            assert_eq!(
                others(database).await,
                before,
                "after {text:?}, or one before it"
            );
        }
    }
    assert_eq!(others(database).await, before);
    assert!(passed >= PASSED, "{passed} of {made} texts passed");
}

/// The rows of all tables but the one that may be changed.
async fn others(database: &Database) -> Snapshot {
    let mut rows = database.snapshot().await;
    rows.remove("orders");
    rows
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

/// Whether the host let the text pass as a query.
async fn ask(access: &DatabaseAccess, text: &str) -> bool {
    let asked = access.query::<Rows>(text, Vec::new(), deadline()).await;
    if let Ok(rows) = &asked {
        let shown = format!("{rows:?}");
        assert!(!shown.contains(SECRET), "{text:?} shows {shown}");
    }
    assert_judged(text, asked)
}

/// Whether the host let the text pass as a change.
async fn change(access: &DatabaseAccess, text: &str) -> bool {
    let changed = access.execute(text, Vec::new(), deadline()).await;
    assert_judged(text, changed)
}

/// The database refuses nothing for want of rights that the host let pass.
fn assert_judged<T>(text: &str, done: Result<T, Error>) -> bool {
    let reason = match &done {
        Ok(_) => return true,
        Err(Error::Denied(reason)) => {
            let is_the_hosts =
                !reason.contains("SQLite would do") && !reason.contains("prohibited");
            assert!(is_the_hosts, "only SQLite refused {text:?}: {reason}");
            return false;
        }
        Err(error) => error.to_string().to_lowercase(),
    };
    let refused = ["denied", "not allowed to", "access violation", "privilege"];
    let refused = refused.iter().find(|word| reason.contains(**word));
    assert!(
        refused.is_none(),
        "only the server refused {text:?}: {reason}"
    );
    false
}
