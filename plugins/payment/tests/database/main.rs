//! What only a database can tell, on both that the shop runs on.

mod attempts;
mod statements;

use std::path::Path;

use sqlx::migrate::Migrator;
use sqlx::mysql::{MySqlPool, MySqlPoolOptions};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use test_servers::MariaDb;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// A SQLite database with the plugin's tables.
async fn sqlite() -> Result<SqlitePool> {
    // Each connection to this URL is a database of its own, so there is one.
    let pool = SqlitePoolOptions::new().max_connections(1);
    let database = pool.connect("sqlite::memory:").await?;
    migrations("sqlite").await?.run(&database).await?;
    Ok(database)
}

/// A MariaDB database with the plugin's tables.
async fn mysql() -> Result<MySqlPool> {
    let url = MariaDb::shared().database();
    let database = MySqlPoolOptions::new().connect(&url).await?;
    migrations("mysql").await?.run(&database).await?;
    Ok(database)
}

async fn migrations(dialect: &str) -> Result<Migrator> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    Ok(Migrator::new(folder.join(dialect)).await?)
}
