//! Every statement fits the tables that the migrations make.

use edge_sdk::sql::{Dialect, with_clock};
use payment::admin::payments;
use payment::provider::sandbox;
use payment::webhooks::events;
use payment::{attempts, shop};
use sqlx::{Column as _, Executor as _, SqlSafeStr as _, Statement as _, TypeInfo as _};

/// Each statement with the number of its parameters.
const STATEMENTS: [(&str, usize); 29] = [
    (payments::COUNT, 0),
    (payments::PAGE, 2),
    (attempts::CURRENT, 1),
    (attempts::NUMBERED, 2),
    (attempts::CHARGED, 1),
    (attempts::DUE, 0),
    (attempts::COUNT, 1),
    (attempts::BEGIN, 12),
    (attempts::TAKE, 2),
    (attempts::POSTPONE, 2),
    (attempts::CAPTURE, 4),
    (attempts::SUSPECT, 4),
    (attempts::FAIL, 4),
    (attempts::REFUND, 2),
    (attempts::NOTIFIED, 1),
    (attempts::NOTIFIED_FAILURE, 1),
    (attempts::NOTIFY_LATER, 2),
    (events::BEGIN, 3),
    (events::IS_DONE, 1),
    (events::DONE, 2),
    (events::FORGET, 1),
    (shop::FIND, 0),
    (shop::CREATE, 1),
    (shop::NOTE, 1),
    (sandbox::ANSWERED, 1),
    (sandbox::CHARGE, 8),
    (sandbox::PAID, 1),
    (sandbox::REFUND, 2),
    (sandbox::REFUNDED, 1),
];

/// Prepares every statement, and counts its parameters.
macro_rules! check {
    ($database:expr, $dialect:expr) => {
        for (text, parameters) in STATEMENTS {
            let text = with_clock(text, $dialect).unwrap().into_owned();
            let statement = sqlx::AssertSqlSafe(text.clone()).into_sql_str();
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
    check!(database, Dialect::Sqlite);
}

#[tokio::test]
async fn every_statement_fits_the_tables_of_mysql() {
    let database = crate::mysql().await.unwrap();
    check!(database, Dialect::Mysql);
}
