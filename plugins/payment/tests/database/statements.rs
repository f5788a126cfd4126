//! Every statement fits the tables that the migrations make.

use edge_sdk::sql::Dialect;
use payment::admin::payments;
use payment::provider::sandbox;
use payment::webhooks::events;
use payment::{attempts, shop};

use crate::FOLDER;

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

#[tokio::test]
async fn every_statement_fits_the_tables_of_sqlite() {
    let database = test_databases::sqlite(FOLDER).await;
    let prepared = test_databases::prepare(&database, Dialect::Sqlite, STATEMENTS).await;
    test_databases::assert_no_bytes(&prepared);
}

#[tokio::test]
async fn every_statement_fits_the_tables_of_mysql() {
    let database = test_databases::mysql(FOLDER).await;
    let prepared = test_databases::prepare(&database, Dialect::Mysql, STATEMENTS).await;
    test_databases::assert_no_bytes(&prepared);
}
