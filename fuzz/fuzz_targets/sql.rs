//! Statements: what the guard lets pass, SQLite reads no further than the
//! grant. It is asked what each statement of the text does while it prepares
//! it.

#![no_main]

use std::cell::RefCell;
use std::collections::HashSet;

use stores::sql::{
    CheckedStatement, Dialect, StatementGuard, StatementKind, TableGrant, is_allowed_function,
};
use libfuzzer_sys::fuzz_target;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::{Batch, Connection};

/// One table may be read, and one changed.
const GRANTED: &str = "CREATE TABLE tax (tax_id INTEGER, name TEXT);
    CREATE TABLE orders (order_id INTEGER, name TEXT);";

/// One is nobody's business.
const SECRET: &str = "CREATE TABLE secret (secret_id INTEGER, name TEXT);";

/// To read it.
const READS_SECRET: &str = "reads the secret";

const READ: [&str; 2] = ["tax", "orders"];
const WRITE: &str = "orders";

fn guard(dialect: Dialect) -> StatementGuard {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let grant = TableGrant {
        read: set(&["tax"]),
        write: set(&[WRITE]),
    };
    StatementGuard::new(grant, dialect)
}

/// Returns the statement, if the guard lets it do anything. It has to take no
/// parameters.
fn pass(guard: &StatementGuard, text: &str) -> Option<CheckedStatement> {
    let kinds = [StatementKind::Query, StatementKind::Change];
    kinds.into_iter().find_map(|kind| guard.check(text, kind, 0).ok())
}

/// What a statement did that it may not.
fn misdeed(passed: StatementKind, context: &AuthContext<'_>) -> Option<String> {
    let said = || Some(format!("{:?}", context.action));
    match context.action {
        AuthAction::Read {
            table_name: "secret",
            ..
        } => Some(READS_SECRET.to_owned()),
        AuthAction::Read { table_name, .. } => {
            // The names that `WITH` defines, and subqueries, have no table.
            (!READ.contains(&table_name) && !table_name.is_empty()).then(said)?
        }
        AuthAction::Insert { table_name } | AuthAction::Delete { table_name } => {
            (table_name != WRITE || passed == StatementKind::Query).then(said)?
        }
        AuthAction::Update { table_name, .. } => {
            (table_name != WRITE || passed == StatementKind::Query).then(said)?
        }
        AuthAction::Select | AuthAction::Recursive => None,
        AuthAction::Function { function_name } => (!is_allowed_function(function_name)).then(said)?,
        _ => said(),
    }
}

struct Database {
    connection: Connection,
    /// One that has the granted tables alone.
    granted: Connection,
    sqlite: StatementGuard,
    mysql: StatementGuard,
}

thread_local! {
    static DATABASE: Database = {
        let open = |tables: &[&str]| {
            let connection = Connection::open_in_memory().expect("a database in memory");
            connection.execute_batch(&tables.concat()).expect("its tables");
            connection
        };
        Database {
            connection: open(&[GRANTED, SECRET]),
            granted: open(&[GRANTED]),
            sqlite: guard(Dialect::Sqlite),
            mysql: guard(Dialect::Mysql),
        }
    };
    static MISDEEDS: RefCell<HashSet<String>> = RefCell::default();
}

/// Prepares the statements of a text up to the first that does not prepare, and
/// returns how many do.
fn prepare_all(connection: &Connection, text: &str) -> usize {
    let mut batch = Batch::new(connection, text);
    let mut prepared = 0;
    while let Ok(Some(_)) = batch.next() {
        prepared += 1;
    }
    prepared
}

fuzz_target!(|text: &str| {
    DATABASE.with(|database| {
        pass(&database.mysql, text);
        let Some(checked) = pass(&database.sqlite, text) else {
            return;
        };
        let (text, passed) = (checked.text, checked.kind);
        let watch = move |context: AuthContext<'_>| {
            if let Some(misdeed) = misdeed(passed, &context) {
                MISDEEDS.with_borrow_mut(|misdeeds| misdeeds.insert(misdeed));
            }
            Authorization::Allow
        };
        database.connection.authorizer(Some(watch)).expect("a hook");
        // What does not prepare does nothing.
        let prepared = prepare_all(&database.connection, &text);
        let mut found = MISDEEDS.with_borrow_mut(std::mem::take);
        // What `WITH` defines is told by its name, which may be a table's: what
        // can be prepared where there is no such table does not read it.
        if found.contains(READS_SECRET) && prepare_all(&database.granted, &text) > 0 {
            found.remove(READS_SECRET);
        }
        assert!(prepared <= 1, "{text:?} is {prepared} statements");
        assert!(prepared == 0 || found.is_empty(), "{text:?} does {found:?}");
    });
});
