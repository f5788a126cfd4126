//! Databases with the tables that the migrations make.

#![allow(dead_code, reason = "each test takes what it needs")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test without its database has failed"
)]

use std::path::Path;

use sqlx::migrate::Migrator;
use sqlx::mysql::{MySqlPool, MySqlPoolOptions};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use test_servers::MariaDb;

/// A new SQLite database.
pub async fn sqlite() -> SqlitePool {
    // Each connection to this URL is a database of its own, so there is one.
    let pool = SqlitePoolOptions::new().max_connections(1);
    let database = pool.connect("sqlite::memory:").await.unwrap();
    migrations("sqlite").await.run(&database).await.unwrap();
    database
}

/// A new database of MariaDB.
pub async fn mysql() -> MySqlPool {
    let database = empty_mysql().await;
    migrations("mysql").await.run(&database).await.unwrap();
    database
}

/// A new database of MariaDB without tables.
pub async fn empty_mysql() -> MySqlPool {
    let url = MariaDb::shared().database();
    MySqlPoolOptions::new().connect(&url).await.unwrap()
}

/// The migrations of a dialect.
pub async fn migrations(dialect: &str) -> Migrator {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    Migrator::new(folder.join(dialect)).await.unwrap()
}
