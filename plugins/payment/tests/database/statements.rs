//! Every statement fits the tables that the migrations make.

use payment::provider::sandbox;
use payment::webhooks::events;
use payment::{admin, attempts, shop};
use sqlx::{Column as _, Executor as _, SqlSafeStr as _, Statement as _, TypeInfo as _};

/// Each statement with the number of its parameters.
const STATEMENTS: [(&str, usize); 29] = [
    (admin::COUNT, 0),
    (admin::PAGE, 2),
    (attempts::CURRENT, 1),
    (attempts::NUMBERED, 2),
    (attempts::CHARGED, 1),
    (attempts::DUE, 2),
    (attempts::COUNT, 1),
    (attempts::BEGIN, 14),
    (attempts::TAKE, 3),
    (attempts::POSTPONE, 3),
    (attempts::CAPTURE, 5),
    (attempts::SUSPECT, 5),
    (attempts::FAIL, 5),
    (attempts::REFUND, 3),
    (attempts::TOLD, 2),
    (attempts::LET_GO, 2),
    (attempts::TELL_LATER, 3),
    (events::BEGIN, 4),
    (events::IS_DONE, 1),
    (events::DONE, 3),
    (events::FORGET, 1),
    (shop::FIND, 0),
    (shop::CREATE, 2),
    (shop::NOTE, 2),
    (sandbox::ANSWERED, 1),
    (sandbox::CHARGE, 9),
    (sandbox::PAID, 1),
    (sandbox::REFUND, 2),
    (sandbox::REFUNDED, 1),
];

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
    let database = crate::sqlite().await.unwrap();
    check!(database);
}

#[tokio::test]
async fn every_statement_fits_the_tables_of_mysql() {
    let database = crate::mysql().await.unwrap();
    check!(database);
}
