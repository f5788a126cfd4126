//! Every statement fits the tables that the migrations make, on both databases.

use edge_sdk::sql::Dialect;
use order::admin::orders as admin;
use order::orders::{self, allowance, changes, lines, placed, stock};
use order::{idempotency, outbox, seed, service, shipping, tasks, tax};

/// The folder of the plugin.
const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// The statements with the number of their parameters.
fn statements() -> Vec<(String, usize)> {
    let fixed = READ.iter().chain(&CHANGES).chain(&SCHEDULED);
    let fixed = fixed.map(|(text, parameters)| ((*text).to_owned(), *parameters));
    let lines = placed::SHAPES.map(|lines| (placed::add_lines_text(lines), 6 * lines));
    fixed.chain(lines).collect()
}

const READ: [(&str, usize); 23] = [
    (admin::COUNT, 0),
    (admin::COUNT_WITH_STATUS, 1),
    (admin::ONE, 1),
    (admin::PAGE, 2),
    (admin::PAGE_WITH_STATUS, 3),
    (allowance::UNPAID, 1),
    (idempotency::FIND, 2),
    (lines::PAGE, 3),
    (orders::BY_CUSTOMER, 3),
    (orders::ONE, 2),
    (placed::BY_ID, 3),
    (placed::BY_CART, 2),
    (placed::ORDERED, 1),
    (seed::ANY_ROW, 0),
    (service::FIND, 1),
    (shipping::IN_REGION, 1),
    (shipping::ONE, 1),
    (shipping::REGIONS, 0),
    (shipping::REGION_EXISTS, 1),
    (stock::STATE, 1),
    (tax::ALL, 0),
    (tax::ONE, 1),
    (outbox::DUE, 0),
];

const CHANGES: [(&str, usize); 29] = [
    (allowance::FIRST_TURN, 1),
    (allowance::TAKE_TURN, 1),
    (changes::AUDIT, 3),
    (changes::CANCEL, 1),
    (changes::CANCEL_PAID, 1),
    (changes::CONFIRM, 1),
    (changes::HOLD, 2),
    (changes::HOLD_FOR_REFUND, 1),
    (changes::RELEASE_HOLD, 1),
    (changes::RELEASE_REFUND_HOLD, 1),
    (changes::PAY, 4),
    (changes::REFUND_SENT, 1),
    (changes::REFUND_UNSENT, 1),
    (changes::SHIP, 1),
    (idempotency::ADD, 4),
    (idempotency::COMPLETE, 4),
    (idempotency::NOTE, 3),
    (idempotency::RELEASE, 3),
    (idempotency::RENEW, 4),
    (idempotency::TAKE_OVER, 3),
    (placed::ADD, 11),
    (seed::ADD_REGION, 2),
    (seed::ADD_SHIPPING, 3),
    (seed::ADD_TAX, 2),
    (stock::DELETE, 1),
    (stock::DELETE_LINES, 1),
    (stock::HOLD, 1),
    (stock::RETURNED, 1),
    (stock::WITHDRAW, 1),
];

const SCHEDULED: [(&str, usize); 12] = [
    (idempotency::FORGET, 1),
    (idempotency::FORGET_REST, 1),
    (outbox::ATTEMPT, 3),
    (idempotency::OLD, 1),
    (outbox::FORGET, 1),
    (outbox::FORGET_REST, 1),
    (outbox::OLD, 1),
    (outbox::GIVE_UP, 1),
    (outbox::SENT, 1),
    (tasks::ASKED, 1),
    (tasks::TO_CLOSE, 0),
    (tasks::UNPAID, 1),
];

#[tokio::test]
async fn every_statement_fits_the_tables_of_sqlite() {
    let database = test_databases::sqlite(FOLDER).await;
    let prepared = test_databases::prepare(&database, Dialect::Sqlite, statements()).await;
    test_databases::assert_no_bytes(&prepared);
}

#[tokio::test]
async fn every_statement_fits_the_tables_of_mysql() {
    let database = test_databases::mysql(FOLDER).await;
    let prepared = test_databases::prepare(&database, Dialect::Mysql, statements()).await;
    test_databases::assert_no_bytes(&prepared);
}
