//! Every statement fits the tables that the migrations make, on both databases.

#[path = "../../../host/tests/all/servers/keeper.rs"]
mod keeper;
#[allow(dead_code, clippy::panic, reason = "shared with tests that need more")]
#[path = "../../../host/tests/all/servers/mariadb.rs"]
mod mariadb;
#[allow(dead_code, clippy::panic, reason = "shared with tests that need more")]
#[path = "../../../host/tests/all/servers/server.rs"]
mod server;

use std::path::Path;

use payment::provider::sandbox;
use payment::webhooks::events;
use payment::{admin, attempts};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::mysql::MySqlPoolOptions;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{Column as _, Executor as _, SqlSafeStr as _, Statement as _, TypeInfo as _};

/// Each statement with the number of its parameters.
const STATEMENTS: [(&str, usize); 25] = [
    (admin::COUNT, 0),
    (admin::PAGE, 2),
    (attempts::CURRENT, 1),
    (attempts::NUMBERED, 2),
    (attempts::DUE, 2),
    (attempts::COUNT, 1),
    (attempts::BEGIN, 13),
    (attempts::TAKE, 3),
    (attempts::POSTPONE, 3),
    (attempts::CAPTURE, 5),
    (attempts::SUSPECT, 5),
    (attempts::FAIL, 5),
    (attempts::REFUND, 3),
    (attempts::TOLD, 2),
    (attempts::LET_GO, 2),
    (attempts::TELL_LATER, 2),
    (events::BEGIN, 4),
    (events::IS_DONE, 1),
    (events::DONE, 3),
    (events::FORGET, 1),
    (sandbox::ANSWERED, 1),
    (sandbox::CHARGE, 9),
    (sandbox::PAID, 1),
    (sandbox::REFUND, 2),
    (sandbox::REFUNDED, 1),
];

async fn migrations(dialect: &str) -> Result<Migrator, MigrateError> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    Migrator::new(folder.join(dialect)).await
}

/// Prepares every statement, and counts its parameters.
macro_rules! check {
    ($database:expr) => {
        for (text, parameters) in STATEMENTS {
            let statement = sqlx::AssertSqlSafe(text).into_sql_str();
            let prepared = $database.prepare(statement).await;
            let prepared = prepared.unwrap_or_else(|error| panic!("{text}: {error}"));
            let known = prepared.parameters();
            let taken = known.map(|known| match known {
                sqlx::Either::Left(kinds) => kinds.len(),
                sqlx::Either::Right(count) => count,
            });
            assert_eq!(taken, Some(parameters), "{text}");
            // Plugins read texts, and no bytes.
            for column in prepared.columns() {
                let kind = column.type_info().name();
                assert!(
                    !kind.contains("BLOB") && !kind.contains("BINARY"),
                    "{text}: {kind}"
                );
            }
        }
    };
}

#[tokio::test]
async fn every_statement_fits_the_tables_of_sqlite() {
    // Each connection to this URL is a database of its own, so there is one.
    let pool = SqlitePoolOptions::new().max_connections(1);
    let database = pool.connect("sqlite::memory:").await.unwrap();
    let migrations = migrations("sqlite").await.unwrap();
    migrations.run(&database).await.unwrap();
    check!(database);
}

#[tokio::test]
async fn every_statement_fits_the_tables_of_mysql() {
    let url = mariadb::MariaDb::shared().database();
    let database = MySqlPoolOptions::new().connect(&url).await.unwrap();
    let migrations = migrations("mysql").await.unwrap();
    migrations.run(&database).await.unwrap();
    check!(database);
}
