//! Databases with a plugin's tables, for the tests of plugins, and the check that
//! its statements fit them.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test without its database has failed"
)]

use std::path::Path;

use edge_sdk::sql::{Dialect, with_clock};
use sqlx::migrate::Migrator;
use sqlx::mysql::{MySqlPool, MySqlPoolOptions};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, Column, Database, Executor, Pool, SqlSafeStr, Statement, TypeInfo};
use test_servers::MariaDb;

/// Returns a new SQLite database with the tables of the plugin in `folder`.
///
/// # Panics
/// If there is none: the test fails.
pub async fn sqlite(folder: &str) -> SqlitePool {
    let database = empty_sqlite().await;
    migrations(folder, "sqlite")
        .await
        .run(&database)
        .await
        .unwrap();
    database
}

/// Returns a new database of MariaDB with the tables of the plugin in `folder`.
///
/// # Panics
/// If there is none: the test fails.
pub async fn mysql(folder: &str) -> MySqlPool {
    let database = empty_mysql().await;
    migrations(folder, "mysql")
        .await
        .run(&database)
        .await
        .unwrap();
    database
}

/// Returns a new SQLite database without tables.
///
/// # Panics
/// If there is none: the test fails.
pub async fn empty_sqlite() -> SqlitePool {
    // Each connection to this URL is a database of its own, so there is one.
    let pool = SqlitePoolOptions::new().max_connections(1);
    pool.connect("sqlite::memory:").await.unwrap()
}

/// Returns a new database of MariaDB without tables.
///
/// # Panics
/// If there is none: the test fails.
pub async fn empty_mysql() -> MySqlPool {
    let url = MariaDb::shared().database();
    MySqlPoolOptions::new().connect(&url).await.unwrap()
}

/// Returns the migrations of the plugin in `folder` for `sqlite` or `mysql`.
///
/// # Panics
/// If they cannot be read: the test fails.
pub async fn migrations(folder: &str, database: &str) -> Migrator {
    let folder = Path::new(folder).join("migrations").join(database);
    Migrator::new(folder).await.unwrap()
}

/// Prepares statements, each given with the number of its parameters, and returns
/// them as the database knows them.
///
/// # Panics
/// If the database refuses a statement, or counts other parameters: the test fails.
pub async fn prepare<DB>(
    database: &Pool<DB>,
    dialect: Dialect,
    statements: impl IntoIterator<Item = (impl AsRef<str>, usize)>,
) -> Vec<DB::Statement>
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let mut prepared = Vec::new();
    for (text, parameters) in statements {
        let text = with_clock(text.as_ref(), dialect).unwrap().into_owned();
        let statement = AssertSqlSafe(text.clone()).into_sql_str();
        let statement = database.prepare(statement).await;
        let statement = statement.unwrap_or_else(|error| panic!("{text}: {error}"));
        let counted = statement
            .parameters()
            .map(|known| known.map_left(<[_]>::len).into_inner());
        assert_eq!(counted, Some(parameters), "{text}");
        prepared.push(statement);
    }
    prepared
}

/// Checks that no statement returns bytes, for a plugin that reads texts.
///
/// # Panics
/// If one does: the test fails.
pub fn assert_no_bytes<S: Statement>(statements: &[S]) {
    for statement in statements {
        for column in statement.columns() {
            let kind = column.type_info().name();
            let is_bytes = kind.contains("BLOB") || kind.contains("BINARY");
            let text = statement.sql().as_str();
            assert!(!is_bytes, "{text}: {} is {kind}", column.name());
        }
    }
}
