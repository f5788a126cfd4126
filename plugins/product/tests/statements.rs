//! Every statement fits the tables that the migrations make.

use edge_sdk::sql::Dialect;
use product::reviews::reviewers;
use product::search::postings::Hits;
use product::search::{index, merge, reconcile, store};
use product::{
    admin, attributes, categories, departments, ids, products, reservations, reviews, seed, service,
};
use roaring::RoaringBitmap;
use sqlx::Row as _;

/// The folder of the plugin.
const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// Statements of fixed texts, with the number of their parameters.
const FIXED: [(&str, usize); 52] = [
    (attributes::ALL, 2),
    (attributes::ONE, 1),
    (attributes::VALUES, 3),
    (attributes::IN_PRODUCT, 3),
    (categories::COUNT, 0),
    (categories::BY_ID, 2),
    (categories::BY_ID_DESCENDING, 2),
    (categories::BY_NAME, 2),
    (categories::BY_NAME_DESCENDING, 2),
    (categories::ONE, 1),
    (ids::CATEGORY_EXISTS, 1),
    (categories::IN_DEPARTMENT, 3),
    (categories::IN_PRODUCT, 3),
    (departments::ALL, 2),
    (departments::ONE, 1),
    (ids::DEPARTMENT_EXISTS, 1),
    (products::COUNT, 0),
    (products::PAGE, 2),
    (products::COUNT_IN_CATEGORY, 1),
    (products::COUNT_THERE_IN_CATEGORY, 1),
    (products::IN_CATEGORY, 3),
    (products::COUNT_IN_DEPARTMENT, 1),
    (products::COUNT_THERE_IN_DEPARTMENT, 1),
    (products::IN_DEPARTMENT, 3),
    (products::ONE, 1),
    (products::DETAILS, 1),
    (products::LOCATIONS, 3),
    (ids::PRODUCT_EXISTS, 1),
    (reviews::IN_PRODUCT, 3),
    (reviews::REPLACE, 5),
    (reviews::ADD, 5),
    (reviews::DELETE_OLDER, 2),
    (reviewers::UNNAMED, 0),
    (reviewers::NAME, 2),
    (reservations::MAKE, 1),
    (reservations::RELEASED, 1),
    (reservations::TAKE, 3),
    (reservations::NOTE, 3),
    (reservations::BAR, 1),
    (reservations::RELEASE, 1),
    (reservations::TAKEN, 1),
    (reservations::PUT_BACK, 2),
    (index::LOCK, 0),
    (index::UNMARK, 1),
    (index::COUNT, 0),
    (index::MISSING, 1),
    (index::INDEXED, 1),
    (reconcile::CURSOR, 0),
    (reconcile::SET_CURSOR, 1),
    (reconcile::SLICE_END, 1),
    (reconcile::DIFFERENCES, 4),
    (seed::ANY_ROW, 0),
];

/// Each statement with the number of its parameters.
fn statements() -> Vec<(String, usize)> {
    let fixed = FIXED.into_iter().chain(admin_statements());
    let mut statements: Vec<_> = fixed
        .map(|(text, parameters)| (text.to_owned(), parameters))
        .collect();
    statements.extend(store::RANGES.map(|ranges| (store::words_text(ranges), 2 * ranges)));
    statements.extend(store::PRODUCTS.map(|products| (store::products_text(products), products)));
    let positions = store::WORDS_AND_CHUNKS;
    statements.extend(
        positions.map(|(words, chunks)| (store::positions_text(words, chunks), words + chunks)),
    );
    statements.extend(service::ITEMS.map(|items| (service::items_text(items), items)));
    statements.push((index::mark_text(Dialect::Sqlite), 192));
    statements.extend(index_statements::<Hits>());
    statements.extend(index_statements::<RoaringBitmap>());
    statements
}

/// What merchants bring about.
fn admin_statements() -> Vec<(&'static str, usize)> {
    use admin::{assignments, attributes, categories, departments, products, stock, values};
    let mut statements = vec![
        (departments::INSERT, 2),
        (departments::UPDATE, 3),
        (departments::HOLD, 1),
        (departments::DELETE, 2),
        (categories::INSERT, 3),
        (categories::UPDATE, 4),
        (categories::HOLD, 1),
        (categories::DELETE, 2),
        (attributes::INSERT, 1),
        (attributes::UPDATE, 2),
        (attributes::HOLD, 1),
        (attributes::DELETE, 2),
        (values::INSERT, 2),
        (values::UPDATE, 2),
        (values::HOLD, 1),
        (values::DELETE, 2),
        (products::INSERT, 9),
        (products::UPDATE, 9),
        (products::HOLD, 1),
        (products::TEXTS, 1),
        (products::ONE, 1),
        (products::DELETE, 1),
        (stock::SET, 2),
        (assignments::ADD_CATEGORY, 2),
        (assignments::REMOVE_CATEGORY, 2),
        (assignments::ADD_VALUE, 2),
        (assignments::REMOVE_VALUE, 2),
    ];
    statements.extend(products::DELETE_DEPENDENTS.map(|text| (text, 1)));
    statements
}

/// What changes a table of the search index.
fn index_statements<T: merge::Table>() -> [(String, usize); 3] {
    let columns = 2 + T::COLUMNS.len();
    [
        (merge::read_text::<T>(), 1 + merge::ROWS),
        (
            merge::write_text::<T>(Dialect::Sqlite),
            columns * merge::ROWS,
        ),
        (merge::delete_text::<T>(), 1 + merge::ROWS),
    ]
}

/// Periodic work that finds nothing to do reads no table.
#[tokio::test]
async fn reviews_without_a_reviewer_are_found_by_an_index() {
    let database = test_databases::sqlite(FOLDER).await;
    for (statement, expected) in [
        (
            reviewers::UNNAMED,
            "SEARCH review USING COVERING INDEX edge_review_reviewer (reviewer=? AND customer_id>?)",
        ),
        (
            reviewers::NAME,
            "SEARCH review USING INDEX edge_review_reviewer (reviewer=? AND customer_id=?)",
        ),
    ] {
        let explain = format!("EXPLAIN QUERY PLAN {statement}");
        let rows = sqlx::query(sqlx::AssertSqlSafe(explain))
            .fetch_all(&database)
            .await
            .unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        assert_eq!(plan, [expected], "{statement}");
    }
}

#[tokio::test]
async fn every_statement_fits_the_tables() {
    let database = test_databases::sqlite(FOLDER).await;
    test_databases::prepare(&database, Dialect::Sqlite, statements()).await;
}
